CREATE SCHEMA pgveil_keys;
COMMENT ON SCHEMA pgveil_keys IS 'pgveil: wrapped keys of the encrypted columns. Whatever deletes these rows destroys the data.';
CREATE FUNCTION pgveil_keys.bump_epoch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    DECLARE
        next bigint;
    BEGIN
        UPDATE pgveil_keys.epoch SET n = n + 1 RETURNING n INTO next;
        PERFORM pg_notify('pgveil_keys', next::text);
        RETURN NULL;
    END $$;
CREATE FUNCTION pgveil_keys.guard_dek() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    BEGIN
        IF (SELECT pg_has_role(current_user, c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = TG_RELID) THEN
            RETURN NEW;
        END IF;
        IF TG_OP = 'INSERT' THEN
            IF NEW.state = 'staged' AND NEW.activated_at IS NULL AND NEW.expires_at IS NULL THEN
                RETURN NEW;
            END IF;
        ELSIF (OLD.state, NEW.state) IN (('staged', 'primary'), ('primary', 'deprecated'))
            AND to_jsonb(NEW) - '{state,activated_at,expires_at,mac}'::text[]
                = to_jsonb(OLD) - '{state,activated_at,expires_at,mac}'::text[] THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'pgveil_keys.dek: only the owner of the schema may do more than stage a DEK, promote and deprecate it'
            USING ERRCODE = 'insufficient_privilege';
    END $$;
CREATE FUNCTION pgveil_keys.guard_epoch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR NEW.n < OLD.n OR NEW.generation < OLD.generation THEN
            RAISE EXCEPTION 'pgveil_keys.epoch only grows' USING ERRCODE = 'restrict_violation';
        END IF;
        -- At the end of its range nothing could be changed any more, and it does not go back.
        IF NEW.n - OLD.n > 1 THEN
            RAISE EXCEPTION 'pgveil_keys.epoch grows by one' USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.generation <> OLD.generation AND NOT
            (SELECT pg_has_role(current_user, c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = TG_RELID) THEN
            RAISE EXCEPTION 'pgveil_keys.epoch: only the owner of the schema may accept a restore'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END $$;
CREATE FUNCTION pgveil_keys.guard_key() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    DECLARE
        before jsonb := to_jsonb(OLD);
        after jsonb := to_jsonb(NEW);
        field text;
    BEGIN
        FOREACH field IN ARRAY ARRAY['id', 'scope_id', 'created_at', 'kcv', 'canary_kcv', 'provider', 'key_ref',
            'fingerprint', 'made_on', 'max_uses'] LOOP
            IF (after -> field) IS DISTINCT FROM (before -> field) THEN
                RAISE EXCEPTION 'pgveil_keys.%: % of a key never changes', TG_TABLE_NAME, field
                    USING ERRCODE = 'restrict_violation';
            END IF;
        END LOOP;
        IF NEW.state <> OLD.state AND NOT EXISTS (
            SELECT FROM pgveil_keys.transition t
            WHERE t.tbl = TG_TABLE_NAME AND t.before = OLD.state AND t.after = NEW.state
        ) THEN
            RAISE EXCEPTION 'pgveil_keys.%: a key that is % cannot become %', TG_TABLE_NAME, OLD.state, NEW.state
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF TG_TABLE_NAME = 'dek' AND (before ->> 'activated_at') IS DISTINCT FROM (after ->> 'activated_at')
            AND NOT (OLD.state = 'staged' AND NEW.state = 'primary') THEN
            RAISE EXCEPTION 'pgveil_keys.dek: activated_at is set once, when the DEK becomes primary'
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF TG_TABLE_NAME = 'dek' AND OLD.state = 'staged' AND NEW.state = 'primary'
            AND (after ->> 'activated_at') IS NULL THEN
            RAISE EXCEPTION 'pgveil_keys.dek: a DEK that becomes primary needs activated_at'
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF TG_TABLE_NAME = 'kek' AND NEW.state <> OLD.state AND NEW.state IN ('retired', 'destroyed') AND (
            EXISTS (SELECT FROM pgveil_keys.dek d WHERE d.kek_id = NEW.id AND d.wrapped IS NOT NULL)
            OR EXISTS (SELECT FROM pgveil_keys.index_root r WHERE r.kek_id = NEW.id AND r.wrapped IS NOT NULL)
            OR EXISTS (SELECT FROM pgveil_keys.kek k WHERE k.material IS NOT NULL
                AND k.material_kms = (after ->> 'kms') AND k.material_key_ref = (after ->> 'key_ref'))
        ) THEN
            RAISE EXCEPTION 'pgveil_keys.kek: keys are wrapped by this KEK; it cannot become %', NEW.state
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$;
CREATE FUNCTION pgveil_keys.guard_owners() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    BEGIN
        IF NOT (SELECT pg_has_role(current_user, c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = TG_RELID) THEN
            RAISE EXCEPTION 'pgveil_keys.%: only the owner of the schema may %', TG_TABLE_NAME, TG_OP
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NULL;
    END $$;
CREATE FUNCTION pgveil_keys.guard_usage() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND (NEW.dek_id <> OLD.dek_id OR NEW.leased < OLD.leased) THEN
            RAISE EXCEPTION 'pgveil_keys.dek_usage only grows' USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.leased > (SELECT d.max_uses FROM pgveil_keys.dek d WHERE d.id = NEW.dek_id) THEN
            RAISE EXCEPTION 'pgveil_keys.dek_usage: more than the DEK may be used' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$;
CREATE FUNCTION pgveil_keys.refuse() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    BEGIN
        RAISE EXCEPTION 'pgveil_keys.%: % is not allowed: data would be lost', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation';
    END $$;
CREATE FUNCTION pgveil_keys.stamp_audit() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    BEGIN
        NEW.at := clock_timestamp();
        NEW.db_role := session_user;
        NEW.address := host(inet_client_addr());
        RETURN NEW;
    END $$;
CREATE TABLE pgveil_keys.audit (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
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
);
ALTER TABLE pgveil_keys.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pgveil_keys.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE pgveil_keys.column_identity (
    identity text NOT NULL,
    first_seen timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE pgveil_keys.dek (
    id bigint NOT NULL,
    scope_id bigint NOT NULL,
    kek_id bigint NOT NULL,
    state text NOT NULL,
    wrapped bytea,
    wrap_alg text NOT NULL,
    provider_version text,
    kcv bytea NOT NULL,
    max_uses bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    destroyed_at timestamp with time zone,
    mac bytea NOT NULL,
    activated_at timestamp with time zone,
    made_on text,
    request_id text,
    wrapped_since timestamp with time zone,
    CONSTRAINT dek_check CHECK (((state = 'destroyed'::text) = (wrapped IS NULL))),
    CONSTRAINT dek_check1 CHECK (((state = 'destroyed'::text) = (destroyed_at IS NOT NULL))),
    CONSTRAINT dek_id_check CHECK (((id >= 1) AND (id <= '4294967295'::bigint))),
    CONSTRAINT dek_max_uses_check CHECK (((max_uses >= 1) AND (max_uses <= '4294967296'::bigint))),
    CONSTRAINT dek_state_check CHECK ((state = ANY (ARRAY['staged'::text, 'primary'::text, 'deprecated'::text, 'retired'::text, 'destroyed'::text])))
);
CREATE TABLE pgveil_keys.dek_usage (
    dek_id bigint NOT NULL,
    leased bigint NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT dek_usage_leased_check CHECK (((leased >= 0) AND (leased <= '4294967296'::bigint)))
);
CREATE TABLE pgveil_keys.epoch (
    one boolean DEFAULT true NOT NULL,
    n bigint NOT NULL,
    mac bytea,
    generation bigint DEFAULT 0 NOT NULL,
    system text,
    timeline integer,
    CONSTRAINT epoch_n_check CHECK ((n >= 0)),
    CONSTRAINT epoch_one_check CHECK (one),
    CONSTRAINT epoch_origin CHECK (((generation >= 0) AND ((system IS NULL) = (timeline IS NULL))))
);
CREATE TABLE pgveil_keys.index_root (
    id bigint NOT NULL,
    scope_id bigint NOT NULL,
    version integer NOT NULL,
    kek_id bigint NOT NULL,
    state text NOT NULL,
    wrapped bytea,
    wrap_alg text NOT NULL,
    provider_version text,
    kcv bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    destroyed_at timestamp with time zone,
    mac bytea NOT NULL,
    request_id text,
    wrapped_since timestamp with time zone,
    CONSTRAINT index_root_check CHECK (((state = 'destroyed'::text) = (wrapped IS NULL))),
    CONSTRAINT index_root_check1 CHECK (((state = 'destroyed'::text) = (destroyed_at IS NOT NULL))),
    CONSTRAINT index_root_id_check CHECK (((id >= 1) AND (id <= '4294967295'::bigint))),
    CONSTRAINT index_root_state_check CHECK ((state = ANY (ARRAY['staged'::text, 'primary'::text, 'deprecated'::text, 'retired'::text, 'destroyed'::text]))),
    CONSTRAINT index_root_version_check CHECK ((version > 0))
);
CREATE TABLE pgveil_keys.kek (
    id bigint NOT NULL,
    scope_id bigint NOT NULL,
    provider text NOT NULL,
    key_ref text NOT NULL,
    state text NOT NULL,
    canary bytea NOT NULL,
    wrap_alg text NOT NULL,
    provider_version text,
    canary_kcv bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    mac bytea NOT NULL,
    kms text,
    fingerprint text,
    material bytea,
    material_alg text,
    material_version text,
    material_kms text,
    material_key_ref text,
    activated_at timestamp with time zone,
    destroyed_at timestamp with time zone,
    request_id text,
    rotated_at timestamp with time zone,
    material_wrapped_since timestamp with time zone,
    CONSTRAINT kek_erased CHECK ((((state = 'destroyed'::text) = (destroyed_at IS NOT NULL)) AND ((state <> 'destroyed'::text) OR (material IS NULL)))),
    CONSTRAINT kek_id_check CHECK (((id >= 1) AND (id <= '4294967295'::bigint))),
    CONSTRAINT kek_imported CHECK ((((fingerprint IS NULL) = (material_kms IS NULL)) AND ((fingerprint IS NULL) = (material_key_ref IS NULL)) AND ((fingerprint IS NULL) OR ((material IS NULL) = (state = 'destroyed'::text))) AND ((material IS NULL) OR (fingerprint IS NOT NULL)) AND ((material IS NULL) = (material_alg IS NULL)))),
    CONSTRAINT kek_state_check CHECK ((state = ANY (ARRAY['staged'::text, 'primary'::text, 'deprecated'::text, 'retired'::text, 'destroyed'::text])))
);
CREATE TABLE pgveil_keys.kek_status (
    kek_id bigint NOT NULL,
    revoked text,
    verified_at timestamp with time zone,
    reported_by text NOT NULL
);
CREATE TABLE pgveil_keys.keystore (
    one boolean DEFAULT true NOT NULL,
    id text NOT NULL,
    made_in text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT keystore_id_check CHECK ((id ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT keystore_one_check CHECK (one)
);
CREATE TABLE pgveil_keys.proxy (
    id text NOT NULL,
    host text NOT NULL,
    address text,
    pid bigint NOT NULL,
    version text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    heartbeat timestamp with time zone NOT NULL,
    prefetched_epoch bigint NOT NULL,
    seen_epoch bigint NOT NULL,
    problem text
);
CREATE TABLE pgveil_keys.registration (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    table_oid oid NOT NULL,
    attnum smallint NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT registration_attnum_check CHECK ((attnum > 0))
);
CREATE TABLE pgveil_keys.scope (
    id bigint NOT NULL,
    level smallint NOT NULL,
    path text NOT NULL,
    parent_id bigint,
    created_at timestamp with time zone NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT scope_check CHECK (((level = 0) = (parent_id IS NULL))),
    CONSTRAINT scope_level_check CHECK (((level >= 0) AND (level <= 4)))
);
CREATE TABLE pgveil_keys.transition (
    tbl text NOT NULL,
    before text NOT NULL,
    after text NOT NULL
);
CREATE TABLE pgveil_keys.version (
    one boolean DEFAULT true NOT NULL,
    version integer NOT NULL,
    CONSTRAINT version_one_check CHECK (one)
);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (1, '2026-11-23 08:26:43.701488+00', 'postgres', '127.0.0.1', 'pgveil apply', 'keystore.create', '2a4143caa004bb5d27ab26f40137b382', 674886577, NULL, 'local', '0xe858082a', NULL, 'ok', NULL, 4, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (2, '2026-11-23 08:26:43.71629+00', 'postgres', '127.0.0.1', 'pgveil apply', 'dek.stage', NULL, 674886577, 1233534938, 'local', '0xe858082a', NULL, 'ok', NULL, 6, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (3, '2026-11-23 08:26:43.716545+00', 'postgres', '127.0.0.1', 'pgveil apply', 'dek.promote', NULL, 674886577, 1233534938, NULL, NULL, NULL, 'ok', NULL, 6, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (4, '2026-11-23 08:26:43.777403+00', 'postgres', '127.0.0.1', 'pgveil apply', 'column.register', 'public.people.ssn', NULL, NULL, NULL, NULL, NULL, 'ok', NULL, 8, '{"attnum": 2, "table_oid": 16385}');
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (5, '2026-11-23 08:26:43.88355+00', 'postgres', '127.0.0.1', 'command of user id 0', 'dek.stage', NULL, 674886577, 848670728, 'local', '0xe858082a', NULL, 'ok', NULL, 9, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (6, '2026-11-23 08:26:43.907325+00', 'postgres', '127.0.0.1', 'command of user id 0', 'dek.deprecate', NULL, 674886577, 1233534938, NULL, NULL, NULL, 'ok', NULL, 11, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (7, '2026-11-23 08:26:43.907821+00', 'postgres', '127.0.0.1', 'command of user id 0', 'dek.promote', NULL, 674886577, 848670728, NULL, NULL, NULL, 'ok', NULL, 11, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (8, '2026-11-23 08:26:43.945389+00', 'postgres', '127.0.0.1', 'command of user id 0', 'kek.rotate', NULL, NULL, NULL, 'local', '0x1338c055', NULL, 'ok', NULL, NULL, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (9, '2026-11-23 08:26:43.969578+00', 'postgres', '127.0.0.1', 'command of user id 0', 'kek.stage', NULL, 3883434707, NULL, 'local', '0x1338c055', NULL, 'ok', NULL, 12, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (10, '2026-11-23 08:26:43.997461+00', 'postgres', '127.0.0.1', 'command of user id 0', 'kek.deprecate', NULL, 674886577, NULL, 'local', '0xe858082a', NULL, 'ok', NULL, 14, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (11, '2026-11-23 08:26:43.99786+00', 'postgres', '127.0.0.1', 'command of user id 0', 'kek.activate', NULL, 3883434707, NULL, 'local', '0x1338c055', NULL, 'ok', NULL, 14, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (12, '2026-11-23 08:26:44.049124+00', 'postgres', '127.0.0.1', 'command of user id 0', 'index_root.rewrap', 'index_root 0x0de11d00', 3883434707, NULL, 'local', '0x1338c055', NULL, 'ok', NULL, 17, '{"from_kek": "0x2839f3b1"}');
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (13, '2026-11-23 08:26:44.04989+00', 'postgres', '127.0.0.1', 'command of user id 0', 'dek.rewrap', NULL, 3883434707, 848670728, 'local', '0x1338c055', NULL, 'ok', NULL, 17, '{"from_kek": "0x2839f3b1"}');
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (14, '2026-11-23 08:26:44.051239+00', 'postgres', '127.0.0.1', 'command of user id 0', 'dek.rewrap', NULL, 3883434707, 1233534938, 'local', '0x1338c055', NULL, 'ok', NULL, 17, '{"from_kek": "0x2839f3b1"}');
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (15, '2026-11-23 08:26:44.114644+00', 'postgres', '127.0.0.1', 'command of user id 0', 'dek.stage', NULL, 3883434707, 2908246282, 'local', '0x1338c055', NULL, 'ok', NULL, 18, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (16, '2026-11-23 08:26:44.139278+00', 'postgres', '127.0.0.1', 'command of user id 0', 'dek.deprecate', NULL, 3883434707, 848670728, NULL, NULL, NULL, 'ok', NULL, 20, NULL);
INSERT INTO pgveil_keys.audit (id, at, db_role, address, actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) OVERRIDING SYSTEM VALUE VALUES (17, '2026-11-23 08:26:44.139682+00', 'postgres', '127.0.0.1', 'command of user id 0', 'dek.promote', NULL, 3883434707, 2908246282, NULL, NULL, NULL, 'ok', NULL, 20, NULL);
INSERT INTO pgveil_keys.column_identity (identity, first_seen) VALUES ('public.people.ssn', '2026-11-23 08:26:43.730131+00');
INSERT INTO pgveil_keys.dek (id, scope_id, kek_id, state, wrapped, wrap_alg, provider_version, kcv, max_uses, created_at, expires_at, destroyed_at, mac, activated_at, made_on, request_id, wrapped_since) VALUES (1233534938, 0, 3883434707, 'deprecated', '\x011338c055351635907a3daacd6c6e003b095d32fef555ad6c28c08ed1b9b038402ce80a88401a2f0061d3e4f14ed037e2c2777117cef73aea05707325ac846498', 'local-aes-256-gcm', NULL, '\xbef1dba38e50581b442e5512fa9d859488ac09c8df31ae17d02dd1a7b9d122d7', 1073741824, '2026-11-23 08:26:43.705478+00', '2027-02-21 08:26:43.708007+00', NULL, '\xea122239881c523ee91e4b03728bc256db85b91a67774a995980a021871f6c70', '2026-11-23 08:26:43.708007+00', '7711280446172687063.16384/1', NULL, NULL);
INSERT INTO pgveil_keys.dek (id, scope_id, kek_id, state, wrapped, wrap_alg, provider_version, kcv, max_uses, created_at, expires_at, destroyed_at, mac, activated_at, made_on, request_id, wrapped_since) VALUES (848670728, 0, 3883434707, 'deprecated', '\x011338c055965acc198224e89764f94de889dc74d543d969cb411ed311e8f116819e2406ee62bece27cf29488ad4d634e3fca584296fbf6bdae4f4a15ebeb8a597', 'local-aes-256-gcm', NULL, '\x20ed0edefa6017cdeaebd3e001c554f1a3e5661001e3ae26d3da401fb575d97c', 1073741824, '2026-11-23 08:26:43.869256+00', '2027-02-21 08:26:43.897652+00', NULL, '\x269bcda73b6804c1dd97a9371d3a647512ddf139f015748c7ea30f0ea9060dfe', '2026-11-23 08:26:43.897652+00', '7711280446172687063.16384/1', NULL, NULL);
INSERT INTO pgveil_keys.dek (id, scope_id, kek_id, state, wrapped, wrap_alg, provider_version, kcv, max_uses, created_at, expires_at, destroyed_at, mac, activated_at, made_on, request_id, wrapped_since) VALUES (2908246282, 0, 3883434707, 'primary', '\x011338c055bef83d0c988c1d8e41cc0edb12eb34b5cdc62df8accfe5b15b59cdc0f1048040bcc7595bba95d0b1d65201d8c8d9763537e357bf5771f7af0f4c79b3', 'local-aes-256-gcm', NULL, '\xf3880bf7f2bc022c8c880e9da1779daa8bd30df7be84de8ac266fcab331b3811', 1073741824, '2026-11-23 08:26:44.09951+00', '2027-02-21 08:26:44.131311+00', NULL, '\x3ecd1eb2ea48654d5839fa5c65a1c1712be1e915adf30dbe1780cc4c4830a024', '2026-11-23 08:26:44.131311+00', '7711280446172687063.16384/1', NULL, NULL);
INSERT INTO pgveil_keys.dek_usage (dek_id, leased, mac) VALUES (1233534938, 1, '\xf54aed9fcf506f09dd871f6ca532b6ab3184f4786604d83782b545728d357cab');
INSERT INTO pgveil_keys.dek_usage (dek_id, leased, mac) VALUES (848670728, 0, '\xa46578b733f5568e8bcafad5161b15d0db0ac1fc4dcf7051856103aaf16a7633');
INSERT INTO pgveil_keys.dek_usage (dek_id, leased, mac) VALUES (2908246282, 1, '\x3cebaa372ddc79f7b0ac2be9941debfc228c40c20fffa45ae0097005f19a0046');
INSERT INTO pgveil_keys.epoch (one, n, mac, generation, system, timeline) VALUES (true, 20, '\x405f818401203bc5892efef502d463cf3264881dda6e6bf6928070cfc086d5f9', 0, '7711280446172687063.16384', 1);
INSERT INTO pgveil_keys.index_root (id, scope_id, version, kek_id, state, wrapped, wrap_alg, provider_version, kcv, created_at, destroyed_at, mac, request_id, wrapped_since) VALUES (232856832, 0, 1, 3883434707, 'primary', '\x011338c055c9445a0735f63648a9bd46fd0105d9ed2f42423175e4a893a0e043cb758471995497de6c932a49dfcc5953c3cceef041ee2f5fb6850790ba8b4de170', 'local-aes-256-gcm', NULL, '\x390751eb2df897c2723819bd11fe8eba44f4404736c9e95bc2f41c0e75345c19', '2026-11-23 08:26:43.691321+00', NULL, '\x6376de3f5bf64b8955573f4543e9da2a05173c9b906d5389e67760e2e1fbd97d', NULL, NULL);
INSERT INTO pgveil_keys.kek (id, scope_id, provider, key_ref, state, canary, wrap_alg, provider_version, canary_kcv, created_at, mac, kms, fingerprint, material, material_alg, material_version, material_kms, material_key_ref, activated_at, destroyed_at, request_id, rotated_at, material_wrapped_since) VALUES (674886577, 0, 'local', '0xe858082a', 'deprecated', '\x01e858082a5df9406a056da65b4043c0f13c901067d1fb3190427fcfc33635cc860615c01f58b7d892fff426b47474ac123ca0170a91d10660967244b6b273bfdc', 'local-aes-256-gcm', NULL, '\xf513581df04ec14b6d6b16f28d43a5729f4807c0ba26fb17fb80db31dfe6cfed', '2026-11-23 08:26:43.693912+00', '\x70b8eb248ce5e3c707514ed0915ab8649d7d9da60f5f6cb0256c4482e9dc9a5b', 'office', NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-23 08:26:43.691321+00', NULL, NULL, NULL, NULL);
INSERT INTO pgveil_keys.kek (id, scope_id, provider, key_ref, state, canary, wrap_alg, provider_version, canary_kcv, created_at, mac, kms, fingerprint, material, material_alg, material_version, material_kms, material_key_ref, activated_at, destroyed_at, request_id, rotated_at, material_wrapped_since) VALUES (3883434707, 0, 'local', '0x1338c055', 'primary', '\x011338c0551657689beca9efec05e52207bcf6d17d01639f170f0bf5882731145a5b8a2d88eb3d58f048d85bacf1123e8109bcb261a1fee791c3b749c38e6f660e', 'local-aes-256-gcm', NULL, '\x59b4b627dfaabc81230bad78e6130cd9fc3769b8f07c5945f9ee6302ebadf4a2', '2026-11-23 08:26:43.953188+00', '\xe551b90d0e061e144a518f0e3ca3722fcc412ac9a83ea9315d7bff3fc8108a3f', 'office', NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-23 08:26:43.989175+00', NULL, NULL, NULL, NULL);
INSERT INTO pgveil_keys.keystore (one, id, made_in, made_at, mac) VALUES (true, '2a4143caa004bb5d27ab26f40137b382', 'app', '2026-11-23 08:26:43.691321+00', '\xfd9d35fc9d0dff8c190373e1d55dc2c926e6885af64e3206b1304bdbd2975256');
INSERT INTO pgveil_keys.registration (schema_name, table_name, column_name, table_oid, attnum, registered_at, mac) VALUES ('public', 'people', 'ssn', 16385, 2, '2026-11-23 08:26:43.772125+00', '\x0fc209b7afb29879d95df908919aff4a8c16530ef4817ce5dada35f3f98cb8d7');
INSERT INTO pgveil_keys.scope (id, level, path, parent_id, created_at, mac) VALUES (0, 0, 'platform', NULL, '2026-11-23 08:26:43.691321+00', '\x4906f4c4f71b31aaaff55ecacdacb4c12ecb0fe432b216d59348b5d4ee0a18c5');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('kek', 'staged', 'primary');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('kek', 'staged', 'destroyed');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('kek', 'primary', 'deprecated');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('kek', 'deprecated', 'primary');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('kek', 'deprecated', 'retired');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('kek', 'retired', 'destroyed');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('dek', 'staged', 'primary');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('dek', 'staged', 'destroyed');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('dek', 'primary', 'deprecated');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('dek', 'deprecated', 'retired');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('dek', 'retired', 'deprecated');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('dek', 'retired', 'destroyed');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('index_root', 'staged', 'primary');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('index_root', 'staged', 'destroyed');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('index_root', 'primary', 'deprecated');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('index_root', 'deprecated', 'retired');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('index_root', 'retired', 'deprecated');
INSERT INTO pgveil_keys.transition (tbl, before, after) VALUES ('index_root', 'retired', 'destroyed');
INSERT INTO pgveil_keys.version (one, version) VALUES (true, 2);
SELECT pg_catalog.setval('pgveil_keys.audit_id_seq', 17, true);
ALTER TABLE ONLY pgveil_keys.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY pgveil_keys.column_identity
    ADD CONSTRAINT column_identity_pkey PRIMARY KEY (identity);
ALTER TABLE ONLY pgveil_keys.dek
    ADD CONSTRAINT dek_pkey PRIMARY KEY (id);
ALTER TABLE ONLY pgveil_keys.dek_usage
    ADD CONSTRAINT dek_usage_pkey PRIMARY KEY (dek_id);
ALTER TABLE ONLY pgveil_keys.epoch
    ADD CONSTRAINT epoch_pkey PRIMARY KEY (one);
ALTER TABLE ONLY pgveil_keys.index_root
    ADD CONSTRAINT index_root_pkey PRIMARY KEY (id);
ALTER TABLE ONLY pgveil_keys.index_root
    ADD CONSTRAINT index_root_scope_id_version_key UNIQUE (scope_id, version);
ALTER TABLE ONLY pgveil_keys.kek
    ADD CONSTRAINT kek_pkey PRIMARY KEY (id);
ALTER TABLE ONLY pgveil_keys.kek_status
    ADD CONSTRAINT kek_status_pkey PRIMARY KEY (kek_id);
ALTER TABLE ONLY pgveil_keys.keystore
    ADD CONSTRAINT keystore_pkey PRIMARY KEY (one);
ALTER TABLE ONLY pgveil_keys.proxy
    ADD CONSTRAINT proxy_pkey PRIMARY KEY (id);
ALTER TABLE ONLY pgveil_keys.registration
    ADD CONSTRAINT registration_pkey PRIMARY KEY (schema_name, table_name, column_name);
ALTER TABLE ONLY pgveil_keys.scope
    ADD CONSTRAINT scope_path_key UNIQUE (path);
ALTER TABLE ONLY pgveil_keys.scope
    ADD CONSTRAINT scope_pkey PRIMARY KEY (id);
ALTER TABLE ONLY pgveil_keys.transition
    ADD CONSTRAINT transition_pkey PRIMARY KEY (tbl, before, after);
ALTER TABLE ONLY pgveil_keys.version
    ADD CONSTRAINT version_pkey PRIMARY KEY (one);
CREATE UNIQUE INDEX dek_one_primary ON pgveil_keys.dek USING btree (scope_id) WHERE (state = 'primary'::text);
CREATE UNIQUE INDEX index_root_one_primary ON pgveil_keys.index_root USING btree (scope_id) WHERE (state = 'primary'::text);
CREATE UNIQUE INDEX kek_fingerprint ON pgveil_keys.kek USING btree (fingerprint);
CREATE UNIQUE INDEX kek_one_primary ON pgveil_keys.kek USING btree (scope_id) WHERE (state = 'primary'::text);
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.dek FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.index_root FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.kek FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.keystore FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.registration FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.scope FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER forward_only BEFORE DELETE OR UPDATE ON pgveil_keys.epoch FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_epoch();
CREATE TRIGGER never_changed BEFORE DELETE OR UPDATE OR TRUNCATE ON pgveil_keys.audit FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.dek FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.dek_usage FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.index_root FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.kek FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.keystore FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.registration FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.scope FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.dek FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.dek_usage FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.epoch FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.index_root FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.kek FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.keystore FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.registration FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.scope FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER only_grows BEFORE INSERT OR UPDATE ON pgveil_keys.dek_usage FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_usage();
CREATE TRIGGER owners_only BEFORE INSERT OR UPDATE ON pgveil_keys.index_root FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.guard_owners();
CREATE TRIGGER owners_only BEFORE INSERT OR UPDATE ON pgveil_keys.kek FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.guard_owners();
CREATE TRIGGER owners_only BEFORE INSERT OR UPDATE ON pgveil_keys.keystore FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.guard_owners();
CREATE TRIGGER owners_only BEFORE INSERT OR UPDATE ON pgveil_keys.registration FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.guard_owners();
CREATE TRIGGER owners_only BEFORE INSERT OR UPDATE ON pgveil_keys.scope FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.guard_owners();
CREATE TRIGGER roles BEFORE INSERT OR UPDATE ON pgveil_keys.dek FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_dek();
CREATE TRIGGER stamp BEFORE INSERT ON pgveil_keys.audit FOR EACH ROW EXECUTE FUNCTION pgveil_keys.stamp_audit();
CREATE TRIGGER transitions BEFORE UPDATE ON pgveil_keys.dek FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_key();
CREATE TRIGGER transitions BEFORE UPDATE ON pgveil_keys.index_root FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_key();
CREATE TRIGGER transitions BEFORE UPDATE ON pgveil_keys.kek FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_key();
ALTER TABLE ONLY pgveil_keys.dek
    ADD CONSTRAINT dek_kek_id_fkey FOREIGN KEY (kek_id) REFERENCES pgveil_keys.kek(id);
ALTER TABLE ONLY pgveil_keys.dek
    ADD CONSTRAINT dek_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES pgveil_keys.scope(id);
ALTER TABLE ONLY pgveil_keys.dek_usage
    ADD CONSTRAINT dek_usage_dek_id_fkey FOREIGN KEY (dek_id) REFERENCES pgveil_keys.dek(id);
ALTER TABLE ONLY pgveil_keys.index_root
    ADD CONSTRAINT index_root_kek_id_fkey FOREIGN KEY (kek_id) REFERENCES pgveil_keys.kek(id);
ALTER TABLE ONLY pgveil_keys.index_root
    ADD CONSTRAINT index_root_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES pgveil_keys.scope(id);
ALTER TABLE ONLY pgveil_keys.kek
    ADD CONSTRAINT kek_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES pgveil_keys.scope(id);
ALTER TABLE ONLY pgveil_keys.kek_status
    ADD CONSTRAINT kek_status_kek_id_fkey FOREIGN KEY (kek_id) REFERENCES pgveil_keys.kek(id);
ALTER TABLE ONLY pgveil_keys.scope
    ADD CONSTRAINT scope_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES pgveil_keys.scope(id);
