//! Where values are that keep a DEK, and what to do about each.

use serde_json::{Value, json};

use super::super::target::Target;
use crate::{
    cli::{console::Console, error::CliError, sql_text::qualified},
    config::Policy,
    sweep::{
        SweepError,
        proof::{Place, PlaceKind, Unseen},
    },
};

/// Shows what keeps a DEK, if the error says so; whether it did.
pub(in crate::cli::keys) fn show(target: &Target<'_>, error: &CliError, console: Console) -> bool {
    let CliError::Sweep(sweep) = error else { return false };
    let (places, unseen): (&[Place], &[Unseen]) = match sweep {
        SweepError::StillUsed { places, unseen } => (places, unseen),
        SweepError::Unseen(unseen) => (&[], unseen),
        _ => return false,
    };
    table(target, places, console);
    table_of_unseen(unseen, console);
    if console.is_json() {
        console.document(&json!({ "error": {
            "code": error.code(),
            "message": error.to_string(),
            "hint": error.hint(),
            "places": documents(target, places),
            "unseen": unseen.iter().map(unseen_document).collect::<Vec<_>>(),
        }}));
    } else {
        console.error(error);
    }
    true
}

/// Places, for people.
pub(super) fn table(target: &Target<'_>, places: &[Place], console: Console) {
    if places.is_empty() {
        return;
    }
    let row =
        |place: &Place| vec![place.path(), kind(place.kind).to_owned(), place.rows.to_string(), advice(target, place)];
    console.table(&["place", "of", "rows", "what to do"], &places.iter().map(row).collect::<Vec<_>>());
}

/// What could not be looked at, for people.
pub(super) fn table_of_unseen(unseen: &[Unseen], console: Console) {
    if unseen.is_empty() {
        return;
    }
    let row = |unseen: &Unseen| vec![unseen.relation.clone(), unseen.why.clone(), unseen.remedy.clone()];
    console.table(&["not looked at", "why", "what to do"], &unseen.iter().map(row).collect::<Vec<_>>());
}

/// For programs.
pub(super) fn documents(target: &Target<'_>, places: &[Place]) -> Vec<Value> {
    let document = |place: &Place| {
        json!({
            "place": place.path(),
            "kind": kind(place.kind),
            "rows": place.rows,
            "in_policy": in_policy(target.policy, target.database, place),
            "advice": advice(target, place),
        })
    };
    places.iter().map(document).collect()
}

/// Likewise.
pub(super) fn unseen_document(unseen: &Unseen) -> Value {
    json!({ "relation": unseen.relation, "why": unseen.why, "remedy": unseen.remedy })
}

fn kind(kind: PlaceKind) -> &'static str {
    match kind {
        PlaceKind::Table => "table",
        PlaceKind::MaterializedView => "materialized view",
        PlaceKind::Foreign => "foreign table",
        PlaceKind::Default => "default",
    }
}

fn advice(target: &Target<'_>, place: &Place) -> String {
    let name = qualified(&place.schema, &place.table);
    match place.kind {
        PlaceKind::MaterializedView => format!("REFRESH MATERIALIZED VIEW {name}"),
        PlaceKind::Foreign => "seal the values where the rows are, or drop the foreign table".to_owned(),
        PlaceKind::Default => "give the column another default, or none".to_owned(),
        PlaceKind::Table if in_policy(target.policy, target.database, place) => {
            "`pgveil sweep start`; rows that a sweep could not seal anew are in `pgveil sweep report`".to_owned()
        }
        PlaceKind::Table => {
            "not in the policy: if it is a copy of a protected column name it there with `identity:`, and \
             sweep; a detached partition can be attached again; else drop it or delete the rows"
                .to_owned()
        }
    }
}

/// Does the policy name the column, of the table itself or of the one that it belongs to?
fn in_policy(policy: &Policy, database: &str, place: &Place) -> bool {
    let Some(database) = policy.databases.get(database) else { return false };
    let (schema, table) = &place.root;
    database.columns.iter().any(|column| {
        let own = (column.schema == place.schema) && (column.table == place.table);
        let of_root = column.schema == *schema && column.table == *table;
        (own || of_root) && column.name == place.column
    })
}
