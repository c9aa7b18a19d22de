//! The trigger functions: what nobody may do by mistake, and what only the schema's owner may do.

/// They run with the rights of who changes something.
pub(super) const FUNCTIONS: &[&str] = &[
    // No resurrection: a state changes only along `transition`; what a key is never changes.
    "CREATE OR REPLACE FUNCTION pgveil_keys.guard_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
        -- Another time each time: who has seen the DEK before it was retired sees that it was.
        IF TG_TABLE_NAME = 'dek' AND OLD.state = 'deprecated' AND NEW.state = 'retired'
            AND ((after ->> 'retired_at') IS NULL OR (before -> 'retired_at') = (after -> 'retired_at')) THEN
            RAISE EXCEPTION 'pgveil_keys.dek: a DEK that is retired needs a new retired_at'
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF TG_TABLE_NAME = 'dek' AND (before ->> 'retired_at') IS DISTINCT FROM (after ->> 'retired_at')
            AND NOT (OLD.state = 'deprecated' AND NEW.state = 'retired') THEN
            RAISE EXCEPTION 'pgveil_keys.dek: retired_at is set when the DEK is retired'
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
    END $$",
    "CREATE OR REPLACE FUNCTION pgveil_keys.refuse() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        RAISE EXCEPTION 'pgveil_keys.%: % is not allowed: data would be lost', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation';
    END $$",
    "CREATE OR REPLACE FUNCTION pgveil_keys.guard_owners() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        IF NOT (SELECT pg_has_role(current_user, c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = TG_RELID) THEN
            RAISE EXCEPTION 'pgveil_keys.%: only the owner of the schema may %', TG_TABLE_NAME, TG_OP
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NULL;
    END $$",
    // Proxies rotate by themselves: a new DEK is staged, becomes primary, is deprecated; then it is retired, which
    // can be taken back. Nothing else.
    "CREATE OR REPLACE FUNCTION pgveil_keys.guard_dek() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        IF (SELECT pg_has_role(current_user, c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = TG_RELID) THEN
            RETURN NEW;
        END IF;
        IF TG_OP = 'INSERT' THEN
            IF NEW.state = 'staged' AND NEW.activated_at IS NULL AND NEW.expires_at IS NULL THEN
                RETURN NEW;
            END IF;
        ELSIF (OLD.state, NEW.state) IN (('staged', 'primary'), ('primary', 'deprecated'), ('deprecated', 'retired'),
                ('retired', 'deprecated'))
            AND to_jsonb(NEW) - '{state,activated_at,expires_at,retired_at,mac}'::text[]
                = to_jsonb(OLD) - '{state,activated_at,expires_at,retired_at,mac}'::text[] THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'pgveil_keys.dek: only the owner of the schema may do more than stage a DEK, promote, deprecate and retire it, and take it back'
            USING ERRCODE = 'insufficient_privilege';
    END $$",
    // A count that went down would let a DEK seal too many values.
    "CREATE OR REPLACE FUNCTION pgveil_keys.guard_usage() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND (NEW.dek_id <> OLD.dek_id OR NEW.leased < OLD.leased) THEN
            RAISE EXCEPTION 'pgveil_keys.dek_usage only grows' USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.leased > (SELECT d.max_uses FROM pgveil_keys.dek d WHERE d.id = NEW.dek_id) THEN
            RAISE EXCEPTION 'pgveil_keys.dek_usage: more than the DEK may be used' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$",
    "CREATE OR REPLACE FUNCTION pgveil_keys.guard_epoch() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
    END $$",
    // Who and when is not for the writer to say.
    "CREATE OR REPLACE FUNCTION pgveil_keys.stamp_audit() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        NEW.at := clock_timestamp();
        NEW.db_role := session_user;
        NEW.address := host(inet_client_addr());
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
