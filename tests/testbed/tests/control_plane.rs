//! The testbed itself, on the real programs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::{ListParams, PostParams};
use testbed::{
    ApiServer, ApiServerOptions, ControlPlane, ControllerManager, ControllerManagerOptions, Etcd,
};

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(serde_json::json!({"metadata": {"name": name}})).unwrap()
}

async fn names(client: kube::Client) -> Vec<String> {
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let list = maps.list(&ListParams::default()).await.unwrap();
    let names = list.items.into_iter().filter_map(|map| map.metadata.name);
    names.filter(|name| name != "kube-root-ca.crt").collect()
}

#[tokio::test]
async fn a_server_is_ready_when_it_is_started_and_keeps_its_objects_over_a_restart() {
    let mut plane = ControlPlane::start().await.unwrap();
    let client = plane.api_server.client().await.unwrap();
    let version = client.apiserver_version().await.unwrap();
    assert_eq!((version.major.as_str(), version.minor.as_str()), ("1", "36"));
    let namespaces: Api<Namespace> = Api::all(client.clone());
    assert!(namespaces.get_opt("default").await.unwrap().is_some());
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    maps.create(&PostParams::default(), &config_map("kept")).await.unwrap();

    plane.api_server.stop();
    assert!(namespaces.get_opt("default").await.is_err(), "the server is away");
    plane.api_server.start_again().await.unwrap();
    assert_eq!(names(plane.api_server.client().await.unwrap()).await, ["kept"]);
}

#[tokio::test]
async fn servers_with_different_prefixes_share_a_store_and_nothing_else() {
    let etcd = Etcd::start().await.unwrap();
    let options =
        |prefix: &str| ApiServerOptions { prefix: prefix.to_owned(), ..Default::default() };
    let one = ApiServer::start(&etcd, options("/one")).await.unwrap();
    let other = ApiServer::start(&etcd, options("/other")).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(one.client().await.unwrap(), "default");
    maps.create(&PostParams::default(), &config_map("mine")).await.unwrap();
    assert_eq!(names(one.client().await.unwrap()).await, ["mine"]);
    assert_eq!(names(other.client().await.unwrap()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_stock_manager_runs_until_it_is_dropped() {
    let plane = ControlPlane::start().await.unwrap();
    let options = ControllerManagerOptions {
        controllers: vec!["endpointslice-controller".to_owned()],
        flags: Vec::new(),
    };
    let manager = ControllerManager::start(&plane.api_server, options).await.unwrap();
    let process = format!("/proc/{}", manager.pid());
    assert!(std::path::Path::new(&process).exists());
    drop(manager);
    assert!(!std::path::Path::new(&process).exists(), "the manager has ended");
}

/// A process that is killed cannot tidy up; its children must go all the same.
#[tokio::test]
async fn nothing_outlives_a_killed_parent() {
    let mut parent = std::process::Command::new(env!("CARGO_BIN_EXE_testbed"))
        .arg("start")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(parent.stdout.take().unwrap()));
    lines.next().unwrap().unwrap();
    let export = lines.next().unwrap().unwrap();
    let kubeconfig = export.strip_prefix("export KUBECONFIG=").unwrap().to_owned();
    let folder = std::path::Path::new(&kubeconfig).parent().unwrap().to_owned();
    let pid = std::fs::read_to_string(folder.join("kube-apiserver.pid")).unwrap();
    let process = format!("/proc/{}", pid.trim());
    assert!(std::path::Path::new(&process).exists());

    parent.kill().unwrap();
    parent.wait().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while std::path::Path::new(&process).exists() {
        assert!(std::time::Instant::now() < deadline, "kube-apiserver {pid} is still running");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _ = std::fs::remove_dir_all(folder);
}
