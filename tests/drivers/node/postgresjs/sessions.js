// postgres.js: transactions, prepared statements, notifications, timeouts.
'use strict';

const { outcome } = require('../report.js');

const until = async (condition) => {
  for (let i = 0; i < 400 && !condition(); i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
};
const order = (card, note) => ({ customer_id: 1, card, amount: '1.5', note });
const all = (sql) => sql`SELECT card, amount, note FROM orders WHERE card LIKE 'tx' OR card IN ('one', 'two', 'three') ORDER BY id`;

module.exports = {
  commit: async ({ sql, see }) => [
    await outcome(sql.begin(async (tx) => [await tx`INSERT INTO orders ${tx(order('one', 'kept'))} RETURNING id, note`, await all(tx)])), await see(all(sql)),
  ],
  rollback: async ({ sql, see }) => [
    await outcome(sql.begin(async (tx) => {
      await tx`INSERT INTO orders ${tx(order('two', 'lost'))}`;
      throw new Error(`given up after ${(await all(tx)).length}`);
    })), await see(all(sql)),
  ],
  failedStatement: async ({ sql, see }) => [
    await outcome(sql.begin(async (tx) => [await outcome(tx`INSERT INTO orders ${tx({ ...order('two', ''), amount: 'wrong' })}`), await outcome(all(tx))])), await see(all(sql)),
  ],
  savepoints: async ({ sql, see }) => [
    await outcome(sql.begin(async (tx) => {
      await tx`INSERT INTO orders ${tx(order('two', null))}`;
      const inner = await outcome(tx.savepoint(async (point) => { await point`INSERT INTO orders ${point({ ...order('three', 'x'), customer_id: 999 })}`; }));
      const good = await outcome(tx.savepoint('named', (point) => point`INSERT INTO orders ${point(order('three', 'y'))} RETURNING card, note`));
      return [inner, good, await all(tx)];
    })), await see(all(sql)),
  ],
  isolation: ({ sql }) => outcome(sql.begin('isolation level serializable read only', async (tx) => [await all(tx), await outcome(tx`INSERT INTO orders ${tx(order('x', 'y'))}`)])),
  manyTransactions: async ({ sql, see }) => [
    await Promise.all([1, 2, 3, 4, 5].map((i) => outcome(sql.begin(async (tx) => [await tx`UPDATE customers SET visits = ${i} WHERE id = ${i} RETURNING visits`, await tx`SELECT email FROM customers WHERE id = ${i}`])))),
    await see(sql`SELECT id, visits FROM customers WHERE id < 6 ORDER BY id`),
  ],
  pipelinedInTransaction: ({ sql }) => outcome(sql.begin((tx) => [tx`SELECT email FROM customers WHERE id = ${1}`, tx`UPDATE customers SET phone = ${'pipe'} WHERE id = ${2} RETURNING phone`, tx`SELECT phone FROM customers WHERE phone = ${'pipe'}`])),
  reserved: async ({ sql, see }) => {
    const one = await sql.reserve();
    const found = [await see(one`SET TimeZone = 'Asia/Kathmandu'`), await see(one`SELECT seen, local_time, created FROM customers WHERE id = ${1}`.raw()), await see(one`SET DateStyle = 'German'`)];
    found.push(String((await one`SELECT seen, birth FROM customers WHERE id = ${1}`.raw())[0]), await see(one`RESET ALL`));
    one.release();
    return found;
  },
  preparedAgain: async ({ open, see }) => {
    const one = open({ max: 1 });
    const orders = () => see(one`SELECT * FROM orders WHERE card = ${'one'}`);
    const events = () => see(one`SELECT * FROM events WHERE id > ${0} ORDER BY id`);
    const found = [await orders(), await orders(), await events(), await events()];
    for (const change of ['ALTER TABLE orders ADD COLUMN extra integer DEFAULT 5', 'ALTER TABLE orders DROP COLUMN extra', 'ALTER TABLE events ADD COLUMN extra text', 'ALTER TABLE events DROP COLUMN extra', 'DEALLOCATE ALL', 'DISCARD ALL']) {
      found.push(await see(one.unsafe(change)), await orders(), await orders(), await events(), await events());
    }
    await one.end();
    return found;
  },
  listen: async ({ sql, see }) => {
    const heard = [];
    const { unlisten, state } = await sql.listen('news', (payload) => heard.push(payload));
    await sql.notify('news', 'eins ü');
    await sql`SELECT pg_notify('news', ${'zwei'})`;
    await until(() => heard.length === 2);
    await sql.begin(async (tx) => { await tx`NOTIFY news, 'three'`; await tx`SELECT email FROM customers WHERE id = ${1}`; });
    await until(() => heard.length === 3);
    await unlisten();
    await sql.notify('news', 'unheard');
    return [state.status, heard, await see(sql`SELECT email FROM customers WHERE id = ${2}`)];
  },
  notices: async ({ sql, see, notices }) => {
    notices.length = 0;
    return [await see(sql`DO $$ BEGIN RAISE NOTICE 'from the block'; END $$`), await see(sql`DROP TABLE IF EXISTS nosuch_one`), [...notices]];
  },
  timeout: async ({ open, see }) => {
    const sql = open({ max: 1, connection: { statement_timeout: 150, application_name: 'driver test' } });
    const found = [await see(sql`SELECT email, pg_sleep(5) FROM customers WHERE id = ${1}`), await see(sql`SELECT email FROM customers WHERE id = ${1}`), await see(sql`SHOW application_name`)];
    await sql.end();
    return found;
  },
  cancel: async ({ sql, open, see }) => {
    const other = open({ max: 1, connection: { application_name: 'to be cancelled' } });
    const slow = other`SELECT email, pg_sleep(20) FROM customers WHERE id = ${1}`;
    const ended = see(slow);
    const sleeping = () => sql`SELECT 1 FROM pg_stat_activity WHERE application_name = 'to be cancelled' AND wait_event = 'PgSleep'`;
    for (let i = 0; i < 400 && (await sleeping()).length === 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    slow.cancel();
    const found = [await ended, await see(other`SELECT email FROM customers WHERE id = ${1}`)];
    await other.end();
    return found;
  },
};
