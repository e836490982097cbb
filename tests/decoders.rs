//! Whatever bytes come from where an API server should be, in whatever encoding: they are read or
//! refused, and nothing else happens. `fuzz/fuzz_targets/decoder.rs` tries the same for longer.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::time::Duration;

use bytes::Bytes;
use controller::wire::{Resource, WatchEvent, Wire, WireError};
use controller_core::facts::{
    AddressType, Conditions, Endpoint, EndpointSlice, Fact, IpFamily, Labels, ObjectMeta,
};
use controller_core::key::{Kind, NamespacedName, ResourceVersion};
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body_util::Full;
use kube::Client;
use kube::client::Body;
use proptest::prelude::*;
use proptest::sample::Index;

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// A way to somebody who answers everything with the same bytes.
fn answering(content_type: &'static str, body: Vec<u8>) -> Wire {
    let body = Bytes::from(body);
    let service = tower::service_fn(move |_: Request<Body>| {
        let answer = Response::builder().header(CONTENT_TYPE, content_type);
        std::future::ready(answer.body(Full::new(body.clone())))
    });
    let client = Client::new(service, "default");
    Wire::new(client.clone(), client)
}

/// What a watch reads before it ends, or before what it cannot read.
fn watched(kind: Kind, content_type: &'static str, body: Vec<u8>) -> Vec<WatchEvent> {
    run(async {
        let wire = answering(content_type, body);
        let mut stream = wire.stream(kind, Duration::from_secs(1)).await.unwrap();
        let mut events = Vec::new();
        while let Ok(Some(event)) = stream.next(|_| false).await {
            events.push(event);
        }
        events
    })
}

fn listed(kind: Kind, content_type: &'static str, body: Vec<u8>) -> Result<usize, WireError> {
    run(async { answering(content_type, body).list(kind, None).await.map(|page| page.items.len()) })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn slice(number: u64) -> EndpointSlice {
    EndpointSlice {
        metadata: ObjectMeta {
            key: NamespacedName::new("default", format!("web-{number}")),
            uid: format!("uid-{number}").into(),
            resource_version: ResourceVersion(number),
            generate_name: None,
            deleting: false,
            labels: Labels::default(),
            annotations: Labels::default(),
            owner_references: Vec::new(),
            finalizers: Vec::new(),
        },
        address_type: AddressType::Ip(IpFamily::V4),
        ports: Vec::new(),
        endpoints: vec![Endpoint {
            addresses: vec!["10.1.2.3".into()],
            conditions: Conditions { ready: Some(true), ..Conditions::default() },
            hostname: None,
            node_name: Some("node".into()),
            zone: None,
            target_ref: None,
            hints: None,
        }],
    }
}

/// An event with a slice, as each encoding frames it.
fn framed(content_type: &str, slice: &EndpointSlice) -> Vec<u8> {
    if content_type == JSON {
        let object = String::from_utf8(slice.to_json().unwrap()).unwrap();
        return format!("{{\"type\":\"ADDED\",\"object\":{object}}}\n").into_bytes();
    }
    let event = [field(1, b"ADDED"), field(2, &field(1, &slice.to_protobuf()))].concat();
    [u32::try_from(event.len()).unwrap().to_be_bytes().as_slice(), &event].concat()
}

/// A field with a length, of fewer than 16,384 bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len();
    let head = [number << 3 | 2, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8];
    [head.as_slice(), bytes].concat()
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn encodings() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![JSON, PROTOBUF])
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        kind in kinds(),
        encoding in encodings(),
        magic in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let start: &[u8] = if magic { b"k8s\0" } else { b"" };
        let body = [start, &bytes].concat();
        let _ = listed(kind, encoding, body.clone());
        prop_assert!(watched(kind, encoding, body.clone()).len() <= body.len());
    }

    #[test]
    fn what_came_whole_is_read_whatever_comes_behind_it(
        encoding in encodings(),
        whole in 0u64..5,
        garbage in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let slices: Vec<EndpointSlice> = (0..whole).map(slice).collect();
        let mut body: Vec<u8> = slices.iter().flat_map(|slice| framed(encoding, slice)).collect();
        body.extend(garbage);
        let events = watched(Kind::EndpointSlice, encoding, body);
        prop_assert!(events.len() >= slices.len());
        for (event, slice) in events.into_iter().zip(slices) {
            let WatchEvent::Applied(fact, _) = event else { panic!("not an object") };
            prop_assert_eq!(*fact, Fact::EndpointSlice(slice));
        }
    }

    #[test]
    fn an_event_in_which_bytes_are_garbled_is_read_or_refused(
        encoding in encodings(),
        garbled in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        cut in any::<Index>(),
        kind in kinds(),
    ) {
        let mut body = framed(encoding, &slice(7));
        for (place, byte) in garbled {
            let place = place.index(body.len());
            body[place] = byte;
        }
        body.truncate(cut.index(body.len()) + 1);
        prop_assert!(watched(kind, encoding, body).len() <= 8);
    }
}
