//! The sandbox beside the real kube-apiserver: every row does the same to both, and both must
//! answer and show the same, but for uids, versions, times and addresses. A row stands for a
//! promise of `docs/sandbox.md`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod row;

mod normal;
mod session;
mod watch;

mod rows;

use std::process::ExitCode;

use kube::Config;
use libtest_mimic::{Arguments, Failed, Trial};
use support::Server;

use crate::row::Row;

/// Rows mostly wait, so many run at a time.
const AT_ONCE: usize = 12;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let rows = rows::all();
    if arguments.list {
        let nowhere = || Config::new("https://127.0.0.1".parse().unwrap());
        return libtest_mimic::run(&arguments, trials(rows, &nowhere(), &nowhere())).exit_code();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (real, sandbox) = runtime.block_on(async {
        tokio::join!(
            async { Server::real().await.restarted().await.with_controllers().await },
            Server::sandbox()
        )
    });
    let configs = runtime.block_on(async { (real.config().await, sandbox.config().await) });
    row::keep_panics();
    libtest_mimic::run(&arguments, trials(rows, &configs.0, &configs.1)).exit_code()
}

fn trials(rows: Vec<Row>, real: &Config, sandbox: &Config) -> Vec<Trial> {
    let trials = rows.into_iter().enumerate().map(|(number, row)| {
        let (real, sandbox) = (real.clone(), sandbox.clone());
        Trial::test(row.sentence, move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let namespace = format!("row-{number}");
            runtime.unwrap().block_on(row.run(real, sandbox, &namespace)).map_err(Failed::from)
        })
    });
    trials.collect()
}
