//! A Service whose targetPort is a name, and Pods that give the name to another port than those before.

use serde_json::{Value, json};

use crate::stage::Stage;

/// The name of Service, Deployment, and label.
pub const NAME: &str = "named";
/// Between these the port moves.
const PORTS: [u16; 2] = [9376, 9377];

/// Creates the Service and its Deployment.
pub async fn deploy(stage: &Stage) {
    let spec = json!({"ports": [{"name": "http", "port": 80, "targetPort": "web"}]});
    stage.cluster.create(support::service(NAME, spec)).await;
    stage
        .cluster
        .create(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME},
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": {"app": NAME}},
                "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "template": template(PORTS[0]),
            },
        }))
        .await;
}

/// Replaces all Pods by such that serve on the other port.
pub async fn moves(stage: &Stage) {
    let deployment = stage.cluster.get("Deployment", NAME).await.unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let now = container["ports"][0]["containerPort"].as_u64().unwrap();
    let next = PORTS.into_iter().find(|port| u64::from(*port) != now).unwrap();
    stage.cluster.patch("Deployment", NAME, json!({"spec": {"template": template(next)}})).await;
    stage.kubectl(&format!("rollout status deployment {NAME}"));
}

fn template(port: u16) -> Value {
    json!({
        "metadata": {"labels": {"app": NAME}},
        "spec": {
            "terminationGracePeriodSeconds": 3,
            "containers": [{
                "name": "hostnames", "image": "hostnames",
                "ports": [{"name": "web", "containerPort": port}],
            }],
        },
    })
}
