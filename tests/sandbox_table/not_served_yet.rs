//! What the sandbox does not serve yet as the real server does. A row that begins to pass fails until
//! it is taken off this list, and so does one that ends with another answer than the list says.

/// A row that only the real server passes.
pub struct NotServedYet {
    /// What the row says.
    pub row: &'static str,
    /// The sandbox's last answer to it: the HTTP status, and how the message of a refusal begins.
    pub answered: &'static str,
}

/// All of them.
pub const NOT_SERVED_YET: &[NotServedYet] = &[
    NotServedYet { row: "a name is required, and has to be one", answered: "201" },
    NotServedYet { row: "a dry run stores nothing and shows nothing", answered: "201" },
    NotServedYet {
        row: "Endpoints, slices, Secrets and Nodes are filled in as the real server does it",
        answered: "201",
    },
    NotServedYet {
        row: "status is written through its own path, and nothing else is",
        answered: "200",
    },
    NotServedYet {
        row: "a JSON patch whose test fails is refused, and one that fits is stored",
        answered: "400 error decoding patch: unknown variant `nope`, expected o",
    },
    NotServedYet {
        row: "a PUT where nothing is fails for a ConfigMap, and creates a Lease or a Service",
        answered: "201",
    },
    NotServedYet { row: "what is listed can be narrowed by labels and by fields", answered: "200" },
    NotServedYet {
        row: "Pods, Deployments and ReplicaSets have the real columns and cells",
        answered: "200",
    },
    NotServedYet {
        row: "a Deployment's generation counts changes of its spec and its annotations",
        answered: "200",
    },
    NotServedYet { row: "who has the wrong token is not let in", answered: "200 ok" },
    NotServedYet {
        row: "a Lease is renewed at a time of exactly six digits",
        answered: "422  \"\" is invalid: patch: Invalid value: ",
    },
    NotServedYet {
        row: "a Pod is bound to a Node once",
        answered: "405 the server does not allow this method on the requested r",
    },
    NotServedYet {
        row: "Nodes, namespaces, addresses and ranges have the real columns and cells",
        answered: "200",
    },
    NotServedYet {
        row: "Services, Endpoints and slices have the real columns and cells",
        answered: "200",
    },
];
