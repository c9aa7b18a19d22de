-- What SQLAlchemy 2 over psycopg2 sends in tests/orm, recorded by `make record-orms`.

-- case: connect
BEGIN;

-- case: connect
SELECT t.oid, typarray
FROM pg_type t JOIN pg_namespace ns
    ON typnamespace = ns.oid
WHERE typname = 'hstore';

-- case: connect
ROLLBACK;

-- case: connect
select pg_catalog.version();

-- case: connect
select current_schema();

-- case: connect
show transaction isolation level;

-- case: connect
show standard_conforming_strings;

-- case: add_one
COMMIT;

-- case: add_one
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, meta, seen, city, active, tags, created) VALUES ('Fay', 'fay@example.org', '323-45-6789', '1999-12-31'::date, 1234.5, 'first visit', 7, '99999999-9999-4999-8999-999999999999'::uuid::UUID, '{"a": [1, null, "x"]}'::JSONB, '2024-05-05T12:30:00+00:00'::timestamptz, '', true, ARRAY['a','b c']::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: add_one
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.id = 6;

-- case: add_with_nulls
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) VALUES ('Gus', 'gus@example.org', NULL, NULL, NULL, NULL, NULL, NULL::UUID, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: add_all
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, meta, seen, city, active, tags, created) SELECT p0::VARCHAR, p1::VARCHAR, p2::VARCHAR, p3::DATE, p4::NUMERIC(10, 2), p5::TEXT, p6::INTEGER, p7::UUID, p8::JSONB, p9::TIMESTAMP WITH TIME ZONE, p10::VARCHAR, p11::BOOLEAN, p12::TEXT[], p13::TIMESTAMP WITH TIME ZONE FROM (VALUES ('New 0', 'new0@example.org', NULL, '1970-01-01'::date, NULL, NULL, 500, NULL::UUID, 'null'::JSONB, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 0), ('New 1', 'new1@example.org', '901-00-0000', '1970-01-02'::date, 250.25, 'note 1', 501, NULL::UUID, '{"i": 1}'::JSONB, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 1), ('New 2', 'new2@example.org', '902-00-0000', '1970-01-03'::date, 250.5, NULL, 502, NULL::UUID, '{"i": 2}'::JSONB, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 2), ('New 3', 'new3@example.org', NULL, '1970-01-04'::date, 250.75, 'note 3', 503, NULL::UUID, '{"i": 3}'::JSONB, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 3), ('New 4', 'new4@example.org', '904-00-0000', '1970-01-05'::date, NULL, NULL, 504, NULL::UUID, '{"i": 4}'::JSONB, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 4), ('New 5', 'new5@example.org', '905-00-0000', '1970-01-06'::date, 251.25, 'note 5', 505, NULL::UUID, 'null'::JSONB, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 5), ('New 6', 'new6@example.org', NULL, '1970-01-07'::date, 251.5, NULL, 506, NULL::UUID, '{"i": 6}'::JSONB, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 6), ('New 7', 'new7@example.org', '907-00-0000', '1970-01-08'::date, 251.75, 'note 7', 507, NULL::UUID, '{"i": 7}'::JSONB, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 7)) AS imp_sen(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, sen_counter) ORDER BY sen_counter RETURNING people.id, people.id AS id__1;

-- case: add_all
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people ORDER BY people.id;

-- case: add_all_of_a_batch_and_more
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.badge IN (500, 1599, 1000);

-- case: add_a_graph
SELECT products.id, products.sku, products.label, products.price 
FROM products 
WHERE products.sku = 'B-1';

-- case: add_a_graph
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) VALUES ('Hal', 'hal@example.org', '777-45-6789', NULL, NULL, NULL, NULL, NULL::UUID, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: add_a_graph
INSERT INTO contacts (person_id, kind, mail, phone, comment) SELECT p0::INTEGER, p1::VARCHAR, p2::TEXT, p3::VARCHAR, p4::TEXT FROM (VALUES (6, 'home', 'hal@example.org', '1', NULL, 0), (6, 'work', 'office@example.org', NULL, 'c', 1)) AS imp_sen(p0, p1, p2, p3, p4, sen_counter) ORDER BY sen_counter RETURNING contacts.id, contacts.id AS id__1;

-- case: add_a_graph
INSERT INTO orders (person_id, number, status, total, placed, card, remark) VALUES (6, 2001, 'open', 90.00, '2024-06-01T00:00:00+00:00'::timestamptz, '4000 0000 0000 0002', 'fragile') RETURNING orders.id;

-- case: add_a_graph
INSERT INTO order_lines (order_id, product_id, quantity) VALUES (6, 'aaaaaaaa-0000-4000-8000-000000000003'::uuid::UUID, 2) RETURNING order_lines.id;

-- case: add_a_graph
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.email = 'hal@example.org';

-- case: add_a_graph
SELECT contacts.person_id, contacts.id, contacts.kind, contacts.mail, contacts.phone, contacts.comment 
FROM contacts 
WHERE contacts.person_id IN (6) ORDER BY contacts.id;

-- case: add_a_graph
SELECT orders.id, orders.person_id, orders.number, orders.status, orders.total, orders.placed, orders.card, orders.remark 
FROM orders 
WHERE 6 = orders.person_id ORDER BY orders.id;

-- case: add_a_graph
SELECT order_lines.id, order_lines.order_id, order_lines.product_id, order_lines.quantity 
FROM order_lines 
WHERE 6 = order_lines.order_id ORDER BY order_lines.id;

-- case: add_a_graph
SELECT products.id, products.sku, products.label, products.price 
FROM products 
WHERE products.id = 'aaaaaaaa-0000-4000-8000-000000000003'::uuid::UUID;

-- case: update_one
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.id = 1;

-- case: update_one
UPDATE people SET email='ada@example.net', birth='1986-01-01'::date, salary=NULL, city='Köln' WHERE people.id = 1;

-- case: update_some_of_each
UPDATE people SET salary=4201.00, notes='seen 1' WHERE people.id = 1;

-- case: update_some_of_each
UPDATE people SET salary=3100.50, notes='seen 2' WHERE people.id = 2;

-- case: update_some_of_each
UPDATE people SET salary=0.50, notes='seen 3' WHERE people.id = 3;

-- case: update_some_of_each
UPDATE people SET salary=4201.00, notes='seen 4' WHERE people.id = 4;

-- case: update_some_of_each
UPDATE people SET salary=0.50, notes='seen 5' WHERE people.id = 5;

-- case: delete_one
SELECT contacts.person_id, contacts.id, contacts.kind, contacts.mail, contacts.phone, contacts.comment 
FROM contacts 
WHERE contacts.person_id IN (1) ORDER BY contacts.id;

-- case: delete_one
SELECT orders.id, orders.person_id, orders.number, orders.status, orders.total, orders.placed, orders.card, orders.remark 
FROM orders 
WHERE 1 = orders.person_id ORDER BY orders.id;

-- case: delete_one
UPDATE orders SET person_id=NULL WHERE orders.id = 1;

-- case: delete_one
UPDATE orders SET person_id=NULL WHERE orders.id = 2;

-- case: delete_one
DELETE FROM contacts WHERE contacts.id = 1;

-- case: delete_one
DELETE FROM contacts WHERE contacts.id = 2;

-- case: delete_one
DELETE FROM people WHERE people.id = 1;

-- case: delete_one
SELECT count(*) AS count_1 
FROM contacts;

-- case: bulk_insert
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 0', 'row0@example.org', '800-00-0000', '1980-02-01'::date, 12.34, 'x', 700, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: bulk_insert
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ('Row 1', 'row1@example.org', '801-00-0000', '1980-02-02'::date, 13.34, 701, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: bulk_insert
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 2', 'row2@example.org', '802-00-0000', '1980-02-03'::date, 14.34, 'x', 702, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: bulk_insert
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ('Row 3', 'row3@example.org', '803-00-0000', '1980-02-04'::date, 15.34, 703, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: bulk_insert
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 4', 'row4@example.org', '804-00-0000', '1980-02-05'::date, 16.34, 'x', 704, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: bulk_insert_returning
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 0', 'row0@example.org', '800-00-0000', '1980-02-01'::date, 12.34, 'x', 700, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.email, people.birth;

-- case: bulk_insert_returning
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ('Row 1', 'row1@example.org', '801-00-0000', '1980-02-02'::date, 13.34, 701, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.email, people.birth;

-- case: bulk_insert_returning
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 2', 'row2@example.org', '802-00-0000', '1980-02-03'::date, 14.34, 'x', 702, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.email, people.birth;

-- case: bulk_insert_returning
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ('Row 3', 'row3@example.org', '803-00-0000', '1980-02-04'::date, 15.34, 703, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.email, people.birth;

-- case: bulk_insert_returning
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 4', 'row4@example.org', '804-00-0000', '1980-02-05'::date, 16.34, 'x', 704, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.email, people.birth;

-- case: bulk_insert_returning_objects_in_order
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 0', 'row0@example.org', '800-00-0000', '1980-02-01'::date, 12.34, 'x', 700, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created;

-- case: bulk_insert_returning_objects_in_order
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ('Row 1', 'row1@example.org', '801-00-0000', '1980-02-02'::date, 13.34, 701, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created;

-- case: bulk_insert_returning_objects_in_order
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 2', 'row2@example.org', '802-00-0000', '1980-02-03'::date, 14.34, 'x', 702, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created;

-- case: bulk_insert_returning_objects_in_order
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ('Row 3', 'row3@example.org', '803-00-0000', '1980-02-04'::date, 15.34, 703, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created;

-- case: bulk_insert_returning_objects_in_order
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 4', 'row4@example.org', '804-00-0000', '1980-02-05'::date, 16.34, 'x', 704, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created;

-- case: bulk_insert_returning_objects_in_order
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ('Row 5', 'row5@example.org', '805-00-0000', '1980-02-06'::date, 17.34, 705, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created;

-- case: bulk_insert_of_the_table_returning
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 0', 'row0@example.org', '800-00-0000', '1980-02-01'::date, 12.34, 'x', 700, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz), ('Row 1', 'row1@example.org', '801-00-0000', '1980-02-02'::date, 13.34, NULL, 701, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz), ('Row 2', 'row2@example.org', '802-00-0000', '1980-02-03'::date, 14.34, 'x', 702, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz), ('Row 3', 'row3@example.org', '803-00-0000', '1980-02-04'::date, 15.34, NULL, 703, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id, people.email, people.notes;

-- case: bulk_insert_of_the_table_returning
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) SELECT p0::VARCHAR, p1::VARCHAR, p2::VARCHAR, p3::DATE, p4::NUMERIC(10, 2), p5::TEXT, p6::INTEGER, p7::VARCHAR, p8::BOOLEAN, p9::TEXT[], p10::TIMESTAMP WITH TIME ZONE FROM (VALUES ('Row 0', 'xrow0@example.org', '800-00-0000', '1980-02-01'::date, 12.34, 'x', NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 0), ('Row 1', 'xrow1@example.org', '801-00-0000', '1980-02-02'::date, 13.34, NULL, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 1), ('Row 2', 'xrow2@example.org', '802-00-0000', '1980-02-03'::date, 14.34, 'x', NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 2)) AS imp_sen(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, sen_counter) ORDER BY sen_counter RETURNING people.id, people.ssn, people.id AS id__1;

-- case: bulk_upsert_of_the_table_returning
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 0', 'row0@example.org', '800-00-0000', '1980-02-01'::date, 12.34, 'x', 700, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz), ('Row 1', 'ben@example.org', '801-00-0000', '1980-02-02'::date, 13.34, 'met', 701, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz), ('Row 2', 'row2@example.org', '802-00-0000', '1980-02-03'::date, 14.34, 'x', 702, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT (email) DO UPDATE SET notes = excluded.notes, badge = excluded.badge RETURNING people.id, people.email, people.notes;

-- case: bulk_insert_values
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 0', 'row0@example.org', '800-00-0000', '1980-02-01'::date, 12.34, 'x', 700, 'x', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz), ('Row 1', 'row1@example.org', '801-00-0000', '1980-02-02'::date, 13.34, NULL, 701, 'x', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz), ('Row 2', 'row2@example.org', '802-00-0000', '1980-02-03'::date, 14.34, 'x', 702, 'x', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz);

-- case: bulk_insert_with_an_expression
INSERT INTO contacts (person_id, kind, mail) VALUES ((SELECT people.id 
FROM people 
WHERE people.email = 'ben@example.org'), 'a', 'm1@example.org') RETURNING contacts.id;

-- case: bulk_insert_with_an_expression
INSERT INTO contacts (person_id, kind) VALUES ((SELECT people.id 
FROM people 
WHERE people.email = 'ben@example.org'), 'b') RETURNING contacts.id;

-- case: bulk_insert_with_an_expression
SELECT contacts.person_id, contacts.kind, contacts.mail 
FROM contacts ORDER BY contacts.id;

-- case: bulk_save_objects
INSERT INTO people (name, email, birth, badge, meta, city, active, tags, created) VALUES ('New 0', 'new0@example.org', '1970-01-01'::date, 500, 'null'::JSONB, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: bulk_save_objects
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, meta, city, active, tags, created) VALUES ('New 1', 'new1@example.org', '901-00-0000', '1970-01-02'::date, 250.25, 'note 1', 501, '{"i": 1}'::JSONB, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: bulk_save_objects
INSERT INTO people (name, email, ssn, birth, salary, badge, meta, city, active, tags, created) VALUES ('New 2', 'new2@example.org', '902-00-0000', '1970-01-03'::date, 250.5, 502, '{"i": 2}'::JSONB, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: bulk_insert_mappings
INSERT INTO contacts (person_id, kind, mail) VALUES (1, 'x', '0@example.org'), (1, 'x', '1@example.org'), (1, 'x', '2@example.org');

-- case: bulk_insert_mappings
SELECT contacts.mail, contacts.phone 
FROM contacts ORDER BY contacts.id;

-- case: bulk_update_by_primary_key
UPDATE people SET email='one@example.org', birth='2000-01-01'::date WHERE people.id = 1;

-- case: bulk_update_by_primary_key
UPDATE people SET email='two@example.org', birth=NULL WHERE people.id = 2;

-- case: update_where
UPDATE people SET salary=5, notes='twins' WHERE people.ssn = '123-45-6789';

-- case: update_where_in
UPDATE orders SET status='held' WHERE orders.card IN ('4111 1111 1111 1111', 'none');

-- case: update_where_in
SELECT orders.number, orders.status, orders.card 
FROM orders ORDER BY orders.id;

-- case: update_returning
UPDATE people SET notes='moved', city='Berlin' WHERE people.city = 'Bremen' RETURNING people.id, people.email, people.notes;

-- case: update_with_a_case
UPDATE people SET notes=CASE WHEN (people.id = 1) THEN 'first' WHEN (people.city = 'Kiel') THEN 'north' END;

-- case: update_with_a_case_that_keeps
UPDATE people SET email=CASE WHEN (people.id = 1) THEN 'first@example.org' WHEN (people.email = 'ben@example.org') THEN 'second@example.org' ELSE people.email END;

-- case: update_from_values
UPDATE people SET email="new".mail FROM (VALUES (1, 'v1@example.org'), (3, 'v3@example.org')) AS "new" (id, mail) WHERE people.id = "new".id;

-- case: update_from_another_table
UPDATE contacts SET mail=people.email FROM people WHERE contacts.person_id = people.id AND contacts.kind = 'work';

-- case: update_from_another_table
SELECT contacts.id, contacts.mail 
FROM contacts ORDER BY contacts.id;

-- case: update_a_sealed_column_with_an_expression
UPDATE people SET salary=(people.salary * 2) WHERE people.id = 1;

-- case: update_a_sealed_column_with_an_expression
SELECT people.salary 
FROM people 
WHERE people.id = 1;

-- case: swap_columns
UPDATE contacts SET phone=contacts.comment, comment=contacts.phone;

-- case: delete_where
DELETE FROM contacts WHERE contacts.mail = 'office@example.org';

-- case: delete_where
SELECT contacts.mail 
FROM contacts ORDER BY contacts.id;

-- case: delete_returning
DELETE FROM contacts WHERE contacts.phone = '0421 2' RETURNING contacts.id, contacts.mail;

-- case: delete_using
DELETE FROM contacts USING people WHERE contacts.person_id = people.id AND contacts.mail = people.email;

-- case: upsert_do_nothing
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, city, active, tags, created) VALUES ('Row 0', 'row0@example.org', '800-00-0000', '1980-02-01'::date, 12.34, 'x', 700, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT (email) DO NOTHING RETURNING people.id;

-- case: upsert_do_nothing
INSERT INTO people (name, email, ssn, birth, salary, badge, city, active, tags, created) VALUES ('Row 1', 'row1@example.org', '801-00-0000', '1980-02-02'::date, 13.34, 701, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT (email) DO NOTHING RETURNING people.id;

-- case: upsert_do_nothing
INSERT INTO people (name, email, badge, city, active, tags, created) VALUES ('dup', 'ada@example.org', 900, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT (email) DO NOTHING RETURNING people.id;

-- case: upsert_do_nothing_at_all
INSERT INTO people (name, email, badge, city, active, tags, created) VALUES ('dup', 'ada@example.org', 1, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT DO NOTHING RETURNING people.id;

-- case: upsert_do_update
INSERT INTO people (name, email, salary, notes, city, active, tags, created) VALUES ('Ada II', 'ada@example.org', 1.10, 'again', '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT (email) DO UPDATE SET name = excluded.name, salary = excluded.salary, notes = excluded.notes RETURNING people.id;

-- case: upsert_do_update
INSERT INTO people (name, email, birth, city, active, tags, created) VALUES ('Ida', 'ida@example.org', '2010-10-10'::date, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT (email) DO UPDATE SET name = excluded.name, salary = excluded.salary, notes = excluded.notes RETURNING people.id;

-- case: upsert_do_update_returning
INSERT INTO people (name, email, notes, badge, city, active, tags, created) VALUES ('Ada II', 'ada@example.org', 'up', 101, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT (email) DO UPDATE SET birth = '1900-01-01'::date, notes = excluded.notes WHERE people.city = 'Bremen' RETURNING people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created;

-- case: upsert_by_constraint
INSERT INTO people (name, email, badge, city, active, tags, created) VALUES ('B', 'b@example.org', 102, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT ON CONSTRAINT people_badge_key DO UPDATE SET email = excluded.email RETURNING people.id;

-- case: upsert_where_changed
INSERT INTO people (name, email, ssn, city, active, tags, created) VALUES ('B', 'ben@example.org', '223-45-6789', '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT (email) DO UPDATE SET name = 'changed', ssn = excluded.ssn WHERE people.ssn IS DISTINCT FROM excluded.ssn RETURNING people.id;

-- case: upsert_many_values
INSERT INTO people (name, email, badge, city, active, tags, created) VALUES ('V0', 'ada@example.org', 101, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz), ('V1', 'zoe@example.org', 300, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) ON CONFLICT (email) DO UPDATE SET name = excluded.name, badge = excluded.badge RETURNING people.id, people.email, people.badge;

-- case: upsert_by_a_plain_key
INSERT INTO orders (number, status, total, placed, card, remark) VALUES (1001, 'paid', 1, '2024-06-01T00:00:00+00:00'::timestamptz, '6', 'r') ON CONFLICT (number) DO UPDATE SET card = excluded.card, remark = excluded.remark RETURNING orders.id;

-- case: upsert_by_a_plain_key
SELECT orders.id, orders.card, orders.remark 
FROM orders ORDER BY orders.id;

-- case: insert_from_select
INSERT INTO contacts (person_id, kind, mail) SELECT people.id, 'copy' AS anon_1, people.email 
FROM people 
WHERE people.active;

-- case: insert_from_select
SELECT contacts.kind, contacts.mail 
FROM contacts ORDER BY contacts.id;

-- case: insert_from_select_of_the_same_table
INSERT INTO contacts (person_id, kind, mail, phone) SELECT contacts.person_id, 'copy' AS anon_1, contacts.mail, contacts.phone 
FROM contacts 
WHERE contacts.kind = 'home';

-- case: insert_from_select_of_the_same_table
SELECT contacts.kind, contacts.mail, contacts.phone 
FROM contacts ORDER BY contacts.id;

-- case: insert_where_not_exists
INSERT INTO contacts (person_id, kind, mail) SELECT 1 AS anon_1, 'new' AS anon_2, 'n@example.org' AS anon_3 
WHERE NOT (EXISTS (SELECT contacts.id 
FROM contacts 
WHERE contacts.mail = 'n@example.org'));

-- case: insert_in_a_cte
WITH "new" AS 
(INSERT INTO contacts (person_id, kind, mail) VALUES (1, 'cte', 'cte@example.org') RETURNING contacts.id, contacts.mail)
 SELECT "new".mail 
FROM "new";

-- case: a_unique_violation
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) VALUES ('dup', 'ada@example.org', NULL, NULL, NULL, NULL, NULL, NULL::UUID, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: a_unique_violation_in_a_savepoint
SAVEPOINT sa_savepoint_1;

-- case: a_unique_violation_in_a_savepoint
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) VALUES ('maybe', 'ada@example.org', '555-55-5555', NULL, NULL, NULL, NULL, NULL::UUID, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: a_unique_violation_in_a_savepoint
ROLLBACK TO SAVEPOINT sa_savepoint_1;

-- case: a_unique_violation_in_a_savepoint
SAVEPOINT sa_savepoint_2;

-- case: a_unique_violation_in_a_savepoint
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) VALUES ('maybe', 'new@example.org', '555-55-5555', NULL, NULL, NULL, NULL, NULL::UUID, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: a_unique_violation_in_a_savepoint
RELEASE SAVEPOINT sa_savepoint_2;

-- case: a_value_too_long
INSERT INTO contacts (person_id, kind, mail, phone, comment) VALUES (1, 'x', NULL, '1111111111111111111111111111111', NULL) RETURNING contacts.id;

-- case: a_number_out_of_range
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) VALUES ('rich', 'rich@example.org', NULL, NULL, 123456789.00, NULL, NULL, NULL::UUID, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: a_rolled_back_transaction
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) VALUES ('gone', 'gone@example.org', NULL, NULL, NULL, NULL, NULL, NULL::UUID, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz) RETURNING people.id;

-- case: a_rolled_back_transaction
SELECT people.name 
FROM people 
WHERE people.email = 'gone@example.org';

-- case: a_rolled_back_transaction
SELECT count(*) AS count_1 
FROM people 
WHERE people.email = 'gone@example.org';

-- case: locked_rows
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.email = 'ada@example.org' FOR UPDATE SKIP LOCKED;

-- case: locked_rows
UPDATE people SET notes='locked' WHERE people.id = 1;

-- case: locked_rows
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created, orders.id AS id_1, orders.person_id, orders.number, orders.status, orders.total, orders.placed, orders.card, orders.remark 
FROM people JOIN orders ON people.id = orders.person_id 
WHERE orders.card = '4111 1111 1111 1111' ORDER BY orders.id FOR UPDATE OF orders NOWAIT;

-- case: a_version_check
UPDATE people SET badge=111 WHERE people.id = 1 AND people.badge = 101;

-- case: a_version_check
UPDATE people SET badge=112 WHERE people.id = 1 AND people.badge = 101;

-- case: text_with_parameters
INSERT INTO people (name, email, birth, salary, badge, token, seen, city, active, tags, created) VALUES ('T', 't@example.org', '2000-02-29'::date, 0.10, 1, '99999999-9999-4999-8999-999999999999'::uuid, '2024-06-01T01:02:03.456789+00:00'::timestamptz, '', true, '{}', '2024-06-01Z');

-- case: text_with_parameters
UPDATE people SET notes = 'n' WHERE email = 't@example.org';

-- case: text_with_parameters
UPDATE people SET notes = NULL, birth = NULL WHERE email = 'ben@example.org';

-- case: values_of_other_types
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, seen, city, active, tags, created) SELECT p0::VARCHAR, p1::VARCHAR, p2::VARCHAR, p3::DATE, p4::NUMERIC(10, 2), p5::TEXT, p6::INTEGER, p7::UUID, p8::TIMESTAMP WITH TIME ZONE, p9::VARCHAR, p10::BOOLEAN, p11::TEXT[], p12::TIMESTAMP WITH TIME ZONE FROM (VALUES ('F', 'f@example.org', NULL, NULL, 1234.5, NULL, NULL, NULL::UUID, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 0), ('I', 'i@example.org', NULL, NULL, 7, NULL, NULL, NULL::UUID, NULL, '', true, '{}'::TEXT[], '2024-06-01T00:00:00+00:00'::timestamptz, 1)) AS imp_sen(p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, sen_counter) ORDER BY sen_counter RETURNING people.id, people.id AS id__1;

-- case: values_of_other_types
UPDATE people SET salary = '12.30', badge = '55', birth = '2000-01-31' WHERE email = 'i@example.org';

-- case: values_of_other_types
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.id > 5 ORDER BY people.id;

-- case: long_and_odd_texts
SELECT contacts.kind, contacts.mail, contacts.comment 
FROM contacts 
WHERE contacts.id > 5 ORDER BY contacts.id;

-- case: the_same_statement_many_times
UPDATE people SET notes=NULL, badge=900 WHERE people.id = 1;

-- case: the_same_statement_many_times
SELECT people.id, people.notes 
FROM people 
WHERE people.badge = 900;

-- case: the_same_statement_many_times
UPDATE people SET notes='n1', badge=901 WHERE people.id = 2;

-- case: the_same_statement_many_times
SELECT people.id, people.notes 
FROM people 
WHERE people.badge = 901;

-- case: the_same_statement_many_times
UPDATE people SET notes='n2', badge=902 WHERE people.id = 3;

-- case: the_same_statement_many_times
SELECT people.id, people.notes 
FROM people 
WHERE people.badge = 902;

-- case: the_same_statement_many_times
UPDATE people SET notes=NULL, badge=903 WHERE people.id = 4;

-- case: the_same_statement_many_times
SELECT people.id, people.notes 
FROM people 
WHERE people.badge = 903;

-- case: the_same_statement_many_times
UPDATE people SET notes='n4', badge=904 WHERE people.id = 5;

-- case: the_same_statement_many_times
SELECT people.id, people.notes 
FROM people 
WHERE people.badge = 904;

-- case: the_same_statement_many_times
UPDATE people SET notes='n5', badge=905 WHERE people.id = 1;

-- case: the_same_statement_many_times
SELECT people.id, people.notes 
FROM people 
WHERE people.badge = 905;

-- case: the_same_statement_many_times
UPDATE people SET notes=NULL, badge=906 WHERE people.id = 2;

-- case: the_same_statement_many_times
SELECT people.id, people.notes 
FROM people 
WHERE people.badge = 906;

-- case: the_same_statement_many_times
UPDATE people SET notes='n7', badge=907 WHERE people.id = 3;

-- case: the_same_statement_many_times
SELECT people.id, people.notes 
FROM people 
WHERE people.badge = 907;

-- case: the_same_statement_many_times
UPDATE people SET notes='n8', badge=908 WHERE people.id = 4;

-- case: the_same_statement_many_times
SELECT people.id, people.notes 
FROM people 
WHERE people.badge = 908;

-- case: get
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.id = 2;

-- case: get
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.id = 99;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.email = 'ada@example.org' ORDER BY people.id;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.email != 'ada@example.org' ORDER BY people.id;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.ssn = '123-45-6789' ORDER BY people.id;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.badge = 104 ORDER BY people.id;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.token = '44444444-4444-4444-8444-444444444444'::uuid::UUID ORDER BY people.id;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.email IS DISTINCT FROM 'ada@example.org' ORDER BY people.id;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.ssn IS NULL ORDER BY people.id;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.birth IS NOT NULL ORDER BY people.id;

-- case: by_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.badge != 104 ORDER BY people.id;

-- case: in_lists
SELECT people.name 
FROM people 
WHERE people.email IN ('ada@example.org', 'ben@example.org', 'nobody') ORDER BY people.id;

-- case: in_lists
SELECT people.name 
FROM people 
WHERE (people.email NOT IN ('ada@example.org')) ORDER BY people.id;

-- case: in_lists
SELECT people.name 
FROM people 
WHERE people.email IN (NULL) AND (1 != 1) ORDER BY people.id;

-- case: in_lists
SELECT people.name 
FROM people 
WHERE people.badge IN (101, 105, 7) ORDER BY people.id;

-- case: in_lists
SELECT people.name 
FROM people 
WHERE people.ssn IN ('123-45-6789') ORDER BY people.id;

-- case: in_lists
SELECT people.name 
FROM people 
WHERE people.id IN (1, 2) ORDER BY people.id;

-- case: in_lists
SELECT people.name 
FROM people 
WHERE people.email = any(ARRAY['ada@example.org','x']) ORDER BY people.id;

-- case: in_lists
SELECT people.name 
FROM people 
WHERE people.ssn IN ('123-45-6789') OR people.ssn IS NULL ORDER BY people.id;

-- case: optional_filters
SELECT people.name 
FROM people 
WHERE NULL IS NULL OR people.email = NULL ORDER BY people.id;

-- case: optional_filters
SELECT people.name 
FROM people 
WHERE 'ben@example.org' IS NULL OR people.email = 'ben@example.org' ORDER BY people.id;

-- case: row_comparison
SELECT people.id 
FROM people 
WHERE (people.email, people.badge) IN (('ada@example.org', 101), ('ben@example.org', 1));

-- case: in_a_subquery
SELECT people.name 
FROM people 
WHERE people.email IN (SELECT contacts.mail 
FROM contacts 
WHERE contacts.kind = 'home') ORDER BY people.id;

-- case: in_a_subquery
SELECT people.name 
FROM people 
WHERE people.id IN (SELECT orders.person_id 
FROM orders 
WHERE orders.card = '4111 1111 1111 1111');

-- case: exists_any_has
SELECT people.email 
FROM people 
WHERE EXISTS (SELECT 1 
FROM contacts 
WHERE people.id = contacts.person_id AND contacts.mail = 'office@example.org') ORDER BY people.id;

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
SELECT people.email 
FROM people 
WHERE EXISTS (SELECT 1 
FROM orders 
WHERE people.id = orders.person_id AND orders.card = '5500 0000 0000 0004' AND orders.total > 1) ORDER BY people.id;

-- case: exists_any_has
SELECT orders.number 
FROM orders 
WHERE EXISTS (SELECT 1 
FROM people 
WHERE people.id = orders.person_id AND people.email = 'ada@example.org') ORDER BY orders.id;

-- case: exists_as_a_result
SELECT EXISTS (SELECT * 
FROM people 
WHERE people.email = 'ada@example.org') AS anon_1;

-- case: exists_as_a_result
SELECT EXISTS (SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.ssn = 'nobody') AS anon_1;

-- case: counts
SELECT count(*) AS count_1 
FROM people 
WHERE people.ssn = '123-45-6789';

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
SELECT count(people.id) AS count_1 
FROM people 
WHERE people.email = 'ada@example.org';

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
SELECT orders.card, sum(orders.total) AS sum_1 
FROM orders GROUP BY orders.card 
HAVING count(*) > 1;

-- case: group_by_a_join
SELECT people.id, people.email, count(orders.id) AS count_1, coalesce(sum(orders.total), 0) AS coalesce_1 
FROM people LEFT OUTER JOIN orders ON people.id = orders.person_id GROUP BY people.id ORDER BY people.id;

-- case: group_by_a_join
SELECT people.email, people.city, count(orders.id) AS count_1 
FROM people JOIN orders ON people.id = orders.person_id GROUP BY people.email, people.city;

-- case: pagination
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people ORDER BY people.id 
 LIMIT 2 OFFSET 0;

-- case: pagination
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people ORDER BY people.id 
 LIMIT 2 OFFSET 2;

-- case: pagination
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people ORDER BY people.id 
 LIMIT 2 OFFSET 4;

-- case: pagination
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people ORDER BY people.id 
 LIMIT 2 OFFSET 6;

-- case: pagination
SELECT people.email 
FROM people 
WHERE (people.city, people.id) > ('Bremen', 2) ORDER BY people.city, people.id 
 LIMIT 2;

-- case: pagination_with_the_total
SELECT people.id, people.email, count(*) OVER () AS anon_1 
FROM people ORDER BY people.id 
 LIMIT 2;

-- case: windows
SELECT orders.number, orders.card, row_number() OVER (PARTITION BY orders.person_id ORDER BY orders.placed) AS anon_1, lag(orders.remark) OVER (ORDER BY orders.number) AS anon_2, first_value(orders.card) OVER (PARTITION BY orders.person_id ORDER BY orders.number) AS anon_3 
FROM orders ORDER BY orders.number;

-- case: latest_of_each
SELECT anon_1.id, anon_1.person_id, anon_1.number, anon_1.status, anon_1.total, anon_1.placed, anon_1.card, anon_1.remark 
FROM (SELECT orders.id AS id, orders.person_id AS person_id, orders.number AS number, orders.status AS status, orders.total AS total, orders.placed AS placed, orders.card AS card, orders.remark AS remark, row_number() OVER (PARTITION BY orders.person_id ORDER BY orders.placed DESC) AS place 
FROM orders) AS anon_1 
WHERE anon_1.place = 1 ORDER BY anon_1.number;

-- case: joined_eager
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created, contacts_1.id AS id_1, contacts_1.person_id, contacts_1.kind, contacts_1.mail, contacts_1.phone, contacts_1.comment, orders_1.id AS id_2, orders_1.person_id AS person_id_1, orders_1.number, orders_1.status, orders_1.total, orders_1.placed, orders_1.card, orders_1.remark 
FROM people LEFT OUTER JOIN contacts AS contacts_1 ON people.id = contacts_1.person_id LEFT OUTER JOIN orders AS orders_1 ON people.id = orders_1.person_id ORDER BY people.id, contacts_1.id, orders_1.id;

-- case: joined_eager_page
SELECT anon_1.id, anon_1.name, anon_1.email, anon_1.ssn, anon_1.birth, anon_1.salary, anon_1.notes, anon_1.badge, anon_1.token, anon_1.meta, anon_1.seen, anon_1.city, anon_1.active, anon_1.tags, anon_1.created, contacts_1.id AS id_1, contacts_1.person_id, contacts_1.kind, contacts_1.mail, contacts_1.phone, contacts_1.comment 
FROM (SELECT people.id AS id, people.name AS name, people.email AS email, people.ssn AS ssn, people.birth AS birth, people.salary AS salary, people.notes AS notes, people.badge AS badge, people.token AS token, people.meta AS meta, people.seen AS seen, people.city AS city, people.active AS active, people.tags AS tags, people.created AS created 
FROM people ORDER BY people.id 
 LIMIT 2) AS anon_1 LEFT OUTER JOIN contacts AS contacts_1 ON anon_1.id = contacts_1.person_id ORDER BY anon_1.id, contacts_1.id;

-- case: joined_eager_inner
SELECT contacts.id, contacts.person_id, contacts.kind, contacts.mail, contacts.phone, contacts.comment, people_1.id AS id_1, people_1.name, people_1.email, people_1.ssn, people_1.birth, people_1.salary, people_1.notes, people_1.badge, people_1.token, people_1.meta, people_1.seen, people_1.city, people_1.active, people_1.tags, people_1.created 
FROM contacts JOIN people AS people_1 ON people_1.id = contacts.person_id 
WHERE contacts.mail = 'office@example.org' ORDER BY contacts.id;

-- case: selectin_eager
SELECT contacts.person_id, contacts.id, contacts.kind, contacts.mail, contacts.phone, contacts.comment 
FROM contacts 
WHERE contacts.person_id IN (1, 2, 3, 4, 5) ORDER BY contacts.id;

-- case: selectin_eager
SELECT orders.person_id, orders.id, orders.number, orders.status, orders.total, orders.placed, orders.card, orders.remark 
FROM orders 
WHERE orders.person_id IN (1, 2, 3, 4, 5) ORDER BY orders.id;

-- case: selectin_eager
SELECT order_lines.order_id, order_lines.id, order_lines.product_id, order_lines.quantity, products_1.id, products_1.sku, products_1.label, products_1.price 
FROM order_lines LEFT OUTER JOIN products AS products_1 ON products_1.id = order_lines.product_id 
WHERE order_lines.order_id IN (1, 2, 3, 4) ORDER BY order_lines.id;

-- case: subquery_eager
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.email != 'ben@example.org' ORDER BY people.id;

-- case: subquery_eager
SELECT contacts.id AS contacts_id, contacts.person_id AS contacts_person_id, contacts.kind AS contacts_kind, contacts.mail AS contacts_mail, contacts.phone AS contacts_phone, contacts.comment AS contacts_comment, anon_1.people_id AS anon_1_people_id 
FROM (SELECT people.id AS people_id 
FROM people 
WHERE people.email != 'ben@example.org') AS anon_1 JOIN contacts ON anon_1.people_id = contacts.person_id ORDER BY contacts.id;

-- case: lazy_loading
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.email = 'ada@example.org';

-- case: lazy_loading
SELECT contacts.id, contacts.person_id, contacts.kind, contacts.mail, contacts.phone, contacts.comment 
FROM contacts 
WHERE 1 = contacts.person_id ORDER BY contacts.id;

-- case: joins
SELECT people.email, contacts.mail, contacts.phone 
FROM people JOIN contacts ON people.id = contacts.person_id 
WHERE contacts.kind = 'home' ORDER BY people.id;

-- case: joins
SELECT people.name, contacts.comment 
FROM people JOIN contacts ON contacts.mail = people.email ORDER BY people.id;

-- case: joins
SELECT people.email, contacts.mail 
FROM people LEFT OUTER JOIN contacts ON contacts.person_id = people.id AND contacts.mail = 'office@example.org' ORDER BY people.id;

-- case: join_with_itself
SELECT people.email, people_1.email AS email_1 
FROM people JOIN people AS people_1 ON people.ssn = people_1.ssn AND people.id < people_1.id;

-- case: join_a_subquery
SELECT people.email, anon_1.spent 
FROM people JOIN (SELECT orders.person_id AS person_id, sum(orders.total) AS spent 
FROM orders GROUP BY orders.person_id) AS anon_1 ON anon_1.person_id = people.id ORDER BY people.id;

-- case: join_a_subquery
SELECT anon_1.address, anon_1.birth 
FROM (SELECT people.id AS id, people.email AS address, people.birth AS birth 
FROM people 
WHERE people.active) AS anon_1 
WHERE anon_1.address IN ('ada@example.org', 'dora@example.org') ORDER BY anon_1.id;

-- case: lateral
SELECT people.email, anon_1.number, anon_1.card 
FROM people JOIN LATERAL (SELECT orders.number AS number, orders.card AS card 
FROM orders 
WHERE orders.person_id = people.id ORDER BY orders.placed DESC 
 LIMIT 1) AS anon_1 ON true ORDER BY people.id;

-- case: ctes
WITH rich AS 
(SELECT people.id AS id, people.email AS email, people.salary AS salary 
FROM people 
WHERE people.city = 'Bremen')
 SELECT rich.email, rich.salary, orders.card 
FROM rich JOIN orders ON orders.person_id = rich.id ORDER BY orders.id;

-- case: a_scalar_subquery
SELECT people.id, (SELECT orders.card 
FROM orders 
WHERE orders.person_id = people.id ORDER BY orders.id DESC 
 LIMIT 1) AS anon_1 
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
SELECT people.id, people.email, people.birth 
FROM people 
WHERE people.city = 'Kiel' UNION ALL SELECT people.id, people.email, people.birth 
FROM people 
WHERE people.city = 'Ulm';

-- case: union_of_objects
SELECT anon_1.id, anon_1.name, anon_1.email, anon_1.ssn, anon_1.birth, anon_1.salary, anon_1.notes, anon_1.badge, anon_1.token, anon_1.meta, anon_1.seen, anon_1.city, anon_1.active, anon_1.tags, anon_1.created 
FROM (SELECT people.id AS id, people.name AS name, people.email AS email, people.ssn AS ssn, people.birth AS birth, people.salary AS salary, people.notes AS notes, people.badge AS badge, people.token AS token, people.meta AS meta, people.seen AS seen, people.city AS city, people.active AS active, people.tags AS tags, people.created AS created 
FROM people 
WHERE people.city = 'Kiel' UNION SELECT people.id AS id, people.name AS name, people.email AS email, people.ssn AS ssn, people.birth AS birth, people.salary AS salary, people.notes AS notes, people.badge AS badge, people.token AS token, people.meta AS meta, people.seen AS seen, people.city AS city, people.active AS active, people.tags AS tags, people.created AS created 
FROM people 
WHERE people.email = 'ada@example.org') AS anon_1 ORDER BY anon_1.id;

-- case: union_of_ids
SELECT people.id 
FROM people 
WHERE people.email = 'ada@example.org' UNION SELECT contacts.person_id 
FROM contacts 
WHERE contacts.mail = 'office@example.org';

-- case: computed_results
SELECT coalesce(people.notes, 'none') AS coalesce_1, CASE WHEN people.active THEN people.email END AS anon_1, people.email = 'ada@example.org' AS is_ada, CASE WHEN (people.ssn IS NULL) THEN 'unknown' ELSE 'known' END AS anon_2 
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
SELECT contacts.id, contacts.person_id, contacts.kind, contacts.mail, contacts.phone, contacts.comment, people.id AS id_1, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people JOIN contacts ON people.id = contacts.person_id 
WHERE contacts.kind = 'home' ORDER BY people.id;

-- case: refresh
SELECT people.email, people.birth 
FROM people 
WHERE people.id = 1;

-- case: refresh
SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
FROM people 
WHERE people.id = 1 FOR UPDATE;

-- case: streaming
DECLARE "c_1_1" CURSOR WITHOUT HOLD FOR SELECT people.id, people.name, people.email, people.ssn, people.birth, people.salary, people.notes, people.badge, people.token, people.meta, people.seen, people.city, people.active, people.tags, people.created 
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
SELECT people.id AS people_id, people.name AS people_name, people.email AS people_email, people.ssn AS people_ssn, people.birth AS people_birth, people.salary AS people_salary, people.notes AS people_notes, people.badge AS people_badge, people.token AS people_token, people.meta AS people_meta, people.seen AS people_seen, people.city AS people_city, people.active AS people_active, people.tags AS people_tags, people.created AS people_created 
FROM people 
WHERE people.email = 'ben@example.org';

-- case: the_query_interface
SELECT count(*) AS count_1 
FROM (SELECT people.id AS people_id, people.name AS people_name, people.email AS people_email, people.ssn AS people_ssn, people.birth AS people_birth, people.salary AS people_salary, people.notes AS people_notes, people.badge AS people_badge, people.token AS people_token, people.meta AS people_meta, people.seen AS people_seen, people.city AS people_city, people.active AS people_active, people.tags AS people_tags, people.created AS people_created 
FROM people 
WHERE people.ssn = '123-45-6789') AS anon_1;

-- case: the_query_interface
SELECT people.id AS people_id, people.name AS people_name, people.email AS people_email, people.ssn AS people_ssn, people.birth AS people_birth, people.salary AS people_salary, people.notes AS people_notes, people.badge AS people_badge, people.token AS people_token, people.meta AS people_meta, people.seen AS people_seen, people.city AS people_city, people.active AS people_active, people.tags AS people_tags, people.created AS people_created 
FROM people 
WHERE people.email = 'nobody' 
 LIMIT 1;

-- case: the_query_interface
SELECT people.id AS people_id, people.name AS people_name, people.email AS people_email, people.ssn AS people_ssn, people.birth AS people_birth, people.salary AS people_salary, people.notes AS people_notes, people.badge AS people_badge, people.token AS people_token, people.meta AS people_meta, people.seen AS people_seen, people.city AS people_city, people.active AS people_active, people.tags AS people_tags, people.created AS people_created 
FROM people ORDER BY people.id 
 LIMIT 2 OFFSET 1;

-- case: the_query_interface
SELECT EXISTS (SELECT 1 
FROM people 
WHERE people.badge = 104) AS anon_1;

-- case: text_statements
SELECT id, email, birth FROM people WHERE email = 'ada@example.org';

-- case: text_statements
SELECT * FROM people WHERE badge = 104;

-- case: text_statements
SELECT * FROM people WHERE token = '11111111-1111-4111-8111-111111111111'::uuid;

-- case: text_statements
SELECT id FROM people WHERE email IN ('ada@example.org', 'cem@example.org') ORDER BY id;

-- case: text_statements
SELECT id FROM people WHERE ssn = '123-45-6789' ORDER BY id;

-- case: of_each_type
SELECT people.id 
FROM people 
WHERE people.badge = 101 ORDER BY people.id;

-- case: of_each_type
SELECT people.id 
FROM people 
WHERE people.badge IN (101, 102) ORDER BY people.id;

-- case: of_each_type
SELECT people.id 
FROM people 
WHERE people.token IN ('22222222-2222-4222-8222-222222222222'::uuid::UUID) ORDER BY people.id;

-- case: of_each_type
SELECT people.id 
FROM people 
WHERE people.created = '2024-01-02T09:00:00+00:00'::timestamptz ORDER BY people.id;

-- case: of_each_type
SELECT people.id 
FROM people 
WHERE people.tags @> ARRAY['vip']::TEXT[] ORDER BY people.id;

-- case: of_each_type
SELECT people.id 
FROM people 
WHERE 'news' = ANY (people.tags) ORDER BY people.id;

-- case: order_by_a_sealed_column
SELECT people.email 
FROM people ORDER BY people.email;

-- case: range_of_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.birth >= '1990-01-01'::date;

-- case: like_a_sealed_column
SELECT people.id 
FROM people 
WHERE people.email LIKE 'ada%';

-- case: sum_of_a_sealed_column
SELECT sum(people.salary) AS sum_1 
FROM people;

-- case: randomized_compared
SELECT people.id 
FROM people 
WHERE people.salary = 4200.50;

-- case: lower_of_a_sealed_column
SELECT people.id 
FROM people 
WHERE lower(people.email) = 'ada@example.org';

-- case: plain_tables
SELECT products.sku, sum(order_lines.quantity) AS sum_1 
FROM products JOIN order_lines ON products.id = order_lines.product_id GROUP BY products.id ORDER BY products.sku;
