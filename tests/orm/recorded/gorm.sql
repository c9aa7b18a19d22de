-- What GORM over pgx sends in tests/orm, recorded by `make record-orms`.

-- case: connect
-- ping;

-- case: create
begin;

-- case: create
INSERT INTO "people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14) RETURNING "id";

-- case: create
commit;

-- case: create
SELECT * FROM "people" WHERE "people"."id" = $1 ORDER BY "people"."id" LIMIT $2;

-- case: create_with_associations
INSERT INTO "people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,NULL,$9,$10,$11,$12,$13) RETURNING "id";

-- case: create_with_associations
INSERT INTO "contacts" ("person_id","kind","mail","phone","comment") VALUES ($1,$2,$3,$4,$5),($6,$7,$8,$9,$10) ON CONFLICT ("id") DO UPDATE SET "person_id"="excluded"."person_id" RETURNING "id";

-- case: create_with_associations
INSERT INTO "orders" ("person_id","number","status","total","placed","card","remark") VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT ("id") DO UPDATE SET "person_id"="excluded"."person_id" RETURNING "id";

-- case: create_with_associations
SELECT * FROM "contacts" WHERE "contacts"."person_id" = $1;

-- case: create_with_associations
SELECT * FROM "orders" WHERE "orders"."person_id" = $1;

-- case: create_in_batches
INSERT INTO "people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,NULL,$9,$10,$11,$12,$13),($14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27),($28,$29,$30,$31,$32,$33,$34,$35,NULL,$36,$37,$38,$39,$40),($41,$42,$43,$44,$45,$46,$47,$48,$49,$50,$51,$52,$53,$54),($55,$56,$57,$58,$59,$60,$61,$62,NULL,$63,$64,$65,$66,$67),($68,$69,$70,$71,$72,$73,$74,$75,$76,$77,$78,$79,$80,$81),($82,$83,$84,$85,$86,$87,$88,$89,NULL,$90,$91,$92,$93,$94),($95,$96,$97,$98,$99,$100,$101,$102,$103,$104,$105,$106,$107,$108),($109,$110,$111,$112,$113,$114,$115,$116,NULL,$117,$118,$119,$120,$121),($122,$123,$124,$125,$126,$127,$128,$129,$130,$131,$132,$133,$134,$135) RETURNING "id";

-- case: create_in_batches
INSERT INTO "people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,NULL,$9,$10,$11,$12,$13),($14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27),($28,$29,$30,$31,$32,$33,$34,$35,NULL,$36,$37,$38,$39,$40),($41,$42,$43,$44,$45,$46,$47,$48,$49,$50,$51,$52,$53,$54),($55,$56,$57,$58,$59,$60,$61,$62,NULL,$63,$64,$65,$66,$67) RETURNING "id";

-- case: create_in_batches
SELECT * FROM "people" ORDER BY id;

-- case: create_from_map
INSERT INTO "contacts" ("kind","mail","person_id") VALUES ($1,$2,$3),($4,$5,$6) RETURNING "id";

-- case: create_from_map
SELECT * FROM "contacts" ORDER BY id;

-- case: save
SELECT * FROM "people" WHERE email = $1 ORDER BY "people"."id" LIMIT $2;

-- case: save
UPDATE "people" SET "name"=$1,"email"=$2,"ssn"=$3,"birth"=$4,"salary"=$5,"notes"=$6,"badge"=$7,"token"=$8,"meta"=$9,"seen"=$10,"city"=$11,"active"=$12,"tags"=$13,"created"=$14 WHERE "id" = $15;

-- case: update_columns
UPDATE "people" SET "notes"=$1 WHERE email = $2;

-- case: update_columns
UPDATE "people" SET "ssn"=$1,"salary"=$2,"seen"=$3 WHERE "id" = $4;

-- case: update_columns
UPDATE "people" SET "birth"=$1,"meta"=$2,"token"=$3 WHERE "people"."ssn" = $4;

-- case: update_columns
UPDATE "orders" SET "status"=$1 WHERE card IN ($2,$3);

-- case: update_returning
UPDATE "people" SET "notes"=$1 WHERE city = $2 RETURNING "id","email","notes";

-- case: update_with_an_expression_of_plain
UPDATE "orders" SET "remark"=$1,"total"=total * $2 + $3 WHERE card = $4;

-- case: update_with_an_expression_of_sealed
UPDATE "people" SET "salary"=salary + $1 WHERE id = 1;

-- case: update_from_subquery
UPDATE "orders" SET "status"=substr((SELECT "name" FROM "people" WHERE people.id = orders.person_id), 1, 12) WHERE card IS NOT NULL;

-- case: delete
DELETE FROM "contacts" WHERE mail = $1;

-- case: delete
DELETE FROM "people" WHERE "people"."id" = $1;

-- case: delete
DELETE FROM "contacts" WHERE "contacts"."id" IN ($1,$2);

-- case: delete_returning
DELETE FROM "contacts" WHERE phone = $1 RETURNING *;

-- case: transaction_with_lock
SELECT * FROM "people" WHERE "people"."email" = $1 ORDER BY "people"."id" LIMIT $2 FOR UPDATE;

-- case: transaction_with_lock
SELECT * FROM "orders" WHERE card = $1 ORDER BY id FOR UPDATE SKIP LOCKED;

-- case: savepoints
SAVEPOINT sp1;

-- case: savepoints
ROLLBACK TO SAVEPOINT sp1;

-- case: rolled_back
SELECT count(*) FROM "people" WHERE email = $1;

-- case: rolled_back
rollback;

-- case: too_long
INSERT INTO "contacts" ("person_id","kind","mail","phone","comment") VALUES ($1,$2,$3,$4,$5) RETURNING "id";

-- case: associations
INSERT INTO "contacts" ("person_id","kind","mail","phone","comment") VALUES ($1,$2,$3,$4,$5) ON CONFLICT ("id") DO UPDATE SET "person_id"="excluded"."person_id" RETURNING "id";

-- case: associations
SELECT * FROM "contacts" WHERE "contacts"."person_id" = $1 ORDER BY id;

-- case: associations
SELECT count(*) FROM "orders" WHERE "orders"."person_id" = $1;

-- case: upsert_do_nothing
INSERT INTO "people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,NULL,$9,$10,$11,$12,$13),($14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27),($28,$29,$30,$31,$32,$33,$34,$35,NULL,$36,$37,$38,$39,$40) ON CONFLICT DO NOTHING RETURNING "id";

-- case: upsert_update_all
INSERT INTO "people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created","id") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,NULL,$9,$10,$11,$12,$13,$14),($15,$16,$17,$18,$19,$20,$21,$22,NULL,$23,$24,$25,$26,$27,$28) ON CONFLICT ("id") DO UPDATE SET "name"="excluded"."name","email"="excluded"."email","ssn"="excluded"."ssn","birth"="excluded"."birth","salary"="excluded"."salary","notes"="excluded"."notes","badge"="excluded"."badge","token"="excluded"."token","meta"="excluded"."meta","seen"="excluded"."seen","city"="excluded"."city","active"="excluded"."active","tags"="excluded"."tags","created"="excluded"."created" RETURNING "id";

-- case: upsert_by_a_sealed_column
INSERT INTO "people" ("name","email","ssn","birth","salary","notes","badge","token","meta","seen","city","active","tags","created") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,NULL,$9,$10,$11,$12,$13),($14,$15,$16,$17,$18,$19,$20,$21,NULL,$22,$23,$24,$25,$26) ON CONFLICT ("email") DO UPDATE SET "name"="excluded"."name","notes"="excluded"."notes","badge"="excluded"."badge","salary"="excluded"."salary" RETURNING "id";

-- case: upsert_by_a_sealed_column
SELECT "people"."name","people"."email","people"."ssn","people"."birth","people"."salary","people"."notes","people"."badge","people"."token","people"."meta","people"."seen","people"."city","people"."active","people"."tags","people"."created" FROM "people" ORDER BY name;

-- case: upsert_with_values
INSERT INTO "orders" ("person_id","number","status","total","placed","card","remark") VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT ("number") DO UPDATE SET "card"=$8,"remark"=$9,"total"=orders.total + excluded.total RETURNING "id";

-- case: upsert_with_values
SELECT * FROM "orders" ORDER BY id;

-- case: first_or_create
SELECT * FROM "people" WHERE "people"."email" = $1 ORDER BY "people"."id" LIMIT $2;

-- case: first_or_create
UPDATE "people" SET "notes"=$1 WHERE "people"."email" = $2 AND "id" = $3;

-- case: first_last_take
SELECT * FROM "people" ORDER BY "people"."id" LIMIT $1;

-- case: first_last_take
SELECT * FROM "people" WHERE active = $1 ORDER BY "people"."id" DESC LIMIT $2;

-- case: first_last_take
SELECT * FROM "people" WHERE ssn = $1 LIMIT $2;

-- case: filters
SELECT "people"."id" FROM "people" WHERE email = $1 ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE email <> $1 ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE "people"."ssn" = $1 ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE "people"."badge" = $1 ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE "people"."active" = $1 AND "people"."badge" = $2 ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE badge = $1 ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE token = $1 ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE "people"."ssn" IS NULL ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE birth IS NOT NULL ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE NOT email = $1 ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE "people"."badge" NOT IN ($1,$2) ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE email IN ($1,$2,$3) ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE badge IN ($1,$2) ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE email = ANY($1) ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE (email = $1 OR badge = $2) OR city = $3 ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE email = $1 OR ssn = $2 ORDER BY people.id;

-- case: filters
SELECT "people"."id" FROM "people" WHERE people.email IS NOT DISTINCT FROM $1 ORDER BY people.id;

-- case: tuples
SELECT "people"."id" FROM "people" WHERE (email, badge) IN (($1,$2),($3,$4)) ORDER BY people.id;

-- case: optional_filter
SELECT "people"."id" FROM "people" WHERE CAST($1 AS text) IS NULL OR email = $2 ORDER BY people.id;

-- case: in_subquery
SELECT "people"."id" FROM "people" WHERE email IN (SELECT "mail" FROM "contacts" WHERE kind = $1) ORDER BY people.id;

-- case: in_subquery_of_keys
SELECT "people"."id" FROM "people" WHERE id IN (SELECT "person_id" FROM "orders" WHERE card = $1) ORDER BY people.id;

-- case: exists
SELECT "people"."id" FROM "people" WHERE EXISTS (SELECT 1 FROM "contacts" WHERE contacts.mail = people.email) ORDER BY people.id;

-- case: select_columns
SELECT "id",email AS address,"birth","salary" FROM "people" ORDER BY id;

-- case: smaller_struct
SELECT "people"."id","people"."email","people"."birth" FROM "people" ORDER BY id LIMIT $1;

-- case: pluck_and_scan
SELECT "email" FROM "people" ORDER BY id;

-- case: pluck_and_scan
SELECT notes FROM people WHERE email = $1;

-- case: preload
SELECT * FROM "contacts" WHERE "contacts"."person_id" IN ($1,$2,$3,$4,$5) ORDER BY contacts.id;

-- case: preload
SELECT * FROM "orders" WHERE "orders"."person_id" IN ($1,$2,$3,$4,$5);

-- case: preload
SELECT * FROM "order_lines" WHERE "order_lines"."order_id" IN ($1,$2,$3,$4);

-- case: preload
SELECT * FROM "products" WHERE "products"."id" IN ($1,$2,$3);

-- case: preload_with_conditions
SELECT * FROM "people" WHERE email IN ($1,$2) ORDER BY id;

-- case: preload_with_conditions
SELECT * FROM "contacts" WHERE "contacts"."person_id" IN ($1,$2) AND mail = $3;

-- case: joins
SELECT "orders"."id","orders"."person_id","orders"."number","orders"."status","orders"."total","orders"."placed","orders"."card","orders"."remark","Person"."id" AS "Person__id","Person"."name" AS "Person__name","Person"."email" AS "Person__email","Person"."ssn" AS "Person__ssn","Person"."birth" AS "Person__birth","Person"."salary" AS "Person__salary","Person"."notes" AS "Person__notes","Person"."badge" AS "Person__badge","Person"."token" AS "Person__token","Person"."meta" AS "Person__meta","Person"."seen" AS "Person__seen","Person"."city" AS "Person__city","Person"."active" AS "Person__active","Person"."tags" AS "Person__tags","Person"."created" AS "Person__created" FROM "orders" LEFT JOIN "people" "Person" ON "orders"."person_id" = "Person"."id" ORDER BY orders.id;

-- case: joins
SELECT "contacts"."id","contacts"."person_id","contacts"."kind","contacts"."mail","contacts"."phone","contacts"."comment","Person"."id" AS "Person__id","Person"."name" AS "Person__name","Person"."email" AS "Person__email","Person"."ssn" AS "Person__ssn","Person"."birth" AS "Person__birth","Person"."salary" AS "Person__salary","Person"."notes" AS "Person__notes","Person"."badge" AS "Person__badge","Person"."token" AS "Person__token","Person"."meta" AS "Person__meta","Person"."seen" AS "Person__seen","Person"."city" AS "Person__city","Person"."active" AS "Person__active","Person"."tags" AS "Person__tags","Person"."created" AS "Person__created" FROM "contacts" INNER JOIN "people" "Person" ON "contacts"."person_id" = "Person"."id" AND "Person"."email" = $1 ORDER BY contacts.id;

-- case: joins_by_hand
SELECT people.email, contacts.phone, orders.card FROM "people" JOIN contacts ON contacts.person_id = people.id AND contacts.mail = people.email LEFT JOIN orders ON orders.person_id = people.id WHERE people.ssn = $1 ORDER BY orders.id;

-- case: counts
SELECT count(*) FROM "people";

-- case: counts
SELECT count(*) FROM "people" WHERE ssn = $1;

-- case: counts
SELECT COUNT("ssn") FROM "people";

-- case: count_distinct
SELECT COUNT(DISTINCT("mail")) FROM "contacts";

-- case: distinct
SELECT DISTINCT "phone","kind" FROM "contacts";

-- case: distinct_objects
SELECT DISTINCT "people"."id","people"."name","people"."email","people"."ssn","people"."birth","people"."salary","people"."notes","people"."badge","people"."token","people"."seen","people"."city","people"."active","people"."tags","people"."created" FROM "people" JOIN contacts ON contacts.person_id = people.id WHERE contacts.kind = $1 ORDER BY people.id;

-- case: group_by
SELECT mail, count(*) AS n FROM "contacts" GROUP BY "mail" HAVING count(*) > $1;

-- case: group_by_plain
SELECT city, count(*) AS n, count(ssn) AS with_ssn FROM "people" GROUP BY "city" ORDER BY city;

-- case: scalar_subquery
SELECT people.id, (SELECT "card" FROM "orders" WHERE orders.person_id = people.id ORDER BY id DESC LIMIT $1) AS card FROM "people" ORDER BY people.id;

-- case: from_subquery
SELECT * FROM (SELECT id, email, birth FROM "people" WHERE active) AS u WHERE u.email <> $1 ORDER BY u.id;

-- case: pages
SELECT * FROM "people" ORDER BY id LIMIT $1;

-- case: pages
SELECT * FROM "people" ORDER BY id LIMIT $1 OFFSET $2;

-- case: find_in_batches
SELECT * FROM "people" WHERE "people"."id" > $1 ORDER BY "people"."id" LIMIT $2;

-- case: raw
SELECT * FROM people WHERE badge = $1 OR email = $2 ORDER BY id;

-- case: raw
UPDATE people SET notes = $1, birth = $2, salary = $3 WHERE ssn = $4;

-- case: coalesce
SELECT COALESCE(notes, 'none') FROM "people" ORDER BY id;

-- case: order_by_sealed
SELECT "people"."id" FROM "people" ORDER BY email,people.id;

-- case: like_sealed
SELECT "people"."id" FROM "people" WHERE email LIKE $1 ORDER BY people.id;

-- case: range_of_sealed
SELECT "people"."id" FROM "people" WHERE birth BETWEEN $1 AND $2 ORDER BY people.id;

-- case: sum_of_sealed
SELECT sum(salary) FROM "people";

-- case: randomized_compared
SELECT "people"."id" FROM "people" WHERE birth = $1 ORDER BY people.id;

-- case: json_path_in_sealed
SELECT "people"."id" FROM "people" WHERE json_extract_path_text("meta"::json,$1) = $2 ORDER BY people.id;
