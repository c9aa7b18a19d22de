//! A pgveil with metrics, and what is read from outside of it.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

use pgveil::cli::demo::{cluster::free_port, proxy::Proxy};

use crate::{
    door::{client::Client, setup},
    support::World,
};

/// A pgveil over a world's databases.
pub struct Running {
    pub proxy: Proxy,
    metrics: u16,
}

impl Running {
    pub fn start(world: &World, front: &str) -> Self {
        let metrics = free_port().unwrap();
        let proxy = world.replica(&format!("{front}metrics: {{ listen: \"127.0.0.1:{metrics}\" }}\n"));
        Self { proxy, metrics }
    }

    pub fn port(&self) -> u16 {
        setup::port(&self.proxy)
    }

    pub fn pid(&self) -> u32 {
        self.proxy.pid()
    }

    /// A gauge or counter; 0 if it is not there yet.
    pub fn metric(&self, name: &str) -> usize {
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse::<f64>().unwrap() as usize)
    }

    /// Open file descriptors.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// Waits until nobody is before the door any more.
    #[track_caller]
    pub fn wait_for_nobody(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.metric("pgveil_logins_waiting") > 0 {
            assert!(Instant::now() < deadline, "{} still wait", self.metric("pgveil_logins_waiting"));
            sleep(Duration::from_millis(20));
        }
    }

    /// A session over TLS.
    #[track_caller]
    pub fn session(&self, world: &World) -> Client {
        setup::session(Client::tls(Ipv4Addr::LOCALHOST, self.port()), world)
    }

    /// It has not failed in a way that its log shows.
    #[track_caller]
    pub fn is_well(&self) {
        let log = self.proxy.stderr();
        assert!(!log.contains("panicked"), "{log}");
    }
}

/// How long things took.
#[derive(Default)]
pub struct Pace(Vec<Duration>);

impl Pace {
    pub fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of them took at most.
    pub fn within(&self, share: f64) -> Duration {
        let mut all = self.0.clone();
        all.sort();
        all[((all.len() - 1) as f64 * share) as usize]
    }
}

impl std::fmt::Display for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return write!(f, "none");
        }
        let [half, most, all] = [0.5, 0.99, 1.0].map(|share| self.within(share).as_secs_f64() * 1000.0);
        write!(f, "{} in median {half:.2} ms, p99 {most:.2} ms, at most {all:.2} ms", self.count())
    }
}
