//! `target_session_attrs` with a real primary and a real standby.

use std::{thread, time::Duration};

use pgveil::cli::demo::cluster::free_port;
use rustix::process::Signal;

use super::setup::{
    Frozen, HBA, Standby, builder, local, postmaster, signal, through, timed, upstream, wait, where_to,
};
use crate::{
    raw::{Raw, field},
    support::{PEOPLE, PEOPLE_POLICY, World, psql, stderr, try_psql},
};

const MODES: [&str; 2] = ["auth: relay\n", "auth: scram\n"];

/// What is promised.
const NOTICED: Duration = Duration::from_secs(2);

fn target(hosts: &[String], target: &str) -> String {
    upstream(hosts, &format!(", target_session_attrs: {target}"))
}

/// What libpq does with the same hosts.
fn libpq(ports: &[u16], target: &str, world: &World) -> Result<u16, String> {
    let hosts: Vec<_> = ports.iter().map(|_| "127.0.0.1").collect();
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    where_to(&format!(
        "host={} port={} user=app password=app dbname={} target_session_attrs={target} gssencmode=disable",
        hosts.join(","),
        ports.join(","),
        world.database()
    ))
}

fn primary_data(world: &World) -> std::path::PathBuf {
    psql(&world.superuser("postgres"), "SHOW data_directory").into()
}

#[test]
fn a_session_goes_where_libpq_would_go() {
    let world = builder().start();
    let standby = Standby::of(&world);
    let (primary, standby_port) = (world.server_port(), standby.port);
    let superuser = world.superuser("postgres");
    for read_only in [false, true] {
        if read_only {
            psql(&superuser, "ALTER SYSTEM SET default_transaction_read_only = on");
            psql(&superuser, "SELECT pg_reload_conf()");
            wait(Duration::from_secs(5), "it is read", || {
                psql(&superuser, "SHOW default_transaction_read_only") == "on"
            });
        }
        for wanted in ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] {
            for ports in [[primary, standby_port], [standby_port, primary]] {
                let own = libpq(&ports, wanted, &world);
                for mode in MODES {
                    let proxy = world.replica(&format!("{mode}{}", target(&ports.map(local), wanted)));
                    let got = where_to(&through(&proxy, &world));
                    let what = format!("{mode} {wanted} {ports:?} {read_only}: {got:?}, libpq {own:?}");
                    assert_eq!(got.as_ref().ok(), own.as_ref().ok(), "{what}\n{}", proxy.stderr());
                    if let Err(said) = got {
                        assert!(said.contains("pgveil finds no PostgreSQL server of the kind"), "{said}");
                        assert!(said.contains("HINT:  Start or promote such a server"), "{said}");
                        let told = format!("127.0.0.1:{primary} is a primary with default_transaction_read_only");
                        let too = format!("127.0.0.1:{standby_port} is a standby");
                        wait(Duration::from_secs(2), "the log says which is what", || {
                            let log = proxy.stderr();
                            log.contains(&told) && log.contains(&too)
                        });
                    }
                }
            }
        }
    }
}

#[test]
fn after_a_promotion_new_sessions_go_to_the_new_primary() {
    for mode in MODES {
        let world = builder().start();
        let standby = Standby::of(&world);
        let metrics = free_port().unwrap();
        let hosts = [local(world.server_port()), local(standby.port)];
        let front = format!("{mode}metrics: {{ listen: 127.0.0.1:{metrics} }}\n{}", target(&hosts, "read-write"));
        let proxy = world.replica(&front);
        let to = through(&proxy, &world);
        psql(&to, "INSERT INTO people (name, email) VALUES ('a', 'a@b')");
        assert_eq!(where_to(&to), Ok(world.server_port()));
        let lsn = psql(&world.superuser("postgres"), "SELECT pg_current_wal_flush_lsn()");
        let there = format!("host=127.0.0.1 port={} user=app password=app dbname={}", standby.port, world.database());
        wait(Duration::from_secs(10), "it is there", || {
            psql(&there, &format!("SELECT pg_last_wal_replay_lsn() >= '{lsn}'")) == "t"
        });
        // A session that is there ends as the server ends it.
        let mut session = std::process::Command::new("psql")
            .args(["-X", "-d", &to, "-c", "SELECT pg_sleep(60)"])
            .stderr(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        wait(Duration::from_secs(5), "it sleeps", || {
            psql(
                &world.superuser("postgres"),
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60%'",
            ) == "1"
        });
        signal(postmaster(&primary_data(&world)), Signal::INT);
        let mut said = String::new();
        std::io::Read::read_to_string(session.stderr.as_mut().unwrap(), &mut said).unwrap();
        session.wait().unwrap();
        assert!(said.contains("terminating connection due to administrator command"), "{said}");
        // Nobody fits: it is said at once.
        let (refused, took) = timed(|| where_to(&to));
        assert!(refused.as_ref().is_err_and(|said| said.contains("of the kind")), "{refused:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        standby.promote();
        wait(NOTICED, "the new one is used", || where_to(&to) == Ok(standby.port));
        wait(Duration::from_secs(5), "pgveil is ready again", || {
            let ready = world.path("ready.yaml");
            std::fs::write(&ready, world.policy_with(&front)).unwrap();
            let asked = crate::support::pgveil(&["ready", "--config", ready.to_str().unwrap()], "");
            asked.status.success()
        });
        // The keystore is read there, and changes of the catalog are seen there.
        assert_eq!(psql(&to, "SELECT email FROM people WHERE email = 'a@b'"), "a@b");
        psql(&to, "CREATE TABLE IF NOT EXISTS other (a int)");
        psql(&to, "INSERT INTO people (name, email) VALUES ('b', 'b@b')");
        let said = try_psql(&to, "SELECT count(*) FROM people WHERE email = 'b@b'");
        assert_eq!(crate::support::stdout(&said).trim(), "1", "{}", stderr(&said));
    }
}

#[test]
fn pgveil_itself_leaves_a_standby_once_there_is_a_primary() {
    let world = builder().start();
    let standby = Standby::of(&world);
    let frozen = Frozen::new(postmaster(&primary_data(&world)));
    // The primary's name for new connections is silence: pgveil starts on the standby.
    let hosts = [local(world.server_port()), local(standby.port)];
    let proxy = world.replica(&format!("auth: relay\ntimeouts: {{ connect: 2s }}\n{}", target(&hosts, "any")));
    let there = format!("host=127.0.0.1 port={} user=postgres password=postgres dbname=postgres", standby.port);
    let count = |to: &str| {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgveil' AND usename = 'pgveil' AND datname = '{}'",
            world.database()
        );
        psql(to, &sql).parse::<usize>().unwrap()
    };
    assert!(
        count(&there.replace("user=postgres", "user=app").replace("password=postgres", "password=app")) >= 1,
        "{}",
        proxy.stderr()
    );
    drop(frozen);
    // One that it serves by, and one that it asks by.
    wait(Duration::from_secs(10), "it is on the primary", || count(&world.superuser("postgres")) >= 2);
    assert_eq!(
        psql(&through(&proxy, &world), "INSERT INTO people (name, email) VALUES ('x', 'x@x') RETURNING email"),
        "x@x"
    );
}

#[test]
fn two_hundred_logins_at_once_do_not_queue_and_a_frozen_host_delays_once() {
    let world = World::builder()
        .schema(PEOPLE)
        .tables(PEOPLE_POLICY)
        .own_server(pgveil::cli::demo::cluster::ClusterAuth::Trust, &["max_connections = 300"])
        .hba(&HBA.replace("scram-sha-256", "trust"))
        .not_running()
        .start();
    let standby = Standby::of(&world);
    let hosts = [local(standby.port), local(world.server_port())];
    let proxy = world.replica(&format!("auth: relay\n{}", target(&hosts, "primary")));
    let to = through(&proxy, &world);
    let burst = || {
        let threads: Vec<_> = (0..200)
            .map(|_| {
                let to = to.clone();
                thread::spawn(move || Raw::connect(&to))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    };
    let (sessions, took) = timed(burst);
    eprintln!("200 logins: {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(sessions);
    // The postmaster, and the process that pgveil asks.
    let there = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", standby.port);
    let asked: Vec<u32> = psql(&there, "SELECT pid FROM pg_stat_activity WHERE usename = 'pgveil'")
        .lines()
        .map(|pid| pid.parse().unwrap())
        .collect();
    assert!(!asked.is_empty());
    let frozen: Vec<_> = asked.into_iter().chain([standby.pid()]).map(Frozen::new).collect();
    let (_, took) = timed(|| Raw::connect(&to));
    assert!(took < Duration::from_millis(3500), "{took:?}");
    for _ in 0..20 {
        let (_, took) = timed(|| Raw::connect(&to));
        assert!(took < Duration::from_millis(500), "{took:?}\n{}", proxy.stderr());
        thread::sleep(Duration::from_millis(150));
    }
    let (_, took) = timed(burst);
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(frozen);
    wait(Duration::from_secs(15), "it is heard of", || proxy.stderr().contains("answers again"));
}

#[test]
fn a_session_on_a_stopped_server_hears_why() {
    let world = builder().hba(&HBA.replace("scram-sha-256", "trust")).start();
    let standby = Standby::of(&world);
    let proxy = world.replica(&format!(
        "auth: relay\n{}",
        target(&[local(world.server_port()), local(standby.port)], "prefer-standby")
    ));
    let to = through(&proxy, &world);
    let mut raw = Raw::connect(&to);
    assert_eq!(raw.brief("SELECT pg_is_in_recovery()")[0], "t");
    let mut standby = standby;
    standby.stop();
    let said = raw.read().expect("last words");
    assert_eq!(field(&said, 'C'), "57P01");
    assert!(raw.closes());
    assert_eq!(where_to(&to), Ok(world.server_port()));
    standby.start();
    wait(NOTICED, "the standby is used again", || where_to(&to) == Ok(standby.port));
}
