//! How jobs are shown: as lines for people, as documents for programs.

use serde_json::{Value, json};

use super::{
    figures,
    look::{Look, Pace},
};
use crate::{
    cli::shown,
    sweep::{Job, JobState, Kind},
};

/// Columns of the table of jobs.
pub(super) const JOBS: &[&str] =
    &["Job", "Kind", "State", "Progress", "Rows", "Rewritten", "Rows/s", "Left", "Unrecoverable", "Started", "Ended"];

/// `3 (reencrypt, running)`
pub(super) fn named(job: &Job) -> String {
    format!("{} ({}, {})", job.id, job.kind.as_str(), state(job.state))
}

/// A state in words.
pub(super) fn state(state: JobState) -> String {
    state.as_str().replace('_', " ")
}

/// `45 %`, of the pass; `-` before it was cut.
pub(super) fn percent(look: &Look) -> String {
    match (look.job.state, look.share()) {
        (JobState::Completed | JobState::CompletedWithUnrecoverable, _) => "100 %".to_owned(),
        // What was rounded up to the whole would not be.
        (_, Some(share)) => format!("{:.0} %", (share * 100.0).floor()),
        (_, None) => "-".to_owned(),
    }
}

/// A job for the table under [`JOBS`].
pub(super) fn row(look: &Look, pace: Pace) -> Vec<String> {
    let (job, progress) = (&look.job, &look.progress);
    let mut percent = percent(look);
    if job.pass > 1 && !job.state.is_over() {
        percent = format!("{percent} of pass {}", job.pass);
    }
    vec![
        job.id.to_string(),
        format!("{}{}", job.kind.as_str(), if job.automatic { " (automatic)" } else { "" }),
        state(job.state),
        percent,
        rows(look).unwrap_or_else(|| "-".to_owned()),
        figures::count(progress.rows_done),
        pace.rows_per_second.map_or_else(|| "-".to_owned(), figures::speed),
        pace.left.map_or_else(|| "-".to_owned(), figures::time),
        figures::count(look.problems),
        shown::moment(job.started_at),
        shown::moment(job.ended_at),
    ]
}

/// Where a job is, in one line.
pub(super) fn line(look: &Look, pace: Pace) -> String {
    let (job, progress) = (&look.job, &look.progress);
    let mut parts = vec![state(job.state)];
    if job.pass > 1 {
        parts.push(format!("pass {}", job.pass));
    }
    parts.extend(Some(figures_of(look, pace)).filter(|figures| !figures.is_empty()));
    if progress.shards_open + progress.shards_done > 0 {
        parts.push(format!(
            "shards: {} at work, {} waiting, {} done",
            progress.shards_at_work,
            progress.shards_open - progress.shards_at_work,
            progress.shards_done
        ));
    }
    if progress.rows_missed > 0 {
        parts.push(format!("{} put off", figures::count(progress.rows_missed)));
    }
    if job.kind != Kind::Rewrap {
        parts.push(format!("{} unrecoverable", figures::count(look.problems)));
    }
    if let Some(reason) = &job.reason {
        parts.push(reason.clone());
    }
    format!("sweep {}: {}", job.id, parts.join(", "))
}

/// `450,000 of about 1,000,000`; None where rows are no measure, or nobody has looked yet how many there are.
fn rows(look: &Look) -> Option<String> {
    let surveyed = look.job.pass > 0 || look.job.expected_rows > 0;
    (look.job.kind != Kind::Rewrap && surveyed).then(|| {
        format!("{} of about {}", figures::count(look.progress.rows_seen), figures::count(look.job.expected_rows))
    })
}

/// Rows, rows a second and the time that is left; empty where there is nothing to say about rows.
pub(super) fn figures_of(look: &Look, pace: Pace) -> String {
    let (job, progress) = (&look.job, &look.progress);
    let Some(rows) = rows(look) else { return String::new() };
    let verb = if job.kind == Kind::Reencrypt { "rewritten" } else { "done" };
    let done = if job.kind == Kind::Reencrypt { progress.rows_done } else { progress.rows_seen };
    let speed = pace.rows_per_second.map(|speed| format!(", {} rows/s", figures::speed(speed)));
    let left = pace.left.map(|left| format!(", {} left", figures::time(left)));
    // Before it is cut there is nothing to be a share of.
    let percent = look.share().map(|_| format!("{}, ", percent(look)));
    format!(
        "{}{rows} rows, {} {verb}{}{}",
        percent.unwrap_or_default(),
        figures::count(done),
        speed.unwrap_or_default(),
        left.unwrap_or_default(),
    )
}

/// A job for programs. Times are those of the server's clock.
pub(super) fn document(database: &str, look: &Look, pace: Pace) -> Value {
    let (job, progress) = (&look.job, &look.progress);
    json!({
        "database": database,
        "id": job.id,
        "kind": job.kind.as_str(),
        "state": job.state.as_str(),
        "automatic": job.automatic,
        "reason": job.reason,
        "actor": job.actor,
        "only_deks": job.deks.as_ref().map(|deks| deks.iter().map(|dek| shown::id(*dek)).collect::<Vec<_>>()),
        "columns": job.columns.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "pass": job.pass,
        "rows": {
            "expected": job.expected_rows,
            "seen": progress.rows_seen,
            "rewritten": progress.rows_done,
            "missed": progress.rows_missed,
        },
        "values": progress.values_done,
        "unrecoverable": look.problems,
        "bytes": progress.bytes,
        "share_of_pass": look.share(),
        "rows_per_second": pace.rows_per_second,
        "eta_seconds": pace.left.map(|left| left.as_secs_f64()),
        "shards": {
            "open": progress.shards_open,
            "at_work": progress.shards_at_work,
            "done": progress.shards_done,
        },
        "workers": look.at_work.iter().map(|shard| json!({
            "worker": shard.worker,
            "shard": shard.no,
            "table": shard.table,
            "blocks": shard.blocks,
            "blocks_done": shard.blocks_done,
            "attempts": shard.attempts,
        })).collect::<Vec<_>>(),
        "created_at": shown::instant(Some(job.created_at)),
        "started_at": shown::instant(job.started_at),
        "ended_at": shown::instant(job.ended_at),
    })
}
