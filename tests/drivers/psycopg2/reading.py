"""Cursors of every kind, look-ups, types, settings."""

import datetime as dt
import uuid
from decimal import Decimal

import psycopg2.extensions
from common import MARKER, attempt, case, email, ssn
from psycopg2.extras import DictCursor, NamedTupleCursor, RealDictCursor, register_default_jsonb
from seen import ask, seen

ROWS = "SELECT id, name, email, balance, birth, seen FROM customers ORDER BY id"


@case
def kinds_of_cursors(connection):
    found = []
    for kind in (None, DictCursor, RealDictCursor, NamedTupleCursor):
        with connection.cursor(cursor_factory=kind) as cursor:
            cursor.execute(ROWS)
            found += [cursor.fetchone(), cursor.fetchmany(2), list(cursor), cursor.fetchone(), cursor.rownumber]
            cursor.scroll(0, mode="absolute")
            found.append(cursor.fetchall())
    return found


@case
def named_cursors(connection):
    connection.autocommit = False
    found = []
    with connection.cursor("plain") as cursor:
        cursor.itersize = 2
        cursor.execute("SELECT id, email, prefs FROM customers WHERE id > %s ORDER BY id", (1,))
        found += [cursor.fetchone(), cursor.description and [tuple(c) for c in cursor.description], list(cursor), cursor.rownumber]
    with connection.cursor("scrolls", scrollable=True, cursor_factory=RealDictCursor) as cursor:
        cursor.execute("SELECT id, card, note FROM orders ORDER BY id")
        found.append(cursor.fetchall())
        cursor.scroll(0, mode="absolute")
        found.append(cursor.fetchmany(2))
        cursor.scroll(-1)
        found.append(cursor.fetchone())
    held = connection.cursor("held", withhold=True)
    held.execute("SELECT id, ssn FROM customers ORDER BY id")
    connection.commit()
    found += [held.fetchmany(2), held.fetchall()]
    held.close()
    connection.commit()
    with connection.cursor() as cursor:
        cursor.execute("DECLARE own CURSOR FOR SELECT email, score FROM customers ORDER BY id")
        for move in ("FETCH 2 FROM own", "MOVE 1 FROM own", "FETCH BACKWARD 1 FROM own", "FETCH ALL FROM own", "CLOSE own"):
            cursor.execute(move)
            found.append(seen(cursor))
    connection.rollback()
    return found


@case
def look_up_by_every_sealed_type(connection):
    values = {
        "email": [email("ann"), "", email("none")],
        "ssn": [ssn(1), ssn(1) + "   ", MARKER],
        "phone": [f"{MARKER} Zoë – 日本語 🦀", f"{MARKER}\\back'quote\"\n\ttab"],
        "birth": [dt.date(1984, 2, 29), dt.date(9999, 12, 31)],
        "visits": [3, 2**31 - 1, 2**40, Decimal("3.0"), 3.0, 3.5],
        "seen": [dt.datetime(2024, 2, 29, 14, 30, 15, 123456, dt.timezone(dt.timedelta(hours=2))), dt.datetime(2024, 2, 29, 12, 30, 15, 123456)],
        "token": [uuid.UUID(int=7), uuid.UUID(int=8)],
    }
    found = []
    for column, operands in values.items():
        for operand in operands:
            found.append((column, ask(connection, f"SELECT id, {column} FROM customers WHERE {column} = %s ORDER BY id", (operand,))))
        same = [value for value in operands if type(value) is type(operands[0])]
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} <> %s ORDER BY id", operands[:1]))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} = %s", (None,)))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} IS NOT DISTINCT FROM %s", (None,)))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} = ANY(%s) ORDER BY id", (same,)))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} = ANY(%s) ORDER BY id", ([],)))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} IN %s ORDER BY id", (tuple(same),)))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} NOT IN %s ORDER BY id", (tuple(same),)))
    return found


@case
def joins_and_subqueries(connection):
    return [
        ask(connection, """SELECT c.email, o.card, o.amount, o.note FROM customers c JOIN orders o ON o.customer_id = c.id
            WHERE c.email = %s AND o.amount IN %s ORDER BY o.id""", (email("ann"), (Decimal("10"), Decimal("25.5")))),
        ask(connection, "SELECT a.id, b.id, a.card FROM orders a JOIN orders b USING (card) WHERE a.id < b.id ORDER BY a.id"),
        ask(connection, "SELECT id, email FROM customers c WHERE EXISTS (SELECT 1 FROM orders WHERE customer_id = c.id AND card = %s)", (f"4111-{MARKER}",)),
        ask(connection, "SELECT card, count(*) FROM orders GROUP BY card ORDER BY count(*) DESC, min(id)"),
        ask(connection, "SELECT id, email FROM customers WHERE name LIKE %s AND email <> %s ORDER BY id", ("%n%", email("ann"))),
    ]


@case
def types_of_ones_own(connection):
    numbers = psycopg2.extensions.new_type((1700,), "TEXT_NUMERIC", lambda value, cursor: value and f"n{value}")
    psycopg2.extensions.register_type(numbers, connection)
    psycopg2.extensions.register_type(psycopg2.extensions.new_type((1184,), "MOMENT", lambda value, cursor: value), connection)
    register_default_jsonb(connection, loads=lambda text: ("jsonb", text))
    return [ask(connection, "SELECT id, balance, seen, prefs FROM customers ORDER BY id"), ask(connection, "SELECT amount FROM orders ORDER BY id")]


@case
def settings(connection):
    found = []
    query = "SELECT id, seen, local_time, birth, opens, created FROM customers WHERE id <> 3 AND id <> 4 ORDER BY id"
    for setting in ("TimeZone TO 'America/New_York'", "TimeZone TO 'Asia/Kolkata'", "DateStyle TO 'ISO, DMY'", "bytea_output TO 'escape'", "extra_float_digits TO 0"):
        found.append((setting, ask(connection, f"SET {setting}")))
        found.append(ask(connection, query))
        found.append(ask(connection, "SELECT id, photo, score FROM customers ORDER BY id"))
        found.append(ask(connection, "SELECT id FROM customers WHERE seen = %s", (dt.datetime(2024, 7, 1, 18),)))
        found.append((connection.get_parameter_status("TimeZone"), connection.get_parameter_status("DateStyle")))
    connection.reset()
    return found + [ask(connection, query), connection.encoding, attempt(connection.set_client_encoding, "UTF8"), ask(connection, query)]


@case
def statements_shown(connection):
    with connection.cursor() as cursor:
        found = [cursor.mogrify("SELECT %s, %s, %s", (email("x"), dt.date(2024, 1, 1), None))]
        cursor.execute("SELECT id FROM customers WHERE email = %s", (email("ann"),))
        found += [cursor.query, cursor.fetchall(), cursor.lastrowid]
        cursor.execute("SELECT email FROM customers WHERE id = 1; SELECT ssn FROM customers WHERE id = 3")
        found.append(seen(cursor))
        cursor.callproc("upper", ["x"])
        found.append(seen(cursor))
        return found
