-- A custom script of pgbench: a look-up by a sealed value, a change, one way there and one back.
\set aid random(1, 1000)
\set delta random(-500, 500)
BEGIN;
SELECT aid AS found FROM pgbench_accounts WHERE filler = :aid::text \gset
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE filler = :aid::text;
SELECT abalance, filler FROM pgbench_accounts WHERE aid = :found;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta, filler = :aid WHERE tid = 1 + :aid % 10;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime, filler) VALUES (1 + :aid % 10, 1, :found, :delta, now(), :aid);
END;
