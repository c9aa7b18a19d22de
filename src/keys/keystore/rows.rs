//! The keystore's rows and what their MACs cover.

use tokio_postgres::Row;

use super::super::{
    KeyError, KeyState,
    context::{self, Purpose},
    mac::Fields,
};
use crate::kms::{KekRef, Material, WrapContext, Wrapped};

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
#[derive(Clone)]
pub(in crate::keys) struct KekRow {
    pub(in crate::keys) id: i64,
    pub(in crate::keys) scope: i64,
    /// The policy's name of its service; None in rows of version 1.
    pub(in crate::keys) kms: Option<String>,
    pub(in crate::keys) provider: String,
    pub(in crate::keys) key_ref: String,
    pub(in crate::keys) imported: Option<Imported>,
    pub(in crate::keys) state: KeyState,
    /// A wrap of random bytes that protect nothing: unwrapping it shows that the KEK still works.
    pub(in crate::keys) canary: Wrapped,
    pub(in crate::keys) canary_kcv: Vec<u8>,
    pub(in crate::keys) created_at: i64,
    /// When it became primary last; None in rows of version 1.
    pub(in crate::keys) activated_at: Option<i64>,
    pub(in crate::keys) destroyed_at: Option<i64>,
    /// When its service was last made to give it new material under the same name.
    pub(in crate::keys) rotated_at: Option<i64>,
    pub(in crate::keys) mac: Vec<u8>,
}

/// What a KEK that was imported is known by, and its bytes.
#[derive(Clone)]
pub(in crate::keys) struct Imported {
    /// Of the material; no two KEKs have the same.
    pub(in crate::keys) fingerprint: String,
    /// None once it is destroyed.
    pub(in crate::keys) wrapped: Option<Wrapped>,
    /// The policy's name of the service that wraps it.
    pub(in crate::keys) kms: String,
    /// That service's name of the key.
    pub(in crate::keys) key_ref: String,
    /// That key's `rotated_at` when it was wrapped, if that key is a KEK of the keystore too.
    pub(in crate::keys) wrapped_since: Option<i64>,
}

/// What DEKs and index roots have in common.
#[derive(Clone)]
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
    /// The KEK's `rotated_at` when it was wrapped.
    pub(in crate::keys) wrapped_since: Option<i64>,
    pub(in crate::keys) mac: Vec<u8>,
}

/// A data encryption key.
#[derive(Clone)]
pub(in crate::keys) struct DekRow {
    pub(in crate::keys) key: WrappedRow,
    pub(in crate::keys) max_uses: i64,
    /// When a rotation is due; set when it becomes primary.
    pub(in crate::keys) expires_at: Option<i64>,
    /// When it became primary; None before, and in rows of version 1, whose uses nobody counted.
    pub(in crate::keys) activated_at: Option<i64>,
    /// The [`super::Origin`] where it was made; None in rows of version 1.
    pub(in crate::keys) made_on: Option<String>,
    /// When it was retired last; stays when it is taken back.
    pub(in crate::keys) retired_at: Option<i64>,
}

/// A root of token keys; the platform's authenticates the keystore too.
#[derive(Clone)]
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
        let imported = self.imported.as_ref();
        let material = imported.and_then(|imported| imported.wrapped.as_ref());
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
            .added("kms", self.kms.as_ref().map(String::as_bytes))
            .added("fingerprint", imported.map(|i| i.fingerprint.as_bytes()))
            .added("material", material.map(|w| w.blob.as_slice()))
            .added("material_alg", material.map(|w| w.algorithm.as_bytes()))
            .added("material_version", material.and_then(|w| w.provider_version.as_ref()).map(String::as_bytes))
            .added("material_kms", imported.map(|i| i.kms.as_bytes()))
            .added("material_key_ref", imported.map(|i| i.key_ref.as_bytes()))
            .added("request_id", self.canary.request_id.as_ref().map(String::as_bytes))
            .added_int("activated_at", self.activated_at)
            .added_int("destroyed_at", self.destroyed_at)
            .added_int("rotated_at", self.rotated_at)
            .added_int("material_wrapped_since", imported.and_then(|i| i.wrapped_since))
    }

    pub(super) fn read(row: &Row) -> Result<Self, KeyError> {
        let id: i64 = row.try_get("id")?;
        Ok(Self {
            id,
            scope: row.try_get("scope_id")?,
            kms: row.try_get("kms")?,
            provider: row.try_get("provider")?,
            key_ref: row.try_get("key_ref")?,
            state: state(row, || name("kek", id))?,
            canary: Wrapped {
                blob: row.try_get("canary")?,
                algorithm: row.try_get("wrap_alg")?,
                provider_version: row.try_get("provider_version")?,
                request_id: row.try_get("request_id")?,
            },
            canary_kcv: row.try_get("canary_kcv")?,
            created_at: row.try_get("created_at")?,
            imported: Imported::read(row)?,
            activated_at: row.try_get("activated_at")?,
            destroyed_at: row.try_get("destroyed_at")?,
            rotated_at: row.try_get("rotated_at")?,
            mac: row.try_get("mac")?,
        })
    }

    pub(super) fn name(&self) -> String {
        name("kek", self.id)
    }

    /// What its canary is bound to.
    pub(in crate::keys) fn context(&self, keystore: &str) -> WrapContext {
        context::of(keystore, Purpose::Canary, self.scope, self.id)
    }

    /// Is its material wrapped by the other one?
    pub(super) fn is_wrapped_by(&self, other: &Self) -> bool {
        self.imported.as_ref().is_some_and(|imported| {
            imported.wrapped.is_some()
                && other.kms.as_deref() == Some(&imported.kms)
                && other.key_ref == imported.key_ref
        })
    }

    /// Enough to open its service for just this key.
    pub(in crate::keys) fn key(&self, keystore: &str) -> KekRef {
        let material = self.imported.as_ref().and_then(|imported| {
            Some(Material {
                kms: imported.kms.clone(),
                key_ref: imported.key_ref.clone(),
                wrapped: imported.wrapped.clone()?,
                context: context::of_material(keystore, &imported.fingerprint),
            })
        });
        KekRef {
            kms: self.kms.clone(),
            provider: self.provider.clone(),
            key_ref: self.key_ref.clone(),
            material,
            // Of its row here, which is a little later.
            created_at: Some(self.created_at),
        }
    }
}

impl Imported {
    fn read(row: &Row) -> Result<Option<Self>, KeyError> {
        let Some(fingerprint) = row.try_get("fingerprint")? else { return Ok(None) };
        let blob: Option<Vec<u8>> = row.try_get("material")?;
        let algorithm: Option<String> = row.try_get("material_alg")?;
        let provider_version: Option<String> = row.try_get("material_version")?;
        let text = |name| Ok::<_, KeyError>(row.try_get::<_, Option<String>>(name)?.unwrap_or_default());
        Ok(Some(Self {
            fingerprint,
            wrapped: blob.map(|blob| Wrapped {
                blob,
                algorithm: algorithm.unwrap_or_default(),
                provider_version,
                request_id: None,
            }),
            kms: text("material_kms")?,
            key_ref: text("material_key_ref")?,
            wrapped_since: row.try_get("material_wrapped_since")?,
        }))
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
            .added("request_id", wrapped.and_then(|w| w.request_id.as_ref()).map(String::as_bytes))
            .added_int("wrapped_since", self.wrapped_since)
    }

    fn read(row: &Row, table: &str) -> Result<Self, KeyError> {
        let id: i64 = row.try_get("id")?;
        let algorithm: String = row.try_get("wrap_alg")?;
        let provider_version: Option<String> = row.try_get("provider_version")?;
        let blob: Option<Vec<u8>> = row.try_get("wrapped")?;
        let request_id: Option<String> = row.try_get("request_id")?;
        Ok(Self {
            id,
            scope: row.try_get("scope_id")?,
            kek: row.try_get("kek_id")?,
            state: state(row, || name(table, id))?,
            wrapped: blob.map(|blob| Wrapped { blob, algorithm, provider_version, request_id }),
            kcv: row.try_get("kcv")?,
            created_at: row.try_get("created_at")?,
            destroyed_at: row.try_get("destroyed_at")?,
            wrapped_since: row.try_get("wrapped_since")?,
            mac: row.try_get("mac")?,
        })
    }
}

impl DekRow {
    pub(in crate::keys) fn fields(&self) -> Fields {
        self.key
            .fields("dek")
            .int("max_uses", self.max_uses)
            .optional_int("expires_at", self.expires_at)
            .added_int("activated_at", self.activated_at)
            .added("made_on", self.made_on.as_ref().map(String::as_bytes))
            .added_int("retired_at", self.retired_at)
    }

    pub(super) fn read(row: &Row) -> Result<Self, KeyError> {
        Ok(Self {
            key: WrappedRow::read(row, "dek")?,
            max_uses: row.try_get("max_uses")?,
            expires_at: row.try_get("expires_at")?,
            activated_at: row.try_get("activated_at")?,
            made_on: row.try_get("made_on")?,
            retired_at: row.try_get("retired_at")?,
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
