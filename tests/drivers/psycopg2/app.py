"""An application of psycopg2: `app.py URL`. psycopg2 writes values into the statement and uses the simple protocol."""

import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).parent.parent / "python"))

import bulk  # noqa: F401 (registers its cases)
import flow  # noqa: F401
import psycopg2
import psycopg2.extras
import reading  # noqa: F401
import writing  # noqa: F401
from common import CASES, ORDERS, PLACES, attempt, customers, report
from psycopg2.extras import Json, execute_values


def main(url, *only):
    psycopg2.extras.register_uuid()
    psycopg2.extras.register_ipaddress()
    for case in CASES:
        if only and case.__name__ not in only:
            continue
        connection = psycopg2.connect(url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE customers, orders, events RESTART IDENTITY CASCADE")
            execute_values(cursor, f"INSERT INTO customers ({PLACES}) VALUES %s", customers(Json, Json))
            execute_values(cursor, "INSERT INTO orders (customer_id, card, amount, status, note) VALUES %s", ORDERS)
        report(case.__name__, attempt(case, connection))
        connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
