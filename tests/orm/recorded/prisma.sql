-- What Prisma 7 over node-postgres sends in tests/orm, recorded by `make record-orms`.

-- case: create
INSERT INTO "public"."people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14) RETURNING "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created";

-- case: createNested
BEGIN;

-- case: createNested
INSERT INTO "public"."people" ("name","email","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6) RETURNING "public"."people"."id";

-- case: createNested
INSERT INTO "public"."contacts" ("person_id","kind","mail","phone","comment") VALUES ($1,$2,$3,$4,null), ($5,$6,null,null,$7);

-- case: createNested
INSERT INTO "public"."orders" ("person_id","number","status","total","placed","card","remark") VALUES ($1,$2,$3,$4,$5,$6,$7) RETURNING "public"."orders"."id";

-- case: createNested
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE "public"."people"."id" = $1 LIMIT $2 OFFSET $3;

-- case: createNested
SELECT "public"."contacts"."id", "public"."contacts"."person_id", "public"."contacts"."kind", "public"."contacts"."mail", "public"."contacts"."phone", "public"."contacts"."comment" FROM "public"."contacts" WHERE "public"."contacts"."person_id" = $1 ORDER BY "public"."contacts"."id" ASC OFFSET $2;

-- case: createNested
SELECT "public"."orders"."id", "public"."orders"."person_id", "public"."orders"."number", "public"."orders"."status", "public"."orders"."total", "public"."orders"."placed", "public"."orders"."card", "public"."orders"."remark" FROM "public"."orders" WHERE "public"."orders"."person_id" = $1 OFFSET $2;

-- case: createNested
COMMIT;

-- case: createMany
INSERT INTO "public"."people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14), ($15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28), ($29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42), ($43,$44,$45,$46,$47,$48,$49,$50,$51,$52,$53,$54,$55,$56), ($57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70), ($71,$72,$73,$74,$75,$76,$77,$78,$79,$80,$81,$82,$83,$84), ($85,$86,$87,$88,$89,$90,$91,$92,$93,$94,$95,$96,$97,$98), ($99,$100,$101,$102,$103,$104,$105,$106,$107,$108,$109,$110,$111,$112);

-- case: createMany
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE 1=1 ORDER BY "public"."people"."id" ASC OFFSET $1;

-- case: createManyAndReturn
INSERT INTO "public"."people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14), ($15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28), ($29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42) RETURNING "public"."people"."id", "public"."people"."email", "public"."people"."birth", "public"."people"."salary";

-- case: createManySkippingDuplicates
INSERT INTO "public"."people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14), ($15,$16,null,null,null,null,null,null,null,null,$17,$18,$19,$20) ON CONFLICT DO NOTHING;

-- case: upsert
INSERT INTO "public"."people" ("name","email","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT ("email") DO UPDATE SET "notes" = $7, "birth" = $8 WHERE ("public"."people"."email" = $9 AND 1=1) RETURNING "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created";

-- case: upsert
INSERT INTO "public"."people" ("name","email","badge","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT ("email") DO UPDATE SET "name" = $8 WHERE ("public"."people"."email" = $9 AND 1=1) RETURNING "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created";

-- case: upsertWithOtherKeys
SELECT "public"."people"."id" FROM "public"."people" WHERE ("public"."people"."email" = $1 AND "public"."people"."active" = $2) OFFSET $3;

-- case: upsertWithOtherKeys
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE (("public"."people"."email" = $1 AND "public"."people"."active" = $2) AND "public"."people"."id" IN ($3)) LIMIT $4 OFFSET $5;

-- case: upsertWithOtherKeys
INSERT INTO "public"."contacts" ("person_id","kind","mail") VALUES ($1,$2,$3) RETURNING "public"."contacts"."id";

-- case: update
UPDATE "public"."people" SET "notes" = $1, "birth" = $2, "salary" = $3, "seen" = $4, "meta" = $5, "token" = $6 WHERE ("public"."people"."email" = $7 AND 1=1) RETURNING "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created";

-- case: update
UPDATE "public"."orders" SET "status" = $1, "card" = $2 WHERE "public"."orders"."card" IN ($3,$4);

-- case: update
SELECT "public"."orders"."id", "public"."orders"."person_id", "public"."orders"."number", "public"."orders"."status", "public"."orders"."total", "public"."orders"."placed", "public"."orders"."card", "public"."orders"."remark" FROM "public"."orders" WHERE 1=1 ORDER BY "public"."orders"."id" ASC OFFSET $1;

-- case: updateMissing
UPDATE "public"."people" SET "notes" = $1 WHERE ("public"."people"."email" = $2 AND 1=1) RETURNING "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created";

-- case: updateManyAndReturn
UPDATE "public"."people" SET "notes" = $1 WHERE "public"."people"."city" = $2 RETURNING "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created";

-- case: updateNested
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE ("public"."people"."id" = $1 AND 1=1) LIMIT $2 OFFSET $3;

-- case: updateNested
SELECT "public"."contacts"."id", "public"."contacts"."person_id" FROM "public"."contacts" WHERE ("public"."contacts"."mail" = $1 AND "public"."contacts"."person_id" IN ($2)) OFFSET $3;

-- case: updateNested
UPDATE "public"."contacts" SET "phone" = $1 WHERE ("public"."contacts"."id" IN ($2) AND 1=1);

-- case: updateNested
SELECT "public"."contacts"."id", "public"."contacts"."person_id" FROM "public"."contacts" WHERE ("public"."contacts"."kind" = $1 AND "public"."contacts"."person_id" IN ($2)) OFFSET $3;

-- case: updateNested
DELETE FROM "public"."contacts" WHERE ("public"."contacts"."id" IN ($1) AND 1=1);

-- case: increment
UPDATE "public"."people" SET "badge" = ("public"."people"."badge" + $1) WHERE ("public"."people"."id" = $2 AND 1=1) RETURNING "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created";

-- case: incrementAPlainColumn
UPDATE "public"."orders" SET "total" = ("public"."orders"."total" + $1) WHERE "public"."orders"."card" = $2;

-- case: incrementAPlainColumn
SELECT "public"."orders"."id", "public"."orders"."total" FROM "public"."orders" WHERE 1=1 ORDER BY "public"."orders"."id" ASC OFFSET $1;

-- case: remove
DELETE FROM "public"."contacts" WHERE "public"."contacts"."mail" = $1;

-- case: remove
DELETE FROM "public"."people" WHERE ("public"."people"."email" = $1 AND 1=1) RETURNING "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created";

-- case: transaction
SELECT id FROM people WHERE email = $1 FOR UPDATE SKIP LOCKED;

-- case: transaction
SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."notes" IS NOT NULL OFFSET $1) AS "sub";

-- case: batch
INSERT INTO "public"."people" ("name","email","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6) RETURNING "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created";

-- case: batch
SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."contacts"."id" FROM "public"."contacts" WHERE "public"."contacts"."phone" = $1 OFFSET $2) AS "sub";

-- case: rolledBack
ROLLBACK;

-- case: rolledBack
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."email" = $1 ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: tooLong
INSERT INTO "public"."contacts" ("person_id","kind","phone") VALUES ($1,$2,$3) RETURNING "public"."contacts"."id", "public"."contacts"."person_id", "public"."contacts"."kind", "public"."contacts"."mail", "public"."contacts"."phone", "public"."contacts"."comment";

-- case: finds
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE ("public"."people"."email" = $1 AND 1=1) LIMIT $2 OFFSET $3;

-- case: finds
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE ("public"."people"."badge" = $1 AND 1=1) LIMIT $2 OFFSET $3;

-- case: finds
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE "public"."people"."ssn" = $1 ORDER BY "public"."people"."id" ASC LIMIT $2 OFFSET $3;

-- case: findUniquesAtOnce
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE "public"."people"."email" IN ($1,$2,$3) OFFSET $4;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."email" <> $1 ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."ssn" = $1 ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."badge" = $1 ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."badge" <> $1 ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE (NOT "public"."people"."badge" = $1) ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."token" = $1 ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."ssn" IS NULL ORDER BY "public"."people"."id" ASC OFFSET $1;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."birth" IS NOT NULL ORDER BY "public"."people"."id" ASC OFFSET $1;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."email" IN ($1,$2,$3) ORDER BY "public"."people"."id" ASC OFFSET $4;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."email" NOT IN ($1) ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE 1=0 ORDER BY "public"."people"."id" ASC OFFSET $1;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."badge" IN ($1,$2) ORDER BY "public"."people"."id" ASC OFFSET $3;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE ("public"."people"."email" = $1 OR "public"."people"."badge" = $2 OR "public"."people"."city" = $3) ORDER BY "public"."people"."id" ASC OFFSET $4;

-- case: filters
SELECT "public"."people"."id" FROM "public"."people" WHERE ("public"."people"."ssn" = $1 AND "public"."people"."active" = $2) ORDER BY "public"."people"."id" ASC OFFSET $3;

-- case: relationFilters
SELECT "public"."people"."id" FROM "public"."people" WHERE EXISTS(SELECT "t0"."person_id" FROM "public"."contacts" AS "t0" WHERE ("t0"."mail" = $1 AND ("public"."people"."id") = ("t0"."person_id") AND "t0"."person_id" IS NOT NULL)) ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: relationFilters
SELECT "public"."people"."id" FROM "public"."people" WHERE NOT EXISTS(SELECT "t0"."person_id" FROM "public"."contacts" AS "t0" WHERE ("t0"."mail" = $1 AND ("public"."people"."id") = ("t0"."person_id") AND "t0"."person_id" IS NOT NULL)) ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: relationFilters
SELECT "public"."people"."id" FROM "public"."people" WHERE NOT EXISTS(SELECT "t0"."person_id" FROM "public"."contacts" AS "t0" WHERE ((NOT "t0"."phone" = $1) AND ("public"."people"."id") = ("t0"."person_id") AND "t0"."person_id" IS NOT NULL)) ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: relationFilters
SELECT "public"."people"."id" FROM "public"."people" WHERE EXISTS(SELECT "t0"."person_id" FROM "public"."orders" AS "t0" WHERE ("t0"."card" = $1 AND EXISTS(SELECT "t1"."order_id" FROM "public"."order_lines" AS "t1" WHERE ("t1"."quantity" = $2 AND ("t0"."id") = ("t1"."order_id") AND "t1"."order_id" IS NOT NULL)) AND ("public"."people"."id") = ("t0"."person_id") AND "t0"."person_id" IS NOT NULL)) ORDER BY "public"."people"."id" ASC OFFSET $3;

-- case: relationFilters
SELECT "public"."orders"."id", "public"."orders"."person_id", "public"."orders"."number", "public"."orders"."status", "public"."orders"."total", "public"."orders"."placed", "public"."orders"."card", "public"."orders"."remark" FROM "public"."orders" LEFT JOIN "public"."people" AS "j0" ON ("j0"."id") = ("public"."orders"."person_id") WHERE ("j0"."email" = $1 AND ("j0"."id" IS NOT NULL)) ORDER BY "public"."orders"."id" ASC OFFSET $2;

-- case: relationFilters
SELECT "public"."contacts"."id", "public"."contacts"."person_id", "public"."contacts"."kind", "public"."contacts"."mail", "public"."contacts"."phone", "public"."contacts"."comment" FROM "public"."contacts" LEFT JOIN "public"."people" AS "j0" ON ("j0"."id") = ("public"."contacts"."person_id") WHERE ((NOT "j0"."ssn" = $1) OR ("j0"."id" IS NULL)) ORDER BY "public"."contacts"."id" ASC OFFSET $2;

-- case: include
SELECT "public"."contacts"."id", "public"."contacts"."person_id", "public"."contacts"."kind", "public"."contacts"."mail", "public"."contacts"."phone", "public"."contacts"."comment" FROM "public"."contacts" WHERE "public"."contacts"."person_id" IN ($1,$2,$3,$4,$5) ORDER BY "public"."contacts"."id" ASC OFFSET $6;

-- case: include
SELECT "public"."orders"."id", "public"."orders"."person_id", "public"."orders"."number", "public"."orders"."status", "public"."orders"."total", "public"."orders"."placed", "public"."orders"."card", "public"."orders"."remark" FROM "public"."orders" WHERE "public"."orders"."person_id" IN ($1,$2,$3,$4,$5) ORDER BY "public"."orders"."id" ASC OFFSET $6;

-- case: include
SELECT "public"."order_lines"."id", "public"."order_lines"."order_id", "public"."order_lines"."product_id", "public"."order_lines"."quantity" FROM "public"."order_lines" WHERE "public"."order_lines"."order_id" IN ($1,$2,$3,$4) ORDER BY "public"."order_lines"."id" ASC OFFSET $5;

-- case: include
SELECT "public"."products"."id", "public"."products"."sku", "public"."products"."label", "public"."products"."price" FROM "public"."products" WHERE "public"."products"."id" IN ($1,$2,$3,$4) OFFSET $5;

-- case: includeSome
SELECT "public"."people"."id", "public"."people"."email", "public"."people"."birth", COALESCE("aggr_selection_0_Order"."_aggr_count_orders", 0) AS "_aggr_count_orders" FROM "public"."people" LEFT JOIN (SELECT "public"."orders"."person_id", COUNT(*) AS "_aggr_count_orders" FROM "public"."orders" WHERE 1=1 GROUP BY "public"."orders"."person_id") AS "aggr_selection_0_Order" ON ("public"."people"."id" = "aggr_selection_0_Order"."person_id") WHERE "public"."people"."email" IN ($1,$2) ORDER BY "public"."people"."id" ASC OFFSET $3;

-- case: includeSome
SELECT "public"."contacts"."id", "public"."contacts"."phone", "public"."contacts"."person_id" FROM "public"."contacts" WHERE ("public"."contacts"."mail" = $1 AND "public"."contacts"."person_id" IN ($2,$3)) OFFSET $4;

-- case: includeOwner
SELECT "public"."people"."id", "public"."people"."email", "public"."people"."salary" FROM "public"."people" WHERE "public"."people"."id" IN ($1,$2,$3,$4,$5) OFFSET $6;

-- case: fluent
SELECT "public"."people"."id" FROM "public"."people" WHERE ("public"."people"."email" = $1 AND 1=1) LIMIT $2 OFFSET $3;

-- case: counts
SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."people"."id" FROM "public"."people" WHERE 1=1 OFFSET $1) AS "sub";

-- case: counts
SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."ssn" = $1 OFFSET $2) AS "sub";

-- case: counts
SELECT COUNT("ssn") AS "_count$ssn", COUNT(*) AS "_count$_all" FROM (SELECT "public"."people"."ssn" FROM "public"."people" WHERE 1=1 OFFSET $1) AS "sub";

-- case: counts
SELECT COUNT("birth") AS "_count$birth" FROM (SELECT "public"."people"."birth" FROM "public"."people" WHERE "public"."people"."active" = $1 OFFSET $2) AS "sub";

-- case: distinct
SELECT "public"."contacts"."id", "public"."contacts"."mail", "public"."contacts"."kind" FROM "public"."contacts" WHERE 1=1 ORDER BY "public"."contacts"."id" ASC OFFSET $1;

-- case: groupBy
SELECT COUNT(*) AS "_count$_all", "public"."contacts"."mail" FROM "public"."contacts" WHERE 1=1 GROUP BY "public"."contacts"."mail" HAVING "public"."contacts"."mail" IS NOT NULL OFFSET $1;

-- case: groupByPlain
SELECT COUNT("public"."people"."ssn") AS "_count$ssn", "public"."people"."city" FROM "public"."people" WHERE 1=1 GROUP BY "public"."people"."city" ORDER BY "public"."people"."city" ASC OFFSET $1;

-- case: pages
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE 1=1 ORDER BY "public"."people"."id" DESC LIMIT $1 OFFSET $2;

-- case: pages
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE "public"."people"."id" >= (SELECT "public"."people"."id" FROM "public"."people" WHERE ("public"."people"."id") = ($1)) ORDER BY "public"."people"."id" ASC LIMIT $2 OFFSET $3;

-- case: cursorOnSealed
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE "public"."people"."id" >= (SELECT "public"."people"."id" FROM "public"."people" WHERE ("public"."people"."email") = ($1)) ORDER BY "public"."people"."id" ASC LIMIT $2 OFFSET $3;

-- case: rawQueries
SELECT id, email, birth, salary FROM people WHERE email = $1;

-- case: rawQueries
SELECT id FROM people WHERE email IN ($1,$2) ORDER BY id;

-- case: rawQueries
SELECT id FROM people WHERE email = ANY($1) ORDER BY id;

-- case: rawQueries
UPDATE people SET notes = $1, birth = $2::date, seen = $3 WHERE badge = $4;

-- case: rawQueries
SELECT * FROM people WHERE ssn = $1;

-- case: orderBySealed
SELECT "public"."people"."id", "public"."people"."name", "public"."people"."email", "public"."people"."ssn", "public"."people"."birth", "public"."people"."salary", "public"."people"."notes", "public"."people"."badge", "public"."people"."token", "public"."people"."meta", "public"."people"."seen", "public"."people"."city", "public"."people"."active", "public"."people"."tags", "public"."people"."created" FROM "public"."people" WHERE 1=1 ORDER BY "public"."people"."email" ASC OFFSET $1;

-- case: likeSealed
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."email"::text LIKE ($1 || '%') ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: rangeOfSealed
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."birth" >= $1 ORDER BY "public"."people"."id" ASC OFFSET $2;

-- case: sumOfSealed
SELECT SUM("salary") AS "_sum$salary" FROM (SELECT "public"."people"."salary" FROM "public"."people" WHERE 1=1 OFFSET $1) AS "sub";

-- case: randomizedCompared
SELECT "public"."people"."id" FROM "public"."people" WHERE "public"."people"."salary" = $1 ORDER BY "public"."people"."id" ASC OFFSET $2;
