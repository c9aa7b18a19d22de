TRUNCATE people, contacts, orders, products, order_lines RESTART IDENTITY CASCADE;
INSERT INTO people (name, email, ssn, birth, salary, notes, badge, token, meta, seen, city, active, tags, created) VALUES
 ('Ada Ahlers', 'ada@example.org', '123-45-6789', '1985-12-10', 4200.50, 'allergic to nuts', 101, '11111111-1111-4111-8111-111111111111', '{"blood": "A+", "visits": 3}', '2024-03-01 10:00:00+00', 'Bremen', true, '{vip,news}', '2024-01-01 09:00:00+00'),
 ('Ben Brandt', 'ben@example.org', '223-45-6789', '1990-02-28', 3100.00, NULL, 102, '22222222-2222-4222-8222-222222222222', '{"blood": "0-"}', '2024-03-02 10:00:00+00', 'Bremen', true, '{news}', '2024-01-02 09:00:00+00'),
 ('Cem Can', 'cem@example.org', NULL, '1990-02-28', NULL, 'prefers mornings', NULL, NULL, NULL, NULL, 'Kiel', false, '{}', '2024-01-03 09:00:00+00'),
 ('Dora Dahl', 'dora@example.org', '423-45-6789', NULL, 4200.50, '', 104, '44444444-4444-4444-8444-444444444444', '[1, 2]', '2024-03-04 10:00:00+00', 'Kiel', true, '{}', '2024-01-04 09:00:00+00'),
 ('Emil Ernst', 'emil@example.org', '123-45-6789', '2001-07-01', 0.00, 'naïve café ☕', 105, NULL, 'null', NULL, 'Ulm', false, '{vip}', '2024-01-05 09:00:00+00');
INSERT INTO contacts (person_id, kind, mail, phone, comment) VALUES
 (1, 'home', 'ada@example.org', '0421 1', 'after six'),
 (1, 'work', 'office@example.org', '0421 2', NULL),
 (2, 'home', 'ben@example.org', '0421 3', 'never on sundays'),
 (3, 'work', 'office@example.org', '0421 2', NULL),
 (5, 'home', NULL, NULL, '');
INSERT INTO orders (person_id, number, status, total, placed, card, remark) VALUES
 (1, 1001, 'paid', 99.90, '2024-02-01 08:00:00+00', '4111 1111 1111 1111', 'gift'),
 (1, 1002, 'open', 10.00, '2024-02-02 08:00:00+00', '4111 1111 1111 1111', NULL),
 (2, 1003, 'paid', 15.50, '2024-02-03 08:00:00+00', '5500 0000 0000 0004', 'ring twice'),
 (3, 1004, 'open', 7.25, '2024-02-04 08:00:00+00', NULL, NULL),
 (NULL, 1005, 'void', 0.00, '2024-02-05 08:00:00+00', NULL, 'walk-in');
INSERT INTO products (id, sku, label, price) VALUES
 ('aaaaaaaa-0000-4000-8000-000000000001', 'A-1', 'bandage', 2.50),
 ('aaaaaaaa-0000-4000-8000-000000000002', 'A-2', 'syringe', 1.20),
 ('aaaaaaaa-0000-4000-8000-000000000003', 'B-1', 'crutch', 45.00);
INSERT INTO order_lines (order_id, product_id, quantity) VALUES
 (1, 'aaaaaaaa-0000-4000-8000-000000000001', 2),
 (1, 'aaaaaaaa-0000-4000-8000-000000000003', 2),
 (2, 'aaaaaaaa-0000-4000-8000-000000000002', 1),
 (3, 'aaaaaaaa-0000-4000-8000-000000000001', 6);
