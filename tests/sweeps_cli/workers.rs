//! `pgveil sweep worker`.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use pgveil::cli::demo::cluster::free_port;
use serde_json::json;

use crate::{
    applied, by_dek, code, error, fill, json, ok, rotated, says, superuser,
    support::{PEOPLE, PEOPLE_POLICY, World, both, stderr, stdout},
};

#[test]
fn a_worker_does_what_there_is_and_ends_if_it_is_told_to() {
    let world = rotated(300);
    ok(&world.pgveil(&["sweep", "start", "--yes", "--column", "people.email"]));
    ok(&world.pgveil(&["sweep", "start", "--yes", "--column", "people.notes"]));
    let output = world.pgveil(&["sweep", "worker", "--once", "--workers", "2", "--json"]);
    ok(&output);
    assert_eq!(json(&output), json!({ "databases": [world.database()], "ended": "idle", "not_completed": [] }));
    for column in ["email", "notes"] {
        assert_eq!(by_dek(&world, column).len(), 1, "{column}");
    }
    assert_eq!(superuser(&world, "SELECT DISTINCT state FROM pgveil_keys.sweep_job"), "completed");
    assert_eq!(superuser(&world, "SELECT count(*) FROM pgveil_keys.sweep_worker"), "0");
    says(&ok(&world.pgveil(&["sweep", "worker", "--once"])), &["nothing is left to do"]);
}

#[test]
fn a_worker_that_ends_says_which_jobs_have_not_ended_well_and_its_exit_status_is_1() {
    let world = rotated(20);
    ok(&world.pgveil(&["sweep", "start", "--yes"]));
    superuser(&world, "CREATE RULE aside AS ON UPDATE TO people DO ALSO NOTHING");
    let output = world.pgveil(&["sweep", "worker", "--once"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    says(&stdout(&output), &["nothing is left to do", "sweep 1 of database ", ": failed: ", "sweep/rule"]);
    // One of before is none of its business.
    assert_eq!(code(&world.pgveil(&["sweep", "worker", "--once"])), 0);
    superuser(
        &world,
        "DROP RULE aside ON people; \
         UPDATE people SET notes = set_byte(notes::bytea, 40, get_byte(notes::bytea, 40) # 1)::pgveil.sealed WHERE id = 7",
    );
    ok(&world.pgveil(&["sweep", "resume", "1"]));
    let output = world.pgveil(&["sweep", "worker", "--once", "--json"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    let ended = json!({
        "database": world.database(), "id": 1, "state": "completed_with_unrecoverable", "reason": null
    });
    assert_eq!(json(&output)["not_completed"], json!([ended]));
}

#[test]
fn a_worker_that_cannot_work_says_why() {
    let world = applied();
    for wrong in [&["--workers", "0"][..], &["--database", "nowhere"], &["1"]] {
        let output = world.pgveil(&[&["sweep", "worker", "--once"], wrong].concat());
        assert_eq!(code(&output), 2, "{wrong:?}: {}", both(&output));
    }
    std::fs::remove_file(world.path("keyring")).unwrap();
    let output = world.pgveil(&["sweep", "worker", "--once"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    says(&stderr(&output), &["error[keys/kms-not-found]", "restore it from your backup"]);
    assert_eq!(superuser(&world, "SELECT count(*) FROM pgveil_keys.proxy"), "0", "fences would wait for it");
    world.edit_policy(|text| text.replace("service: { user: pgveil", "service: { user: nobody"));
    assert_eq!(error(&world.pgveil(&["sweep", "worker", "--once", "--json"])), ("connect".to_owned(), 1));
}

#[test]
fn a_proxy_with_workers_does_what_is_queued_and_shows_it_in_its_metrics() {
    let port = free_port().unwrap();
    let extra = format!("metrics: {{ listen: 127.0.0.1:{port} }}\nsweep: {{ workers: 1 }}");
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).extra(&extra).start();
    fill(&world, 100);
    ok(&world.pgveil(&["keys", "rotate", "--yes"]));
    says(&ok(&world.pgveil(&["sweep", "start", "--yes", "--wait"])), &["completed"]);
    assert_eq!(by_dek(&world, "notes").len(), 1);
    let line = format!("pgveil_sweep_jobs{{database=\"{}\",state=\"completed\"}} 1", world.database());
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut metrics = String::new();
        stream.read_to_string(&mut metrics).unwrap();
        if metrics.lines().any(|found| found == line) {
            return;
        }
        assert!(Instant::now() < deadline, "{line} is not in\n{metrics}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
