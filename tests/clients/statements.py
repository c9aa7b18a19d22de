"""Statements of every kind over protected tables: each gives what it gives on the plaintext twin, or is refused by name."""

# How many runs of these statements pgveil refuses.
REFUSED = 212

# Their rows may come in any order.
UNORDERED = """
SELECT DISTINCT email FROM members
SELECT DISTINCT paid, email IS NULL FROM visits
SELECT email, count(*) FROM visits GROUP BY email
SELECT email, paid, count(note) FROM visits GROUP BY 1, 2 HAVING count(*) > 0
""".strip().split("\n")

# Each is run as a simple query, in the extended protocol, and prepared.
READS = """
SELECT DISTINCT ON (email) email, id FROM members ORDER BY email, id
SELECT email, count(*) FROM members GROUP BY email ORDER BY 2, 1
SELECT email, count(*) FROM members GROUP BY 1 HAVING count(*) > 1
SELECT count(DISTINCT email) FROM members
SELECT max(email), min(balance), sum(balance) FROM members
SELECT lower(email), length(notes) FROM members ORDER BY id
SELECT email::text FROM members ORDER BY id
SELECT CAST(balance AS text) FROM members ORDER BY id
SELECT balance + 1 FROM members ORDER BY id
SELECT coalesce(email, 'none') FROM members ORDER BY id
SELECT coalesce(email, notes) FROM members ORDER BY id
SELECT nullif(email, 'a@x') FROM members ORDER BY id
SELECT CASE email WHEN 'a@x' THEN 1 ELSE 2 END FROM members ORDER BY id
SELECT CASE WHEN email = 'a@x' THEN 'A' ELSE name END FROM members ORDER BY id
SELECT id FROM members WHERE email = name
SELECT id FROM members WHERE email = lower('A@X') ORDER BY id
SELECT id FROM members WHERE email = 'a' || '@x' ORDER BY id
SELECT id FROM members WHERE lower(email) = 'a@x' ORDER BY id
SELECT id FROM members WHERE email IN ('a@x', name) ORDER BY id
SELECT id FROM members WHERE email = ANY(ARRAY['a@x', 'b@x']) ORDER BY id
SELECT id FROM members WHERE email = ANY('{a@x,"b@x",NULL}') ORDER BY id
SELECT id FROM members WHERE email = ANY('{a@x}'::varchar[]) ORDER BY id
SELECT id FROM members WHERE email = ANY(string_to_array('a@x,b@x', ',')) ORDER BY id
SELECT id FROM members WHERE NOT (email = 'a@x') ORDER BY id
SELECT id FROM members WHERE (email = 'a@x') IS TRUE ORDER BY id
SELECT id FROM members WHERE (email = 'a@x') IS NOT TRUE ORDER BY id
SELECT id FROM members WHERE (email, code) = ('a@x', 1) ORDER BY id
SELECT id FROM members WHERE (email, code) IN (('a@x', 1), ('b@x', 9)) ORDER BY id
SELECT id FROM members WHERE (code, id) = (1, 1)
SELECT id FROM members WHERE email BETWEEN 'a' AND 'b' ORDER BY id
SELECT id FROM members WHERE email > ALL (SELECT email FROM visits) ORDER BY id
SELECT id FROM members WHERE email = (SELECT email FROM visits WHERE id = 1) ORDER BY id
SELECT id FROM members WHERE email = (SELECT 'a@x') ORDER BY id
SELECT id FROM members WHERE email NOT IN (SELECT email FROM visits WHERE email IS NOT NULL) ORDER BY id
SELECT id FROM members WHERE 'a@x' IN (email, name) ORDER BY id
SELECT id FROM members WHERE email LIKE 'a@x' ORDER BY id
SELECT id FROM members WHERE email ILIKE 'A@X' ORDER BY id
SELECT id FROM members WHERE email SIMILAR TO 'a@x' ORDER BY id
SELECT id FROM members WHERE email ~ '^a' ORDER BY id
SELECT id FROM members WHERE email || '' = 'a@x' ORDER BY id
SELECT id FROM members WHERE email COLLATE "C" = 'a@x' ORDER BY id
SELECT id FROM members WHERE email = 'a@x' COLLATE "C" ORDER BY id
SELECT id FROM members WHERE email OPERATOR(pg_catalog.=) 'a@x' ORDER BY id
SELECT id FROM members WHERE email != 'a@x' ORDER BY id
SELECT id FROM members WHERE email = 'a@x'::text AND balance IS NOT NULL ORDER BY id
SELECT id FROM members WHERE email = U&'a\\0040x' ORDER BY id
SELECT id FROM members WHERE email = E'a\\x40x' ORDER BY id
SELECT id FROM members WHERE email = $$a@x$$ ORDER BY id
SELECT id FROM members WHERE email = B'1' ORDER BY id
SELECT id FROM members WHERE email = NULL ORDER BY id
SELECT id FROM members WHERE email IS NULL ORDER BY id
SELECT id FROM visits WHERE paid = 2.250 ORDER BY id
SELECT id FROM visits WHERE paid = 5 OR paid = '5.00' ORDER BY id
SELECT id FROM visits WHERE paid = -(-5) ORDER BY id
SELECT id FROM visits WHERE paid = 2 + 3 ORDER BY id
SELECT id FROM visits WHERE paid = 5::real ORDER BY id
SELECT id FROM visits WHERE paid IN (5, 2.25, NULL) ORDER BY id
SELECT id FROM visits WHERE paid > 3 ORDER BY id
SELECT id FROM visits WHERE paid = id ORDER BY id
SELECT m.email FROM members m JOIN visits v ON m.email = v.email AND v.paid = 5 ORDER BY m.id, v.id
SELECT m.email FROM members m JOIN visits v ON lower(m.email) = lower(v.email) ORDER BY 1
SELECT m.id FROM members m JOIN visits v ON m.email = v.note ORDER BY 1
SELECT m.id, v.id FROM members m NATURAL JOIN visits v ORDER BY 1
SELECT m.email, v.email FROM members m FULL JOIN visits v ON m.email = v.email ORDER BY m.id, v.id
SELECT * FROM members m LEFT JOIN visits v ON m.email = v.email ORDER BY m.id, v.id
SELECT m.*, v.place FROM members m CROSS JOIN visits v ORDER BY m.id, v.id
SELECT v.* FROM members m, LATERAL (SELECT * FROM visits v WHERE v.email = m.email) v ORDER BY v.id
SELECT (SELECT email FROM members WHERE id = 1)
SELECT id, (SELECT v.note FROM visits v WHERE v.email = m.email ORDER BY v.id LIMIT 1) FROM members m ORDER BY id
SELECT ARRAY(SELECT email FROM members)
SELECT array_agg(email) FROM members
SELECT string_agg(notes, ',') FROM members
SELECT jsonb_agg(m) FROM members m
SELECT to_json(m) FROM members m
SELECT row_to_json(m) FROM members m
SELECT m FROM members m
SELECT m.email, row(m.email) FROM members m
SELECT (m).email FROM members m ORDER BY id
SELECT s.e FROM (SELECT email AS e, id FROM members) s WHERE s.e = 'a@x' ORDER BY s.id
SELECT s.* FROM (SELECT * FROM members) s ORDER BY id
SELECT s.x FROM (SELECT email FROM members ORDER BY id) AS s(x)
WITH e(mail, n) AS (SELECT email, id FROM members) SELECT mail FROM e WHERE mail IN ('a@x', 'b@x') ORDER BY n
WITH a AS (SELECT * FROM members), b AS (SELECT * FROM a WHERE email = 'a@x') SELECT email, notes FROM b ORDER BY id
WITH a AS MATERIALIZED (SELECT email, id FROM members) SELECT a.email FROM a JOIN visits v ON a.email = v.email ORDER BY v.id
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n, m.email FROM r JOIN members m ON m.id = r.n ORDER BY n
WITH RECURSIVE r AS (SELECT id, email FROM members WHERE id = 1 UNION ALL SELECT m.id, m.email FROM members m JOIN r ON m.id = r.id + 1) SELECT * FROM r ORDER BY id
SELECT email FROM members UNION SELECT email FROM visits
SELECT email FROM members EXCEPT SELECT email FROM visits
SELECT email FROM members UNION ALL SELECT name FROM members
SELECT id FROM members WHERE email = 'a@x' UNION SELECT id FROM visits WHERE email = 'a@x' ORDER BY 1
VALUES ('members', 1)
SELECT email, rank() OVER (ORDER BY email) FROM members
SELECT email, row_number() OVER (PARTITION BY email ORDER BY id) FROM members ORDER BY id
SELECT lag(email) OVER (ORDER BY id) FROM members ORDER BY id
SELECT first_value(email) OVER (ORDER BY id) FROM members ORDER BY id
SELECT id FROM members ORDER BY email
SELECT id FROM members ORDER BY 1 DESC
SELECT email FROM members ORDER BY 1
SELECT email AS id FROM members ORDER BY id
SELECT email AS e FROM members ORDER BY e
SELECT id, email FROM members ORDER BY email IS NULL, id
SELECT id, email FROM members ORDER BY email = 'a@x', id
SELECT id FROM members GROUP BY id, email HAVING email = 'a@x' ORDER BY id
SELECT name, count(*) FILTER (WHERE email = 'a@x') FROM members GROUP BY name ORDER BY name
SELECT count(*) FILTER (WHERE email IS NULL) FROM members
SELECT bool_or(email = 'a@x') FROM members
SELECT members.email FROM members, public.visits WHERE visits.email = members.email ORDER BY visits.id
SELECT public.members.email FROM public.members ORDER BY id
SELECT "members"."email" FROM "members" ORDER BY "id"
SELECT EMAIL FROM MEMBERS ORDER BY ID
SELECT email FROM ONLY members ORDER BY id
SELECT email FROM members TABLESAMPLE SYSTEM (100) ORDER BY id
SELECT email FROM members m (i, c, n, email) ORDER BY i
SELECT e FROM members m (i, c, n, e) WHERE e = 'a@x' ORDER BY i
SELECT email FROM members FOR SHARE
SELECT ctid IS NULL, email FROM members ORDER BY id
SELECT tableoid::regclass::text, email FROM members ORDER BY id
SELECT email, email, email AS email FROM members ORDER BY id
SELECT id, 'x' AS email FROM members ORDER BY email, id
SELECT pg_typeof(email) FROM members
SELECT email IS NOT NULL AND email = 'a@x' AS found FROM members ORDER BY id
SELECT count(*) FROM members WHERE exists (SELECT email FROM visits WHERE visits.email = members.email)
SELECT a.email FROM members a, members b WHERE a.email = b.email AND a.id = b.id ORDER BY a.id
SELECT id FROM members m WHERE email = (SELECT v.email FROM visits v WHERE v.id = m.id)
SELECT id FROM members WHERE email = 'a@x' AND EXISTS (SELECT 1 WHERE members.code = 1)
SELECT nosuch.email FROM members
SELECT email FROM members WHERE email = 'a@x' GROUP BY id ORDER BY id
SELECT name, email FROM members GROUP BY name
SELECT email FROM members LIMIT 0
SELECT email FROM members ORDER BY id FETCH FIRST 2 ROWS ONLY
SELECT email FROM members ORDER BY id FETCH FIRST 1 ROWS WITH TIES
SELECT generate_series(1, 2), email FROM members ORDER BY id, 1
SELECT length(name), email FROM members ORDER BY id
SELECT FROM members
SELECT 1 FROM members WHERE false
EXPLAIN (COSTS OFF) SELECT id FROM members WHERE id = 1
TABLE members
SELECT * FROM members NATURAL JOIN (SELECT 1 AS id) x
""".strip().splitlines()

WRITES = """
INSERT INTO members (name, email) SELECT 'copy', email || 'x' FROM members
INSERT INTO members (name, notes) SELECT name, 'n' FROM members
INSERT INTO members (name) SELECT name || '!' FROM members RETURNING id, email
INSERT INTO visits (email, note) SELECT email, notes FROM members
INSERT INTO visits (place) SELECT email FROM members
INSERT INTO visits (email, paid) VALUES ('n1@x', 1 + 1)
INSERT INTO visits (email, paid) VALUES ('n2@x', -1), ('n3@x', +2), ('n4@x', - 3.5)
INSERT INTO visits (email) VALUES (lower('UP@X'))
INSERT INTO visits (email) VALUES (('n5@x'))
INSERT INTO visits (email) VALUES ('a' || 'b')
INSERT INTO visits (email) VALUES (CASE WHEN true THEN 'c@x' END)
INSERT INTO visits (email) VALUES (current_user)
INSERT INTO visits (email) VALUES ((SELECT email FROM members WHERE id = 1))
INSERT INTO visits (email) SELECT * FROM unnest(ARRAY['u1@x', 'u2@x'])
INSERT INTO visits (email, note) SELECT e, n FROM (VALUES ('v1@x', 'one'), ('v2@x', NULL)) AS t(e, n)
INSERT INTO visits DEFAULT VALUES RETURNING *
INSERT INTO visits VALUES (DEFAULT, 'd@x', 'place', DEFAULT, 1.005) RETURNING *
INSERT INTO visits (note, email) VALUES ('first', 'second@x') RETURNING email, note
INSERT INTO visits AS v (email) VALUES ('as@x') RETURNING v.email
INSERT INTO visits (email) VALUES ('r@x') RETURNING email AS mail, id > 0 AS positive, upper(place)
INSERT INTO visits (email) VALUES ('r@x') RETURNING upper(email)
INSERT INTO visits (email) VALUES (NULL), (NULL::text) RETURNING email
INSERT INTO visits (id, email) VALUES (1, 'dup') ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email, note = 'merged' RETURNING id, email, note
INSERT INTO visits (id, email) VALUES (1, 'dup2') ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.note
INSERT INTO visits (id, email) VALUES (1, 'dup3') ON CONFLICT (id) DO UPDATE SET email = coalesce(EXCLUDED.email, visits.email)
INSERT INTO visits (id, place) VALUES (1, 'p') ON CONFLICT (id) DO UPDATE SET place = EXCLUDED.place WHERE visits.email = 'dup' RETURNING id, place
INSERT INTO members (name, email) VALUES ('Z', 'a@x') ON CONFLICT (email) WHERE email IS NOT NULL DO NOTHING
INSERT INTO members (name, email) VALUES ('Z', 'a@x') ON CONFLICT (code) DO NOTHING
INSERT INTO members (id, code, name, email) OVERRIDING SYSTEM VALUE VALUES (900, 900, 'O', 'o@x') RETURNING email
UPDATE members SET email = upper(email) WHERE id = 1
UPDATE members SET email = name WHERE id = 1
UPDATE members SET email = NULL WHERE id = 2 RETURNING email
UPDATE members SET notes = email WHERE id = 1
UPDATE members SET name = email WHERE id = 1
UPDATE members SET name = 'N' WHERE email = 'a@x' RETURNING name, email
UPDATE members SET notes = CASE WHEN id = 1 THEN 'one' ELSE 'other' END RETURNING id, notes
UPDATE members SET notes = CASE id WHEN 1 THEN 'one' ELSE notes END RETURNING id, notes
UPDATE members SET notes = coalesce(notes, 'none') RETURNING id, notes
UPDATE members SET balance = balance * 2
UPDATE members SET balance = 7 + 1 WHERE id = 1
UPDATE members SET balance = -7.005 WHERE id = 1 RETURNING balance
UPDATE members SET (notes, balance) = ('m', 3) WHERE id = 1 RETURNING notes, balance
UPDATE members SET (notes, balance) = ROW('m2', 4) WHERE id = 1 RETURNING notes, balance
UPDATE members SET (notes, balance) = (SELECT 'm3', 5) WHERE id = 1
UPDATE members SET notes = (SELECT note FROM visits WHERE visits.email = members.email LIMIT 1)
UPDATE members SET notes = d.n FROM (VALUES (1, 'from values'), (2, 'second')) AS d(id, n) WHERE d.id = members.id RETURNING members.id, members.notes
UPDATE members AS m SET notes = 'aliased' WHERE m.email = 'a@x' RETURNING m.*
UPDATE ONLY members SET notes = 'only' WHERE id = 1
UPDATE members SET notes = DEFAULT RETURNING notes
UPDATE members SET code = code WHERE email IN (SELECT email FROM visits)
UPDATE visits SET email = m.email FROM members m WHERE m.id = visits.id
UPDATE visits SET paid = 1e2 WHERE id = 1 RETURNING paid
UPDATE visits SET paid = '1e2' WHERE paid = 100 RETURNING paid
DELETE FROM members WHERE email = 'a@x' RETURNING *
DELETE FROM members WHERE email = ANY(ARRAY['b@x']) RETURNING email
DELETE FROM members m USING visits v WHERE m.email = v.email RETURNING m.email, v.place
DELETE FROM members WHERE email IN (SELECT email FROM visits)
DELETE FROM members WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.email = members.email) RETURNING id
WITH d AS (DELETE FROM visits RETURNING *) INSERT INTO visits (email, note) SELECT email, note FROM d
WITH i AS (INSERT INTO visits (email) VALUES ('w@x') RETURNING id) UPDATE members SET notes = 'cte' WHERE id = (SELECT min(id) - min(id) + 1 FROM i) RETURNING notes
WITH u AS (UPDATE members SET notes = 'u' WHERE email = 'a@x' RETURNING id, email) SELECT u.email, v.place FROM u JOIN visits v ON v.email = u.email
MERGE INTO members m USING (VALUES (1, 'merged')) AS s(id, n) ON m.id = s.id WHEN MATCHED THEN UPDATE SET notes = s.n
MERGE INTO members m USING (SELECT 1 AS id) s ON m.id = s.id WHEN MATCHED THEN UPDATE SET notes = 'merged' WHEN NOT MATCHED THEN INSERT (name) VALUES ('new')
TRUNCATE members
LOCK TABLE members
CREATE TABLE other_members (LIKE members)
CREATE TABLE taken AS SELECT email FROM members
SELECT email INTO taken FROM members
CREATE TEMP TABLE taken AS SELECT id, name FROM members
CREATE VIEW seen AS SELECT id, email FROM members
CREATE INDEX ON members (email)
CREATE INDEX ON members (name)
ALTER TABLE members ADD COLUMN more text
ALTER TABLE members ALTER COLUMN email TYPE text
COMMENT ON TABLE members IS 'people'
ANALYZE members
DO $$ BEGIN UPDATE members SET notes = 'do'; END $$
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT email FROM members'
PREPARE q AS SELECT id FROM members WHERE email = 'a@x'
DECLARE c CURSOR FOR SELECT email FROM members
""".strip().splitlines()
