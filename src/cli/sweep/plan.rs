//! What a job would do, before it is created.

use std::time::Duration;

use serde_json::{Value, json};

use super::figures;
use crate::{
    cli::{console::Console, shown},
    config::Database,
    sweep::{
        Kind, Limits,
        job::ColumnName,
        survey::{Estimate, Obstacle, Stops, Stored, Survey},
    },
};

/// A job that could be created.
pub(super) struct Plan<'a> {
    pub(super) database: &'a Database,
    pub(super) kind: Kind,
    pub(super) columns: &'a [ColumnName],
    pub(super) deks: Option<&'a [u32]>,
    pub(super) limits: &'a Limits,
    pub(super) survey: &'a Survey,
    /// Keys that a rewrap is about.
    pub(super) keys: usize,
}

impl Plan<'_> {
    /// For people. What is in the way is an error of its own.
    pub(super) fn show(&self, console: Console) {
        let under = match self.deks {
            Some(deks) => {
                format!(" values under DEK {}", deks.iter().map(|dek| shown::id(*dek)).collect::<Vec<_>>().join(", "))
            }
            None => String::new(),
        };
        console.heading(&format!("database {}: {}{under}", self.database.name, self.kind.as_str()));
        if self.kind == Kind::Rewrap {
            return console.say(&format!("{} key(s) to be wrapped anew; values stay as they are", self.keys));
        }
        if !self.survey.relations.is_empty() {
            let rows: Vec<Vec<String>> = self.survey.relations.iter().map(relation_row).collect();
            console.table(&["Table", "Rows, about", "Size", "Columns"], &rows);
            console.say(&self.cost());
        }
        for note in self.notes() {
            console.say(&format!("note: {note}"));
        }
        let triggers = || self.survey.obstacles.iter().filter(|obstacle| obstacle.stops == Stops::Triggers);
        if self.kind == Kind::Reencrypt && self.limits.allow_triggers {
            for trigger in triggers() {
                console.say(&format!("allowed: {}: {}", trigger.object, trigger.message));
            }
        }
    }

    fn cost(&self) -> String {
        let Estimate { rows, bytes, wal_bytes, measured, .. } = self.survey.estimate;
        let (time, rows_per_second) = self.pace();
        let basis = match measured {
            _ if self.is_throttled() => "its limit",
            true => "the speed of an earlier job",
            false => "an assumption",
        };
        let wal = match self.kind {
            Kind::Reencrypt => format!(", up to {} of WAL", figures::bytes(wal_bytes)),
            _ => String::new(),
        };
        format!(
            "about {} rows in {} to read{wal}, {} for one worker at {} rows/s ({basis})",
            figures::count(rows),
            figures::bytes(bytes),
            figures::time(time),
            figures::speed(rows_per_second)
        )
    }

    /// They are about what rewriting does.
    fn notes(&self) -> &[String] {
        if self.kind == Kind::Reencrypt { &self.survey.notes } else { &[] }
    }

    /// Would it be faster without `rate`? That bounds rows rewritten.
    fn is_throttled(&self) -> bool {
        let speed = self.survey.estimate.rows_per_second;
        self.kind == Kind::Reencrypt && self.limits.rate.is_some_and(|rate| f64::from(rate) < speed)
    }

    /// How long it takes, at how many rows a second.
    #[allow(clippy::cast_precision_loss)] // an estimate
    fn pace(&self) -> (Duration, f64) {
        let Estimate { rows, time, rows_per_second, .. } = self.survey.estimate;
        match self.limits.rate {
            Some(rate) if self.is_throttled() => {
                let throttled = Duration::try_from_secs_f64(rows as f64 / f64::from(rate)).unwrap_or(Duration::MAX);
                (time.max(throttled), f64::from(rate))
            }
            _ => (time, rows_per_second),
        }
    }

    /// For programs.
    pub(super) fn document(&self) -> Value {
        let Estimate { rows, bytes, wal_bytes, measured, .. } = self.survey.estimate;
        let (time, rows_per_second) = self.pace();
        json!({
            "database": self.database.name,
            "kind": self.kind.as_str(),
            "columns": self.columns.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "deks": self.deks.map(|deks| deks.iter().map(|dek| shown::id(*dek)).collect::<Vec<_>>()),
            "keys": if self.kind == Kind::Rewrap { Some(self.keys) } else { None },
            "limits": self.limits,
            "relations": self.survey.relations.iter().map(relation_document).collect::<Vec<_>>(),
            "estimate": {
                "rows": rows,
                "bytes": bytes,
                "wal_bytes": if self.kind == Kind::Reencrypt { wal_bytes } else { 0 },
                "seconds": time.as_secs_f64(),
                "rows_per_second": rows_per_second,
                "measured": measured,
            },
            "notes": self.notes(),
            "obstacles": self.survey.obstacles.iter().map(|obstacle| {
                let mut document = obstacle_document(obstacle);
                document["stops"] = obstacle.stops(self.kind, self.limits.allow_triggers).into();
                document
            }).collect::<Vec<_>>(),
        })
    }
}

/// An obstacle for programs.
pub(in crate::cli) fn obstacle_document(obstacle: &Obstacle) -> Value {
    json!({
        "code": obstacle.code,
        "object": obstacle.object,
        "message": obstacle.message,
        "hint": obstacle.hint,
    })
}

fn relation_row(stored: &Stored) -> Vec<String> {
    let columns: Vec<&str> = stored.columns.iter().map(|column| column.name.as_str()).collect();
    vec![
        format!("{}.{}", stored.schema, stored.name),
        figures::count(stored.rows),
        figures::bytes(stored.bytes),
        columns.join(", "),
    ]
}

fn relation_document(stored: &Stored) -> Value {
    json!({
        "table": format!("{}.{}", stored.schema, stored.name),
        "rows": stored.rows,
        "bytes": stored.bytes,
        "columns": stored.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(),
    })
}
