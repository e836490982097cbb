//! The server on a TCP port: TLS on loopback, and a token that lets in who has read the kubeconfig.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rand::RngExt;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::answer;
use crate::refusal::Refusal;
use crate::sandbox::{Answer, Cut, Sandbox};

/// How many connections are served at a time; others wait.
const CONNECTIONS: usize = 2000;
/// How long a connection may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long requests may take to end when the server ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// What anybody may read.
const OPEN: [&str; 4] = ["/healthz", "/livez", "/readyz", "/version"];

/// A port on loopback that is open, with a certificate and a token of its own.
pub struct Listener {
    tcp: TcpListener,
    tls: TlsAcceptor,
    address: SocketAddr,
    certificate: String,
    token: Arc<str>,
}

impl Listener {
    /// Opens a port on loopback; 0 is any free one. Certificate and token are made anew.
    ///
    /// # Errors
    /// If the port cannot be opened, or the certificate cannot be made.
    pub async fn open(port: u16) -> Result<Self> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let tcp =
            TcpListener::bind(wanted).await.with_context(|| format!("cannot open {wanted}"))?;
        let address = tcp.local_addr()?;
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let made =
            rcgen::generate_simple_self_signed(names).context("cannot make a certificate")?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let tls = tls(made.cert.der().clone(), key)?;
        Ok(Self { tcp, tls, address, certificate: made.cert.pem(), token: token().into() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the server, in PEM, which its clients trust.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What a client says to be let in.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Serves a sandbox until something has happened. Then watches end in good order, and the other
    /// requests have a second.
    pub async fn serve(self, sandbox: Sandbox, until: impl Future<Output = ()>) {
        sandbox.state().administrator = Some(self.token.clone());
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let graceful = GracefulShutdown::new();
        let mut until = std::pin::pin!(until);
        loop {
            let place = places.clone().acquire_owned();
            let accepted = async {
                // The semaphore is never closed.
                let place = place.await.ok();
                (self.tcp.accept().await, place)
            };
            let (accepted, place) = tokio::select! {
                accepted = accepted => accepted,
                () = &mut until => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let watcher = graceful.watcher();
                    let (tls, sandbox) = (self.tls.clone(), sandbox.clone());
                    tokio::spawn(async move {
                        connection(stream, tls, sandbox, watcher).await;
                        drop(place);
                    });
                }
                // Too many open files, or the client is gone already: the next one may do better.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        sandbox.close_watches();
        let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
    }
}

async fn connection(
    stream: TcpStream,
    tls: TlsAcceptor,
    sandbox: Sandbox,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Without this, small answers wait for the acknowledgement of the ones before.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await else {
        return;
    };
    let service = hyper::service::service_fn(move |request| {
        let sandbox = sandbox.clone();
        async move { answer(request, sandbox).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    // A client that goes away in the middle has nobody to tell.
    let _ = watcher.watch(connection).await;
}

async fn answer(mut request: Request<Incoming>, sandbox: Sandbox) -> Result<Response<Answer>, Cut> {
    let path = request.uri().path();
    let open = OPEN.contains(&path);
    let said = request.headers().get(header::AUTHORIZATION).and_then(|said| said.to_str().ok());
    let token = said.and_then(|said| said.strip_prefix("Bearer "));
    let requester = token.and_then(|token| sandbox.authenticate(token));
    if let Some(requester) = requester {
        request.extensions_mut().insert(requester);
        return sandbox.oneshot(request).await;
    }
    // Whoever says a name that is none is let in nowhere.
    if open && said.is_none() {
        return sandbox.oneshot(request).await;
    }
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized");
    Ok(answer::refused(&refusal))
}

fn tls(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .context("the certificate does not fit its key")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// 256 bits that nobody can guess.
fn token() -> String {
    let bits: [u128; 2] = rand::rng().random();
    bits.map(|part| format!("{part:032x}")).concat()
}
