"""Look-ups, relations, parts of objects, streams."""

import datetime as dt
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

from common import MARKER, attempt, case, email, ssn
from django.db import connection, transaction
from django.db.models import Case, Count, Exists, OuterRef, Prefetch, Q, Subquery, TextField, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from shop.models import Customer, Event, Order


@case
def look_ups():
    conditions = [
        Q(email=email("ann")), ~Q(email=email("ann")), Q(email__in=[email("ann"), email("zed"), email("no")]), Q(email__in=[]), Q(ssn=ssn(1)), Q(phone=MARKER),
        Q(phone=None), Q(phone__isnull=False), Q(birth=dt.date(1984, 2, 29)), Q(visits=3), Q(visits__in=[3, 0, 2**31 - 1]), Q(visits=2**40),
        Q(seen=dt.datetime(2024, 2, 29, 14, 30, 15, 123456, dt.timezone(dt.timedelta(hours=2)))), Q(token=uuid.UUID(int=7)), Q(token=str(uuid.UUID(int=7))),
        Q(token__in=[uuid.UUID(int=7), uuid.UUID(int=0)]), Q(email=email("ann")) | Q(visits=0), ~(Q(email=email("ann")) & Q(visits=3)), Q(orders__card=f"4111-{MARKER}"),
        Q(orders__amount__in=[Decimal("10"), Decimal("0.99")]), Q(orders__isnull=True), Q(name__contains="n") & ~Q(visits=3), Q(email__exact=email("max")),
    ]
    return [attempt(lambda: list(Customer.objects.filter(q).order_by("id").distinct().values_list("id", flat=True))) for q in conditions]


@case
def one_object():
    return [
        Customer.objects.get(pk=1), attempt(Customer.objects.get, email=email("no")), attempt(Order.objects.get, card=f"4111-{MARKER}"),
        Customer.objects.order_by("id").first(), Customer.objects.order_by("id").last(), Customer.objects.filter(email=email("ann")).exists(),
        Customer.objects.in_bulk([1, 3]), Customer.objects.in_bulk([email("zed")], field_name="email"), Customer.objects.filter(email=email("no")).first(),
    ]


@case
def parts_of_objects():
    some = Customer.objects.order_by("id")
    partly = some.only("email", "balance")[0]
    found = [repr(partly), partly.ssn, some.defer("photo", "prefs")[1], some.values("id", "email", "prefs")[:2], some.values_list("email", flat=True)[1:4]]
    return [list(each) if hasattr(each, "query") else each for each in found] + [list(some.values_list("id", "seen", named=True)[:3]), some.count(), len(some[1:3])]


@case
def relations():
    found = [[(order.card, order.customer.email) for order in Order.objects.select_related("customer").order_by("id")]]
    found.append([(one.email, [(order.card, order.note) for order in one.orders.all()]) for one in
                  Customer.objects.prefetch_related(Prefetch("orders", Order.objects.order_by("id"))).order_by("id")])
    ann = Customer.objects.get(email=email("ann"))
    ann.orders.create(card=f"more {MARKER}", amount=Decimal("2.50"), note=MARKER)
    found.append(list(ann.orders.filter(card=f"more {MARKER}").values_list("amount", "status", "note")))
    return [*found, list(Order.objects.filter(customer__email=email("ann"), customer__ssn=ssn(1)).order_by("-id"))]


@case
def annotations():
    some = Customer.objects.order_by("id")
    latest = Order.objects.filter(customer=OuterRef("pk")).order_by("-id")
    return [
        Customer.objects.aggregate(Count("id"), Count("phone"), Count("email", distinct=True)),
        list(some.annotate(n=Count("orders")).values_list("id", "n")),
        list(some.annotate(card=Subquery(latest.values("card")[:1])).values_list("email", "card")),
        list(some.annotate(has=Exists(latest.filter(card=f"4111-{MARKER}"))).values_list("id", "has")),
        list(some.annotate(p=Coalesce("phone", Value(f"no {MARKER}", output_field=TextField()))).values_list("id", "p")),
        list(some.annotate(who=Case(When(email=email("ann"), then=Value("me")), default=Value("other"))).values_list("id", "who")),
        list(Order.objects.values("status").annotate(n=Count("card")).order_by("status")),
        list(some.filter(email__in=[email("ann")]).values_list("email").union(some.filter(email__in=[email("max")]).values_list("email"), all=True)),
        list(Order.objects.order_by("customer_id", "id").distinct("customer_id").values_list("customer_id", "card")),
    ]


@case
def streaming():
    some = Customer.objects.order_by("id")
    found = [[one.email for one in some.iterator(chunk_size=2)], list(some.values_list("id", "birth").iterator(chunk_size=1))]
    with transaction.atomic():
        found.append([(one.email, [order.card for order in one.orders.all()]) for one in
                      some.prefetch_related(Prefetch("orders", Order.objects.order_by("id"))).iterator(chunk_size=2)])
    return found


@case
def zones():
    found = []
    for zone in ("America/New_York", "Asia/Kolkata", "UTC"):
        with timezone.override(ZoneInfo(zone)):
            found.append(list(Customer.objects.order_by("id").values_list("seen", "opens", "birth")))
            found.append(list(Customer.objects.filter(seen=dt.datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("America/New_York"))).values_list("id")))
    return found


@case
def the_same_many_times():
    """With a table altered in between."""
    found = [Customer.objects.filter(email=email(name)).values_list("id", "balance").first() for name in ("ann", "max", "zed") * 3]
    found.append([list(Event.objects.values_list("kind")) for _ in range(7)])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events ADD COLUMN extra text")
        try:
            cursor.execute("SELECT * FROM events")
            found.append([column.name for column in cursor.description])
            found.append(list(Event.objects.values_list("kind")))
        finally:
            cursor.execute("ALTER TABLE events DROP COLUMN extra")
    return found


@case
def introspection():
    with connection.cursor() as cursor:
        about = connection.introspection
        return [
            sorted(about.table_names(cursor)), about.get_relations(cursor, "orders"), about.get_primary_key_column(cursor, "customers"),
            [column.name for column in about.get_table_description(cursor, "customers")], about.get_sequences(cursor, "orders"),
        ]


@case
def sorted_by_a_sealed_column():
    return list(Customer.objects.order_by("email").values_list("email"))


@case
def a_part_of_a_sealed_text():
    return list(Customer.objects.filter(email__startswith="ann").values_list("id"))


@case
def a_path_in_sealed_json():
    return list(Customer.objects.filter(prefs__a=MARKER).values_list("id"))
