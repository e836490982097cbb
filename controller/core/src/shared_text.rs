//! Equal texts kept once. What is published repeats what the Pods say: names, uids, addresses, the
//! names of Nodes. Where both hold the same text, comparing them is comparing pointers, and the
//! memory is paid for once.

use crate::facts::{Endpoint, EndpointAddress, Pod, PodAddress, TargetRef};
use crate::key::{NamespacedName, Text};

/// Lets a text be the one that is held already, if they are equal.
pub fn share(text: &mut Text, held: &Text) {
    if !Text::ptr_eq(text, held) && text == held {
        *text = held.clone();
    }
}

fn share_option(text: &mut Option<Text>, held: Option<&Text>) {
    if let (Some(text), Some(held)) = (text, held) {
        share(text, held);
    }
}

impl Pod {
    /// Takes over the texts of the Pod as it was.
    pub(crate) fn share_with(&mut self, before: &Pod) {
        self.key.share_with(&before.key);
        let (ours, theirs) = (&mut self.planning, &before.planning);
        share(&mut ours.uid, &theirs.uid);
        share_option(&mut ours.node_name, theirs.node_name.as_ref());
        share_option(&mut ours.hostname, theirs.hostname.as_ref());
        share_option(&mut ours.subdomain, theirs.subdomain.as_ref());
        if ours.ports == theirs.ports {
            ours.ports = theirs.ports.clone();
        }
        for (ours, theirs) in ours.addresses.iter_mut().zip(&theirs.addresses) {
            if let PodAddress::Usable { text, .. } = ours {
                share(text, theirs.text());
            }
        }
    }

    fn share_ip(&self, ip: &mut Text) {
        self.planning.addresses.iter().for_each(|held| share(ip, held.text()));
    }
}

impl NamespacedName {
    fn share_with(&mut self, held: &NamespacedName) {
        share(&mut self.namespace, &held.namespace);
        share(&mut self.name, &held.name);
    }
}

impl TargetRef {
    fn share_with(&mut self, pod: &Pod) {
        share_option(&mut self.kind, Some(TargetRef::kind_of_pods()));
        share_option(&mut self.namespace, Some(&pod.key.namespace));
        share_option(&mut self.name, Some(&pod.key.name));
        share_option(&mut self.uid, Some(&pod.planning.uid));
    }
}

/// What is published of a Pod.
pub trait Published {
    /// The name of the Pod.
    fn pod(&self) -> Option<&Text>;

    /// Takes over the texts of the Pod, and of the zone that it is in.
    fn share_with(&mut self, pod: &Pod, zone: Option<&Text>);
}

impl Published for Endpoint {
    fn pod(&self) -> Option<&Text> {
        self.target_ref.as_ref()?.name.as_ref()
    }

    fn share_with(&mut self, pod: &Pod, zone: Option<&Text>) {
        self.addresses.iter_mut().for_each(|ip| pod.share_ip(ip));
        share_option(&mut self.hostname, pod.planning.hostname.as_ref());
        share_option(&mut self.node_name, pod.planning.node_name.as_ref());
        share_option(&mut self.zone, zone);
        if let Some(target) = &mut self.target_ref {
            target.share_with(pod);
        }
    }
}

impl Published for EndpointAddress {
    fn pod(&self) -> Option<&Text> {
        self.target_ref.as_ref()?.name.as_ref()
    }

    fn share_with(&mut self, pod: &Pod, _: Option<&Text>) {
        pod.share_ip(&mut self.ip);
        share_option(&mut self.hostname, pod.planning.hostname.as_ref());
        share_option(&mut self.node_name, pod.planning.node_name.as_ref());
        if let Some(target) = &mut self.target_ref {
            target.share_with(pod);
        }
    }
}
