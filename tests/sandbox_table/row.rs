//! A row of the table: what is done to a server, and what must come of it.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use kube::Config;

use crate::normal::differences;
use crate::session::{Exchange, Session};

/// A row.
pub struct Row {
    /// What it says.
    pub sentence: &'static str,
    body: Box<dyn Fn(Session) -> LocalBoxFuture<'static, ()> + Send>,
}

/// What came of a row on one server.
struct Outcome {
    record: Vec<Exchange>,
    /// The assertion that failed.
    failure: Option<String>,
}

/// A row that says this, and does that.
pub fn row<F>(sentence: &'static str, body: impl Fn(Session) -> F + Send + 'static) -> Row
where
    F: Future<Output = ()> + 'static,
{
    Row { sentence, body: Box::new(move |session| body(session).boxed_local()) }
}

impl Row {
    /// Runs on both servers.
    ///
    /// # Errors
    /// Where the real server does not do what the row says, or the sandbox does not do the same.
    pub async fn run(&self, real: Config, sandbox: Config, namespace: &str) -> Result<(), String> {
        let real = self.run_on(real, namespace).await;
        if let Some(failure) = &real.failure {
            return Err(format!("kube-apiserver does not do that: {failure}"));
        }
        let sandbox = self.run_on(sandbox, namespace).await;
        sandbox.same_as(&real)
    }

    async fn run_on(&self, config: Config, namespace: &str) -> Outcome {
        let session = Session::begin(config, namespace).await;
        let ran = AssertUnwindSafe((self.body)(session.clone())).catch_unwind().await;
        let failure = ran.err().map(|_| PANIC.take());
        Outcome { record: session.record(), failure }
    }
}

impl Outcome {
    fn same_as(&self, real: &Outcome) -> Result<(), String> {
        if let Some(failure) = &self.failure {
            return Err(format!("the sandbox does not do that: {failure}"));
        }
        let differences = differences(&self.record, &real.record);
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
    }
}

thread_local! {
    /// What this thread's last panic said, and where.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on panics are kept for the verdict, not printed.
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| PANIC.set(panic.to_string())));
}
