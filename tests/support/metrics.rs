//! Metrics in the Prometheus text format, read back; and the history that is counted in tests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{Cluster, pod, service};

/// Families by name.
#[derive(Clone, Debug, Default)]
pub struct Families(pub BTreeMap<String, Family>);

/// A family of metrics.
#[derive(Clone, Debug, Default)]
pub struct Family {
    /// The shape.
    pub shape: Shape,
    /// Values by series, without the prefix of the family: `{operation="create"}`,
    /// `_sum{name="endpoint"}`. Buckets are left out.
    pub values: BTreeMap<String, String>,
}

/// What makes two families the same for a dashboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The help text.
    pub help: String,
    /// The type.
    pub kind: String,
    /// The names of the labels, without `le`.
    pub labels: BTreeSet<String>,
    /// The bounds of the buckets, in the order in which they were first seen.
    pub bounds: Vec<String>,
}

impl Families {
    /// Reads the families whose names have one of these prefixes.
    pub fn read(text: &str, prefixes: &[&str]) -> Self {
        let mut families = Self::default();
        for line in text.lines() {
            let (name, rest) = families.split(line);
            if !prefixes.iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            let family = families.0.entry(name).or_default();
            match line.split(' ').next() {
                Some("#") if line.starts_with("# HELP") => family.shape.help = rest,
                Some("#") => family.shape.kind = rest,
                _ => family.take(&rest),
            }
        }
        families
    }

    /// The shapes.
    pub fn shapes(&self) -> BTreeMap<String, Shape> {
        self.0.iter().map(|(name, family)| (name.clone(), family.shape.clone())).collect()
    }

    /// All values but buckets, a line each.
    pub fn lines(&self) -> Vec<String> {
        let lines = |(name, family): (&String, &Family)| -> Vec<String> {
            let values = family.values.iter();
            values.map(|(series, value)| format!("{name}{series} {value}")).collect()
        };
        self.0.iter().flat_map(lines).collect()
    }

    /// The values of all gauges, a line each.
    pub fn gauges(&self) -> Vec<String> {
        let mut gauges = self.clone();
        gauges.0.retain(|_, family| family.shape.kind == "gauge");
        gauges.lines()
    }

    /// The family of a line, and what the line says of it.
    fn split(&self, line: &str) -> (String, String) {
        if let Some(comment) = line.strip_prefix("# ") {
            let (name, rest) = comment.split_once(' ').unwrap().1.split_once(' ').unwrap();
            return (name.to_owned(), rest.to_owned());
        }
        let end = line.find(['{', ' ']).unwrap();
        let series = &line[..end];
        let of_histogram = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| {
            let name = series.strip_suffix(suffix)?;
            (self.0.get(name)?.shape.kind == "histogram").then(|| name.to_owned())
        });
        let name = of_histogram.unwrap_or_else(|| series.to_owned());
        let rest = line[name.len()..].to_owned();
        (name, rest)
    }
}

impl Family {
    fn take(&mut self, sample: &str) {
        let (series, value) = sample.rsplit_once(' ').unwrap();
        let labels = series.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            match label.split_once('=').unwrap() {
                ("le", bound) => {
                    let bound = bound.trim_matches('"').to_owned();
                    if !self.shape.bounds.contains(&bound) {
                        self.shape.bounds.push(bound);
                    }
                }
                (name, _) => drop(self.shape.labels.insert(name.to_owned())),
            }
        }
        if !series.starts_with("_bucket") {
            self.values.insert(series.to_owned(), value.to_owned());
        }
    }
}

/// A Service without Pods, one with two ready ones and another, one near its clients, one for both
/// families, and one whose Endpoints somebody writes by hand.
pub async fn five_services(cluster: &Cluster) {
    cluster.create(service("empty", json!({}))).await;
    cluster.pod(pod("one", "web", "10.1.0.1")).await;
    cluster.pod(pod("two", "web", "10.1.0.2")).await;
    cluster.pod(pod("three", "web", "10.1.0.3").not_ready()).await;
    cluster.create(service("web", json!({}))).await;
    cluster.create(service("near", json!({"trafficDistribution": "PreferSameZone"}))).await;
    for (name, ips) in [("red", ["10.1.1.1", "fd00::1:1"]), ("blue", ["10.1.1.2", "fd00::1:2"])] {
        cluster.pod(pod(name, "dual", ips[0]).with_ips(&ips)).await;
    }
    let both = json!({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]});
    cluster.create(service("dual", both)).await;
    cluster.create(service("hand", json!({"selector": null}))).await;
    cluster.create(by_hand()).await;
}

/// Two addresses of one family and one of the other.
fn by_hand() -> Value {
    let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
    let addresses: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "hand"},
        "subsets": [{"addresses": addresses, "ports": [{"name": "http", "port": 8080}]}],
    })
}
