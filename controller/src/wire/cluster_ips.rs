//! What the ClusterIP controller does on the wire: claims, which are IPAddress objects, and the
//! addresses of Services. A Service is written whole, as it was read, but for four fields: nothing
//! that we do not know of is lost.

use std::net::IpAddr;

use controller_core::facts::{Fact, IpAddress, IpFamily, IpFamilyPolicy, Service};
use controller_core::key::{Kind, NamespacedName, ResourceVersion, Text};
use http::{HeaderValue, Method, Request, header};
use kube::client::Body;
use serde_json::{Value, json};

use super::encoding::Encoding;
use super::{Answer, Wire, WireError, collection, json as wire_json, path};

/// A Service as the API server holds it.
pub struct ServiceObject {
    /// What we know of it.
    pub fact: Service,
    /// Its version.
    pub resource_version: ResourceVersion,
    object: Value,
}

impl ServiceObject {
    /// Gives it the four fields that tell its addresses.
    pub fn set_cluster_ips(
        &mut self,
        policy: IpFamilyPolicy,
        families: &[IpFamily],
        addresses: &[Text],
    ) {
        let texts: Vec<&str> = addresses.iter().map(|address| &**address).collect();
        let families: Vec<String> = families.iter().map(IpFamily::to_string).collect();
        if let Some(spec) = self.object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("clusterIP".to_owned(), json!(texts.first()));
            spec.insert("clusterIPs".to_owned(), json!(texts));
            spec.insert("ipFamilies".to_owned(), json!(families));
            spec.insert("ipFamilyPolicy".to_owned(), json!(policy.name()));
        }
    }
}

impl Wire {
    /// Claims an address for a Service. A conflict means that somebody has it.
    pub async fn create_claim(
        &self,
        address: IpAddr,
        service: &NamespacedName,
        service_uid: &str,
    ) -> Result<IpAddress, WireError> {
        let claim = wire_json::encode_claim(address, service, service_uid);
        let uri = collection(Kind::IpAddress, None);
        claim_of(&self.send(self.as_json(Method::POST, &uri, &claim)?).await?)
    }

    /// Gives a claim the labels of kube-apiserver, under its resourceVersion.
    pub async fn relabel_claim(&self, claim: &IpAddress) -> Result<IpAddress, WireError> {
        let uri = path(Kind::IpAddress, &claim.key());
        let patch = wire_json::encode_relabelling(claim);
        let mut request = self.as_json(Method::PATCH, &uri, &patch)?;
        let merge = HeaderValue::from_static("application/merge-patch+json");
        request.headers_mut().insert(header::CONTENT_TYPE, merge);
        claim_of(&self.send(request).await?)
    }

    /// Deletes a claim under its uid and resourceVersion. The answer is the claim if a finalizer
    /// holds it, and nothing if it is gone.
    pub async fn delete_claim(&self, claim: &IpAddress) -> Result<Option<IpAddress>, WireError> {
        let answer = self
            .delete_under(Kind::IpAddress, &claim.key(), &claim.uid, claim.resource_version)
            .await?;
        match answer.encoding.fact(Kind::IpAddress, &answer.body) {
            Ok((Fact::IpAddress(held), _)) if held.deleting => Ok(Some(held)),
            // A Status, or the object as it was.
            _ => Ok(None),
        }
    }

    /// Reads a Service whole.
    pub async fn service(&self, key: &NamespacedName) -> Result<Option<ServiceObject>, WireError> {
        let uri = path(Kind::Service, key);
        match self.send(self.as_json(Method::GET, &uri, &Value::Null)?).await {
            Ok(answer) => service_object(&answer.body).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a Service under the resourceVersion it was read in.
    pub async fn replace_service(
        &self,
        service: &ServiceObject,
    ) -> Result<ServiceObject, WireError> {
        let uri = path(Kind::Service, &service.fact.key);
        let answer = self.send(self.as_json(Method::PUT, &uri, &service.object)?).await?;
        service_object(&answer.body)
    }

    /// Reads a ClusterIPPool whole.
    pub async fn cluster_ip_pool(&self, name: &str) -> Result<Option<Value>, WireError> {
        let uri = path(Kind::ClusterIpPool, &NamespacedName::cluster(name));
        match self.send(self.as_json(Method::GET, &uri, &Value::Null)?).await {
            Ok(answer) => serde_json::from_slice(&answer.body)
                .map(Some)
                .map_err(|error| WireError::Decode(format!("cannot read a pool: {error}"))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the status of a ClusterIPPool under the resourceVersion it was read in.
    pub async fn replace_cluster_ip_pool_status(
        &self,
        name: &str,
        pool: &Value,
    ) -> Result<(), WireError> {
        let uri = format!("{}/status", path(Kind::ClusterIpPool, &NamespacedName::cluster(name)));
        self.send(self.as_json(Method::PUT, &uri, pool)?).await.map(drop)
    }

    /// Whether the API server gives Services their addresses: it shows by what it would store for a
    /// Service that asks for none. Nothing is stored.
    pub async fn gives_cluster_ips(&self) -> Result<bool, WireError> {
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"generateName": "roster-asks-", "namespace": "default"},
            "spec": {"ports": [{"port": 80}]},
        });
        let uri = format!("{}?dryRun=All", collection(Kind::Service, Some("default")));
        let answer = self.send(self.as_json(Method::POST, &uri, &service)?).await?;
        // What is not stored has no resourceVersion, and so is no Service as others are read.
        let shown: Value =
            serde_json::from_slice(&answer.body).map_err(|_| unexpected("Service"))?;
        let address = shown.pointer("/spec/clusterIP").and_then(Value::as_str);
        Ok(address.is_some_and(|address| address.parse::<IpAddr>().is_ok()))
    }

    pub(super) fn as_json(
        &self,
        method: Method,
        uri: &str,
        body: &Value,
    ) -> Result<Request<Body>, WireError> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let mut request = self.request(method, uri, Encoding::Json, body)?;
        let json = HeaderValue::from_static(Encoding::Json.media_type());
        request.headers_mut().insert(header::ACCEPT, json);
        Ok(request)
    }
}

fn claim_of(answer: &Answer) -> Result<IpAddress, WireError> {
    match answer.encoding.fact(Kind::IpAddress, &answer.body)? {
        (Fact::IpAddress(claim), _) => Ok(claim),
        _ => Err(unexpected("IPAddress")),
    }
}

/// What we keep of a Service out of JSON.
pub fn read_service(body: &[u8]) -> Result<Service, WireError> {
    match Encoding::Json.fact(Kind::Service, body)? {
        (Fact::Service(service), _) => Ok(service),
        _ => Err(unexpected("Service")),
    }
}

fn service_object(body: &[u8]) -> Result<ServiceObject, WireError> {
    let object: Value = serde_json::from_slice(body)
        .map_err(|error| WireError::Decode(format!("cannot read a Service: {error}")))?;
    match Encoding::Json.fact(Kind::Service, body)? {
        (Fact::Service(fact), resource_version) => {
            Ok(ServiceObject { fact, resource_version, object })
        }
        _ => Err(unexpected("Service")),
    }
}

fn unexpected(kind: &str) -> WireError {
    WireError::Decode(format!("the answer is no {kind}"))
}
