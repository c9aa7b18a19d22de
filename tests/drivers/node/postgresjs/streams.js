// postgres.js: cursors and COPY.
'use strict';

const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');

const { MARKER, outcome } = require('../report.js');

const numbered = (sql, from) => sql`SELECT id, email, phone, seen FROM customers WHERE id > ${from} ORDER BY id`;

async function copyOut(query) {
  const pieces = [];
  for await (const piece of await query.readable()) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function copyIn(query, text, size = 7) {
  const pieces = [];
  for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size));
  await pipeline(Readable.from(pieces), await query.writable());
}

module.exports = {
  copyText: async ({ sql, see }) => {
    const text = Array.from({ length: 200 }, (_, i) => `${1000 + i}\tn${i}\tcopy${i}@x\t${i}.5\t${i % 3 ? `p${i} ${MARKER}` : '\\N'}\t2024-01-01 00:00:00+00\n`).join('');
    await copyIn(sql`COPY customers (id, name, email, balance, phone, seen) FROM STDIN`, text);
    return see(sql`SELECT id, email, balance, phone, seen FROM customers WHERE id >= 1000 ORDER BY id LIMIT 30`);
  },
  copyCsv: async ({ sql, see }) => {
    await copyIn(sql`COPY orders (customer_id, card, amount, note) FROM STDIN (FORMAT csv, HEADER)`, `customer_id,card,amount,note\n1000,"a, ""b""",1.5,"x\ny"\n1001,c ${MARKER},2,\n`);
    return [await see(sql`SELECT card, amount, note FROM orders WHERE customer_id >= 1000 ORDER BY id`), String(await copyOut(sql`COPY (SELECT card, amount, note FROM orders ORDER BY id) TO STDOUT (FORMAT csv, HEADER)`))];
  },
  copyOut: async ({ sql }) => [
    String(await copyOut(sql`COPY (SELECT id, email, phone, seen FROM customers WHERE id > 1000 ORDER BY id) TO STDOUT`)).split('\n'),
    (await copyOut(sql`COPY (SELECT id, email, balance FROM customers WHERE id < 1010 ORDER BY id) TO STDOUT (FORMAT binary)`)).toString('hex').match(/.{1,200}/g),
  ],
  // An error at the end of the data is never reported by this driver, with or without pgveil.
  copyFails: async ({ sql, see }) => [
    await outcome(copyIn(sql`COPY customers (id, nosuch) FROM STDIN`, '4000\tn\n')), await see(sql`SELECT email FROM customers WHERE id = 1`),
  ],
  cursor: async ({ sql }) => {
    const parts = [];
    await numbered(sql, 900).cursor(60, (rows) => { parts.push([...rows]); });
    return parts;
  },
  cursorIterated: async ({ sql }) => {
    const parts = [];
    for await (const rows of numbered(sql, 1000).cursor(50)) parts.push(rows.map((row) => row.email));
    return parts;
  },
  cursorStopped: async ({ sql, see }) => {
    const seen = [];
    await numbered(sql, 1000).cursor((rows) => { seen.push(rows[0].email); return seen.length === 5 ? sql.CLOSE : undefined; });
    for await (const [row] of numbered(sql, 1100).cursor()) {
      seen.push(row.phone);
      if (seen.length > 8) break;
    }
    return [seen, await see(sql`SELECT email FROM customers WHERE id = ${1}`)];
  },
  cursorFails: async ({ sql, see }) => [
    await outcome(sql`SELECT email, 1 / (id - 1050) FROM customers WHERE id > ${1000} ORDER BY id`.cursor(20, () => {})), await see(sql`SELECT email FROM customers WHERE id = ${1}`),
  ],
  cursorInTransaction: ({ sql }) => outcome(sql.begin(async (tx) => {
    const seen = [];
    await tx`SELECT id, card FROM orders ORDER BY id`.cursor(2, (rows) => { seen.push(rows.map((row) => row.card)); });
    await tx`DECLARE held CURSOR FOR SELECT email FROM customers WHERE id > 1000 ORDER BY id`;
    return [seen, await tx`FETCH 3 FROM held`, await tx`MOVE 5 IN held`, await tx`FETCH 1 FROM held`];
  })),
};
