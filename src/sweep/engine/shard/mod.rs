//! The loop over a shard: reads ahead while what was read is sealed and written.

mod rewrite;
mod verify;

use std::{ops::Range, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_postgres::{Client, Row};

use rewrite::Early;

use super::{
    Connections,
    fault::{Fault, Stop},
    hold::Watch,
    read::{Chunk, Found, IN_FLIGHT, Reading, Span, delay},
    seal::{Counts, Group, NotNow},
    target::Target,
    throttle::{DeadRows, Throttle},
    write::Writing,
};
use crate::{
    admin::metrics::{Batch, Pause, SweepMeters},
    sweep::{
        Job, Kind, Site,
        error::during,
        journal::{self, Shard, Step},
    },
};

/// Where nothing is written the journal is told this often how far it is.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// So many rows may be tried one by one.
const FEW: i64 = 1000;

/// Values that name no DEK at all come in numbers: the keystore is read again for them so often at most.
const FRESH: Duration = Duration::from_secs(30);

/// How long to wait for keys before they are asked for again.
const KEYS_AGAIN: Duration = Duration::from_millis(500);

/// One worker's time with a shard.
struct Shift<'a> {
    site: &'a Site,
    job: &'a Job,
    shard: &'a Shard,
    target: &'a Target,
    reading: &'a Reading<'a>,
    writing: Writing<'a>,
    writer: &'a Client,
    throttle: &'a Throttle,
    meters: &'a SweepMeters,
    watch: Watch<'a>,
    dead: DeadRows,
    /// All blocks before are done, but for those in `missed`.
    next: u32,
    /// What the journal has not been told yet.
    pending: Step,
    told: Instant,
    missed: Vec<Missed>,
    /// What is read now was read before.
    again: bool,
    /// Rows are written one by one: that shows which a trigger skips.
    alone: bool,
    /// When the keystore was read again because of a DEK that it did not know.
    asked: Option<Instant>,
    /// Rows refused without one that was written in between.
    refused: usize,
    /// So many batches more are locked before they are written: clients were at the same rows.
    careful: u32,
}

/// Blocks with rows that somebody else held or had replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Missed {
    start: u32,
    end: u32,
    rows: i64,
}

/// Works a shard from block `next` on, which it moves.
pub(super) async fn run(
    site: &Site,
    connections: &mut Connections,
    job: &Job,
    shard: &Shard,
    stop: &watch::Receiver<bool>,
    next: &mut u32,
) -> Result<(), Stop> {
    let (throttle, doing) = (connections.throttle().clone(), connections.doing());
    let (reader, writer) = connections.both(site).await?;
    let Some(target) = Target::find(writer, site, &shard.part).await? else { return Ok(()) };
    let timeout = format!("SET lock_timeout = {}", job.limits.lock_timeout.as_millis().max(1));
    for client in [reader, writer] {
        client.batch_execute(&timeout).await.map_err(|error| Stop::from(during(PREPARING)(error)))?;
    }
    let mut tries = 0;
    // To prepare a statement takes the table's lock.
    let (reading, writing) = loop {
        let prepared = async {
            let reading = Reading::prepare(reader, &target, job, &site.keyring).await?;
            Ok((reading, Writing::prepare(writer, &target, job.limits.lock_timeout).await?))
        };
        match prepared.await {
            Ok(prepared) => break prepared,
            Err(error) if Fault::of(&error).passes() && tries < job.limits.max_retries => {
                sleep(delay(tries)).await;
                tries += 1;
            }
            Err(error) => return Err(Fault::of(&error).stop(PREPARING, error)),
        }
    };
    let meters = SweepMeters::of(&site.database.name);
    let _at_work = meters.at_work();
    let work = format!("{} of job {}, shard {}", target.shown(), job.id, shard.no);
    let mut shift = Shift {
        site,
        job,
        shard,
        target: &target,
        reading: &reading,
        writing,
        writer,
        throttle: &throttle,
        meters: &meters,
        watch: Watch::new(writer, job, shard, stop, (&doing, work), &meters),
        dead: DeadRows::default(),
        next: *next,
        pending: Step::default(),
        told: Instant::now(),
        missed: Vec::new(),
        again: false,
        alone: false,
        asked: None,
        refused: 0,
        careful: 0,
    };
    if let Some(note) = throttle.note() {
        shift.watch.note(&note);
    }
    let outcome = shift.all().await;
    *next = shift.next;
    outcome
}

impl Shift<'_> {
    async fn all(&mut self) -> Result<(), Stop> {
        let end = block(self.shard.part.end_block);
        let mut span = Span::new(self.throttle.batch(self.job), self.target.density);
        let (site, job, target, reading, throttle) = (self.site, self.job, self.target, self.reading, self.throttle);
        let mut at = self.next;
        // One chunk is written while the next is sealed and the one after that is read.
        let mut ready = self.read(&mut at, end, &mut span).await?.map(|chunk| (chunk, None));
        let mut read = self.read(&mut at, end, &mut span).await?;
        while let Some((chunk, early)) = ready {
            let blocks = span.blocks();
            let more = async { if at < end { reading.chunk(at, end, blocks).await.map(Some) } else { Ok(None) } };
            let next = async {
                let chunk = read?;
                // The connections' tasks may be waiting for this very thread, with what they are to send.
                tokio::task::yield_now().await;
                let early = rewrite::early(site, job, target, throttle.batch(job), &chunk).await;
                Some((chunk, early))
            };
            // In this order: the server has its work before this thread seals.
            let (worked, more, next) = tokio::join!(biased; self.work(&chunk, early), more, next);
            worked?;
            (ready, read) = (next, more?);
            if let Some(chunk) = &read {
                span.learn(chunk, throttle.batch(job));
                at = chunk.end;
            }
        }
        self.try_again().await?;
        self.pending.rows_missed += self.missed.iter().map(|missed| missed.rows).sum::<i64>();
        self.tell(&Counts::new()).await?;
        Ok(self.watch.over().await?)
    }

    /// What comes next, if there is more.
    async fn read(&self, at: &mut u32, end: u32, span: &mut Span) -> Result<Option<Chunk>, Stop> {
        if *at >= end {
            return Ok(None);
        }
        let chunk = self.reading.chunk(*at, end, span.blocks()).await?;
        span.learn(&chunk, self.throttle.batch(self.job));
        *at = chunk.end;
        Ok(Some(chunk))
    }

    /// Once more what somebody else had held, or has replaced. What is held still is left to the next pass. Not where
    /// nothing is written: the other rows of these blocks would be counted again.
    async fn try_again(&mut self) -> Result<(), Stop> {
        if !self.job.kind.writes_rows() {
            return Ok(());
        }
        self.again = true;
        for tries in 0..self.job.limits.max_retries {
            if self.missed.is_empty() {
                break;
            }
            self.watch.pause(Pause::Locks, None, delay(tries)).await?;
            let rows = self.missed.iter().map(|missed| missed.rows).sum::<i64>();
            self.alone = rows <= FEW && tries + 1 == self.job.limits.max_retries;
            for part in merged(std::mem::take(&mut self.missed)) {
                let mut at = part.start;
                while at < part.end {
                    let chunk = self.reading.chunk(at, part.end, part.end - at).await?;
                    at = chunk.end;
                    self.work(&chunk, None).await?;
                }
            }
        }
        self.alone = false;
        Ok(())
    }

    /// What was read, batch by batch.
    async fn work(&mut self, chunk: &Chunk, early: Option<Early>) -> Result<(), Stop> {
        self.watch.look().await?;
        if !self.again {
            self.pending.rows_seen += count(chunk.rows.len());
            self.pending.bytes += self.bytes(chunk);
        }
        let mut counts = Counts::new();
        let groups = self.groups(chunk);
        // It is about all rows: batches may have become smaller since.
        let mut early = early.filter(|_| groups.len() == 1);
        for rows in groups {
            self.be_considerate(rows.len()).await?;
            // Blocks before that of the next row are done with this batch.
            let upto = chunk.rows.get(rows.end).map_or(chunk.end, |row| row.place.block);
            match self.job.kind {
                Kind::Reencrypt => self.rewrite(chunk, rows, upto, early.take()).await?,
                Kind::Verify | Kind::Rewrap => self.verify(chunk, rows, &mut counts).await?,
            }
        }
        self.next = self.next.max(chunk.end);
        if !counts.is_empty() || self.told.elapsed() >= CHECKPOINT_EVERY {
            self.tell(&counts).await?;
        }
        Ok(())
    }

    /// Parts of about a batch, and of no more bytes than are to be in memory.
    fn groups(&self, chunk: &Chunk) -> Vec<Range<usize>> {
        let batch = if self.alone { 1 } else { self.throttle.batch(self.job) as usize };
        let most = most(batch);
        let most = if chunk.rows.len() <= most { most } else { batch };
        let (mut groups, mut start, mut bytes) = (Vec::new(), 0, 0);
        for (at, row) in chunk.rows.iter().enumerate() {
            let more = row.bytes(self.target.columns.len());
            if at > start && (at - start >= most || bytes + more > IN_FLIGHT) {
                groups.push(start..at);
                (start, bytes) = (at, 0);
            }
            bytes += more;
        }
        if start < chunk.rows.len() {
            groups.push(start..chunk.rows.len());
        }
        groups
    }

    /// Of heap, and of what lies beside it.
    fn bytes(&self, chunk: &Chunk) -> i64 {
        let blocks = i64::from(chunk.end.saturating_sub(chunk.start));
        // `TOAST_TUPLE_THRESHOLD` is a quarter of a block.
        let beside = usize::try_from(self.target.block_size / 4).unwrap_or(usize::MAX);
        let width = self.target.columns.len();
        let sizes = chunk.rows.iter().flat_map(|row| (0..width).filter_map(|column| row.size(column)));
        blocks * self.target.block_size + sizes.filter(|size| *size > beside).map(count).sum::<i64>()
    }

    /// Waits for everything that a batch of so many rows is to wait for.
    async fn be_considerate(&mut self, rows: usize) -> Result<(), Stop> {
        self.watch.look().await?;
        loop {
            let mut slow = self.throttle.before(self.writer, self.job).await;
            if slow.is_none() {
                slow = self.dead.before(self.writer, self.job, self.target.oid, &self.target.shown()).await;
                if let Some(note) = self.dead.note() {
                    self.watch.note(note);
                }
            }
            let Some(slow) = slow else { break };
            self.watch.pause(slow.why, slow.reason.as_deref(), slow.pause).await?;
            if !slow.again {
                break;
            }
        }
        let wait = self.throttle.take(self.job, rows);
        if !wait.is_zero() {
            self.watch.pause(Pause::Rate, None, wait).await?;
        }
        Ok(())
    }

    /// Sees to what values have to wait for.
    async fn put_off(&mut self, why: NotNow) -> Result<(), Stop> {
        match why {
            NotNow::Keys(reason) => self.without_keys(&reason).await,
            NotNow::Retired { column, dek } => {
                let Site { keyring, connect, process, .. } = self.site;
                // Of its own: after an error it is of no use.
                let client = connect.connect().await?;
                // What comes of it the next attempt learns; the log says why it failed.
                let _ = keyring.retired().meet(keyring, &client, process, &column, dek).await;
                Ok(())
            }
            NotNow::Unknown => {
                let client = self.site.connect.connect().await?;
                match self.site.keyring.refresh(&client).await {
                    Ok(()) => {
                        self.asked = Some(Instant::now());
                        Ok(())
                    }
                    Err(error) => self.without_keys(&format!("{error} ({})", error.code())).await,
                }
            }
        }
    }

    /// Was the keystore read again a moment ago?
    fn is_fresh(&self) -> bool {
        self.asked.is_some_and(|asked| asked.elapsed() < FRESH)
    }

    /// Waits for keys.
    async fn without_keys(&mut self, reason: &str) -> Result<(), Stop> {
        self.watch.pause(Pause::Keys, Some(reason), KEYS_AGAIN).await
    }

    /// A batch of what was read, with the long values that were only measured then. `long` keeps them.
    async fn group<'g>(
        &mut self,
        chunk: &Chunk,
        rows: &'g [Found],
        long: &'g mut Vec<(usize, Row)>,
    ) -> Result<Group<'g>, Stop> {
        let width = self.target.columns.len();
        let is_long = |row: &Found| (0..width).any(|column| row.size(column).is_some() && row.value(column).is_none());
        let places: Vec<usize> = (0..rows.len()).filter(|at| rows.get(*at).is_some_and(is_long)).collect();
        if !places.is_empty() {
            let wanted: Vec<&Found> = places.iter().filter_map(|at| rows.get(*at)).collect();
            let values = self.reading.values(self.writer, chunk.file, &wanted).await;
            let values = values.map_err(|error| Fault::of(&error).stop(READING, error))?;
            let values = values.into_iter().filter_map(|(at, row)| Some((*places.get(at)?, row)));
            long.extend(values);
        }
        let mut group = Group { width, ..Group::default() };
        let mut long = long.iter().peekable();
        let mut gone: Vec<&Found> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let values = long.next_if(|(of, _)| *of == at).map(|(_, values)| values);
            if values.is_none() && places.binary_search(&at).is_ok() {
                gone.push(row);
                continue;
            }
            group.places.push(row.place);
            group.versions.push(row.version);
            for column in 0..width {
                group.values.push(match values {
                    Some(values) => values.try_get(column + 1).map_err(|error| Stop::from(during(READING)(error)))?,
                    None => row.value(column),
                });
            }
        }
        if let (Some(first), Some(last)) = (gone.first(), gone.last()) {
            self.miss(first.place.block, last.place.block, gone.len());
        }
        Ok(group)
    }

    fn miss(&mut self, first: u32, last: u32, rows: usize) {
        self.missed.push(Missed { start: first, end: last.saturating_add(1), rows: count(rows) });
    }

    /// Tells the journal how far this is.
    async fn tell(&mut self, counts: &Counts) -> Result<(), Stop> {
        let step = Step { next_block: self.next.into(), ..self.pending };
        let held = if counts.is_empty() {
            journal::checkpoint(self.writer, self.shard, &step).await?
        } else {
            let counts: Vec<_> = counts
                .iter()
                .filter_map(|((column, dek), values)| {
                    let column = self.target.columns.get(*column)?.policy.clone();
                    Some(journal::Count { column, dek: *dek, values: *values })
                })
                .collect();
            journal::checkpoint_counts(self.writer, self.shard, &step, &counts).await?
        };
        let values = self.pending.values_done.unsigned_abs();
        self.was_told(Batch { values, ..Batch::default() });
        if held { Ok(()) } else { Err(Stop::claimed()) }
    }

    /// The journal has what was pending; with it this was written.
    fn was_told(&mut self, written: Batch) {
        let (seen, bytes) = (self.pending.rows_seen.unsigned_abs(), self.pending.bytes.unsigned_abs());
        self.meters.batch(Batch { seen, bytes, ..written });
        self.pending = Step::default();
        self.told = Instant::now();
    }
}

/// No second transaction for a few rows more than were expected.
fn most(batch: usize) -> usize {
    batch + batch / 4
}

/// In order and without overlaps.
fn merged(mut missed: Vec<Missed>) -> Vec<Missed> {
    missed.sort_by_key(|missed| missed.start);
    let mut merged: Vec<Missed> = Vec::new();
    for next in missed {
        match merged.last_mut().filter(|last| last.end > next.start) {
            Some(last) => {
                last.end = last.end.max(next.end);
                last.rows += next.rows;
            }
            None => merged.push(next),
        }
    }
    merged
}

/// No relation has blocks beyond.
pub(super) fn block(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

const PREPARING: &str = "preparing to work on a table";
const READING: &str = "reading long values";
