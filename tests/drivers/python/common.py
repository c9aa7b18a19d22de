"""What the Python applications share: the rows that they write, their cases, and how these are printed."""

import datetime as dt
import hashlib
import ipaddress
import json
import re
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

# Searched for in the server's log: it stands in every sealed text that is written, and nowhere else.
MARKER = "Qx7Zkw"
UTC = dt.timezone.utc
CASES = []


def case(function):
    """Registers a case under its function's name."""
    CASES.append(function)
    return function


COLUMNS = (
    "name email ssn phone birth balance visits points level vip score seen local_time opens token photo prefs raw address"
).split()
PLACES = ", ".join(COLUMNS)


def email(name):
    return f"{name}@{MARKER}.example"


def ssn(number):
    return f"{MARKER}-{number:04}"


def customers(jsonb, plain):
    """Rows in the order of COLUMNS, in Python's own types; `jsonb` and `plain` wrap what becomes jsonb and json."""
    return [
        ("Ann", email("ann"), ssn(1), f"+49 30 1 {MARKER}", dt.date(1984, 2, 29), Decimal("10.50"), 3, 4_000_000_000, 7, True, 1.5,
         dt.datetime(2024, 2, 29, 12, 30, 15, 123456, UTC), dt.datetime(2024, 2, 29, 1, 2, 3), dt.time(8, 30),
         uuid.UUID(int=7), b"\x00\xff" + MARKER.encode(), jsonb({"b": [1, 2.5, None], "a": MARKER}), plain({"z": MARKER, "a": 1}),
         ipaddress.ip_interface("192.168.0.1")),
        ("Nil", email("nil"), None, None, None, Decimal(0), None, None, None, None, None, None, None, None, None, None, None, None, None),
        ("Max", email("max"), ssn(9999), f"{MARKER}\\back'quote\"\n\ttab", dt.date(9999, 12, 31), Decimal("9999999999.99"), 2**31 - 1,
         2**63 - 1, 2**15 - 1, False, float("inf"), dt.datetime(9999, 12, 30, 23, 59, 59, 999999, UTC),
         dt.datetime(9999, 12, 31, 23, 59, 59, 999999), dt.time(23, 59, 59, 999999), uuid.UUID(int=2**128 - 1), bytes(range(256)),
         jsonb([MARKER, True, "\u00fc \U0001f980"]), plain([]), ipaddress.ip_interface("ffff::/16")),
        ("Min", email("min"), ssn(0), f"{MARKER} Zoë – 日本語 🦀", dt.date(1, 1, 1), Decimal("-9999999999.99"), -(2**31), -(2**63), -(2**15),
         False, float("nan"), dt.datetime(1, 1, 2, tzinfo=UTC), dt.datetime(1, 1, 1), dt.time(0), uuid.UUID(int=0), b"",
         jsonb(None), plain({"k": [MARKER, {}]}), ipaddress.ip_interface("::1")),
        ("Zed", email("zed"), ssn(2), MARKER, dt.date(1970, 1, 1), Decimal("-0.01"), 0, 0, 0, True, -0.0,
         dt.datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("America/New_York")), dt.datetime(1970, 1, 1), dt.time(12, 0, 0, 1),
         uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), b"\\x00", jsonb({}), plain("text"), ipaddress.ip_interface("10.0.0.0/8")),
    ]


# Of customers 1 (twice), 3, and 5.
ORDERS = [
    (1, f"4111-{MARKER}", Decimal("10.00"), "new", None),
    (1, f"4222-{MARKER}", Decimal("25.50"), "paid", f"{MARKER}: ring twice"),
    (3, f"4111-{MARKER}", Decimal("10.00"), "paid", f"{MARKER} ünï"),
    (5, f"4333-{MARKER}", Decimal("0.99"), "new", MARKER),
]


def show(value):
    """By repr, so that types count; what is long by its digest; without addresses of objects."""
    if isinstance(value, memoryview):
        return f"memoryview {value.tobytes().hex()}"
    if isinstance(value, BaseException):
        return failure(value)
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return [show(each) for each in value]
    if hasattr(value, "_mapping"):  # SQLAlchemy's rows
        value = dict(value._mapping)
    if hasattr(value, "items"):  # dictionaries, rows of asyncpg, mappings of SQLAlchemy
        return {str(key): show(each) for key, each in value.items()}
    if isinstance(value, (str, bytes)) and len(value) > 2000:
        data = value.encode() if isinstance(value, str) else value
        return f"{type(value).__name__} of {len(value)}: {hashlib.sha256(data).hexdigest()}"
    if isinstance(value, str):
        return value
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


FIELDS = (
    "severity sqlstate message_primary message_detail message_hint statement_position internal_position internal_query "
    "schema_name table_name column_name datatype_name constraint_name context"
).split()


def masked(text):
    """pgveil shows no values in DETAIL, a row with a sealed column and a sealed key are `(…)`, nor a whole line of COPY."""
    text = re.sub(r'(COPY \w+, line \d+): ".*"', r"\1", text, flags=re.DOTALL)
    text = re.sub(r"(Failing row contains) \(.*\)", r"\1 (…)", text, flags=re.DOTALL)
    return re.sub(r"(Key \(\w+\))=\(.*?\) (already|is not)", r"\1=(…) \2", text, flags=re.DOTALL)


def failure(error):
    """What a program can ask an error: its class, message and fields (not the line of the server's source)."""
    found = {"error": f"{type(error).__module__}.{type(error).__name__}", "text": masked(str(error))}
    if hasattr(error, "as_dict"):  # asyncpg
        fields = {name: str(value) for name, value in error.as_dict().items() if not name.startswith("server_source")}
        return found | {name: masked(value) for name, value in fields.items()}
    diagnostics = getattr(error, "diag", None)
    for field in FIELDS:
        value = getattr(diagnostics, field, None) or getattr(error, field.removeprefix("message_"), None)
        if value is not None:
            found[field] = masked(str(value))
    if error.__cause__ is not None:
        found["cause"] = failure(error.__cause__)
    return found


def attempt(function, *args, **kwargs):
    """The result, or what there is to see of the error."""
    try:
        return function(*args, **kwargs)
    except Exception as error:  # every failure is a result here
        return error


def report(name, result):
    print(json.dumps({"case": name, "saw": show(result)}), flush=True)
