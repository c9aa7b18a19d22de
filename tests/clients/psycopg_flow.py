"""psycopg 3: transactions, cursors, batches, pipelines, COPY, refusals: `psycopg_flow.py THROUGH TWIN`."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import psycopg
from pair import main, results
from psycopg import ClientCursor


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
    pair.run("TRUNCATE members RESTART IDENTITY")
    for n in range(60):
        pair.run(
            "INSERT INTO members (name, email, balance, notes) VALUES (%s, %s, %s, %s)",
            (f"m{n}", f"m{n}@x", n / 4, None if n % 7 == 0 else f"note {n}"),
        )

    def on_members(connection):
        seen = []
        with connection.transaction():
            with connection.cursor("all members", scrollable=True) as cur:
                cur.itersize = 13
                cur.execute("SELECT * FROM members ORDER BY id")
                seen.append([tuple(column) for column in cur.description])
                seen.append(cur.fetchone())
                seen.append(cur.fetchmany(10))
                cur.scroll(20)
                seen.append(cur.fetchone())
                cur.scroll(0, mode="absolute")
                seen.append(list(cur))
            with connection.cursor("bin", binary=True) as cur:
                cur.execute("SELECT id, balance, notes FROM members WHERE email = %s", ("m33@x",))
                seen.append(cur.fetchall())
            with connection.cursor("none", scrollable=False) as cur:
                cur.execute("SELECT id, notes FROM members WHERE email = ANY(%s) ORDER BY id", (["m1@x", "m2@x"],))
                seen.append(cur.fetchall())
        connection.autocommit = True
        with connection.cursor("held", withhold=True) as cur:
            cur.execute("SELECT email, balance FROM members ORDER BY id")
            seen.append(cur.fetchmany(3))
            connection.execute("UPDATE members SET balance = 0 WHERE email = 'm5@x'")
            seen.append(cur.fetchall())
        return seen

    pair.both("server-side cursors on a protected table", on_members)
    # By the simple protocol, and prepared.
    for way in ({"cursor": ClientCursor}, {"prepare": True}, {}):
        pair.run("PREPARE by_email (text) AS SELECT id, email, notes FROM members WHERE email = $1", **way)
        pair.run("EXECUTE by_email('m3@x')", **way)
        pair.run("EXECUTE by_email('nobody')", **way)
        pair.run("EXECUTE by_email(NULL)", **way)
        pair.run("DEALLOCATE by_email", **way)
        pair.run("EXECUTE by_email('m3@x')", **way)

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


def large_pipelines(pair):
    """More under way than fits any buffer, in both directions."""
    pair.run("TRUNCATE visits RESTART IDENTITY")

    def work(connection):
        note = "large " * 4000
        with connection.pipeline(), connection.transaction():
            cursors = []
            for i in range(300):
                cur = connection.cursor(binary=i % 2 == 0)
                cur.execute("INSERT INTO visits (email, note) VALUES (%s, %s) RETURNING id, email, note", (f"l{i % 9}@x", f"{i} {note}"))
                cursors.append(cur)
            seen = [cur.fetchone()[0] for cur in cursors]
        with connection.pipeline():
            cursors = [connection.execute("SELECT id, note FROM visits WHERE email = %s ORDER BY id", (f"l{i}@x",)) for i in range(9)]
            seen += [len(row[1]) for cur in cursors for row in cur]
        return seen

    pair.expect("results", len(pair.both("a large pipeline", work)), 600)
    pair.run("SELECT count(*), count(note) FROM visits WHERE email = ANY(%s)", ([f"l{i}@x" for i in range(5)],))


def committing_pipelines(pair):
    """Results, COMMIT and further work sent at once."""
    pair.run("TRUNCATE visits RESTART IDENTITY")

    def work(connection):
        seen = []
        with connection.pipeline() as pipeline:
            cursors = []
            for i in range(20):
                connection.execute("BEGIN")
                cursors.append(connection.execute("INSERT INTO visits (email, note) VALUES (%s, %s) RETURNING email, note", (f"c{i}@x", "n")))
                cursors.append(connection.execute("SELECT count(*) FROM visits WHERE email = %s", (f"c{i}@x",)))
                connection.execute("COMMIT" if i % 3 else "ROLLBACK")
                if i % 4 == 0:
                    pipeline.sync()
                cursors.append(connection.execute("UPDATE visits SET note = %s WHERE email = %s RETURNING note", (f"u{i}", f"c{i}@x")))
                pipeline.sync()
            seen += [results(cur) for cur in cursors]
        return seen

    pair.expect("results", len(pair.both("a pipeline of transactions", work)), 60)
    pair.run("SELECT * FROM visits ORDER BY id")


def notices(pair):
    """What the server says by itself."""

    def work(connection):
        seen = []
        connection.add_notice_handler(lambda diag: seen.append((diag.severity, diag.message_primary)))
        connection.execute("DO $$ BEGIN RAISE NOTICE 'from a block'; RAISE WARNING 'and another'; END $$")
        connection.execute("DROP TABLE IF EXISTS nowhere_to_be_found")
        connection.execute("LISTEN channel")
        connection.execute("SELECT email FROM members")
        connection.execute("NOTIFY channel, 'payload'")
        seen += [(notify.channel, notify.payload) for notify in connection.notifies(timeout=5, stop_after=1)]
        connection.execute("SELECT email FROM members; NOTIFY channel, 'again'")
        seen += [(notify.channel, notify.payload) for notify in connection.notifies(timeout=5, stop_after=1)]
        connection.execute("UNLISTEN *")
        return seen

    pair.expect("notices", len(pair.both("notices and notifications", work)), 5)


def names_that_move(pair):
    """What is prepared follows search_path, temporary tables and changes of the table."""
    pair.run("TRUNCATE members, visits RESTART IDENTITY")
    pair.run("INSERT INTO members (name, email) VALUES ('A', 'a@x')")
    pair.run("CREATE SCHEMA other")
    # The same types, or the server would say of what is prepared: cached plan must not change result type.
    pair.run("CREATE TABLE other.members (id integer, email varchar(120), name text)")
    pair.run("INSERT INTO other.members VALUES (1, 'other@x', 'O')")
    text = "SELECT id, email, name FROM members WHERE email = %s"
    for path in ("public", "other", "other, public", "public, other", '"$user", public'):
        pair.run(f"SET search_path = {path}")
        for email in ("a@x", "other@x"):
            pair.run(text, (email,), prepare=True, ignore=("position",))
            pair.run(text, (email,), cursor=ClientCursor)
    pair.run("BEGIN")
    pair.run("SET LOCAL search_path = other")
    pair.run(text, ("other@x",), prepare=True)
    pair.run("ROLLBACK")
    pair.run(text, ("a@x",), prepare=True)
    pair.run("SELECT set_config('search_path', 'other', false)")
    pair.run(text, ("other@x",), prepare=True)
    pair.run("RESET search_path")
    pair.run(text, ("a@x",), prepare=True)

    def local(connection):
        with connection.pipeline():
            # Without a transaction block it lasts until the pipeline's next sync.
            connection.execute("SET LOCAL search_path = other")
            within = connection.execute(text, ("other@x",))
        return [within.fetchall(), connection.execute(text, ("a@x",)).fetchall()]

    pair.both("SET LOCAL in a pipeline", local)
    pair.run("CREATE TEMP TABLE members (id integer, email varchar(120), name text)")
    pair.run("INSERT INTO members VALUES (7, 'temporary@x', 'T')")
    pair.run(text, ("temporary@x",), cursor=ClientCursor)
    pair.run(text, ("temporary@x",), prepare=True)
    pair.run("SELECT email FROM public.members")
    pair.run("DROP TABLE pg_temp.members")
    pair.run(text, ("a@x",), prepare=True)
    pair.run("DROP SCHEMA other CASCADE")


def settings_between_runs(pair):
    """A prepared statement reads its text parameters under the settings of each run."""
    pair.run("TRUNCATE keyed")
    insert = "INSERT INTO keyed (id, at, day) VALUES (%s, %t, %t) RETURNING at, day"
    for i, (zone, style) in enumerate((("UTC", "ISO, MDY"), ("Asia/Tokyo", "ISO, DMY"), ("America/New_York", "ISO, YMD"))):
        pair.run(f"SET timezone = '{zone}'")
        pair.run(f"SET datestyle = '{style}'")
        pair.run(insert, (i, "2024-01-02 12:00", "01/02/03"), prepare=True)
        pair.run("SELECT id, at, day FROM keyed WHERE at = %t OR day = %t ORDER BY id", ("2024-01-02 12:00", "01/02/03"), prepare=True)
    pair.run("RESET ALL")
    pair.run("SELECT id, at, day FROM keyed ORDER BY id")
    pair.run("DISCARD ALL")
    pair.run("SELECT id, at, day FROM keyed ORDER BY id")


def many_sessions(pair):
    """Sessions at once, on the same rows."""
    pair.run("TRUNCATE members RESTART IDENTITY")

    def session(conninfo, number):
        with psycopg.connect(conninfo) as connection:
            for i in range(15):
                with connection.transaction():
                    connection.execute("INSERT INTO members (name, email, code) VALUES ('S', %s, 0) ON CONFLICT (email) DO UPDATE "
                                       "SET code = members.code + 1, notes = %s", (f"s{i % 5}@x", f"note {i % 5}"))
                    connection.execute("SELECT email, notes FROM members WHERE email = %s", (f"s{number % 5}@x",)).fetchall()

    def work(connection):
        conninfo = pair.conninfo[pair.sides.index(connection)]
        connection.execute("ALTER TABLE members DROP CONSTRAINT members_code_key")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: session(conninfo, number), range(8)))
        seen = connection.execute("SELECT email, notes, code FROM members ORDER BY name, code, id").fetchall()
        connection.execute("TRUNCATE members")
        connection.execute("ALTER TABLE members ADD CONSTRAINT members_code_key UNIQUE (code)")
        return sorted(seen)

    pair.expect("rows", len(pair.both("many sessions", work)), 5)


def refused_copy(pair):
    """COPY of a protected table is refused by name or works as on the twin; the session goes on."""
    pair.run("TRUNCATE members RESTART IDENTITY")

    def work(connection):
        try:
            with connection.cursor().copy("COPY members (name, email) FROM STDIN") as copy:
                copy.write_row(("A", "copied@x"))
        except psycopg.errors.FeatureNotSupported as error:
            if "members" not in error.diag.message_primary:
                raise
            connection.execute("INSERT INTO members (name, email) VALUES ('A', 'copied@x')")
        return connection.execute("SELECT name, email FROM members").fetchall()

    pair.expect("copied", pair.both("COPY FROM of a protected table", work), [("A", "copied@x")])


if __name__ == "__main__":
    main([transactions, refusals, server_side_cursors, streaming, batches, pipelines, prepared_automatically, copying,
          large_pipelines, committing_pipelines, notices, names_that_move, settings_between_runs, many_sessions, refused_copy])
