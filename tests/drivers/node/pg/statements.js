// node-postgres: look-ups, changes, upserts, batches.
'use strict';

const { MARKER, outcome } = require('../report.js');

const KEYS = {
  email: [`Ada.${MARKER}@Example.org`, 'zoë@例え.jp', 'nobody'], ssn: [`ssn${MARKER}`, 'äöü', '123456789'], phone: [`+44 ${MARKER}`, '', 'none'],
  birth: ['1815-12-10', 'infinity', '2000-01-01'], visits: [7, '2147483647', 8], seen: [new Date('2024-02-29T12:30:15.123Z'), 'infinity', new Date(0)],
  token: ['6BA7B810-9dad-11d1-80b4-00c04fd430c8', '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-fffffffffff0'],
};

const newcomer = 'INSERT INTO customers (id, name, email, balance, phone, visits) VALUES ($1, $2, $3, $4, $5, $6)';

async function byKey(run, condition) {
  const found = {};
  for (const [column, values] of Object.entries(KEYS)) {
    const { text, lists } = condition(column, values);
    found[column] = [];
    for (const list of lists) found[column].push((await run(`SELECT id, ${column} FROM customers WHERE ${text} ORDER BY id`, list, { rowMode: 'array' })).rows);
  }
  return found;
}

module.exports = {
  equals: ({ run }) => byKey(run, (column, values) => ({ text: `${column} = $1`, lists: values.map((value) => [value]) })),
  inList: ({ run }) => byKey(run, (column, values) => ({ text: `${column} IN ($1, $2, $3)`, lists: [values] })),
  anyOfArray: ({ run }) => byKey(run, (column, values) => ({ text: `${column} = ANY ($1)`, lists: [[values], [[]], [[null, values[0]]]] })),
  notEqual: ({ run }) => byKey(run, (column, values) => ({ text: `${column} <> $1`, lists: [[values[0]]] })),
  joins: async ({ run }) => [
    await run('SELECT c.email, o.card, o.amount FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.card = $1 ORDER BY o.id', ['4222']),
    await run('SELECT c.id, o.id, o.note FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.amount = $1 ORDER BY c.id, o.id', ['19.900'], { rowMode: 'array' }),
    await run('SELECT a.id, b.id FROM orders a JOIN orders b ON a.amount = b.amount AND a.id < b.id ORDER BY a.id', undefined, { rowMode: 'array' }),
    await run('SELECT amount, count(*) FROM orders GROUP BY amount HAVING count(*) = 1 ORDER BY count(*), min(id)', undefined, { rowMode: 'array' }),
    await run('SELECT c.email FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.card = $1)', ['4333']),
  ],
  updateReturning: ({ run }) => run('UPDATE customers SET balance = $2, phone = $3, vip = $4 WHERE email = $1 RETURNING id, email, balance, phone, vip', ['bob@example.org', '17.005', `p ${MARKER}`, true]),
  updateNothing: ({ run }) => run('UPDATE customers SET balance = $2 WHERE email = $1 RETURNING *', ['nobody', 1]),
  updatePartly: ({ run }) => run('UPDATE customers SET phone = COALESCE($2, phone), visits = $3 WHERE id = $1 RETURNING phone, visits', [2, null, 12]),
  upsertInserts: ({ run }) => run(`${newcomer} ON CONFLICT (email) DO UPDATE SET balance = EXCLUDED.balance, phone = EXCLUDED.phone RETURNING *`, [10, 'Fay', 'fay@example.org', 1, 'a', 1]),
  upsertUpdates: ({ run }) => run(`${newcomer} ON CONFLICT (email) DO UPDATE SET balance = EXCLUDED.balance, phone = EXCLUDED.phone RETURNING *`, [11, 'Fay', 'fay@example.org', 2, `b ${MARKER}`, 2]),
  upsertIgnores: ({ run }) => run(`${newcomer} ON CONFLICT (email) DO NOTHING RETURNING id`, [12, 'Fay', 'fay@example.org', 3, 'c', 3]),
  upsertWhere: ({ run }) => run(`${newcomer} ON CONFLICT (email) DO UPDATE SET phone = $7 WHERE customers.visits = $8 RETURNING id, phone`, [13, 'Fay', 'fay@example.org', 3, 'c', 3, 'd', 1]),
  manyRows: async ({ run }) => {
    const rows = Array.from({ length: 200 }, (_, i) => [100 + i, `n${i}`, `m${i}@example.org`, `${i}.5`, i % 3 ? `p${i}` : null, i]);
    const text = `INSERT INTO customers (id, name, email, balance, phone, visits) VALUES ${rows.map((_, r) => `(${[1, 2, 3, 4, 5, 6].map((i) => `$${6 * r + i}`).join(', ')})`).join(', ')} RETURNING id, email, phone`;
    return run(text, rows.flat());
  },
  unnestedRows: ({ run }) => run(
    'INSERT INTO customers (id, name, email, balance, phone) SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::numeric[], $5::text[]) RETURNING id, email, balance, phone',
    [[400, 401, 402], ['a', 'b', 'c'], ['u0@x', 'u1@x', 'u2@x'], ['1.5', '2', '3'], ['x', null, 'z "q" {,}']]),
  countsAndGroups: async ({ run }) => [
    await run('SELECT count(*), count(phone), count(DISTINCT visits) FROM customers'),
    await run('SELECT vip, id FROM customers WHERE vip IS NOT NULL ORDER BY id', undefined, { rowMode: 'array' }),
    await run('SELECT DISTINCT card, customer_id FROM orders WHERE id = 2 ORDER BY customer_id'),
  ],
  pages: async ({ run }) => {
    const found = [];
    for (let page = 0; page < 3; page += 1) found.push((await run('SELECT id, email FROM customers WHERE id >= $1 ORDER BY id LIMIT $2 OFFSET $3', [100, 20, page * 20], { rowMode: 'array' })).rows);
    return found;
  },
  commonTables: ({ run }) => run(
    'WITH moved AS (UPDATE orders SET status = $1 WHERE card = $2 RETURNING id, customer_id, card) SELECT m.card, c.email FROM moved m JOIN customers c ON c.id = m.customer_id ORDER BY m.id', ['sent', '4111']),
  remove: async ({ run }) => [
    await run('DELETE FROM customers WHERE email = ANY ($1::text[]) RETURNING id, email', [['u0@x', 'u1@x']]),
    await run('DELETE FROM customers WHERE visits = $1', [150]),
    await run('DELETE FROM customers WHERE id >= $1', [100]),
  ],
  severalStatements: async ({ client, result }) => [
    result(await client.query("SELECT email FROM customers WHERE id = 1; UPDATE orders SET note = 'x' WHERE id = 2 RETURNING note; SELECT 1 AS one")),
    await outcome(client.query('SELECT email FROM customers WHERE id = 1; SELECT nosuch FROM customers').then(result)),
    result(await client.query('')),
    result(await client.query("INSERT INTO events (kind, data) VALUES ('a', '{}'); SELECT id, kind FROM events")),
  ],
  literals: ({ client, result }) => client.query(
    `INSERT INTO customers (id, name, email, balance, phone, birth, vip, photo, prefs) VALUES (30, 'L', 'lit@x', 1.50, E'a\\tb ''${MARKER}''', '2024-02-29', true, '\\x0102', '{"a": 1}') RETURNING email, balance, phone, birth, vip, photo, prefs`).then(result),
  errors: async ({ run }) => {
    const found = {};
    const attempt = async (name, text, values) => { found[name] = await outcome(run(text, values)); };
    await attempt('unique', newcomer, [50, 'Dup', 'lit@x', 0, null, null]);
    await attempt('unique id', newcomer, [1, 'Dup', 'dup@x', 0, null, null]);
    await attempt('not null', newcomer, [51, null, 'dup@x', 0, null, null]);
    await attempt('not null sealed', newcomer, [51, 'N', null, 0, null, null]);
    await attempt('not null sealed later', 'UPDATE customers SET balance = $1 WHERE id = $2', [null, 1]);
    await attempt('foreign key', 'INSERT INTO orders (customer_id, card, amount) VALUES ($1, $2, $3)', [999, 'c', 1]);
    await attempt('foreign key back', 'DELETE FROM customers WHERE id = $1 RETURNING (SELECT 1 / (id - 1))', [1]);
    await attempt('22P02 plain', 'SELECT email FROM customers WHERE id = $1', ['x']);
    await attempt('22P02 sealed', 'SELECT email FROM customers WHERE visits = $1', ['x']);
    await attempt('22001', newcomer, [52, 'N', 'x'.repeat(121), 0, null, null]);
    await attempt('22003', newcomer, [52, 'N', 'n@x', '1e10', null, null]);
    await attempt('division', 'SELECT email, 1 / (id - 1) FROM customers WHERE id = $1', [1]);
    await attempt('column', 'SELECT email, nosuch FROM customers WHERE email = $1', ['x']);
    await attempt('table', 'SELECT * FROM customers, nosuch WHERE email = $1', ['x']);
    await attempt('syntax', 'SELECT email FROM customers WHERE WHERE email = $1', ['x']);
    await attempt('type', 'SELECT email FROM customers WHERE visits = true');
    await attempt('no value', 'SELECT email FROM customers WHERE email = $1 AND id = $2', ['x']);
    await attempt('afterwards', 'SELECT email FROM customers WHERE email = $1', ['lit@x']);
    return found;
  },
};
