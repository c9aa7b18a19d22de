//! Why a session ends, and its last words to both sides.

use std::{io, time::Duration};

use tokio::time::sleep;

use super::{
    io::{Side, finish},
    keeper::Keeper,
    problem::Problem,
};
use crate::{admin::metrics::Meters, keys::KeyError, wire::backend::Severity};

/// A cancel request may fall between two statements, where the server ignores it: it is sent once more after this time.
const AGAIN: Duration = Duration::from_secs(1);

/// Why a session ends.
#[derive(Debug)]
pub enum End {
    /// The client has said goodbye or closed, and what it sent before was carried out.
    Client,
    /// The server has closed the connection.
    Server,
    /// Told so: the process stops.
    Drained,
    /// Outside a transaction for longer than `timeouts.idle`.
    Idle,
    /// In a transaction for longer than `timeouts.idle_in_transaction`.
    IdleInTransaction,
    /// The client was gone in the middle of a statement, which was cancelled or could not be.
    Vanished,
    /// The server's socket failed.
    Io(io::Error),
    /// What was sealed must not be sent any more: the lease on the keystore is lost.
    LeaseLost,
    /// A message that cannot be understood, or pgveil and the server out of step.
    Broken(Problem),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl End {
    /// For the metrics.
    fn reason(&self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server | Self::Io(_) => "server",
            Self::Drained => "drained",
            Self::Idle | Self::IdleInTransaction => "idle_timeout",
            Self::Vanished => "vanished",
            Self::LeaseLost | Self::Broken(_) => "broken",
        }
    }

    /// What the client is told. The texts are the server's own (`ProcessInterrupts` of
    /// src/backend/tcop/postgres.c).
    fn problem(&self) -> Option<Problem> {
        let (sqlstate, message) = match self {
            Self::Client | Self::Server | Self::Vanished | Self::Io(_) => return None,
            Self::Drained => ("57P01", "terminating connection due to administrator command"),
            Self::Idle => ("57P05", "terminating connection due to idle-session timeout"),
            Self::IdleInTransaction => ("25P03", "terminating connection due to idle-in-transaction timeout"),
            Self::LeaseLost => return Some(KeyError::LeaseLost.into()),
            Self::Broken(problem) => return Some(problem.clone()),
        };
        Some(Problem::native(sqlstate, message))
    }
}

/// What is left of a session that has ended.
pub struct Remains {
    /// The client's side.
    pub client: Side,
    /// The server's side. What it still has to be told stands in its output.
    pub server: Side,
    /// Whoever can cancel what the server still does.
    pub keeper: Keeper,
    /// The client stands between two messages: a further one can be written.
    pub between_messages: bool,
    /// The server may still work on what the client has sent.
    pub working: bool,
}

impl Remains {
    /// Closes both connections.
    pub async fn lay_to_rest(mut self, end: &End) {
        Meters::get().session_ended(end.reason());
        match end {
            End::Broken(problem) => {
                Meters::get().error(problem.code.unwrap_or("native"));
                tracing::warn!(code = problem.code, message = &*problem.message, "session ended");
            }
            End::Io(error) => tracing::debug!(%error, "a socket failed"),
            _ => {}
        }
        if self.between_messages
            && let Some(problem) = end.problem()
        {
            problem.write(&mut self.client.output, Severity::Fatal);
        }
        let (mut server, keeper) = (self.server, &self.keeper);
        let upstream = async {
            match end {
                End::Server => {}
                // Not even what the kernel or TLS still hold.
                End::LeaseLost => server.reset(),
                End::Drained | End::Vanished if self.working => {
                    // The server sees the end of a connection only when it next writes to it. Then the rest of
                    // what the client has sent is not carried out (`ClientConnectionLost` of pqcomm.c), and what
                    // it works on now is ended by the cancel request.
                    server.reset();
                    keeper.cancel().await;
                    if matches!(end, End::Vanished) {
                        sleep(AGAIN).await;
                        keeper.cancel().await;
                    }
                }
                _ => finish(&mut server).await,
            }
        };
        let downstream = finish(&mut self.client);
        tokio::join!(upstream, downstream);
    }
}
