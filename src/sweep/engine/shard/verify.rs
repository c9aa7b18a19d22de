//! A batch whose values are opened and counted.

use std::ops::Range;

use super::{super::seal, Shift, count};
use crate::sweep::engine::{
    fault::Stop,
    problems::{self, Trouble},
    read::Chunk,
    seal::Counts,
};

impl Shift<'_> {
    pub(super) async fn verify(&mut self, chunk: &Chunk, rows: Range<usize>, counts: &mut Counts) -> Result<(), Stop> {
        let found = chunk.rows.get(rows).unwrap_or_default();
        let mut long = Vec::new();
        let group = self.group(chunk, found, &mut long).await?;
        let bad = loop {
            match seal::verify(self.target, &group, counts, self.is_fresh()).await {
                Ok(bad) => break bad,
                Err(why) => self.put_off(why).await?,
            }
        };
        self.watch.over().await?;
        self.pending.values_done += count(group.len());
        let troubles: Vec<Trouble> = bad.into_iter().filter_map(|bad| Self::trouble(&group, bad)).collect();
        self.record(&troubles).await
    }

    /// Records what there is.
    pub(super) async fn record(&mut self, troubles: &[Trouble]) -> Result<(), Stop> {
        if troubles.is_empty() {
            return Ok(());
        }
        let recorded = problems::record(self.writer, self.job.id, self.target, troubles).await?;
        self.pending.problems += i64::try_from(recorded).unwrap_or(i64::MAX);
        for trouble in troubles {
            self.meters.problem(trouble.reason);
        }
        Ok(())
    }
}
