"""Transactions, caches, notifications, timeouts, pools, errors."""

import asyncio

import asyncpg
from common import MARKER, case, email
from seen import ask, tried


def again(connection):
    """Another connection like this one."""
    address, settings = connection._addr, connection._params
    return asyncpg.connect(host=address[0], port=address[1], user=settings.user, password=settings.password, database=settings.database)


@case
async def transactions(connection, wrap):
    insert = "INSERT INTO customers (name, email, balance) VALUES ('tx', $1, 0)"
    found = []
    transaction = connection.transaction()
    await transaction.start()
    found.append(await connection.execute(insert, email("tx")))
    await transaction.rollback()
    found.append(await connection.fetchval("SELECT count(*) FROM customers"))

    async def nested():
        async with connection.transaction():
            await connection.execute(insert, email("outer"))
            try:
                async with connection.transaction():
                    await connection.execute(insert, email("inner"))
                    await connection.execute(insert, email("outer"))
            except asyncpg.UniqueViolationError as error:
                found.append((error.constraint_name, error.table_name, error.schema_name))
            await connection.execute(insert, email("after"))

    found.append(await tried(nested()))
    found.append(await connection.fetch("SELECT id, email FROM customers WHERE id > 5 ORDER BY id"))

    async def broken():
        async with connection.transaction(isolation="serializable"):
            found.append(await ask(connection, insert, email("outer")))
            found.append(await ask(connection, "SELECT email FROM customers"))

    found.append(await tried(broken()))
    return found + [await ask(connection, "SELECT email FROM customers WHERE id = 1")]


@case
async def statement_caches(connection, wrap):
    """Statements that asyncpg keeps, with the ground pulled from under them."""
    async def some():
        return [
            await tried(connection.fetch("SELECT id, email, balance FROM customers WHERE email = $1", email("ann"))),
            await tried(connection.fetch("SELECT * FROM events ORDER BY id")),
            await tried(connection.fetchval("UPDATE customers SET visits = $1 WHERE email = $2 RETURNING visits", 4, email("ann"))),
        ]

    found = [await some(), await some()]
    other = await again(connection)
    await other.execute("ALTER TABLE events ADD COLUMN extra text")
    try:
        found += [await some(), await some()]
    finally:
        await other.execute("ALTER TABLE events DROP COLUMN extra")
        await other.close()
    found += [await some(), await some()]
    await connection.execute("DEALLOCATE ALL")
    found += [await some(), await some()]
    await connection.reload_schema_state()
    await connection.execute("DISCARD ALL")
    found += [await some(), await some()]
    return found


@case
async def many_statements(connection, wrap):
    """More than the cache holds."""
    found = []
    for n in range(150):
        found.append(await connection.fetchval(f"SELECT email FROM customers WHERE id = $1 AND {n} = {n}", 1 + n % 5))
    return found


@case
async def listening(connection, wrap):
    found, done = [], asyncio.Event()

    def heard(_connection, _pid, channel, payload):
        found.append((channel, payload))
        if len(found) == 3:
            done.set()

    await connection.add_listener("made", heard)
    other = await again(connection)
    async with other.transaction():
        await other.execute("INSERT INTO orders (customer_id, card, amount) VALUES (1, $1, 5)", MARKER)
        await other.execute("SELECT pg_notify('made', $1)", "one")
    await other.execute("NOTIFY made, 'two'; NOTIFY made")
    await other.close()
    await asyncio.wait_for(done.wait(), 10)
    await connection.remove_listener("made", heard)
    return found


@case
async def notices(connection, wrap):
    found = []
    connection.add_log_listener(lambda _connection, message: found.append((message.severity, message.sqlstate, message.message)))
    await connection.execute("DO $$ BEGIN RAISE NOTICE 'hello'; RAISE WARNING 'careful'; END $$")
    await connection.fetch("SELECT email FROM customers WHERE id = 1")
    await asyncio.sleep(0)
    return found


@case
async def timeouts(connection, wrap):
    found = []
    for query in ("SELECT pg_sleep(30)", "SELECT email, pg_sleep(30) FROM customers WHERE email = $1"):
        args = [email("ann")] if "$1" in query else []
        found.append(await tried(connection.fetch(query, *args, timeout=0.3)))
        found.append(await ask(connection, "SELECT email FROM customers WHERE id = 1"))
    await connection.execute("SET statement_timeout TO 100")
    found.append(await ask(connection, "SELECT email, pg_sleep(10) FROM customers WHERE id = 1"))
    await connection.execute("RESET statement_timeout")
    return found + [await ask(connection, "SELECT email FROM customers WHERE id = 1")]


@case
async def errors(connection, wrap):
    found = []
    for query in (
        "SELECT 1/0", "SELECT email, 1/(id - 2) AS n FROM customers ORDER BY id", "SELECT nothing FROM customers", "SELECT email FROM nowhere",
        "SELEC email FROM customers", "SELECT email FROM customers WHERE", "INSERT INTO customers (name, email) VALUES ('x')",
        "SELECT email FROM customers WHERE id = 'x'", "SELECT email FROM customers WHERE visits = 'x'", "",
    ):
        found.append(await ask(connection, query))
        found.append(await tried(connection.execute(query)))
    return found + [await ask(connection, "SELECT email FROM customers WHERE id = 1")]


@case
async def pool(connection, wrap):
    address, settings = connection._addr, connection._params

    async def work(pool, n):
        async with pool.acquire() as one, one.transaction():
            await one.execute("INSERT INTO orders (customer_id, card, amount) VALUES (1, $1, $2)", f"{MARKER} {n % 7}", n)
            return n, await one.fetch("SELECT id, email FROM customers WHERE email = $1", email("zed"))

    async with asyncpg.create_pool(host=address[0], port=address[1], user=settings.user, password=settings.password,
                                   database=settings.database, min_size=2, max_size=4) as several:
        found = [await asyncio.gather(*(work(several, n) for n in range(40)))]
        rows = await several.fetch("SELECT card, amount FROM orders WHERE id > 4")
        found.append(sorted(tuple(row.values()) for row in rows))
        await several.expire_connections()
        found.append(await several.fetchval("SELECT email FROM customers WHERE email = $1", email("max")))
        found.append(await several.executemany("UPDATE customers SET visits = $1 WHERE email = $2", [(1, email("ann"))]))
    return found


@case
async def a_function_of_a_sealed_value(connection, wrap):
    return await ask(connection, "SELECT upper(email) AS upper FROM customers ORDER BY id")


@case
async def sorted_by_a_sealed_column(connection, wrap):
    return await ask(connection, "SELECT email FROM customers ORDER BY email")
