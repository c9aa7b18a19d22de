//! A batch that is sealed anew and written.

use std::{collections::HashSet, ops::Range, time::Duration};

use tokio::time::{Instant, timeout};

use super::{Shift, most};
use crate::{
    admin::metrics::{Batch, Pause},
    keys::{Permit, Stamp},
    sweep::{
        Job, Site, SweepError,
        engine::{
            fault::{Fault, Stop, told},
            place::{Tid, Xid},
            problems::Trouble,
            read::{Chunk, IN_FLIGHT, delay},
            seal::{self, Bad, Group, Sealed},
            target::Target,
            write::Written,
        },
        error::during,
        journal::Step,
    },
};

/// A table of which no row can be written is no matter of its rows.
const REFUSED_AT_MOST: usize = 1000;

/// Rows are locked first for so many batches, if more than one in so many was missed by one that did not.
const CAREFUL: u32 = 50;
const MISSED_BOLDLY: usize = 20;

/// A batch, ready to be written.
struct Ready<'a> {
    file: u32,
    group: &'a Group<'a>,
    sealed: &'a Sealed,
    permit: &'a Permit,
}

/// What was sealed while the batch before was written: the chunk as a whole. It may lie for hours, while that batch
/// waits for a standby, say: it has no permit, which a fence would wait for.
pub(super) struct Early {
    stamp: Stamp,
    sealed: Sealed,
}

/// How long to wait for uses of the DEK ahead of need.
const EARLY_WAITS: Duration = Duration::from_millis(10);

/// Seals a chunk ahead of need, if it is one batch without long values. What goes wrong here does so again when its
/// turn comes.
pub(super) async fn early(site: &Site, job: &Job, target: &Target, batch: u32, chunk: &Chunk) -> Option<Early> {
    let width = target.columns.len();
    let bytes: usize = chunk.rows.iter().map(|row| row.bytes(width)).sum();
    if !job.kind.writes_rows() || chunk.rows.is_empty() || chunk.rows.len() > most(batch as usize) || bytes > IN_FLIGHT
    {
        return None;
    }
    let mut group = Group { width, ..Group::default() };
    for row in &chunk.rows {
        group.places.push(row.place);
        group.versions.push(row.version);
        for column in 0..width {
            let value = row.value(column);
            if value.is_none() && row.size(column).is_some() {
                return None;
            }
            group.values.push(value);
        }
    }
    timeout(EARLY_WAITS, site.keyring.ready_to_seal(group.len())).await.ok()?;
    let permit = site.keyring.permit().ok()?;
    let sealed = seal::reseal(target, &group, &permit, false).await.ok()?;
    Some(Early { stamp: permit.stamp(), sealed })
}

impl Shift<'_> {
    /// Seals these rows of a chunk anew and writes them; blocks before `upto` are done then.
    pub(super) async fn rewrite(
        &mut self,
        chunk: &Chunk,
        rows: Range<usize>,
        upto: u32,
        early: Option<Early>,
    ) -> Result<(), Stop> {
        let found = chunk.rows.get(rows).unwrap_or_default();
        let mut long = Vec::new();
        let group = self.group(chunk, found, &mut long).await?;
        // Not if the primary has changed since, or the lease was lost.
        if let (Some(early), Ok(permit)) = (early, self.site.keyring.permit())
            && permit.gave(&early.stamp)
        {
            self.watch.over().await?;
            let ready = Ready { file: chunk.file, group: &group, sealed: &early.sealed, permit: &permit };
            return self.put(&ready, upto).await;
        }
        loop {
            self.site.keyring.ready_to_seal(group.len()).await;
            // Held until the transaction has ended: a fence waits for it.
            let permit = match self.site.keyring.permit() {
                Ok(permit) => permit,
                Err(error) => {
                    self.without_keys(&format!("{error} ({})", error.code())).await?;
                    continue;
                }
            };
            let sealed = match seal::reseal(self.target, &group, &permit, self.is_fresh()).await {
                Ok(sealed) => sealed,
                Err(why) => {
                    drop(permit);
                    self.put_off(why).await?;
                    continue;
                }
            };
            self.watch.over().await?;
            let ready = Ready { file: chunk.file, group: &group, sealed: &sealed, permit: &permit };
            return self.put(&ready, upto).await;
        }
    }

    /// Writes what is ready, and records what does not open.
    async fn put(&mut self, ready: &Ready<'_>, upto: u32) -> Result<(), Stop> {
        let upto = self.next.max(upto);
        let bad: HashSet<usize> = ready.sealed.bad.iter().map(|bad| bad.row).collect();
        if !bad.is_empty() {
            self.put_bad(ready).await?;
        }
        let rows = (0..ready.group.places.len()).filter(|row| ready.sealed.writes(*row) && !bad.contains(row));
        let mut parts: Vec<Vec<usize>> = vec![rows.collect()];
        let mut tries = 0;
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let next = if parts.is_empty() { upto } else { self.next };
            match self.write(ready, &part, next).await? {
                Ok(written) => {
                    if written.done > 0 {
                        self.refused = 0;
                    }
                    self.look_after(ready, &part, &written).await?;
                }
                Err(None) => self.miss_all(ready, &part),
                Err(Some(error)) => match Fault::of(&error) {
                    fault if fault.passes() && tries < self.job.limits.max_retries => {
                        self.watch.pause(Pause::Locks, None, delay(tries)).await?;
                        tries += 1;
                        parts.push(part);
                    }
                    Fault::Passing => self.miss_all(ready, &part),
                    Fault::Row if part.len() == 1 => self.refuse(ready, &part, error).await?,
                    Fault::Row => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second.to_vec(), first.to_vec()]);
                    }
                    fault => return Err(fault.stop(WRITING, error)),
                },
            }
        }
        self.next = upto;
        Ok(())
    }

    /// One statement. Without an error of the database: the keystore was not heard of for too long since these values
    /// were sealed, and they must not be sent.
    async fn write(
        &mut self,
        ready: &Ready<'_>,
        rows: &[usize],
        next: u32,
    ) -> Result<Result<Written, Option<tokio_postgres::Error>>, Stop> {
        if !self.site.keyring.may_send(ready.permit) {
            return Ok(Err(None));
        }
        let step = Step { next_block: next.into(), ..self.pending };
        let start = Instant::now();
        let bold = self.careful == 0 && !self.again;
        self.careful = self.careful.saturating_sub(1);
        let written = self.writing.write(ready.file, ready.group, ready.sealed, rows, (self.shard, &step), bold).await;
        let missed = written.as_ref().map_or(rows.len(), |written| rows.len().saturating_sub(written.accounted()));
        if bold && missed > rows.len() / MISSED_BOLDLY {
            self.careful = CAREFUL;
        }
        let written = match written {
            Ok(written) => written,
            Err(error) => return Ok(Err(Some(error))),
        };
        let missed = missed as u64;
        let (rows, values, took) = (written.done as u64, written.values, start.elapsed());
        self.was_told(Batch { rows, values, missed, took, ..Batch::default() });
        self.watch.heard(written.held, written.state.as_deref())?;
        Ok(Ok(written))
    }

    /// What was not written of a part that is committed.
    async fn look_after(&mut self, ready: &Ready<'_>, part: &[usize], written: &Written) -> Result<(), Stop> {
        if written.skipped {
            return self.refuse_for(ready, part, None, "a trigger has skipped the row".to_owned()).await;
        }
        for (was, now) in &written.altered {
            self.refused += 1;
            if self.refused >= REFUSED_AT_MOST {
                return Err(Stop::Failed(SweepError::Altered(self.target.shown())));
            }
            let row = part.iter().copied().find(|row| ready.group.places.get(*row) == Some(was));
            let (row, what) = (row.as_slice(), "a trigger has stored something else".to_owned());
            self.refuse_for(ready, row, Some(*now), what).await?;
        }
        if written.accounted() < part.len() {
            self.miss_some(ready, part, part.len() - written.accounted());
        }
        Ok(())
    }

    fn miss_all(&mut self, ready: &Ready<'_>, part: &[usize]) {
        self.miss_some(ready, part, part.len());
    }

    /// So many rows of a part, which ones is not known.
    fn miss_some(&mut self, ready: &Ready<'_>, part: &[usize], rows: usize) {
        let block = |row: Option<&usize>| row.and_then(|row| ready.group.places.get(*row)).map(|place| place.block);
        if let (Some(first), Some(last)) = (block(part.first()), block(part.last())) {
            self.miss(first, last, rows);
        }
    }

    /// A row that cannot be written.
    async fn refuse(&mut self, ready: &Ready<'_>, part: &[usize], error: tokio_postgres::Error) -> Result<(), Stop> {
        self.refused += 1;
        if self.refused >= REFUSED_AT_MOST {
            return Err(Stop::Failed(during(WRITING)(error)));
        }
        self.refuse_for(ready, part, None, told(&error)).await
    }

    /// `now` is where the row is, if it was written all the same.
    async fn refuse_for(
        &mut self,
        ready: &Ready<'_>,
        part: &[usize],
        now: Option<(Tid, Xid)>,
        detail: String,
    ) -> Result<(), Stop> {
        let Some(&row) = part.first() else { return Ok(()) };
        let column = (0..ready.group.width).find(|column| ready.sealed.value(row, *column).is_some());
        let column = column.unwrap_or_default();
        let bad = Bad { row, column, dek: ready.group.dek(row, column), reason: "sweep/refused", detail };
        let mut trouble = Self::trouble(ready.group, bad);
        if let (Some(trouble), Some((place, version))) = (&mut trouble, now) {
            (trouble.place, trouble.version) = (place, version);
        }
        self.record(trouble.as_slice()).await
    }

    /// Rows with values that do not open: what else they have is written, then what does not open is recorded of the
    /// row version that there is then.
    async fn put_bad(&mut self, ready: &Ready<'_>) -> Result<(), Stop> {
        let mut troubles = Vec::new();
        let mut bad = ready.sealed.bad.iter().peekable();
        while let Some(first) = bad.next() {
            let mut of_row = vec![first];
            while let Some(next) = bad.next_if(|next| next.row == first.row) {
                of_row.push(next);
            }
            let Some((&place, &version)) = ready.group.places.get(first.row).zip(ready.group.versions.get(first.row))
            else {
                continue;
            };
            let mut now = (place, version);
            if ready.sealed.writes(first.row) {
                let part = [first.row];
                match self.write(ready, &part, self.next).await? {
                    Ok(written) => {
                        now = written.place.unwrap_or(now);
                        self.look_after(ready, &part, &written).await?;
                    }
                    Err(None) => self.miss_all(ready, &part),
                    Err(Some(error)) => match Fault::of(&error) {
                        Fault::Passing => self.miss_all(ready, &part),
                        Fault::Row => self.refuse(ready, &part, error).await?,
                        fault => return Err(fault.stop(WRITING, error)),
                    },
                }
            }
            troubles.extend(of_row.into_iter().map(|bad| Trouble {
                place: now.0,
                version: now.1,
                column: bad.column,
                dek: bad.dek,
                reason: bad.reason,
                detail: bad.detail.clone(),
            }));
        }
        self.record(&troubles).await
    }

    /// What is recorded of a row as it was read.
    pub(super) fn trouble(group: &Group<'_>, bad: Bad) -> Option<Trouble> {
        let (place, version) = (*group.places.get(bad.row)?, *group.versions.get(bad.row)?);
        let Bad { column, dek, reason, detail, .. } = bad;
        Some(Trouble { place, version, column, dek, reason, detail })
    }
}

const WRITING: &str = "rewriting rows";
