// node-postgres: transactions, named statements, queues.
'use strict';

const { outcome } = require('../report.js');

const add = 'INSERT INTO orders (customer_id, card, amount, note) VALUES ($1, $2, $3, $4)';
const all = 'SELECT card, amount, note FROM orders WHERE id > 4 ORDER BY id';

module.exports = {
  commit: async ({ run }) => [
    await run('BEGIN'), await run(`${add} RETURNING id, note`, [1, 'tx', 1, 'kept']), await run('COMMIT'), await run(all),
  ],
  rollback: async ({ run }) => [await run('BEGIN'), await run(add, [1, 'gone', 1, 'lost']), await run(all), await run('ROLLBACK'), await run(all)],
  failedInTransaction: async ({ run }) => [
    await run('BEGIN'), await outcome(run(add, [1, 'x', 'wrong', ''])), await outcome(run(all)), await outcome(run('COMMIT')), await run(all),
  ],
  savepoints: async ({ run }) => [
    await run('BEGIN'), await run(add, [1, 'one', 1, null]), await run('SAVEPOINT a'), await outcome(run(add, [999, 'two', 1, null])),
    await outcome(run(all)), await run('ROLLBACK TO SAVEPOINT a'), await run(add, [3, 'three', 3, null]), await run('RELEASE SAVEPOINT a'), await run('COMMIT'), await run(all),
  ],
  serializable: async ({ run, pool, query, result }) => {
    const other = await pool.connect();
    try {
      const found = [await run('BEGIN ISOLATION LEVEL SERIALIZABLE'), await run('SELECT note FROM orders WHERE card = $1', ['one'])];
      await other.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
      found.push(result(await other.query(query('SELECT note FROM orders WHERE card = $1', ['three']))));
      found.push(await run('UPDATE orders SET note = $1 WHERE card = $2', ['by one', 'three']));
      found.push(await outcome(other.query(query('UPDATE orders SET note = $1 WHERE card = $2', ['by other', 'one'])).then(result)));
      found.push(await run('COMMIT'), await outcome(other.query('COMMIT').then(result)), await run(all));
      return found;
    } finally {
      await other.query('ROLLBACK');
      other.release();
    }
  },
  rowLocks: async ({ run, pool, query, result }) => {
    const other = await pool.connect();
    try {
      const found = [await run('BEGIN'), await run('SELECT card FROM orders WHERE card = $1 FOR UPDATE', ['one'])];
      found.push(await outcome(other.query(query('SELECT card FROM orders WHERE card = $1 FOR UPDATE NOWAIT', ['one'])).then(result)));
      found.push((await other.query(query('SELECT card FROM orders WHERE id > $1 ORDER BY id FOR UPDATE SKIP LOCKED', [4]))).rows);
      found.push(await run('COMMIT'));
      return found;
    } finally {
      other.release();
    }
  },
  readOnly: async ({ run }) => [await run('BEGIN READ ONLY'), await run(all), await outcome(run(add, [1, 'no', 1, null])), await run('ROLLBACK')],
  queued: async ({ client, query, result }) => {
    const jobs = [];
    for (let i = 0; i < 60; i += 1) {
      jobs.push(outcome(client.query(query(`${add} RETURNING card, note`, [1, `q${i % 5}`, i / 4, `n${i}`])).then(result)));
      jobs.push(outcome(client.query({ name: 'count', ...query('SELECT count(*), $1::text AS given FROM orders WHERE card = $2', ['g', `q${i % 5}`]) }).then(result)));
      if (i % 10 === 0) jobs.push(outcome(client.query(query('SELECT note, 1 / (id - id) FROM orders')).then(result)));
    }
    return Promise.all(jobs);
  },
  named: async ({ client, result }) => {
    const ask = (values) => client.query({ name: 'by card', text: 'SELECT card, note, amount FROM orders WHERE card = $1 ORDER BY id LIMIT 2', values }).then(result);
    return [await ask(['q1']), await ask(['q2']), await ask([null]), await outcome(client.query({ name: 'by card', text: 'SELECT 1', values: [] })), await ask(['q3'])];
  },
  namedAfterDdl: async ({ client, result }) => {
    const ask = () => outcome(client.query({ name: 'all events', text: 'SELECT * FROM events ORDER BY id', values: [] }).then(result));
    const cards = () => outcome(client.query({ name: 'ddl orders', text: 'SELECT * FROM orders WHERE card = $1 ORDER BY id LIMIT 1', values: ['q1'] }).then(result));
    const found = [await ask(), await cards()];
    await client.query('ALTER TABLE events ADD COLUMN extra integer DEFAULT 5');
    found.push(await ask());
    await client.query('ALTER TABLE orders ADD COLUMN extra integer DEFAULT 6');
    found.push(await cards());
    await client.query('ALTER TABLE events DROP COLUMN extra');
    await client.query('ALTER TABLE orders DROP COLUMN extra');
    found.push(await ask(), await cards());
    return found;
  },
  namedAfterDeallocate: async ({ pool, result }) => {
    const client = await pool.connect();
    const ask = () => outcome(client.query({ name: 'short', text: 'SELECT card, note FROM orders WHERE card = $1 ORDER BY id LIMIT 1', values: ['q1'] }).then(result));
    const found = [await ask()];
    for (const end of ['DEALLOCATE short', 'DEALLOCATE ALL', 'DISCARD ALL']) found.push(await outcome(client.query(end).then(result)), await ask());
    client.release(true);
    return found;
  },
  preparedInSql: async ({ client, result }) => {
    const found = [];
    for (const text of ['PREPARE add_note (text, bigint) AS UPDATE orders SET note = $1 WHERE id = $2 RETURNING card, note', "EXECUTE add_note ('noted', 5)", "EXECUTE add_note ('again', 6)",
      'DEALLOCATE add_note', "EXECUTE add_note ('gone', 6)"]) found.push(await outcome(client.query(text).then(result)));
    return found;
  },
  cursorsInSql: async ({ client, result }) => {
    const found = [];
    for (const text of ['BEGIN', 'DECLARE c SCROLL CURSOR FOR SELECT id, card, amount FROM orders WHERE id > 4 ORDER BY id', 'FETCH 2 FROM c', 'FETCH BACKWARD 1 FROM c', 'MOVE 3 IN c', 'FETCH c', 'CLOSE c', 'FETCH c',
      'ROLLBACK']) found.push(await outcome(client.query(text).then(result)));
    return found;
  },
  rowLimit: async ({ client, query }) => {
    const asked = query('SELECT id, card FROM orders WHERE id > $1 ORDER BY id', [4], { rows: 7 });
    return (await client.query(asked)).rows;
  },
};
