"""What is run: one pgbench script per target, the same but for the table's name."""
from dataclasses import dataclass, field

from stage import COLUMNS, NAMES, ROWS, person

SIMPLE, EXTENDED, PREPARED = "simple", "extended", "prepared"


@dataclass
class Cell:
    """One line-up of targets over one statement in one protocol. Ratios are against `base`."""

    title: str
    protocol: str
    base: str
    # Key of the target, its name in tables, and its script; None is `pgbench -S`.
    runs: list
    # Run before each measurement: keeps tables that grow equally large.
    before: str = ""
    # Highest CPU ratio to the base, or highest distance in µs: the target of docs/performance.md.
    ratio: dict = field(default_factory=dict)
    above: dict = field(default_factory=dict)


def variables(protocol):
    """The values of one row for pgbench's -D: literals in the simple protocol, parameters otherwise."""
    quote = "'" if protocol == SIMPLE else ""
    row = zip((name for name, _, _ in COLUMNS), person(517))
    return [f"-Dv_{name}={quote}{value}{quote}" for name, value in row]


def passthrough():
    lineup = ["direct", "haproxy", "relay", "core"]
    limits = {"relay": 1.10, "core": 1.10}
    for protocol in (SIMPLE, EXTENDED, PREPARED):
        yield Cell("pgbench -S", protocol, "haproxy", [(t, None, None) for t in lineup], ratio=limits)
    wide = "SELECT c1, c2, c3, c4, c5, c6 FROM wide;\n"
    for protocol in (SIMPLE, PREPARED):
        runs = [(t, None, wide) for t in lineup]
        yield Cell(f"{ROWS} rows × 6 texts of 64 bytes", protocol, "haproxy", runs, ratio=limits)


def sealed():
    places = ", ".join(f":v_{name}" for name, _, _ in COLUMNS)
    point = f"\\set id random(1, {ROWS})\nSELECT {NAMES} FROM {{}} WHERE id = :id;\n"
    insert = f"INSERT INTO {{}} ({NAMES}) VALUES ({places});\n"
    equal = f"SELECT {NAMES} FROM {{}} WHERE email = :v_email;\n"
    many = f"SELECT {NAMES} FROM {{}};\n"
    for title, script, table in (
        ("point read of 6 columns by primary key", point, "people"),
        ("insert of 6 columns", insert, "visits"),
        ("look-up by an equality column, 6 columns", equal, "people"),
    ):
        before = "TRUNCATE visits, visits_twin" if table == "visits" else ""
        for protocol in (SIMPLE, EXTENDED, PREPARED):
            yield twin(title, protocol, table, script, before=before, ratio={"sealed": 1.15})
    for protocol in (SIMPLE, PREPARED):
        yield twin(f"{ROWS} rows × 6 columns", protocol, "people", many, above={"sealed": 450})


def twin(title, protocol, table, script, **rest):
    """A sealed table against its plaintext twin, both through pgveil."""
    runs = [
        ("plain", "plaintext twin", script.format(table + "_twin")),
        ("sealed", "sealed", script.format(table)),
    ]
    return Cell(title, protocol, "plain", runs, **rest)
