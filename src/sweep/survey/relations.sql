-- Every relation below the policy's tables, once for each column of the policy.
-- $1, $2, $3: schemas, tables and columns, verbatim; their place is the column's number, from 1.
-- Runs as the role that sweeps, whose privileges it reports, with search_path = pg_catalog.
WITH RECURSIVE wanted AS MATERIALIZED (
  SELECT p.number, p.name, c.oid AS root
  FROM ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[]))
       WITH ORDINALITY AS p(schema_name, table_name, name, number)
  LEFT JOIN pg_namespace n ON n.nspname = p.schema_name::name
  LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.table_name::name
), tree(root, oid) AS (
  SELECT root, root FROM wanted WHERE root IS NOT NULL
  UNION
  -- Those whose DETACH CONCURRENTLY is under way have a row here still.
  SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid
)
SELECT w.number, c.oid, n.nspname::text, c.relname::text, c.relkind::text, a.attnum,
  a.atttypid = (SELECT t.oid FROM pg_type t JOIN pg_namespace s ON s.oid = t.typnamespace
                WHERE s.nspname = 'pgveil' AND t.typname = 'sealed') AS sealed,
  a.attgenerated <> '' AS generated,
  EXISTS (SELECT FROM pg_partitioned_table k WHERE k.partrelid = c.oid AND a.attnum = ANY (k.partattrs::int2[])) AS divides,
  has_schema_privilege(n.oid, 'USAGE') AS may_enter,
  has_table_privilege(c.oid, 'SELECT') AS may_read,
  -- A right for the table is one for each of its columns.
  a.attnum IS NOT NULL AND has_column_privilege(c.oid, a.attnum, 'UPDATE') AS may_write,
  row_security_active(c.oid) AS hidden,
  c.relpersistence = 't' AND n.oid <> pg_my_temp_schema() AS elsewhere,
  c.relpersistence = 'p' AS logged,
  c.reltuples, c.relpages, current_setting('block_size')::int8 AS block_size,
  -- Sizes are those of now, not of the snapshot: what was dropped since has none, as has a TOAST table of which
  -- VACUUM FULL has made another one.
  CASE WHEN c.relkind IN ('r', 'm') THEN coalesce(pg_relation_size(c.oid), 0) ELSE 0 END AS heap_bytes,
  CASE WHEN c.reltoastrelid <> 0 THEN coalesce(pg_relation_size(c.reltoastrelid), 0) ELSE 0 END AS toast_bytes,
  (SELECT count(*) FROM pg_index x WHERE x.indrelid = c.oid) AS indexes
FROM wanted w
LEFT JOIN tree ON tree.root = w.root
LEFT JOIN pg_class c ON c.oid = tree.oid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.name::name AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY n.nspname, c.relname, w.number
