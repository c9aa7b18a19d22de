-- What Sequelize 6 over node-postgres sends in tests/orm, recorded by `make record-orms`.

-- case: connect
SET client_min_messages TO warning;SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE;

-- case: connect
WITH ranges AS (  SELECT pg_range.rngtypid, pg_type.typname AS rngtypname,         pg_type.typarray AS rngtyparray, pg_range.rngsubtype    FROM pg_range LEFT OUTER JOIN pg_type ON pg_type.oid = pg_range.rngtypid)SELECT pg_type.typname, pg_type.typtype, pg_type.oid, pg_type.typarray,       ranges.rngtypname, ranges.rngtypid, ranges.rngtyparray  FROM pg_type LEFT OUTER JOIN ranges ON pg_type.oid = ranges.rngsubtype WHERE (pg_type.typtype IN('b', 'e'));

-- case: create
INSERT INTO "people" ("id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES (DEFAULT,$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14) RETURNING "id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created";

-- case: create
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."id" = '6';

-- case: createWithContacts
INSERT INTO "people" ("id","name","email","city","active","tags","created") VALUES (DEFAULT,$1,$2,$3,$4,$5,$6) RETURNING "id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created";

-- case: createWithContacts
INSERT INTO "contacts" ("id","kind","mail","phone","person_id") VALUES (DEFAULT,$1,$2,$3,$4) RETURNING "id","kind","mail","phone","comment","person_id";

-- case: createWithContacts
INSERT INTO "contacts" ("id","kind","comment","person_id") VALUES (DEFAULT,$1,$2,$3) RETURNING "id","kind","mail","phone","comment","person_id";

-- case: createWithContacts
SELECT "Person"."id", "Person"."name", "Person"."email", "Person"."ssn", "Person"."birth", "Person"."salary", "Person"."notes", "Person"."badge", "Person"."token", "Person"."meta", "Person"."seen", "Person"."city", "Person"."active", "Person"."tags", "Person"."created", "contacts"."id" AS "contacts.id", "contacts"."kind" AS "contacts.kind", "contacts"."mail" AS "contacts.mail", "contacts"."phone" AS "contacts.phone", "contacts"."comment" AS "contacts.comment", "contacts"."person_id" AS "contacts.person_id" FROM "people" AS "Person" LEFT OUTER JOIN "contacts" AS "contacts" ON "Person"."id" = "contacts"."person_id" WHERE "Person"."id" = '6';

-- case: bulkCreate
INSERT INTO "people" ("id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES (DEFAULT,'New 0','new0@example.org',NULL,'1970-01-01',NULL,NULL,500,NULL,'{"i":0,"s":"''"}','2024-05-05 12:00:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'New 1','new1@example.org','901-00-0000','1970-01-02','251.25','it''s "1" \ $1 :x',501,'99999999-9999-4999-8999-999999999999','{"i":1,"s":"''"}','2024-05-05 12:01:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'New 2','new2@example.org','902-00-0000','1970-01-03','252.25',NULL,502,NULL,'{"i":2,"s":"''"}','2024-05-05 12:02:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'New 3','new3@example.org',NULL,'1970-01-04','253.25','it''s "3" \ $1 :x',503,'99999999-9999-4999-8999-999999999999','{"i":3,"s":"''"}','2024-05-05 12:03:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'New 4','new4@example.org','904-00-0000','1970-01-05',NULL,NULL,504,NULL,'{"i":4,"s":"''"}','2024-05-05 12:04:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'New 5','new5@example.org','905-00-0000','1970-01-06','255.25','it''s "5" \ $1 :x',505,'99999999-9999-4999-8999-999999999999','{"i":5,"s":"''"}','2024-05-05 12:05:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'New 6','new6@example.org',NULL,'1970-01-07','256.25',NULL,506,NULL,'{"i":6,"s":"''"}','2024-05-05 12:06:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'New 7','new7@example.org','907-00-0000','1970-01-08','257.25','it''s "7" \ $1 :x',507,'99999999-9999-4999-8999-999999999999','{"i":7,"s":"''"}','2024-05-05 12:07:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00') RETURNING "id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created";

-- case: bulkCreate
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" ORDER BY "Person"."id";

-- case: bulkCreateReturning
INSERT INTO "people" ("id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES (DEFAULT,'New 0','new0@example.org',NULL,'1970-01-01',NULL,NULL,500,NULL,'{"i":0,"s":"''"}','2024-05-05 12:00:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'New 1','new1@example.org','901-00-0000','1970-01-02','251.25','it''s "1" \ $1 :x',501,'99999999-9999-4999-8999-999999999999','{"i":1,"s":"''"}','2024-05-05 12:01:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'New 2','new2@example.org','902-00-0000','1970-01-03','252.25',NULL,502,NULL,'{"i":2,"s":"''"}','2024-05-05 12:02:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00') RETURNING "id","email","birth";

-- case: bulkCreateIgnoreDuplicates
INSERT INTO "people" ("id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES (DEFAULT,'New 0','new0@example.org',NULL,'1970-01-01',NULL,NULL,500,NULL,'{"i":0,"s":"''"}','2024-05-05 12:00:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'New 1','new1@example.org','901-00-0000','1970-01-02','251.25','it''s "1" \ $1 :x',501,'99999999-9999-4999-8999-999999999999','{"i":1,"s":"''"}','2024-05-05 12:01:00.000 +00:00','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'dup','ada@example.org',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00') ON CONFLICT DO NOTHING RETURNING "id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created";

-- case: bulkCreateUpdateOnDuplicate
INSERT INTO "people" ("id","name","email","salary","notes","badge","city","active","tags","created") VALUES (DEFAULT,'Ada II','ada@example.org','1.10','again',801,'',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00'),(DEFAULT,'Ida','ida@example.org',NULL,NULL,802,'',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00') ON CONFLICT ("email") DO UPDATE SET "name"=EXCLUDED."name","salary"=EXCLUDED."salary","notes"=EXCLUDED."notes","badge"=EXCLUDED."badge" RETURNING "id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created";

-- case: bulkCreateUpdateOnDuplicate
SELECT "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" ORDER BY "Person"."name";

-- case: upsert
INSERT INTO "people" ("name","email","notes","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT ("email") DO UPDATE SET "name"=EXCLUDED."name","notes"=EXCLUDED."notes" RETURNING "id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created";

-- case: upsert
INSERT INTO "orders" ("number","status","total","placed","card","remark") VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT ("number") DO UPDATE SET "number"=EXCLUDED."number","status"=EXCLUDED."status","total"=EXCLUDED."total","placed"=EXCLUDED."placed","card"=EXCLUDED."card","remark"=EXCLUDED."remark" RETURNING "id","number","status","total","placed","card","remark","person_id";

-- case: update
UPDATE "people" SET "notes"=$1,"birth"=$2,"salary"=$3,"seen"=$4,"meta"=$5,"token"=$6 WHERE "email" = $7;

-- case: update
UPDATE "orders" SET "status"=$1,"card"=$2 WHERE "card" IN ('4111 1111 1111 1111', 'none');

-- case: update
SELECT "id", "number", "status", "total", "placed", "card", "remark", "person_id" FROM "orders" AS "Order" ORDER BY "Order"."id";

-- case: updateReturning
UPDATE "people" SET "notes"=$1 WHERE "city" = $2 RETURNING "id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created";

-- case: saveAndReload
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."email" = 'ada@example.org';

-- case: saveAndReload
UPDATE "people" SET "email"=$1,"birth"=$2,"badge"=$3 WHERE "id" = $4;

-- case: saveAndReload
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."id" = '1';

-- case: increment
UPDATE "people" SET "badge"="badge"+ 10 WHERE "id" = 1 RETURNING *;

-- case: incrementAPlainColumn
UPDATE "orders" SET "total"="total"+ 5 WHERE "card" = '4111 1111 1111 1111' RETURNING *;

-- case: destroy
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."id" = 1;

-- case: destroy
DELETE FROM "people" WHERE "id" = '1';

-- case: destroy
DELETE FROM "contacts" WHERE "mail" = 'office@example.org';

-- case: destroy
SELECT count(*) AS "count" FROM "contacts" AS "Contact";

-- case: findOrCreate
START TRANSACTION;

-- case: findOrCreate
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."email" = 'ben@example.org';

-- case: findOrCreate
COMMIT;

-- case: findOrCreate
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."email" = 'new@example.org' AND "Person"."ssn" = '999-99-9999';

-- case: findOrCreate
CREATE OR REPLACE FUNCTION pg_temp.testfunc(OUT response "people", OUT sequelize_caught_exception text) RETURNS RECORD AS $func_1$ BEGIN INSERT INTO "people" ("id","name","email","ssn","city","active","tags","created") VALUES (DEFAULT,'New','new@example.org','999-99-9999','',true,ARRAY[]::TEXT[],'2024-06-01 00:00:00.000 +00:00') RETURNING * INTO response; EXCEPTION WHEN unique_violation THEN GET STACKED DIAGNOSTICS sequelize_caught_exception = PG_EXCEPTION_DETAIL; END $func_1$ LANGUAGE plpgsql; SELECT (testfunc.response)."id", (testfunc.response)."name", (testfunc.response)."email", (testfunc.response)."ssn", (testfunc.response)."birth", (testfunc.response)."salary", (testfunc.response)."notes", (testfunc.response)."badge", (testfunc.response)."token", (testfunc.response)."meta", (testfunc.response)."seen", (testfunc.response)."city", (testfunc.response)."active", (testfunc.response)."tags", (testfunc.response)."created", testfunc.sequelize_caught_exception FROM pg_temp.testfunc(); DROP FUNCTION IF EXISTS pg_temp.testfunc();

-- case: findCreateFind
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."email" = 'new@example.org';

-- case: findCreateFind
INSERT INTO "people" ("id","name","email","badge","city","active","tags","created") VALUES (DEFAULT,$1,$2,$3,$4,$5,$6,$7) RETURNING "id","name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created";

-- case: transactionWithLock
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."email" = 'ada@example.org' FOR UPDATE SKIP LOCKED;

-- case: transactionWithLock
UPDATE "people" SET "notes"=$1 WHERE "id" = $2;

-- case: transactionWithLock
SELECT "Order"."id", "Order"."number", "Order"."status", "Order"."total", "Order"."placed", "Order"."card", "Order"."remark", "Order"."person_id", "person"."id" AS "person.id", "person"."name" AS "person.name", "person"."email" AS "person.email", "person"."ssn" AS "person.ssn", "person"."birth" AS "person.birth", "person"."salary" AS "person.salary", "person"."notes" AS "person.notes", "person"."badge" AS "person.badge", "person"."token" AS "person.token", "person"."meta" AS "person.meta", "person"."seen" AS "person.seen", "person"."city" AS "person.city", "person"."active" AS "person.active", "person"."tags" AS "person.tags", "person"."created" AS "person.created" FROM "orders" AS "Order" INNER JOIN "people" AS "person" ON "Order"."person_id" = "person"."id" WHERE "Order"."card" = '4111 1111 1111 1111' ORDER BY "Order"."id" FOR UPDATE OF "Order";

-- case: savepoints
SAVEPOINT "1sp-1";

-- case: savepoints
ROLLBACK TO SAVEPOINT "1sp-1";

-- case: savepoints
SAVEPOINT "1sp-2";

-- case: tooLong
INSERT INTO "contacts" ("id","kind","phone","person_id") VALUES (DEFAULT,$1,$2,$3) RETURNING "id","kind","mail","phone","comment","person_id";

-- case: findByPk
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."id" = 2;

-- case: findByPk
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."id" = 99;

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."email" = 'ada@example.org' ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."email" != 'ada@example.org' ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."ssn" = '123-45-6789' ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."badge" = 104 ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."badge" = '104' ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."token" = '44444444-4444-4444-8444-444444444444' ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."ssn" IS NULL ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."birth" IS NOT NULL ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE NOT ("Person"."badge" = 104) ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."email" IN ('ada@example.org', 'ben@example.org', 'nobody') ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."email" NOT IN ('ada@example.org') ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."email" IN (NULL) ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."badge" IN (101, 105, 7) ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."email" = ANY (ARRAY['ada@example.org','x']) ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE "Person"."email" IS NULL ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE ("Person"."email" = 'ben@example.org' OR "Person"."badge" = 101 OR "Person"."city" = 'Ulm') ORDER BY "Person"."id";

-- case: filters
SELECT "id" FROM "people" AS "Person" WHERE ("Person"."ssn" = '123-45-6789' AND "Person"."active" = true) ORDER BY "Person"."id";

-- case: include
SELECT "Person"."id", "Person"."name", "Person"."email", "Person"."ssn", "Person"."birth", "Person"."salary", "Person"."notes", "Person"."badge", "Person"."token", "Person"."meta", "Person"."seen", "Person"."city", "Person"."active", "Person"."tags", "Person"."created", "contacts"."id" AS "contacts.id", "contacts"."kind" AS "contacts.kind", "contacts"."mail" AS "contacts.mail", "contacts"."phone" AS "contacts.phone", "contacts"."comment" AS "contacts.comment", "contacts"."person_id" AS "contacts.person_id", "orders"."id" AS "orders.id", "orders"."number" AS "orders.number", "orders"."status" AS "orders.status", "orders"."total" AS "orders.total", "orders"."placed" AS "orders.placed", "orders"."card" AS "orders.card", "orders"."remark" AS "orders.remark", "orders"."person_id" AS "orders.person_id" FROM "people" AS "Person" LEFT OUTER JOIN "contacts" AS "contacts" ON "Person"."id" = "contacts"."person_id" LEFT OUTER JOIN "orders" AS "orders" ON "Person"."id" = "orders"."person_id" ORDER BY "Person"."id", "contacts"."id", "orders"."id";

-- case: include
SELECT "Person"."id", "Person"."name", "Person"."email", "Person"."ssn", "Person"."birth", "Person"."salary", "Person"."notes", "Person"."badge", "Person"."token", "Person"."meta", "Person"."seen", "Person"."city", "Person"."active", "Person"."tags", "Person"."created", "contacts"."id" AS "contacts.id", "contacts"."kind" AS "contacts.kind", "contacts"."mail" AS "contacts.mail", "contacts"."phone" AS "contacts.phone", "contacts"."comment" AS "contacts.comment", "contacts"."person_id" AS "contacts.person_id" FROM "people" AS "Person" INNER JOIN "contacts" AS "contacts" ON "Person"."id" = "contacts"."person_id" AND "contacts"."mail" = 'office@example.org' ORDER BY "Person"."id";

-- case: includePage
SELECT "Person".*, "contacts"."id" AS "contacts.id", "contacts"."kind" AS "contacts.kind", "contacts"."mail" AS "contacts.mail", "contacts"."phone" AS "contacts.phone", "contacts"."comment" AS "contacts.comment", "contacts"."person_id" AS "contacts.person_id" FROM (SELECT "Person"."id", "Person"."name", "Person"."email", "Person"."ssn", "Person"."birth", "Person"."salary", "Person"."notes", "Person"."badge", "Person"."token", "Person"."meta", "Person"."seen", "Person"."city", "Person"."active", "Person"."tags", "Person"."created" FROM "people" AS "Person" ORDER BY "Person"."id" LIMIT 2 OFFSET 1) AS "Person" LEFT OUTER JOIN "contacts" AS "contacts" ON "Person"."id" = "contacts"."person_id" ORDER BY "Person"."id", "contacts"."id";

-- case: includePage
SELECT count(DISTINCT("Person"."id")) AS "count" FROM "people" AS "Person" LEFT OUTER JOIN "orders" AS "orders" ON "Person"."id" = "orders"."person_id" WHERE "Person"."active" = true;

-- case: includePage
SELECT "Person".*, "orders"."id" AS "orders.id", "orders"."number" AS "orders.number", "orders"."status" AS "orders.status", "orders"."total" AS "orders.total", "orders"."placed" AS "orders.placed", "orders"."card" AS "orders.card", "orders"."remark" AS "orders.remark", "orders"."person_id" AS "orders.person_id" FROM (SELECT "Person"."id", "Person"."name", "Person"."email", "Person"."ssn", "Person"."birth", "Person"."salary", "Person"."notes", "Person"."badge", "Person"."token", "Person"."meta", "Person"."seen", "Person"."city", "Person"."active", "Person"."tags", "Person"."created" FROM "people" AS "Person" WHERE "Person"."active" = true ORDER BY "Person"."id" LIMIT 2) AS "Person" LEFT OUTER JOIN "orders" AS "orders" ON "Person"."id" = "orders"."person_id" ORDER BY "Person"."id", "orders"."id";

-- case: includePageOnSealed
SELECT "Person".*, "contacts"."id" AS "contacts.id", "contacts"."kind" AS "contacts.kind", "contacts"."mail" AS "contacts.mail", "contacts"."phone" AS "contacts.phone", "contacts"."comment" AS "contacts.comment", "contacts"."person_id" AS "contacts.person_id" FROM (SELECT "Person"."id", "Person"."name", "Person"."email", "Person"."ssn", "Person"."birth", "Person"."salary", "Person"."notes", "Person"."badge", "Person"."token", "Person"."meta", "Person"."seen", "Person"."city", "Person"."active", "Person"."tags", "Person"."created" FROM "people" AS "Person" WHERE "Person"."email" IN ('ada@example.org', 'ben@example.org') AND ( SELECT "person_id" FROM "contacts" AS "contacts" WHERE ("contacts"."kind" = 'home' AND "contacts"."person_id" = "Person"."id") LIMIT 1 ) IS NOT NULL ORDER BY "Person"."id" LIMIT 2) AS "Person" INNER JOIN "contacts" AS "contacts" ON "Person"."id" = "contacts"."person_id" AND "contacts"."kind" = 'home' ORDER BY "Person"."id";

-- case: includeSeparately
SELECT "Person"."id", "Person"."name", "Person"."email", "Person"."ssn", "Person"."birth", "Person"."salary", "Person"."notes", "Person"."badge", "Person"."token", "Person"."meta", "Person"."seen", "Person"."city", "Person"."active", "Person"."tags", "Person"."created" FROM "people" AS "Person" ORDER BY "Person"."id";

-- case: includeSeparately
SELECT "id", "kind", "mail", "phone", "comment", "person_id" FROM "contacts" AS "Contact" WHERE "Contact"."person_id" IN ('1', '2', '3', '4', '5') ORDER BY "Contact"."id";

-- case: includeNested
SELECT "Order"."id", "Order"."number", "Order"."status", "Order"."total", "Order"."placed", "Order"."card", "Order"."remark", "Order"."person_id", "person"."id" AS "person.id", "person"."name" AS "person.name", "person"."email" AS "person.email", "person"."ssn" AS "person.ssn", "person"."birth" AS "person.birth", "person"."salary" AS "person.salary", "person"."notes" AS "person.notes", "person"."badge" AS "person.badge", "person"."token" AS "person.token", "person"."meta" AS "person.meta", "person"."seen" AS "person.seen", "person"."city" AS "person.city", "person"."active" AS "person.active", "person"."tags" AS "person.tags", "person"."created" AS "person.created", "lines"."id" AS "lines.id", "lines"."quantity" AS "lines.quantity", "lines"."order_id" AS "lines.order_id", "lines"."product_id" AS "lines.product_id", "products"."id" AS "products.id", "products"."sku" AS "products.sku", "products"."label" AS "products.label", "products"."price" AS "products.price", "products->OrderLine"."id" AS "products.OrderLine.id", "products->OrderLine"."quantity" AS "products.OrderLine.quantity" FROM "orders" AS "Order" LEFT OUTER JOIN "people" AS "person" ON "Order"."person_id" = "person"."id" LEFT OUTER JOIN "order_lines" AS "lines" ON "Order"."id" = "lines"."order_id" LEFT OUTER JOIN ( "order_lines" AS "products->OrderLine" INNER JOIN "products" AS "products" ON "products"."id" = "products->OrderLine"."product_id") ON "Order"."id" = "products->OrderLine"."order_id" ORDER BY "Order"."id", "lines"."id", "products"."sku";

-- case: includeThroughTable
SELECT "Product"."id", "Product"."sku", "Product"."label", "Product"."price", "orders"."id" AS "orders.id", "orders"."number" AS "orders.number", "orders"."card" AS "orders.card", "orders"."remark" AS "orders.remark", "orders->OrderLine"."id" AS "orders.OrderLine.id", "orders->OrderLine"."quantity" AS "orders.OrderLine.quantity", "orders->OrderLine"."order_id" AS "orders.OrderLine.order_id", "orders->OrderLine"."product_id" AS "orders.OrderLine.product_id" FROM "products" AS "Product" LEFT OUTER JOIN ( "order_lines" AS "orders->OrderLine" INNER JOIN "orders" AS "orders" ON "orders"."id" = "orders->OrderLine"."order_id") ON "Product"."id" = "orders->OrderLine"."product_id" ORDER BY "Product"."sku", "orders"."id";

-- case: whereOfIncluded
SELECT "Order"."id", "Order"."number", "Order"."status", "Order"."total", "Order"."placed", "Order"."card", "Order"."remark", "Order"."person_id", "person"."id" AS "person.id", "person"."name" AS "person.name", "person"."email" AS "person.email", "person"."ssn" AS "person.ssn", "person"."birth" AS "person.birth", "person"."salary" AS "person.salary", "person"."notes" AS "person.notes", "person"."badge" AS "person.badge", "person"."token" AS "person.token", "person"."meta" AS "person.meta", "person"."seen" AS "person.seen", "person"."city" AS "person.city", "person"."active" AS "person.active", "person"."tags" AS "person.tags", "person"."created" AS "person.created" FROM "orders" AS "Order" LEFT OUTER JOIN "people" AS "person" ON "Order"."person_id" = "person"."id" WHERE "person"."email" = 'ada@example.org' ORDER BY "Order"."id";

-- case: lazily
SELECT "id", "kind", "mail", "phone", "comment", "person_id" FROM "contacts" AS "Contact" WHERE "Contact"."phone" = '0421 3' LIMIT 1;

-- case: lazily
SELECT "id", "kind", "mail", "phone", "comment", "person_id" FROM "contacts" AS "Contact" WHERE "Contact"."person_id" = '1' ORDER BY "Contact"."id";

-- case: lazily
SELECT COUNT("Order"."id") AS "count" FROM "orders" AS "Order" WHERE "Order"."person_id" = '1';

-- case: lazily
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."id" = '2';

-- case: counts
SELECT count(*) AS "count" FROM "people" AS "Person";

-- case: counts
SELECT count(*) AS "count" FROM "people" AS "Person" WHERE "Person"."ssn" = '123-45-6789';

-- case: counts
SELECT count("ssn") AS "count" FROM "people" AS "Person";

-- case: counts
SELECT count("Person"."id") AS "count" FROM "people" AS "Person" INNER JOIN "contacts" AS "contacts" ON "Person"."id" = "contacts"."person_id" AND "contacts"."mail" = 'office@example.org';

-- case: countDistinct
SELECT count(DISTINCT("ssn")) AS "count" FROM "people" AS "Person";

-- case: countDistinct
SELECT count(DISTINCT("mail")) AS "count" FROM "contacts" AS "Contact";

-- case: distinctValues
SELECT DISTINCT("mail") AS "DISTINCT" FROM "contacts" AS "Contact";

-- case: groupBy
SELECT "mail", COUNT("id") AS "n" FROM "contacts" AS "Contact" GROUP BY "mail";

-- case: groupByPlain
SELECT "city", COUNT("id") AS "n" FROM "people" AS "Person" GROUP BY "city" ORDER BY "Person"."city";

-- case: groupByCount
SELECT "card", count(*) AS "count" FROM "orders" AS "Order" GROUP BY "card";

-- case: attributes
SELECT "id", "email" AS "address", "birth" FROM "people" AS "Person" ORDER BY "Person"."id";

-- case: attributes
SELECT "id", "name", "email", "ssn", "birth", "salary", "badge", "token", "seen", "city", "active", "tags", "created", (SELECT count(*) FROM orders WHERE person_id = "Person".id) AS "orders" FROM "people" AS "Person" ORDER BY "Person"."id";

-- case: scalarSubqueryOfSealed
SELECT "id", (SELECT card FROM orders WHERE person_id = "Person".id ORDER BY id DESC LIMIT 1) AS "card" FROM "people" AS "Person" ORDER BY "Person"."id";

-- case: exists
SELECT "id" FROM "people" AS "Person" WHERE EXISTS (SELECT 1 FROM contacts c WHERE c.mail = "Person".email) = true ORDER BY "Person"."id";

-- case: inSubquery
SELECT "id" FROM "people" AS "Person" WHERE "Person"."email" IN (SELECT mail FROM contacts WHERE kind = 'home') ORDER BY "Person"."id";

-- case: coalesce
SELECT "id", COALESCE("notes", 'none') AS "shown" FROM "people" AS "Person" ORDER BY "Person"."id";

-- case: pages
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" ORDER BY "Person"."id" DESC LIMIT 2 OFFSET 2;

-- case: pages
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" WHERE "Person"."id" > 2 ORDER BY "Person"."id" LIMIT 2;

-- case: rawQueries
SELECT id, email, birth, salary FROM people WHERE email = 'ada@example.org';

-- case: rawQueries
SELECT * FROM people WHERE badge = $1;

-- case: rawQueries
SELECT id FROM people WHERE email IN ('ada@example.org', 'cem@example.org') ORDER BY id;

-- case: rawQueries
SELECT id FROM people WHERE email = ANY($1) ORDER BY id;

-- case: rawQueries
UPDATE people SET notes = $1, birth = $2, meta = $3, seen = $4 WHERE email = $5 RETURNING id, notes, birth, seen;

-- case: rawQueries
SELECT * FROM people WHERE ssn = '223-45-6789';

-- case: many
SELECT "id", "number", "status", "total", "placed", "card", "remark", "person_id" FROM "orders" AS "Order" WHERE "Order"."number" = 1004;

-- case: many
SELECT "id", "sku", "label", "price" FROM "products" AS "Product" WHERE "Product"."sku" = 'A-1';

-- case: many
SELECT "id", "quantity", "order_id", "product_id" FROM "order_lines" AS "OrderLine" WHERE "OrderLine"."order_id" = '4' AND "OrderLine"."product_id" IN ('aaaaaaaa-0000-4000-8000-000000000001');

-- case: many
INSERT INTO "order_lines" ("id","quantity","order_id","product_id") VALUES (DEFAULT,3,'4','aaaaaaaa-0000-4000-8000-000000000001') RETURNING "id","quantity","order_id","product_id";

-- case: many
SELECT "id", "quantity", "order_id", "product_id" FROM "order_lines" AS "OrderLine" WHERE "OrderLine"."order_id" = '4';

-- case: orderBySealed
SELECT "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" FROM "people" AS "Person" ORDER BY "Person"."email";

-- case: likeSealed
SELECT "id" FROM "people" AS "Person" WHERE "Person"."email" ILIKE 'ADA%' ORDER BY "Person"."id";

-- case: rangeOfSealed
SELECT "id" FROM "people" AS "Person" WHERE "Person"."birth" BETWEEN '1990-01-01' AND '1990-12-31' ORDER BY "Person"."id";

-- case: sumOfSealed
SELECT sum("salary") AS "sum" FROM "people" AS "Person";

-- case: maxOfSealed
SELECT max("badge") AS "max" FROM "people" AS "Person";

-- case: randomizedCompared
SELECT "id" FROM "people" AS "Person" WHERE "Person"."birth" = '1990-02-28' ORDER BY "Person"."id";

-- case: jsonPathInSealed
SELECT "id" FROM "people" AS "Person" WHERE ("Person"."meta"#>>'{blood}') = 'A+' ORDER BY "Person"."id";
