//! Standbys, and peers that play dead.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pgveil::cli::demo::{cluster::free_port, proxy::Proxy};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    raw::message,
    support::{Builder, PEOPLE, PEOPLE_POLICY, World, psql, stderr, stdout, try_psql},
};

/// What pgveil needs to read verifiers.
pub const GRANT: &str =
    "GRANT SELECT (rolname, rolpassword, rolvaliduntil, rolcanlogin) ON pg_catalog.pg_authid TO pgveil";

/// pg_hba.conf of servers that are copied from others.
pub const HBA: &str = "local replication all trust\nhost all all all scram-sha-256";

/// A server of its own, with the usual table; nothing runs before it.
pub fn builder() -> Builder {
    World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).hba(HBA).superuser_sql(GRANT).not_running()
}

/// `upstream:` with these hosts.
pub fn upstream(hosts: &[String], more: &str) -> String {
    let hosts: Vec<_> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
    format!("upstream: {{ hosts: [{}]{more} }}\n", hosts.join(", "))
}

/// A host of 127.0.0.1.
pub fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// A connection string of `app` to a pgveil.
pub fn through(proxy: &Proxy, world: &World) -> String {
    format!(
        "host=127.0.0.1 port={} user=app password=app dbname={} gssencmode=disable connect_timeout=30",
        proxy.address().port(),
        world.database()
    )
}

/// Port of the server that a new session comes to, or what the client hears.
pub fn where_to(conninfo: &str) -> Result<u16, String> {
    let output = try_psql(conninfo, "SELECT current_setting('port')");
    if output.status.success() { Ok(stdout(&output).trim().parse().unwrap()) } else { Err(stderr(&output)) }
}

/// Waits until something is so; gives how long that took.
#[track_caller]
pub fn wait(most: Duration, what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < most, "{what}: not within {most:?}");
        thread::sleep(Duration::from_millis(20));
    }
    began.elapsed()
}

/// Gives what a call returns, and how long it took.
pub fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = call();
    (done, began.elapsed())
}

pub fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}

/// Stops a process in its tracks; it goes on when this is dropped.
pub struct Frozen(u32);

impl Frozen {
    pub fn new(pid: u32) -> Self {
        signal(pid, Signal::STOP);
        Self(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal(self.0, Signal::CONT);
    }
}

/// The postmaster of a data directory.
pub fn postmaster(data: &Path) -> u32 {
    fs::read_to_string(data.join("postmaster.pid")).unwrap().lines().next().unwrap().parse().unwrap()
}

/// A streaming standby of a world's server. Its folder lies in the server's: should this process be killed,
/// it goes with it, and a server without its lock file ends by itself.
pub struct Standby {
    data: PathBuf,
    bin: PathBuf,
    pub port: u16,
    child: Option<Child>,
}

impl Standby {
    pub fn of(world: &World) -> Self {
        let superuser = world.superuser("postgres");
        let primary = PathBuf::from(psql(&superuser, "SHOW data_directory"));
        let program = fs::read_link(format!("/proc/{}/exe", postmaster(&primary))).unwrap();
        let bin = program.parent().unwrap().to_owned();
        let port = free_port().unwrap();
        let data = world.sockets().join(format!("standby{port}"));
        let mut standby = Self { data, bin, port, child: None };
        let output = standby
            .command("pg_basebackup")
            .args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-U", "postgres", "-h"])
            .arg(world.sockets())
            .args(["-p", &world.server_port().to_string(), "-D"])
            .arg(&standby.data)
            .output()
            .unwrap();
        assert!(output.status.success(), "pg_basebackup: {}", stderr(&output));
        standby.start();
        standby
    }

    /// As the account that the servers run as.
    fn command(&self, program: &str) -> Command {
        let owner = fs::metadata(self.data.parent().unwrap()).unwrap();
        let mut command = Command::new(self.bin.join(program));
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        command.env_clear().env("LC_ALL", "C").current_dir(self.data.parent().unwrap());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    pub fn start(&mut self) {
        let mut command = self.command("postgres");
        command.stderr(Stdio::null()).arg("-D").arg(&self.data).arg("-k").arg(self.data.parent().unwrap());
        self.child = Some(command.args(["-p", &self.port.to_string()]).process_group(0).spawn().unwrap());
        let pid_file = self.data.join("postmaster.pid");
        wait(Duration::from_secs(20), "the standby starts", || {
            fs::read_to_string(&pid_file)
                .is_ok_and(|text| text.lines().nth(7).is_some_and(|line| line.trim() == "ready"))
        });
    }

    /// As `pg_ctl promote` does it; waits until it is done.
    pub fn promote(&self) {
        let output = self.command("pg_ctl").args(["promote", "-w", "-D"]).arg(&self.data).output().unwrap();
        assert!(output.status.success(), "pg_ctl promote: {}", stderr(&output));
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), Signal::INT);
            child.wait().unwrap();
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a peer does with those who connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes the connection, and never says a word.
    Mute,
    /// Takes it, and closes it.
    Closes,
    /// Refuses with this SQLSTATE as its first message.
    Says(&'static str),
}

/// A peer that is no server. It works until the process ends.
pub struct Peer {
    pub port: u16,
}

impl Peer {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Self { port: listener.local_addr().unwrap().port() };
        thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                let mut stream: TcpStream = stream.unwrap();
                match manner {
                    Manner::Mute => kept.push(stream),
                    Manner::Closes => {}
                    Manner::Says(code) => {
                        thread::spawn(move || {
                            let mut length = [0; 4];
                            // SSLRequest first, if that comes.
                            for _ in 0..2 {
                                if stream.read_exact(&mut length).is_err() {
                                    return;
                                }
                                let length = u32::from_be_bytes(length) as usize;
                                let mut rest = vec![0; length - 4];
                                stream.read_exact(&mut rest).unwrap();
                                if length != 8 {
                                    break;
                                }
                                stream.write_all(b"N").unwrap();
                            }
                            let error = format!("SFATAL\0VFATAL\0C{code}\0Mthis is {code}\0\0");
                            let _ = stream.write_all(&message(b'E', error.as_bytes()));
                        });
                    }
                }
            }
        });
        peer
    }
}

/// A port whose queue of connections is full: the kernel drops further ones without a word.
pub struct Hole {
    pub port: u16,
    _listener: socket2::Socket,
    _queue: Vec<socket2::Socket>,
}

impl Hole {
    pub fn new() -> Self {
        use socket2::{Domain, Socket, Type};
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let queue = (0..4)
            .map(|_| {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                let _ = socket.connect(&address);
                socket
            })
            .collect();
        thread::sleep(Duration::from_millis(50));
        let hole = Self { port: address.as_socket().unwrap().port(), _listener: listener, _queue: queue };
        let dialed = TcpStream::connect_timeout(&address.as_socket().unwrap(), Duration::from_millis(300));
        assert_eq!(dialed.unwrap_err().kind(), std::io::ErrorKind::TimedOut, "a hole takes nobody");
        hole
    }
}
