//! What a machine must have, and who misses what.

use std::env;
use std::path::Path;

/// Programs, and the Debian packages that have them.
const PROGRAMS: [(&str, &str); 6] = [
    ("unshare", "util-linux"),
    ("mount", "mount"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("dig", "bind9-dnsutils"),
    ("curl", "curl"),
];

/// What is missing here, in a sentence each.
pub fn missing() -> Vec<String> {
    let mut missing = Vec::new();
    if !cfg!(target_os = "linux") {
        missing.push("Linux: there are no network namespaces elsewhere".to_owned());
    }
    if !rustix::process::geteuid().is_root() {
        missing.push("root: network namespaces and nftables rules need it".to_owned());
    }
    let absent = PROGRAMS.iter().filter(|(program, _)| !is_there(program));
    missing
        .extend(absent.map(|(program, package)| format!("{program}: apt-get install {package}")));
    missing
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path);
    folders.any(|folder: std::path::PathBuf| Path::new(&folder).join(program).is_file())
}
