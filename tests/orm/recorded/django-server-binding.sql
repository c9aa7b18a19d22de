-- What Django 5 over psycopg 3, server_side_binding sends in tests/orm, recorded by `make record-orms`.

-- case: connect
-- types: unknown
SELECT oid, typarray FROM pg_type WHERE typname = $1;

-- case: save
-- types: unknown, unknown, unknown, date, numeric, unknown, int4, uuid, jsonb, timestamptz, unknown, bool, unknown, timestamptz
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text[], $14) RETURNING "people"."id";

-- case: save
-- types: int2
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."id" = $1 LIMIT 21;

-- case: create
-- types: unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, bool, unknown, timestamptz
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text[], $14) RETURNING "people"."id";

-- case: create
-- types: int2, unknown, unknown, unknown, unknown
INSERT INTO "contacts" ("person_id", "kind", "mail", "phone", "comment") VALUES ($1, $2, $3, $4, $5) RETURNING "contacts"."id";

-- case: save_again
-- types: unknown
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" = $1 LIMIT 21;

-- case: save_again
-- types: unknown, unknown, unknown, date, unknown, int4, uuid, jsonb, timestamptz, unknown, bool, unknown, timestamptz, int2
UPDATE "people" SET "name" = $1, "email" = $2, "ssn" = $3, "birth" = $4, "salary" = NULL, "notes" = $5, "badge" = $6, "token" = $7, "meta" = $8, "seen" = $9, "city" = $10, "active" = $11, "tags" = $12::text[], "created" = $13 WHERE "people"."id" = $14;

-- case: save_again
-- types: date, int2
UPDATE "people" SET "birth" = $1 WHERE "people"."id" = $2;

-- case: save_with_a_primary_key
-- types: unknown, unknown, unknown, bool, unknown, timestamptz, int2
UPDATE "people" SET "name" = $1, "email" = $2, "ssn" = NULL, "birth" = NULL, "salary" = NULL, "notes" = NULL, "badge" = NULL, "token" = NULL, "meta" = NULL, "seen" = NULL, "city" = $3, "active" = $4, "tags" = $5::text[], "created" = $6 WHERE "people"."id" = $7;

-- case: save_with_a_primary_key
-- types: int2, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, bool, unknown, timestamptz
INSERT INTO "people" ("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::text[], $15) RETURNING "people"."id";

-- case: save_with_a_primary_key
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."id" ASC;

-- case: delete
BEGIN;

-- case: delete
-- types: int2
DELETE FROM "contacts" WHERE "contacts"."person_id" IN ($1);

-- case: delete
-- types: int2
UPDATE "orders" SET "person_id" = NULL WHERE "orders"."person_id" IN ($1);

-- case: delete
-- types: int2
DELETE FROM "people" WHERE "people"."id" IN ($1);

-- case: delete
COMMIT;

-- case: delete_where
-- types: unknown
DELETE FROM "contacts" WHERE "contacts"."mail" = $1;

-- case: delete_where
-- types: unknown
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."ssn" = $1;

-- case: delete_where
-- types: int2, int2
DELETE FROM "contacts" WHERE "contacts"."person_id" IN ($1, $2);

-- case: delete_where
-- types: int2, int2
UPDATE "orders" SET "person_id" = NULL WHERE "orders"."person_id" IN ($1, $2);

-- case: delete_where
-- types: int2, int2
DELETE FROM "people" WHERE "people"."id" IN ($1, $2);

-- case: bulk_create
-- types: unknown, unknown, unknown, date, unknown, unknown, int4, unknown, unknown, timestamptz, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int4, uuid, jsonb, timestamptz, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int4, unknown, jsonb, timestamptz, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int4, uuid, jsonb, timestamptz, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, unknown, unknown, int4, unknown, jsonb, timestamptz, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int4, uuid, unknown, timestamptz, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int4, unknown, jsonb, timestamptz, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int4, uuid, jsonb, timestamptz, unknown, bool, unknown, timestamptz
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text[], $14), ($15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27::text[], $28), ($29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41::text[], $42), ($43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55::text[], $56), ($57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68, $69::text[], $70), ($71, $72, $73, $74, $75, $76, $77, $78, $79, $80, $81, $82, $83::text[], $84), ($85, $86, $87, $88, $89, $90, $91, $92, $93, $94, $95, $96, $97::text[], $98), ($99, $100, $101, $102, $103, $104, $105, $106, $107, $108, $109, $110, $111::text[], $112) RETURNING "people"."id";

-- case: bulk_create_one
-- types: unknown, unknown, unknown, date, unknown, unknown, int4, unknown, unknown, timestamptz, unknown, bool, unknown, timestamptz
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text[], $14) RETURNING "people"."id";

-- case: bulk_create_in_batches
-- types: int4, int4, int4, int4
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."badge" IN ($1, $2, $3, $4) ORDER BY "people"."id" ASC;

-- case: bulk_create_of_contacts
-- types: int2[], unknown, unknown, unknown, unknown
INSERT INTO "contacts" ("person_id", "kind", "mail", "phone", "comment") SELECT * FROM UNNEST(($1)::bigint[], ($2)::varchar[], ($3)::text[], ($4)::varchar[], ($5)::text[]) RETURNING "contacts"."id";

-- case: bulk_create_of_contacts
SELECT "contacts"."mail" AS "mail", "contacts"."phone" AS "phone", "contacts"."comment" AS "comment" FROM "contacts" ORDER BY "contacts"."id" ASC;

-- case: bulk_create_ignore_conflicts
-- types: unknown, unknown, unknown, date, unknown, unknown, int4, unknown, unknown, timestamptz, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int4, uuid, jsonb, timestamptz, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, bool, unknown, timestamptz
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text[], $14), ($15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27::text[], $28), ($29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41::text[], $42) ON CONFLICT DO NOTHING;

-- case: bulk_create_update_conflicts
-- types: unknown, unknown, unknown, unknown, numeric, unknown, int4, unknown, unknown, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, unknown, unknown, unknown, int4, unknown, unknown, unknown, unknown, bool, unknown, timestamptz
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text[], $14), ($15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27::text[], $28) ON CONFLICT("email") DO UPDATE SET "name" = EXCLUDED."name", "notes" = EXCLUDED."notes", "salary" = EXCLUDED."salary", "badge" = EXCLUDED."badge" RETURNING "people"."id";

-- case: bulk_create_update_conflicts
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."name" ASC;

-- case: bulk_create_update_conflicts_by_a_plain_key
-- types: int2[], int4[], unknown, numeric[], 1185, unknown, unknown
INSERT INTO "orders" ("person_id", "number", "status", "total", "placed", "card", "remark") SELECT * FROM UNNEST(($1)::bigint[], ($2)::integer[], ($3)::varchar[], ($4)::numeric[], ($5)::timestamp with time zone[], ($6)::varchar[], ($7)::text[]) ON CONFLICT("number") DO UPDATE SET "card" = EXCLUDED."card", "remark" = EXCLUDED."remark" RETURNING "orders"."id";

-- case: bulk_create_update_conflicts_by_a_plain_key
SELECT "orders"."number" AS "number", "orders"."card" AS "card", "orders"."remark" AS "remark" FROM "orders" ORDER BY 1 ASC;

-- case: bulk_update
-- types: int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, date, int2, int2, date, int2, date, int2, date, int2, numeric, int2, numeric, int2, numeric, int2, numeric, int2, numeric, int2, int4, int2, int4, int2, int4, int2, int4, int2, int4, int2, jsonb, int2, jsonb, int2, jsonb, int2, jsonb, int2, jsonb, int2, timestamptz, int2, timestamptz, int2, timestamptz, int2, timestamptz, int2, timestamptz, int2, int2, int2, int2, uuid, int2, uuid, int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, int2, int2, int2, int2
UPDATE "people" SET "email" = (CASE WHEN ("people"."id" = $1) THEN $2 WHEN ("people"."id" = $3) THEN $4 WHEN ("people"."id" = $5) THEN $6 WHEN ("people"."id" = $7) THEN $8 WHEN ("people"."id" = $9) THEN $10 ELSE NULL END)::varchar(120), "birth" = (CASE WHEN ("people"."id" = $11) THEN $12 WHEN ("people"."id" = $13) THEN NULL WHEN ("people"."id" = $14) THEN $15 WHEN ("people"."id" = $16) THEN $17 WHEN ("people"."id" = $18) THEN $19 ELSE NULL END)::date, "salary" = (CASE WHEN ("people"."id" = $20) THEN $21 WHEN ("people"."id" = $22) THEN $23 WHEN ("people"."id" = $24) THEN $25 WHEN ("people"."id" = $26) THEN $27 WHEN ("people"."id" = $28) THEN $29 ELSE NULL END)::numeric(10, 2), "badge" = (CASE WHEN ("people"."id" = $30) THEN $31 WHEN ("people"."id" = $32) THEN $33 WHEN ("people"."id" = $34) THEN $35 WHEN ("people"."id" = $36) THEN $37 WHEN ("people"."id" = $38) THEN $39 ELSE NULL END)::integer, "meta" = (CASE WHEN ("people"."id" = $40) THEN $41 WHEN ("people"."id" = $42) THEN $43 WHEN ("people"."id" = $44) THEN $45 WHEN ("people"."id" = $46) THEN $47 WHEN ("people"."id" = $48) THEN $49 ELSE NULL END)::jsonb, "seen" = (CASE WHEN ("people"."id" = $50) THEN $51 WHEN ("people"."id" = $52) THEN $53 WHEN ("people"."id" = $54) THEN $55 WHEN ("people"."id" = $56) THEN $57 WHEN ("people"."id" = $58) THEN $59 ELSE NULL END)::timestamp with time zone, "token" = (CAST(CASE WHEN ("people"."id" = $60) THEN NULL WHEN ("people"."id" = $61) THEN NULL WHEN ("people"."id" = $62) THEN NULL WHEN ("people"."id" = $63) THEN $64 WHEN ("people"."id" = $65) THEN $66 ELSE NULL END AS uuid))::uuid, "ssn" = (CASE WHEN ("people"."id" = $67) THEN $68 WHEN ("people"."id" = $69) THEN $70 WHEN ("people"."id" = $71) THEN $72 WHEN ("people"."id" = $73) THEN $74 WHEN ("people"."id" = $75) THEN $76 ELSE NULL END)::char(11), "city" = (CASE WHEN ("people"."id" = $77) THEN $78 WHEN ("people"."id" = $79) THEN $80 WHEN ("people"."id" = $81) THEN $82 WHEN ("people"."id" = $83) THEN $84 WHEN ("people"."id" = $85) THEN $86 ELSE NULL END)::varchar(40) WHERE "people"."id" IN ($87, $88, $89, $90, $91);

-- case: bulk_update_of_one_field_in_batches
-- types: int2, unknown, int2, unknown, int2, int2
UPDATE "people" SET "notes" = (CASE WHEN ("people"."id" = $1) THEN $2 WHEN ("people"."id" = $3) THEN $4 ELSE NULL END)::text WHERE "people"."id" IN ($5, $6);

-- case: bulk_update_of_one_field_in_batches
-- types: int2, unknown, int2
UPDATE "people" SET "notes" = (CASE WHEN ("people"."id" = $1) THEN $2 ELSE NULL END)::text WHERE "people"."id" IN ($3);

-- case: bulk_update_to_null
-- types: int2, int2, int2, int2, int2, int2, int2, int2, int2, int2, int2, int2, int2, int2, int2
UPDATE "people" SET "notes" = (CASE WHEN ("people"."id" = $1) THEN NULL WHEN ("people"."id" = $2) THEN NULL WHEN ("people"."id" = $3) THEN NULL WHEN ("people"."id" = $4) THEN NULL WHEN ("people"."id" = $5) THEN NULL ELSE NULL END)::text, "badge" = (CASE WHEN ("people"."id" = $6) THEN NULL WHEN ("people"."id" = $7) THEN NULL WHEN ("people"."id" = $8) THEN NULL WHEN ("people"."id" = $9) THEN NULL WHEN ("people"."id" = $10) THEN NULL ELSE NULL END)::integer WHERE "people"."id" IN ($11, $12, $13, $14, $15);

-- case: bulk_update_with_values_that_do_not_fit
-- types: int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, unknown, int2, int2, int2, int2, int2
UPDATE "people" SET "ssn" = (CASE WHEN ("people"."id" = $1) THEN $2 WHEN ("people"."id" = $3) THEN $4 WHEN ("people"."id" = $5) THEN $6 WHEN ("people"."id" = $7) THEN $8 WHEN ("people"."id" = $9) THEN $10 ELSE NULL END)::char(11) WHERE "people"."id" IN ($11, $12, $13, $14, $15);

-- case: bulk_update_with_values_that_do_not_fit
SELECT "people"."ssn" AS "ssn" FROM "people" ORDER BY "people"."id" ASC;

-- case: bulk_update_with_values_that_do_not_fit
-- types: unknown
SELECT COUNT(*) AS "__count" FROM "people" WHERE "people"."ssn" = $1;

-- case: update_or_create
-- types: unknown
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" = $1 LIMIT 21 FOR UPDATE;

-- case: update_or_create
-- types: date, numeric, unknown, timestamptz, timestamptz, int2
UPDATE "people" SET "birth" = $1, "salary" = $2, "notes" = $3, "seen" = $4, "created" = $5 WHERE "people"."id" = $6;

-- case: update_or_create
SAVEPOINT "s1_x1";

-- case: update_or_create
-- types: unknown, unknown, unknown, unknown, unknown, unknown, int4, unknown, unknown, unknown, unknown, bool, unknown, timestamptz
INSERT INTO "people" ("name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text[], $14) RETURNING "people"."id";

-- case: update_or_create
RELEASE SAVEPOINT "s1_x1";

-- case: get_or_create
-- types: unknown, unknown
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE ("people"."email" = $1 AND "people"."ssn" = $2) LIMIT 21;

-- case: get_or_create
-- types: int2, unknown, int2
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE ("contacts"."person_id" = $1 AND "contacts"."mail" = $2 AND "contacts"."person_id" = $3) LIMIT 21;

-- case: update
-- types: unknown, unknown, unknown
UPDATE "people" SET "notes" = $1, "birth" = NULL, "city" = $2 WHERE "people"."email" = $3;

-- case: update
-- types: numeric, jsonb, timestamptz, unknown
UPDATE "people" SET "salary" = $1, "meta" = $2, "seen" = $3 WHERE "people"."ssn" = $4;

-- case: update
-- types: uuid, int4, int4
UPDATE "people" SET "token" = $1, "badge" = NULL WHERE "people"."badge" IN ($2, $3);

-- case: update
-- types: unknown, unknown
UPDATE "contacts" SET "phone" = $1 WHERE "contacts"."id" IN (SELECT U0."id" FROM "contacts" U0 INNER JOIN "people" U1 ON (U0."person_id" = U1."id") WHERE U1."email" = $2);

-- case: update
SELECT "contacts"."phone" AS "phone" FROM "contacts" ORDER BY "contacts"."id" ASC;

-- case: update_an_expression_of_a_plain_column
-- types: int4, unknown, unknown
UPDATE "orders" SET "total" = ("orders"."total" * $1), "remark" = $2 WHERE "orders"."card" = $3;

-- case: update_an_expression_of_a_plain_column
SELECT "orders"."total" AS "total", "orders"."remark" AS "remark" FROM "orders" ORDER BY "orders"."id" ASC;

-- case: update_with_case
-- types: int2, unknown, unknown, unknown, int2, date
UPDATE "people" SET "notes" = CASE WHEN ("people"."id" = $1) THEN $2 WHEN ("people"."email" = $3) THEN $4 ELSE "people"."notes" END, "birth" = CASE WHEN ("people"."id" = $5) THEN $6 ELSE NULL END;

-- case: update_from_a_sealed_column_of_the_same_domain
-- types: unknown
UPDATE "contacts" SET "mail" = (SELECT U0."email" AS "email" FROM "people" U0 WHERE U0."id" = ("contacts"."person_id") ORDER BY U0."id" ASC LIMIT 1) WHERE "contacts"."kind" = $1;

-- case: update_with_now
-- types: int2
UPDATE "people" SET "seen" = STATEMENT_TIMESTAMP() WHERE "people"."id" = $1;

-- case: update_with_arithmetic_on_a_sealed_column
-- types: int4, int2
UPDATE "people" SET "salary" = ("people"."salary" + $1) WHERE "people"."id" = $2;

-- case: update_coalesce
-- types: unknown
UPDATE "people" SET "notes" = COALESCE("people"."notes", $1);

-- case: update_coalesce
SELECT "people"."notes" AS "notes" FROM "people" ORDER BY "people"."id" ASC;

-- case: select_for_update
-- types: unknown, unknown, unknown, date, numeric, unknown, int4, uuid, jsonb, timestamptz, unknown, bool, unknown, timestamptz, int2
UPDATE "people" SET "name" = $1, "email" = $2, "ssn" = $3, "birth" = $4, "salary" = $5, "notes" = $6, "badge" = $7, "token" = $8, "meta" = $9, "seen" = $10, "city" = $11, "active" = $12, "tags" = $13::text[], "created" = $14 WHERE "people"."id" = $15;

-- case: select_for_update
-- types: int4
SELECT "people"."ssn" AS "ssn" FROM "people" WHERE "people"."badge" = $1 ORDER BY "people"."id" ASC FOR UPDATE SKIP LOCKED;

-- case: select_for_update
-- types: unknown
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark", "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "orders" LEFT OUTER JOIN "people" ON ("orders"."person_id" = "people"."id") WHERE "orders"."card" = $1 ORDER BY "orders"."id" ASC FOR UPDATE OF "orders" NOWAIT;

-- case: select_for_update
-- types: int2
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."id" = $1 ORDER BY "people"."id" ASC LIMIT 1 FOR NO KEY UPDATE;

-- case: savepoints
SAVEPOINT "s1_x2";

-- case: savepoints
ROLLBACK TO SAVEPOINT "s1_x2";

-- case: savepoints
RELEASE SAVEPOINT "s1_x2";

-- case: savepoints
SAVEPOINT "s1_x3";

-- case: savepoints
RELEASE SAVEPOINT "s1_x3";

-- case: savepoints
-- types: unknown, unknown
SELECT COUNT(*) AS "__count" FROM "people" WHERE "people"."email" IN ($1, $2);

-- case: rolled_back
-- types: int4, unknown
SELECT $1 AS "a" FROM "people" WHERE "people"."email" = $2 LIMIT 1;

-- case: rolled_back
ROLLBACK;

-- case: many_to_many
-- types: int4
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark" FROM "orders" WHERE "orders"."number" = $1 LIMIT 21;

-- case: many_to_many
-- types: unknown
SELECT "products"."id", "products"."sku", "products"."label", "products"."price" FROM "products" WHERE "products"."sku" = $1 LIMIT 21;

-- case: many_to_many
-- types: int2, uuid
SELECT "order_lines"."product_id" AS "product" FROM "order_lines" WHERE ("order_lines"."order_id" = $1 AND "order_lines"."product_id" IN ($2)) ORDER BY "order_lines"."id" ASC;

-- case: many_to_many
-- types: int2, uuid, int4
INSERT INTO "order_lines" ("order_id", "product_id", "quantity") VALUES ($1, $2, $3) RETURNING "order_lines"."id";

-- case: many_to_many
-- types: int4, unknown
UPDATE "order_lines" SET "quantity" = $1 WHERE "order_lines"."id" IN (SELECT U0."id" FROM "order_lines" U0 INNER JOIN "orders" U1 ON (U0."order_id" = U1."id") WHERE U1."card" = $2);

-- case: many_to_many
-- types: uuid
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark" FROM "orders" INNER JOIN "order_lines" ON ("orders"."id" = "order_lines"."order_id") WHERE "order_lines"."product_id" = $1 ORDER BY "orders"."id" ASC;

-- case: raw_cursor
-- types: unknown, unknown, date, numeric, int2, uuid, timestamptz, timestamptz
INSERT INTO people (name, email, birth, salary, badge, token, seen, city, active, tags, created) VALUES ($1, $2, $3, $4, $5, $6, $7, '', true, '{}', $8) RETURNING id, email;

-- case: raw_cursor
-- types: unknown, unknown, unknown
UPDATE people SET notes = $1, birth = $2 WHERE email = $3;

-- case: raw_cursor
-- types: unknown, date, unknown
UPDATE people SET notes = $1, birth = $2 WHERE email = $3;

-- case: search_then_write
-- types: int4, unknown, int2
SELECT $1 AS "a" FROM "people" WHERE ("people"."email" = $2 AND NOT ("people"."id" = $3)) LIMIT 1;

-- case: search_then_write
-- types: unknown, int2
UPDATE "people" SET "email" = $1 WHERE "people"."id" = $2;

-- case: search_then_write
-- types: unknown, int4, int2
SELECT COUNT(*) AS "__count" FROM "people" WHERE (("people"."email" = $1 OR "people"."badge" = $2) AND NOT ("people"."id" = $3));

-- case: clean_unique
-- types: int4, int4, int2
SELECT $1 AS "a" FROM "people" WHERE ("people"."badge" = $2 AND NOT ("people"."id" = $3)) LIMIT 1;

-- case: coalesced_insert
-- types: int2, unknown, unknown, unknown, unknown
INSERT INTO "contacts" ("person_id", "kind", "mail", "phone", "comment") VALUES ($1, $2, COALESCE(NULL, $3), $4, $5) RETURNING "contacts"."id";

-- case: coalesced_insert
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" ORDER BY "contacts"."id" DESC LIMIT 1;

-- case: decimal_sum_written
-- types: numeric, int2
UPDATE "people" SET "salary" = $1 WHERE "people"."id" = $2;

-- case: get
-- types: unknown
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."ssn" = $1 LIMIT 21;

-- case: filters
-- types: unknown
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."email" = $1 ORDER BY 1 ASC;

-- case: filters
-- types: unknown
SELECT "people"."id" AS "id" FROM "people" WHERE NOT ("people"."email" = $1) ORDER BY 1 ASC;

-- case: filters
-- types: unknown
SELECT "people"."id" AS "id" FROM "people" WHERE NOT ("people"."ssn" = $1 AND "people"."ssn" IS NOT NULL) ORDER BY 1 ASC;

-- case: filters
-- types: unknown
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."ssn" = $1 ORDER BY 1 ASC;

-- case: filters
-- types: int4
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."badge" = $1 ORDER BY 1 ASC;

-- case: filters
-- types: uuid
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."token" = $1 ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."ssn" IS NULL ORDER BY 1 ASC;

-- case: filters
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."birth" IS NOT NULL ORDER BY 1 ASC;

-- case: filters
-- types: int4, unknown
SELECT "people"."id" AS "id" FROM "people" WHERE ("people"."badge" = $1 AND "people"."email" = $2) ORDER BY 1 ASC;

-- case: filters
-- types: unknown, int4, unknown
SELECT "people"."id" AS "id" FROM "people" WHERE ("people"."email" = $1 OR "people"."badge" = $2 OR "people"."city" = $3) ORDER BY 1 ASC;

-- case: filters
-- types: int4, int4
SELECT "people"."id" AS "id" FROM "people" WHERE NOT ("people"."badge" IN ($1, $2) AND "people"."badge" IS NOT NULL) ORDER BY 1 ASC;

-- case: in_lists
-- types: unknown, unknown, unknown
SELECT "people"."name" AS "name" FROM "people" WHERE "people"."email" IN ($1, $2, $3) ORDER BY "people"."id" ASC;

-- case: in_lists
-- types: unknown
SELECT "people"."name" AS "name" FROM "people" WHERE "people"."email" IN ($1) ORDER BY "people"."id" ASC;

-- case: in_lists
-- types: int4, int4, int4
SELECT "people"."name" AS "name" FROM "people" WHERE "people"."badge" IN ($1, $2, $3) ORDER BY "people"."id" ASC;

-- case: in_lists
-- types: uuid
SELECT "people"."name" AS "name" FROM "people" WHERE "people"."token" IN ($1) ORDER BY "people"."id" ASC;

-- case: in_lists
-- types: int2, int2
SELECT "people"."name" AS "name" FROM "people" WHERE "people"."id" IN ($1, $2) ORDER BY "people"."id" ASC;

-- case: in_lists
-- types: unknown
SELECT "people"."name" AS "name" FROM "people" WHERE NOT ("people"."email" IN ($1)) ORDER BY "people"."id" ASC;

-- case: in_lists
-- types: int2, int2
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."id" IN ($1, $2) ORDER BY "people"."id" ASC;

-- case: in_lists
-- types: unknown
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" IN ($1) ORDER BY "people"."id" ASC;

-- case: in_a_subquery
-- types: unknown
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."email" IN (SELECT U0."mail" AS "mail" FROM "contacts" U0 WHERE U0."kind" = $1) ORDER BY 1 ASC;

-- case: in_a_subquery
-- types: unknown
SELECT "people"."email" AS "email" FROM "people" WHERE "people"."id" IN (SELECT U0."person_id" AS "person" FROM "orders" U0 WHERE U0."card" = $1) ORDER BY "people"."id" ASC;

-- case: across_relations
-- types: unknown
SELECT "people"."email" AS "email" FROM "people" INNER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") WHERE "contacts"."mail" = $1 ORDER BY "people"."id" ASC;

-- case: across_relations
-- types: int4, unknown
SELECT "people"."email" AS "email" FROM "people" WHERE NOT (EXISTS(SELECT $1 AS "a" FROM "contacts" U1 WHERE (U1."mail" = $2 AND U1."person_id" = ("people"."id")) LIMIT 1)) ORDER BY "people"."id" ASC;

-- case: across_relations
-- types: unknown, unknown
SELECT "orders"."number" AS "number", "orders"."card" AS "card", "people"."email" AS "person__email" FROM "orders" INNER JOIN "people" ON ("orders"."person_id" = "people"."id") WHERE ("people"."ssn" = $1 AND "orders"."status" = $2) ORDER BY "orders"."id" ASC;

-- case: across_relations
SELECT "contacts"."id" AS "id" FROM "contacts" INNER JOIN "people" ON ("contacts"."person_id" = "people"."id") WHERE "people"."email" = ("contacts"."mail") ORDER BY 1 ASC;

-- case: across_relations
-- types: unknown
SELECT "people"."email" AS "email" FROM "people" INNER JOIN "orders" ON ("people"."id" = "orders"."person_id") INNER JOIN "order_lines" ON ("orders"."id" = "order_lines"."order_id") INNER JOIN "products" ON ("order_lines"."product_id" = "products"."id") WHERE "products"."sku" = $1 ORDER BY "people"."id" ASC;

-- case: across_relations
SELECT "people"."email" AS "email" FROM "people" LEFT OUTER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") WHERE "contacts"."id" IS NULL ORDER BY "people"."id" ASC;

-- case: across_relations
-- types: unknown, unknown
SELECT "people"."email" AS "email" FROM "people" INNER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") WHERE ("contacts"."phone" = $1 AND NOT ("people"."email" = $2)) ORDER BY "people"."id" ASC;

-- case: exists
-- types: int4, unknown
SELECT "people"."email" AS "email" FROM "people" WHERE EXISTS(SELECT $1 AS "a" FROM "contacts" U0 WHERE (U0."mail" = $2 AND U0."person_id" = ("people"."id")) LIMIT 1) ORDER BY "people"."id" ASC;

-- case: exists
-- types: int4
SELECT "people"."email" AS "email", EXISTS(SELECT $1 AS "a" FROM "contacts" U0 WHERE U0."mail" = ("people"."email") LIMIT 1) AS "has" FROM "people" ORDER BY "people"."id" ASC;

-- case: exists
-- types: int4, unknown, int2
SELECT $1 AS "a" FROM "people" WHERE ("people"."email" = $2 AND "people"."id" = $3) LIMIT 1;

-- case: counts
-- types: unknown
SELECT COUNT("people"."id") FILTER (WHERE "people"."email" = $1) AS "n", COUNT("people"."ssn") AS "ssn__count" FROM "people";

-- case: counts
SELECT COUNT(DISTINCT "people"."ssn") AS "ssn__count" FROM "people";

-- case: counts
-- types: unknown
SELECT COUNT(*) FROM (SELECT DISTINCT "people"."id" AS "col1", "people"."name" AS "col2", "people"."email" AS "col3", "people"."ssn" AS "col4", "people"."birth" AS "col5", "people"."salary" AS "col6", "people"."notes" AS "col7", "people"."badge" AS "col8", "people"."token" AS "col9", "people"."meta" AS "col10", "people"."seen" AS "col11", "people"."city" AS "col12", "people"."active" AS "col13", "people"."tags" AS "col14", "people"."created" AS "col15" FROM "people" WHERE NOT ("people"."email" = $1)) subquery;

-- case: distinct
SELECT DISTINCT "contacts"."mail" AS "mail" FROM "contacts";

-- case: distinct
SELECT DISTINCT "contacts"."phone" AS "phone", "contacts"."kind" AS "kind" FROM "contacts";

-- case: distinct
-- types: unknown
SELECT DISTINCT "people"."id" AS "id" FROM "people" INNER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") WHERE "contacts"."kind" = $1 ORDER BY 1 ASC LIMIT 2;

-- case: distinct_objects
-- types: unknown, unknown
SELECT DISTINCT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" INNER JOIN "contacts" ON ("people"."id" = "contacts"."person_id") WHERE "contacts"."mail" IN ($1, $2) ORDER BY "people"."id" ASC;

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
-- types: numeric
SELECT "orders"."card" AS "card", SUM("orders"."total") AS "total__sum" FROM "orders" GROUP BY 1 HAVING SUM("orders"."total") > $1;

-- case: group_by_a_sealed_column
-- types: int4
SELECT "contacts"."mail" AS "mail", COUNT("contacts"."id") AS "n" FROM "contacts" GROUP BY 1 HAVING COUNT("contacts"."id") > $1;

-- case: annotate_objects
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created", COUNT("orders"."id") AS "n", SUM("orders"."total") AS "spent" FROM "people" LEFT OUTER JOIN "orders" ON ("people"."id" = "orders"."person_id") GROUP BY "people"."id" ORDER BY "people"."id" ASC;

-- case: annotate_with_related_objects
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark", COUNT("order_lines"."id") AS "n", "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "orders" LEFT OUTER JOIN "order_lines" ON ("orders"."id" = "order_lines"."order_id") LEFT OUTER JOIN "people" ON ("orders"."person_id" = "people"."id") GROUP BY "orders"."id", "people"."id" ORDER BY "orders"."id" ASC;

-- case: annotations
-- types: unknown, bool, bool
SELECT "people"."id" AS "id", CASE WHEN "people"."email" = $1 THEN $2 ELSE $3 END AS "is_ada" FROM "people" ORDER BY 1 ASC;

-- case: annotations
-- types: int4
SELECT "people"."id" AS "id", "people"."badge" = $1 AS "q" FROM "people" ORDER BY 1 ASC;

-- case: annotations
SELECT "people"."email" AS "email", (SELECT U0."number" AS "number" FROM "orders" U0 WHERE U0."person_id" = ("people"."id") ORDER BY U0."id" DESC LIMIT 1) AS "last" FROM "people" ORDER BY "people"."id" ASC;

-- case: annotations
SELECT "people"."email" AS "shown" FROM "people" ORDER BY "people"."id" ASC;

-- case: annotations
-- types: unknown
SELECT "people"."email" AS "email", at."phone" AS "at__phone" FROM "people" LEFT OUTER JOIN "contacts" at ON ("people"."id" = at."person_id" AND (at."mail" = $1)) ORDER BY "people"."id" ASC;

-- case: a_subquery_of_a_sealed_column
SELECT "people"."id" AS "id", (SELECT U0."card" AS "card" FROM "orders" U0 WHERE U0."person_id" = ("people"."id") ORDER BY U0."id" DESC LIMIT 1) AS "card" FROM "people" ORDER BY 1 ASC;

-- case: coalesce_and_case_in_results
-- types: unknown
SELECT COALESCE("people"."notes", $1) AS "shown" FROM "people" ORDER BY "people"."id" ASC;

-- case: coalesce_and_case_in_results
SELECT CASE WHEN "people"."active" THEN "people"."email" ELSE NULL END AS "shown" FROM "people" ORDER BY "people"."id" ASC;

-- case: windows
-- types: int4
SELECT "orders"."number" AS "number", "orders"."card" AS "card", ROW_NUMBER() OVER (PARTITION BY "orders"."person_id" ORDER BY "orders"."placed") AS "place", LAG("orders"."remark", $1) OVER (ORDER BY "orders"."number") AS "before", FIRST_VALUE("orders"."card") OVER (PARTITION BY "orders"."person_id" ORDER BY "orders"."number") AS "first" FROM "orders" ORDER BY "orders"."id" ASC;

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
-- types: int4
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."badge" = $1 ORDER BY "people"."id" ASC LIMIT 1;

-- case: slices
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."created" DESC LIMIT 1;

-- case: select_related
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark", "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "orders" LEFT OUTER JOIN "people" ON ("orders"."person_id" = "people"."id") ORDER BY "orders"."id" ASC;

-- case: select_related
-- types: unknown
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment", "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "contacts" INNER JOIN "people" ON ("contacts"."person_id" = "people"."id") WHERE "contacts"."mail" = $1 ORDER BY "contacts"."id" ASC;

-- case: select_related
SELECT "order_lines"."id", "order_lines"."order_id", "order_lines"."product_id", "order_lines"."quantity", "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark", "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created", "products"."id", "products"."sku", "products"."label", "products"."price" FROM "order_lines" INNER JOIN "orders" ON ("order_lines"."order_id" = "orders"."id") LEFT OUTER JOIN "people" ON ("orders"."person_id" = "people"."id") INNER JOIN "products" ON ("order_lines"."product_id" = "products"."id") ORDER BY "order_lines"."id" ASC;

-- case: prefetch_related
-- types: int2, int2, int2, int2, int2
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE "contacts"."person_id" IN ($1, $2, $3, $4, $5) ORDER BY "contacts"."id" ASC;

-- case: prefetch_related
-- types: int2, int2, int2, int2, int2
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark" FROM "orders" WHERE "orders"."person_id" IN ($1, $2, $3, $4, $5) ORDER BY "orders"."id" ASC;

-- case: prefetch_related
-- types: int2, int2, int2, int2
SELECT "order_lines"."id", "order_lines"."order_id", "order_lines"."product_id", "order_lines"."quantity" FROM "order_lines" WHERE "order_lines"."order_id" IN ($1, $2, $3, $4) ORDER BY "order_lines"."id" ASC;

-- case: prefetch_related
-- types: uuid, uuid, uuid
SELECT "products"."id", "products"."sku", "products"."label", "products"."price" FROM "products" WHERE ("products"."id") IN (($1), ($2), ($3));

-- case: prefetch_related
-- types: unknown, unknown
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" IN ($1, $2) ORDER BY "people"."id" ASC;

-- case: prefetch_related
-- types: unknown, int2, int2
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE ("contacts"."mail" = $1 AND "contacts"."person_id" IN ($2, $3)) ORDER BY "contacts"."id" ASC;

-- case: prefetch_related
SELECT "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark" FROM "orders" ORDER BY "orders"."id" ASC;

-- case: prefetch_related
-- types: int2, int2, int2, int2, int2
SELECT ("order_lines"."order_id") AS "_prefetch_related_val_order_id", "products"."id", "products"."sku", "products"."label", "products"."price" FROM "products" INNER JOIN "order_lines" ON ("products"."id" = "order_lines"."product_id") WHERE "order_lines"."order_id" IN ($1, $2, $3, $4, $5);

-- case: lazily
-- types: int2
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE "contacts"."person_id" = $1 ORDER BY "contacts"."id" ASC;

-- case: lazily
-- types: int2, unknown
SELECT COUNT(*) AS "__count" FROM "orders" WHERE ("orders"."person_id" = $1 AND "orders"."card" = $2);

-- case: only_and_defer
SELECT "people"."id", "people"."email" FROM "people" ORDER BY "people"."id" ASC;

-- case: only_and_defer
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."badge", "people"."token", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" ORDER BY "people"."id" ASC;

-- case: only_and_defer
-- types: int2
SELECT "people"."id", "people"."email" FROM "people" WHERE "people"."id" = $1 LIMIT 21;

-- case: only_and_defer
-- types: int2
SELECT "people"."id", "people"."birth" FROM "people" WHERE "people"."id" = $1 LIMIT 21;

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
-- types: unknown, unknown
DECLARE "_django_curs_1_sync_3" NO SCROLL CURSOR FOR SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."email" IN ($1, $2) ORDER BY "people"."id" ASC;

-- case: iterator_in_a_transaction
FETCH FORWARD 1 FROM "_django_curs_1_sync_3";

-- case: iterator_in_a_transaction
-- types: int2
SELECT "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" FROM "contacts" WHERE "contacts"."person_id" IN ($1) ORDER BY "contacts"."id" ASC;

-- case: iterator_in_a_transaction
CLOSE "_django_curs_1_sync_3";

-- case: unions
(SELECT "people"."email" AS "email" FROM "people") UNION ALL (SELECT "contacts"."mail" AS "mail" FROM "contacts");

-- case: union_all_of_objects
-- types: unknown, unknown
(SELECT "people"."id" AS "col1", "people"."name" AS "col2", "people"."email" AS "col3", "people"."ssn" AS "col4", "people"."birth" AS "col5", "people"."salary" AS "col6", "people"."notes" AS "col7", "people"."badge" AS "col8", "people"."token" AS "col9", "people"."meta" AS "col10", "people"."seen" AS "col11", "people"."city" AS "col12", "people"."active" AS "col13", "people"."tags" AS "col14", "people"."created" AS "col15" FROM "people" WHERE "people"."city" = $1) UNION ALL (SELECT "people"."id" AS "col1", "people"."name" AS "col2", "people"."email" AS "col3", "people"."ssn" AS "col4", "people"."birth" AS "col5", "people"."salary" AS "col6", "people"."notes" AS "col7", "people"."badge" AS "col8", "people"."token" AS "col9", "people"."meta" AS "col10", "people"."seen" AS "col11", "people"."city" AS "col12", "people"."active" AS "col13", "people"."tags" AS "col14", "people"."created" AS "col15" FROM "people" WHERE "people"."email" = $2);

-- case: union_of_objects
-- types: unknown, unknown
(SELECT "people"."id" AS "col1", "people"."name" AS "col2", "people"."email" AS "col3", "people"."ssn" AS "col4", "people"."birth" AS "col5", "people"."salary" AS "col6", "people"."notes" AS "col7", "people"."badge" AS "col8", "people"."token" AS "col9", "people"."meta" AS "col10", "people"."seen" AS "col11", "people"."city" AS "col12", "people"."active" AS "col13", "people"."tags" AS "col14", "people"."created" AS "col15" FROM "people" WHERE "people"."city" = $1) UNION (SELECT "people"."id" AS "col1", "people"."name" AS "col2", "people"."email" AS "col3", "people"."ssn" AS "col4", "people"."birth" AS "col5", "people"."salary" AS "col6", "people"."notes" AS "col7", "people"."badge" AS "col8", "people"."token" AS "col9", "people"."meta" AS "col10", "people"."seen" AS "col11", "people"."city" AS "col12", "people"."active" AS "col13", "people"."tags" AS "col14", "people"."created" AS "col15" FROM "people" WHERE "people"."email" = $2);

-- case: intersection_of_values
(SELECT "people"."email" AS "email" FROM "people") INTERSECT (SELECT "contacts"."mail" AS "mail" FROM "contacts");

-- case: union_of_ids
-- types: unknown, unknown
(SELECT "people"."id" AS "id" FROM "people" WHERE "people"."email" = $1) UNION (SELECT "contacts"."person_id" AS "person_id" FROM "contacts" WHERE "contacts"."mail" = $2);

-- case: raw
-- types: unknown
SELECT * FROM people WHERE email = $1;

-- case: raw
-- types: int2[]
SELECT id, email FROM people WHERE badge = ANY($1) ORDER BY id;

-- case: raw
-- types: unknown, unknown
SELECT id, email FROM people WHERE ssn IN ($1, $2) ORDER BY id;

-- case: explain
-- types: unknown
EXPLAIN SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE "people"."city" = $1 ORDER BY "people"."id" ASC;

-- case: json_of_a_plain_column
-- types: unknown
SELECT "people"."email" AS "email" FROM "people" WHERE "people"."tags" @> (ARRAY[$1])::text[] ORDER BY "people"."id" ASC;

-- case: json_of_a_plain_column
-- types: unknown
SELECT "people"."email" AS "email" FROM "people" WHERE "people"."tags" && (ARRAY[$1])::text[] ORDER BY "people"."id" ASC;

-- case: admin_list
-- types: unknown
SELECT COUNT(*) AS "__count" FROM "people" WHERE ("people"."active" AND "people"."city" = $1);

-- case: admin_list
-- types: unknown
SELECT "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created" FROM "people" WHERE ("people"."active" AND "people"."city" = $1) ORDER BY "people"."id" DESC LIMIT 100;

-- case: admin_list
-- types: unknown, unknown
SELECT COUNT("people"."id") FILTER (WHERE "people"."city" = $1) AS "a", COUNT("people"."id") FILTER (WHERE "people"."email" = $2) AS "b" FROM "people";

-- case: plain_tables
SELECT "products"."sku" AS "sku", SUM("order_lines"."quantity") AS "n" FROM "products" LEFT OUTER JOIN "order_lines" ON ("products"."id" = "order_lines"."product_id") GROUP BY "products"."id" ORDER BY 1 ASC;

-- case: plain_tables
SELECT MAX("order_lines"."quantity") AS "quantity__max", MIN("order_lines"."quantity") AS "quantity__min" FROM "order_lines";

-- case: ordered_by_a_sealed_column
SELECT "people"."id" AS "id" FROM "people" ORDER BY "people"."email" ASC;

-- case: iexact_of_a_sealed_column
-- types: unknown
SELECT "people"."id" AS "id" FROM "people" WHERE UPPER("people"."email"::text) = UPPER($1) ORDER BY 1 ASC;

-- case: contains_in_a_sealed_column
-- types: unknown
SELECT "people"."id" AS "id" FROM "people" WHERE UPPER("people"."notes"::text) LIKE UPPER($1) ORDER BY 1 ASC;

-- case: range_of_a_sealed_column
-- types: date, date
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."birth" BETWEEN $1 AND $2 ORDER BY 1 ASC;

-- case: sum_of_a_sealed_column
SELECT SUM("people"."salary") AS "salary__sum" FROM "people";

-- case: randomized_compared
-- types: numeric
SELECT "people"."id" AS "id" FROM "people" WHERE "people"."salary" = $1 ORDER BY 1 ASC;

-- case: functions_of_a_sealed_column
SELECT LOWER("people"."email") AS "l", LENGTH("people"."email") AS "n" FROM "people" ORDER BY "people"."id" ASC;

-- case: json_path_in_a_sealed_column
-- types: unknown, jsonb
SELECT "people"."id" AS "id" FROM "people" WHERE ("people"."meta" -> $1) = $2 ORDER BY 1 ASC;
