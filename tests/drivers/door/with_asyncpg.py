"""asyncpg over TLS: PORT DATABASE CA BINDING CHECK MARKER. It knows no channel binding."""

import asyncio
import ssl
import sys

import asyncpg

port, database, ca, _, check, marker = sys.argv[1:]


async def main():
    context = ssl.create_default_context(cafile=ca)
    if check != "verify":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = await asyncpg.connect(
        host="localhost", port=int(port), database=database, user="app", password="app", ssl=context
    )
    await connection.execute("INSERT INTO people (name, email, notes) VALUES ('d', $1, $2)", marker + "@x", marker)
    print(await connection.fetchval("SELECT notes FROM people WHERE email = $1", marker + "@x"))
    await connection.close()


asyncio.run(main())
