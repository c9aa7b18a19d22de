//! A server that is harsh to pgveil's own connections: settings of its role, locks, crashes, another database of
//! the same name; and rotations that follow each other closely.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use pgveil::cli::demo::cluster::ClusterAuth;

use super::{
    house::{House, builder, wait_for},
    writers::{Writers, all_acknowledged_are_readable},
};
use crate::support::{both, conn_string, psql};

const SECOND: Duration = Duration::from_secs(1);

/// Somebody's transaction that takes a lock and keeps it until this is dropped.
struct Held<'a>(&'a House, Child);

impl<'a> Held<'a> {
    fn by(house: &'a House, sql: &str) -> Self {
        let child = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &house.superuser(), "-c"])
            .arg(format!("BEGIN; {sql}; SELECT pg_sleep(1000)"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let held = Self(house, child);
        wait_for(10, "the lock is held", || match held.count().as_str() {
            "1" => Ok(()),
            other => Err(other.to_owned()),
        });
        held
    }

    fn count(&self) -> String {
        self.0.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
        let _ = self.1.wait();
    }
}

#[test]
fn settings_of_the_service_role_do_not_get_in_its_way() {
    let house = House::new(0);
    for setting in [
        "default_transaction_isolation = 'serializable'",
        "default_transaction_read_only = on",
        "idle_in_transaction_session_timeout = '1ms'",
        "idle_session_timeout = '100ms'",
        "lock_timeout = '1ms'",
        "bytea_output = 'escape'",
        "datestyle = 'SQL, DMY'",
        "timezone = 'Asia/Kathmandu'",
        "standard_conforming_strings = off",
        "search_path = 'nowhere'",
        "client_encoding = 'LATIN1'",
    ] {
        house.sql(&format!("ALTER ROLE pgveil SET {setting}"));
    }
    let house = House { proxies: vec![house.world.replica("")], world: house.world };
    let writers = Writers::start(&house, 2, Duration::from_millis(20));
    writers.progress(20, 20 * SECOND);
    house.pgveil(&["keys", "rotate", "--yes"]);
    sleep(6 * SECOND);
    writers.progress(20, 20 * SECOND);
    let seen = writers.stop();
    assert_eq!(seen.failed, [].into(), "{:?}", seen.messages);
    all_acknowledged_are_readable(&house, 0, &seen);
}

#[test]
#[ignore = "takes a minute: make test-keys"]
fn a_keystore_that_is_locked_costs_writes_but_not_the_servers_connections() {
    let house = House::new(1);
    let backends =
        || house.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'pgveil'").parse::<u32>().unwrap();
    let writers = Writers::start(&house, 4, Duration::from_millis(20));
    writers.progress(20, 20 * SECOND);
    let (held, before) = (Held::by(&house, "LOCK TABLE pgveil_keys.epoch"), backends());
    let mut most = 0;
    for _ in 0..65 {
        sleep(SECOND);
        most = most.max(backends());
    }
    let refused = house.insert(0, 1).unwrap_err();
    refused.is("08006", "keys/");
    drop(held);
    let freed = Instant::now();
    writers.progress(50, 20 * SECOND);
    println!("{before} connections, {most} meanwhile; 50 rows {:?} after the lock was gone", freed.elapsed());
    // One that is given up may overlap with the next, of the two connections of a process.
    assert!(most <= before + 2, "{most} connections of pgveil at once");
    let seen = writers.stop();
    assert!(seen.failed.keys().all(|state| state == "08006"), "{:?}", seen.messages);
    all_acknowledged_are_readable(&house, 0, &seen);
}

#[test]
#[ignore = "takes a minute: make test-keys"]
fn a_server_that_crashes_again_and_again_or_is_closed_for_a_while_costs_no_acknowledged_row() {
    // The usual setting of a test server would lose what was acknowledged last.
    let builder = builder().own_server(ClusterAuth::Trust, &["synchronous_commit = on", "max_connections = 300"]);
    let house = House::with(builder, 2);
    let writers = Writers::start(&house, 6, Duration::from_millis(20));
    for _ in 0..3 {
        writers.progress(20, 60 * SECOND);
        house.pgveil(&["keys", "rotate", "--yes"]);
        let pid = house.sql("SELECT min(pid) FROM pg_stat_activity WHERE usename = 'pgveil'");
        // A backend that is killed makes the server end all sessions and recover.
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        sleep(SECOND);
        writers.progress(50, 60 * SECOND);
    }
    let (name, postgres) = (house.world.database(), house.world.superuser("postgres"));
    psql(&postgres, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    psql(&postgres, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    sleep(35 * SECOND);
    psql(&postgres, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    writers.progress(50, 20 * SECOND);
    let seen = writers.stop();
    let expected = ["08006", "55000", "57P01", "57P02", "57P03", "gone"];
    assert!(seen.failed.keys().all(|state| expected.contains(&state.as_str())), "{:?}", seen.messages);
    for proxy in 0..2 {
        all_acknowledged_are_readable(&house, proxy, &seen);
    }
}

#[test]
#[ignore = "takes a minute: make test-keys"]
fn another_database_of_the_same_name_is_not_taken_for_the_one_before() {
    let house = House::new(2);
    house.insert(0, 1).unwrap();
    let dump = |name: &str| {
        let path = house.world.path(name);
        let dump = Command::new("pg_dump").arg("-f").arg(&path).args(["-d", &house.superuser()]).output().unwrap();
        assert!(dump.status.success(), "{}", both(&dump));
        path
    };
    let restore = |path: &Path| {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &house.superuser(), "-f"]).arg(path);
        let output = psql.output().unwrap();
        assert!(output.status.success(), "{}", both(&output));
    };
    let (name, postgres) = (house.world.database(), house.world.superuser("postgres"));
    let recreate = || {
        psql(&postgres, &format!("DROP DATABASE {name} WITH (FORCE)"));
        psql(&postgres, &format!("CREATE DATABASE {name} OWNER app"));
    };
    let old = dump("old.sql");
    house.pgveil(&["keys", "rotate", "--yes"]);
    wait_for(15, "a row", || house.insert(0, 2).map_err(|refusal| refusal.text));
    let new = dump("new.sql");

    // The newest dump goes on where the database was.
    recreate();
    restore(&new);
    house.pgveil(&["apply", "--accept", "--yes"]);
    for (proxy, id) in [(0, 10), (1, 11)] {
        wait_for(30, "both rows", || house.read(proxy, 2).map_err(|refusal| refusal.text));
        wait_for(30, "writing", || house.insert(proxy, id).map_err(|refusal| refusal.text));
        assert_eq!(house.all_readable(proxy), house.sql("SELECT id FROM notes").lines().count());
    }
    // An older one does not.
    recreate();
    restore(&old);
    for proxy in 0..2 {
        wait_for(15, "it is noticed", || match house.insert(proxy, 20) {
            Err(refusal) if refusal.text.contains("keys/went-back") => Ok(()),
            other => Err(format!("{other:?}")),
        });
        house.read(proxy, 1).unwrap_err().is("XX001", "keys/went-back");
    }
    // In a table of that name without a keystore nothing gets at all.
    recreate();
    psql(&conn_string(house.world.server_port(), name), "CREATE TABLE notes (id bigint PRIMARY KEY, secret text)");
    for id in 30..60 {
        house.insert(id as usize % 2, id).unwrap_err();
        sleep(SECOND / 10);
    }
    assert_eq!(house.sql("SELECT count(*) FROM notes"), "0");
}

#[test]
#[ignore = "takes minutes: make test-keys"]
fn a_rotation_every_second_costs_no_client_an_error() {
    let house = House::new(3);
    let writers = Writers::start(&house, 20, Duration::from_millis(5));
    writers.progress(20, 20 * SECOND);
    let (start, mut rotations) = (Instant::now(), 0);
    while start.elapsed() < 180 * SECOND {
        let began = Instant::now();
        house.pgveil(&["keys", "rotate", "--yes"]);
        rotations += 1;
        sleep(SECOND.saturating_sub(began.elapsed()));
    }
    let seen = writers.stop();
    println!("{rotations} rotations, {} rows written", seen.acknowledged.len());
    assert_eq!(seen.failed, [].into(), "{:?}", seen.messages);
    for proxy in 0..3 {
        all_acknowledged_are_readable(&house, proxy, &seen);
    }
}

#[test]
#[ignore = "takes half a minute: make test-keys"]
fn hundreds_of_copies_go_on_through_rotations() {
    let house = House::new(2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let copies: Vec<_> =
            (0..220_i64).map(|number| tokio::spawn(copy(house.through(number as usize % 2), number * 1000))).collect();
        tokio::time::sleep(3 * SECOND).await;
        for _ in 0..5 {
            house.pgveil(&["keys", "rotate", "--yes"]);
        }
        for copy in copies {
            assert_eq!(copy.await.unwrap().unwrap(), 30);
        }
    });
    assert_eq!(house.all_readable(0), 220 * 30);
}

/// Thirty rows, one after the other, over twenty seconds.
async fn copy(string: String, first: i64) -> Result<u64, tokio_postgres::Error> {
    use futures_util::SinkExt as _;
    let (client, driver) = tokio_postgres::connect(&string, tokio_postgres::NoTls).await?;
    tokio::spawn(driver);
    let mut sink = std::pin::pin!(client.copy_in("COPY notes FROM STDIN").await?);
    for id in first..first + 30 {
        sink.send(bytes::Bytes::from(format!("{id}\tsecret {id}\n"))).await?;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    sink.finish().await
}
