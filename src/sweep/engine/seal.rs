//! Values out of their envelopes and into new ones.

use std::{collections::HashMap, ops::Range};

use zeroize::{Zeroize as _, Zeroizing};

use super::{
    place::{Tid, Xid},
    target::{Column, Target},
};
use crate::{
    crypto::{Envelope, SealError},
    keys::{KeyError, KeyState, Permit, Unopened, Unresealed},
    kms::KmsErrorKind,
    sweep::job::ColumnName,
};

/// Rows to be written in one transaction. Values are row by row, `width` of each.
#[derive(Default)]
pub(super) struct Group<'a> {
    pub places: Vec<Tid>,
    pub versions: Vec<Xid>,
    pub values: Vec<Option<&'a [u8]>>,
    pub width: usize,
}

/// A group's values, sealed anew.
#[derive(Default)]
pub(super) struct Sealed {
    arena: Vec<u8>,
    values: Vec<Option<Range<usize>>>,
    /// Values that do not open.
    pub bad: Vec<Bad>,
    width: usize,
}

/// A value that does not open, or that cannot be sealed again.
pub(super) struct Bad {
    pub row: usize,
    pub column: usize,
    pub dek: Option<u32>,
    /// A code.
    pub reason: &'static str,
    pub detail: String,
}

/// Why values cannot be opened or sealed just now.
pub(super) enum NotNow {
    /// Keys cannot be had, for this reason.
    Keys(String),
    /// A value of the column is under a retired DEK, which may be taken back.
    Retired { column: String, dek: u32 },
    /// The keystore has no such DEK, as it was read last: another process may have made it since.
    Unknown,
}

/// Values by column and the DEK that they name; None: they are no envelopes.
pub(super) type Counts = HashMap<(usize, Option<u32>), i64>;

impl Group<'_> {
    /// How many values.
    pub fn len(&self) -> usize {
        self.values.iter().flatten().count()
    }

    /// The DEK that a value names.
    pub fn dek(&self, row: usize, column: usize) -> Option<u32> {
        self.values.get(row * self.width + column).copied().flatten().and_then(dek)
    }

    fn cells(&self) -> impl Iterator<Item = (usize, usize, &[u8])> {
        let width = self.width.max(1);
        let cells = self.values.iter().enumerate();
        cells.filter_map(move |(at, value)| value.map(|value| (at / width, at % width, value)))
    }
}

impl Sealed {
    /// A row's new value in a column; None: it stays as it is.
    pub fn value(&self, row: usize, column: usize) -> Option<&[u8]> {
        self.arena.get(self.values.get(row * self.width + column)?.clone()?)
    }

    /// Is there anything to write into a row?
    pub fn writes(&self, row: usize) -> bool {
        (0..self.width).any(|column| self.value(row, column).is_some())
    }
}

/// Seals a group anew. The permit is of now. `fresh`: the keystore was read just before, and what it does not know
/// does not exist.
pub(super) async fn reseal(target: &Target, group: &Group<'_>, permit: &Permit, fresh: bool) -> Result<Sealed, NotNow> {
    let mut sealed = Sealed { values: vec![None; group.values.len()], width: group.width, ..Sealed::default() };
    // Tokens, nonces and tags stay as long as they are; padding and cipher may be others.
    sealed.arena.reserve(group.values.iter().flatten().map(|value| value.len() + 64).sum());
    for (row, column, value) in group.cells() {
        let Some(of) = target.columns.get(column) else { continue };
        let start = sealed.arena.len();
        let mut fetched = false;
        let outcome = loop {
            match of.keys.reseal(permit, value, &mut sealed.arena) {
                Ok(done) => break Ok(done),
                Err(error) => {
                    if let Some(own) = judge(of, error, &mut fetched, fresh).await? {
                        break Err(own);
                    }
                }
            }
        };
        match outcome {
            Ok(done) if done.from == done.to => {}
            Ok(_) => {
                if let Some(place) = sealed.values.get_mut(row * group.width + column) {
                    *place = Some(start..sealed.arena.len());
                }
            }
            Err((reason, detail)) => sealed.bad.push(Bad { row, column, dek: dek(value), reason, detail }),
        }
    }
    Ok(sealed)
}

/// Opens a group and counts its values. `fresh`: as for [`reseal`].
pub(super) async fn verify(
    target: &Target,
    group: &Group<'_>,
    counts: &mut Counts,
    fresh: bool,
) -> Result<Vec<Bad>, NotNow> {
    let (mut bad, mut found) = (Vec::new(), Counts::new());
    let mut canon = Zeroizing::new(Vec::new());
    for (row, column, value) in group.cells() {
        let Some(of) = target.columns.get(column) else { continue };
        if canon.capacity() < value.len() {
            // A buffer that moves leaves plaintext behind.
            canon = Zeroizing::new(Vec::with_capacity(value.len().next_power_of_two()));
        }
        let mut fetched = false;
        let opened = loop {
            match of.keys.open(value, &mut canon) {
                Ok(()) => break Ok(()),
                Err(error) => {
                    if let Some(own) = judge(of, error.into(), &mut fetched, fresh).await? {
                        break Err(own);
                    }
                }
            }
        };
        canon.as_mut_slice().zeroize();
        canon.clear();
        *found.entry((column, dek(value))).or_default() += 1;
        if let Err((reason, detail)) = opened {
            bad.push(Bad { row, column, dek: dek(value), reason, detail });
        }
    }
    for (what, values) in found {
        *counts.entry(what).or_default() += values;
    }
    Ok(bad)
}

/// What an error means: None that it is to be tried again, now that the DEK is at hand; else a code and a text, since it
/// is the value's own.
async fn judge(
    column: &Column,
    error: Unresealed,
    fetched: &mut bool,
    fresh: bool,
) -> Result<Option<(&'static str, String)>, NotNow> {
    let error = match error {
        Unresealed::Unopened(Unopened::NeedsKey(dek)) if !*fetched => match column.keys.fetch(dek).await {
            Ok(()) => {
                *fetched = true;
                return Ok(None);
            }
            Err(error) => error,
        },
        // Taken out of service since it was fetched: the next attempt learns why.
        Unresealed::Unopened(Unopened::NeedsKey(dek)) => {
            return Err(NotNow::Keys(format!("DEK {dek:#010x} is not served")));
        }
        Unresealed::Unopened(error) => return Ok(Some((code(&error), error.to_string()))),
        Unresealed::Key(error @ KeyError::Seal(SealError::Cipher)) => {
            return Ok(Some((error.code(), error.to_string())));
        }
        // Nothing at all can be sealed: that is no fault of this value.
        Unresealed::Key(error) => return Err(NotNow::Keys(format!("{error} ({})", error.code()))),
    };
    if matches!(error, KeyError::UnknownDek(_)) && !fresh {
        return Err(NotNow::Unknown);
    }
    if let KeyError::NotServed { id, state: KeyState::Retired } = error
        && !column.keyring.retired().stands(id)
    {
        let ColumnName { schema, table, column } = &column.policy;
        return Err(NotNow::Retired { column: format!("{schema}.{table}.{column}"), dek: id });
    }
    let passes = match &error {
        KeyError::UnknownDek(_) | KeyError::NotServed { .. } | KeyError::Tampered(_) => false,
        KeyError::Kms(error) => error.kind.is_retryable() || error.kind == KmsErrorKind::Misconfigured,
        _ => true,
    };
    if passes {
        return Err(NotNow::Keys(format!("{error} ({})", error.code())));
    }
    Ok(Some((error.code(), error.to_string())))
}

/// As sessions tell clients.
fn code(error: &Unopened) -> &'static str {
    match error {
        Unopened::Envelope(_) => "open/not-an-envelope",
        Unopened::Kind { .. } => "open/other-type",
        Unopened::NeedsKey(_) | Unopened::Open(_) => "open/authentication",
    }
}

/// The DEK that a value names.
fn dek(value: &[u8]) -> Option<u32> {
    Envelope::parse(value).ok().map(|envelope| envelope.dek.0)
}
