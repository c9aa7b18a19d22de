//! Listens, accepts, and hands sockets to the door, and sessions from there to per-core runtimes.
//!
//! Each session is one task on one single-threaded runtime: no locks between the two directions, and
//! no stealing of half-warm tasks. Each goes to the runtime with the fewest.

use std::{
    io,
    net::IpAddr,
    num::NonZero,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, UnixListener},
    runtime::{Builder, Handle},
    sync::{mpsc, watch},
};

use super::{
    beside::Beside,
    database::Database,
    door::{self, Door, DoorError, Greeting, Knock, NewSession},
    drain::Drain,
    engine::Session,
    keeper::Keeper,
    relay,
    upstream::{Upstream, prepare},
};
use crate::{
    admin,
    config::{Listen, Policy},
    wire::{stream::Parked, tls::TlsError},
};

/// Why serving could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// A protected database cannot be served.
    #[error("database \"{database}\": {error}")]
    Database {
        /// Its name.
        database: String,
        /// Why.
        error: Box<dyn std::error::Error + Send + Sync>,
        /// What to do.
        hint: String,
    },
    /// The policy does not fit the catalog.
    #[error("database \"{database}\": {message}")]
    Mismatch {
        /// Its name.
        database: String,
        /// All mismatches, one a line.
        message: String,
    },
    /// Certificates for the way upstream.
    #[error("upstream: {0}")]
    Upstream(TlsError),
    /// Certificates or users.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// Threads or sockets.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is still there at the deadline gets this long to be told so.
const ENDING: Duration = Duration::from_millis(1500);

/// What works beside the sessions gets this long from then on to come to its end.
const LEAVING: Duration = Duration::from_secs(3);

/// One of the single-threaded runtimes.
struct Worker {
    handle: Handle,
    sessions: Arc<AtomicUsize>,
}

/// Counts a session of a worker as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves until `stops` says something (or has ended), then drains; when it says something again, ends at once.
///
/// `beside` works beside the sessions from when all databases are open. It is told when to come to an end; as
/// long as it takes for that, up to a few seconds, the keys stay in use.
pub async fn serve<B, W>(policy: Arc<Policy>, mut stops: mpsc::Receiver<()>, beside: B) -> Result<(), ServeError>
where
    B: FnOnce(Beside) -> W,
    W: Future<Output = ()> + Send + 'static,
{
    raise_descriptors(&policy);
    let (drain, draining) = watch::channel(Drain::Running);
    let upstream = Upstream::new(&policy).map_err(ServeError::Upstream)?;
    let mut door = Door::new(&policy, &upstream)?;
    let ready = admin::Readiness::default();
    if let Some(address) = policy.metrics {
        admin::http::serve(address, ready.clone())
            .await
            .map_err(|error| ServeError::Listen { address: address.to_string(), error })?;
    }
    // A policy that does not match the catalog is said at the start, not at the first statement.
    let mut databases = Vec::new();
    for name in policy.databases.keys() {
        let database = door.database(name).await.map_err(|error| ServeError::Database {
            database: name.clone(),
            hint: error.hint(),
            error: Box::new(error),
        })?;
        refuse_mismatches(&database)?;
        door.shares(database.keyring.mock_secret());
        tokio::spawn(Arc::clone(&database).watch(ready.clone()));
        databases.push(database);
    }
    let door = Arc::new(door);
    let floor =
        Arc::new(Floor { workers: workers()?, draining, policy: Arc::clone(&policy), upstream: Arc::clone(&upstream) });
    let porch = porch()?;
    let mut listeners = Vec::new();
    let mut shown = Vec::new();
    for listen in &policy.listen {
        let (listener, address) = bind(listen).await?;
        listeners.push(listener);
        shown.push(address);
    }
    tokio::spawn(Arc::clone(&door).watch());
    eprintln!(
        "ready listen={} upstream={} protected_columns={}",
        shown.join(","),
        upstream.shown(),
        policy.protected_columns()
    );
    ready.serving();
    let (leave, leaves) = watch::channel(false);
    let served = databases.iter().map(|database| database.served()).collect();
    let company = tokio::spawn(beside(Beside { databases: served, upstream: Arc::clone(&upstream), leave: leaves }));
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(accept(listener, Arc::clone(&door), porch.clone(), Arc::clone(&floor))))
        .collect();
    stops.recv().await;
    ready.draining();
    for task in accepting {
        task.abort();
    }
    door.close();
    leave.send_replace(true);
    drain.send_replace(Drain::Draining);
    tracing::info!(sessions = door.slots.taken(), "draining");
    let empty = || async {
        while door.slots.taken() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let again = async {
        // A sender that is gone says nothing more.
        if stops.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    };
    let left = tokio::select! {
        () = empty() => None,
        () = tokio::time::sleep(policy.timeouts.drain) => Some("the deadline has passed"),
        () = again => Some("told to stop again"),
    };
    if let Some(why) = left {
        tracing::warn!(sessions = door.slots.taken(), "ending sessions: {why}");
        drain.send_replace(Drain::Ending);
        // A peer that does not take its last message does not keep the process.
        let _ = tokio::time::timeout(ENDING, empty()).await;
    }
    // Before the keys: what is under way there holds permits.
    if tokio::time::timeout(LEAVING, company).await.is_err() {
        tracing::warn!("what works beside the sessions has not come to its end in time");
    }
    for database in databases {
        database.close().await;
    }
    for listen in &policy.listen {
        if let Listen::Unix(directory) = listen {
            let _ = std::fs::remove_file(socket_path(directory));
        }
    }
    Ok(())
}

/// File descriptors that pgveil may need.
pub fn descriptors(policy: &Policy) -> u64 {
    let cancels = door::MOST_CANCELS * policy.upstream.hosts.len();
    (2 * policy.limits.max_connections + policy.limits.max_logins + cancels + 100) as u64
}

/// Each session takes two descriptors. The soft limit of most systems is 1,024, for the sake of programs
/// that use `select`; the hard one is what the administrator means.
fn raise_descriptors(policy: &Policy) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = descriptors(policy);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = limit.maximum;
        let raised = setrlimit(Resource::Nofile, limit).is_ok();
        if !raised || limit.maximum.is_some_and(|maximum| maximum < wanted) {
            tracing::warn!(
                wanted,
                allowed = limit.maximum,
                "limits.max_connections needs more file descriptors than the system allows: see ulimit -n"
            );
        }
    }
}

fn refuse_mismatches(database: &Database) -> Result<(), ServeError> {
    let lines: Vec<String> = database.with_catalog(|catalog| {
        catalog.mismatches.iter().map(|m| format!("{} [{}]\n  hint: {}", m.message, m.code, m.hint)).collect()
    });
    if lines.is_empty() {
        return Ok(());
    }
    Err(ServeError::Mismatch {
        database: database.policy.name.clone(),
        message: format!("the policy does not match the catalog:\n{}", lines.join("\n")),
    })
}

/// The door's runtime: as many threads as half the cores, at least one, so that however many knock, there
/// is as much of the machine for sessions.
fn porch() -> Result<Handle, io::Error> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = Builder::new_multi_thread()
        .worker_threads(cores.div_ceil(2).min(4))
        .thread_name("pgveil-door")
        .on_thread_start(yield_to_sessions)
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("pgveil-door".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

/// Lowers the priority of the calling thread: handshakes, the hashing of passwords and sweeps take what sessions
/// leave of the processors.
#[cfg(target_os = "linux")]
pub fn yield_to_sessions() {
    // Linux has a priority a thread, whatever POSIX says of processes (setpriority(2)). Where it may not be
    // lowered, threads are equal.
    let _ = rustix::process::nice(10);
}

/// Priorities are a process's here.
#[cfg(not(target_os = "linux"))]
pub fn yield_to_sessions() {}

/// A runtime a core, each on a thread of its own.
fn workers() -> Result<Vec<Worker>, io::Error> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    (0..cores)
        .map(|number| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            std::thread::Builder::new()
                .name(format!("pgveil-{number}"))
                .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
            Ok(Worker { handle, sessions: Arc::default() })
        })
        .collect()
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

fn socket_path(directory: &std::path::Path) -> std::path::PathBuf {
    directory.join(".s.PGSQL.6432")
}

async fn bind(listen: &Listen) -> Result<(Listener, String), ServeError> {
    match listen {
        Listen::Tcp(host, port) => {
            let failed = |error| ServeError::Listen { address: format!("{host}:{port}"), error };
            let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?.to_string();
            Ok((Listener::Tcp(listener), address))
        }
        Listen::Unix(directory) => {
            let path = socket_path(directory);
            let failed = |error| ServeError::Listen { address: path.display().to_string(), error };
            // A socket that nobody listens on is left over from a process that was killed.
            let socket = std::fs::symlink_metadata(&path).is_ok_and(|file| file.file_type().is_socket());
            let refuses = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
            if socket && std::os::unix::net::UnixStream::connect(&path).is_err_and(refuses) {
                std::fs::remove_file(&path).map_err(failed)?;
            }
            let listener = UnixListener::bind(&path).map_err(failed)?;
            // As `unix_socket_permissions` of PostgreSQL by default: the directory's rights say who may come
            // here, the login who may enter.
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).map_err(failed)?;
            Ok((Listener::Unix(listener), path.display().to_string()))
        }
    }
}

async fn accept(listener: Listener, door: Arc<Door>, porch: Handle, floor: Arc<Floor>) {
    let mut told: Option<Instant> = None;
    loop {
        door.room().await;
        match knock(&listener, &door).await {
            Ok(knock) => {
                let floor = Arc::clone(&floor);
                door.knock(&porch, knock, move |session| floor.seat(session));
            }
            Err(error) => {
                // Out of descriptors, or a client that was gone at once: others must not suffer, nor the log.
                if told.is_none_or(|told| told.elapsed() > Duration::from_secs(1)) {
                    tracing::warn!(%error, "a connection could not be accepted");
                    told = Some(Instant::now());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn knock(listener: &Listener, door: &Door) -> io::Result<Knock> {
    match listener {
        Listener::Tcp(listener) => {
            let (socket, peer) = listener.accept().await?;
            prepare(&socket, door.policy.timeouts.keepalive)?;
            Ok(Knock { socket: Parked::Tcp(socket.into_std()?), peer: Some(canonical(peer.ip())) })
        }
        Listener::Unix(listener) => {
            let (socket, _) = listener.accept().await?;
            Ok(Knock { socket: Parked::Unix(socket.into_std()?), peer: None })
        }
    }
}

/// An IPv4 address is the same one behind a socket of both families.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Where sessions are served.
struct Floor {
    workers: Vec<Worker>,
    draining: watch::Receiver<Drain>,
    policy: Arc<Policy>,
    upstream: Arc<Upstream>,
}

impl Floor {
    /// Gives a session to the worker with the fewest.
    fn seat(&self, session: NewSession) {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.sessions.load(Ordering::Relaxed)) else {
            return;
        };
        let NewSession { client, server, place, greeting, database } = session;
        // Descriptors that cannot be moved belong to a connection that has failed.
        let (Ok(client), Ok(server)) = (client.park(), server.park()) else { return };
        worker.sessions.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Arc::clone(&worker.sessions));
        let Greeting { environment, status, key, seat } = greeting;
        let canceller = self.upstream.canceller(place);
        let keeper = Keeper::new(&self.policy.timeouts, canceller, key, self.draining.clone());
        worker.handle.spawn(async move {
            let (Ok(client), Ok(server)) = (client.unpark(), server.unpark()) else { return };
            // The state of a session is large; a boxed future keeps the task small.
            let end = match database {
                None => Box::pin(relay::run(client, server, status, keeper)).await,
                Some(database) => {
                    Box::pin(Session::new(database, client, server, environment, status).run(keeper)).await
                }
            };
            tracing::debug!(?end, "session ended");
            drop((seat, counted));
        });
    }
}
