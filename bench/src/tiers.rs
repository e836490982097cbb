//! The clusters that are raced on: how many Pods, behind which Services, in which namespaces.

/// A cluster by its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// As reports name it.
    pub name: &'static str,
    /// How many Nodes the Pods are spread over.
    pub nodes: usize,
    /// How many namespaces of the same shape there are.
    pub namespaces: usize,
    /// The Services of a namespace.
    shape: &'static [Group],
}

/// Services that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    prefix: &'static str,
    services: usize,
    pods: usize,
}

/// A Service and how many Pods it has.
#[derive(Clone, Debug)]
pub struct Backend {
    /// The namespace of both.
    pub namespace: String,
    /// Its name, and the `app` of its Pods.
    pub name: String,
    /// How many Pods.
    pub pods: usize,
}

const fn group(prefix: &'static str, services: usize, pods: usize) -> Group {
    Group { prefix, services, pods }
}

/// 4,000 Pods behind one Service of 1,000 and 300 of 10.
pub const S: Tier = Tier {
    name: "S",
    nodes: 40,
    namespaces: 1,
    shape: &[group("many", 1, 1000), group("few", 300, 10)],
};

/// How Services are spread in a namespace of 1,000 Pods.
const MIXED: &[Group] = &[group("many", 1, 250), group("some", 8, 30), group("few", 102, 5)];

/// 20,000 Pods behind 2,220 Services.
pub const M: Tier = Tier { name: "M", nodes: 200, namespaces: 20, shape: MIXED };

/// 90,000 Pods behind 9,990 Services.
pub const L: Tier = Tier { name: "L", nodes: 900, namespaces: 90, shape: MIXED };

/// One namespace with 3,000 Pods and 5,000 Services, four of five of which match nothing.
pub const DN: Tier = Tier {
    name: "DN",
    nodes: 40,
    namespaces: 1,
    shape: &[group("few", 1000, 3), group("none", 4000, 0)],
};

/// A fifth of it.
pub const DN_SMALL: Tier = Tier {
    name: "DN/5",
    nodes: 40,
    namespaces: 1,
    shape: &[group("few", 200, 3), group("none", 800, 0)],
};

/// 5,000 Services of 4 Pods.
pub const STORM: Tier =
    Tier { name: "5,000 × 4", nodes: 40, namespaces: 1, shape: &[group("few", 5000, 4)] };

/// A tenth of it.
pub const STORM_SMALL: Tier =
    Tier { name: "500 × 4", nodes: 40, namespaces: 1, shape: &[group("few", 500, 4)] };

/// One Service of 5,000 Pods.
pub const ROLLOUT: Tier =
    Tier { name: "1 × 5,000", nodes: 40, namespaces: 1, shape: &[group("many", 1, 5000)] };

/// A tenth of it.
pub const ROLLOUT_SMALL: Tier =
    Tier { name: "1 × 500", nodes: 40, namespaces: 1, shape: &[group("many", 1, 500)] };

/// Nodes for Pods that come and go as in a trace.
pub const TRACE: Tier = Tier { name: "the trace's", nodes: 100, ..EMPTY };

/// Nothing but a Node: the row brings its own objects.
pub const EMPTY: Tier = Tier { name: "its own", nodes: 1, namespaces: 1, shape: &[] };

impl Tier {
    /// The names of its namespaces.
    pub fn namespaces(&self) -> Vec<String> {
        (0..self.namespaces).map(|number| format!("bench-{number:02}")).collect()
    }

    /// Its Services.
    pub fn backends(&self) -> Vec<Backend> {
        let of_group = |namespace: &String, group: &Group| -> Vec<Backend> {
            let Group { prefix, services, pods } = *group;
            let backend = |number| Backend {
                namespace: namespace.clone(),
                name: format!("{prefix}-{number:04}"),
                pods,
            };
            (0..services).map(backend).collect()
        };
        let of_namespace = |namespace: String| {
            let groups = self.shape.iter();
            groups.flat_map(move |group| of_group(&namespace, group)).collect::<Vec<_>>()
        };
        self.namespaces().into_iter().flat_map(of_namespace).collect()
    }
}
