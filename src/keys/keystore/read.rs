//! Reading the whole keystore.

use tokio_postgres::{Client, Row};

use super::{
    super::{KeyError, KeyState, mac::Fields},
    origin::{Origin, Position},
    registration::{REGISTRATIONS, RegistrationRow},
    rows::{DekRow, KekRow, KeystoreRow, PLATFORM, RootRow, ScopeRow},
    transaction::{Kind, Transaction},
};

/// All rows as they were at one moment; nothing in it is checked yet.
pub(in crate::keys) struct Snapshot {
    pub(in crate::keys) keystore: KeystoreRow,
    pub(in crate::keys) scopes: Vec<ScopeRow>,
    pub(in crate::keys) keks: Vec<KekRow>,
    pub(in crate::keys) roots: Vec<RootRow>,
    pub(in crate::keys) deks: Vec<DekRow>,
    pub(in crate::keys) registrations: Vec<RegistrationRow>,
    pub(in crate::keys) epoch: i64,
    /// When a restore was accepted last, in microseconds since 1970; 0: never.
    pub(in crate::keys) generation: i64,
    /// Where the database was when its primary DEK was activated; None in keystores of version 1.
    pub(in crate::keys) origin: Option<Origin>,
    pub(in crate::keys) epoch_mac: Option<Vec<u8>>,
}

impl Snapshot {
    /// The platform's primary index root, which authenticates the keystore.
    pub(in crate::keys) fn root(&self) -> Option<&RootRow> {
        self.roots.iter().find(|root| root.key.scope == PLATFORM && root.key.state == KeyState::Primary)
    }

    /// Which of two states of a keystore is the later one.
    pub(in crate::keys) fn position(&self) -> Position {
        Position { generation: self.generation, epoch: self.epoch }
    }

    /// A KEK of any state.
    pub(in crate::keys) fn kek_of(&self, id: i64) -> Option<&KekRow> {
        self.keks.iter().find(|kek| kek.id == id)
    }

    /// A DEK of any state.
    pub(in crate::keys) fn dek(&self, id: u32) -> Option<&DekRow> {
        self.deks.iter().find(|dek| dek.key.id == i64::from(id))
    }

    /// When a key of a service got new material last, as far as the keystore knows.
    pub(super) fn rotated_at(&self, kms: &str, key_ref: &str) -> Option<i64> {
        let mut keks = self.keks.iter().filter(|kek| kek.state != KeyState::Destroyed);
        keks.find(|kek| kek.kms.as_deref() == Some(kms) && kek.key_ref == key_ref)?.rotated_at
    }

    /// Does the KEK wrap anything, or will it?
    pub(super) fn is_needed(&self, kek: &KekRow) -> bool {
        let mut keys = self.deks.iter().map(|dek| &dek.key).chain(self.roots.iter().map(|root| &root.key));
        matches!(kek.state, KeyState::Staged | KeyState::Primary)
            || keys.any(|key| key.kek == kek.id && key.wrapped.is_some())
    }

    /// The platform's primary KEK.
    pub(in crate::keys) fn kek(&self) -> Option<&KekRow> {
        self.keks.iter().find(|kek| kek.scope == PLATFORM && kek.state == KeyState::Primary)
    }

    /// The platform's primary DEK.
    pub(in crate::keys) fn primary(&self) -> Option<&DekRow> {
        self.deks.iter().find(|dek| dek.key.scope == PLATFORM && dek.key.state == KeyState::Primary)
    }

    /// What the epoch's MAC covers: the epoch's row and the MAC of every other.
    pub(super) fn manifest(&self) -> Fields {
        let mut fields = Fields::new("manifest").text("keystore", &self.keystore.id).int("epoch", self.epoch);
        fields = fields
            .added_int("generation", Some(self.generation).filter(|generation| *generation != 0))
            .added("system", self.origin.as_ref().map(|origin| origin.system.as_bytes()))
            .added_int("timeline", self.origin.as_ref().map(|origin| origin.timeline.into()));
        fields = fields.bytes("keystore", &self.keystore.mac);
        for scope in &self.scopes {
            fields = fields.bytes("scope", &scope.mac);
        }
        for kek in &self.keks {
            fields = fields.bytes("kek", &kek.mac);
        }
        for root in &self.roots {
            fields = fields.bytes("index_root", &root.key.mac);
        }
        for dek in &self.deks {
            fields = fields.bytes("dek", &dek.key.mac);
        }
        for registration in &self.registrations {
            fields = fields.bytes("registration", &registration.mac);
        }
        fields
    }
}

/// Reads one consistent snapshot. None if the tables are there but no keystore was made yet.
pub(in crate::keys) async fn snapshot(client: &Client, database: &str) -> Result<Option<Snapshot>, KeyError> {
    let transaction = Transaction::begin(client, Kind::Read).await?;
    let outcome = rows(client, database).await;
    transaction.end(outcome).await
}

/// The rows as the current transaction sees them.
pub(super) async fn rows(client: &Client, database: &str) -> Result<Option<Snapshot>, KeyError> {
    let query = async |sql: &str| client.query(sql, &[]).await.map_err(|e| KeyError::of_query(database, e));
    super::check_version(client).await?;
    let keystore = query(KEYSTORE).await?;
    let epoch = query("SELECT n, mac, generation, system, timeline FROM pgveil_keys.epoch").await?;
    let epoch = epoch.first().ok_or_else(|| KeyError::Tampered("epoch".to_owned()))?;
    let scopes = all(&query(SCOPES).await?, ScopeRow::read)?;
    let keks = all(&query(KEKS).await?, KekRow::read)?;
    let roots = all(&query(ROOTS).await?, RootRow::read)?;
    let deks = all(&query(DEKS).await?, DekRow::read)?;
    let registrations = all(&query(REGISTRATIONS).await?, RegistrationRow::read)?;
    let Some(row) = keystore.first() else {
        let empty = scopes.is_empty() && keks.is_empty() && roots.is_empty() && deks.is_empty();
        // Keys without a keystore: somebody removed its row.
        return if empty && registrations.is_empty() {
            Ok(None)
        } else {
            Err(KeyError::Tampered("keystore".to_owned()))
        };
    };
    let origin = match (epoch.try_get("system")?, epoch.try_get("timeline")?) {
        (Some(system), Some(timeline)) => Some(Origin { system, timeline }),
        (None, None) => None,
        _ => return Err(KeyError::Tampered("epoch".to_owned())),
    };
    Ok(Some(Snapshot {
        keystore: KeystoreRow::read(row)?,
        scopes,
        keks,
        roots,
        deks,
        registrations,
        epoch: epoch.try_get("n")?,
        generation: epoch.try_get("generation")?,
        origin,
        epoch_mac: epoch.try_get("mac")?,
    }))
}

/// One DEK's row, and the id of the keystore. None if there is no such DEK.
pub(super) async fn dek(client: &Client, database: &str, id: u32) -> Result<Option<(String, DekRow)>, KeyError> {
    super::check_version(client).await?;
    let of_query = |error| KeyError::of_query(database, error);
    let keystore = client.query_one("SELECT id FROM pgveil_keys.keystore", &[]).await.map_err(of_query)?;
    let sql = DEKS.replace(" ORDER BY id", " WHERE id = $1");
    let row = client.query_opt(&sql, &[&i64::from(id)]).await.map_err(of_query)?;
    row.map(|row| Ok((keystore.try_get(0)?, DekRow::read(&row)?))).transpose()
}

fn all<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T, KeyError>) -> Result<Vec<T>, KeyError> {
    rows.iter().map(read).collect()
}

// Times in microseconds since 1970, exactly: extract gives numeric (since PostgreSQL 14). Ordered by
// id, because the manifest is.
const KEYSTORE: &str =
    "SELECT id, made_in, (extract(epoch FROM made_at) * 1000000)::bigint AS made_at, mac FROM pgveil_keys.keystore";
const SCOPES: &str = "SELECT id, level, path, parent_id, (extract(epoch FROM created_at) * 1000000)::bigint AS created_at, \
     mac FROM pgveil_keys.scope ORDER BY id";
const KEKS: &str = "SELECT id, scope_id, kms, provider, key_ref, fingerprint, material, material_alg, material_version, \
     material_kms, material_key_ref, state, canary, wrap_alg, provider_version, canary_kcv, request_id, \
     (extract(epoch FROM created_at) * 1000000)::bigint AS created_at, \
     (extract(epoch FROM activated_at) * 1000000)::bigint AS activated_at, \
     (extract(epoch FROM destroyed_at) * 1000000)::bigint AS destroyed_at, \
     (extract(epoch FROM rotated_at) * 1000000)::bigint AS rotated_at, \
     (extract(epoch FROM material_wrapped_since) * 1000000)::bigint AS material_wrapped_since, mac \
     FROM pgveil_keys.kek ORDER BY id";
const ROOTS: &str = "SELECT id, scope_id, version, kek_id, state, wrapped, wrap_alg, provider_version, kcv, request_id, \
     (extract(epoch FROM created_at) * 1000000)::bigint AS created_at, \
     (extract(epoch FROM wrapped_since) * 1000000)::bigint AS wrapped_since, \
     (extract(epoch FROM destroyed_at) * 1000000)::bigint AS destroyed_at, mac FROM pgveil_keys.index_root ORDER BY id";
const DEKS: &str = "SELECT id, scope_id, kek_id, state, wrapped, wrap_alg, provider_version, kcv, request_id, max_uses, \
     (extract(epoch FROM created_at) * 1000000)::bigint AS created_at, \
     (extract(epoch FROM expires_at) * 1000000)::bigint AS expires_at, \
     (extract(epoch FROM activated_at) * 1000000)::bigint AS activated_at, made_on, \
     (extract(epoch FROM retired_at) * 1000000)::bigint AS retired_at, \
     (extract(epoch FROM wrapped_since) * 1000000)::bigint AS wrapped_since, \
     (extract(epoch FROM destroyed_at) * 1000000)::bigint AS destroyed_at, mac FROM pgveil_keys.dek ORDER BY id";
