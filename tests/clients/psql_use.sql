-- psql as people use it, on protected tables: prints the same on the plaintext twin. Run in a folder of
-- its own, where it leaves files.
\set ECHO queries
\pset null '(null)'
\timing off
TRUNCATE members, visits RESTART IDENTITY;

-- COPY with its data in the script.
COPY members (code, name, email, balance, notes) FROM STDIN;
1	Ann	ann@example.org	10.5	first
2	Bob	bob@example.org	-3	\N
3	Zoë 日本		NaN	two\nlines\tand a tab
\.
COPY members (code, name, email) FROM STDIN (FORMAT csv, HEADER);
code,name,email
4,"Dan, the man",dan@example.org
5,Eve,
\.
COPY visits (email, place, note, paid) FROM STDIN WITH (DELIMITER '|', NULL 'nil');
ann@example.org|Rome|sunny|5
bob@example.org|Oslo|nil|2.25
\.
SELECT * FROM members ORDER BY id;
COPY members TO STDOUT;
COPY (SELECT email, place FROM visits WHERE email = 'ann@example.org') TO STDOUT (FORMAT csv, HEADER);

-- \copy, to files and back.
\copy members TO 'members.txt'
\copy members TO 'members.csv' WITH (FORMAT csv, HEADER, FORCE_QUOTE *)
\copy members TO 'members.bin' (FORMAT binary)
\copy (SELECT email, balance FROM members ORDER BY id) TO 'query.csv' CSV HEADER
\copy members (email, code) TO STDOUT CSV
\! cat members.txt members.csv query.csv
DELETE FROM members;
\copy members FROM 'members.txt'
SELECT count(*), count(email), count(balance) FROM members;
DELETE FROM members;
\copy members FROM 'members.csv' WITH (FORMAT csv, HEADER)
SELECT * FROM members ORDER BY id;
DELETE FROM members;
\copy members FROM 'members.bin' (FORMAT binary)
SELECT * FROM members ORDER BY id;
\copy members FROM 'members.csv' WITH (FORMAT csv, HEADER MATCH)
\echo :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
\copy members (code, name, email, balance) FROM STDIN
20	Fay	fay@example.org	1.5
21	Gus	gus@example.org	no number
\.
\errverbose
\copy members FROM 'nosuch.txt'
\copy nosuch FROM STDIN
\.
\copy members (code, name) FROM PROGRAM 'printf "30\tHal\n"'
\copy members TO PROGRAM 'sort -n | head -2'
SELECT count(*) FROM members;

-- Descriptions, display, variables.
SELECT email, balance, notes FROM members \gdesc
SELECT * FROM members WHERE email = 'bob@example.org' \gx
SELECT email, balance FROM members WHERE code = 1 \gset got_
\echo :got_email :got_balance
SELECT name FROM members WHERE email = :'got_email';
SELECT email, name, balance FROM members WHERE code < 3 ORDER BY id \crosstabview email name balance
SELECT email, name, balance FROM members WHERE code < 3 ORDER BY id \crosstabview 1 2
SELECT email FROM members ORDER BY id \g emails.txt
\! cat emails.txt
SELECT email FROM members ORDER BY id \g | tr a-z A-Z
SELECT 'SELECT email FROM members WHERE code = ' || code FROM members WHERE code < 3 ORDER BY code \gexec
\set FETCH_COUNT 2
SELECT email, name FROM members ORDER BY id;
SELECT email, balance FROM members WHERE email = 'ann@example.org';
SELECT email, nosuch FROM members;
\set FETCH_COUNT 0
\x on
SELECT email, notes FROM members WHERE code = 3;
\x off
\pset format csv
SELECT email, notes FROM members WHERE code = 3;
\pset format aligned
\pset format unaligned
SELECT email, notes FROM members WHERE code = 3;
\pset format aligned
SELECT email, nosuch FROM members;
\errverbose
-- DETAIL would show the key, which pgveil does not.
\set VERBOSITY terse
INSERT INTO members (code, name, email) VALUES (40, 'twice', 'ann@example.org');
\echo :SQLSTATE
\set VERBOSITY default
\if :ERROR
\echo 'an error'
\endif
SELECT email FROM members WHERE code = 1 \; SELECT count(*) FROM visits;
\o out.txt
SELECT email FROM members ORDER BY id;
\o
\! cat out.txt
SELECT place FROM visits WHERE email = 'ann@example.org' \p \g
\i nosuch.sql
TRUNCATE members, visits RESTART IDENTITY;
