-- Everything here prints the same through pgveil and on the plaintext twin.
\set ECHO queries
\pset null '(null)'
\set SHOW_ALL_RESULTS on

TRUNCATE members, visits, plain RESTART IDENTITY;
INSERT INTO members (code, name, email, balance, notes) VALUES
  (1, 'Ann', 'ann@example.org', 10.5, 'first'),
  (2, 'Bob', 'bob@example.org', -3, NULL),
  (3, 'Zoë 日本', '', 'NaN', E'two\nlines');
\echo :ROW_COUNT
INSERT INTO visits (email, place, note, paid) VALUES ('ann@example.org', 'Rome', 'sunny', 5), ('bob@example.org', 'Oslo', '', 2.25);
INSERT INTO plain SELECT n, 'label ' || n, n / 8.0, ARRAY['a', n::text] FROM generate_series(1, 40) n;

SELECT * FROM members ORDER BY id;
SELECT * FROM members WHERE email = 'ann@example.org' \gx
SELECT m.name, v.place, v.paid FROM members m JOIN visits v ON v.email = m.email ORDER BY v.id;
SELECT email, balance AS "the balance" FROM members WHERE email IN ('ann@example.org', 'nobody') OR email IS NULL;
SELECT count(*), count(email), count(notes) FROM members;
TABLE visits;

-- What a statement will return.
SELECT id, email, balance, notes, 1 AS one FROM members \gdesc
SELECT * FROM kinds \gdesc
SELECT * FROM keyed WHERE i4 = 5 \gdesc
INSERT INTO members (name) VALUES ('described only') RETURNING * \gdesc
UPDATE members SET notes = 'x' \gdesc
SELECT count(*) FROM members;

-- Results into variables, into further statements.
SELECT email AS mail, balance FROM members WHERE id = 1 \gset
\echo :mail :balance
SELECT name FROM members WHERE email = :'mail';
SELECT format('SELECT %s FROM members WHERE id = 2', quote_ident(c)) FROM unnest(ARRAY['email', 'balance']) c \gexec
SELECT email FROM members ORDER BY id \g (format=csv)
SELECT email, name, balance FROM members ORDER BY id \crosstabview name email balance

-- Several statements in one message.
SELECT email FROM members WHERE id = 1 \; UPDATE members SET notes = 'again' WHERE email = 'bob@example.org' RETURNING id, notes \; SELECT 1;
SELECT email FROM members WHERE id = 1 \; SELECT nosuch FROM members \; SELECT 2;
BEGIN \; INSERT INTO members (name, email) VALUES ('gone', 'gone@x') \; ROLLBACK;
SELECT name FROM members ORDER BY id;

-- Errors, with line and caret.
SELECT nosuch FROM members;
SELECT id,
       email,
       nosuch
  FROM members
 WHERE email = 'x';
SELECT email FROM members WHERE email = 'ü' AND nosuch(id);
SELECT /* ü */ email, 'ô' FROM members WHERE email = 'é' AND id = 'x';
SELECT * FROM members WHERE email = 'x' AND 1/(id - id) = 1;
SELECT 1/(id - id) FROM members WHERE email = 'ann@example.org';
SELEC * FROM members;
SELECT * FROM members WHERE;
SELECT email FROM members WHERE email = 'unterminated;
';
SELECT email FROM nosuch, members;
INSERT INTO members (name, email, balance) VALUES ('x', 'y', 'no number');
INSERT INTO members (name, email,
  balance) VALUES ('x', 'y',
  10000000000);
INSERT INTO members (name, email) VALUES ('x', 5, 6);
INSERT INTO members (nosuch) VALUES (1);
UPDATE members SET balance = true;
UPDATE members SET email = repeat;
INSERT INTO kinds (id, day) VALUES (1, '2024-02-30');
INSERT INTO kinds (id, uid, doc) VALUES (1, 'x', '{');
SELECT id FROM keyed WHERE i4 = 'x';
SELECT id FROM keyed WHERE day = 'no date' OR i4 = 1;
SELECT id FROM keyed WHERE i4 = true;
SELECT email FROM members WHERE email = $1;
\echo :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
INSERT INTO members (code, name) VALUES (1, 'twice');
\echo :SQLSTATE :LAST_ERROR_MESSAGE
INSERT INTO members (id, name) VALUES (1, 'twice');
INSERT INTO plain (id) VALUES (1);
\set VERBOSITY sqlstate
INSERT INTO members (name, email) VALUES ('twice', 'ann@example.org');
INSERT INTO members (code) VALUES (77);
SELECT nosuch FROM members;
\set VERBOSITY terse
INSERT INTO members (name, email) VALUES ('twice', 'ann@example.org');
INSERT INTO members (name, email) VALUES ('twice', repeat);
\set VERBOSITY default

-- Transactions.
BEGIN;
INSERT INTO members (name, email) VALUES ('T', 't@x') RETURNING email;
SAVEPOINT s;
SELECT nosuch FROM members;
SELECT email FROM members;
ROLLBACK TO s;
SELECT email FROM members WHERE email = 't@x';
ROLLBACK;
SELECT email FROM members WHERE email = 't@x';
\set ON_ERROR_ROLLBACK on
BEGIN;
INSERT INTO members (name, email) VALUES ('U', 'u@x');
INSERT INTO members (name, email, balance) VALUES ('V', 'v@x', 'x');
COMMIT;
SELECT name, email FROM members ORDER BY id;
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT off
UPDATE members SET notes = 'never' WHERE email = 'u@x';
ROLLBACK;
SELECT notes FROM members WHERE email = 'u@x';
COMMIT;
\set AUTOCOMMIT on

-- Tables that are not protected: COPY, fetching by cursor, prepared statements.
\copy plain (id, label) FROM STDIN
101	one hundred and one
102	\N
\.
\copy (SELECT id, label, amount FROM plain WHERE id > 38 ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)
\copy plain (id) FROM STDIN
not a number
\.
COPY plain (id, tags) FROM STDIN;
103	{x,y}
\.
COPY (SELECT * FROM plain WHERE id > 100 ORDER BY id) TO STDOUT;
\set FETCH_COUNT 7
SELECT id, label, amount, tags FROM plain ORDER BY id LIMIT 20;
SELECT nosuch FROM plain;
INSERT INTO members (code, name, email, balance, notes) VALUES (901, 'c1', 'c1@x', 1.5, 'one'), (902, 'c2', 'c2@x', 2, NULL),
  (903, 'c3', 'c3@x', NULL, 'three'), (904, 'c4', NULL, 4, ''), (905, 'c5', 'c5@x', 5, E'a\nb');
\set FETCH_COUNT 2
SELECT * FROM members WHERE code > 900 ORDER BY code;
SELECT email, nosuch FROM members;
UPDATE members SET notes = 'new' WHERE code = 901 RETURNING email, notes;
\set FETCH_COUNT 0
PREPARE by_email (text) AS SELECT code, email, balance, notes FROM members WHERE email = $1;
EXECUTE by_email('c3@x');
EXECUTE by_email('c5@x') \gx
EXECUTE by_email('c3@x', 1);
EXECUTE nosuch('c3@x');
PREPARE by_email AS SELECT 1;
PREPARE add (int, text, text) AS INSERT INTO members (code, name, email) VALUES ($1, $2, $3) RETURNING email, name;
EXECUTE add(906, 'c6', 'c6@x');
EXECUTE add(906, 'c7', 'c7@x');
DEALLOCATE add;
BEGIN;
DECLARE m SCROLL CURSOR FOR SELECT code, email, notes FROM members WHERE code > 900 ORDER BY code;
FETCH 3 FROM m;
MOVE BACKWARD 2 IN m;
FETCH NEXT FROM m;
FETCH LAST FROM m \gset last_
\echo :last_email
CLOSE m;
FETCH m;
ROLLBACK;
DELETE FROM members WHERE code > 900;
PREPARE p AS SELECT label FROM plain WHERE id = $1;
EXECUTE p(5);
DEALLOCATE p;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM plain ORDER BY id;
FETCH 3 FROM c;
MOVE BACKWARD 2 IN c;
FETCH NEXT FROM c;
COMMIT;

-- Formats of output.
SET datestyle = 'German';
SET timezone = 'Asia/Kolkata';
SET bytea_output = 'escape';
TRUNCATE kinds;
INSERT INTO kinds (id, day, at, raw, flag, doc, uid) VALUES
  (1, '2024-03-04', '2024-03-04 05:06:07.89+00', '\x41005c', true, '{"b":1,  "a":[1.50]}', '{6BA7B8109DAD11D180B400C04FD430C8}');
SELECT * FROM kinds;
RESET ALL;
SELECT * FROM kinds;
\x on
\pset format html
SELECT day, doc FROM kinds;
\pset format aligned
\x off
\timing off
DELETE FROM members WHERE email = 'ann@example.org' RETURNING *;
\echo :ROW_COUNT
TRUNCATE members, visits, plain, kinds;
