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
CREATE FUNCTION pgveil_keys.guard_epoch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR NEW.n < OLD.n THEN
            RAISE EXCEPTION 'pgveil_keys.epoch only grows' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$;
CREATE FUNCTION pgveil_keys.guard_key() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
    END $$;
CREATE FUNCTION pgveil_keys.refuse() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    BEGIN
        RAISE EXCEPTION 'pgveil_keys.%: % is not allowed: data would be lost', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation';
    END $$;
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
    CONSTRAINT dek_check CHECK (((state = 'destroyed'::text) = (wrapped IS NULL))),
    CONSTRAINT dek_check1 CHECK (((state = 'destroyed'::text) = (destroyed_at IS NOT NULL))),
    CONSTRAINT dek_id_check CHECK (((id >= 1) AND (id <= '4294967295'::bigint))),
    CONSTRAINT dek_max_uses_check CHECK (((max_uses >= 1) AND (max_uses <= '4294967296'::bigint))),
    CONSTRAINT dek_state_check CHECK ((state = ANY (ARRAY['staged'::text, 'primary'::text, 'deprecated'::text, 'retired'::text, 'destroyed'::text])))
);
CREATE TABLE pgveil_keys.epoch (
    one boolean DEFAULT true NOT NULL,
    n bigint NOT NULL,
    mac bytea,
    CONSTRAINT epoch_n_check CHECK ((n >= 0)),
    CONSTRAINT epoch_one_check CHECK (one)
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
    CONSTRAINT kek_id_check CHECK (((id >= 1) AND (id <= '4294967295'::bigint))),
    CONSTRAINT kek_state_check CHECK ((state = ANY (ARRAY['staged'::text, 'primary'::text, 'deprecated'::text, 'retired'::text, 'destroyed'::text])))
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
INSERT INTO pgveil_keys.column_identity (identity, first_seen) VALUES ('public.people.ssn', '2026-11-23 05:10:40.936742+00');
INSERT INTO pgveil_keys.dek (id, scope_id, kek_id, state, wrapped, wrap_alg, provider_version, kcv, max_uses, created_at, expires_at, destroyed_at, mac) VALUES (4294489475, 0, 1953977369, 'primary', '\x016f12cc2401760fbb90e22ad8c3a75482de85ac1ad6dfb05d377f4afb7e5f12659ae639c0a3176828405b34bd54d3ea87bc1f662881cda1d140f66b10f57c2eb5', 'local-aes-256-gcm', NULL, '\xbc5469d3672bc00c06ab5df9047648616cfa1b800e46119b073b0e8737b142ba', 4294967296, '2026-11-23 05:10:40.932872+00', NULL, NULL, '\xe0da7970447d18adf7acf826d11537335bb391dcf8f2618762063fae7dece8d7');
INSERT INTO pgveil_keys.epoch (one, n, mac) VALUES (true, 7, '\x50ef780f5810a2844b7ac8bf4ca9c3b87f9648c0a4cd9139ae039493ba01461c');
INSERT INTO pgveil_keys.index_root (id, scope_id, version, kek_id, state, wrapped, wrap_alg, provider_version, kcv, created_at, destroyed_at, mac) VALUES (2425100337, 0, 1, 1953977369, 'primary', '\x016f12cc24e250f3858b9e2f7c039e54d811a78665d29163449d2c2484c8395061cd7f31c15c0a1906a1ea62b46e8e2eb84e16e53e7c530c93f42a7778b9839537', 'local-aes-256-gcm', NULL, '\xf1640f1eb39cbc993db2e6ee5bffa2c5e11f8bb7c7688c39b1e1c8ed008ca0ee', '2026-11-23 05:10:40.923056+00', NULL, '\x78cc9bf5f54ac6fdada04a5116968dc98a3badd896092dc40b03fb6f9cc1e82a');
INSERT INTO pgveil_keys.kek (id, scope_id, provider, key_ref, state, canary, wrap_alg, provider_version, canary_kcv, created_at, mac) VALUES (1953977369, 0, 'local', '0x6f12cc24', 'primary', '\x016f12cc24ee93e86ba4a84c0d07b68f28ea80a5baec5baeb7f96d8a2514018b89456b7c8174198a118d1c4999ba1b959e64c9af013a807467bb4bcb2c068c02a5', 'local-aes-256-gcm', NULL, '\x6bd053293692375f373ac63be61fe6e39b1dbb4e448fedd5673949c774896d78', '2026-11-23 05:10:40.923056+00', '\x2756d725593f9aed1ba1e04603bcd99561488b4d4851199d524f3ef72760b6d9');
INSERT INTO pgveil_keys.keystore (one, id, made_in, made_at, mac) VALUES (true, 'e6d9d61587973bb8d0d77f55729242cf', 'v1', '2026-11-23 05:10:40.923056+00', '\xe6f3ba1fe29bf7960a6b58a09bd934e8ed80970b56a3088868a00ded298f76e6');
INSERT INTO pgveil_keys.registration (schema_name, table_name, column_name, table_oid, attnum, registered_at, mac) VALUES ('public', 'people', 'ssn', 16386, 2, '2026-11-23 05:10:40.952408+00', '\x89c60e0cdab421ee2e38e79082a7f5f113041eb7cf2f3aa371425e979e77d8de');
INSERT INTO pgveil_keys.scope (id, level, path, parent_id, created_at, mac) VALUES (0, 0, 'platform', NULL, '2026-11-23 05:10:40.923056+00', '\x376c1266a7e234afbebea0c217e075e465d3b31c563e9a14fd662c61d74311ab');
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
INSERT INTO pgveil_keys.version (one, version) VALUES (true, 1);
ALTER TABLE ONLY pgveil_keys.column_identity
    ADD CONSTRAINT column_identity_pkey PRIMARY KEY (identity);
ALTER TABLE ONLY pgveil_keys.dek
    ADD CONSTRAINT dek_pkey PRIMARY KEY (id);
ALTER TABLE ONLY pgveil_keys.epoch
    ADD CONSTRAINT epoch_pkey PRIMARY KEY (one);
ALTER TABLE ONLY pgveil_keys.index_root
    ADD CONSTRAINT index_root_pkey PRIMARY KEY (id);
ALTER TABLE ONLY pgveil_keys.index_root
    ADD CONSTRAINT index_root_scope_id_version_key UNIQUE (scope_id, version);
ALTER TABLE ONLY pgveil_keys.kek
    ADD CONSTRAINT kek_pkey PRIMARY KEY (id);
ALTER TABLE ONLY pgveil_keys.keystore
    ADD CONSTRAINT keystore_pkey PRIMARY KEY (one);
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
CREATE UNIQUE INDEX kek_one_primary ON pgveil_keys.kek USING btree (scope_id) WHERE (state = 'primary'::text);
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.dek FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.index_root FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.kek FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.keystore FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.registration FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER epoch AFTER INSERT OR DELETE OR UPDATE ON pgveil_keys.scope FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.bump_epoch();
CREATE TRIGGER forward_only BEFORE DELETE OR UPDATE ON pgveil_keys.epoch FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_epoch();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.dek FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.index_root FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.kek FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.keystore FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.registration FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_deleted BEFORE DELETE ON pgveil_keys.scope FOR EACH ROW EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.dek FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.epoch FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.index_root FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.kek FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.keystore FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.registration FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER never_empty BEFORE TRUNCATE ON pgveil_keys.scope FOR EACH STATEMENT EXECUTE FUNCTION pgveil_keys.refuse();
CREATE TRIGGER transitions BEFORE UPDATE ON pgveil_keys.dek FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_key();
CREATE TRIGGER transitions BEFORE UPDATE ON pgveil_keys.index_root FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_key();
CREATE TRIGGER transitions BEFORE UPDATE ON pgveil_keys.kek FOR EACH ROW EXECUTE FUNCTION pgveil_keys.guard_key();
ALTER TABLE ONLY pgveil_keys.dek
    ADD CONSTRAINT dek_kek_id_fkey FOREIGN KEY (kek_id) REFERENCES pgveil_keys.kek(id);
ALTER TABLE ONLY pgveil_keys.dek
    ADD CONSTRAINT dek_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES pgveil_keys.scope(id);
ALTER TABLE ONLY pgveil_keys.index_root
    ADD CONSTRAINT index_root_kek_id_fkey FOREIGN KEY (kek_id) REFERENCES pgveil_keys.kek(id);
ALTER TABLE ONLY pgveil_keys.index_root
    ADD CONSTRAINT index_root_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES pgveil_keys.scope(id);
ALTER TABLE ONLY pgveil_keys.kek
    ADD CONSTRAINT kek_scope_id_fkey FOREIGN KEY (scope_id) REFERENCES pgveil_keys.scope(id);
ALTER TABLE ONLY pgveil_keys.scope
    ADD CONSTRAINT scope_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES pgveil_keys.scope(id);
