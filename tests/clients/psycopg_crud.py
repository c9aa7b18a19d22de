"""psycopg 3: an application's statements, and statements of every kind: `psycopg_crud.py THROUGH TWIN`."""

from decimal import Decimal

import psycopg
import statements
from pair import main
from psycopg import ClientCursor, sql


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


def every_statement(pair):
    """Each statement gives what it gives on the twin, or is refused."""
    fill = [
        "TRUNCATE members, visits RESTART IDENTITY",
        "INSERT INTO members (code, name, email, balance, notes) VALUES (1, 'A', 'a@x', 1.5, 'n'), (2, 'B', 'b@x', -2, NULL), (3, 'C', NULL, NULL, '')",
        "INSERT INTO visits (email, place, note, paid) VALUES ('a@x', 'P', 'one', 5), ('a@x', 'Q', NULL, 2.25), ('z@x', 'R', '', 5), (NULL, 'S', 's', NULL)",
    ]
    for text in fill:
        pair.run(text)
    refused = 0
    reads = [(text, False) for text in statements.READS] + [(text, True) for text in statements.UNORDERED]
    for text, unordered in reads:
        for way in ({"cursor": ClientCursor}, {}, {"prepare": True, "binary": True}):
            refused += pair.run(text, or_refused=True, unordered=unordered, ignore=("hint", "detail"), **way) is None
    for text in statements.WRITES:
        for way in ({"cursor": ClientCursor}, {}):
            pair.run("BEGIN")
            done = pair.run(text, or_refused=True, ignore=("hint", "detail"), **way)
            refused += done is None
            if done is not None and not isinstance(done, dict):
                pair.run("SELECT * FROM members ORDER BY id")
                pair.run("SELECT * FROM visits ORDER BY id")
            pair.run("ROLLBACK")
    # Learning a statement lowers this; raising it takes something away from users.
    pair.expect("not more is refused than was", refused <= statements.REFUSED, True)
    print(f"{refused} refused of {3 * len(reads) + 2 * len(statements.WRITES)}")


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
    main([crud, every_statement, several_statements, rows_and_names])
