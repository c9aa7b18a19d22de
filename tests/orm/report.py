"""What the Python applications share: the command line, the cases, and what they print.

    app.py create CONNINFO          the tool makes its tables
    app.py run CONNINFO [CASE...]   the cases, one line of JSON each on standard output

Each case starts from the same rows (`seed.sql`). A line has the case's name and either what it
returned, by `repr` so that types count, or the error: the exception's class, its SQLSTATE and, if
pgveil says no, its words and code.
"""

import json
import pathlib
import re
import sys

SEED = (pathlib.Path(__file__).parent / "seed.sql").read_text()
CASES = {}


def case(function):
    """Registers a case under its function's name."""
    CASES[function.__name__] = function
    return function


def seed(name):
    """The SQL before a case. The recorder takes no statement between the two comments."""
    return f"/* seed: {name} */ {SEED} /* case: {name} */"


def conninfo(text):
    return dict(part.split("=", 1) for part in text.split())


def causes(error):
    """The error and those inside it: the tool's, its dialect's, the driver's."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = getattr(error, "orig", None) or error.__cause__
    return seen


def first(errors, *names):
    found = (getattr(error, name, None) for error in errors for name in names)
    return next((value for value in found if value), None)


def failure(error):
    errors = causes(error)
    state = first(errors, "sqlstate", "pgcode")
    found = {"error": type(error).__name__, "sqlstate": state}
    if state is None or state[:2] in ("0A", "XX"):
        found["message"] = str(errors[-1])
        hint = first(errors, "hint") or getattr(first(errors, "diag"), "message_hint", None) or ""
        code = re.search(r"(?:pgveil: |See )([a-z]+/[a-z-]+)", hint)
        if code:
            found["refused"] = code.group(1)
    return found


def main(create, run):
    """`create(conninfo)`, `run(conninfo, names)` which yields (name, result or exception)."""
    command, target, *names = sys.argv[1:]
    if command == "create":
        create(conninfo(target))
        return
    for name, result in run(conninfo(target), names):
        line = failure(result) if isinstance(result, BaseException) else {"result": repr(result)}
        print(json.dumps({"case": name, **line}), flush=True)
