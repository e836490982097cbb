//! The flags of the HTTPS port.

use std::net::Ipv4Addr;

use super::*;
use crate::config::{ConfigError, Request, parse};

fn parsed(flags: &[&str]) -> Result<Option<Serving>, String> {
    let arguments: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    match parse(&arguments) {
        Ok(Request::Run(config)) => Ok(config.serving),
        Err(ConfigError::Usage(error) | ConfigError::Invalid(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}

fn serving(flags: &[&str]) -> Serving {
    parsed(flags).unwrap().unwrap()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn defaults_are_those_of_kube_controller_manager_but_for_profiling() {
    let ten = Duration::from_secs(10);
    let wanted = Serving {
        listening: Listening {
            bind_address: Ipv4Addr::UNSPECIFIED.into(),
            port: 10257,
            certificate: CertificateSource::Memory,
            min_version: TlsVersion::Tls12,
            suites: Suites::All,
            groups: Groups::Usual,
            named_certificates: Vec::new(),
            most_streams: None,
            sharing: Sharing::Refused,
            protocols: Protocols::All,
        },
        authentication: Authentication {
            kubeconfig: None,
            lookup: Lookup::Required,
            token_ttl: ten,
            client_ca: None,
            request_header_ca: None,
            request_headers: RequestHeaders {
                allowed_names: Vec::new(),
                username: words(&["x-remote-user"]),
                group: words(&["x-remote-group"]),
                extra_prefix: words(&["x-remote-extra-"]),
                uid: Vec::new(),
            },
        },
        authorization: Authorization {
            kubeconfig: None,
            always_allow_paths: words(&["/healthz", "/readyz", "/livez"]),
            authorized_ttl: ten,
            unauthorized_ttl: ten,
        },
        debugging: Debugging::Off,
    };
    assert_eq!(serving(&[]), wanted);
}

#[test]
fn without_a_port_nothing_else_matters() {
    let flags = ["--secure-port=0", "--tls-min-version=VersionTLS99", "--tls-cert-file=/a"];
    assert_eq!(parsed(&flags), Ok(None));
}

#[test]
fn what_is_wrong_is_told_in_kcms_words() {
    let cases = [
        (
            "--secure-port=-1",
            "--secure-port -1 must be between 0 and 65535, inclusive. 0 for turning off secure port",
        ),
        (
            "--secure-port=70000",
            "--secure-port 70000 must be between 1 and 65535, inclusive. It cannot be turned off with 0",
        ),
        (
            "--bind-address=foo",
            "invalid argument \"foo\" for \"--bind-address\" flag: failed to parse IP: \"foo\"",
        ),
        ("--tls-cert-file=/a", "missing filename for serving cert"),
        ("--tls-private-key-file=/a", "missing filename for serving cert"),
        ("--tls-min-version=VersionTLS14", "unknown tls version \"VersionTLS14\""),
        ("--tls-cipher-suites=NOPE", "Cipher suite NOPE not supported or doesn't exist"),
        ("--requestheader-allowed-names=a, ,b", "empty value in \"requestheader-allowed-names\""),
    ];
    for (flag, wanted) in cases {
        assert_eq!(parsed(&[flag]), Err(wanted.to_owned()), "{flag}");
    }
}

#[test]
fn lists_replace_the_default_and_then_add() {
    let flags =
        ["/metrics", "/a,/b"].map(|paths| format!("--authorization-always-allow-paths={paths}"));
    let added = serving(&flags.each_ref().map(String::as_str));
    assert_eq!(added.authorization.always_allow_paths, ["/metrics", "/a", "/b"]);
    let none = serving(&["--authorization-always-allow-paths="]);
    assert_eq!(none.authorization.always_allow_paths, [""; 0]);
}

#[test]
fn suites_that_are_too_old_are_accepted_and_told() {
    let old = "TLS_RSA_WITH_RC4_128_SHA";
    let flag = format!(
        "--tls-cipher-suites={old},TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_AES_128_GCM_SHA256"
    );
    assert_eq!(serving(&[&flag]).listening.suites.not_spoken(), [old]);
}
