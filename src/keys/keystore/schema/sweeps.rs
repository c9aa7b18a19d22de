//! What version 3 adds: the end of a DEK's life, and the journal of sweeps.

/// On a keystore that has it already these statements change nothing.
pub(super) const THIRD: &[&str] = &[
    // When it was retired last; stays when it is taken back.
    "ALTER TABLE pgveil_keys.dek ADD COLUMN IF NOT EXISTS retired_at timestamptz",
    // What clients waited for statements on protected databases: 99 of 100 less than this, in microseconds.
    "ALTER TABLE pgveil_keys.proxy ADD COLUMN IF NOT EXISTS latency_us bigint",
    // Nothing about keys is believed because of the journal's rows: they have no MACs.
    "CREATE TABLE IF NOT EXISTS pgveil_keys.sweep_job (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('reencrypt', 'verify', 'rewrap')),
        state text NOT NULL CHECK (state IN ('queued', 'running', 'proving', 'paused', 'completed',
            'completed_with_unrecoverable', 'failed', 'cancelled')),
        automatic boolean NOT NULL,
        deks bigint[],
        columns jsonb NOT NULL,
        limits jsonb NOT NULL,
        pass integer NOT NULL DEFAULT 0,
        expected_rows bigint NOT NULL,
        expected_bytes bigint NOT NULL,
        reason text,
        latency_before bigint,
        actor text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
        started_at timestamptz,
        ended_at timestamptz,
        worker text,
        lease_until timestamptz,
        left_over jsonb
    )",
    // A range of blocks of one stored relation. Worked on: worker IS NOT NULL and the lease has not run out.
    "CREATE TABLE IF NOT EXISTS pgveil_keys.sweep_shard (
        job bigint NOT NULL REFERENCES pgveil_keys.sweep_job ON DELETE CASCADE,
        pass integer NOT NULL,
        no integer NOT NULL,
        relation oid NOT NULL,
        schema_name text NOT NULL,
        table_name text NOT NULL,
        columns jsonb NOT NULL,
        first_block bigint NOT NULL,
        end_block bigint NOT NULL,
        next_block bigint NOT NULL,
        state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
        worker text,
        lease_until timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        rows_seen bigint NOT NULL DEFAULT 0,
        rows_done bigint NOT NULL DEFAULT 0,
        values_done bigint NOT NULL DEFAULT 0,
        rows_missed bigint NOT NULL DEFAULT 0,
        problems bigint NOT NULL DEFAULT 0,
        bytes bigint NOT NULL DEFAULT 0,
        started_at timestamptz,
        ended_at timestamptz,
        PRIMARY KEY (job, pass, no)
    ) WITH (fillfactor = 50)",
    "CREATE INDEX IF NOT EXISTS sweep_shard_open ON pgveil_keys.sweep_shard (job, pass, no) WHERE state = 'open'",
    // no = 0: counted in one snapshot at the end of the pass; dek = 0: values that are no envelopes.
    "CREATE TABLE IF NOT EXISTS pgveil_keys.sweep_count (
        job bigint NOT NULL REFERENCES pgveil_keys.sweep_job ON DELETE CASCADE,
        pass integer NOT NULL,
        no integer NOT NULL,
        schema_name text NOT NULL,
        table_name text NOT NULL,
        column_name text NOT NULL,
        dek bigint NOT NULL,
        n bigint NOT NULL,
        PRIMARY KEY (job, pass, no, schema_name, table_name, column_name, dek)
    )",
    // Values that do not open, and rows that could not be written. place, version: ctid and xmin.
    "CREATE TABLE IF NOT EXISTS pgveil_keys.sweep_problem (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        job bigint NOT NULL REFERENCES pgveil_keys.sweep_job ON DELETE CASCADE,
        relation oid NOT NULL,
        schema_name text NOT NULL,
        table_name text NOT NULL,
        row_key text,
        place text NOT NULL,
        version text NOT NULL,
        column_name text NOT NULL,
        dek bigint,
        reason text NOT NULL,
        detail text,
        at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
        UNIQUE (job, relation, place, version, column_name)
    )",
    "CREATE TABLE IF NOT EXISTS pgveil_keys.sweep_worker (
        id text PRIMARY KEY,
        host text NOT NULL,
        pid bigint NOT NULL,
        started_at timestamptz NOT NULL,
        heartbeat timestamptz NOT NULL,
        doing text
    )",
];
