//! `pgveil keys shred`: deliberate loss, told beforehand and honestly afterwards.

use crate::{
    Aged, code, id, json, primary, sqlstate,
    support::{both, connect, stdout},
    until,
};

#[tokio::test(flavor = "multi_thread")]
async fn shredding_tells_what_is_lost_and_what_it_is_worth() {
    let aged = Aged::new().await;
    let old = id(aged.old);
    aged.sql("CREATE TABLE copy AS SELECT note::bytea AS c FROM notes, generate_series(1, 4); GRANT SELECT ON copy TO pgveil; CREATE TABLE hidden (c bytea)");
    // Proxies take notice of the rotation within a second.
    until("pgveil seals with the new DEK", async || {
        aged.through("DELETE FROM notes WHERE note = 'kept'; INSERT INTO notes (note) VALUES ('kept')").await;
        aged.count("notes", "note") == "1"
    })
    .await;

    let output = aged.world.pgveil(&["keys", "shred", &id(primary(&aged.world)), "--yes", "--json"]);
    assert_eq!(
        (code(&output), &json(&output)["error"]["code"]),
        (1, &"keys/shreds-no-primary".into()),
        "{}",
        both(&output)
    );
    let kek = aged.sql("SELECT id FROM pgveil_keys.kek").parse().unwrap();
    let output = aged.world.pgveil(&["keys", "shred", &id(kek), "--yes", "--json"]);
    assert_eq!(json(&output)["error"]["code"], "keys/shreds-deks-only");

    let output = aged.world.pgveil(&["keys", "shred", &old]);
    assert_eq!(code(&output), 2, "nobody is there to type the id: {}", both(&output));
    let text = stdout(&output);
    assert!(text.contains("6 value(s) in 3 column(s)") && text.contains("public.copy.c"), "{text}");
    assert!(text.contains("public.hidden") && text.contains("GRANT SELECT"), "{text}");
    assert_eq!(aged.sql(&format!("SELECT state FROM pgveil_keys.dek WHERE id = {}", aged.old)), "deprecated");

    let output = aged.world.pgveil(&["keys", "shred", &old, "--yes", "--json"]);
    let document = json(&output);
    assert_eq!(
        (code(&output), &document["values"], &document["shredded"]),
        (0, &6.into(), &"dek".into()),
        "{document}"
    );
    let guarantee = &document["guarantee"];
    assert_eq!((&guarantee["reached"], &guarantee["kek"]), (&"logical".into(), &id(kek).into()), "{guarantee}");
    assert_eq!(guarantee["also_wrapped"], serde_json::json!({ "DEK": 1, "index root": 1 }), "{guarantee}");
    assert_eq!(
        aged.sql(&format!("SELECT state, wrapped IS NULL FROM pgveil_keys.dek WHERE id = {}", aged.old)),
        "destroyed|t"
    );

    // Within seconds nobody reads them any more; everything else stays readable.
    let client = connect(&aged.world.through()).await;
    let mut error = None;
    for _ in 0..100 {
        error = client.simple_query("SELECT note FROM notes ORDER BY id").await.err();
        if error.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let error = error.expect("the value is readable still");
    let message = error.as_db_error().unwrap().message();
    assert!(sqlstate(&error) == "XX001" && message.contains(&old) && message.contains("destroyed"), "{message}");
    let kept = client.query_one("SELECT note FROM notes WHERE note = 'kept'", &[]).await.unwrap();
    assert_eq!(kept.get::<_, String>(0), "kept");
    let output = aged.world.pgveil(&["keys", "shred", &old, "--yes", "--json"]);
    assert_eq!(json(&output)["error"]["code"], "keys/wrong-state", "once is enough");
    let audited = aged.sql("SELECT operation, object, result FROM pgveil_keys.audit ORDER BY id DESC LIMIT 1");
    assert_eq!(audited, format!("keys.shred|{old}|keys/wrong-state"), "the audit says which key it was about");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guarantee_is_spelled_out() {
    let aged = Aged::new().await;
    let output = aged.world.pgveil(&["keys", "shred", &id(aged.old), "--yes"]);
    let text = stdout(&output);
    for part in [
        "Guarantee: logical",
        "running proxies forget it within seconds",
        "it wraps 1 DEK(s), 1 index root(s) as well",
        "pgveil keys rotate --kek",
        "pgveil kms destroy-check",
        "equality tokens",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_have_wrapped_it_before_are_told_too() {
    let aged = Aged::new().await;
    let before = id(aged.sql("SELECT id FROM pgveil_keys.kek").parse().unwrap());
    let rotated = aged.world.pgveil(&["keys", "rotate", "--kek", "--yes"]);
    assert_eq!(code(&rotated), 0, "{}", both(&rotated));
    // Made and wrapped since: a backup of before the KEK was rotated does not hold it.
    let rotated = aged.world.pgveil(&["keys", "rotate", "--yes", "--json"]);
    let young = json(&rotated)["before"].as_str().unwrap().to_owned();
    let rotated = aged.world.pgveil(&["keys", "rotate", "--yes", "--json"]);
    let younger = json(&rotated)["before"].as_str().unwrap().to_owned();

    for (dek, earlier) in [(id(aged.old), vec![before.as_str()]), (young, vec![before.as_str()]), (younger, Vec::new())]
    {
        let output = aged.world.pgveil(&["keys", "shred", &dek, "--yes", "--json"]);
        let guarantee = &json(&output)["guarantee"];
        let keys = guarantee["earlier_keys"].as_array().unwrap().iter();
        let keys: Vec<&str> = keys.map(|key| key["kek"].as_str().unwrap()).collect();
        assert_eq!(keys, earlier, "{dek}: {guarantee}");
        assert_ne!(guarantee["kek"].as_str().unwrap(), before, "{guarantee}");
    }
}
