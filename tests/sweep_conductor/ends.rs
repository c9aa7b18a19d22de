//! How jobs end.

use crate::{
    bed::Bed,
    support::{both, stderr},
};

#[test]
fn an_empty_database_is_done_at_once() {
    let bed = Bed::new();
    bed.rotate();
    bed.pgveil(&["sweep", "start", "--yes", "--wait"]);
    assert_eq!(bed.job(), ("completed".to_owned(), 1, String::new()));
}

#[test]
fn what_is_in_the_way_when_the_job_is_cut_ends_it_with_the_reason_and_it_can_be_resumed() {
    let bed = Bed::new();
    bed.rotate();
    bed.pgveil(&["sweep", "start", "--yes"]);
    // Since the question was answered.
    bed.world.sql(
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch()",
    );
    let worker = bed.try_pgveil(&["sweep", "worker", "--once"]);
    let (state, pass, reason) = bed.job();
    assert_eq!((state.as_str(), pass), ("failed", 0));
    // Nobody has waited for it: the log has to say so.
    let log = stderr(&worker);
    assert!(log.contains("a sweep has ended") && log.contains("state=\"failed\"") && log.contains("touch"), "{log}");
    assert!(
        reason.contains("public.people") && reason.contains("\"touch\"") && reason.contains("--allow-triggers"),
        "{reason}"
    );
    bed.world.sql("DROP TRIGGER touch ON people");
    bed.pgveil(&["sweep", "resume"]);
    bed.pgveil(&["sweep", "worker", "--once"]);
    assert_eq!(bed.job(), ("completed".to_owned(), 1, String::new()));
}

#[test]
fn a_job_whose_row_makes_no_sense_fails_and_keeps_nobody_from_the_others() {
    let bed = Bed::new();
    bed.rotate();
    bed.pgveil(&["sweep", "start", "--yes"]);
    bed.pgveil(&["sweep", "start", "verify", "--yes"]);
    bed.sql("UPDATE pgveil_keys.sweep_job SET limits = '{\"batch\": \"all\"}' WHERE kind = 'reencrypt'");
    let worker = bed.try_pgveil(&["sweep", "worker", "--once"]);
    assert_eq!(worker.status.code(), Some(1), "{}", both(&worker));
    let states = bed.sql("SELECT kind, state FROM pgveil_keys.sweep_job ORDER BY id");
    assert_eq!(states, "reencrypt|failed\nverify|completed");
}

#[test]
fn keys_are_wrapped_anew_by_a_job() {
    let bed = Bed::new();
    let output = bed.try_pgveil(&["sweep", "start", "rewrap", "--yes", "--wait"]);
    assert!(output.status.success(), "{}", both(&output));
}

#[test]
fn values_under_an_earlier_dek_are_sealed_anew() {
    let bed = Bed::filled(200);
    bed.rotate();
    bed.pgveil(&["sweep", "start", "--yes", "--wait"]);
    assert_eq!(bed.job(), ("completed".to_owned(), 1, String::new()));
    bed.is_sealed_anew(200);
}

#[test]
fn a_value_that_does_not_open_is_looked_at_twice_and_nothing_else_is_touched() {
    let bed = Bed::filled(50);
    bed.rotate();
    // Its last byte, the tag's, is another.
    bed.sql(
        "UPDATE people SET note = set_byte(note, length(note) - 1, (get_byte(note, length(note) - 1) + 1) % 256) WHERE id = 7",
    );
    let broken = bed.sql("SELECT note FROM people WHERE id = 7");
    let output = bed.try_pgveil(&["sweep", "start", "--yes", "--wait"]);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    assert_eq!(bed.job(), ("completed_with_unrecoverable".to_owned(), 2, String::new()));
    assert_eq!(bed.sql("SELECT note FROM people WHERE id = 7"), broken);
    let problems = bed.sql("SELECT table_name, column_name, row_key FROM pgveil_keys.sweep_problem");
    assert!(
        problems.starts_with("people|note|") && problems.contains('7') && problems.lines().count() == 1,
        "{problems}"
    );
    let primary = bed.primary();
    assert_eq!(bed.deks_of("people", "ssn"), [(primary.clone(), 50)]);
    assert!(bed.deks_of("people", "note").contains(&(primary, 49)));
    // Somebody writes another value: the next job finds nothing left.
    crate::support::psql(&bed.world.through(), "UPDATE people SET note = 'note 7' WHERE id = 7");
    bed.pgveil(&["sweep", "start", "--yes", "--wait"]);
    assert_eq!(bed.job().0, "completed");
    bed.is_sealed_anew(50);
}

#[test]
fn a_count_ends_after_one_pass() {
    let bed = Bed::filled(20);
    bed.rotate();
    let before = bed.deks_of("people", "ssn");
    bed.pgveil(&["sweep", "start", "verify", "--yes", "--wait"]);
    assert_eq!(bed.job(), ("completed".to_owned(), 1, String::new()));
    assert_eq!(bed.deks_of("people", "ssn"), before, "nothing was written");
}

#[test]
fn a_problem_whose_place_another_row_has_taken_is_not_reported() {
    let bed = Bed::filled(20);
    bed.rotate();
    bed.pgveil(&["sweep", "start", "--yes"]);
    // As after VACUUM FULL in the middle of a job: in this place there is another row of the same transaction now.
    bed.sql("INSERT INTO people (id) VALUES (100)");
    bed.sql(
        "INSERT INTO pgveil_keys.sweep_problem \
             (job, relation, schema_name, table_name, place, version, column_name, reason) \
         SELECT j.id, 'people'::regclass, 'public', 'people', p.ctid::text, p.xmin::text, 'note', 'open/authentication' \
         FROM pgveil_keys.sweep_job j, people p WHERE p.id = 100",
    );
    bed.pgveil(&["sweep", "worker", "--once"]);
    assert_eq!(bed.job(), ("completed".to_owned(), 1, String::new()));
    assert_eq!(bed.sql("SELECT count(*) FROM pgveil_keys.sweep_problem"), "0");
    bed.sql("DELETE FROM people WHERE id = 100");
    bed.is_sealed_anew(20);
}
