-- What is attached to stored relations (OIDs in $1) and to the tables above them, for notes and obstacles.
-- $2: attribute numbers of sealed columns, one pair each with $1.
WITH RECURSIVE pairs AS MATERIALIZED (
  SELECT p.oid, p.attnum FROM ROWS FROM (unnest($1::oid[]), unnest($2::int2[])) AS p(oid, attnum)
), above(stored, oid) AS (
  SELECT DISTINCT oid, oid FROM pairs
  UNION
  SELECT above.stored, i.inhparent FROM above JOIN pg_inherits i ON i.inhrelid = above.oid
), readers(oid) AS (
  SELECT oid FROM above
  UNION
  SELECT r.ev_class FROM readers
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = readers.oid
    AND d.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite r ON r.oid = d.objid
)
-- Published under its own name, or that of a partitioned table above it.
SELECT DISTINCT 'publication' AS part, above.stored AS oid, p.pubname::text AS name,
  -- The server's own rule: CheckCmdReplicaIdentity of executor/execReplication.c.
  s.relreplident = 'f' OR EXISTS (
    SELECT FROM pg_index x WHERE x.indrelid = s.oid AND x.indisvalid
      AND CASE s.relreplident WHEN 'd' THEN x.indisprimary WHEN 'i' THEN x.indisreplident ELSE false END) AS usable
FROM above JOIN pg_class s ON s.oid = above.stored JOIN pg_class c ON c.oid = above.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_publication_tables t ON t.schemaname = n.nspname AND t.tablename = c.relname
JOIN pg_publication p ON p.pubname = t.pubname AND p.pubupdate
WHERE s.relpersistence = 'p'
UNION ALL
SELECT DISTINCT 'matview', c.oid, format('%I.%I', n.nspname, c.relname), true
FROM readers JOIN pg_class c ON c.oid = readers.oid AND c.relkind = 'm'
JOIN pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT DISTINCT 'index', pairs.oid, i.relname::text, true
FROM pairs JOIN pg_index x ON x.indrelid = pairs.oid JOIN pg_class i ON i.oid = x.indexrelid
WHERE pairs.attnum = ANY (x.indkey::int2[]) OR EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = pairs.oid AND d.refobjsubid = pairs.attnum)
ORDER BY 1, 3, 2
