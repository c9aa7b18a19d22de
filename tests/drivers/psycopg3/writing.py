"""Inserts, updates, upserts, deletes."""

import datetime as dt
from decimal import Decimal

import psycopg
from common import COLUMNS, MARKER, PLACES, case, customers, email, ssn
from psycopg import sql
from psycopg.types.json import Json, Jsonb
from seen import ask, seen

ALL = "SELECT * FROM customers ORDER BY id"


@case
def insert_every_column(connection):
    holes = ", ".join(["%s"] * len(COLUMNS))
    connection.execute("TRUNCATE customers CASCADE")
    return [
        ask(connection, f"INSERT INTO customers ({PLACES}) VALUES ({holes}) RETURNING *", row) for row in customers(Jsonb, Json)
    ] + [ask(connection, ALL)]


@case
def insert_with_formats(connection):
    """Parameters sent as text and as binary, whatever the results are."""
    results = []
    for hole in ("%t", "%b"):
        connection.execute("TRUNCATE customers CASCADE")
        holes = ", ".join([hole] * len(COLUMNS))
        for row in customers(Jsonb, Json):
            results.append(ask(connection, f"INSERT INTO customers ({PLACES}) VALUES ({holes})", row))
        results.append(ask(connection, ALL))
        results.append(ask(connection, ALL, binary=True))
    return results


@case
def insert_by_names(connection):
    row = {"name": "Pat", "email": email("pat"), "birth": dt.date(2001, 2, 3), "balance": Decimal("1.005"), "vip": None}
    names = ", ".join(row)
    holes = ", ".join(f"%({name})s" for name in row)
    return ask(connection, f"INSERT INTO customers ({names}) VALUES ({holes}) RETURNING id, balance, email, created", row)


@case
def insert_several_rows(connection):
    return ask(
        connection,
        "INSERT INTO orders (customer_id, card, amount) VALUES (%s, %s, %s), (%s, %s, DEFAULT), (%s, %s, 3) RETURNING *",
        (1, f"a-{MARKER}", Decimal("1.10"), 2, f"b-{MARKER}", 3, f"c-{MARKER}"),
    ), ask(
        connection,
        "INSERT INTO orders (customer_id, card, amount) VALUES (%s, %s, %s), (%s, %s, 2.5), (%s, %s, 3) RETURNING *",
        (1, f"a-{MARKER}", Decimal("1.10"), 2, f"b-{MARKER}", 3, f"c-{MARKER}"),
    )


@case
def insert_composed(connection):
    """Statements made with psycopg.sql."""
    query = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING {}").format(
        sql.Identifier("public", "orders"),
        sql.SQL(", ").join(map(sql.Identifier, ["customer_id", "card", "amount"])),
        sql.SQL(", ").join([sql.Placeholder(), sql.Literal(f"literal {MARKER}"), sql.Literal(Decimal("7.70"))]),
        sql.Identifier("card"),
    )
    return ask(connection, query, (2,)), ask(
        connection, sql.SQL("SELECT id, amount FROM orders WHERE card = {}").format(sql.Literal(f"literal {MARKER}"))
    )


@case
def update_by_a_sealed_key(connection):
    return [
        ask(connection, "UPDATE customers SET balance = %s, seen = %s WHERE email = %s RETURNING *",
            (Decimal("77.77"), dt.datetime(2025, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))), email("ann"))),
        ask(connection, "UPDATE customers SET phone = NULL, birth = %(day)s WHERE ssn = %(ssn)s RETURNING id, phone, birth",
            {"day": dt.date(1999, 12, 31), "ssn": ssn(2)}),
        ask(connection, "UPDATE customers SET (visits, points) = (%s, %s) WHERE token IS NOT NULL RETURNING id, visits, points", (1, 2)),
        ask(connection, "UPDATE customers SET email = %s WHERE email = %s", (email("new"), email("nobody"))),
        ask(connection, "UPDATE orders SET status = 'done', note = %s WHERE amount = %s AND card = ANY(%s) RETURNING *",
            (f"{MARKER}!", Decimal("10"), [f"4111-{MARKER}", f"4333-{MARKER}"])),
        ask(connection, "UPDATE orders o SET status = 'vip' FROM customers c WHERE c.id = o.customer_id AND c.email = %s RETURNING o.*, c.email",
            (email("ann"),)),
    ]


@case
def upsert(connection):
    query = """INSERT INTO customers (name, email, balance, phone) VALUES (%s, %s, %s, %s)
        ON CONFLICT (email) DO UPDATE SET balance = EXCLUDED.balance, phone = EXCLUDED.phone, name = customers.name || '+'
        RETURNING id, name, email, balance, phone"""
    return [
        ask(connection, query, ("Ann B", email("ann"), Decimal("1"), MARKER)),
        ask(connection, query, ("New", email("new"), Decimal("2"), None)),
        ask(connection, query, ("New", email("new"), Decimal("3"), None), prepare=True),
        ask(connection, query.replace("(email) DO UPDATE", "ON CONSTRAINT customers_email_key DO UPDATE"), ("New", email("new"), 4, None)),
        ask(connection, "INSERT INTO customers (balance, name, email) VALUES (0, %s, %s) ON CONFLICT DO NOTHING RETURNING id", ("x", email("zed"))),
        ask(connection, "INSERT INTO customers (balance, name, email) VALUES (0, %s, %s) ON CONFLICT (email) DO NOTHING", ("y", email("y"))),
    ]


@case
def delete(connection):
    return [
        ask(connection, "DELETE FROM orders WHERE card = %s RETURNING *", (f"4111-{MARKER}",)),
        ask(connection, "DELETE FROM customers WHERE email = ANY(%s) RETURNING id, email, ssn", ([email("ann"), email("none")],)),
        ask(connection, "DELETE FROM customers USING orders WHERE orders.customer_id = customers.id RETURNING customers.email, orders.card"),
        ask(connection, "SELECT count(*) FROM customers"),
    ]


@case
def executemany(connection):
    rows = [(f"many {n}", email(f"many{n}"), Decimal(n) / 4, n, None if n % 3 else MARKER) for n in range(50)]
    results = []
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO customers (name, email, balance, visits, phone) VALUES (%s, %s, %s, %s, %s)", rows)
        results.append((cursor.rowcount, cursor.statusmessage))
        cursor.executemany(
            "UPDATE customers SET balance = %s WHERE email = %s RETURNING id, balance, email",
            [(Decimal(n), email(f"many{n}")) for n in range(0, 60, 7)],
            returning=True,
        )
        results.append(seen(cursor))
    results.append(ask(connection, "SELECT id, email, balance, visits, phone FROM customers WHERE id > 5 ORDER BY id"))
    return results


@case
def merge_and_with(connection):
    return [
        ask(connection, """WITH new AS (INSERT INTO orders (customer_id, card, amount) VALUES (%s, %s, %s) RETURNING id, card, amount)
            SELECT new.*, now() > '2020-01-01' AS late FROM new""", (1, f"cte {MARKER}", Decimal("3.30"))),
        ask(connection, """WITH gone AS (DELETE FROM orders WHERE amount = %s RETURNING customer_id, card)
            SELECT gone.card, c.email FROM gone JOIN customers c ON c.id = gone.customer_id ORDER BY c.id""", (Decimal("10.00"),)),
    ]


@case
def large_values(connection):
    long = MARKER + "läng " * 250_000
    data = bytes(range(256)) * 4096
    return [
        ask(connection, "INSERT INTO customers (balance, name, email, phone, photo, prefs) VALUES (0, 'big', %s, %s, %s, %s) RETURNING id",
            (email("big"), long, data, Jsonb({"long": long}))),
        ask(connection, "SELECT phone, photo, prefs FROM customers WHERE email = %s", (email("big"),)),
        ask(connection, "SELECT id, photo FROM customers WHERE phone = %s", (long,)),
        ask(connection, "SELECT phone, photo FROM customers WHERE email = %s", (email("big"),), binary=True),
    ]


@case
def raw_queries(connection):
    """Numbered parameters, used twice and out of order."""
    cursor = psycopg.RawCursor(connection)
    return [
        seen(cursor.execute("INSERT INTO customers (balance, name, phone, email) VALUES (0, $2, $3, $1) RETURNING *", (email("raw"), "Raw", MARKER))),
        seen(cursor.execute("SELECT id, email FROM customers WHERE email = $1 OR (name = $2 AND email <> $1) ORDER BY id",
                            (email("raw"), "Zed"))),
        seen(cursor.execute("SELECT id, phone FROM customers WHERE phone = $1::text AND $1 IS NOT NULL", (MARKER,))),
    ]
