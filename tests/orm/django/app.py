"""Django's cases over psycopg 3. With BINDING=server parameters are bound by the server, else by
the driver (Django's default): they stand in the text as literals."""

import os
import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).parent.parent))

import report
from django.conf import settings

ON_SERVER = os.environ.get("BINDING") == "server"


def configure(target):
    import django

    settings.configure(
        INSTALLED_APPS=["django.contrib.postgres", "shop"],
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": target["dbname"],
                "USER": target["user"],
                "PASSWORD": target["password"],
                "HOST": target["host"],
                "PORT": target["port"],
                "CONN_MAX_AGE": None,
                "OPTIONS": {"server_side_binding": ON_SERVER},
            }
        },
    )
    django.setup()


def create(target):
    configure(target)
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)


def run(target, names):
    configure(target)
    from django.db import connection

    import reading  # noqa: F401 (registers its cases)
    import writing  # noqa: F401

    for name in names or list(report.CASES):
        with connection.cursor() as cursor:
            cursor.cursor.execute(report.seed(name).encode())
        try:
            result = report.CASES[name]()
        except Exception as error:  # every failure is a result here
            result = error
        yield name, result


if __name__ == "__main__":
    report.main(create, run)
