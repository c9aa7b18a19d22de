"""Cases that read."""

import datetime
import decimal
import uuid

from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import BooleanField, Case, Count, Exists, ExpressionWrapper, F, FilteredRelation, Max, Min, OuterRef, Prefetch, Q, Subquery, Sum, TextField, Value, When, Window
from django.db.models.functions import Coalesce, FirstValue, Lag, Length, Lower, RowNumber
from report import case
from shop.models import Contact, Order, OrderLine, Person, Product
from writing import everybody, facts

UTC = datetime.timezone.utc


@case
def everything():
    return everybody()


@case
def get():
    try:
        Person.objects.get(email="nobody@example.org")
    except Person.DoesNotExist as error:
        missing = str(error)
    try:
        Person.objects.get(ssn="123-45-6789")
    except Person.MultipleObjectsReturned as error:
        many = str(error)
    return facts(Person.objects.get(email="ben@example.org")), facts(Person.objects.get(pk=3)), missing, many


@case
def filters():
    token = uuid.UUID("44444444-4444-4444-8444-444444444444")
    return [
        list(Person.objects.filter(condition).values_list("id", flat=True))
        for condition in (
            Q(email="ada@example.org"),
            ~Q(email="ada@example.org"),
            ~Q(ssn="123-45-6789"),
            Q(ssn="123-45-6789"),
            Q(badge=104),
            Q(badge="104"),
            Q(token=token),
            Q(ssn=None),
            Q(birth__isnull=False),
            Q(email__exact="ben@example.org", badge=102),
            Q(email="ben@example.org") | Q(badge=101) | Q(city="Ulm"),
            ~Q(badge__in=[101, 102]),
        )
    ]


@case
def in_lists():
    return [
        list(Person.objects.filter(condition).values_list("name", flat=True))
        for condition in (
            Q(email__in=["ada@example.org", "ben@example.org", "nobody"]),
            Q(email__in=[]),
            Q(email__in=["ada@example.org", None]),
            Q(badge__in=[101, 105, 7]),
            Q(token__in=[uuid.UUID("11111111-1111-4111-8111-111111111111")]),
            Q(pk__in=[1, 2]),
            ~Q(email__in=["ada@example.org"]),
        )
    ] + [{key: p.email for key, p in Person.objects.in_bulk([1, 2]).items()}, sorted(Person.objects.in_bulk(["ben@example.org"], field_name="email"))]


@case
def in_a_subquery():
    homes = Contact.objects.filter(kind="home").values("mail")
    held = Order.objects.filter(card="4111 1111 1111 1111").values("person")
    return list(Person.objects.filter(email__in=homes).values_list("id", flat=True)), list(Person.objects.filter(pk__in=held).values_list("email", flat=True))


@case
def across_relations():
    return [
        list(Person.objects.filter(contacts__mail="office@example.org").values_list("email", flat=True)),
        list(Person.objects.exclude(contacts__mail="office@example.org").values_list("email", flat=True)),
        list(Order.objects.filter(person__ssn="123-45-6789", status="paid").values_list("number", "card", "person__email")),
        list(Contact.objects.filter(person__email=F("mail")).values_list("id", flat=True)),
        list(Person.objects.filter(orders__lines__product__sku="B-1").values_list("email", flat=True)),
        list(Person.objects.filter(contacts__isnull=True).values_list("email", flat=True)),
        list(Person.objects.filter(Q(contacts__phone="0421 2"), ~Q(email="ada@example.org")).values_list("email", flat=True)),
    ]


@case
def exists():
    contacts = Contact.objects.filter(person=OuterRef("pk"), mail="office@example.org")
    same = Contact.objects.filter(mail=OuterRef("email"))
    return (
        Person.objects.filter(email="ada@example.org").exists(),
        list(Person.objects.filter(Exists(contacts)).values_list("email", flat=True)),
        list(Person.objects.annotate(has=Exists(same)).values_list("email", "has")),
        Person.objects.filter(email="ada@example.org").contains(Person(pk=1)),
    )


@case
def counts():
    return (
        Person.objects.filter(ssn="123-45-6789").count(),
        Person.objects.aggregate(Count("ssn"), n=Count("id", filter=Q(email="ada@example.org"))),
        Person.objects.aggregate(Count("ssn", distinct=True)),
        Person.objects.exclude(email="ada@example.org").distinct().count(),
    )


@case
def distinct():
    return (
        sorted(Contact.objects.order_by().values_list("mail", flat=True).distinct(), key=str),
        sorted(Contact.objects.order_by().values_list("phone", "kind").distinct(), key=str),
        list(Person.objects.filter(contacts__kind="home").distinct()[:2].values_list("id", flat=True)),
    )


@case
def distinct_objects():
    # Every column of the table, also those that are randomized.
    return [facts(p) for p in Person.objects.filter(contacts__mail__in=["ada@example.org", "office@example.org"]).distinct()]


@case
def distinct_on():
    return list(Contact.objects.order_by("person_id", "id").distinct("person_id").values_list("mail", "kind"))


@case
def values_and_dates():
    return list(Person.objects.values("id", "email", "birth", "contacts__mail")), list(Person.objects.values_list("salary", "meta", "seen", "token", named=True))


@case
def group_by_a_plain_column():
    return list(Person.objects.values("city").annotate(n=Count("id"), with_ssn=Count("ssn")).order_by("city"))


@case
def group_by_a_sealed_column():
    return (
        sorted(Contact.objects.order_by().values_list("mail").annotate(n=Count("id")), key=str),
        sorted(Order.objects.order_by().values_list("card").annotate(Sum("total")).filter(total__sum__gt=1), key=str),
        list(Contact.objects.order_by().values("mail").annotate(n=Count("id")).filter(n__gt=1)),
    )


@case
def annotate_objects():
    # GROUP BY the primary key, whose table has sealed columns.
    return [(facts(p), p.n, p.spent) for p in Person.objects.annotate(n=Count("orders"), spent=Sum("orders__total")).order_by("id")]


@case
def annotate_with_related_objects():
    # GROUP BY the keys of both tables.
    return [(o.card, o.person and o.person.email, o.n) for o in Order.objects.select_related("person").annotate(n=Count("lines")).order_by("id")]


@case
def annotations():
    newest = Order.objects.filter(person=OuterRef("pk")).order_by("-id")
    return [
        list(Person.objects.annotate(is_ada=Case(When(email="ada@example.org", then=Value(True)), default=Value(False))).values_list("id", "is_ada")),
        list(Person.objects.annotate(q=ExpressionWrapper(Q(badge=101), output_field=BooleanField())).values_list("id", "q")),
        list(Person.objects.annotate(last=Subquery(newest.values("number")[:1])).values_list("email", "last")),
        list(Person.objects.annotate(shown=F("email")).values_list("shown", flat=True)),
        list(Person.objects.annotate(at=FilteredRelation("contacts", condition=Q(contacts__mail="office@example.org"))).values_list("email", "at__phone")),
    ]


@case
def a_subquery_of_a_sealed_column():
    newest = Order.objects.filter(person=OuterRef("pk")).order_by("-id")
    return list(Person.objects.annotate(card=Subquery(newest.values("card")[:1])).values_list("id", "card"))


@case
def coalesce_and_case_in_results():
    return (
        list(Person.objects.annotate(shown=Coalesce("notes", Value("none", output_field=TextField()))).values_list("shown", flat=True)),
        list(Person.objects.annotate(shown=Case(When(active=True, then=F("email")), default=None)).values_list("shown", flat=True)),
    )


@case
def windows():
    return list(
        Order.objects.annotate(
            place=Window(RowNumber(), partition_by=[F("person")], order_by="placed"),
            before=Window(Lag("remark"), order_by="number"),
            first=Window(FirstValue("card"), partition_by=[F("person")], order_by="number"),
        ).values_list("number", "card", "place", "before", "first")
    )


@case
def pages():
    pages = Paginator(Person.objects.all(), 2)
    return pages.count, [[facts(p) for p in pages.page(n)] for n in pages.page_range], Person.objects.first().email, Person.objects.last().email


@case
def slices():
    people = Person.objects.order_by("-created")
    return people[1].email, [p.email for p in people[2:4]], Person.objects.filter(badge=101)[:1].get().ssn, Person.objects.latest("created").email


@case
def select_related():
    return [
        [(o.number, o.card, o.person and (o.person.email, o.person.birth)) for o in Order.objects.select_related("person")],
        [(c.mail, facts(c.person)) for c in Contact.objects.select_related("person").filter(mail="office@example.org")],
        [(line.quantity, line.order.card, line.order.person.email) for line in OrderLine.objects.select_related("order__person", "product")],
    ]


@case
def prefetch_related():
    people = Person.objects.prefetch_related("contacts", "orders__lines__product")
    some = Prefetch("contacts", Contact.objects.filter(mail="office@example.org"), to_attr="office")
    return [
        [(p.email, [(c.mail, c.phone) for c in p.contacts.all()], [(o.card, [line.product.sku for line in o.lines.all()]) for o in p.orders.all()]) for p in people],
        [(p.ssn, [c.phone for c in p.office]) for p in Person.objects.filter(email__in=["ada@example.org", "cem@example.org"]).prefetch_related(some)],
        [(o.remark, [p.sku for p in o.products.all()]) for o in Order.objects.prefetch_related("products")],
    ]


@case
def lazily():
    person = Person.objects.get(email="ada@example.org")
    order = Order.objects.get(number=1003)
    return [c.mail for c in person.contacts.all()], person.orders.filter(card="4111 1111 1111 1111").count(), order.person.email


@case
def only_and_defer():
    return [(p.id, p.email) for p in Person.objects.only("email")], [(p.id, p.salary) for p in Person.objects.defer("notes", "meta")], Person.objects.only("email").get(pk=1).birth


@case
def iterator():
    # A named cursor: DECLARE … NO SCROLL CURSOR WITH HOLD FOR …
    return [facts(p) for p in Person.objects.iterator(chunk_size=2)], list(Contact.objects.values_list("mail", flat=True).iterator(chunk_size=3))


@case
def iterator_in_a_transaction():
    with transaction.atomic():
        return [facts(p) for p in Person.objects.filter(email__in=["ada@example.org", "cem@example.org"]).prefetch_related("contacts").iterator(chunk_size=1)]


@case
def unions():
    both = Person.objects.order_by().values_list("email").union(Contact.objects.order_by().values_list("mail"), all=True)
    return sorted(both, key=str)


@case
def union_all_of_objects():
    both = Person.objects.order_by().filter(city="Kiel").union(Person.objects.order_by().filter(email="ada@example.org"), all=True)
    return sorted(facts(p)[:7] for p in both)


@case
def union_of_objects():
    both = Person.objects.order_by().filter(city="Kiel").union(Person.objects.order_by().filter(email="ada@example.org"))
    return sorted(facts(p)[:7] for p in both)


@case
def intersection_of_values():
    both = Person.objects.order_by().values_list("email").intersection(Contact.objects.order_by().values_list("mail"))
    return sorted(both)


@case
def union_of_ids():
    both = Person.objects.order_by().filter(email="ada@example.org").values_list("id").union(Contact.objects.order_by().filter(mail="office@example.org").values_list("person_id"))
    return sorted(both)


@case
def raw():
    return (
        [facts(p) for p in Person.objects.raw("SELECT * FROM people WHERE email = %s", ["ada@example.org"])],
        [(p.id, p.email) for p in Person.objects.raw("SELECT id, email FROM people WHERE badge = ANY(%s) ORDER BY id", [[101, 104]])],
        [p.email for p in Person.objects.raw("SELECT id, email FROM people WHERE ssn IN (%s, %s) ORDER BY id", ["123-45-6789", "x"])],
    )


@case
def explain():
    return "Seq Scan" in Person.objects.filter(city="Kiel").explain() or "Scan" in Person.objects.filter(email="ada@example.org").explain()


@case
def json_of_a_plain_column():
    return list(Person.objects.filter(tags__contains=["vip"]).values_list("email", flat=True)), list(Person.objects.filter(tags__overlap=["news"]).values_list("email", flat=True))


@case
def admin_list():
    # What the admin's change list does: count, filtered count, a page with relations, facets.
    people = Person.objects.filter(active=True, city="Bremen").order_by("-id")
    return people.count(), [facts(p) for p in people[:100]], Person.objects.aggregate(a=Count("pk", filter=Q(city="Kiel")), b=Count("pk", filter=Q(email="ada@example.org")))


@case
def plain_tables():
    return list(Product.objects.annotate(n=Sum("orderline__quantity")).order_by("sku").values_list("sku", "n")), OrderLine.objects.aggregate(Max("quantity"), Min("quantity"))


@case
def ordered_by_a_sealed_column():
    return list(Person.objects.order_by("email").values_list("id", flat=True))


@case
def iexact_of_a_sealed_column():
    return list(Person.objects.filter(email__iexact="ADA@example.org").values_list("id", flat=True))


@case
def contains_in_a_sealed_column():
    return list(Person.objects.filter(notes__icontains="nuts").values_list("id", flat=True))


@case
def range_of_a_sealed_column():
    return list(Person.objects.filter(birth__year=1990).values_list("id", flat=True))


@case
def sum_of_a_sealed_column():
    return Person.objects.aggregate(Sum("salary"))


@case
def randomized_compared():
    return list(Person.objects.filter(salary=decimal.Decimal("4200.50")).values_list("id", flat=True))


@case
def functions_of_a_sealed_column():
    return list(Person.objects.annotate(l=Lower("email"), n=Length("email")).values_list("l", "n"))


@case
def json_path_in_a_sealed_column():
    return list(Person.objects.filter(meta__blood="A+").values_list("id", flat=True))
