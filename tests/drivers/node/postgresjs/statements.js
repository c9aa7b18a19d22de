// postgres.js: look-ups, changes, upserts, errors.
'use strict';

const { MARKER } = require('../report.js');

const KEYS = {
  email: [`Ada.${MARKER}@Example.org`, 'zoë@例え.jp', 'nobody'], ssn: [`ssn${MARKER}`, 'äöü', '123456789'], phone: [`+44 ${MARKER}`, '', 'none'],
  visits: [7, 2147483647, 8], seen: [new Date('2024-02-29T12:30:15.123Z'), new Date(0), new Date(1)],
  token: ['6ba7b810-9dad-11d1-80b4-00c04fd430c8', '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-fffffffffff0'],
};

async function byKey(see, condition) {
  const found = {};
  for (const [column, values] of Object.entries(KEYS)) found[column] = await Promise.all(condition(column, values).map((query) => see(query)));
  return found;
}

const newcomer = (id, email, phone, visits) => ({ id, name: `n${id}`, email, balance: `${id}.5`, phone, visits });

module.exports = {
  equals: ({ sql, see }) => byKey(see, (column, values) => values.map((value) => sql`SELECT id, ${sql(column)} FROM customers WHERE ${sql(column)} = ${value} ORDER BY id`)),
  inList: ({ sql, see }) => byKey(see, (column, values) => [sql`SELECT id FROM customers WHERE ${sql(column)} IN ${sql(values)} ORDER BY id`]),
  anyOfArray: ({ sql, see }) => byKey(see, (column, values) => [
    sql`SELECT id FROM customers WHERE ${sql(column)} = ANY (${values}) ORDER BY id`, sql`SELECT id FROM customers WHERE ${sql(column)} = ANY (${[]}) ORDER BY id`,
  ]),
  notEqual: ({ sql, see }) => byKey(see, (column, values) => [sql`SELECT id FROM customers WHERE ${sql(column)} <> ${values[0]} ORDER BY id`]),
  fragments: async ({ sql, see }) => {
    const filter = (email) => (email ? sql`AND email = ${email}` : sql``);
    return [await see(sql`SELECT id FROM customers WHERE id > ${0} ${filter('bob@example.org')} ORDER BY id`), await see(sql`SELECT id FROM customers WHERE id > ${0} ${filter()} ORDER BY id`)];
  },
  joins: async ({ sql, see }) => [
    await see(sql`SELECT c.email, o.card, o.amount FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.card = ${'4222'} ORDER BY o.id`),
    await see(sql`SELECT c.id, o.note FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.amount = ${'19.900'} ORDER BY c.id, o.id`),
  ],
  update: async ({ sql, see }) => [
    await see(sql`UPDATE customers SET ${sql({ balance: '17.005', phone: `p ${MARKER}`, vip: true }, 'balance', 'phone', 'vip')} WHERE email = ${'bob@example.org'} RETURNING id, balance, phone, vip`),
    await see(sql`UPDATE customers SET phone = ${'x'} WHERE email = ${'nobody'} RETURNING *`),
  ],
  updateMany: ({ sql, see }) => see(
    sql`UPDATE orders SET note = v.note FROM (VALUES ${sql([[1, 'note one'], [2, `note two ${MARKER}`]])}) AS v (id, note) WHERE orders.id = v.id::int RETURNING orders.id, orders.note`),
  upsert: async ({ sql, see }) => {
    const found = [];
    for (const row of [newcomer(10, 'fay@x', 'a', 1), newcomer(11, 'fay@x', `b ${MARKER}`, 2)]) {
      found.push(await see(sql`INSERT INTO customers ${sql(row)} ON CONFLICT (email) DO UPDATE SET balance = EXCLUDED.balance, phone = EXCLUDED.phone RETURNING id, email, balance, phone, visits`));
    }
    found.push(await see(sql`INSERT INTO customers ${sql(newcomer(12, 'fay@x', 'c', 3))} ON CONFLICT DO NOTHING RETURNING id`));
    return found;
  },
  bulk: async ({ sql, see }) => {
    const rows = Array.from({ length: 300 }, (_, i) => newcomer(100 + i, `m${i}@x`, i % 3 ? `p${i}` : null, i));
    return [await see(sql`INSERT INTO customers ${sql(rows)}`), await see(sql`SELECT id, email, phone FROM customers WHERE id >= 100 ORDER BY id LIMIT 20`)];
  },
  unnested: ({ sql, see }) => see(
    sql`INSERT INTO customers (id, name, email, balance) SELECT * FROM unnest(${[500, 501]}::int[], ${['a', 'b']}::text[], ${['u0@x', 'u1@x']}::text[], ${['1.5', '2']}::numeric[]) RETURNING id, email, balance`),
  unsafe: async ({ sql, see }) => [
    await see(sql.unsafe('SELECT email, balance FROM customers WHERE id = $1', [10])),
    await see(sql.unsafe('SELECT email, balance FROM customers WHERE email = $1', ['fay@x'], { prepare: true })),
    await see(sql.unsafe("SELECT email FROM customers WHERE id = 10; UPDATE orders SET note = 'x' WHERE id = 2 RETURNING note; SELECT 1 AS one")),
    await see(sql.unsafe('SELECT email FROM customers WHERE id = 10; SELECT nosuch FROM customers')),
    await see(sql.unsafe('')),
  ],
  remove: async ({ sql, see }) => [
    await see(sql`DELETE FROM customers WHERE email IN ${sql(['u0@x', 'u1@x'])} RETURNING id, email`), await see(sql`DELETE FROM customers WHERE visits = ${150}`), await see(sql`DELETE FROM customers WHERE id >= ${100}`),
  ],
  queuedAtOnce: ({ sql, see }) => Promise.all(Array.from({ length: 60 }, (_, i) => see(i % 10 === 9 ? sql`SELECT email, 1 / (id - id) FROM customers` : sql`SELECT email, visits FROM customers WHERE id = ${1 + (i % 5)}`))),
  errors: async ({ sql, see }) => ({
    unique: await see(sql`INSERT INTO customers ${sql(newcomer(50, 'fay@x', null, 1))}`),
    notNull: await see(sql`INSERT INTO customers ${sql({ ...newcomer(50, 'n@x', null, 1), name: null })}`),
    notNullSealed: await see(sql`INSERT INTO customers ${sql(newcomer(50, null, null, 1))}`),
    foreignKey: await see(sql`INSERT INTO orders ${sql({ customer_id: 999, card: 'c', amount: 1 })}`),
    input: await see(sql`SELECT id FROM customers WHERE visits = ${'x'}`),
    tooLong: await see(sql`UPDATE customers SET ssn = ${'123456789012'} WHERE id = 1`),
    overflow: await see(sql`UPDATE customers SET balance = ${'99999999999'} WHERE id = 1`),
    division: await see(sql`SELECT email, 1 / (id - 1) FROM customers WHERE id = ${1}`),
    column: await see(sql`SELECT email, nosuch FROM customers WHERE email = ${'x'}`),
    syntax: await see(sql`SELECT email FROM customers WHERE WHERE email = ${'x'}`),
    undefinedValue: await see(sql`SELECT email FROM customers WHERE email = ${undefined}`),
    wrongDate: await see(sql.unsafe('SELECT id FROM customers WHERE birth = $1', ['2024-02-30'])),
    afterwards: await see(sql`SELECT email FROM customers WHERE email = ${'fay@x'}`),
  }),
};
