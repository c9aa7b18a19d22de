"""Objects saved, created in bulk, updated, deleted; transactions; what goes wrong."""

import datetime as dt
from decimal import Decimal

from common import MARKER, attempt, case, email
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F, Value
from shop.models import Customer, Event, Order


def everybody():
    return list(Customer.objects.order_by("id"))


@case
def create_and_read_back():
    import app

    Customer.objects.all().delete()
    for each in app.everybody():
        each.save(force_insert=True)
    return everybody()


@case
def save_changes():
    ann = Customer.objects.get(email=email("ann"))
    ann.balance += Decimal("1.25")
    ann.phone, ann.visits, ann.prefs = None, None, {"new": [MARKER]}
    ann.seen = dt.datetime(2025, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
    ann.save()
    ann.email = email("other")
    ann.name = "Not saved"
    ann.save(update_fields=["email"])
    ann.refresh_from_db()
    return [ann, Customer.objects.filter(email=email("other")).count()]


@case
def create_in_bulk():
    made = Customer.objects.bulk_create(
        [Customer(name=f"m{n}", email=email(f"m{n}"), balance=Decimal(n) / 4, visits=n, phone=None if n % 3 else MARKER) for n in range(120)], batch_size=50)
    found = [[(each.id, each.email) for each in made[::20]]]
    for each in made:
        each.visits, each.phone = 1000 - each.visits, f"{MARKER} {each.visits}"
    found.append(Customer.objects.bulk_update(made, ["visits", "phone"], batch_size=40))
    found.append(list(Customer.objects.filter(id__gt=5).order_by("id").values_list("id", "email", "visits", "phone", "balance")))
    found.append(Order.objects.bulk_create([Order(customer_id=1, card=f"{MARKER} {n}", amount=n) for n in range(3)]))
    found.append(len(Event.objects.bulk_create([Event(kind="a", data={"x": [1, 2.5]}), Event(kind="b")])))
    return found


@case
def create_everything_in_bulk():
    import app

    Customer.objects.all().delete()
    Customer.objects.bulk_create(app.everybody())
    return everybody()


@case
def upserts():
    found = []
    for balance in (5, 6):
        for name in ("ann", "new"):
            one, made = Customer.objects.update_or_create(email=email(name), defaults={"balance": Decimal(balance), "phone": MARKER}, create_defaults={"name": "Made", "balance": 1})
            found.append((one, made))
            found.append(Customer.objects.get_or_create(email=email(f"{name}2"), defaults={"name": "Got"}))
    rows = [Customer(name="A", email=email("ann"), balance=50), Customer(name="F", email=email("fresh"), balance=60)]
    Customer.objects.bulk_create(rows, update_conflicts=True, unique_fields=["email"], update_fields=["balance", "name"])
    Customer.objects.bulk_create([Customer(name="B", email=email("ann"))], ignore_conflicts=True)
    return [*found, list(Customer.objects.order_by("id").values_list("id", "name", "email", "balance", "phone"))]


@case
def updates_of_many():
    found = [
        Customer.objects.filter(email__in=[email("ann"), email("zed")]).update(phone=f"{MARKER} x", balance=Decimal("3.5"), birth=dt.date(2000, 1, 1)),
        Order.objects.filter(customer__email=email("ann"), amount=Decimal("10")).update(status="done", note=f"{MARKER} y"),
        Customer.objects.filter(phone=f"{MARKER} x").update(name=F("name"), vip=True, prefs={"a": MARKER}, photo=b"\x00" + MARKER.encode()),
        Customer.objects.filter(visits=3).update(visits=None),
    ]
    return [*found, everybody(), list(Order.objects.order_by("id"))]


@case
def deletes():
    return [
        Customer.objects.get(email=email("ann")).delete(), Order.objects.filter(card=f"4333-{MARKER}").delete(),
        Customer.objects.filter(ssn__isnull=True).delete(), everybody(), list(Order.objects.all()),
    ]


@case
def transactions():
    found = []

    def failing():
        with transaction.atomic():
            Customer.objects.create(name="a", email=email("a"))
            with transaction.atomic():
                Customer.objects.create(name="b", email=email("b"))
            Customer.objects.create(name="again", email=email("a"))

    found += [attempt(failing), Customer.objects.count()]
    with transaction.atomic():
        Customer.objects.create(name="outer", email=email("outer"))

        def inner():
            with transaction.atomic():
                Customer.objects.create(name="inner", email=email("outer"))

        found.append(attempt(inner))
        point = transaction.savepoint()
        Customer.objects.create(name="gone", email=email("gone"))
        transaction.savepoint_rollback(point)
        locked = Customer.objects.select_for_update(skip_locked=True).filter(email=email("outer"))
        found.append(list(locked.values_list("email")))
        transaction.on_commit(lambda: found.append("committed"))
    return [*found, list(Customer.objects.filter(id__gt=5).values_list("email", flat=True))]


@case
def constraints():
    return [
        attempt(Customer.objects.create, name="x", email=email("ann")),
        attempt(Customer.objects.create, name="x", email=None),
        attempt(Customer.objects.create, name="x", email=email("x"), balance=None),
        attempt(Customer.objects.create, name="x", email="y" * 121),
        attempt(Customer.objects.create, name="x", email=email("x"), visits=2**31),
        attempt(Customer.objects.create, name="x", email=email("x"), balance=Decimal("1e9")),
        attempt(lambda: Order.objects.create(customer_id=99, card=MARKER, amount=1)),
        sorted(attempt_validation(Customer(name="x", email=email("ann"))).items()),
        Customer.objects.count(),
    ]


def attempt_validation(customer):
    """Django asks whether the address is taken."""
    try:
        customer.full_clean()
    except ValidationError as error:
        return error.message_dict
    return {}


@case
def large_values():
    long = MARKER + "läng " * 200_000
    Customer.objects.create(name="big", email=email("big"), phone=long, photo=bytes(range(256)) * 4096, prefs={"long": long})
    one = Customer.objects.get(phone=long)
    return [one.phone, bytes(one.photo), one.prefs]


@case
def statements_of_ones_own():
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, email, raw, local_time FROM customers WHERE email = %s", [email("ann")])
        found = [[column.name for column in cursor.description], cursor.fetchall()]
        cursor.execute("UPDATE customers SET local_time = %s, raw = %s WHERE id = 1 RETURNING local_time, raw", [dt.datetime(2024, 1, 2, 3), '{"b":  1}'])
        found.append(cursor.fetchall())
        cursor.executemany("UPDATE customers SET visits = %s WHERE email = %s", [(1, email("ann")), (2, email("zed"))])
        found.append(cursor.rowcount)
        with cursor.copy("COPY orders (customer_id, card, amount) FROM STDIN") as copy:
            for n in range(20):
                copy.write_row((1, f"{MARKER} {n}", n))
        with cursor.copy("COPY (SELECT id, card, amount FROM orders ORDER BY id) TO STDOUT") as copy:
            found.append(list(copy.rows()))
    found.append(list(Customer.objects.raw("SELECT id, email, name FROM customers WHERE email = %s", [email("max")])))
    return [*found, [repr(one.email) for one in Customer.objects.raw("SELECT * FROM customers ORDER BY id")]]


@case
def computed_by_the_server():
    return Customer.objects.filter(id=1).update(visits=F("visits") + Value(1))
