//! Structured logs on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// The server's log, as the policy's `log:` says; `RUST_LOG` goes first.
pub(super) fn for_server(log: &Log) {
    install(&log.level, log.format);
}

/// Commands for people only warn.
pub(super) fn for_command() {
    install("warn", LogFormat::Text);
}

fn install(level: &str, format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Failing means that a log is installed already, which only tests do.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
