"""COPY, both ways."""

import datetime as dt
import io
from decimal import Decimal

from common import COLUMNS, MARKER, case, customers, email
from seen import ask, tried

ALL = "SELECT * FROM customers ORDER BY id"


@case
async def copy_records(connection, wrap):
    found = []
    for block in (COLUMNS, COLUMNS[:5]):
        await connection.execute("TRUNCATE customers RESTART IDENTITY CASCADE")
        rows = [row[: len(block)] + ((Decimal(1),) if len(block) == 5 else ()) for row in customers(wrap, wrap)]
        names = [*block, "balance"] if len(block) == 5 else block
        found.append(await tried(connection.copy_records_to_table("customers", records=rows, columns=names)))
        found.append(await ask(connection, ALL))

    async def stream():
        for n in range(2000):
            yield (f"bulk {n}", email(f"bulk{n}"), Decimal(n) / 100, n, dt.date(2000, 1, 1) + dt.timedelta(n), f"{MARKER} {n}")

    found.append(await connection.copy_records_to_table("customers", records=stream(), columns=["name", "email", "balance", "visits", "birth", "phone"]))
    found.append(await ask(connection, "SELECT id, email FROM customers WHERE phone = $1", f"{MARKER} 1999"))
    found.append(await tried(connection.copy_records_to_table("orders", schema_name="public", columns=["customer_id", "card", "amount"],
                                                              records=[(1, f"a {MARKER}", Decimal(5))], where="amount IS NOT NULL")))
    found.append(await ask(connection, "SELECT * FROM orders ORDER BY id"))
    return found


async def blocks(connection, **options):
    data = io.BytesIO()
    tag = await connection.copy_from_table("customers", output=data, **options)
    return tag, data.getvalue()


@case
async def copy_from_and_to_tables(connection, wrap):
    found = []
    for options in ({}, {"format": "csv"}, {"format": "csv", "header": True, "delimiter": ";"}, {"format": "binary"}, {"null": "nix", "format": "text"}):
        tag, data = await blocks(connection, **options)
        await connection.execute("TRUNCATE customers CASCADE")
        found.append((tag, data, await tried(connection.copy_to_table("customers", source=io.BytesIO(data), **options))))
        found.append(await ask(connection, ALL))
    found.append(await blocks(connection, columns=["email", "balance", "vip"], format="csv", force_quote=True))
    return found


@case
async def copy_from_queries(connection, wrap):
    data = io.BytesIO()
    return [
        await connection.copy_from_query("SELECT id, email, seen FROM customers WHERE id > $1 ORDER BY id", 2, output=data),
        # An argument must be no sealed value: asyncpg has the server quote it, in a statement of its own.
        await connection.copy_from_query("SELECT id, card FROM orders WHERE customer_id = $1 ORDER BY id", 1, output=data, format="csv"),
        await connection.copy_from_query(f"SELECT id, card FROM orders WHERE card = '4111-{MARKER}' ORDER BY id", output=data, format="csv"),
        await connection.copy_from_query("SELECT * FROM orders ORDER BY id", output=data, format="binary"),
        data.getvalue(),
    ]


@case
async def copy_that_fails(connection, wrap):
    async def records(*rows, table="customers", columns=("name", "email", "balance")):
        return await tried(connection.copy_records_to_table(table, records=rows, columns=columns))

    async def lines(text, **options):
        return await tried(connection.copy_to_table("customers", source=io.BytesIO(text.encode()), columns=["name", "email", "balance", "visits"], **options))

    async def failing():
        yield ("x", email("x"), Decimal(1))
        raise ZeroDivisionError("the application's own")

    return [
        await records(("x", email("ann"), Decimal(1))),
        await records(("x", None, Decimal(1))),
        await records(("x", email("x"), Decimal("1e10"))),
        await records(("x", "y" * 121, Decimal(1))),
        await records(("x", 5, Decimal(1))),
        await records((99, MARKER, Decimal(1)), table="orders", columns=("customer_id", "card", "amount")),
        await records(("x",), columns=("nothing",)),
        await tried(connection.copy_records_to_table("customers", records=failing(), columns=["name", "email", "balance"])),
        await lines(f"x\tx@{MARKER}\t1\tmany\n"),
        await lines(f"x\tx@{MARKER}\t1\n"),
        await lines(f"x,x@{MARKER},lots,5\n", format="csv"),
        await ask(connection, "SELECT count(*) FROM customers"),
    ]
