"""psycopg 3 on an event loop, and its pools: `loop.py URL`."""

import asyncio
import pathlib
import sys
import threading
from decimal import Decimal

sys.path.insert(1, str(pathlib.Path(__file__).parent.parent / "python"))

import psycopg
from app import seed
from common import COLUMNS, MARKER, PLACES, customers, email, report
from psycopg.rows import dict_row
from psycopg.types.json import Json, Jsonb
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from seen import columns

ON_LOOP = []
IN_THREADS = []


async def tried(awaitable):
    try:
        return await awaitable
    except Exception as error:  # every failure is a result here
        return error


async def seen(cursor):
    rows = await cursor.fetchall() if cursor.description else None
    return cursor.statusmessage, cursor.rowcount, columns(cursor), rows


async def ask(connection, query, *args, **kwargs):
    async def asked():
        return await seen(await connection.execute(query, *args, **kwargs))

    return await tried(asked())


@ON_LOOP.append
async def async_crud(connection):
    holes = ", ".join(["%s"] * len(COLUMNS))
    await connection.execute("TRUNCATE customers CASCADE")
    found = []
    for row in customers(Jsonb, Json):
        found.append(await ask(connection, f"INSERT INTO customers ({PLACES}) VALUES ({holes}) RETURNING *", row))
    for binary in (False, True):
        found.append(await ask(connection, "SELECT * FROM customers ORDER BY id", binary=binary))
    found.append(await ask(connection, "UPDATE customers SET balance = %s WHERE email = %s RETURNING id, balance", (Decimal("5"), email("ann"))))
    found.append(await ask(connection, """INSERT INTO customers (name, email, balance) VALUES ('x', %s, 8)
        ON CONFLICT (email) DO UPDATE SET balance = EXCLUDED.balance RETURNING name, balance""", (email("ann"),)))
    found.append(await ask(connection, "DELETE FROM customers WHERE email = ANY(%s) RETURNING email", ([email("ann"), email("zed")],)))
    return found


@ON_LOOP.append
async def async_iteration(connection):
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute("SELECT id, email, seen FROM customers ORDER BY id")
    found = [[row async for row in cursor]]
    found.append([row async for row in connection.cursor().stream("SELECT id, ssn FROM customers ORDER BY id")])
    async with connection.transaction():
        async with connection.cursor("named") as named:
            named.itersize = 2
            await named.execute("SELECT id, phone, prefs FROM customers ORDER BY id")
            found.append([row async for row in named])
            await named.scroll(0, mode="absolute")
            found.append(await named.fetchmany(3))
    return found


@ON_LOOP.append
async def async_many(connection):
    cursor = connection.cursor()
    await cursor.executemany(
        "INSERT INTO orders (customer_id, card, amount) VALUES (%s, %s, %s) RETURNING id, card, amount",
        [(1 + n % 5, f"{MARKER} {n}", Decimal(n)) for n in range(30)],
        returning=True,
    )
    found = []
    while True:
        found.append(await seen(cursor))
        if not cursor.nextset():
            return found


@ON_LOOP.append
async def async_pipeline(connection):
    async with connection.pipeline():
        cursors = [await connection.execute("SELECT id, email FROM customers WHERE email = %s", (email(name),)) for name in ("ann", "max", "no")]
        cursors.append(await connection.execute("UPDATE orders SET note = %s WHERE card = %s", (MARKER, f"4111-{MARKER}")))
    return [await seen(cursor) for cursor in cursors]


@ON_LOOP.append
async def async_transactions(connection):
    async def failing():
        async with connection.transaction():
            await connection.execute("UPDATE customers SET phone = NULL WHERE email = %s", (email("ann"),))
            async with connection.transaction():
                await connection.execute("INSERT INTO customers (name, email, balance) VALUES ('x', %s, 0)", (email("ann"),))

    return [await tried(failing()), await ask(connection, "SELECT id, phone FROM customers WHERE email = %s", (email("ann"),))]


@ON_LOOP.append
async def async_copy(connection):
    cursor = connection.cursor()
    async with cursor.copy("COPY orders (customer_id, card, amount, note) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "numeric", "text"])
        for n in range(100):
            await copy.write_row((1 + n % 5, f"{MARKER} {n}", Decimal(n) / 10, None if n % 2 else f"{MARKER} note"))
    found = [cursor.statusmessage]
    async with cursor.copy("COPY (SELECT id, card, amount, note FROM orders ORDER BY id) TO STDOUT") as copy:
        found.append([row async for row in copy.rows()])
    async with cursor.copy("COPY (SELECT id, card FROM orders ORDER BY id) TO STDOUT (FORMAT csv)") as copy:
        found.append(b"".join([bytes(block) async for block in copy]))
    return found


@ON_LOOP.append
async def async_notifications(connection):
    await connection.execute("LISTEN made")

    async def notify():
        other = await psycopg.AsyncConnection.connect(connection.info.dsn, password=connection.info.password, autocommit=True)
        async with other:
            await other.execute("UPDATE customers SET visits = 9 WHERE email = %s", (email("ann"),))
            await other.execute("SELECT pg_notify('made', 'one'), pg_notify('made', 'two')")

    sender = asyncio.create_task(notify())
    found = [(n.channel, n.payload) async for n in connection.notifies(timeout=10, stop_after=2)]
    await sender
    return found


@ON_LOOP.append
async def async_cancelling(connection):
    found = []
    for query in ("SELECT pg_sleep(30)", "SELECT email, pg_sleep(30) FROM customers"):
        found.append(type(await tried(asyncio.wait_for(connection.execute(query), 0.3))).__name__)
        found.append(await ask(connection, "SELECT email FROM customers WHERE id = 1"))
    return found


async def async_pool(url):
    async def work(pool, n):
        async with pool.connection() as connection:
            await connection.execute("INSERT INTO orders (customer_id, card, amount) VALUES (1, %s, %s)", (f"{MARKER} {n % 7}", n))
            cursor = await connection.execute("SELECT email FROM customers WHERE email = %s", (email("zed"),))
            return n, await cursor.fetchall()

    async with AsyncConnectionPool(url, min_size=2, max_size=4, check=AsyncConnectionPool.check_connection) as pool:
        found = [await asyncio.gather(*(work(pool, n) for n in range(40)))]
        async with pool.connection() as connection:
            found.append(await ask(connection, "SELECT card, amount FROM orders WHERE id > 4 AND card = %s ORDER BY customer_id", (f"{MARKER} none",)))
            cursor = await connection.execute("SELECT card, amount FROM orders WHERE id > 4")
            return [*found, sorted(await cursor.fetchall())]


def pool_of_threads(url):
    found = {}

    def work(pool, n):
        with pool.connection() as connection:
            with connection.transaction():
                connection.execute("UPDATE customers SET visits = %s WHERE email = %s", (n, email(["ann", "max", "min", "zed"][n % 4])))
            cursor = connection.execute("SELECT id, ssn FROM customers WHERE ssn IS NOT NULL ORDER BY id", binary=n % 2 == 1)
            found[n] = cursor.fetchall()

    def prepare(connection):
        connection.execute("SET application_name = 'pool'")

    def reset(connection):
        connection.execute("RESET ALL")

    with ConnectionPool(url, min_size=3, max_size=3, configure=prepare, reset=reset, kwargs={"autocommit": True}) as pool:
        threads = [threading.Thread(target=work, args=(pool, n)) for n in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pool.connection() as connection:
            counts = connection.execute("SELECT count(*) FROM customers WHERE visits IS NOT NULL").fetchall()
    return [counts, sorted(found.items())]


async def on_loop(url):
    for case in ON_LOOP:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        async with connection:
            report(case.__name__, await tried(case(connection)))
        with psycopg.connect(url, autocommit=True) as sync:
            seed(sync)
    report("async_pool", await tried(async_pool(url)))


def main(url):
    with psycopg.connect(url, autocommit=True) as connection:
        seed(connection)
    asyncio.run(on_loop(url))
    report("pool_of_threads", pool_of_threads(url))


if __name__ == "__main__":
    main(*sys.argv[1:])
