//! The program in the Pods: it answers every request with the name of its Pod.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// As long as this file is there, the program of a Pod answers that it cannot serve. A name has no dots.
pub fn out_of_order(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.out-of-order"))
}

/// Serves on ports of both families until the process is killed.
pub fn serve(name: &str, folder: &str, ports: &[&str]) -> ExitCode {
    let file = out_of_order(Path::new(folder), name);
    let listen = |port: &&str| {
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port.parse().unwrap())).unwrap();
        let (name, file) = (name.to_owned(), file.clone());
        thread::spawn(move || accept(&listener, &name, &file))
    };
    let listening: Vec<_> = ports.iter().map(listen).collect();
    listening.into_iter().for_each(|port| port.join().unwrap());
    ExitCode::SUCCESS
}

fn accept(listener: &TcpListener, name: &str, file: &Path) {
    for stream in listener.incoming().flatten() {
        let status = if file.exists() { "503 Service Unavailable" } else { "200 OK" };
        let answer = format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{name}\n",
            name.len() + 1
        );
        thread::spawn(move || answer_with(stream, &answer));
    }
}

/// The request is read to its end first, else the kernel resets the connection when it is closed.
fn answer_with(mut stream: TcpStream, answer: &str) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let _ = stream.write_all(answer.as_bytes());
}
