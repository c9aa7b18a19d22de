"""Look-ups, every style of fetching, descriptions, settings."""

import dataclasses
import datetime as dt
import uuid
from decimal import Decimal

import psycopg
from common import MARKER, case, email, ssn
from psycopg.rows import args_row, class_row, dict_row, namedtuple_row, scalar_row, tuple_row
from psycopg.types.json import Jsonb
from seen import ask, columns, seen


@dataclasses.dataclass
class Customer:
    id: int
    name: str
    email: str
    balance: Decimal
    birth: dt.date | None


@case
def read_all_in_both_formats(connection):
    everything = "SELECT * FROM customers ORDER BY id"
    return [ask(connection, everything, binary=binary, prepare=prepare) for binary in (False, True) for prepare in (False, True)] + [
        ask(connection, "SELECT c.* FROM customers c ORDER BY c.id"),
        ask(connection, "SELECT * FROM orders ORDER BY id", binary=True),
        ask(connection, "SELECT * FROM customers WHERE false"),
    ]


@case
def row_factories(connection):
    query = "SELECT id, name, email, balance, birth FROM customers ORDER BY id"
    factories = [tuple_row, dict_row, namedtuple_row, scalar_row, class_row(Customer), args_row(lambda *row: row[::-1])]
    return [connection.cursor(row_factory=factory).execute(query).fetchall() for factory in factories]


@case
def ways_of_fetching(connection):
    cursor = connection.cursor()
    cursor.execute("SELECT id, email, ssn, score FROM customers ORDER BY id")
    found = [cursor.fetchone(), cursor.fetchmany(2), cursor.rownumber]
    cursor.scroll(-1)
    found += [cursor.fetchone(), list(cursor), cursor.fetchone(), cursor.fetchall()]
    cursor.scroll(0, mode="absolute")
    return found + [list(cursor)]


@case
def look_up_by_every_sealed_type(connection):
    values = {
        "email": [email("ann"), "", email("none")],
        "ssn": [ssn(1), ssn(1) + "   ", MARKER],
        "phone": [f"{MARKER} Zoë – 日本語 🦀", MARKER],
        "birth": [dt.date(1984, 2, 29), dt.date(9999, 12, 31), dt.datetime(1984, 2, 29), dt.datetime(1984, 2, 29, 1)],
        "visits": [3, 2**31 - 1, 2**40, Decimal(3)],
        "seen": [dt.datetime(2024, 2, 29, 14, 30, 15, 123456, dt.timezone(dt.timedelta(hours=2))), dt.datetime(2024, 2, 29, 12, 30, 15, 123456)],
        "token": [uuid.UUID(int=7), str(uuid.UUID(int=7)), uuid.UUID(int=8)],
    }
    found = []
    for column, operands in values.items():
        for operand in operands:
            for hole in ("%s", "%t", "%b"):
                found.append((column, ask(connection, f"SELECT id, {column} FROM customers WHERE {column} = {hole} ORDER BY id", (operand,))))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} <> %s ORDER BY id", (operands[0],)))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} IS NULL ORDER BY id"))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} = %s", (None,)))
        same = [value for value in operands if type(value) is type(operands[0])]
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} = ANY(%s) ORDER BY id", (same,)))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} = ANY(%b) ORDER BY id", (same,)))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} <> ALL(%s) ORDER BY id", (same,)))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} = ANY(%s) ORDER BY id", ([],)))
        holes = ", ".join(["%s"] * len(same))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} IN ({holes}) ORDER BY id", same))
        found.append(ask(connection, f"SELECT id FROM customers WHERE {column} NOT IN ({holes}) ORDER BY id", same))
    return found


@case
def joins_and_subqueries(connection):
    return [
        ask(connection, """SELECT c.email, o.card, o.amount, o.note FROM customers c JOIN orders o ON o.customer_id = c.id
            WHERE c.email = %s AND o.amount IN (%s, %s) ORDER BY o.id""", (email("ann"), Decimal("10"), Decimal("25.5"))),
        ask(connection, """SELECT c.id, c.email, o.card FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.status = %s
            ORDER BY c.id, o.id""", ("paid",)),
        ask(connection, "SELECT a.id, b.id, a.card FROM orders a JOIN orders b ON a.card = b.card AND a.id < b.id ORDER BY a.id"),
        ask(connection, "SELECT id, email FROM customers c WHERE EXISTS (SELECT 1 FROM orders WHERE customer_id = c.id AND card = %s) ORDER BY id",
            (f"4111-{MARKER}",)),
        ask(connection, "SELECT id, (SELECT email FROM customers WHERE id = o.customer_id) AS who FROM orders o ORDER BY id"),
        ask(connection, "SELECT count(*), count(note), count(DISTINCT card) FROM orders"),
        ask(connection, "SELECT card, count(*) FROM orders GROUP BY card ORDER BY count(*) DESC, min(id)"),
        ask(connection, "SELECT DISTINCT amount FROM orders WHERE status = 'done'"),
        ask(connection, "SELECT id, email FROM customers ORDER BY id LIMIT %s OFFSET %s", (2, 1)),
        ask(connection, "SELECT id, coalesce(phone, %s), nullif(visits, %s) FROM customers ORDER BY id", (f"no {MARKER}", 3)),
        ask(connection, "SELECT id, CASE WHEN email = %s THEN 'me' ELSE 'other' END AS who FROM customers ORDER BY id", (email("ann"),)),
    ]


@case
def descriptions(connection):
    """Columns known before a row, and of statements that return none."""
    found = []
    for query in ["SELECT * FROM customers LIMIT 0", "SELECT email AS e, balance b, id + 1, photo FROM customers WHERE id = 1", "SELECT"]:
        for binary in (False, connection.cursor_factory is not psycopg.ClientCursor):
            cursor = connection.execute(query, binary=binary)
            found.append((columns(cursor), [repr(c) for c in cursor.description or []]))
    pgconn = connection.pgconn
    pgconn.prepare(b"described", b"SELECT email, balance, ssn FROM customers WHERE email = $1 AND visits = $2 AND seen = $3")
    result = pgconn.describe_prepared(b"described")
    found.append([result.param_type(i) for i in range(result.nparams)])
    found.append([(result.fname(i), result.ftype(i), result.fmod(i), result.fsize(i), result.fformat(i), result.ftablecol(i)) for i in range(result.nfields)])
    return found


@case
def streaming(connection):
    cursor = connection.cursor()
    binary = connection.cursor_factory is not psycopg.ClientCursor
    found = [list(cursor.stream("SELECT id, email, birth, prefs FROM customers ORDER BY id"))]
    found.append(list(cursor.stream("SELECT id, card FROM orders WHERE customer_id = %s ORDER BY id", (1,), binary=binary)))
    if psycopg.capabilities.has_stream_chunked():
        found.append(list(cursor.stream("SELECT id, seen FROM customers ORDER BY id", size=2)))
    rows = cursor.stream("SELECT id, email FROM customers ORDER BY id")
    found.append(next(rows))
    rows.close()
    return found + [ask(connection, "SELECT email FROM customers WHERE id = 2")]


@case
def server_cursors(connection):
    found = []
    with connection.transaction():
        for binary in (False, True):
            with connection.cursor("named", binary=binary) as cursor:
                cursor.itersize = 2
                cursor.execute("SELECT id, email, balance, seen FROM customers WHERE id > %s ORDER BY id", (1,))
                found += [columns(cursor), cursor.fetchone(), list(cursor), cursor.rownumber]
        with connection.cursor("scrolling", scrollable=True) as cursor:
            cursor.execute("SELECT id, card, note FROM orders ORDER BY id")
            found += [cursor.fetchall()]
            cursor.scroll(0, mode="absolute")
            found += [cursor.fetchmany(2)]
            cursor.scroll(-1)
            found += [cursor.fetchone()]
    with connection.cursor("held", withhold=True) as cursor:
        cursor.execute("SELECT id, email FROM customers ORDER BY id")
        found += [cursor.fetchmany(2), ask(connection, "SELECT 1"), cursor.fetchall()]
    return found


@case
def time_zones_and_styles(connection):
    """Settings changed in mid-session, and what a value looks like then."""
    found = []
    query = "SELECT id, seen, local_time, birth, opens, created FROM customers WHERE id <> 3 AND id <> 4 ORDER BY id"
    moment = dt.datetime(2024, 7, 1, 18, 0)
    for setting in [
        "TimeZone TO 'America/New_York'", "TimeZone TO 'Asia/Kolkata'", "TimeZone TO '+03:30'", "DateStyle TO 'ISO, DMY'", "TimeZone TO 'UTC'",
        "extra_float_digits TO 0", "bytea_output TO 'escape'", "DateStyle TO 'ISO, MDY'",
    ]:
        found.append((setting, ask(connection, f"SET {setting}")))
        found.append(ask(connection, query))
        found.append(ask(connection, query, binary=True))
        found.append(ask(connection, "SELECT id, score, photo FROM customers ORDER BY id"))
        found.append(ask(connection, "SELECT id FROM customers WHERE seen = %s", (moment,)))
        found.append(ask(connection, "SELECT id FROM customers WHERE seen = %s", ("2024-02-29 12:30:15.123456",)))
        found.append((connection.info.parameter_status("TimeZone"), connection.info.parameter_status("DateStyle"), str(connection.info.timezone)))
    with connection.transaction(force_rollback=True):
        found.append(ask(connection, "SET LOCAL TimeZone TO 'Asia/Tokyo'"))
        found.append(ask(connection, query))
    found.append(ask(connection, query))
    return found


@case
def json_values(connection):
    found = [ask(connection, "SELECT id, prefs, raw FROM customers ORDER BY id", binary=binary) for binary in (False, True)]
    value = {"a": [1, 2.50, "ü", None, {"b": MARKER}], "": True}
    for wrap in (Jsonb, psycopg.types.json.Json):
        found.append(ask(connection, "UPDATE customers SET prefs = %s WHERE id = 1 RETURNING prefs", (wrap(value),)))
        found.append(ask(connection, "UPDATE customers SET raw = %s WHERE id = 1 RETURNING raw", (wrap(value),)))
    found.append(ask(connection, "INSERT INTO events (kind, data, at) SELECT 'x', %s, %s RETURNING *", (Jsonb({"open": [1, 2.50, "ü"]}), dt.datetime(2024, 1, 1))))
    return found


@case
def union_of_tables(connection):
    return [
        ask(connection, "SELECT email FROM customers WHERE id = 1 UNION ALL SELECT email FROM customers WHERE id = 2"),
        seen(connection.execute("SELECT id, kind FROM events")),
    ]
