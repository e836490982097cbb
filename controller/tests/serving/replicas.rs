//! A leader and a standby, as probes and scrapers see them.

use support::{Cluster, Visitor};
use testbed::ControlPlane;

use crate::Manager;

const EVERYTHING: &str = "--authorization-always-allow-paths=/*";

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_as_well_as_its_leader_and_says_that_it_does_not_lead() {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    let kubeconfig = plane.api_server.kubeconfig_path().display().to_string();
    let flags = [EVERYTHING, "--leader-elect=true"];
    let leader = Manager::start(&kubeconfig, &flags).await;
    leader.process.says("Successfully acquired lease").await;
    let standby = Manager::start(&kubeconfig, &flags).await;
    let healthy = "[+]leaderElection ok\n\
                   [+]endpointslice-controller ok\n\
                   [+]endpoints-controller ok\n\
                   [+]endpointslice-mirroring-controller ok\n\
                   [+]clusterip-controller ok\n";
    for (manager, leads) in [(&leader, "1"), (&standby, "0")] {
        let visitor = Visitor::anonymous(&manager.url);
        cluster.until(200, async || visitor.get("/readyz").await.code).await;
        for probe in ["healthz", "livez", "readyz"] {
            let seen = visitor.get(&format!("/{probe}?verbose")).await;
            assert_eq!((seen.code, seen.body), (200, format!("{healthy}{probe} check passed\n")));
        }
        let metrics = visitor.get("/metrics").await.body;
        let status = "leader_election_master_status{name=\"roster-controller-manager\"} ";
        let told = metrics.lines().find_map(|line| line.strip_prefix(status));
        assert_eq!(told, Some(leads), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_much_is_logged_can_be_changed_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let away = crate::unreachable(folder.path());
    let closed = Manager::start(&away, &[EVERYTHING]).await;
    let visitor = Visitor::anonymous(&closed.url);
    assert_eq!(visitor.put("/debug/flags/v", "4").await.code, 404, "without --profiling");
    drop(closed);

    let open = Manager::start(&away, &[EVERYTHING, "--profiling", "-v=0"]).await;
    let visitor = Visitor::anonymous(&open.url);
    assert_eq!(visitor.get("/readyz").await.code, 500);
    assert_eq!(open.process.lines_with("Health check failed"), 0);
    for (level, code, told) in [
        ("2", 200, "successfully set klog.logging.verbosity to 2\n"),
        ("-1", 400, "strconv.ParseUint: parsing \"-1\": invalid syntax\n"),
    ] {
        let seen = visitor.put("/debug/flags/v", level).await;
        assert_eq!((seen.code, seen.body.as_str()), (code, told));
    }
    assert_eq!(visitor.get("/debug/flags/v").await.code, 406);
    assert_eq!(visitor.get("/readyz").await.code, 500);
    open.process.says("Health check failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_that_are_disabled_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let flag = "--disabled-metrics=process_open_fds,no_such_metric";
    let manager = Manager::start(&crate::unreachable(folder.path()), &[EVERYTHING, flag]).await;
    let metrics = Visitor::anonymous(&manager.url).get("/metrics").await.body;
    assert!(metrics.contains("process_max_fds "), "{metrics}");
    assert!(!metrics.contains("process_open_fds"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_labels_that_are_not_allowed_are_told_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("labels.yaml");
    let rule = |value: &str| format!("authorization_attempts_total,result: {value},other\n");
    let told = async |flag: &str| {
        let away = crate::unreachable(folder.path());
        let manager = Manager::start(&away, &[EVERYTHING, flag]).await;
        let metrics = Visitor::anonymous(&manager.url).get("/metrics").await.body;
        let all =
            metrics.lines().filter_map(|line| line.strip_prefix("authorization_attempts_total"));
        all.map(str::to_owned).collect::<Vec<String>>()
    };
    for (allowed, wanted) in [("allowed", "allowed"), ("denied", "unexpected")] {
        std::fs::write(&manifest, rule(allowed)).unwrap();
        let wanted = [format!("{{result=\"{wanted}\"}} 1")];
        let flag = format!("--allow-metric-labels={}", rule(allowed).trim_end().replace(": ", "="));
        assert_eq!(told(&flag).await, wanted, "{flag}");
        let flag = format!("--allow-metric-labels-manifest={}", manifest.display());
        assert_eq!(told(&flag).await, wanted, "{allowed} in a manifest");
    }
}
