"""Statements without objects: expressions, results, reflection, settings."""

import datetime as dt
from decimal import Decimal

from common import MARKER, attempt, case, email
from models import Customer, Event, Order
from sqlalchemy import MetaData, Table, any_, bindparam, case as when, cast, exists, func, inspect, literal, select, text, tuple_, type_coerce, union_all
from sqlalchemy.types import String, Text

CUSTOMERS, ORDERS = Customer.__table__, Order.__table__


def described(result):
    return list(result.keys()), result.all()


@case
def textual_statements(session):
    run = session.execute
    return [
        described(run(text("SELECT id, email, balance, seen FROM customers WHERE email = :email"), {"email": email("ann")})),
        described(run(text("SELECT id, email FROM customers WHERE id IN :ids ORDER BY id").bindparams(bindparam("ids", expanding=True)), {"ids": [1, 3]})),
        described(run(text("UPDATE customers SET phone = :phone WHERE email = :email RETURNING id, phone"), {"phone": MARKER, "email": email("zed")})),
        run(text("INSERT INTO orders (customer_id, card, amount) VALUES (:c, :card, :amount)"),
            [{"c": n, "card": f"t {MARKER}", "amount": Decimal(n)} for n in (1, 2, 3)]).rowcount,
        described(run(text("SELECT card, amount FROM orders WHERE card = :card ORDER BY id").columns(ORDERS.c.card, ORDERS.c.amount), {"card": f"t {MARKER}"})),
        attempt(lambda: session.connection().exec_driver_sql("SELECT email, prefs FROM customers WHERE id = 1").all()),
    ]


@case
def kinds_of_results(session):
    query = select(CUSTOMERS.c.id, CUSTOMERS.c.email, CUSTOMERS.c.balance.label("money")).order_by(CUSTOMERS.c.id)
    run = session.execute
    return [
        run(query).fetchmany(2), run(query).first(), run(query).mappings().all(), run(query).scalars(1).all(), run(query.limit(1)).one(), run(query).columns(2, 0).all(),
        attempt(lambda: run(query).one()), run(query.where(literal(False))).one_or_none(), list(run(query).partitions(2)), run(query).keys()._keys,
        [row.money for row in run(query)], run(query).freeze()().all(),
    ]


@case
def expressions(session):
    c, o = CUSTOMERS.c, ORDERS.c
    queries = {
        "join": select(c.email, o.card).join_from(CUSTOMERS, ORDERS, c.id == o.customer_id).where(o.amount == Decimal("10")).order_by(o.id),
        "outer": select(c.id, o.card).outerjoin_from(CUSTOMERS, ORDERS).order_by(c.id, o.id),
        "count": select(func.count(), func.count(c.phone), func.count(c.email.distinct())),
        "group": select(o.card, func.count()).group_by(o.card).having(func.count() > 1),
        "exists": select(c.id).where(exists().where(o.customer_id == c.id, o.card == f"4111-{MARKER}")).order_by(c.id),
        "scalar": select(o.id, select(c.email).where(c.id == o.customer_id).scalar_subquery().label("who")).order_by(o.id),
        "cte": (lambda cte: select(cte.c.email, cte.c.card).order_by(cte.c.id))(
            select(o.id, c.email, o.card).join_from(CUSTOMERS, ORDERS).where(c.email != email("ann")).cte("some")),
        "union": union_all(select(c.email).where(c.id == 1), select(c.email).where(c.id == 3)),
        "case": select(c.id, when((c.email == email("ann"), "me"), else_="other").label("who")).order_by(c.id),
        "coalesce": select(c.id, func.coalesce(c.phone, f"no {MARKER}").label("p")).order_by(c.id),
        "any": select(c.id).where(c.email == any_(literal([email("ann"), email("max")]))).order_by(c.id),
        "lateral": (lambda sub: select(c.id, sub.c.card).join_from(CUSTOMERS, sub, literal(True), isouter=True).order_by(c.id))(
            select(o.card).where(o.customer_id == c.id).order_by(o.id).limit(1).lateral()),
        "cast": select(c.id).where(c.email == cast(email("ann"), String(120))),
        "coerced": select(type_coerce(c.email, Text), c.id).where(c.id == 1),
        "locked": select(c.id, c.email).where(c.email == email("ann")).with_for_update(skip_locked=True),
        "distinct": select(o.customer_id, o.card).distinct(o.customer_id).order_by(o.customer_id, o.id),
        "window": select(o.id, o.card, func.row_number().over(partition_by=o.customer_id, order_by=o.id)).order_by(o.id),
        "tuples": select(c.id).where(tuple_(c.email, c.id).in_([(email("ann"), 1), (email("zed"), 4)])),
        "typed": select(c.id).where(c.email == literal(email("ann"), Text)),
    }
    return {name: attempt(lambda: session.execute(query).all()) for name, query in queries.items()}


@case
def the_same_many_times(session):
    """Until drivers prepare it, with a table altered in between."""
    query = select(CUSTOMERS.c.id, CUSTOMERS.c.email).where(CUSTOMERS.c.email == bindparam("e"))
    events = select(Event)
    found = [session.execute(query, {"e": email(name)}).all() for name in ("ann", "max", "zed") * 3]
    found.append([session.execute(events).all() for _ in range(7)])
    session.commit()
    session.execute(text("ALTER TABLE events ADD COLUMN extra text"))
    session.commit()
    try:
        found.append(attempt(lambda: session.execute(text("SELECT * FROM events")).all()))
        found.append(attempt(lambda: session.execute(query, {"e": email("ann")}).all()))
    finally:
        session.rollback()
        session.execute(text("ALTER TABLE events DROP COLUMN extra"))
        session.commit()
    return found


@case
def statements_as_text(session):
    """Values written into the statement, as logs and migrations do."""
    statement = ORDERS.insert().values(customer_id=2, card=f"it's {MARKER}", amount=Decimal("4.40")).returning(ORDERS.c.card, ORDERS.c.amount)
    written = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    return session.execute(text(str(written).replace(":", "\\:"))).all()


@case
def settings(session):
    found = []
    query = select(CUSTOMERS.c.id, CUSTOMERS.c.seen, CUSTOMERS.c.local_time, CUSTOMERS.c.created).where(CUSTOMERS.c.id.in_([1, 2, 5])).order_by(CUSTOMERS.c.id)
    for zone in ("America/New_York", "Asia/Kolkata", "UTC"):
        session.execute(text(f"SET LOCAL TimeZone TO '{zone}'"))
        found.append(session.execute(query).all())
        found.append(session.execute(select(CUSTOMERS.c.id).where(CUSTOMERS.c.seen == dt.datetime(2024, 7, 1, 16, tzinfo=dt.timezone.utc))).all())
    return found


@case
def large_values(session):
    long = MARKER + "läng " * 200_000
    session.execute(CUSTOMERS.insert().values(name="big", email=email("big"), phone=long, photo=bytes(range(256)) * 4096, prefs={"long": long}))
    session.commit()
    return session.execute(select(CUSTOMERS.c.phone, CUSTOMERS.c.photo, CUSTOMERS.c.prefs).where(CUSTOMERS.c.phone == long)).all()


@case
def tables_and_keys(session):
    inspector = inspect(session.connection())
    return [
        sorted(inspector.get_table_names()), inspector.get_pk_constraint("customers"), inspector.get_foreign_keys("orders"), inspector.has_table("customers"),
        [column["name"] for column in inspector.get_columns("customers")], [column["nullable"] for column in inspector.get_columns("customers")],
    ]


@case
def reflected_table(session):
    """Written and read with the types that the catalog shows."""
    table = Table("orders", MetaData(), autoload_with=session.connection())
    session.execute(table.insert().values(customer_id=1, card=f"r {MARKER}", amount=Decimal("1.10")))
    return session.execute(select(table).order_by(table.c.id)).all()


@case
def sorted_by_a_sealed_column(session):
    return session.execute(select(CUSTOMERS.c.email).order_by(CUSTOMERS.c.email)).all()


@case
def computed_from_a_sealed_column(session):
    return session.execute(CUSTOMERS.update().values(visits=CUSTOMERS.c.visits + 1).where(CUSTOMERS.c.id == 1)).rowcount
