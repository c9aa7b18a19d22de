//! `pgveil sweep pause`, `resume` and `cancel`.

use serde_json::json;

use crate::{
    code, error, json, ok, rotated, says, superuser,
    support::{both, stderr},
};

#[test]
fn a_job_is_paused_resumed_and_cancelled_and_says_what_it_was() {
    let world = rotated(3);
    ok(&world.pgveil(&["sweep", "start", "--yes"]));
    says(&ok(&world.pgveil(&["sweep", "pause"])), &["is paused", "it was queued", "pgveil sweep resume 1"]);
    says(&ok(&world.pgveil(&["sweep", "status"])), &["paused", "paused by command of"]);
    let again = world.pgveil(&["sweep", "pause", "1"]);
    assert_eq!(code(&again), 1, "{}", both(&again));
    says(&stderr(&again), &["sweep/wrong-state", "sweep 1 is paused: it cannot be paused"]);

    let resumed = json(&world.pgveil(&["sweep", "resume", "--json"]));
    assert_eq!((&resumed["was"], &resumed["jobs"][0]["state"]), (&json!("paused"), &json!("queued")), "{resumed:#}");
    assert_eq!(resumed["jobs"][0]["reason"], json!(null));
    assert_eq!(error(&world.pgveil(&["sweep", "resume", "1", "--json"])), ("sweep/wrong-state".to_owned(), 1));

    let text = ok(&world.pgveil(&["sweep", "cancel", "1"]));
    says(&text, &["is cancelled", "it was queued"]);
    assert_eq!(error(&world.pgveil(&["sweep", "cancel", "1", "--json"])), ("sweep/wrong-state".to_owned(), 1));
    assert_eq!(error(&world.pgveil(&["sweep", "resume", "1", "--json"])), ("sweep/wrong-state".to_owned(), 1));
    assert_eq!(superuser(&world, "SELECT state FROM pgveil_keys.sweep_job"), "cancelled");
    // What was refused is not among it.
    let trail = "SELECT string_agg(operation, ' ' ORDER BY id) FROM pgveil_keys.audit WHERE object = 'job 1'";
    assert_eq!(superuser(&world, trail), "sweep.start sweep.pause sweep.resume sweep.cancel");
}

#[test]
fn a_failed_job_says_why_and_goes_on_where_it_was() {
    let world = rotated(3);
    ok(&world.pgveil(&["sweep", "start", "--yes"]));
    superuser(&world, "UPDATE pgveil_keys.sweep_job SET state = 'failed', reason = 'no space left', pass = 1");
    says(
        &ok(&world.pgveil(&["sweep", "resume"])),
        &["goes on", "it was failed (no space left)", "pgveil sweep worker"],
    );
    assert_eq!(superuser(&world, "SELECT state FROM pgveil_keys.sweep_job"), "running");
}

#[test]
fn a_job_is_named_where_several_could_be_meant() {
    let world = rotated(3);
    for verb in ["pause", "resume", "cancel", "report"] {
        assert_eq!(error(&world.pgveil(&["sweep", verb, "--json"])), ("sweep/unknown-job".to_owned(), 1), "{verb}");
        assert_eq!(error(&world.pgveil(&["sweep", verb, "9", "--json"])), ("sweep/unknown-job".to_owned(), 1));
        assert_eq!(code(&world.pgveil(&["sweep", verb, "0"])), 2);
        assert_eq!(code(&world.pgveil(&["sweep", verb, "first"])), 2);
    }
    ok(&world.pgveil(&["sweep", "start", "--yes"]));
    ok(&world.pgveil(&["sweep", "start", "verify", "--yes"]));
    let output = world.pgveil(&["sweep", "pause"]);
    assert_eq!(code(&output), 2, "{}", both(&output));
    says(&stderr(&output), &["several", "1 (reencrypt, queued)", "2 (verify, queued)"]);
    ok(&world.pgveil(&["sweep", "pause", "2"]));
    // Now one is meant.
    says(&ok(&world.pgveil(&["sweep", "pause"])), &["sweep 1 is paused"]);
}
