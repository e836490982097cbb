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
    NotServedYet {
        row: "an object of another kind, of wrong types or that is no JSON is refused",
        answered: "400 the object provided is unrecognized",
    },
    NotServedYet { row: "a name is required, and has to be one", answered: "201" },
    NotServedYet { row: "a dry run stores nothing and shows nothing", answered: "201" },
    NotServedYet {
        row: "a Service gets defaults and an address, and an IPAddress holds it",
        answered: "200",
    },
    NotServedYet {
        row: "/api and /apis list what the real server lists of the groups that are served",
        answered: "404 404 page not found",
    },
    NotServedYet {
        row: "a Service that cannot be is refused with the field and the reason",
        answered: "201",
    },
    NotServedYet { row: "a Service of type NodePort gets a port of every Node", answered: "201" },
    NotServedYet {
        row: "Endpoints, slices, Secrets and Nodes are filled in as the real server does it",
        answered: "201",
    },
    NotServedYet { row: "a PUT of a Lease needs a version", answered: "200" },
    NotServedYet {
        row: "what is nowhere is refused as the real server refuses it",
        answered: "404 the server could not find the requested resource",
    },
    NotServedYet {
        row: "status is written through its own path, and nothing else is",
        answered: "200",
    },
    NotServedYet {
        row: "the name and the uid of an object stay",
        answered: "409 Operation cannot be fulfilled on ConfigMap",
    },
    NotServedYet {
        row: "a JSON patch whose test fails is refused, and one that fits is stored",
        answered: "400 error decoding patch: unknown variant `nope`, expected o",
    },
    NotServedYet {
        row: "a strategic merge patch tells ports of Services apart by number",
        answered: "200",
    },
    NotServedYet {
        row: "a PUT where nothing is fails for a ConfigMap, and creates a Lease or a Service",
        answered: "201",
    },
    NotServedYet {
        row: "an object with a finalizer stays, marked, until the finalizer is cleared",
        answered: "200",
    },
    NotServedYet {
        row: "a Pod on a Node has thirty seconds, and goes at once if it is given none",
        answered: "200",
    },
    NotServedYet {
        row: "Pods, Deployments and ReplicaSets are filled in as the real server does it",
        answered: "201",
    },
    NotServedYet { row: "a deletion can be tried, and its options are checked", answered: "200" },
    NotServedYet {
        row: "a patch of an unknown type is refused, and one of what is not there",
        answered: "400 error decoding patch: invalid type: map, expected a sequ",
    },
    NotServedYet { row: "what is owned goes with its owner", answered: "201" },
    NotServedYet {
        row: "a version that is no number is refused",
        answered: "400 invalid resource version: resourceVersion: Invalid value",
    },
    NotServedYet { row: "lists come in pages of one revision", answered: "201" },
    NotServedYet { row: "what is listed can be narrowed by labels and by fields", answered: "200" },
    NotServedYet {
        row: "a deleted ConfigMap is told of by a Status, and shown at a version above all",
        answered: "200",
    },
    NotServedYet { row: "a Pod without a Node is marked and gone at once", answered: "200" },
    NotServedYet { row: "what is asked of lists and watches has to make sense", answered: "200" },
    NotServedYet {
        row: "Pods, Deployments and ReplicaSets have the real columns and cells",
        answered: "200",
    },
    NotServedYet {
        row: "the address of a Service, the selector of a Deployment and other things never change",
        answered: "422 Secret",
    },
    NotServedYet {
        row: "a Deployment's generation counts changes of its spec and its annotations",
        answered: "200",
    },
    NotServedYet { row: "who has the wrong token is not let in", answered: "200 ok" },
    NotServedYet {
        row: "a list or an object of a version to come is refused after a while",
        answered: "504 Timeout: Too large resource version: 99999999, current:",
    },
    NotServedYet {
        row: "a Lease is renewed at a time of exactly six digits",
        answered: "422  \"\" is invalid: patch: Invalid value: ",
    },
    NotServedYet {
        row: "a definition is accepted, then established, and that is shown",
        answered: "404 404 page not found",
    },
    NotServedYet {
        row: "a namespace terminates, takes nothing new, and goes with its content",
        answered: "403 namespaces",
    },
    NotServedYet {
        row: "what is accepted is read from left to right",
        answered: "406 only the following media types are accepted: application",
    },
    NotServedYet {
        row: "rows bring along metadata, objects or nothing, as is asked for",
        answered: "200",
    },
    NotServedYet {
        row: "what a definition's schema does not know is dropped, and what it forbids refused",
        answered: "404 404 page not found",
    },
    NotServedYet {
        row: "the generation of a custom resource counts changes of its spec",
        answered: "404 404 page not found",
    },
    NotServedYet {
        row: "when a definition goes, its objects and paths go with it",
        answered: "404 404 page not found",
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
    NotServedYet {
        row: "a watch from a version that is forgotten says so, and ends",
        answered: "201",
    },
    NotServedYet {
        row: "a watch that wants bookmarks gets one before its time is up",
        answered: "200",
    },
];
