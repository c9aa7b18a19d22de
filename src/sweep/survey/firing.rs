//! What the server would do beside a sweep's UPDATE: users' triggers, rules.

use tokio_postgres::Client;

use super::{Obstacle, Stops, relations::Found};
use crate::sweep::{
    SweepError,
    error::during,
    names::{qualified, quoted},
};

const QUERY: &str = include_str!("firing.sql");

/// Triggers and rules that an UPDATE of the sealed columns would fire.
pub(super) async fn find(client: &Client, found: &[Found]) -> Result<Vec<Obstacle>, SweepError> {
    let what = "looking for triggers that a sweep would fire";
    let (oids, attnums) = pairs(found);
    let rows = client.query(QUERY, &[&oids, &attnums]).await.map_err(during(what))?;
    let mut obstacles = Vec::new();
    for row in &rows {
        let read = || {
            Ok((
                row.try_get::<_, &str>(0)?,
                row.try_get::<_, u32>(1)?,
                row.try_get::<_, &str>(2)?,
                row.try_get::<_, &str>(3)?,
                row.try_get::<_, &str>(4)?,
            ))
        };
        let (part, oid, name, function, at) = read().map_err(during(what))?;
        let Some(relation) = found.iter().find(|relation| relation.stored.oid == oid) else { continue };
        let (schema, table) = (&relation.stored.schema, &relation.stored.name);
        let (object, table) = (format!("{schema}.{table}"), qualified(schema, table));
        obstacles.push(if part == "trigger" {
            Obstacle {
                code: "sweep/trigger",
                object,
                message: format!("trigger {} ({at}, function {function}) would fire for what is rewritten", quoted(name)),
                hint: format!(
                    "if it may, start with --allow-triggers (`sweep.allow_triggers` for automatic jobs); else ALTER TABLE {table} \
                     DISABLE TRIGGER {} meanwhile, for everybody",
                    quoted(name)
                ),
                stops: Stops::Triggers,
            }
        } else {
            Obstacle {
                code: "sweep/rule",
                object,
                message: format!("rule {} ({at}) takes the place of UPDATE, or runs with it", quoted(name)),
                hint: format!("ALTER TABLE {table} DISABLE RULE {} meanwhile, or make it a trigger", quoted(name)),
                stops: Stops::Writing,
            }
        });
    }
    Ok(obstacles)
}

/// Relations and attribute numbers, one pair for each sealed column.
pub(super) fn pairs(found: &[Found]) -> (Vec<u32>, Vec<i16>) {
    found.iter().flat_map(|relation| relation.attnums.iter().map(|attnum| (relation.stored.oid, *attnum))).unzip()
}
