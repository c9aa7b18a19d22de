-- What TypeORM 1 over node-postgres sends in tests/orm, recorded by `make record-orms`.

-- case: connect
SELECT version();

-- case: connect
SELECT * FROM current_schema();

-- case: save
START TRANSACTION;

-- case: save
INSERT INTO "people"("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES (DEFAULT, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, DEFAULT, DEFAULT, $11, DEFAULT) RETURNING "id", "city", "active", "tags", "created";

-- case: save
COMMIT;

-- case: save
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created" FROM "people" "Person" WHERE (("Person"."id" = $1)) LIMIT 1;

-- case: saveMany
INSERT INTO "people"("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES (DEFAULT, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, DEFAULT, DEFAULT, $11, DEFAULT), (DEFAULT, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, DEFAULT, DEFAULT, $22, DEFAULT), (DEFAULT, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, DEFAULT, DEFAULT, $33, DEFAULT), (DEFAULT, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, DEFAULT, DEFAULT, $44, DEFAULT), (DEFAULT, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, DEFAULT, DEFAULT, $55, DEFAULT), (DEFAULT, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, DEFAULT, DEFAULT, $66, DEFAULT) RETURNING "id", "city", "active", "tags", "created";

-- case: saveMany
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created" FROM "people" "Person" ORDER BY "Person"."id" ASC;

-- case: saveWithContacts
INSERT INTO "people"("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES (DEFAULT, $1, $2, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT) RETURNING "id", "city", "active", "tags", "created";

-- case: saveWithContacts
INSERT INTO "contacts"("id", "kind", "mail", "phone", "comment", "person_id") VALUES (DEFAULT, $1, $2, DEFAULT, DEFAULT, $3), (DEFAULT, $4, DEFAULT, $5, $6, $7) RETURNING "id";

-- case: saveWithContacts
SELECT DISTINCT "distinctAlias"."Person_id" AS "ids_Person_id", "distinctAlias"."Person__Person_contacts_id" FROM (SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created", "Person__Person_contacts"."id" AS "Person__Person_contacts_id", "Person__Person_contacts"."kind" AS "Person__Person_contacts_kind", "Person__Person_contacts"."mail" AS "Person__Person_contacts_mail", "Person__Person_contacts"."phone" AS "Person__Person_contacts_phone", "Person__Person_contacts"."comment" AS "Person__Person_contacts_comment", "Person__Person_contacts"."person_id" AS "Person__Person_contacts_person_id" FROM "people" "Person" LEFT JOIN "contacts" "Person__Person_contacts" ON "Person__Person_contacts"."person_id"="Person"."id" WHERE (("Person"."id" = $1))) "distinctAlias" ORDER BY "distinctAlias"."Person__Person_contacts_id" ASC, "Person_id" ASC LIMIT 1;

-- case: saveWithContacts
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created", "Person__Person_contacts"."id" AS "Person__Person_contacts_id", "Person__Person_contacts"."kind" AS "Person__Person_contacts_kind", "Person__Person_contacts"."mail" AS "Person__Person_contacts_mail", "Person__Person_contacts"."phone" AS "Person__Person_contacts_phone", "Person__Person_contacts"."comment" AS "Person__Person_contacts_comment", "Person__Person_contacts"."person_id" AS "Person__Person_contacts_person_id" FROM "people" "Person" LEFT JOIN "contacts" "Person__Person_contacts" ON "Person__Person_contacts"."person_id"="Person"."id" WHERE ( (("Person"."id" = $1)) ) AND ( "Person"."id" IN ($2) ) ORDER BY "Person__Person_contacts"."id" ASC;

-- case: insert
INSERT INTO "people"("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES (DEFAULT, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, DEFAULT, DEFAULT, $11, DEFAULT), (DEFAULT, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, DEFAULT, DEFAULT, $22, DEFAULT), (DEFAULT, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, DEFAULT, DEFAULT, $33, DEFAULT), (DEFAULT, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, DEFAULT, DEFAULT, $44, DEFAULT) RETURNING "id", "city", "active", "tags", "created";

-- case: insertReturning
INSERT INTO "people" AS "Person"("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES (DEFAULT, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, DEFAULT, DEFAULT, $11, DEFAULT), (DEFAULT, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, DEFAULT, DEFAULT, $22, DEFAULT), (DEFAULT, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, DEFAULT, DEFAULT, $33, DEFAULT) RETURNING "id", "email", "birth", "city", "active", "tags", "created";

-- case: insertOrIgnore
INSERT INTO "people" AS "Person"("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES (DEFAULT, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, DEFAULT, DEFAULT, $11, DEFAULT), (DEFAULT, $12, $13, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT) ON CONFLICT DO NOTHING  RETURNING "id", "city", "active", "tags", "created";

-- case: upsert
INSERT INTO "people"("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES (DEFAULT, $1, $2, DEFAULT, DEFAULT, DEFAULT, $3, $4, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT), (DEFAULT, $5, $6, DEFAULT, DEFAULT, DEFAULT, $7, $8, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT) ON CONFLICT ( "email" ) DO UPDATE SET "email" = EXCLUDED."email", "name" = EXCLUDED."name", "notes" = EXCLUDED."notes", "badge" = EXCLUDED."badge" RETURNING "id", "city", "active", "tags", "created";

-- case: upsert
SELECT "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."birth" AS "Person_birth", "Person"."id" AS "Person_id" FROM "people" "Person" ORDER BY "Person_name" ASC;

-- case: upsertSkippingTheSame
INSERT INTO "orders"("id", "number", "status", "total", "placed", "card", "remark", "person_id") VALUES (DEFAULT, $1, $2, $3, $4, $5, $6, DEFAULT) ON CONFLICT ( "number" ) DO UPDATE SET "number" = EXCLUDED."number", "status" = EXCLUDED."status", "total" = EXCLUDED."total", "placed" = EXCLUDED."placed", "card" = EXCLUDED."card", "remark" = EXCLUDED."remark" WHERE ("orders"."number" IS DISTINCT FROM EXCLUDED."number" OR "orders"."status" IS DISTINCT FROM EXCLUDED."status" OR "orders"."total" IS DISTINCT FROM EXCLUDED."total" OR "orders"."placed" IS DISTINCT FROM EXCLUDED."placed" OR "orders"."card" IS DISTINCT FROM EXCLUDED."card" OR "orders"."remark" IS DISTINCT FROM EXCLUDED."remark") RETURNING "id";

-- case: upsertSkippingTheSame
SELECT "Order"."id" AS "Order_id", "Order"."number" AS "Order_number", "Order"."status" AS "Order_status", "Order"."total" AS "Order_total", "Order"."placed" AS "Order_placed", "Order"."card" AS "Order_card", "Order"."remark" AS "Order_remark", "Order"."person_id" AS "Order_person_id" FROM "orders" "Order" ORDER BY "Order"."id" ASC;

-- case: upsertSkippingTheSameSealed
INSERT INTO "people"("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") VALUES (DEFAULT, $1, $2, $3, DEFAULT, DEFAULT, DEFAULT, $4, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT) ON CONFLICT ( "email" ) DO UPDATE SET "email" = EXCLUDED."email", "name" = EXCLUDED."name", "ssn" = EXCLUDED."ssn", "badge" = EXCLUDED."badge" WHERE ("people"."email" IS DISTINCT FROM EXCLUDED."email" OR "people"."name" IS DISTINCT FROM EXCLUDED."name" OR "people"."ssn" IS DISTINCT FROM EXCLUDED."ssn" OR "people"."badge" IS DISTINCT FROM EXCLUDED."badge") RETURNING "id", "city", "active", "tags", "created";

-- case: upsertSkippingTheSameSealed
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created" FROM "people" "Person" WHERE (("Person"."email" = $1)) LIMIT 1;

-- case: update
UPDATE "people" SET "notes" = $1, "birth" = $2, "salary" = $3, "seen" = $4, "meta" = $5, "token" = $6 WHERE "email" = $7;

-- case: update
UPDATE "orders" SET "status" = $1, "card" = $2 WHERE "card" IN ($3, $4);

-- case: updateReturning
UPDATE "people" SET "notes" = $1 WHERE "city" = $2 RETURNING "id", "email", "notes";

-- case: changeAndSave
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created" FROM "people" "Person" WHERE "Person"."id" = $1;

-- case: changeAndSave
UPDATE "people" SET "email" = $1, "birth" = $2, "salary" = $3, "badge" = $4 WHERE "id" = $5;

-- case: increment
UPDATE "people" SET "badge" = "badge" + 10 WHERE "id" = $1;

-- case: incrementAPlainColumn
UPDATE "orders" SET "total" = "total" + 5 WHERE "card" = $1;

-- case: remove
DELETE FROM "people" WHERE "id" = $1;

-- case: remove
DELETE FROM "contacts" WHERE "mail" = $1;

-- case: remove
SELECT COUNT(1) AS "cnt" FROM "contacts" "Contact";

-- case: transaction
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created" FROM "people" "Person" WHERE (("Person"."email" = $1)) LIMIT 1 FOR UPDATE SKIP LOCKED;

-- case: transaction
UPDATE "people" SET "notes" = $1 WHERE "id" = $2;

-- case: transaction
SELECT "Order"."id" AS "Order_id", "Order"."number" AS "Order_number", "Order"."status" AS "Order_status", "Order"."total" AS "Order_total", "Order"."placed" AS "Order_placed", "Order"."card" AS "Order_card", "Order"."remark" AS "Order_remark", "Order"."person_id" AS "Order_person_id" FROM "orders" "Order" WHERE (("Order"."card" = $1)) ORDER BY "Order"."id" ASC FOR NO KEY UPDATE OF "Order";

-- case: savepoints
SAVEPOINT typeorm_1;

-- case: savepoints
ROLLBACK TO SAVEPOINT typeorm_1;

-- case: savepoints
RELEASE SAVEPOINT typeorm_1;

-- case: tooLong
INSERT INTO "contacts"("id", "kind", "mail", "phone", "comment", "person_id") VALUES (DEFAULT, $1, DEFAULT, $2, DEFAULT, $3) RETURNING "id";

-- case: finds
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created" FROM "people" "Person" WHERE (("Person"."ssn" = $1));

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."email" = $1)) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."email" != $1)) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."ssn" = $1)) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."badge" = $1)) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."badge" != $1)) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."token" = $1)) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."ssn" IS NULL)) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE ((NOT("Person"."birth" IS NULL))) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."email" IN ($1, $2, $3))) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE ((NOT("Person"."email" IN ($1)))) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE ((0=1)) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."badge" IN ($1, $2))) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."email" = ANY($1))) ORDER BY "Person_id" ASC;

-- case: filters
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (((("Person"."email" = $1))) OR ((("Person"."badge" = $2))) OR ((("Person"."city" = $3)))) ORDER BY "Person_id" ASC;

-- case: relations
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created", "Person__Person_contacts"."id" AS "Person__Person_contacts_id", "Person__Person_contacts"."kind" AS "Person__Person_contacts_kind", "Person__Person_contacts"."mail" AS "Person__Person_contacts_mail", "Person__Person_contacts"."phone" AS "Person__Person_contacts_phone", "Person__Person_contacts"."comment" AS "Person__Person_contacts_comment", "Person__Person_contacts"."person_id" AS "Person__Person_contacts_person_id", "Person__Person_orders"."id" AS "Person__Person_orders_id", "Person__Person_orders"."number" AS "Person__Person_orders_number", "Person__Person_orders"."status" AS "Person__Person_orders_status", "Person__Person_orders"."total" AS "Person__Person_orders_total", "Person__Person_orders"."placed" AS "Person__Person_orders_placed", "Person__Person_orders"."card" AS "Person__Person_orders_card", "Person__Person_orders"."remark" AS "Person__Person_orders_remark", "Person__Person_orders"."person_id" AS "Person__Person_orders_person_id", "Person__Person_orders__Person__Person_orders_lines"."id" AS "Person__Person_orders__Person__Person_orders_lines_id", "Person__Person_orders__Person__Person_orders_lines"."quantity" AS "Person__Person_orders__Person__Person_orders_lines_quantity", "Person__Person_orders__Person__Person_orders_lines"."order_id" AS "Person__Person_orders__Person__Person_orders_lines_order_id", "Person__Person_orders__Person__Person_orders_lines"."product_id" AS "Person__Person_orders__Person__Person_orders_lines_product_id", "01bed0b80bef022bb022b5b58e4b58509c790772"."id" AS "01bed0b80bef022bb022b5b58e4b58509c790772_id", "01bed0b80bef022bb022b5b58e4b58509c790772"."sku" AS "01bed0b80bef022bb022b5b58e4b58509c790772_sku", "01bed0b80bef022bb022b5b58e4b58509c790772"."label" AS "01bed0b80bef022bb022b5b58e4b58509c790772_label", "01bed0b80bef022bb022b5b58e4b58509c790772"."price" AS "01bed0b80bef022bb022b5b58e4b58509c790772_price" FROM "people" "Person" LEFT JOIN "contacts" "Person__Person_contacts" ON "Person__Person_contacts"."person_id"="Person"."id"  LEFT JOIN "orders" "Person__Person_orders" ON "Person__Person_orders"."person_id"="Person"."id" LEFT JOIN "order_lines" "Person__Person_orders__Person__Person_orders_lines" ON "Person__Person_orders__Person__Person_orders_lines"."order_id"="Person__Person_orders"."id" LEFT JOIN "products" "01bed0b80bef022bb022b5b58e4b58509c790772" ON "01bed0b80bef022bb022b5b58e4b58509c790772"."id"="Person__Person_orders__Person__Person_orders_lines"."product_id" ORDER BY "Person"."id" ASC, "Person__Person_contacts"."id" ASC, "Person__Person_orders"."id" ASC;

-- case: relationsByQuery
SELECT "Contact"."id" AS "Contact_id", "Contact"."kind" AS "Contact_kind", "Contact"."mail" AS "Contact_mail", "Contact"."phone" AS "Contact_phone", "Contact"."comment" AS "Contact_comment", "Contact"."person_id" AS "Contact_person_id" FROM "contacts" "Contact" WHERE "Contact"."person_id" IN ($1, $2, $3, $4, $5);

-- case: relationsByQuery
SELECT "Contact"."id" AS "Contact_contacts_id", "Contact"."person_id" AS "Person_id" FROM "contacts" "Contact" WHERE "Contact"."person_id" IN ($1, $2, $3, $4, $5);

-- case: pageOfRelations
SELECT DISTINCT "distinctAlias"."Person_id" AS "ids_Person_id", "distinctAlias"."Person_id", "distinctAlias"."Person__Person_contacts_id" FROM (SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created", "Person__Person_contacts"."id" AS "Person__Person_contacts_id", "Person__Person_contacts"."kind" AS "Person__Person_contacts_kind", "Person__Person_contacts"."mail" AS "Person__Person_contacts_mail", "Person__Person_contacts"."phone" AS "Person__Person_contacts_phone", "Person__Person_contacts"."comment" AS "Person__Person_contacts_comment", "Person__Person_contacts"."person_id" AS "Person__Person_contacts_person_id" FROM "people" "Person" LEFT JOIN "contacts" "Person__Person_contacts" ON "Person__Person_contacts"."person_id"="Person"."id") "distinctAlias" ORDER BY "distinctAlias"."Person_id" ASC, "distinctAlias"."Person__Person_contacts_id" ASC, "Person_id" ASC LIMIT 2 OFFSET 1;

-- case: pageOfRelations
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created", "Person__Person_contacts"."id" AS "Person__Person_contacts_id", "Person__Person_contacts"."kind" AS "Person__Person_contacts_kind", "Person__Person_contacts"."mail" AS "Person__Person_contacts_mail", "Person__Person_contacts"."phone" AS "Person__Person_contacts_phone", "Person__Person_contacts"."comment" AS "Person__Person_contacts_comment", "Person__Person_contacts"."person_id" AS "Person__Person_contacts_person_id" FROM "people" "Person" LEFT JOIN "contacts" "Person__Person_contacts" ON "Person__Person_contacts"."person_id"="Person"."id" WHERE "Person"."id" IN ($1, $2) ORDER BY "Person"."id" ASC, "Person__Person_contacts"."id" ASC;

-- case: pageOfRelationsOnSealed
SELECT DISTINCT "distinctAlias"."Person_id" AS "ids_Person_id", "distinctAlias"."Person_id" FROM (SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created", "Person__Person_contacts"."id" AS "Person__Person_contacts_id", "Person__Person_contacts"."kind" AS "Person__Person_contacts_kind", "Person__Person_contacts"."mail" AS "Person__Person_contacts_mail", "Person__Person_contacts"."phone" AS "Person__Person_contacts_phone", "Person__Person_contacts"."comment" AS "Person__Person_contacts_comment", "Person__Person_contacts"."person_id" AS "Person__Person_contacts_person_id" FROM "people" "Person" LEFT JOIN "contacts" "Person__Person_contacts" ON "Person__Person_contacts"."person_id"="Person"."id" WHERE (((("Person__Person_contacts"."mail" = $1))))) "distinctAlias" ORDER BY "distinctAlias"."Person_id" ASC, "Person_id" ASC LIMIT 1;

-- case: pageOfRelationsOnSealed
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created", "Person__Person_contacts"."id" AS "Person__Person_contacts_id", "Person__Person_contacts"."kind" AS "Person__Person_contacts_kind", "Person__Person_contacts"."mail" AS "Person__Person_contacts_mail", "Person__Person_contacts"."phone" AS "Person__Person_contacts_phone", "Person__Person_contacts"."comment" AS "Person__Person_contacts_comment", "Person__Person_contacts"."person_id" AS "Person__Person_contacts_person_id" FROM "people" "Person" LEFT JOIN "contacts" "Person__Person_contacts" ON "Person__Person_contacts"."person_id"="Person"."id" WHERE ( (((("Person__Person_contacts"."mail" = $1)))) ) AND ( "Person"."id" IN ($2) ) ORDER BY "Person"."id" ASC;

-- case: pageOfRelationsOnSealed
SELECT COUNT(DISTINCT("Person"."id")) AS "cnt" FROM "people" "Person" LEFT JOIN "contacts" "Person__Person_contacts" ON "Person__Person_contacts"."person_id"="Person"."id" WHERE (((("Person__Person_contacts"."mail" = $1))));

-- case: whereOfRelation
SELECT "Order"."id" AS "Order_id", "Order"."number" AS "Order_number", "Order"."status" AS "Order_status", "Order"."total" AS "Order_total", "Order"."placed" AS "Order_placed", "Order"."card" AS "Order_card", "Order"."remark" AS "Order_remark", "Order"."person_id" AS "Order_person_id", "Order__Order_person"."id" AS "Order__Order_person_id", "Order__Order_person"."name" AS "Order__Order_person_name", "Order__Order_person"."email" AS "Order__Order_person_email", "Order__Order_person"."ssn" AS "Order__Order_person_ssn", "Order__Order_person"."birth" AS "Order__Order_person_birth", "Order__Order_person"."salary" AS "Order__Order_person_salary", "Order__Order_person"."notes" AS "Order__Order_person_notes", "Order__Order_person"."badge" AS "Order__Order_person_badge", "Order__Order_person"."token" AS "Order__Order_person_token", "Order__Order_person"."meta" AS "Order__Order_person_meta", "Order__Order_person"."seen" AS "Order__Order_person_seen", "Order__Order_person"."city" AS "Order__Order_person_city", "Order__Order_person"."active" AS "Order__Order_person_active", "Order__Order_person"."tags" AS "Order__Order_person_tags", "Order__Order_person"."created" AS "Order__Order_person_created" FROM "orders" "Order" LEFT JOIN "people" "Order__Order_person" ON "Order__Order_person"."id"="Order"."person_id" WHERE (((("Order__Order_person"."email" = $1)))) ORDER BY "Order"."id" ASC;

-- case: relationIds
SELECT "Contact"."id" AS "Contact_id", "Contact"."kind" AS "Contact_kind", "Contact"."mail" AS "Contact_mail", "Contact"."phone" AS "Contact_phone", "Contact"."comment" AS "Contact_comment", "Contact"."person_id" AS "Contact_person_id" FROM "contacts" "Contact" ORDER BY "Contact"."id" ASC;

-- case: counts
SELECT COUNT(1) AS "cnt" FROM "people" "Person";

-- case: counts
SELECT COUNT(1) AS "cnt" FROM "people" "Person" WHERE (("Person"."ssn" = $1));

-- case: counts
SELECT 1 AS "row_exists" FROM (SELECT 1 AS dummy_column) "dummy_table" WHERE EXISTS (SELECT 1 FROM "people" "Person" WHERE (("Person"."email" = $1))) LIMIT 1;

-- case: counts
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created" FROM "people" "Person" WHERE (("Person"."active" = $1)) ORDER BY "Person"."id" ASC LIMIT 2;

-- case: counts
SELECT COUNT(1) AS "cnt" FROM "people" "Person" WHERE (("Person"."active" = $1));

-- case: builder
SELECT "p"."id" AS "p_id", "p"."name" AS "p_name", "p"."email" AS "p_email", "p"."ssn" AS "p_ssn", "p"."birth" AS "p_birth", "p"."salary" AS "p_salary", "p"."notes" AS "p_notes", "p"."badge" AS "p_badge", "p"."token" AS "p_token", "p"."meta" AS "p_meta", "p"."seen" AS "p_seen", "p"."city" AS "p_city", "p"."active" AS "p_active", "p"."tags" AS "p_tags", "p"."created" AS "p_created", "c"."id" AS "c_id", "c"."kind" AS "c_kind", "c"."mail" AS "c_mail", "c"."phone" AS "c_phone", "c"."comment" AS "c_comment", "c"."person_id" AS "c_person_id" FROM "people" "p" LEFT JOIN "contacts" "c" ON "c"."person_id"="p"."id" AND ("c"."mail" = $1) WHERE "p"."email" IN ($2, $3) AND ("p"."ssn" IS NULL OR "p"."ssn" = $4) ORDER BY "p"."id" ASC, "c"."id" ASC;

-- case: builderRaw
SELECT "p"."id" AS id, "p"."email" AS email, "o"."card" AS card FROM "people" "p" INNER JOIN "orders" "o" ON "o"."person_id"="p"."id" ORDER BY "o"."id" ASC;

-- case: existsInBuilder
SELECT "p"."id" AS "p_id", "p"."name" AS "p_name", "p"."email" AS "p_email", "p"."ssn" AS "p_ssn", "p"."birth" AS "p_birth", "p"."salary" AS "p_salary", "p"."notes" AS "p_notes", "p"."badge" AS "p_badge", "p"."token" AS "p_token", "p"."meta" AS "p_meta", "p"."seen" AS "p_seen", "p"."city" AS "p_city", "p"."active" AS "p_active", "p"."tags" AS "p_tags", "p"."created" AS "p_created" FROM "people" "p" WHERE EXISTS (SELECT 1 FROM "contacts" "c" WHERE "c"."mail" = "p"."email") ORDER BY "p"."id" ASC;

-- case: inSubquery
SELECT "p"."id" AS "p_id", "p"."name" AS "p_name", "p"."email" AS "p_email", "p"."ssn" AS "p_ssn", "p"."birth" AS "p_birth", "p"."salary" AS "p_salary", "p"."notes" AS "p_notes", "p"."badge" AS "p_badge", "p"."token" AS "p_token", "p"."meta" AS "p_meta", "p"."seen" AS "p_seen", "p"."city" AS "p_city", "p"."active" AS "p_active", "p"."tags" AS "p_tags", "p"."created" AS "p_created" FROM "people" "p" WHERE "p"."email" IN (SELECT "c"."mail" AS "c_mail" FROM "contacts" "c" WHERE "c"."kind" = $1) ORDER BY "p"."id" ASC;

-- case: groupBy
SELECT "c"."mail" AS "mail", COUNT(*) AS "n" FROM "contacts" "c" GROUP BY "c"."mail" HAVING COUNT(*) > $1;

-- case: distinct
SELECT DISTINCT "c"."phone" AS "phone" FROM "contacts" "c";

-- case: distinctOn
SELECT DISTINCT ON ("c"."person_id") "c"."id" AS "c_id", "c"."kind" AS "c_kind", "c"."mail" AS "c_mail", "c"."phone" AS "c_phone", "c"."comment" AS "c_comment", "c"."person_id" AS "c_person_id" FROM "contacts" "c" ORDER BY "c"."person_id" ASC, "c"."id" ASC;

-- case: countDistinct
SELECT COUNT(DISTINCT "c"."mail") AS "n" FROM "contacts" "c";

-- case: scalarSubquery
SELECT "p"."id" AS "id", (SELECT "o"."card" AS "o_card" FROM "orders" "o" WHERE "o"."person_id" = "p"."id" ORDER BY "o"."id" DESC LIMIT 1) AS "card" FROM "people" "p" ORDER BY "p"."id" ASC;

-- case: fromSubquery
SELECT u.email AS "email", u.birth AS "birth" FROM (SELECT "p"."id" AS "id", "p"."email" AS "email", "p"."birth" AS "birth" FROM "people" "p" WHERE "p"."active") "u" WHERE u.email <> $1 ORDER BY u.id ASC;

-- case: commonTable
WITH "north" AS (SELECT "p"."id" AS "id", "p"."email" AS "email" FROM "people" "p" WHERE "p"."city" = 'Kiel') SELECT north.id, north.email FROM "north" "north" ORDER BY north.id ASC;

-- case: rawQueries
SELECT id, email, birth, salary FROM people WHERE email = $1;

-- case: rawQueries
SELECT id FROM people WHERE badge = ANY($1) ORDER BY id;

-- case: rawQueries
UPDATE people SET notes = $1, birth = $2, meta = $3, seen = $4 WHERE email = $5;

-- case: lines
SELECT "OrderLine"."id" AS "OrderLine_id", "OrderLine"."quantity" AS "OrderLine_quantity", "OrderLine"."order_id" AS "OrderLine_order_id", "OrderLine"."product_id" AS "OrderLine_product_id", "OrderLine__OrderLine_order"."id" AS "OrderLine__OrderLine_order_id", "OrderLine__OrderLine_order"."number" AS "OrderLine__OrderLine_order_number", "OrderLine__OrderLine_order"."status" AS "OrderLine__OrderLine_order_status", "OrderLine__OrderLine_order"."total" AS "OrderLine__OrderLine_order_total", "OrderLine__OrderLine_order"."placed" AS "OrderLine__OrderLine_order_placed", "OrderLine__OrderLine_order"."card" AS "OrderLine__OrderLine_order_card", "OrderLine__OrderLine_order"."remark" AS "OrderLine__OrderLine_order_remark", "OrderLine__OrderLine_order"."person_id" AS "OrderLine__OrderLine_order_person_id", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."id" AS "26eb5966f5028cb50842640fe8117a955a61971d", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."name" AS "f9250c7da6a6534c87673b735059bd6a35dbf871", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."email" AS "774a836b2ccbe34ffeadbe650627c49746b5eaf3", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."ssn" AS "1a5e7bee4fa09eb034cab6dada9f5b450cfb25b6", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."birth" AS "9423493acc7eaaefa80fe2f48311f58b4038893b", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."salary" AS "f70ffe418546ae8b8debb73000ee85d9fa63407e", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."notes" AS "36baec8f3ec636b2197091f98141a68b59551d55", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."badge" AS "f1d2c1068b419c857dd45a850003169a72b5f224", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."token" AS "87ef4f2f5ca1f9fe59776cf7eb4a86fc28228422", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."meta" AS "9e8d4e4d4ae68ca96cb6e8de605999e1cd7cb7d7", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."seen" AS "85964d5c8c3e5d7d1ea23bcd32398a864d556ae6", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."city" AS "6dac083972b28a9f08f408deb5600dbb53785adf", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."active" AS "16009c5ba36ab292c6e8a3196ef07851854a5b3b", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."tags" AS "cc0caa848d9b9037d4d6866174f4116c11223731", "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."created" AS "cc8ddda071005720e46bf9bd3d2e033c34c192df", "OrderLine__OrderLine_product"."id" AS "OrderLine__OrderLine_product_id", "OrderLine__OrderLine_product"."sku" AS "OrderLine__OrderLine_product_sku", "OrderLine__OrderLine_product"."label" AS "OrderLine__OrderLine_product_label", "OrderLine__OrderLine_product"."price" AS "OrderLine__OrderLine_product_price" FROM "order_lines" "OrderLine" LEFT JOIN "orders" "OrderLine__OrderLine_order" ON "OrderLine__OrderLine_order"."id"="OrderLine"."order_id" LEFT JOIN "people" "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person" ON "OrderLine__OrderLine_order__OrderLine__OrderLine_order_person"."id"="OrderLine__OrderLine_order"."person_id"  LEFT JOIN "products" "OrderLine__OrderLine_product" ON "OrderLine__OrderLine_product"."id"="OrderLine"."product_id" ORDER BY "OrderLine"."id" ASC;

-- case: coalesce
SELECT COALESCE("p"."notes", 'none') AS "shown" FROM "people" "p" ORDER BY "p"."id" ASC;

-- case: orderBySealed
SELECT "Person"."id" AS "Person_id", "Person"."name" AS "Person_name", "Person"."email" AS "Person_email", "Person"."ssn" AS "Person_ssn", "Person"."birth" AS "Person_birth", "Person"."salary" AS "Person_salary", "Person"."notes" AS "Person_notes", "Person"."badge" AS "Person_badge", "Person"."token" AS "Person_token", "Person"."meta" AS "Person_meta", "Person"."seen" AS "Person_seen", "Person"."city" AS "Person_city", "Person"."active" AS "Person_active", "Person"."tags" AS "Person_tags", "Person"."created" AS "Person_created" FROM "people" "Person" ORDER BY "Person"."email" ASC;

-- case: likeSealed
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."email" ILIKE $1)) ORDER BY "Person_id" ASC;

-- case: rangeOfSealed
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."birth" BETWEEN $1 AND $2)) ORDER BY "Person_id" ASC;

-- case: sumOfSealed
SELECT SUM("Person"."salary") AS "SUM" FROM "people" "Person";

-- case: randomizedCompared
SELECT "Person"."id" AS "Person_id" FROM "people" "Person" WHERE (("Person"."birth" = $1)) ORDER BY "Person_id" ASC;
