//! Made once, guarded, believed only while it is genuine.

use std::sync::Arc;

use pgveil::{
    config::Mode,
    keys::{KekCondition, KeyError, keystore},
    kms::KmsErrorKind,
};
use tokio_postgres::{AsyncMessage, NoTls};

use crate::room::{
    Room, apply, cluster, column, connect_as, local_kms, new_database, open, open_keyring, program, registration, seal,
    sqlstate, tampered,
};

#[tokio::test]
async fn a_database_without_a_keystore_says_so() {
    let room = Room::empty().await;
    assert!(!keystore::exists(&room.client).await.unwrap());
    for error in [room.keyring().await.err().unwrap(), room.bootstrap().await.unwrap_err()] {
        assert_eq!((error.code(), error.sqlstate()), ("keys/no-keystore", "55000"));
        assert!(error.to_string().contains(&room.database), "{error}");
        assert!(error.hint().unwrap().contains("pgveil apply"));
    }
    assert!(!room.folder.path().join("keyring.json").exists(), "looking must not make a keyring");
    // Tables without keys are the same to whoever wants keys.
    keystore::install(&room.client).await.unwrap();
    assert!(matches!(room.keyring().await, Err(KeyError::NoKeystore(_))));
}

#[tokio::test]
async fn applying_again_finds_what_is_there() {
    let room = Room::furnished().await;
    let sealed = seal(&room.keyring().await.unwrap().column(&column(Mode::Equality)), "123-45-6789");
    assert!(!keystore::install(&room.client).await.unwrap());
    room.sql(&format!("BEGIN; {}; COMMIT", keystore::install_sql().join("; "))).await.unwrap();
    let first = room.bootstrap().await.unwrap();
    let second = room.bootstrap().await.unwrap();
    assert!(!first.created && !first.dek_created);
    assert_eq!(first, second);
    assert_eq!(first.provider, "local");
    let kms = local_kms(room.folder.path().join("keyring.json")).await;
    assert_eq!(first.key_ref, kms.key_ref());
    assert_eq!(keystore::version(&room.client).await.unwrap(), keystore::SCHEMA_VERSION);
    // Another process, later.
    let kms = local_kms(room.folder.path().join("keyring.json")).await;
    let keyring = open_keyring(&room.client, &room.database, kms).await.unwrap();
    let keys = keyring.column(&column(Mode::Equality));
    assert_eq!(open(&keys, &sealed).await.unwrap(), "123-45-6789");
    assert!(keyring.knows(first.dek) && !keyring.knows(first.dek ^ 1));
    assert!(keyring.verify_keks().await.iter().all(|kek| kek.condition == KekCondition::Good));
    // One handle for all sessions, until the policy says something else about the column.
    assert!(Arc::ptr_eq(&keys, &keyring.column(&column(Mode::Equality))));
    assert!(keyring.column(&column(Mode::Randomized)).token(b"x").unwrap().is_none());
    assert!(keyring.column(&column(Mode::Equality)).token(b"x").unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn applying_from_many_places_at_once_makes_one_keystore() {
    let database = new_database().await;
    let folder = tempfile::tempdir().unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (database, path) = (database.clone(), folder.path().join("keyring.json"));
            tokio::spawn(async move {
                let client = connect_as("postgres", &database).await;
                let kms = local_kms(path).await;
                let installed = keystore::install(&client).await.unwrap();
                (installed, apply(&client, &database, &kms).await.unwrap())
            })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        made.push(task.await.unwrap().1);
    }
    assert_eq!(made.iter().filter(|m| m.created).count(), 1);
    assert_eq!(made.iter().filter(|m| m.dek_created).count(), 1);
    assert!(made.iter().all(|m| (&m.keystore, m.dek) == (&made[0].keystore, made[0].dek)));
    let client = connect_as("postgres", &database).await;
    let rows = client.query_one("SELECT count(*) FROM pgveil_keys.dek", &[]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_second_primary_is_refused() {
    let room = Room::furnished().await;
    for table in ["dek", "kek", "index_root"] {
        let version = if table == "index_root" { ", version = 2" } else { "" };
        let copy = format!(
            "CREATE TEMP TABLE copy_{table} AS SELECT * FROM pgveil_keys.{table}; \
             UPDATE copy_{table} SET id = id % 4294967295 + 1{version}; \
             INSERT INTO pgveil_keys.{table} SELECT * FROM copy_{table}"
        );
        assert_eq!(sqlstate(&room.sql(&copy).await.unwrap_err()), "23505", "{table}");
    }
}

#[tokio::test]
async fn keys_change_state_only_along_their_life() {
    const STATES: [&str; 5] = ["staged", "primary", "deprecated", "retired", "destroyed"];
    let room = Room::furnished().await;
    let client = &room.client;
    for (table, kek) in [("dek", false), ("index_root", false), ("kek", true)] {
        // A KEK is retired only when it wraps nothing.
        if kek {
            room.attack(
                "UPDATE pgveil_keys.dek SET state = 'destroyed', wrapped = NULL, destroyed_at = now(); \
                 UPDATE pgveil_keys.index_root SET state = 'destroyed', wrapped = NULL, destroyed_at = now()",
            )
            .await;
        }
        for from in STATES {
            for to in STATES {
                let allowed = from == to
                    || matches!(
                        (from, to),
                        ("staged", "primary" | "destroyed")
                            | ("primary", "deprecated")
                            | ("deprecated", "retired")
                            | ("retired", "destroyed")
                    )
                    || (kek && (from, to) == ("deprecated", "primary"))
                    || (!kek && (from, to) == ("retired", "deprecated"));
                let set = |state: &str| match (state, kek) {
                    ("destroyed", false) => "state = 'destroyed', wrapped = NULL, destroyed_at = now()".to_owned(),
                    (state, false) => format!("state = '{state}', wrapped = 'w', destroyed_at = NULL"),
                    ("destroyed", true) => "state = 'destroyed', destroyed_at = now()".to_owned(),
                    (state, true) => format!("state = '{state}', destroyed_at = NULL"),
                };
                let when = if table == "dek" && to == "retired" && from != to { ", retired_at = now()" } else { "" };
                client.batch_execute("BEGIN; SET LOCAL session_replication_role = replica").await.unwrap();
                client.batch_execute(&format!("UPDATE pgveil_keys.{table} SET {}", set(from))).await.unwrap();
                client.batch_execute("SET LOCAL session_replication_role = origin").await.unwrap();
                let outcome = client.batch_execute(&format!("UPDATE pgveil_keys.{table} SET {}{when}", set(to))).await;
                client.batch_execute("ROLLBACK").await.unwrap();
                match outcome {
                    Ok(()) => assert!(allowed, "{table}: {from} → {to} went through"),
                    Err(e) => assert!(!allowed && sqlstate(&e) == "23001", "{table}: {from} → {to}: {e:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn keys_cannot_be_lost_by_mistake() {
    let room = Room::furnished().await;
    room.register(&[registration("ssn", 4_000_000_000, 1)]).await.unwrap();
    for (sql, expected) in [
        ("DELETE FROM pgveil_keys.dek", "23001"),
        ("DELETE FROM pgveil_keys.kek", "23001"),
        ("DELETE FROM pgveil_keys.index_root", "23001"),
        ("DELETE FROM pgveil_keys.scope", "23001"),
        ("DELETE FROM pgveil_keys.keystore", "23001"),
        ("DELETE FROM pgveil_keys.registration", "23001"),
        ("DELETE FROM pgveil_keys.epoch", "23001"),
        ("TRUNCATE pgveil_keys.dek CASCADE", "23001"),
        ("TRUNCATE pgveil_keys.scope CASCADE", "23001"),
        ("TRUNCATE pgveil_keys.registration", "23001"),
        ("TRUNCATE pgveil_keys.epoch", "23001"),
        ("UPDATE pgveil_keys.epoch SET n = n - 1", "23001"),
        ("UPDATE pgveil_keys.dek SET id = id % 4294967295 + 1", "23001"),
        ("UPDATE pgveil_keys.dek SET kcv = 'x'", "23001"),
        ("UPDATE pgveil_keys.dek SET wrapped = NULL", "23514"),
        ("UPDATE pgveil_keys.dek SET max_uses = max_uses + 1", "23001"),
        ("UPDATE pgveil_keys.dek SET activated_at = now()", "23001"),
        ("UPDATE pgveil_keys.dek SET made_on = 'elsewhere'", "23001"),
        ("UPDATE pgveil_keys.kek SET key_ref = 'x'", "23001"),
        ("UPDATE pgveil_keys.kek SET state = 'deprecated'; UPDATE pgveil_keys.kek SET state = 'retired'", "23001"),
        ("UPDATE pgveil_keys.dek_usage SET leased = leased - 1", "23001"),
        ("UPDATE pgveil_keys.dek_usage SET leased = 4294967297", "23001"),
        ("UPDATE pgveil_keys.dek_usage SET dek_id = 1", "23001"),
        ("DELETE FROM pgveil_keys.dek_usage", "23001"),
        ("TRUNCATE pgveil_keys.dek_usage", "23001"),
        ("UPDATE pgveil_keys.audit SET actor = 'nobody'", "23001"),
        ("DELETE FROM pgveil_keys.audit", "23001"),
        ("TRUNCATE pgveil_keys.audit", "23001"),
        ("UPDATE pgveil_keys.epoch SET generation = -1", "23001"),
        ("INSERT INTO pgveil_keys.epoch (one, n) VALUES (false, 1)", "23514"),
    ] {
        assert_eq!(sqlstate(&room.sql(sql).await.unwrap_err()), expected, "{sql}");
    }
    room.keyring().await.unwrap();
}

#[tokio::test]
async fn every_altered_field_is_noticed_and_its_row_named() {
    let room = Room::furnished().await;
    room.register(&[registration("ssn", 4_000_000_000, 1), registration("name", 4_000_000_000, 2)]).await.unwrap();
    let keyring = room.keyring().await.unwrap();
    for (sql, row) in [
        ("UPDATE pgveil_keys.keystore SET id = repeat('0', 32)", "index_root"),
        ("UPDATE pgveil_keys.keystore SET made_in = 'elsewhere'", "keystore"),
        ("UPDATE pgveil_keys.keystore SET made_at = made_at + interval '1 microsecond'", "keystore"),
        ("UPDATE pgveil_keys.scope SET path = 'p'", "scope"),
        ("UPDATE pgveil_keys.kek SET canary = 'x'", "kek 0x"),
        ("UPDATE pgveil_keys.kek SET provider_version = '1'", "kek 0x"),
        ("UPDATE pgveil_keys.kek SET state = 'deprecated'", "kek 0x"),
        ("UPDATE pgveil_keys.index_root SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)", "index_root"),
        ("UPDATE pgveil_keys.index_root SET kcv = 'x'", "index_root"),
        ("UPDATE pgveil_keys.index_root SET version = 2", "index_root 0x"),
        ("UPDATE pgveil_keys.index_root SET state = 'deprecated'", "index_root"),
        ("UPDATE pgveil_keys.dek SET state = 'deprecated'", "dek 0x"),
        ("UPDATE pgveil_keys.dek SET state = 'nonsense'", "dek 0x"),
        ("UPDATE pgveil_keys.dek SET max_uses = 7", "dek 0x"),
        ("UPDATE pgveil_keys.dek SET expires_at = now()", "dek 0x"),
        ("UPDATE pgveil_keys.dek SET created_at = created_at + interval '1 microsecond'", "dek 0x"),
        ("UPDATE pgveil_keys.dek SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)", "dek 0x"),
        ("UPDATE pgveil_keys.dek SET mac = set_byte(mac, 0, get_byte(mac, 0) # 1)", "dek 0x"),
        ("UPDATE pgveil_keys.dek SET mac = ''", "dek 0x"),
        ("UPDATE pgveil_keys.dek SET id = id % 4294967295 + 1", "dek 0x"),
        ("UPDATE pgveil_keys.dek d SET wrapped = r.wrapped, kcv = r.kcv FROM pgveil_keys.index_root r", "dek 0x"),
        ("UPDATE pgveil_keys.registration SET table_oid = 16384", "registration public.people."),
        ("UPDATE pgveil_keys.registration SET attnum = 3 WHERE column_name = 'ssn'", "registration public.people.ssn"),
        (
            "UPDATE pgveil_keys.registration SET column_name = 'email' WHERE attnum = 2",
            "registration public.people.email",
        ),
        ("UPDATE pgveil_keys.registration SET registered_at = now()", "registration public.people."),
        (
            "INSERT INTO pgveil_keys.registration VALUES ('public', 'orders', 'note', 16384, 1, now(), 'x')",
            "registration public.orders.note",
        ),
        // Rows that are genuine each, but not all of them, or not at this epoch.
        ("DELETE FROM pgveil_keys.dek", "epoch"),
        ("DELETE FROM pgveil_keys.registration", "epoch"),
        ("UPDATE pgveil_keys.epoch SET n = n + 1", "epoch"),
        ("UPDATE pgveil_keys.epoch SET mac = NULL", "epoch"),
        ("DELETE FROM pgveil_keys.epoch", "epoch"),
        ("DELETE FROM pgveil_keys.keystore", "keystore"),
    ] {
        let client = &room.client;
        client
            .batch_execute(
                "CREATE TABLE backup_keystore AS TABLE pgveil_keys.keystore; \
                 CREATE TABLE backup_scope AS TABLE pgveil_keys.scope; \
                 CREATE TABLE backup_kek AS TABLE pgveil_keys.kek; \
                 CREATE TABLE backup_index_root AS TABLE pgveil_keys.index_root; \
                 CREATE TABLE backup_dek AS TABLE pgveil_keys.dek; \
                 CREATE TABLE backup_registration AS TABLE pgveil_keys.registration; \
                 CREATE TABLE backup_epoch AS TABLE pgveil_keys.epoch",
            )
            .await
            .unwrap();
        room.attack("ALTER TABLE pgveil_keys.dek DROP CONSTRAINT IF EXISTS dek_state_check").await;
        room.attack(sql).await;
        tampered(room.keyring().await, row);
        tampered(room.bootstrap().await, row);
        tampered(room.register(&[]).await, row);
        assert!(keyring.refresh(client).await.is_err(), "{sql}");
        // And it is the change that was noticed, not something else.
        for table in ["keystore", "scope", "kek", "index_root", "dek", "registration", "epoch"] {
            let restore = format!(
                "DELETE FROM pgveil_keys.{table}; INSERT INTO pgveil_keys.{table} TABLE backup_{table}; \
                 DROP TABLE backup_{table}"
            );
            room.attack(&restore).await;
        }
        room.keyring().await.unwrap();
        keyring.refresh(client).await.unwrap();
    }
}

#[tokio::test]
async fn a_foreign_keystore_under_the_same_kek_does_not_take_the_place_of_the_real_one() {
    let mine = Room::furnished().await;
    let other = Room::empty().await;
    keystore::install(&other.client).await.unwrap();
    apply(&other.client, &other.database, &mine.kms).await.unwrap();
    let keyring = mine.keyring().await.unwrap();
    // One key of the other keystore.
    let row = other.client.query_one("SELECT wrapped, kcv, mac FROM pgveil_keys.dek", &[]).await.unwrap();
    let (wrapped, kcv, mac): (Vec<u8>, Vec<u8>, Vec<u8>) = (row.get(0), row.get(1), row.get(2));
    mine.sql("BEGIN; SET LOCAL session_replication_role = replica").await.unwrap();
    let sql = "UPDATE pgveil_keys.dek SET wrapped = $1, kcv = $2, mac = $3";
    mine.client.execute(sql, &[&wrapped, &kcv, &mac]).await.unwrap();
    mine.sql("COMMIT; RESET session_replication_role").await.unwrap();
    tampered(mine.keyring().await, "dek 0x");
    tampered(keyring.refresh(&mine.client).await, "dek 0x");
    // All of it. It is genuine in itself, so only who has seen the real one can tell.
    let replaced = keyring.refresh(&other.client).await.unwrap_err();
    assert!(matches!(&replaced, KeyError::OtherKeystore { opened, found } if opened != found), "{replaced}");
    assert_eq!((replaced.code(), replaced.sqlstate()), ("keys/other-keystore", "XX001"));
}

#[tokio::test]
async fn a_keystore_that_went_back_in_time_is_noticed() {
    let room = Room::furnished().await;
    let keyring = room.keyring().await.unwrap();
    let seen = keyring.epoch();
    assert!(seen > 0);
    keyring.refresh(&room.client).await.unwrap();
    room.attack("UPDATE pgveil_keys.epoch SET n = n - 1").await;
    match keyring.refresh(&room.client).await {
        Err(error @ KeyError::WentBack { .. }) => {
            assert_eq!((error.code(), error.sqlstate()), ("keys/went-back", "XX001"));
            assert!(error.to_string().contains(&format!("epoch {seen} to epoch {}", seen - 1)), "{error}");
        }
        other => panic!("{other:?}"),
    }
    // What was known before goes on being served.
    let keys = keyring.column(&column(Mode::Randomized));
    assert_eq!(open(&keys, &seal(&keys, "x")).await.unwrap(), "x");
}

#[tokio::test]
async fn every_change_of_keys_is_announced_with_its_epoch() {
    let room = Room::furnished().await;
    let string = format!("host=127.0.0.1 port={} user=postgres dbname={}", cluster().port(), room.database);
    let (listener, mut connection) = tokio_postgres::connect(&string, NoTls).await.unwrap();
    let (sender, mut notifications) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message {
                sender.send(notification).unwrap();
            }
        }
    });
    listener.batch_execute("LISTEN pgveil_keys").await.unwrap();
    let before = room.keyring().await.unwrap().epoch();
    room.sql("UPDATE pgveil_keys.dek SET state = 'deprecated'").await.unwrap();
    let notification = notifications.recv().await.unwrap();
    assert_eq!(notification.channel(), "pgveil_keys");
    assert_eq!(notification.payload(), (before + 1).to_string());
    // A statement that is undone is not announced and does not count.
    room.sql("BEGIN; UPDATE pgveil_keys.dek SET state = 'retired', retired_at = now(); ROLLBACK").await.unwrap();
    let row = room.client.query_one("SELECT n FROM pgveil_keys.epoch", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), before + 1);
}

#[tokio::test]
async fn what_is_registered_is_replaced_and_seen_by_running_processes() {
    let room = Room::furnished().await;
    let keyring = room.keyring().await.unwrap();
    assert!(keyring.registrations().is_empty());
    let before = keyring.epoch();
    room.register(&[registration("ssn", 4_000_000_000, 1), registration("Ä", 4_000_000_000, 2)]).await.unwrap();
    let after = keystore::epoch(&room.client).await.unwrap();
    assert!(after > before);
    keyring.refresh(&room.client).await.unwrap();
    assert_eq!(keyring.epoch(), after);
    room.register(&[registration("ssn", 5, 7)]).await.unwrap();
    keyring.refresh(&room.client).await.unwrap();
    let now = [registration("ssn", 5, 7), registration("Ä", 4_000_000_000, 2)];
    assert_eq!(*keyring.registrations(), now);
    assert_eq!(*room.keyring().await.unwrap().registrations(), now);
    let name = |column: &str| ("public".to_owned(), "people".to_owned(), column.to_owned());
    assert_eq!(keyring.registered(), [(name("ssn"), (5, 7)), (name("Ä"), (4_000_000_000, 2))].into());
    // Nothing to register into.
    let empty = Room::empty().await;
    assert_eq!(empty.register(&now).await.unwrap_err().code(), "keys/no-keystore");
    keystore::install(&empty.client).await.unwrap();
    assert_eq!(empty.register(&now).await.unwrap_err().code(), "keys/no-keystore");
}

#[tokio::test]
async fn an_earlier_registration_cannot_be_put_back() {
    let room = Room::furnished().await;
    room.register(&[registration("ssn", 1, 1)]).await.unwrap();
    room.sql("CREATE TABLE earlier AS TABLE pgveil_keys.registration").await.unwrap();
    room.register(&[registration("ssn", 2, 1)]).await.unwrap();
    room.attack("DELETE FROM pgveil_keys.registration; INSERT INTO pgveil_keys.registration TABLE earlier").await;
    tampered(room.keyring().await, "epoch");
}

#[tokio::test]
async fn nobody_else_sees_anything_and_a_granted_service_role_only_reads() {
    let room = Room::furnished().await;
    let (nobody, service) = (format!("nobody_{}", room.database), format!("Service \"{}\"", room.database));
    room.sql(&format!("CREATE ROLE {nobody} LOGIN")).await.unwrap();
    room.sql(&format!("CREATE ROLE \"{}\" LOGIN", service.replace('"', "\"\""))).await.unwrap();
    for statement in keystore::grant_sql(&service) {
        room.sql(&statement).await.unwrap();
    }
    let tables =
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'pgveil_keys'::regnamespace AND relkind = 'r'";
    let tables: Vec<String> = room.client.query(tables, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(tables.len() >= 10, "{tables:?}");

    let nobody = connect_as(&nobody, &room.database).await;
    for table in &tables {
        let error = nobody.query(&format!("SELECT * FROM pgveil_keys.{table}"), &[]).await.unwrap_err();
        assert_eq!(sqlstate(&error), "42501", "{table}");
    }
    assert!(keystore::exists(&nobody).await.unwrap());
    let error = open_keyring(&nobody, &room.database, room.kms.clone()).await.err().unwrap();
    assert_eq!((error.code(), error.sqlstate()), ("keys/no-access", "42501"), "{error}");
    assert!(error.hint().unwrap().contains("pgveil apply"));
    let error = apply(&nobody, &room.database, &room.kms).await.unwrap_err();
    assert_eq!(error.code(), "keys/no-access");
    // Not even if somebody lets them into the schema.
    let name = format!("nobody_{}", room.database);
    room.sql(&format!("GRANT USAGE ON SCHEMA pgveil_keys TO {name}")).await.unwrap();
    let grants = "SELECT count(*) FROM pg_class c WHERE relnamespace = 'pgveil_keys'::regnamespace AND relkind = 'r' \
                  AND has_table_privilege(c.oid, 'SELECT')";
    assert_eq!(nobody.query_one(grants, &[]).await.unwrap().get::<_, i64>(0), 0);
    let functions = "SELECT count(*) FROM pg_proc p WHERE pronamespace = 'pgveil_keys'::regnamespace \
                     AND has_function_privilege(p.oid, 'EXECUTE')";
    assert_eq!(nobody.query_one(functions, &[]).await.unwrap().get::<_, i64>(0), 0);

    let string = format!("host=127.0.0.1 port={} dbname={}", cluster().port(), room.database);
    let mut config: tokio_postgres::Config = string.parse().unwrap();
    let (service, connection) = config.user(&service).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let keyring = open_keyring(&service, &room.database, room.kms.clone()).await.unwrap();
    keyring.refresh(&service).await.unwrap();
    keystore::remember_identities(&service, &["public.people.ssn", "public.people.name"]).await.unwrap();
    keystore::remember_identities(&service, &["public.people.ssn"]).await.unwrap();
    assert_eq!(keystore::identities(&service).await.unwrap(), ["public.people.name", "public.people.ssn"]);
    // To say what is protected is the owner's.
    let register = keystore::register(&room.access_by(&service), &[registration("ssn", 1, 1)]).await;
    assert_eq!(register.unwrap_err().code(), "keys/no-access");
    // Reports of proxies come and go, and so do sweeps.
    let its_own = |table: &str| ["proxy", "kek_status"].contains(&table) || table.starts_with("sweep_");
    for table in tables.iter().filter(|table| !its_own(table)) {
        let error = service.batch_execute(&format!("DELETE FROM pgveil_keys.{table}")).await.unwrap_err();
        assert_eq!(sqlstate(&error), "42501", "{table}");
    }
}

#[tokio::test]
async fn it_installs_without_superuser() {
    let ways = [
        "ALTER DATABASE {db} OWNER TO {role}",
        "GRANT CREATE ON DATABASE {db} TO {role}",
        "CREATE SCHEMA pgveil_keys; GRANT USAGE, CREATE ON SCHEMA pgveil_keys TO {role}",
    ];
    for way in ways {
        let room = Room::empty().await;
        let role = format!("owner_{}", room.database);
        room.sql(&format!("CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEROLE")).await.unwrap();
        room.sql(&way.replace("{db}", &room.database).replace("{role}", &role)).await.unwrap();
        let client = connect_as(&role, &room.database).await;
        assert!(keystore::install(&client).await.unwrap());
        let made = apply(&client, &room.database, &room.kms).await.unwrap();
        assert!(made.created);
        open_keyring(&client, &room.database, room.kms.clone()).await.unwrap();
        assert_eq!(sqlstate(&client.batch_execute("DELETE FROM pgveil_keys.dek").await.unwrap_err()), "23001");
    }
}

#[tokio::test]
async fn objects_of_others_on_the_search_path_are_not_called() {
    let room = Room::empty().await;
    // `=` of two texts is always false, and now() fails.
    room.sql(
        "CREATE SCHEMA evil; \
         CREATE FUNCTION evil.no(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false'; \
         CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.no); \
         CREATE FUNCTION evil.no(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 1'; \
         CREATE OPERATOR evil.<> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.no); \
         CREATE FUNCTION evil.no(numeric, integer) RETURNS numeric LANGUAGE sql AS 'SELECT 1 / 0.0'; \
         CREATE OPERATOR evil.* (LEFTARG = numeric, RIGHTARG = integer, FUNCTION = evil.no)",
    )
    .await
    .unwrap();
    room.sql(&format!("ALTER DATABASE {} SET search_path = evil, pg_catalog", room.database)).await.unwrap();
    let client = connect_as("postgres", &room.database).await;
    assert!(!keystore::exists(&client).await.unwrap());
    keystore::install(&client).await.unwrap();
    assert!(keystore::exists(&client).await.unwrap());
    assert!(apply(&client, &room.database, &room.kms).await.unwrap().created);
    open_keyring(&client, &room.database, room.kms.clone()).await.unwrap();
    client.batch_execute("UPDATE pgveil_keys.dek SET state = 'deprecated'").await.unwrap();
}

#[tokio::test]
async fn another_or_lost_keyring_is_told_from_tampering() {
    let room = Room::furnished().await;
    let other = tempfile::tempdir().unwrap();
    let lost = local_kms(other.path().join("keyring.json")).await;
    let error = open_keyring(&room.client, &room.database, lost).await.err().unwrap();
    assert_eq!(error.code(), "keys/kms-not-found");
    assert!(error.to_string().contains("does not exist"), "{error}");

    let foreign = Room::furnished().await;
    match open_keyring(&room.client, &room.database, foreign.kms.clone()).await {
        Err(KeyError::Kms(error)) => {
            assert_eq!(error.kind, KmsErrorKind::NotFound);
            assert!(error.message.contains("has no key 0x"), "{error}");
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened with a foreign keyring"),
    }
    // Applying with the wrong keyring must not make new keys either.
    let error = apply(&room.client, &room.database, &foreign.kms).await.unwrap_err();
    assert_eq!(error.code(), "keys/kms-not-found");
    room.keyring().await.unwrap();
}

#[tokio::test]
async fn a_newer_keystore_is_left_alone() {
    let room = Room::furnished().await;
    room.sql("UPDATE pgveil_keys.version SET version = version + 1").await.unwrap();
    for error in [
        room.keyring().await.err().unwrap(),
        room.bootstrap().await.unwrap_err(),
        keystore::install(&room.client).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), "keys/schema-version");
        assert_eq!(error.hint().unwrap(), "Upgrade this pgveil.");
    }
}

#[tokio::test]
async fn values_open_after_a_restore_into_the_same_or_another_database() {
    let room = Room::furnished().await;
    let keys = room.keyring().await.unwrap().column(&column(Mode::Equality));
    let (sealed, token) = (seal(&keys, "123-45-6789"), keys.token(b"123-45-6789").unwrap().unwrap());
    let before = room.bootstrap().await.unwrap();
    let dump = room.folder.path().join("dump.sql");
    program("pg_dump", &room.database, &["-f", dump.to_str().unwrap()]);

    let other = new_database().await;
    let Room { database: same, client, kms, .. } = room;
    drop(client);
    let admin = connect_as("postgres", "postgres").await;
    admin.batch_execute(&format!("DROP DATABASE {same} WITH (FORCE)")).await.unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {same}")).await.unwrap();
    for database in [same, other] {
        program("psql", &database, &["-q", "-v", "ON_ERROR_STOP=1", "-f", dump.to_str().unwrap()]);
        let client = connect_as("postgres", &database).await;
        let keyring = open_keyring(&client, &database, kms.clone()).await.unwrap();
        let keys = keyring.column(&column(Mode::Equality));
        assert_eq!(open(&keys, &sealed).await.unwrap(), "123-45-6789");
        assert_eq!(keys.token(b"123-45-6789").unwrap().unwrap(), token);
        assert!(!keystore::install(&client).await.unwrap());
        assert_eq!(apply(&client, &database, &kms).await.unwrap(), before);
        // The guards came along.
        assert_eq!(sqlstate(&client.batch_execute("DELETE FROM pgveil_keys.dek").await.unwrap_err()), "23001");
    }
}
