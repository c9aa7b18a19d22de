//! A TCP shim between two peers: it cuts what passes at random places, and remembers what it saw.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

/// How bytes are passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// As they come.
    Not,
    /// In pieces of random size; single bytes now and then.
    Random,
}

/// A shim. It works until the process ends.
#[derive(Clone)]
pub struct Shim {
    pub port: u16,
    /// Everything that went towards the server.
    pub up: Arc<Mutex<Vec<u8>>>,
    /// How many have connected.
    pub connections: Arc<AtomicUsize>,
}

/// xorshift64*: all that is wanted is that it differs, and is the same again for a seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 0 ≤ n < `end`
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }
}

impl Shim {
    /// Listens on a free port and passes on to another.
    pub fn start(target: u16, cut: Cut, record: bool) -> Self {
        Self::over(vec![target], cut, record)
    }

    /// A balancer: each connection goes to the next of the ports, in turn.
    pub fn balance(targets: &[u16]) -> Self {
        Self::over(targets.to_vec(), Cut::Not, false)
    }

    fn over(targets: Vec<u16>, cut: Cut, record: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shim = Self { port, up: Arc::default(), connections: Arc::default() };
        let up = record.then(|| Arc::clone(&shim.up));
        let connections = Arc::clone(&shim.connections);
        thread::spawn(move || {
            static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let target = targets[connections.fetch_add(1, Ordering::Relaxed) % targets.len()];
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let seed = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
                let (up, client_too, server_too) =
                    (up.clone(), client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(client, server, cut, Random::new(seed), up.as_deref()));
                thread::spawn(move || pass(server_too, client_too, cut, Random::new(seed ^ 0xffff), None));
            }
        });
        shim
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, cut: Cut, mut random: Random, record: Option<&Mutex<Vec<u8>>>) {
    to.set_nodelay(true).unwrap();
    // Some connections are cut finer than others.
    let largest = [1, 3, 40, 900][random.below(4)];
    let mut buffer = vec![0; 65_536];
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(n) => n,
        };
        if let Some(record) = record {
            record.lock().unwrap().extend_from_slice(&buffer[..n]);
        }
        let mut rest = &buffer[..n];
        while !rest.is_empty() {
            let piece = match cut {
                Cut::Not => rest.len(),
                // What is long is cut finely only at its ends, or it would take all day.
                Cut::Random if rest.len() > 4000 && n - rest.len() > 200 => 1 + random.below(rest.len() - 200),
                Cut::Random => rest.len().min(1 + random.below(largest)),
            };
            if to.write_all(&rest[..piece]).is_err() {
                let _ = from.shutdown(Shutdown::Read);
                return;
            }
            rest = &rest[piece..];
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
