//! The real control plane: etcd, kube-apiserver and kube-controller-manager, and what reads what it
//! holds, kube-proxy and CoreDNS: found or built, started on loopback, and ended with whoever started
//! them.

mod binaries;
mod build;
mod child;
mod consumers;
mod control_plane;
mod kubeconfig;
mod module;

pub use binaries::{Binaries, KUBERNETES_VERSION, Program};
pub use build::NoGo;
pub use child::Child;
pub use consumers::{Coredns, KubeProxy, KubeProxyOptions};
pub use control_plane::{
    ApiServer, ApiServerOptions, ControlPlane, ControllerManager, ControllerManagerOptions, Etcd,
    free_port,
};
pub use kubeconfig::TOKEN;
pub use module::prometheus_operator_crds;
pub use rustix::process::Signal;
