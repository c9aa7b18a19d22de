//! Everything needed to seal and open one column's values.

use super::KeyError;
use crate::crypto::{OpenError, Token};

/// Sealing and opening one column. Built once per column, pinned by plans; no lock and no cache
/// look-up beyond a pointer comparison per value on the common path.
pub struct ColumnKeys {
    _private: (),
}

/// What [`ColumnKeys::seal`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// DEK under which the value was sealed.
    pub dek: u32,
}

/// Why a stored value did not open.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// The DEK is not cached: await [`ColumnKeys::fetch`] and try again.
    #[error("DEK {0:#010x} is not cached")]
    NeedsKey(u32),
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] crate::crypto::EnvelopeError),
    /// Does not authenticate as this column's.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Holds another type's canon than the policy says.
    #[error("sealed as another type (kind {found}) than the policy's")]
    Kind {
        /// Kind byte inside the envelope.
        found: u8,
    },
}

impl ColumnKeys {
    /// Seals a storage canon under the primary DEK. `equality` is the equality canon of a column
    /// with mode `equality`, else None. Appends the envelope to `out`.
    pub fn seal(&self, _canon: &[u8], _equality: Option<&[u8]>, _out: &mut Vec<u8>) -> Result<Sealed, KeyError> {
        todo!()
    }

    /// The token of an equality canon. None if the column has no `equality` mode.
    pub fn token(&self, _equality: &[u8]) -> Option<Token> {
        todo!()
    }

    /// Opens a stored envelope, appending the storage canon to `out`.
    pub fn open(&self, _stored: &[u8], _out: &mut Vec<u8>) -> Result<(), Unopened> {
        todo!()
    }

    /// Unwraps a DEK (single flight) so that [`ColumnKeys::open`] finds it.
    pub async fn fetch(&self, _dek: u32) -> Result<(), KeyError> {
        todo!()
    }
}
