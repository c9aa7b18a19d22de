//! Against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{path::Path, sync::OnceLock};

use tokio_postgres::NoTls;

use super::*;
use crate::{
    cli::demo::cluster::{Cluster, ClusterAuth, ClusterOptions},
    config::{self, Policy},
};

/// Ended by its watchdog when the process ends.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        Cluster::start(&ClusterOptions { auth: ClusterAuth::Scram, settings: vec![] }).expect("a private server")
    })
}

async fn admin() -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&cluster().conn_string("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn policy(user: &str, password: &str) -> Policy {
    let text = format!(
        "upstream: {{ hosts: \"127.0.0.1:{}\" }}\nservice: {{ user: {user}, password: {password} }}\n\
         databases: {{ postgres: {{ tables: {{ t: {{ columns: {{ c: {{ type: text }} }} }} }} }} }}\n",
        cluster().port()
    );
    match config::load_from(Path::new("policy.yaml"), text.as_bytes(), [], &crate::kms::declarations()) {
        Ok(loaded) => loaded.policy,
        Err(findings) => panic!("{findings:?}"),
    }
}

fn query(sql: &str) -> Query {
    query_of(&policy("postgres", "postgres"), sql)
}

fn query_of(policy: &Policy, sql: &str) -> Query {
    Query::new(policy, &Upstream::new(policy).unwrap(), sql, "postgres").unwrap()
}

fn verifiers(sql: &str) -> Verifiers {
    Verifiers::Query(Box::new(query(sql)))
}

async fn matches(verifiers: &Verifiers, role: &str, password: &str) -> Option<bool> {
    let found = verifiers.find(role.as_bytes()).await.unwrap();
    found.map(|verifier| verifier.matches_password(password.as_bytes()))
}

#[tokio::test]
async fn a_role_is_found_and_a_changed_password_counts_at_once() {
    let admin = admin().await;
    admin.batch_execute("CREATE ROLE \"An\"\"n ü\" LOGIN PASSWORD 'one'").await.unwrap();
    let verifiers = verifiers(config::AUTH_QUERY);
    assert_eq!(matches(&verifiers, "An\"n ü", "one").await, Some(true));
    assert_eq!(matches(&verifiers, "An\"n ü", "two").await, Some(false));
    admin.batch_execute("ALTER ROLE \"An\"\"n ü\" PASSWORD 'two'").await.unwrap();
    assert_eq!(matches(&verifiers, "An\"n ü", "two").await, Some(true));
    assert_eq!(matches(&verifiers, "An\"n ü", "one").await, Some(false));
}

#[tokio::test]
async fn roles_that_cannot_log_in_are_nobody() {
    let admin = admin().await;
    admin
        .batch_execute(
            "CREATE ROLE none_nologin PASSWORD 'x';
             CREATE ROLE none_null LOGIN;
             CREATE ROLE none_expired LOGIN PASSWORD 'x' VALID UNTIL '2020-01-01';
             CREATE ROLE none_never LOGIN PASSWORD 'x' VALID UNTIL '-infinity';
             CREATE ROLE some_future LOGIN PASSWORD 'x' VALID UNTIL '2920-01-01';
             CREATE ROLE some_infinity LOGIN PASSWORD 'x' VALID UNTIL 'infinity';
             SET password_encryption = md5;
             CREATE ROLE none_md5 LOGIN PASSWORD 'x';",
        )
        .await
        .unwrap();
    let as_text =
        "SELECT rolpassword::varchar, rolvaliduntil::text FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin";
    for verifiers in [verifiers(config::AUTH_QUERY), verifiers(as_text)] {
        for role in ["none_nologin", "none_null", "none_expired", "none_never", "none_md5", "nobody", ""] {
            assert_eq!(matches(&verifiers, role, "x").await, None, "{role}");
        }
        for role in ["some_future", "some_infinity"] {
            assert_eq!(matches(&verifiers, role, "x").await, Some(true), "{role}");
        }
        assert!(verifiers.find(b"\xff").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn long_names_are_cut_as_the_server_cuts_them() {
    let admin = admin().await;
    let name = "n".repeat(63);
    admin.batch_execute(&format!("CREATE ROLE {name} LOGIN PASSWORD 'x'")).await.unwrap();
    assert_eq!(matches(&verifiers(config::AUTH_QUERY), &"n".repeat(70), "x").await, Some(true));
}

#[tokio::test]
async fn a_function_of_ones_own_gives_verifiers_without_rights_on_pg_authid() {
    let admin = admin().await;
    admin
        .batch_execute(
            "CREATE ROLE svc LOGIN PASSWORD 'svc';
             CREATE ROLE of_function LOGIN PASSWORD 'x';
             CREATE FUNCTION public.verifier(role text) RETURNS text LANGUAGE sql SECURITY DEFINER
               SET search_path = pg_catalog AS 'SELECT rolpassword FROM pg_authid WHERE rolname = role';
             REVOKE ALL ON FUNCTION public.verifier FROM PUBLIC;
             GRANT EXECUTE ON FUNCTION public.verifier TO svc",
        )
        .await
        .unwrap();
    let policy = policy("svc", "svc");
    let own = query_of(&policy, "SELECT public.verifier($1) -- ours");
    let own = Verifiers::Query(Box::new(own));
    assert_eq!(matches(&own, "of_function", "x").await, Some(true));
    assert_eq!(matches(&own, "'; DROP ROLE of_function; --", "x").await, None);
    // Made anew while it is prepared.
    admin
        .batch_execute(
            "DROP FUNCTION public.verifier(text);
             CREATE FUNCTION public.verifier(role text) RETURNS text LANGUAGE sql SECURITY DEFINER
               SET search_path = pg_catalog AS 'SELECT rolpassword FROM pg_authid WHERE rolname = role'",
        )
        .await
        .unwrap();
    assert_eq!(matches(&own, "of_function", "x").await, Some(true));

    let denied = query_of(&policy, config::AUTH_QUERY);
    let error = denied.find(b"of_function").await.unwrap_err();
    assert!(error.to_string().contains("42501"), "{error}");
    let hint = error.hint("svc", "postgres").unwrap();
    assert!(hint.contains(
        "GRANT SELECT (rolname, rolpassword, rolvaliduntil, rolcanlogin) ON pg_catalog.pg_authid TO \"svc\""
    ));
    // With that and nothing else it works.
    let grant = "GRANT SELECT (rolname, rolpassword, rolvaliduntil, rolcanlogin) ON pg_catalog.pg_authid TO \"svc\"";
    admin.batch_execute(grant).await.unwrap();
    assert!(denied.find(b"of_function").await.unwrap().is_some());
}

#[tokio::test]
async fn a_lost_connection_is_made_again() {
    let admin = admin().await;
    admin.batch_execute("CREATE ROLE lost LOGIN PASSWORD 'x'").await.unwrap();
    let own = "SELECT rolpassword /* lost */ FROM pg_catalog.pg_authid WHERE rolname = $1";
    let verifiers = verifiers(own);
    for _ in 0..3 {
        assert_eq!(matches(&verifiers, "lost", "x").await, Some(true));
        let ended = admin
            .query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE '%/* lost */%' AND pid <> pg_backend_pid()", &[])
            .await
            .unwrap();
        assert_eq!(ended.len(), 1);
    }
}

#[tokio::test]
async fn queries_that_give_no_verifier_are_errors_that_say_so() {
    for (sql, says) in [
        ("SELECT 'x'::text FROM generate_series(1, 2) WHERE $1::text <> ''", "several rows"),
        ("SELECT 'x'::text", "one parameter"),
        ("SELECT $1::text, $2::text", "one parameter"),
        ("SELECT 'x'::text WHERE $1::int > 0", "one parameter"),
        ("SELECT 1 WHERE $1::text <> ''", "has to give a verifier"),
        ("SELECT $1::text, NULL::timestamptz, 3", "has to give a verifier"),
        ("SELECT $1::text, 3", "timestamptz"),
        ("SELECT $1::text, 'no time'::text", "22007"),
        ("SELECT * FROM nowhere WHERE $1::text <> ''", "42P01"),
    ] {
        let error = query(sql).find(b"ann").await.unwrap_err().to_string();
        assert!(error.contains(says), "{sql}: {error}");
    }
    let nowhere = query_of(&policy("postgres", "wrong"), config::AUTH_QUERY);
    let error = nowhere.find(b"ann").await.unwrap_err();
    assert!(error.to_string().contains("28P01"), "{error}");
}

#[tokio::test]
async fn many_look_ups_at_once_share_two_connections() {
    let admin = admin().await;
    admin.batch_execute("CREATE ROLE many LOGIN PASSWORD 'x'").await.unwrap();
    let own = "SELECT rolpassword /* many */ FROM pg_catalog.pg_authid WHERE rolname = $1";
    let verifiers = Arc::new(verifiers(own));
    let look_ups: Vec<_> = (0..200)
        .map(|_| {
            let verifiers = Arc::clone(&verifiers);
            tokio::spawn(async move { verifiers.find(b"many").await.unwrap().is_some() })
        })
        .collect();
    // Abandoned half-way: leaves everything in order.
    for look_up in look_ups.iter().skip(1).step_by(7) {
        look_up.abort();
    }
    for look_up in look_ups {
        assert!(look_up.await.unwrap_or(true));
    }
    let count: i64 = admin
        .query_one(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%/* many */%' AND pid <> pg_backend_pid()",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!((1..=2).contains(&count), "{count}");
    assert!(verifiers.find(b"many").await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_counts_as_it_was_read_last() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let write = |password: &str| {
        let verifier = format!("SCRAM-SHA-256$1:c2FsdA==${password}:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        std::fs::write(&file, format!("\"ann\" \"{verifier}\"\n\"{}\" \"{verifier}\"\n", "n".repeat(63))).unwrap();
    };
    write("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let policy = policy("postgres", "postgres");
    let source = config::Verifiers::File(file.path().to_owned());
    let verifiers = Verifiers::new(&policy, &Upstream::new(&policy).unwrap(), &source).unwrap();
    assert!(verifiers.find(b"ann").await.unwrap().is_some());
    assert!(verifiers.find("n".repeat(64).as_bytes()).await.unwrap().is_some());
    assert!(verifiers.find(b"bob").await.unwrap().is_none());
    std::fs::write(&file, "").unwrap();
    verifiers.refresh(false);
    assert!(verifiers.find(b"ann").await.unwrap().is_none());
    std::fs::write(&file, "\"ann\" \"secret\"\n").unwrap();
    verifiers.refresh(false);
    assert!(verifiers.find(b"ann").await.unwrap().is_none());
}

#[test]
fn the_same_complaint_is_made_once_in_a_while() {
    let complaints = Complaints::default();
    assert!(complaints.is_due("one".to_owned()) && complaints.is_due("two".to_owned()));
    assert!(!complaints.is_due("one".to_owned()));
}
