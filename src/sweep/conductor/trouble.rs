//! What a failure means for a job: is it one of the moment, or would everybody meet it?

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_postgres::{Client, error::SqlState};

use crate::sweep::{Job, JobState, Site, SweepError, journal};

/// From one try to the next at most.
const LONGEST: Duration = Duration::from_secs(60);

/// What of a reason is kept.
const REASON: usize = 1500;

/// What jobs have met in this process since something last went well. Others count for themselves: a job that
/// only this process fails at ends all the same, and can be resumed.
#[derive(Default)]
pub(super) struct Failures(Mutex<HashMap<i64, Met>>);

struct Met {
    times: u32,
    /// Those of the moment among them do not count.
    counted: u32,
    again: Instant,
}

impl Failures {
    /// May the next step of a job be tried (again)?
    pub(super) fn is_ready(&self, job: i64) -> bool {
        self.with(|met| met.get(&job).is_none_or(|met| met.again <= Instant::now()))
    }

    /// The jobs of which nothing may be tried again yet.
    pub(super) fn not_ready(&self) -> Vec<i64> {
        let now = Instant::now();
        self.with(|met| met.iter().filter(|(_, met)| met.again > now).map(|(job, _)| *job).collect())
    }

    /// Something went well.
    pub(super) fn good(&self, job: i64) {
        self.with(|met| met.remove(&job));
    }

    /// A step has failed; gives how often that has counted.
    fn met(&self, job: i64, counts: bool) -> u32 {
        self.with(|all| {
            let met = all.entry(job).or_insert_with(|| Met { times: 0, counted: 0, again: Instant::now() });
            met.again = Instant::now() + pause(met.times);
            met.times = met.times.saturating_add(1);
            met.counted = met.counted.saturating_add(u32::from(counts));
            met.counted
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<i64, Met>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says in a job's row what a step of it has met, and ends the job if that was too often.
    pub(super) async fn note(
        &self,
        site: &Site,
        client: &Client,
        job: &Job,
        error: &SweepError,
    ) -> Result<(), SweepError> {
        let reason = reason(error);
        let counted = self.met(job.id, !is_of_the_moment(error));
        tracing::warn!(database = %site.database.name, job = job.id, code = error.code(), "sweep: {reason}");
        if counted <= job.limits.max_retries {
            return journal::set_reason(client, job.id, Some(&reason)).await;
        }
        end(site, client, job, &JobState::UNDER_WAY, JobState::Failed, Some(&reason)).await?;
        self.good(job.id);
        Ok(())
    }
}

/// Ends a job if it is in one of `from`, and says so to whoever reads the log: nobody may have waited for it.
pub(super) async fn end(
    site: &Site,
    client: &Client,
    job: &Job,
    from: &[JobState],
    to: JobState,
    reason: Option<&str>,
) -> Result<(), SweepError> {
    if !journal::set_state(client, job.id, from, to, reason).await? {
        return Ok(());
    }
    let (database, job, kind, state) = (&site.database.name, job.id, job.kind.as_str(), to.as_str());
    if to == JobState::Completed {
        tracing::info!(database, job, kind, state, "a sweep has ended");
    } else {
        tracing::warn!(database, job, kind, state, reason, "a sweep has ended");
    }
    Ok(())
}

/// After so many failures: half a second, one, two …
pub(super) fn pause(failures: u32) -> Duration {
    Duration::from_millis(500).saturating_mul(1 << failures.min(16)).min(LONGEST)
}

/// For people: what has failed, and what to do about it.
pub(super) fn reason(error: &SweepError) -> String {
    cut(match error.hint() {
        Some(hint) => format!("{error}. {hint}"),
        None => error.to_string(),
    })
}

/// Texts of the journal have an end.
pub(super) fn cut(mut text: String) -> String {
    if text.len() > REASON {
        text.truncate(text.floor_char_boundary(REASON));
        text.push('…');
    }
    text
}

/// Will it pass by itself, or is it about keys? Then the job waits and says why.
pub(super) fn is_of_the_moment(error: &SweepError) -> bool {
    match error {
        SweepError::Database { source, .. } => passes(source),
        // Another process may have another policy.
        SweepError::Key(_) | SweepError::Unreachable(_) | SweepError::Unsettled(_) | SweepError::Unprotected(_) => true,
        _ => false,
    }
}

fn passes(error: &tokio_postgres::Error) -> bool {
    let Some(code) = error.code() else {
        // The connection was lost; what the client itself finds wrong with a value stays wrong.
        return error.is_closed()
            || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
    };
    // Connections, resources, an operator's hand, the system around the server; deadlocks and serialization.
    let class = code.code().get(..2).unwrap_or_default();
    matches!(class, "08" | "53" | "57" | "58" | "40")
        || [SqlState::LOCK_NOT_AVAILABLE, SqlState::READ_ONLY_SQL_TRANSACTION].contains(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again_later_and_later() {
        let failures = Failures::default();
        assert!(failures.is_ready(1));
        assert_eq!(failures.met(1, true), 1);
        assert_eq!(failures.met(1, false), 1, "of the moment");
        assert_eq!(failures.met(1, true), 2);
        assert!(!failures.is_ready(1) && failures.is_ready(2));
        assert_eq!(failures.not_ready(), [1]);
        tokio::time::advance(Duration::from_millis(1900)).await;
        assert!(!failures.is_ready(1));
        tokio::time::advance(Duration::from_millis(200)).await;
        assert!(failures.is_ready(1) && failures.not_ready().is_empty());
        failures.good(1);
        assert_eq!(failures.met(1, true), 1);
        assert_eq!(pause(u32::MAX), LONGEST);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let cut = cut("ä".repeat(REASON));
        assert!(cut.len() <= REASON + '…'.len_utf8() && cut.ends_with("ä…"));
    }
}
