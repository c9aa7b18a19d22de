//! What the server would do beside a sweep's UPDATE: users' triggers, rules.

use tokio_postgres::Client;

use super::{Obstacle, Stops, relations::Found};
use crate::sweep::{
    SweepError,
    error::during,
    journal::NewShard,
    names::{qualified, quoted},
};

const QUERY: &str = include_str!("firing.sql");

const LOOKING: &str = "looking for triggers that a sweep would fire";

/// Triggers and rules that an UPDATE of the sealed columns would fire.
pub(super) async fn find(client: &Client, found: &[Found]) -> Result<Vec<Obstacle>, SweepError> {
    let name = |oid| {
        let relation = found.iter().find(|relation| relation.stored.oid == oid)?;
        Some((relation.stored.schema.as_str(), relation.stored.name.as_str()))
    };
    obstacles(client, pairs(found), name).await
}

/// Those of a shard's table, as it is now.
pub(in crate::sweep) async fn of_part(client: &Client, part: &NewShard) -> Result<Vec<Obstacle>, SweepError> {
    let sql = "SELECT attnum FROM pg_attribute WHERE attrelid = $1 AND attname::text = ANY ($2) AND NOT attisdropped";
    let names: Vec<&str> = part.columns.iter().map(|column| column.name.as_str()).collect();
    let rows = client.query(sql, &[&part.relation, &names]).await.map_err(during(LOOKING))?;
    let attnums: Result<Vec<i16>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    let attnums = attnums.map_err(during(LOOKING))?;
    obstacles(client, (vec![part.relation; attnums.len()], attnums), |_| Some((&part.schema, &part.table))).await
}

/// `named` gives schema and name of a relation.
async fn obstacles<'n>(
    client: &Client,
    (oids, attnums): (Vec<u32>, Vec<i16>),
    named: impl Fn(u32) -> Option<(&'n str, &'n str)>,
) -> Result<Vec<Obstacle>, SweepError> {
    let rows = client.query(QUERY, &[&oids, &attnums]).await.map_err(during(LOOKING))?;
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
        let (part, oid, name, function, at) = read().map_err(during(LOOKING))?;
        let Some((schema, table)) = named(oid) else { continue };
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
