//! An error that pgveil raises towards a client, and the statement that stands in for it upstream.
//!
//! Every room has its own typed errors; only what is converted into a [`Problem`] here may reach a
//! client. That is the allow-list of what clients see.

use std::borrow::Cow;

use bytes::BytesMut;

use super::told;
use crate::{
    keys::KeyError,
    sql::{grammar::ParseError, model::Refusal},
    values::ValueError,
    wire::{
        backend::{self, Severity},
        cursor::Malformed,
        frame::LARGE_LIMIT,
    },
};

/// What is sent upstream in place of a refused statement: a column without FROM. It fails at Parse
/// with 42703, gives 25P02 in an aborted transaction, and nothing in the database can shadow it.
/// So the error lands at its place in the pipeline and aborts the transaction as a native one would.
pub const SUBSTITUTE: &str = "SELECT \"pgveil: refused\"";

/// Reserved statement name of the substitute; never the unnamed one, which would destroy the client's.
pub const SUBSTITUTE_NAME: &[u8] = b"pgveil$refused";

/// A message that sealing or opening makes longer than the server and its clients take: it would end the
/// session, or wrap around in the length word. `length` is that of the body in bytes.
pub fn check_length(length: usize) -> Result<(), Problem> {
    if length <= LARGE_LIMIT - 4 {
        return Ok(());
    }
    Err(Problem::new(
        "54000",
        "session/message-too-long",
        "pgveil: a message with sealed values would be longer than 1 GiB",
    )
    .hint("Read or write fewer large values at once, or bytea in binary."))
}

/// The SQLSTATE with which the substitute fails: only this one is replaced by pgveil's error.
const SUBSTITUTE_SQLSTATE: &[u8] = b"42703";

/// The reason that a COPY is ended with in place of what is refused.
pub const COPY_REFUSED: &[u8] = b"pgveil: refused";

/// The SQLSTATE of a COPY that the client has ended (`CopyGetData` of copyfromparse.c).
const COPY_FAILED: &[u8] = b"57014";

/// Is an ErrorResponse the substitute's, or that of a COPY ended by pgveil? A statement before it may fail
/// with the same SQLSTATE; the name stands in the message in every language.
pub fn is_substitutes_error(body: &[u8]) -> bool {
    matches!(backend::sqlstate(body), SUBSTITUTE_SQLSTATE | COPY_FAILED)
        && memchr::memmem::find(body, b"pgveil: refused").is_some()
}

/// An error for the client.
#[derive(Clone, PartialEq, Eq)]
pub struct Problem {
    /// SQLSTATE.
    pub sqlstate: Cow<'static, str>,
    /// Stable code with an anchor in docs/errors.md; None for errors that are PostgreSQL's own.
    pub code: Option<&'static str>,
    /// Primary message.
    pub message: String,
    /// DETAIL.
    pub detail: Option<String>,
    /// HINT.
    pub hint: Option<String>,
    /// 1-based character position in the client's text.
    pub position: Option<usize>,
    /// CONTEXT.
    pub context: Option<String>,
    /// The function of the server that raises it, where drivers go by that.
    pub routine: Option<&'static str>,
}

/// The message may quote a value, so only codes are shown.
impl std::fmt::Debug for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Problem").field("sqlstate", &self.sqlstate).field("code", &self.code).finish_non_exhaustive()
    }
}

impl Problem {
    /// An error of pgveil's own.
    pub fn new(sqlstate: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::native(sqlstate, message) }
    }

    /// A statement's result is no longer what the client was told. postgres.js and pgjdbc prepare it anew
    /// by themselves if `RevalidateCachedQuery` (src/backend/utils/cache/plancache.c) says so.
    pub fn result_changed() -> Self {
        let routine = Some("RevalidateCachedQuery");
        Self { routine, ..Self::native("0A000", "cached plan must not change result type") }
    }

    /// With a line of context, which comes after those that it has.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        let context = context.into();
        self.context = Some(match self.context.take() {
            Some(inner) => format!("{inner}\n{context}"),
            None => context,
        });
        self
    }

    /// With a detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With a position: a byte offset into `text`, reported in characters as the server does.
    #[must_use]
    pub fn at(mut self, text: &str, offset: usize) -> Self {
        self.position = text.get(..offset).map(|before| before.chars().count() + 1);
        self
    }

    /// A refusal whose position is relative to byte `start` of the client's `text`.
    pub fn refusal(refusal: Refusal, text: &str, start: usize) -> Self {
        let at = refusal.at;
        // What PostgreSQL itself would say has no hint of pgveil's: class 42, and 26000.
        let native = refusal.sqlstate == "26000" || refusal.sqlstate.starts_with("42") && refusal.sqlstate != "42501";
        let problem = Self {
            code: (!native).then_some(refusal.code),
            detail: refusal.detail,
            hint: refusal.hint,
            ..Self::native(refusal.sqlstate, refusal.message)
        };
        match at {
            Some(offset) => problem.at(text, start + offset),
            None => problem,
        }
    }

    /// The grammar's verdict, as the server would give it.
    pub fn syntax(error: ParseError, text: &str) -> Self {
        let at = error.at;
        let problem = Self::native(error.sqlstate, error.message);
        match at {
            Some(offset) => problem.at(text, offset),
            None => problem,
        }
    }

    /// An error that PostgreSQL itself would raise.
    pub fn native(sqlstate: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            sqlstate: sqlstate.into(),
            code: None,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            context: None,
            routine: None,
        }
    }

    /// Appends the ErrorResponse.
    pub fn write(&self, out: &mut BytesMut, severity: Severity) {
        // The anchor goes where people look first for what to do.
        let hint = match (&self.hint, self.code) {
            (Some(hint), Some(code)) => Some(format!("{hint} (pgveil: {code})")),
            (None, Some(code)) => Some(format!("See {code} in pgveil's docs/errors.md.")),
            (hint, None) => hint.clone(),
        };
        let position = self.position.map(|position| position.to_string());
        let mut fields: Vec<(u8, &[u8])> = vec![(b'M', self.message.as_bytes())];
        let optional = [
            (b'D', self.detail.as_deref()),
            (b'H', hint.as_deref()),
            (b'W', self.context.as_deref()),
            (b'P', position.as_deref()),
            (b'R', self.routine),
        ];
        fields.extend(optional.iter().filter_map(|(kind, text)| text.map(|text| (*kind, text.as_bytes()))));
        backend::error(out, severity, &self.sqlstate, &fields);
    }
}

impl From<ValueError> for Problem {
    fn from(error: ValueError) -> Self {
        let code = error.unsupported.then_some("values/unsupported");
        Self {
            code,
            detail: error.detail,
            hint: error.hint,
            context: error.context,
            ..Self::native(error.sqlstate, error.message)
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        // The full cause goes to the log; a client learns the class.
        if let Some(left_out) = told::again(error.code()) {
            tracing::error!(code = error.code(), %error, left_out, "key not available");
        }
        let hint = error.hint();
        let problem = Self::new(error.sqlstate(), error.code(), format!("pgveil: {error}"));
        Self { hint, ..problem }
    }
}

impl From<Malformed> for Problem {
    fn from(error: Malformed) -> Self {
        Self::new("08P01", "wire/malformed", format!("pgveil: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let problem = Problem::native("42601", "syntax error").at("SELECT 'äö' x", 13);
        assert_eq!(problem.position, Some(12));
    }

    #[test]
    fn drivers_see_that_a_statement_is_to_be_prepared_anew() {
        let mut out = BytesMut::new();
        Problem::result_changed().write(&mut out, Severity::Error);
        assert!(backend::error_fields(&out[5..]).any(|field| field == (b'R', b"RevalidateCachedQuery")));
    }

    #[test]
    fn the_anchor_of_an_error_is_in_its_hint() {
        let mut out = BytesMut::new();
        Problem::new("0A000", "sql/x", "no").hint("Do y.").write(&mut out, Severity::Error);
        let fields: Vec<_> = backend::error_fields(&out[5..]).collect();
        assert!(fields.contains(&(b'H', &b"Do y. (pgveil: sql/x)"[..])));
    }
}
