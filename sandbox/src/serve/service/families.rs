//! Which families a Service has, and by which policy (KEP-563): what it says, what its addresses
//! say, and what is usual.

use serde_json::{Map, Value, json};

use super::{family, is_external_name, is_headless, list, rules};
use crate::bootstrap::Addresses;
use crate::causes::Causes;
use crate::object::{set, text};
use crate::refusal::Refusal;

/// Fills in families and policy.
///
/// # Errors
/// 422 for families and addresses that do not fit each other, the policy or the cluster.
pub fn settle(
    addresses: &Addresses,
    before: Option<&Value>,
    service: &mut Value,
    refused: &impl Fn(&Causes) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    if is_external_name(service) {
        return Ok(());
    }
    let configured = addresses.families();
    let open = selects_nothing(service) && is_headless(service);
    let mut wrong = Causes::default();
    default_policy(before, open, service);
    if let Some(before) = before {
        release(before, service, &mut wrong);
    }
    rules::coupling(service, &mut wrong);
    refused(&wrong)?;
    infer(&configured, service, &mut wrong);
    refused(&wrong)?;
    if !open {
        fitting(&configured, service, &mut wrong);
        refused(&wrong)?;
    }
    let mut families = list(service, "ipFamilies");
    if families.is_empty() {
        families.extend(configured.first().map(|family| (*family).to_owned()));
    }
    let dual = text(service, "/spec/ipFamilyPolicy") != "SingleStack";
    if let ([only], true) = (families.as_slice(), dual && (open || configured.len() > 1)) {
        let other = if only == "IPv4" { "IPv6" } else { "IPv4" };
        families.push(other.to_owned());
    }
    set(service, "/spec", "ipFamilies", json!(families));
    Ok(())
}

fn selects_nothing(service: &Value) -> bool {
    service.pointer("/spec/selector").and_then(Value::as_object).is_none_or(Map::is_empty)
}

fn default_policy(before: Option<&Value>, open: bool, service: &mut Value) {
    if !text(service, "/spec/ipFamilyPolicy").is_empty() {
        return;
    }
    let usual = if open { "RequireDualStack" } else { "SingleStack" };
    let known = before.map_or("", |before| text(before, "/spec/ipFamilyPolicy"));
    let policy = if known.is_empty() { usual } else { known };
    set(service, "/spec", "ipFamilyPolicy", json!(policy));
}

/// A Service that gets along with one family gives up the second; no other may.
fn release(before: &Value, service: &mut Value, wrong: &mut Causes) {
    let single = text(service, "/spec/ipFamilyPolicy") == "SingleStack";
    for (field, what) in [("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")] {
        let (old, new) = (list(before, field), list(service, field));
        if single && new.len() == 2 && old == new {
            set(service, "/spec", field, json!([new.first()]));
        } else if !single && !new.is_empty() && new.len() < old.len() {
            let why = format!("must be 'SingleStack' to release the secondary {what}");
            let policy = json!(text(service, "/spec/ipFamilyPolicy"));
            wrong.invalid("spec.ipFamilyPolicy", &policy, &why);
        }
    }
}

/// Families that are not said are those of the addresses that are.
fn infer(configured: &[&str], service: &mut Value, wrong: &mut Causes) {
    let addresses = list(service, "clusterIPs");
    let mut families = list(service, "ipFamilies");
    if text(service, "/spec/ipFamilyPolicy") == "SingleStack" {
        for (many, what) in [(&addresses, "cluster IPs"), (&families, "IP families")] {
            if many.len() > 1 {
                let why = format!(
                    "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                );
                wrong.invalid("spec.ipFamilyPolicy", &json!("SingleStack"), &why);
            }
        }
    }
    for (index, address) in addresses.iter().enumerate().skip(families.len()) {
        if address == "None" {
            break;
        }
        let found = family(address);
        if !configured.contains(&found) {
            let why = format!("{found} is not configured on this cluster");
            wrong.invalid(format!("spec.clusterIPs[{index}]"), &json!(addresses), &why);
        }
        families.push(found.to_owned());
    }
    if !families.is_empty() {
        set(service, "/spec", "ipFamilies", json!(families));
    }
}

/// The cluster has to have what is asked for.
fn fitting(configured: &[&str], service: &Value, wrong: &mut Causes) {
    let policy = text(service, "/spec/ipFamilyPolicy");
    if policy == "RequireDualStack" && configured.len() < 2 {
        let why = "this cluster is not configured for dual-stack services";
        wrong.invalid("spec.ipFamilyPolicy", &json!(policy), why);
    }
    for (index, family) in list(service, "ipFamilies").iter().enumerate() {
        if !configured.contains(&family.as_str()) {
            let why = "not configured on this cluster";
            wrong.invalid(format!("spec.ipFamilies[{index}]"), &json!(family), why);
        }
    }
}
