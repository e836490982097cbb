//! What is wrong with Services: fields that contradict one another, addresses that they wait for, and
//! addresses that their pools would not give.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;

use super::{Finding, Repair, is_young};
use crate::cluster_ip::ledger::{Ledger, addresses};
use crate::cluster_ip::pools::Refusal;
use crate::facts::{ClusterIp, IpFamily, IpFamilyPolicy, Labels, Service};
use crate::key::Text;
use crate::reason::Reason;

/// In the order of the Services.
pub fn findings(
    ledger: &Ledger,
    namespace_labels: &BTreeMap<Text, Labels>,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in ledger.all_services() {
        let contradictions = contradictions(service).into_iter();
        findings.extend(
            contradictions
                .map(|(reason, detail)| Finding::about_service(reason, &service.key, detail)),
        );
        findings.extend(waiting(service, now));
        let labels = namespace_labels.get(&service.key.namespace).cloned().unwrap_or_default();
        pools(service, ledger, &labels, &mut findings);
    }
    findings
}

/// Fields that contradict one another or do not parse. kube-apiserver stores none such; old objects
/// and those that were written past it may have any.
fn contradictions(service: &Service) -> Vec<(Reason, String)> {
    let listed = addresses(service);
    let invalid = |detail: &str| (Reason::ClusterIPInvalid, detail.to_owned());
    let mut wrong: Vec<(Reason, String)> = texts(service).collect();
    match service.cluster_ip {
        ClusterIp::Address(first) if listed.first().is_some_and(|listed| *listed != first) => {
            wrong.push(invalid(&format!("clusterIP is {first}, and not the first of clusterIPs")));
        }
        ClusterIp::Headless if !listed.is_empty() => {
            wrong.push(invalid("clusterIP is None, and clusterIPs has an address"));
        }
        ClusterIp::Unset if !listed.is_empty() && !service.external_name => {
            wrong.push(invalid("clusterIP is empty, and clusterIPs is not"));
        }
        _ => {}
    }
    let families: Vec<IpFamily> = listed.iter().map(|address| IpFamily::of(*address)).collect();
    let told = &service.ip_families;
    if !listed.is_empty() && !told.is_empty() && families != *told && !is_half(&families, service) {
        wrong.push(invalid("ipFamilies are not those of clusterIPs"));
    }
    if service.external_name && !listed.is_empty() {
        wrong.push(invalid("an ExternalName with clusterIPs"));
    }
    match (service.ip_family_policy, listed.len()) {
        (Some(IpFamilyPolicy::RequireDualStack), 1) => {
            let detail = "RequireDualStack, and one address".to_owned();
            wrong.push((Reason::SecondFamilyMissing, detail));
        }
        (Some(IpFamilyPolicy::SingleStack), 2..) => {
            wrong.push(invalid("SingleStack, and more than one address"));
        }
        _ => {}
    }
    wrong
}

/// Whether only the second of two families lacks its address, which is told by itself.
fn is_half(families: &[IpFamily], service: &Service) -> bool {
    let both = service.ip_family_policy == Some(IpFamilyPolicy::RequireDualStack);
    both && matches!((families, &service.ip_families[..]), ([one], [first, _]) if one == first)
}

/// Texts that are no addresses, or not as addresses are written (RFC 5952).
fn texts(service: &Service) -> impl Iterator<Item = (Reason, String)> {
    let texts = service.cluster_ips.iter().filter(|text| &***text != "None");
    texts.filter_map(|text| {
        let detail = match text.parse::<IpAddr>() {
            Err(_) => format!("clusterIPs has {text}, which is no address"),
            Ok(address) if address.to_string() != **text => {
                format!("clusterIPs has {text}, whose canonical form is {address}")
            }
            Ok(_) => return None,
        };
        Some((Reason::ClusterIPInvalid, detail))
    })
}

/// A Service that has waited for an address for longer than it takes.
fn waiting(service: &Service, now: Timestamp) -> Option<Finding> {
    let wants = service.cluster_ips.is_empty() && !service.external_name && !service.deleting;
    (wants && !is_young(service.created, now)).then(|| {
        let detail = "no address yet; its Events tell why".to_owned();
        Finding::about_service(Reason::WaitingForAllocator, &service.key, detail)
    })
}

/// Addresses that the pools of the cluster would not give to the Service.
fn pools(service: &Service, ledger: &Ledger, labels: &Labels, findings: &mut Vec<Finding>) {
    for address in addresses(service) {
        let refusal = ledger.pools().admit(service, labels, address);
        if let Err(refusal @ (Refusal::NotOfPool { .. } | Refusal::OfOthers { .. })) = refusal {
            findings.push(Finding {
                reason: Reason::PoolMismatch,
                address: Some(address),
                service: Some(service.key.clone()),
                detail: refusal.to_string(),
                repair: Repair::ByHand,
            });
        }
    }
}
