//! `pgveil keys retire` and `destroy`, `pgveil kms destroy-check`.

use serde_json::json;

use crate::{
    Aged, code, id, json, rotate, sqlstate,
    support::{World, both, connect, psql, rows, stderr, stdout},
    world,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_dek_is_retired_when_nothing_needs_it_and_destroyed_after_the_retention() {
    let aged = Aged::of(world().keys("retention: 3s")).await;
    let (world, old) = (&aged.world, id(aged.old));
    aged.sql("CREATE TABLE keep AS SELECT encode(note, 'hex') AS note FROM notes");

    aged.sql("CREATE TABLE hidden (c bytea)");
    let output = world.pgveil(&["keys", "retire", &old, "--json"]);
    let document = json(&output);
    assert_eq!((code(&output), &document["error"]["code"]), (1, &"sweep/still-used".into()), "{document}");
    let place = |name: &str| {
        json!({ "place": name, "kind": "table", "rows": 1, "in_policy": true,
            "advice": "`pgveil sweep start`; rows that a sweep could not seal anew are in `pgveil sweep report`" })
    };
    assert_eq!(document["error"]["places"], json!([place("public.notes.note"), place("public.notes.number")]));
    assert_eq!(document["error"]["unseen"][0]["relation"], "public.hidden", "{document}");
    let output = world.pgveil(&["keys", "retire", &old]);
    assert!(code(&output) == 1 && stdout(&output).contains("public.notes.note"), "{}", both(&output));
    assert!(stdout(&output).contains("GRANT SELECT ON \"public\".\"hidden\""), "{}", both(&output));
    aged.sql("DROP TABLE hidden");
    assert!(stderr(&output).contains("error[sweep/still-used]"), "{}", both(&output));

    let output = world.pgveil(&["keys", "destroy", &old, "--yes", "--json"]);
    assert_eq!(json(&output)["error"]["code"], "keys/wrong-state", "{}", both(&output));

    aged.reseal().await;
    let output = world.pgveil(&["keys", "retire", &old, "--json"]);
    let document = json(&output);
    assert_eq!(
        (code(&output), &document["retired"], &document["id"]),
        (0, &"dek".into(), &old.as_str().into()),
        "{document}"
    );
    assert!(document["kept_until"].as_str().is_some_and(|at| at.starts_with("20")), "{document}");

    // It is kept, and not served.
    let output = world.pgveil(&["keys", "destroy", &old, "--yes", "--json"]);
    assert_eq!((code(&output), &json(&output)["error"]["code"]), (1, &"keys/retention".into()), "{}", both(&output));
    let client = connect(&world.through()).await;
    assert_eq!(rows(&client, "SELECT note FROM notes").await[0][0].as_deref(), Some("new"));

    tokio::time::sleep(std::time::Duration::from_millis(3100)).await;
    // A late copy: the second proof finds it.
    aged.sql("CREATE TABLE late AS SELECT decode(note, 'hex') AS note FROM keep; GRANT SELECT ON late TO pgveil");
    let output = world.pgveil(&["keys", "destroy", &old, "--yes", "--json"]);
    assert_eq!((code(&output), &json(&output)["error"]["code"]), (1, &"sweep/still-used".into()), "{}", both(&output));
    assert_eq!(json(&output)["error"]["places"][0]["in_policy"], false);
    aged.sql("DROP TABLE late");
    let output = world.pgveil(&["keys", "destroy", &old, "--json"]);
    assert_eq!(code(&output), 2, "it asks: {}", both(&output));
    let output = world.pgveil(&["keys", "destroy", &old, "--yes", "--json"]);
    let document = json(&output);
    assert_eq!(
        (code(&output), &document["destroyed"], &document["guarantee"]["reached"]),
        (0, &"dek".into(), &"logical".into()),
        "{document}"
    );
    assert_eq!(
        aged.sql(&format!("SELECT state, wrapped IS NULL FROM pgveil_keys.dek WHERE id = {}", aged.old)),
        "destroyed|t"
    );
    assert_eq!(rows(&client, "SELECT note FROM notes").await[0][0].as_deref(), Some("new"));
    let audit = aged.sql(
        "SELECT operation, result FROM pgveil_keys.audit WHERE operation ~ '^(dek[.](retire|destroy)|keys[.])' ORDER BY id",
    );
    assert_eq!(
        audit,
        "keys.retire|sweep/still-used\nkeys.retire|sweep/still-used\nkeys.destroy|keys/wrong-state\ndek.retire|ok\n\
         keys.destroy|keys/retention\nkeys.destroy|sweep/still-used\ndek.destroy|ok"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_retires_is_told_what_it_waits_for() {
    let aged = Aged::new().await;
    aged.reseal().await;
    let session = aged.session().await;
    session.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let pid: i32 = session.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let output = aged.world.pgveil(&["keys", "retire", &id(aged.old), "--patience", "1s"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    assert!(
        stderr(&output).contains(&format!("waiting for the transaction(s) of server process(es) {pid}")),
        "{}",
        both(&output)
    );
    assert!(stderr(&output).contains("error[keys/not-fenced]"), "{}", both(&output));
    let output = aged.world.pgveil(&["keys", "retire", &id(crate::primary(&aged.world)), "--json"]);
    assert_eq!(json(&output)["error"]["code"], "keys/wrong-state", "the primary one");
    let output = aged.world.pgveil(&["keys", "retire", "0x00000001", "--json"]);
    assert_eq!(json(&output)["error"]["code"], "keys/unknown-id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_and_a_destroyed_dek_are_named_to_who_reads_a_value_under_them() {
    let aged = Aged::of(world().keys("retention: 0, restore_retired: false")).await;
    aged.sql("CREATE TABLE keep AS SELECT encode(note, 'hex') AS note FROM notes");
    aged.reseal().await;
    let client = connect(&aged.world.through()).await;
    let read = async |expected: &str| {
        // Proxies take notice within seconds.
        let mut last = String::new();
        for _ in 0..100 {
            match client.simple_query("SELECT note FROM notes").await {
                Ok(_) => last = "it is readable".to_owned(),
                Err(error) => {
                    let db = error.as_db_error().unwrap();
                    last = format!("{} {}", sqlstate(&error), db.message());
                    if last.contains(&id(aged.old)) && last.contains(expected) {
                        return last;
                    }
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{last}");
    };
    assert!(aged.world.pgveil(&["keys", "retire", &id(aged.old)]).status.success());
    aged.sql("UPDATE notes n SET note = decode(k.note, 'hex') FROM keep k");
    assert!(read("retired").await.starts_with("42501"));
    aged.through("UPDATE notes SET note = 'new'").await;
    let output = aged.world.pgveil(&["keys", "destroy", &id(aged.old), "--yes"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(stdout(&output).contains("Guarantee: logical"), "{}", both(&output));
    aged.sql("UPDATE notes n SET note = decode(k.note, 'hex') FROM keep k");
    assert!(read("destroyed").await.starts_with("XX001"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kek_ends_when_it_wraps_nothing_and_its_key_may_go_then() {
    let world = World::builder().schema(crate::NOTES).tables(crate::NOTES_POLICY).not_running().start();
    let superuser = world.superuser(world.database());
    let kek: u32 = psql(&superuser, "SELECT id FROM pgveil_keys.kek").parse().unwrap();
    let key_ref = psql(&superuser, "SELECT key_ref FROM pgveil_keys.kek");
    for key in [id(kek), key_ref.clone(), "main".to_owned()] {
        let output = world.pgveil(&["kms", "destroy-check", &key, "--json"]);
        let document = json(&output);
        assert_eq!((code(&output), &document["needed"]), (1, &true.into()), "{document}");
        let kinds: Vec<_> =
            document["databases"][0]["dependents"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
        assert_eq!(kinds, ["KEK", "index root", "DEK"], "{key}: {document}");
    }
    let output = world.pgveil(&["kms", "destroy-check", "mian", "--json"]);
    assert_eq!((code(&output), &json(&output)["error"]["code"]), (1, &"kms/unknown-key".into()), "{}", both(&output));

    let output = world.pgveil(&["keys", "retire", &id(kek), "--json"]);
    assert_eq!(json(&output)["error"]["code"], "keys/wrong-state", "{}", both(&output));
    rotate(&world);
    assert!(world.pgveil(&["keys", "rotate", "--kek", "--yes"]).status.success());
    let output = world.pgveil(&["kms", "destroy-check", &id(kek)]);
    assert!(code(&output) == 1 && stdout(&output).contains("KEK"), "deprecated, and looked after: {}", both(&output));
    let output = world.pgveil(&["keys", "retire", &id(kek), "--json"]);
    assert_eq!((code(&output), &json(&output)["retired"]), (0, &"kek".into()), "{}", both(&output));
    let may_go = |key: &str| {
        let output = world.pgveil(&["kms", "destroy-check", key, "--json"]);
        let document = json(&output);
        assert_eq!((code(&output), &document["needed"]), (0, &false.into()), "{key}: {}", both(&output));
        assert_eq!(document["databases"][0]["dependents"], serde_json::json!([]), "{key}");
    };
    may_go(&id(kek));
    may_go(&key_ref);
    let output = world.pgveil(&["keys", "destroy", &id(kek), "--yes", "--json"]);
    assert_eq!((code(&output), &json(&output)["destroyed"]), (0, &"kek".into()), "{}", both(&output));
    may_go(&key_ref);
    let output = world.pgveil(&["kms", "destroy-check", "main", "--json"]);
    assert_eq!((code(&output), &json(&output)["needed"]), (1, &true.into()), "the service has another key that is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_asked_is_no_answer() {
    let world = World::builder().schema(crate::NOTES).tables(crate::NOTES_POLICY).not_running().start();
    world.edit_policy(|text| {
        format!("{text}  not_there:\n    tables:\n      t: {{ columns: {{ c: {{ type: text }} }} }}\n")
    });
    let output = world.pgveil(&["kms", "destroy-check", "other", "--json"]);
    let document = json(&output);
    assert_eq!(
        (code(&output), &document["all_asked"], &document["needed"]),
        (1, &false.into(), &false.into()),
        "{document}"
    );
    let asked: Vec<_> = document["databases"].as_array().unwrap().iter().map(|one| one["asked"].clone()).collect();
    assert!(asked.contains(&true.into()) && asked.contains(&false.into()), "{document}");
}
