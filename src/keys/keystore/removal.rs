//! The end of a DEK's life: retired, perhaps taken back, destroyed. Retiring and destroying take a sweep's proof
//! that nothing is sealed with it any more; shredding takes none, and its values are lost.

use std::time::Duration;

use serde_json::json;

use super::{
    super::{KeyError, KeyState},
    access::Access,
    audit::AuditRow,
    change::Change,
    dek::{entry, step},
    origin::Position,
    proof::{Candidate, Proof},
    rows::DekRow,
    write,
};

/// A DEK that may be retired or destroyed, as it is before a look for its values begins. It is deprecated or
/// retired; else [`KeyError::WrongState`].
pub async fn candidate(access: &Access<'_>, dek: u32) -> Result<Candidate, KeyError> {
    let snapshot = access.read().await?;
    let row = snapshot.dek(dek).ok_or(KeyError::UnknownDek(dek))?;
    match row.key.state {
        KeyState::Deprecated | KeyState::Retired => Ok(Candidate { dek, mac: row.key.mac.clone() }),
        _ => Err(wrong_state(row, KeyState::Deprecated)),
    }
}

/// Takes a deprecated DEK out of service: what is sealed with it does not open any more, until it is taken back
/// ([`restore_dek`]). [`KeyError::StaleProof`] if anything has happened to the DEK since the look began.
pub async fn retire_dek(access: &Access<'_>, proof: &Proof) -> Result<Position, KeyError> {
    let change = Change::begin(access).await?;
    let outcome = retire(&change, proof).await;
    Ok(change.end(outcome).await?.1)
}

/// Erases a retired DEK, once it has been retired for as long as `retention`: else [`KeyError::Retention`]. The
/// proof must be of a look that began after it was retired. For the owner of the keystore alone.
pub async fn destroy_dek(access: &Access<'_>, proof: &Proof, retention: Duration) -> Result<Position, KeyError> {
    let change = Change::begin(access).await?;
    let outcome = destroy(&change, proof, retention).await;
    Ok(change.end(outcome).await?.1)
}

/// Takes a retired DEK back: it opens again. `why` goes into the audit trail.
pub async fn restore_dek(access: &Access<'_>, dek: u32, why: &str) -> Result<Position, KeyError> {
    let change = Change::begin(access).await?;
    let outcome = restore(&change, dek, why).await;
    Ok(change.end(outcome).await?.1)
}

/// Erases a DEK whatever is sealed with it: those values are lost. Not the primary one. For the owner of the
/// keystore alone.
pub async fn shred_dek(access: &Access<'_>, dek: u32) -> Result<Position, KeyError> {
    let change = Change::begin(access).await?;
    let outcome = shred(&change, dek).await;
    Ok(change.end(outcome).await?.1)
}

async fn retire(change: &Change<'_>, proof: &Proof) -> Result<((), Vec<AuditRow>), KeyError> {
    let row = proved(change, proof, KeyState::Deprecated)?;
    // By the clock that is ahead: see `destroy`.
    let now = change.now.max(server_clock(change).await?);
    retired(change, &mut row.clone(), now).await?;
    Ok(((), vec![AuditRow { details: looked(proof), ..entry("dek.retire", row, None) }]))
}

async fn destroy(change: &Change<'_>, proof: &Proof, retention: Duration) -> Result<((), Vec<AuditRow>), KeyError> {
    let row = proved(change, proof, KeyState::Retired)?;
    let since = row.retired_at.ok_or_else(|| KeyError::Tampered(row.name()))?;
    let until = since.saturating_add(i64::try_from(retention.as_micros()).unwrap_or(i64::MAX));
    // By the clock that is behind: a host whose clock is ahead must not shorten the time.
    let now = change.now.min(server_clock(change).await?);
    if now < until {
        return Err(KeyError::Retention { dek: proof.dek(), left: micros(until.saturating_sub(now)) });
    }
    erase(change, row).await?;
    let details = json!({ "proof": looked(proof), "retired_at": since });
    Ok(((), vec![AuditRow { details, ..entry("dek.destroy", row, None) }]))
}

async fn restore(change: &Change<'_>, dek: u32, why: &str) -> Result<((), Vec<AuditRow>), KeyError> {
    let row = change.snapshot.dek(dek).ok_or(KeyError::UnknownDek(dek))?;
    if row.key.state != KeyState::Retired {
        return Err(wrong_state(row, KeyState::Retired));
    }
    step(change, &mut row.clone(), KeyState::Deprecated).await?;
    Ok(((), vec![AuditRow { details: json!({ "why": why }), ..entry("dek.restore", row, None) }]))
}

async fn shred(change: &Change<'_>, dek: u32) -> Result<((), Vec<AuditRow>), KeyError> {
    let row = change.snapshot.dek(dek).ok_or(KeyError::UnknownDek(dek))?;
    let mut passing = row.clone();
    match row.key.state {
        KeyState::Primary | KeyState::Destroyed => return Err(wrong_state(row, KeyState::Deprecated)),
        KeyState::Deprecated => retired(change, &mut passing, change.now).await?,
        KeyState::Staged | KeyState::Retired => {}
    }
    erase(change, &passing).await?;
    let details = json!({ "state": row.key.state.as_str() });
    Ok(((), vec![AuditRow { details, ..entry("dek.shred", row, None) }]))
}

/// The DEK's row, if it is the one that was looked for and nothing has happened to it since.
fn proved<'c>(change: &'c Change<'_>, proof: &Proof, wanted: KeyState) -> Result<&'c DekRow, KeyError> {
    let dek = proof.dek();
    let row = change.snapshot.dek(dek).ok_or(KeyError::UnknownDek(dek))?;
    if row.key.state != wanted {
        return Err(wrong_state(row, wanted));
    }
    if row.key.mac != proof.candidate.mac {
        return Err(KeyError::StaleProof(dek));
    }
    Ok(row)
}

/// Whenever it is retired its row is one that it never was: a proof from before does not fit it, not even once it
/// is deprecated again.
async fn retired(change: &Change<'_>, row: &mut DekRow, now: i64) -> Result<(), KeyError> {
    row.retired_at = Some(row.retired_at.map_or(now, |last| now.max(last.saturating_add(1))));
    step(change, row, KeyState::Retired).await
}

/// Microseconds since 1970.
async fn server_clock(change: &Change<'_>) -> Result<i64, KeyError> {
    let sql = "SELECT (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.*) 1000000)\
               ::pg_catalog.int8";
    Ok(change.client().query_one(sql, &[]).await?.try_get(0)?)
}

async fn erase(change: &Change<'_>, row: &DekRow) -> Result<(), KeyError> {
    let mut erased = row.clone();
    erased.key.state = KeyState::Destroyed;
    erased.key.destroyed_at = Some(change.now);
    erased.key.wrapped = None;
    if write::dek_erased(change.client(), &change.key, &erased, row.key.state).await? {
        Ok(())
    } else {
        Err(KeyError::Changed(row.name()))
    }
}

fn looked(proof: &Proof) -> serde_json::Value {
    json!({ "columns": proof.columns, "rows": proof.rows })
}

fn wrong_state(row: &DekRow, wanted: KeyState) -> KeyError {
    KeyError::WrongState { key: row.name(), state: row.key.state, wanted }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
