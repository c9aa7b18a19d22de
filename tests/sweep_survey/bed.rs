//! A database with tables of all shapes.

use std::sync::Arc;

use pgveil::{
    config,
    sweep::{
        job::ColumnName,
        survey::{Obstacle, Stored, Survey, survey},
    },
};
use tokio_postgres::Client;

use crate::support::{self, World, psql};

const SCHEMA: &str = "
CREATE TABLE people (id integer PRIMARY KEY, ssn text, born date, note text);
CREATE TABLE events (id bigint, region text, payload text, at date) PARTITION BY LIST (region);
CREATE TABLE events_eu PARTITION OF events FOR VALUES IN ('eu');
CREATE TABLE events_us PARTITION OF events FOR VALUES IN ('us') PARTITION BY RANGE (at);
CREATE TABLE events_us_old PARTITION OF events_us FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE animals (id integer, name text);
CREATE TABLE dogs (breed text) INHERITS (animals);
CREATE TABLE puppies (weeks integer) INHERITS (dogs)";

const POLICY: &str = "
people: { columns: { ssn: { type: text, mode: equality }, born: { type: date } } }
events: { columns: { payload: { type: text } } }
animals: { columns: { name: { type: text } } }";

pub struct Bed {
    pub world: World,
    pub database: Arc<config::Database>,
}

impl Bed {
    pub fn new() -> Self {
        let world = World::builder().schema(SCHEMA).tables(POLICY).not_running().start();
        let policy = config::load(&world.config(), &pgveil::kms::declarations()).unwrap().policy;
        let database = Arc::clone(&policy.databases[world.database()]);
        Self { world, database }
    }

    /// As the superuser, around pgveil.
    pub fn sql(&self, sql: &str) -> String {
        psql(&self.world.superuser(self.world.database()), sql)
    }

    pub async fn connect(&self, role: &str) -> Client {
        let port = self.world.server_port();
        let string = format!("host=127.0.0.1 port={port} user={role} dbname={}", self.world.database());
        let client = support::connect(&string).await;
        client.batch_execute("SET search_path = pg_catalog; SET row_security = off").await.unwrap();
        client
    }

    /// Every column of the policy, as a role sees them.
    pub async fn survey_as(&self, role: &str) -> Survey {
        survey(&self.connect(role).await, &self.database, &self.columns()).await.unwrap()
    }

    pub async fn survey(&self) -> Survey {
        self.survey_as("pgveil").await
    }

    pub fn columns(&self) -> Vec<ColumnName> {
        let name = |column: &Arc<config::ProtectedColumn>| column_name(&column.schema, &column.table, &column.name);
        self.database.columns.iter().map(name).collect()
    }
}

pub fn column_name(schema: &str, table: &str, column: &str) -> ColumnName {
    ColumnName { schema: schema.into(), table: table.into(), column: column.into() }
}

pub fn names(relations: &[Stored]) -> Vec<&str> {
    relations.iter().map(|relation| relation.name.as_str()).collect()
}

/// Codes and objects.
pub fn brief(obstacles: &[Obstacle]) -> Vec<(&str, &str)> {
    obstacles.iter().map(|obstacle| (obstacle.code, obstacle.object.as_str())).collect()
}
