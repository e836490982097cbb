//! The certificate of the port.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{Manager, unreachable};

/// How long a new certificate may take to be served.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a client that believes only the issuer in this file can connect, and by which protocol.
async fn connects(manager: &Manager, name: &str, believing: &Path) -> Result<Vec<u8>, String> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(believing).unwrap();
    let issuer = rustls::pki_types::CertificateDer::pem_slice_iter(&pem).last().unwrap().unwrap();
    roots.add(issuer).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let address = manager.url.strip_prefix("https://").unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connected = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    let stream = connected.map_err(|error| error.to_string())?;
    Ok(stream.get_ref().1.alpn_protocol().unwrap_or_default().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_is_made_once_in_its_directory_and_is_good_for_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("deep/certificates");
    let (certificate, key) = (
        directory.join("kube-controller-manager.crt"),
        directory.join("kube-controller-manager.key"),
    );
    let kubeconfig = unreachable(folder.path());
    let flag = format!("--cert-dir={}", directory.display());
    let manager = Manager::start(&kubeconfig, &[&flag]).await;
    manager.process.says("Generated self-signed cert (").await;
    for name in ["localhost", "127.0.0.1"] {
        assert_eq!(connects(&manager, name, &certificate).await, Ok(b"h2".to_vec()), "{name}");
    }
    assert!(connects(&manager, "example.com", &certificate).await.is_err());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&certificate) & 0o700, mode(&key)), (0o600, 0o600));

    let made = std::fs::read(&certificate).unwrap();
    drop(manager);
    let again = Manager::start(&kubeconfig, &[&flag, "--disable-http2-serving"]).await;
    assert_eq!(std::fs::read(&certificate).unwrap(), made);
    assert_eq!(again.process.lines_with("Generated self-signed cert"), 0);
    let protocol = connects(&again, "localhost", &certificate).await;
    assert_eq!(protocol, Ok(b"http/1.1".to_vec()));
}

/// A certificate for these names and its key, in files.
fn make(folder: &Path, name: &str, names: &[&str]) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    std::fs::write(folder.join(format!("{name}.crt")), made.cert.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_ask_for_other_names_are_shown_other_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let everywhere = ["a.example.com", "b.example.com", "localhost", "other.org"];
    for (name, names) in [
        ("usual", &everywhere[..]),
        ("own", &["a.example.com"]),
        ("wild", &["*.example.com"]),
        ("given", &everywhere),
    ] {
        make(folder.path(), name, names);
    }
    let path = |file: &str| folder.path().join(file);
    let pair = |name: &str| {
        let [certificate, key] = ["crt", "key"].map(|kind| path(&format!("{name}.{kind}")));
        (certificate.display().to_string(), key.display().to_string())
    };
    let (usual, usual_key) = pair("usual");
    let sni = |name: &str, names: &str| {
        let (certificate, key) = pair(name);
        format!("--tls-sni-cert-key={certificate},{key}{names}")
    };
    let flags = [
        format!("--tls-cert-file={usual}"),
        format!("--tls-private-key-file={usual_key}"),
        sni("wild", ""),
        sni("own", ""),
        sni("given", ":other.org"),
        "--tls-curve-preferences=23,25".to_owned(),
    ];
    let kubeconfig = unreachable(folder.path());
    let manager = Manager::start(&kubeconfig, &flags.each_ref().map(String::as_str)).await;
    for (name, shown) in [
        ("a.example.com", "own"),
        ("b.example.com", "wild"),
        ("other.org", "given"),
        ("localhost", "usual"),
    ] {
        for candidate in ["usual", "own", "wild", "given"] {
            let connected = connects(&manager, name, &path(&format!("{candidate}.crt"))).await;
            assert_eq!(connected.is_ok(), candidate == shown, "{name} by {candidate}");
        }
    }
    manager.process.says("Group of --tls-curve-preferences is not offered here\" group=25").await;

    make(folder.path(), "own", &["a.example.com"]);
    let deadline = Instant::now() + PATIENCE;
    while connects(&manager, "a.example.com", &path("own.crt")).await.is_err() {
        assert!(Instant::now() < deadline, "{}", manager.process.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_pair_is_served_and_so_is_what_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    make(folder.path(), "served", &["localhost"]);
    make(folder.path(), "next", &["localhost"]);
    let kubeconfig = unreachable(folder.path());
    let certificate = format!("--tls-cert-file={}", path("served.crt").display());
    let key = format!("--tls-private-key-file={}", path("served.key").display());
    let manager = Manager::start(&kubeconfig, &[&certificate, &key]).await;
    assert!(connects(&manager, "localhost", &path("served.crt")).await.is_ok());
    assert!(connects(&manager, "localhost", &path("next.crt")).await.is_err());

    // For a moment certificate and key do not fit; the old pair is served until they do.
    std::fs::copy(path("served.crt"), path("first.crt")).unwrap();
    std::fs::copy(path("next.crt"), path("served.crt")).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while manager.process.lines_with("what they said before stays in force") == 0 {
        assert!(connects(&manager, "localhost", &path("first.crt")).await.is_ok());
        assert!(Instant::now() < deadline, "{}", manager.process.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    std::fs::copy(path("next.key"), path("served.key")).unwrap();
    while connects(&manager, "localhost", &path("next.crt")).await.is_err() {
        assert!(Instant::now() < deadline, "{}", manager.process.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_speaks_no_tls_is_told_so() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = unreachable(folder.path());
    let manager = Manager::start(&kubeconfig, &[]).await;
    let address = manager.url.strip_prefix("https://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 400 "), "{answer}");
    assert!(answer.ends_with("Client sent an HTTP request to an HTTPS server.\n"), "{answer}");
}
