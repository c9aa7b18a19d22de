//! A PostgreSQL that is killed (SIGKILL) and started again over the same data.

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::try_psql;

/// Settings of a server whose acknowledged commits survive the end of its processes: WAL is written at commit
/// (the operating system goes on, so nothing has to be synced), and half-written pages are mended. Dead rows
/// are vacuumed away while a sweep makes them.
pub const SETTINGS: &[&str] = &[
    "log_statement = 'none'",
    "synchronous_commit = on",
    "full_page_writes = on",
    "shared_buffers = 256MB",
    "max_wal_size = 2GB",
    "max_connections = 300",
    "max_prepared_transactions = 10",
    "autovacuum_naptime = 1s",
    "autovacuum_vacuum_cost_delay = 0",
];

/// The server of a [`crate::support::World`], beside its own handle on it.
pub struct Server {
    folder: PathBuf,
    port: u16,
    program: PathBuf,
    again: Mutex<Option<Child>>,
}

impl Server {
    /// The one that runs in this folder.
    pub fn new(folder: &Path, port: u16) -> Self {
        let postmaster = postmaster_of(folder);
        let program = fs::read_link(format!("/proc/{postmaster}/exe")).expect("the server's program");
        Self { folder: folder.to_owned(), port, program, again: Mutex::new(None) }
    }

    /// Kills every process of it, and starts it again.
    pub fn kill_and_restart(&self) {
        let postmaster = postmaster_of(&self.folder);
        let mut all = vec![postmaster];
        all.extend(children_of(postmaster));
        for &pid in &all {
            kill(pid);
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while all.iter().any(|&pid| is_alive(pid)) {
            assert!(Instant::now() < deadline, "processes of the server outlive SIGKILL");
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(mut child) = self.again.lock().unwrap().take() {
            child.wait().unwrap();
        }
        // The first one is a zombie until its World ends, which looks alive to the next.
        for lock in ["data/postmaster.pid".to_owned(), format!(".s.PGSQL.{}.lock", self.port)] {
            let _ = fs::remove_file(self.folder.join(lock));
        }
        *self.again.lock().unwrap() = Some(self.launch());
        self.wait();
    }

    /// Kills one process that serves a connection; the server then ends all of them and recovers by itself.
    pub fn kill_backend(&self, choose: impl FnOnce(usize) -> usize) {
        let conn = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port);
        let output = try_psql(
            &conn,
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid",
        );
        let pids: Vec<u32> =
            String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.parse().ok()).collect();
        if let Some(&pid) = pids.get(choose(pids.len())) {
            kill(pid);
        }
        // It takes a moment to notice.
        std::thread::sleep(Duration::from_millis(100));
        self.wait();
    }

    fn launch(&self) -> Child {
        let owner = fs::metadata(self.folder.join("data")).unwrap();
        let log = fs::OpenOptions::new().append(true).open(self.folder.join("server.log")).unwrap();
        let mut command = Command::new(&self.program);
        command.args(["-D", "data", "-p", &self.port.to_string(), "-k"]).arg(&self.folder).current_dir(&self.folder);
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the server starts again")
    }

    /// Until it answers.
    fn wait(&self) {
        let conn = format!("host=127.0.0.1 port={} user=postgres dbname=postgres connect_timeout=2", self.port);
        let deadline = Instant::now() + Duration::from_secs(60);
        while !try_psql(&conn, "SELECT 1").status.success() {
            let log = || fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the server has not recovered\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.again.lock().unwrap().take() {
            let _ = kill_process(Pid::from_child(&child), Signal::INT);
            let _ = child.wait();
        }
    }
}

/// SIGKILL. It may have ended by itself.
pub fn kill(pid: u32) {
    if let Some(pid) = Pid::from_raw(pid as i32) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn postmaster_of(folder: &Path) -> u32 {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).expect("the server runs");
    text.lines().next().unwrap().trim().parse().unwrap()
}

/// State and parent, from /proc.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut rest = text.rsplit_once(')')?.1.split_whitespace();
    Some((rest.next()?.chars().next()?, rest.next()?.parse().ok()?))
}

fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

fn children_of(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|&pid| stat(pid).is_some_and(|(_, its)| its == parent)).collect()
}
