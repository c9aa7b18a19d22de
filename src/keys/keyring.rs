//! The keyring: live keys of one database, cached.

use std::sync::Arc;

use super::{ColumnKeys, KeyError};
use crate::{config::ProtectedColumn, kms::Kms};

/// Live keys of one protected database. Shared by all its sessions.
pub struct Keyring {
    _private: (),
}

impl Keyring {
    /// Reads the keystore, checks every MAC, unwraps the primary DEK and the index root.
    pub async fn open(
        _client: &tokio_postgres::Client,
        _database: &str,
        _kms: Arc<dyn Kms>,
    ) -> Result<Arc<Self>, KeyError> {
        todo!()
    }

    /// Reads the keystore again (new DEKs, new states); notices a keystore that went back.
    pub async fn refresh(&self, _client: &tokio_postgres::Client) -> Result<(), KeyError> {
        todo!()
    }

    /// Is this the id of a DEK of this keystore? For telling stray envelopes from chance bytes.
    pub fn knows(&self, _dek: u32) -> bool {
        todo!()
    }

    /// The handle for one protected column.
    pub fn column(self: &Arc<Self>, _column: &Arc<ProtectedColumn>) -> Arc<ColumnKeys> {
        todo!()
    }
}
