//! What `apply` shows.

use serde_json::{Value, json};

use super::plan::{How, Pending, Plan};
use crate::cli::{console::Console, sql_text::qualified};

/// Shows a plan to people: notes, the SQL that will run, what somebody else has to run, obstacles.
pub(super) fn show(console: Console, database: &str, plan: &Plan, keystore: Option<&str>) {
    console.heading(&format!("database {database}"));
    for note in &plan.notes {
        console.say(&format!("-- note: {note}"));
    }
    let own = plan.own_steps();
    if !own.is_empty() {
        console.say("BEGIN;");
        for step in own.iter().filter(|step| step.how != How::Alone) {
            console.say(&format!("-- {}\n{};", step.why, step.sql));
        }
        console.say("COMMIT;");
        for step in own.iter().filter(|step| step.how == How::Alone) {
            console.say(&format!("-- {}\n{};", step.why, step.sql));
        }
    }
    if let Some(keystore) = keystore {
        console.say(&format!("-- {keystore}"));
    }
    for line in registrations(plan) {
        console.say(&format!("-- {line}"));
    }
    let mut role = None;
    for (needed, step) in plan.foreign_steps() {
        if role != Some(needed) {
            console.say(&format!("-- not ours to run; run as {needed}:"));
            role = Some(needed);
        }
        console.say(&format!("-- {}\n{};", step.why, step.sql));
    }
    for obstacle in &plan.obstacles {
        console.say(&format!(
            "error[{}]: {}: {}\n  hint: {}",
            obstacle.code, obstacle.object, obstacle.message, obstacle.hint
        ));
    }
    if own.is_empty() && keystore.is_none() && plan.registrations.is_empty() && !needs_attention(plan) {
        console.say("nothing to do");
    }
}

/// A line for each table with columns to be registered.
fn registrations(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for group in
        plan.registrations.chunk_by(|a, b| (&a.column.schema, &a.column.table) == (&b.column.schema, &b.column.table))
    {
        let Some(first) = group.first() else { continue };
        let columns: Vec<&str> = group.iter().map(|pending| pending.column.column.as_str()).collect();
        let again = if group.iter().any(|pending| pending.replaces) { ", in place of what was registered" } else { "" };
        lines.push(format!(
            "keystore: register {}: {}{again}",
            qualified(&first.column.schema, &first.column.table),
            columns.join(", ")
        ));
    }
    lines
}

/// Is there something that `apply` cannot do by itself?
pub(super) fn needs_attention(plan: &Plan) -> bool {
    !plan.obstacles.is_empty() || !plan.foreign_steps().is_empty()
}

/// The same for programs.
pub(super) fn document(database: &str, plan: &Plan, keystore: Option<&str>) -> Value {
    let obstacles: Vec<Value> = plan
        .obstacles
        .iter()
        .map(|o| json!({ "code": o.code, "object": o.object, "message": o.message, "hint": o.hint }))
        .collect();
    let foreign: Vec<Value> =
        plan.foreign_steps().iter().map(|(role, step)| json!({ "run_as": role, "sql": step.sql })).collect();
    json!({
        "database": database,
        "steps": plan.own_steps().iter().map(|step| json!({ "sql": step.sql, "why": step.why })).collect::<Vec<_>>(),
        "keystore": keystore,
        "register": plan
            .registrations
            .iter()
            .map(|Pending { column, .. }| format!("{}.{}.{}", column.schema, column.table, column.column))
            .collect::<Vec<_>>(),
        "left_to_others": foreign,
        "obstacles": obstacles,
        "notes": plan.notes,
    })
}
