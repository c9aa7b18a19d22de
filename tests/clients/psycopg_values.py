"""psycopg 3: every type and its values, in text and binary, as parameters and literals: `psycopg_values.py THROUGH TWIN`."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

from pair import main
from psycopg import ClientCursor
from psycopg.types.json import Jsonb

UTC = dt.timezone.utc
COLUMNS = "txt vc ch flag i2 i4 i8 num free day at uid raw doc".split()

# Cast in SQL, so that the type is known whatever is sent for it.
TYPES = {
    "txt": "text", "vc": "varchar(40)", "ch": "char(8)", "flag": "boolean", "i2": "smallint", "i4": "integer",
    "i8": "bigint", "num": "numeric(12,3)", "free": "numeric", "day": "date", "at": "timestamptz", "uid": "uuid",
    "raw": "bytea", "doc": "jsonb",
}

ROWS = [
    ("plain", "varchar", "char", True, 1, 2, 3, Decimal("1.5"), Decimal("1.50"), dt.date(2024, 2, 29),
     dt.datetime(2024, 2, 29, 12, 30, 15, 123456, UTC), UUID(int=1), b"bytes", Jsonb({"b": [1, 2.50, None], "a": "x"})),
    ("", "", "", False, 0, 0, 0, Decimal(0), Decimal(0), dt.date(1, 1, 1), dt.datetime(1, 1, 2, tzinfo=UTC),
     UUID(int=0), b"", Jsonb({})),
    ("Zoë – 日本語 🦀", "naïve", "äöü", True, -1, -2, -3, Decimal("-123456789.987"), Decimal("-1e-20"), dt.date(9999, 12, 31),
     dt.datetime(9999, 12, 30, 23, 59, 59, 999999, UTC), UUID(int=2**128 - 1), bytes(range(256)), Jsonb("ünï")),
    ("it's \"quoted\" \\ back\nline\ttab", "a\\b'c", "it's", None, 32767, 2147483647, 9223372036854775807,
     Decimal("999999999.999"), Decimal("1" + "0" * 200), dt.date(1970, 1, 1), dt.datetime(1970, 1, 1, tzinfo=UTC),
     UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), b"\\x00\\", Jsonb([True, None, "\\", "\n"])),
    ("x" * 1_000_000, "v" * 40, "12345678", None, -32768, -2147483648, -9223372036854775808, Decimal("0.001"),
     Decimal("NaN"), dt.date(2000, 1, 1), dt.datetime(1999, 12, 31, 23, 59, tzinfo=dt.timezone(dt.timedelta(hours=-7, minutes=-30))),
     None, b"\xff" * 300_000, Jsonb({"long": "j" * 5000})),
    (" blanks ", "trailing   ", "x  ", None, None, None, None, None, None, None, None, None, None, Jsonb(None)),
    (None,) * 14,
]

LITERALS = {
    "txt": ["'plain'", "E'a\\tb'", "$$dollar's$$", "U&'\\00e4'", "'x'::text", "CAST('y' AS text)", "'two'\n 'parts'", "NULL", "'a'::varchar(1)"],
    "vc": ["'short'", f"'{'b' * 40}   '", "'x'::varchar(40)", "'text'::text"],
    "ch": ["'ab'", "'ab      '", "'12345678   '", "'x'::char(8)"],
    "flag": ["true", "'t'", "' yes '", "'off'", "FALSE", "'1'", "'n'::bool"],
    "i2": ["1", "-1", "'2'", "' -32768 '", "32767", "7.5", "'0x1F'"],
    "i4": ["1", "-1", "'2'", "2147483647", "-2147483648", "7.5", "'12'::int4", "2.5", "-0.5"],
    "i8": ["1", "-1", "'2'", "9223372036854775807", "-9223372036854775808", "7.5", "1::int"],
    "num": ["1", "1.5", "-1.0005", "'2.00'", "'NaN'", "1e3", "12345678901.5", "0.0005"],
    "free": ["1", "1.50", "'-2.00'", "'NaN'", "'Infinity'", "'-inf'", "1e100", "1.5e-50"],
    "day": ["'2024-02-29'", "date '2024-01-01'", "'infinity'", "'-infinity'", "'20240102'", "'Jan 5 2024'", "'0044-03-15 BC'", "'epoch'"],
    "at": ["'2024-02-29 12:00:00+02'", "'2024-06-01 12:00:00'", "'infinity'", "'-infinity'", "'2024-01-01 00:00:00.1234567 UTC'",
           "'2024-01-01 12:00 Europe/Berlin'", "'2024-01-01'", "'0044-03-15 12:00 BC'"],
    "uid": ["'6ba7b810-9dad-11d1-80b4-00c04fd430c8'", "'{6BA7B8109DAD11D180B400C04FD430C8}'"],
    "raw": ["'\\x00ff'", "'abc'", "E'\\\\000\\\\134'", "''", "'\\xDE AD'"],
    "doc": ["'{\"b\": 1, \"a\": [1.0, true, null]}'", "'\"x\"'", "'1e2'", "'[]'", "'{\"a\":1,\"a\":2}'"],
}

WRONG = {
    "vc": ["'" + "w" * 41 + "'"],
    "ch": ["'123456789'"],
    "flag": ["'o'", "'maybe'", "''", "1"],
    "i2": ["32768", "'40000'", "'x'", "''", "1.5e10", "true", "'1 2'"],
    "i4": ["2147483648", "'9999999999'", "'1.5'", "true"],
    "i8": ["9223372036854775808", "'x'"],
    "num": ["1e9", "1000000000", "'x'", "'1000000000'", "true", "'Infinity'"],
    "free": ["'abc'", "''"],
    "day": ["'2024-02-30'", "'foo'", "'2024-13-01'", "''", "5", "'10000000-01-01'"],
    "at": ["'2024-02-30 00:00'", "'25:00'", "'2024-01-01 25:00'", "'2024-01-01 00:00 Nowhere/City'"],
    "uid": ["'x'", "'6ba7b810'", "5"],
    "raw": ["'\\xf'", "'\\xzz'", "E'\\\\9'", "5"],
    "doc": ["'{'", "'{\"a\":}'", "''", "'\"\\u0000\"'", "5"],
}

SELECT_KINDS = "SELECT id, txt, vc, ch, flag, i2, i4, i8, num, free, day, at, uid, raw, doc FROM {} ORDER BY id"


def round_trip(pair):
    """Every type, in text and binary, prepared and not, as parameters and as literals."""
    names = ", ".join(COLUMNS)
    for table in ("kinds", "keyed"):
        select = SELECT_KINDS.format(table)
        for marker in ("%s", "%t", "%b"):
            for binary in (False, True):
                pair.run(f"TRUNCATE {table}")
                insert = f"INSERT INTO {table} (id, {names}) VALUES (%s{f', {marker}' * len(COLUMNS)})"
                for i, row in enumerate(ROWS):
                    pair.run(insert, (i, *row), binary=binary, prepare=i % 2 == 1)
                pair.run(select, binary=binary)
                pair.run(select, binary=binary, prepare=True)
        # Composed by the client: one statement with literals, in the simple protocol.
        pair.run(f"TRUNCATE {table}")
        for i, row in enumerate(ROWS):
            pair.run(f"INSERT INTO {table} VALUES (%s{', %s' * len(COLUMNS)}) RETURNING *", (i, *row), cursor=ClientCursor)
        pair.run(select, cursor=ClientCursor)
        pair.run(f"SELECT * FROM {table} ORDER BY id", binary=True)
        pair.run(f"SELECT k.* FROM {table} AS k WHERE id = %s", (2,))
        pair.run(f"SELECT count(*), count(txt), count(raw) FROM {table}")


def literals(pair):
    for table in ("kinds", "keyed"):
        pair.run(f"TRUNCATE {table}")
        i = 0
        for column, texts in LITERALS.items():
            for text in texts:
                i += 1
                pair.run(f"INSERT INTO {table} (id, {column}) VALUES ({i}, {text})", cursor=ClientCursor)
                pair.run(f"UPDATE {table} SET {column} = {text} WHERE id = {i} RETURNING id, {column}")
        pair.run(SELECT_KINDS.format(table), cursor=ClientCursor)
        for column, texts in WRONG.items():
            for text in texts:
                pair.run(f"INSERT INTO {table} (id, {column}) VALUES (0, {text})", cursor=ClientCursor)
                pair.run(f"INSERT INTO {table} (id, {column}) VALUES (%s, {text})", (0,))
        pair.run(f"SELECT count(*) FROM {table}")


def wrong_parameters(pair):
    """Errors of values that come as parameters, with and without a type of their own."""
    values = {
        "vc": ["w" * 41, 5],
        "ch": ["w" * 9],
        "flag": ["perhaps", 5, "yes"],
        "i2": [32768, "70000", "x", Decimal("1.5"), 40000, True],
        "i4": [2**31, "x", 2**40, Decimal("2.5"), 1.5, 2.5, -1e10],
        "i8": [2**63, "x", 1e18, 9.3e18, 0.5],
        "num": [10**9, Decimal("1e9"), "x", 1.25, True, 7, 0.1, 1e12, -2.0005, float("nan"), float("inf")],
        "free": ["x", 1.1, 10**30, 0.1 + 0.2, 1e22, 1.5e-9, float("inf"), -0.0],
        "day": ["2024-02-30", dt.datetime(2024, 5, 6, 7, tzinfo=UTC), 5, dt.datetime(2024, 5, 6, 23, 59), dt.datetime(1960, 5, 6, 23, 59)],
        "at": ["nowhere", dt.date(2024, 5, 6), dt.datetime(2024, 5, 6, 7), dt.datetime(1960, 5, 6, 7, 8, 9, 1)],
        "uid": ["x", 5],
        "raw": ["\\xf", "\\x41", 5],
        "doc": ["{", 5, '{"a": 1}'],
        "txt": [5, Decimal("1.5"), "nul\0inside", b"bytes", True, dt.date(2024, 1, 1)],
    }
    for table in ("kinds", "keyed"):
        pair.run(f"TRUNCATE {table}")
        i = 0
        for column, candidates in values.items():
            for value in candidates:
                for marker in ("%t", "%b"):
                    i += 1
                    pair.run(f"INSERT INTO {table} (id, {column}) VALUES (%s, {marker}) RETURNING *", (i, value))
        pair.run(f"SELECT count(*) FROM {table}")


def comparing(pair):
    """Every operator of equality, on every searchable type."""
    names = ", ".join(COLUMNS)
    pair.run("TRUNCATE keyed")
    for i, row in enumerate(ROWS):
        pair.run(f"INSERT INTO keyed (id, {names}) VALUES (%s{', %s' * len(COLUMNS)})", (i, *row))
        pair.run(f"INSERT INTO keyed (id, {names}) VALUES (%s{', %s' * len(COLUMNS)})", (i + 100, *row))
    for c, column in enumerate(COLUMNS):
        known = [row[c] for row in ROWS if row[c] is not None]
        for value in known:
            for operator in ("=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"):
                pair.run(f"SELECT id FROM keyed WHERE {column} {operator} %s ORDER BY id", (value,))
            pair.run(f"SELECT id FROM keyed WHERE {column} = %s::{TYPES[column]} ORDER BY id", (value,))
            pair.run(f"SELECT id, {column} FROM keyed WHERE %s = {column} ORDER BY id", (value,), cursor=ClientCursor)
            pair.run(f"SELECT id FROM keyed WHERE {column} = %b ORDER BY id", (value,), prepare=True)
        first, second = known[0], known[1 if len(known) > 1 else 0]
        pair.run(f"SELECT id FROM keyed WHERE {column} IN (%s, %s) ORDER BY id", (first, second))
        pair.run(f"SELECT id FROM keyed WHERE {column} NOT IN (%s, %s) ORDER BY id", (first, second))
        pair.run(f"SELECT id FROM keyed WHERE {column} IN (%s, NULL) ORDER BY id", (first,), cursor=ClientCursor)
        array = f"{TYPES[column].split('(')[0]}[]" if column not in ("ch", "vc", "num") else f"{TYPES[column]}[]"
        if column != "doc":
            some = [value for value in known if len(str(value)) < 1000]
            pair.run(f"SELECT id FROM keyed WHERE {column} = ANY(%s) ORDER BY id", (some[:3],))
            pair.run(f"SELECT id FROM keyed WHERE {column} = ANY(%b) ORDER BY id", (some[:3],))
            pair.run(f"SELECT id FROM keyed WHERE {column} = ANY(%s) ORDER BY id", ([],))
            pair.run(f"SELECT id FROM keyed WHERE {column} = ANY(%s::{array}) ORDER BY id", (some,))
            pair.run(f"SELECT id FROM keyed WHERE {column} <> ALL(%s) ORDER BY id", (some[:2],))
            pair.run(f"SELECT id FROM keyed WHERE {column} = ANY(%s) ORDER BY id", ([some[0], None],))
            pair.run(f"SELECT id FROM keyed WHERE {column} = ANY(%s) ORDER BY id", (some[:3],), cursor=ClientCursor)
            pair.run(f"SELECT id FROM keyed WHERE {column} = ANY(ARRAY[%s, %s]) ORDER BY id", (first, second), cursor=ClientCursor)
        pair.run(f"SELECT id FROM keyed WHERE {column} IS NULL ORDER BY id")
        pair.run(f"SELECT id FROM keyed WHERE {column} IS NOT NULL AND id < 50 ORDER BY id DESC LIMIT 3")
        pair.run(f"SELECT id FROM keyed WHERE {column} = %s ORDER BY id", (None,))
        pair.run(f"SELECT id FROM keyed WHERE (%s::{TYPES[column]} IS NULL OR {column} = %s) ORDER BY id", (first, first))
        pair.run(f"SELECT id FROM keyed WHERE NOT ({column} = %s AND id > %s) ORDER BY id", (first, 50))
        pair.run(f"SELECT a.id, b.id FROM keyed a JOIN keyed b ON a.{column} = b.{column} WHERE a.id < b.id ORDER BY 1, 2")
        pair.run(f"SELECT id FROM keyed k WHERE EXISTS (SELECT 1 FROM keyed o WHERE o.{column} = k.{column} AND o.id <> k.id) ORDER BY id")
        pair.run(f"SELECT id FROM keyed WHERE {column} IN (SELECT {column} FROM keyed WHERE id > 101) ORDER BY id", or_refused=True)
    for moment in (dt.datetime(2024, 2, 29, 12, 30, 15, 123456), dt.datetime(2024, 2, 29), dt.datetime(1970, 1, 1)):
        for column in ("at", "day"):
            pair.run(f"SELECT id FROM keyed WHERE {column} = %s ORDER BY id", (moment,))
            pair.run(f"SELECT id FROM keyed WHERE {column} <> %b ORDER BY id", (moment,))
    # Operands of another type than the column's.
    for column, operand in [
        ("i4", "5.5"), ("i4", "2.0"), ("i4", "9999999999"), ("i2", "70000"), ("i8", "3"), ("i4", "'2'"), ("num", "1.5000"),
        ("num", "1.5001"), ("free", "1.5"), ("free", "'1.50000'"), ("ch", "'char    '"), ("vc", "'varchar '"), ("txt", "'plain '"),
        ("i2", "1::bigint"), ("i8", "3::smallint"), ("num", "3"), ("day", "'2024-02-29'::date"), ("at", "'2024-02-29 12:30:15.123456+00'"),
        ("at", "'2024-02-29 14:30:15.123456+02'::timestamptz"), ("uid", "'{00000000-0000-0000-0000-000000000001}'"), ("flag", "true"),
        ("flag", "'t'"), ("raw", "'bytes'"), ("raw", "'\\x6279746573'"), ("doc", "'{\"a\": \"x\", \"b\": [1, 2.5, null]}'"),
        ("vc", "'varchar'::text"), ("ch", "'char'::text"), ("txt", "'plain'::varchar"), ("ch", "'char'::varchar"),
        ("i4", "'x'"), ("day", "'2024-02-30'"), ("num", "'x'"), ("flag", "'o'"), ("uid", "'x'"), ("doc", "'{'"), ("i2", "'70000'"),
    ]:
        pair.run(f"SELECT id FROM keyed WHERE {column} = {operand} ORDER BY id", cursor=ClientCursor)
        pair.run(f"SELECT id FROM keyed WHERE {operand} = {column} ORDER BY id", prepare=True)


def settings(pair):
    """The output of sealed values follows the session's settings."""
    pair.run("TRUNCATE kinds")
    pair.run("INSERT INTO kinds (id, day, at, raw, free) VALUES (1, '2024-03-04', '2024-03-04 05:06:07.89+00', '\\x0041', 1.50), "
             "(2, '-infinity', 'infinity', '', 'NaN'), (3, '0001-01-01 BC', '0001-01-01 00:00 BC', 'a\\\\b', -0.000001)")
    for style in ("ISO, MDY", "SQL, DMY", "German", "Postgres, MDY", "SQL, MDY"):
        for zone in ("UTC", "America/New_York", "Asia/Kolkata"):
            pair.run(f"SET datestyle = '{style}'")
            pair.run(f"SET timezone = '{zone}'")
            for output in ("hex", "escape"):
                pair.run(f"SET bytea_output = {output}")
                pair.run("SELECT day, at, raw, free FROM kinds ORDER BY id", cursor=ClientCursor)
        pair.run("INSERT INTO kinds (id, day, at) VALUES (9, '01/02/2024', '01/02/2024 03:04') RETURNING day, at", cursor=ClientCursor)
        pair.run("DELETE FROM kinds WHERE id = 9")
    pair.run("RESET ALL")
    pair.run("SELECT day, at, raw, free FROM kinds ORDER BY id", cursor=ClientCursor)
    pair.run("BEGIN")
    pair.run("SET LOCAL datestyle = 'German'")
    pair.run("SELECT day, at FROM kinds ORDER BY id", cursor=ClientCursor)
    pair.run("ROLLBACK")
    pair.run("SELECT day, at FROM kinds ORDER BY id", cursor=ClientCursor)


if __name__ == "__main__":
    main([round_trip, literals, wrong_parameters, comparing, settings])
