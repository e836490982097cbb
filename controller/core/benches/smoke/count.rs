//! What valgrind counts.

use std::process::{Command, Stdio};

use crate::loads::{Load, Unit};

/// Runs a load under valgrind, and says how much of its unit one of its operations costs.
pub fn of(load: &Load) -> u64 {
    let mut valgrind = Command::new("valgrind");
    match load.unit {
        Unit::Instructions => {
            // Only what is done for the load counts, not what is put up before.
            valgrind.args([
                "--tool=callgrind",
                "--callgrind-out-file=/dev/null",
                "--toggle-collect=*smoke::loads::measured*",
            ]);
        }
        Unit::Bytes => {
            valgrind.args(["--tool=memcheck", "--leak-check=no", "--undef-value-errors=no"]);
        }
    }
    let this = std::env::current_exe().unwrap();
    valgrind.arg(this).args(["--load", load.name]).stdin(Stdio::null());
    let ran = valgrind.output().unwrap_or_else(|error| {
        panic!("valgrind cannot be started ({error}): install the package of that name")
    });
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}: {said}", load.name);
    let before = match load.unit {
        Unit::Instructions => "Collected : ",
        Unit::Bytes => "in use at exit: ",
    };
    let number = said.lines().find_map(|line| Some(line.split_once(before)?.1));
    let digits = |text: &str| -> String {
        text.chars().take_while(|it| !it.is_whitespace()).filter(char::is_ascii_digit).collect()
    };
    let total: u64 = number.and_then(|number| digits(number).parse().ok()).unwrap_or_default();
    assert!(total > 0, "{}: nothing was counted: {said}", load.name);
    total / load.operations
}
