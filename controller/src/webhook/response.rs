//! AdmissionReviews as they go back.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use controller_core::facts::{IpFamily, IpFamilyPolicy};
use serde_json::{Value, json};

use crate::serving::answer::{self, Answer};

/// Addresses that were chosen for a Service, in the order of its families.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// `spec.ipFamilyPolicy`.
    pub policy: IpFamilyPolicy,
    /// `spec.ipFamilies`, each with its address.
    pub addresses: Vec<(IpFamily, String)>,
}

impl Chosen {
    /// A JSON patch of what the Service lacks. One address needs nothing but `clusterIP`; two need all
    /// four fields.
    fn patch(&self, service: &Value) -> Value {
        let texts: Vec<&str> = self.addresses.iter().map(|(_, text)| text.as_str()).collect();
        let families = self.addresses.iter().map(|(family, _)| family.to_string());
        let mut fields = vec![("clusterIP", json!(texts.first()))];
        if texts.len() > 1 {
            fields.push(("clusterIPs", json!(texts)));
            fields.push(("ipFamilies", json!(families.collect::<Vec<_>>())));
            fields.push(("ipFamilyPolicy", json!(self.policy.name())));
        }
        let lacking = fields
            .into_iter()
            .filter(|(field, value)| service.pointer(&format!("/spec/{field}")) != Some(value));
        let operations = lacking.map(
            |(field, value)| json!({"op": "add", "path": format!("/spec/{field}"), "value": value}),
        );
        Value::Array(operations.collect())
    }
}

/// The API server may do as it does by itself.
pub fn allowed(request_uid: &str) -> Answer {
    reviewed(json!({"uid": request_uid, "allowed": true}))
}

/// The API server is to take these addresses.
pub fn allowed_with(request_uid: &str, chosen: &Chosen, service: &Value) -> Answer {
    let patch = BASE64_STANDARD.encode(chosen.patch(service).to_string());
    reviewed(json!({
        "uid": request_uid, "allowed": true, "patchType": "JSONPatch", "patch": patch,
    }))
}

/// The Service may not be created like this.
pub fn refused(request_uid: &str, message: &str) -> Answer {
    let status = json!({"code": 403, "reason": "Forbidden", "message": message});
    reviewed(json!({"uid": request_uid, "allowed": false, "status": status}))
}

fn reviewed(response: Value) -> Answer {
    answer::json(&json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": response,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(addresses: &[(IpFamily, &str)]) -> Chosen {
        let addresses =
            addresses.iter().map(|(family, text)| (*family, (*text).to_owned())).collect();
        Chosen { policy: IpFamilyPolicy::RequireDualStack, addresses }
    }

    #[test]
    fn one_address_is_one_field() {
        let patch = chosen(&[(IpFamily::V4, "10.96.0.7")]).patch(&json!({"spec": {}}));
        assert_eq!(patch, json!([{"op": "add", "path": "/spec/clusterIP", "value": "10.96.0.7"}]));
    }

    #[test]
    fn two_addresses_are_four_fields_but_for_those_that_are_right() {
        let two = chosen(&[(IpFamily::V6, "fd00::7"), (IpFamily::V4, "10.96.0.7")]);
        let paths = |spec: Value| -> Vec<String> {
            let patch = two.patch(&json!({"spec": spec}));
            let paths = patch.as_array().unwrap().iter().map(|op| op["path"].as_str().unwrap());
            paths.map(|path| path.trim_start_matches("/spec/").to_owned()).collect()
        };
        assert_eq!(paths(json!({})), ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]);
        let given = json!({"clusterIP": "fd00::7", "ipFamilyPolicy": "RequireDualStack"});
        assert_eq!(paths(given), ["clusterIPs", "ipFamilies"]);
    }
}
