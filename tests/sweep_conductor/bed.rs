//! A protected database whose values are under an earlier DEK.

use std::process::Output;

use pgveil::cli::demo::cluster::ClusterAuth;

use crate::support::{Builder, World, both, psql, stdout};

const SCHEMA: &str = "
CREATE TABLE people (id integer PRIMARY KEY, ssn text, note text);
CREATE TABLE events (id bigint, region text, payload text) PARTITION BY LIST (region);
CREATE TABLE events_eu PARTITION OF events FOR VALUES IN ('eu');
CREATE TABLE events_us PARTITION OF events FOR VALUES IN ('us')";

const POLICY: &str = "
people: { columns: { ssn: { type: text, mode: equality }, note: { type: text } } }
events: { columns: { payload: { type: text } } }";

fn builder() -> Builder {
    World::builder().schema(SCHEMA).tables(POLICY).extra("sweep: { max_retries: 2 }")
}

pub struct Bed {
    pub world: World,
}

impl Bed {
    pub fn new() -> Self {
        Self { world: builder().start() }
    }

    /// Rows of every table, sealed by way of pgveil.
    pub fn filled(rows: u32) -> Self {
        Self::new().fill(rows)
    }

    /// On a server of its own: a fence waits for the transactions of all databases of a server.
    pub fn apart(rows: u32) -> Self {
        Self { world: builder().own_server(ClusterAuth::Trust, &[]).start() }.fill(rows)
    }

    fn fill(self, rows: u32) -> Self {
        let bed = self;
        psql(
            &bed.world.through(),
            &(1..=rows)
                .map(|id| {
                    let region = if id % 2 == 0 { "eu" } else { "us" };
                    format!(
                        "INSERT INTO people VALUES ({id}, 'ssn {id}', 'note {id}'); \
                         INSERT INTO events VALUES ({id}, '{region}', 'payload {id}');"
                    )
                })
                .collect::<Vec<_>>()
                .concat(),
        );
        bed
    }

    pub fn pgveil(&self, args: &[&str]) -> String {
        let output = self.world.pgveil(args);
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        stdout(&output)
    }

    pub fn try_pgveil(&self, args: &[&str]) -> Output {
        self.world.pgveil(args)
    }

    pub fn rotate(&self) {
        self.pgveil(&["keys", "rotate", "--yes"]);
    }

    /// As the superuser, around pgveil.
    pub fn sql(&self, sql: &str) -> String {
        psql(&self.world.superuser(self.world.database()), sql)
    }

    pub fn primary(&self) -> String {
        self.sql("SELECT id FROM pgveil_keys.dek WHERE state = 'primary'")
    }

    /// Values by the DEK that their header names.
    pub fn deks_of(&self, table: &str, column: &str) -> Vec<(String, u64)> {
        let sql = format!(
            "SELECT ('x' || encode(substr({column}, 5, 4), 'hex'))::bit(32)::bigint AS dek, count(*) FROM {table} \
             WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 1"
        );
        let line = |line: &str| line.split_once('|').map(|(dek, n)| (dek.to_owned(), n.parse().unwrap())).unwrap();
        self.sql(&sql).lines().map(line).collect()
    }

    /// State, passes and reason of the newest job.
    pub fn job(&self) -> (String, i32, String) {
        let line =
            self.sql("SELECT state, pass, coalesce(reason, '') FROM pgveil_keys.sweep_job ORDER BY id DESC LIMIT 1");
        let mut fields = line.splitn(3, '|');
        let mut next = || fields.next().unwrap().to_owned();
        (next(), next().parse().unwrap(), next())
    }

    /// Everything is under the primary DEK, and as it was.
    pub fn is_sealed_anew(&self, rows: u64) {
        let primary = self.primary();
        for (table, column) in [("people", "ssn"), ("people", "note"), ("events", "payload")] {
            assert_eq!(self.deks_of(table, column), [(primary.clone(), rows)], "{table}.{column}");
        }
        let read = psql(&self.world.through(), "SELECT id, ssn, note FROM people ORDER BY id");
        let expected: Vec<String> = (1..=rows).map(|id| format!("{id}|ssn {id}|note {id}")).collect();
        assert_eq!(read.lines().collect::<Vec<_>>(), expected);
        let read = psql(&self.world.through(), "SELECT id, payload FROM events ORDER BY id");
        let expected: Vec<String> = (1..=rows).map(|id| format!("{id}|payload {id}")).collect();
        assert_eq!(read.lines().collect::<Vec<_>>(), expected);
        let found = psql(&self.world.through(), "SELECT id FROM people WHERE ssn = 'ssn 1'");
        assert_eq!(found, "1", "its token was kept");
    }
}
