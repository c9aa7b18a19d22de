//! `--wait`: from the start to the end, on a terminal and elsewhere.

use std::{
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    applied, by_dek, code, deks, error, json, ok, rotated, says, superuser,
    support::{PGVEIL, World, both, stderr, stdout},
};

/// So slow that one can look at it.
const SLOWLY: &[&str] = &["--rate", "300", "--batch", "50"];

/// `pgveil …` that runs meanwhile.
fn spawn(world: &World, args: &[&str]) -> Child {
    let mut command = Command::new(PGVEIL);
    command.args(args).arg("--config").arg(world.config()).env_remove("PGVEIL_CONFIG").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
}

/// Waits until a query gives this.
#[track_caller]
fn until(world: &World, sql: &str, expected: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = superuser(world, sql);
        if found == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{sql}: {found}, not {expected}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const SOME_ARE_DONE: &str = "SELECT coalesce(sum(rows_done), 0) BETWEEN 50 AND 1100 FROM pgveil_keys.sweep_shard";

#[test]
fn start_and_wait_seals_everything_under_the_primary_dek() {
    let world = rotated(1200);
    let (old, new) = (deks(&world, "deprecated").remove(0), deks(&world, "primary").remove(0));
    assert_eq!(by_dek(&world, "email"), [(old, 1200)]);
    let text = ok(&world.pgveil(&["sweep", "start", "--yes", "--wait"]));
    says(&text, &["sweep 1: queued", "sweep 1: completed", "100 %", "0 unrecoverable"]);
    assert_eq!(text.matches("sweep 1: completed").count(), 1, "{text}");
    for column in ["email", "notes"] {
        assert_eq!(by_dek(&world, column), [(new.clone(), 1200)], "{column}");
    }
    let job = &json(&world.pgveil(&["sweep", "status", "--json"]))["jobs"][0];
    assert_eq!(
        (&job["state"], &job["unrecoverable"], &job["eta_seconds"]),
        (&json!("completed"), &json!(0), &json!(null))
    );
    // The next plan knows how fast it was.
    ok(&world.pgveil(&["keys", "rotate", "--yes"]));
    let next = json(&world.pgveil(&["sweep", "start", "--dry-run", "--json"]));
    assert_eq!(next["plan"]["estimate"]["measured"], json!(true), "{next:#}");
    says(&ok(&world.pgveil(&["sweep", "start", "--dry-run"])), &["rows/s (the speed of an earlier job)"]);
    // How fast values are only read is another matter, and not known yet.
    let plan =
        |world: &World| json(&world.pgveil(&["sweep", "start", "verify", "--dry-run", "--json"]))["plan"].clone();
    assert_eq!(plan(&world)["estimate"]["measured"], json!(false));
    ok(&world.pgveil(&["sweep", "start", "verify", "--yes", "--wait"]));
    assert_eq!(plan(&world)["estimate"]["measured"], json!(true));
    assert_eq!((&job["rows"]["rewritten"], &job["values"]), (&json!(1200), &json!(2400)), "{job:#}");
    // Nothing of this process is left that others would wait for.
    assert_eq!(superuser(&world, "SELECT count(*) FROM pgveil_keys.proxy"), "0");
    assert_eq!(superuser(&world, "SELECT count(*) FROM pgveil_keys.sweep_worker"), "0");
}

#[test]
fn with_json_there_is_one_document_the_last_one() {
    let world = rotated(200);
    let output = world.pgveil(&["sweep", "start", "--yes", "--wait", "--json"]);
    ok(&output);
    let document = json(&output);
    assert_eq!((&document["job"]["state"], &document["job"]["id"]), (&json!("completed"), &json!(1)), "{document:#}");
    assert_eq!(document["job"]["rows"]["rewritten"], 200);
    assert_eq!(document["plan"]["kind"], "reencrypt");
    // It is over: there is nothing to wait for.
    let document = json(&world.pgveil(&["sweep", "status", "1", "--wait", "--json"]));
    assert_eq!(document["jobs"][0]["state"], "completed");
    let document = json(&world.pgveil(&["sweep", "status", "--wait", "--json"]));
    assert_eq!(document["jobs"][0]["id"], 1);
}

#[test]
fn values_that_do_not_open_are_reported_and_make_the_exit_status_1() {
    let world = rotated(50);
    let old = deks(&world, "deprecated").remove(0);
    superuser(
        &world,
        "UPDATE people SET notes = set_byte(notes::bytea, length(notes::bytea) - 1, \
               get_byte(notes::bytea, length(notes::bytea) - 1) # 1)::pgveil.sealed WHERE id = 7",
    );
    let output = world.pgveil(&["sweep", "start", "--yes", "--wait"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    says(&stdout(&output), &["completed with unrecoverable", "1 unrecoverable", "pgveil sweep report 1"]);
    assert_eq!(code(&world.pgveil(&["sweep", "status", "1", "--wait"])), 1);
    let problems = json(&world.pgveil(&["sweep", "report", "--json"]))["problems"].clone();
    assert_eq!(problems.as_array().unwrap().len(), 1, "{problems:#}");
    assert_eq!((&problems[0]["table"], &problems[0]["column"]), (&json!("public.people"), &json!("notes")));
    assert!(problems[0]["key"].as_str().unwrap().contains('7'), "{problems:#}");
    assert_eq!((&problems[0]["dek"], &problems[0]["reason"]), (&json!(old), &json!("open/authentication")));
    assert_eq!(by_dek(&world, "notes").len(), 2, "it is as it was");
    assert_eq!(by_dek(&world, "email").len(), 1);
}

#[test]
fn verify_counts_by_dek_and_writes_nothing() {
    let world = rotated(120);
    let before = by_dek(&world, "notes");
    let text = ok(&world.pgveil(&["sweep", "start", "verify", "--yes", "--wait"]));
    assert!(!text.contains("xmin") && !text.contains("WAL"), "notes about rewriting: {text}");
    assert_eq!(by_dek(&world, "notes"), before);
    let report = json(&world.pgveil(&["sweep", "report", "--json"]));
    let old = deks(&world, "deprecated").remove(0);
    let counted: Vec<_> =
        report["deks"].as_array().unwrap().iter().map(|c| (c["column"].clone(), c["values"].clone())).collect();
    assert_eq!(
        counted,
        [(json!("public.people.email"), json!(120)), (json!("public.people.notes"), json!(120))],
        "{report:#}"
    );
    assert!(report["deks"].as_array().unwrap().iter().all(|count| count["dek"] == old.as_str()), "{report:#}");
    assert_eq!((&report["rows"]["rewritten"], &report["values"]), (&json!(0), &json!(240)), "{report:#}");
}

#[test]
fn who_is_interrupted_leaves_the_job_to_others_and_says_how_to_go_on() {
    let world = rotated(1200);
    let child = spawn(&world, &[&["sweep", "start", "--yes", "--wait"], SLOWLY].concat());
    until(&world, SOME_ARE_DONE, "t");
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 1, "{}", both(&output));
    says(&stderr(&output), &["sweep/interrupted", "pgveil sweep worker", "pgveil sweep status 1 --wait"]);
    assert_eq!(superuser(&world, "SELECT state FROM pgveil_keys.sweep_job"), "running");
    // Nothing is left claimed: who comes next can begin at once.
    assert_eq!(superuser(&world, "SELECT count(*) FROM pgveil_keys.sweep_shard WHERE worker IS NOT NULL"), "0");
    let left = 1200 - superuser(&world, "SELECT sum(rows_done) FROM pgveil_keys.sweep_shard").parse::<i64>().unwrap();
    assert!(left > 0);
    // Likewise with --json: one document.
    let child = spawn(&world, &["sweep", "status", "--wait", "--json"]);
    std::thread::sleep(Duration::from_secs(1));
    signal(&child, "TERM");
    let output: Output = child.wait_with_output().unwrap();
    assert_eq!(error(&output), ("sweep/interrupted".to_owned(), 1));
}

#[test]
fn who_waits_leaves_the_work_to_workers_that_are_there() {
    let world = rotated(1200);
    let worker = spawn(&world, &["sweep", "worker"]);
    until(&world, "SELECT count(*) FROM pgveil_keys.sweep_worker", "1");
    let waiting = spawn(&world, &[&["sweep", "start", "--yes", "--wait"], SLOWLY].concat());
    until(&world, SOME_ARE_DONE, "t");
    assert_eq!(superuser(&world, "SELECT count(*) FROM pgveil_keys.proxy"), "1", "the worker's own");
    let status = ok(&world.pgveil(&["sweep", "status"]));
    says(&status, &["running", &format!("(pid {})", worker.id()), "at work on #"]);
    // A worker that is gone for good is stood in for.
    signal(&worker, "KILL");
    worker.wait_with_output().unwrap();
    superuser(
        &world,
        "UPDATE pgveil_keys.sweep_worker SET heartbeat = heartbeat - interval '10 minutes'; \
         UPDATE pgveil_keys.proxy SET heartbeat = heartbeat - interval '10 minutes'; \
         UPDATE pgveil_keys.sweep_shard SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL",
    );
    let output = waiting.wait_with_output().unwrap();
    says(&ok(&output), &["completed"]);
    assert_eq!(by_dek(&world, "notes").len(), 1);
}

#[test]
fn a_terminal_sees_a_bar_and_others_see_lines() {
    let world = rotated(600);
    let command =
        format!("{PGVEIL} sweep start --yes --wait --rate 400 --batch 50 --config {}", world.config().display());
    let output = Command::new("script").args(["-qec", &command, "/dev/null"]).stdin(Stdio::null()).output().unwrap();
    let seen = ok(&output);
    says(
        &seen,
        &["sweep 1 running [", "=>", " of about ", "rows/s", "shards: ", "#1 public.people", "sweep 1: completed"],
    );
    let lines = ok(&world.pgveil(&["sweep", "status", "1", "--wait"]));
    assert!(!lines.contains('\x1b') && !lines.contains("[="), "{lines}");
}

#[test]
fn a_rewrap_wraps_all_keys_anew() {
    let world = applied();
    ok(&world.pgveil(&["keys", "create", "--kek", "--kms", "main"]));
    let keks = json(&world.pgveil(&["keys", "list", "--json"]))["databases"][0]["keks"].clone();
    let staged = keks.as_array().unwrap().iter().find(|kek| kek["status"] == "staged").unwrap()["id"].clone();
    ok(&world.pgveil(&["keys", "activate", staged.as_str().unwrap(), "--yes"]));
    let plan = json(&world.pgveil(&["sweep", "start", "rewrap", "--dry-run", "--json"]));
    assert_eq!(plan["plan"]["keys"], 2, "a DEK and the index root: {plan:#}");
    let text = ok(&world.pgveil(&["sweep", "start", "rewrap", "--yes", "--wait"]));
    assert!(text.contains("completed") && !text.contains("rows"), "it is about keys: {text}");
    says(&ok(&world.pgveil(&["sweep", "start", "rewrap", "--yes"])), &["nothing to do"]);
}

#[test]
fn connections_that_are_lost_do_not_end_the_waiting() {
    let world = rotated(1200);
    let waiting = spawn(&world, &[&["sweep", "start", "--yes", "--wait"], SLOWLY].concat());
    for _ in 0..3 {
        until(&world, SOME_ARE_DONE, "t");
        let ended = superuser(
            &world,
            "SELECT count(*) > 0 FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND usename = 'pgveil') t",
        );
        assert_eq!(ended, "t");
        std::thread::sleep(Duration::from_millis(700));
    }
    let output = waiting.wait_with_output().unwrap();
    says(&ok(&output), &["sweep 1: completed", "0 unrecoverable"]);
    assert_eq!(by_dek(&world, "notes").len(), 1);
}
