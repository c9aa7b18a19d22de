//! `pgveil ready`: is the pgveil of this policy ready? For health checks of containers, which have
//! no other program to ask with.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};

use super::{Outcome, console::Console, error::CliError};
use crate::config::{Listen, Policy};

/// Longer than a healthy pgveil ever takes.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks `/readyz` if the policy serves it, else whether somebody listens.
pub(super) async fn ready(policy: &Policy, console: Console) -> Result<Outcome, CliError> {
    let asked = async {
        match (policy.metrics, policy.listen.first()) {
            (Some(metrics), _) => readyz(metrics).await,
            (None, Some(Listen::Tcp(host, port))) => {
                TcpStream::connect((local(host), *port)).await.map(|_| "listening".to_owned())
            }
            (None, Some(Listen::Unix(folder))) => {
                UnixStream::connect(folder.join(".s.PGSQL.6432")).await.map(|_| "listening".to_owned())
            }
            (None, None) => Ok("nothing to listen on".to_owned()),
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asked)
        .await
        .map_err(Into::into)
        .and_then(|answer| answer)
        .map_err(|source| CliError::Io { what: "asking pgveil whether it is ready", source })?;
    let ready = matches!(answer.as_str(), "ready" | "listening");
    console.result(&answer, &json!({ "ready": ready, "answer": answer }));
    Ok(if ready { Outcome::Fine } else { Outcome::Findings })
}

/// `ready`, or why not.
async fn readyz(metrics: SocketAddr) -> std::io::Result<String> {
    let host = local(&metrics.ip().to_string()).to_owned();
    let mut stream = TcpStream::connect((host, metrics.port())).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Ok(match body.trim() {
        "ready" => "ready".to_owned(),
        reasons if reasons.starts_with("not ready: ") => reasons.to_owned(),
        // Something else listens there.
        _ => format!("not ready: {}", head.lines().next().unwrap_or_default()),
    })
}

/// Who listens on every address is asked on this host's own.
fn local(host: &str) -> &str {
    match host {
        "0.0.0.0" | "*" => "127.0.0.1",
        "::" => "::1",
        other => other,
    }
}
