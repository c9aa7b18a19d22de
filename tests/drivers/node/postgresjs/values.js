// postgres.js: values of every column, in and out.
'use strict';

const { longText, outcome } = require('../report.js');
const { COLUMNS, orders, people } = require('../people.js');

/** This driver makes JSON of what goes to json and jsonb, and reads dates by itself. */
const rows = () => people().map((row) => ({
  ...row,
  prefs: typeof row.prefs === 'string' ? JSON.parse(row.prefs === '{"n": 1e2}' ? '{"n": 100}' : row.prefs) : row.prefs,
  raw: typeof row.raw === 'string' ? JSON.parse(row.raw) : row.raw,
  photo: row.photo === '\\x00ff' ? Buffer.from([0, 255]) : row.photo,
  vip: row.vip === 'yes' ? true : row.vip,
}));

const plainDates = (row) => ({ ...row, birth: '1999-01-02', seen: new Date(0), local_time: new Date(1e9) });

module.exports = {
  insertEveryColumn: async ({ sql, see }) => {
    const found = [];
    for (const row of rows()) {
      const first = await see(sql`INSERT INTO customers ${sql(row, ...COLUMNS)} RETURNING *`);
      found.push(first, first.error ? await see(sql`INSERT INTO customers ${sql(plainDates(row), ...COLUMNS)} RETURNING *`) : null);
    }
    return found;
  },
  insertMany: ({ sql, see }) => see(sql`INSERT INTO orders ${sql(orders(), 'customer_id', 'card', 'amount', 'status', 'note')} RETURNING id, card, amount`),
  readAll: ({ sql, see }) => see(sql`SELECT * FROM customers ORDER BY id`),
  readValues: ({ sql }) => sql`SELECT * FROM customers ORDER BY id`.values(),
  readRaw: ({ sql }) => sql`SELECT * FROM customers ORDER BY id`.raw(),
  readSimple: ({ sql, see }) => see(sql`SELECT * FROM customers ORDER BY id`.simple()),
  readEachColumn: async ({ sql }) => {
    const found = {};
    for (const column of COLUMNS) found[column] = await sql`SELECT ${sql(column)} FROM customers ORDER BY id`.values();
    return found;
  },
  forEach: async ({ sql }) => {
    const seen = [];
    const found = await sql`SELECT email, seen, points FROM customers ORDER BY id`.forEach((row) => seen.push(row));
    return [seen, found.count];
  },
  describe: async ({ sql }) => {
    const shown = ({ types, columns, string }) => [types, columns.map((c) => [c.name, c.type, c.number]), string];
    return [
      shown(await sql`SELECT * FROM customers WHERE email = ${''} AND visits = ${0} AND birth = ${''}`.describe()),
      shown(await sql`INSERT INTO customers ${sql(rows()[0], ...COLUMNS)}`.describe()),
      shown(await sql`UPDATE customers SET phone = ${''}, seen = ${''} WHERE token = ${''} RETURNING prefs, raw`.describe()),
      shown(await sql`SELECT id FROM customers WHERE email = ANY (${['']}) AND visits = ANY (${[1]})`.describe()),
      await outcome(sql`SELECT nosuch FROM customers`.describe()),
    ];
  },
  json: async ({ sql, see }) => [
    await see(sql`UPDATE customers SET prefs = ${sql.json({ deep: [1, { a: null }], ü: '🦀' })}, raw = ${sql.json([1, 'x'])} WHERE id = 2 RETURNING prefs, raw`),
    await see(sql`UPDATE customers SET prefs = ${{ plain: 'object' }} WHERE id = 2 RETURNING prefs`),
    await see(sql`UPDATE customers SET prefs = ${null}, raw = ${null} WHERE id = 2 RETURNING prefs, raw`),
    await see(sql.unsafe('UPDATE customers SET prefs = $1 WHERE id = 2', ['{'])),
  ],
  typed: async ({ sql, see }) => [
    await see(sql`UPDATE customers SET visits = ${sql.typed(12, 23)}, points = ${sql.typed('5000000000', 20)} WHERE id = 2 RETURNING visits, points`),
    await see(sql`UPDATE customers SET visits = ${5}::int, balance = ${'1.25'}::numeric WHERE id = 2 RETURNING visits, balance`),
    await see(sql`UPDATE customers SET points = ${12n} WHERE id = 2 RETURNING points`),
    await see(sql`UPDATE customers SET vip = ${true}, score = ${1.5}, level = ${7} WHERE id = 2 RETURNING vip, score, level`),
    await see(sql`UPDATE customers SET photo = ${Buffer.from('bytes')}, token = ${'00000000-0000-0000-0000-00000000000a'} WHERE id = 2 RETURNING photo, token`),
  ],
  large: async ({ sql }) => {
    const text = longText(1 << 20);
    await sql`UPDATE customers SET phone = ${text}, photo = ${Buffer.from(text)}, raw = ${sql.json(text)} WHERE id = 5`;
    const [found] = await sql`SELECT phone, photo, raw FROM customers WHERE phone = ${text}`;
    return [found, found.phone === text];
  },
  transforms: async ({ open }) => {
    const sql = open({ transform: { column: (name) => name.toUpperCase(), value: (value) => (typeof value === 'string' ? `<${value.slice(0, 20)}>` : value) } });
    const found = await sql`SELECT id, email, local_time FROM customers ORDER BY id`;
    await sql.end();
    return found;
  },
};
