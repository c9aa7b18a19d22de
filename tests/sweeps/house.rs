//! A protected database on a server of its own, several proxies, `pgveil sweep worker` processes, commands.

use std::{
    collections::BTreeMap,
    fs,
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use pgveil::cli::demo::{cluster::ClusterAuth, proxy::Proxy};
use tokio_postgres::Client;

use crate::{
    envelopes,
    server::{SETTINGS, Server, kill},
    support::{Builder, PGVEIL, World, both, conn_string, connect, psql, stdout},
};

/// What no command here takes.
const PATIENCE: Duration = Duration::from_secs(150);

/// Who lives says so more often.
pub const DEAD_AFTER: Duration = Duration::from_secs(8);

pub struct House {
    // In the order in which they have to end.
    workers: Mutex<Vec<Option<Worker>>>,
    proxies: Mutex<Vec<Option<Proxy>>>,
    ports: Vec<Arc<AtomicU16>>,
    pub server: Option<Server>,
    pub world: World,
}

/// A `pgveil sweep worker`. It is killed when it is dropped.
pub struct Worker {
    child: Child,
    log: std::path::PathBuf,
}

impl Worker {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A builder on a server of its own, which survives being killed.
pub fn own_server(builder: Builder) -> Builder {
    builder.own_server(ClusterAuth::Trust, SETTINGS).not_running()
}

impl House {
    /// With so many proxies. `builder` says `not_running`.
    pub fn with(builder: Builder, proxies: usize, own_server: bool) -> Self {
        let world = builder.start();
        let server = own_server.then(|| Server::new(world.sockets(), world.server_port()));
        let house = Self {
            workers: Mutex::default(),
            proxies: Mutex::new((0..proxies).map(|_| None).collect()),
            ports: (0..proxies).map(|_| Arc::default()).collect(),
            server,
            world,
        };
        for number in 0..proxies {
            house.start_proxy(number);
        }
        house
    }

    /// One proxy on the server that the tests of this process share.
    pub fn small(schema: &str, tables: &str) -> Self {
        Self::with(World::builder().schema(schema).tables(tables).not_running(), 1, false)
    }

    pub fn start_proxy(&self, number: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let proxy = loop {
            match self.world.try_replica("") {
                Ok(proxy) => break proxy,
                // The server may be recovering.
                Err(error) => assert!(Instant::now() < deadline, "a proxy does not start: {error}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        self.ports[number].store(proxy.address().port(), Ordering::SeqCst);
        self.proxies.lock().unwrap()[number] = Some(proxy);
    }

    /// SIGKILL.
    pub fn kill_proxy(&self, number: usize) {
        if let Some(proxy) = self.proxies.lock().unwrap()[number].take() {
            kill(proxy.pid());
        }
    }

    /// In order, all of them.
    pub fn stop_proxies(&self) {
        for proxy in self.proxies.lock().unwrap().iter_mut().filter_map(Option::take) {
            proxy.stop().unwrap();
        }
    }

    pub fn ports(&self) -> &[Arc<AtomicU16>] {
        &self.ports
    }

    /// What the proxies have said.
    pub fn proxies_said(&self) -> String {
        self.proxies.lock().unwrap().iter().flatten().map(Proxy::stderr).collect()
    }

    /// One more worker process with so many workers. Gives its number.
    pub fn start_worker(&self, workers: usize) -> usize {
        let worker = self.spawn_worker(&self.world.config(), workers);
        let mut all = self.workers.lock().unwrap();
        all.push(Some(worker));
        all.len() - 1
    }

    /// With a policy of its own.
    pub fn spawn_worker(&self, config: &std::path::Path, workers: usize) -> Worker {
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let log = self.world.path(&format!("worker{}.log", COUNTER.fetch_add(1, Ordering::Relaxed)));
        let file = fs::File::create(&log).unwrap();
        let child = self.command(&["sweep", "worker", "--workers", &workers.to_string()], config);
        let child = { child }.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Worker { child, log }
    }

    /// SIGKILL to a worker, and another one in its place.
    pub fn replace_worker(&self, number: usize, workers: usize) {
        let dead = self.workers.lock().unwrap()[number].take();
        if let Some(worker) = &dead {
            kill(worker.pid());
        }
        drop(dead);
        let worker = self.spawn_worker(&self.world.config(), workers);
        self.workers.lock().unwrap()[number] = Some(worker);
    }

    pub fn stop_workers(&self) {
        self.workers.lock().unwrap().clear();
    }

    /// Worker processes that ended by themselves, with what they said.
    pub fn ended_workers(&self) -> Vec<String> {
        let mut all = self.workers.lock().unwrap();
        all.iter_mut().flatten().filter_map(|worker| worker.has_ended().then(|| worker.log())).collect()
    }

    pub fn workers_said(&self) -> String {
        self.workers.lock().unwrap().iter().flatten().map(Worker::log).collect()
    }

    fn command(&self, args: &[&str], config: &std::path::Path) -> Command {
        let mut command = Command::new(PGVEIL);
        command.args(args).arg("--config").arg(config).env_remove("PGVEIL_CONFIG").stdin(Stdio::null());
        command
    }

    /// `pgveil …`, which is ended when it takes longer than anything here may.
    pub fn run(&self, args: &[&str]) -> Output {
        self.run_with(&self.world.config(), args)
    }

    /// With a policy of its own.
    pub fn run_with(&self, config: &std::path::Path, args: &[&str]) -> Output {
        let mut command = self.command(args, config);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        let (done, is_done) = mpsc::channel::<()>();
        let watch = std::thread::spawn(move || {
            if is_done.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                kill(pid);
            }
        });
        let output = child.wait_with_output().unwrap();
        drop(done);
        watch.join().unwrap();
        output
    }

    /// `pgveil …` that has to succeed.
    #[track_caller]
    pub fn pgveil(&self, args: &[&str]) -> Output {
        let output = self.run(args);
        assert!(output.status.success(), "pgveil {args:?}\n{}", both(&output));
        output
    }

    /// `pgveil …` that has to fail with a code.
    #[track_caller]
    pub fn refused(&self, args: &[&str], code: &str) -> String {
        let output = self.run(args);
        let text = both(&output);
        assert!(!output.status.success() && text.contains(code), "pgveil {args:?}: {code} expected\n{text}");
        text
    }

    /// Its one JSON document.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let output = self.world.pgveil(&[args, &["--json"]].concat());
        serde_json::from_str(&stdout(&output)).unwrap_or_else(|error| panic!("{args:?}: {error}\n{}", both(&output)))
    }

    /// Through a proxy, as the application.
    pub fn through(&self, proxy: usize) -> String {
        conn_string(self.ports[proxy].load(Ordering::SeqCst), self.world.database())
    }

    pub async fn client(&self, proxy: usize) -> Client {
        connect(&self.through(proxy)).await
    }

    /// Through the first proxy, with psql.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> String {
        psql(&self.through(0), sql)
    }

    /// As superuser, around pgveil.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        psql(&self.superuser(), sql)
    }

    pub fn superuser(&self) -> String {
        self.world.superuser(self.world.database())
    }

    pub fn primary(&self) -> u32 {
        self.sql("SELECT id FROM pgveil_keys.dek WHERE state = 'primary'").parse().unwrap()
    }

    /// Another primary DEK by `pgveil keys rotate`. Gives the old one and the new one.
    pub fn rotate(&self) -> (u32, u32) {
        let old = self.primary();
        self.pgveil(&["keys", "rotate", "--yes"]);
        let new = self.primary();
        assert_ne!(old, new);
        (old, new)
    }

    /// Values by DEK in a column.
    pub fn by_dek(&self, table: &str, column: &str) -> BTreeMap<u32, u64> {
        envelopes::by_dek(&self.superuser(), table, column)
    }

    /// Starts a sweep that nobody waits for. Gives its number.
    #[track_caller]
    pub fn start_sweep(&self, args: &[&str]) -> i64 {
        self.pgveil(&[&["sweep", "start", "--yes"], args].concat());
        self.sql("SELECT max(id) FROM pgveil_keys.sweep_job").parse().unwrap()
    }

    /// A sweep from its start to its end, by the command itself.
    #[track_caller]
    pub fn sweep(&self, args: &[&str]) -> i64 {
        self.start_sweep(&[&["--wait"], args].concat())
    }

    /// State and reason of a job.
    pub fn state(&self, job: i64) -> String {
        self.sql(&format!("SELECT concat_ws(': ', state, reason) FROM pgveil_keys.sweep_job WHERE id = {job}"))
    }

    /// Rows rewritten so far, all passes.
    pub fn rewritten(&self, job: i64) -> u64 {
        let sum = format!("SELECT coalesce(sum(rows_done), 0) FROM pgveil_keys.sweep_shard WHERE job = {job}");
        self.sql(&sum).parse().unwrap()
    }

    /// How much of the first pass is done: 0 to 1. The server may be away.
    pub fn share_done(&self, job: i64) -> f64 {
        let sql = format!(
            "SELECT coalesce(sum(next_block - first_block)::float8 / nullif(sum(end_block - first_block), 0), 0) \
             FROM pgveil_keys.sweep_shard WHERE job = {job} AND pass = 1"
        );
        self.sql(&sql).parse().unwrap()
    }

    /// Waits until a job is in one of these states; `failed` is the end of waiting, too.
    #[track_caller]
    pub fn wait_for(&self, job: i64, states: &[&str], patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        loop {
            let state = self.state(job);
            let word = state.split(':').next().unwrap();
            if states.contains(&word) {
                return state;
            }
            assert!(
                word != "failed" && Instant::now() < deadline,
                "job {job} is {state}, not {states:?}, with {} rows rewritten\n{}\n{}",
                self.rewritten(job),
                self.workers_said(),
                self.sql(&format!(
                    "SELECT * FROM pgveil_keys.sweep_shard WHERE job = {job} ORDER BY pass, no LIMIT 40"
                )),
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Makes it look as if processes that have been silent for [`DEAD_AFTER`] had been so for longer than anybody waits
    /// for them, and what they had claimed had run out.
    pub fn forget_the_dead(&self) {
        let seconds = DEAD_AFTER.as_secs();
        self.sql(&format!(
            "UPDATE pgveil_keys.proxy SET heartbeat = heartbeat - interval '10 minutes' \
             WHERE heartbeat < now() - interval '{seconds} seconds'",
        ));
        let dead = format!(
            "worker IS NOT NULL AND NOT EXISTS (SELECT FROM pgveil_keys.sweep_worker w \
             WHERE w.heartbeat > now() - interval '{seconds} seconds' AND starts_with(worker, w.id))"
        );
        for table in ["sweep_shard", "sweep_job"] {
            self.sql(&format!(
                "UPDATE pgveil_keys.{table} SET lease_until = now() WHERE lease_until > now() AND {dead}"
            ));
        }
    }
}
