-- More about the protected tables (OIDs in $1), for `pgveil check`. Result: (part, OID, JSON array);
-- survey.rs reads it. Runs as the service role, whose privileges it reports.
WITH t AS MATERIALIZED (
  SELECT c.oid, c.oid::pg_catalog.int8 AS id, c.reltuples, c.relrowsecurity, n.nspname,
         pg_catalog.format('%I.%I', n.nspname, c.relname) AS quoted
  FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS p(oid)
  JOIN pg_catalog.pg_class c ON c.oid = p.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
)
SELECT 'table' AS part, t.id, pg_catalog.json_build_array(t.quoted,
  (SELECT pg_catalog.json_object_agg(a.attnum, pg_catalog.quote_ident(a.attname))
   FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped),
  t.relrowsecurity AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
    AND NOT (SELECT r.rolbypassrls FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER),
  pg_catalog.has_schema_privilege(t.nspname, 'USAGE'),
  pg_catalog.has_table_privilege(t.oid, 'SELECT'),
  pg_catalog.has_table_privilege(t.oid, 'INSERT'),
  pg_catalog.has_table_privilege(t.oid, 'UPDATE'),
  pg_catalog.quote_ident(CURRENT_USER))::pg_catalog.text AS body
FROM t JOIN pg_catalog.pg_class c ON c.oid = t.oid
UNION ALL
SELECT 'usage', 0, pg_catalog.json_build_array(pg_catalog.has_schema_privilege('public', n.oid, 'USAGE'))::pg_catalog.text
FROM pg_catalog.pg_namespace n WHERE n.nspname = 'pgveil'
UNION ALL
SELECT 'trigger', t.id, pg_catalog.json_build_array(g.tgname, (g.tgtype & 2) <> 0, (g.tgtype & 1) <> 0,
  pg_catalog.format('%I.%I', n.nspname, p.proname), p.prosrc || ' ' || pg_catalog.encode(g.tgargs, 'escape'),
  (SELECT pg_catalog.json_agg(DISTINCT d.refobjsubid) FROM pg_catalog.pg_depend d
   WHERE g.tgqual IS NOT NULL AND d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objid = g.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid AND d.refobjsubid > 0)
  )::pg_catalog.text
FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
UNION ALL
SELECT 'policy', t.id, pg_catalog.json_build_array(y.polname,
  (SELECT pg_catalog.json_agg(DISTINCT d.refobjsubid) FROM pg_catalog.pg_depend d
   WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = y.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid AND d.refobjsubid > 0)
  )::pg_catalog.text
FROM t JOIN pg_catalog.pg_policy y ON y.polrelid = t.oid
UNION ALL
SELECT 'rule', t.id, pg_catalog.json_build_array(r.rulename)::pg_catalog.text
FROM t JOIN pg_catalog.pg_rewrite r ON r.ev_class = t.oid
UNION ALL
SELECT 'constraint', t.id, pg_catalog.json_build_array(k.conname, k.contype,
  CASE WHEN k.conrelid = t.oid THEN k.conkey ELSE k.confkey END, pg_catalog.pg_get_constraintdef(k.oid))::pg_catalog.text
FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid OR k.confrelid = t.oid
WHERE k.contype IN ('c', 'u', 'p', 'f', 'x')
UNION ALL
-- Defaults, and the expressions of generated columns with the columns that they read.
SELECT 'default', t.id, pg_catalog.json_build_array(x.adnum, a.attgenerated <> '',
  pg_catalog.pg_get_expr(x.adbin, x.adrelid),
  (SELECT pg_catalog.json_agg(DISTINCT d.refobjsubid) FROM pg_catalog.pg_depend d
   WHERE ((d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = x.oid)
       OR (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = t.oid AND d.objsubid = x.adnum))
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid
     AND d.refobjsubid > 0 AND d.refobjsubid <> x.adnum))::pg_catalog.text
FROM t JOIN pg_catalog.pg_attrdef x ON x.adrelid = t.oid
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.adnum
UNION ALL
SELECT 'index', t.id, pg_catalog.json_build_array(i.relname, m.amname, x.indisvalid AND x.indisready, x.indisunique,
  x.indpred IS NOT NULL, x.indkey::pg_catalog.int2[], pg_catalog.pg_get_indexdef(x.indexrelid, 1, false),
  EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x')),
  (SELECT pg_catalog.json_agg(DISTINCT d.refobjsubid) FROM pg_catalog.pg_depend d
   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = x.indexrelid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid AND d.refobjsubid > 0),
  (SELECT pg_catalog.json_build_array(s.n_distinct, GREATEST(t.reltuples, 0), s.most_common_freqs[1])
   FROM pg_catalog.pg_stats s JOIN pg_catalog.pg_attribute a ON a.attname = s.attname
   WHERE s.schemaname = t.nspname AND s.tablename = i.relname AND a.attrelid = x.indexrelid AND a.attnum = 1
     AND NOT s.inherited))::pg_catalog.text
FROM t JOIN pg_catalog.pg_index x ON x.indrelid = t.oid
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid JOIN pg_catalog.pg_am m ON m.oid = i.relam
