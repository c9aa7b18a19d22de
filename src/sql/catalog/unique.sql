-- Unique indexes of tables: what makes rows unique, by column or by expression.
-- $1: OIDs of the tables; $2: how long to wait for a lock, which pg_get_indexdef() takes on the table (see definitions.sql);
-- $3: false: say nothing about expressions, and wait for no lock.
SELECT pg_catalog.json_build_array(
  i.indrelid::pg_catalog.int8, c.relname, i.indisprimary,
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
            i.indkey[k - 1],
            CASE WHEN i.indkey[k - 1] <> 0 OR NOT $3::pg_catalog.bool THEN ''
                 WHEN pg_catalog.set_config('lock_timeout', $2::pg_catalog.text, true) IS NOT NULL
                   THEN pg_catalog.pg_get_indexdef(i.indexrelid, k, false) END) ORDER BY k)
   FROM pg_catalog.generate_series(1, i.indnkeyatts::pg_catalog.int4) k))::pg_catalog.text
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY ($1::pg_catalog.oid[])
  AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
