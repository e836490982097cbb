//! What is wrong with ServiceCIDRs, and with the range that kube-apiserver makes of its flags.

use std::net::IpAddr;

use allocator::{IpFamily, Range, Usage};

use super::Finding;
use crate::cluster_ip::ledger::{DEFAULT_SERVICE_CIDR, Ledger, addresses};
use crate::facts::ServiceCidr;
use crate::key::NamespacedName;
use crate::reason::Reason;

/// In the order of the ServiceCIDRs, then by IP family.
pub fn findings(ledger: &Ledger) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cidr in ledger.service_cidr_facts() {
        findings.extend(unusable(cidr));
        findings.extend(unattended(cidr));
    }
    findings.extend(other_flags(ledger));
    let families = [IpFamily::V4, IpFamily::V6].into_iter();
    findings.extend(families.filter_map(|family| exhausted(ledger, family)));
    findings
}

fn unusable(cidr: &ServiceCidr) -> Option<Finding> {
    let texts: Vec<&str> = cidr.unusable.iter().map(|text| &**text).collect();
    (!texts.is_empty()).then(|| {
        let detail = format!(
            "ServiceCIDR {}: nothing is given from {}, whose prefix is shorter than 64",
            cidr.name,
            texts.join(", ")
        );
        Finding::about_cluster(Reason::RangeUnusable, detail)
    })
}

/// The controller for ServiceCIDRs says of each that it is ready as soon as it sees it.
fn unattended(cidr: &ServiceCidr) -> Option<Finding> {
    (cidr.ready.is_none() && !cidr.deleting).then(|| {
        let detail = format!(
            "ServiceCIDR {} has no condition Ready: service-cidr-controller of \
             kube-controller-manager does not run, so nothing keeps it while addresses of it are in use",
            cidr.name
        );
        Finding::about_cluster(Reason::RangeUnattended, detail)
    })
}

/// The Service `kubernetes` has the first address of the range in the flags of kube-apiserver, and the
/// ServiceCIDR `kubernetes` should be of the same range.
fn other_flags(ledger: &Ledger) -> Option<Finding> {
    let kubernetes = ledger.service_of(&NamespacedName::new("default", "kubernetes"))?;
    let given = addresses(kubernetes).first().copied()?;
    let range = ledger.default_service_cidr()?.ranges.first()?;
    let first: IpAddr = range.usable()?.first();
    (given != first).then(|| {
        let detail = format!(
            "ServiceCIDR {DEFAULT_SERVICE_CIDR} has {range}, and the Service default/kubernetes has \
             {given} and not its first address: API servers run with another \
             --service-cluster-ip-range"
        );
        Finding { address: Some(given), ..Finding::about_cluster(Reason::RangeUnusable, detail) }
    })
}

fn exhausted(ledger: &Ledger, family: IpFamily) -> Option<Finding> {
    let usages: Vec<Usage> = ledger.families().of(family).usage().collect();
    let full = !usages.is_empty() && usages.iter().all(|usage| usage.free == 0);
    full.then(|| {
        let ranges: Vec<String> =
            usages.iter().map(|usage| Range::to_string(&usage.range)).collect();
        let detail =
            format!("no {family} address of {} is free; add a ServiceCIDR", ranges.join(", "));
        Finding::about_cluster(Reason::RangeExhausted, detail)
    })
}
