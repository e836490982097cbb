//! All that happened to Services and claims, in the order of the API server, to be judged afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, WatchEvent, WatchParams};
use parking_lot::Mutex;
use serde_json::Value;
use support::World;
use tokio::task::JoinHandle;

/// Changes by their resourceVersion, which all kinds have in common.
type Changes = Arc<Mutex<BTreeMap<u64, Change>>>;

/// What an object is from a version on.
#[derive(Clone, Debug)]
enum Change {
    /// A Service lists these addresses.
    Service(String, Vec<String>),
    /// An address is claimed for a Service, or for nobody.
    Claim(String, Option<String>),
}

/// Writes down what happens from now on.
pub struct History {
    changes: Changes,
    watches: Vec<JoinHandle<()>>,
}

impl Change {
    /// The API server makes its own Service with its address, before anybody can claim it.
    fn is_of_server(&self) -> bool {
        match self {
            Change::Service(name, _) => name == "kubernetes",
            Change::Claim(_, owner) => owner.as_deref() == Some("kubernetes"),
        }
    }
}

impl History {
    /// Begins with what there is.
    pub async fn begin(world: &World) -> Self {
        let changes = Changes::default();
        let kinds =
            [("", "Service", "services"), ("networking.k8s.io", "IPAddress", "ipaddresses")];
        let watch = |(group, kind, plural): (&str, &str, &str)| {
            let kind = GroupVersionKind::gvk(group, "v1", kind);
            let resource = ApiResource::from_gvk_with_plural(&kind, plural);
            let api: Api<DynamicObject> = Api::all_with(world.cluster.client.clone(), &resource);
            tokio::spawn(write_down(api, changes.clone()))
        };
        let watches = kinds.map(watch).into();
        Self { changes, watches }
    }

    /// No address was in use twice, or without its claim, and no claim went from under a Service.
    pub fn judge(self) {
        self.watches.iter().for_each(JoinHandle::abort);
        let (mut listed, mut claimed) = (BTreeMap::new(), BTreeMap::new());
        for (version, change) in self.changes.lock().iter() {
            match change.clone() {
                Change::Service(name, addresses) => {
                    for address in &addresses {
                        let owner: Option<&String> = claimed.get(address);
                        assert_eq!(owner, Some(&name), "{address} is claimed for it at {version}");
                    }
                    listed.insert(name, addresses);
                }
                Change::Claim(address, owner) => match owner {
                    Some(owner) => drop(claimed.insert(address, owner)),
                    None => drop(claimed.remove(&address)),
                },
            }
            // A deletion of a Service comes as one without addresses.
            let used: Vec<(&String, &String)> = listed
                .iter()
                .flat_map(|(name, addresses)| addresses.iter().map(move |it| (it, name)))
                .collect();
            for (address, name) in &used {
                assert_eq!(claimed.get(*address), Some(*name), "{address} at {version}");
                let users = used.iter().filter(|(other, _)| other == address).count();
                assert_eq!(users, 1, "{address} is in use {users} times at {version}");
            }
        }
    }
}

async fn write_down(api: Api<DynamicObject>, changes: Changes) {
    let mut events = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    while let Some(event) = events.next().await {
        let (object, is_there) = match event.unwrap() {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
            WatchEvent::Deleted(object) => (object, false),
            WatchEvent::Bookmark(_) | WatchEvent::Error(_) => continue,
        };
        let object = serde_json::to_value(object).unwrap();
        let version = object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        let change = change(&object, is_there);
        if !change.is_of_server() {
            changes.lock().insert(version, change);
        }
    }
}

fn change(object: &Value, is_there: bool) -> Change {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    let spec = &object["spec"];
    if let Some(parent) = spec["parentRef"]["name"].as_str() {
        return Change::Claim(name, is_there.then(|| parent.to_owned()));
    }
    let texts = spec["clusterIPs"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let addresses = texts.filter(|text| is_there && *text != "None").map(str::to_owned).collect();
    Change::Service(name, addresses)
}
