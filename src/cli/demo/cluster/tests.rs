#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::TcpStream;

use super::*;

#[test]
fn a_cluster_answers_and_leaves_nothing_behind() {
    let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    let (folder, port) = (cluster.dir().to_owned(), cluster.port());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    assert!(folder.join(format!(".s.PGSQL.{port}")).exists());
    cluster.stop().unwrap();
    assert!(!folder.exists());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let seen = std::sync::Mutex::new(None);
    let outcome = std::panic::catch_unwind(|| {
        let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
        *seen.lock().unwrap() = Some((cluster.dir().to_owned(), cluster.port()));
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(outcome.is_err());
    let (folder, port) = seen.lock().unwrap().take().unwrap();
    assert!(!folder.exists());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn the_watchdog_ends_an_orphaned_server() {
    let mut cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    let (folder, port) = (cluster.dir().to_owned(), cluster.port());
    // What the watchdog sees of our death: the end of its standard input.
    let mut watchdog = cluster.watchdog.take().unwrap();
    drop(watchdog.stdin.take());
    cluster.server.as_mut().unwrap().wait().unwrap();
    watchdog.wait().unwrap();
    assert!(!folder.exists());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[tokio::test]
async fn passwords_are_asked_for_under_scram_and_settings_arrive() {
    let options = ClusterOptions { auth: ClusterAuth::Scram, settings: vec!["work_mem = '5MB'".to_owned()] };
    let cluster = Cluster::start(&options).unwrap();
    let wrong = cluster.conn_string("postgres").replace("password=postgres", "password=wrong");
    assert!(tokio_postgres::connect(&wrong, tokio_postgres::NoTls).await.is_err());
    let (client, connection) =
        tokio_postgres::connect(&cluster.conn_string("postgres"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let row = client.query_one("SHOW work_mem", &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), "5MB");
}

#[test]
fn a_bad_setting_is_reported_with_the_servers_words() {
    let options = ClusterOptions { settings: vec!["no_such_setting = 1".to_owned()], ..ClusterOptions::default() };
    let error = Cluster::start(&options).unwrap_err().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
}

#[test]
fn accounts_are_read_from_the_password_file() {
    let account =
        Account::parse("postgres:x:104:112:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash", "postgres");
    assert_eq!(account.map(|a| (a.uid, a.gid)), Some((104, 112)));
    assert!(Account::parse("postgresql:x:1:1::/:", "postgres").is_none());
}
