"""COPY, both ways, in every format."""

import datetime as dt
import hashlib
from decimal import Decimal

from common import MARKER, PLACES, attempt, case, customers, email
from psycopg.types.json import Json, Jsonb
from seen import ask

# psycopg has no dumper of its own for char(n).
TYPES = (
    "text varchar text text date numeric int4 int8 int2 bool float8 timestamptz timestamp time uuid bytea jsonb json inet"
).split()
COPY_IN = f"COPY customers ({PLACES}) FROM STDIN"
COPY_OUT = f"COPY (SELECT id, {PLACES} FROM customers ORDER BY id) TO STDOUT"


def copy_in(connection, query, rows, types=None):
    """Writes rows; what is seen of it."""
    with connection.cursor() as cursor:
        with cursor.copy(query) as copy:
            if types:
                copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        return cursor.statusmessage, cursor.rowcount


def copy_out(connection, query, types=None):
    with connection.cursor() as cursor:
        with cursor.copy(query) as copy:
            if types:
                copy.set_types(types)
            rows = list(copy.rows())
        return rows, cursor.statusmessage, cursor.rowcount


def written(connection, query, *blocks):
    with connection.cursor() as cursor:
        with cursor.copy(query) as copy:
            for block in blocks:
                copy.write(block)
        return cursor.statusmessage, cursor.rowcount


def read(connection, query):
    with connection.cursor() as cursor:
        with cursor.copy(query) as copy:
            return b"".join(bytes(block) for block in copy)


@case
def copy_rows_in(connection):
    found = []
    for options, types in (("", None), ("", TYPES), (" (FORMAT binary)", TYPES)):
        connection.execute("TRUNCATE customers RESTART IDENTITY CASCADE")
        found.append(attempt(copy_in, connection, COPY_IN + options, customers(Jsonb, Json), types))
        found.append(ask(connection, "SELECT * FROM customers ORDER BY id"))
        found.append(ask(connection, "SELECT id FROM customers WHERE email = %s AND visits = 3", (email("ann"),)))
    return found


@case
def copy_rows_out(connection):
    types = ["int4", *TYPES]
    return [
        copy_out(connection, COPY_OUT),
        copy_out(connection, COPY_OUT, types),
        copy_out(connection, COPY_OUT + " (FORMAT binary)", types),
        copy_out(connection, "COPY orders TO STDOUT"),
        copy_out(connection, "COPY orders (card, id) TO STDOUT (FORMAT binary)", ["text", "int8"]),
        copy_out(connection, "COPY (SELECT card, amount FROM orders WHERE status = 'none') TO STDOUT"),
    ]


@case
def copy_blocks_out(connection):
    return [
        read(connection, f"{COPY_OUT} {options}")
        for options in (
            "", "(FORMAT csv)", "(FORMAT csv, HEADER, FORCE_QUOTE *)", "(FORMAT csv, DELIMITER ';', NULL 'none', QUOTE '''')",
            "(DELIMITER '|', NULL 'nix')", "(FORMAT binary)", "(HEADER)",
        )
    ]


@case
def copy_between_formats(connection):
    """What is read in each format is written back in it."""
    found = []
    for options in ("", "(FORMAT csv)", "(FORMAT csv, HEADER)", "(FORMAT csv, HEADER MATCH)", "(FORMAT binary)"):
        data = read(connection, "COPY customers TO STDOUT " + options.replace(" MATCH", ""))
        connection.execute("TRUNCATE customers CASCADE")
        pieces = [data[at : at + 37] for at in range(0, len(data), 37)]
        found.append(attempt(written, connection, "COPY customers FROM STDIN " + options, *pieces))
        found.append(hashlib.sha256(read(connection, "COPY customers TO STDOUT")).hexdigest())
    return found + [ask(connection, "SELECT * FROM customers ORDER BY id")]


@case
def copy_text_as_written(connection):
    lines = [
        f"Tab\\tname\ttab@{MARKER}.example\t1.50\t{MARKER}\\\\x\\n\n",
        f"Null\tnull@{MARKER}.example\t0\t\\N\n",
        f"Last\tlast@{MARKER}.example\t-1\t\n",
    ]
    rows = f'"Quoted ""name""",quoted@{MARKER}.example,2.5,"{MARKER}, and\nmore"\nEmpty,empty@{MARKER}.example,3,\nNo,no@{MARKER}.example,4,""\n'
    query = "COPY customers (name, email, balance, phone) FROM STDIN"
    return [
        attempt(written, connection, query, *lines),
        attempt(written, connection, query, "".join(lines).replace("@", "@2."), "\\.\n"),
        attempt(written, connection, query + " (FORMAT csv)", rows),
        attempt(written, connection, query + " (FORMAT csv, FORCE_NULL (phone))", rows.replace("@", "@3.")),
        attempt(written, connection, query + " (FORMAT csv, HEADER)", "n,e,b,p\n" + rows.replace("@", "@4.")),
        attempt(written, connection, query),
        ask(connection, "SELECT id, name, email, balance, phone FROM customers WHERE id > 5 ORDER BY id"),
    ]


@case
def copy_many_rows(connection):
    rows = ((f"bulk {n}", email(f"bulk{n}"), Decimal(n) / 100, n, dt.date(2000, 1, 1) + dt.timedelta(n), f"{MARKER} {n}") for n in range(5000))
    found = [copy_in(connection, "COPY customers (name, email, balance, visits, birth, phone) FROM STDIN", rows)]
    found.append(hashlib.sha256(read(connection, "COPY customers TO STDOUT (FORMAT csv)")).hexdigest())
    found.append(ask(connection, "SELECT id, email FROM customers WHERE phone = %s", (f"{MARKER} 4999",)))
    found.append(ask(connection, "SELECT count(*), count(DISTINCT email) FROM customers"))
    return found


@case
def copy_that_fails(connection):
    query = "COPY customers (name, email, balance, visits, birth) FROM STDIN"
    good = f"g\tgood@{MARKER}.example\t1\t1\t2024-01-01\n"

    def stopped():
        with connection.cursor() as cursor, cursor.copy(query) as copy:
            copy.write(good)
            raise ZeroDivisionError("the application's own")

    found = [
        attempt(written, connection, query, good, "x\tx\t1\tmany\t2024-01-01\n"),
        attempt(written, connection, query, good, "x\tx\t1\t2\t2024-02-30\n"),
        attempt(written, connection, query, good, "x\tx\n"),
        attempt(written, connection, query, good, "x\tx\t1\t2\t2024-01-01\textra\n"),
        attempt(written, connection, query, good, f"x\t{'y' * 121}\t1\t2\t2024-01-01\n"),
        attempt(written, connection, query, good, good),
        attempt(written, connection, query, good, "x\t\\N\t1\t2\t2024-01-01\n"),
        attempt(written, connection, query + " (FORMAT csv)", '"never closed'),
        attempt(written, connection, query + " (FORMAT binary)", b"no binary data"),
        attempt(written, connection, "COPY customers (name, nothing) FROM STDIN", ""),
        attempt(written, connection, "COPY nowhere FROM STDIN", ""),
        attempt(stopped),
        ask(connection, "SELECT count(*) FROM customers"),
    ]
    with connection.transaction(force_rollback=True):
        found.append(attempt(written, connection, query, good))
        found.append(ask(connection, "SELECT email FROM customers WHERE visits = 1"))
    return found + [ask(connection, "SELECT email FROM customers WHERE visits = 1")]
