"""What a cursor of psycopg 3 shows of a result."""

from common import attempt


def columns(cursor):
    return cursor.description and [
        (c.name, c.type_code, c.display_size, c.internal_size, c.precision, c.scale, c.null_ok) for c in cursor.description
    ]


def seen(cursor):
    """Every result of a cursor: tag, count, columns, rows."""
    found = []
    while True:
        rows = cursor.fetchall() if cursor.description is not None else None
        found.append((cursor.statusmessage, cursor.rowcount, columns(cursor), rows))
        if not cursor.nextset():
            return found


def ask(connection, query, *args, **kwargs):
    """What a statement gives: its results, or the error, and the state of the transaction."""
    result = attempt(lambda: seen(connection.execute(query, *args, **kwargs)))
    return result, connection.info.transaction_status.name
