//! What somebody with a login tries: an application, a database's owner, whoever has stolen the proxies'
//! login.

use std::time::{Duration, Instant};

use super::{
    fake_kms::FakeKms,
    house::{House, builder, wait_for},
};
use crate::support::{both, connect, stdout};

/// Ends a connection's runtime with it.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_key_that_was_replaced_is_not_brought_back_by_a_trigger_under_a_new_manifest() {
    let house = House::new(0);
    let old = house.keys().primary;
    house.sql("CREATE SCHEMA kept; CREATE TABLE kept.dek AS SELECT * FROM pgveil_keys.dek");
    house.pgveil(&["keys", "rotate", "--yes"]);
    assert_ne!(house.keys().primary, old);
    // The rows of before are genuine in themselves. They come back while the next change is under way, after
    // its rows were verified and before the manifest is made.
    house.sql(
        "CREATE FUNCTION kept.back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
         SET session_replication_role = replica AS $$ BEGIN \
           DELETE FROM pgveil_keys.dek; INSERT INTO pgveil_keys.dek SELECT * FROM kept.dek; RETURN NULL; END $$; \
         CREATE TRIGGER zz AFTER INSERT ON pgveil_keys.dek_usage FOR EACH STATEMENT EXECUTE FUNCTION kept.back()",
    );
    let output = house.world.pgveil(&["keys", "create"]);
    println!("{}", both(&output));
    house.sql("DROP TRIGGER zz ON pgveil_keys.dek_usage");
    let listed = house.world.pgveil(&["keys", "list"]);
    println!("{}", both(&listed));
    assert!(
        !(listed.status.success() && house.keys().primary == old),
        "the key of before seals again, and the keystore counts as genuine"
    );
}

#[test]
fn an_application_that_takes_locks_does_not_stop_rotation() {
    let house = House::with(builder().keys("dek_max_uses: 160"), 1);
    let before = house.keys().primary;
    let runtime = runtime();
    let _lock = runtime.block_on(async {
        let client = connect(&house.through(0)).await;
        client.batch_execute("SELECT pg_advisory_lock(1885828725, 7)").await.unwrap();
        for id in 0..150_i64 {
            let sql = format!("INSERT INTO notes VALUES ({id}, 'secret {id}')");
            if let Err(error) = client.batch_execute(&sql).await {
                println!("{id}: {error:?}");
                break;
            }
        }
        client
    });
    wait_for(25, "another primary", || match house.keys().primary {
        primary if primary == before => Err("the same primary".to_owned()),
        _ => Ok(()),
    });
}

#[test]
fn an_application_that_notifies_all_the_time_does_not_keep_the_proxy_busy() {
    let house = House::new(1);
    let heartbeats = || -> i64 {
        house
            .sql("SELECT n_tup_upd FROM pg_stat_all_tables WHERE relname = 'proxy' AND schemaname = 'pgveil_keys'")
            .parse()
            .unwrap()
    };
    let runtime = runtime();
    let before = heartbeats();
    let sent = runtime.block_on(async {
        let client = connect(&house.through(0)).await;
        let (end, mut sent) = (Instant::now() + Duration::from_secs(6), 0_u64);
        while Instant::now() < end {
            client.batch_execute("SELECT pg_notify('pgveil_keys', '9223372036854775807')").await.unwrap();
            sent += 1;
        }
        sent
    });
    std::thread::sleep(Duration::from_secs(2));
    let rounds = heartbeats() - before;
    println!("{sent} notifications, {rounds} heartbeats");
    assert!(rounds < 40, "{rounds} rounds in 8 s");
}

#[test]
#[ignore = "takes a minute: make test-keys"]
fn a_keystore_that_is_locked_does_not_use_up_the_servers_connections() {
    let house = House::new(1);
    let count =
        || -> i64 { house.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'pgveil'").parse().unwrap() };
    let before = count();
    let runtime = runtime();
    runtime.block_on(async {
        let client = connect(&house.superuser()).await;
        client
            .batch_execute("BEGIN; LOCK TABLE pgveil_keys.proxy, pgveil_keys.epoch IN ACCESS EXCLUSIVE MODE")
            .await
            .unwrap();
        let mut seen = Vec::new();
        for _ in 0..11 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            seen.push(count());
        }
        println!("before {before}, then {seen:?}");
        client.batch_execute("ROLLBACK").await.unwrap();
        assert!(seen.iter().all(|seen| *seen <= before + 1), "before {before}, then {seen:?}");
    });
}

#[test]
fn a_proxys_row_with_a_time_out_of_this_world_stops_nobody() {
    let house = House::new(1);
    for time in ["infinity", "-infinity", "294276-12-31", "4714-11-24 BC"] {
        house.sql(&format!(
            "INSERT INTO pgveil_keys.proxy VALUES ('x', 'h', null, -1, 'v', '{time}', '{time}', \
             9223372036854775807, 9223372036854775807, null)"
        ));
        let health = house.world.pgveil(&["health"]);
        println!("{time}: {}", both(&health));
        let rotated = house.world.pgveil(&["keys", "rotate", "--yes"]);
        println!("{time}: {}", both(&rotated));
        house.sql("DELETE FROM pgveil_keys.proxy WHERE id = 'x'");
        assert!(rotated.status.success(), "{time}: {}", both(&rotated));
        assert!(
            !both(&health).contains("out of range") && !both(&health).contains("infinite"),
            "{time}: {}",
            both(&health)
        );
    }
}

#[test]
fn what_the_keystore_says_does_not_steer_a_terminal() {
    let house = House::new(1);
    house.sql(
        "INSERT INTO pgveil_keys.proxy VALUES ('x', E'h\\x1b]0;owned\\x07', E'\\x1b[2J', 1, E'v\\x1b[8m', now(), now(), \
         0, 0, E'p\\x1b[31m\\u009b2J')",
    );
    for args in [&["health"][..], &["keys", "list"], &["keys", "inventory"]] {
        let output = house.world.pgveil(args);
        let bytes = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{args:?}: {text:?}");
    }
    let json = house.world.pgveil(&["health", "--json"]);
    assert!(!stdout(&json).contains('\x1b'));
    house.sql("DELETE FROM pgveil_keys.proxy WHERE id = 'x'");
}

/// What whoever has the proxies' login may do to the audit and to the epoch, besides what it needs.
#[test]
fn the_proxies_login_cannot_block_the_owner() {
    let house = House::new(0);
    let stolen = |sql: &str| {
        let output = crate::support::try_psql(&house.superuser(), &format!("SET SESSION AUTHORIZATION pgveil; {sql}"));
        println!("{sql}: {}", both(&output));
        output.status.success()
    };
    let mut done = Vec::new();
    for sql in [
        "UPDATE pgveil_keys.audit SET actor = 'x'",
        "DELETE FROM pgveil_keys.audit",
        "TRUNCATE pgveil_keys.audit",
        "INSERT INTO pgveil_keys.audit (id, at, db_role, actor, operation, result) OVERRIDING SYSTEM VALUE \
         SELECT i, now(), 'x', 'x', 'x', 'x' FROM generate_series((SELECT max(id) + 1 FROM pgveil_keys.audit), \
         (SELECT max(id) + 1000 FROM pgveil_keys.audit)) i",
        "UPDATE pgveil_keys.epoch SET generation = 9223372036854775807",
        "UPDATE pgveil_keys.kek SET state = 'deprecated'",
        "UPDATE pgveil_keys.dek SET wrapped = NULL",
        "UPDATE pgveil_keys.dek SET state = 'destroyed'",
        "UPDATE pgveil_keys.dek SET state = 'retired' WHERE state = 'deprecated'",
        "DELETE FROM pgveil_keys.dek",
        "DELETE FROM pgveil_keys.dek_usage",
        "UPDATE pgveil_keys.dek_usage SET leased = 0",
        "INSERT INTO pgveil_keys.registration SELECT 'a', 'b', 'c', 1, 1, now(), ''",
        "INSERT INTO pgveil_keys.transition VALUES ('dek', 'destroyed', 'primary')",
        "UPDATE pgveil_keys.version SET version = 9",
        "CREATE TABLE pgveil_keys.x ()",
        "SET session_replication_role = replica",
        "ALTER TABLE pgveil_keys.dek DISABLE TRIGGER ALL",
        "UPDATE pgveil_keys.epoch SET system = '1', timeline = 1",
        "UPDATE pgveil_keys.epoch SET n = 9223372036854775807",
    ] {
        if stolen(sql) {
            done.push(sql);
        }
    }
    println!("allowed: {done:#?}");
    let rotated = house.world.pgveil(&["keys", "rotate", "--yes"]);
    println!("{}", both(&rotated));
    let epoch = house.sql("SELECT n FROM pgveil_keys.epoch");
    assert!(epoch.parse::<i64>().unwrap() < 1_000_000, "nothing can be changed any more: {epoch}");
    assert_eq!(
        house
            .sql("SELECT count(*) FROM pgveil_keys.audit WHERE id > (SELECT last_value FROM pgveil_keys.audit_id_seq)"),
        "0"
    );
}

#[test]
fn no_filter_of_the_log_shows_data_keys() {
    let kms = FakeKms::start();
    let key = kms.create_key();
    for filter in [
        "trace",
        "aws_smithy_runtime::client=trace",
        "aws_smithy_runtime::client::orchestrator=trace,aws_smithy_runtime::client::http=trace",
        "hyper_util::client=trace,hyper::proto=trace,aws_sdk_kms=trace,aws_smithy_runtime_api::client=trace",
        "[{}]=trace",
        "[invoke]=trace,[try_op]=trace,[try_attempt]=trace",
    ] {
        let mut builder = builder().kms(&format!("cloud: {{ {} }}", kms.policy(&key))).default_kms("cloud");
        for (name, value) in kms.environment() {
            builder = builder.environment(name, &value);
        }
        let house = House::with(builder.environment("RUST_LOG", filter), 0);
        let output = house.world.pgveil(&["kms", "generate-data-key", "--json"]);
        assert!(output.status.success(), "{filter}: {}", both(&output));
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for secret in [made["plaintext"].as_str().unwrap(), super::fake_kms::SECRET_KEY] {
            assert!(!log.contains(secret), "{filter}: {secret} is in the log");
        }
        // Whole requests and answers have no place in it either.
        assert!(!log.contains("CiphertextBlob"), "{filter}: an answer is in the log");
    }
}
