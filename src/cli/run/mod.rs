//! `pgveil run`: the proxy.

mod sweeps;

use std::{
    io::{ErrorKind, Read as _},
    sync::Arc,
};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, error::CliError};
use crate::{
    admin::hardening,
    config::Policy,
    crypto::crypto_verified,
    session::{ServeError, door::DoorError, serve},
};

/// Arguments of `pgveil run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// End when standard input ends: a parent that dies takes its pgveil with it.
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
}

/// Serves until SIGINT or SIGTERM.
pub(super) async fn run(policy: Arc<Policy>, args: &RunArgs) -> Result<Outcome, CliError> {
    let signals = |kind| signal(kind).map_err(|source| CliError::Io { what: "listening for signals", source });
    let (mut interrupt, mut terminate) = (signals(SignalKind::interrupt())?, signals(SignalKind::terminate())?);
    let parent = if args.until_stdin_ends { Some(stdin_ends()) } else { None };
    let (stop, stops) = tokio::sync::mpsc::channel(2);
    tokio::spawn(async move {
        let mut parent = std::pin::pin!(async {
            match parent {
                Some(parent) => drop(parent.await),
                None => std::future::pending().await,
            }
        });
        let mut orphaned = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = &mut parent, if !orphaned => orphaned = true,
            }
            // Nobody listens any more once everything has ended.
            if stop.send(()).await.is_err() {
                return;
            }
        }
    });
    crypto_verified().map_err(|error| {
        CliError::failed("crypto/self-check", error.to_string(), "do not use this build: its ciphers do not agree")
    })?;
    if let Err(gap) = hardening::no_swap() {
        tracing::warn!("{gap}");
    }
    let beside = {
        let policy = Arc::clone(&policy);
        move |beside| sweeps::take_part(policy, beside)
    };
    serve(policy, stops, beside).await.map(|()| Outcome::Fine).map_err(|error| {
        let hint = match &error {
            ServeError::Listen { error, .. } => match error.kind() {
                ErrorKind::NotFound => "the directory of a Unix socket, or the host's name, does not exist: see `listen:`",
                ErrorKind::InvalidInput => {
                    "the path of a Unix socket may have 107 bytes (103 on macOS), and pgveil's file has a name of 14: choose a shorter directory in `listen:`"
                }
                ErrorKind::PermissionDenied => {
                    "pgveil's user may not listen there: ports below 1024 and the directories of others take rights; see `listen:`"
                }
                ErrorKind::AddrNotAvailable => "no interface of this machine has that address: see `listen:` and `metrics:`",
                _ => "is another process listening there? see `listen:` and `metrics:` in the policy",
            },
            ServeError::Io(_) => "the operating system refused a thread or a socket: check its limits",
            ServeError::Door(DoorError::Secret(_)) => "provide it, or correct `service.password` in the policy",
            ServeError::Upstream(_) | ServeError::Door(_) => {
                "the paths stand in `tls:`, `upstream:` and `auth:` of the policy; docs/tls.md says what belongs into the files"
            }
            ServeError::Database { hint, .. } => hint,
            ServeError::Mismatch { .. } => {
                "`pgveil check` names what does not fit, `pgveil apply` creates what is missing"
            }
        };
        CliError::failed("run/serve", error.to_string(), hint)
    })
}

/// A thread of its own: tokio's standard input would keep the runtime from ending.
fn stdin_ends() -> tokio::sync::oneshot::Receiver<()> {
    let (ended, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0_u8; 256];
        while matches!(std::io::stdin().read(&mut buffer), Ok(n) if n > 0) {}
        let _ = ended.send(());
    });
    receiver
}
