//! What is wrong with a value, in PostgreSQL's own terms.

/// A value that PostgreSQL would not accept either: same SQLSTATE, same message.
///
/// The message may quote the offending value, as PostgreSQL's does: it goes to the client only and
/// must never be logged or sent upstream.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    /// Five characters, e.g. `22008`.
    pub sqlstate: &'static str,
    /// PostgreSQL's message text, e.g. `date/time field value out of range: "2024-02-30"`.
    pub message: String,
    /// PostgreSQL's DETAIL, if it gives one.
    pub detail: Option<String>,
    /// PostgreSQL's HINT, if it gives one.
    pub hint: Option<String>,
}

impl ValueError {
    /// An error without detail or hint.
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), detail: None, hint: None }
    }
}

/// The message may hold plaintext, so `Debug` shows the SQLSTATE only.
impl std::fmt::Debug for ValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ValueError").field("sqlstate", &self.sqlstate).finish_non_exhaustive()
    }
}
