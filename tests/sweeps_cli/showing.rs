//! `pgveil sweep status` and `report`.

use serde_json::{Value, json};

use crate::{
    applied, deks, json, ok, rotated, says, superuser,
    support::{PEOPLE, PEOPLE_POLICY, World},
};

/// A job in the middle of its work, as workers would leave it.
fn half_way(world: &World) {
    ok(&world.pgveil(&["sweep", "start", "--yes", "--column", "people.email", "--column", "people.notes"]));
    superuser(
        world,
        "UPDATE pgveil_keys.sweep_job SET state = 'running', pass = 1, expected_rows = 4000, \
             started_at = clock_timestamp() - interval '10 seconds'; \
         INSERT INTO pgveil_keys.sweep_shard (job, pass, no, relation, schema_name, table_name, columns, first_block, \
             end_block, next_block, state, worker, lease_until, attempts, rows_seen, rows_done, values_done, rows_missed, \
             problems, bytes) VALUES \
             (1, 1, 1, 'people'::regclass, 'public', 'people', '[]', 0, 50, 50, 'done', NULL, NULL, 1, 1000, 990, 1980, 4, 2, 409600), \
             (1, 1, 2, 'people'::regclass, 'public', 'people', '[]', 50, 100, 60, 'open', 'w1', clock_timestamp() + interval '20 seconds', 2, 200, 200, 400, 0, 0, 81920), \
             (1, 1, 3, 'people'::regclass, 'public', 'people', '[]', 100, 150, 100, 'open', NULL, NULL, 0, 0, 0, 0, 0, 0, 0); \
         INSERT INTO pgveil_keys.sweep_problem (job, relation, schema_name, table_name, row_key, place, version, column_name, \
             dek, reason, detail) SELECT 1, 'people'::regclass, 'public', 'people', n::text, '(0,' || n || ')', '7', 'notes', \
             NULL, 'unopened', E'\\x1b[31mred' FROM generate_series(1, 60) n",
    );
}

#[test]
fn where_nothing_was_started_there_is_nothing_to_show() {
    let world = applied();
    says(&ok(&world.pgveil(&["sweep", "status"])), &["no sweeps", "pgveil sweep start"]);
    assert_eq!(json(&world.pgveil(&["sweep", "status", "--json"])), json!({ "jobs": [] }));
}

#[test]
fn a_job_at_work_is_shown_with_its_progress() {
    let world = rotated(3);
    half_way(&world);
    let text = ok(&world.pgveil(&["sweep", "status"]));
    says(&text, &["running", "40 %", "1,200 of about 4,000", "1,190", "60", "#2 public.people 20 %, attempt 2 (w1)"]);
    says(&text, &["nobody works on sweeps of this database"]);

    let document = json(&world.pgveil(&["sweep", "status", "--json"]));
    let job = &document["jobs"][0];
    let fields: Vec<&str> = job.as_object().unwrap().keys().map(String::as_str).collect();
    for field in [
        "id",
        "kind",
        "state",
        "automatic",
        "reason",
        "columns",
        "pass",
        "rows",
        "values",
        "unrecoverable",
        "bytes",
        "rows_per_second",
        "eta_seconds",
        "shards",
        "workers",
        "created_at",
        "started_at",
        "ended_at",
        "database",
    ] {
        assert!(fields.contains(&field), "{field}: {document:#}");
    }
    assert_eq!(job["columns"], json!(["public.people.email", "public.people.notes"]));
    assert_eq!(job["rows"], json!({ "expected": 4000, "seen": 1200, "rewritten": 1190, "missed": 4 }));
    assert_eq!(job["shards"], json!({ "open": 2, "at_work": 1, "done": 1 }));
    assert_eq!((&job["values"], &job["unrecoverable"], &job["bytes"]), (&json!(2380), &json!(60), &json!(491_520)));
    assert_eq!(job["workers"][0]["worker"], "w1");
    // 1,200 rows in 10 seconds, 60 of 150 blocks.
    let (speed, left) = (job["rows_per_second"].as_f64().unwrap(), job["eta_seconds"].as_f64().unwrap());
    assert!((60.0..=120.0).contains(&speed) && (15.0..=30.0).contains(&left), "{speed} {left}");
    assert_eq!(json(&world.pgveil(&["sweep", "status", "1", "--json"]))["jobs"].as_array().unwrap().len(), 1);
}

#[test]
fn a_report_has_limits_tables_counts_and_problems() {
    let world = rotated(3);
    half_way(&world);
    let old: u32 = u32::from_str_radix(&deks(&world, "deprecated").remove(0)[2..], 16).unwrap();
    superuser(
        &world,
        &format!(
            "INSERT INTO pgveil_keys.sweep_count (job, pass, no, schema_name, table_name, column_name, dek, n) VALUES \
             (1, 1, 1, 'public', 'people', 'email', {old}, 12345), (1, 1, 1, 'public', 'people', 'email', 0, 1)"
        ),
    );
    let text = ok(&world.pgveil(&["sweep", "report"]));
    says(&text, &["limits: batch 500, concurrency 2", "started by command of", "1 of 3", "12,345", "no envelope"]);
    says(&text, &["unopened", "(0,50)", "50 of 60"]);
    assert!(!text.contains("(0,51)"), "{text}");
    assert!(!text.contains('\x1b'), "what a table holds must not steer a terminal: {text}");

    let report = json(&world.pgveil(&["sweep", "report", "1", "--json"]));
    assert_eq!((&report["id"], &report["limits"]["batch"]), (&json!(1), &json!(500)), "{report:#}");
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 60);
    for (field, expected) in [
        ("table", json!("public.people")),
        ("key", json!("60")),
        ("place", json!("(0,60)")),
        ("column", json!("notes")),
        ("dek", Value::Null),
        ("reason", json!("unopened")),
    ] {
        assert_eq!(problems[59][field], expected, "{field}");
    }
    assert!(problems[0]["at"].as_str().unwrap().ends_with('Z'));
    let counted = report["deks"].as_array().unwrap();
    let of = |dek: Value| counted.iter().find(|count| count["dek"] == dek).unwrap_or_else(|| panic!("{report:#}"));
    let first = of(json!(format!("{old:#010x}")));
    assert_eq!((&first["state"], &first["values"]), (&json!("deprecated"), &json!(12345)));
    assert_eq!((&of(Value::Null)["column"], &of(Value::Null)["values"]), (&json!("public.people.email"), &json!(1)));
    assert_eq!(report["tables"][0]["rows_rewritten"], 1190);
}

#[test]
fn status_shows_all_databases_and_a_job_needs_one() {
    let world = rotated(3);
    let other = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start();
    let (here, there) = (world.database().to_owned(), other.database().to_owned());
    // Both are on one server, with one keyring: that of the first.
    let keyrings = [&world, &other].map(|world| world.path("keyring").display().to_string());
    world.edit_policy(|text| {
        let tables = text.split_once(&format!("  {here}:\n")).unwrap().1.to_owned();
        let text = text.replace("kms:\n", &format!("kms:\n  second: {{ local: {{ keyring: {} }} }}\n", keyrings[1]));
        format!("{text}\n  {there}:\n{tables}")
    });
    ok(&world.pgveil(&["sweep", "start", "--yes", "--database", &here]));
    let jobs = json(&world.pgveil(&["sweep", "status", "--json"]));
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(jobs["jobs"][0]["database"], here.as_str());
    says(&ok(&world.pgveil(&["sweep", "status"])), &[&here, &there, "no sweeps"]);
    for args in [&["start", "--yes"][..], &["pause"], &["report"], &["status", "1"], &["status", "--wait"]] {
        let output = world.pgveil(&[&["sweep"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", crate::support::both(&output));
        says(&crate::support::stderr(&output), &["--database", &here, &there]);
    }
    ok(&world.pgveil(&["sweep", "pause", "--database", &here]));
}
