"""An application of asyncpg: `app.py URL [uncached | codecs]`.

Each case gets a connection of its own and the same rows. The variants do without the cache of prepared statements,
as one does behind a pooler, or give jsonb, json and numeric codecs of their own.
"""

import asyncio
import json
import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).parent.parent / "python"))

import asyncpg
import bulk  # noqa: F401 (registers its cases)
import flow  # noqa: F401
import reading  # noqa: F401
import writing  # noqa: F401
from common import CASES, COLUMNS, ORDERS, PLACES, customers, report
from seen import tried


async def with_codecs(connection):
    """`jsonb` in binary has a version byte before its text."""
    await connection.set_type_codec("json", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary",
        encoder=lambda value: b"\x01" + json.dumps(value).encode(), decoder=lambda data: json.loads(data[1:]),
    )
    await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=lambda text: ("numeric", text))


async def seed(connection, wrap):
    await connection.execute("TRUNCATE customers, orders, events RESTART IDENTITY CASCADE")
    holes = ", ".join(f"${n}" for n in range(1, len(COLUMNS) + 1))
    await connection.executemany(f"INSERT INTO customers ({PLACES}) VALUES ({holes})", customers(wrap, wrap))
    await connection.executemany("INSERT INTO orders (customer_id, card, amount, status, note) VALUES ($1, $2, $3, $4, $5)", ORDERS)


async def main(url, variant="", *only):
    wrap = (lambda value: value) if variant == "codecs" else json.dumps
    for case in CASES:
        if only and case.__name__ not in only:
            continue
        connection = await asyncpg.connect(url, statement_cache_size=0 if variant == "uncached" else 100)
        if variant == "codecs":
            await with_codecs(connection)
        await seed(connection, wrap)
        report(case.__name__, await tried(case(connection, wrap)))
        if not connection.is_closed():
            await connection.close(timeout=10)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
