//! One world for all tests here; they take turns.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::{
    raw::{Message, Raw, Script, assert_same, port},
    shim::{Cut, Shim},
    support::World,
};

/// Tables beside `people`: nothing in them is protected.
const SCHEMA: &str = "
CREATE TABLE people (
  id integer PRIMARY KEY,
  name text NOT NULL,
  email varchar(120),
  ssn char(11),
  birth date,
  salary numeric(12,2),
  notes text,
  hint text);
CREATE TABLE plain (id integer PRIMARY KEY, t text, n numeric(8,2), at timestamptz);
CREATE TABLE late (id integer PRIMARY KEY, r integer REFERENCES plain DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION noisy(n integer) RETURNS integer LANGUAGE plpgsql AS
  $$ BEGIN FOR i IN 1..n LOOP RAISE NOTICE 'notice %', i; END LOOP; RETURN n; END $$;
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * n';
CREATE SCHEMA side;
CREATE TABLE side.people (id integer PRIMARY KEY, name text NOT NULL, email varchar(120), ssn char(11), birth date,
  salary numeric(12,2), notes text, hint text);
CREATE TABLE labels (id integer PRIMARY KEY, tags text[], codes varchar(5)[], counts int8[], prices numeric(6,2)[],
  days timestamptz(0)[], blobs bytea[], docs jsonb[], plain text[]);
INSERT INTO side.people VALUES (1, 'side', 'side@x')";

const POLICY: &str = "
people:
  columns:
    email: { type: varchar(120), mode: equality }
    ssn: { type: char(11), mode: equality }
    birth: { type: date }
    salary: { type: \"numeric(12,2)\" }
    notes: { type: text, padding: padme }
    hint: { type: text, on_error: null }
labels:
  columns:
    tags: { type: \"text[]\" }
    codes: { type: \"varchar(5)[]\" }
    counts: { type: \"bigint ARRAY\" }
    prices: { type: \"numeric(6,2)[]\" }
    days: { type: \"timestamptz(0)[]\" }
    blobs: { type: \"bytea[]\" }
    docs: { type: \"jsonb[]\" }";

/// What every test finds.
const ROWS: &str = "
INSERT INTO people VALUES (1, 'Ann', 'Ann@x.org', '111-11-1111', '1990-01-31', 1234.50, 'first');
INSERT INTO people VALUES (2, 'Bob', 'bob@x.org', '222-22-2222', '1985-12-01', 99.90, '');
INSERT INTO people VALUES (3, 'Cid', NULL, NULL, NULL, NULL, NULL);
INSERT INTO plain VALUES (1, 'one', 1.5, '2024-05-06 07:08:09+00'), (2, 'two', NULL, NULL), (3, NULL, 3, NULL)";

/// The world, for one test alone, with its rows as they were at first.
pub struct Turn {
    world: MutexGuard<'static, Stage>,
}

pub struct Stage {
    world: World,
    /// Where sessions through pgveil connect to.
    port: u16,
}

impl Stage {
    fn new() -> Self {
        let builder = World::builder().schema(SCHEMA).tables(POLICY);
        if !crate::RECHUNK {
            let world = builder.start();
            let port = port(&world.through());
            return Self { world, port };
        }
        let mut world = builder.not_running().start();
        let server = world.server_port();
        let behind = Shim::start(server, Cut::Random, false);
        world.edit_policy(|text| text.replace(&format!("127.0.0.1:{server}"), &format!("127.0.0.1:{}", behind.port)));
        world.run(&[]);
        let port = Shim::start(port(&world.through()), Cut::Random, false).port;
        Self { world, port }
    }
}

pub fn turn() -> Turn {
    static WORLD: OnceLock<Mutex<Stage>> = OnceLock::new();
    let world = WORLD.get_or_init(|| Mutex::new(Stage::new())).lock().unwrap_or_else(PoisonError::into_inner);
    let turn = Turn { world };
    for conn_string in [turn.through(), turn.twin()] {
        let mut raw = Raw::connect(&conn_string);
        // COPY and what else a failed test left behind is not in the way: each has connections of its own.
        for sql in ["TRUNCATE people, labels; TRUNCATE plain, late", ROWS] {
            for statement in sql.split(";\n") {
                let answer = raw.brief(statement);
                assert!(!answer.iter().any(|line| line.starts_with('!')), "{statement}: {answer:?}");
            }
        }
    }
    turn
}

impl std::ops::Deref for Turn {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world.world
    }
}

impl Turn {
    /// Connection string of `app` to the protected database, through pgveil (and what is around it).
    pub fn through(&self) -> String {
        let through = self.world.world.through();
        through.replace(&format!("port={}", port(&through)), &format!("port={}", self.world.port))
    }

    /// A session through pgveil.
    pub fn veiled(&self) -> Raw {
        Raw::connect(&self.through())
    }

    /// A session around pgveil, in the protected database.
    pub fn around(&self) -> Raw {
        Raw::connect(&self.direct())
    }

    /// Runs a script on both sides; gives what pgveil's said.
    #[track_caller]
    pub fn same(&self, script: &Script) -> Vec<Message> {
        let (through, twin) = (self.through(), self.twin());
        let ours = script.run(port(&through), &through);
        let theirs = script.run(port(&twin), &twin);
        assert_same(&ours, &theirs);
        ours
    }

    /// Runs a script through pgveil only.
    pub fn run(&self, script: &Script) -> Vec<Message> {
        let through = self.through();
        script.run(port(&through), &through)
    }
}
