//! Triggers that a sweep fires: listed, refused, allowed; copies that they make hold the old key in use.

use crate::house::House;

#[test]
fn triggers_have_to_be_allowed_and_do_what_they_do() {
    let house = House::small(
        "CREATE TABLE people (id int PRIMARY KEY, secret text, updated_at timestamptz NOT NULL DEFAULT '2000-01-01');
         CREATE TABLE other (id int, secret text);
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := now(); RETURN NEW; END';
         CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch()",
        "people: { columns: { secret: { type: text } } }\nother: { columns: { secret: { type: text } } }",
    );
    house.ask("INSERT INTO people VALUES (1, 'one'), (2, 'two')");
    house.ask("INSERT INTO other VALUES (1, 'one')");
    let (old, new) = house.rotate();
    let said = house.refused(&["sweep", "start", "--yes"], "--allow-triggers");
    assert!(said.contains("touch"), "{said}");
    assert_eq!(house.by_dek("people", "secret"), [(old, 2)].into());
    // Another table is not concerned.
    let job = house.sweep(&["--table", "other"]);
    assert_eq!(house.state(job), "completed");
    assert_eq!(
        (house.by_dek("other", "secret"), house.by_dek("people", "secret")),
        ([(new, 1)].into(), [(old, 2)].into())
    );
    let job = house.sweep(&["--allow-triggers"]);
    assert_eq!(house.state(job), "completed");
    assert_eq!(house.by_dek("people", "secret"), [(new, 2)].into());
    assert_eq!(house.sql("SELECT bool_and(updated_at > now() - interval '1 minute') FROM people"), "t");
    assert_eq!(house.ask("SELECT id, secret FROM people ORDER BY id"), "1|one\n2|two");
}

#[test]
fn copies_that_an_audit_trigger_makes_keep_the_old_key_in_use() {
    let house = House::small(
        "CREATE TABLE people (id int PRIMARY KEY, secret text)",
        "people: { columns: { secret: { type: text } } }",
    );
    house.sql(
        "CREATE TABLE audit (id int, was bytea); GRANT ALL ON audit TO app;
         CREATE FUNCTION copy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (OLD.id, OLD.secret); RETURN NEW; END';
         CREATE TRIGGER copy AFTER UPDATE ON people FOR EACH ROW EXECUTE FUNCTION copy()",
    );
    house.ask("INSERT INTO people VALUES (1, 'one'), (2, 'two')");
    let (old, new) = house.rotate();
    let said = house.refused(&["sweep", "start", "--yes"], "--allow-triggers");
    assert!(said.contains("copy"), "{said}");
    let job = house.sweep(&["--allow-triggers"]);
    assert_eq!(house.state(job), "completed");
    assert_eq!(house.by_dek("people", "secret"), [(new, 2)].into());
    assert_eq!(house.by_dek("audit", "was"), [(old, 2)].into());
    let said = house.refused(&["keys", "retire", &format!("{old:#010x}")], "sweep/still-used");
    assert!(said.contains("audit"), "{said}");
    house.sql("DELETE FROM audit");
    house.pgveil(&["keys", "retire", &format!("{old:#010x}")]);
}

#[test]
fn a_trigger_that_keeps_old_values_does_not_keep_a_sweep_going_for_ever() {
    let house = House::small(
        "CREATE TABLE people (id int PRIMARY KEY, secret text);
         CREATE TABLE other (id int, secret text);
         CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.secret := OLD.secret; RETURN NEW; END';
         CREATE TRIGGER keep BEFORE UPDATE ON people FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION keep();
         CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
             UPDATE other SET secret = OLD.secret WHERE id = OLD.id AND pg_trigger_depth() = 1; RETURN NULL; END';
         CREATE TRIGGER again AFTER UPDATE ON other FOR EACH ROW EXECUTE FUNCTION again()",
        "people: { columns: { secret: { type: text } } }\nother: { columns: { secret: { type: text } } }",
    );
    house.ask("INSERT INTO people VALUES (1, 'one'), (2, 'two'), (3, 'three')");
    house.ask("INSERT INTO other VALUES (1, 'one')");
    let (old, new) = house.rotate();
    // What a trigger has put into the row itself is known.
    let job = house.start_sweep(&["--allow-triggers", "--table", "people"]);
    let _ = house.run(&["sweep", "worker", "--once"]);
    assert_eq!(house.state(job), "completed_with_unrecoverable");
    assert_eq!(house.by_dek("people", "secret"), [(old, 1), (new, 2)].into());
    let report = house.json(&["sweep", "report", &job.to_string()]);
    assert_eq!(report["problems"].as_array().map(Vec::len), Some(1), "{report:#}");
    assert_eq!(
        (&report["problems"][0]["key"], &report["problems"][0]["reason"]),
        (&"id=2".into(), &"sweep/refused".into())
    );
    // What comes back behind it is not, but seen in the end.
    let job = house.start_sweep(&["--allow-triggers", "--table", "other", "--max-retries", "2"]);
    let _ = house.run(&["sweep", "worker", "--once"]);
    let state = house.state(job);
    assert!(state.starts_with("failed") && state.contains("puts old values back"), "{state}");
    assert_eq!(house.ask("SELECT secret FROM people ORDER BY id"), "one\ntwo\nthree");
    assert_eq!(house.ask("SELECT secret FROM other"), "one");
}
