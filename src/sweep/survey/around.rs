//! What is attached to the relations: publications, materialized views, indexes.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;

use super::{Obstacle, Stops, firing::pairs, relations::Found};
use crate::sweep::{
    SweepError,
    error::during,
    names::{qualified, quoted, some},
};

const QUERY: &str = include_str!("around.sql");

/// An average row of so many bytes is worth a note.
const WIDE: i64 = 64 * 1024;

/// Obstacles and notes.
pub(super) async fn find(client: &Client, found: &[Found]) -> Result<(Vec<Obstacle>, Vec<String>), SweepError> {
    let what = "looking for what reads the relations of a sweep";
    let (oids, attnums) = pairs(found);
    let rows = client.query(QUERY, &[&oids, &attnums]).await.map_err(during(what))?;
    let mut obstacles = BTreeMap::new();
    let (mut published, mut matviews) = (BTreeMap::<String, BTreeSet<String>>::new(), Vec::new());
    let mut indexes = Vec::new();
    for row in &rows {
        let read = || {
            Ok((
                row.try_get::<_, &str>(0)?,
                row.try_get::<_, u32>(1)?,
                row.try_get::<_, String>(2)?,
                row.try_get::<_, bool>(3)?,
            ))
        };
        let (part, oid, name, usable) = read().map_err(during(what))?;
        if part == "matview" {
            matviews.push(name);
            continue;
        }
        let Some(relation) = found.iter().find(|relation| relation.stored.oid == oid) else { continue };
        let path = format!("{}.{}", relation.stored.schema, relation.stored.name);
        if part == "index" {
            indexes.push(format!("{} of {path}", quoted(&name)));
            continue;
        }
        if !usable {
            obstacles.entry(path.clone()).or_insert_with(|| without_identity(relation, &path, &name));
        }
        published.entry(name).or_default().insert(path);
    }
    let mut notes = Vec::new();
    for (publication, relations) in published {
        let relations: Vec<String> = relations.into_iter().collect();
        notes.push(format!(
            "publication {} sends every rewritten row of {} to its subscribers",
            quoted(&publication),
            some(&relations)
        ));
    }
    if !matviews.is_empty() {
        notes.push(format!(
            "materialized views may hold copies of sealed values, and no DEK under which one is can be retired before \
             REFRESH MATERIALIZED VIEW: {}",
            some(&matviews)
        ));
    }
    if !indexes.is_empty() {
        notes.push(format!(
            "every rewritten row takes a new entry in each index of its table, since sealed columns are indexed: {}",
            some(&indexes)
        ));
    }
    Ok((obstacles.into_values().collect(), notes))
}

/// Notes that need no look at the catalog; `found` with its rows estimated.
pub(super) fn of_rows(found: &[Found]) -> Vec<String> {
    let mut notes = vec![
        "xmin of rewritten rows changes: optimistic locks that compare it (Entity Framework's xmin, say) take that for \
         a change by somebody else"
            .to_owned(),
    ];
    let width = |relation: &Found| relation.stored.bytes.checked_div(relation.stored.rows).unwrap_or(0);
    let wide: Vec<String> = found
        .iter()
        .filter(|relation| width(relation) >= WIDE)
        .map(|relation| {
            let kib = width(relation) / 1024;
            format!("{}.{} ({kib} KiB)", relation.stored.schema, relation.stored.name)
        })
        .collect();
    if !wide.is_empty() {
        notes.push(format!("rows are wide on the average, so that there are few to a transaction: {}", some(&wide)));
    }
    notes
}

fn without_identity(relation: &Found, path: &str, publication: &str) -> Obstacle {
    Obstacle {
        code: "sweep/replica-identity",
        object: path.to_owned(),
        message: format!(
            "publication {} publishes updates of it, and it has no usable replica identity: the server refuses every UPDATE",
            quoted(publication)
        ),
        hint: format!(
            "add a primary key, or ALTER TABLE {} REPLICA IDENTITY FULL",
            qualified(&relation.stored.schema, &relation.stored.name)
        ),
        stops: Stops::Writing,
    }
}
