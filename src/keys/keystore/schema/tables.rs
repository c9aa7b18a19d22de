//! The tables: those of version 1 as they were, and what version 2 adds to them.

/// Version 1. Not changed any more: on a keystore that has them these statements do nothing.
pub(super) const FIRST: &[&str] = &[
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

/// What version 2 adds. On a keystore that has it already these statements change nothing.
pub(super) const SECOND: &[&str] = &[
    // The policy's name of the service; imported material; when things happened. rotated_at: when a service that
    // keeps a key's name was last made to give it new material. wrapped_since, in each table: the rotated_at of
    // the KEK when the row was wrapped; where the two differ it is wrapped by earlier material.
    "ALTER TABLE pgveil_keys.kek
        ADD COLUMN IF NOT EXISTS kms text,
        ADD COLUMN IF NOT EXISTS fingerprint text,
        ADD COLUMN IF NOT EXISTS material bytea,
        ADD COLUMN IF NOT EXISTS material_alg text,
        ADD COLUMN IF NOT EXISTS material_version text,
        ADD COLUMN IF NOT EXISTS material_kms text,
        ADD COLUMN IF NOT EXISTS material_key_ref text,
        ADD COLUMN IF NOT EXISTS activated_at timestamptz,
        ADD COLUMN IF NOT EXISTS destroyed_at timestamptz,
        ADD COLUMN IF NOT EXISTS request_id text,
        ADD COLUMN IF NOT EXISTS rotated_at timestamptz,
        ADD COLUMN IF NOT EXISTS material_wrapped_since timestamptz,
        DROP CONSTRAINT IF EXISTS kek_erased,
        ADD CONSTRAINT kek_erased CHECK ((state = 'destroyed') = (destroyed_at IS NOT NULL)
            AND (state <> 'destroyed' OR material IS NULL)),
        DROP CONSTRAINT IF EXISTS kek_imported,
        ADD CONSTRAINT kek_imported CHECK ((fingerprint IS NULL) = (material_kms IS NULL)
            AND (fingerprint IS NULL) = (material_key_ref IS NULL)
            AND (fingerprint IS NULL OR (material IS NULL) = (state = 'destroyed'))
            AND (material IS NULL OR fingerprint IS NOT NULL)
            AND (material IS NULL) = (material_alg IS NULL))",
    // Of destroyed ones, too: material that was given up must not come back unnoticed.
    "CREATE UNIQUE INDEX IF NOT EXISTS kek_fingerprint ON pgveil_keys.kek (fingerprint)",
    "ALTER TABLE pgveil_keys.index_root
        ADD COLUMN IF NOT EXISTS request_id text,
        ADD COLUMN IF NOT EXISTS wrapped_since timestamptz",
    // made_on: where it was staged; a DEK is promoted only there.
    "ALTER TABLE pgveil_keys.dek
        ADD COLUMN IF NOT EXISTS activated_at timestamptz,
        ADD COLUMN IF NOT EXISTS made_on text,
        ADD COLUMN IF NOT EXISTS request_id text,
        ADD COLUMN IF NOT EXISTS wrapped_since timestamptz",
    // generation: when a restore was accepted last, in microseconds since 1970. system, timeline: where the
    // database was when its primary DEK was activated.
    "ALTER TABLE pgveil_keys.epoch
        ADD COLUMN IF NOT EXISTS generation bigint NOT NULL DEFAULT 0,
        ADD COLUMN IF NOT EXISTS system text,
        ADD COLUMN IF NOT EXISTS timeline integer,
        DROP CONSTRAINT IF EXISTS epoch_origin,
        ADD CONSTRAINT epoch_origin CHECK (generation >= 0 AND (system IS NULL) = (timeline IS NULL))",
    // Uses that proxies have taken of a DEK. Its MAC is its own.
    "CREATE TABLE IF NOT EXISTS pgveil_keys.dek_usage (
        dek_id bigint PRIMARY KEY REFERENCES pgveil_keys.dek,
        leased bigint NOT NULL CHECK (leased BETWEEN 0 AND 4294967296),
        mac bytea NOT NULL
    )",
    // Running proxies; heartbeat is the server's time. Not believed by anything that decides about keys.
    "CREATE TABLE IF NOT EXISTS pgveil_keys.proxy (
        id text PRIMARY KEY,
        host text NOT NULL,
        address text,
        pid bigint NOT NULL,
        version text NOT NULL,
        started_at timestamptz NOT NULL,
        heartbeat timestamptz NOT NULL,
        prefetched_epoch bigint NOT NULL,
        seen_epoch bigint NOT NULL,
        problem text
    )",
    // What proxies see of a KEK.
    "CREATE TABLE IF NOT EXISTS pgveil_keys.kek_status (
        kek_id bigint PRIMARY KEY REFERENCES pgveil_keys.kek,
        revoked text,
        verified_at timestamptz,
        reported_by text NOT NULL
    )",
    "CREATE TABLE IF NOT EXISTS pgveil_keys.audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL,
        db_role text NOT NULL,
        address text,
        actor text NOT NULL,
        operation text NOT NULL,
        object text,
        kek bigint,
        dek bigint,
        provider text,
        key_ref text,
        request_id text,
        result text NOT NULL,
        class text,
        epoch bigint,
        details jsonb
    )",
];
