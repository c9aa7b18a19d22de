-- What views are, in SQL, and whether writing to them runs anything of the user's own.
-- $1: their OIDs; $2: how long to wait for a lock: pg_get_viewdef() locks what the view reads, and a client that holds
-- a lock on that may itself be waiting for this answer.
SELECT pg_catalog.json_build_array(
  c.oid::pg_catalog.int8,
  CASE WHEN pg_catalog.set_config('lock_timeout', $2::pg_catalog.text, true) IS NOT NULL
    THEN pg_catalog.pg_get_viewdef(c.oid) END,
  EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1'),
  -- TRIGGER_TYPE_INSTEAD (catalog/pg_trigger.h)
  EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 64::pg_catalog.int2 <> 0)
  )::pg_catalog.text
FROM pg_catalog.pg_class c
WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND c.relkind IN ('v', 'm')
