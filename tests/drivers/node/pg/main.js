// node-postgres: pool, clients, named statements. `main.js URL [binary] [named] [extended] [streams] [pipeline]`.
'use strict';

const { createHash } = require('node:crypto');

const { Pool } = require('pg');

const { commandLine, report } = require('../report.js');

const { url, words } = commandLine();
const has = (word) => words.includes(word);

/** A short name for a statement: the server cuts names at 63 bytes. */
const nameOf = (text) => `s${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;

/** A query as this variant sends it. */
function query(text, values, more = {}) {
  const wanted = { text, ...more };
  if (values !== undefined) wanted.values = values;
  if (has('binary')) wanted.binary = true;
  if (has('extended')) wanted.queryMode = 'extended';
  if (has('named') && text.trim() && !text.includes(';')) wanted.name ??= nameOf(text);
  return wanted;
}

/** All that a result says. Table OIDs differ by nature; that there is one does not. */
function result(found) {
  if (Array.isArray(found)) return found.map(result);
  const fields = found.fields.map((f) => [f.name, f.tableID > 0, f.columnID, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.format].join(' '));
  return { command: found.command, rowCount: found.rowCount, fields, rows: found.rows };
}

async function main() {
  const pool = new Pool({ connectionString: url, max: 3, pipeline: has('pipeline') });
  pool.on('error', (error) => console.error(error));
  const client = await pool.connect();
  client.on('notice', (notice) => given.notices.push([notice.severity, notice.code, notice.message]));
  const given = {
    client, pool, query, result, notices: [], has, url,
    /** Runs a statement on the one client. */
    run: async (text, values, more) => result(await client.query(query(text, values, more))),
  };
  await client.query('TRUNCATE customers, orders, events RESTART IDENTITY');
  const parts = has('streams') ? ['./values.js', './cursors.js', './copy.js'] : ['./values.js', './statements.js', './flow.js', './sessions.js'];
  for (const part of parts) await report(require(part), given, () => client.query('ROLLBACK'));
  client.release();
  await pool.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
