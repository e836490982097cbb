//! What a manager tells of how it was started, beside what kube-controller-manager tells: the same
//! shapes, and the same defaults.

use serde_json::Value;
use support::Visitor;
use testbed::{ControlPlane, ControllerManager, ControllerManagerOptions, TOKEN};

use crate::Manager;

/// Flags that differ because the test wants it, because the two are two, or on purpose. The stock
/// manager shows the pair that it makes in `--cert-dir` as if it had been given.
const DIFFERENT: [&str; 15] = [
    "cert-dir",
    "cluster-ip-mode",
    "controllers",
    "leader-elect-resource-name",
    "profiling",
    "secure-port",
    "strict-flags",
    "takeover-check",
    "tls-cert-file",
    "tls-private-key-file",
    "v",
    "webhook-bind-address",
    "webhook-cert-dir",
    "webhook-client-ca-file",
    "webhook-secure-port",
];

/// Ways of asking for a page, whether or not there is such a form of it.
const FORMS: [&str; 10] = [
    "*/*",
    "text/plain",
    "text/html, */*;q=0.8",
    "application/json",
    "application/yaml",
    "text/html",
    "application/json;v=v1beta1;g=config.k8s.io;as=Flagz",
    "application/yaml;v=v1beta1;g=config.k8s.io;as=Flagz",
    "application/json;v=v1alpha1;g=config.k8s.io;as=Statusz",
    "application/yaml;v=v1alpha1;g=config.k8s.io;as=Statusz",
];

#[tokio::test(flavor = "multi_thread")]
async fn configuration_is_told_as_kube_controller_manager_tells_it() {
    let plane = ControlPlane::start().await.unwrap();
    let options = ControllerManagerOptions { controllers: Vec::new(), flags: Vec::new() };
    let stock = ControllerManager::start(&plane.api_server, options).await.unwrap();
    let kubeconfig = plane.api_server.kubeconfig_path().display().to_string();
    let kubeconfigs =
        ["authentication", "authorization"].map(|of| format!("--{of}-kubeconfig={kubeconfig}"));
    let roster = Manager::start(&kubeconfig, &kubeconfigs.each_ref().map(String::as_str)).await;
    let [theirs, ours] = [stock.url(), roster.url.clone()].map(|url| {
        move |form: &str| {
            let visitor = Visitor::anonymous(&url).saying("accept", form);
            visitor.saying("authorization", &format!("Bearer {TOKEN}"))
        }
    });

    for form in FORMS {
        for path in ["/flagz", "/statusz"] {
            let (stock, roster) = (theirs(form).get(path).await, ours(form).get(path).await);
            assert_eq!(roster.code, stock.code, "{path} as {form}: {}", roster.body);
            if stock.code == 200 {
                assert_eq!(roster.content_type, stock.content_type, "{path} as {form}");
            }
        }
    }

    let form = "application/json;v=v1beta1;g=config.k8s.io;as=Flagz";
    let [stock, roster] = [theirs(form).get("/flagz").await, ours(form).get("/flagz").await]
        .map(|page| serde_json::from_str::<Value>(&page.body).unwrap());
    let flags = roster["flags"].as_object().unwrap();
    assert!(flags.len() > 40, "{flags:?}");
    for (name, value) in flags {
        if !DIFFERENT.contains(&name.as_str()) {
            assert_eq!(Some(value), stock["flags"].get(name), "--{name}");
        }
    }

    let [stock, roster] = [theirs("*/*").get("/configz").await, ours("*/*").get("/configz").await]
        .map(|page| serde_json::from_str::<Value>(&page.body).unwrap());
    let found = differences("", &roster, &stock);
    let generic = "/kubecontrollermanager.config.k8s.io/Generic";
    assert_eq!(
        found,
        ["Controllers", "Debugging/enableProfiling", "LeaderElection/resourceName"]
            .map(|field| format!("{generic}/{field}"))
    );
}

/// The fields in which what is told differs. The stock manager may tell more.
fn differences(place: &str, ours: &Value, theirs: &Value) -> Vec<String> {
    let Some(fields) = ours.as_object() else {
        return if ours == theirs { Vec::new() } else { vec![place.to_owned()] };
    };
    let mut differences: Vec<String> = fields
        .iter()
        .flat_map(|(name, value)| differences(&format!("{place}/{name}"), value, &theirs[name]))
        .collect();
    differences.sort_unstable();
    differences
}
