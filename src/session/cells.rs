//! Sealing and opening single values: where logical types meet keys.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{permits::Permits, problem::Problem};
use crate::{
    admin::metrics::Meters,
    config::{Mode, OnError, ProtectedColumn},
    crypto::{Envelope, MAGIC, Token},
    keys::{ColumnKeys, Pinned, Unopened},
    values::{self, Format, LogicalType, Operand, Settings, Source, Stored},
};

/// One protected column with its keys.
pub struct Column {
    /// What the policy says.
    pub spec: Arc<ProtectedColumn>,
    /// Keys, resolved once.
    pub keys: Arc<ColumnKeys>,
    /// Largest value that is sealed, in bytes.
    pub max_value: usize,
}

/// Buffers that are used for one value after another, wiped at the end.
#[derive(Default)]
pub struct Scratch {
    canon: Zeroizing<Vec<u8>>,
    equality: Zeroizing<Vec<u8>>,
    raw: Vec<u8>,
    /// An envelope on its way into a message.
    pub(super) sealed: Vec<u8>,
    batch: Batch,
}

/// Values since the last report. Two readings of the clock and two shared counters take half as long
/// as opening a value, so it is not done for each.
#[derive(Default)]
struct Batch {
    values: u64,
    since: Option<Instant>,
}

impl Batch {
    fn add(&mut self) {
        self.values += 1;
        self.since.get_or_insert_with(Instant::now);
    }

    fn take(&mut self) -> Option<(u64, Duration)> {
        let Self { values, since } = std::mem::take(self);
        Some((values, since?.elapsed()))
    }
}

impl Scratch {
    /// Tries whether keys open a stored value.
    pub fn opens(&mut self, keys: &Pinned, stored: &[u8]) -> Result<(), Unopened> {
        self.canon.clear();
        keys.open(stored, &mut self.canon)
    }

    /// The values of a Bind, or of a text, are sealed.
    pub fn report_sealed(&mut self) {
        if let Some((values, time)) = self.batch.take() {
            Meters::get().sealed(values, time);
        }
    }

    /// A run of rows is opened.
    pub fn report_opened(&mut self) {
        if let Some((values, time)) = self.batch.take() {
            Meters::get().opened(values, time);
        }
    }
}

/// A value as a client gives it.
#[derive(Clone, Copy)]
pub struct Given<'v> {
    /// Its type, as far as it is known.
    pub source: Source,
    /// The form of its bytes.
    pub format: Format,
    /// The value.
    pub bytes: &'v [u8],
}

/// How a client wants to see a value.
#[derive(Clone, Copy)]
pub struct Wanted<'s> {
    /// The type to show it as.
    pub ty: LogicalType,
    /// The form of its bytes.
    pub format: Format,
    /// The session's settings.
    pub settings: &'s Settings,
}

/// Why a cell could not be shown.
#[derive(Debug)]
pub enum NotShown {
    /// A DEK has to be fetched first, then the row is tried again.
    NeedsKey(u32),
    /// The query fails.
    Problem(Problem),
}

impl Column {
    /// Reads a client's value as one of type `ty` and appends its envelope to `out`. The type is the
    /// column's, or one of the same canon: the envelope does not say which. Nothing is appended for a value
    /// that becomes NULL when it is assigned.
    pub fn seal(
        &self,
        ty: LogicalType,
        given: Given<'_>,
        settings: &Settings,
        permits: &mut Permits,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<Stored, Problem> {
        self.check_type(ty)?;
        scratch.batch.add();
        self.refuse_own_envelope(given.bytes, scratch)?;
        scratch.canon.clear();
        let stored = values::parse(ty, given.source, given.format, given.bytes, settings, &mut scratch.canon)
            .map_err(|error| self.named(error))?;
        if stored == Stored::Null {
            return Ok(stored);
        }
        if scratch.canon.len() > self.max_value {
            return Err(self.too_long());
        }
        let equality = match self.spec.mode {
            Mode::Randomized => None,
            Mode::Equality => {
                scratch.equality.clear();
                values::equality_canon(ty, &scratch.canon, &self.spec.normalize, &mut scratch.equality)?;
                Some(scratch.equality.as_slice())
            }
        };
        self.keys.seal(permits.of_message(&self.keys)?, &scratch.canon, equality, out)?;
        Ok(stored)
    }

    /// The token of an operand of `=`; None if nothing in the column can equal it.
    pub fn token(
        &self,
        given: Given<'_>,
        settings: &Settings,
        scratch: &mut Scratch,
    ) -> Result<Option<Token>, Problem> {
        scratch.equality.clear();
        let operand = values::equality_operand(
            self.spec.ty,
            given.source,
            given.format,
            given.bytes,
            &self.spec.normalize,
            settings,
            &mut scratch.equality,
        )?;
        match operand {
            Operand::NeverEqual => Ok(None),
            // The planner asks for tokens of equality columns only.
            Operand::Canon => Ok(self.keys.token(&scratch.equality)?),
        }
    }

    /// Opens a stored value with the column's pinned keys and appends what the client asked for to
    /// `out`. False: show NULL (`on_error: null`).
    pub fn open(
        &self,
        keys: &Pinned,
        stored: &[u8],
        wanted: Wanted<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<bool, NotShown> {
        self.check_type(wanted.ty).map_err(NotShown::Problem)?;
        scratch.batch.add();
        scratch.canon.clear();
        match keys.open(stored, &mut scratch.canon) {
            Ok(()) => {}
            Err(Unopened::NeedsKey(dek)) => return Err(NotShown::NeedsKey(dek)),
            Err(_) if self.spec.on_error == OnError::Null => return Ok(false),
            Err(error) => return Err(NotShown::Problem(self.unopened(&error))),
        }
        values::format(wanted.ty, &scratch.canon, wanted.format, wanted.settings, out).map_err(|_| {
            NotShown::Problem(
                Problem::new(
                    "XX001",
                    "open/contents",
                    format!("a value of column \"{}\" is damaged inside", self.spec.path()),
                )
                .hint("It authenticated, so it was sealed so: by another version or another program."),
            )
        })?;
        Ok(true)
    }

    /// A value may be read and shown as another type than the column's if both have the same canon.
    fn check_type(&self, ty: LogicalType) -> Result<(), Problem> {
        if ty.reads(self.spec.ty.kind()) {
            return Ok(());
        }
        Err(Problem::new(
            "XX000",
            "session/internal",
            "pgveil: a plan gives a column's values a type that they are not of",
        ))
    }

    /// Opens nothing, but says why as an error for the client.
    fn unopened(&self, error: &Unopened) -> Problem {
        Meters::get().open_failed();
        tracing::warn!(column = %self.spec.path(), %error, "a stored value did not open");
        let path = self.spec.path();
        let (code, hint) = match error {
            Unopened::Envelope(_) => (
                "open/not-an-envelope",
                "It was written around pgveil, or damaged. Plaintext has to be written through pgveil.",
            ),
            Unopened::Kind { .. } => ("open/other-type", "Was the column's type changed in the policy?"),
            _ => (
                "open/authentication",
                "It was altered, moved here from another column, or the column was renamed: \
                 then add `identity:` with its former name to the policy.",
            ),
        };
        Problem::new("XX001", code, format!("a value of column \"{path}\" does not open: {error}")).hint(hint)
    }

    /// PostgreSQL names the column in its type mismatch; the codec cannot know it.
    fn named(&self, error: values::ValueError) -> Problem {
        let mut problem = Problem::from(error);
        if problem.sqlstate == "42804" {
            problem.message =
                problem.message.replacen("column is of", &format!("column \"{}\" is of", self.spec.name), 1);
        }
        problem
    }

    pub(super) fn too_long(&self) -> Problem {
        Problem::new("54000", "seal/too-long", format!("value too long for sealed column \"{}\"", self.spec.path()))
            .detail(format!("The limit is {} bytes.", self.max_value))
            .hint("Raise limits.max_value in the policy (at most 64MiB).")
    }

    /// A ciphertext dump loaded through pgveil would be sealed twice.
    fn refuse_own_envelope(&self, bytes: &[u8], scratch: &mut Scratch) -> Result<(), Problem> {
        let stored = match bytes {
            [b'\\', b'x' | b'X', hex @ ..] if looks_sealed(hex) => {
                scratch.raw.resize(hex.len() / 2, 0);
                if const_hex::decode_to_slice(hex, &mut scratch.raw).is_err() {
                    return Ok(());
                }
                scratch.raw.as_slice()
            }
            _ if bytes.starts_with(&MAGIC) => bytes,
            _ => return Ok(()),
        };
        scratch.canon.clear();
        if Envelope::parse(stored).is_err() || self.keys.open(stored, &mut scratch.canon).is_err() {
            return Ok(());
        }
        Err(Problem::new(
            "22023",
            "seal/already-sealed",
            format!("the value for column \"{}\" is a sealed value of this very column", self.spec.path()),
        )
        .hint("A dump of stored values is restored directly into the database, not through pgveil."))
    }
}

/// Hex text of an envelope's magic?
fn looks_sealed(hex: &[u8]) -> bool {
    hex.get(..6).is_some_and(|head| head.eq_ignore_ascii_case(b"ff7076"))
}
