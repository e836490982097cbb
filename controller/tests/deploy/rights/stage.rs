//! A real API server with the manifests on it, and two replicas of the Deployment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, Role, RoleBinding, RoleRef, Subject,
};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;
use support::Visitor;
use testbed::{ApiServer, ApiServerOptions, Etcd, TOKEN};

use super::grants::{AnyRole, Right};
use super::requests::{Log, Request, Requests, user};
use super::workload::Workload;
use crate::program::Process;
use crate::rendered::kustomize;
use crate::{accepted, conventions, started};

/// How long it may take until everything has happened.
const PATIENCE: Duration = Duration::from_secs(90);
/// Who asks.
pub const ACCOUNTS: [&str; 4] = [
    "roster",
    "endpoint-controller",
    "endpointslice-controller",
    "endpointslicemirroring-controller",
];

pub struct Stage {
    container: Value,
    log: Log,
    server: ApiServer,
    client: Client,
    _etcd: Etcd,
}

impl Stage {
    /// Applies a folder of `deploy/kustomize` to a stock API server.
    pub async fn set(folder: &str) -> Self {
        Self::set_on(ApiServerOptions::default(), folder).await
    }

    /// Applies a folder of `deploy/kustomize`, and what pools are. Owner references are looked at as
    /// where OwnerReferencesPermissionEnforcement is on.
    pub async fn set_on(mut options: ApiServerOptions, folder: &str) -> Self {
        let etcd = Etcd::start().await.unwrap();
        let log = Log::kept_by(&mut options, &ACCOUNTS);
        let enforcement = "--enable-admission-plugins=OwnerReferencesPermissionEnforcement";
        options.flags.push(enforcement.to_owned());
        let server = ApiServer::start(&etcd, options).await.unwrap();
        let client = server.client().await.unwrap();
        accepted::know_pools(&server);
        accepted::install(&server, folder);
        let container = conventions::pod(&kustomize(folder))["containers"][0].clone();
        Self { container, log, server, client, _etcd: etcd }
    }

    /// Lets two replicas live through everything until all of some rights are used, by account: they
    /// start, one stands by, they are asked for their metrics, and the leader ends.
    pub async fn play_until_used(&self, rights: &BTreeMap<&str, BTreeSet<Right>>) {
        let deadline = Instant::now() + PATIENCE;
        let mut workload = self.workload().await;
        let mut leader = self.replica().await;
        let mut standby = self.replica().await;
        loop {
            workload.round().await;
            assert_eq!(ask_for_metrics(&leader.1).await, Some([200, 403]));
            let unused = self.requests().unused(rights);
            if unused.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "never used: {unused:#?}");
        }
        leader.0.signal("TERM");
        assert_eq!(leader.0.ends().await.code(), Some(0));
        standby.0.says("Successfully acquired lease").await;
        workload.round().await;
        standby.0.signal("TERM");
        assert_eq!(standby.0.ends().await.code(), Some(0));
    }

    /// Takes rights away from an account, and comes back when they are gone. Gives the roles as they
    /// were.
    pub async fn take(&self, account: &str, taken: &BTreeSet<Right>) -> Vec<AnyRole> {
        let mut before = self.roles_of(account).await;
        before.retain(|role| !role.rights().is_disjoint(taken));
        for role in &before {
            self.replace(&role.without(taken)).await;
        }
        self.until_allowed(account, taken, false).await;
        before
    }

    /// Gives back what was taken.
    pub async fn give_back(&self, account: &str, before: &[AnyRole], taken: &BTreeSet<Right>) {
        for role in before {
            self.replace(role).await;
        }
        self.until_allowed(account, taken, true).await;
    }

    /// Lets two replicas live until something is refused, from their start, and says what.
    pub async fn refused_first(&self, workload: &mut Workload) -> Request {
        let before = self.requests().refused().len();
        self.forget().await;
        let replicas = [self.launch().await, self.launch().await];
        let deadline = Instant::now() + PATIENCE;
        loop {
            workload.round().await;
            for (_, url) in &replicas {
                ask_for_metrics(url).await;
            }
            if let Some(refused) = self.requests().refused().get(before) {
                return refused.clone();
            }
            assert!(Instant::now() < deadline, "nothing is missed");
        }
    }

    /// Something to do for replicas.
    pub async fn workload(&self) -> Workload {
        Workload::begin(self.client.clone()).await
    }

    /// What has been asked for.
    pub fn requests(&self) -> Requests {
        self.log.requests()
    }

    /// All that an account of kube-system may do, whatever every account may.
    pub async fn rights_of(&self, account: &str) -> BTreeSet<Right> {
        let roles = self.roles_of(account).await;
        roles.iter().flat_map(AnyRole::rights).collect()
    }

    /// A ClusterRole.
    pub async fn cluster_role(&self, name: &str) -> AnyRole {
        let roles: Api<ClusterRole> = Api::all(self.client.clone());
        AnyRole::OfCluster(roles.get(name).await.unwrap())
    }

    async fn roles_of(&self, account: &str) -> Vec<AnyRole> {
        let everything = ListParams::default();
        let of_cluster: Api<ClusterRoleBinding> = Api::all(self.client.clone());
        let of_namespace: Api<RoleBinding> = Api::namespaced(self.client.clone(), "kube-system");
        let of_cluster = of_cluster.list(&everything).await.unwrap().items.into_iter();
        let of_namespace = of_namespace.list(&everything).await.unwrap().items.into_iter();
        let bound = of_cluster.map(|binding| (binding.role_ref, binding.subjects));
        let bound = bound.chain(of_namespace.map(|binding| (binding.role_ref, binding.subjects)));
        let mut roles = Vec::new();
        for (role, subjects) in bound {
            if subjects.iter().flatten().any(|subject| is(subject, account)) {
                roles.push(self.role(&role).await);
            }
        }
        roles
    }

    async fn role(&self, role: &RoleRef) -> AnyRole {
        if role.kind == "ClusterRole" {
            return self.cluster_role(&role.name).await;
        }
        let roles: Api<Role> = Api::namespaced(self.client.clone(), "kube-system");
        AnyRole::OfNamespace(roles.get(&role.name).await.unwrap())
    }

    async fn replace(&self, role: &AnyRole) {
        let post = PostParams::default();
        let mut role = role.clone();
        match &mut role {
            AnyRole::OfCluster(role) => {
                role.metadata.resource_version = None;
                let roles: Api<ClusterRole> = Api::all(self.client.clone());
                roles.replace(&role.name_any(), &post, role).await.unwrap();
            }
            AnyRole::OfNamespace(role) => {
                role.metadata.resource_version = None;
                let roles: Api<Role> = Api::namespaced(self.client.clone(), "kube-system");
                roles.replace(&role.name_any(), &post, role).await.unwrap();
            }
        }
    }

    /// The API server notices changed roles a moment later.
    async fn until_allowed(&self, account: &str, rights: &BTreeSet<Right>, wanted: bool) {
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        for right in rights {
            let deadline = Instant::now() + PATIENCE;
            let review = right.review(&user(account));
            let allowed = async || {
                let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
                answer.status.unwrap().allowed
            };
            while allowed().await != wanted {
                assert!(Instant::now() < deadline, "{right}: never allowed={wanted}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Who held the Lease was killed. It has to be made again, and so have the accounts of controllers,
    /// if there are any.
    async fn forget(&self) {
        let at_once = DeleteParams::default();
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), "kube-system");
        let _ = leases.delete("roster-controller-manager", &at_once).await;
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), "kube-system");
        for account in ACCOUNTS.into_iter().filter(|account| *account != "roster") {
            let _ = accounts.delete(account, &at_once).await;
        }
    }

    async fn replica(&self) -> (Process, String) {
        started::start(&self.server, "roster", &self.container).await
    }

    async fn launch(&self) -> (Process, String) {
        started::launch(&self.server, "roster", &self.container).await
    }
}

/// Asks for metrics, once with a token and once as somebody who may not have them. Says what came of it,
/// if somebody is at home.
async fn ask_for_metrics(url: &str) -> Option<[u16; 2]> {
    let stranger = Visitor::anonymous(url);
    let prometheus = Visitor::anonymous(url).saying("authorization", &format!("Bearer {TOKEN}"));
    let codes = [prometheus.try_get("/metrics").await?, stranger.try_get("/metrics").await?];
    Some(codes.map(|seen| seen.code))
}

fn is(subject: &Subject, account: &str) -> bool {
    subject.kind == "ServiceAccount"
        && subject.namespace.as_deref() == Some("kube-system")
        && subject.name == account
}
