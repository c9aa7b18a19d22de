"""Transactions, pipelines, prepared statements, notifications, cancelling."""

import threading
from decimal import Decimal

import psycopg
from common import MARKER, attempt, case, email
from psycopg import sql
from seen import ask, seen

COUNT = "SELECT count(*), count(phone) FROM customers"


@case
def commit_and_roll_back(connection):
    connection.autocommit = False
    found = [ask(connection, "INSERT INTO customers (balance, name, email) VALUES (0, 'tx', %s) RETURNING id", (email("tx"),))]
    connection.rollback()
    found.append(ask(connection, COUNT))
    found.append(ask(connection, "UPDATE customers SET email = %s WHERE email = %s", (email("moved"), email("ann"))))
    connection.commit()
    found.append(ask(connection, "SELECT id FROM customers WHERE email = %s", (email("moved"),)))
    connection.rollback()
    connection.autocommit = True
    return found


@case
def savepoints(connection):
    found = []
    with connection.transaction():
        connection.execute("INSERT INTO customers (balance, name, email) VALUES (0, 'outer', %s)", (email("outer"),))

        def nested():
            with connection.transaction("inner"):
                connection.execute("INSERT INTO customers (balance, name, email) VALUES (0, 'inner', %s)", (email("inner"),))
                connection.execute("INSERT INTO customers (balance, name, email) VALUES (0, 'again', %s)", (email("outer"),))

        found.append(attempt(nested))
        found.append(ask(connection, COUNT))
        with connection.transaction(force_rollback=True):
            found.append(ask(connection, "DELETE FROM customers WHERE email = %s RETURNING email", (email("outer"),)))
        found.append(ask(connection, "SELECT email FROM customers WHERE id > 5 ORDER BY id"))
    return found + [ask(connection, COUNT)]


@case
def a_failure_in_a_transaction(connection):
    connection.autocommit = False
    found = [
        ask(connection, "INSERT INTO customers (balance, name, email) VALUES (0, 'a', %s)", (email("a"),)),
        ask(connection, "INSERT INTO customers (balance, name, email) VALUES (0, 'b', %s)", (email("a"),)),
        ask(connection, "SELECT email FROM customers"),
        ask(connection, "INSERT INTO customers (balance, name, email) VALUES (0, 'c', %s)", (email("c"),)),
    ]
    connection.rollback()
    found.append(ask(connection, COUNT))
    connection.rollback()
    return found


@case
def pipeline(connection):
    if connection.cursor_factory is psycopg.ClientCursor:
        return "no pipelines"
    with connection.pipeline() as pipeline:
        cursors = [
            connection.execute("INSERT INTO customers (balance, name, email) VALUES (0, %s, %s) RETURNING id, email", (f"p{n}", email(f"p{n}")))
            for n in range(20)
        ]
        cursors.append(connection.execute("SELECT email, phone FROM customers WHERE email = ANY(%s) ORDER BY id", ([email("p3"), email("ann")],)))
        pipeline.sync()
        cursors.append(connection.execute(COUNT))
        found = [seen(cursor) for cursor in cursors]

    def failing():
        with connection.pipeline():
            connection.execute("INSERT INTO customers (balance, name, email) VALUES (0, 'one', %s)", (email("one"),))
            connection.execute("INSERT INTO customers (balance, name, email) VALUES (0, 'two', %s)", (email("one"),))
            connection.execute("INSERT INTO customers (balance, name, email) VALUES (0, 'three', %s)", (email("three"),))

    found.append(attempt(failing))
    with connection.pipeline(), connection.cursor() as cursor:
        cursor.executemany("UPDATE customers SET balance = %s WHERE email = %s RETURNING balance",
                           [(Decimal(n), email(f"p{n}")) for n in range(5)], returning=True)
        found.append(seen(cursor))
    with connection.pipeline(), connection.transaction():
        first = connection.execute("SELECT email FROM customers WHERE id = 1")
        second = connection.execute("UPDATE customers SET phone = %s WHERE email = %s", (MARKER, email("p1")))
        found.append((seen(first), seen(second)))
    return found + [ask(connection, "SELECT id, name, email, balance, phone FROM customers ORDER BY id")]


@case
def prepared_statements(connection):
    """Prepared by psycopg after some executions, then with the ground pulled from under them."""
    def some():
        found = []
        for n in range(7):
            found.append(ask(connection, "SELECT id, email, balance FROM customers WHERE email = %s", (email("ann" if n % 2 else "zed"),)))
            found.append(ask(connection, "SELECT * FROM events ORDER BY id"))
            found.append(ask(connection, "UPDATE customers SET visits = %s WHERE email = %s RETURNING visits", (n, email("ann"))))
        return found

    found = [some()]
    connection.execute("ALTER TABLE events ADD COLUMN extra text")
    try:
        found.append(some())
    finally:
        connection.execute("ALTER TABLE events DROP COLUMN extra")
    found.append(some())
    connection.execute("DEALLOCATE ALL")
    found.append(some())
    connection.execute("DISCARD ALL")
    found.append(some())
    found.append(ask(connection, "SELECT count(*) > 0 FROM pg_prepared_statements"))
    return found


@case
def explicit_prepare(connection):
    return [
        ask(connection, sql.SQL("PREPARE by_email (text) AS SELECT id, email, phone FROM customers WHERE email = $1")),
        ask(connection, sql.SQL("EXECUTE by_email ({})").format(email("max"))),
        ask(connection, sql.SQL("EXECUTE by_email ({})").format(email("min"))),
        ask(connection, "DEALLOCATE by_email"),
        ask(connection, sql.SQL("EXECUTE by_email ({})").format(email("max"))),
    ]


@case
def several_statements_at_once(connection):
    cursor = psycopg.ClientCursor(connection)
    return [
        seen(cursor.execute(
            """BEGIN; INSERT INTO customers (balance, name, email) VALUES (0, 'multi', %s) RETURNING id, email;
               UPDATE customers SET phone = %s WHERE name = 'multi'; SELECT email, phone FROM customers WHERE name = 'multi'; COMMIT""",
            (email("multi"), MARKER))),
        cursor.mogrify("SELECT %s, %s", (email("x"), 5)),
        attempt(cursor.execute, "SELECT email FROM customers WHERE id = 1; SELECT 1/0; SELECT 2"),
        ask(connection, COUNT),
    ]


@case
def notifications(connection):
    with psycopg.connect(connection.info.dsn, password=connection.info.password, autocommit=True) as other:
        connection.execute("LISTEN orders_channel")
        with other.transaction():
            other.execute("INSERT INTO orders (customer_id, card, amount) VALUES (1, %s, 5)", (f"n {MARKER}",))
            other.execute("SELECT pg_notify('orders_channel', %s)", ("made 5",))
            other.execute("NOTIFY orders_channel, 'second'")
        got = [(n.channel, n.payload) for n in connection.notifies(timeout=10, stop_after=2)]
        seen_by_handler = []
        connection.add_notify_handler(lambda n: seen_by_handler.append((n.channel, n.payload)))
        other.execute("NOTIFY orders_channel")
        connection.execute("SELECT email FROM customers WHERE id = 1")
        connection.execute("NOTIFY orders_channel, 'own'")
        connection.execute("UNLISTEN *")
        return got, seen_by_handler


@case
def notices(connection):
    found = []
    connection.add_notice_handler(lambda d: found.append((d.severity, d.sqlstate, d.message_primary)))
    connection.execute("DO $$ BEGIN RAISE NOTICE 'hello'; RAISE WARNING 'careful'; END $$")
    connection.execute("DROP TABLE IF EXISTS never_there")
    return found


@case
def timeouts(connection):
    return [
        ask(connection, "SET statement_timeout TO 100"),
        ask(connection, "SELECT pg_sleep(10)"),
        ask(connection, "SELECT email, pg_sleep(10) FROM customers WHERE id = 1"),
        ask(connection, "SET statement_timeout TO 0"),
        ask(connection, "SELECT email FROM customers WHERE id = 1"),
        ask(connection, "SET lock_timeout TO 100"),
    ]


@case
def cancelling(connection):
    found = []
    for query in ("SELECT pg_sleep(30)", "SELECT email, pg_sleep(30) FROM customers"):
        timer = threading.Timer(0.3, connection.cancel_safe)
        timer.start()
        found.append(ask(connection, query))
        timer.join()
        found.append(ask(connection, "SELECT email FROM customers WHERE id = 1"))
    return found


@case
def two_phase(connection):
    """Refused by the server, whose max_prepared_transactions is 0."""
    connection.autocommit = False
    connection.tpc_begin(connection.xid(1, "global", "branch"))
    connection.execute("UPDATE customers SET phone = NULL WHERE email = %s", (email("ann"),))
    found = [attempt(connection.tpc_prepare)]
    connection.close()
    return found
