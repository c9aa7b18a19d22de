//! Blocks of uses: how many values each proxy may seal under a DEK is taken from one count.
//!
//! The count only grows, and a block that was taken counts as used: who crashes with one has counted too
//! much, which is safe. It changes often, so it has a MAC of its own and no part in the manifest. Put back
//! to an earlier row it is genuine; who has taken a block since then notices.

use tokio_postgres::Client;

use super::{
    super::{
        KeyError, KeyState,
        budget::HARD_LIMIT,
        mac::{Fields, MacKey},
    },
    access::Access,
    change::named,
    read,
    rows::DekRow,
    transaction::{Kind, Transaction},
};

/// A block of uses of one DEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Uses that were taken before, by anybody.
    pub from: u64,
    /// Uses that are taken now: the block has `to - from`, which is less than was asked for at the end.
    pub to: u64,
}

/// Takes `n` uses of the primary DEK, or what is left of them; fails with [`KeyError::Exhausted`] if
/// nothing is. `seen` is the highest `to` that the caller has had of this DEK: with less than that the
/// count was put back.
pub async fn lease(access: &Access<'_>, dek: u32, n: u64, seen: u64) -> Result<Lease, KeyError> {
    let root = match access.known_root() {
        Some(root) => root,
        None => access.root(&access.snapshot().await?).await?,
    };
    let transaction = Transaction::begin(access.client, Kind::Write).await?;
    let outcome = take(access, &root, dek, n, seen).await;
    transaction.end(outcome).await.map_err(|error| named(access.database, error))
}

async fn take(
    access: &Access<'_>,
    root: &crate::crypto::IndexRoot,
    dek: u32,
    n: u64,
    seen: u64,
) -> Result<Lease, KeyError> {
    let client = access.client;
    let lock = "SELECT leased, mac FROM pgveil_keys.dek_usage WHERE dek_id = $1 FOR UPDATE";
    let usage = client.query_opt(lock, &[&i64::from(dek)]).await?;
    let Some((keystore, row)) = read::dek(client, access.database, dek).await? else {
        return Err(KeyError::UnknownDek(dek));
    };
    let key = MacKey::derive(root, &keystore);
    if !key.fits(&row.fields(), &row.key.mac) {
        return Err(KeyError::Tampered(row.name()));
    }
    if row.key.state != KeyState::Primary {
        return Err(KeyError::WrongState { key: row.name(), state: row.key.state, wanted: KeyState::Primary });
    }
    // Of version 1: nobody knows how often it was used. `apply` replaces it.
    if row.activated_at.is_none() {
        return Err(KeyError::NoPrimary);
    }
    let usage = usage.ok_or_else(|| KeyError::Tampered(name(dek)))?;
    let leased: i64 = usage.try_get("leased")?;
    let from = u64::try_from(leased).map_err(|_| KeyError::Tampered(name(dek)))?;
    if !key.fits(&fields(dek.into(), leased), usage.try_get("mac")?) || from < seen {
        return Err(KeyError::Tampered(name(dek)));
    }
    let most = u64::try_from(row.max_uses).unwrap_or(0).min(HARD_LIMIT);
    let to = from.saturating_add(n).min(most);
    if to <= from {
        return Err(KeyError::Exhausted(dek));
    }
    let (leased, mac) = (to as i64, key.mac(&fields(dek.into(), to as i64)));
    let update = "UPDATE pgveil_keys.dek_usage SET leased = $2, mac = $3 WHERE dek_id = $1";
    client.execute(update, &[&i64::from(dek), &leased, &mac.as_slice()]).await?;
    Ok(Lease { from, to })
}

/// A new DEK has no uses yet.
pub(super) async fn begin(client: &Client, key: &MacKey, row: &DekRow) -> Result<(), KeyError> {
    let mac = key.mac(&fields(row.key.id, 0));
    let sql = "INSERT INTO pgveil_keys.dek_usage (dek_id, leased, mac) VALUES ($1, 0, $2)";
    client.execute(sql, &[&row.key.id, &mac.as_slice()]).await?;
    Ok(())
}

/// Uses taken of every DEK that counts them, by id; each one genuine.
pub(super) async fn taken(client: &Client, key: &MacKey) -> Result<Vec<(i64, u64)>, KeyError> {
    let rows = client.query("SELECT dek_id, leased, mac FROM pgveil_keys.dek_usage ORDER BY dek_id", &[]).await?;
    let one = |row: &tokio_postgres::Row| {
        let (dek, leased): (i64, i64) = (row.try_get("dek_id")?, row.try_get("leased")?);
        match u64::try_from(leased) {
            Ok(taken) if key.fits(&fields(dek, leased), row.try_get("mac")?) => Ok((dek, taken)),
            _ => Err(KeyError::Tampered(format!("dek_usage {dek:#010x}"))),
        }
    };
    rows.iter().map(one).collect()
}

fn fields(dek: i64, leased: i64) -> Fields {
    Fields::new("dek_usage").int("dek_id", dek).int("leased", leased)
}

/// What the names of all counts begin with, among [`Fields::name`]s.
pub(super) fn names() -> Vec<u8> {
    Fields::new("dek_usage").named().name().to_vec()
}

fn name(dek: u32) -> String {
    format!("dek_usage {dek:#010x}")
}
