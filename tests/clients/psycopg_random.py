"""Random pipelines of statements, prepared and not, with errors and transactions in between:
`psycopg_random.py THROUGH TWIN`. `RANDOM_SEED` and `RANDOM_ROUNDS` choose others."""

import os
import random

import psycopg
import statements
from pair import attempt, is_refusal, main, results
from psycopg import pq

FILL = [
    "ROLLBACK",
    "RESET ALL",
    "TRUNCATE members, visits RESTART IDENTITY",
    "INSERT INTO members (code, name, email, balance, notes) VALUES (1, 'A', 'a@x', 1.5, 'n'), (2, 'B', 'b@x', -2, NULL), (3, 'C', NULL, NULL, '')",
    "INSERT INTO visits (email, place, note, paid) VALUES ('a@x', 'P', 'one', 5), ('a@x', 'Q', NULL, 2.25), ('z@x', 'R', '', 5), (NULL, 'S', 's', NULL)",
    "TRUNCATE other.members",
    "INSERT INTO other.members VALUES (1, 1, 'O', 'a@x', 5, 'other')",
    "DEALLOCATE ALL",
]

# In another schema of the same name, and not protected. Joined with a protected table it is refused.
OTHER = [
    "CREATE SCHEMA other",
    "CREATE TABLE other.members (id integer, code integer UNIQUE, name text, email varchar(120) UNIQUE, balance numeric(12,2), notes text)",
]

SESSION = [
    "SET search_path = other", "SET LOCAL search_path = other, public", "RESET search_path",
    "SELECT set_config('search_path', 'other', true)", "SET timezone = 'Asia/Tokyo'", "RESET timezone", "DISCARD PLANS",
]

TRANSACTION = ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s"]

FAILING = [
    "SELECT 1/0", "SELECT nosuch FROM members", "SELECT 1/(id - 2), email FROM members ORDER BY id",
    "UPDATE members SET notes = 'w' RETURNING 1/(id - 3), email",
]

PARAMETERS = [
    ("SELECT id, email FROM members WHERE email = $1", ["a@x"]),
    ("SELECT id, email, balance FROM members WHERE email = $1 AND id = $2", ["a@x", "1"]),
    ("INSERT INTO visits (email, note, paid) VALUES ($1, $2, $3) RETURNING *", ["a@x", "nn", "5"]),
    ("UPDATE members SET notes = $1 WHERE email = $2 RETURNING notes, email", ["q", "a@x"]),
    ("SELECT id FROM members WHERE email = ANY($1) ORDER BY id", ["{a@x,b@x}"]),
    ("SELECT $1::int / ($2::int - 1), email FROM members", ["1", "1"]),
    ("INSERT INTO members (name, email) VALUES ($1, $2) ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name RETURNING *", ["z", "a@x"]),
    ("INSERT INTO visits (paid) VALUES ($1)", ["bad"]),
    ("DELETE FROM visits WHERE paid = $1 RETURNING email", ["5.00"]),
]

REFUSED = "refused"
STANDS_FOR_REFUSED = "SELECT nosuch FROM public.plain"


def sort_out(connection):
    """The statements that pgveil does and refuses; without DDL and without an order that may vary."""
    done, refused = [], []
    for text in statements.READS + statements.WRITES:
        varies = text.startswith("SELECT") and "ORDER BY" not in text and "count" not in text
        # A join may be a nested loop or a hash table, by what the planner thinks of the sizes just then.
        joins = text.startswith("UPDATE") and " FROM " in text or text.startswith("DELETE") and " USING " in text
        varies |= joins and "RETURNING" in text or " JOIN " in text and "ORDER BY" not in text
        other = text.startswith(("TRUNCATE", "CREATE", "COMMENT", "ALTER", "ANALYZE", "LOCK", "EXPLAIN", "DECLARE", "PREPARE"))
        if varies or other or "generate_series" in text or "TABLESAMPLE" in text:
            continue
        fill(connection)
        outcome = attempt(lambda c: results(c.execute(text)), connection)
        (refused if is_refusal(outcome) else done).append(text)
    fill(connection)
    return done, refused


def fill(connection):
    for text in FILL:
        connection.execute(text)


def random_script(rng, done, refused):
    """What is sent in one pipeline, and simple queries after it."""
    words = done + 3 * (TRANSACTION + FAILING) + 2 * SESSION
    script = []
    for _ in range(rng.randint(3, 25)):
        kind = rng.random()
        text, values = rng.choice(PARAMETERS)
        name = f"s{rng.randint(0, 3)}"
        if kind < 0.35:
            script.append(("query", rng.choice(words), [], rng.randint(0, 1)))
        elif kind < 0.6:
            script.append(("query", text, values, rng.randint(0, 1)))
        elif kind < 0.7:
            script.append(("prepare", name, text))
        elif kind < 0.85:
            script.append(("execute", name, values, rng.randint(0, 1)))
        elif kind < 0.88:
            script.append(("describe", name))
        elif kind < 0.9:
            script.append(("flush",))
        elif kind < 0.93:
            script.append(("refused", rng.choice(refused)))
        elif kind < 0.95:
            script.append(("close", name))
        else:
            script.append(("sync",))
    script.append(("sync",))
    # A change of the session in one message with what depends on it is refused.
    words = done + 3 * (TRANSACTION + FAILING)
    simple = []
    for _ in range(rng.randint(0, 4)):
        first, *others = [rng.choice(words) for _ in range(rng.randint(1, 4))]
        # In an aborted transaction pgveil cannot ask for the session's settings, so it does not look
        # behind a ROLLBACK within one message.
        alone = first.startswith(("ROLLBACK", "COMMIT"))
        simple += [first, "; ".join(others)] if alone else ["; ".join([first, *others])]
    return script, simple


def seen(result):
    status = pq.ExecStatus(result.status).name
    sqlstate = result.error_field(pq.DiagnosticField.SQLSTATE)
    message = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY)
    hint = result.error_field(pq.DiagnosticField.MESSAGE_HINT) or b""
    if (sqlstate == b"0A000" and b"pgveil" in hint) or (sqlstate == b"42703" and b"nosuch" in message):
        return REFUSED
    columns = [(result.fname(i), result.ftype(i), result.fmod(i), result.fsize(i), result.fformat(i)) for i in range(result.nfields)]
    rows = [[result.get_value(r, c) for c in range(result.nfields)] for r in range(result.ntuples)]
    position = result.error_field(pq.DiagnosticField.STATEMENT_POSITION)
    return status, result.command_status, columns, rows, sqlstate, message, position


def sqlstate(answers):
    return answers[0][4] if answers and isinstance(answers[0], tuple) else None


def play(connection, script, simple, protected):
    """Sends it all at once and gives everything that came back."""
    fill(connection)
    wire, out, syncs = connection.pgconn, [], 0
    wire.enter_pipeline_mode()
    for step, *rest in script:
        match step:
            case "query" | "execute":
                send = wire.send_query_params if step == "query" else wire.send_query_prepared
                send(rest[0].encode(), [value.encode() for value in rest[1]], result_format=rest[2])
            case "refused":
                wire.send_query_params((rest[0] if protected else STANDS_FOR_REFUSED).encode(), [])
            case "prepare":
                wire.send_prepare(rest[0].encode(), rest[1].encode())
            case "describe":
                wire.send_describe_prepared(rest[0].encode())
            case "close":
                wire.send_close_prepared(rest[0].encode())
            case "flush":
                wire.send_flush_request()
            case "sync":
                wire.pipeline_sync()
                syncs += 1
    while wire.flush():
        pass
    while syncs and wire.status != pq.ConnStatus.BAD:
        result = wire.get_result()
        out.append(result and seen(result))
        if result and result.status == pq.ExecStatus.PIPELINE_SYNC:
            syncs -= 1
            out.append(wire.transaction_status)
    wire.exit_pipeline_mode()
    for text in simple + ["SELECT id, email, notes, balance FROM members ORDER BY id"]:
        wire.send_query(text.encode())
        while (result := wire.get_result()) is not None:
            out.append(seen(result))
        out.append(wire.transaction_status)
    return out


def pipelines(pair):
    seed, rounds = int(os.environ.get("RANDOM_SEED", "1")), int(os.environ.get("RANDOM_ROUNDS", "100"))
    rng = random.Random(seed)
    pair.reconnect(prepare_threshold=None)
    through, twin = pair.sides
    for side in pair.sides:
        side.execute("DROP SCHEMA IF EXISTS other CASCADE")
        for text in OTHER:
            side.execute(text)
    done, refused = sort_out(through)
    for number in range(rounds):
        script, simple = random_script(rng, done, refused)
        wanted = play(twin, script, simple, False)
        try:
            got = play(through, script, simple, True)
        except psycopg.Error as error:
            got = [repr(error)]
        pair.count += 1
        if got == wanted:
            continue
        at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
        pairs = (got[at : at + 1], wanted[at : at + 1])
        # Names that lead to the other table may join it with a protected one, or make a refused statement work.
        if [REFUSED] in pairs:
            continue
        # pgveil looks for a statement's tables again before it counts its parameters.
        if [sqlstate(answer) for answer in pairs] == [b"42P01", b"08P01"]:
            continue
        steps = "\n    ".join(map(repr, script + simple))
        return pair.differ(f"seed {seed}, round {number}, answer {at} of\n    {steps}", *pairs)
    for side in pair.sides:
        side.execute("RESET ALL")
        side.execute("DROP SCHEMA other CASCADE")


if __name__ == "__main__":
    main([pipelines])
