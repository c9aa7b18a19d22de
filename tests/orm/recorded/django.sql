-- What Django 5 over psycopg 3 sends in tests/orm, recorded by `make record-orms`.

-- case: connect
SELECT oid, typarray FROM pg_type WHERE typname = 'hstore';

-- case: connect
SELECT oid, typarray FROM pg_type WHERE typname = 'citext';

-- case: save
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('Fay', 'fay@example.org', '323-45-6789', '1999-12-31'::date, 1234.5,  E'it''s 100 % \\ first', 7, '99999999999949998999999999999999'::uuid, '{"a": [1, null, "x''"]}'::jsonb, '2024-05-05 12:30:00+00:00'::timestamptz, '', true, '{a,"b c"}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: save
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."id" = 6 LIMIT 21;

-- case: create
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('Gus', 'gus@example.org', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: create
INSERT INTO "contacts" ("person_id", "kind", "mail", "phone", "comment") VALUES (6, 'home', 'gus@example.org', NULL, NULL) RETURNING "contacts"."id";

-- case: save_again
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" = 'ada@example.org' LIMIT 21;

-- case: save_again
UPDATE "people" SET "name" = 'Ada Ahlers', "email" = 'ada@example.net', "ssn" = '123-45-6789', "birth" = '1985-12-10'::date, "salary" = NULL, "notes" = 'allergic to nuts', "badge" = 101, "token" = '11111111111141118111111111111111'::uuid, "meta" = '{"blood": "A+", "visits": 3}'::jsonb, "seen" = '2024-03-01 10:00:00+00:00'::timestamptz, "city" = 'Bremen', "active" = true, "tags" = '{vip,news}'::text[], "created" = '2024-01-01 09:00:00+00:00'::timestamptz WHERE "people"."id" = 1;

-- case: save_again
UPDATE "people" SET "birth" = '2000-01-01'::date WHERE "people"."id" = 1;

-- case: save_again
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."id" = 1 LIMIT 21;

-- case: save_with_a_primary_key
UPDATE "people" SET "name" = 'set', "email" = 'set@example.org', "ssn" = NULL, "birth" = NULL, "salary" = NULL, "notes" = NULL, "badge" = NULL, "token" = NULL, "meta" = NULL, "seen" = NULL, "city" = '', "active" = true, "tags" = '{}'::text[], "created" = '2024-06-01 00:00:00+00:00'::timestamptz WHERE "people"."id" = 77;

-- case: save_with_a_primary_key
INSERT INTO "people" ("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES (77, 'set', 'set@example.org', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: save_with_a_primary_key
UPDATE "people" SET "name" = 'overwritten', "email" = 'over@example.org', "ssn" = NULL, "birth" = NULL, "salary" = NULL, "notes" = NULL, "badge" = NULL, "token" = NULL, "meta" = NULL, "seen" = NULL, "city" = '', "active" = true, "tags" = '{}'::text[], "created" = '2024-06-01 00:00:00+00:00'::timestamptz WHERE "people"."id" = 1;

-- case: save_with_a_primary_key
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."id" ASC;

-- case: delete
BEGIN;

-- case: delete
DELETE FROM "contacts" WHERE "contacts"."person_id" IN (1);

-- case: delete
UPDATE "orders" SET "person_id" = NULL WHERE "orders"."person_id" IN (1);

-- case: delete
DELETE FROM "people" WHERE "people"."id" IN (1);

-- case: delete
COMMIT;

-- case: delete_where
DELETE FROM "contacts" WHERE "contacts"."mail" = 'office@example.org';

-- case: delete_where
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."ssn" = '123-45-6789';

-- case: delete_where
DELETE FROM "contacts" WHERE "contacts"."person_id" IN (1, 5);

-- case: delete_where
UPDATE "orders" SET "person_id" = NULL WHERE "orders"."person_id" IN (1, 5);

-- case: delete_where
DELETE FROM "people" WHERE "people"."id" IN (5, 1);

-- case: bulk_create
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('New 0', 'new0@example.org', NULL, '1970-01-01'::date, NULL, NULL, 500, NULL, NULL, '2024-05-05 12:00:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz), ('New 1', 'new1@example.org', '901-00-0000', '1970-01-02'::date, 250.25,  E'note ''1'' \\ %', 501, '99999999999949998999999999999999'::uuid, '{"i": 1}'::jsonb, '2024-05-05 12:01:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz), ('New 2', 'new2@example.org', '902-00-0000', '1970-01-03'::date, 250.5, NULL, 502, NULL, '{"i": 2}'::jsonb, '2024-05-05 12:02:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz), ('New 3', 'new3@example.org', NULL, '1970-01-04'::date, 250.75,  E'note ''3'' \\ %', 503, '99999999999949998999999999999999'::uuid, '{"i": 3}'::jsonb, '2024-05-05 12:03:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz), ('New 4', 'new4@example.org', '904-00-0000', '1970-01-05'::date, NULL, NULL, 504, NULL, '{"i": 4}'::jsonb, '2024-05-05 12:04:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz), ('New 5', 'new5@example.org', '905-00-0000', '1970-01-06'::date, 251.25,  E'note ''5'' \\ %', 505, '99999999999949998999999999999999'::uuid, NULL, '2024-05-05 12:05:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz), ('New 6', 'new6@example.org', NULL, '1970-01-07'::date, 251.5, NULL, 506, NULL, '{"i": 6}'::jsonb, '2024-05-05 12:06:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz), ('New 7', 'new7@example.org', '907-00-0000', '1970-01-08'::date, 251.75,  E'note ''7'' \\ %', 507, '99999999999949998999999999999999'::uuid, '{"i": 7}'::jsonb, '2024-05-05 12:07:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: bulk_create_one
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('New 0', 'new0@example.org', NULL, '1970-01-01'::date, NULL, NULL, 500, NULL, NULL, '2024-05-05 12:00:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: bulk_create_in_batches
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."badge" IN (500, 749, 750, 1099) ORDER BY "people"."id" ASC;

-- case: bulk_create_of_contacts
INSERT INTO "contacts" ("person_id", "kind", "mail", "phone", "comment") SELECT * FROM UNNEST(('{1,2,3,1}'::int2[])::bigint[], ('{x,x,x,x}')::varchar[], ('{NULL,1@example.org,2@example.org,3@example.org}')::text[], ('{1,1,1,1}')::varchar[], ('{c,c,c,c}')::text[]) RETURNING "contacts"."id";

-- case: bulk_create_of_contacts
SELECT "contacts"."mail" AS "mail", "contacts"."phone" AS "phone", "contacts"."comment" AS "comment" FROM "contacts" ORDER BY "contacts"."id" ASC;

-- case: bulk_create_ignore_conflicts
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('New 0', 'new0@example.org', NULL, '1970-01-01'::date, NULL, NULL, 500, NULL, NULL, '2024-05-05 12:00:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz), ('New 1', 'new1@example.org', '901-00-0000', '1970-01-02'::date, 250.25,  E'note ''1'' \\ %', 501, '99999999999949998999999999999999'::uuid, '{"i": 1}'::jsonb, '2024-05-05 12:01:00+00:00'::timestamptz, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz), ('dup', 'ada@example.org', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) ON CONFLICT DO NOTHING;

-- case: bulk_create_update_conflicts
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('Ada II', 'ada@example.org', NULL, NULL, 1.10, 'again', 801, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz), ('Ida', 'ida@example.org', NULL, NULL, NULL, NULL, 802, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) ON CONFLICT("email") DO UPDATE SET "name" = EXCLUDED."name", "notes" = EXCLUDED."notes", "salary" = EXCLUDED."salary", "badge" = EXCLUDED."badge" RETURNING "people"."id";

-- case: bulk_create_update_conflicts
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."name" ASC;

-- case: bulk_create_update_conflicts_by_a_plain_key
INSERT INTO "orders" ("person_id", "number", "status", "total", "placed", "card", "remark") SELECT * FROM UNNEST(('{2,2}'::int2[])::bigint[], ('{1001,3001}'::int4[])::integer[], ('{paid,paid}')::varchar[], ('{1,1}'::numeric[])::numeric[], ('{"2024-06-01 00:00:00+00:00","2024-06-01 00:00:00+00:00"}'::timestamptz[])::timestamp with time zone[], ('{"card 1001","card 3001"}')::varchar[], ('{NULL,NULL}')::text[]) ON CONFLICT("number") DO UPDATE SET "card" = EXCLUDED."card", "remark" = EXCLUDED."remark" RETURNING "orders"."id";

-- case: bulk_create_update_conflicts_by_a_plain_key
SELECT "orders"."number" AS "number", "orders"."card" AS "card", "orders"."remark" AS "remark" FROM "orders" ORDER BY 1 ASC;

-- case: bulk_update
UPDATE "people" SET "email" = (CASE WHEN ("people"."id" = 1) THEN 'bulk1@example.org' WHEN ("people"."id" = 2) THEN 'bulk2@example.org' WHEN ("people"."id" = 3) THEN 'bulk3@example.org' WHEN ("people"."id" = 4) THEN 'bulk4@example.org' WHEN ("people"."id" = 5) THEN 'bulk5@example.org' ELSE NULL END)::varchar(120), "birth" = (CASE WHEN ("people"."id" = 1) THEN '2000-01-01'::date WHEN ("people"."id" = 2) THEN NULL WHEN ("people"."id" = 3) THEN '2000-01-03'::date WHEN ("people"."id" = 4) THEN '2000-01-04'::date WHEN ("people"."id" = 5) THEN '2000-01-05'::date ELSE NULL END)::date, "salary" = (CASE WHEN ("people"."id" = 1) THEN 0.125 WHEN ("people"."id" = 2) THEN 0.25 WHEN ("people"."id" = 3) THEN 0.375 WHEN ("people"."id" = 4) THEN 0.5 WHEN ("people"."id" = 5) THEN 0.625 ELSE NULL END)::numeric(10, 2), "badge" = (CASE WHEN ("people"."id" = 1) THEN 901 WHEN ("people"."id" = 2) THEN 902 WHEN ("people"."id" = 3) THEN 903 WHEN ("people"."id" = 4) THEN 904 WHEN ("people"."id" = 5) THEN 905 ELSE NULL END)::integer, "meta" = (CASE WHEN ("people"."id" = 1) THEN '{"id": 1}'::jsonb WHEN ("people"."id" = 2) THEN '{"id": 2}'::jsonb WHEN ("people"."id" = 3) THEN '{"id": 3}'::jsonb WHEN ("people"."id" = 4) THEN '{"id": 4}'::jsonb WHEN ("people"."id" = 5) THEN '{"id": 5}'::jsonb ELSE NULL END)::jsonb, "seen" = (CASE WHEN ("people"."id" = 1) THEN '2024-01-01 00:00:00+00:00'::timestamptz WHEN ("people"."id" = 2) THEN '2024-01-02 00:00:00+00:00'::timestamptz WHEN ("people"."id" = 3) THEN '2024-01-03 00:00:00+00:00'::timestamptz WHEN ("people"."id" = 4) THEN '2024-01-04 00:00:00+00:00'::timestamptz WHEN ("people"."id" = 5) THEN '2024-01-05 00:00:00+00:00'::timestamptz ELSE NULL END)::timestamp with time zone, "token" = (CAST(CASE WHEN ("people"."id" = 1) THEN NULL WHEN ("people"."id" = 2) THEN NULL WHEN ("people"."id" = 3) THEN NULL WHEN ("people"."id" = 4) THEN '99999999999949998999999999999999'::uuid WHEN ("people"."id" = 5) THEN '99999999999949998999999999999999'::uuid ELSE NULL END AS uuid))::uuid, "ssn" = (CASE WHEN ("people"."id" = 1) THEN '100-00-0000' WHEN ("people"."id" = 2) THEN '200-00-0000' WHEN ("people"."id" = 3) THEN '300-00-0000' WHEN ("people"."id" = 4) THEN '400-00-0000' WHEN ("people"."id" = 5) THEN '500-00-0000' ELSE NULL END)::char(11), "city" = (CASE WHEN ("people"."id" = 1) THEN 'x' WHEN ("people"."id" = 2) THEN 'x' WHEN ("people"."id" = 3) THEN 'x' WHEN ("people"."id" = 4) THEN 'x' WHEN ("people"."id" = 5) THEN 'x' ELSE NULL END)::varchar(40) WHERE "people"."id" IN (1, 2, 3, 4, 5);

-- case: bulk_update_of_one_field_in_batches
UPDATE "people" SET "notes" = (CASE WHEN ("people"."id" = 1) THEN 'it''s 1' WHEN ("people"."id" = 2) THEN 'it''s 2' ELSE NULL END)::text WHERE "people"."id" IN (1, 2);

-- case: bulk_update_of_one_field_in_batches
UPDATE "people" SET "notes" = (CASE WHEN ("people"."id" = 3) THEN 'it''s 3' WHEN ("people"."id" = 4) THEN 'it''s 4' ELSE NULL END)::text WHERE "people"."id" IN (3, 4);

-- case: bulk_update_of_one_field_in_batches
UPDATE "people" SET "notes" = (CASE WHEN ("people"."id" = 5) THEN 'it''s 5' ELSE NULL END)::text WHERE "people"."id" IN (5);

-- case: bulk_update_to_null
UPDATE "people" SET "notes" = (CASE WHEN ("people"."id" = 1) THEN NULL WHEN ("people"."id" = 2) THEN NULL WHEN ("people"."id" = 3) THEN NULL WHEN ("people"."id" = 4) THEN NULL WHEN ("people"."id" = 5) THEN NULL ELSE NULL END)::text, "badge" = (CASE WHEN ("people"."id" = 1) THEN NULL WHEN ("people"."id" = 2) THEN NULL WHEN ("people"."id" = 3) THEN NULL WHEN ("people"."id" = 4) THEN NULL WHEN ("people"."id" = 5) THEN NULL ELSE NULL END)::integer WHERE "people"."id" IN (1, 2, 3, 4, 5);

-- case: bulk_update_with_values_that_do_not_fit
UPDATE "people" SET "ssn" = (CASE WHEN ("people"."id" = 1) THEN '123-45-678901' WHEN ("people"."id" = 2) THEN 'ab' WHEN ("people"."id" = 3) THEN 'x  ' WHEN ("people"."id" = 4) THEN '' WHEN ("people"."id" = 5) THEN 'ääääääääääää' ELSE NULL END)::char(11) WHERE "people"."id" IN (1, 2, 3, 4, 5);

-- case: bulk_update_with_values_that_do_not_fit
SELECT "people"."ssn" AS "ssn" FROM "people" ORDER BY "people"."id" ASC;

-- case: bulk_update_with_values_that_do_not_fit
SELECT COUNT(*) AS "__count" FROM "people" WHERE "people"."ssn" = 'ab';

-- case: bulk_update_with_values_that_do_not_fit
SELECT COUNT(*) AS "__count" FROM "people" WHERE "people"."ssn" = 'ab ';

-- case: bulk_update_with_values_that_do_not_fit
SELECT COUNT(*) AS "__count" FROM "people" WHERE "people"."ssn" = '123-45-6789';

-- case: update_or_create
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" = 'ben@example.org' LIMIT 21 FOR UPDATE;

-- case: update_or_create
UPDATE "people" SET "birth" = '1990-02-28'::date, "salary" = 3200, "notes" = 'known', "seen" = '2024-03-02 10:00:00+00:00'::timestamptz, "created" = '2024-01-02 09:00:00+00:00'::timestamptz WHERE "people"."id" = 2;

-- case: update_or_create
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" = 'new@example.org' LIMIT 21 FOR UPDATE;

-- case: update_or_create
SAVEPOINT "s1_x1";

-- case: update_or_create
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('Newer', 'new@example.org', NULL, NULL, NULL, NULL, 33, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: update_or_create
RELEASE SAVEPOINT "s1_x1";

-- case: get_or_create
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" = 'ben@example.org' LIMIT 21;

-- case: get_or_create
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE ("people"."email" = 'new@example.org' AND "people"."ssn" = '999-99-9999') LIMIT 21;

-- case: get_or_create
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('New', 'new@example.org', '999-99-9999', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: get_or_create
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE ("contacts"."person_id" = 2 AND "contacts"."mail" = 'ben@example.org' AND "contacts"."person_id" = 2) LIMIT 21;

-- case: update
UPDATE "people" SET "notes" = 'n', "birth" = NULL, "city" = 'Köln' WHERE "people"."email" = 'ada@example.org';

-- case: update
UPDATE "people" SET "salary" = 7, "meta" = '{"x": 1}'::jsonb, "seen" = '2024-06-06 00:00:00+00:00'::timestamptz WHERE "people"."ssn" = '123-45-6789';

-- case: update
UPDATE "people" SET "token" = '99999999999949998999999999999999'::uuid, "badge" = NULL WHERE "people"."badge" IN (102, 104);

-- case: update
UPDATE "contacts" SET "phone" = '9' WHERE "contacts"."id" IN (SELECT U0."id" FROM "contacts" U0 INNER JOIN "people" U1 ON (U0."person_id" = U1."id") WHERE U1."email" = 'ada@example.org');

-- case: update
SELECT "contacts"."phone" AS "phone" FROM "contacts" ORDER BY "contacts"."id" ASC;

-- case: update_an_expression_of_a_plain_column
UPDATE "orders" SET "total" = ("orders"."total" * 2), "remark" = 'doubled' WHERE "orders"."card" = '4111 1111 1111 1111';

-- case: update_an_expression_of_a_plain_column
SELECT "orders"."total" AS "total", "orders"."remark" AS "remark" FROM "orders" ORDER BY "orders"."id" ASC;

-- case: update_with_case
UPDATE "people" SET "notes" = CASE WHEN ("people"."id" = 1) THEN 'one' WHEN ("people"."email" = 'ben@example.org') THEN 'two' ELSE "people"."notes" END, "birth" = CASE WHEN ("people"."id" = 1) THEN '2000-01-01'::date ELSE NULL END;

-- case: update_from_a_sealed_column_of_the_same_domain
UPDATE "contacts" SET "mail" = (SELECT U0."email" AS "email" FROM "people" U0 WHERE U0."id" = ("contacts"."person_id") ORDER BY U0."id" ASC LIMIT 1) WHERE "contacts"."kind" = 'work';

-- case: update_with_now
UPDATE "people" SET "seen" = STATEMENT_TIMESTAMP() WHERE "people"."id" = 1;

-- case: update_with_arithmetic_on_a_sealed_column
UPDATE "people" SET "salary" = ("people"."salary" + 1) WHERE "people"."id" = 1;

-- case: update_coalesce
UPDATE "people" SET "notes" = COALESCE("people"."notes", 'none');

-- case: update_coalesce
SELECT "people"."notes" AS "notes" FROM "people" ORDER BY "people"."id" ASC;

-- case: select_for_update
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" = 'ada@example.org' LIMIT 21 FOR UPDATE;

-- case: select_for_update
UPDATE "people" SET "name" = 'Ada Ahlers', "email" = 'ada@example.org', "ssn" = '123-45-6789', "birth" = '1985-12-10'::date, "salary" = 4201.50, "notes" = 'allergic to nuts', "badge" = 101, "token" = '11111111111141118111111111111111'::uuid, "meta" = '{"blood": "A+", "visits": 3}'::jsonb, "seen" = '2024-03-01 10:00:00+00:00'::timestamptz, "city" = 'Bremen', "active" = true, "tags" = '{vip,news}'::text[], "created" = '2024-01-01 09:00:00+00:00'::timestamptz WHERE "people"."id" = 1;

-- case: select_for_update
SELECT "people"."ssn" AS "ssn" FROM "people" WHERE "people"."badge" = 102 ORDER BY "people"."id" ASC FOR UPDATE SKIP LOCKED;

-- case: select_for_update
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark", "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "orders" LEFT OUTER JOIN "people" ON ("orders"."person_id" = "people"."id") WHERE "orders"."card" = '4111 1111 1111 1111' ORDER BY "orders"."id" ASC FOR UPDATE OF "orders" NOWAIT;

-- case: select_for_update
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."id" = 3 ORDER BY "people"."id" ASC LIMIT 1 FOR NO KEY UPDATE;

-- case: savepoints
SAVEPOINT "s1_x2";

-- case: savepoints
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('maybe', 'ada@example.org', '555-55-5555', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: savepoints
ROLLBACK TO SAVEPOINT "s1_x2";

-- case: savepoints
RELEASE SAVEPOINT "s1_x2";

-- case: savepoints
SAVEPOINT "s1_x3";

-- case: savepoints
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('maybe', 'new@example.org', '555-55-5555', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: savepoints
RELEASE SAVEPOINT "s1_x3";

-- case: savepoints
SELECT COUNT(*) AS "__count" FROM "people" WHERE "people"."email" IN ('new@example.org', 'ada@example.org');

-- case: rolled_back
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('gone', 'gone@example.org', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: rolled_back
SELECT 1 AS "a" FROM "people" WHERE "people"."email" = 'gone@example.org' LIMIT 1;

-- case: rolled_back
ROLLBACK;

-- case: a_unique_violation
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ('dup', 'ada@example.org', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', true, '{}'::text[], '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING "people"."id";

-- case: a_value_too_long
INSERT INTO "contacts" ("person_id", "kind", "mail", "phone", "comment") VALUES (1, 'x', NULL, '1111111111111111111111111111111', NULL) RETURNING "contacts"."id";

-- case: a_foreign_key_violation
INSERT INTO "contacts" ("person_id", "kind", "mail", "phone", "comment") VALUES (99, 'x', 'm@example.org', NULL, NULL) RETURNING "contacts"."id";

-- case: many_to_many
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark" FROM "orders" WHERE "orders"."number" = 1004 LIMIT 21;

-- case: many_to_many
SELECT "products"."id", "products"."sku", "products"."label", "products"."price" FROM "products" WHERE "products"."sku" = 'A-1' LIMIT 21;

-- case: many_to_many
SELECT "order_lines"."product_id" AS "product" FROM "order_lines" WHERE ("order_lines"."order_id" = 4 AND "order_lines"."product_id" IN ('aaaaaaaa000040008000000000000001'::uuid)) ORDER BY "order_lines"."id" ASC;

-- case: many_to_many
INSERT INTO "order_lines" ("order_id", "product_id", "quantity") VALUES (4, 'aaaaaaaa000040008000000000000001'::uuid, 3) RETURNING "order_lines"."id";

-- case: many_to_many
UPDATE "order_lines" SET "quantity" = 1 WHERE "order_lines"."id" IN (SELECT U0."id" FROM "order_lines" U0 INNER JOIN "orders" U1 ON (U0."order_id" = U1."id") WHERE U1."card" = '5500 0000 0000 0004');

-- case: many_to_many
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark" FROM "orders" INNER JOIN "order_lines" ON ("orders"."id" = "order_lines"."order_id") WHERE "order_lines"."product_id" = 'aaaaaaaa000040008000000000000001'::uuid ORDER BY "orders"."id" ASC;

-- case: raw_cursor
INSERT INTO people (name, email, birth, salary, badge, token, seen, city, active, tags, created) VALUES ('T', 't@example.org', '2000-02-29'::date, 0.10, 1, '99999999999949998999999999999999'::uuid, '2024-06-01 01:02:03.456789+00:00'::timestamptz, '', true, '{}', '2024-06-01 00:00:00+00:00'::timestamptz) RETURNING id, email;

-- case: raw_cursor
UPDATE people SET notes = 'n', birth = NULL WHERE email = 't@example.org';

-- case: raw_cursor
UPDATE people SET notes = NULL, birth = '0001-01-01'::date WHERE email = 'ben@example.org';

-- case: search_then_write
SELECT 1 AS "a" FROM "people" WHERE ("people"."email" = 'free@example.org' AND NOT ("people"."id" = 2)) LIMIT 1;

-- case: search_then_write
UPDATE "people" SET "email" = 'free@example.org' WHERE "people"."id" = 2;

-- case: search_then_write
SELECT COUNT(*) AS "__count" FROM "people" WHERE (("people"."email" = 'ada@example.org' OR "people"."badge" = 104) AND NOT ("people"."id" = 2));

-- case: clean_unique
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."id" = 2 LIMIT 21;

-- case: clean_unique
SELECT 1 AS "a" FROM "people" WHERE ("people"."email" = 'ada@example.org' AND NOT ("people"."id" = 2)) LIMIT 1;

-- case: clean_unique
SELECT 1 AS "a" FROM "people" WHERE ("people"."badge" = 102 AND NOT ("people"."id" = 2)) LIMIT 1;

-- case: coalesced_insert
INSERT INTO "contacts" ("person_id", "kind", "mail", "phone", "comment") VALUES (1, 'x', COALESCE(NULL, 'c@example.org'), NULL, NULL) RETURNING "contacts"."id";

-- case: coalesced_insert
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" ORDER BY "contacts"."id" DESC LIMIT 1;

-- case: decimal_sum_written
UPDATE "people" SET "salary" = 5.5 WHERE "people"."id" = 1;

-- case: get
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" = 'nobody@example.org' LIMIT 21;

-- case: get
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."ssn" = '123-45-6789' LIMIT 21;

-- case: get
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."id" = 3 LIMIT 21;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."email" = 'ada@example.org' ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE NOT ("people"."email" = 'ada@example.org') ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE NOT ("people"."ssn" = '123-45-6789' AND "people"."ssn" IS NOT NULL) ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."ssn" = '123-45-6789' ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."badge" = 104 ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."token" = '44444444444444448444444444444444'::uuid ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."ssn" IS NULL ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."birth" IS NOT NULL ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE ("people"."badge" = 102 AND "people"."email" = 'ben@example.org') ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE ("people"."email" = 'ben@example.org' OR "people"."badge" = 101 OR "people"."city" = 'Ulm') ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE NOT ("people"."badge" IN (101, 102) AND "people"."badge" IS NOT NULL) ORDER BY 1 ASC;

-- case: in_lists
SELECT "people"."name" AS "name" FROM "people" WHERE "people"."email" IN ('ada@example.org', 'ben@example.org', 'nobody') ORDER BY "people"."id" ASC;

-- case: in_lists
SELECT "people"."name" AS "name" FROM "people" WHERE "people"."email" IN ('ada@example.org') ORDER BY "people"."id" ASC;

-- case: in_lists
SELECT "people"."name" AS "name" FROM "people" WHERE "people"."badge" IN (101, 105, 7) ORDER BY "people"."id" ASC;

-- case: in_lists
SELECT "people"."name" AS "name" FROM "people" WHERE "people"."token" IN ('11111111111141118111111111111111'::uuid) ORDER BY "people"."id" ASC;

-- case: in_lists
SELECT "people"."name" AS "name" FROM "people" WHERE "people"."id" IN (1, 2) ORDER BY "people"."id" ASC;

-- case: in_lists
SELECT "people"."name" AS "name" FROM "people" WHERE NOT ("people"."email" IN ('ada@example.org')) ORDER BY "people"."id" ASC;

-- case: in_lists
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."id" IN (1, 2) ORDER BY "people"."id" ASC;

-- case: in_lists
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" IN ('ben@example.org') ORDER BY "people"."id" ASC;

-- case: in_a_subquery
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."email" IN (SELECT U0."mail" AS "mail" FROM "contacts" U0 WHERE U0."kind" = 'home') ORDER BY 1 ASC;

-- case: in_a_subquery
SELECT "people"."email" AS "email" FROM "people" WHERE "people"."id" IN (SELECT U0."person_id" AS "person" FROM "orders" U0 WHERE U0."card" = '4111 1111 1111 1111') ORDER BY "people"."id" ASC;

-- case: across_relations
SELECT "people"."email" AS "email" FROM "people" INNER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") WHERE "contacts"."mail" = 'office@example.org' ORDER BY "people"."id" ASC;

-- case: across_relations
SELECT "people"."email" AS "email" FROM "people" WHERE NOT (EXISTS(SELECT 1 AS "a" FROM "contacts" U1 WHERE (U1."mail" = 'office@example.org' AND U1."person_id" = ("people"."id")) LIMIT 1)) ORDER BY "people"."id" ASC;

-- case: across_relations
SELECT "orders"."number" AS "number", "orders"."card" AS "card", "people"."email" AS "person__email" FROM "orders" INNER JOIN "people" ON ("orders"."person_id" = "people"."id") WHERE ("people"."ssn" = '123-45-6789' AND "orders"."status" = 'paid') ORDER BY "orders"."id" ASC;

-- case: across_relations
SELECT "contacts"."id" AS "id" FROM "contacts" INNER JOIN "people" ON ("contacts"."person_id" = "people"."id") WHERE "people"."email" = ("contacts"."mail") ORDER BY 1 ASC;

-- case: across_relations
SELECT "people"."email" AS "email" FROM "people" INNER JOIN "orders" ON ("people"."id" = "orders"."person_id") INNER JOIN "order_lines" ON ("orders"."id" = "order_lines"."order_id") INNER JOIN "products" ON ("order_lines"."product_id" = "products"."id") WHERE "products"."sku" = 'B-1' ORDER BY "people"."id" ASC;

-- case: across_relations
SELECT "people"."email" AS "email" FROM "people" LEFT OUTER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") WHERE "contacts"."id" IS NULL ORDER BY "people"."id" ASC;

-- case: across_relations
SELECT "people"."email" AS "email" FROM "people" INNER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") WHERE ("contacts"."phone" = '0421 2' AND NOT ("people"."email" = 'ada@example.org')) ORDER BY "people"."id" ASC;

-- case: exists
SELECT 1 AS "a" FROM "people" WHERE "people"."email" = 'ada@example.org' LIMIT 1;

-- case: exists
SELECT "people"."email" AS "email" FROM "people" WHERE EXISTS(SELECT 1 AS "a" FROM "contacts" U0 WHERE (U0."mail" = 'office@example.org' AND U0."person_id" = ("people"."id")) LIMIT 1) ORDER BY "people"."id" ASC;

-- case: exists
SELECT "people"."email" AS "email", EXISTS(SELECT 1 AS "a" FROM "contacts" U0 WHERE U0."mail" = ("people"."email") LIMIT 1) AS "has" FROM "people" ORDER BY "people"."id" ASC;

-- case: exists
SELECT 1 AS "a" FROM "people" WHERE ("people"."email" = 'ada@example.org' AND "people"."id" = 1) LIMIT 1;

-- case: counts
SELECT COUNT("people"."id") FILTER (WHERE "people"."email" = 'ada@example.org') AS "n", COUNT("people"."ssn") AS "ssn__count" FROM "people";

-- case: counts
SELECT COUNT(DISTINCT "people"."ssn") AS "ssn__count" FROM "people";

-- case: counts
SELECT COUNT(*) FROM (SELECT DISTINCT "people"."id" AS "col1", "people"."name" AS "col2", "people"."email" AS "col3", "people"."ssn" AS "col4", "people"."birth" AS "col5", "people"."salary" AS "col6", "people"."notes" AS "col7", "people"."badge" AS "col8", "people"."token" AS "col9", "people"."meta" AS "col10", "people"."seen" AS "col11", "people"."city" AS "col12", "people"."active" AS "col13", "people"."tags" AS "col14", "people"."created" AS "col15" FROM "people" WHERE NOT ("people"."email" = 'ada@example.org')) subquery;

-- case: distinct
SELECT DISTINCT "contacts"."mail" AS "mail" FROM "contacts";

-- case: distinct
SELECT DISTINCT "contacts"."phone" AS "phone", "contacts"."kind" AS "kind" FROM "contacts";

-- case: distinct
SELECT DISTINCT "people"."id" AS "id" FROM "people" INNER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") WHERE "contacts"."kind" = 'home' ORDER BY 1 ASC LIMIT 2;

-- case: distinct_objects
SELECT DISTINCT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" INNER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") WHERE "contacts"."mail" IN ('ada@example.org', 'office@example.org') ORDER BY "people"."id" ASC;

-- case: distinct_on
SELECT DISTINCT ON ("contacts"."person_id") "contacts"."mail" AS "mail", "contacts"."kind" AS "kind" FROM "contacts" ORDER BY "contacts"."person_id" ASC, "contacts"."id" ASC;

-- case: values_and_dates
SELECT "people"."id" AS "id", "people"."email" AS "email", "people"."birth" AS "birth", "contacts"."mail" AS "contacts__mail" FROM "people" LEFT OUTER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") ORDER BY 1 ASC;

-- case: values_and_dates
SELECT "people"."salary" AS "salary", "people"."meta" AS "meta", "people"."seen" AS "seen", "people"."token" AS "token" FROM "people" ORDER BY "people"."id" ASC;

-- case: group_by_a_plain_column
SELECT "people"."city" AS "city", COUNT("people"."id") AS "n", COUNT("people"."ssn") AS "with_ssn" FROM "people" GROUP BY 1 ORDER BY 1 ASC;

-- case: group_by_a_sealed_column
SELECT "contacts"."mail" AS "mail", COUNT("contacts"."id") AS "n" FROM "contacts" GROUP BY 1;

-- case: group_by_a_sealed_column
SELECT "orders"."card" AS "card", SUM("orders"."total") AS "total__sum" FROM "orders" GROUP BY 1 HAVING SUM("orders"."total") > 1;

-- case: group_by_a_sealed_column
SELECT "contacts"."mail" AS "mail", COUNT("contacts"."id") AS "n" FROM "contacts" GROUP BY 1 HAVING COUNT("contacts"."id") > 1;

-- case: annotate_objects
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created", COUNT("orders"."id") AS "n", SUM("orders"."total") AS "spent" FROM "people" LEFT OUTER JOIN "orders" ON ("people"."id" = "orders"."person_id") GROUP BY "people"."id" ORDER BY "people"."id" ASC;

-- case: annotate_with_related_objects
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark", COUNT("order_lines"."id") AS "n", "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "orders" LEFT OUTER JOIN "order_lines" ON ("orders"."id" = "order_lines"."order_id") LEFT OUTER JOIN "people" ON ("orders"."person_id" = "people"."id") GROUP BY "orders"."id", "people"."id" ORDER BY "orders"."id" ASC;

-- case: annotations
SELECT "people"."id" AS "id", CASE WHEN "people"."email" = 'ada@example.org' THEN true ELSE false END AS "is_ada" FROM "people" ORDER BY 1 ASC;

-- case: annotations
SELECT "people"."id" AS "id", "people"."badge" = 101 AS "q" FROM "people" ORDER BY 1 ASC;

-- case: annotations
SELECT "people"."email" AS "email", (SELECT U0."number" AS "number" FROM "orders" U0 WHERE U0."person_id" = ("people"."id") ORDER BY U0."id" DESC LIMIT 1) AS "last" FROM "people" ORDER BY "people"."id" ASC;

-- case: annotations
SELECT "people"."email" AS "shown" FROM "people" ORDER BY "people"."id" ASC;

-- case: annotations
SELECT "people"."email" AS "email", at."phone" AS "at__phone" FROM "people" LEFT OUTER JOIN "contacts" at ON ("people"."id" = at."person_id" AND (at."mail" = 'office@example.org')) ORDER BY "people"."id" ASC;

-- case: a_subquery_of_a_sealed_column
SELECT "people"."id" AS "id", (SELECT U0."card" AS "card" FROM "orders" U0 WHERE U0."person_id" = ("people"."id") ORDER BY U0."id" DESC LIMIT 1) AS "card" FROM "people" ORDER BY 1 ASC;

-- case: coalesce_and_case_in_results
SELECT COALESCE("people"."notes", 'none') AS "shown" FROM "people" ORDER BY "people"."id" ASC;

-- case: coalesce_and_case_in_results
SELECT CASE WHEN "people"."active" THEN "people"."email" ELSE NULL END AS "shown" FROM "people" ORDER BY "people"."id" ASC;

-- case: windows
SELECT "orders"."number" AS "number", "orders"."card" AS "card", ROW_NUMBER() OVER (PARTITION BY "orders"."person_id" ORDER BY "orders"."placed") AS "place", LAG("orders"."remark", 1) OVER (ORDER BY "orders"."number") AS "before", FIRST_VALUE("orders"."card") OVER (PARTITION BY "orders"."person_id" ORDER BY "orders"."number") AS "first" FROM "orders" ORDER BY "orders"."id" ASC;

-- case: pages
SELECT COUNT(*) AS "__count" FROM "people";

-- case: pages
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."id" ASC LIMIT 2;

-- case: pages
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."id" ASC LIMIT 2 OFFSET 2;

-- case: pages
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."id" ASC LIMIT 1 OFFSET 4;

-- case: pages
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."id" ASC LIMIT 1;

-- case: pages
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."id" DESC LIMIT 1;

-- case: slices
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."created" DESC LIMIT 1 OFFSET 1;

-- case: slices
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."created" DESC LIMIT 2 OFFSET 2;

-- case: slices
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."badge" = 101 ORDER BY "people"."id" ASC LIMIT 1;

-- case: slices
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."created" DESC LIMIT 1;

-- case: select_related
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark", "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "orders" LEFT OUTER JOIN "people" ON ("orders"."person_id" = "people"."id") ORDER BY "orders"."id" ASC;

-- case: select_related
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment", "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "contacts" INNER JOIN "people" ON ("contacts"."person_id" = "people"."id") WHERE "contacts"."mail" = 'office@example.org' ORDER BY "contacts"."id" ASC;

-- case: select_related
SELECT "order_lines"."id", "order_lines"."order_id", "order_lines"."product_id", "order_lines"."quantity", "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark", "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created", "products"."id", "products"."sku", "products"."label", "products"."price" FROM "order_lines" INNER JOIN "orders" ON ("order_lines"."order_id" = "orders"."id") LEFT OUTER JOIN "people" ON ("orders"."person_id" = "people"."id") INNER JOIN "products" ON ("order_lines"."product_id" = "products"."id") ORDER BY "order_lines"."id" ASC;

-- case: prefetch_related
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE "contacts"."person_id" IN (1, 2, 3, 4, 5) ORDER BY "contacts"."id" ASC;

-- case: prefetch_related
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark" FROM "orders" WHERE "orders"."person_id" IN (1, 2, 3, 4, 5) ORDER BY "orders"."id" ASC;

-- case: prefetch_related
SELECT "order_lines"."id", "order_lines"."order_id", "order_lines"."product_id", "order_lines"."quantity" FROM "order_lines" WHERE "order_lines"."order_id" IN (1, 2, 3, 4) ORDER BY "order_lines"."id" ASC;

-- case: prefetch_related
SELECT "products"."id", "products"."sku", "products"."label", "products"."price" FROM "products" WHERE ("products"."id") IN (('aaaaaaaa000040008000000000000001'::uuid), ('aaaaaaaa000040008000000000000003'::uuid), ('aaaaaaaa000040008000000000000002'::uuid));

-- case: prefetch_related
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" IN ('ada@example.org', 'cem@example.org') ORDER BY "people"."id" ASC;

-- case: prefetch_related
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE ("contacts"."mail" = 'office@example.org' AND "contacts"."person_id" IN (1, 3)) ORDER BY "contacts"."id" ASC;

-- case: prefetch_related
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark" FROM "orders" ORDER BY "orders"."id" ASC;

-- case: prefetch_related
SELECT ("order_lines"."order_id") AS "_prefetch_related_val_order_id", "products"."id", "products"."sku", "products"."label", "products"."price" FROM "products" INNER JOIN "order_lines" ON ("products"."id" = "order_lines"."product_id") WHERE "order_lines"."order_id" IN (1, 2, 3, 4, 5);

-- case: lazily
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark" FROM "orders" WHERE "orders"."number" = 1003 LIMIT 21;

-- case: lazily
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE "contacts"."person_id" = 1 ORDER BY "contacts"."id" ASC;

-- case: lazily
SELECT COUNT(*) AS "__count" FROM "orders" WHERE ("orders"."person_id" = 1 AND "orders"."card" = '4111 1111 1111 1111');

-- case: only_and_defer
SELECT "people"."id", "people"."email" FROM "people" ORDER BY "people"."id" ASC;

-- case: only_and_defer
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."badge", "people"."token", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."id" ASC;

-- case: only_and_defer
SELECT "people"."id", "people"."email" FROM "people" WHERE "people"."id" = 1 LIMIT 21;

-- case: only_and_defer
SELECT "people"."id", "people"."birth" FROM "people" WHERE "people"."id" = 1 LIMIT 21;

-- case: iterator
DECLARE "_django_curs_1_sync_1" NO SCROLL CURSOR WITH HOLD FOR SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."id" ASC;

-- case: iterator
FETCH FORWARD 2 FROM "_django_curs_1_sync_1";

-- case: iterator
CLOSE "_django_curs_1_sync_1";

-- case: iterator
DECLARE "_django_curs_1_sync_2" NO SCROLL CURSOR WITH HOLD FOR SELECT "contacts"."mail" AS "mail" FROM "contacts" ORDER BY "contacts"."id" ASC;

-- case: iterator
FETCH FORWARD 3 FROM "_django_curs_1_sync_2";

-- case: iterator
CLOSE "_django_curs_1_sync_2";

-- case: iterator_in_a_transaction
DECLARE "_django_curs_1_sync_3" NO SCROLL CURSOR FOR SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" IN ('ada@example.org', 'cem@example.org') ORDER BY "people"."id" ASC;

-- case: iterator_in_a_transaction
FETCH FORWARD 1 FROM "_django_curs_1_sync_3";

-- case: iterator_in_a_transaction
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE "contacts"."person_id" IN (1) ORDER BY "contacts"."id" ASC;

-- case: iterator_in_a_transaction
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE "contacts"."person_id" IN (3) ORDER BY "contacts"."id" ASC;

-- case: iterator_in_a_transaction
CLOSE "_django_curs_1_sync_3";

-- case: unions
(SELECT "people"."email" AS "email" FROM "people") UNION ALL (SELECT "contacts"."mail" AS "mail" FROM "contacts");

-- case: union_all_of_objects
(SELECT "people"."id" AS "col1", "people"."name" AS "col2", "people"."email" AS "col3", "people"."ssn" AS "col4", "people"."birth" AS "col5", "people"."salary" AS "col6", "people"."notes" AS "col7", "people"."badge" AS "col8", "people"."token" AS "col9", "people"."meta" AS "col10", "people"."seen" AS "col11", "people"."city" AS "col12", "people"."active" AS "col13", "people"."tags" AS "col14", "people"."created" AS "col15" FROM "people" WHERE "people"."city" = 'Kiel') UNION ALL (SELECT "people"."id" AS "col1", "people"."name" AS "col2", "people"."email" AS "col3", "people"."ssn" AS "col4", "people"."birth" AS "col5", "people"."salary" AS "col6", "people"."notes" AS "col7", "people"."badge" AS "col8", "people"."token" AS "col9", "people"."meta" AS "col10", "people"."seen" AS "col11", "people"."city" AS "col12", "people"."active" AS "col13", "people"."tags" AS "col14", "people"."created" AS "col15" FROM "people" WHERE "people"."email" = 'ada@example.org');

-- case: union_of_objects
(SELECT "people"."id" AS "col1", "people"."name" AS "col2", "people"."email" AS "col3", "people"."ssn" AS "col4", "people"."birth" AS "col5", "people"."salary" AS "col6", "people"."notes" AS "col7", "people"."badge" AS "col8", "people"."token" AS "col9", "people"."meta" AS "col10", "people"."seen" AS "col11", "people"."city" AS "col12", "people"."active" AS "col13", "people"."tags" AS "col14", "people"."created" AS "col15" FROM "people" WHERE "people"."city" = 'Kiel') UNION (SELECT "people"."id" AS "col1", "people"."name" AS "col2", "people"."email" AS "col3", "people"."ssn" AS "col4", "people"."birth" AS "col5", "people"."salary" AS "col6", "people"."notes" AS "col7", "people"."badge" AS "col8", "people"."token" AS "col9", "people"."meta" AS "col10", "people"."seen" AS "col11", "people"."city" AS "col12", "people"."active" AS "col13", "people"."tags" AS "col14", "people"."created" AS "col15" FROM "people" WHERE "people"."email" = 'ada@example.org');

-- case: intersection_of_values
(SELECT "people"."email" AS "email" FROM "people") INTERSECT (SELECT "contacts"."mail" AS "mail" FROM "contacts");

-- case: union_of_ids
(SELECT "people"."id" AS "id" FROM "people" WHERE "people"."email" = 'ada@example.org') UNION (SELECT "contacts"."person_id" AS "person_id" FROM "contacts" WHERE "contacts"."mail" = 'office@example.org');

-- case: raw
SELECT * FROM people WHERE email = 'ada@example.org';

-- case: raw
SELECT id, email FROM people WHERE badge = ANY('{101,104}'::int2[]) ORDER BY id;

-- case: raw
SELECT id, email FROM people WHERE ssn IN ('123-45-6789', 'x') ORDER BY id;

-- case: explain
EXPLAIN SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."city" = 'Kiel' ORDER BY "people"."id" ASC;

-- case: json_of_a_plain_column
SELECT "people"."email" AS "email" FROM "people" WHERE "people"."tags" @> (ARRAY['vip'])::text[] ORDER BY "people"."id" ASC;

-- case: json_of_a_plain_column
SELECT "people"."email" AS "email" FROM "people" WHERE "people"."tags" && (ARRAY['news'])::text[] ORDER BY "people"."id" ASC;

-- case: admin_list
SELECT COUNT(*) AS "__count" FROM "people" WHERE ("people"."active" AND "people"."city" = 'Bremen');

-- case: admin_list
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE ("people"."active" AND "people"."city" = 'Bremen') ORDER BY "people"."id" DESC LIMIT 100;

-- case: admin_list
SELECT COUNT("people"."id") FILTER (WHERE "people"."city" = 'Kiel') AS "a", COUNT("people"."id") FILTER (WHERE "people"."email" = 'ada@example.org') AS "b" FROM "people";

-- case: plain_tables
SELECT "products"."sku" AS "sku", SUM("order_lines"."quantity") AS "n" FROM "products" LEFT OUTER JOIN "order_lines" ON ("products"."id" = "order_lines"."product_id") GROUP BY "products"."id" ORDER BY 1 ASC;

-- case: plain_tables
SELECT MAX("order_lines"."quantity") AS "quantity__max", MIN("order_lines"."quantity") AS "quantity__min" FROM "order_lines";

-- case: ordered_by_a_sealed_column
SELECT "people"."id" AS "id" FROM "people" ORDER BY "people"."email" ASC;

-- case: iexact_of_a_sealed_column
SELECT "people"."id" AS "id" FROM "people" WHERE UPPER("people"."email"::text) = UPPER('ADA@example.org') ORDER BY 1 ASC;

-- case: contains_in_a_sealed_column
SELECT "people"."id" AS "id" FROM "people" WHERE UPPER("people"."notes"::text) LIKE UPPER('%nuts%') ORDER BY 1 ASC;

-- case: range_of_a_sealed_column
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."birth" BETWEEN '1990-01-01'::date AND '1990-12-31'::date ORDER BY 1 ASC;

-- case: sum_of_a_sealed_column
SELECT SUM("people"."salary") AS "salary__sum" FROM "people";

-- case: randomized_compared
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."salary" = 4200.50 ORDER BY 1 ASC;

-- case: functions_of_a_sealed_column
SELECT LOWER("people"."email") AS "l", LENGTH("people"."email") AS "n" FROM "people" ORDER BY "people"."id" ASC;

-- case: json_path_in_a_sealed_column
SELECT "people"."id" AS "id" FROM "people" WHERE ("people"."meta" -> 'blood') = '"A+"'::jsonb ORDER BY 1 ASC;
