//! Sweeps in a proxy: workers beside its sessions, with its keys.

use std::{num::NonZero, sync::Arc};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::watch,
    task::JoinSet,
};

use crate::{
    cli::connect::SweepLogin,
    config::{Policy, Reencrypt},
    session::{Beside, Served, upstream::Upstream, yield_to_sessions},
    sweep::{Site, auto, conductor},
};

/// Takes part in the sweeps of all databases until it is told to leave.
pub(super) async fn take_part(policy: Arc<Policy>, beside: Beside) {
    if policy.sweep.workers == 0 {
        if policy.keys.reencrypt == Reencrypt::Auto {
            tracing::info!(
                "keys.reencrypt is auto: `pgveil sweep worker` or another pgveil has to do it, sweep.workers is 0 here"
            );
        }
        return;
    }
    let Beside { databases, upstream, mut leave } = beside;
    let quiet = match Quiet::new(policy.sweep.workers) {
        Ok(quiet) => quiet,
        Err(error) => {
            tracing::error!(%error, "no threads for sweeps: this process takes no part in them");
            return;
        }
    };
    let mut parts = JoinSet::new();
    for database in databases {
        parts.spawn_on(one(Arc::clone(&policy), Arc::clone(&upstream), database, leave.clone()), &quiet.handle);
    }
    while let Some(ended) = parts.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a part of sweeps has broken down");
        }
    }
    // Each has come to its end because it was told to, or there is nothing that it could do.
    let _ = leave.wait_for(|leave| *leave).await;
}

async fn one(policy: Arc<Policy>, upstream: Arc<Upstream>, served: Served, leave: watch::Receiver<bool>) {
    let Served { policy: database, keyring, process } = served;
    let name = database.name.clone();
    let login = match SweepLogin::new(&policy, &upstream, &name) {
        Ok(login) => login,
        Err(error) => {
            tracing::error!(database = %name, %error, "this process takes no part in sweeps");
            return;
        }
    };
    let site = Site {
        database,
        keyring,
        connect: Arc::new(login),
        process,
        keys: Arc::new(policy.keys.clone()),
        settings: Arc::new(policy.sweep.clone()),
    };
    let jobs = conductor::run(site.clone(), policy.sweep.workers, conductor::Until::Stopped, leave.clone());
    let (jobs, ()) = tokio::join!(jobs, auto::run(site, leave));
    if let Err(error) = jobs {
        tracing::error!(database = %name, code = error.code(), %error, "this process takes no part in sweeps any more");
    }
}

/// Threads that take what sessions leave of the processors. They end when this is dropped.
struct Quiet {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Quiet {
    fn new(workers: u32) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let runtime = Builder::new_multi_thread()
            .worker_threads(usize::try_from(workers).unwrap_or(cores).clamp(1, cores))
            .thread_name("pgveil-sweep")
            .on_thread_start(yield_to_sessions)
            .enable_all()
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Without waiting, which a task must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
