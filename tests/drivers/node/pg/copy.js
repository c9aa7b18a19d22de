// node-postgres: pg-copy-streams, both ways.
'use strict';

const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');

const { from, to } = require('pg-copy-streams');

const { MARKER, longText, outcome } = require('../report.js');

const columns = 'id, name, email, ssn, birth, balance, visits, vip, score, seen, photo, prefs';
const lines = (row) => [
  row(1001, 'c1', `copy1@${MARKER}`, 'ssn-1', '1990-01-02', '1.50', 1, 't', 0.25, '2024-01-01 00:00:00+00', '\\\\x0001ff', '{"a": 1}'),
  row(1002, 'c2', 'copy2@x', null, null, '0', null, null, null, null, null, null),
  row(1003, 'c3', 'back\\\\slash\\ttab\\nline', 'äöü', 'infinity', 'NaN', -5, 'f', '-Infinity', '1999-12-31 23:59:59.999999-08', '\\\\x', '[]'),
];
const textRows = () => lines((...values) => `${values.map((value) => value ?? '\\N').join('\t')}\n`).join('');

/** Sends `data` in pieces that are not aligned with rows. */
async function copyIn(client, statement, data, size = 7) {
  const bytes = Buffer.from(data);
  const pieces = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  const stream = client.query(from(statement));
  await pipeline(Readable.from(pieces), stream);
  return { rowCount: stream.rowCount };
}

async function copyOut(client, statement) {
  const stream = client.query(to(statement));
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return { rowCount: stream.rowCount, bytes: Buffer.concat(pieces) };
}

const asText = ({ rowCount, bytes }) => [rowCount, bytes.toString('utf8')];
const here = `SELECT ${columns} FROM customers WHERE id > 1000 ORDER BY id`;

module.exports = {
  textIn: async ({ client, run }) => [await copyIn(client, `COPY customers (${columns}) FROM STDIN`, textRows()), await run(here)],
  textOut: async ({ client }) => asText(await copyOut(client, `COPY (${here}) TO STDOUT`)),
  tableOut: async ({ client }) => asText(await copyOut(client, `COPY customers (id, email, balance, seen) TO STDOUT`)),
  csvIn: async ({ client, run }) => {
    const csv = `id,name,email,note\r\n`.replace('note', 'balance,phone') + `1011,"a ""q"" b",csv1@${MARKER},10.5,"multi\nline"\r\n1012,plain,csv2@x,0,\r\n1013,"","c,omma@x",-1,""\r\n`;
    return [await copyIn(client, 'COPY customers (id, name, email, balance, phone) FROM STDIN (FORMAT csv, HEADER true)', csv, 3), await run('SELECT id, name, email, balance, phone FROM customers WHERE id > 1010 ORDER BY id')];
  },
  csvOut: async ({ client }) => asText(await copyOut(client, "COPY (SELECT id, email, phone, seen FROM customers WHERE id > 1000 ORDER BY id) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *, NULL 'none')")),
  csvQuotedColumns: async ({ client }) => asText(await copyOut(client, "COPY customers (id, email, phone, seen) TO STDOUT (FORMAT csv, FORCE_QUOTE (email))")),
  csvQuotedColumnsOfQuery: async ({ client }) => asText(await copyOut(client, "COPY (SELECT id, email FROM customers ORDER BY id) TO STDOUT (FORMAT csv, FORCE_QUOTE (email))")),
  csvOfOwnDelimiters: async ({ client, run }) => [
    await copyIn(client, "COPY orders (customer_id, card, amount, note) FROM STDIN (FORMAT csv, DELIMITER ';', QUOTE '''', NULL '-')", `1001;'it''s;';1.5;-\n1002;c ${MARKER};2;'-'\n`),
    await run('SELECT customer_id, card, amount, note FROM orders ORDER BY id'),
    asText(await copyOut(client, "COPY (SELECT card, amount, note FROM orders ORDER BY id) TO STDOUT (DELIMITER '|', NULL 'nil')")),
  ],
  binaryOut: async ({ client }) => (await copyOut(client, `COPY (${here}) TO STDOUT (FORMAT binary)`)).bytes.toString('hex').match(/.{1,200}/g),
  binaryBothWays: async ({ client, run }) => {
    const { bytes } = await copyOut(client, `COPY (SELECT id + 1000, name, 'b' || id, ssn, birth, balance, visits, vip, score, seen, photo, prefs FROM customers WHERE id IN (1001, 1002, 1003) ORDER BY id) TO STDOUT (FORMAT binary)`);
    const moved = await copyIn(client, `COPY customers (${columns}) FROM STDIN (FORMAT binary)`, bytes, 11);
    return [moved, await run(`SELECT ${columns} FROM customers WHERE id > 2000 ORDER BY id`)];
  },
  unchangedBetweenTables: async ({ client, pool, run }) => {
    const other = await pool.connect();
    try {
      const out = client.query(to('COPY (SELECT customer_id, card, amount, note FROM orders ORDER BY id) TO STDOUT'));
      const back = other.query(from('COPY orders (customer_id, card, amount, note) FROM STDIN'));
      await pipeline(out, back);
      return [out.rowCount, back.rowCount, await run('SELECT customer_id, card, amount, note FROM orders ORDER BY id')];
    } finally {
      other.release();
    }
  },
  large: async ({ client, run }) => {
    const text = longText(1 << 20);
    const rows = Array.from({ length: 20 }, (_, i) => `${3000 + i}\tl\tlarge${i}@x\t${i}\t${i}${text.slice(0, 50_000)}\n`).join('');
    const [sent, long] = [await copyIn(client, 'COPY customers (id, name, email, balance, phone) FROM STDIN', rows, 60_000), await copyIn(client, 'COPY customers (id, name, email, balance, phone) FROM STDIN', `3100\tl\tlong@x\t0\t${text}\n`, 100_000)];
    const back = await copyOut(client, 'COPY (SELECT id, email, phone FROM customers WHERE id >= 3000 ORDER BY id) TO STDOUT');
    return [sent, long, back.rowCount, back.bytes.toString('utf8'), (await run('SELECT phone FROM customers WHERE id = 3100')).rows[0].phone === text];
  },
  manyRows: async ({ client, run }) => {
    const rows = Array.from({ length: 5000 }, (_, i) => `${10_000 + i}\tn${i}\tmany${i}@x\t${i}.5\t${i % 3 ? `p${i}` : '\\N'}\n`).join('');
    const sent = await copyIn(client, 'COPY customers (id, name, email, balance, phone) FROM STDIN', rows, 65_536);
    const back = await copyOut(client, 'COPY (SELECT id, email, balance, phone FROM customers WHERE id >= 10000 ORDER BY id) TO STDOUT (FORMAT csv)');
    return [sent, back.rowCount, back.bytes.toString('utf8'), await run('DELETE FROM customers WHERE id >= 10000')];
  },
  badRows: async ({ client, run }) => {
    const found = [];
    for (const [statement, data] of [
      ['COPY customers (id, name, email, balance) FROM STDIN', '4000\tn\tbad0@x\t1\n4001\tn\tbad1@x\twrong\n'],
      ['COPY customers (id, name, email, balance) FROM STDIN', '4000\tn\tbad0@x\t1\n4001\tn\tbad1@x\n'],
      ['COPY customers (id, name, email, balance) FROM STDIN', '4000\tn\tbad0@x\t1\textra\n'],
      ['COPY customers (id, name, email, balance) FROM STDIN', 'x\tn\tbad0@x\t1\n'],
      ['COPY customers (id, name, email, balance) FROM STDIN', '4000\tn\t\\N\t1\n'],
      ['COPY customers (id, name, email, balance) FROM STDIN', `4000\tn\tcopy1@${MARKER}\t1\n`],
      ['COPY customers (id, name, email, birth, balance) FROM STDIN (FORMAT csv)', '4000,n,bad0@x,2024-02-30,1\n'],
      ['COPY customers (id, name, email, balance) FROM STDIN (FORMAT csv)', '4000,n,"bad0@x,1\n'],
      ['COPY customers (id, name, email, balance, prefs) FROM STDIN', '4000\tn\tbad0@x\t1\t{"a": x}\n'],
      ['COPY customers (id, nosuch) FROM STDIN', '1\t2\n'],
      ['COPY customers (id, name, email, balance) FROM STDIN (FORMAT binary)', 'not binary at all, is it'],
    ]) {
      found.push(await outcome(copyIn(client, statement, data, 1000)));
      found.push(await outcome(run('SELECT count(*) FROM customers WHERE id >= 4000')));
    }
    return found;
  },
  givenUp: async ({ client, run }) => {
    const stream = client.query(from('COPY customers (id, name, email, balance) FROM STDIN'));
    async function* rows() {
      yield '5000\tn\tfail0@x\t1\n5001\tn\tfa';
      throw new Error('the source has failed');
    }
    return [await outcome(pipeline(Readable.from(rows()), stream)), await outcome(run('SELECT count(*) FROM customers WHERE id >= 5000'))];
  },
  inTransaction: async ({ client, run }) => [
    await run('BEGIN'), await copyIn(client, 'COPY orders (customer_id, card, amount) FROM STDIN', '1001\ttx\t5\n'), await run("SELECT card, amount FROM orders WHERE card = 'tx'"),
    await run('ROLLBACK'), await run("SELECT count(*) FROM orders WHERE card = 'tx'"),
  ],
  plainTable: async ({ client, run }) => [
    await copyIn(client, 'COPY events (id, kind, data) FROM STDIN', '1\ta\t{"x": 1}\n2\tb\t\\N\n'), asText(await copyOut(client, 'COPY events TO STDOUT')), await run('SELECT * FROM events ORDER BY id'),
  ],
};
