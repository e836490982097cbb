//! Any bytes as a list and as a watch of any kind, in protobuf and in JSON: they are read or refused.
//! `tests/decoders.rs` tries the same briefly.

#![no_main]

use std::time::Duration;

use controller::wire::Wire;
use controller_core::key::Kind;
use http::{Request, Response};
use http_body_util::Full;
use kube::Client;
use kube::client::Body;
use libfuzzer_sys::fuzz_target;

const ENCODINGS: [&str; 2] = ["application/vnd.kubernetes.protobuf", "application/json"];

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (kind, in_json, bytes) = input;
    let kind = Kind::ALL[usize::from(kind) % Kind::ALL.len()];
    let wire = answering(ENCODINGS[usize::from(in_json)], bytes.to_vec());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let _ = wire.list(kind, None).await;
        let mut stream = wire.stream(kind, Duration::from_secs(1)).await.unwrap();
        while let Ok(Some(_)) = stream.next(|_| false).await {}
    });
});

/// A way to somebody who answers everything with the same bytes.
fn answering(content_type: &'static str, body: Vec<u8>) -> Wire {
    let service = tower::service_fn(move |_: Request<Body>| {
        let answer = Response::builder().header(http::header::CONTENT_TYPE, content_type);
        std::future::ready(answer.body(Full::new(bytes::Bytes::from(body.clone()))))
    });
    let client = Client::new(service, "default");
    Wire::new(client.clone(), client)
}
