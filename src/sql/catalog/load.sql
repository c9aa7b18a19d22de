-- What pgveil needs to know about a database, in one statement and so under one snapshot.
-- $1, $2: schemas and names of the policy's tables; $3: OIDs under which they were registered. Result: (part, JSON array); load.rs reads it.
-- Needs no privilege beyond CONNECT: pg_catalog is readable by everyone.
-- 16384 is FirstNormalObjectId (access/transam.h): what is below came with initdb.
WITH RECURSIVE
named AS MATERIALIZED (
  SELECT c.oid
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS p(schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = p.schema::pg_catalog.name
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.name::pg_catalog.name
  UNION
  SELECT pg_catalog.unnest($3::pg_catalog.oid[])
),
-- The tables that hold protected rows, and all that contain or read them through relations alone.
reached(oid) AS (
  SELECT oid FROM named
  UNION
  SELECT e.user_oid
  FROM reached JOIN LATERAL (
    SELECT i.inhrelid AS user_oid FROM pg_catalog.pg_inherits i WHERE i.inhparent = reached.oid
    UNION ALL
    SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid = reached.oid
    UNION ALL
    SELECT r.ev_class
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = reached.oid
      AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  ) e ON true
)
SELECT 'relation' AS part, pg_catalog.json_build_array(
  c.oid::pg_catalog.int8, n.nspname, c.relname, c.relkind,
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
            a.attnum, a.attname, a.atttypid::pg_catalog.int8, a.atttypmod, a.attgenerated <> '') ORDER BY a.attnum)
   FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))::pg_catalog.text AS body
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND n.nspname <> 'pg_toast'
UNION ALL
SELECT 'type', pg_catalog.json_build_array(
  a.attrelid::pg_catalog.int8, a.attnum, pg_catalog.format_type(a.atttypid, a.atttypmod))::pg_catalog.text
FROM named JOIN pg_catalog.pg_attribute a ON a.attrelid = named.oid
WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'domain', pg_catalog.json_build_array(
  t.oid::pg_catalog.int8, t.typtype, pg_catalog.format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
  (SELECT pg_catalog.json_agg(pg_catalog.pg_get_constraintdef(k.oid) ORDER BY k.oid)
   FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))::pg_catalog.text
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = 'pgveil' AND t.typname = 'sealed'
UNION ALL
SELECT 'inherits', pg_catalog.json_build_array(i.inhrelid::pg_catalog.int8, i.inhparent::pg_catalog.int8)::pg_catalog.text
FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
WHERE c.relkind IN ('r', 'p', 'f')
UNION ALL
-- Rules (views, too) that name relations or functions.
SELECT DISTINCT 'rule', pg_catalog.json_build_array(
  r.ev_class::pg_catalog.int8, d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass, d.refobjid::pg_catalog.int8
  )::pg_catalog.text
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refobjid >= 16384 AND d.refobjid <> r.ev_class
  AND d.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
UNION ALL
-- Rules, views and SQL-standard bodies name an operator, not its function.
SELECT DISTINCT CASE WHEN r.oid IS NULL THEN 'body' ELSE 'rule' END, pg_catalog.json_build_array(
  COALESCE(r.ev_class, d.objid)::pg_catalog.int8, true, o.oprcode::pg_catalog.oid::pg_catalog.int8)::pg_catalog.text
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_operator o ON o.oid = d.refobjid
LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
WHERE d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oprcode::pg_catalog.oid >= 16384
  AND d.classid IN ('pg_catalog.pg_rewrite'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
UNION ALL
-- Operators and casts that call functions which are not PostgreSQL's own; a cast by the type that it makes.
SELECT DISTINCT 'operator', pg_catalog.json_build_array(o.oprname, o.oprcode::pg_catalog.oid::pg_catalog.int8)::pg_catalog.text
FROM pg_catalog.pg_operator o WHERE o.oprcode::pg_catalog.oid >= 16384
UNION ALL
SELECT DISTINCT 'cast', pg_catalog.json_build_array(t.typname, c.castfunc::pg_catalog.int8)::pg_catalog.text
FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type t ON t.oid = c.casttarget WHERE c.castfunc >= 16384
UNION ALL
-- The functions that a domain's CHECK calls, likewise.
SELECT DISTINCT 'cast', pg_catalog.json_build_array(t.typname, d.refobjid::pg_catalog.int8)::pg_catalog.text
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_type t ON t.oid = k.contypid
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = k.oid
WHERE k.contypid <> 0 AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid >= 16384
UNION ALL
-- Functions that name relations, row types or functions in their signature or SQL-standard body;
-- aggregates name their support functions.
SELECT DISTINCT 'body', pg_catalog.json_build_array(
  d.objid::pg_catalog.int8, d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass,
  CASE WHEN d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass THEN COALESCE(e.typrelid, t.typrelid)
       ELSE d.refobjid END::pg_catalog.int8)::pg_catalog.text
FROM pg_catalog.pg_depend d
LEFT JOIN pg_catalog.pg_type t ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = d.refobjid
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid >= 16384
  AND (d.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
       OR COALESCE(e.typrelid, t.typrelid) <> 0)
UNION ALL
-- Functions that are called when rows are read or written.
SELECT DISTINCT 'firing', pg_catalog.json_build_array(f.relation::pg_catalog.int8, f.function::pg_catalog.int8)::pg_catalog.text
FROM (
  SELECT tgrelid AS relation, tgfoid AS function FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
  UNION ALL
  SELECT CASE d.classid
           WHEN 'pg_catalog.pg_attrdef'::pg_catalog.regclass THEN a.adrelid
           WHEN 'pg_catalog.pg_constraint'::pg_catalog.regclass THEN k.conrelid
           WHEN 'pg_catalog.pg_policy'::pg_catalog.regclass THEN p.polrelid
           WHEN 'pg_catalog.pg_trigger'::pg_catalog.regclass THEN t.tgrelid
           ELSE i.indrelid END, d.refobjid
  FROM pg_catalog.pg_depend d
  LEFT JOIN pg_catalog.pg_attrdef a ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND a.oid = d.objid
  LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
  LEFT JOIN pg_catalog.pg_policy p ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = d.objid
  LEFT JOIN pg_catalog.pg_trigger t ON d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND t.oid = d.objid
  LEFT JOIN pg_catalog.pg_index i ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.indexrelid = d.objid
  WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid >= 16384
) f
WHERE f.relation <> 0 AND f.function >= 16384
UNION ALL
SELECT 'function', pg_catalog.json_build_array(
  p.oid::pg_catalog.int8, n.nspname, p.proname, l.lanname,
  CASE WHEN l.lanname IN ('c', 'internal') OR p.prokind = 'a' THEN '' ELSE p.prosrc END,
  p.provolatile = 'v',
  p.prorettype IN ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype),
  (SELECT x.extname
   FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
   WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
     AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
   LIMIT 1))::pg_catalog.text
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.oid >= 16384 AND n.nspname NOT IN ('pgveil', 'pgveil_keys')
UNION ALL
-- The query trees of the views that were reached, for where their columns come from.
SELECT 'view', pg_catalog.json_build_array(r.ev_class::pg_catalog.int8, r.ev_action::pg_catalog.text)::pg_catalog.text
FROM reached JOIN pg_catalog.pg_rewrite r ON r.ev_class = reached.oid
WHERE r.ev_type = '1'
UNION ALL
-- The aggregate any_value(bytea): pgveil's own, else the server's (from 16 on).
SELECT 'any_value', pg_catalog.json_build_array(EXISTS (
    SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'pgveil' AND p.proname = 'any_value' AND p.prokind = 'a'
      AND p.proargtypes = ARRAY['pg_catalog.bytea'::pg_catalog.regtype]::pg_catalog.oidvector),
  pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 160000)::pg_catalog.text
UNION ALL
SELECT 'encoding', pg_catalog.to_json(pg_catalog.getdatabaseencoding()::pg_catalog.text)::pg_catalog.text
