"""Objects: adding, changing, loading, relations, units of work."""

import datetime as dt
import uuid
from decimal import Decimal

from common import MARKER, attempt, case, email, ssn
from models import Customer, Event, Order, everybody
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into
from sqlalchemy.orm import joinedload, load_only, selectinload, subqueryload, undefer

IN_ORDER = select(Customer).order_by(Customer.id)


@case
def add_and_read_back(session):
    """One by one, and all in one statement."""
    session.execute(delete(Customer))
    session.add_all(everybody()[:1])
    session.flush()
    session.add_all(everybody()[1:])
    session.commit()
    session.expunge_all()
    return session.scalars(IN_ORDER).all()


@case
def get_by_key(session):
    return [session.get(Customer, 1), session.get(Customer, 99), session.get(Order, 2), session.get_one(Customer, 3).email]


@case
def change_and_flush(session):
    ann = session.scalars(select(Customer).filter_by(email=email("ann"))).one()
    ann.balance += Decimal("1.25")
    ann.phone, ann.visits, ann.prefs = None, None, {"new": [MARKER]}
    ann.seen = dt.datetime(2025, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
    ann.orders[0].note = f"{MARKER} changed"
    ann.orders.append(Order(card=f"new {MARKER}", amount=Decimal("3")))
    session.commit()
    found = [ann, list(ann.orders)]
    ann.email = email("moved")
    session.flush()
    session.rollback()
    return [*found, ann.email, session.scalars(select(Customer.id).where(Customer.email == email("moved"))).all()]


@case
def look_ups(session):
    conditions = [
        Customer.email == email("ann"), Customer.email != email("ann"), Customer.email.in_([email("ann"), email("zed"), email("no")]),
        Customer.email.not_in([email("ann")]), Customer.email.in_([]), Customer.ssn == ssn(1), Customer.phone == MARKER, Customer.phone.is_(None),
        Customer.phone.is_not(None), Customer.birth == dt.date(1984, 2, 29), Customer.visits == 3, Customer.visits.in_([3, 0, 2**31 - 1]),
        Customer.seen == dt.datetime(2024, 2, 29, 14, 30, 15, 123456, dt.timezone(dt.timedelta(hours=2))), Customer.token == uuid.UUID(int=7),
        Customer.token.in_([uuid.UUID(int=7), uuid.UUID(int=0)]), (Customer.email == email("ann")) | (Customer.visits == 0),
        ~(Customer.email == email("ann")), Customer.email.is_distinct_from(email("ann")), Customer.orders.any(Order.card == f"4111-{MARKER}"),
        ~Customer.orders.any(), Customer.name.like("%n%") & (Customer.visits != 3),
    ]
    return [attempt(lambda: session.execute(select(Customer.id, Customer.email).where(condition).order_by(Customer.id)).all()) for condition in conditions]


@case
def relations(session):
    found = []
    for option in (selectinload(Customer.orders), joinedload(Customer.orders), subqueryload(Customer.orders)):
        session.expunge_all()
        rows = session.scalars(IN_ORDER.options(option)).unique().all()
        found.append([(row.id, row.email, [(order.card, order.amount, order.note) for order in row.orders]) for row in rows])
    session.expunge_all()
    found.append([(order.card, order.customer.email) for order in session.scalars(select(Order).order_by(Order.id))])
    session.expunge_all()
    query = select(Order).join(Order.customer).where(Customer.email == email("ann"), Order.amount == Decimal("10")).options(joinedload(Order.customer))
    found.append([(order.card, order.customer.email) for order in session.scalars(query)])
    rows = session.execute(select(Customer, Order).join(Customer.orders).order_by(Order.id)).all()
    return [*found, [(customer.email, order.card) for customer, order in rows]]


@case
def parts_of_objects(session):
    session.expunge_all()
    some = session.scalars(IN_ORDER.options(load_only(Customer.email, Customer.balance))).all()
    found = [repr(some), some[0].prefs]
    session.expire(some[1], ["email"])
    found.append(some[1].email)
    session.refresh(some[2])
    found += [some[2], session.scalars(IN_ORDER.options(undefer(Customer.photo)).limit(2).offset(1)).all()]
    return found


@case
def bulk_statements(session):
    rows = [{"name": f"m{n}", "email": email(f"m{n}"), "balance": Decimal(n) / 4, "visits": n, "phone": None if n % 3 else MARKER} for n in range(120)]
    session.execute(insert(Customer), rows)
    found = [session.execute(select(func.count()).select_from(Customer)).scalar_one()]
    made = session.scalars(insert(Order).returning(Order, sort_by_parameter_order=True),
                           [{"customer_id": 1, "card": f"{MARKER} {n}", "amount": n} for n in range(30)]).all()
    found.append([(order.id, order.card, order.amount, order.status) for order in made])
    result = session.execute(update(Customer).where(Customer.email.in_([email("m1"), email("m2")])).values(balance=Decimal(9), phone=f"{MARKER} x"))
    found.append(result.rowcount)
    rows = session.execute(update(Order).where(Order.card == f"{MARKER} 7").values(note=MARKER).returning(Order.id, Order.card, Order.note)).all()
    found.append(rows)
    session.execute(update(Customer), [{"id": 1, "visits": 70}, {"id": 3, "visits": 71}])
    session.bulk_insert_mappings(Event, [{"kind": "a", "data": {"x": [1, 2.5]}}, {"kind": "b", "data": None}])
    session.bulk_save_objects([Order(customer_id=3, card=f"saved {MARKER}", amount=1)])
    found.append(session.execute(delete(Customer).where(Customer.phone == f"{MARKER} x").returning(Customer.email)).all())
    session.commit()
    found.append(session.execute(select(Customer.id, Customer.email, Customer.visits, Customer.balance).order_by(Customer.id).limit(20)).all())
    return [*found, session.execute(select(Event.id, Event.kind, Event.data, Event.at).order_by(Event.id)).all()]


@case
def upserts(session):
    rows = [{"name": "A", "email": email("ann"), "balance": Decimal(5)}, {"name": "N", "email": email("new"), "balance": Decimal(6)}]
    found = []
    for _ in range(2):
        statement = upsert_into(Customer).values(rows)
        statement = statement.on_conflict_do_update(index_elements=["email"], set_={"balance": statement.excluded.balance, "name": statement.excluded.name})
        found.append(session.execute(statement.returning(Customer.id, Customer.name, Customer.email, Customer.balance)).all())
        found.append(session.execute(upsert_into(Customer).values(rows).on_conflict_do_nothing()).rowcount)
    found.append(session.merge(Customer(id=1, name="Merged", email=email("merged"), balance=Decimal("1.50"))))
    session.flush()
    statement = upsert_into(Customer).on_conflict_do_update(index_elements=[Customer.email], set_={"visits": 5}).returning(Customer)
    found.append(session.scalars(statement, rows, execution_options={"populate_existing": True}).all())
    session.commit()
    return [*found, session.execute(select(Customer.id, Customer.email, Customer.visits).order_by(Customer.id)).all()]


@case
def deletes(session):
    session.delete(session.get(Customer, 1))
    session.flush()
    found = [session.scalars(select(Order.card).order_by(Order.id)).all()]
    session.execute(delete(Order).where(Order.card == f"4333-{MARKER}"))
    session.commit()
    return [*found, session.scalars(select(Customer.email).order_by(Customer.id)).all(), session.scalars(select(func.count(Order.id))).one()]


@case
def nested_transactions(session):
    session.add(Customer(name="outer", email=email("outer")))
    session.flush()

    def inner():
        with session.begin_nested():
            session.add(Customer(name="again", email=email("outer")))

    found = [attempt(inner), session.scalars(select(Customer.email).where(Customer.id > 5)).all()]
    with session.begin_nested() as savepoint:
        session.add(Customer(name="gone", email=email("gone")))
        session.flush()
        savepoint.rollback()
    session.commit()
    return [*found, session.scalars(select(Customer.email).where(Customer.id > 5)).all()]


@case
def errors_and_going_on(session):
    found = []
    for each in (
        Customer(name="x", email=email("ann")), Customer(name="x", email=None), Customer(name="x", email="y" * 121), Order(customer_id=99, card=MARKER, amount=1),
        Customer(name="x", email=email("x"), balance=Decimal("1e10")), Customer(name="x", email=email("x"), visits=2**31), Customer(name="x", email=email("x"), address="x"),
    ):
        session.add(each)
        found.append(attempt(session.flush))
        session.rollback()
        found.append(session.scalar(select(Customer.email).where(Customer.id == 1)))
    return found


@case
def streaming(session):
    found = []
    for size in (1, 2, 100):
        found.append([row.email for row in session.scalars(IN_ORDER.execution_options(yield_per=size))])
        session.expunge_all()
    partitions = session.execute(select(Order.id, Order.card).order_by(Order.id), execution_options={"stream_results": True, "max_row_buffer": 1}).partitions(3)
    return [*found, [list(part) for part in partitions]]
