//! A shim in front of PostgreSQL that kills a process at a certain step of what it does there.
//!
//! A step is what a process sends at once. It is killed (SIGKILL) before a step reaches the server, or after
//! it, when the process does not learn what came of it.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    process::Child,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

pub struct Steps {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    count: AtomicUsize,
    kill: Option<(usize, Moment)>,
    pid: Mutex<Option<Pid>>,
    known: Condvar,
}

impl Steps {
    /// In front of a server; kills at that step (the first is 0), or only counts.
    pub fn before(target: u16, kill: Option<(usize, Moment)>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared =
            Arc::new(Shared { count: AtomicUsize::new(0), kill, pid: Mutex::new(None), known: Condvar::new() });
        let steps = Self { port, shared: shared.clone() };
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let shared = shared.clone();
                thread::spawn(move || up(client, server, &shared));
                thread::spawn(move || down(back_from, back_to));
            }
        });
        steps
    }

    /// Whom to kill. Until this is said, the step at which it happens waits.
    pub fn victim(&self, child: &Child) {
        *self.shared.pid.lock().unwrap() = Some(Pid::from_child(child));
        self.shared.known.notify_all();
    }

    /// How many steps there were.
    pub fn count(&self) -> usize {
        self.shared.count.load(Ordering::SeqCst)
    }
}

fn up(mut client: TcpStream, mut server: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let step = shared.count.fetch_add(1, Ordering::SeqCst);
        let moment = shared.kill.filter(|(at, _)| *at == step).map(|(_, moment)| moment);
        if moment == Some(Moment::Before) {
            kill(shared);
            break;
        }
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
        if moment == Some(Moment::After) {
            // The server works on it; its answer may or may not get through.
            thread::sleep(Duration::from_millis(step as u64 % 3 * 5));
            kill(shared);
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

fn down(mut server: TcpStream, mut client: TcpStream) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        if client.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}

fn kill(shared: &Shared) {
    let mut pid = shared.pid.lock().unwrap();
    while pid.is_none() {
        pid = shared.known.wait(pid).unwrap();
    }
    // It may have ended by itself.
    let _ = kill_process(pid.unwrap(), Signal::KILL);
}
