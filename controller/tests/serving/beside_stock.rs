//! Everybody asks kube-controller-manager and Roster for the same things, on one real API server: the
//! codes and the refusals must be the same.

use std::collections::BTreeSet;
use std::path::Path;

use http::Method;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleRef, Subject};
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use support::visitor::{Authority, ClientCertificate, Seen};
use support::{Cluster, Visitor};
use testbed::{ApiServer, ApiServerOptions, ControllerManager, ControllerManagerOptions, Etcd};

use crate::Manager;

/// What is asked for.
const ASKED: [(Method, &str); 14] = [
    (Method::GET, "/healthz"),
    (Method::HEAD, "/healthz"),
    (Method::POST, "/healthz"),
    (Method::GET, "/healthz?verbose"),
    (Method::GET, "/healthz?verbose&exclude=endpoints-controller&exclude=nobody"),
    (Method::GET, "/healthz/nobody"),
    (Method::GET, "/metrics"),
    (Method::POST, "/metrics"),
    (Method::GET, "/metrics/slis"),
    (Method::GET, "/configz"),
    (Method::GET, "/flagz"),
    (Method::GET, "/statusz"),
    (Method::GET, "/version"),
    (Method::GET, "/nothing&more?a=b"),
];

/// Nothing is remembered, so that what is asked before changes nothing.
const FORGETFUL: [&str; 3] = [
    "--authentication-token-webhook-cache-ttl=0s",
    "--authorization-webhook-cache-authorized-ttl=0s",
    "--authorization-webhook-cache-unauthorized-ttl=0s",
];

/// Those who ask, and what they show.
struct People {
    monitor: String,
    stranger: String,
    master: ClientCertificate,
    user: ClientCertificate,
    foreigner: ClientCertificate,
    proxy: ClientCertificate,
    false_proxy: ClientCertificate,
}

impl People {
    /// All of them at the door of one manager, by name.
    fn at(&self, url: &str) -> Vec<(&'static str, Visitor)> {
        let bearer = |token: &str| {
            Visitor::anonymous(url).saying("authorization", &format!("Bearer {token}"))
        };
        let certified = |certificate| Visitor::certified(url, certificate);
        let for_root = |visitor: Visitor| {
            visitor.saying("x-remote-user", "root").saying("x-remote-group", "system:masters")
        };
        vec![
            ("nobody", Visitor::anonymous(url)),
            (
                "somebody with a password",
                Visitor::anonymous(url).saying("authorization", "Basic YTpi"),
            ),
            ("the bearer of a bad token", bearer("bad")),
            ("who may read metrics", bearer(&self.monitor)),
            ("who may read nothing", bearer(&self.stranger)),
            ("a master", certified(&self.master)),
            (
                "a master with a bad token",
                certified(&self.master).saying("authorization", "Bearer bad"),
            ),
            ("a user with a certificate", certified(&self.user)),
            ("the holder of a foreign certificate", certified(&self.foreigner)),
            (
                "that one with a good token",
                certified(&self.foreigner)
                    .saying("authorization", &format!("Bearer {}", self.monitor)),
            ),
            ("a proxy for a master", for_root(certified(&self.proxy))),
            ("a proxy for nobody", certified(&self.proxy)),
            ("a proxy of another name", for_root(certified(&self.false_proxy))),
            ("who says to be a proxy", for_root(Visitor::anonymous(url))),
            ("a user who says to be a proxy", for_root(certified(&self.user))),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_what_kube_controller_manager_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (clients, proxies) = (Authority::new("clients"), Authority::new("proxies"));
    let etcd = Etcd::start().await.unwrap();
    let options = publishing(folder.path(), &clients, &proxies);
    let mut server = ApiServer::start(&etcd, options).await.unwrap();
    let cluster = Cluster::new(server.client().await.unwrap()).await;
    let people = People {
        monitor: token(&cluster, "monitor").await,
        stranger: token(&cluster, "stranger").await,
        master: clients.certify("root", "system:masters"),
        user: clients.certify("carol", "developers"),
        foreigner: Authority::new("abroad").certify("root", "system:masters"),
        proxy: proxies.certify("front-proxy", "proxies"),
        false_proxy: proxies.certify("other-proxy", "proxies"),
    };
    let names =
        ["endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller"];
    // Both have the same controllers on one cluster, and no Service that they could fight about.
    let mut options = ControllerManagerOptions::unhurried(&names);
    options.flags.extend(FORGETFUL.map(str::to_owned));
    let stock = ControllerManager::start(&server, options).await.unwrap();
    let kubeconfig = server.kubeconfig_path().display().to_string();
    let kubeconfigs =
        ["authentication", "authorization"].map(|of| format!("--{of}-kubeconfig={kubeconfig}"));
    let controllers = format!("--controllers={}", names.join(","));
    let kubeconfigs = kubeconfigs.each_ref().map(String::as_str);
    let flags = [&kubeconfigs[..], &FORGETFUL, &[&controllers]].concat();
    let roster = Manager::start(&kubeconfig, &flags).await;
    let listed = Visitor::certified(&roster.url, &people.master);
    cluster.until(200, async || listed.get("/readyz").await.code).await;

    let mut wrong = Vec::new();
    let mut codes = BTreeSet::new();
    for ((who, theirs), (_, ours)) in people.at(&stock.url()).iter().zip(people.at(&roster.url)) {
        for (method, path) in ASKED {
            let (stock, roster) =
                tokio::join!(theirs.ask(method.clone(), path), ours.ask(method.clone(), path));
            codes.insert(stock.code);
            let (stock, roster) = (comparable(path, stock), comparable(path, roster));
            if stock != roster {
                wrong.push(format!(
                    "{who}: {method} {path}\n  stock  {stock:?}\n  Roster {roster:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(codes, BTreeSet::from([200, 401, 403, 404]), "the table tries all answers");

    server.stop();
    let mut wrong = Vec::new();
    for ((who, theirs), (_, ours)) in people.at(&stock.url()).iter().zip(people.at(&roster.url)) {
        for path in ["/healthz", "/debug/anything"] {
            let (stock, roster) = tokio::join!(theirs.get(path), ours.get(path));
            let (stock, roster) = (without_reason(stock), without_reason(roster));
            if stock != roster {
                wrong.push(format!("{who}: {path}\n  stock  {stock:?}\n  Roster {roster:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "without an API server:\n{}", wrong.join("\n"));
}

/// An API server that tells whom to believe.
fn publishing(folder: &Path, clients: &Authority, proxies: &Authority) -> ApiServerOptions {
    let file = |name: &str, authority: &Authority| {
        let path = folder.join(name);
        std::fs::write(&path, authority.pem()).unwrap();
        path.display().to_string()
    };
    let flags = vec![
        format!("--client-ca-file={}", file("clients.crt", clients)),
        format!("--requestheader-client-ca-file={}", file("proxies.crt", proxies)),
        "--requestheader-allowed-names=front-proxy".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
    ];
    ApiServerOptions { flags, ..ApiServerOptions::default() }
}

/// The token of a ServiceAccount. The one called `monitor` may read metrics.
async fn token(cluster: &Cluster, name: &str) -> String {
    let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let posted = PostParams::default();
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let account = ServiceAccount { metadata: metadata.clone(), ..ServiceAccount::default() };
    accounts.create(&posted, &account).await.unwrap();
    if name == "monitor" {
        let subject = Subject {
            kind: "ServiceAccount".to_owned(),
            name: name.to_owned(),
            namespace: Some(cluster.namespace.clone()),
            api_group: None,
        };
        let role = RoleRef {
            api_group: Some("rbac.authorization.k8s.io".to_owned()),
            kind: "ClusterRole".to_owned(),
            name: "system:monitoring".to_owned(),
        };
        let binding =
            ClusterRoleBinding { metadata, role_ref: role, subjects: Some(vec![subject]) };
        Api::all(cluster.client.clone()).create(&posted, &binding).await.unwrap();
    }
    let spec = Some(TokenRequestSpec::default());
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let answer = accounts.create_token_request(name, &posted, &request).await.unwrap();
    answer.status.unwrap().token.unwrap()
}

/// Refusals must be equal word by word. Of what is shown, only health checks.
fn comparable(path: &str, mut seen: Seen) -> Seen {
    if seen.code == 200 && !path.starts_with("/healthz") {
        seen.body.clear();
    }
    if path.starts_with("/healthz?") {
        // The stock manager checks its controllers in any order.
        let mut lines: Vec<&str> = seen.body.lines().collect();
        lines.sort_unstable();
        seen.body = lines.join("\n");
    }
    seen
}

/// Why something failed is told in the words of each program.
fn without_reason(mut seen: Seen) -> Seen {
    if seen.code == 500 {
        let end = seen.body.find("?timeout=10s\": ").unwrap_or_else(|| panic!("{seen:?}"));
        seen.body.truncate(end);
    }
    seen
}
