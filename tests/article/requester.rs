//! The client's requests: so many in a second, each on a connection of its own, and none waits for
//! another, so that a stalled one does not hide what happens meanwhile.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::network::Place;

/// After this an attempt is over. The kernel repeats a lost SYN after one second, then after two more.
const PATIENCE: Duration = Duration::from_secs(8);
/// Whoever connects after this had lost a SYN.
const STALL: Duration = Duration::from_millis(900);

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// When it began.
    pub began: SystemTime,
    /// How long it took to connect, or to give up.
    pub connecting: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A Pod has answered.
    Answered(String),
    /// Nobody listened, or the connection was cut.
    Failed(String),
}

impl Request {
    /// Whether a SYN was lost on the way.
    pub fn stalled(&self) -> bool {
        self.connecting >= STALL
    }

    /// The Pod that answered.
    ///
    /// # Panics
    /// If none did.
    pub fn pod(&self) -> &str {
        match &self.outcome {
            Outcome::Answered(name) => name,
            Outcome::Failed(why) => panic!("a request failed: {why}"),
        }
    }
}

/// Requests that are under way.
pub struct Requests(Child);

impl Requests {
    /// Begins to send them from a place, so many in a second, until they are stopped.
    pub fn begin(from: &Place, to: SocketAddr, rate: u32) -> Self {
        Self::send(from, to, rate, 0)
    }

    fn send(from: &Place, to: SocketAddr, rate: u32, count: u32) -> Self {
        let program = std::env::current_exe().unwrap();
        let sending = from
            .command(program.to_str().unwrap())
            .args(["request", &to.to_string(), &rate.to_string(), &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(sending)
    }

    /// Stops, and waits for what is still under way.
    pub fn stop(mut self) -> Vec<Request> {
        drop(self.0.stdin.take());
        self.all()
    }

    fn all(mut self) -> Vec<Request> {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let mut requests: Vec<Request> = lines.map(|line| read(&line.unwrap())).collect();
        assert!(self.0.wait().unwrap().success());
        requests.sort_by_key(|request| request.began);
        requests
    }
}

/// Sends some requests from a place, and waits for all answers.
pub async fn requests(from: &Place, to: SocketAddr, rate: u32, count: u32) -> Vec<Request> {
    let mut requests = Requests::send(from, to, rate, count);
    let input = requests.0.stdin.take();
    let answers = tokio::task::spawn_blocking(move || requests.all()).await.unwrap();
    drop(input);
    answers
}

/// The program in the client's namespace. It prints a line for each request; `count` 0 means: until
/// standard input closes.
pub fn run(address: &str, rate: &str, count: &str) -> ExitCode {
    let address: SocketAddr = address.parse().unwrap();
    let pause = Duration::from_secs(1) / rate.parse::<u32>().unwrap();
    let count: u32 = count.parse().unwrap();
    let stopped = thread::spawn(|| std::io::stdin().read(&mut [0]));
    let began = Instant::now();
    let mut under_way = Vec::new();
    for number in 0.. {
        if (count > 0 && number == count) || (count == 0 && stopped.is_finished()) {
            break;
        }
        thread::sleep((pause * number).saturating_sub(began.elapsed()));
        under_way.push(thread::spawn(move || request(address)));
    }
    under_way.into_iter().for_each(|request| request.join().unwrap());
    ExitCode::SUCCESS
}

fn request(address: SocketAddr) {
    let began = SystemTime::now();
    let start = Instant::now();
    let stream = TcpStream::connect_timeout(&address, PATIENCE);
    let connecting = start.elapsed();
    let since_epoch = began.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let outcome = match stream.and_then(ask) {
        Ok(name) => format!("answered {}", name.trim()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => "failed refused".to_owned(),
        Err(error) => format!("failed {error}"),
    };
    println!("{since_epoch} {} {outcome}", connecting.as_micros());
}

/// The body of the answer.
fn ask(mut stream: TcpStream) -> std::io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: hostnames\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    Ok(body.to_owned())
}

fn read(line: &str) -> Request {
    let mut words = line.splitn(4, ' ');
    let mut word = || words.next().unwrap().to_owned();
    let micros = |text: String| Duration::from_micros(text.parse().unwrap());
    let began = SystemTime::UNIX_EPOCH + micros(word());
    let connecting = micros(word());
    let outcome = match word().as_str() {
        "answered" => Outcome::Answered(word()),
        _ => Outcome::Failed(word()),
    };
    Request { began, connecting, outcome }
}
