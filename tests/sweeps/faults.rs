//! Values that do not open and rows that cannot be written: reported one by one, and nothing else is touched.

use crate::{envelopes::raw_rows, house::House};

const SCHEMA: &str = "CREATE TABLE people (id int PRIMARY KEY, plain text, a text, b text, c int)";
const TABLES: &str = "
people:
  columns:
    a: { type: text, mode: equality }
    b: { type: text }
    c: { type: int4 }";

fn filled(rows: usize) -> House {
    let house = House::small(SCHEMA, TABLES);
    let mut sql = String::from("INSERT INTO people VALUES ");
    for id in 1..=rows {
        sql.push_str(&format!("({id}, 'plain', 'a{id}', 'b{id}', {id}){}", if id == rows { "" } else { "," }));
    }
    house.ask(&sql);
    house
}

/// Changes stored bytes around pgveil: the application could not.
fn tamper(house: &House, id: usize, column: &str, with: &str) {
    let value = format!("{column}::bytea");
    let sql = format!("UPDATE people SET {column} = ({})::pgveil.sealed WHERE id = {id}", with.replace('$', &value));
    house.sql(&sql);
}

/// `(row, column, reason)` of each problem that the report lists, in order.
fn problems(house: &House, job: i64) -> Vec<(String, String, String)> {
    let report = house.json(&["sweep", "report", &job.to_string()]);
    let problems = report.get("problems").or_else(|| report["jobs"][0].get("problems"));
    let list = problems.and_then(|list| list.as_array()).unwrap_or_else(|| panic!("no problems in {report:#}"));
    let text = |problem: &serde_json::Value, key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> =
        list.iter().map(|problem| (text(problem, "key"), text(problem, "column"), text(problem, "reason"))).collect();
    all.sort();
    all
}

#[test]
fn what_does_not_open_is_reported_exactly_and_nothing_else_is_touched() {
    let house = filled(60);
    let (old, new) = house.rotate();
    // A changed tag, another row's value in its place (of another column), an unknown key, too short, an unknown suite.
    tamper(&house, 5, "b", "set_byte($, octet_length($) - 1, get_byte($, octet_length($) - 1) # 1)");
    house.sql("UPDATE people SET b = a WHERE id = 7");
    tamper(&house, 11, "c", "overlay($ placing '\\x01020304'::bytea from 5 for 4)");
    tamper(&house, 13, "b", "substring($ from 1 for 20)");
    tamper(&house, 17, "c", "set_byte($, 3, 144)");
    let damaged = "id IN (5, 7, 11, 13, 17)";
    let before = raw_rows(&house.superuser(), "(SELECT id, plain, b, c FROM people)", "id", "id IN (11, 13)");
    let bytes = |house: &House| {
        house.sql(
            "SELECT (SELECT b::bytea FROM people WHERE id = 5), (SELECT b::bytea FROM people WHERE id = 7), \
             (SELECT c::bytea FROM people WHERE id = 11), (SELECT b::bytea FROM people WHERE id = 13), \
             (SELECT c::bytea FROM people WHERE id = 17)",
        )
    };
    let (tampered, plain) = (bytes(&house), house.sql("SELECT id, plain FROM people ORDER BY id"));
    assert_eq!(before.len(), 2);

    let job = house.start_sweep(&[]);
    let _ = house.run(&["sweep", "worker", "--once"]);
    let state = house.wait_for(job, &["completed_with_unrecoverable"], std::time::Duration::from_secs(60));
    println!("{state}");

    let found = problems(&house, job);
    println!("{found:#?}");
    let places: Vec<(&str, &str)> = found.iter().map(|(key, column, _)| (key.as_str(), column.as_str())).collect();
    let named = |id: &str, column: &str| places.iter().any(|(key, its)| key.contains(id) && *its == column);
    assert_eq!(places.len(), 5, "{places:?}");
    for (id, column) in [("5", "b"), ("7", "b"), ("11", "c"), ("13", "b"), ("17", "c")] {
        assert!(named(id, column), "row {id}, column {column} is missing in {places:?}");
    }
    // The damaged values are byte for byte what they were, their neighbours and all other rows are sealed anew.
    assert_eq!(bytes(&house), tampered);
    assert_eq!(house.sql("SELECT id, plain FROM people ORDER BY id"), plain);
    assert_eq!(house.by_dek("people", "a"), [(new, 60)].into());
    let whole = format!("(SELECT * FROM people WHERE NOT ({damaged})) good");
    for column in ["b", "c"] {
        assert_eq!(house.by_dek(&whole, column), [(new, 55)].into());
    }
    assert_eq!(house.ask("SELECT a FROM people WHERE id IN (5, 7, 11, 13, 17) ORDER BY id"), "a5\na7\na11\na13\na17");
    for id in (1..=60).filter(|id| ![5, 7, 11, 13, 17].contains(id)) {
        assert_eq!(house.ask(&format!("SELECT a, b, c FROM people WHERE id = {id}")), format!("a{id}|b{id}|{id}"));
    }
    // What is damaged under the old DEK keeps it from being retired, since that is what might yet be mended.
    house.refused(&["keys", "retire", &format!("{old:#010x}")], "sweep/still-used");

    // When somebody has put them right, the next job finds nothing.
    house.ask("UPDATE people SET b = 'new', c = 0 WHERE id IN (5, 7, 11, 13, 17)");
    let job = house.sweep(&[]);
    assert_eq!(house.state(job), "completed");
    assert!(problems(&house, job).is_empty());
    house.pgveil(&["keys", "retire", &format!("{old:#010x}")]);
}

#[test]
fn values_under_a_destroyed_key_are_reported_and_stay() {
    let house = filled(30);
    let (lost, second) = house.rotate();
    // Proxies take notice within moments.
    while house.by_dek("people", "b").get(&second) != Some(&20) {
        house.ask("UPDATE people SET b = 'later' WHERE id > 10");
    }
    let (_, third) = house.rotate();
    house.pgveil(&["keys", "shred", &format!("{lost:#010x}"), "--yes"]);
    let raw = "SELECT id, a, c FROM people ORDER BY id";
    let before = house.sql(raw);
    let job = house.start_sweep(&[]);
    let _ = house.run(&["sweep", "worker", "--once"]);
    house.wait_for(job, &["completed_with_unrecoverable"], std::time::Duration::from_secs(60));
    let found = problems(&house, job);
    // All of a and c, and b of the first ten rows.
    assert_eq!(found.len(), 70, "{found:?}");
    assert_eq!(house.sql(raw), before);
    assert_eq!(house.by_dek("people", "b"), [(lost, 10), (third, 20)].into());
    assert_eq!(house.by_dek("people", "a"), [(lost, 30)].into());
    house.pgveil(&["keys", "retire", &format!("{second:#010x}")]);
}

#[test]
fn rows_that_cannot_be_written_are_reported_and_the_others_go_on() {
    let house = filled(50);
    // Rows that were there before the constraint violate it at every UPDATE.
    house.sql("UPDATE people SET plain = 'bad' WHERE id IN (8, 30)");
    house.sql("ALTER TABLE people ADD CONSTRAINT good CHECK (plain <> 'bad') NOT VALID");
    let (old, new) = house.rotate();
    let job = house.start_sweep(&[]);
    let _ = house.run(&["sweep", "worker", "--once"]);
    house.wait_for(job, &["completed_with_unrecoverable"], std::time::Duration::from_secs(60));
    let found = problems(&house, job);
    println!("{found:#?}");
    assert!(!found.is_empty() && found.iter().all(|(key, ..)| key.contains('8') || key.contains("30")), "{found:?}");
    assert_eq!(house.by_dek("people", "a"), [(old, 2), (new, 48)].into());
    house.sql("ALTER TABLE people DROP CONSTRAINT good");
    assert_eq!(house.state(house.sweep(&[])), "completed");
}

#[test]
fn a_trigger_that_swallows_updates_ends_the_job_with_a_reason() {
    let house = filled(20);
    house.sql(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF OLD.id = 3 THEN RETURN NULL; END IF; RETURN NEW; END';
         CREATE TRIGGER swallow BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION swallow()",
    );
    let (old, new) = house.rotate();
    house.refused(&["sweep", "start", "--yes"], "swallow");
    let job = house.start_sweep(&["--allow-triggers", "--max-retries", "1"]);
    let _ = house.run(&["sweep", "worker", "--once"]);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let state = loop {
        let state = house.state(job);
        if state.starts_with("failed") || state.starts_with("completed") {
            break state;
        }
        assert!(std::time::Instant::now() < deadline, "{state}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    println!("{state}");
    assert!(state.starts_with("failed: ") || state.starts_with("completed_with_unrecoverable"), "{state}");
    assert_eq!(house.by_dek("people", "a"), [(old, 1), (new, 19)].into());
}

#[test]
fn a_job_whose_rows_make_no_sense_fails_and_keeps_nobody_from_the_others() {
    let names = ["people", "second", "third", "fourth", "other"];
    let schema = names.map(|name| format!("CREATE TABLE {name} (id int PRIMARY KEY, secret text);")).concat();
    let tables = names.map(|name| format!("{name}: {{ columns: {{ secret: {{ type: text }} }} }}")).join("\n");
    let house = House::small(&schema, &tables);
    house.ask("INSERT INTO people VALUES (1, 'one'), (2, 'two')");
    house.ask("INSERT INTO other VALUES (1, 'one')");
    let (old, new) = house.rotate();
    let shard = |columns: &str, attempts: i64| {
        format!(
            "UPDATE pgveil_keys.sweep_job SET state = 'running', pass = 1 WHERE id = $; \
             INSERT INTO pgveil_keys.sweep_shard (job, pass, no, relation, schema_name, table_name, columns, \
                 first_block, end_block, next_block, state, attempts) \
             VALUES ($, 1, 1, 'people'::regclass, 'public', 'people', '{columns}', 0, 1, 0, 'open', {attempts})"
        )
    };
    let good = r#"[{"name": "secret", "column": {"schema": "public", "table": "people", "column": "secret"}}]"#;
    let damage = [
        "UPDATE pgveil_keys.sweep_job SET deks = '{{1},{2}}' WHERE id = $".to_owned(),
        "UPDATE pgveil_keys.sweep_job SET deks = '{NULL}' WHERE id = $".to_owned(),
        shard(r#"{"a": 1}"#, 0),
        shard(good, i32::MAX.into()),
    ];
    let jobs: Vec<i64> = names.iter().take(4).map(|name| house.start_sweep(&["--table", name])).collect();
    let last = house.start_sweep(&["--table", "other"]);
    for (job, damage) in jobs.iter().zip(damage) {
        house.sql(&damage.replace('$', &job.to_string()));
    }
    let _ = house.run(&["sweep", "worker", "--once"]);
    assert_eq!(house.state(last), "completed");
    assert_eq!(house.by_dek("other", "secret"), [(new, 1)].into());
    for job in jobs {
        let state = house.state(job);
        assert!(state.starts_with("failed"), "{job}: {state}");
    }
    assert_eq!(house.by_dek("people", "secret"), [(old, 2)].into());
}
