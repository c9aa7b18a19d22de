//! Imported material: wrapped anew once the service above it wraps with another key, so that the key before
//! is not needed any more.

use std::sync::Arc;

use serde_json::json;

use super::{
    super::KeyError,
    access::Access,
    audit::AuditRow,
    change::Change,
    material::check_wrap,
    read::Snapshot,
    rewrap::Rewrapped,
    rows::{Imported, KekRow},
    write,
};
use crate::kms::{Kms, Material};

/// Material that another key shall wrap.
struct Move<'s> {
    row: &'s KekRow,
    imported: &'s Imported,
    /// As it is now.
    from: Material,
    /// The service that wraps it from now on, by its name in the policy.
    to: String,
    above: Arc<dyn Kms>,
}

/// How many imported keys have material that the key above them, as the policy has it now, has not wrapped.
pub async fn materials_to_rewrap(access: &Access<'_>) -> Result<usize, KeyError> {
    let snapshot = access.read().await?;
    Ok(waiting(access, &snapshot).await?.len())
}

/// Wraps those anew, each in a transaction of its own. What comes out was opened as a KEK, and has opened its
/// canary, before it is written over the one it was made of. It may stop at any point in between.
pub async fn rewrap_materials(access: &Access<'_>) -> Result<Rewrapped, KeyError> {
    let snapshot = access.read().await?;
    let all = waiting(access, &snapshot).await?;
    let mut outcome = Rewrapped { done: 0, left: all.len(), position: snapshot.position() };
    for one in all {
        let next = wrapped(access, &snapshot, &one).await?;
        let change = Change::begin(access).await?;
        let replaced = replace(&change, &one, &next).await;
        let (done, position) = change.end(replaced).await?;
        outcome.position = position;
        if done {
            outcome.done += 1;
            outcome.left -= 1;
        }
    }
    Ok(outcome)
}

async fn waiting<'s>(access: &Access<'_>, snapshot: &'s Snapshot) -> Result<Vec<Move<'s>>, KeyError> {
    let mut all = Vec::new();
    for row in &snapshot.keks {
        let kek = row.key(&snapshot.keystore.id);
        let (Some(imported), Some(from), Some(kms)) = (&row.imported, kek.material, &row.kms) else { continue };
        // Nobody can open it, and nothing needs it: it went with its services.
        if !access.directory.names(&from.kms) && !snapshot.is_needed(row) {
            continue;
        }
        let Some((to, above)) = access.directory.above(kms).await? else { continue };
        let key_ref = above.key_ref();
        let since = snapshot.rotated_at(to, &key_ref);
        if (to, &key_ref, since) != (from.kms.as_str(), &from.key_ref, imported.wrapped_since) {
            let to = to.to_owned();
            all.push(Move { row, imported, from, to, above });
        }
    }
    Ok(all)
}

/// The material under its new key.
async fn wrapped(access: &Access<'_>, snapshot: &Snapshot, one: &Move<'_>) -> Result<Imported, KeyError> {
    let context = &one.from.context;
    let from = access.directory.open_above(&one.from).await?;
    let fresh = one.above.rewrap(&*from, &one.from.wrapped, context, context).await?;
    // After the wrap: it may have made the key.
    let key_ref = one.above.key_ref();
    let next = Imported {
        fingerprint: one.imported.fingerprint.clone(),
        wrapped: Some(fresh),
        kms: one.to.clone(),
        wrapped_since: snapshot.rotated_at(&one.to, &key_ref),
        key_ref,
    };
    let row = KekRow { imported: Some(next.clone()), ..one.row.clone() };
    let keystore = &snapshot.keystore.id;
    let kek = access.directory.open_kek(&row.key(keystore)).await?;
    check_wrap(&*kek, &row.canary, &row.context(keystore), &row.canary_kcv).await?;
    Ok(next)
}

async fn replace(change: &Change<'_>, one: &Move<'_>, next: &Imported) -> Result<(bool, Vec<AuditRow>), KeyError> {
    // A state that has changed since is kept: only the wrap is ours.
    let Some(now) = change.snapshot.kek_of(one.row.id) else { return Ok((false, Vec::new())) };
    let wrapped = now.imported.as_ref().and_then(|imported| imported.wrapped.as_ref());
    // Somebody else was faster. Seen before a MAC is made: a change writes every row that it has made one for.
    if wrapped.is_none_or(|wrapped| wrapped.blob != one.from.wrapped.blob) {
        return Ok((false, Vec::new()));
    }
    let row = KekRow { imported: Some(next.clone()), ..now.clone() };
    if !write::material(change.client(), &change.key, &row, &one.from.wrapped.blob).await? {
        return Ok((false, Vec::new()));
    }
    let entry = AuditRow {
        operation: "material.rewrap",
        kek: u32::try_from(row.id).ok(),
        provider: Some(one.above.kind().to_owned()),
        key_ref: Some(next.key_ref.clone()),
        request_id: next.wrapped.as_ref().and_then(|wrapped| wrapped.request_id.clone()),
        details: json!({ "kms": next.kms, "from_kms": one.from.kms, "from_key_ref": one.from.key_ref }),
        ..AuditRow::default()
    };
    Ok((true, vec![entry]))
}
