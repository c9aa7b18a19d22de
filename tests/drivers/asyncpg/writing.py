"""Inserts, updates, upserts, deletes, and what goes wrong with them."""

import datetime as dt
import ipaddress
import uuid
from decimal import Decimal

from common import COLUMNS, MARKER, PLACES, case, customers, email, ssn
from seen import ask, tried

HOLES = ", ".join(f"${n}" for n in range(1, len(COLUMNS) + 1))


@case
async def insert_every_column(connection, wrap):
    await connection.execute("TRUNCATE customers CASCADE")
    found = []
    for row in customers(wrap, wrap):
        found.append(await tried(connection.fetchrow(f"INSERT INTO customers ({PLACES}) VALUES ({HOLES}) RETURNING *", *row)))
    return found + [await ask(connection, "SELECT * FROM customers ORDER BY id")]


@case
async def tags(connection, wrap):
    return [
        await connection.execute("INSERT INTO customers (name, email, balance) VALUES ($1, $2, $3)", "Tag", email("tag"), Decimal("1")),
        await connection.execute("UPDATE customers SET visits = $1 WHERE email = $2", 4, email("tag")),
        await connection.execute("DELETE FROM customers WHERE email = $1", email("tag")),
        await connection.execute("DELETE FROM customers WHERE email = $1", email("tag")),
        await connection.execute("SELECT email FROM customers"),
        await connection.execute("SELECT email FROM customers WHERE id = 1; UPDATE customers SET visits = 5; SELECT 1"),
        await connection.execute(f"INSERT INTO orders (customer_id, card, amount) VALUES (1, 'x {MARKER}', 5.5), (2, 'y {MARKER}', 6)"),
    ]


@case
async def update_by_a_sealed_key(connection, wrap):
    return [
        await ask(connection, "UPDATE customers SET balance = $1, seen = $2 WHERE email = $3 RETURNING *", Decimal("77.77"),
                  dt.datetime(2025, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))), email("ann")),
        await ask(connection, "UPDATE customers SET phone = NULL, birth = $2 WHERE ssn = $1 RETURNING id, phone, birth", ssn(2), dt.date(1999, 12, 31)),
        await ask(connection, "UPDATE customers SET visits = $1, points = $2 WHERE token = $3 RETURNING id, visits, points", 1, 2, uuid.UUID(int=7)),
        await ask(connection, "UPDATE orders SET note = $1 WHERE amount = $2 AND card = ANY($3) RETURNING *", f"{MARKER}!", Decimal("10"), [f"4111-{MARKER}"]),
        await ask(connection, "UPDATE orders o SET status = 'vip' FROM customers c WHERE c.id = o.customer_id AND c.email = $1 AND o.amount = $2 RETURNING o.*, c.email",
                  email("ann"), Decimal("25.5")),
    ]


@case
async def upsert(connection, wrap):
    query = """INSERT INTO customers (name, email, balance, phone) VALUES ($1, $2, $3, $4)
        ON CONFLICT (email) DO UPDATE SET balance = EXCLUDED.balance, phone = EXCLUDED.phone RETURNING id, name, email, balance, phone"""
    return [
        await ask(connection, query, "Ann B", email("ann"), Decimal("1"), MARKER),
        await ask(connection, query, "New", email("new"), Decimal("2"), None),
        await ask(connection, query, "New", email("new"), Decimal("3"), None),
        await connection.fetch("INSERT INTO customers (name, email, balance) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING RETURNING id", "x", email("zed")),
    ]


@case
async def executemany(connection, wrap):
    rows = [(f"many {n}", email(f"many{n}"), Decimal(n) / 4, n, None if n % 3 else MARKER) for n in range(300)]
    found = [await connection.executemany("INSERT INTO customers (name, email, balance, visits, phone) VALUES ($1, $2, $3, $4, $5)", rows)]
    found.append(await tried(connection.executemany("INSERT INTO customers (name, email, balance) VALUES ($1, $2, 0)",
                                                    [("fresh", email("fresh")), ("again", email("many1"))])))
    found.append(await connection.fetchval("SELECT count(*) FROM customers"))
    if hasattr(connection, "fetchmany"):
        found.append(await connection.fetchmany("UPDATE customers SET visits = $1 WHERE email = $2 RETURNING id, email, visits",
                                                [(n + 1, email(f"many{n}")) for n in range(5)]))
    return found + [await connection.fetch("SELECT id, email, balance, visits, phone FROM customers WHERE id > 5 ORDER BY id LIMIT 40")]


@case
async def constraints(connection, wrap):
    insert = "INSERT INTO customers (name, email, balance) VALUES ('x', $1, $2)"
    return [
        await ask(connection, insert, email("ann"), Decimal(0)),
        await ask(connection, "UPDATE customers SET email = $1 WHERE email = $2", email("ann"), email("zed")),
        await ask(connection, insert, None, Decimal(0)),
        await ask(connection, insert, email("x"), None),
        await ask(connection, "INSERT INTO orders (customer_id, card, amount) VALUES (99, $1, 1)", MARKER),
        await ask(connection, "SELECT count(*) FROM customers"),
    ]


@case
async def values_that_do_not_fit(connection, wrap):
    found = []
    for column, value in [
        ("email", "y" * 121), ("ssn", "y" * 12), ("ssn", "short"), ("birth", dt.datetime(2024, 1, 1, 5)), ("birth", "2024-01-01"), ("balance", Decimal("1e10")),
        ("balance", Decimal("Infinity")), ("balance", Decimal("1.005")), ("balance", 5), ("balance", 0.1), ("balance", "1.5"), ("visits", 2**31), ("visits", 1.5),
        ("points", 2**63), ("level", 40000), ("vip", 1), ("vip", "yes"), ("score", Decimal("1.5")), ("score", 7), ("seen", dt.datetime(2024, 1, 1)),
        ("seen", dt.date(2024, 1, 1)), ("local_time", dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)), ("opens", dt.timedelta(hours=1)),
        ("token", str(uuid.UUID(int=9))), ("token", "x"), ("photo", "text"), ("photo", bytearray(b"array")), ("photo", memoryview(b"view")),
        ("address", "10.1.2.3"), ("address", "10.1.2.0/24"), ("address", ipaddress.ip_network("10.0.0.0/8")), ("address", "x"), ("phone", 5),
    ]:
        found.append((column, await tried(connection.fetch(f"UPDATE customers SET {column} = $1 WHERE id = 1 RETURNING {column}", value))))
    for column, text in [("birth", "'2024-02-30'"), ("visits", "'x'"), ("balance", "1e10"), ("token", "'x'"), ("seen", "'nowhere'"), ("vip", "'perhaps'")]:
        found.append((column, await tried(connection.execute(f"UPDATE customers SET {column} = {text} WHERE id = 1"))))
        found.append((column, await tried(connection.fetch(f"UPDATE customers SET {column} = {text} WHERE id = 1"))))
    return found + [await connection.fetchrow("SELECT * FROM customers WHERE id = 1")]


@case
async def values_written_as_text(connection, wrap):
    """asyncpg wants the Python type of the parameter's type; people who have text cast it twice."""
    found = []
    for column, kind, text in [
        ("birth", "date", "2024-02-29"), ("birth", "date", "2024-02-30"), ("visits", "int", " 12 "), ("visits", "int", "x"), ("visits", "int", "99999999999"),
        ("balance", "numeric", "1.505"), ("balance", "numeric(12,1)", "1.55"), ("token", "uuid", str(uuid.UUID(int=9))), ("token", "uuid", "x"), ("level", "int4", "40000"),
        ("seen", "timestamptz", "2024-01-01 10:00+02"), ("prefs", "jsonb", '{"b": 1, "a": 2}'), ("raw", "json", '{"b":  1}'), ("address", "inet", "10.0.0.0/8"),
        ("vip", "bool", "yes"), ("photo", "bytea", "\\x00ff"), ("score", "float8", "1e-3"), ("opens", "time", "12:30"),
    ]:
        found.append((column, await ask(connection, f"UPDATE customers SET {column} = $1::text::{kind} WHERE id = 1 RETURNING {column}", text)))
    found.append(await ask(connection, "INSERT INTO customers (name, email, balance, visits) VALUES ('t', $1, $2::text::numeric, $3::text::int) RETURNING balance, visits",
                           email("t"), "12.5", "7"))
    return found


@case
async def looked_up_by_a_number_written_as_text(connection, wrap):
    return await ask(connection, "SELECT id FROM customers WHERE visits = $1::text::int", "3")


@case
async def large_values(connection, wrap):
    long = MARKER + "läng " * 250_000
    data = bytes(range(256)) * 4096
    return [
        await ask(connection, "INSERT INTO customers (name, email, balance, phone, photo) VALUES ('big', $1, 0, $2, $3) RETURNING id, photo", email("big"), long, data),
        await ask(connection, "SELECT phone, photo FROM customers WHERE email = $1", email("big")),
        await ask(connection, "SELECT id FROM customers WHERE phone = $1", long),
    ]


@case
async def delete(connection, wrap):
    return [
        await ask(connection, "DELETE FROM orders WHERE card = $1 RETURNING *", f"4111-{MARKER}"),
        await ask(connection, "DELETE FROM customers WHERE email = ANY($1) RETURNING id, email, ssn", [email("ann"), email("none")]),
        await ask(connection, "WITH gone AS (DELETE FROM orders WHERE amount = $1 RETURNING customer_id, card) SELECT * FROM gone", Decimal("25.50")),
    ]
