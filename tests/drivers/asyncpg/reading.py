"""Look-ups, fetching, cursors, prepared statements, types."""

import datetime as dt
import uuid
from decimal import Decimal

import asyncpg
from common import MARKER, case, email, ssn
from seen import ask, described, tried


@case
async def ways_of_fetching(connection, wrap):
    query = "SELECT id, name, email, ssn, balance, seen FROM customers ORDER BY id"
    row = await connection.fetchrow(query)
    class Named(asyncpg.Record):
        def __getattr__(self, name):
            return self[name]

    named = await connection.fetch(query, record_class=Named)
    return [
        await connection.fetch(query),
        row,
        list(row.keys()), list(row.values()), row["email"], row[3], row[1:3], "email" in row, row.get("none", 5), len(row),
        await connection.fetchval(query, column=2),
        await connection.fetchval("SELECT email FROM customers WHERE id = $1", 77),
        await connection.fetch("SELECT * FROM customers WHERE false"),
        [each.email for each in named],
    ]


@case
async def look_up_by_every_sealed_type(connection, wrap):
    values = {
        "email": [email("ann"), email("none")],
        "ssn": [ssn(1), ssn(1) + "   ", "x"],
        "phone": [f"{MARKER} Zoë – 日本語 🦀", MARKER],
        "birth": [dt.date(1984, 2, 29), dt.date(9999, 12, 31)],
        "visits": [3, 2**31 - 1, -5],
        "seen": [dt.datetime(2024, 2, 29, 14, 30, 15, 123456, dt.timezone(dt.timedelta(hours=2))), dt.datetime(2024, 2, 29, 12, 30, 15, 123456)],
        "token": [uuid.UUID(int=7), str(uuid.UUID(int=7)), uuid.UUID(int=8)],
    }
    found = []
    for column, operands in values.items():
        for operand in operands:
            found.append((column, await ask(connection, f"SELECT id, {column} FROM customers WHERE {column} = $1 ORDER BY id", operand)))
        found.append(await ask(connection, f"SELECT id FROM customers WHERE {column} <> $1 ORDER BY id", operands[0]))
        found.append(await ask(connection, f"SELECT id FROM customers WHERE {column} = $1", None))
        found.append(await ask(connection, f"SELECT id FROM customers WHERE {column} = ANY($1) ORDER BY id", operands))
        found.append(await ask(connection, f"SELECT id FROM customers WHERE {column} = ANY($1) ORDER BY id", []))
        found.append(await ask(connection, f"SELECT id FROM customers WHERE {column} <> ALL($1) ORDER BY id", operands[:1]))
        found.append(await ask(connection, f"SELECT id FROM customers WHERE {column} IN ($1, $2) ORDER BY id", operands[0], operands[-1]))
        found.append(await ask(connection, f"SELECT id FROM customers WHERE $1 = {column} OR {column} IS NULL ORDER BY id", operands[0]))
    for kind, operand in [("text", email("ann")), ("varchar", email("ann"))]:
        found.append(await ask(connection, f"SELECT id FROM customers WHERE email = $1::{kind}", operand))
        found.append(await ask(connection, f"SELECT id FROM customers WHERE email = ANY($1::{kind}[]) ORDER BY id", [operand, email("zed"), None]))
    found.append(await ask(connection, "SELECT id FROM customers WHERE visits = $1::int8", 3))
    found.append(await ask(connection, "SELECT id FROM orders WHERE amount = $1::numeric ORDER BY id", Decimal("10")))
    return found


@case
async def joins_and_subqueries(connection, wrap):
    return [
        await ask(connection, """SELECT c.email, o.card, o.amount, o.note FROM customers c JOIN orders o ON o.customer_id = c.id
            WHERE c.email = $1 AND o.amount IN ($2, $3) ORDER BY o.id""", email("ann"), Decimal("10"), Decimal("25.5")),
        await ask(connection, "SELECT a.id, b.id AS other, a.card FROM orders a JOIN orders b ON a.card = b.card AND a.id < b.id ORDER BY a.id"),
        await ask(connection, "SELECT id, email FROM customers c WHERE EXISTS (SELECT 1 FROM orders WHERE customer_id = c.id AND card = $1) ORDER BY id", f"4111-{MARKER}"),
        await ask(connection, "SELECT card, count(*) FROM orders GROUP BY card ORDER BY count(*) DESC, min(id)"),
        await ask(connection, "SELECT id, coalesce(phone, $1) AS phone FROM customers ORDER BY id LIMIT $2 OFFSET $3", f"no {MARKER}", 3, 1),
        await ask(connection, "SELECT c.id, o.card FROM customers c LEFT JOIN LATERAL (SELECT card FROM orders WHERE customer_id = c.id ORDER BY id LIMIT 1) o ON true ORDER BY c.id"),
        await ask(connection, "SELECT unnest($1::text[]) AS t, email FROM customers WHERE id = 1", ["a", "b"]),
    ]


@case
async def prepared(connection, wrap):
    one = await connection.prepare("SELECT id, email, balance FROM customers WHERE email = $1")
    other = await connection.prepare("UPDATE customers SET visits = $1 WHERE email = $2 RETURNING visits", name="named_update")
    found = [described(one), described(other), one.get_query(), other.get_name()]
    for name in ("ann", "zed", "none", "max"):
        found.append(await one.fetch(email(name)))
        found.append(await one.fetchrow(email(name)))
        found.append(await one.fetchval(email(name), column=1))
        found.append(await other.fetch(len(name), email(name)))
        found.append(other.get_statusmsg())
    found.append(await other.executemany([(1, email("ann")), (2, email("zed"))]))
    if hasattr(other, "fetchmany"):
        found.append(await other.fetchmany([(5, email("ann")), (6, email("zed"))]))
    found.append(await tried(one.fetch(5)))
    found.append(await tried(one.fetch()))
    async with connection.transaction():
        found.append([row async for row in one.cursor(email("ann"))])
    return found


@case
async def cursors(connection, wrap):
    query = "SELECT id, email, prefs, birth FROM customers WHERE id > $1 ORDER BY id"
    async with connection.transaction():
        found = [[row async for row in connection.cursor(query, 0, prefetch=2)]]
        cursor = await connection.cursor(query, 0)
        found += [await cursor.fetchrow(), await cursor.fetch(2), await cursor.forward(1), await cursor.fetch(10), await cursor.fetchrow()]
        first, second = await connection.cursor(query, 1), await connection.cursor("SELECT id, card, note FROM orders ORDER BY id")
        found += [await first.fetch(1), await second.fetch(2), await first.fetch(1), await second.fetch(5)]
    async with connection.transaction(readonly=True, isolation="repeatable_read"):
        rows = []
        async for row in connection.cursor("SELECT id, email FROM customers ORDER BY id", prefetch=1):
            rows.append((row, await connection.fetchval("SELECT count(*) FROM orders WHERE customer_id = $1", row["id"])))
        found.append(rows)
    found.append(await tried(connection.cursor(query, 0).__aiter__().__anext__()))
    return found


@case
async def introspection(connection, wrap):
    """Types that asyncpg does not know make it ask the server."""
    await connection.execute("DROP TYPE IF EXISTS mood; DROP TYPE IF EXISTS place; DROP DOMAIN IF EXISTS posint")
    await connection.execute("CREATE TYPE mood AS ENUM ('ok', 'bad'); CREATE TYPE place AS (x int, y text); CREATE DOMAIN posint AS int CHECK (VALUE > 0)")
    try:
        found = [
            await tried(connection.fetch("SELECT email, 'ok'::mood AS mood, ROW(1, 'a')::place AS place, 5::posint AS n FROM customers WHERE id = 1")),
            await tried(connection.fetch("SELECT id FROM customers WHERE email = $1 AND 'ok'::mood = $2 AND 'ok'::mood = ANY($3)", email("ann"), "ok", ["ok"])),
            await tried(connection.fetch("SELECT $1::place AS p, email FROM customers WHERE id = 1", (1, "b"))),
            await tried(connection.set_type_codec("mood", encoder=str.lower, decoder=str.upper)),
            await tried(connection.fetch("SELECT ARRAY['ok', 'bad']::mood[] AS moods, ssn FROM customers WHERE id = 1")),
            await tried(connection.reload_schema_state()),
            await tried(connection.fetchval("SELECT id FROM customers WHERE email = $1", email("zed"))),
        ]
    finally:
        await connection.execute("DROP TYPE mood; DROP TYPE place; DROP DOMAIN posint")
    return found


@case
async def settings(connection, wrap):
    found = []
    query = "SELECT id, seen, local_time, birth, opens, created FROM customers ORDER BY id"
    for setting in ("TimeZone TO 'America/New_York'", "DateStyle TO 'German'", "extra_float_digits TO -5", "bytea_output TO 'escape'", "TimeZone TO 'UTC'"):
        found.append((setting, await connection.execute(f"SET {setting}")))
        found.append(await ask(connection, query))
        found.append(await ask(connection, "SELECT id, score, photo FROM customers ORDER BY id"))
        settings = connection.get_settings()
        found.append((settings.TimeZone, settings.DateStyle, settings.client_encoding))
    await connection.reset()
    return found + [await ask(connection, query), connection.get_server_version()[0]]


@case
async def events(connection, wrap):
    value = wrap({"a": [1, 2.5, None]})
    return [
        await ask(connection, "INSERT INTO events (kind, data, at) VALUES ($1, $2, $3) RETURNING *", "x", value, dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)),
        await ask(connection, "SELECT e.*, c.email FROM events e, customers c WHERE c.id = e.id"),
        await ask(connection, "SELECT id, prefs, raw FROM customers ORDER BY id"),
    ]
