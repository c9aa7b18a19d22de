"""What a cursor of psycopg2 shows of a result."""

from common import attempt


def seen(cursor):
    columns = cursor.description and [tuple(column) for column in cursor.description]
    rows = cursor.fetchall() if cursor.description else None
    return cursor.statusmessage, cursor.rowcount, columns, rows


def ask(connection, query, parameters=None):
    def asked():
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return seen(cursor)

    return attempt(asked), connection.info.transaction_status
