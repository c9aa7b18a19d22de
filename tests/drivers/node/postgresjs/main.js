// postgres.js: tagged templates, helpers, cursors, COPY. `main.js URL [unprepared] [untyped] [bigint] [one]`.
'use strict';

const postgres = require('postgres');

const { commandLine, outcome, report } = require('../report.js');

const { url, words } = commandLine();
const has = (word) => words.includes(word);

/** All that a result says. Table OIDs differ by nature. */
function result(found) {
  if (Array.isArray(found) && found.some((part) => part && part.command)) return found.map(result);
  const columns = found.columns?.map((c) => [c.name, c.type, c.number, c.table > 0].join(' '));
  return { command: found.command, count: found.count, state: found.state?.status, columns, types: found.statement?.types, rows: [...found] };
}

function options(notices) {
  const more = { max: has('one') ? 1 : 3, onnotice: (notice) => notices.push([notice.severity, notice.code, notice.message]) };
  if (has('unprepared')) more.prepare = false;
  if (has('untyped')) more.fetch_types = false;
  if (has('bigint')) more.types = { bigint: postgres.BigInt, numeric: { to: 1700, from: [1700], serialize: String, parse: (text) => `numeric ${text}` } };
  return more;
}

async function main() {
  const notices = [];
  const sql = postgres(url, options(notices));
  const given = {
    sql, notices, result, has, open: (more) => postgres(url, { ...options(notices), ...more }),
    /** The outcome of a query, with its description. */
    see: (query) => outcome(Promise.resolve(query).then(result)),
  };
  await sql`TRUNCATE customers, orders, events RESTART IDENTITY`;
  for (const part of ['./values.js', './statements.js', './sessions.js', './streams.js']) await report(require(part), given);
  await sql.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
