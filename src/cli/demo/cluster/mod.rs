//! A private throw-away PostgreSQL cluster, for the demo and for the integration tests.
//!
//! It lives in one temporary folder (data, socket, log), listens on a free port of 127.0.0.1 only,
//! and is gone when its [`Cluster`] is dropped. Should this process be killed so that nothing is
//! dropped, a watchdog notices the closed pipe and does the same.

mod binaries;

use std::{
    fs, io,
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use binaries::Binaries;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// Attempts to find a port: between asking for a free one and the server's bind another process
/// may take it.
const PORT_ATTEMPTS: usize = 10;

/// Ends an orphaned server and removes its folder. Waits for the end of its standard input, which
/// only comes when this process is gone. No foreign process is hit: the one that `postmaster.pid`
/// names must have the folder on its command line (that number is negative while initdb runs).
const WATCHDOG: &str = r#"
while read -r _; do :; done
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
case $pid in
  '' | *[!0-9]*) ;;
  *) if [ ! -d /proc/self ] || grep -q -- "$1" "/proc/$pid/cmdline"; then kill -INT "$pid"; fi ;;
esac
i=0
while [ -e "$1/data/postmaster.pid" ] && [ $i -lt 50 ]; do sleep 0.2; i=$((i+1)); done
while [ -e "$1" ] && [ $i -lt 100 ]; do rm -rf "$1"; sleep 0.1; i=$((i+1)); done
"#;

/// Why no private cluster could be had.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No server programs found.
    #[error(
        "PostgreSQL's server programs (initdb, postgres) were not found in {searched}; install the package `postgresql` or set PGVEIL_PG_BIN to their folder"
    )]
    NotInstalled {
        /// Where was looked.
        searched: String,
    },
    /// Only an unsupported release found.
    #[error(
        "PostgreSQL {major} in {folder} is too old: pgveil needs 15 or newer; install one or set PGVEIL_PG_BIN to its folder"
    )]
    TooOld {
        /// Its major version.
        major: u32,
        /// Where it is.
        folder: PathBuf,
    },
    /// PostgreSQL refuses to run as root and there is nobody else to run it as.
    #[error(
        "PostgreSQL does not run as root, and this machine has neither a user `postgres` nor `nobody`: run as an ordinary user"
    )]
    NoUser,
    /// A program failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// Which one.
        program: &'static str,
        /// What it said.
        output: String,
    },
    /// Did not come up in time.
    #[error("the private PostgreSQL server did not start within {} s; its log says: {log}", PATIENCE.as_secs())]
    Timeout {
        /// End of its log.
        log: String,
    },
    /// Files and processes.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

/// How a cluster lets its clients in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ClusterAuth {
    /// No password is asked for.
    #[default]
    Trust,
    /// `scram-sha-256` for everyone.
    Scram,
}

/// What may be chosen about a cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// How clients log in.
    pub auth: ClusterAuth,
    /// Further lines for postgresql.conf, e.g. `log_statement = 'all'`.
    pub settings: Vec<String>,
}

/// A running private cluster with the superuser `postgres` (password `postgres`).
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    port: u16,
    major: u32,
    server: Option<Child>,
    watchdog: Option<Child>,
}

impl Cluster {
    /// Starts one; blocks for about a second.
    pub fn start(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let binaries = Binaries::find()?;
        let account = Account::choose()?;
        let mut cluster =
            Self { folder: new_folder(account)?, port: 0, major: binaries.major, server: None, watchdog: None };
        // From here on, dropping `cluster` removes the folder, and so does the watchdog if we are killed.
        cluster.watch()?;
        cluster.initialise(&binaries, account, options)?;
        for attempt in 1..=PORT_ATTEMPTS {
            cluster.port = free_port().map_err(io_error("looking for a free port"))?;
            match cluster.launch(&binaries, account) {
                Err(ClusterError::Failed { output, .. }) if attempt < PORT_ATTEMPTS && port_taken(&output) => {}
                other => return other.map(|()| cluster),
            }
        }
        Err(ClusterError::Failed { program: "postgres", output: "no free port on 127.0.0.1".to_owned() })
    }

    /// TCP port on 127.0.0.1; the socket in [`Cluster::dir`] has the same number.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder that holds everything, the Unix socket too.
    pub fn dir(&self) -> &Path {
        &self.folder
    }

    /// The server's major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The server's log file.
    pub fn log_path(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Connection string (libpq's keywords) of the superuser for one database, over TCP.
    pub fn conn_string(&self, database: &str) -> String {
        format!("host=127.0.0.1 port={} user=postgres password=postgres dbname={database}", self.port)
    }

    /// Stops the server (fast) and removes the folder. Dropping does the same, without telling of errors.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.end()
    }

    fn initialise(
        &self,
        binaries: &Binaries,
        account: Option<Account>,
        options: &ClusterOptions,
    ) -> Result<(), ClusterError> {
        let password_file = self.folder.join("password");
        fs::write(&password_file, "postgres\n").map_err(io_error("writing the password file"))?;
        let auth = match options.auth {
            ClusterAuth::Trust => "trust",
            ClusterAuth::Scram => "scram-sha-256",
        };
        let output = account
            .command(&binaries.folder.join("initdb"), &self.folder)
            .args(["--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"])
            .arg(format!("--auth={auth}"))
            .arg("--pgdata=data")
            .arg("--pwfile=password")
            .stdin(Stdio::null())
            .output()
            .map_err(io_error("running initdb"))?;
        if !output.status.success() {
            return Err(ClusterError::Failed { program: "initdb", output: one_line(&output.stderr) });
        }
        fs::remove_file(&password_file).map_err(io_error("removing the password file"))?;
        let mut settings = fs::OpenOptions::new()
            .append(true)
            .open(self.folder.join("data/postgresql.conf"))
            .map_err(io_error("opening postgresql.conf"))?;
        // Nothing here outlives the process, so durability is waste.
        let mut lines = String::from(
            "listen_addresses = '127.0.0.1'\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
             shared_buffers = 16MB\nmax_connections = 60\nautovacuum_naptime = 10min\n",
        );
        for line in &options.settings {
            lines.push_str(line);
            lines.push('\n');
        }
        settings.write_all(lines.as_bytes()).map_err(io_error("writing postgresql.conf"))
    }

    fn watch(&mut self) -> Result<(), ClusterError> {
        // As ourselves, not as the server's account: the folder may come to hold files of ours.
        let watchdog = None
            .command(Path::new("/bin/sh"), Path::new("/"))
            .args(["-c", WATCHDOG, "pgveil-watchdog"])
            .arg(&self.folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(io_error("starting the watchdog"))?;
        self.watchdog = Some(watchdog);
        Ok(())
    }

    /// Starts `postgres` as a direct child on [`Self::port`] and waits until it accepts connections.
    fn launch(&mut self, binaries: &Binaries, account: Option<Account>) -> Result<(), ClusterError> {
        let log = fs::File::create(self.log_path()).map_err(io_error("creating the server's log"))?;
        let log_too = log.try_clone().map_err(io_error("creating the server's log"))?;
        let mut server = account
            .command(&binaries.folder.join("postgres"), &self.folder)
            .args(["-D", "data", "-p"])
            .arg(self.port.to_string())
            .arg("-k")
            .arg(&self.folder)
            // Own group: Ctrl-C in a terminal is for us, who then stop it in order.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_too)
            .spawn()
            .map_err(io_error("starting postgres"))?;
        let outcome = self.wait_until_ready(&mut server);
        self.server = Some(server);
        if let Err(error) = outcome {
            self.end_server()?;
            return Err(error);
        }
        Ok(())
    }

    fn wait_until_ready(&self, server: &mut Child) -> Result<(), ClusterError> {
        let deadline = Instant::now() + PATIENCE;
        let pid_file = self.folder.join("data/postmaster.pid");
        loop {
            if server.try_wait().map_err(io_error("waiting for postgres"))?.is_some() {
                return Err(ClusterError::Failed { program: "postgres", output: self.end_of_log() });
            }
            // The eighth line is the status (LOCK_FILE_LINE_PM_STATUS in utils/pidfile.h).
            let status = fs::read_to_string(&pid_file).unwrap_or_default();
            if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(ClusterError::Timeout { log: self.end_of_log() });
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn end_of_log(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        one_line(log.get(log.len().saturating_sub(2000)..).unwrap_or_default())
    }

    fn end(&mut self) -> Result<(), ClusterError> {
        // The watchdog first: it must not act on a process number that is free again.
        if let Some(mut watchdog) = self.watchdog.take() {
            watchdog.kill().and_then(|()| watchdog.wait()).map_err(io_error("ending the watchdog"))?;
        }
        self.end_server()?;
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("removing the folder")(error)),
            _ => Ok(()),
        }
    }

    fn end_server(&mut self) -> Result<(), ClusterError> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        let failed = || io_error("stopping postgres");
        if server.try_wait().map_err(failed())?.is_some() {
            return Ok(());
        }
        // SIGINT is the fast shutdown.
        let pid = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).map_err(|e| failed()(e.into()))?;
        let deadline = Instant::now() + PATIENCE;
        while server.try_wait().map_err(failed())?.is_none() {
            if Instant::now() > deadline {
                server.kill().and_then(|()| server.wait()).map_err(failed())?;
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, folder = %self.folder.display(), "a private PostgreSQL cluster was not removed");
        }
    }
}

/// The operating system's account that runs the server; None: our own.
#[derive(Clone, Copy, Debug)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// PostgreSQL refuses to run as root.
    fn choose() -> Result<Option<Self>, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd").map_err(io_error("reading /etc/passwd"))?;
        let find = |name: &str| accounts.lines().find_map(|line| Self::parse(line, name));
        find("postgres").or_else(|| find("nobody")).map(Some).ok_or(ClusterError::NoUser)
    }

    /// `name:password:uid:gid:…`
    fn parse(line: &str, name: &str) -> Option<Self> {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { uid, gid })
    }
}

trait RunAs {
    fn command(self, program: &Path, folder: &Path) -> Command;
}

impl RunAs for Option<Account> {
    /// A command run by that account in that folder, with nothing of our environment: PGPORT,
    /// PGDATA or a locale that is not installed would change what it does.
    fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC").current_dir(folder);
        if let Some(account) = self {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }
}

/// Makes a folder of an unguessable name that `account` owns.
fn new_folder(account: Option<Account>) -> Result<PathBuf, ClusterError> {
    let mut parent = std::env::temp_dir();
    // A socket's path has at most 107 bytes (sun_path); ours adds about 45.
    if parent.as_os_str().len() > 60 {
        parent = PathBuf::from("/tmp");
    }
    let mut random = [0_u8; 6];
    getrandom::fill(&mut random).map_err(|e| io_error("asking for randomness")(io::Error::other(e)))?;
    let folder = parent.join(format!("pgveil-pg-{}", const_hex::encode(random)));
    fs::create_dir(&folder).map_err(io_error("creating a temporary folder"))?;
    // 0755: clients of other accounts reach the socket; the data folder itself is 0700.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).map_err(io_error("creating a temporary folder"))?;
    if let Some(Account { uid, gid }) = account {
        std::os::unix::fs::chown(&folder, Some(uid), Some(gid))
            .map_err(io_error("giving the folder to the account that runs PostgreSQL"))?;
    }
    Ok(folder)
}

/// Ports that systems do not give to clients by themselves: between a look and a `listen`, or while a
/// server is started again, nobody takes one.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// A port of 127.0.0.1 that is free at this moment.
pub fn free_port() -> io::Result<u16> {
    let mut random = [0_u8; 2];
    for _ in 0..100 {
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let port = PORTS.start + u16::from_be_bytes(random) % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

fn port_taken(log: &str) -> bool {
    log.contains("Address already in use") || log.contains("could not create any TCP/IP sockets")
}

fn one_line(output: &[u8]) -> String {
    String::from_utf8_lossy(output).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn io_error(what: &'static str) -> impl Fn(io::Error) -> ClusterError {
    move |source| ClusterError::Io { what, source }
}

#[cfg(test)]
mod tests;
