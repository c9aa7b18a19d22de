//! Messages that belong to no request: NOTICE, ParameterStatus and NOTIFY in the middle of COPY.

use std::{thread, time::Duration};

use super::{
    raw::{Raw, Script, brief, copy_data, copy_done, extended, message, query, shown, sync, tags},
    same_but_for_context,
    support::{World, psql},
};

const SCHEMA: &str = "
CREATE TABLE people (id integer PRIMARY KEY, name text, email text);
CREATE TABLE plain (id integer PRIMARY KEY, name text, email text);
CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE NOTICE 'row %', NEW.id; IF NEW.id % 5 = 0 THEN PERFORM pg_notify('rows', NEW.id::text); END IF; RETURN NEW; END $$;
CREATE FUNCTION said(n integer) RETURNS integer LANGUAGE plpgsql STABLE AS
  $$ BEGIN RAISE NOTICE 'shown %', n; PERFORM set_config('application_name', 'row ' || n, false); RETURN n; END $$;
CREATE TRIGGER say BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION say();
CREATE TRIGGER say BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION say()";

const POLICY: &str = "
people:
  columns:
    email: { type: text, mode: equality }";

#[test]
fn notices_in_the_middle_of_copy_come_where_the_server_says_them() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    for table in ["people", "plain"] {
        let mut data = Vec::new();
        for id in 1..=20 {
            data.push(copy_data(format!("{id}\tname {id}\te{id}@x\n").as_bytes()));
        }
        let script = Script::new()
            .query("LISTEN rows")
            .send([query(&format!("COPY {table} FROM STDIN"))])
            .until(b'G', 1)
            .send([data.concat(), copy_done()])
            .ready(1)
            .query(&format!("SELECT count(*), count(DISTINCT email) FROM {table}"));
        let said = tags(&same_but_for_context(&world, &script));
        assert_eq!((said.matches('N').count(), said.matches('A').count()), (20, 4), "{said}");
        // What a row says on its way out: row security calls a function.
        for conn_string in [world.direct(), world.twin()] {
            psql(
                &conn_string,
                &format!(
                    "CREATE POLICY shown ON {table} USING (said(id) > 0);
                     ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
                ),
            );
        }
        let script = Script::new()
            .query(&format!("COPY {table} TO STDOUT"))
            .query(&format!("COPY (SELECT email, id FROM {table}) TO STDOUT BINARY"))
            .ask([extended(&format!("COPY (SELECT email, id FROM {table}) TO STDOUT CSV HEADER"), &[]), sync()])
            .query(&format!("SELECT email FROM {table}"));
        let said = tags(&same_but_for_context(&world, &script));
        assert_eq!(said.matches('N').count(), 80, "{said}");
        assert!(said.contains("NdNd") && said.contains("NDND") && said.contains('S'), "{said}");
    }
}

/// Another session's notification has to come while a COPY is under way, or after it, as the server
/// wants it: here it waits for the end. The COPY itself must not mind.
#[test]
fn notifications_of_other_sessions_come_around_a_copy() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    for table in ["people", "plain"] {
        let (mut raw, mut other) = (Raw::connect(&world.through()), Raw::connect(&world.through()));
        raw.query("LISTEN rows");
        raw.send(&query(&format!("COPY {table} FROM STDIN")));
        raw.until(b'G', 1);
        for id in 1..=200 {
            raw.send(&copy_data(format!("{id}\tn\te{id}@x\n").as_bytes()));
            if id % 50 == 0 {
                assert_eq!(other.brief(&format!("NOTIFY rows, 'in {id}'")), ["NOTIFY", "=I"]);
                thread::sleep(Duration::from_millis(20));
            }
        }
        raw.send(&[copy_done(), sync()].concat());
        let mut messages = raw.until(b'Z', 2);
        raw.send(&query(&format!("COPY (SELECT email FROM {table}, generate_series(1, 300)) TO STDOUT")));
        messages.extend(raw.until(b'd', 30_000));
        for n in 1..=3 {
            assert_eq!(other.brief(&format!("NOTIFY rows, 'out {n}'")), ["NOTIFY", "=I"]);
        }
        messages.extend(raw.until_ready());
        raw.send(&sync());
        messages.extend(raw.until_ready());
        let notes: Vec<String> = messages.iter().filter(|m| m.tag == b'A').map(shown).collect();
        for expected in ["in 50", "in 200", "out 1", "out 3"] {
            assert!(notes.iter().any(|note| note == &format!("A rows {expected}")), "{expected}: {notes:?}");
        }
        assert_eq!(messages.iter().filter(|m| m.tag == b'd').count(), 60_000);
        assert!(
            brief(&messages).contains(&"COPY 200".to_owned()) && brief(&messages).contains(&"COPY 60000".to_owned())
        );
    }
}

/// Messages that the protocol lets a client send in a COPY without meaning.
#[test]
fn flush_and_sync_in_the_middle_of_copy_are_ignored() {
    let world = World::builder().schema(SCHEMA).tables(POLICY).start();
    for table in ["people", "plain"] {
        same_but_for_context(
            &world,
            &Script::new()
                .send([query(&format!("COPY {table} FROM STDIN"))])
                .until(b'G', 1)
                .send([
                    copy_data(b"1\ta\tx@"),
                    message(b'H', &[]),
                    copy_data(b"y\n2\tb\t"),
                    sync(),
                    copy_data(b"\n"),
                    copy_data(b""),
                    copy_done(),
                ])
                .ready(1)
                .query(&format!("SELECT id, email FROM {table} ORDER BY id")),
        );
    }
}
