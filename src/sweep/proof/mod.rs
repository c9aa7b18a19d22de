//! The proof that no value under a DEK is anywhere in a database, and the looks that it is made of.
//!
//! - [`prove`] — for retiring and destroying a DEK: the whole database, behind a fence, twice.
//! - [`whereabouts`] — the same look once and at once: what a DEK is still needed for, for people.
//! - [`mod@count`] — only the columns of a job: what is under which DEK after a pass.
//!
//! `look` is one look through everything, `relations` what there is to look at, `types` how an envelope is found
//! in a value, `snapshot` how relations are read one after the other.

mod count;
mod look;
mod place;
mod relations;
mod snapshot;
mod types;

use std::time::Duration;

pub use count::{Counted, count};
use look::{Temporaries, look};
pub use place::{Found, Place, PlaceKind, Unseen};
use tokio_postgres::Client;

use super::{SweepError, error::during, names::quoted};
use crate::keys::{
    Patience, fence_within,
    keystore::{self, Access, Proof},
    transactions_over,
};

/// Told what is waited for, whenever that has changed; for people.
pub type Waits<'a> = &'a mut (dyn FnMut(&str) + Send);

/// Proves that no value under a DEK is anywhere in the database.
///
/// `client` is the connection of `access`, in no transaction, with `row_security = off`; after a call that was
/// cancelled it must not be used again. Waits for transactions, proxies, locks and other sessions' temporary tables
/// up to `patience` in the whole; the time of looking comes on top of it. Fails with [`SweepError::StillUsed`] if
/// there are such values, with [`SweepError::Unseen`] if something could not be looked at, with
/// [`KeyError::NotFenced`](crate::keys::KeyError::NotFenced) or [`SweepError::Unsettled`] if patience was over.
///
/// Behind the fence nothing new is sealed under the DEK, and what was has been committed or rolled back: what is
/// there can only be copied from row to row. A look that finds nothing says that no committed row held such a value
/// at its moment. What it cannot see are copies in transactions that were in progress at that moment, made of rows
/// that others have overwritten since. So all transactions are waited for that were open when the first look had
/// ended, and a second look must find nothing either. What would have to happen for a value to slip through both:
/// a transaction that is open at the first look brings a copy of a value that is nowhere else any more, a second one
/// copies that and stays open over the second look, and a third one removes the first copy before it. That is why a
/// retired DEK is kept, and is destroyed only after another proof, much later.
pub async fn prove(
    client: &Client,
    access: &Access<'_>,
    dek: u32,
    patience: Duration,
    waits: Waits<'_>,
) -> Result<Proof, SweepError> {
    let candidate = keystore::candidate(access, dek).await?;
    let mut patience = Patience::new(patience, waits);
    fence_within(client, &mut patience).await?;
    nothing(look(client, dek, Temporaries::Wait, &mut patience).await?)?;
    transactions_over(client, &mut patience).await?;
    let found = nothing(look(client, dek, Temporaries::Wait, &mut patience).await?)?;
    Ok(Proof::new(candidate, found.columns, found.rows))
}

/// Where values under a DEK are, as far as this connection sees now: open transactions, and what could not be
/// looked at, may hold more. Waits for locks up to `patience`. The connection must not be in a transaction.
pub async fn whereabouts(client: &Client, dek: u32, patience: Duration) -> Result<Found, SweepError> {
    look(client, dek, Temporaries::Report, &mut Patience::new(patience, |_: &str| {})).await
}

/// Fails unless a look has seen everything and found nothing.
fn nothing(found: Found) -> Result<Found, SweepError> {
    if !found.places.is_empty() {
        return Err(SweepError::StillUsed { places: found.places, unseen: found.unseen });
    }
    if !found.unseen.is_empty() {
        return Err(SweepError::Unseen(found.unseen));
    }
    Ok(found)
}
