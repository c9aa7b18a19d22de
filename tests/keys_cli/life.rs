//! A whole life of keys under a running proxy with a client: nothing stops, every value stays readable.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    code, deks, json, keks, org,
    support::{World, both, connect, psql},
};

/// Writes and reads without a pause; gives how many rows it wrote.
async fn busy(through: String, stop: Arc<AtomicBool>) -> i64 {
    let client = connect(&through).await;
    let insert = client.prepare("INSERT INTO people (name, email, ssn) VALUES ($1, $2, $3)").await.unwrap();
    let find = client.prepare("SELECT ssn FROM people WHERE email = $1").await.unwrap();
    let mut written = 0;
    while !stop.load(Ordering::SeqCst) {
        written += 1;
        let (name, email, ssn) = (format!("n{written}"), format!("{written}@example.org"), format!("{written:011}"));
        client.execute(&insert, &[&name, &email, &ssn]).await.unwrap();
        // Also one of the first, which were sealed with another key by then.
        for number in [written, written / 2 + 1] {
            let row = client.query_one(&find, &[&format!("{number}@example.org")]).await.unwrap();
            assert_eq!(row.get::<_, String>(0), format!("{number:011}"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    written
}

/// How many rows were sealed with each DEK, by what their envelopes say.
fn rows_by_dek(world: &World) -> BTreeMap<String, i64> {
    let sql = "SELECT '0x' || encode(substring(ssn::bytea FROM 5 FOR 4), 'hex'), count(*) FROM people GROUP BY 1";
    let rows = psql(&world.direct(), sql);
    rows.lines().map(|line| line.split_once('|').unwrap()).map(|(id, n)| (id.to_owned(), n.parse().unwrap())).collect()
}

/// Runs a command that must succeed, while the client goes on.
fn run(world: &World, args: &[&str], input: &str) -> serde_json::Value {
    let output = tokio::task::block_in_place(|| world.pgveil_with_input(&[args, &["--json"]].concat(), input));
    assert_eq!(code(&output), 0, "{args:?}: {}", both(&output));
    json(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_of_all_kinds_go_on_under_a_client_and_every_value_stays_readable() {
    let mut world = org();
    world.run(&[]);
    let stop = Arc::new(AtomicBool::new(false));
    let client = tokio::spawn(busy(world.through(), stop.clone()));
    let first = deks(&world).remove(0).0;

    // A DEK in two steps, and one in one.
    let staged = run(&world, &["keys", "create"], "")["id"].as_str().unwrap().to_owned();
    run(&world, &["keys", "activate", &staged, "--yes"], "");
    let rotated = run(&world, &["keys", "rotate", "--yes"], "");
    let newest = rotated["id"].as_str().unwrap().to_owned();
    assert_eq!(rotated["before"], staged);

    // A new version of the KEK, then imported material in its place.
    let kek = run(&world, &["keys", "rotate", "--kek", "--yes"], "");
    assert_eq!((kek["rotated"].as_str(), kek["kms"].as_str()), (Some("kek"), Some("main")), "{kek}");
    assert_eq!(kek["rewrapped"], 4, "three DEKs and the index root: {kek}");
    let imported = run(&world, &["keys", "import", "--kms", "org"], "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=\n");
    let kek = run(&world, &["keys", "rotate", "--kek", "--to", "org", "--yes"], "");
    assert_eq!((&kek["id"], &kek["rewrapped"]), (&imported["id"], &4.into()), "{kek}");

    // Some more with all that.
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.store(true, Ordering::SeqCst);
    let written = client.await.unwrap();

    let list = run(&world, &["keys", "list"], "");
    let keks_of = |status: &str| keks(&world).into_iter().filter(|(_, s)| s == status).count();
    assert_eq!((keks_of("primary"), keks_of("deprecated")), (1, 2), "{list}");
    for dek in list["databases"][0]["deks"].as_array().unwrap() {
        assert_eq!((&dek["kms"], &dek["kek"]), (&"org".into(), &imported["id"]), "{dek}");
    }
    let by_dek = rows_by_dek(&world);
    assert_eq!(by_dek.values().sum::<i64>(), written, "{by_dek:?}");
    assert!(by_dek.contains_key(&first) && by_dek.contains_key(&newest), "{by_dek:?}");

    // The same client's view, a new process's, and nothing left to do.
    let count = "SELECT count(*) FROM (SELECT name, email, ssn FROM people) p WHERE p.email IS NOT NULL";
    world.stop();
    world.run(&[]);
    let client = connect(&world.through()).await;
    let rows = client.query("SELECT name, email, ssn FROM people ORDER BY id", &[]).await.unwrap();
    assert_eq!(rows.len() as i64, written);
    for (row, number) in rows.iter().zip(1_i64..) {
        assert_eq!(row.get::<_, String>(1), format!("{number}@example.org"));
        assert_eq!(row.get::<_, String>(2), format!("{number:011}"));
    }
    assert_eq!(psql(&world.direct(), count), written.to_string());
    assert_eq!(run(&world, &["keys", "rewrap", "--yes"], "")["rewrapped"], 0);

    // Every step has left its row.
    let sql = "SELECT operation, count(*) FROM pgveil_keys.audit WHERE result = 'ok' GROUP BY 1 ORDER BY 1";
    let audit = psql(&world.superuser(world.database()), sql);
    for row in [
        "dek.deprecate|2",
        "dek.promote|3",
        "dek.rewrap|6",
        "dek.stage|3",
        "index_root.rewrap|2",
        "kek.activate|2",
        "kek.deprecate|2",
        "kek.rotate|1",
        "kek.stage|2",
    ] {
        assert!(audit.lines().any(|line| line == row), "{row}\n{audit}");
    }
}

#[test]
fn a_rotation_of_the_kek_that_was_interrupted_goes_on() {
    let world = org();
    for _ in 0..2 {
        assert_eq!(code(&world.pgveil(&["keys", "rotate", "--yes"])), 0);
    }
    // As far as the activation; then it was killed.
    let created = json(&world.pgveil(&["keys", "create", "--kek", "--kms", "main", "--json"]));
    let id = created["id"].as_str().unwrap();
    assert_eq!(code(&world.pgveil(&["keys", "activate", id, "--yes"])), 0);
    let output = world.pgveil(&["keys", "rotate", "--kek", "--yes", "--json"]);
    let document = json(&output);
    assert_eq!((&document["id"], &document["rewrapped"]), (&id.into(), &4.into()), "{}", both(&output));
    assert_eq!(keks(&world).len(), 2, "no further KEK was made");
    // Staged only: that one is taken.
    let created = json(&world.pgveil(&["keys", "create", "--kek", "--kms", "main", "--json"]));
    let output = world.pgveil(&["keys", "rotate", "--kek", "--yes", "--json"]);
    assert_eq!(json(&output)["id"], created["id"], "{}", both(&output));
    assert_eq!(keks(&world).len(), 3);
}

#[test]
fn a_proxy_that_cannot_use_a_kek_is_named_and_nothing_changes_until_it_can_or_is_gone() {
    let mut world = org();
    world.run(&[]);
    // This one's policy does not know the service.
    let other = world.replica("");
    let material = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=";
    assert_eq!(code(&world.pgveil_with_input(&["keys", "import", "--kms", "org"], material)), 0);
    let before = keks(&world);
    let output = world.pgveil(&["keys", "rotate", "--kek", "--to", "org", "--yes", "--wait", "8s", "--json"]);
    assert_eq!(crate::error(&output), ("keys/not-prefetched".to_owned(), 1), "{}", both(&output));
    let message = json(&output)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&format!("pid {}", other.pid())), "{message}");
    assert!(!message.contains(&format!("pid {}", world.proxy().pid())), "{message}");
    assert_eq!(keks(&world), before);
    let health = json(&world.pgveil(&["health", "--json"]));
    assert_eq!(health["ok"], false, "{health}");
    let proxies = health["databases"][0]["proxies"].as_array().unwrap().clone();
    assert_eq!(proxies.len(), 2, "{health}");
    other.stop().unwrap();
    let output = world.pgveil(&["keys", "rotate", "--kek", "--to", "org", "--yes", "--json"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    let health = json(&world.pgveil(&["health", "--json"]));
    assert_eq!(health["ok"], true, "{health}");
}

#[test]
fn to_imported_keys_takes_one_that_was_imported() {
    let world = org();
    let output = world.pgveil(&["keys", "rotate", "--kek", "--to", "org", "--yes", "--json"]);
    assert_eq!(crate::error(&output), ("keys/nothing-imported".to_owned(), 1), "{}", both(&output));
}

#[test]
fn a_kek_can_be_taken_back() {
    let world = org();
    let old = keks(&world)[0].0.clone();
    assert_eq!(code(&world.pgveil(&["keys", "rotate", "--kek", "--yes"])), 0);
    let output = world.pgveil(&["keys", "activate", &old, "--yes"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(keks(&world).contains(&(old, "primary".to_owned())));
    let output = world.pgveil(&["keys", "rewrap", "--yes", "--json"]);
    assert_eq!(json(&output)["rewrapped"], 2, "{}", both(&output));
}

#[test]
fn a_running_proxy_shows_its_keys_to_prometheus() {
    use std::io::{Read as _, Write as _};
    let mut world = org();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    world.edit_policy(|text| format!("{text}metrics: {{ listen: \"127.0.0.1:{port}\" }}\n"));
    world.run(&[]);
    psql(&world.through(), "INSERT INTO people (name, email) VALUES ('a', 'a@example.org')");
    assert_eq!(code(&world.pgveil(&["keys", "rotate", "--yes"])), 0);
    // A round after the change.
    std::thread::sleep(Duration::from_secs(6));
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let database = world.database();
    for line in [
        format!("pgveil_keys_deks{{database=\"{database}\",state=\"primary\"}} 1"),
        format!("pgveil_keys_deks{{database=\"{database}\",state=\"deprecated\"}} 1"),
        format!("pgveil_keys_proxies{{database=\"{database}\",state=\"live\"}} 1"),
        format!("pgveil_keys_kek_state{{database=\"{database}\",kek=\"{}\",state=\"good\"}} 1", keks(&world)[0].0),
        format!("pgveil_keys_deks_expiring{{database=\"{database}\"}} 0"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for name in [
        "pgveil_keys_epoch",
        "pgveil_keys_budget_left",
        "pgveil_keys_refreshed_timestamp_seconds",
        "pgveil_kms_calls_total",
    ] {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}\n{text}"));
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() > 0.0, "{line}");
    }
}
