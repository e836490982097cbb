//! The parts of Kubernetes' protobuf that the driver sends, by the field numbers of the public
//! `generated.proto` files.

use std::collections::BTreeMap;

use prost::Message;

/// `k8s` and a zero byte, which every object begins with.
const MAGIC: &[u8] = b"k8s\0";

/// The body of a request with an object.
pub fn wrapped(api_version: &str, kind: &str, object: &impl Message) -> Vec<u8> {
    let unknown = Unknown {
        type_meta: Some(TypeMeta { api_version: api_version.to_owned(), kind: kind.to_owned() }),
        raw: object.encode_to_vec(),
    };
    let mut body = MAGIC.to_vec();
    body.extend(unknown.encode_to_vec());
    body
}

/// `runtime.Unknown`.
#[derive(Clone, PartialEq, Message)]
struct Unknown {
    #[prost(message, optional, tag = "1")]
    type_meta: Option<TypeMeta>,
    #[prost(bytes = "vec", tag = "2")]
    raw: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeMeta {
    #[prost(string, tag = "1")]
    api_version: String,
    #[prost(string, tag = "2")]
    kind: String,
}

/// `core/v1 Pod`.
#[derive(Clone, PartialEq, Message)]
pub struct Pod {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "2")]
    pub spec: Option<PodSpec>,
    #[prost(message, optional, tag = "3")]
    pub status: Option<PodStatus>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ObjectMeta {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub namespace: String,
    #[prost(btree_map = "string, string", tag = "11")]
    pub labels: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "12")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PodSpec {
    #[prost(message, repeated, tag = "2")]
    pub containers: Vec<Container>,
    #[prost(string, tag = "10")]
    pub node_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Container {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub image: String,
    #[prost(message, repeated, tag = "6")]
    pub ports: Vec<ContainerPort>,
    #[prost(message, repeated, tag = "7")]
    pub env: Vec<EnvVar>,
    #[prost(message, optional, tag = "8")]
    pub resources: Option<ResourceRequirements>,
    #[prost(message, optional, tag = "10")]
    pub liveness_probe: Option<Probe>,
    #[prost(message, optional, tag = "11")]
    pub readiness_probe: Option<Probe>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ContainerPort {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "3")]
    pub container_port: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct EnvVar {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ResourceRequirements {
    #[prost(btree_map = "string, message", tag = "2")]
    pub requests: BTreeMap<String, Quantity>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Quantity {
    #[prost(string, tag = "1")]
    pub string: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Probe {
    #[prost(message, optional, tag = "1")]
    pub handler: Option<ProbeHandler>,
    #[prost(int32, tag = "4")]
    pub period_seconds: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct ProbeHandler {
    #[prost(message, optional, tag = "2")]
    pub http_get: Option<HttpGetAction>,
}

#[derive(Clone, PartialEq, Message)]
pub struct HttpGetAction {
    #[prost(string, tag = "1")]
    pub path: String,
    #[prost(message, optional, tag = "2")]
    pub port: Option<IntOrString>,
}

#[derive(Clone, PartialEq, Message)]
pub struct IntOrString {
    #[prost(int32, tag = "2")]
    pub int_val: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct PodStatus {
    #[prost(string, tag = "1")]
    pub phase: String,
    #[prost(message, repeated, tag = "2")]
    pub conditions: Vec<PodCondition>,
    #[prost(string, tag = "5")]
    pub host_ip: String,
    #[prost(string, tag = "6")]
    pub pod_ip: String,
    #[prost(message, optional, tag = "7")]
    pub start_time: Option<Time>,
    #[prost(message, repeated, tag = "8")]
    pub container_statuses: Vec<ContainerStatus>,
    #[prost(message, repeated, tag = "12")]
    pub pod_ips: Vec<PodIp>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PodCondition {
    #[prost(string, tag = "1")]
    pub kind: String,
    #[prost(string, tag = "2")]
    pub status: String,
    #[prost(message, optional, tag = "4")]
    pub last_transition_time: Option<Time>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ContainerStatus {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub state: Option<ContainerState>,
    #[prost(bool, tag = "4")]
    pub ready: bool,
    #[prost(int32, tag = "5")]
    pub restart_count: i32,
    #[prost(string, tag = "6")]
    pub image: String,
    #[prost(string, tag = "7")]
    pub image_id: String,
    #[prost(string, tag = "8")]
    pub container_id: String,
    #[prost(bool, optional, tag = "9")]
    pub started: Option<bool>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ContainerState {
    #[prost(message, optional, tag = "2")]
    pub running: Option<ContainerStateRunning>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ContainerStateRunning {
    #[prost(message, optional, tag = "1")]
    pub started_at: Option<Time>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PodIp {
    #[prost(string, tag = "1")]
    pub ip: String,
}

/// `meta/v1 Time`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Time {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
}
