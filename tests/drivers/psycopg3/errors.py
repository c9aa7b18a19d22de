"""Errors, and going on afterwards."""

import datetime as dt
from decimal import Decimal

from common import MARKER, attempt, case, email
from psycopg.types.json import Jsonb
from seen import ask


@case
def constraints(connection):
    return [
        ask(connection, "INSERT INTO customers (balance, name, email) VALUES (0, 'x', %s)", (email("ann"),)),
        ask(connection, "INSERT INTO customers (balance, name, email) VALUES (0, 'x', %s)", (email("ann"),)),
        ask(connection, "UPDATE customers SET email = %s WHERE email = %s", (email("ann"), email("zed"))),
        ask(connection, "INSERT INTO customers (balance, name, email) VALUES (0, 'x', %s)", (None,)),
        ask(connection, "INSERT INTO customers (name, email, balance) VALUES ('x', %s, %s)", (email("x"), None)),
        ask(connection, "INSERT INTO customers (name) VALUES ('x')"),
        ask(connection, "INSERT INTO orders (customer_id, card, amount) VALUES (99, %s, 1)", (MARKER,)),
        ask(connection, "INSERT INTO customers (id, name, email) VALUES (1, 'x', %s)", (email("x"),)),
        ask(connection, "SELECT count(*) FROM customers"),
    ]


@case
def values_that_do_not_fit(connection):
    wrong = [
        ("email", "y" * 121), ("ssn", "y" * 12), ("birth", "2024-02-30"), ("birth", "someday"), ("balance", Decimal("1e10")),
        ("balance", "lots"), ("balance", Decimal("Infinity")), ("visits", 2**31), ("visits", "x"), ("points", 2**63), ("level", 40000), ("vip", "perhaps"),
        ("score", "x"), ("score", "1e400"), ("seen", "nowhere"), ("seen", "2024-01-01 25:00"), ("local_time", "x"), ("opens", "25:00"), ("opens", "x"),
        ("token", "x"), ("photo", "\\xf"), ("prefs", "{"), ("raw", "{"), ("prefs", "[1,\n2}"), ("address", "1.2.3"), ("address", "x"),
    ]
    found = []
    for column, value in wrong:
        for hole in ("%s", "%t", "%b"):
            found.append((column, ask(connection, f"UPDATE customers SET {column} = {hole} WHERE id = 1", (value,))))
            found.append(ask(connection, f"UPDATE customers SET {column} = {hole} WHERE id = 1", (value,), prepare=True))
    return found + [ask(connection, "SELECT * FROM customers WHERE id = 1")]


@case
def types_that_do_not_fit(connection):
    found = []
    for column, value in [
        ("email", 5), ("email", b"bytes"), ("birth", 5), ("birth", True), ("birth", dt.datetime(2024, 1, 1, 5)), ("balance", True), ("balance", 1.5),
        ("visits", Decimal("2.5")), ("visits", 2.5), ("visits", True), ("points", 5), ("level", 5), ("vip", 1), ("score", Decimal("1.5")), ("score", 1),
        ("seen", dt.date(2024, 1, 1)), ("seen", dt.datetime(2024, 1, 1)), ("local_time", dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)),
        ("opens", dt.datetime(2024, 1, 1, 2)), ("token", 5), ("photo", 5), ("prefs", 5), ("prefs", {"a": 1}),
        ("address", 5), ("raw", Jsonb({"b": 1, "a": 2})),
    ]:
        for hole in ("%s", "%t", "%b"):
            found.append((column, ask(connection, f"UPDATE customers SET {column} = {hole} WHERE id = 1 RETURNING {column}", (value,))))
    return found


@case
def other_errors(connection):
    return [
        ask(connection, "SELECT 1/0"),
        ask(connection, "SELECT email, 1/(id - 2) FROM customers ORDER BY id"),
        ask(connection, "SELECT nothing FROM customers"),
        ask(connection, "SELECT email FROM nowhere"),
        ask(connection, "SELEC email FROM customers"),
        ask(connection, "SELECT email FROM customers WHERE"),
        ask(connection, "SELECT email FROM customers WHERE id = %s", ("x",)),
        ask(connection, "SELECT id FROM customers, orders"),
        ask(connection, "INSERT INTO customers (name, email, email) VALUES ('x', 'y', 'z')"),
        ask(connection, "INSERT INTO customers (name, email) VALUES ('x')"),
        ask(connection, ""),
        ask(connection, "SELECT email FROM customers WHERE id = %s", (1,)),
    ]


@case
def a_function_of_a_sealed_value(connection):
    return ask(connection, "SELECT upper(email) FROM customers ORDER BY id")


@case
def sorted_by_a_sealed_column(connection):
    return ask(connection, "SELECT email FROM customers ORDER BY email")


@case
def an_integer_compared_with_a_float(connection):
    return ask(connection, "SELECT id FROM customers WHERE visits = %s", (3.0,))


@case
def an_interval_stored_as_a_time(connection):
    return ask(connection, "UPDATE customers SET opens = %s WHERE id = 1", (dt.timedelta(hours=5),))


@case
def a_cursor_that_breaks(connection):
    def read():
        with connection.transaction(), connection.cursor("breaks") as cursor:
            cursor.itersize = 1
            cursor.execute("SELECT id, email, 1/(3 - id) FROM customers ORDER BY id")
            return [row for row in cursor]

    return [attempt(read), ask(connection, "SELECT email FROM customers WHERE id = 3")]
