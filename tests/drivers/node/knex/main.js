// Knex with node-postgres: a query builder with its own pool, transactions and streams. `main.js URL`.
'use strict';

const knex = require('knex');

const { MARKER, commandLine, longText, outcome, report } = require('../report.js');
const { COLUMNS, orders, people } = require('../people.js');

const sortedRows = (rows) => [...rows].sort((a, b) => a.id - b.id);
const newcomer = (id, email, phone) => ({ id, name: `n${id}`, email, balance: `${id}.5`, phone, visits: id });

const writing = {
  insertEveryColumn: async ({ db }) => {
    const found = [];
    for (const row of people()) found.push(await outcome(db('customers').insert({ ...row, prefs: JSON.stringify(row.prefs), raw: JSON.stringify(row.raw) }).returning('*')));
    return found;
  },
  insertMany: ({ db }) => db('orders').insert(orders()).returning(['id', 'card', 'amount']),
  batchInsert: ({ db }) => db.batchInsert('customers', Array.from({ length: 250 }, (_, i) => newcomer(100 + i, `m${i}@x`, i % 3 ? `p${i}` : null)), 40).returning('id'),
  update: ({ db }) => db('customers').where({ email: 'bob@example.org' }).update({ balance: '17.005', phone: `p ${MARKER}`, seen: new Date(0) }, ['id', 'balance', 'phone', 'seen']),
  updateMany: ({ db }) => db('customers').whereIn('visits', [100, 101, 102]).update({ phone: 'changed' }),
  upsert: async ({ db }) => {
    const found = [];
    for (const row of [newcomer(10, 'fay@x', 'a'), newcomer(11, 'fay@x', `b ${MARKER}`)]) found.push(await db('customers').insert(row).onConflict('email').merge(['balance', 'phone']).returning(['id', 'email', 'balance', 'phone']));
    found.push(await db('customers').insert(newcomer(12, 'fay@x', 'c')).onConflict('email').ignore().returning('id'));
    found.push(await db('customers').insert([newcomer(13, 'fay@x', 'd'), newcomer(14, 'gus@x', 'e')]).onConflict('email').merge({ phone: 'merged' }).returning(['id', 'phone']));
    return found;
  },
  deleteReturning: ({ db }) => db('customers').where('visits', 110).orWhere('email', 'm11@x').delete(['id', 'email']),
};

const reading = {
  all: ({ db }) => db('customers').select('*').where('id', '<', 100).orderBy('id'),
  some: ({ db }) => db.select('id', 'email as mail', db.ref('phone').as('tel')).from('customers').orderBy('id').limit(7).offset(2),
  first: ({ db }) => db('customers').where({ email: 'fay@x' }).first('id', 'email', 'visits'),
  pluck: ({ db }) => db('customers').where('id', '<', 20).orderBy('id').pluck('email'),
  equals: async ({ db }) => {
    const found = {};
    for (const [column, value] of Object.entries({ email: 'eve@example.org', ssn: `ssn${MARKER}`, phone: '555', birth: '1815-12-10', visits: 7, seen: new Date('2024-02-29T12:30:15.123Z'), token: '6ba7b810-9dad-11d1-80b4-00c04fd430c8' })) {
      found[column] = [await db('customers').where(column, value).orderBy('id').pluck('id'), await db('customers').whereNot(column, value).where('id', '<', 100).orderBy('id').pluck('id'), await db('customers').whereNull(column).where('id', '<', 100).orderBy('id').pluck('id')];
    }
    return found;
  },
  inList: async ({ db }) => [await db('customers').whereIn('email', ['fay@x', 'gus@x', 'no']).orderBy('id').pluck('id'), await db('customers').whereNotIn('visits', [7, 0]).where('id', '<', 100).orderBy('id').pluck('id'), await db('customers').whereIn(['id', 'email'], [[10, 'fay@x'], [14, 'x']]).pluck('id')],
  raw: async ({ db }) => [
    (await db.raw('SELECT id, phone FROM customers WHERE email = ? OR phone = ANY (?) ORDER BY id', ['fay@x', ['p1', 'p2']])).rows, (await db.raw('SELECT ?? FROM ?? WHERE email = :email', ['phone', 'customers', 'x']).catch((error) => ({ rows: error.message }))).rows,
    (await db.raw('SELECT :column: FROM customers WHERE email = :email', { column: 'phone', email: 'fay@x' })).rows,
  ],
  joins: async ({ db }) => [
    await db('customers as c').join('orders as o', 'o.customer_id', 'c.id').where('o.card', '4222').select('c.email', 'o.card', 'o.amount'),
    await db('customers as c').leftJoin('orders as o', (on) => on.on('o.customer_id', 'c.id').andOn('o.amount', '=', db.raw('?', ['19.90']))).where('c.id', '<', 6).select('c.id', 'o.note').orderBy(['c.id', 'o.id']),
    await db('customers').whereExists(db('orders').select(db.raw('1')).whereRaw('orders.customer_id = customers.id').where('card', '4333')).pluck('email'),
  ],
  aggregates: async ({ db }) => [await db('customers').count('* as n').count('phone as phones').countDistinct('visits as visits'), sortedRows(await db('orders').select('amount').count('* as n').min('id as id').groupBy('amount'))],
  commonTable: ({ db }) => db.with('some', db('customers').where('id', '<', 4)).select('email', 'balance').from('some').orderBy('id'),
  columnInfo: ({ db }) => db('events').columnInfo(),
  large: async ({ db }) => {
    const text = longText(1 << 20);
    await db('customers').where({ id: 5 }).update({ phone: text });
    return db('customers').where({ phone: text }).select('id', 'phone');
  },
};

const flow = {
  commit: ({ db }) => db.transaction(async (trx) => [await trx('orders').insert({ customer_id: 1, card: 'tx', amount: 1, note: 'kept' }).returning('card'), await trx('orders').where({ card: 'tx' }).select('note')]),
  rollback: async ({ db }) => [
    await outcome(db.transaction(async (trx) => { await trx('orders').insert({ customer_id: 1, card: 'gone', amount: 1 }); throw new Error('given up'); })), await db('orders').where({ card: 'gone' }),
  ],
  savepoints: ({ db }) => db.transaction(async (trx) => {
    const failed = await outcome(trx.transaction((inner) => inner('orders').insert({ customer_id: 999, card: 'sp', amount: 1 })));
    await trx.transaction((inner) => inner('orders').insert({ customer_id: 3, card: 'sp', amount: 2 }));
    return [failed, await trx('orders').where({ card: 'sp' }).select('amount')];
  }),
  failed: ({ db }) => outcome(db.transaction(async (trx) => [await outcome(trx('orders').insert({ customer_id: 1, card: 'x', amount: 'wrong' })), await outcome(trx('orders').select('card'))])),
  locks: ({ db }) => db.transaction(async (trx) => [await trx('customers').where({ email: 'fay@x' }).forUpdate().select('id'), await outcome(db('customers').where({ email: 'fay@x' }).forUpdate().noWait().select('id')), await db('customers').whereIn('id', [10, 14]).forUpdate().skipLocked().pluck('id')]),
  isolation: ({ db }) => db.transaction(async (trx) => [await trx('orders').orderBy('id').pluck('card'), await outcome(trx('orders').insert({ customer_id: 1, card: 'x', amount: 1 }))], { isolationLevel: 'repeatable read', readOnly: true }),
  streams: async ({ db }) => {
    const seen = [];
    for await (const row of db('customers').where('id', '>', 200).orderBy('id').select('id', 'email', 'phone').stream({ batchSize: 30 })) seen.push([row.id, row.email, row.phone]);
    for await (const row of db('customers').orderBy('id').select('email').stream({ batchSize: 10 })) {
      seen.push(row.email);
      if (seen.length > 170) break;
    }
    return [seen, await outcome((async () => { for await (const row of db('customers').orderBy('id').select('email', db.raw('1 / (id - 120)')).stream()) seen.push(row); })())];
  },
  timeout: ({ db }) => outcome(db('customers').where({ id: 1 }).select('email', db.raw('pg_sleep(20)')).timeout(300, { cancel: true })),
  parallel: ({ db }) => Promise.all(Array.from({ length: 30 }, (_, i) => outcome(i % 7 === 6 ? db.raw('SELECT 1 / 0 FROM customers') : db('customers').where({ visits: 100 + i }).select('id', 'email')))),
  events: async ({ db }) => {
    const seen = [];
    db.on('query', ({ sql, bindings }) => seen.push([sql, bindings]));
    await db('customers').where({ email: 'fay@x' }).first('phone');
    db.removeAllListeners('query');
    return seen;
  },
  schema: async ({ db }) => [
    await db.schema.hasTable('customers'), await db.schema.hasColumn('customers', 'email'), await db.schema.alterTable('events', (table) => { table.string('extra').defaultTo('new'); }), await db('events').insert({ kind: 'k' }).returning('*'),
    await db.schema.alterTable('events', (table) => { table.dropColumn('extra'); }), await db('events').select('*'), await db.schema.alterTable('orders', (table) => { table.integer('extra').defaultTo(7); }), await db('orders').where({ card: 'tx' }).select('*'),
    await db.schema.alterTable('orders', (table) => { table.dropColumn('extra'); }), await db('orders').where({ card: 'tx' }).select('*'),
  ],
  errors: async ({ db }) => ({
    unique: await outcome(db('customers').insert(newcomer(50, 'fay@x', null))), notNull: await outcome(db('customers').insert({ ...newcomer(50, 'n@x', null), email: null })), input: await outcome(db('customers').where({ visits: 'x' })),
    tooLong: await outcome(db('customers').where({ id: 1 }).update({ ssn: '123456789012' })), column: await outcome(db('customers').where({ nosuch: 1 })), afterwards: await outcome(db('customers').where({ email: 'fay@x' }).select('id')),
  }),
};

async function main() {
  const db = knex({ client: 'pg', connection: commandLine().url, pool: { min: 0, max: 3 } });
  await db.raw('TRUNCATE customers, orders, events RESTART IDENTITY');
  for (const part of [writing, reading, flow]) await report(part, { db });
  await db.destroy();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
