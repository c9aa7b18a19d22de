//! The commands, as somebody at a terminal or a script sees them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;
#[path = "cli/sweeping.rs"]
mod sweeping;

use serde_json::Value;
use support::{PEOPLE, PEOPLE_POLICY, World, both, pgveil, stderr, stdout};

fn people() -> World {
    World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).idle().start()
}

fn code(output: &std::process::Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", both(output)))
}

#[test]
fn help_says_what_each_command_is_for_with_an_example() {
    let help = stdout(&pgveil(&["--help"], ""));
    for command in ["run", "check", "apply", "value", "demo", "schema"] {
        assert!(help.contains(command), "{help}");
        let output = pgveil(&[command, "--help"], "");
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("Example: "), "{}", both(&output));
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    for args in [&["frobnicate"][..], &["apply", "--frobnicate"], &["value", "seal"], &[]] {
        assert_eq!(code(&pgveil(args, "")), 2, "{args:?}");
    }
}

#[test]
fn wrong_usage_is_a_document_for_who_reads_documents() {
    for (args, said) in [
        (&["--json", "frobnicate"][..], "unrecognized subcommand 'frobnicate'"),
        (&["sweep", "status", "first", "--json"], "'first' for '[JOB]'"),
        (&["sweep", "--json"], "requires a subcommand"),
        (&["value", "seal", "--json"], "--column"),
    ] {
        let output = pgveil(args, "");
        assert_eq!((code(&output), stderr(&output).as_str()), (2, ""), "{args:?}: {}", both(&output));
        let error = json(&output)["error"].clone();
        assert_eq!(error["code"], "usage", "{error}");
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
    }
    let help = pgveil(&["sweep", "--json", "--help"], "");
    assert_eq!(code(&help), 0);
    assert!(stdout(&help).contains("Usage: "), "{}", both(&help));
}

#[test]
fn a_missing_policy_file_exits_with_2_and_names_it() {
    let output = pgveil(&["check", "--config", "no/such/file.yaml"], "");
    assert_eq!(code(&output), 2, "{}", both(&output));
    assert!(stderr(&output).contains("no/such/file.yaml"), "{}", both(&output));
}

#[test]
fn a_bad_policy_is_shown_with_its_line_and_a_suggestion() {
    let world = people();
    world.edit_policy(|text| text.replace("mode: equality", "mdoe: equality"));
    let output = world.pgveil(&["check"]);
    assert_eq!(code(&output), 2, "{}", both(&output));
    for part in ["policy/unknown-key", "mdoe", "pgveil.yaml:", "mode"] {
        assert!(stderr(&output).contains(part), "{part}: {}", both(&output));
    }
    assert_eq!(stdout(&output), "");
    let output = world.pgveil(&["check", "--json"]);
    assert_eq!(code(&output), 2);
    let finding = json(&output).pointer("/error/findings/0").cloned().unwrap();
    assert_eq!(finding["code"], "policy/unknown-key");
    assert!(finding["line"].is_number(), "{finding}");
}

#[test]
fn the_schema_of_the_policy_is_json_with_the_known_keys() {
    let output = pgveil(&["schema"], "");
    assert_eq!(code(&output), 0);
    assert!(json(&output).pointer("/properties/upstream").is_some());
}

#[test]
fn apply_asks_and_without_a_terminal_says_so() {
    let world = people();
    let output = world.pgveil(&["apply"]);
    assert_eq!(code(&output), 2, "{}", both(&output));
    assert!(stderr(&output).contains("--yes"), "{}", both(&output));
    assert!(stdout(&output).contains("CREATE DOMAIN pgveil.sealed"), "{}", both(&output));
    assert_eq!(world.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'pgveil'"), "0");
}

#[test]
fn a_dry_run_shows_the_sql_and_changes_nothing() {
    let world = people();
    let output = world.pgveil(&["apply", "--dry-run"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(stdout(&output).contains("ALTER TABLE public.people ALTER COLUMN email TYPE pgveil.sealed"));
    assert_eq!(world.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgveil%'"), "0");
}

#[test]
fn apply_twice_has_nothing_to_do() {
    let world = people();
    let first = world.pgveil(&["apply", "--yes"]);
    assert_eq!(code(&first), 0, "{}", both(&first));
    let types = world.sql(
        "SELECT string_agg(attname || ' ' || format_type(atttypid, -1) || ' ' || attstorage::text, ', ' ORDER BY attnum)
         FROM pg_attribute WHERE attrelid = 'people'::regclass AND attnum > 2",
    );
    assert_eq!(
        types,
        "email pgveil.sealed e, ssn pgveil.sealed e, birth pgveil.sealed e, salary pgveil.sealed e, notes pgveil.sealed e"
    );
    let second = world.pgveil(&["apply"]);
    assert_eq!(code(&second), 0, "{}", both(&second));
    assert!(stdout(&second).contains("nothing to do"), "{}", both(&second));
    let document = json(&world.pgveil(&["apply", "--json"]));
    assert_eq!(document.pointer("/databases/0/steps"), Some(&Value::Array(Vec::new())), "{document}");
}

#[test]
fn what_apply_prints_can_be_run_by_hand() {
    let world = people();
    let sql = stdout(&world.pgveil(&["apply", "--dry-run"]));
    let statements: String = sql.lines().filter(|line| !line.starts_with("database ")).collect::<Vec<_>>().join("\n");
    support::psql(&world.direct().replace("user=app", "user=pgveil"), &statements);
    let document = json(&world.pgveil(&["apply", "--dry-run", "--json"]));
    assert_eq!(document.pointer("/databases/0/steps"), Some(&Value::Array(Vec::new())), "{document}");
}

#[test]
fn apply_leaves_a_table_with_rows_alone_and_says_what_to_do() {
    let world = people();
    world.sql("INSERT INTO people (name, email) VALUES ('Ada', 'ada@example.org')");
    let output = world.pgveil(&["apply", "--yes"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert!(
        stdout(&output).contains("create an empty table of the same shape, apply, and copy the rows through pgveil"),
        "{}",
        both(&output)
    );
    assert_eq!(world.sql("SELECT email FROM people"), "ada@example.org");
    // The rest was done.
    assert_eq!(world.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgveil%'"), "2");
}

#[test]
fn rows_that_arrive_between_plan_and_change_are_not_lost() {
    let world = World::builder()
        .schema("CREATE TABLE t (c text)")
        .tables("t: { columns: { c: { type: text } } }")
        .idle()
        .start();
    let sql = stdout(&world.pgveil(&["apply", "--dry-run"]));
    world.sql("INSERT INTO t VALUES ('precious')");
    let statements: String = sql.lines().filter(|line| !line.starts_with("database ")).collect::<Vec<_>>().join("\n");
    let by_hand = support::try_psql(&world.direct().replace("user=app", "user=pgveil"), &statements);
    assert!(!by_hand.status.success());
    assert!(!stderr(&by_hand).contains("precious"), "{}", both(&by_hand));
    assert_eq!(world.sql("SELECT c FROM t"), "precious");
}

#[test]
fn a_unique_column_stays_unique_under_its_old_name() {
    let world = World::builder()
        .schema("CREATE TABLE users (id int, login text NOT NULL UNIQUE)")
        .tables("users: { columns: { login: { type: text, mode: equality } } }")
        .not_running()
        .start();
    let index = world.sql("SELECT indexdef FROM pg_indexes WHERE indexname = 'users_login_key'");
    assert!(index.starts_with("CREATE UNIQUE INDEX users_login_key ON public.users USING btree"), "{index}");
    assert!(index.contains("9, 16"), "{index}");
    assert_eq!(
        world.sql("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'login'"),
        "t"
    );
    let again = world.pgveil(&["apply"]);
    assert!(stdout(&again).contains("nothing to do"), "{}", both(&again));
}

#[test]
fn what_hangs_on_a_column_is_explained_and_nothing_is_changed() {
    let world = World::builder()
        .schema(
            "CREATE TABLE t (a text DEFAULT 'x', b int CHECK (b > 0), c text, d text);
             CREATE INDEX on_c ON t (c, d);
             CREATE VIEW v AS SELECT d FROM t",
        )
        .tables("t: { columns: { a: { type: text }, b: { type: int4 }, c: { type: text, mode: equality }, d: { type: text } } }")
        .idle()
        .start();
    let output = world.pgveil(&["apply", "--yes", "--json"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    let document = json(&output);
    let obstacles: Vec<(String, String)> = document
        .pointer("/databases/0/obstacles")
        .and_then(Value::as_array)
        .unwrap()
        .iter()
        .map(|o| (o["object"].as_str().unwrap().to_owned(), o["code"].as_str().unwrap().to_owned()))
        .collect();
    for (object, code) in [
        ("public.t.a", "apply/default"),
        ("public.t.b", "apply/constraint"),
        ("public.t.c", "apply/index"),
        ("public.t.d", "apply/index"),
        ("public.t.d", "apply/dependent"),
    ] {
        assert!(obstacles.contains(&(object.to_owned(), code.to_owned())), "{object} {code}: {obstacles:?}");
    }
    assert_eq!(
        world.sql(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND atttypid = 'pgveil.sealed'::regtype"
        ),
        "0"
    );
}

#[test]
fn without_privileges_apply_prints_what_to_run_as_whom() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).service("other").idle().start();
    let output = world.pgveil(&["apply", "--yes"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    let text = stdout(&output);
    assert!(text.contains(&format!("GRANT CREATE ON DATABASE {} TO other", world.database())), "{text}");
    let text = both(&output);
    assert!(text.contains("GRANT SELECT ON ") && !text.contains("TO the service login"), "{text}");
    assert_eq!(world.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgveil%'"), "0");

    // With the grant, and the right to look, only the owner's part is left.
    support::psql(&world.superuser("postgres"), &format!("GRANT CREATE ON DATABASE {} TO other", world.database()));
    world.sql("GRANT SELECT ON people TO other");
    let output = world.pgveil(&["apply", "--yes"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert!(stdout(&output).contains("run as app"), "{}", both(&output));
    assert_eq!(world.sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgveil%'"), "2");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let world = people();
    world.edit_policy(|text| text.replace(&format!(":{}", world.server_port()), ":1"));
    let output = world.pgveil(&["check"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert!(stderr(&output).contains("127.0.0.1:1"), "{}", both(&output));
    let output = world.pgveil(&["run"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert!(stderr(&output).contains("is the server running"), "{}", both(&output));
}

#[test]
fn a_password_that_is_not_there_is_asked_for() {
    let world = people();
    world.edit_policy(|text| text.replace("user: pgveil }", "user: pgveil, password: { env: PGVEIL_NOT_SET } }"));
    for command in ["check", "run"] {
        let output = world.pgveil(&[command]);
        assert_eq!(code(&output), 1, "{}", both(&output));
        for part in ["PGVEIL_NOT_SET", "service.password"] {
            assert!(stderr(&output).contains(part), "{part}: {}", both(&output));
        }
    }
}

#[test]
fn check_writes_and_reads_a_probe_row_and_leaves_none() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start();
    let output = world.pgveil(&["check", "--json"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let document = json(&output);
    let probes = document.pointer("/databases/0/probes").and_then(Value::as_array).unwrap();
    assert_eq!(probes.len(), 5, "{document}");
    for probe in probes {
        assert_eq!(probe["intact"], true, "{probe}");
        assert!(probe["stored"].as_str().unwrap().starts_with("\\xff7076"), "{probe}");
    }
    assert_eq!(world.sql("SELECT count(*) FROM people"), "0");
    let text = world.pgveil(&["check"]);
    assert!(stdout(&text).contains("people.ssn"), "{}", both(&text));
}

#[test]
fn arrays_of_every_type_are_applied_and_probed() {
    let types = [
        "text",
        "varchar(5)",
        "char(4)",
        "bool",
        "int2",
        "int4",
        "int8",
        "numeric(8,2)",
        "float4",
        "float8",
        "date",
        "time",
        "timestamp",
        "timestamptz(2)",
        "uuid",
        "bytea",
        "json",
        "jsonb",
        "inet",
        "cidr",
        "macaddr",
        "interval(3)",
        "timetz(1)",
        "macaddr8",
    ];
    let list = |write: fn(usize, &str) -> String| types.iter().enumerate().map(|(n, ty)| write(n, ty)).collect();
    let columns: Vec<String> = list(|n, ty| format!("c{n} {ty}[]"));
    let policy: Vec<String> = list(|n, ty| format!("    c{n}: {{ type: \"{ty}[]\" }}\n"));
    let schema = format!("CREATE TABLE lists (id int, {})", columns.join(", "));
    let policy = format!("lists:\n  columns:\n{}", policy.concat());
    let world = World::builder().schema(&schema).tables(&policy).not_running().start();
    let output = world.pgveil(&["check", "--json"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let document = json(&output);
    let probes = document.pointer("/databases/0/probes").and_then(Value::as_array).unwrap();
    assert_eq!(probes.len(), types.len(), "{document}");
    for probe in probes {
        assert_eq!(probe["intact"], true, "{probe}");
        assert!(probe["read_back"].as_str().unwrap().ends_with(",NULL}"), "{probe}");
    }
}

#[test]
fn check_before_apply_finds_errors() {
    let world = people();
    let output = world.pgveil(&["check"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert!(stdout(&output).contains("error"), "{}", both(&output));
}

#[test]
fn check_notices_a_lost_index() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start();
    world.sql("DROP INDEX people_email_eq");
    let output = world.pgveil(&["check", "--json"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    let findings = json(&output).pointer("/databases/0/findings").cloned().unwrap();
    assert!(findings.to_string().contains("public.people.email"), "{findings}");
}

/// Findings of `check` about one object, by severity and code.
fn findings(document: &Value) -> Vec<(String, String, String, String)> {
    let list = document.pointer("/databases/0/findings").and_then(Value::as_array).unwrap();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    list.iter().map(|f| (text(f, "severity"), text(f, "code"), text(f, "object"), text(f, "hint"))).collect()
}

#[test]
fn check_prints_the_statement_that_makes_a_missing_index() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start();
    world.sql("DROP INDEX people_email_eq");
    let found = findings(&json(&world.pgveil(&["check", "--json"])));
    let (severity, _, _, ddl) = found
        .iter()
        .find(|(_, code, object, _)| code == "catalog/missing-index" && object == "public.people.email")
        .unwrap_or_else(|| panic!("{found:?}"));
    assert_eq!(severity, "warning");
    assert_eq!(ddl, "CREATE INDEX CONCURRENTLY ON public.people (pg_catalog.substring(email, 9, 16))");
    // It is exact: run as it stands, it is all that was missing.
    world.sql(ddl);
    let output = world.pgveil(&["check", "--json"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(findings(&json(&output)).iter().all(|(_, code, ..)| code != "catalog/missing-index"));
}

#[test]
fn check_names_a_trigger_that_changes_a_sealed_column() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start();
    world.sql(
        "CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN NEW.email := lower(NEW.email::text)::bytea; RETURN NEW; END';
         CREATE TRIGGER tidy_email BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION tidy();
         CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER harmless BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION stamp()",
    );
    let output = world.pgveil(&["check", "--no-probe", "--json"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    let found = findings(&json(&output));
    let triggers: Vec<_> = found.iter().filter(|(_, code, ..)| code == "catalog/trigger").collect();
    assert_eq!(triggers.len(), 1, "{found:?}");
    assert_eq!((&*triggers[0].0, &*triggers[0].2), ("error", "public.people.email"));
    let text = stdout(&world.pgveil(&["check", "--no-probe"]));
    assert!(text.contains("tidy_email") && !text.contains("harmless"), "{text}");
}

#[test]
fn check_warns_of_searchable_columns_with_few_values_unless_that_is_accepted() {
    let world = World::builder()
        .schema("CREATE TABLE people (id int, state text)")
        .tables("people: { columns: { state: { type: text, mode: equality } } }")
        .not_running()
        .start();
    for state in ["Ohio", "Iowa", "Utah"] {
        let sealed = world.pgveil_with_input(&["value", "seal", "--column", "people.state"], state);
        let sealed = stdout(&sealed);
        world.sql(&format!("INSERT INTO people SELECT n, '{}' FROM generate_series(1, 200) n", sealed.trim()));
    }
    world.sql("ANALYZE people");
    let output = world.pgveil(&["check", "--json"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    let document = json(&output);
    let about = |code: &str| findings(&document).into_iter().find(|(_, c, ..)| c == code);
    let (severity, _, object, hint) = about("catalog/low-cardinality").unwrap_or_else(|| panic!("{document}"));
    assert_eq!((&*severity, &*object), ("error", "public.people.state"));
    assert!(hint.contains("allow_low_cardinality: true"), "{hint}");
    assert!(document.to_string().contains("about 3 distinct values"), "{document}");

    world.edit_policy(|text| text.replace("mode: equality", "mode: equality, allow_low_cardinality: true"));
    let accepted = world.pgveil(&["check", "--json"]);
    assert_eq!(code(&accepted), 0, "{}", both(&accepted));
    let (severity, ..) = findings(&json(&accepted)).into_iter().find(|(_, c, ..)| c == "catalog/cardinality").unwrap();
    assert_eq!(severity, "info");
}

#[test]
fn a_value_sealed_by_hand_opens_by_hand_and_only_as_its_column() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start();
    let sealed = world.pgveil_with_input(&["value", "seal", "--column", "public.people.ssn"], "123-45-6789");
    assert_eq!(code(&sealed), 0, "{}", both(&sealed));
    let hex = stdout(&sealed);
    assert!(hex.starts_with("\\xff7076"), "{hex}");
    let opened = world.pgveil_with_input(&["value", "open", "--column", "people.ssn"], &hex);
    assert_eq!(stdout(&opened), "123-45-6789\n", "{}", both(&opened));
    // It was sealed for the column's own type: what the server stores is taken as it is.
    world.sql(&format!("INSERT INTO people (name, ssn) VALUES ('Ada', '{}')", hex.trim()));
    let moved = world.pgveil_with_input(&["value", "open", "--column", "public.people.email"], &hex);
    assert_eq!(code(&moved), 1, "{}", both(&moved));
    assert_eq!(stdout(&moved), "");
}

#[test]
fn a_value_that_its_type_refuses_is_refused_with_postgresqls_words() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start();
    let output = world.pgveil_with_input(&["value", "seal", "--column", "public.people.birth"], "1999-02-30");
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert!(stderr(&output).contains("date/time field value out of range"), "{}", both(&output));
}

#[test]
fn an_unknown_column_exits_with_2_and_lists_the_known_ones() {
    let world = people();
    let output = world.pgveil_with_input(&["value", "seal", "--column", "people.shoe_size"], "44");
    assert_eq!(code(&output), 2, "{}", both(&output));
    assert!(stderr(&output).contains("public.people.ssn"), "{}", both(&output));
}

#[test]
fn run_says_when_it_is_ready_and_ends_in_order() {
    let mut world = World::people();
    assert!(world.stderr().contains("protected_columns=5"), "{}", world.stderr());
    assert!(!world.stderr().contains("panicked"), "{}", world.stderr());
    support::psql(&world.through(), "INSERT INTO people (name, ssn) VALUES ('Ada', '123-45-6789')");
    assert_eq!(support::psql(&world.through(), "SELECT name, ssn FROM people"), "Ada|123-45-6789");
    assert!(world.sql("SELECT ssn FROM people").starts_with("\\xff7076"));
    let port = world.proxy().address().port();
    world.stop();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn run_before_apply_exits_with_1_and_says_what_to_do() {
    let output = people().pgveil(&["run"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert!(stderr(&output).contains("pgveil apply"), "{}", both(&output));
}

#[test]
fn ready_tells_a_running_pgveil_from_none() {
    let metrics = pgveil::cli::demo::cluster::free_port().unwrap();
    let mut world = World::builder()
        .schema(PEOPLE)
        .tables(PEOPLE_POLICY)
        .extra(&format!("metrics: {{ listen: 127.0.0.1:{metrics} }}"))
        .start();
    let up = world.pgveil(&["ready"]);
    assert_eq!((code(&up), stdout(&up).trim()), (0, "ready"), "{}", both(&up));
    world.stop();
    assert_eq!(code(&world.pgveil(&["ready"])), 1);
}

#[test]
fn the_demo_shows_both_sides_and_leaves_nothing_behind() {
    use std::os::unix::fs::PermissionsExt as _;
    // Not the default place, so that what is left there can be told from what others do.
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = std::process::Command::new(support::PGVEIL)
        .args(["demo", "--once"])
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", both(&output));
    let text = stdout(&output);
    for part in [
        "grace.turing0@example.org",
        "\\xff7076",
        "Index Scan using people_email_key",
        "0A000",
        "retired: no value under it is anywhere in the database",
        "psql \"host=127.0.0.1",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
