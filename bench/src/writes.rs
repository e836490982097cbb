//! How often and how much was written, as the API server counts it.

use anyhow::Result;
use http::Request;
use kube::Client;

/// Writes since the API server started, refused ones included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Writes {
    /// Writes of slices.
    pub slices: f64,
    /// Writes of Endpoints.
    pub endpoints: f64,
    /// Bytes in the bodies of both.
    pub bytes: f64,
}

impl Writes {
    /// Reads the API server's own count.
    pub async fn read(client: &Client) -> Result<Self> {
        let metrics = client.request_text(Request::get("/metrics").body(Vec::new())?).await?;
        let count = |resource| sum(&metrics, "apiserver_request_total{", resource);
        let bytes = |resource| sum(&metrics, "apiserver_request_body_size_bytes_sum{", resource);
        Ok(Self {
            slices: count("endpointslices"),
            endpoints: count("endpoints"),
            bytes: bytes("endpointslices") + bytes("endpoints"),
        })
    }

    /// How many there were since an earlier count.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            slices: self.slices - earlier.slices,
            endpoints: self.endpoints - earlier.endpoints,
            bytes: self.bytes - earlier.bytes,
        }
    }

    /// All of them.
    pub fn total(self) -> f64 {
        self.slices + self.endpoints
    }
}

/// Sums a counter over the writing verbs for a resource. Counters of requests write them in capitals,
/// those of bytes do not.
fn sum(metrics: &str, counter: &str, resource: &str) -> f64 {
    let resource = format!("resource=\"{resource}\"");
    let verbs = ["POST", "PUT", "PATCH", "APPLY", "DELETE", "create", "update", "patch", "delete"];
    let verbs = verbs.map(|verb| format!("verb=\"{verb}\""));
    let lines = metrics.lines().filter(|line| {
        line.starts_with(counter)
            && line.contains(&resource)
            && verbs.iter().any(|verb| line.contains(verb))
    });
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
