//! The keystore's rows and what their MACs cover.

use tokio_postgres::Row;

use super::super::{
    KeyError, KeyState,
    context::{self, Purpose},
    mac::Fields,
};
use crate::kms::{WrapContext, Wrapped};

/// The platform scope: the root of all scopes.
pub(in crate::keys) const PLATFORM: i64 = 0;

/// The keystore's identity: one row.
pub(in crate::keys) struct KeystoreRow {
    /// 32 hex digits, drawn at random.
    pub(in crate::keys) id: String,
    /// Name of the database it was made in: information only, a restore may change it.
    pub(in crate::keys) made_in: String,
    /// Microseconds since 1970.
    pub(in crate::keys) made_at: i64,
    pub(in crate::keys) mac: Vec<u8>,
}

/// Who keys belong to.
pub(in crate::keys) struct ScopeRow {
    pub(in crate::keys) id: i64,
    pub(in crate::keys) level: i16,
    pub(in crate::keys) path: String,
    pub(in crate::keys) parent: Option<i64>,
    pub(in crate::keys) created_at: i64,
    pub(in crate::keys) mac: Vec<u8>,
}

/// A key of the KMS, by reference.
pub(in crate::keys) struct KekRow {
    pub(in crate::keys) id: i64,
    pub(in crate::keys) scope: i64,
    pub(in crate::keys) provider: String,
    pub(in crate::keys) key_ref: String,
    pub(in crate::keys) state: KeyState,
    /// A wrap of random bytes that protect nothing: unwrapping it shows that the KEK still works.
    pub(in crate::keys) canary: Wrapped,
    pub(in crate::keys) canary_kcv: Vec<u8>,
    pub(in crate::keys) created_at: i64,
    pub(in crate::keys) mac: Vec<u8>,
}

/// What DEKs and index roots have in common.
pub(in crate::keys) struct WrappedRow {
    pub(in crate::keys) id: i64,
    pub(in crate::keys) scope: i64,
    pub(in crate::keys) kek: i64,
    pub(in crate::keys) state: KeyState,
    /// None once the key is destroyed.
    pub(in crate::keys) wrapped: Option<Wrapped>,
    pub(in crate::keys) kcv: Vec<u8>,
    pub(in crate::keys) created_at: i64,
    pub(in crate::keys) destroyed_at: Option<i64>,
    pub(in crate::keys) mac: Vec<u8>,
}

/// A data encryption key.
pub(in crate::keys) struct DekRow {
    pub(in crate::keys) key: WrappedRow,
    pub(in crate::keys) max_uses: i64,
    pub(in crate::keys) expires_at: Option<i64>,
}

/// A root of token keys; the platform's authenticates the keystore too.
pub(in crate::keys) struct RootRow {
    pub(in crate::keys) key: WrappedRow,
    pub(in crate::keys) version: i32,
}

impl KeystoreRow {
    pub(in crate::keys) fn fields(&self) -> Fields {
        Fields::new("keystore").text("id", &self.id).text("made_in", &self.made_in).int("made_at", self.made_at)
    }

    pub(super) fn read(row: &Row) -> Result<Self, KeyError> {
        Ok(Self {
            id: row.try_get("id")?,
            made_in: row.try_get("made_in")?,
            made_at: row.try_get("made_at")?,
            mac: row.try_get("mac")?,
        })
    }
}

impl ScopeRow {
    pub(in crate::keys) fn fields(&self) -> Fields {
        Fields::new("scope")
            .int("id", self.id)
            .int("level", self.level.into())
            .text("path", &self.path)
            .optional_int("parent_id", self.parent)
            .int("created_at", self.created_at)
    }

    pub(super) fn read(row: &Row) -> Result<Self, KeyError> {
        Ok(Self {
            id: row.try_get("id")?,
            level: row.try_get("level")?,
            path: row.try_get("path")?,
            parent: row.try_get("parent_id")?,
            created_at: row.try_get("created_at")?,
            mac: row.try_get("mac")?,
        })
    }

    pub(super) fn name(&self) -> String {
        format!("scope {}", self.id)
    }
}

impl KekRow {
    pub(in crate::keys) fn fields(&self) -> Fields {
        Fields::new("kek")
            .int("id", self.id)
            .int("scope_id", self.scope)
            .text("provider", &self.provider)
            .text("key_ref", &self.key_ref)
            .text("state", self.state.as_str())
            .bytes("canary", &self.canary.blob)
            .text("wrap_alg", &self.canary.algorithm)
            .optional("provider_version", self.canary.provider_version.as_ref().map(String::as_bytes))
            .bytes("canary_kcv", &self.canary_kcv)
            .int("created_at", self.created_at)
    }

    pub(super) fn read(row: &Row) -> Result<Self, KeyError> {
        let id: i64 = row.try_get("id")?;
        Ok(Self {
            id,
            scope: row.try_get("scope_id")?,
            provider: row.try_get("provider")?,
            key_ref: row.try_get("key_ref")?,
            state: state(row, || name("kek", id))?,
            canary: Wrapped {
                blob: row.try_get("canary")?,
                algorithm: row.try_get("wrap_alg")?,
                provider_version: row.try_get("provider_version")?,
            },
            canary_kcv: row.try_get("canary_kcv")?,
            created_at: row.try_get("created_at")?,
            mac: row.try_get("mac")?,
        })
    }

    pub(super) fn name(&self) -> String {
        name("kek", self.id)
    }

    pub(in crate::keys) fn context(&self, keystore: &str) -> WrapContext {
        context::of(keystore, Purpose::Canary, self.scope, self.id)
    }
}

impl WrappedRow {
    fn fields(&self, table: &str) -> Fields {
        let wrapped = self.wrapped.as_ref();
        Fields::new(table)
            .int("id", self.id)
            .int("scope_id", self.scope)
            .int("kek_id", self.kek)
            .text("state", self.state.as_str())
            .optional("wrapped", wrapped.map(|w| w.blob.as_slice()))
            .optional("wrap_alg", wrapped.map(|w| w.algorithm.as_bytes()))
            .optional("provider_version", wrapped.and_then(|w| w.provider_version.as_ref()).map(String::as_bytes))
            .bytes("kcv", &self.kcv)
            .int("created_at", self.created_at)
            .optional_int("destroyed_at", self.destroyed_at)
    }

    fn read(row: &Row, table: &str) -> Result<Self, KeyError> {
        let id: i64 = row.try_get("id")?;
        let algorithm: String = row.try_get("wrap_alg")?;
        let provider_version: Option<String> = row.try_get("provider_version")?;
        let blob: Option<Vec<u8>> = row.try_get("wrapped")?;
        Ok(Self {
            id,
            scope: row.try_get("scope_id")?,
            kek: row.try_get("kek_id")?,
            state: state(row, || name(table, id))?,
            wrapped: blob.map(|blob| Wrapped { blob, algorithm, provider_version }),
            kcv: row.try_get("kcv")?,
            created_at: row.try_get("created_at")?,
            destroyed_at: row.try_get("destroyed_at")?,
            mac: row.try_get("mac")?,
        })
    }
}

impl DekRow {
    pub(in crate::keys) fn fields(&self) -> Fields {
        self.key.fields("dek").int("max_uses", self.max_uses).optional_int("expires_at", self.expires_at)
    }

    pub(super) fn read(row: &Row) -> Result<Self, KeyError> {
        Ok(Self {
            key: WrappedRow::read(row, "dek")?,
            max_uses: row.try_get("max_uses")?,
            expires_at: row.try_get("expires_at")?,
        })
    }

    pub(in crate::keys) fn name(&self) -> String {
        name("dek", self.key.id)
    }

    pub(in crate::keys) fn context(&self, keystore: &str) -> WrapContext {
        context::of(keystore, Purpose::Dek, self.key.scope, self.key.id)
    }

    /// The id as envelopes have it; the table's CHECK and the MAC keep it in range.
    pub(in crate::keys) fn id(&self) -> Option<u32> {
        u32::try_from(self.key.id).ok().filter(|id| *id != 0)
    }
}

impl RootRow {
    pub(in crate::keys) fn fields(&self) -> Fields {
        self.key.fields("index_root").int("version", self.version.into())
    }

    pub(super) fn read(row: &Row) -> Result<Self, KeyError> {
        Ok(Self { key: WrappedRow::read(row, "index_root")?, version: row.try_get("version")? })
    }

    pub(in crate::keys) fn name(&self) -> String {
        name("index_root", self.key.id)
    }

    pub(in crate::keys) fn context(&self, keystore: &str) -> WrapContext {
        context::of(keystore, Purpose::IndexRoot, self.key.scope, self.key.id)
    }
}

fn name(table: &str, id: i64) -> String {
    format!("{table} {id:#010x}")
}

fn state(row: &Row, name: impl Fn() -> String) -> Result<KeyState, KeyError> {
    let word: &str = row.try_get("state")?;
    KeyState::parse(word).ok_or_else(|| KeyError::Tampered(name()))
}
