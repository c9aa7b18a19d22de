//! Progress of one job: a bar on a terminal, lines elsewhere, nothing with `--json`.

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    look::{Look, Pace, Speed},
    shown_as,
};
use crate::{
    cli::console::{Console, harmless},
    sweep::{JobState, journal::ShardAtWork},
};

/// Lines are this far apart, unless something changes.
const LINES: Duration = Duration::from_secs(5);

/// So many of the shards at work are shown below the bar.
const SHOWN: usize = 8;

/// The bar has this many steps.
const STEPS: u64 = 1000;

/// Shows looks at a job.
pub(super) struct Display {
    how: How,
    speed: Speed,
    state: Option<(JobState, i32)>,
}

enum How {
    Bar(ProgressBar),
    Lines { console: Console, last: Option<Instant> },
    Silent,
}

impl Display {
    pub(super) fn new(console: Console) -> Self {
        // The bar goes to standard error, as indicatif does it.
        let how = if console.is_json() {
            How::Silent
        } else if console.is_terminal() && io::stderr().is_terminal() {
            let bar = ProgressBar::new(STEPS);
            if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            How::Bar(bar)
        } else {
            How::Lines { console, last: None }
        };
        Self { how, speed: Speed::default(), state: None }
    }

    /// Does a person look at it? Then it is worth looking often.
    pub(super) fn is_bar(&self) -> bool {
        matches!(self.how, How::Bar(_))
    }

    /// Shows a look.
    pub(super) fn show(&mut self, look: &Look) {
        let pace = self.speed.after(look);
        let state = (look.job.state, look.job.pass);
        let changed = self.state.replace(state) != Some(state);
        match &mut self.how {
            How::Silent => {}
            How::Bar(bar) => {
                bar.set_position(position(look));
                bar.set_prefix(format!("sweep {} {}", look.job.id, shown_as::state(look.job.state)));
                bar.set_message(harmless(&message(look, pace)));
            }
            // Whoever waits says what it came to.
            How::Lines { .. } if look.job.state.is_over() || look.job.state == JobState::Failed => {}
            How::Lines { console, last } => {
                if changed || last.is_none_or(|last| last.elapsed() >= LINES) {
                    console.say(&shown_as::line(look, pace));
                    *last = Some(Instant::now());
                }
            }
        }
    }

    /// Something to be said meanwhile.
    pub(super) fn note(&self, text: &str) {
        match &self.how {
            How::Bar(bar) => bar.suspend(|| Console::note(text)),
            How::Lines { .. } | How::Silent => Console::note(text),
        }
    }

    /// Nothing more will be shown; the bar stays as it is.
    pub(super) fn end(&self) {
        if let How::Bar(bar) = &self.how {
            bar.abandon();
        }
    }
}

/// How far the bar goes.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // 0 to STEPS
fn position(look: &Look) -> u64 {
    if matches!(look.job.state, JobState::Completed | JobState::CompletedWithUnrecoverable) {
        return STEPS;
    }
    look.share().map_or(0, |share| (share * STEPS as f64) as u64)
}

/// What stands behind and below the bar.
fn message(look: &Look, pace: Pace) -> String {
    let progress = &look.progress;
    let figures = shown_as::figures_of(look, pace);
    let first = if look.job.pass > 1 { format!("pass {}, {figures}", look.job.pass) } else { figures };
    let mut lines = vec![first];
    lines.push(format!(
        "shards: {} at work, {} waiting, {} done; {} put off; {} unrecoverable",
        progress.shards_at_work,
        progress.shards_open - progress.shards_at_work,
        progress.shards_done,
        progress.rows_missed,
        look.problems
    ));
    lines.extend(look.job.reason.as_ref().map(|reason| reason.replace('\n', " ")));
    lines.extend(look.at_work.iter().take(SHOWN).map(shard_line));
    let more = look.at_work.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n  ")
}

/// A shard at work, in one line.
pub(super) fn shard_line(shard: &ShardAtWork) -> String {
    let percent = 100 * shard.blocks_done / shard.blocks.max(1);
    let again = if shard.attempts > 1 { format!(", attempt {}", shard.attempts) } else { String::new() };
    format!("#{} {} {percent} %{again} ({})", shard.no, shard.table, shard.worker)
}

#[cfg(test)]
mod tests {
    use super::{super::look::tests::look, *};

    #[test]
    fn the_bar_says_how_far_how_fast_and_what_is_at_work() {
        let mut look = look(10, 1, 450_000, 455);
        look.progress.rows_missed = 4;
        look.problems = 1;
        look.job.reason = Some("waits for\na replica".into());
        let shard = |no| ShardAtWork {
            no,
            table: "public.people".into(),
            worker: "host-1".into(),
            blocks: 100,
            blocks_done: 45,
            attempts: 2,
        };
        look.at_work = (1..=9).map(shard).collect();
        let pace = Pace { rows_per_second: Some(8_300.0), left: Some(Duration::from_secs(66)) };
        let text = message(&look, pace);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 12, "{text}");
        assert_eq!(lines[0], "45 %, 450,000 of about 1,000,000 rows, 450,000 rewritten, 8,300 rows/s, 66 s left");
        assert_eq!(lines[1], "  shards: 2 at work, 3 waiting, 3 done; 4 put off; 1 unrecoverable");
        assert_eq!(lines[2], "  waits for a replica");
        assert_eq!(lines[3], "  #1 public.people 45 %, attempt 2 (host-1)");
        assert_eq!(lines[11], "  and 1 more");
        assert_eq!(position(&look), 455);
        look.job.state = JobState::Completed;
        assert_eq!(position(&look), STEPS);
    }
}
