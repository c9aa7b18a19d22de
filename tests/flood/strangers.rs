//! Floods of strangers, made by threads until they are stopped.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio_rustls::rustls::{ClientConfig, ClientConnection, crypto::aws_lc_rs};

use crate::{
    door::client::{Client, Fault, Gullible, Login, SSL_REQUEST},
    raw::{message, startup},
};

/// A flood.
pub struct Flood {
    stop: Arc<AtomicBool>,
    /// Connections made, or attempts.
    pub made: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Flood {
    /// Calls `work` again and again on so many threads; it gets its thread's number.
    pub fn start<W: FnMut() + Send + 'static>(threads: usize, work: impl Fn(usize) -> W) -> Self {
        let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let threads = (0..threads).map(|number| {
            let (stop, made, mut work) = (Arc::clone(&stop), Arc::clone(&made), work(number));
            thread::spawn(move || {
                // Strangers work on machines of their own.
                let _ = rustix::process::nice(19);
                while !stop.load(Ordering::Relaxed) {
                    work();
                    made.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let threads = threads.collect();
        Self { stop, made, threads }
    }

    /// Keeps `count` connections open that say nothing, drip, or stop in the middle of TLS; those that are
    /// closed are made anew.
    pub fn of_silence(port: u16, count: usize) -> Self {
        const THREADS: usize = 2;
        Self::start(THREADS, move |thread| {
            let mut open: Vec<TcpStream> = Vec::new();
            let packet = startup(&[("user", "app"), ("application_name", &"x".repeat(4000))]);
            let (mut number, mut dripped) = (thread, Instant::now());
            move || {
                if dripped.elapsed() > Duration::from_secs(1) {
                    let at = dripped.elapsed().as_millis() as usize % packet.len();
                    for stream in open.iter_mut().skip(1).step_by(3) {
                        let _ = stream.write_all(&packet[at..at + 1]);
                    }
                    dripped = Instant::now();
                }
                if open.len() >= count / THREADS {
                    // One that the door has closed, if there is one, goes first.
                    let closed = open.iter_mut().take(64).position(|stream| {
                        let _ = stream.set_nonblocking(true);
                        let read = stream.read(&mut [0; 16]);
                        !matches!(&read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
                    });
                    open.remove(closed.unwrap_or(0));
                }
                if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
                    let _ = match number % 3 {
                        0 => Ok(()),
                        1 => stream.write_all(&packet[..6]),
                        _ => stream.write_all(&SSL_REQUEST).and_then(|()| {
                            let _ = stream.read(&mut [0]);
                            stream.write_all(&[22, 3, 1, 1, 0, 1, 0])
                        }),
                    };
                    number += 1;
                    open.push(stream);
                }
            }
        })
    }

    /// Whole TLS handshakes, one after the other; from many addresses, as one has not enough ports.
    pub fn of_handshakes(port: u16, threads: usize) -> Self {
        Self::start(threads, move |thread| {
            let mut sources = sources(thread);
            move || drop(Client::tls_or_none(sources.next().unwrap(), port))
        })
    }

    /// SCRAM exchanges with a wrong proof, over TLS, for many roles from many addresses.
    pub fn of_proofs(port: u16, threads: usize) -> Self {
        Self::of_logins(port, threads, "nobody")
    }

    /// Passwords, which pgveil has to hash.
    pub fn of_passwords(port: u16, threads: usize) -> Self {
        Self::of_logins(port, threads, "app")
    }

    fn of_logins(port: u16, threads: usize, role: &'static str) -> Self {
        Self::start(threads, move |thread| {
            let mut sources = sources(thread);
            move || {
                let source = sources.next().unwrap();
                let Some(client) = Client::dial_from(source, port).asks_tls() else { return };
                let Ok(mut client) = client.handshake(None, &[]) else { return };
                let mut how = Login::new(role, "wrong");
                how.fault = Fault::Proof;
                let _ = client.log_in(&[("user", role)], &how);
            }
        })
    }

    /// Logins that stop when a password is asked for, or a proof.
    pub fn of_half_logins(port: u16, count: usize) -> Self {
        Self::start(1, move |_| {
            let mut open = Vec::new();
            move || {
                if open.len() >= count {
                    open.remove(0);
                }
                let Some(client) = Client::dial(port).asks_tls() else { return };
                let Ok(mut client) = client.handshake(None, &[]) else { return };
                if client.try_send(&startup(&[("user", "app")])).is_ok() && client.request().is_ok() {
                    let _ = client.try_send(&message(b'p', b"")[..3]);
                    open.push(client);
                }
            }
        })
    }

    pub fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a flood's thread");
        }
        self.made.load(Ordering::Relaxed)
    }
}

/// The bytes that a TLS handshake begins with.
pub fn hello() -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible))
        .with_no_client_auth();
    let mut connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

/// Addresses of this host for one of the threads.
fn sources(thread: usize) -> impl Iterator<Item = Ipv4Addr> + Send {
    (1..=254).cycle().map(move |last| Ipv4Addr::new(127, 2, thread as u8, last))
}

impl Client {
    /// TLS by SSLRequest; None if the connection is closed instead.
    pub fn tls_or_none(source: Ipv4Addr, port: u16) -> Option<Self> {
        Self::dial_from(source, port).asks_tls()?.handshake(None, &[]).ok()
    }

    /// Asks for TLS; None if the connection is closed instead.
    pub fn asks_tls(mut self) -> Option<Self> {
        self.try_send(&SSL_REQUEST).ok()?;
        (self.byte() == Some(b'S')).then_some(self)
    }
}
