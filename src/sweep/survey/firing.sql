-- What else would happen when the sealed columns of stored relations are updated.
-- $1: OIDs; $2: attribute numbers of sealed columns, one pair each.
WITH w AS MATERIALIZED (
  SELECT p.oid, array_agg(p.attnum) AS sealed
  FROM ROWS FROM (unnest($1::oid[]), unnest($2::int2[])) AS p(oid, attnum) GROUP BY p.oid
), written AS MATERIALIZED (
  -- UPDATE OF takes a generated column for written when what it is computed from is (ExecGetAllUpdatedCols).
  SELECT w.oid, w.sealed || ARRAY(
    SELECT x.adnum FROM pg_attrdef x
    JOIN pg_attribute a ON a.attrelid = x.adrelid AND a.attnum = x.adnum AND a.attgenerated <> ''
    JOIN pg_depend d ON (d.classid = 'pg_attrdef'::regclass AND d.objid = x.oid
                         OR d.classid = 'pg_class'::regclass AND d.objid = w.oid AND d.objsubid = x.adnum)
      AND d.refclassid = 'pg_class'::regclass AND d.refobjid = w.oid AND d.refobjsubid = ANY (w.sealed)
    WHERE x.adrelid = w.oid) AS attnums
  FROM w
)
SELECT 'trigger' AS part, written.oid, g.tgname::text AS name, format('%I.%I', n.nspname, f.proname) AS function,
  (CASE WHEN g.tgtype & 2 <> 0 THEN 'before' WHEN g.tgtype & 64 <> 0 THEN 'instead of' ELSE 'after' END)
    || CASE WHEN g.tgtype & 1 <> 0 THEN ' each row' ELSE ' each statement' END AS at
FROM written JOIN pg_trigger g ON g.tgrelid = written.oid
JOIN pg_proc f ON f.oid = g.tgfoid JOIN pg_namespace n ON n.oid = f.pronamespace
WHERE g.tgtype & 16 <> 0
  -- Up to version 14 those that partitions have from their parent are called internal, too; what foreign keys
  -- and deferred constraints have belongs to a constraint.
  AND (NOT g.tgisinternal OR g.tgconstraint = 0
       OR EXISTS (SELECT FROM pg_constraint k WHERE k.oid = g.tgconstraint AND k.contype = 't'))
  AND g.tgenabled = ANY (CASE current_setting('session_replication_role')
                           WHEN 'replica' THEN '{R,A}'::"char"[] ELSE '{O,A}'::"char"[] END)
  AND (cardinality(g.tgattr::int2[]) = 0 OR g.tgattr::int2[] && written.attnums)
UNION ALL
SELECT 'rule', written.oid, r.rulename::text, '', CASE WHEN r.is_instead THEN 'instead' ELSE 'also' END
FROM written JOIN pg_rewrite r ON r.ev_class = written.oid
WHERE r.ev_type = '2'
  AND r.ev_enabled = ANY (CASE current_setting('session_replication_role')
                            WHEN 'replica' THEN '{R,A}'::"char"[] ELSE '{O,A}'::"char"[] END)
ORDER BY 1, 2, 3
