"""psycopg 3 over protected tables, and over their plaintext twins: `psycopg_crud.py THROUGH TWIN`."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import psycopg
from pair import main, results
from psycopg import ClientCursor, Cursor, sql
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


def crud(pair):
    """An application's statements, in every way that psycopg sends them."""
    ways = [
        {}, {"binary": True}, {"prepare": True}, {"prepare": True, "binary": True}, {"cursor": ClientCursor},
    ]
    for number, way in enumerate(ways):
        pair.label = f"crud, way {number}: "
        one_way(pair, way)


def one_way(pair, way):
    def run(*args, **options):
        return pair.run(*args, **{**way, **options})

    run("TRUNCATE members, visits RESTART IDENTITY")
    run("INSERT INTO members (code, name, email, balance, notes) VALUES (%s, %s, %s, %s, %s) RETURNING id, email, balance",
        (1, "Ann", "ann@example.org", Decimal("10.50"), "first"))
    run("INSERT INTO members (code, name, email, balance) VALUES (%s, %s, %s, %s), (%s, %s, %s, %s), (%s, %s, %s, NULL)",
        (2, "Bob", "bob@example.org", Decimal("-3"), 3, "Cem", "cem@example.org", 7, 4, "Dot", None))
    run("INSERT INTO members (name) VALUES (%s) RETURNING *", ("only a name",))
    run("INSERT INTO members (code, name, email, notes) VALUES (DEFAULT, %s, %s, DEFAULT) RETURNING members.*", ("Eve", ""))
    run("INSERT INTO visits (email, place, note, paid) VALUES (%s, %s, %s, %s), (%s, %s, %s, %s), (%s, %s, %s, %s) RETURNING id, email, paid",
        ("ann@example.org", "Rome", "sunny", 5, "bob@example.org", "Oslo", None, Decimal("2.25"), "nobody@example.org", "Bern", "", 5))
    run("INSERT INTO visits (place) VALUES (%s)", ("unknown",))
    # Duplicates.
    run("INSERT INTO members (code, name, email) VALUES (%s, %s, %s)", (9, "Twin", "ann@example.org"), ignore=("detail",))
    run("INSERT INTO members (code, name, email) VALUES (%s, %s, %s)", (1, "Twin", "twin@example.org"), ignore=("detail",))
    run("INSERT INTO members (code, name, email) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (9, "Twin", "ann@example.org"))
    run("INSERT INTO members (code, name, email) VALUES (%s, %s, %s) ON CONFLICT (email) DO NOTHING RETURNING id", (9, "Twin", "ann@example.org"))
    run("INSERT INTO members (code, name, email, notes) VALUES (%s, %s, %s, %s) ON CONFLICT (email) DO UPDATE "
        "SET notes = EXCLUDED.notes, name = EXCLUDED.name RETURNING id, name, notes", (9, "Anna", "ann@example.org", "upserted"))
    run("INSERT INTO members (code, name, email, balance) VALUES (%s, %s, %s, %s) ON CONFLICT (code) DO UPDATE "
        "SET balance = EXCLUDED.balance, email = EXCLUDED.email RETURNING *", (2, "Bob", "robert@example.org", Decimal("99.99")))
    run("INSERT INTO members (code, name, email) VALUES (%s, %s, %s) ON CONFLICT (code) DO UPDATE "
        "SET notes = %s, balance = members.balance WHERE members.id < %s RETURNING id, notes, balance",
        (3, "Cem", "cem@example.org", "set", 100), or_refused=True)
    run("INSERT INTO members (code, name, email) VALUES (%s, %s, %s) ON CONFLICT (email) DO UPDATE SET notes = NULL "
        "WHERE members.email <> %s RETURNING id", (77, "x", "ann@example.org", "ann@example.org"))
    run("INSERT INTO members (code, name, email) VALUES (%s, %s, %s), (%s, %s, %s) ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name",
        (50, "a", "two@example.org", 51, "b", "two@example.org"))
    # Reading.
    run("SELECT * FROM members ORDER BY id")
    run("SELECT id, email AS mail, balance \"The Balance\", notes FROM members AS m ORDER BY name, id LIMIT 3 OFFSET 1")
    run("SELECT m.* FROM members m WHERE m.email = %s", ("ann@example.org",))
    run("SELECT email FROM members WHERE email IN (%s, %s) ORDER BY id", ("ann@example.org", "cem@example.org"))
    run("SELECT email FROM members WHERE email = ANY(%s) ORDER BY id", (["ann@example.org", "nobody"],))
    run("SELECT email FROM members WHERE email = ANY(%s::varchar[]) ORDER BY id", (["ann@example.org", "cem@example.org"],))
    run("SELECT email FROM members WHERE email <> %s ORDER BY id", ("ann@example.org",))
    run("SELECT id FROM members WHERE email IS NULL OR notes IS NOT NULL ORDER BY id")
    run("SELECT id, notes FROM members WHERE email = %s AND code BETWEEN %s AND %s", ("ann@example.org", 0, 10))
    run("SELECT count(*), count(email), count(notes), max(code), min(name) FROM members")
    run("SELECT name, count(email) FROM members GROUP BY name ORDER BY name")
    run("SELECT m.name, m.email, v.place, v.note, v.paid FROM members m JOIN visits v ON v.email = m.email ORDER BY v.id")
    run("SELECT m.name, v.email, v.place FROM visits v LEFT JOIN members m ON m.email = v.email ORDER BY v.id")
    run("SELECT email, place, balance FROM members JOIN visits USING (email) ORDER BY visits.id", or_refused=True)
    run("SELECT m.id, v.id FROM members m, visits v WHERE m.email = v.email AND v.paid = %s ORDER BY 1, 2", (Decimal("5.00"),))
    run("SELECT name FROM members WHERE email IN (SELECT email FROM visits WHERE paid = %s) ORDER BY name", (5,), or_refused=True)
    run("SELECT name FROM members m WHERE EXISTS (SELECT 1 FROM visits v WHERE v.email = m.email) ORDER BY name")
    run("SELECT name FROM members m WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.email = m.email) ORDER BY name, id")
    run("SELECT s.email, s.b FROM (SELECT email, balance AS b, id FROM members WHERE id < %s) s ORDER BY s.id", (4,))
    run("WITH rich AS (SELECT id, email, balance FROM members WHERE code < %s) SELECT email, balance FROM rich ORDER BY id", (4,))
    run("WITH new AS (INSERT INTO visits (email, note) VALUES (%s, %s) RETURNING id, email, note) SELECT email, note FROM new", ("cte@example.org", "from a CTE"))
    run("WITH old AS (DELETE FROM visits WHERE email = %s RETURNING email, note) SELECT * FROM old", ("cte@example.org",))
    run("SELECT id, email FROM members WHERE id < 3 UNION ALL SELECT id + 100, email FROM members WHERE id = 3 ORDER BY 1", or_refused=True)
    run("SELECT id, row_number() OVER (ORDER BY id), email FROM members ORDER BY id")
    run("SELECT DISTINCT ON (name) name, email FROM members ORDER BY name, id")
    run("SELECT id, CASE WHEN id < 3 THEN email ELSE NULL END AS c FROM members ORDER BY id", or_refused=True)
    run("SELECT id FROM members WHERE email = %s FOR UPDATE", ("ann@example.org",))
    run("SELECT 1 AS one, 'x' AS x, NULL AS n, email FROM members ORDER BY id LIMIT 1")
    run("SELECT id, email IS NULL AS missing FROM members ORDER BY id")
    run("SELECT id, email = %s AS is_ann FROM members ORDER BY id", ("ann@example.org",))
    run("TABLE visits")
    # Changing.
    run("UPDATE members SET notes = %s, balance = %s WHERE email = %s", ("changed", Decimal("0.01"), "ann@example.org"))
    run("UPDATE members SET email = %s WHERE id = %s RETURNING id, email", ("Ann@Example.org", 1))
    run("UPDATE members SET notes = NULL, code = code + %s WHERE notes IS NOT NULL RETURNING *", (100,))
    run("UPDATE members m SET notes = %s FROM visits v WHERE v.email = m.email RETURNING m.id, m.notes, v.place", ("joined",))
    run("UPDATE members SET (email, notes) = (%s, %s) WHERE id = %s RETURNING email, notes", ("row@example.org", "row", 2))
    run("UPDATE members SET balance = balance WHERE id = 1 RETURNING balance", or_refused=True)
    run("UPDATE members SET email = DEFAULT WHERE id = %s RETURNING email", (3,))
    run("UPDATE members SET name = NULL WHERE id = 1", ignore=("detail",))
    run("DELETE FROM members USING visits v WHERE v.email = members.email AND v.place = %s RETURNING members.id, members.email", ("Oslo",))
    run("DELETE FROM visits WHERE email = %s RETURNING *", ("nobody@example.org",))
    run("DELETE FROM visits WHERE paid IN (%s, %s)", (5, Decimal("2.250")))
    run("SELECT * FROM members ORDER BY id")
    run("SELECT * FROM visits ORDER BY id")
    run("DELETE FROM members")
    # Native errors.
    run("SELECT missing FROM members")
    run("SELECT m.email FROM members")
    run("SELECT * FROM membres")
    run("SELECT email FROM members, visits")
    run("SELEC email FROM members")
    run("SELECT email FROM members WHERE")
    run("INSERT INTO members (nam) VALUES (%s)", ("x",))
    run("INSERT INTO members (name, email) VALUES (%s)", ("x",))
    run("INSERT INTO members (name) VALUES (%s, 1)", ("x",))
    run("UPDATE members SET nosuch = 1")
    run("INSERT INTO members (id, name, email) VALUES ('x', 'y', %s)", ("z",))
    run("INSERT INTO members (name, email) VALUES (%s, %s)", ("x", "e" * 121))
    run("SELECT email, 1/0 FROM members")
    run("INSERT INTO members (name, email) VALUES (%s, %s) RETURNING 1/(id - id), email", ("x", "division"))
    run("SELECT count(*) FROM members WHERE email = 'division'")


def several_statements(pair):
    """One message with several statements: the simple protocol."""
    pair.run("TRUNCATE members, visits RESTART IDENTITY")
    for text in [
        "INSERT INTO members (name, email) VALUES ('A', 'a@x'); INSERT INTO members (name, email) VALUES ('B', 'b@x') RETURNING id, email; SELECT 1",
        "SELECT email FROM members ORDER BY id; SELECT count(*) FROM plain; UPDATE members SET notes = 'n' WHERE email = 'a@x'; SELECT notes FROM members WHERE email = 'a@x'",
        "BEGIN; INSERT INTO members (name, email) VALUES ('C', 'c@x'); ROLLBACK; SELECT name FROM members ORDER BY id",
        "INSERT INTO members (name, email) VALUES ('D', 'd@x'); SELECT 1/0; SELECT email FROM members",
        "SELECT email FROM members; SELECT nosuch FROM members",
        "SELECT email FROM members; SELEC 1",
        ";;SELECT email FROM members;;",
        "  -- only a comment about members\n ",
        "SELECT /* members */ 1; -- done",
    ]:
        pair.run(text, cursor=ClientCursor)
    pair.run("SELECT * FROM members ORDER BY id")


def transactions(pair):
    pair.run("TRUNCATE members RESTART IDENTITY")

    def work(connection):
        connection.autocommit = False
        seen = []
        try:
            cur = connection.cursor()
            with connection.transaction():
                cur.execute("INSERT INTO members (name, email) VALUES (%s, %s) RETURNING email", ("A", "a@x"))
                seen.append(results(cur))
                try:
                    with connection.transaction():
                        cur.execute("INSERT INTO members (name, email) VALUES (%s, %s)", ("B", "b@x"))
                        cur.execute("INSERT INTO members (name, email) VALUES (%s, %s)", ("A2", "a@x"))
                except psycopg.errors.UniqueViolation as error:
                    seen.append(error.diag.message_primary)
                cur.execute("SELECT name, email FROM members ORDER BY id")
                seen.append(results(cur))
                with connection.transaction(force_rollback=True):
                    cur.execute("DELETE FROM members")
                    seen.append(cur.rowcount)
            cur.execute("SELECT name, email FROM members ORDER BY id")
            seen.append(results(cur))
            connection.rollback()
            cur.execute("UPDATE members SET notes = %s WHERE email = %s", ("kept", "a@x"))
            connection.commit()
            cur.execute("UPDATE members SET notes = %s WHERE email = %s", ("lost", "a@x"))
            connection.rollback()
            cur.execute("SELECT notes FROM members")
            seen.append(results(cur))
            try:
                cur.execute("SELECT 1/0 FROM members")
            except psycopg.Error as error:
                seen.append(error.sqlstate)
            for statement in ("SELECT email FROM members", "SELECT 1", "UPDATE members SET notes = 'x'"):
                try:
                    cur.execute(statement)
                except psycopg.Error as error:
                    seen.append((error.sqlstate, error.diag.message_primary))
            seen.append(connection.info.transaction_status)
            connection.rollback()
            for level in psycopg.IsolationLevel:
                connection.isolation_level = level
                cur.execute("SELECT email FROM members")
                seen.append(results(cur))
                connection.rollback()
            connection.isolation_level = None
        finally:
            connection.rollback()
            connection.autocommit = True
        return seen

    pair.both("a transaction with savepoints", work)
    for text in ["BEGIN", "SAVEPOINT s", "INSERT INTO members (name, email) VALUES ('S', 's@x')", "SELECT nosuch FROM members",
                 "SELECT email FROM members", "ROLLBACK TO s", "SELECT email FROM members ORDER BY id", "RELEASE s", "COMMIT AND CHAIN",
                 "SELECT email FROM members", "ROLLBACK"]:
        pair.run(text)


def refusals(pair):
    """What pgveil does not do it refuses by name, and everything goes on as after any error."""
    pair.run("TRUNCATE members RESTART IDENTITY")
    pair.run("INSERT INTO members (name, email, notes) VALUES ('A', 'a@x', 'n')")
    for text in [
        "SELECT id FROM members WHERE notes = 'n'",
        "SELECT id FROM members WHERE email LIKE 'a%'",
        "SELECT id FROM members WHERE email < 'b'",
        "SELECT id FROM members ORDER BY email",
        "SELECT email || 'x' FROM members",
        "SELECT string_agg(email, ',') FROM members",
        "SELECT members FROM members",
        "UPDATE members SET email = email || 'x'",
        "UPDATE members SET notes = name",
        "CREATE TABLE copied AS SELECT email FROM members",
    ]:
        for way in ({}, {"prepare": True}, {"cursor": ClientCursor}):
            refusal = pair.refused(text, **way)
            pair.expect(f"{text}: names what it is about", "members" in str(refusal.get("message")), True)
            pair.run("SELECT email, notes FROM members")
    # In a transaction it aborts the transaction, as any error does.
    pair.run("BEGIN")
    pair.run("INSERT INTO members (name, email) VALUES ('lost', 'lost@x')")
    pair.refused("SELECT id FROM members ORDER BY email")
    pair.expect("status", pair.sides[0].info.transaction_status, psycopg.pq.TransactionStatus.INERROR)
    attempt = pair.sides[0].cursor()
    try:
        attempt.execute("SELECT email FROM members")
    except psycopg.Error as error:
        pair.expect("what follows a refusal", error.sqlstate, "25P02")
    pair.run("ROLLBACK")
    pair.run("SELECT name, email FROM members ORDER BY id")
    # A savepoint saves the transaction.
    pair.run("BEGIN")
    pair.run("SAVEPOINT s")
    pair.refused("SELECT id FROM members ORDER BY email")
    pair.run("ROLLBACK TO SAVEPOINT s")
    pair.run("SELECT email FROM members")
    pair.run("COMMIT")
    # Server-side cursors: on plain tables as ever, on protected ones refused by name.
    connection = pair.sides[0]
    with connection.transaction():
        cur = connection.cursor("on_members")
        try:
            cur.execute("SELECT email FROM members")
            pair.differ("a cursor over a protected table", cur.fetchall(), "a refusal")
        except psycopg.errors.FeatureNotSupported as error:
            pair.expect("names the table", "members" in error.diag.message_primary or "DECLARE" in error.diag.message_primary, True)
            raise psycopg.Rollback()


def server_side_cursors(pair):
    pair.run("TRUNCATE plain")
    pair.run("INSERT INTO plain SELECT n, 'label ' || n, n / 3.0, ARRAY['a', n::text] FROM generate_series(1, 500) n")

    def work(connection):
        seen = []
        with connection.transaction():
            with connection.cursor("large", scrollable=True) as cur:
                cur.itersize = 100
                cur.execute("SELECT * FROM plain ORDER BY id")
                seen.append([tuple(column) for column in cur.description])
                seen.append(cur.fetchone())
                seen.append(cur.fetchmany(10))
                cur.scroll(100)
                seen.append(cur.fetchone())
                cur.scroll(0, mode="absolute")
                seen.append(len(list(cur)))
            with connection.cursor("bin", binary=True) as cur:
                cur.execute("SELECT id, amount FROM plain WHERE id > %s ORDER BY id", (490,))
                seen.append(cur.fetchall())
        return seen

    pair.both("server-side cursors on a plain table", work)

    def streamed(connection):
        with connection.cursor() as cur:
            return [row for row in cur.stream("SELECT id, label FROM plain WHERE id < %s ORDER BY id", (50,))]

    pair.both("stream", streamed)


def streaming(pair):
    """Single-row mode over a protected table."""
    pair.run("TRUNCATE visits RESTART IDENTITY")

    def fill(connection):
        with connection.cursor() as cur:
            cur.executemany(
                "INSERT INTO visits (email, place, note, paid) VALUES (%s, %s, %s, %s)",
                [(f"v{i % 7}@x", f"place {i}", "n" * i, i) for i in range(300)],
            )
            return cur.rowcount

    pair.both("fill", fill)

    def streamed(connection):
        with connection.cursor() as cur:
            return [row for row in cur.stream("SELECT * FROM visits WHERE email = %s ORDER BY id", ("v3@x",))]

    pair.expect("streamed rows", len(pair.both("stream", streamed)), 43)

    def streamed_binary(connection):
        with connection.cursor() as cur:
            return [row for row in cur.stream("SELECT * FROM visits ORDER BY id", binary=True)]

    pair.expect("streamed rows", len(pair.both("stream in binary", streamed_binary)), 300)


def batches(pair):
    """executemany, with RETURNING, inside and outside of pipelines."""
    pair.run("TRUNCATE members RESTART IDENTITY")

    def returning(connection):
        with connection.cursor() as cur:
            cur.executemany(
                "INSERT INTO members (name, email, balance) VALUES (%s, %s, %s) RETURNING id, email, balance",
                [(f"N{i}", f"n{i}@x", Decimal(i) / 4) for i in range(20)],
                returning=True,
            )
            return results(cur)

    pair.expect("results", len(pair.both("executemany with RETURNING", returning)), 20)

    def fails(connection):
        with connection.cursor() as cur:
            cur.executemany("INSERT INTO members (name, email) VALUES (%s, %s)", [("x", "new@x"), ("y", "n3@x"), ("z", "z@x")])

    pair.both("executemany with a duplicate", fails, ignore=("detail",))
    pair.run("SELECT count(*), count(email) FROM members")

    def update(connection):
        with connection.cursor() as cur:
            cur.executemany("UPDATE members SET notes = %s WHERE email = %s", [(f"note {i}", f"n{i}@x") for i in range(25)])
            return cur.rowcount

    pair.expect("updated", pair.both("executemany UPDATE", update), 20)
    pair.run("SELECT * FROM members ORDER BY id")


def pipelines(pair):
    pair.run("TRUNCATE members RESTART IDENTITY")

    def work(connection):
        seen = []
        with connection.pipeline() as pipeline:
            cursors = []
            for i in range(30):
                cur = connection.cursor(binary=i % 2 == 0)
                cur.execute("INSERT INTO members (name, email) VALUES (%s, %s) RETURNING id, email", (f"P{i}", f"p{i}@x"))
                cursors.append(cur)
                cur = connection.cursor()
                cur.execute("SELECT name, email FROM members WHERE email = %s", (f"p{i}@x",), prepare=i % 3 == 0)
                cursors.append(cur)
                if i % 10 == 9:
                    pipeline.sync()
            seen += [results(cur) for cur in cursors]
        return seen

    pair.expect("results", len(pair.both("a pipeline", work)), 60)

    def failing(connection):
        seen = []
        try:
            with connection.pipeline() as pipeline:
                first, second, third, fourth = (connection.cursor() for _ in range(4))
                first.execute("UPDATE members SET notes = %s WHERE email = %s RETURNING notes", ("kept?", "p1@x"))
                pipeline.sync()
                second.execute("INSERT INTO members (name, email) VALUES (%s, %s)", ("dup", "p1@x"))
                third.execute("UPDATE members SET notes = %s", ("never",))
                pipeline.sync()
                fourth.execute("SELECT name, notes FROM members WHERE email = %s", ("p1@x",))
                for cur in (first, second, third, fourth):
                    try:
                        seen.append(results(cur) if cur.pgresult else cur.fetchall())
                    except psycopg.Error as error:
                        seen.append((type(error).__name__, error.sqlstate, str(error).split("\n")[0]))
        except psycopg.Error as error:
            seen.append((type(error).__name__, error.sqlstate))
        with connection.cursor() as cur:
            cur.execute("SELECT name, notes FROM members ORDER BY id")
            seen.append(results(cur))
        return seen

    pair.both("an error in a pipeline", failing)

    def refused(connection):
        # On the twin a native error stands where pgveil refuses: the same has to come of it.
        wrong = "SELECT email FROM members ORDER BY " + ("email" if connection is pair.sides[0] else "nosuch")
        seen = []
        try:
            with connection.pipeline() as pipeline:
                first, second, third = (connection.cursor() for _ in range(3))
                first.execute(wrong)
                second.execute("UPDATE members SET notes = 'never'")
                pipeline.sync()
                third.execute("SELECT count(*) FROM members WHERE email = %s", ("p1@x",))
                for cur in (first, second, third):
                    try:
                        seen.append(cur.fetchall())
                    except psycopg.Error as error:
                        seen.append(type(error).__name__)
        except psycopg.Error as error:
            seen.append(type(error).__name__)
        return ["error" if name in ("FeatureNotSupported", "UndefinedColumn") else name for name in seen]

    pair.both("a refusal in a pipeline", refused)
    pair.run("SELECT count(*) FROM members WHERE notes IS NOT NULL")


def prepared_automatically(pair):
    """prepare_threshold: the same statement is prepared by the driver after some runs."""
    pair.run("TRUNCATE members RESTART IDENTITY")
    for i in range(12):
        pair.run("INSERT INTO members (name, email, balance) VALUES (%s, %s, %s) RETURNING *", (f"N{i}", f"a{i}@x", Decimal(i)))
        pair.run("SELECT id, email FROM members WHERE email = %s", (f"a{i}@x",), binary=i % 2 == 0)
        pair.run("SELECT email, balance FROM members WHERE email = 'a0@x' OR id = %s", (i,))
        if i == 7:
            # A change of the table: what is prepared has to be planned again, or fails as natively.
            pair.run("ALTER TABLE members ADD COLUMN extra integer DEFAULT 5")
    pair.run("ALTER TABLE members DROP COLUMN extra")
    pair.run("DEALLOCATE ALL")
    pair.run("SELECT id, email FROM members WHERE email = %s", ("a1@x",))

    def described(connection):
        seen = []
        for text in ["SELECT * FROM members WHERE email = $1 AND id > $2", "INSERT INTO members (name, email, balance) VALUES ($1, $2, $3)",
                     "SELECT id FROM members WHERE email = ANY($1)", "UPDATE members SET balance = $1, notes = $2 WHERE id = $3 RETURNING notes"]:
            connection.pgconn.prepare(b"d", text.encode())
            result = connection.pgconn.describe_prepared(b"d")
            seen.append([result.param_type(i) for i in range(result.nparams)])
            seen.append([(result.fname(i), result.ftype(i), result.fmod(i), result.fsize(i), result.fformat(i)) for i in range(result.nfields)])
            connection.pgconn.exec_(b"DEALLOCATE d")
        return seen

    pair.both("what Describe says of prepared statements", described)


def copying(pair):
    """COPY of a plain table passes; of a protected one it is refused by name."""

    def work(connection):
        with connection.cursor() as cur:
            cur.execute("TRUNCATE plain")
            with cur.copy("COPY plain (id, label, amount) FROM STDIN") as copy:
                for i in range(2000):
                    copy.write_row((i, f"row {i}", Decimal(i) / 8))
            seen = [cur.rowcount]
            with cur.copy("COPY (SELECT id, label, amount FROM plain ORDER BY id) TO STDOUT (FORMAT binary)") as copy:
                copy.set_types(["int4", "text", "numeric"])
                seen.append(list(copy.rows()))
            try:
                with cur.copy("COPY plain (id) FROM STDIN") as copy:
                    copy.write("not a number\n")
            except psycopg.Error as error:
                seen.append((error.sqlstate, error.diag.message_primary, error.diag.context))
            cur.execute("SELECT count(*) FROM plain")
            seen.append(cur.fetchall())
            return seen

    pair.both("COPY of a plain table", work)


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


def rows_and_names(pair):
    """Row factories see the client's own column names."""
    pair.run("TRUNCATE members RESTART IDENTITY")
    pair.run("INSERT INTO members (name, email, balance) VALUES ('A', 'a@x', 1)")

    def work(connection):
        with connection.cursor(row_factory=psycopg.rows.dict_row) as cur:
            cur.execute("SELECT email, balance AS \"b b\", m.notes, 1 AS email FROM members m WHERE email = %(email)s", {"email": "a@x"})
            return [list(row.items()) for row in cur.fetchall()]

    pair.both("dict_row", work)
    query = sql.SQL("SELECT {} FROM {} WHERE {} = {}").format(
        sql.SQL(", ").join(map(sql.Identifier, ["id", "email"])), sql.Identifier("public", "members"), sql.Identifier("email"), sql.Literal("a@x"))
    pair.run(query)
    pair.run(query, cursor=ClientCursor)


if __name__ == "__main__":
    main([round_trip, literals, wrong_parameters, comparing, crud, several_statements, transactions, refusals, server_side_cursors,
          streaming, batches, pipelines, prepared_automatically, copying, settings, rows_and_names])
