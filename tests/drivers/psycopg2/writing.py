"""Inserts, updates, upserts, helpers for many rows, errors."""

import datetime as dt
import uuid
from decimal import Decimal

from common import COLUMNS, MARKER, PLACES, attempt, case, customers, email, ssn
from psycopg2 import sql
from psycopg2.extensions import AsIs
from psycopg2.extras import Json, execute_batch, execute_values
from seen import ask

HOLES = ", ".join(["%s"] * len(COLUMNS))


@case
def insert_every_column(connection):
    ask(connection, "TRUNCATE customers CASCADE")
    found = [ask(connection, f"INSERT INTO customers ({PLACES}) VALUES ({HOLES}) RETURNING *", row) for row in customers(Json, Json)]
    return found + [ask(connection, "SELECT * FROM customers ORDER BY id")]


@case
def insert_by_names(connection):
    row = {"name": "Pat", "email": email("pat"), "birth": dt.date(2001, 2, 3), "balance": Decimal("1.005"), "vip": None}
    holes = ", ".join(f"%({name})s" for name in row)
    return ask(connection, f"INSERT INTO customers ({', '.join(row)}) VALUES ({holes}) RETURNING id, balance, email, created", row)


@case
def insert_composed(connection):
    query = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING {}").format(
        sql.Identifier("public", "orders"), sql.SQL(", ").join(map(sql.Identifier, ["customer_id", "card", "amount"])),
        sql.SQL(", ").join([sql.Placeholder(), sql.Literal(f"it's \\ {MARKER}"), sql.Literal(Decimal("7.70"))]), sql.Identifier("card"))
    return ask(connection, query, (2,)), ask(
        connection, sql.SQL("SELECT id, amount FROM orders WHERE card = {}").format(sql.Literal(f"it's \\ {MARKER}")))


@case
def values_of_many_rows(connection):
    rows = [(f"many {n}", email(f"many{n}"), Decimal(n) / 4, n, None if n % 3 else MARKER) for n in range(250)]
    with connection.cursor() as cursor:
        found = [execute_values(cursor, "INSERT INTO customers (name, email, balance, visits, phone) VALUES %s RETURNING id, email, visits",
                                rows, page_size=100, fetch=True), cursor.rowcount, cursor.statusmessage]
        execute_batch(cursor, "UPDATE customers SET balance = %s, phone = %s WHERE email = %s",
                      [(n, f"{MARKER} {n}", email(f"many{n}")) for n in range(0, 250, 9)], page_size=10)
        found.append(cursor.rowcount)
        cursor.executemany("DELETE FROM customers WHERE email = %s", [(email(f"many{n}"),) for n in range(1, 250, 2)])
        found.append(cursor.rowcount)
        found.append(attempt(execute_values, cursor, """UPDATE customers SET visits = data.visits FROM (VALUES %s) AS data (id, visits)
            WHERE customers.id = data.id""", [(1, 5), (2, 6)]))
        found.append(execute_values(cursor, "INSERT INTO orders (customer_id, card, amount) VALUES %s RETURNING *",
                                    [{"c": 1, "n": 5, "t": f"x {MARKER}"}], template="(%(c)s, %(t)s, %(n)s::numeric)", fetch=True))
    return found + [ask(connection, "SELECT id, email, balance, visits, phone FROM customers WHERE id > 5 ORDER BY id")]


@case
def update_by_a_sealed_key(connection):
    return [
        ask(connection, "UPDATE customers SET balance = %s, seen = %s WHERE email = %s RETURNING *",
            (Decimal("77.77"), dt.datetime(2025, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))), email("ann"))),
        ask(connection, "UPDATE customers SET phone = NULL, birth = %(day)s WHERE ssn = %(ssn)s RETURNING id, phone, birth",
            {"day": dt.date(1999, 12, 31), "ssn": ssn(2)}),
        ask(connection, "UPDATE customers SET (visits, points) = (%s, %s) WHERE token = %s RETURNING id, visits, points", (1, 2, uuid.UUID(int=7))),
        ask(connection, "UPDATE orders SET status = 'done', note = %s WHERE amount = %s AND card = ANY(%s) RETURNING *",
            (f"{MARKER}!", Decimal("10"), [f"4111-{MARKER}", f"4333-{MARKER}"])),
        ask(connection, "DELETE FROM customers WHERE email IN %s RETURNING id, email", ((email("ann"), email("none")),)),
    ]


@case
def upsert(connection):
    query = """INSERT INTO customers (name, email, balance, phone) VALUES (%s, %s, %s, %s)
        ON CONFLICT (email) DO UPDATE SET balance = EXCLUDED.balance, phone = EXCLUDED.phone RETURNING id, name, email, balance, phone"""
    found = [
        ask(connection, query, ("Ann B", email("ann"), Decimal("1"), MARKER)),
        ask(connection, query, ("New", email("new"), Decimal("2"), None)),
        ask(connection, query, ("New", email("new"), 3.25, None)),
        ask(connection, "INSERT INTO customers (name, email, balance) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING RETURNING id", ("x", email("zed"))),
    ]
    with connection.cursor() as cursor:
        rows = [(f"u{n}", email(f"u{n % 5}"), n) for n in range(5)] + [("z", email("zed"), 9)]
        found.append(execute_values(cursor, """INSERT INTO customers (name, email, balance) VALUES %s
            ON CONFLICT (email) DO UPDATE SET balance = EXCLUDED.balance RETURNING name, email, balance""", rows, fetch=True))
    return found


@case
def constraints(connection):
    insert = "INSERT INTO customers (name, email, balance) VALUES ('x', %s, %s)"
    return [
        ask(connection, insert, (email("ann"), 0)),
        ask(connection, "UPDATE customers SET email = %s WHERE email = %s", (email("ann"), email("zed"))),
        ask(connection, insert, (None, 0)),
        ask(connection, insert, (email("x"), None)),
        ask(connection, "INSERT INTO orders (customer_id, card, amount) VALUES (99, %s, 1)", (MARKER,)),
        ask(connection, "SELECT count(*) FROM customers"),
    ]


@case
def values_that_do_not_fit(connection):
    found = []
    for column, value in [
        ("email", "y" * 121), ("ssn", "y" * 12), ("birth", "2024-02-30"), ("birth", "someday"), ("birth", 5), ("balance", Decimal("1e10")),
        ("balance", "lots"), ("balance", Decimal("Infinity")), ("balance", 1.5), ("balance", True), ("visits", 2**31), ("visits", "x"), ("visits", 2.5), ("visits", "7"),
        ("points", 2**63), ("level", 40000), ("vip", "perhaps"), ("vip", 1), ("score", "x"), ("score", 1), ("score", Decimal("1.5")), ("seen", "nowhere"),
        ("seen", dt.date(2024, 1, 1)), ("seen", dt.datetime(2024, 1, 1)), ("local_time", dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)), ("opens", "25:00"),
        ("token", "x"), ("token", 5), ("photo", "\\xf"), ("photo", "text"), ("photo", bytearray(b"array")), ("photo", memoryview(b"view")), ("address", "1.2.3"),
        ("prefs", '{"a": 1}'), ("raw", '[1,  2]'), ("prefs", 5), ("email", 5), ("phone", b"bytes"), ("phone", AsIs("DEFAULT")),
    ]:
        found.append((column, ask(connection, f"UPDATE customers SET {column} = %s WHERE id = 1 RETURNING {column}", (value,))))
    return found + [ask(connection, "SELECT * FROM customers WHERE id = 1")]


@case
def large_values(connection):
    long = MARKER + "läng '\\ " * 200_000
    data = bytes(range(256)) * 4096
    return [
        ask(connection, "INSERT INTO customers (name, email, balance, phone, photo) VALUES ('big', %s, 0, %s, %s) RETURNING id", (email("big"), long, data)),
        ask(connection, "SELECT phone, photo FROM customers WHERE email = %s", (email("big"),)),
        ask(connection, "SELECT id FROM customers WHERE phone = %s", (long,)),
    ]


@case
def a_function_of_a_sealed_value(connection):
    return ask(connection, "SELECT upper(email) FROM customers ORDER BY id")


@case
def sorted_by_a_sealed_column(connection):
    return ask(connection, "SELECT email FROM customers ORDER BY email")
