//! `pgveil run`: the proxy.

use std::{io::Read as _, sync::Arc};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, error::CliError};
use crate::{
    config::Policy,
    crypto::crypto_verified,
    session::{ServeError, serve},
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
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = async { match parent { Some(parent) => { let _ = parent.await; } None => std::future::pending().await } } => {}
        }
    };
    crypto_verified().map_err(|error| {
        CliError::failed("crypto/self-check", error.to_string(), "do not use this build: its ciphers do not agree")
    })?;
    serve(policy, shutdown).await.map(|()| Outcome::Fine).map_err(|error| {
        let hint = match &error {
            ServeError::Listen { .. } => {
                "is another process listening there? see `listen:` and `metrics:` in the policy"
            }
            ServeError::Io(_) => "the operating system refused a thread or a socket: check its limits",
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
