//! Which build this is.

/// `v0.1.0`.
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));
/// What built it.
pub const COMPILER: &str = "rustc";

/// What it runs on, in Go's words: `linux/amd64`.
pub fn platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}/{architecture}", std::env::consts::OS)
}

/// `--version=raw`: all that is known, in the shape in which Kubernetes' programs tell it.
pub fn raw() -> String {
    format!(
        "version.Info{{Major:{:?}, Minor:{:?}, GitVersion:{VERSION:?}, Compiler:{COMPILER:?}, Platform:{:?}}}",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        platform()
    )
}
