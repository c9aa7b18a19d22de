//! The DDL of schema `pgveil_keys`, version 1.
//!
//! It must install without superuser and without extensions. Every name in function bodies is
//! qualified, and their `search_path` fixed, so that nobody's objects in other schemas are called
//! (<https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY>).
//! Constraints and triggers protect from mistakes and races; whoever owns the schema can drop them,
//! and against them there are the MACs.

/// Version of the tables below. A later version adds its steps to [`super::install_sql`].
pub(super) const VERSION: i32 = 1;

/// Serialises installing and making the first keys: `CREATE … IF NOT EXISTS` is not safe against
/// another session's. The number is `pgveil_k` in ASCII.
pub(super) const LOCK: &str = "SELECT pg_catalog.pg_advisory_xact_lock(8099572632781610859)";

/// So that no operator in a CHECK or a query below is somebody else's.
const SEARCH_PATH: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

/// Statements that leave what exists as it is. For one transaction.
pub(super) fn statements() -> Vec<String> {
    let mut all = vec![LOCK.to_owned(), SEARCH_PATH.to_owned()];
    all.extend(TABLES.iter().chain(FUNCTIONS).map(|s| (*s).to_owned()));
    all.extend(TRANSITIONS.iter().map(|(table, steps)| transitions(table, steps)));
    for &(table, states) in WITH_MACS {
        all.extend(triggers(table, states));
    }
    all.push(
        "CREATE OR REPLACE TRIGGER forward_only BEFORE UPDATE OR DELETE ON pgveil_keys.epoch \
         FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_epoch()"
            .to_owned(),
    );
    all.push(
        "CREATE OR REPLACE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.epoch \
         FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse()"
            .to_owned(),
    );
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

const TABLES: &[&str] = &[
    // Not IF NOT EXISTS: that wants CREATE on the database even where the schema was made for us.
    "DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgveil_keys') THEN
            CREATE SCHEMA pgveil_keys;
            COMMENT ON SCHEMA pgveil_keys IS
                'pgveil: wrapped keys of the encrypted columns. Whatever deletes these rows destroys the data.';
        END IF;
    END $$",
    "CREATE TABLE IF NOT EXISTS pgveil_keys.version (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        version integer NOT NULL
    )",
    // n grows with every change of a key; mac covers n and all rows (the manifest).
    "CREATE TABLE IF NOT EXISTS pgveil_keys.epoch (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        n bigint NOT NULL CHECK (n >= 0),
        mac bytea
    )",
    "CREATE TABLE IF NOT EXISTS pgveil_keys.keystore (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        id text NOT NULL CHECK (id ~ '^[0-9a-f]{32}$'),
        made_in text NOT NULL,
        made_at timestamptz NOT NULL,
        mac bytea NOT NULL
    )",
    "CREATE TABLE IF NOT EXISTS pgveil_keys.transition (
        tbl text, before text, after text,
        PRIMARY KEY (tbl, before, after)
    )",
    "CREATE TABLE IF NOT EXISTS pgveil_keys.scope (
        id bigint PRIMARY KEY,
        level smallint NOT NULL CHECK (level BETWEEN 0 AND 4),
        path text NOT NULL UNIQUE,
        parent_id bigint REFERENCES pgveil_keys.scope,
        created_at timestamptz NOT NULL,
        mac bytea NOT NULL,
        CHECK ((level = 0) = (parent_id IS NULL))
    )",
    "CREATE TABLE IF NOT EXISTS pgveil_keys.kek (
        id bigint PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
        scope_id bigint NOT NULL REFERENCES pgveil_keys.scope,
        provider text NOT NULL,
        key_ref text NOT NULL,
        state text NOT NULL CHECK (state IN ('staged', 'primary', 'deprecated', 'retired', 'destroyed')),
        canary bytea NOT NULL,
        wrap_alg text NOT NULL,
        provider_version text,
        canary_kcv bytea NOT NULL,
        created_at timestamptz NOT NULL,
        mac bytea NOT NULL
    )",
    "CREATE UNIQUE INDEX IF NOT EXISTS kek_one_primary ON pgveil_keys.kek (scope_id) WHERE state = 'primary'",
    "CREATE TABLE IF NOT EXISTS pgveil_keys.index_root (
        id bigint PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
        scope_id bigint NOT NULL REFERENCES pgveil_keys.scope,
        version integer NOT NULL CHECK (version > 0),
        kek_id bigint NOT NULL REFERENCES pgveil_keys.kek,
        state text NOT NULL CHECK (state IN ('staged', 'primary', 'deprecated', 'retired', 'destroyed')),
        wrapped bytea,
        wrap_alg text NOT NULL,
        provider_version text,
        kcv bytea NOT NULL,
        created_at timestamptz NOT NULL,
        destroyed_at timestamptz,
        mac bytea NOT NULL,
        UNIQUE (scope_id, version),
        CHECK ((state = 'destroyed') = (wrapped IS NULL)),
        CHECK ((state = 'destroyed') = (destroyed_at IS NOT NULL))
    )",
    "CREATE UNIQUE INDEX IF NOT EXISTS index_root_one_primary ON pgveil_keys.index_root (scope_id) WHERE state = 'primary'",
    "CREATE TABLE IF NOT EXISTS pgveil_keys.dek (
        id bigint PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
        scope_id bigint NOT NULL REFERENCES pgveil_keys.scope,
        kek_id bigint NOT NULL REFERENCES pgveil_keys.kek,
        state text NOT NULL CHECK (state IN ('staged', 'primary', 'deprecated', 'retired', 'destroyed')),
        wrapped bytea,
        wrap_alg text NOT NULL,
        provider_version text,
        kcv bytea NOT NULL,
        max_uses bigint NOT NULL CHECK (max_uses BETWEEN 1 AND 4294967296),
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        destroyed_at timestamptz,
        mac bytea NOT NULL,
        CHECK ((state = 'destroyed') = (wrapped IS NULL)),
        CHECK ((state = 'destroyed') = (destroyed_at IS NOT NULL))
    )",
    "CREATE UNIQUE INDEX IF NOT EXISTS dek_one_primary ON pgveil_keys.dek (scope_id) WHERE state = 'primary'",
    // What the policy's names meant when `pgveil apply` last said so.
    "CREATE TABLE IF NOT EXISTS pgveil_keys.registration (
        schema_name text NOT NULL,
        table_name text NOT NULL,
        column_name text NOT NULL,
        table_oid oid NOT NULL,
        attnum smallint NOT NULL CHECK (attnum > 0),
        registered_at timestamptz NOT NULL,
        mac bytea NOT NULL,
        PRIMARY KEY (schema_name, table_name, column_name)
    )",
    // A hint for people (a renamed column), not believed by anything.
    "CREATE TABLE IF NOT EXISTS pgveil_keys.column_identity (
        identity text PRIMARY KEY,
        first_seen timestamptz NOT NULL DEFAULT pg_catalog.now()
    )",
];

const FUNCTIONS: &[&str] = &[
    // No resurrection: a state changes only along `transition`; what a key is never changes.
    "CREATE OR REPLACE FUNCTION pgveil_keys.guard_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        IF NEW.id <> OLD.id OR NEW.scope_id <> OLD.scope_id OR NEW.created_at <> OLD.created_at
            OR (to_jsonb(NEW) -> 'kcv') IS DISTINCT FROM (to_jsonb(OLD) -> 'kcv') THEN
            RAISE EXCEPTION 'pgveil_keys.%: id, scope, creation and check value of a key never change', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.state <> OLD.state AND NOT EXISTS (
            SELECT FROM pgveil_keys.transition t
            WHERE t.tbl = TG_TABLE_NAME AND t.before = OLD.state AND t.after = NEW.state
        ) THEN
            RAISE EXCEPTION 'pgveil_keys.%: a key that is % cannot become %', TG_TABLE_NAME, OLD.state, NEW.state
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$",
    "CREATE OR REPLACE FUNCTION pgveil_keys.refuse() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        RAISE EXCEPTION 'pgveil_keys.%: % is not allowed: data would be lost', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation';
    END $$",
    "CREATE OR REPLACE FUNCTION pgveil_keys.guard_epoch() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR NEW.n < OLD.n THEN
            RAISE EXCEPTION 'pgveil_keys.epoch only grows' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$",
    // The lock on epoch's row, held until the transaction ends, puts all changes of keys in one order.
    "CREATE OR REPLACE FUNCTION pgveil_keys.bump_epoch() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        next bigint;
    BEGIN
        UPDATE pgveil_keys.epoch SET n = n + 1 RETURNING n INTO next;
        PERFORM pg_notify('pgveil_keys', next::text);
        RETURN NULL;
    END $$",
];

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
    triggers
}

const ROWS_AND_RIGHTS: &[&str] = &[
    "INSERT INTO pgveil_keys.version (version) VALUES (1) ON CONFLICT DO NOTHING",
    "INSERT INTO pgveil_keys.epoch (n) VALUES (0) ON CONFLICT DO NOTHING",
    // Default privileges of the database may have given more than the defaults of PostgreSQL.
    "REVOKE ALL ON SCHEMA pgveil_keys FROM PUBLIC",
    "REVOKE ALL ON ALL TABLES IN SCHEMA pgveil_keys FROM PUBLIC",
    "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgveil_keys FROM PUBLIC",
];
