"""Transactions, notifications, cancelling, asynchronous connections, pools."""

import select
import threading

import psycopg2
import psycopg2.extensions
from common import MARKER, attempt, case, email
from psycopg2.pool import ThreadedConnectionPool
from seen import ask, seen

COUNT = "SELECT count(*), count(phone) FROM customers"
INSERT = "INSERT INTO customers (name, email, balance) VALUES ('tx', %s, 0)"


@case
def transactions(connection):
    connection.autocommit = False
    found = [ask(connection, INSERT, (email("tx"),))]
    connection.rollback()
    found.append(ask(connection, COUNT))

    def failing():
        with connection, connection.cursor() as cursor:
            cursor.execute(INSERT, (email("a"),))
            cursor.execute(INSERT, (email("a"),))

    connection.rollback()
    found += [attempt(failing), ask(connection, COUNT)]
    with connection, connection.cursor() as cursor:
        cursor.execute(INSERT, (email("b"),))
    found += [
        ask(connection, "SAVEPOINT one"),
        ask(connection, INSERT, (email("b"),)),
        ask(connection, "SELECT email FROM customers"),
        ask(connection, "ROLLBACK TO SAVEPOINT one"),
        ask(connection, "SELECT id FROM customers WHERE email = %s", (email("b"),)),
        ask(connection, "RELEASE SAVEPOINT one"),
    ]
    connection.commit()
    for level in ("SERIALIZABLE", "READ COMMITTED"):
        connection.set_session(isolation_level=level, readonly=level == "SERIALIZABLE")
        found.append(ask(connection, INSERT, (email(level),)))
        found.append(ask(connection, "SHOW transaction_isolation"))
        connection.rollback()
    return found


@case
def two_phase(connection):
    connection.autocommit = False
    connection.tpc_begin(connection.xid(1, "global", "branch"))
    found = [ask(connection, INSERT, (email("2pc"),)), attempt(connection.tpc_prepare)]
    connection.close()
    return found


@case
def notifications(connection):
    other = psycopg2.connect(connection.dsn, password=connection.info.password)
    ask(connection, "LISTEN made")
    with other, other.cursor() as cursor:
        cursor.execute("INSERT INTO orders (customer_id, card, amount) VALUES (1, %s, 5)", (f"n {MARKER}",))
        cursor.execute("NOTIFY made, 'one'")
        cursor.execute("SELECT pg_notify('made', %s)", ("two",))
    other.close()
    while len(connection.notifies) < 2 and select.select([connection], [], [], 10)[0]:
        connection.poll()
    return [(notice.channel, notice.payload) for notice in connection.notifies]


@case
def notices(connection):
    ask(connection, "DO $$ BEGIN RAISE NOTICE 'hello'; RAISE WARNING 'careful'; END $$")
    ask(connection, "DROP TABLE IF EXISTS never_there")
    return list(connection.notices)


@case
def cancelling(connection):
    found = []
    for query in ("SELECT pg_sleep(30)", "SELECT email, pg_sleep(30) FROM customers"):
        timer = threading.Timer(0.3, connection.cancel)
        timer.start()
        found.append(ask(connection, query))
        timer.join()
        found.append(ask(connection, "SELECT email FROM customers WHERE id = 1"))
    ask(connection, "SET statement_timeout TO 100")
    found.append(ask(connection, "SELECT email, pg_sleep(30) FROM customers"))
    return found


@case
def asynchronous(connection):
    def wait(other):
        while (state := other.poll()) != psycopg2.extensions.POLL_OK:
            reading = state == psycopg2.extensions.POLL_READ
            select.select([other] if reading else [], [] if reading else [other], [], 10)

    other = psycopg2.connect(connection.dsn, password=connection.info.password, async_=True)
    wait(other)
    cursor = other.cursor()
    found = []
    for query, parameters in [
        ("SELECT id, email, prefs FROM customers ORDER BY id", None),
        ("UPDATE customers SET visits = %s WHERE email = %s RETURNING visits", (7, email("ann"))),
        ("SELECT id FROM customers WHERE email = ANY(%s) ORDER BY id", ([email("ann"), email("max")],)),
    ]:
        cursor.execute(query, parameters)
        wait(other)
        found.append(seen(cursor))
    cursor.execute("SELECT 1/0")
    found.append(attempt(wait, other))
    other.close()
    return found


@case
def pool(connection):
    several = ThreadedConnectionPool(2, 4, connection.dsn, password=connection.info.password)
    found, lock = {}, threading.Semaphore(4)

    def work(n):
        with lock:
            one = several.getconn()
            with one, one.cursor() as cursor:
                cursor.execute("UPDATE customers SET visits = %s WHERE email = %s", (n, email(["ann", "max", "min", "zed"][n % 4])))
                cursor.execute("SELECT id, ssn FROM customers WHERE ssn IS NOT NULL ORDER BY id")
                found[n] = cursor.fetchall()
            several.putconn(one)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    several.closeall()
    return sorted(found.items())


@case
def other_errors(connection):
    return [
        ask(connection, query)
        for query in (
            "SELECT 1/0", "SELECT email, 1/(id - 2) FROM customers ORDER BY id", "SELECT nothing FROM customers", "SELECT email FROM nowhere",
            "SELEC email FROM customers", "SELECT email FROM customers WHERE", "SELECT id FROM customers, orders",
            "INSERT INTO customers (name, email, email) VALUES ('x', 'y', 'z')", "INSERT INTO customers (name, email) VALUES ('x')",
            "SELECT email FROM customers WHERE id = 1; SELECT 1/0; SELECT 2", "", "SELECT email FROM customers WHERE id = 1",
        )
    ]
