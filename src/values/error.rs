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
    /// PostgreSQL's CONTEXT, if the type itself gives one (JSON does).
    pub context: Option<String>,
    /// pgveil's own refusal (0A000) of what PostgreSQL may accept.
    pub unsupported: bool,
}

impl ValueError {
    /// An error without detail or hint.
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), detail: None, hint: None, context: None, unsupported: false }
    }

    /// The same error with a DETAIL.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same error with a HINT.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with a CONTEXT.
    #[must_use]
    pub(super) fn context(mut self, context: String) -> Self {
        self.context = Some(context);
        self
    }

    /// 22P02 (or 22007 for dates): `invalid input syntax for type …: "…"`.
    pub(super) fn syntax(sqlstate: &'static str, type_name: &str, text: &str) -> Self {
        Self::new(sqlstate, format!("invalid input syntax for type {type_name}: \"{text}\""))
    }

    /// A storage canon that is not one: it authenticated, so a program wrote it wrongly.
    pub(super) fn damaged(type_name: &str) -> Self {
        Self::new("XX001", format!("damaged sealed value of type {type_name}"))
    }

    /// 0A000, for what PostgreSQL may accept but pgveil does not (yet).
    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self { unsupported: true, ..Self::new("0A000", message) }
    }
}

/// The message may hold plaintext, so `Debug` shows the SQLSTATE only.
impl std::fmt::Debug for ValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ValueError").field("sqlstate", &self.sqlstate).finish_non_exhaustive()
    }
}
