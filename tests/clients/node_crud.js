// node-postgres over protected tables, and over their plaintext twins: `node_crud.js THROUGH TWIN`.
'use strict';

const { createHash } = require('crypto');

const { Client } = require('pg');

const SHOWN = Number(process.env.SHOW_DIFFERENCES || 25);

function options(conninfo) {
  const parts = Object.fromEntries(conninfo.split(' ').map((part) => part.split('=')));
  return { host: parts.host, port: Number(parts.port), user: parts.user, password: parts.password, database: parts.dbname };
}

/** Values together with what JavaScript makes of them. */
function typed(value) {
  if (value === null || value === undefined) return String(value);
  if (Buffer.isBuffer(value)) return `Buffer ${value.toString('hex')}`;
  if (value instanceof Date) return `Date ${Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString()}`;
  if (typeof value === 'object') return `${value.constructor.name} ${JSON.stringify(value)}`;
  return `${typeof value} ${Object.is(value, -0) ? '-0' : value}`;
}

const asText = (value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v));

function one(result) {
  return {
    command: result.command,
    rowCount: result.rowCount,
    fields: (result.fields || []).map((f) => [f.name, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.format, f.columnID]),
    rows: result.rows.map((row) => (Array.isArray(row) ? row : Object.entries(row).flat()).map(typed)),
  };
}

function failure(error) {
  if (error.code === undefined && !error.severity) throw error;
  const { code, message, detail, hint, position, schema, table, column, constraint, severity } = error;
  return { code, message, detail, hint, position, schema, table, column, constraint, severity };
}

function isRefusal(outcome) {
  return outcome.code === '0A000' && /pgveil/.test(outcome.hint || '');
}

class Pair {
  constructor(conninfos) {
    this.clients = conninfos.map((conninfo) => new Client(options(conninfo)));
    this.count = 0;
    this.differences = [];
    this.refusals = new Set();
  }

  async connect() {
    for (const client of this.clients) await client.connect();
  }

  async attempt(client, query) {
    try {
      const result = typeof query === 'function' ? await query(client) : await client.query(query);
      if (typeof query === 'function') return { value: JSON.stringify(result) };
      return { results: [].concat(result).map(one) };
    } catch (error) {
      return failure(error);
    }
  }

  differ(label, through, twin) {
    const short = (value) => asText(value).slice(0, 800);
    this.differences.push(`${label}\n  through ${short(through)}\n  twin    ${short(twin)}`);
  }

  /** Runs a query, or a function of a client, on both sides; what comes of it has to be equal. */
  async run(query, { orRefused = false, ignore = [] } = {}) {
    const label = typeof query === 'function' ? query.name : asText(query).slice(0, 200);
    const through = await this.attempt(this.clients[0], query);
    if (orRefused && isRefusal(through)) {
      this.refusals.add(through.message);
      return;
    }
    const twin = await this.attempt(this.clients[1], query);
    this.count += 1;
    for (const outcome of [through, twin]) for (const key of ignore) delete outcome[key];
    if (JSON.stringify(through) !== JSON.stringify(twin)) this.differ(label, through, twin);
  }

  async refused(query) {
    const outcome = await this.attempt(this.clients[0], query);
    this.count += 1;
    if (!isRefusal(outcome)) this.differ(asText(query), outcome, 'a refusal with SQLSTATE 0A000');
  }

  async finish() {
    for (const client of this.clients) await client.end();
    if (this.differences.length > 0) {
      console.log(`${this.differences.length} differences in ${this.count} comparisons`);
      for (const difference of this.differences.slice(0, SHOWN)) console.log(difference);
      process.exit(1);
    }
    for (const refusal of [...this.refusals].sort()) console.log(`refused: ${refusal}`);
    console.log(`equal: ${this.count} comparisons`);
  }
}

const KINDS = 'txt vc ch flag i2 i4 i8 num free day at uid raw doc'.split(' ');
const ROWS = [
  ['plain', 'varchar', 'char', true, 1, 2, '3', '1.5', '1.50', '2024-02-29', new Date('2024-02-29T12:30:15.123Z'),
    '00000000-0000-0000-0000-000000000001', Buffer.from('bytes'), { b: [1, 2.5, null], a: 'x' }],
  ['', '', '', false, 0, 0, 0, 0, 0, '0001-01-01', '0001-01-02T00:00:00Z', '{6BA7B8109DAD11D180B400C04FD430C8}', Buffer.alloc(0), {}],
  ['Zoë – 日本語 🦀', 'naïve', 'äöü', 'yes', -1, -2, '-9223372036854775808', -12.5, 'NaN', 'infinity', '-infinity', null,
    Buffer.from([0, 255, 92, 39]), JSON.stringify([1, 'ü'])],
  ["it's \\ \"q\"\n", "v'", 'x  ', 'off', 32767, 2147483647, 7n, 1e3, '1e100', new Date(2024, 4, 6), '2024-05-06 07:08:09+02', null,
    '\\x00ff', '"text"'],
  ['x'.repeat(1000000), 'v'.repeat(40), '12345678', null, null, null, null, null, null, null, null, null, Buffer.alloc(200000, 7),
    { long: 'j'.repeat(5000) }],
  Array(14).fill(null),
];

async function everyType(pair) {
  for (const table of ['kinds', 'keyed']) {
    for (const binary of [false, true]) {
      await pair.run(`TRUNCATE ${table}`);
      const places = KINDS.map((_, i) => `$${i + 2}`).join(', ');
      for (const [i, row] of ROWS.entries()) {
        await pair.run({ text: `INSERT INTO ${table} (id, ${KINDS.join(', ')}) VALUES ($1, ${places})`, values: [i, ...row], binary });
        await pair.run({ name: `insert ${table}`, text: `INSERT INTO ${table} (id, ${KINDS.join(', ')}) VALUES ($1, ${places}) RETURNING *`, values: [i + 100, ...row], binary });
      }
      await pair.run({ text: `SELECT * FROM ${table} ORDER BY id`, rowMode: 'array', binary });
      await pair.run({ text: `SELECT * FROM ${table} WHERE id > $1 ORDER BY id`, values: [100], binary });
      await pair.run({ text: `SELECT ${KINDS.join(', ')} FROM ${table} WHERE id = $1`, values: ['1'], name: `one ${table}`, binary });
      await pair.run({ text: `SELECT ${KINDS.join(', ')} FROM ${table} WHERE id = $1`, values: [2], name: `one ${table}`, binary });
    }
    await pair.run(`SELECT * FROM ${table} ORDER BY id`);
  }
  const wrong = {
    vc: ['w'.repeat(41)], ch: ['123456789'], flag: ['o', 5], i2: [32768, 'x', 1.5, ''], i4: ['2147483648', 'x', 2.5], i8: ['9223372036854775808'],
    num: ['x', 1e9, 'Infinity'], day: ['2024-02-30', 'foo'], at: ['25:00', 'nowhere'], uid: ['x'], raw: ['\\xf', 'a\\9'], doc: ['{', '"\\u0000"'], txt: ['nul\0'],
  };
  for (const table of ['kinds', 'keyed']) {
    for (const [column, values] of Object.entries(wrong)) {
      for (const value of values) {
        await pair.run({ text: `INSERT INTO ${table} (id, ${column}) VALUES ($1, $2)`, values: [-1, value] });
        if (table === 'keyed') await pair.run({ text: `SELECT id FROM keyed WHERE ${column} = $1`, values: [value] });
      }
    }
  }
  for (const [c, column] of KINDS.entries()) {
    for (const row of ROWS.slice(0, 4)) {
      if (row[c] === null) continue;
      await pair.run({ text: `SELECT id FROM keyed WHERE ${column} = $1 ORDER BY id`, values: [row[c]] });
      await pair.run({ text: `SELECT id FROM keyed WHERE ${column} IN ($1, $2) ORDER BY id`, values: [row[c], ROWS[0][c]] });
      await pair.run({ name: `by ${column}`, text: `SELECT id, ${column} FROM keyed WHERE ${column} <> $1 ORDER BY id`, values: [row[c]], rowMode: 'array' });
    }
    if (!['raw', 'doc', 'at'].includes(column)) {
      const list = [ROWS[0][c], ROWS[1][c], null];
      await pair.run({ text: `SELECT id FROM keyed WHERE ${column} = ANY($1) ORDER BY id`, values: [list] });
      await pair.run({ text: `SELECT id FROM keyed WHERE NOT ${column} = ANY($1) ORDER BY id`, values: [list.slice(0, 2)] });
    }
  }
}

/** A short name for a statement: the server cuts names at 63 bytes. */
const hash = (text) => createHash('sha256').update(text).digest('hex').slice(0, 16);

async function crud(pair) {
  for (const named of [false, true]) {
    const run = (text, values, also) => pair.run(named ? { name: `q${hash(text)}`, text, values } : { text, values }, also);
    await run('TRUNCATE members, visits RESTART IDENTITY');
    await run('INSERT INTO members (code, name, email, balance, notes) VALUES ($1, $2, $3, $4, $5) RETURNING *', [1, 'Ann', 'ann@x', '10.5', 'n']);
    await run('INSERT INTO members (code, name, email, balance) VALUES ($1, $2, $3, $4), ($5, $6, $7, $8)', [2, 'Bob', 'bob@x', -3, 3, 'Cem', 'cem@x', 0.1]);
    await run('INSERT INTO members (code, name, email) VALUES ($1, $2, $3)', [1, 'Dup', 'dup@x']);
    await run('INSERT INTO members (code, name, email) VALUES ($1, $2, $3)', [9, 'Dup', 'ann@x'], { ignore: ['detail'] });
    await run('INSERT INTO members (code, name, email) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [9, 'Dup', 'ann@x']);
    await run('INSERT INTO members (code, name, email, notes) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO UPDATE SET notes = EXCLUDED.notes RETURNING id, notes', [9, 'Dup', 'ann@x', 'up']);
    await run('INSERT INTO members (code, name, email) VALUES ($1, $2, $3) ON CONFLICT (code) DO UPDATE SET email = EXCLUDED.email RETURNING *', [2, 'Bob', 'rob@x']);
    await run('INSERT INTO visits (email, place, note, paid) VALUES ($1, $2, $3, $4), ($5, $6, $7, $8) RETURNING id', ['ann@x', 'Rome', '', 5, 'rob@x', 'Oslo', null, '2.25']);
    await run('SELECT m.name, v.* FROM members m JOIN visits v ON m.email = v.email WHERE v.paid = $1 ORDER BY v.id', [5]);
    await run('SELECT name, email FROM members WHERE email = ANY($1::text[]) ORDER BY id', [['ann@x', 'cem@x', 'no']]);
    await run('SELECT count(*) FROM members WHERE email IS NOT NULL AND ($1::text IS NULL OR email = $1)', ['ann@x']);
    await run('SELECT count(*) FROM members WHERE email IS NOT NULL AND ($1::text IS NULL OR email = $1)', [null]);
    await run('WITH m AS (SELECT * FROM members WHERE id < $1) SELECT email, balance FROM m ORDER BY id LIMIT $2', [10, 2]);
    await run('UPDATE members SET balance = $2, notes = $3 WHERE email = $1 RETURNING *', ['cem@x', '99.999', 'ünï']);
    await run('UPDATE members SET balance = $1', ['10000000000']);
    await run('DELETE FROM members WHERE email = $1 RETURNING email, name', ['rob@x']);
    await run('DELETE FROM members WHERE email IN ($1, $2)', ['ann@x', 'nobody']);
    await run('SELECT nosuch FROM members');
    await run('SELECT * FROM nosuch_members, members');
    await run('SELECT * FROM members WHERE id = $1', ['x']);
    await run('SELECT * FROM members WHERE email = $1', []);
    await run('SELECT * FROM members WHERE id = $1', [1, 2]);
    await run('SELEC * FROM members');
    await run('SELECT email, 1/(id-3) FROM members');
    await run('SELECT * FROM members ORDER BY id');
  }
  await pair.run({ name: 'same', text: 'SELECT email FROM members WHERE id = $1', values: [3] });
  await pair.run("SELECT email FROM members WHERE id = 3; UPDATE members SET notes = 'x' RETURNING notes; SELECT 1");
  await pair.run('SELECT email FROM members; SELECT nosuch FROM members');
  await pair.run('');
}

async function transactions(pair) {
  for (const query of [
    'BEGIN', { text: 'INSERT INTO members (name, email) VALUES ($1, $2)', values: ['T', 't@x'] }, 'SAVEPOINT a',
    { text: 'INSERT INTO members (name, email) VALUES ($1, $2)', values: ['T', 't@x'] }, 'SELECT email FROM members', 'ROLLBACK TO a',
    'SELECT email FROM members ORDER BY id', 'ROLLBACK', 'SELECT email FROM members ORDER BY id',
    'BEGIN ISOLATION LEVEL SERIALIZABLE', "UPDATE members SET notes = 'kept' RETURNING email, notes", 'COMMIT', 'SELECT notes FROM members ORDER BY id',
  ]) await pair.run(query, { ignore: ['detail'] });
  await pair.refused({ text: 'SELECT id FROM members WHERE notes = $1', values: ['n'] });
  await pair.refused('SELECT id FROM members ORDER BY email');
  await pair.refused({ name: 'refused', text: 'SELECT id FROM members WHERE email > $1', values: ['n'] });
  await pair.run('BEGIN');
  await pair.refused({ text: 'SELECT id FROM members WHERE email > $1', values: ['n'] });
  const aborted = await pair.attempt(pair.clients[0], { text: 'SELECT email FROM members WHERE id = $1', values: [1] });
  if (aborted.code !== '25P02') pair.differ('after a refusal in a transaction', aborted, '25P02');
  await pair.run('ROLLBACK');
  await pair.run('SELECT email FROM members ORDER BY id');
}

async function manyAtOnce(pair) {
  await pair.run('TRUNCATE visits RESTART IDENTITY');
  await pair.run(async function queuedQueries(client) {
    const jobs = [];
    for (let i = 0; i < 100; i += 1) {
      jobs.push(client.query('INSERT INTO visits (email, note, paid) VALUES ($1, $2, $3) RETURNING email, paid', [`q${i % 5}@x`, `n${i}`, i / 4]).then((r) => r.rows));
      jobs.push(client.query({ name: 'q', text: 'SELECT count(*), $1::text AS given FROM visits WHERE email = $2', values: ['g', `q${i % 5}@x`] }).then((r) => r.rows));
      if (i % 10 === 0) jobs.push(client.query('SELECT 1/0 FROM visits').then((r) => r.rows, (error) => error.code));
    }
    return Promise.all(jobs);
  });
  await pair.run('SELECT * FROM visits ORDER BY id');
}

(async () => {
  const pair = new Pair(process.argv.slice(2, 4));
  await pair.connect();
  for (const part of [everyType, crud, transactions, manyAtOnce]) await part(pair);
  await pair.finish();
})().catch((error) => {
  console.log(error);
  process.exit(1);
});
