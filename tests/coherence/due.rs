//! Keys that are replaced by themselves: by one of several processes, while clients write through all.

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pgveil::cli::demo::{cluster::ClusterAuth, proxy::Proxy};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::{
    Officer,
    support::{World, connect, psql},
    until, world,
};

/// Clients that write, through each proxy in turn, until they are told to stop. Each write must succeed.
struct Writers {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<usize>>,
}

impl Writers {
    fn start(world: &World, replicas: &[Proxy], count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let through = connections(world, replicas);
        let write = |number: usize| {
            let (own, stop) = (through[number % through.len()].clone(), stop.clone());
            tokio::spawn(async move {
                let client = connect(&own).await;
                let insert = client.prepare("INSERT INTO notes (note, number) VALUES ($1, 1)").await.unwrap();
                let mut written = 0;
                while !stop.load(Ordering::Relaxed) {
                    client.execute(&insert, &[&"prepared"]).await.unwrap();
                    client.batch_execute("INSERT INTO notes (note, number) VALUES ('simple', 1)").await.unwrap();
                    written += 2;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                written
            })
        };
        let clients = (0..count).map(write).collect();
        Self { stop, clients }
    }

    /// How many rows they have written.
    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut written = 0;
        for client in self.clients {
            written += client.await.unwrap();
        }
        written
    }
}

fn connections(world: &World, replicas: &[Proxy]) -> Vec<String> {
    let port = |port: u16| format!("port={port}");
    let own = world.proxy().address().port();
    let ports = std::iter::once(own).chain(replicas.iter().map(|replica| replica.address().port()));
    ports.map(|other| world.through().replace(&port(own), &port(other))).collect()
}

/// A DEK that is or was primary.
#[derive(Debug)]
struct Primary {
    /// Microseconds since 1970.
    activated_at: i64,
    leased: i64,
}

/// In the order in which they were made primary.
async fn primaries(client: &Client) -> Vec<Primary> {
    let sql = "SELECT (extract(epoch FROM d.activated_at) * 1000000)::bigint, u.leased FROM pgveil_keys.dek d \
               JOIN pgveil_keys.dek_usage u ON u.dek_id = d.id WHERE d.activated_at IS NOT NULL ORDER BY 1";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| Primary { activated_at: row.get(0), leased: row.get(1) }).collect()
}

async fn staged(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM pgveil_keys.dek WHERE state = 'staged'", &[]).await.unwrap().get(0)
}

/// Rows that were written, all of which can be read through pgveil.
async fn rows(world: &World) -> usize {
    connect(&world.through()).await.query("SELECT note, number FROM notes", &[]).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_whose_time_is_over_is_replaced_by_one_of_several_and_no_client_notices() {
    let world = world().keys("dek_epoch: 10s").start();
    let replicas = [world.replica(""), world.replica("")];
    let officer = Officer::of(&world).await;
    let writers = Writers::start(&world, &replicas, 6);
    tokio::time::sleep(Duration::from_secs(33)).await;
    let written = writers.end().await;
    let primaries = primaries(&officer.client).await;
    // Looked at every 5 s; then it is staged, fetched and promoted in a round each.
    assert!((3..=4).contains(&primaries.len()), "{primaries:?}");
    for pair in primaries.windows(2) {
        assert!(pair[1].activated_at - pair[0].activated_at >= 10_000_000, "twice for one time: {primaries:?}");
    }
    assert!(staged(&officer.client).await <= 1);
    assert_eq!(rows(&world).await, written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_of_which_most_uses_are_taken_is_replaced_by_one_of_several_and_no_client_notices() {
    const MOST: i64 = 20_000;
    let world = world().keys(&format!("dek_max_uses: {MOST}")).start();
    let replicas = [world.replica(""), world.replica("")];
    let officer = Officer::of(&world).await;
    let writers = Writers::start(&world, &replicas, 6);
    let mut found = Vec::new();
    for _ in 0..240 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        found = primaries(&officer.client).await;
        if found.len() > 2 {
            break;
        }
    }
    let written = writers.end().await;
    assert!(found.len() > 2, "{found:?}");
    // Not before 80 % were taken: so once for each.
    for replaced in &found[..found.len() - 1] {
        assert!((MOST * 4 / 5..=MOST).contains(&replaced.leased), "{found:?}");
    }
    assert!(staged(&officer.client).await <= 1);
    assert_eq!(rows(&world).await, written);
}

/// The world's server, ended and started again as a standby that takes over.
struct Successor {
    data: PathBuf,
    programs: PathBuf,
}

impl Successor {
    fn of(world: &World) -> Self {
        let data = PathBuf::from(psql(&world.superuser("postgres"), "SHOW data_directory"));
        let pid = fs::read_to_string(data.join("postmaster.pid")).unwrap().lines().next().unwrap().to_owned();
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        let successor = Self { data, programs: program.parent().unwrap().to_owned() };
        let owner = fs::metadata(&successor.data).unwrap();
        let signal = successor.data.join("standby.signal");
        fs::write(&signal, "").unwrap();
        std::os::unix::fs::chown(&signal, Some(owner.uid()), Some(owner.gid())).unwrap();
        let log = successor.data.join("successor.log").display().to_string();
        assert!(successor.pg_ctl(&["restart", "-m", "fast", "-w", "-l", &log]), "{:?}", fs::read_to_string(log));
        assert!(successor.pg_ctl(&["promote", "-w"]));
        successor
    }

    fn pg_ctl(&self, args: &[&str]) -> bool {
        let owner = fs::metadata(&self.data).unwrap();
        let mut command = Command::new(self.programs.join("pg_ctl"));
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        command.arg("-D").arg(&self.data).args(args);
        // The server was given paths below it.
        command.current_dir(self.data.parent().unwrap());
        command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap().success()
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        self.pg_ctl(&["stop", "-m", "immediate"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_standby_took_over_the_key_is_replaced_once_and_no_client_notices() {
    let world = world().own_server(ClusterAuth::Trust, &[]).start();
    let replicas = [world.replica("")];
    let client = connect(&world.through()).await;
    client.batch_execute("INSERT INTO notes (note, number) VALUES ('before', 1)").await.unwrap();
    let first = Officer::of(&world).await.primary().await;
    let _successor = Successor::of(&world);

    let officer = Officer::of(&world).await;
    for through in connections(&world, &replicas) {
        until("it can be written again", async || {
            let Ok((client, connection)) = tokio_postgres::connect(&through, tokio_postgres::NoTls).await else {
                return false;
            };
            tokio::spawn(connection);
            client.batch_execute("INSERT INTO notes (note, number) VALUES ('after', 1)").await.is_ok()
        })
        .await;
    }
    // From then on without an error, the change of the key included.
    let writers = Writers::start(&world, &replicas, 4);
    tokio::time::sleep(Duration::from_secs(8)).await;
    let under_first = officer.sealed_under(first).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let written = writers.end().await;
    let primaries = primaries(&officer.client).await;
    assert_eq!(primaries.len(), 2, "{primaries:?}");
    assert_ne!(officer.primary().await, first);
    assert!(under_first >= 2, "the row from before at least");
    assert_eq!(officer.sealed_under(first).await, under_first, "none since it was replaced");
    assert_eq!(rows(&world).await, written + 3);
}
