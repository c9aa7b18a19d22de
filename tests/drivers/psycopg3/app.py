"""An application of psycopg 3: `app.py URL [binary | client | prepared]`.

Each case gets a connection of its own and the same rows. The variants ask for binary results, let the client
compose statements (simple protocol), or prepare every statement at its first execution.
"""

import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).parent.parent / "python"))

import bulk  # noqa: F401 (registers its cases)
import errors  # noqa: F401
import flow  # noqa: F401
import psycopg
import reading  # noqa: F401
import writing  # noqa: F401
from common import CASES, COLUMNS, ORDERS, PLACES, attempt, customers, report
from psycopg.types.json import Json, Jsonb


class BinaryCursor(psycopg.Cursor):
    def __init__(self, connection, *, row_factory=None):
        super().__init__(connection, row_factory=row_factory)
        self.format = psycopg.pq.Format.BINARY


VARIANTS = {
    "": {},
    "binary": {"cursor_factory": BinaryCursor},
    "client": {"cursor_factory": psycopg.ClientCursor},
    "prepared": {"prepare_threshold": 0},
}


def seed(connection):
    connection.execute("TRUNCATE customers, orders, events RESTART IDENTITY CASCADE")
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO customers ({PLACES}) VALUES ({', '.join(['%s'] * len(COLUMNS))})", customers(Jsonb, Json)
        )
        cursor.executemany("INSERT INTO orders (customer_id, card, amount, status, note) VALUES (%s, %s, %s, %s, %s)", ORDERS)


def main(url, variant="", *only):
    for case in CASES:
        if only and case.__name__ not in only:
            continue
        with psycopg.connect(url, autocommit=True, **VARIANTS[variant]) as connection:
            seed(connection)
            report(case.__name__, attempt(case, connection))


if __name__ == "__main__":
    main(*sys.argv[1:])
