use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Addresses that are meant for the Services of some namespaces.
///
/// A Service matches a pool by its namespace and its labels. If it asks for no address of its own,
/// it gets one of the first pool that it matches: the highest priority, then the eldest, then by
/// name. Services that match no pool get what the cluster has outside of pools. Each IP family is
/// looked at by itself, and a Service gets all its addresses or none.
///
/// Changing or deleting a pool never touches addresses in use.
#[allow(clippy::duplicated_attributes)] // every column has the same keys
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "roster.dev",
    version = "v1alpha1",
    kind = "ClusterIPPool",
    plural = "clusterippools",
    shortname = "cipp",
    status = "ClusterIPPoolStatus",
    derive = "PartialEq",
    doc = "Addresses that are meant for the Services of some namespaces.",
    printcolumn(name = "Ranges", type_ = "string", json_path = ".spec.ranges"),
    printcolumn(name = "Enforcement", type_ = "string", json_path = ".spec.enforcement"),
    printcolumn(name = "Used", type_ = "string", json_path = ".status.used"),
    printcolumn(name = "Available", type_ = "string", json_path = ".status.available"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterIPPoolSpec {
    /// The addresses: CIDRs such as `10.96.8.0/22`, or a first and a last address such as
    /// `10.96.8.10-10.96.8.99`. Both families may be mixed. Addresses that no ServiceCIDR gives are
    /// left out.
    #[schemars(length(min = 1, max = 64), inner(length(max = 79)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new(
            "self.all(range, range.contains('-') \
             ? range.split('-').size() == 2 && range.split('-').all(a, isIP(a)) \
             : isCIDR(range))"
        ).message("each range must be a CIDR, or FIRST-LAST with two addresses"),
        validation = Rule::new(
            "self.all(range, range.contains('-') \
             ? !range.split('-').all(a, isIP(a)) || range.split('-').all(a, ip.isCanonical(a)) \
             : !isCIDR(range) || string(cidr(range).masked()) == range)"
        ).message("each range must be in canonical form, a CIDR without host bits"),
        validation = Rule::new(
            "self.all(range, !range.contains('-') || !range.split('-').all(a, isIP(a)) \
             || range.split('-').all(a, ip(a).family() == ip(range.split('-')[0]).family()))"
        ).message("both addresses of a range must be of one IP family")
    )]
    pub ranges: Vec<String>,

    /// The namespaces whose Services match, by name. If neither this nor `namespaceSelector` is
    /// given, Services of all namespaces match; if both are, one of them is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub namespaces: Vec<String>,

    /// The namespaces whose Services match, by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,

    /// Which Services of those namespaces match, by label; all if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_selector: Option<LabelSelector>,

    /// How binding the pool is, for the Services that match and for those that do not.
    #[serde(default)]
    pub enforcement: Enforcement,

    /// Of several pools that a Service matches, the one with the highest priority comes first.
    #[serde(default)]
    pub priority: i32,

    /// Gives no more addresses, as if the pool were full. Those in use stay.
    #[serde(default)]
    pub disabled: bool,
}

/// How binding a pool is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Enforcement {
    /// A Service that matches gets an address of the pool while there is one, and may ask for any
    /// other. Who does not match may ask for one of the pool, and is given one when all else is
    /// full.
    #[default]
    Prefer,
    /// A Service that matches must have an address of the pool, and is refused when it is full. Who
    /// does not match is treated as with `Prefer`.
    Require,
    /// As `Require`, and nobody else gets an address of the pool, not even by asking for it.
    Exclusive,
}

/// How a pool fares. Written by Roster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterIPPoolStatus {
    /// The `metadata.generation` that the rest of the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// All addresses of the pool that ServiceCIDRs can give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<PerFamily>,

    /// Those that Services use or that are claimed for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<PerFamily>,

    /// Those that can be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<PerFamily>,

    /// Those that were promised and are not claimed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<PerFamily>,

    /// `Ready`: addresses can be given. `Conflict`: another pool claims the same addresses or the
    /// same Services. `Exhausted`: a family has no address left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// A number of addresses for each IP family that the pool has ranges of. What is above 2^63 − 1
/// stands at that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PerFamily {
    /// Of IPv4.
    #[serde(rename = "IPv4", default, skip_serializing_if = "Option::is_none")]
    pub v4: Option<i64>,
    /// Of IPv6.
    #[serde(rename = "IPv6", default, skip_serializing_if = "Option::is_none")]
    pub v6: Option<i64>,
}
