"""Does the same with psycopg on both sides and collects every difference."""

import os
import sys
import traceback

import psycopg
from psycopg import pq

SHOWN = int(os.environ.get("SHOW_DIFFERENCES", "25"))


def short(value, limit=600):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def results(cursor):
    """Everything that a client can see of a cursor's results."""
    seen = []
    while True:
        result = cursor.pgresult
        if result is None:
            return seen
        columns = [
            (
                result.fname(i),
                result.ftype(i),
                result.fmod(i),
                result.fsize(i),
                result.fformat(i),
                result.ftable(i) != 0,
                result.ftablecol(i),
            )
            for i in range(result.nfields)
        ]
        described = [tuple(column) for column in cursor.description or ()]
        raw = [[result.get_value(r, c) for c in range(result.nfields)] for r in range(result.ntuples)]
        rows = None
        if result.nfields and result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.SINGLE_TUPLE):
            try:
                rows = [[(type(cell).__name__, repr(cell)) for cell in row] for row in cursor.fetchall()]
            except (psycopg.DataError, NotImplementedError) as error:  # what Python has no values for
                rows = str(error)
        seen.append(
            {
                "columns": columns,
                "description": described,
                "raw": raw,
                "rows": rows,
                "tag": cursor.statusmessage,
                "rowcount": cursor.rowcount,
            }
        )
        if not cursor.nextset():
            return seen


def in_any_order(seen):
    """Results whose rows the server may give in any order."""
    for result in seen:
        result["raw"].sort(key=repr)
        result["rows"].sort(key=repr)
    return seen


def failure(error):
    diag = error.diag
    return {
        "error": type(error).__name__,
        "sqlstate": error.sqlstate,
        "message": diag.message_primary or str(error),
        "detail": diag.message_detail,
        "hint": diag.message_hint,
        "position": diag.statement_position,
        "schema": diag.schema_name,
        "table": diag.table_name,
        "column": diag.column_name,
        "constraint": diag.constraint_name,
    }


def is_refusal(outcome):
    """pgveil's own error for what it does not do, with an anchor in docs/errors.md."""
    return isinstance(outcome, dict) and outcome.get("sqlstate") == "0A000" and "pgveil" in (outcome["hint"] or "")


def attempt(action, *args):
    """What comes of an action: its value, or what a client sees of the error."""
    try:
        return action(*args)
    except psycopg.Error as error:
        return failure(error)


class Pair:
    def __init__(self, through, twin):
        self.conninfo = (through, twin)
        self.count = 0
        self.refusals = set()
        self.differences = []
        self.label = ""
        self.sides = None
        self.reconnect()

    def reconnect(self, **options):
        if self.sides:
            self.close()
        options = {"autocommit": True, **options}
        self.sides = [psycopg.connect(conninfo, **options) for conninfo in self.conninfo]

    def close(self):
        for side in self.sides:
            side.close()

    def differ(self, label, through, twin):
        self.differences.append(f"{self.label}{label}\n  through {short(through)}\n  twin    {short(twin)}")

    def both(self, label, action, ignore=(), or_refused=False):
        """Runs `action(connection)` on both sides; the outcomes have to be equal."""
        through = attempt(action, self.sides[0])
        if or_refused and is_refusal(through):
            self.refusals.add(through["message"])
            return None
        twin = attempt(action, self.sides[1])
        self.count += 1
        for outcome in (through, twin):
            if isinstance(outcome, dict):
                for key in ignore:
                    outcome.pop(key, None)
        if through != twin:
            self.narrow(label, through, twin)
            if any(side.closed for side in self.sides):
                self.reconnect()
        return twin

    def narrow(self, label, through, twin):
        """Only what differs is shown."""
        if isinstance(through, list) and isinstance(twin, list) and len(through) == len(twin):
            for i, (a, b) in enumerate(zip(through, twin)):
                if a != b:
                    self.narrow(f"{label} [{i}]", a, b)
        elif isinstance(through, dict) and isinstance(twin, dict) and through.keys() == twin.keys():
            if through.get("sqlstate") != twin.get("sqlstate"):
                return self.differ(label, through, twin)
            for key in through:
                if through[key] != twin[key]:
                    self.narrow(f"{label} .{key}", through[key], twin[key])
        else:
            self.differ(label, through, twin)

    def run(self, sql, params=None, *, ignore=(), cursor=psycopg.Cursor, or_refused=False, unordered=False, **options):
        """Executes a statement on both sides.

        `or_refused`: pgveil may refuse it, as documented; then the twin does not execute it either.
        `unordered`: nothing in the statement says in which order its rows come.
        """
        binary = options.pop("binary", None)

        def action(connection):
            kinds = {} if binary is None or cursor is psycopg.ClientCursor else {"binary": binary}
            with cursor(connection) as cur:
                cur.execute(sql, params, **kinds, **options)
                return in_any_order(results(cur)) if unordered else results(cur)

        return self.both(short(sql, 160), action, ignore, or_refused)

    def refused(self, sql, params=None, *, cursor=psycopg.Cursor, **options):
        """A statement that pgveil refuses, by name, and that leaves the connection usable."""

        def action(connection):
            with cursor(connection) as cur:
                cur.execute(sql, params, **options)
                return results(cur)

        outcome = attempt(action, self.sides[0])
        self.count += 1
        if not is_refusal(outcome):
            self.differ(short(sql, 160), outcome, "a refusal with SQLSTATE 0A000")
        return outcome

    def expect(self, label, seen, wanted):
        """Both sides agree already; this is what they should agree on."""
        self.count += 1
        if seen != wanted:
            self.differ(label, seen, wanted)

    def finish(self):
        self.close()
        if self.differences:
            print(f"{len(self.differences)} differences in {self.count} comparisons")
            for difference in self.differences[:SHOWN]:
                print(difference)
            sys.exit(1)
        for refusal in sorted(self.refusals):
            print(f"refused: {refusal}")
        print(f"equal: {self.count} comparisons")


def main(cases):
    pair = Pair(*sys.argv[1:3])
    try:
        for case in cases:
            pair.label = f"{case.__name__}: "
            case(pair)
    except Exception:
        traceback.print_exc()
        print(f"stopped in {pair.label} {len(pair.differences)} differences before")
        for difference in pair.differences[:SHOWN]:
            print(difference)
        sys.exit(1)
    pair.finish()
