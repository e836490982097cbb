//! The Lease on the API server. Each request has a deadline, so that one that hangs leaves time for
//! another, which then goes over a new connection.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{PostParams, WatchEvent, WatchParams};
use kube::{Api, Client};

use crate::wire::WireError;

/// One Lease, which need not exist.
pub struct Lock {
    leases: Api<Lease>,
    name: String,
    /// How long a request may take.
    pub deadline: Duration,
}

/// What becomes of the Lease from now on.
pub type Watch = BoxStream<'static, Result<WatchEvent<Lease>, kube::Error>>;

impl Lock {
    /// Reaches a Lease through a client.
    pub fn new(client: Client, namespace: &str, name: &str, deadline: Duration) -> Self {
        Self { leases: Api::namespaced(client, namespace), name: name.to_owned(), deadline }
    }

    /// Reads it.
    pub async fn get(&self) -> Result<Option<Lease>, WireError> {
        self.within_deadline(self.leases.get_opt(&self.name)).await
    }

    /// Creates it.
    pub async fn create(&self, lease: &Lease) -> Result<Lease, WireError> {
        self.within_deadline(self.leases.create(&PostParams::default(), lease)).await
    }

    /// Replaces it under the resourceVersion that it carries.
    pub async fn replace(&self, lease: &Lease) -> Result<Lease, WireError> {
        self.within_deadline(self.leases.replace(&self.name, &PostParams::default(), lease)).await
    }

    /// Watches it from a version on.
    pub async fn watch(&self, from: &str) -> Result<Watch, WireError> {
        let only = WatchParams::default().fields(&format!("metadata.name={}", self.name));
        let events = self.within_deadline(self.leases.watch(&only, from)).await?;
        Ok(events.into_stream().boxed())
    }

    async fn within_deadline<T>(
        &self,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, WireError> {
        tokio::time::timeout(self.deadline, request)
            .await
            .map_err(|_| WireError::Deadline(self.deadline))?
            .map_err(WireError::from)
    }
}
