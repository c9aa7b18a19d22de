//! A proxy whose login does not own the keystore can do all that a proxy does, and nothing else.

use pgveil::{
    config::Mode,
    keys::{
        KeyState,
        keystore::{self, AuditRow, ProxyRow},
        minder,
    },
};
use tokio_postgres::{Client, NoTls};

use crate::room::{Room, cluster, column, connect_as, open, registration, seal, sqlstate};

/// A room with a keystore of its owner, and a login with what `apply` grants.
async fn granted() -> (Room, Client, String) {
    let room = Room::furnished().await;
    let role = format!("Service \"{}\"", room.database);
    assert_eq!(keystore::missing_grants(&room.client, &role).await.unwrap(), keystore::grant_sql(&role));
    room.sql(&format!("CREATE ROLE \"{}\" LOGIN", role.replace('"', "\"\""))).await.unwrap();
    assert_eq!(keystore::missing_grants(&room.client, &role).await.unwrap(), keystore::grant_sql(&role));
    for statement in keystore::grant_sql(&role) {
        room.sql(&statement).await.unwrap();
    }
    assert!(keystore::missing_grants(&room.client, &role).await.unwrap().is_empty());
    let string = format!("host=127.0.0.1 port={} dbname={}", cluster().port(), room.database);
    let mut config: tokio_postgres::Config = string.parse().unwrap();
    let (client, connection) = config.user(&role).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    (room, client, role)
}

#[tokio::test]
async fn a_granted_proxy_rotates_leases_reports_and_reads() {
    let (room, client, role) = granted().await;
    let access = room.access_by(&client);
    let keyring = room.keyring().await.unwrap();
    let keys = keyring.column(&column(Mode::Equality));
    let sealed = seal(&keys, "before");
    let before = room.primary().await;
    let lease = keystore::lease(&access, before, 10, 0).await.unwrap();
    assert_eq!(lease.to - lease.from, 10);
    let staged = keystore::stage_dek(&access, &room.keys).await.unwrap();
    keystore::promote_dek(&access, staged.id, Some(before), room.keys.dek_epoch).await.unwrap();
    assert_eq!(keystore::lease(&access, staged.id, 5, 0).await.unwrap().to, 5);
    let row = ProxyRow { id: "p1".into(), host: "h".into(), pid: 7, version: "1".into(), ..ProxyRow::default() };
    keystore::heartbeat(&client, &row).await.unwrap();
    let seen = ProxyRow { prefetched_epoch: 5, seen_epoch: 4, problem: Some("keys/kms-denied".into()), ..row };
    keystore::heartbeat(&client, &seen).await.unwrap();
    let proxies = keystore::proxies(&client).await.unwrap();
    assert_eq!((proxies.len(), &proxies[0].row, proxies[0].address.as_deref()), (1, &seen, Some("127.0.0.1")));
    assert!(proxies[0].silent.as_secs() < 20);
    keystore::forget_proxy(&client, "p1").await.unwrap();
    assert!(keystore::proxies(&client).await.unwrap().is_empty());
    let kek = room.inventory().await.unwrap().keks[0].id;
    keystore::report_kek(&client, kek, None, "p1").await.unwrap();
    keystore::report_kek(&client, kek, Some("denied"), "p1").await.unwrap();
    keystore::record(&client, "p1", &AuditRow { operation: "kek.revoked", kek: Some(kek), ..AuditRow::default() })
        .await
        .unwrap();
    let inventory = keystore::inventory(&access).await.unwrap();
    assert_eq!(inventory.keks[0].revoked.as_deref(), Some("denied"));
    assert!(inventory.keks[0].verified_at.is_some(), "the last good time is kept");
    let new = inventory.deks.iter().find(|dek| dek.id == staged.id).unwrap();
    assert_eq!((new.state, new.uses), (KeyState::Primary, Some(5)));
    let audited =
        "SELECT count(*) FROM pgveil_keys.audit WHERE db_role = $1 AND operation IN ('dek.promote', 'kek.revoked')";
    assert_eq!(room.client.query_one(audited, &[&role]).await.unwrap().get::<_, i64>(0), 2);
    keyring.refresh(&client).await.unwrap();
    assert_eq!(open(&keyring.column(&column(Mode::Equality)), &sealed).await.unwrap(), "before");
    // The owner believes what it has written.
    room.inventory().await.unwrap();
}

#[tokio::test]
async fn who_comes_forgets_those_that_were_killed_the_day_before() {
    let (room, client, _) = granted().await;
    for (id, age) in [("old", "25 h"), ("dead", "23 h")] {
        let row = ProxyRow { id: id.into(), host: "h".into(), pid: 7, version: "1".into(), ..ProxyRow::default() };
        keystore::heartbeat(&client, &row).await.unwrap();
        let sql = format!("UPDATE pgveil_keys.proxy SET heartbeat = heartbeat - interval '{age}' WHERE id = '{id}'");
        room.sql(&sql).await.unwrap();
    }
    let row = minder::announce(&client).await.unwrap();
    let there: Vec<_> = keystore::proxies(&client).await.unwrap().into_iter().map(|proxy| proxy.row.id).collect();
    assert_eq!(there, [row.id.as_str(), "dead"]);
}

#[tokio::test]
async fn a_granted_proxy_changes_nothing_else() {
    let (room, client, role) = granted().await;
    let access = room.access_by(&client);
    keystore::stage_dek(&access, &room.keys).await.unwrap();
    let before = room.inventory().await.unwrap();
    let forbidden = [
        keystore::accept_restore(&access, &room.keys).await.map(|_| ()),
        keystore::register(&access, &[registration("ssn", 1, 1)]).await,
    ];
    for outcome in &forbidden {
        assert_eq!(outcome.as_ref().unwrap_err().code(), "keys/no-access", "{outcome:?}");
    }
    // What it has no rights for, and what triggers refuse where it has.
    for sql in [
        "UPDATE pgveil_keys.dek SET state = 'retired', retired_at = now() WHERE state = 'staged'",
        "UPDATE pgveil_keys.dek SET state = 'destroyed' WHERE state = 'staged'",
        "UPDATE pgveil_keys.dek SET retired_at = now()",
        "UPDATE pgveil_keys.dek SET destroyed_at = now()",
        "UPDATE pgveil_keys.dek SET mac = 'x'",
        "UPDATE pgveil_keys.dek SET expires_at = now()",
        "UPDATE pgveil_keys.dek SET wrapped = 'x'",
        "UPDATE pgveil_keys.dek SET kek_id = kek_id",
        "UPDATE pgveil_keys.dek SET max_uses = 1",
        "INSERT INTO pgveil_keys.dek (id, scope_id, kek_id, state, wrapped, wrap_alg, kcv, max_uses, created_at, mac) \
         SELECT 1, 0, id, 'deprecated', 'w', 'x', 'x', 1, now(), 'x' FROM pgveil_keys.kek",
        "INSERT INTO pgveil_keys.dek (id, scope_id, kek_id, state, wrapped, wrap_alg, kcv, max_uses, created_at, mac) \
         SELECT 1, 0, id, 'primary', 'w', 'x', 'x', 1, now(), 'x' FROM pgveil_keys.kek",
        "UPDATE pgveil_keys.kek SET state = 'deprecated'",
        "UPDATE pgveil_keys.kek SET mac = 'x'",
        "INSERT INTO pgveil_keys.kek SELECT * FROM pgveil_keys.kek WHERE false",
        "UPDATE pgveil_keys.index_root SET state = 'deprecated'",
        "UPDATE pgveil_keys.scope SET path = 'x'",
        "UPDATE pgveil_keys.keystore SET made_in = 'x'",
        "UPDATE pgveil_keys.registration SET attnum = 9",
        "UPDATE pgveil_keys.version SET version = 9",
        "INSERT INTO pgveil_keys.transition VALUES ('dek', 'deprecated', 'primary')",
        "UPDATE pgveil_keys.dek_usage SET dek_id = 1",
        "UPDATE pgveil_keys.epoch SET generation = 1",
        "UPDATE pgveil_keys.audit SET actor = 'x'",
        "DELETE FROM pgveil_keys.dek",
        "DELETE FROM pgveil_keys.dek_usage",
        "DELETE FROM pgveil_keys.audit",
        "DELETE FROM pgveil_keys.epoch",
        "TRUNCATE pgveil_keys.audit",
        "TRUNCATE pgveil_keys.proxy",
        "TRUNCATE pgveil_keys.dek CASCADE",
        "ALTER TABLE pgveil_keys.dek DISABLE TRIGGER ALL",
        "DROP SCHEMA pgveil_keys CASCADE",
        "CREATE TABLE pgveil_keys.x ()",
        "SET session_replication_role = replica",
    ] {
        let error = client.batch_execute(sql).await.unwrap_err();
        assert_eq!(sqlstate(&error), "42501", "{sql}: {error:?}");
    }
    // More rights than apply grants do not help.
    room.sql(&format!("GRANT ALL ON ALL TABLES IN SCHEMA pgveil_keys TO \"{}\"", role.replace('"', "\"\"")))
        .await
        .unwrap();
    for sql in [
        "UPDATE pgveil_keys.kek SET state = 'deprecated'",
        "UPDATE pgveil_keys.index_root SET state = 'deprecated'",
        "UPDATE pgveil_keys.registration SET attnum = 9",
        "UPDATE pgveil_keys.keystore SET made_in = 'x'",
        "UPDATE pgveil_keys.scope SET path = 'x'",
        "UPDATE pgveil_keys.dek SET wrapped = 'x'",
        "UPDATE pgveil_keys.epoch SET generation = 1",
    ] {
        let error = client.batch_execute(sql).await.unwrap_err();
        assert_eq!(sqlstate(&error), "42501", "{sql}: {error:?}");
    }
    for sql in [
        "UPDATE pgveil_keys.dek_usage SET leased = leased - 1",
        "UPDATE pgveil_keys.epoch SET n = n - 1",
        "UPDATE pgveil_keys.audit SET actor = 'x'",
        "DELETE FROM pgveil_keys.dek",
    ] {
        assert_eq!(sqlstate(&client.batch_execute(sql).await.unwrap_err()), "23001", "{sql}");
    }
    let after = room.inventory().await.unwrap();
    assert_eq!(after.position, before.position);
}

#[tokio::test]
async fn rights_that_are_missing_are_named_one_by_one() {
    let (room, client, role) = granted().await;
    let quoted = format!("\"{}\"", role.replace('"', "\"\""));
    for (revoke, lost) in [
        (format!("REVOKE UPDATE (expires_at) ON pgveil_keys.dek FROM {quoted}"), "UPDATE (state, activated_at"),
        (format!("REVOKE UPDATE (retired_at) ON pgveil_keys.dek FROM {quoted}"), "retired_at, mac) ON pgveil_keys.dek"),
        (format!("REVOKE DELETE ON pgveil_keys.sweep_count FROM {quoted}"), "pgveil_keys.sweep_job"),
        (format!("REVOKE DELETE ON pgveil_keys.proxy FROM {quoted}"), "INSERT, UPDATE, DELETE ON"),
        (format!("REVOKE SELECT ON pgveil_keys.audit FROM {quoted}"), "SELECT ON ALL TABLES"),
    ] {
        room.sql(&revoke).await.unwrap();
        let missing = keystore::missing_grants(&room.client, &role).await.unwrap();
        assert!(missing.len() == 1 && missing[0].contains(lost), "{missing:?}");
        room.sql(&missing[0]).await.unwrap();
        assert!(keystore::missing_grants(&client, &role).await.unwrap().is_empty());
    }
    // Who owns it needs no grants.
    assert!(keystore::missing_grants(&room.client, "postgres").await.unwrap().is_empty());
    // Somebody else gets nowhere.
    let stranger = format!("stranger_{}", room.database);
    room.sql(&format!("CREATE ROLE {stranger} LOGIN")).await.unwrap();
    let client = connect_as(&stranger, &room.database).await;
    let error = keystore::stage_dek(&room.access_by(&client), &room.keys).await.unwrap_err();
    assert_eq!(error.code(), "keys/no-access");
}
