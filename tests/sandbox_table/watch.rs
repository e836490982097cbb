//! A watch: the events of a stream, as far as they have been waited for.

use std::pin::Pin;
use std::time::Duration;

use http::Response;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use crate::session::Session;

/// How long an event may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open watch.
pub struct Watch {
    question: String,
    /// The HTTP status.
    pub code: u16,
    body: Pin<Box<Body>>,
    buffer: Vec<u8>,
}

impl Watch {
    /// What is answered to a question.
    pub fn new(question: String, response: Response<Body>) -> Self {
        let code = response.status().as_u16();
        Self { question, code, body: Box::pin(response.into_body()), buffer: Vec::new() }
    }

    /// The next event; none if the stream has ended in good order.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
            match frame.unwrap_or_else(|_| panic!("{}: no event came", self.question))? {
                Ok(frame) => self.buffer.extend(frame.into_data().unwrap()),
                Err(error) => panic!("{}: {error}", self.question),
            }
        }
    }

    /// The events up to one that is the last, which is among them. They become a part of the record.
    pub async fn until(mut self, server: &Session, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
            if events.last().is_some_and(&is_last) {
                server.note(&self.question, &events);
                return events;
            }
        }
        panic!("{}: ended after {events:#?}", self.question);
    }

    /// The events up to the one about an object of a name, which was made to be the last.
    pub async fn until_named(self, server: &Session, name: &str) -> Vec<String> {
        let is_last = |event: &Value| event["object"]["metadata"]["name"] == name;
        let mut events = self.until(server, is_last).await;
        events.pop();
        brief(&events)
    }

    /// All events, of a stream that ends by itself.
    pub async fn until_the_end(mut self, server: &Session) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        server.note(&self.question, &events);
        events
    }
}

/// `ADDED a`, `MODIFIED a`, …
pub fn brief(events: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let brief = |event: &Value| {
        format!("{} {}", text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    };
    events.iter().map(brief).collect()
}

/// The resourceVersion that an event carries.
pub fn version(event: &Value) -> u64 {
    event["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}
