"""Cases that read."""

import datetime
import decimal
import uuid

from models import Contact, Order, OrderLine, Person, Product
from report import case
from sqlalchemy import String, and_, bindparam, distinct, exists, func, literal, or_, select, text, true, tuple_, union, union_all
from sqlalchemy import case as case_when
from sqlalchemy.orm import aliased, contains_eager, defer, joinedload, load_only, raiseload, selectinload, subqueryload
from writing import facts

UTC = datetime.timezone.utc


@case
def get(session):
    return facts(session.get(Person, 2)), session.get(Person, 99)


@case
def everything(session):
    return [facts(p) for p in session.scalars(select(Person).order_by(Person.id))]


@case
def by_a_sealed_column(session):
    found = [
        session.scalars(select(Person.id).where(condition).order_by(Person.id)).all()
        for condition in (
            Person.email == "ada@example.org",
            Person.email != "ada@example.org",
            Person.ssn == "123-45-6789",
            Person.badge == 104,
            Person.token == uuid.UUID("44444444-4444-4444-8444-444444444444"),
            Person.email.is_distinct_from("ada@example.org"),
            Person.ssn.is_(None),
            Person.birth.is_not(None),
            Person.ssn == None,  # noqa: E711 (what people write)
            ~(Person.badge == 104),
        )
    ]
    return found


@case
def in_lists(session):
    return [
        session.scalars(select(Person.name).where(condition).order_by(Person.id)).all()
        for condition in (
            Person.email.in_(["ada@example.org", "ben@example.org", "nobody"]),
            Person.email.not_in(["ada@example.org"]),
            Person.email.in_([]),
            Person.badge.in_([101, 105, 7]),
            Person.ssn.in_(["123-45-6789"]),
            Person.id.in_([1, 2]),
            Person.email == func.any(["ada@example.org", "x"]),
            or_(Person.ssn.in_(["123-45-6789"]), Person.ssn.is_(None)),
        )
    ]


@case
def optional_filters(session):
    statement = select(Person.name).where(or_(bindparam("mail", type_=String).is_(None), Person.email == bindparam("mail", type_=String))).order_by(Person.id)
    return [session.scalars(statement, {"mail": mail}).all() for mail in (None, "ben@example.org")]


@case
def row_comparison(session):
    return session.scalars(
        select(Person.id).where(tuple_(Person.email, Person.badge).in_([("ada@example.org", 101), ("ben@example.org", 1)]))
    ).all()


@case
def in_a_subquery(session):
    statement = select(Person.name).where(Person.email.in_(select(Contact.mail).where(Contact.kind == "home"))).order_by(Person.id)
    plain = select(Person.name).where(Person.id.in_(select(Order.person_id).where(Order.card == "4111 1111 1111 1111")))
    return session.scalars(statement).all(), session.scalars(plain).all()


@case
def exists_any_has(session):
    return [
        session.scalars(select(Person.email).where(condition).order_by(Person.id)).all()
        for condition in (
            Person.contacts.any(Contact.mail == "office@example.org"),
            ~Person.contacts.any(),
            exists().where(Contact.mail == Person.email),
            Person.orders.any(and_(Order.card == "5500 0000 0000 0004", Order.total > 1)),
        )
    ] + session.scalars(select(Order.number).where(Order.person.has(email="ada@example.org")).order_by(Order.id)).all()


@case
def exists_as_a_result(session):
    return session.scalar(select(exists().where(Person.email == "ada@example.org"))), session.scalar(
        select(select(Person).where(Person.ssn == "nobody").exists())
    )


@case
def counts(session):
    return [
        session.scalar(select(func.count()).select_from(Person).where(Person.ssn == "123-45-6789")),
        session.scalar(select(func.count(Person.ssn))),
        session.scalar(select(func.count(distinct(Person.ssn)))),
        session.scalar(select(func.count()).select_from(select(Person).where(Person.active).subquery())),
        session.scalar(select(func.count(Person.id)).filter(Person.email == "ada@example.org")),
    ]


@case
def distinct_values(session):
    return sorted(session.scalars(select(Contact.mail).distinct()).all(), key=str), sorted(
        session.execute(select(Contact.phone, Contact.kind).distinct()).all(), key=str
    )


@case
def distinct_on(session):
    return session.execute(select(Contact.mail, Contact.kind).distinct(Contact.person_id).order_by(Contact.person_id, Contact.id)).all()


@case
def distinct_on_a_sealed_column(session):
    found = session.execute(select(Contact.mail, func.count().over()).distinct(Contact.mail)).all()
    return sorted(found, key=str)


@case
def group_by_a_plain_column(session):
    return session.execute(select(Person.city, func.count(), func.count(Person.ssn)).group_by(Person.city).order_by(Person.city)).all()


@case
def group_by_a_sealed_column(session):
    statement = select(Contact.mail, func.count().label("n"), func.max(Contact.kind)).group_by(Contact.mail)
    having = select(Order.card, func.sum(Order.total)).group_by(Order.card).having(func.count() > 1)
    return sorted(session.execute(statement).all(), key=str), sorted(session.execute(having).all(), key=str)


@case
def group_by_a_join(session):
    statement = (
        select(Person.id, Person.email, func.count(Order.id), func.coalesce(func.sum(Order.total), 0))
        .outerjoin(Order).group_by(Person.id).order_by(Person.id)
    )  # fmt: skip
    both = select(Person.email, Person.city, func.count(Order.id)).join(Order).group_by(Person.email, Person.city)
    return session.execute(statement).all(), sorted(session.execute(both).all())


@case
def pagination(session):
    statement = select(Person).order_by(Person.id)
    pages = [[facts(p) for p in session.scalars(statement.limit(2).offset(start))] for start in (0, 2, 4, 6)]
    keyset = session.execute(select(Person.email).where(tuple_(Person.city, Person.id) > ("Bremen", 2)).order_by(Person.city, Person.id).limit(2)).all()
    return pages, keyset


@case
def pagination_with_the_total(session):
    return session.execute(select(Person.id, Person.email, func.count().over()).order_by(Person.id).limit(2)).all()


@case
def windows(session):
    return session.execute(
        select(
            Order.number, Order.card,
            func.row_number().over(partition_by=Order.person_id, order_by=Order.placed),
            func.lag(Order.remark).over(order_by=Order.number),
            func.first_value(Order.card).over(partition_by=Order.person_id, order_by=Order.number),
        ).order_by(Order.number)
    ).all()  # fmt: skip


@case
def latest_of_each(session):
    latest = (
        select(Order, func.row_number().over(partition_by=Order.person_id, order_by=Order.placed.desc()).label("place")).subquery()
    )
    order = aliased(Order, latest)
    return [(o.number, o.card, o.remark) for o in session.scalars(select(order).where(latest.c.place == 1).order_by(latest.c.number))]


@case
def joined_eager(session):
    statement = select(Person).options(joinedload(Person.contacts), joinedload(Person.orders)).order_by(Person.id)
    people = session.scalars(statement).unique().all()
    return [(p.email, [(c.mail, c.phone) for c in p.contacts], [(o.number, o.card) for o in p.orders]) for p in people]


@case
def joined_eager_page(session):
    statement = select(Person).options(joinedload(Person.contacts)).order_by(Person.id).limit(2)
    return [(p.email, p.birth, [c.mail for c in p.contacts]) for p in session.scalars(statement).unique()]


@case
def joined_eager_inner(session):
    statement = select(Contact).options(joinedload(Contact.person, innerjoin=True)).where(Contact.mail == "office@example.org").order_by(Contact.id)
    return [(c.mail, c.person.email, c.person.salary) for c in session.scalars(statement)]


@case
def selectin_eager(session):
    statement = select(Person).options(selectinload(Person.contacts), selectinload(Person.orders).selectinload(Order.lines).joinedload(OrderLine.product)).order_by(Person.id)
    return [
        (p.ssn, [c.comment for c in p.contacts], [(o.remark, [(line.product.sku, line.quantity) for line in o.lines]) for o in p.orders])
        for p in session.scalars(statement)
    ]


@case
def subquery_eager(session):
    statement = select(Person).where(Person.email != "ben@example.org").options(subqueryload(Person.contacts)).order_by(Person.id)
    return [(p.email, [c.phone for c in p.contacts]) for p in session.scalars(statement)]


@case
def lazy_loading(session):
    person = session.scalars(select(Person).where(Person.email == "ada@example.org")).one()
    return [c.mail for c in person.contacts], [(o.card, o.person.email) for o in person.orders]


@case
def joins(session):
    inner = select(Person.email, Contact.mail, Contact.phone).join(Contact).where(Contact.kind == "home").order_by(Person.id)
    on_sealed = select(Person.name, Contact.comment).join(Contact, Contact.mail == Person.email).order_by(Person.id)
    outer = select(Person.email, Contact.mail).outerjoin(Contact, and_(Contact.person_id == Person.id, Contact.mail == "office@example.org")).order_by(Person.id)
    return [session.execute(statement).all() for statement in (inner, on_sealed, outer)]


@case
def join_with_itself(session):
    other = aliased(Person)
    statement = select(Person.email, other.email).join(other, and_(Person.ssn == other.ssn, Person.id < other.id))
    return session.execute(statement).all()


@case
def join_a_subquery(session):
    spent = select(Order.person_id, func.sum(Order.total).label("spent")).group_by(Order.person_id).subquery()
    statement = select(Person.email, spent.c.spent).join(spent, spent.c.person_id == Person.id).order_by(Person.id)
    inner = select(Person.id, Person.email.label("address"), Person.birth).where(Person.active).subquery()
    again = select(inner.c.address, inner.c.birth).where(inner.c.address.in_(["ada@example.org", "dora@example.org"])).order_by(inner.c.id)
    return session.execute(statement).all(), session.execute(again).all()


@case
def lateral(session):
    last = select(Order.number, Order.card).where(Order.person_id == Person.id).order_by(Order.placed.desc()).limit(1).lateral()
    return session.execute(select(Person.email, last.c.number, last.c.card).join(last, true()).order_by(Person.id)).all()


@case
def ctes(session):
    rich = select(Person.id, Person.email, Person.salary).where(Person.city == "Bremen").cte("rich")
    return session.execute(select(rich.c.email, rich.c.salary, Order.card).join(Order, Order.person_id == rich.c.id).order_by(Order.id)).all()


@case
def a_scalar_subquery(session):
    newest = select(Order.card).where(Order.person_id == Person.id).order_by(Order.id.desc()).limit(1).scalar_subquery()
    return session.execute(select(Person.id, newest).order_by(Person.id)).all()


@case
def a_scalar_subquery_of_plain(session):
    number = select(func.count()).where(Order.person_id == Person.id).scalar_subquery()
    return session.execute(select(Person.email, number).order_by(Person.id)).all()


@case
def union_all_of_sealed(session):
    statement = union_all(select(Person.email), select(Contact.mail))
    return sorted(session.scalars(statement).all(), key=str)


@case
def union_all_of_one_column(session):
    of = lambda city: select(Person.id, Person.email, Person.birth).where(Person.city == city)  # noqa: E731
    return sorted(session.execute(union_all(of("Kiel"), of("Ulm"))).all(), key=str)


@case
def union_of_objects(session):
    both = union(select(Person).where(Person.city == "Kiel"), select(Person).where(Person.email == "ada@example.org")).subquery()
    person = aliased(Person, both)
    return [facts(p) for p in session.scalars(select(person).order_by(person.id))]


@case
def union_of_ids(session):
    statement = union(select(Person.id).where(Person.email == "ada@example.org"), select(Contact.person_id).where(Contact.mail == "office@example.org"))
    return sorted(session.scalars(statement))


@case
def computed_results(session):
    return session.execute(
        select(
            func.coalesce(Person.notes, "none"),
            case_when((Person.active, Person.email), else_=None),
            (Person.email == "ada@example.org").label("is_ada"),
            case_when((Person.ssn.is_(None), "unknown"), else_="known"),
        ).order_by(Person.id)
    ).all()  # fmt: skip


@case
def columns_only(session):
    some = [(p.id, p.email) for p in session.scalars(select(Person).options(load_only(Person.email)).order_by(Person.id))]
    rest = [(p.id, p.salary) for p in session.scalars(select(Person).options(defer(Person.notes), raiseload("*")).order_by(Person.id))]
    return some, rest, session.execute(select(Person.__table__.c.birth, Person.__table__.c.meta).order_by(Person.id)).mappings().all()


@case
def tuples_of_entities(session):
    return [(p.email, c.mail) for p, c in session.execute(select(Person, Contact).join(Person.contacts).order_by(Contact.id))]


@case
def eager_from_a_join(session):
    statement = select(Person).join(Person.contacts).where(Contact.kind == "home").options(contains_eager(Person.contacts)).order_by(Person.id)
    return [(p.email, [c.mail for c in p.contacts]) for p in session.scalars(statement).unique()]


@case
def refresh(session):
    person = session.get(Person, 1)
    session.refresh(person, ["email", "birth"])
    session.refresh(person, with_for_update=True)
    return facts(person)


@case
def streaming(session):
    return [facts(p) for p in session.scalars(select(Person).order_by(Person.id).execution_options(yield_per=2))] if not session.bind.dialect.is_async else [
        facts(p) for p in session.scalars(select(Person).order_by(Person.id))
    ]


@case
def partitions(session):
    result = session.execute(select(Person.id, Person.email, Person.meta).order_by(Person.id))
    return [list(part) for part in result.partitions(2)]


@case
def the_query_interface(session):
    query = session.query(Person)
    return (
        query.filter_by(email="ben@example.org").one().name,
        query.filter(Person.ssn == "123-45-6789").count(),
        query.filter(Person.email == "nobody").first(),
        query.order_by(Person.id)[1:3][0].email,
        session.query(query.filter_by(badge=104).exists()).scalar(),
    )


@case
def text_statements(session):
    return [
        session.execute(text("SELECT id, email, birth FROM people WHERE email = :e"), {"e": "ada@example.org"}).all(),
        session.execute(text("SELECT * FROM people WHERE badge = :b"), {"b": 104}).mappings().all(),
        [facts(p) for p in session.scalars(select(Person).from_statement(text("SELECT * FROM people WHERE token = :t")), {"t": uuid.UUID("11111111-1111-4111-8111-111111111111")})],
        session.execute(text("SELECT id FROM people WHERE email IN :e ORDER BY id").bindparams(bindparam("e", expanding=True)), {"e": ["ada@example.org", "cem@example.org"]}).all(),
        session.execute(text("SELECT id FROM people WHERE ssn = '123-45-6789' ORDER BY id")).all(),
    ]


@case
def of_each_type(session):
    table = Person.__table__.c
    return [
        session.execute(select(table.id).where(condition).order_by(table.id)).all()
        for condition in (
            table.email == literal("ada@example.org"),
            table.badge == literal(101),
            table.badge.in_([101, 102]),
            table.token.in_([uuid.UUID("22222222-2222-4222-8222-222222222222")]),
            table.created == datetime.datetime(2024, 1, 2, 9, tzinfo=UTC),
            table.tags.contains(["vip"]),
            table.tags.any("news"),
        )
    ]


@case
def order_by_a_sealed_column(session):
    return session.scalars(select(Person.email).order_by(Person.email)).all()


@case
def range_of_a_sealed_column(session):
    return session.scalars(select(Person.id).where(Person.birth >= datetime.date(1990, 1, 1))).all()


@case
def like_a_sealed_column(session):
    return session.scalars(select(Person.id).where(Person.email.like("ada%"))).all()


@case
def sum_of_a_sealed_column(session):
    return session.scalar(select(func.sum(Person.salary)))


@case
def randomized_compared(session):
    return session.scalars(select(Person.id).where(Person.salary == decimal.Decimal("4200.50"))).all()


@case
def lower_of_a_sealed_column(session):
    return session.scalars(select(Person.id).where(func.lower(Person.email) == "ada@example.org")).all()


@case
def plain_tables(session):
    return session.execute(select(Product.sku, func.sum(OrderLine.quantity)).join(OrderLine).group_by(Product.id).order_by(Product.sku)).all()
