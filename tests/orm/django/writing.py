"""Cases that write."""

import datetime
import decimal
import uuid

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, CharField, DateField, DecimalField, F, OuterRef, Q, Subquery, TextField, Value, When
from django.db.models.functions import Coalesce, Now
from report import case
from shop.models import Contact, Order, OrderLine, Person, Product

UTC = datetime.timezone.utc
TOKEN = uuid.UUID("99999999-9999-4999-8999-999999999999")


def facts(person):
    return (
        person.id, person.name, person.email, person.ssn, person.birth, person.salary, person.notes, person.badge,
        person.token, person.meta, person.seen, person.city, person.active, person.tags,
    )  # fmt: skip


def everybody():
    return [facts(p) for p in Person.objects.all()]


def new_people(count):
    return [
        Person(
            name=f"New {i}", email=f"new{i}@example.org", ssn=f"9{i % 100:02}-00-0000" if i % 3 else None,
            birth=datetime.date(1970, 1, 1 + i % 28), salary=decimal.Decimal(1000 + i) / 4 if i % 4 else None,
            notes=f"note '{i}' \\ %" if i % 2 else None, badge=500 + i, meta={"i": i} if i % 5 else None,
            token=TOKEN if i % 2 else None, seen=datetime.datetime(2024, 5, 5, 12, i % 60, tzinfo=UTC),
        )
        for i in range(count)
    ]  # fmt: skip


@case
def save():
    person = Person(
        name="Fay", email="fay@example.org", ssn="323-45-6789", birth=datetime.date(1999, 12, 31),
        salary=decimal.Decimal("1234.5"), notes="it's 100 % \\ first", badge=7, token=TOKEN, meta={"a": [1, None, "x'"]},
        seen=datetime.datetime(2024, 5, 5, 12, 30, tzinfo=UTC), tags=["a", "b c"],
    )  # fmt: skip
    person.save()
    return facts(person), facts(Person.objects.get(pk=person.pk))


@case
def create():
    person = Person.objects.create(name="Gus", email="gus@example.org")
    contact = person.contacts.create(kind="home", mail="gus@example.org", phone=None)
    person.refresh_from_db()
    return facts(person), contact.mail


@case
def save_again():
    person = Person.objects.get(email="ada@example.org")
    person.email = "ada@example.net"
    person.salary = None
    person.save()
    person.birth = datetime.date(2000, 1, 1)
    person.save(update_fields=["birth"])
    return facts(Person.objects.get(pk=1))


@case
def save_with_a_primary_key():
    # UPDATE first, INSERT if it changed nothing.
    Person(id=77, name="set", email="set@example.org").save()
    Person(id=1, name="overwritten", email="over@example.org").save()
    return everybody()


@case
def delete():
    # The cascade is Django's own: it selects the related rows and deletes them by key.
    return Person.objects.get(pk=1).delete(), everybody()


@case
def delete_where():
    return Contact.objects.filter(mail="office@example.org").delete(), Person.objects.filter(ssn="123-45-6789").delete(), everybody()


@case
def bulk_create():
    made = Person.objects.bulk_create(new_people(8))
    return [p.pk for p in made], everybody()


@case
def bulk_create_one():
    return [p.pk for p in Person.objects.bulk_create(new_people(1))], everybody()


@case
def bulk_create_in_batches():
    made = Person.objects.bulk_create(new_people(600), batch_size=250)
    return len(made), [facts(p) for p in Person.objects.filter(badge__in=[500, 749, 750, 1099])]


@case
def bulk_create_of_contacts():
    made = Contact.objects.bulk_create(Contact(person_id=1 + i % 3, kind="x", mail=f"{i}@example.org" if i else None, phone="1", comment="c") for i in range(4))
    return [c.pk for c in made], list(Contact.objects.values_list("mail", "phone", "comment"))


@case
def bulk_create_ignore_conflicts():
    Person.objects.bulk_create([*new_people(2), Person(name="dup", email="ada@example.org")], ignore_conflicts=True)
    return everybody()


@case
def bulk_create_update_conflicts():
    people = [
        Person(name="Ada II", email="ada@example.org", notes="again", salary=decimal.Decimal("1.10"), badge=801),
        Person(name="Ida", email="ida@example.org", badge=802),
    ]
    made = Person.objects.bulk_create(people, update_conflicts=True, unique_fields=["email"], update_fields=["name", "notes", "salary", "badge"])
    return [p.pk for p in made], [facts(p)[1:] for p in Person.objects.order_by("name")]


@case
def bulk_create_update_conflicts_by_a_plain_key():
    orders = [
        Order(person_id=2, number=n, status="paid", total=1, placed=datetime.datetime(2024, 6, 1, tzinfo=UTC), card=f"card {n}", remark=None)
        for n in (1001, 3001)
    ]
    Order.objects.bulk_create(orders, update_conflicts=True, unique_fields=["number"], update_fields=["card", "remark"])
    return list(Order.objects.order_by("number").values_list("number", "card", "remark"))


@case
def bulk_update():
    people = list(Person.objects.all())
    for person in people:
        person.email = f"bulk{person.id}@example.org"
        person.birth = datetime.date(2000, 1, person.id) if person.id != 2 else None
        person.salary = decimal.Decimal(person.id) / 8
        person.badge = 900 + person.id
        person.meta = {"id": person.id}
        person.seen = datetime.datetime(2024, 1, person.id, tzinfo=UTC)
        person.token = TOKEN if person.id > 3 else None
        person.ssn = f"{person.id}00-00-0000"
        person.city = "x"
    done = Person.objects.bulk_update(people, ["email", "birth", "salary", "badge", "meta", "seen", "token", "ssn", "city"])
    return done, everybody()


@case
def bulk_update_of_one_field_in_batches():
    people = list(Person.objects.all())
    for person in people:
        person.notes = f"it's {person.id}"
    return Person.objects.bulk_update(people, ["notes"], batch_size=2), everybody()


@case
def bulk_update_to_null():
    people = list(Person.objects.all())
    for person in people:
        person.notes = None
        person.badge = None
    return Person.objects.bulk_update(people, ["notes", "badge"]), everybody()


@case
def bulk_update_with_values_that_do_not_fit():
    # The cast around CASE cuts what is too long; char(n) is padded.
    people = list(Person.objects.all())
    for person, ssn in zip(people, ["123-45-678901", "ab", "x  ", "", "ä" * 12]):
        person.ssn = ssn
    done = Person.objects.bulk_update(people, ["ssn"])
    found = list(Person.objects.values_list("ssn", flat=True))
    return done, found, Person.objects.filter(ssn="ab").count(), Person.objects.filter(ssn="ab ").count(), Person.objects.filter(ssn="123-45-6789").count()


@case
def update_or_create():
    changed = Person.objects.update_or_create(email="ben@example.org", defaults={"notes": "known", "salary": decimal.Decimal("3200")})
    made = Person.objects.update_or_create(email="new@example.org", defaults={"name": "New", "birth": datetime.date(2001, 1, 1)}, create_defaults={"name": "Newer", "badge": 33})
    return [(facts(p), c) for p, c in (changed, made)], everybody()


@case
def get_or_create():
    found = Person.objects.get_or_create(email="ben@example.org", defaults={"name": "no"})
    made = Person.objects.get_or_create(email="new@example.org", ssn="999-99-9999", defaults={"name": "New"})
    related = found[0].contacts.get_or_create(mail="ben@example.org", defaults={"kind": "x"})
    return [(facts(p), c) for p, c in (found, made)], related[1]


@case
def update():
    return (
        Person.objects.filter(email="ada@example.org").update(notes="n", birth=None, city="Köln"),
        Person.objects.filter(ssn="123-45-6789").update(salary=decimal.Decimal("7"), meta={"x": 1}, seen=datetime.datetime(2024, 6, 6, tzinfo=UTC)),
        Person.objects.filter(badge__in=[102, 104]).update(token=TOKEN, badge=None),
        Contact.objects.filter(person__email="ada@example.org").update(phone="9"),
        everybody(),
        list(Contact.objects.values_list("phone", flat=True)),
    )


@case
def update_an_expression_of_a_plain_column():
    return Order.objects.filter(card="4111 1111 1111 1111").update(total=F("total") * 2, remark="doubled"), list(Order.objects.values_list("total", "remark"))


@case
def update_with_case():
    Person.objects.update(
        notes=Case(When(id=1, then=Value("one", output_field=TextField())), When(email="ben@example.org", then=Value("two", output_field=TextField())), default=F("notes")),
        birth=Case(When(id=1, then=Value(datetime.date(2000, 1, 1))), default=None, output_field=DateField()),
    )
    return everybody()


@case
def update_from_a_sealed_column_of_the_same_domain():
    first = Person.objects.filter(pk=OuterRef("person_id")).values("email")[:1]
    Contact.objects.filter(kind="work").update(mail=Subquery(first))


@case
def update_with_now():
    Person.objects.filter(pk=1).update(seen=Now())


@case
def update_with_arithmetic_on_a_sealed_column():
    Person.objects.filter(pk=1).update(salary=F("salary") + 1)


@case
def update_coalesce():
    Person.objects.update(notes=Coalesce("notes", Value("none", output_field=TextField())))
    return list(Person.objects.values_list("notes", flat=True))


@case
def select_for_update():
    with transaction.atomic():
        person = Person.objects.select_for_update().get(email="ada@example.org")
        person.salary += 1
        person.save()
        skipped = list(Person.objects.select_for_update(skip_locked=True).filter(badge=102).values_list("ssn", flat=True))
        of = [
            (o.card, o.person.email)
            for o in Order.objects.select_related("person").select_for_update(of=("self",), nowait=True).filter(card="4111 1111 1111 1111")
        ]
        no_key = Person.objects.select_for_update(no_key=True).filter(pk=3).first().email
    return facts(person), skipped, of, no_key


@case
def savepoints():
    found = []
    with transaction.atomic():
        for mail in ("ada@example.org", "new@example.org"):
            try:
                with transaction.atomic():
                    Person.objects.create(name="maybe", email=mail, ssn="555-55-5555")
            except IntegrityError as error:
                found.append(type(error).__name__)
        found.append(Person.objects.filter(email__in=["new@example.org", "ada@example.org"]).count())
    return found, everybody()


@case
def rolled_back():
    try:
        with transaction.atomic():
            Person.objects.create(name="gone", email="gone@example.org")
            inside = Person.objects.filter(email="gone@example.org").exists()
            raise KeyError
    except KeyError:
        pass
    return inside, Person.objects.filter(email="gone@example.org").exists()


@case
def a_unique_violation():
    Person.objects.create(name="dup", email="ada@example.org")


@case
def a_value_too_long():
    Contact.objects.create(person_id=1, kind="x", phone="1" * 31)


@case
def a_foreign_key_violation():
    with transaction.atomic():
        Contact.objects.create(person_id=99, kind="x", mail="m@example.org")


@case
def many_to_many():
    order = Order.objects.get(number=1004)
    order.products.add(Product.objects.get(sku="A-1"), through_defaults={"quantity": 3})
    OrderLine.objects.filter(order__card="5500 0000 0000 0004").update(quantity=1)
    return [(o.number, o.card) for o in Product.objects.get(sku="A-1").orders.order_by("id")]


@case
def raw_cursor():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people (name, email, birth, salary, badge, token, seen, city, active, tags, created)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, '', true, '{}', %s) RETURNING id, email",
            ["T", "t@example.org", datetime.date(2000, 2, 29), decimal.Decimal("0.10"), 1, TOKEN, datetime.datetime(2024, 6, 1, 1, 2, 3, 456789, tzinfo=UTC), datetime.datetime(2024, 6, 1, tzinfo=UTC)],
        )  # fmt: skip
        made = cursor.fetchall()
        cursor.executemany("UPDATE people SET notes = %s, birth = %s WHERE email = %s", [("n", None, "t@example.org"), (None, datetime.date(1, 1, 1), "ben@example.org")])
    return made, everybody()


@case
def search_then_write():
    # What a form does: is the address free, then write.
    if not Person.objects.filter(email="free@example.org").exclude(pk=2).exists():
        Person.objects.filter(pk=2).update(email="free@example.org")
    clash = Person.objects.filter(Q(email="ada@example.org") | Q(badge=104)).exclude(pk=2).count()
    return clash, everybody()


@case
def clean_unique():
    person = Person.objects.get(pk=2)
    person.email = "ada@example.org"
    try:
        person.validate_unique()
    except Exception as error:  # Django's ValidationError
        return sorted(error.message_dict)


@case
def coalesced_insert():
    Contact.objects.create(person_id=1, kind="x", mail=Coalesce(Value(None, output_field=CharField()), Value("c@example.org")))
    return Contact.objects.latest("id").mail


@case
def decimal_sum_written():
    Person.objects.filter(pk=1).update(salary=Value(decimal.Decimal("5.5"), output_field=DecimalField(max_digits=10, decimal_places=2)))
    return Person.objects.get(pk=1).salary
