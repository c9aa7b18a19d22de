"""An application of Django over psycopg 3: `app.py URL client | server`.

Parameters are written into the statement by psycopg (Django's default) or sent apart (`server_side_binding`).
"""

import pathlib
import sys
import urllib.parse

sys.path.insert(1, str(pathlib.Path(__file__).parent.parent / "python"))

from common import CASES, COLUMNS, ORDERS, attempt, customers, report, show
from django.conf import settings


def configure(url, binding):
    import django

    where = urllib.parse.urlparse(url)
    settings.configure(
        INSTALLED_APPS=["shop"],
        USE_TZ=True,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql", "NAME": where.path[1:], "USER": where.username, "PASSWORD": where.password,
                "HOST": where.hostname, "PORT": where.port, "CONN_MAX_AGE": None, "OPTIONS": {"server_side_binding": binding == "server"},
            }
        },
    )
    django.setup()


def everybody():
    """The rows of every application, as objects."""
    from shop.models import Customer

    found = []
    for row in customers(lambda value: value, lambda value: value):
        values = {name: value for name, value in zip(COLUMNS, row) if name not in ("local_time", "raw")}
        # Addresses without a network, which is all that Django's field knows.
        values["address"] = values["address"] and str(values["address"].ip)
        found.append(Customer(**values))
    return found


def seed():
    from django.db import connection
    from shop.models import Order

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE customers, orders, events RESTART IDENTITY CASCADE")
    for each in everybody():
        each.save()
    for who, card, amount, status, note in ORDERS:
        Order.objects.create(customer_id=who, card=card, amount=amount, status=status, note=note)


def main(url, binding, *only):
    configure(url, binding)
    import reading  # noqa: F401 (registers its cases)
    import writing  # noqa: F401

    for case in CASES:
        if not only or case.__name__ in only:
            seed()
            report(case.__name__, show(attempt(case)))


if __name__ == "__main__":
    main(*sys.argv[1:])
