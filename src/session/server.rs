//! Listens, accepts, and hands sockets to per-core runtimes.
//!
//! Each session is one task on one single-threaded runtime: no locks between the two directions, and
//! no stealing of half-warm tasks. An acceptor gives each socket to the runtime with the fewest.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, UnixListener},
    runtime::{Builder, Handle},
    sync::{OnceCell, watch},
};

use super::{
    database::{Database, OpenError},
    login,
    problem::Problem,
};
use crate::{
    admin::{self, metrics::Meters},
    config::{Listen, Policy},
    wire::{backend::Severity, stream::Stream},
};

/// After a signal to stop, sessions in a transaction get this long.
const DRAIN: Duration = Duration::from_secs(30);

/// What all connections share.
pub struct Shared {
    /// The policy.
    pub policy: Arc<Policy>,
    databases: HashMap<String, OnceCell<Arc<Database>>>,
    connections: AtomicUsize,
}

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
    /// Threads or sockets.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Shared {
    /// A protected database, opened on first use.
    pub async fn database(&self, name: &str) -> Result<Arc<Database>, OpenError> {
        let Some((policy, cell)) = self.policy.databases.get(name).zip(self.databases.get(name)) else {
            return Err(OpenError::Timeout);
        };
        let opened = cell.get_or_try_init(|| Database::open(&self.policy, policy)).await?;
        Ok(Arc::clone(opened))
    }
}

/// One of the single-threaded runtimes.
struct Worker {
    handle: Handle,
    sessions: Arc<AtomicUsize>,
}

/// Counts a session as long as it lives.
struct Counted {
    shared: Arc<Shared>,
    worker: Arc<AtomicUsize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        self.worker.fetch_sub(1, Ordering::Relaxed);
        Meters::get().session_closed();
    }
}

/// Serves until `stop` resolves, then drains.
pub async fn serve(policy: Arc<Policy>, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
    let (drain, draining) = watch::channel(false);
    let databases = policy.databases.keys().map(|name| (name.clone(), OnceCell::new())).collect();
    let shared = Arc::new(Shared { policy: Arc::clone(&policy), databases, connections: AtomicUsize::new(0) });
    let ready = admin::Readiness::default();
    if let Some(address) = policy.metrics {
        admin::http::serve(address, ready.clone())
            .await
            .map_err(|error| ServeError::Listen { address: address.to_string(), error })?;
    }
    // A policy that does not match the catalog is said at the start, not at the first statement.
    for name in policy.databases.keys() {
        let database = shared.database(name).await.map_err(|error| ServeError::Database {
            database: name.clone(),
            hint: error.hint(),
            error: Box::new(error),
        })?;
        refuse_mismatches(&database)?;
        tokio::spawn(Arc::clone(&database).watch());
    }
    let workers = workers()?;
    let mut listeners = Vec::new();
    let mut shown = Vec::new();
    for listen in &policy.listen {
        let (listener, address) = bind(listen).await?;
        listeners.push(listener);
        shown.push(address);
    }
    let upstream: Vec<String> = policy.upstream.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
    eprintln!(
        "ready listen={} upstream={} protected_columns={}",
        shown.join(","),
        upstream.join(","),
        policy.protected_columns()
    );
    ready.set(true);
    let workers = Arc::new(workers);
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(accept(listener, Arc::clone(&shared), Arc::clone(&workers), draining.clone())))
        .collect();
    stop.await;
    ready.set(false);
    for task in accepting {
        task.abort();
    }
    drain.send_replace(true);
    tracing::info!(sessions = shared.connections.load(Ordering::Relaxed), "draining");
    let empty = async {
        while shared.connections.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(DRAIN, empty).await.is_err() {
        tracing::warn!("sessions were still in a transaction at the deadline");
    }
    for listen in &policy.listen {
        if let Listen::Unix(directory) = listen {
            let _ = std::fs::remove_file(socket_path(directory));
        }
    }
    Ok(())
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

/// A runtime a core, each on a thread of its own.
fn workers() -> Result<Vec<Worker>, io::Error> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
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
            // A socket that nobody answers on is left over from a process that was killed.
            if std::os::unix::net::UnixStream::connect(&path).is_err() {
                let _ = std::fs::remove_file(&path);
            }
            let listener = UnixListener::bind(&path).map_err(failed)?;
            Ok((Listener::Unix(listener), path.display().to_string()))
        }
    }
}

async fn accept(listener: Listener, shared: Arc<Shared>, workers: Arc<Vec<Worker>>, drain: watch::Receiver<bool>) {
    loop {
        let accepted = match &listener {
            Listener::Tcp(listener) => listener.accept().await.and_then(|(stream, _)| {
                stream.set_nodelay(true)?;
                stream.into_std().map(Accepted::Tcp)
            }),
            Listener::Unix(listener) => {
                listener.accept().await.and_then(|(stream, _)| stream.into_std().map(Accepted::Unix))
            }
        };
        match accepted {
            Ok(accepted) => hand_over(accepted, &shared, &workers, drain.clone()),
            Err(error) => {
                // Out of descriptors, or a client that was gone at once: others must not suffer.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// A socket on its way from the acceptor's runtime to a worker's.
enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

fn hand_over(accepted: Accepted, shared: &Arc<Shared>, workers: &Arc<Vec<Worker>>, drain: watch::Receiver<bool>) {
    let Some(worker) = workers.iter().min_by_key(|worker| worker.sessions.load(Ordering::Relaxed)) else { return };
    worker.sessions.fetch_add(1, Ordering::Relaxed);
    let before = shared.connections.fetch_add(1, Ordering::Relaxed);
    Meters::get().session_opened();
    let counted = Counted { shared: Arc::clone(shared), worker: Arc::clone(&worker.sessions) };
    let full = before >= shared.policy.limits.max_connections;
    worker.handle.spawn(async move {
        let shared = Arc::clone(&counted.shared);
        let stream = match accepted {
            Accepted::Tcp(stream) => tokio::net::TcpStream::from_std(stream).map(Stream::Tcp),
            Accepted::Unix(stream) => tokio::net::UnixStream::from_std(stream).map(Stream::Unix),
        };
        let served = match stream {
            Ok(stream) if full => turn_away(stream).await,
            // The state of a session is large; a boxed future keeps the task small until it is one.
            Ok(stream) => Box::pin(login::connection(shared, stream, drain)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended");
        }
        drop(counted);
    });
}

async fn turn_away(mut stream: Stream) -> Result<(), io::Error> {
    let mut out = bytes::BytesMut::new();
    Problem::new("53300", "session/too-many-connections", "sorry, too many clients already")
        .hint("The limit is limits.max_connections in pgveil's policy.")
        .write(&mut out, Severity::Fatal);
    stream.write_all(&out).await?;
    stream.shutdown().await
}
