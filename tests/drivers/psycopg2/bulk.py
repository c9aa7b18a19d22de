"""COPY, both ways."""

import hashlib
import io

from common import COLUMNS, MARKER, PLACES, attempt, case
from seen import ask

ALL = "SELECT * FROM customers ORDER BY id"


def out(connection, query):
    data = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(query, data)
        return data.getvalue(), cursor.rowcount, cursor.statusmessage


def into(connection, query, data, size=8192):
    with connection.cursor() as cursor:
        cursor.copy_expert(query, io.BytesIO(data), size=size)
        return cursor.rowcount, cursor.statusmessage


@case
def copy_expert(connection):
    found = []
    for options in ("", "(FORMAT csv)", "(FORMAT csv, HEADER, FORCE_QUOTE *)", "(FORMAT csv, HEADER MATCH, DELIMITER ';')", "(FORMAT binary)", "(NULL 'nix', DELIMITER '|')"):
        data, *rest = out(connection, f"COPY customers ({PLACES}) TO STDOUT {options}".replace(" MATCH", ""))
        ask(connection, "TRUNCATE customers RESTART IDENTITY CASCADE")
        found.append((options, data, rest))
        found.append(attempt(into, connection, f"COPY customers ({PLACES}) FROM STDIN {options}".replace(", FORCE_QUOTE *", ""), data, 100))
        found.append(ask(connection, ALL))
    return found


@case
def copy_of_queries(connection):
    return [
        out(connection, "COPY (SELECT id, email, seen FROM customers ORDER BY id) TO STDOUT"),
        out(connection, f"COPY (SELECT id, card, note FROM orders WHERE card = '4111-{MARKER}' ORDER BY id) TO STDOUT CSV HEADER"),
    ]


@case
def copy_of_a_query_that_writes(connection):
    return out(connection, "COPY (UPDATE customers SET visits = 5 WHERE id = 1 RETURNING email, visits) TO STDOUT")


@case
def copy_from_and_to(connection):
    """The older calls, with their own forms of options."""
    data = io.StringIO()
    with connection.cursor() as cursor:
        cursor.copy_to(data, "orders", columns=("customer_id", "card", "amount", "note"))
        found = [data.getvalue()]
        cursor.copy_from(io.StringIO(data.getvalue()), "orders", columns=("customer_id", "card", "amount", "note"))
        cursor.copy_from(io.StringIO(f"1|x {MARKER}|5|nix\n2|y {MARKER}|6|z {MARKER}\n"), "orders", sep="|", null="nix", size=5,
                         columns=("customer_id", "card", "amount", "note"))
        found.append(cursor.rowcount)
        data = io.StringIO()
        cursor.copy_to(data, "customers", sep="|", null="-", columns=COLUMNS)
        found.append(data.getvalue())
    return found + [ask(connection, "SELECT * FROM orders ORDER BY id")]


@case
def copy_many_rows(connection):
    lines = "".join(f"bulk {n}\tbulk{n}@{MARKER}\t{n}.25\t{n}\t{MARKER} {n}\n" for n in range(5000)).encode()
    found = [into(connection, "COPY customers (name, email, balance, visits, phone) FROM STDIN", lines, 333)]
    data, *rest = out(connection, "COPY customers TO STDOUT")
    found += [hashlib.sha256(data).hexdigest(), rest, ask(connection, "SELECT id, email FROM customers WHERE phone = %s", (f"{MARKER} 4999",))]
    return found


@case
def copy_that_fails(connection):
    query = "COPY customers (name, email, balance, visits, birth) FROM STDIN"
    good = f"g\tgood@{MARKER}.example\t1\t1\t2024-01-01\n"

    class Failing(io.BytesIO):
        def read(self, size=-1):
            raise ZeroDivisionError("the application's own")

    def stopped():
        with connection.cursor() as cursor:
            cursor.copy_expert(query, Failing(b""))

    found = [
        attempt(into, connection, query + options, text.encode())
        for options, text in [
            ("", good + "x\tx\t1\tmany\t2024-01-01\n"), ("", good + "x\tx\t1\t2\t2024-02-30\n"), ("", good + "x\tx\n"),
            ("", good + "x\tx\t1\t2\t2024-01-01\textra\n"), ("", good + good), ("", good + "x\t\\N\t1\t2\t2024-01-01\n"),
            ("", good + f"x\t{'y' * 121}\t1\t2\t2024-01-01\n"), (" CSV", '"never closed'), (" BINARY", "no binary data"), ("", good),
        ]
    ]
    return [*found, attempt(stopped), ask(connection, "SELECT count(*) FROM customers")]
