"""Connects as each line of its input says, all at once, and says what came of it.

Input: JSON objects, one a line: {"id": 1, "conninfo": "…", "marker": "…"}. Output: the same with "version" (libpq's),
"tls" (of the client's hop), "upstream" (of the server's hop), "read" (what was read back), or "error".
PSYCOPG_IMPL=python takes the system's libpq, PSYCOPG_IMPL=binary the one that psycopg brings along.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg import pq

INSERT = "INSERT INTO people (name, email, notes) VALUES (%s, %s, %s)"


def cell(line):
    cell = json.loads(line)
    try:
        with psycopg.connect(cell["conninfo"], autocommit=True, connect_timeout=20) as connection:
            cell["tls"] = connection.pgconn.ssl_in_use
            row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
            cell["upstream"] = row[0]
            marker = cell["marker"]
            connection.execute(INSERT, (marker, marker + "@x", "notes of " + marker))
            read = connection.execute("SELECT notes FROM people WHERE email = %s", (marker + "@x",))
            cell["read"] = [row[0] for row in read]
    except psycopg.Error as error:
        cell["error"] = str(error)
    cell["version"] = pq.version() // 10000
    return json.dumps(cell)


with ThreadPoolExecutor(8) as pool:
    for line in pool.map(cell, sys.stdin):
        print(line)
