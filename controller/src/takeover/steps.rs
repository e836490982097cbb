//! What an operator does to let Roster take over, and to go back, for the ways in which clusters run
//! kube-controller-manager.

use std::collections::BTreeSet;

use controller_core::key::Controller;

use super::arguments;
use super::verdict::{Sighting, StockPod};
use crate::config::ControllerSelection;

/// How a cluster runs its stock manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// As a Pod that can be seen, as kubeadm makes it.
    Pods,
    /// Within k3s, or under RKE2: the name of the program.
    Rancher(&'static str),
    /// By a provider who does not let its flags be set.
    Provider(&'static str),
    /// In some other way.
    Other,
}

impl Platform {
    /// Finds out from what was seen and from the version of a kubelet.
    pub fn of(sighting: &Sighting, kubelet_version: &str) -> Self {
        let marks = [
            ("+k3s", Platform::Rancher("k3s")),
            ("+rke2", Platform::Rancher("rke2")),
            ("-eks-", Platform::Provider("EKS")),
            ("-gke.", Platform::Provider("GKE")),
        ];
        let marked = marks.into_iter().find(|(mark, _)| kubelet_version.contains(mark));
        match marked {
            Some((_, platform)) => platform,
            None if sighting.pods.is_empty() => Platform::Other,
            None => Platform::Pods,
        }
    }
}

/// How to take over, step by step.
pub fn there(platform: Platform, sighting: &Sighting, ours: &BTreeSet<Controller>) -> String {
    let switch = match platform {
        Platform::Pods => of_pods(&sighting.pods, ours),
        Platform::Rancher(program) => format!(
            "On every server node add to /etc/rancher/{program}/config.yaml\n\
             \x20       kube-controller-manager-arg:\n\
             \x20       - \"controllers+={}\"\n\
             \x20    and restart {program}, one node after the other. (+= needs the default list of \
             {program}; if its cloud\n\x20    controller is disabled, write controllers=*,{} instead.)",
            off(ours).join(","),
            off(ours).join(","),
        ),
        Platform::Provider(name) => {
            return format!(
                "{name} runs kube-controller-manager and does not let its flags be set, so its \
                 controllers cannot be\nswitched off, and Roster cannot take over there. It waits for \
                 as long as they write.\n"
            );
        }
        Platform::Other => format!(
            "On every kube-controller-manager set\n         --controllers=*,{}\n     (or add these to the \
             list that it has), and restart them one after the other.",
            off(ours).join(",")
        ),
    };
    format!(
        "To take over:\n\
         \x20 1. Start Roster, with its default flags. It watches, holds its own Lease, and waits:\n\
         \x20    it writes nothing while another manager does.\n\
         \x20 2. {switch}\n\
         \x20 3. Roster begins within seconds of the last one: its log says \"Nobody else writes\".\n\
         \x20    Until then nobody writes for a moment, which delays changes and loses none.\n\
         \x20    Run this check again; it should find nobody.\n"
    )
}

/// How to go back.
pub fn back() -> String {
    "To go back:\n\
     \x20 1. End Roster: all replicas, so that none takes over. Its Lease is given back.\n\
     \x20 2. Take the flag out again, one kube-controller-manager after the other. The first one that\n\
     \x20    leads puts right what has changed since step 1. What Roster wrote stays: the slices are\n\
     \x20    labelled as kube-controller-manager's own.\n"
        .to_owned()
}

fn of_pods(pods: &[StockPod], ours: &BTreeSet<Controller>) -> String {
    let each = pods.iter().map(|pod| {
        format!("{}: --controllers={}", pod.name, without(&pod.arguments, ours).join(","))
    });
    let each: Vec<String> = each.collect();
    format!(
        "On each control plane node, one after the other, set the flag in\n\
         \x20    /etc/kubernetes/manifests/kube-controller-manager.yaml; the kubelet starts it anew:\n\
         \x20        {}\n\
         \x20    To make it last through `kubeadm upgrade`, set it in the ClusterConfiguration, too\n\
         \x20    (kubectl -n kube-system edit configmap kubeadm-config):\n\
         \x20        controllerManager:\n\
         \x20          extraArgs:\n\
         \x20          - name: controllers\n\
         \x20            value: \"…the same list…\"",
        each.join("\n         ")
    )
}

/// The list that a manager has, less our controllers.
fn without(arguments: &[String], ours: &BTreeSet<Controller>) -> Vec<String> {
    let names_ours = |entry: &String| {
        let name = entry.strip_prefix('-').unwrap_or(entry).to_owned();
        let alone = ControllerSelection::new(&[name]);
        ours.iter().any(|controller| alone.runs(*controller)) && entry != "*"
    };
    let mut entries = arguments::selected(arguments);
    entries.retain(|entry| !names_ours(entry));
    entries.extend(off(ours));
    entries
}

fn off(ours: &BTreeSet<Controller>) -> Vec<String> {
    ours.iter().map(|controller| format!("-{}", controller.name())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(list: &str) -> StockPod {
        let arguments = vec![format!("--controllers={list}")];
        StockPod { name: "kube-system/kcm-a".to_owned(), arguments }
    }

    fn seen(list: &str) -> Sighting {
        Sighting { pods: vec![pod(list)], ..Sighting::default() }
    }

    #[test]
    fn the_new_list_keeps_what_the_old_one_says_of_others() {
        let ours = BTreeSet::from([Controller::EndpointSlice, Controller::Endpoints]);
        let list = |old| without(&pod(old).arguments, &ours).join(",");
        let off = "-endpointslice-controller,-endpoints-controller";
        assert_eq!(
            list("*,bootstrapsigner,tokencleaner"),
            format!("*,bootstrapsigner,tokencleaner,{off}")
        );
        // The first entry of a name decides, so an old one must not stay before ours.
        assert_eq!(list("endpoint,*,-endpointslice"), format!("*,{off}"));
    }

    #[test]
    fn a_kubelet_gives_the_platform_away() {
        let shown = seen("*");
        assert_eq!(Platform::of(&shown, "v1.36.3"), Platform::Pods);
        assert_eq!(Platform::of(&Sighting::default(), "v1.36.3"), Platform::Other);
        assert_eq!(Platform::of(&Sighting::default(), "v1.36.3+k3s1"), Platform::Rancher("k3s"));
        assert_eq!(Platform::of(&shown, "v1.36.3+rke2r1"), Platform::Rancher("rke2"));
        assert_eq!(Platform::of(&shown, "v1.36.3-eks-1234"), Platform::Provider("EKS"));
    }

    #[test]
    fn the_steps_name_the_exact_flag_for_each_pod() {
        let ours: BTreeSet<Controller> = Controller::OF_KUBE_CONTROLLER_MANAGER.into();
        let text = there(Platform::Pods, &seen("*,tokencleaner"), &ours);
        assert!(
            text.contains(
                "kube-system/kcm-a: --controllers=*,tokencleaner,-endpointslice-controller"
            ),
            "{text}"
        );
        let text = there(Platform::Rancher("k3s"), &Sighting::default(), &ours);
        assert!(
            text.contains("/etc/rancher/k3s/config.yaml") && text.contains("controllers+=-"),
            "{text}"
        );
        let text = there(Platform::Provider("EKS"), &Sighting::default(), &ours);
        assert!(text.contains("cannot take over"), "{text}");
    }
}
