//! What a Service does in front of replicas: each connection goes to the next one that is there.

use tokio::net::{TcpListener, TcpStream};

/// Passes connections on to some ports of this machine, and tells its own.
pub async fn before(ports: Vec<u16>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for turn in 0.. {
            let (client, _) = listener.accept().await.unwrap();
            let from = turn % ports.len();
            let order: Vec<u16> = ports[from..].iter().chain(&ports[..from]).copied().collect();
            tokio::spawn(pass_on(client, order));
        }
    });
    port
}

async fn pass_on(mut client: TcpStream, ports: Vec<u16>) {
    for port in ports {
        if let Ok(mut replica) = TcpStream::connect(("127.0.0.1", port)).await {
            // Either side may end it.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut replica).await;
            return;
        }
    }
}
