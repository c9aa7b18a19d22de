//! A `pgveil run` as a child process, for the demo and for the integration tests.

use std::{
    ffi::OsStr,
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

/// How long it may take to become ready, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no running pgveil.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// It ended, or never became ready.
    #[error("pgveil did not become ready; it says: {0}")]
    NotReady(String),
    /// The operating system failed.
    #[error("running pgveil: {0}")]
    Io(#[from] io::Error),
}

/// A running pgveil. Dropping it ends it.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    address: SocketAddr,
    stderr: Arc<Mutex<String>>,
}

impl Proxy {
    /// Runs `program run --config config` and waits for its `ready` line. `environment` is added to
    /// this process's. The child ends when this process does, however that happens.
    pub fn start<'a>(
        program: &Path,
        config: &Path,
        environment: impl IntoIterator<Item = (&'a str, &'a OsStr)>,
    ) -> Result<Self, ProxyError> {
        let mut child = Command::new(program)
            .args(["run", "--until-stdin-ends", "--config"])
            .arg(config)
            .envs(environment)
            // Ctrl-C in a terminal is for the parent, which ends it in order.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = Arc::new(Mutex::new(String::new()));
        let (ready, is_ready) = mpsc::channel();
        if let Some(pipe) = child.stderr.take() {
            let stderr = stderr.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    {
                        let mut stderr = locked(&stderr);
                        stderr.push_str(&line);
                        stderr.push('\n');
                    }
                    // After the text, so that who waits for the line can read it.
                    if let Some(address) = ready_address(&line) {
                        // Only the first is waited for.
                        let _ = ready.send(address);
                    }
                }
            });
        }
        // Ends early, without an address, if the child's standard error closes.
        let Ok(address) = is_ready.recv_timeout(PATIENCE) else {
            child.kill()?;
            child.wait()?;
            return Err(ProxyError::NotReady(locked(&stderr).trim().to_owned()));
        };
        Ok(Self { child, address, stderr })
    }

    /// Where it listens (the first TCP address).
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        locked(&self.stderr).clone()
    }

    /// Asks it to end (SIGTERM) and waits for that.
    pub fn stop(mut self) -> Result<ExitStatus, ProxyError> {
        self.end()
    }

    fn end(&mut self) -> Result<ExitStatus, ProxyError> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(io::Error::from)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                self.child.kill()?;
                return Ok(self.child.wait()?);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, pid = self.child.id(), "a pgveil child was not ended");
        }
    }
}

/// `ready listen=127.0.0.1:6432,… upstream=… protected_columns=…`
fn ready_address(line: &str) -> Option<SocketAddr> {
    let listen = line.split_once("ready listen=")?.1.split_whitespace().next()?;
    listen.split(',').find_map(|address| address.parse().ok())
}

/// A panic elsewhere leaves the text as good as it was.
fn locked(text: &Mutex<String>) -> MutexGuard<'_, String> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_ready_line() {
        let address = |line| ready_address(line).map(|address| address.to_string());
        assert_eq!(
            address("ready listen=127.0.0.1:6432 upstream=127.0.0.1:5432 protected_columns=5").as_deref(),
            Some("127.0.0.1:6432")
        );
        assert_eq!(address("ready listen=/run/.s.PGSQL.1,127.0.0.1:7 upstream=x").as_deref(), Some("127.0.0.1:7"));
        assert_eq!(address("already listening"), None);
    }
}
