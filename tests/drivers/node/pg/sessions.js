// node-postgres: several sessions, notifications, notices, cancel and timeouts.
'use strict';

const { Client } = require('pg');

const { outcome } = require('../report.js');

const until = async (condition) => {
  for (let i = 0; i < 400 && !condition(); i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
};

module.exports = {
  pool: async ({ pool, query, result }) => {
    const ask = (i) => pool.query(query('SELECT email, phone FROM customers WHERE id = $1', [1 + (i % 5)])).then(result);
    return Promise.all(Array.from({ length: 30 }, (_, i) => outcome(i % 7 === 6 ? pool.query('SELECT 1 / 0 FROM customers') : ask(i))));
  },
  poolWrites: async ({ pool, query, run }) => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => pool.query(query('INSERT INTO events (id, kind, data) VALUES ($1, $2, $3)', [1000 + i, 'pooled', { i }]))));
    await Promise.all(Array.from({ length: 20 }, (_, i) => pool.query(query('UPDATE customers SET visits = $1 WHERE id = $2', [i % 5, 1 + (i % 5)]))));
    return [await run('SELECT kind, data FROM events WHERE id >= 1000 ORDER BY id'), await run('SELECT id, visits FROM customers WHERE id < 6 ORDER BY id')];
  },
  listen: async ({ client, pool, run }) => {
    const heard = [];
    const hear = (message) => heard.push([message.channel, message.payload]);
    client.on('notification', hear);
    const found = [await run('LISTEN news')];
    await pool.query("NOTIFY news, 'one'");
    await pool.query("SELECT pg_notify('news', $1)", ['zwei ü']);
    await until(() => heard.length === 2);
    found.push(await run("NOTIFY news, 'mine'"), await run('SELECT email FROM customers WHERE id = $1', [1]));
    await run('BEGIN');
    await run('NOTIFY news');
    await run('COMMIT');
    await until(() => heard.length === 4);
    found.push(await run('UNLISTEN news'));
    await pool.query("NOTIFY news, 'unheard'");
    found.push(await run('SELECT email FROM customers WHERE id = $1', [2]));
    client.removeListener('notification', hear);
    return [found, heard];
  },
  notices: async ({ run, notices }) => {
    notices.length = 0;
    const found = [await run("DO $$ BEGIN RAISE NOTICE 'from the block'; RAISE WARNING USING MESSAGE = 'ü', ERRCODE = 'U1234'; END $$"), await run('DROP TABLE IF EXISTS nosuch_one'), await run('ROLLBACK')];
    return [found, [...notices]];
  },
  statementTimeout: async ({ run }) => {
    await run('SET statement_timeout = 100');
    const found = [await outcome(run('SELECT email, pg_sleep(5) FROM customers WHERE id = $1', [1])), await outcome(run('SELECT email FROM customers WHERE id = $1', [1]))];
    await run('RESET statement_timeout');
    return found;
  },
  cancel: async ({ client, pool, query }) => {
    const { pid } = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0];
    const slow = outcome(client.query(query('SELECT email, pg_sleep(20) FROM customers WHERE id = $1', [1])));
    const sleeping = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'";
    for (let i = 0; i < 400 && (await pool.query(sleeping, [pid])).rows[0].n === 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    const cancelled = (await pool.query('SELECT pg_cancel_backend($1) AS done', [pid])).rows;
    return [cancelled, await slow, await outcome(client.query(query('SELECT email FROM customers WHERE id = $1', [1])).then((found) => found.rows))];
  },
  cancelByProtocol: async ({ client, pool, query, url }) => {
    const { pid } = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0];
    const slow = client.query(query('SELECT email, pg_sleep(20) FROM customers WHERE id = $1', [1]));
    const sleeping = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'";
    for (let i = 0; i < 400 && (await pool.query(sleeping, [pid])).rows[0].n === 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    const { connection } = new Client({ connectionString: url });
    connection.on('connect', () => connection.cancel(client.processID, client.secretKey));
    const { hostname, port } = new URL(url);
    connection.connect(Number(port), hostname);
    return [await outcome(slow), await outcome(client.query(query('SELECT email FROM customers WHERE id = $1', [1])).then((found) => found.rows))];
  },
  terminated: async ({ pool, url }) => {
    const victim = new Client({ connectionString: url });
    const ends = [];
    victim.on('error', (error) => ends.push(error.code));
    await victim.connect();
    const { pid } = (await victim.query('SELECT email, pg_backend_pid() AS pid FROM customers WHERE id = 1')).rows[0];
    await pool.query('SELECT pg_terminate_backend($1)', [pid]);
    await until(() => ends.length > 0);
    return [ends[0], await outcome(victim.query('SELECT 1'))];
  },
  queryTimeout: async ({ url, query }) => {
    const hasty = new Client({ connectionString: url, query_timeout: 200 });
    await hasty.connect();
    const found = await outcome(hasty.query(query('SELECT email, pg_sleep(3) FROM customers WHERE id = $1', [1])));
    hasty.on('error', () => {});
    hasty.connection.stream.destroy();
    return found;
  },
  connectionSettings: async ({ url }) => {
    const client = new Client({ connectionString: url, application_name: 'driver test', statement_timeout: 5000, lock_timeout: 4000, options: '-c TimeZone=Asia/Tokyo -c DateStyle=SQL,MDY -c extra_float_digits=0' });
    await client.connect();
    const found = [];
    for (const name of ['application_name', 'statement_timeout', 'lock_timeout', 'TimeZone', 'DateStyle']) found.push((await client.query(`SHOW ${name}`)).rows);
    found.push((await client.query({ text: 'SELECT seen, birth, local_time, score FROM customers WHERE id IN (1, 3) ORDER BY id', types: { getTypeParser: () => String } })).rows);
    await client.end();
    return found;
  },
};
