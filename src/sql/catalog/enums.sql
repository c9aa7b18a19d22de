-- $1: names of the policy's enum types. Every type of such a name in any schema: the enum itself, and what it could be
-- mistaken for. Result: JSON arrays; enums.rs reads them. Needs no privilege beyond CONNECT.
SELECT pg_catalog.json_build_array(
  n.nspname, t.typname, t.oid::pg_catalog.int8, t.typarray::pg_catalog.int8, t.typtype,
  pg_catalog.quote_ident(t.typname), pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname),
  (SELECT pg_catalog.json_agg(e.enumlabel) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid))::pg_catalog.text
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typname = ANY ($1::pg_catalog.text[]::pg_catalog.name[])
