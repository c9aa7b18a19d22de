"""What asyncpg shows of a statement."""


async def tried(awaitable):
    """The result, or the error."""
    try:
        return await awaitable
    except Exception as error:  # every failure is a result here
        return error


async def ask(connection, query, *args):
    """A prepared statement's types, rows and tag; and whether the transaction stands."""
    async def asked():
        statement = await connection.prepare(query)
        rows = await statement.fetch(*args)
        return described(statement), statement.get_statusmsg(), rows

    return await tried(asked()), connection.is_in_transaction()


def described(statement):
    attributes = [(a.name, a.type.oid, a.type.name, a.type.kind, a.type.schema) for a in statement.get_attributes()]
    return [tuple(parameter) for parameter in statement.get_parameters()], attributes
