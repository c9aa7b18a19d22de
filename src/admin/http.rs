//! `/metrics` for Prometheus, `/livez` and `/readyz` for whoever restarts processes.

use std::{io, net::SocketAddr};

use axum::{Router, http::StatusCode, routing::get};
use tokio::net::TcpListener;

use super::{Readiness, metrics};

/// Listens and serves in the background until the process ends.
pub async fn serve(address: SocketAddr, ready: Readiness) -> Result<(), io::Error> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "metrics");
    let routes = Router::new()
        .route("/metrics", get(|| async { metrics::render() }))
        .route("/livez", get(|| async { "live\n" }))
        .route(
            "/readyz",
            get(move || {
                let reasons = ready.reasons();
                async move {
                    if reasons.is_empty() {
                        return (StatusCode::OK, "ready\n".to_owned());
                    }
                    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", reasons.join("\nnot ready: ")))
                }
            }),
        );
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "the metrics listener ended");
        }
    });
    Ok(())
}
