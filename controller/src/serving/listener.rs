//! The port: connections in, TLS, requests to the handler, until it is stopped.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::certificate::Identity;
use crate::config::serving::{Listening, Sharing};
use crate::logging::PLAIN;

/// How many connections are served at a time; others wait. Scrapers and probes are few.
const CONNECTIONS: usize = 1000;
/// How many requests of one connection are answered at a time, if nothing else is wanted.
const STREAMS: u32 = 64;
/// How many connections may wait to be taken.
const BACKLOG: u32 = 1024;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may take to say what it wants, and stay without wanting anything. Clients in Go
/// keep a connection for 90 s; if we ended it first, a request might be on its way that nobody answers.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long requests may take to end when the port is closed.
const FAREWELL: Duration = Duration::from_secs(1);
/// The first byte of a TLS connection.
const HANDSHAKE_RECORD: u8 = 0x16;
const NO_TLS: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Answers the requests of a port.
pub trait Answers: Send + Sync + 'static {
    /// The answer to a request that came with these certificates. That the client has the key of the
    /// first is proved, and nothing else.
    fn answer(
        &self,
        request: Request<Incoming>,
        certificates: &[CertificateDer<'_>],
    ) -> impl Future<Output = Answer> + Send;
}

/// An open port.
pub struct Server {
    address: SocketAddr,
    stopping: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    /// Opens the port and begins to serve.
    ///
    /// # Errors
    /// If the port cannot be opened.
    pub async fn open(
        listening: &Listening,
        identity: Identity,
        handler: Arc<impl Answers>,
    ) -> Result<Self> {
        let wanted = SocketAddr::new(listening.bind_address, listening.port);
        let tcp = bind(wanted, listening.sharing)
            .with_context(|| format!("failed to listen on {wanted}"))
            .context("failed to create listener")?;
        let address = tcp.local_addr()?;
        let stopping = CancellationToken::new();
        let streams = listening.most_streams.map_or(STREAMS, NonZeroU32::get);
        let port = Port { tcp, identity, handler, streams };
        tracing::info!(name: PLAIN, "Serving securely on {address}");
        let serving = tokio::spawn(port.serve(stopping.clone()));
        Ok(Self { address, stopping, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the port. Requests that are being answered have a second.
    pub async fn stop(self) {
        self.stopping.cancel();
        // It ends in time, or it has ended already.
        let _ = self.serving.await;
    }
}

/// All addresses of a machine are those of both families, where it has both.
fn bind(wanted: SocketAddr, sharing: Sharing) -> std::io::Result<TcpListener> {
    if wanted.ip().is_unspecified() {
        let both = SocketAddr::new(IpAddr::from(Ipv6Addr::UNSPECIFIED), wanted.port());
        match listen(both, sharing) {
            Err(error) if error.kind() != std::io::ErrorKind::AddrInUse => {}
            opened => return opened,
        }
    }
    listen(wanted, sharing)
}

fn listen(address: SocketAddr, sharing: Sharing) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(sharing == Sharing::Permitted)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

struct Port<H> {
    tcp: TcpListener,
    identity: Identity,
    handler: Arc<H>,
    /// How many requests of one connection are answered at a time.
    streams: u32,
}

impl<H: Answers> Port<H> {
    async fn serve(self, stopping: CancellationToken) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = async {
                // The semaphore is never closed.
                let place = places.clone().acquire_owned().await.ok();
                (self.tcp.accept().await, place)
            };
            let (accepted, place) = tokio::select! {
                accepted = accepted => accepted,
                () = stopping.cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let tls = TlsAcceptor::from(self.identity.current());
                    let client = Client {
                        tls,
                        handler: self.handler.clone(),
                        watcher: graceful.watcher(),
                        streams: self.streams,
                    };
                    let connected = client.served(stream);
                    tokio::spawn(async move {
                        connected.await;
                        drop(place);
                    });
                }
                // Too many open files, or the client is gone already: the next one may do better.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        drop(self.tcp);
        let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
    }
}

/// What a connection is served with.
struct Client<H> {
    tls: TlsAcceptor,
    handler: Arc<H>,
    watcher: Watcher,
    streams: u32,
}

impl<H: Answers> Client<H> {
    async fn served(self, mut stream: TcpStream) {
        let Self { tls, handler, watcher, streams } = self;
        // Without this, small answers wait for the acknowledgement of the ones before.
        let _ = stream.set_nodelay(true);
        let mut first = [0];
        let arrived = tokio::time::timeout(HANDSHAKE, stream.peek(&mut first)).await;
        if !matches!(arrived, Ok(Ok(1))) {
            return;
        }
        if first != [HANDSHAKE_RECORD] {
            // What was sent is read first: closing a connection with something unread takes the answer
            // back.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(NO_TLS).await;
            let _ = stream.shutdown().await;
            return;
        }
        let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await else {
            return;
        };
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let certificates: Arc<[CertificateDer<'static>]> = certificates.to_vec().into();
        let service = service_fn(move |request| {
            let (handler, certificates) = (handler.clone(), certificates.clone());
            async move { Ok::<_, Infallible>(handler.answer(request, &certificates).await) }
        });
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        server
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(streams)
            .keep_alive_interval(PATIENCE);
        let connection = server.serve_connection(TokioIo::new(stream), service);
        // A client that goes away in the middle has nobody to tell.
        let _ = watcher.watch(connection.into_owned()).await;
    }
}
