"""psycopg over TLS, waiting and on an event loop: PORT DATABASE CA BINDING CHECK MARKER."""

import asyncio
import sys

import psycopg

port, database, ca, binding, check, marker = sys.argv[1:]
conninfo = psycopg.conninfo.make_conninfo(
    host="localhost",
    hostaddr="127.0.0.1",
    port=port,
    dbname=database,
    user="app",
    password="app",
    channel_binding=binding,
    **({"sslmode": "verify-full", "sslrootcert": ca} if check == "verify" else {"sslmode": "require"}),
)
INSERT = "INSERT INTO people (name, email, notes) VALUES ('d', %s, %s)"
SELECT = "SELECT notes FROM people WHERE email = %s"

with psycopg.connect(conninfo, autocommit=True) as connection:
    assert connection.pgconn.ssl_in_use
    connection.execute(INSERT, (marker + "@x", marker))
    waited = connection.execute(SELECT, (marker + "@x",)).fetchone()[0]


async def main():
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute(INSERT, (marker + "@y", marker))
        return (await (await connection.execute(SELECT, (marker + "@y",))).fetchone())[0]


assert waited == asyncio.run(main())
print(waited)
