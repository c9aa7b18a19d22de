//! The DDL of schema `pgveil_keys`, version 3.
//!
//! It must install without superuser and without extensions. Every name in function bodies is
//! qualified, and their `search_path` fixed, so that nobody's objects in other schemas are called
//! (<https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY>).
//! Constraints and triggers protect from mistakes and races; whoever owns the schema can drop them,
//! and against them there are the MACs.

mod functions;
mod sweeps;
mod tables;

use functions::FUNCTIONS;
use sweeps::THIRD;
use tables::{FIRST, SECOND};

/// Version of the tables. A later version adds its steps to [`statements`], which also bring a keystore of
/// an earlier version here.
pub(super) const VERSION: i32 = 3;

/// Serialises installing and making the first keys: `CREATE … IF NOT EXISTS` is not safe against
/// another session's. The number is `pgveil_k` in ASCII.
pub(super) const LOCK: &str = "SELECT pg_catalog.pg_advisory_xact_lock(8099572632781610859)";

/// So that no operator in a CHECK or a query below is somebody else's.
const SEARCH_PATH: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

/// Statements that leave what exists as it is. For one transaction.
pub(super) fn statements() -> Vec<String> {
    let mut all = vec![LOCK.to_owned(), SEARCH_PATH.to_owned(), AGAINST_DEADLOCKS.to_owned()];
    all.extend(FIRST.iter().chain(SECOND).chain(THIRD).chain(FUNCTIONS).map(|s| (*s).to_owned()));
    all.extend(TRANSITIONS.iter().map(|(table, steps)| transitions(table, steps)));
    for &(table, states) in WITH_MACS {
        all.extend(triggers(table, states));
    }
    all.extend(OTHER_TRIGGERS.iter().map(|s| (*s).to_owned()));
    all.extend(ROWS_AND_RIGHTS.iter().map(|s| (*s).to_owned()));
    all
}

/// Tables whose rows carry MACs, and whether a row has a state.
const WITH_MACS: &[(&str, bool)] = &[
    ("kek", true),
    ("index_root", true),
    ("dek", true),
    ("scope", false),
    ("keystore", false),
    ("registration", false),
];

/// Readers take their locks in this order (`read::rows`), so they and an upgrade wait for each other
/// instead of in a circle.
const AGAINST_DEADLOCKS: &str = "DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = 'pgveil_keys' AND c.relname = 'registration') THEN
            LOCK TABLE pgveil_keys.version, pgveil_keys.keystore, pgveil_keys.epoch, pgveil_keys.scope, pgveil_keys.kek,
                pgveil_keys.index_root, pgveil_keys.dek, pgveil_keys.registration IN ACCESS EXCLUSIVE MODE;
        END IF;
    END $$";

/// Allowed changes of state. Only a KEK can become primary again (a rotation taken back); a DEK never
/// does, since how often it was used is not known any more.
const TRANSITIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "kek",
        &[
            ("staged", "primary"),
            ("staged", "destroyed"),
            ("primary", "deprecated"),
            ("deprecated", "primary"),
            ("deprecated", "retired"),
            ("retired", "destroyed"),
        ],
    ),
    ("dek", KEY_STEPS),
    ("index_root", KEY_STEPS),
];

const KEY_STEPS: &[(&str, &str)] = &[
    ("staged", "primary"),
    ("staged", "destroyed"),
    ("primary", "deprecated"),
    ("deprecated", "retired"),
    ("retired", "deprecated"),
    ("retired", "destroyed"),
];

fn transitions(table: &str, steps: &[(&str, &str)]) -> String {
    let rows: Vec<String> = steps.iter().map(|(before, after)| format!("('{table}', '{before}', '{after}')")).collect();
    format!("INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES {} ON CONFLICT DO NOTHING", rows.join(", "))
}

fn triggers(table: &str, has_states: bool) -> Vec<String> {
    let mut triggers = vec![
        format!(
            "CREATE OR REPLACE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.{table} \
             FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse()"
        ),
        format!(
            "CREATE OR REPLACE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.{table} \
             FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse()"
        ),
        format!(
            "CREATE OR REPLACE TRIGGER epoch AFTER INSERT OR UPDATE OR DELETE ON pgveil_keys.{table} \
             FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch()"
        ),
    ];
    if has_states {
        triggers.push(format!(
            "CREATE OR REPLACE TRIGGER transitions BEFORE UPDATE ON pgveil_keys.{table} \
             FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_key()"
        ));
    }
    if table != "dek" {
        triggers.push(format!(
            "CREATE OR REPLACE TRIGGER owners_only BEFORE INSERT OR UPDATE ON pgveil_keys.{table} \
             FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.guard_owners()"
        ));
    }
    triggers
}

const OTHER_TRIGGERS: &[&str] = &[
    "CREATE OR REPLACE TRIGGER roles BEFORE INSERT OR UPDATE ON pgveil_keys.dek \
     FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_dek()",
    "CREATE OR REPLACE TRIGGER forward_only BEFORE UPDATE OR DELETE ON pgveil_keys.epoch \
     FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_epoch()",
    "CREATE OR REPLACE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.epoch \
     FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse()",
    "CREATE OR REPLACE TRIGGER only_grows BEFORE INSERT OR UPDATE ON pgveil_keys.dek_usage \
     FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_usage()",
    "CREATE OR REPLACE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.dek_usage \
     FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse()",
    "CREATE OR REPLACE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.dek_usage \
     FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse()",
    "CREATE OR REPLACE TRIGGER stamp BEFORE INSERT ON pgveil_keys.audit \
     FOR EACH ROW EXECUTE FUNCTION pgveil_keys.stamp_audit()",
    "CREATE OR REPLACE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON pgveil_keys.audit \
     FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse()",
];

const ROWS_AND_RIGHTS: &[&str] = &[
    "INSERT INTO pgveil_keys.version (version) VALUES (3) \
     ON CONFLICT (one) DO UPDATE SET version = 3 WHERE pgveil_keys.version.version IN (1, 2)",
    "INSERT INTO pgveil_keys.epoch (n) VALUES (0) ON CONFLICT DO NOTHING",
    // Default privileges of the database may have given more than the defaults of PostgreSQL.
    "REVOKE ALL ON SCHEMA pgveil_keys FROM PUBLIC",
    "REVOKE ALL ON ALL TABLES IN SCHEMA pgveil_keys FROM PUBLIC",
    "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgveil_keys FROM PUBLIC",
];
