"""What is measured: a private PostgreSQL, HAProxy and pgveil in front of it, and the data.

Everything lives in one temporary folder and on free ports of 127.0.0.1, and is gone when the stage
is left.
"""
import contextlib
import glob
import os
import pwd
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

ROWS = 1000
ACCOUNTS_SCALE = 1
PATIENCE = 60

# Six columns of six types, as an application would have them. One list makes the sealed tables, their
# plaintext twins and the policy.
COLUMNS = [
    # name, type, policy
    ("name", "text", "{ type: text }"),
    ("email", "varchar(120)", '{ type: "varchar(120)", mode: equality, normalize: [lower, trim] }'),
    ("birth", "date", "{ type: date }"),
    ("card", "char(16)", '{ type: "char(16)" }'),
    ("salary", "numeric(12,2)", '{ type: "numeric(12,2)" }'),
    ("notes", "text", "{ type: text }"),
]
NAMES = ", ".join(name for name, _, _ in COLUMNS)

# Sealed table and its plaintext twin in the same database.
TWINS = [("people", "people_twin"), ("visits", "visits_twin")]


def person(n):
    """The values of row n, as text."""
    return [
        f"Anna-Maria Nr. {n}",
        f"anna.{n}@example.org",
        f"19{40 + n % 60}-0{1 + n % 9}-1{n % 10}",
        f"4{n:015d}",
        f"{1000 + n}.{n % 100:02d}",
        f"Prefers letters to calls; customer since {1980 + n % 40}, file {n:06d}.",
    ]


@dataclass
class Target:
    """Something to connect to. No pid: nothing of its own to measure."""

    name: str
    port: int
    database: str
    pid: int | None = None


class Failure(Exception):
    """The stage could not be set; says why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server_programs():
    """The folder with initdb, postgres, psql and pgbench: PGVEIL_PG_BIN, or the newest release."""
    asked = os.environ.get("PGVEIL_PG_BIN")
    if asked:
        return asked
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if not found:
        raise Failure("no PostgreSQL server programs; install the package `postgresql` or set PGVEIL_PG_BIN")
    return os.path.dirname(max(found, key=lambda path: int(path.split("/")[4])))


def run(command, **options):
    """Runs a program to its end; its output, or a Failure with it."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise Failure(f"{os.path.basename(command[0])} failed: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


class Stage(contextlib.ExitStack):
    """Enter it to have everything running."""

    def __init__(self, pgveil):
        super().__init__()
        self.pgveil_program = os.path.abspath(pgveil)
        self.bin = server_programs()
        self.account = {}

    def __enter__(self):
        super().__enter__()
        try:
            self.set()
        except BaseException:
            self.close()
            raise
        return self

    def set(self):
        self.folder = tempfile.mkdtemp(prefix="pgveil-bench-")
        self.callback(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            postgres = pwd.getpwnam("postgres")
            os.chown(self.folder, postgres.pw_uid, postgres.pw_gid)
            self.account = {"user": postgres.pw_uid, "group": postgres.pw_gid, "extra_groups": []}
        self.start_server()
        self.make_data()
        self.haproxy = self.start_haproxy()
        self.pgveil = self.start_pgveil()
        self.targets = {
            "direct": Target("direct", self.port, "app"),
            "haproxy": Target("HAProxy", self.haproxy[0], "app", self.haproxy[1]),
            "relay": Target("pgveil, nothing protected in the database", self.pgveil[0], "other", self.pgveil[1]),
            "core": Target("pgveil, other tables protected", self.pgveil[0], "app", self.pgveil[1]),
        }
        self.load_people()

    # ---- PostgreSQL

    def program(self, name):
        return os.path.join(self.bin, name)

    def psql(self, sql, port=None, database="app", user="app"):
        command = [self.program("psql"), "-qXAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]
        return run([*command, "-p", str(port or self.port), "-U", user, "-d", database], input=sql)

    def start_server(self):
        data = os.path.join(self.folder, "data")
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        run([self.program("initdb"), *options, "--pgdata", data], cwd=self.folder, **self.account)
        self.port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "port": self.port,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
            "shared_buffers": "128MB",
            "max_connections": 300,
        }
        flags = [f"-c{name}={value}" for name, value in settings.items()]
        self.server = self.spawn([self.program("postgres"), "-D", data, *flags], "server.log", **self.account)
        ready = [self.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        self.wait(self.server, "server.log", lambda: subprocess.run(ready).returncode == 0)

    def make_data(self):
        self.psql(
            "CREATE ROLE app LOGIN; CREATE ROLE pgveil LOGIN; GRANT app TO pgveil;",
            database="postgres",
            user="postgres",
        )
        for database in ("app", "other"):
            self.psql(f"CREATE DATABASE {database} OWNER app", database="postgres", user="postgres")
            pgbench = [self.program("pgbench"), "-i", "-q", "-s", str(ACCOUNTS_SCALE), "-U", "app", "-h", "127.0.0.1"]
            run([*pgbench, "-p", str(self.port), database])
            texts = ", ".join(f"repeat(md5('{c}' || g), 2) AS c{c}" for c in range(1, 7))
            self.psql(
                f"CREATE TABLE wide AS SELECT g AS id, {texts} FROM generate_series(1, {ROWS}) g; VACUUM ANALYZE;",
                database=database,
            )
        self.psql("GRANT CREATE ON DATABASE app TO pgveil", database="postgres", user="postgres")
        columns = ", ".join(f"{name} {kind}" for name, kind, _ in COLUMNS)
        for sealed, twin in TWINS:
            for table in (sealed, twin):
                self.psql(f"CREATE TABLE {table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {columns})")
            # As `apply` does for the sealed table.
            self.psql(f"CREATE INDEX ON {twin} (email)")

    def load_people(self):
        """The same rows into the sealed table (through pgveil) and its twin; compares them afterwards."""
        rows = ",\n".join("(" + ", ".join(f"'{value}'" for value in person(n)) + ")" for n in range(1, ROWS + 1))
        through = self.pgveil[0]
        self.psql(f"INSERT INTO people ({NAMES}) VALUES {rows}", port=through)
        self.psql(f"INSERT INTO people_twin ({NAMES}) VALUES {rows}")
        self.psql("VACUUM ANALYZE")
        read = f"SELECT id, {NAMES} FROM {{}} ORDER BY id"
        shown, twin = self.psql(read.format("people"), port=through), self.psql(read.format("people_twin"))
        stored = self.psql("SELECT name FROM people WHERE id = 1")
        if shown != twin or "\\xff7076" not in stored:
            raise Failure("sealed rows do not read back as their twins: nothing would be worth measuring")

    # ---- proxies

    def start_haproxy(self):
        port = free_port()
        config = os.path.join(self.folder, "haproxy.cfg")
        with open(config, "w") as file:
            file.write(
                "global\n  maxconn 2000\n"
                "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n"
                f"listen postgres\n  bind 127.0.0.1:{port}\n  server one 127.0.0.1:{self.port}\n"
            )
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        process = self.spawn([program, "-db", "-f", config], "haproxy.log")
        self.wait(process, "haproxy.log", lambda: accepts(port))
        return port, process.pid

    def start_pgveil(self):
        config = os.path.join(self.folder, "pgveil.yaml")
        tables = "".join(
            f"      {sealed}:\n        columns:\n" + "".join(f"          {name}: {policy}\n" for name, _, policy in COLUMNS)
            for sealed, _ in TWINS
        )
        with open(config, "w") as file:
            file.write(
                f"listen: 127.0.0.1:0\nupstream: {{ hosts: ['127.0.0.1:{self.port}'] }}\nservice: {{ user: pgveil }}\n"
                f"kms:\n  main: {{ local: {{ keyring: {self.folder}/keyring }} }}\nlog: {{ level: warn }}\n"
                f"databases:\n  app:\n    tables:\n{tables}"
            )
        run([self.pgveil_program, "apply", "--yes", "--config", config], stdin=subprocess.DEVNULL)
        process = self.spawn([self.pgveil_program, "run", "--config", config], "pgveil.log")
        listening = lambda: re.search(r"ready listen=127\.0\.0\.1:(\d+)", self.log("pgveil.log"))
        return int(self.wait(process, "pgveil.log", listening).group(1)), process.pid

    # ---- processes

    def log(self, name):
        with open(os.path.join(self.folder, name), errors="replace") as file:
            return file.read()

    def spawn(self, command, log, **options):
        with open(os.path.join(self.folder, log), "w") as out:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder,
                start_new_session=True, **options,
            )
        self.callback(stop, process)
        return process

    def wait(self, process, log, ready):
        deadline = time.monotonic() + PATIENCE
        while not (found := ready()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{process.args[0]} did not start: {self.log(log).strip()[-800:]}")
            time.sleep(0.05)
        return found


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stop(process):
    """SIGINT, which PostgreSQL takes as its fast shutdown; SIGKILL if that does not help."""
    process.send_signal(2)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
