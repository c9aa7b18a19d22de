"""Cases that write."""

import datetime
import decimal
import uuid

from models import Contact, Order, OrderLine, Person, Product
from report import case
from sqlalchemy import case as case_when
from sqlalchemy import bindparam, delete, func, insert, literal, select, text, update, values
from sqlalchemy import Integer, String, column
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import selectinload

UTC = datetime.timezone.utc
TOKEN = uuid.UUID("99999999-9999-4999-8999-999999999999")


def facts(person):
    return (
        person.id, person.name, person.email, person.ssn, person.birth, person.salary, person.notes, person.badge,
        person.token, person.meta, person.seen, person.city, person.active, person.tags,
    )  # fmt: skip


def everybody(session):
    session.expire_all()
    return [facts(p) for p in session.scalars(select(Person).order_by(Person.id))]


def new_people(count, start=0):
    return [
        Person(
            name=f"New {i}", email=f"new{i}@example.org", ssn=f"9{i % 100:02}-00-0000" if i % 3 else None,
            birth=datetime.date(1970, 1, 1 + i % 28), salary=decimal.Decimal(1000 + i) / 4 if i % 4 else None,
            notes=f"note {i}" if i % 2 else None, badge=500 + i, meta={"i": i} if i % 5 else None,
        )
        for i in range(start, start + count)
    ]  # fmt: skip


def person_rows(count):
    return [
        {"name": f"Row {i}", "email": f"row{i}@example.org", "ssn": f"8{i:02}-00-0000",
         "birth": datetime.date(1980, 2, 1 + i % 28), "salary": decimal.Decimal("12.34") + i,
         "notes": None if i % 2 else "x", "badge": 700 + i}
        for i in range(count)
    ]  # fmt: skip


@case
def add_one(session):
    person = Person(
        name="Fay", email="fay@example.org", ssn="323-45-6789", birth=datetime.date(1999, 12, 31),
        salary=decimal.Decimal("1234.5"), notes="first visit", badge=7, token=TOKEN, meta={"a": [1, None, "x"]},
        seen=datetime.datetime(2024, 5, 5, 12, 30, tzinfo=UTC), tags=["a", "b c"],
    )  # fmt: skip
    session.add(person)
    session.commit()
    return facts(person)


@case
def add_with_nulls(session):
    person = Person(name="Gus", email="gus@example.org")
    session.add(person)
    session.commit()
    return facts(person)


@case
def add_all(session):
    session.add_all(new_people(8))
    session.commit()
    return everybody(session)


@case
def add_all_of_a_batch_and_more(session):
    people = new_people(1100)
    session.add_all(people)
    session.commit()
    session.expire_all()
    return len(people), [facts(p) for p in session.scalars(select(Person).where(Person.badge.in_([500, 1599, 1000])))]


@case
def add_a_graph(session):
    person = Person(name="Hal", email="hal@example.org", ssn="777-45-6789")
    person.contacts = [
        Contact(kind="home", mail="hal@example.org", phone="1"),
        Contact(kind="work", mail="office@example.org", comment="c"),
    ]
    product = session.scalars(select(Product).where(Product.sku == "B-1")).one()
    order = Order(
        number=2001, status="open", total=decimal.Decimal("90.00"), placed=datetime.datetime(2024, 6, 1, tzinfo=UTC),
        card="4000 0000 0000 0002", remark="fragile", lines=[OrderLine(product=product, quantity=2)],
    )  # fmt: skip
    person.orders = [order]
    session.add(person)
    session.commit()
    session.expire_all()
    found = session.scalars(
        select(Person).where(Person.email == "hal@example.org").options(selectinload(Person.contacts))
    ).one()
    return (
        facts(found),
        [(c.kind, c.mail, c.phone, c.comment) for c in found.contacts],
        [(o.number, o.card, o.remark, [(line.product.sku, line.quantity) for line in o.lines]) for o in found.orders],
    )


@case
def update_one(session):
    person = session.get(Person, 1)
    person.email = "ada@example.net"
    person.birth = datetime.date(1986, 1, 1)
    person.salary = None
    person.city = "Köln"
    session.commit()
    return facts(person)


@case
def update_some_of_each(session):
    # The unit of work sends one executemany per set of changed columns.
    for person in session.scalars(select(Person).order_by(Person.id)):
        person.notes = f"seen {person.id}"
        person.salary = (person.salary or 0) + decimal.Decimal("0.50")
    session.commit()
    return everybody(session)


@case
def delete_one(session):
    session.delete(session.get(Person, 1, options=[selectinload(Person.contacts)]))
    session.commit()
    return everybody(session), session.scalar(select(func.count()).select_from(Contact))


@case
def bulk_insert(session):
    session.execute(insert(Person), person_rows(5))
    session.commit()
    return everybody(session)


@case
def bulk_insert_returning(session):
    found = session.execute(insert(Person).returning(Person.id, Person.email, Person.birth), person_rows(5)).all()
    session.commit()
    return found


@case
def bulk_insert_returning_objects_in_order(session):
    found = session.scalars(insert(Person).returning(Person, sort_by_parameter_order=True), person_rows(6)).all()
    shown = [facts(p) for p in found]
    session.commit()
    return shown


@case
def bulk_insert_of_the_table_returning(session):
    # Without the ORM rows keep their NULLs, so that all of them travel in one statement.
    people = Person.__table__
    found = session.execute(insert(people).returning(people.c.id, people.c.email, people.c.notes), person_rows(4)).all()
    again = session.execute(insert(people).returning(people.c.id, people.c.ssn, sort_by_parameter_order=True), [row | {"email": "x" + row["email"], "badge": None} for row in person_rows(3)]).all()
    session.commit()
    return sorted(found), again


@case
def bulk_upsert_of_the_table_returning(session):
    statement = pg_insert(Person.__table__)
    statement = statement.on_conflict_do_update(
        index_elements=["email"], set_={"notes": statement.excluded.notes, "badge": statement.excluded.badge}
    ).returning(Person.id, Person.email, Person.notes)
    rows = person_rows(3)
    rows[1] |= {"email": "ben@example.org", "notes": "met"}
    found = session.execute(statement, rows).all()
    session.commit()
    return sorted(row[1:] for row in found), everybody(session)[1]


@case
def bulk_insert_values(session):
    session.execute(insert(Person).values([row | {"city": "x", "active": True, "tags": [], "created": datetime.datetime(2024, 6, 1, tzinfo=UTC)} for row in person_rows(3)]))
    session.commit()
    return everybody(session)


@case
def bulk_insert_with_an_expression(session):
    session.execute(insert(Contact).values(person_id=select(Person.id).where(Person.email == "ben@example.org").scalar_subquery()), [
        {"kind": "a", "mail": "m1@example.org"}, {"kind": "b", "mail": None},
    ])
    session.commit()
    return session.execute(select(Contact.person_id, Contact.kind, Contact.mail).order_by(Contact.id)).all()


@case
def bulk_save_objects(session):
    session.bulk_save_objects(new_people(3))
    session.commit()
    return everybody(session)


@case
def bulk_insert_mappings(session):
    session.bulk_insert_mappings(Contact, [{"person_id": 1, "kind": "x", "mail": f"{i}@example.org", "phone": None} for i in range(3)])
    session.commit()
    return session.execute(select(Contact.mail, Contact.phone).order_by(Contact.id)).all()


@case
def bulk_update_by_primary_key(session):
    session.execute(update(Person), [
        {"id": 1, "email": "one@example.org", "birth": datetime.date(2000, 1, 1)},
        {"id": 2, "email": "two@example.org", "birth": None},
    ])
    session.commit()
    return everybody(session)


@case
def update_where(session):
    done = session.execute(update(Person).where(Person.ssn == "123-45-6789").values(notes="twins", salary=decimal.Decimal(5)))
    session.commit()
    return done.rowcount, everybody(session)


@case
def update_where_in(session):
    done = session.execute(update(Order).where(Order.card.in_(["4111 1111 1111 1111", "none"])).values(status="held"))
    session.commit()
    return done.rowcount, session.execute(select(Order.number, Order.status, Order.card).order_by(Order.id)).all()


@case
def update_returning(session):
    found = session.execute(
        update(Person).where(Person.city == "Bremen").values(notes="moved", city="Berlin").returning(Person.id, Person.email, Person.notes)
    ).all()
    session.commit()
    return sorted(found)


@case
def update_with_a_case(session):
    session.execute(update(Person).values(
        notes=case_when((Person.id == 1, "first"), (Person.city == "Kiel", "north"), else_=None),
    ))
    session.commit()
    return everybody(session)


@case
def update_with_a_case_that_keeps(session):
    session.execute(update(Person).values(
        email=case_when((Person.id == 1, "first@example.org"), (Person.email == "ben@example.org", "second@example.org"), else_=Person.email),
    ))
    session.commit()
    return everybody(session)


@case
def update_from_values(session):
    new = values(column("id", Integer), column("mail", String), name="new").data([(1, "v1@example.org"), (3, "v3@example.org")])
    session.execute(update(Person).where(Person.id == new.c.id).values(email=new.c.mail).execution_options(synchronize_session=False))
    session.commit()
    return everybody(session)


@case
def update_from_another_table(session):
    session.execute(
        update(Contact).where(Contact.person_id == Person.id, Contact.kind == "work").values(mail=Person.email)
        .execution_options(synchronize_session=False)
    )
    session.commit()
    return session.execute(select(Contact.id, Contact.mail).order_by(Contact.id)).all()


@case
def update_a_sealed_column_with_an_expression(session):
    session.execute(update(Person).where(Person.id == 1).values(salary=Person.salary * 2))
    session.commit()
    return session.scalar(select(Person.salary).where(Person.id == 1))


@case
def swap_columns(session):
    session.execute(update(Contact).values(phone=Contact.comment, comment=Contact.phone))
    session.commit()


@case
def delete_where(session):
    done = session.execute(delete(Contact).where(Contact.mail == "office@example.org"))
    session.commit()
    return done.rowcount, session.scalars(select(Contact.mail).order_by(Contact.id)).all()


@case
def delete_returning(session):
    found = session.execute(delete(Contact).where(Contact.phone == "0421 2").returning(Contact.id, Contact.mail)).all()
    session.commit()
    return sorted(found)


@case
def delete_using(session):
    done = session.execute(
        delete(Contact).where(Contact.person_id == Person.id, Contact.mail == Person.email).execution_options(synchronize_session=False)
    )
    session.commit()
    return done.rowcount


@case
def upsert_do_nothing(session):
    statement = pg_insert(Person).on_conflict_do_nothing(index_elements=["email"]).returning(Person.id)
    found = session.execute(statement, person_rows(2) + [{"name": "dup", "email": "ada@example.org", "ssn": None, "birth": None, "salary": None, "notes": None, "badge": 900}]).all()
    session.commit()
    return found, everybody(session)


@case
def upsert_do_nothing_at_all(session):
    done = session.execute(pg_insert(Person).values(name="dup", email="ada@example.org", badge=1).on_conflict_do_nothing())
    session.commit()
    return done.rowcount


@case
def upsert_do_update(session):
    statement = pg_insert(Person)
    statement = statement.on_conflict_do_update(
        index_elements=[Person.email],
        set_={"notes": statement.excluded.notes, "salary": statement.excluded.salary, "name": statement.excluded.name},
    )
    session.execute(statement, [
        {"name": "Ada II", "email": "ada@example.org", "salary": decimal.Decimal("1.10"), "notes": "again", "birth": None},
        {"name": "Ida", "email": "ida@example.org", "salary": None, "notes": None, "birth": datetime.date(2010, 10, 10)},
    ])
    session.commit()
    return everybody(session)


@case
def upsert_do_update_returning(session):
    statement = pg_insert(Person).values(name="Ada II", email="ada@example.org", notes="up", badge=101)
    statement = statement.on_conflict_do_update(
        index_elements=["email"], set_={"notes": statement.excluded.notes, "birth": datetime.date(1900, 1, 1)},
        where=Person.city == "Bremen",
    ).returning(Person)  # fmt: skip
    found = [facts(p) for p in session.scalars(statement, execution_options={"populate_existing": True})]
    session.commit()
    return found


@case
def upsert_by_constraint(session):
    statement = pg_insert(Person).values(name="B", email="b@example.org", badge=102)
    statement = statement.on_conflict_do_update(constraint="people_badge_key", set_={"email": statement.excluded.email})
    session.execute(statement)
    session.commit()
    return everybody(session)


@case
def upsert_where_changed(session):
    statement = pg_insert(Person).values(name="B", email="ben@example.org", ssn="223-45-6789")
    statement = statement.on_conflict_do_update(
        index_elements=["email"], set_={"name": "changed", "ssn": statement.excluded.ssn},
        where=Person.ssn.is_distinct_from(statement.excluded.ssn),
    )  # fmt: skip
    done = session.execute(statement)
    session.commit()
    return done.rowcount


@case
def upsert_many_values(session):
    statement = pg_insert(Person).values([
        {"name": f"V{i}", "email": mail, "badge": badge, "city": "", "active": True, "tags": [], "created": datetime.datetime(2024, 6, 1, tzinfo=UTC)}
        for i, (mail, badge) in enumerate([("ada@example.org", 101), ("zoe@example.org", 300)])
    ])
    statement = statement.on_conflict_do_update(index_elements=["email"], set_={"name": statement.excluded.name, "badge": statement.excluded.badge}).returning(Person.id, Person.email, Person.badge)
    found = session.execute(statement).all()
    session.commit()
    return sorted(found)


@case
def upsert_by_a_plain_key(session):
    statement = pg_insert(Order).values(number=1001, status="paid", total=decimal.Decimal(1), placed=datetime.datetime(2024, 6, 1, tzinfo=UTC), card="6", remark="r")
    statement = statement.on_conflict_do_update(index_elements=[Order.number], set_={"card": statement.excluded.card, "remark": statement.excluded.remark})
    session.execute(statement)
    session.commit()
    return session.execute(select(Order.id, Order.card, Order.remark).order_by(Order.id)).all()


@case
def insert_from_select(session):
    source = select(Person.id, literal("copy"), Person.email).where(Person.active)
    session.execute(insert(Contact).from_select(["person_id", "kind", "mail"], source))
    session.commit()
    return session.execute(select(Contact.kind, Contact.mail).order_by(Contact.id)).all()


@case
def insert_from_select_of_the_same_table(session):
    source = select(Contact.person_id, literal("copy"), Contact.mail, Contact.phone).where(Contact.kind == "home")
    session.execute(insert(Contact).from_select(["person_id", "kind", "mail", "phone"], source))
    session.commit()
    return session.execute(select(Contact.kind, Contact.mail, Contact.phone).order_by(Contact.id)).all()


@case
def insert_where_not_exists(session):
    source = select(literal(1), literal("new"), literal("n@example.org")).where(~select(Contact.id).where(Contact.mail == "n@example.org").exists())
    session.execute(insert(Contact).from_select(["person_id", "kind", "mail"], source))
    session.commit()
    return session.execute(select(Contact.kind, Contact.mail).order_by(Contact.id)).all()


@case
def insert_in_a_cte(session):
    new = insert(Contact).values(person_id=1, kind="cte", mail="cte@example.org").returning(Contact.id, Contact.mail).cte("new")
    found = session.execute(select(new.c.mail)).all()
    session.commit()
    return found


@case
def a_unique_violation(session):
    session.add(Person(name="dup", email="ada@example.org"))
    session.commit()


@case
def a_unique_violation_described(session):
    session.add(Person(name="dup", email="ada@example.org"))
    try:
        session.flush()
    except Exception as error:  # the tool's IntegrityError
        inner = error.orig.__cause__ or error.orig
        of = getattr(inner, "diag", inner)
        return of.constraint_name, of.table_name, of.schema_name
    finally:
        session.rollback()


@case
def a_unique_violation_in_a_savepoint(session):
    found = []
    for mail in ("ada@example.org", "new@example.org"):
        try:
            with session.begin_nested():
                session.add(Person(name="maybe", email=mail, ssn="555-55-5555"))
        except Exception as error:  # the tool's IntegrityError
            found.append(type(error).__name__)
    session.commit()
    return found, everybody(session)


@case
def a_value_too_long(session):
    session.add(Contact(person_id=1, kind="x", phone="1" * 31))
    session.commit()


@case
def a_number_out_of_range(session):
    session.add(Person(name="rich", email="rich@example.org", salary=decimal.Decimal("123456789.00")))
    session.commit()


@case
def a_rolled_back_transaction(session):
    session.add(Person(name="gone", email="gone@example.org"))
    session.flush()
    inside = session.scalar(select(Person.name).where(Person.email == "gone@example.org"))
    session.rollback()
    return inside, session.scalar(select(func.count()).select_from(Person).where(Person.email == "gone@example.org"))


@case
def locked_rows(session):
    statement = select(Person).where(Person.email == "ada@example.org").with_for_update(skip_locked=True)
    person = session.scalars(statement).one()
    person.notes = "locked"
    session.commit()
    of = select(Person, Order).join(Order).where(Order.card == "4111 1111 1111 1111").order_by(Order.id).with_for_update(of=Order, nowait=True)
    found = [(p.email, o.card) for p, o in session.execute(of)]
    session.commit()
    return facts(person), found


@case
def a_version_check(session):
    # What optimistic locking sends: the old value in WHERE.
    done = session.execute(update(Person).where(Person.id == 1, Person.badge == 101).values(badge=111))
    again = session.execute(update(Person).where(Person.id == 1, Person.badge == 101).values(badge=112))
    session.commit()
    return done.rowcount, again.rowcount


@case
def text_with_parameters(session):
    session.execute(
        text("INSERT INTO people (name, email, birth, salary, badge, token, seen, city, active, tags, created)"
             " VALUES (:name, :email, :birth, :salary, :badge, :token, :seen, '', true, '{}', '2024-06-01Z')"),
        {"name": "T", "email": "t@example.org", "birth": datetime.date(2000, 2, 29), "salary": decimal.Decimal("0.10"),
         "badge": 1, "token": TOKEN, "seen": datetime.datetime(2024, 6, 1, 1, 2, 3, 456789, tzinfo=UTC)},
    )  # fmt: skip
    session.execute(text("UPDATE people SET notes = :n WHERE email = :e"), {"n": "n", "e": "t@example.org"})
    session.execute(text("UPDATE people SET notes = :n, birth = :b WHERE email = :e").bindparams(bindparam("b", None)), {"n": None, "e": "ben@example.org"})
    session.commit()
    return everybody(session)


@case
def values_of_other_types(session):
    # What applications hand over: numbers as float, int and text, dates as text.
    session.add(Person(name="F", email="f@example.org", salary=1234.5))
    session.add(Person(name="I", email="i@example.org", salary=7))
    session.commit()
    session.execute(text("UPDATE people SET salary = :s, badge = :b, birth = :d WHERE email = :e"), {"s": "12.30", "b": "55", "d": "2000-01-31", "e": "i@example.org"})
    session.commit()
    return [facts(p) for p in session.scalars(select(Person).where(Person.id > 5).order_by(Person.id))]


@case
def long_and_odd_texts(session):
    for number, notes in enumerate(["", " ", "'", "\\", "\\x00", "%s $1 :x", "\n\t", "ü" * 5000, "{a,b}", "NULL", "🙂"]):
        session.add(Contact(person_id=1, kind=str(number), mail=notes, comment=notes))
    session.commit()
    return session.execute(select(Contact.kind, Contact.mail, Contact.comment).where(Contact.id > 5).order_by(Contact.id)).all()


@case
def the_same_statement_many_times(session):
    # psycopg prepares it at the fifth time; then the same with other values and NULL.
    found = []
    for number in range(9):
        session.execute(update(Person).where(Person.id == 1 + number % 5).values(notes=f"n{number}" if number % 3 else None, badge=900 + number))
        found.append(session.execute(select(Person.id, Person.notes).where(Person.badge == 900 + number)).all())
    session.commit()
    return found
