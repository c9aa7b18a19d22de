//! Structured logs on standard error.

use std::{
    env,
    io::{self, IsTerminal as _},
};

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// What would write whole requests and answers into the log at its lowest levels, data keys among them. No
/// setting lets it.
const QUIET: [&str; 8] = [
    "aws_config=warn",
    "aws_runtime=info",
    "aws_sigv4=info",
    "aws_smithy_http_client=info",
    "aws_smithy_runtime=info",
    "aws_smithy_runtime_api=info",
    "hyper=info",
    "hyper_util=info",
];

/// The server's log, as the policy's `log:` says; `RUST_LOG` goes first.
pub(super) fn for_server(log: &Log) {
    install(&log.level, log.format);
}

/// Commands for people only warn.
pub(super) fn for_command() {
    install("warn", LogFormat::Text);
}

/// Does the user want colours where they can be shown? <https://no-color.org>
fn wants_colour() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn install(level: &str, format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let filter = QUIET.iter().filter_map(|directive| directive.parse().ok()).fold(filter, EnvFilter::add_directive);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Failing means that a log is installed already, which only tests do.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal() && wants_colour()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
