// node-postgres: values of every column, in and out.
'use strict';

const types = require('pg').types;

const { longText, outcome } = require('../report.js');
const { COLUMNS, orders, people } = require('../people.js');

const places = (count, from = 1) => Array.from({ length: count }, (_, i) => `$${i + from}`).join(', ');
const insert = `INSERT INTO customers (${COLUMNS.join(', ')}) VALUES (${places(COLUMNS.length)})`;
const valuesOf = (row) => COLUMNS.map((column) => row[column]);

/** What each input gives when it is stored alone. */
const INPUTS = {
  ssn: ['12345678901', '123456789012', '12345678901   ', 5],
  email: ['x'.repeat(120), 'x'.repeat(121)],
  phone: ['nul\0', 'x', true, { a: 1 }, [1, 2]],
  birth: ['2024-02-30', 'foo', '', '2024-1-2', 'Jan 8, 1999', new Date(8.64e15), '5874898-01-01', '25/12/2024'],
  balance: ['1e9', '99999999999', 'x', '', ' 7 ', 1e-7, 'Infinity', '0x10', '1_000'],
  visits: ['2147483648', 'x', '', 1.5, ' 12 ', '0x1A', true, 9n],
  points: ['9223372036854775808', 2 ** 53, 12n, 'NaN'],
  level: [32768, -32769, '1.0'],
  vip: ['t', 'TRUE ', 'tru', 'o', 'off', 1, 0, 2, ''],
  score: ['1e400', '1e-400', 'inf', '-Infinity', 'nan', 'x', 1e308, 5e-324],
  seen: ['2024-01-01', '2024-01-01 25:00', '2024-01-01T00:00:00Z', '2024-01-01 00:00 Europe/Berlin', '2024-01-01 00:00+25', 'epoch', 'x', 0],
  local_time: ['2024-01-01 10:00+05', '2024-13-01', 'x', '4714-11-24 BC', '294277-01-01'],
  opens: ['25:00', '12:60', '1:2', '12 PM', 'x', '04:05:06.789'],
  token: ['x', '6ba7b8109dad11d180b400c04fd430c8', '6ba7b810-9dad-11d1-80b4-00c04fd430c', ''],
  photo: ['\\xf', '\\xzz', 'a\\9', 'plain', 'a\\\\b\\001', Buffer.from('é')],
  prefs: ['{', '', '"\\u0000"', 'null', '{"a":1,"a":2}', '1e1000', [1], { a: undefined }],
  raw: ['{', 'nul', ' [1, 2 ] ', '{"a":1,"a":2}'],
  address: ['10.0.0.1/33', 'x', '10.0.0', '1.2.3.4/8', '::1', ''],
};

/** PostgreSQL shows the line with the fault in the error's CONTEXT, up to it. */
const BAD_JSON = [
  '', ' ', '{"a" 1}', '{"a":1,}', '[1,]', '[1 2]', 'tru', 'nul1', '1.', '-', '01', '1e', '1x ]', '"open', '"esc\\', '"tab\there"', '"\\q"', '"\\é"', '"\\u12"', '"\\u12g4"', '"\\ud800"', '"\\ud800x"', '"\\ud800é"',
  '"\\ud800\\n"', '"\\ud800\\ud800"', '"\\udc00"', '"\\ud800\\u0041"', '"a\\u0000b"', '{"a":\n1,\n  b}', '[1,\n2\n', '[1,\r\nx]', `["${'long '.repeat(30)}", x]`, `["${'é€'.repeat(40)}" 5, 6]`, `[${'1,'.repeat(26)}x]`,
  `{"k": "${'x'.repeat(44)}" 1}`, `${' '.repeat(60)}x`, '[1] 2', '{} }', '\u00a0{}', '[é]', '1e99999', '{"a": [1, {"b": tru}]}',
];

module.exports = {
  insertEveryColumn: async ({ run }) => {
    const found = [];
    for (const row of people()) found.push(await outcome(run(`${insert} RETURNING *`, valuesOf(row))));
    return found;
  },
  insertOrders: async ({ run }) => {
    const found = [];
    for (const o of orders()) {
      found.push(await run('INSERT INTO orders (customer_id, card, amount, status, note) VALUES ($1, $2, $3, $4, $5) RETURNING id, card', [o.customer_id, o.card, o.amount, o.status, o.note]));
    }
    return found;
  },
  readObjects: ({ run }) => run('SELECT * FROM customers ORDER BY id'),
  readArrays: ({ run }) => run('SELECT * FROM customers ORDER BY id', undefined, { rowMode: 'array' }),
  readWithParameter: ({ run }) => run('SELECT * FROM customers WHERE id > $1 ORDER BY id', [2]),
  readWithOwnTypes: async ({ run }) => {
    const own = { getTypeParser: (oid, format) => (value) => `${oid} ${format} ${Buffer.isBuffer(value) ? value.toString('hex') : value}` };
    return run('SELECT * FROM customers WHERE id < $1 ORDER BY id', [4], { types: own });
  },
  readWithChangedParsers: async ({ run }) => {
    const parsers = { 20: BigInt, 1700: Number, 1082: (text) => `day ${text}` };
    const own = { getTypeParser: (oid, format) => (format === 'text' && parsers[oid]) || types.getTypeParser(oid, format) };
    return run('SELECT id, points, visits, birth FROM customers WHERE points IS NOT NULL ORDER BY id', undefined, { types: own });
  },
  readEachColumn: async ({ run }) => {
    const found = {};
    for (const column of COLUMNS) found[column] = (await run(`SELECT ${column} AS it FROM customers ORDER BY id`, undefined, { rowMode: 'array' })).rows;
    return found;
  },
  rowEvents: ({ client, query }) => new Promise((resolve, reject) => {
    const seen = [];
    const { Query } = require('pg');
    const asked = client.query(new Query(query('SELECT email, seen FROM customers WHERE id < $1 ORDER BY id', [4])));
    asked.on('row', (row) => seen.push(row));
    asked.on('end', (found) => resolve([seen, found.rowCount, found.command]));
    asked.on('error', reject);
  }),
  inputs: async ({ run }) => {
    const found = {};
    for (const [column, inputs] of Object.entries(INPUTS)) {
      found[column] = [];
      for (const input of inputs) {
        await run('BEGIN');
        const set = await outcome(run(`UPDATE customers SET ${column} = $1 WHERE id = $2 RETURNING ${column}`, [input, 5], { rowMode: 'array' }));
        await run('ROLLBACK');
        found[column].push(set.rows ?? set);
      }
    }
    return found;
  },
  badJson: async ({ run }) => {
    const found = [];
    for (const column of ['prefs', 'raw']) {
      for (const text of BAD_JSON) found.push([text, await outcome(run(`UPDATE customers SET ${column} = $1 WHERE id = 1000`, [text]))]);
    }
    for (const text of BAD_JSON) found.push(await outcome(run(`UPDATE customers SET prefs = '${text}' WHERE id = 1000`)));
    return found;
  },
  large: async ({ run }) => {
    const [text, bytes] = [longText(1 << 20), Buffer.from(longText(700_000), 'utf8')];
    await run('UPDATE customers SET phone = $1, photo = $2, prefs = $3, raw = $4 WHERE id = $5', [text, bytes, { text: text.slice(0, 300_000) }, JSON.stringify(text), 5]);
    const found = await run('SELECT phone, photo, prefs, raw FROM customers WHERE id = $1', [5]);
    return [found, (await run('SELECT id FROM customers WHERE phone = $1', [text])).rows, found.rows[0].phone === text, found.rows[0].photo.equals?.(bytes)];
  },
  settings: async ({ run }) => {
    const found = [];
    for (const setting of ["TimeZone = 'America/New_York'", "TimeZone = 'Asia/Kathmandu'", "DateStyle = 'German'", "DateStyle = 'SQL, DMY'", "DateStyle = 'Postgres'", "bytea_output = 'escape'", 'extra_float_digits = 0']) {
      await run(`SET ${setting}`);
      found.push(await outcome(run('SELECT seen, local_time, birth, score, photo, created FROM customers WHERE id IN (1, 3) ORDER BY id', undefined, { rowMode: 'array', types: { getTypeParser: () => String } })));
      found.push(await outcome(run('SELECT id FROM customers WHERE seen = $1', ['2024-02-29 12:30:15.123+00'])));
    }
    for (const setting of ['TimeZone', 'DateStyle', 'bytea_output', 'extra_float_digits']) await run(`RESET ${setting}`);
    return found;
  },
};
