//! Holds on the wire: the promise of an address to a Service about to be created.

use std::net::IpAddr;

use controller_core::facts::{ClusterIpHold, Fact};
use controller_core::key::Kind;
use http::Method;

use super::{Wire, WireError, collection, json};

/// Why an address is to be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHold {
    /// The namespace of the Service.
    pub namespace: String,
    /// Its name.
    pub name: ServiceName,
    /// The `uid` of the admission request.
    pub request_uid: String,
    /// Which replica promises the address.
    pub holder: String,
}

/// The name of a Service that does not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceName {
    /// `metadata.name`.
    Given(String),
    /// `metadata.generateName`: what the name will start with.
    Generated(String),
}

impl Wire {
    /// Holds an address. A conflict means that it is held already.
    pub async fn create_hold(
        &self,
        address: IpAddr,
        hold: &NewHold,
    ) -> Result<ClusterIpHold, WireError> {
        let hold = json::encode_hold(address, hold);
        let uri = collection(Kind::ClusterIpHold, None);
        let answer = self.send(self.as_json(Method::POST, &uri, &hold)?).await?;
        match answer.encoding.fact(Kind::ClusterIpHold, &answer.body)? {
            (Fact::ClusterIpHold(hold), _) => Ok(hold),
            _ => Err(WireError::Decode("the answer is no ClusterIPHold".to_owned())),
        }
    }

    /// Lets go of an address, under the uid and resourceVersion of its hold.
    pub async fn delete_hold(&self, hold: &ClusterIpHold) -> Result<(), WireError> {
        let (kind, key) = (Kind::ClusterIpHold, hold.key());
        self.delete_under(kind, &key, &hold.uid, hold.resource_version).await.map(drop)
    }
}
