//! Transactions on a shared reference to a connection: tokio-postgres's own want it exclusively.

use tokio_postgres::Client;

use super::super::KeyError;

/// What a transaction is for.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// One snapshot of all tables.
    Read,
    /// Sees what others committed while it waited for their locks.
    Write,
}

/// An open transaction. If it is dropped before [`Transaction::end`] the connection stays in it, so
/// the caller of a cancelled function must not use the connection again.
pub(crate) struct Transaction<'a> {
    client: &'a Client,
}

impl<'a> Transaction<'a> {
    pub(crate) async fn begin(client: &'a Client, kind: Kind) -> Result<Self, KeyError> {
        // Written out, since the defaults are the database owner's. The search path, so that no
        // operator or function of another schema is meant by anything in our statements.
        client
            .batch_execute(match kind {
                Kind::Read => {
                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp"
                }
                // A key that was used before it is durable would be lost with its values in a crash.
                Kind::Write => {
                    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL search_path = pg_catalog, pg_temp; \
                     SET LOCAL synchronous_commit = on"
                }
            })
            .await?;
        Ok(Self { client })
    }

    /// Commits if all went well, otherwise rolls back; gives the outcome.
    pub(crate) async fn end<T, E: From<KeyError>>(self, outcome: Result<T, E>) -> Result<T, E> {
        match outcome {
            Ok(value) => {
                self.client.batch_execute("COMMIT").await.map_err(KeyError::from)?;
                Ok(value)
            }
            Err(error) => {
                // The first error is the one to tell about; a lost connection rolls back by itself.
                let _ = self.client.batch_execute("ROLLBACK").await;
                Err(error)
            }
        }
    }
}
