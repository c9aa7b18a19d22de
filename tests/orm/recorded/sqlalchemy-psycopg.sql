-- What SQLAlchemy 2 over psycopg 3 sends in tests/orm, recorded by `make record-orms`.

-- case: connect
BEGIN;

-- case: connect
select pg_catalog.version();

-- case: connect
select current_schema();

-- case: connect
show transaction isolation level;

-- case: connect
show standard_conforming_strings;

-- case: connect
SAVEPOINT "_pg3_1";

-- case: connect
-- types: unknown
SELECT
    typname AS name, oid, typarray AS array_oid,
    oid::regtype::text AS regtype, typdelim AS delimiter
FROM pg_type t
WHERE t.oid = to_regtype($1)
ORDER BY t.oid;

-- case: connect
RELEASE "_pg3_1";

-- case: connect
ROLLBACK;

-- case: add_one
COMMIT;

-- case: add_one
-- types: unknown, unknown, unknown, date, numeric, unknown, int2, uuid, jsonb, timestamptz, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, meta, seen, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::UUID, $9::JSONB, $10::TIMESTAMP WITH TIME ZONE, $11::VARCHAR, $12, $13::TEXT[], $14::TIMESTAMP WITH TIME ZONE) RETURNING people.id;

-- case: add_one
-- types: int2
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.id = $1::INTEGER;

-- case: add_with_nulls
-- types: unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::UUID, $9::TIMESTAMP WITH TIME ZONE, $10::VARCHAR, $11, $12::TEXT[], $13::TIMESTAMP WITH TIME ZONE) RETURNING people.id;

-- case: add_all
-- types: unknown, unknown, unknown, date, unknown, unknown, int2, unknown, jsonb, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, jsonb, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, jsonb, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, jsonb, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, unknown, unknown, int2, unknown, jsonb, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, jsonb, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, jsonb, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, jsonb, unknown, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, meta, seen, city, active, tags, created) SELECT p0::VARCHAR, p1::VARCHAR, p2::VARCHAR, p3::DATE, p4::NUMERIC(10, 2), p5::VARCHAR, p6::INTEGER, p7::UUID, p8::JSONB, p9::TIMESTAMP WITH TIME ZONE, p10::VARCHAR, p11::BOOLEAN, p12::TEXT[], p13::TIMESTAMP WITH TIME ZONE FROM (VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::UUID, $9::JSONB, $10::TIMESTAMP WITH TIME ZONE, $11::VARCHAR, $12, $13::TEXT[], $14::TIMESTAMP WITH TIME ZONE, 0), ($15::VARCHAR, $16::VARCHAR, $17::VARCHAR, $18::DATE, $19, $20::VARCHAR, $21::INTEGER, $22::UUID, $23::JSONB, $24::TIMESTAMP WITH TIME ZONE, $25::VARCHAR, $26, $27::TEXT[], $28::TIMESTAMP WITH TIME ZONE, 1), ($29::VARCHAR, $30::VARCHAR, $31::VARCHAR, $32::DATE, $33, $34::VARCHAR, $35::INTEGER, $36::UUID, $37::JSONB, $38::TIMESTAMP WITH TIME ZONE, $39::VARCHAR, $40, $41::TEXT[], $42::TIMESTAMP WITH TIME ZONE, 2), ($43::VARCHAR, $44::VARCHAR, $45::VARCHAR, $46::DATE, $47, $48::VARCHAR, $49::INTEGER, $50::UUID, $51::JSONB, $52::TIMESTAMP WITH TIME ZONE, $53::VARCHAR, $54, $55::TEXT[], $56::TIMESTAMP WITH TIME ZONE, 3), ($57::VARCHAR, $58::VARCHAR, $59::VARCHAR, $60::DATE, $61, $62::VARCHAR, $63::INTEGER, $64::UUID, $65::JSONB, $66::TIMESTAMP WITH TIME ZONE, $67::VARCHAR, $68, $69::TEXT[], $70::TIMESTAMP WITH TIME ZONE, 4), ($71::VARCHAR, $72::VARCHAR, $73::VARCHAR, $74::DATE, $75, $76::VARCHAR, $77::INTEGER, $78::UUID, $79::JSONB, $80::TIMESTAMP WITH TIME ZONE, $81::VARCHAR, $82, $83::TEXT[], $84::TIMESTAMP WITH TIME ZONE, 5), ($85::VARCHAR, $86::VARCHAR, $87::VARCHAR, $88::DATE, $89, $90::VARCHAR, $91::INTEGER, $92::UUID, $93::JSONB, $94::TIMESTAMP WITH TIME ZONE, $95::VARCHAR, $96, $97::TEXT[], $98::TIMESTAMP WITH TIME ZONE, 6), ($99::VARCHAR, $100::VARCHAR, $101::VARCHAR, $102::DATE, $103, $104::VARCHAR, $105::INTEGER, $106::UUID, $107::JSONB, $108::TIMESTAMP WITH TIME ZONE, $109::VARCHAR, $110, $111::TEXT[], $112::TIMESTAMP WITH TIME ZONE, 7)) AS imp_sen(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, sen_counter) ORDER BY sen_counter RETURNING people.id, people.id AS id__1;

-- case: add_all
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people ORDER BY people.id;

-- case: add_all_of_a_batch_and_more
-- types: int2, int2, int2
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.badge IN ($1::INTEGER, $2::INTEGER, $3::INTEGER);

-- case: add_a_graph
-- types: unknown
SELECT products.id, products.sku, products.label, products.price 
FROM products 
WHERE products.sku = $1::VARCHAR;

-- case: add_a_graph
-- types: int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown
INSERT INTO contacts (person_id, kind, mail, phone, comment) SELECT p0::INTEGER, p1::VARCHAR, p2::VARCHAR, p3::VARCHAR, p4::VARCHAR FROM (VALUES ($1::INTEGER, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, 0), ($6::INTEGER, $7::VARCHAR, $8::VARCHAR, $9::VARCHAR, $10::VARCHAR, 1)) AS imp_sen(p0, p1, p2, p3, p4, sen_counter) ORDER BY sen_counter RETURNING contacts.id, contacts.id AS id__1;

-- case: add_a_graph
-- types: int2, int2, unknown, numeric, timestamptz, unknown, unknown
INSERT INTO orders (person_id, number, status, total, placed, card, remark) VALUES ($1::INTEGER, $2::INTEGER, $3::VARCHAR, $4, $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::VARCHAR) RETURNING orders.id;

-- case: add_a_graph
-- types: int2, uuid, int2
INSERT INTO order_lines (order_id, product_id, quantity) VALUES ($1::INTEGER, $2::UUID, $3::INTEGER) RETURNING order_lines.id;

-- case: add_a_graph
-- types: unknown
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.email = $1::VARCHAR;

-- case: add_a_graph
-- types: int2
SELECT contacts.person_id, contacts.id, contacts.kind, contacts.mail, contacts.phone, contacts.comment 
FROM contacts 
WHERE contacts.person_id IN ($1::INTEGER) ORDER BY contacts.id;

-- case: add_a_graph
-- types: int2
SELECT orders.id, orders.person_id, orders.number, orders.status, orders.total, orders.placed, orders.card, orders.remark 
FROM orders 
WHERE $1::INTEGER = orders.person_id ORDER BY orders.id;

-- case: add_a_graph
-- types: int2
SELECT order_lines.id, order_lines.order_id, order_lines.product_id, order_lines.quantity 
FROM order_lines 
WHERE $1::INTEGER = order_lines.order_id ORDER BY order_lines.id;

-- case: add_a_graph
-- types: uuid
SELECT products.id, products.sku, products.label, products.price 
FROM products 
WHERE products.id = $1::UUID;

-- case: update_one
-- types: unknown, date, unknown, unknown, int2
UPDATE people SET email=$1::VARCHAR, birth=$2::DATE, salary=$3, city=$4::VARCHAR WHERE people.id = $5::INTEGER;

-- case: update_some_of_each
-- types: numeric, unknown, int2
UPDATE people SET salary=$1, notes=$2::VARCHAR WHERE people.id = $3::INTEGER;

-- case: update_some_of_each
DEALLOCATE ALL;

-- case: delete_one
-- types: unknown, int2
UPDATE orders SET person_id=$1::INTEGER WHERE orders.id = $2::INTEGER;

-- case: delete_one
-- types: int2
DELETE FROM contacts WHERE contacts.id = $1::INTEGER;

-- case: delete_one
-- types: int2
DELETE FROM people WHERE people.id = $1::INTEGER;

-- case: delete_one
SELECT count(*) AS count_1 
FROM contacts;

-- case: bulk_insert
-- types: unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9, $10::TEXT[], $11::TIMESTAMP WITH TIME ZONE) RETURNING people.id;

-- case: bulk_insert
-- types: unknown, unknown, unknown, date, numeric, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::INTEGER, $7::VARCHAR, $8, $9::TEXT[], $10::TIMESTAMP WITH TIME ZONE) RETURNING people.id;

-- case: bulk_insert_returning
-- types: unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9, $10::TEXT[], $11::TIMESTAMP WITH TIME ZONE) RETURNING people.id, people.email, people.birth;

-- case: bulk_insert_returning
-- types: unknown, unknown, unknown, date, numeric, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::INTEGER, $7::VARCHAR, $8, $9::TEXT[], $10::TIMESTAMP WITH TIME ZONE) RETURNING people.id, people.email, people.birth;

-- case: bulk_insert_returning_objects_in_order
-- types: unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9, $10::TEXT[], $11::TIMESTAMP WITH TIME ZONE) RETURNING people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created;

-- case: bulk_insert_returning_objects_in_order
-- types: unknown, unknown, unknown, date, numeric, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::INTEGER, $7::VARCHAR, $8, $9::TEXT[], $10::TIMESTAMP WITH TIME ZONE) RETURNING people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created;

-- case: bulk_insert_of_the_table_returning
-- types: unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9, $10::TEXT[], $11::TIMESTAMP WITH TIME ZONE), ($12::VARCHAR, $13::VARCHAR, $14::VARCHAR, $15::DATE, $16, $17::VARCHAR, $18::INTEGER, $19::VARCHAR, $20, $21::TEXT[], $22::TIMESTAMP WITH TIME ZONE), ($23::VARCHAR, $24::VARCHAR, $25::VARCHAR, $26::DATE, $27, $28::VARCHAR, $29::INTEGER, $30::VARCHAR, $31, $32::TEXT[], $33::TIMESTAMP WITH TIME ZONE), ($34::VARCHAR, $35::VARCHAR, $36::VARCHAR, $37::DATE, $38, $39::VARCHAR, $40::INTEGER, $41::VARCHAR, $42, $43::TEXT[], $44::TIMESTAMP WITH TIME ZONE) RETURNING people.id, people.email, people.notes;

-- case: bulk_insert_of_the_table_returning
-- types: unknown, unknown, unknown, date, numeric, unknown, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, unknown, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) SELECT p0::VARCHAR, p1::VARCHAR, p2::VARCHAR, p3::DATE, p4::NUMERIC(10, 2), p5::VARCHAR, p6::INTEGER, p7::VARCHAR, p8::BOOLEAN, p9::TEXT[], p10::TIMESTAMP WITH TIME ZONE FROM (VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9, $10::TEXT[], $11::TIMESTAMP WITH TIME ZONE, 0), ($12::VARCHAR, $13::VARCHAR, $14::VARCHAR, $15::DATE, $16, $17::VARCHAR, $18::INTEGER, $19::VARCHAR, $20, $21::TEXT[], $22::TIMESTAMP WITH TIME ZONE, 1), ($23::VARCHAR, $24::VARCHAR, $25::VARCHAR, $26::DATE, $27, $28::VARCHAR, $29::INTEGER, $30::VARCHAR, $31, $32::TEXT[], $33::TIMESTAMP WITH TIME ZONE, 2)) AS imp_sen(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, sen_counter) ORDER BY sen_counter RETURNING people.id, people.ssn, people.id AS id__1;

-- case: bulk_upsert_of_the_table_returning
-- types: unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9, $10::TEXT[], $11::TIMESTAMP WITH TIME ZONE), ($12::VARCHAR, $13::VARCHAR, $14::VARCHAR, $15::DATE, $16, $17::VARCHAR, $18::INTEGER, $19::VARCHAR, $20, $21::TEXT[], $22::TIMESTAMP WITH TIME ZONE), ($23::VARCHAR, $24::VARCHAR, $25::VARCHAR, $26::DATE, $27, $28::VARCHAR, $29::INTEGER, $30::VARCHAR, $31, $32::TEXT[], $33::TIMESTAMP WITH TIME ZONE) ON CONFLICT (email) DO UPDATE SET notes = excluded.notes, badge = excluded.badge RETURNING people.id, people.email, people.notes;

-- case: bulk_insert_values
-- types: unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9, $10::TEXT[], $11::TIMESTAMP WITH TIME ZONE), ($12::VARCHAR, $13::VARCHAR, $14::VARCHAR, $15::DATE, $16, $17::VARCHAR, $18::INTEGER, $19::VARCHAR, $20, $21::TEXT[], $22::TIMESTAMP WITH TIME ZONE), ($23::VARCHAR, $24::VARCHAR, $25::VARCHAR, $26::DATE, $27, $28::VARCHAR, $29::INTEGER, $30::VARCHAR, $31, $32::TEXT[], $33::TIMESTAMP WITH TIME ZONE);

-- case: bulk_insert_with_an_expression
-- types: unknown, unknown, unknown
INSERT INTO contacts (person_id, kind, mail) VALUES ((SELECT people.id 
FROM people 
WHERE people.email = $1::VARCHAR), $2::VARCHAR, $3::VARCHAR) RETURNING contacts.id;

-- case: bulk_insert_with_an_expression
-- types: unknown, unknown
INSERT INTO contacts (person_id, kind) VALUES ((SELECT people.id 
FROM people 
WHERE people.email = $1::VARCHAR), $2::VARCHAR) RETURNING contacts.id;

-- case: bulk_insert_with_an_expression
SELECT contacts.person_id, contacts.kind, contacts.mail 
FROM contacts ORDER BY contacts.id;

-- case: bulk_save_objects
-- types: unknown, unknown, date, int2, jsonb, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, birth, badge, meta, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::DATE, $4::INTEGER, $5::JSONB, $6::VARCHAR, $7, $8::TEXT[], $9::TIMESTAMP WITH TIME ZONE) RETURNING people.id;

-- case: bulk_save_objects
-- types: unknown, unknown, unknown, date, numeric, unknown, int2, jsonb, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, meta, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::JSONB, $9::VARCHAR, $10, $11::TEXT[], $12::TIMESTAMP WITH TIME ZONE) RETURNING people.id;

-- case: bulk_save_objects
-- types: unknown, unknown, unknown, date, numeric, int2, jsonb, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, badge, meta, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::INTEGER, $7::JSONB, $8::VARCHAR, $9, $10::TEXT[], $11::TIMESTAMP WITH TIME ZONE) RETURNING people.id;

-- case: bulk_insert_mappings
-- types: int2, unknown, unknown
INSERT INTO contacts (person_id, kind, mail) VALUES ($1::INTEGER, $2::VARCHAR, $3::VARCHAR);

-- case: bulk_insert_mappings
SELECT contacts.mail, contacts.phone 
FROM contacts ORDER BY contacts.id;

-- case: bulk_update_by_primary_key
-- types: unknown, date, int2
UPDATE people SET email=$1::VARCHAR, birth=$2::DATE WHERE people.id = $3::INTEGER;

-- case: bulk_update_by_primary_key
-- types: unknown, unknown, int2
UPDATE people SET email=$1::VARCHAR, birth=$2::DATE WHERE people.id = $3::INTEGER;

-- case: update_where
-- types: numeric, unknown, unknown
UPDATE people SET salary=$1, notes=$2::VARCHAR WHERE people.ssn = $3::VARCHAR;

-- case: update_where_in
-- types: unknown, unknown, unknown
UPDATE orders SET status=$1::VARCHAR WHERE orders.card IN ($2::VARCHAR, $3::VARCHAR);

-- case: update_where_in
SELECT orders.number, orders.status, orders.card 
FROM orders ORDER BY orders.id;

-- case: update_returning
-- types: unknown, unknown, unknown
UPDATE people SET notes=$1::VARCHAR, city=$2::VARCHAR WHERE people.city = $3::VARCHAR RETURNING people.id, people.email, people.notes;

-- case: update_with_a_case
-- types: int2, unknown, unknown, unknown
UPDATE people SET notes=CASE WHEN (people.id = $1::INTEGER) THEN $2::VARCHAR WHEN (people.city = $3::VARCHAR) THEN $4::VARCHAR END;

-- case: update_with_a_case_that_keeps
-- types: int2, unknown, unknown, unknown
UPDATE people SET email=CASE WHEN (people.id = $1::INTEGER) THEN $2::VARCHAR WHEN (people.email = $3::VARCHAR) THEN $4::VARCHAR ELSE people.email END;

-- case: update_from_values
-- types: int2, unknown, int2, unknown
UPDATE people SET email="new".mail FROM (VALUES ($1::INTEGER, $2::VARCHAR), ($3::INTEGER, $4::VARCHAR)) AS "new" (id, mail) WHERE people.id = "new".id;

-- case: update_from_another_table
-- types: unknown
UPDATE contacts SET mail=people.email FROM people WHERE contacts.person_id = people.id AND contacts.kind = $1::VARCHAR;

-- case: update_from_another_table
SELECT contacts.id, contacts.mail 
FROM contacts ORDER BY contacts.id;

-- case: update_a_sealed_column_with_an_expression
-- types: int2, int2
UPDATE people SET salary=(people.salary * $1::INTEGER) WHERE people.id = $2::INTEGER;

-- case: update_a_sealed_column_with_an_expression
-- types: int2
SELECT people.salary 
FROM people 
WHERE people.id = $1::INTEGER;

-- case: swap_columns
UPDATE contacts SET phone=contacts.comment, comment=contacts.phone;

-- case: delete_where
-- types: unknown
DELETE FROM contacts WHERE contacts.mail = $1::VARCHAR;

-- case: delete_where
SELECT contacts.mail 
FROM contacts ORDER BY contacts.id;

-- case: delete_returning
-- types: unknown
DELETE FROM contacts WHERE contacts.phone = $1::VARCHAR RETURNING contacts.id, contacts.mail;

-- case: delete_using
DELETE FROM contacts USING people WHERE contacts.person_id = people.id AND contacts.mail = people.email;

-- case: upsert_do_nothing
-- types: unknown, unknown, unknown, date, numeric, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9, $10::TEXT[], $11::TIMESTAMP WITH TIME ZONE) ON CONFLICT (email) DO NOTHING RETURNING people.id;

-- case: upsert_do_nothing
-- types: unknown, unknown, unknown, date, numeric, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::INTEGER, $7::VARCHAR, $8, $9::TEXT[], $10::TIMESTAMP WITH TIME ZONE) ON CONFLICT (email) DO NOTHING RETURNING people.id;

-- case: upsert_do_nothing
-- types: unknown, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::INTEGER, $4::VARCHAR, $5, $6::TEXT[], $7::TIMESTAMP WITH TIME ZONE) ON CONFLICT (email) DO NOTHING RETURNING people.id;

-- case: upsert_do_nothing_at_all
-- types: unknown, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::INTEGER, $4::VARCHAR, $5, $6::TEXT[], $7::TIMESTAMP WITH TIME ZONE) ON CONFLICT DO NOTHING RETURNING people.id;

-- case: upsert_do_update
-- types: unknown, unknown, numeric, unknown, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, salary, notes, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3, $4::VARCHAR, $5::VARCHAR, $6, $7::TEXT[], $8::TIMESTAMP WITH TIME ZONE) ON CONFLICT (email) DO UPDATE SET name = excluded.name, salary = excluded.salary, notes = excluded.notes RETURNING people.id;

-- case: upsert_do_update
-- types: unknown, unknown, date, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, birth, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::DATE, $4::VARCHAR, $5, $6::TEXT[], $7::TIMESTAMP WITH TIME ZONE) ON CONFLICT (email) DO UPDATE SET name = excluded.name, salary = excluded.salary, notes = excluded.notes RETURNING people.id;

-- case: upsert_do_update_returning
-- types: unknown, unknown, unknown, int2, unknown, bool, unknown, timestamptz, date, unknown
INSERT INTO people (name, email, notes, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::INTEGER, $5::VARCHAR, $6, $7::TEXT[], $8::TIMESTAMP WITH TIME ZONE) ON CONFLICT (email) DO UPDATE SET birth = $9::DATE, notes = excluded.notes WHERE people.city = $10::VARCHAR RETURNING people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created;

-- case: upsert_by_constraint
-- types: unknown, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::INTEGER, $4::VARCHAR, $5, $6::TEXT[], $7::TIMESTAMP WITH TIME ZONE) ON CONFLICT ON CONSTRAINT people_badge_key DO UPDATE SET email = excluded.email RETURNING people.id;

-- case: upsert_where_changed
-- types: unknown, unknown, unknown, unknown, bool, unknown, timestamptz, unknown
INSERT INTO people (name, email, ssn, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5, $6::TEXT[], $7::TIMESTAMP WITH TIME ZONE) ON CONFLICT (email) DO UPDATE SET name = $8::VARCHAR, ssn = excluded.ssn WHERE people.ssn IS DISTINCT FROM excluded.ssn RETURNING people.id;

-- case: upsert_many_values
-- types: unknown, unknown, int2, unknown, bool, unknown, timestamptz, unknown, unknown, int2, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, badge, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::INTEGER, $4::VARCHAR, $5, $6::TEXT[], $7::TIMESTAMP WITH TIME ZONE), ($8::VARCHAR, $9::VARCHAR, $10::INTEGER, $11::VARCHAR, $12, $13::TEXT[], $14::TIMESTAMP WITH TIME ZONE) ON CONFLICT (email) DO UPDATE SET name = excluded.name, badge = excluded.badge RETURNING people.id, people.email, people.badge;

-- case: upsert_by_a_plain_key
-- types: int2, unknown, numeric, timestamptz, unknown, unknown
INSERT INTO orders (number, status, total, placed, card, remark) VALUES ($1::INTEGER, $2::VARCHAR, $3, $4::TIMESTAMP WITH TIME ZONE, $5::VARCHAR, $6::VARCHAR) ON CONFLICT (number) DO UPDATE SET card = excluded.card, remark = excluded.remark RETURNING orders.id;

-- case: upsert_by_a_plain_key
SELECT orders.id, orders.card, orders.remark 
FROM orders ORDER BY orders.id;

-- case: insert_from_select
-- types: unknown
INSERT INTO contacts (person_id, kind, mail) SELECT people.id, $1::VARCHAR AS anon_1, people.email 
FROM people 
WHERE people.active;

-- case: insert_from_select
SELECT contacts.kind, contacts.mail 
FROM contacts ORDER BY contacts.id;

-- case: insert_from_select_of_the_same_table
-- types: unknown, unknown
INSERT INTO contacts (person_id, kind, mail, phone) SELECT contacts.person_id, $1::VARCHAR AS anon_1, contacts.mail, contacts.phone 
FROM contacts 
WHERE contacts.kind = $2::VARCHAR;

-- case: insert_from_select_of_the_same_table
SELECT contacts.kind, contacts.mail, contacts.phone 
FROM contacts ORDER BY contacts.id;

-- case: insert_where_not_exists
-- types: int2, unknown, unknown, unknown
INSERT INTO contacts (person_id, kind, mail) SELECT $1::INTEGER AS anon_1, $2::VARCHAR AS anon_2, $3::VARCHAR AS anon_3 
WHERE NOT (EXISTS (SELECT contacts.id 
FROM contacts 
WHERE contacts.mail = $4::VARCHAR));

-- case: insert_in_a_cte
-- types: int2, unknown, unknown
WITH "new" AS 
(INSERT INTO contacts (person_id, kind, mail) VALUES ($1::INTEGER, $2::VARCHAR, $3::VARCHAR) RETURNING contacts.id, contacts.mail)
 SELECT "new".mail 
FROM "new";

-- case: a_unique_violation_in_a_savepoint
SAVEPOINT sa_savepoint_1;

-- case: a_unique_violation_in_a_savepoint
ROLLBACK TO SAVEPOINT sa_savepoint_1;

-- case: a_unique_violation_in_a_savepoint
SAVEPOINT sa_savepoint_2;

-- case: a_unique_violation_in_a_savepoint
RELEASE SAVEPOINT sa_savepoint_2;

-- case: a_value_too_long
-- types: int2, unknown, unknown, unknown, unknown
INSERT INTO contacts (person_id, kind, mail, phone, comment) VALUES ($1::INTEGER, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR) RETURNING contacts.id;

-- case: a_number_out_of_range
-- types: unknown, unknown, unknown, unknown, numeric, unknown, unknown, unknown, unknown, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::UUID, $9::TIMESTAMP WITH TIME ZONE, $10::VARCHAR, $11, $12::TEXT[], $13::TIMESTAMP WITH TIME ZONE) RETURNING people.id;

-- case: a_rolled_back_transaction
-- types: unknown
SELECT people.name 
FROM people 
WHERE people.email = $1::VARCHAR;

-- case: a_rolled_back_transaction
-- types: unknown
SELECT count(*) AS count_1 
FROM people 
WHERE people.email = $1::VARCHAR;

-- case: locked_rows
-- types: unknown
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.email = $1::VARCHAR FOR UPDATE SKIP LOCKED;

-- case: locked_rows
-- types: unknown, int2
UPDATE people SET notes=$1::VARCHAR WHERE people.id = $2::INTEGER;

-- case: locked_rows
-- types: unknown
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created, orders.id AS id_1, orders.person_id, orders.number, orders.status, orders.total, orders.placed, orders.card, orders.remark 
FROM people JOIN orders ON people.id = orders.person_id 
WHERE orders.card = $1::VARCHAR ORDER BY orders.id FOR UPDATE OF orders NOWAIT;

-- case: a_version_check
-- types: int2, int2, int2
UPDATE people SET badge=$1::INTEGER WHERE people.id = $2::INTEGER AND people.badge = $3::INTEGER;

-- case: text_with_parameters
-- types: unknown, unknown, date, numeric, int2, uuid, timestamptz
INSERT INTO people (name, email, birth, salary, badge, token, seen, city, active, tags, created) VALUES ($1, $2, $3, $4, $5, $6, $7, '', true, '{}', '2024-06-01Z');

-- case: text_with_parameters
-- types: unknown, unknown
UPDATE people SET notes = $1 WHERE email = $2;

-- case: text_with_parameters
-- types: unknown, unknown, unknown
UPDATE people SET notes = $1, birth = $2 WHERE email = $3;

-- case: values_of_other_types
-- types: unknown, unknown, unknown, unknown, float8, unknown, unknown, unknown, unknown, unknown, bool, unknown, timestamptz, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown, unknown, bool, unknown, timestamptz
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) SELECT p0::VARCHAR, p1::VARCHAR, p2::VARCHAR, p3::DATE, p4::NUMERIC(10, 2), p5::VARCHAR, p6::INTEGER, p7::UUID, p8::TIMESTAMP WITH TIME ZONE, p9::VARCHAR, p10::BOOLEAN, p11::TEXT[], p12::TIMESTAMP WITH TIME ZONE FROM (VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::DATE, $5, $6::VARCHAR, $7::INTEGER, $8::UUID, $9::TIMESTAMP WITH TIME ZONE, $10::VARCHAR, $11, $12::TEXT[], $13::TIMESTAMP WITH TIME ZONE, 0), ($14::VARCHAR, $15::VARCHAR, $16::VARCHAR, $17::DATE, $18, $19::VARCHAR, $20::INTEGER, $21::UUID, $22::TIMESTAMP WITH TIME ZONE, $23::VARCHAR, $24, $25::TEXT[], $26::TIMESTAMP WITH TIME ZONE, 1)) AS imp_sen(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, sen_counter) ORDER BY sen_counter RETURNING people.id, people.id AS id__1;

-- case: values_of_other_types
-- types: unknown, unknown, unknown, unknown
UPDATE people SET salary = $1, badge = $2, birth = $3 WHERE email = $4;

-- case: values_of_other_types
-- types: int2
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.id > $1::INTEGER ORDER BY people.id;

-- case: long_and_odd_texts
-- types: int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown, int2, unknown, unknown, unknown, unknown
INSERT INTO contacts (person_id, kind, mail, phone, comment) SELECT p0::INTEGER, p1::VARCHAR, p2::VARCHAR, p3::VARCHAR, p4::VARCHAR FROM (VALUES ($1::INTEGER, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, 0), ($6::INTEGER, $7::VARCHAR, $8::VARCHAR, $9::VARCHAR, $10::VARCHAR, 1), ($11::INTEGER, $12::VARCHAR, $13::VARCHAR, $14::VARCHAR, $15::VARCHAR, 2), ($16::INTEGER, $17::VARCHAR, $18::VARCHAR, $19::VARCHAR, $20::VARCHAR, 3), ($21::INTEGER, $22::VARCHAR, $23::VARCHAR, $24::VARCHAR, $25::VARCHAR, 4), ($26::INTEGER, $27::VARCHAR, $28::VARCHAR, $29::VARCHAR, $30::VARCHAR, 5), ($31::INTEGER, $32::VARCHAR, $33::VARCHAR, $34::VARCHAR, $35::VARCHAR, 6), ($36::INTEGER, $37::VARCHAR, $38::VARCHAR, $39::VARCHAR, $40::VARCHAR, 7), ($41::INTEGER, $42::VARCHAR, $43::VARCHAR, $44::VARCHAR, $45::VARCHAR, 8), ($46::INTEGER, $47::VARCHAR, $48::VARCHAR, $49::VARCHAR, $50::VARCHAR, 9), ($51::INTEGER, $52::VARCHAR, $53::VARCHAR, $54::VARCHAR, $55::VARCHAR, 10)) AS imp_sen(p0, p1, p2, p3, p4, sen_counter) ORDER BY sen_counter RETURNING contacts.id, contacts.id AS id__1;

-- case: long_and_odd_texts
-- types: int2
SELECT contacts.kind, contacts.mail, contacts.comment 
FROM contacts 
WHERE contacts.id > $1::INTEGER ORDER BY contacts.id;

-- case: the_same_statement_many_times
-- types: unknown, int2, int2
UPDATE people SET notes=$1::VARCHAR, badge=$2::INTEGER WHERE people.id = $3::INTEGER;

-- case: the_same_statement_many_times
-- types: int2
SELECT people.id, people.notes 
FROM people 
WHERE people.badge = $1::INTEGER;

-- case: by_a_sealed_column
-- types: unknown
SELECT people.id 
FROM people 
WHERE people.email = $1::VARCHAR ORDER BY people.id;

-- case: by_a_sealed_column
-- types: unknown
SELECT people.id 
FROM people 
WHERE people.email != $1::VARCHAR ORDER BY people.id;

-- case: by_a_sealed_column
-- types: unknown
SELECT people.id 
FROM people 
WHERE people.ssn = $1::VARCHAR ORDER BY people.id;

-- case: by_a_sealed_column
-- types: int2
SELECT people.id 
FROM people 
WHERE people.badge = $1::INTEGER ORDER BY people.id;

-- case: by_a_sealed_column
-- types: uuid
SELECT people.id 
FROM people 
WHERE people.token = $1::UUID ORDER BY people.id;

-- case: by_a_sealed_column
-- types: unknown
SELECT people.id 
FROM people 
WHERE people.email IS DISTINCT FROM $1::VARCHAR ORDER BY people.id;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.ssn IS NULL ORDER BY people.id;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.birth IS NOT NULL ORDER BY people.id;

-- case: by_a_sealed_column
-- types: int2
SELECT people.id 
FROM people 
WHERE people.badge != $1::INTEGER ORDER BY people.id;

-- case: in_lists
-- types: unknown, unknown, unknown
SELECT people.name 
FROM people 
WHERE people.email IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR) ORDER BY people.id;

-- case: in_lists
-- types: unknown
SELECT people.name 
FROM people 
WHERE (people.email NOT IN ($1::VARCHAR)) ORDER BY people.id;

-- case: in_lists
SELECT people.name 
FROM people 
WHERE people.email IN (NULL) AND (1 != 1) ORDER BY people.id;

-- case: in_lists
-- types: int2, int2, int2
SELECT people.name 
FROM people 
WHERE people.badge IN ($1::INTEGER, $2::INTEGER, $3::INTEGER) ORDER BY people.id;

-- case: in_lists
-- types: unknown
SELECT people.name 
FROM people 
WHERE people.ssn IN ($1::VARCHAR) ORDER BY people.id;

-- case: in_lists
-- types: int2, int2
SELECT people.name 
FROM people 
WHERE people.id IN ($1::INTEGER, $2::INTEGER) ORDER BY people.id;

-- case: in_lists
-- types: unknown
SELECT people.name 
FROM people 
WHERE people.email = any($1) ORDER BY people.id;

-- case: in_lists
-- types: unknown
SELECT people.name 
FROM people 
WHERE people.ssn IN ($1::VARCHAR) OR people.ssn IS NULL ORDER BY people.id;

-- case: optional_filters
-- types: unknown
SELECT people.name 
FROM people 
WHERE $1::VARCHAR IS NULL OR people.email = $1::VARCHAR ORDER BY people.id;

-- case: row_comparison
-- types: unknown, int2, unknown, int2
SELECT people.id 
FROM people 
WHERE (people.email, people.badge) IN (($1, $2), ($3, $4));

-- case: in_a_subquery
-- types: unknown
SELECT people.name 
FROM people 
WHERE people.email IN (SELECT contacts.mail 
FROM contacts 
WHERE contacts.kind = $1::VARCHAR) ORDER BY people.id;

-- case: in_a_subquery
-- types: unknown
SELECT people.name 
FROM people 
WHERE people.id IN (SELECT orders.person_id 
FROM orders 
WHERE orders.card = $1::VARCHAR);

-- case: exists_any_has
-- types: unknown
SELECT people.email 
FROM people 
WHERE EXISTS (SELECT 1 
FROM contacts 
WHERE people.id = contacts.person_id AND contacts.mail = $1::VARCHAR) ORDER BY people.id;

-- case: exists_any_has
SELECT people.email 
FROM people 
WHERE NOT (EXISTS (SELECT 1 
FROM contacts 
WHERE people.id = contacts.person_id)) ORDER BY people.id;

-- case: exists_any_has
SELECT people.email 
FROM people 
WHERE EXISTS (SELECT * 
FROM contacts 
WHERE contacts.mail = people.email) ORDER BY people.id;

-- case: exists_any_has
-- types: unknown, int2
SELECT people.email 
FROM people 
WHERE EXISTS (SELECT 1 
FROM orders 
WHERE people.id = orders.person_id AND orders.card = $1::VARCHAR AND orders.total > $2::INTEGER) ORDER BY people.id;

-- case: exists_any_has
-- types: unknown
SELECT orders.number 
FROM orders 
WHERE EXISTS (SELECT 1 
FROM people 
WHERE people.id = orders.person_id AND people.email = $1::VARCHAR) ORDER BY orders.id;

-- case: exists_as_a_result
-- types: unknown
SELECT EXISTS (SELECT * 
FROM people 
WHERE people.email = $1::VARCHAR) AS anon_1;

-- case: exists_as_a_result
-- types: unknown
SELECT EXISTS (SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.ssn = $1::VARCHAR) AS anon_1;

-- case: counts
-- types: unknown
SELECT count(*) AS count_1 
FROM people 
WHERE people.ssn = $1::VARCHAR;

-- case: counts
SELECT count(people.ssn) AS count_1 
FROM people;

-- case: counts
SELECT count(DISTINCT people.ssn) AS count_1 
FROM people;

-- case: counts
SELECT count(*) AS count_1 
FROM (SELECT people.id AS id, people.name AS name, people.email AS email, people.ssn AS ssn, people.birth AS birth, people.salary AS salary, people.notes AS notes, people.badge AS badge, people.token AS token, people.meta AS meta, people.seen AS seen, people.city AS city, people.active AS active, people.tags AS tags, people.created AS created 
FROM people 
WHERE people.active) AS anon_1;

-- case: counts
-- types: unknown
SELECT count(people.id) AS count_1 
FROM people 
WHERE people.email = $1::VARCHAR;

-- case: distinct_values
SELECT DISTINCT contacts.mail 
FROM contacts;

-- case: distinct_values
SELECT DISTINCT contacts.phone, contacts.kind 
FROM contacts;

-- case: distinct_on
SELECT DISTINCT ON (contacts.person_id) contacts.mail, contacts.kind 
FROM contacts ORDER BY contacts.person_id, contacts.id;

-- case: distinct_on_a_sealed_column
SELECT DISTINCT ON (contacts.mail) contacts.mail, count(*) OVER () AS anon_1 
FROM contacts;

-- case: group_by_a_plain_column
SELECT people.city, count(*) AS count_1, count(people.ssn) AS count_2 
FROM people GROUP BY people.city ORDER BY people.city;

-- case: group_by_a_sealed_column
SELECT contacts.mail, count(*) AS n, max(contacts.kind) AS max_1 
FROM contacts GROUP BY contacts.mail;

-- case: group_by_a_sealed_column
-- types: int2
SELECT orders.card, sum(orders.total) AS sum_1 
FROM orders GROUP BY orders.card 
HAVING count(*) > $1::INTEGER;

-- case: group_by_a_join
-- types: int2
SELECT people.id, people.email, count(orders.id) AS count_1, coalesce(sum(orders.total), $1::INTEGER) AS coalesce_1 
FROM people LEFT OUTER JOIN orders ON people.id = orders.person_id GROUP BY people.id ORDER BY people.id;

-- case: group_by_a_join
SELECT people.email, people.city, count(orders.id) AS count_1 
FROM people JOIN orders ON people.id = orders.person_id GROUP BY people.email, people.city;

-- case: pagination
-- types: int2, int2
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people ORDER BY people.id 
 LIMIT $1::INTEGER OFFSET $2::INTEGER;

-- case: pagination
-- types: unknown, int2, int2
SELECT people.email 
FROM people 
WHERE (people.city, people.id) > ($1::VARCHAR, $2::INTEGER) ORDER BY people.city, people.id 
 LIMIT $3::INTEGER;

-- case: pagination_with_the_total
-- types: int2
SELECT people.id, people.email, count(*) OVER () AS anon_1 
FROM people ORDER BY people.id 
 LIMIT $1::INTEGER;

-- case: windows
SELECT orders.number, orders.card, row_number() OVER (PARTITION BY orders.person_id ORDER BY orders.placed) AS anon_1, lag(orders.remark) OVER (ORDER BY orders.number) AS anon_2, first_value(orders.card) OVER (PARTITION BY orders.person_id ORDER BY orders.number) AS anon_3 
FROM orders ORDER BY orders.number;

-- case: latest_of_each
-- types: int2
SELECT anon_1.id, anon_1.person_id, anon_1.number, anon_1.status, anon_1.total, anon_1.placed, anon_1.card, anon_1.remark 
FROM (SELECT orders.id AS id, orders.person_id AS person_id, orders.number AS number, orders.status AS status, orders.total AS total, orders.placed AS placed, orders.card AS card, orders.remark AS remark, row_number() OVER (PARTITION BY orders.person_id ORDER BY orders.placed DESC) AS place 
FROM orders) AS anon_1 
WHERE anon_1.place = $1::INTEGER ORDER BY anon_1.number;

-- case: joined_eager
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created, contacts_1.id AS id_1, contacts_1.person_id, contacts_1.kind, contacts_1.mail, contacts_1.phone, contacts_1.comment, orders_1.id AS id_2, orders_1.person_id AS person_id_1, orders_1.number, orders_1.status, orders_1.total, orders_1.placed, orders_1.card, orders_1.remark 
FROM people LEFT OUTER JOIN contacts AS contacts_1 ON people.id = contacts_1.person_id LEFT OUTER JOIN orders AS orders_1 ON people.id = orders_1.person_id ORDER BY people.id, contacts_1.id, orders_1.id;

-- case: joined_eager_page
-- types: int2
SELECT anon_1.id, anon_1.name, anon_1.email, anon_1.ssn, anon_1.birth, anon_1.salary, anon_1.notes, anon_1.badge, anon_1.token, anon_1.meta, anon_1.seen, anon_1.city, anon_1.active, anon_1.tags, anon_1.created, contacts_1.id AS id_1, contacts_1.person_id, contacts_1.kind, contacts_1.mail, contacts_1.phone, contacts_1.comment 
FROM (SELECT people.id AS id, people.name AS name, people.email AS email, people.ssn AS ssn, people.birth AS birth, people.salary AS salary, people.notes AS notes, people.badge AS badge, people.token AS token, people.meta AS meta, people.seen AS seen, people.city AS city, people.active AS active, people.tags AS tags, people.created AS created 
FROM people ORDER BY people.id 
 LIMIT $1::INTEGER) AS anon_1 LEFT OUTER JOIN contacts AS contacts_1 ON anon_1.id = contacts_1.person_id ORDER BY anon_1.id, contacts_1.id;

-- case: joined_eager_inner
-- types: unknown
SELECT contacts.id, contacts.person_id, contacts.kind, contacts.mail, contacts.phone, contacts.comment, people_1.id AS id_1, people_1.name, people_1.email, people_1.ssn, people_1.birth, people_1.salary, people_1.notes, people_1.badge, people_1.token, people_1.meta, people_1.seen, people_1.city, people_1.active, people_1.tags, people_1.created 
FROM contacts JOIN people AS people_1 ON people_1.id = contacts.person_id 
WHERE contacts.mail = $1::VARCHAR ORDER BY contacts.id;

-- case: selectin_eager
-- types: int2, int2, int2, int2, int2
SELECT contacts.person_id, contacts.id, contacts.kind, contacts.mail, contacts.phone, contacts.comment 
FROM contacts 
WHERE contacts.person_id IN ($1::INTEGER, $2::INTEGER, $3::INTEGER, $4::INTEGER, $5::INTEGER) ORDER BY contacts.id;

-- case: selectin_eager
-- types: int2, int2, int2, int2, int2
SELECT orders.person_id, orders.id, orders.number, orders.status, orders.total, orders.placed, orders.card, orders.remark 
FROM orders 
WHERE orders.person_id IN ($1::INTEGER, $2::INTEGER, $3::INTEGER, $4::INTEGER, $5::INTEGER) ORDER BY orders.id;

-- case: selectin_eager
-- types: int2, int2, int2, int2
SELECT order_lines.order_id, order_lines.id, order_lines.product_id, order_lines.quantity, products_1.id, products_1.sku, products_1.label, products_1.price 
FROM order_lines LEFT OUTER JOIN products AS products_1 ON products_1.id = order_lines.product_id 
WHERE order_lines.order_id IN ($1::INTEGER, $2::INTEGER, $3::INTEGER, $4::INTEGER) ORDER BY order_lines.id;

-- case: subquery_eager
-- types: unknown
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.email != $1::VARCHAR ORDER BY people.id;

-- case: subquery_eager
-- types: unknown
SELECT contacts.id AS contacts_id, contacts.person_id AS contacts_person_id, contacts.kind AS contacts_kind, contacts.mail AS contacts_mail, contacts.phone AS contacts_phone, contacts.comment AS contacts_comment, anon_1.people_id AS anon_1_people_id 
FROM (SELECT people.id AS people_id 
FROM people 
WHERE people.email != $1::VARCHAR) AS anon_1 JOIN contacts ON anon_1.people_id = contacts.person_id ORDER BY contacts.id;

-- case: lazy_loading
-- types: int2
SELECT contacts.id, contacts.person_id, contacts.kind, contacts.mail, contacts.phone, contacts.comment 
FROM contacts 
WHERE $1::INTEGER = contacts.person_id ORDER BY contacts.id;

-- case: joins
-- types: unknown
SELECT people.email, contacts.mail, contacts.phone 
FROM people JOIN contacts ON people.id = contacts.person_id 
WHERE contacts.kind = $1::VARCHAR ORDER BY people.id;

-- case: joins
SELECT people.name, contacts.comment 
FROM people JOIN contacts ON contacts.mail = people.email ORDER BY people.id;

-- case: joins
-- types: unknown
SELECT people.email, contacts.mail 
FROM people LEFT OUTER JOIN contacts ON contacts.person_id = people.id AND contacts.mail = $1::VARCHAR ORDER BY people.id;

-- case: join_with_itself
SELECT people.email, people_1.email AS email_1 
FROM people JOIN people AS people_1 ON people.ssn = people_1.ssn AND people.id < people_1.id;

-- case: join_a_subquery
SELECT people.email, anon_1.spent 
FROM people JOIN (SELECT orders.person_id AS person_id, sum(orders.total) AS spent 
FROM orders GROUP BY orders.person_id) AS anon_1 ON anon_1.person_id = people.id ORDER BY people.id;

-- case: join_a_subquery
-- types: unknown, unknown
SELECT anon_1.address, anon_1.birth 
FROM (SELECT people.id AS id, people.email AS address, people.birth AS birth 
FROM people 
WHERE people.active) AS anon_1 
WHERE anon_1.address IN ($1::VARCHAR, $2::VARCHAR) ORDER BY anon_1.id;

-- case: lateral
-- types: int2
SELECT people.email, anon_1.number, anon_1.card 
FROM people JOIN LATERAL (SELECT orders.number AS number, orders.card AS card 
FROM orders 
WHERE orders.person_id = people.id ORDER BY orders.placed DESC 
 LIMIT $1::INTEGER) AS anon_1 ON true ORDER BY people.id;

-- case: ctes
-- types: unknown
WITH rich AS 
(SELECT people.id AS id, people.email AS email, people.salary AS salary 
FROM people 
WHERE people.city = $1::VARCHAR)
 SELECT rich.email, rich.salary, orders.card 
FROM rich JOIN orders ON orders.person_id = rich.id ORDER BY orders.id;

-- case: a_scalar_subquery
-- types: int2
SELECT people.id, (SELECT orders.card 
FROM orders 
WHERE orders.person_id = people.id ORDER BY orders.id DESC 
 LIMIT $1::INTEGER) AS anon_1 
FROM people ORDER BY people.id;

-- case: a_scalar_subquery_of_plain
SELECT people.email, (SELECT count(*) AS count_1 
FROM orders 
WHERE orders.person_id = people.id) AS anon_1 
FROM people ORDER BY people.id;

-- case: union_all_of_sealed
SELECT people.email 
FROM people UNION ALL SELECT contacts.mail 
FROM contacts;

-- case: union_all_of_one_column
-- types: unknown, unknown
SELECT people.id, people.email, people.birth 
FROM people 
WHERE people.city = $1::VARCHAR UNION ALL SELECT people.id, people.email, people.birth 
FROM people 
WHERE people.city = $2::VARCHAR;

-- case: union_of_objects
-- types: unknown, unknown
SELECT anon_1.id, anon_1.name, anon_1.email, anon_1.ssn, anon_1.birth, anon_1.salary, anon_1.notes, anon_1.badge, anon_1.token, anon_1.meta, anon_1.seen, anon_1.city, anon_1.active, anon_1.tags, anon_1.created 
FROM (SELECT people.id AS id, people.name AS name, people.email AS email, people.ssn AS ssn, people.birth AS birth, people.salary AS salary, people.notes AS notes, people.badge AS badge, people.token AS token, people.meta AS meta, people.seen AS seen, people.city AS city, people.active AS active, people.tags AS tags, people.created AS created 
FROM people 
WHERE people.city = $1::VARCHAR UNION SELECT people.id AS id, people.name AS name, people.email AS email, people.ssn AS ssn, people.birth AS birth, people.salary AS salary, people.notes AS notes, people.badge AS badge, people.token AS token, people.meta AS meta, people.seen AS seen, people.city AS city, people.active AS active, people.tags AS tags, people.created AS created 
FROM people 
WHERE people.email = $2::VARCHAR) AS anon_1 ORDER BY anon_1.id;

-- case: union_of_ids
-- types: unknown, unknown
SELECT people.id 
FROM people 
WHERE people.email = $1::VARCHAR UNION SELECT contacts.person_id 
FROM contacts 
WHERE contacts.mail = $2::VARCHAR;

-- case: computed_results
-- types: unknown, unknown, unknown, unknown
SELECT coalesce(people.notes, $1::VARCHAR) AS coalesce_1, CASE WHEN people.active THEN people.email END AS anon_1, people.email = $2::VARCHAR AS is_ada, CASE WHEN (people.ssn IS NULL) THEN $3::VARCHAR ELSE $4::VARCHAR END AS anon_2 
FROM people ORDER BY people.id;

-- case: columns_only
SELECT people.id, people.email 
FROM people ORDER BY people.id;

-- case: columns_only
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people ORDER BY people.id;

-- case: columns_only
SELECT people.birth, people.meta 
FROM people ORDER BY people.id;

-- case: tuples_of_entities
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created, contacts.id AS id_1, contacts.person_id, contacts.kind, contacts.mail, contacts.phone, contacts.comment 
FROM people JOIN contacts ON people.id = contacts.person_id ORDER BY contacts.id;

-- case: eager_from_a_join
-- types: unknown
SELECT contacts.id, contacts.person_id, contacts.kind, contacts.mail, contacts.phone, contacts.comment, people.id AS id_1, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people JOIN contacts ON people.id = contacts.person_id 
WHERE contacts.kind = $1::VARCHAR ORDER BY people.id;

-- case: refresh
-- types: int2
SELECT people.email, people.birth 
FROM people 
WHERE people.id = $1::INTEGER;

-- case: refresh
-- types: int2
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.id = $1::INTEGER FOR UPDATE;

-- case: streaming
DECLARE "c_1_1" CURSOR FOR SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people ORDER BY people.id;

-- case: streaming
FETCH FORWARD 1 FROM "c_1_1";

-- case: streaming
FETCH FORWARD 2 FROM "c_1_1";

-- case: streaming
CLOSE "c_1_1";

-- case: partitions
SELECT people.id, people.email, people.meta 
FROM people ORDER BY people.id;

-- case: the_query_interface
-- types: unknown
SELECT people.id AS people_id, people.name AS people_name, people.email AS people_email, people.ssn AS people_ssn, people.birth AS people_birth, people.salary AS people_salary, people.notes AS people_notes, people.badge AS people_badge, people.token AS people_token, people.meta AS people_meta, people.seen AS people_seen, people.city AS people_city, people.active AS people_active, people.tags AS people_tags, people.created AS people_created 
FROM people 
WHERE people.email = $1::VARCHAR;

-- case: the_query_interface
-- types: unknown
SELECT count(*) AS count_1 
FROM (SELECT people.id AS people_id, people.name AS people_name, people.email AS people_email, people.ssn AS people_ssn, people.birth AS people_birth, people.salary AS people_salary, people.notes AS people_notes, people.badge AS people_badge, people.token AS people_token, people.meta AS people_meta, people.seen AS people_seen, people.city AS people_city, people.active AS people_active, people.tags AS people_tags, people.created AS people_created 
FROM people 
WHERE people.ssn = $1::VARCHAR) AS anon_1;

-- case: the_query_interface
-- types: unknown, int2
SELECT people.id AS people_id, people.name AS people_name, people.email AS people_email, people.ssn AS people_ssn, people.birth AS people_birth, people.salary AS people_salary, people.notes AS people_notes, people.badge AS people_badge, people.token AS people_token, people.meta AS people_meta, people.seen AS people_seen, people.city AS people_city, people.active AS people_active, people.tags AS people_tags, people.created AS people_created 
FROM people 
WHERE people.email = $1::VARCHAR 
 LIMIT $2::INTEGER;

-- case: the_query_interface
-- types: int2, int2
SELECT people.id AS people_id, people.name AS people_name, people.email AS people_email, people.ssn AS people_ssn, people.birth AS people_birth, people.salary AS people_salary, people.notes AS people_notes, people.badge AS people_badge, people.token AS people_token, people.meta AS people_meta, people.seen AS people_seen, people.city AS people_city, people.active AS people_active, people.tags AS people_tags, people.created AS people_created 
FROM people ORDER BY people.id 
 LIMIT $1::INTEGER OFFSET $2::INTEGER;

-- case: the_query_interface
-- types: int2
SELECT EXISTS (SELECT 1 
FROM people 
WHERE people.badge = $1::INTEGER) AS anon_1;

-- case: text_statements
-- types: unknown
SELECT id, email, birth FROM people WHERE email = $1;

-- case: text_statements
-- types: int2
SELECT * FROM people WHERE badge = $1;

-- case: text_statements
-- types: uuid
SELECT * FROM people WHERE token = $1;

-- case: text_statements
-- types: unknown, unknown
SELECT id FROM people WHERE email IN ($1, $2) ORDER BY id;

-- case: text_statements
SELECT id FROM people WHERE ssn = '123-45-6789' ORDER BY id;

-- case: of_each_type
-- types: int2, int2
SELECT people.id 
FROM people 
WHERE people.badge IN ($1::INTEGER, $2::INTEGER) ORDER BY people.id;

-- case: of_each_type
-- types: uuid
SELECT people.id 
FROM people 
WHERE people.token IN ($1::UUID) ORDER BY people.id;

-- case: of_each_type
-- types: timestamptz
SELECT people.id 
FROM people 
WHERE people.created = $1::TIMESTAMP WITH TIME ZONE ORDER BY people.id;

-- case: of_each_type
-- types: unknown
SELECT people.id 
FROM people 
WHERE people.tags @> $1::TEXT[] ORDER BY people.id;

-- case: of_each_type
-- types: unknown
SELECT people.id 
FROM people 
WHERE $1::VARCHAR = ANY (people.tags) ORDER BY people.id;

-- case: order_by_a_sealed_column
SELECT people.email 
FROM people ORDER BY people.email;

-- case: range_of_a_sealed_column
-- types: date
SELECT people.id 
FROM people 
WHERE people.birth >= $1::DATE;

-- case: like_a_sealed_column
-- types: unknown
SELECT people.id 
FROM people 
WHERE people.email LIKE $1::VARCHAR;

-- case: sum_of_a_sealed_column
SELECT sum(people.salary) AS sum_1 
FROM people;

-- case: randomized_compared
-- types: numeric
SELECT people.id 
FROM people 
WHERE people.salary = $1;

-- case: lower_of_a_sealed_column
-- types: unknown
SELECT people.id 
FROM people 
WHERE lower(people.email) = $1::VARCHAR;

-- case: plain_tables
SELECT products.sku, sum(order_lines.quantity) AS sum_1 
FROM products JOIN order_lines ON products.id = order_lines.product_id GROUP BY products.id ORDER BY products.sku;
