// node-postgres: pg-cursor and pg-query-stream, which read portals part by part.
'use strict';

const { Transform, pipeline } = require('node:stream');
const { promisify } = require('node:util');

const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');

const { MARKER, outcome } = require('../report.js');
const { COLUMNS, people } = require('../people.js');

const insert = `INSERT INTO customers (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map((_, i) => `$${i + 1}`).join(', ')})`;
const numbered = 'SELECT id, email, phone, visits, seen FROM customers WHERE id > $1 ORDER BY id';

async function collect(stream) {
  const rows = [];
  for await (const row of stream) rows.push(row);
  return rows;
}

module.exports = {
  fill: async ({ run }) => {
    for (const row of people()) await run(insert, COLUMNS.map((column) => row[column]));
    return run(
      `INSERT INTO customers (id, name, email, balance, phone, visits, seen)
       SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::numeric[], $5::text[], $6::int[], $7::timestamptz[])`,
      [0, 1, 2, 3, 4, 5, 6].map((kind) => Array.from({ length: 250 }, (_, i) => [
        100 + i, `n${i}`, `m${i}@example.org`, `${i}.25`, i % 4 ? `phone ${i} ${MARKER}` : null, i, new Date(Date.UTC(2024, 0, 1, 0, i)),
      ][kind])));
  },
  cursorInParts: async ({ client }) => {
    const cursor = client.query(new Cursor(numbered, [90]));
    const found = [];
    for (const size of [1, 10, 100, 1000, 1]) found.push(await cursor.read(size));
    await cursor.close();
    return found;
  },
  cursorClosedEarly: async ({ client, run }) => {
    const cursor = client.query(new Cursor(numbered, [90]));
    const found = [await cursor.read(3)];
    await cursor.close();
    return [found, await run('SELECT email FROM customers WHERE id = 1')];
  },
  cursorOfArrays: async ({ client }) => {
    const cursor = client.query(new Cursor('SELECT * FROM customers WHERE id < $1 ORDER BY id', [100], { rowMode: 'array' }));
    const found = await new Promise((resolve, reject) => {
      cursor.read(3, (error, rows, result) => (error ? reject(error) : resolve([rows, result.fields.map((f) => [f.name, f.dataTypeID, f.format])])));
    });
    found.push(await cursor.read(10));
    await cursor.close();
    return found;
  },
  cursorOfUpdate: async ({ client, run }) => {
    const cursor = client.query(new Cursor('UPDATE customers SET phone = $1 WHERE visits = ANY ($2) RETURNING id, phone, visits', ['changed', [10, 11, 12, 13]]));
    const found = [await cursor.read(2), await cursor.read(5)];
    await cursor.close();
    return [found, await run("SELECT id FROM customers WHERE phone = 'changed' ORDER BY id")];
  },
  cursorFails: async ({ client, run }) => {
    const found = [];
    for (const [text, values] of [['SELECT email, 1 / (id - 105) FROM customers WHERE id > $1 ORDER BY id', [100]], ['SELECT nosuch FROM customers', []], ['SELECT email FROM customers WHERE visits = $1', ['x']]]) {
      const cursor = client.query(new Cursor(text, values));
      found.push(await outcome(cursor.read(2)), await outcome(cursor.read(20)));
      found.push(await outcome(cursor.close()));
      found.push(await outcome(run('SELECT 1')));
    }
    return found;
  },
  cursorsTogether: async ({ client, run }) => {
    await run('BEGIN');
    const sent = await run('DECLARE held CURSOR FOR SELECT email FROM customers WHERE id > 100 ORDER BY id');
    const cursor = client.query(new Cursor(numbered, [200]));
    const found = [await cursor.read(2)];
    await cursor.close();
    found.push(await run('FETCH 3 FROM held'), await run('MOVE 10 IN held'), await run('FETCH 1 FROM held'));
    await run('COMMIT');
    return [sent, found];
  },
  streamWhole: ({ client }) => collect(client.query(new QueryStream(numbered, [90]))),
  streamInBatches: ({ client }) => collect(client.query(new QueryStream(numbered, [90], { batchSize: 7 }))),
  streamEveryColumn: ({ client }) => collect(client.query(new QueryStream('SELECT * FROM customers WHERE id < 100 ORDER BY id', [], { batchSize: 2, rowMode: 'array' }))),
  streamEndedEarly: async ({ client, run }) => {
    const seen = [];
    for await (const row of client.query(new QueryStream(numbered, [90], { batchSize: 10 }))) {
      seen.push(row.email);
      if (seen.length === 25) break;
    }
    return [seen, await run('SELECT email FROM customers WHERE id = 2')];
  },
  streamPiped: async ({ client }) => {
    const lines = [];
    const print = new Transform({ objectMode: true, transform: (row, _, done) => { lines.push(`${row.id}:${row.phone}`); done(); } });
    await promisify(pipeline)(client.query(new QueryStream(numbered, [300], { batchSize: 20 })), print);
    return lines;
  },
  streamFails: async ({ client, run }) => [
    await outcome(collect(client.query(new QueryStream('SELECT email, 1 / (id - 150) FROM customers WHERE id > 100 ORDER BY id', [], { batchSize: 10 })))), await outcome(run('SELECT 1')),
  ],
  streamsOfPool: async ({ pool }) => {
    const one = async (from) => {
      const client = await pool.connect();
      try {
        return (await collect(client.query(new QueryStream(numbered, [from], { batchSize: 5 })))).map((row) => [row.id, row.email]);
      } finally {
        client.release();
      }
    };
    return Promise.all([one(300), one(320)]);
  },
};
