//! What the integration tests share: a real PostgreSQL, the real binary, and a way to compare.
//!
//! A test binary starts one private server (it ends with the process) and each [`World`] gets two
//! databases of its own there: `app`, which a policy protects, and `twin`, with the same tables in
//! plaintext and without pgveil: the oracle.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use pgveil::cli::demo::{
    cluster::{Cluster, ClusterAuth, ClusterOptions},
    proxy::Proxy,
};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// The program under test.
pub const PGVEIL: &str = env!("CARGO_BIN_EXE_pgveil");

/// Roles of every server here: `app` owns the tables, `pgveil` is the service login with its rights,
/// `other` has no rights at all. Under scram the password is the name.
const ROLES: &str = "CREATE ROLE app LOGIN PASSWORD 'app';
CREATE ROLE pgveil LOGIN PASSWORD 'pgveil';
CREATE ROLE other LOGIN PASSWORD 'other';
GRANT app TO pgveil";

/// The server of this test process. Nobody drops it: its watchdog ends it with the process.
fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| new_cluster(ClusterAuth::Trust, &[]))
}

fn new_cluster(auth: ClusterAuth, settings: &[&str]) -> Cluster {
    let mut all = vec!["log_statement = 'all'".to_owned(), "max_connections = 200".to_owned()];
    all.extend(settings.iter().map(|&line| line.to_owned()));
    let cluster = Cluster::start(&ClusterOptions { auth, settings: all }).expect("a private PostgreSQL server");
    psql(&cluster.conn_string("postgres"), ROLES);
    cluster
}

/// How a [`World`] is to be.
pub struct Builder {
    schema: String,
    tables: String,
    extra: String,
    service: String,
    own: Option<(ClusterAuth, Vec<String>)>,
    encoding: Option<String>,
    apply: bool,
    run: bool,
    environment: Vec<(String, String)>,
    front: String,
    files: Vec<(String, String, u32)>,
    server_tls: Option<[String; 3]>,
    hba: Option<String>,
    prepare: String,
    keys: String,
    kms: String,
    default_kms: String,
    owner: Option<String>,
}

impl Builder {
    /// SQL that creates the application's tables, run as `app` in both databases.
    pub fn schema(self, sql: &str) -> Self {
        Self { schema: sql.to_owned(), ..self }
    }

    /// The YAML below `tables:`, indented as one likes.
    pub fn tables(self, yaml: &str) -> Self {
        Self { tables: yaml.to_owned(), ..self }
    }

    /// Further top-level YAML (`limits: …`).
    pub fn extra(self, yaml: &str) -> Self {
        Self { extra: yaml.to_owned(), ..self }
    }

    /// Another service login than `pgveil`.
    pub fn service(self, role: &str) -> Self {
        Self { service: role.to_owned(), ..self }
    }

    /// A server of its own, with further lines for postgresql.conf.
    pub fn own_server(mut self, auth: ClusterAuth, settings: &[&str]) -> Self {
        self.own = Some((auth, settings.iter().map(|&line| line.to_owned()).collect()));
        self
    }

    /// A variable in the environment of every pgveil.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Top-level YAML about listening, logins, TLS, the server and timeouts. `$PORT` stands for the
    /// server's port, `$SOCKETS` for the folder of its socket. What is left out has its usual line.
    pub fn policy(self, yaml: &str) -> Self {
        Self { front: yaml.to_owned(), ..self }
    }

    /// A file in the policy's folder, there before anything runs.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned(), 0o644));
        self
    }

    /// Likewise, which only its owner may read.
    pub fn secret_file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned(), 0o600));
        self
    }

    /// TLS on the server: PEM of its certificate, its key, and the authority of client certificates.
    pub fn server_tls(mut self, certificate: &str, key: &str, ca: &str) -> Self {
        self.server_tls = Some([certificate, key, ca].map(str::to_owned));
        self.own.get_or_insert((ClusterAuth::Trust, Vec::new()));
        self
    }

    /// The server's pg_hba.conf. The superuser gets in whatever it says.
    pub fn hba(mut self, lines: &str) -> Self {
        self.hba = Some(lines.to_owned());
        self.own.get_or_insert((ClusterAuth::Trust, Vec::new()));
        self
    }

    /// SQL of the superuser in the protected database, before anything of pgveil runs.
    pub fn superuser_sql(mut self, sql: &str) -> Self {
        self.prepare.push_str(sql);
        self.prepare.push_str(";\n");
        self
    }

    /// Databases of another encoding than UTF8.
    pub fn encoding(self, name: &str) -> Self {
        Self { encoding: Some(name.to_owned()), ..self }
    }

    /// Further settings of `keys:`, as they stand between the braces.
    pub fn keys(self, yaml: &str) -> Self {
        Self { keys: format!(", {yaml}"), ..self }
    }

    /// Further lines of `kms:`, beside the keyring `main`. `$FOLDER` stands for the policy's folder.
    pub fn kms(mut self, line: &str) -> Self {
        writeln!(self.kms, "  {line}").unwrap();
        self
    }

    /// Another service for new keys than the keyring `main`.
    pub fn default_kms(self, name: &str) -> Self {
        Self { default_kms: name.to_owned(), ..self }
    }

    /// Another login for `apply` and for changes of keys; the superuser makes it.
    pub fn owner(self, role: &str) -> Self {
        Self { owner: Some(role.to_owned()), ..self }
    }

    /// Neither `apply` nor `run`: for tests of the commands.
    pub fn idle(mut self) -> Self {
        (self.apply, self.run) = (false, false);
        self
    }

    /// `apply`, but no `run`.
    pub fn not_running(mut self) -> Self {
        self.run = false;
        self
    }

    pub fn start(self) -> World {
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let own = self
            .own
            .as_ref()
            .map(|(auth, settings)| new_cluster(*auth, &settings.iter().map(String::as_str).collect::<Vec<_>>()));
        // Where pg_hba.conf is the test's own, it may ask the service for its password.
        let scram = matches!(self.own, Some((ClusterAuth::Scram, _))) || self.hba.is_some();
        let mut world = World {
            proxy: None,
            own,
            scram,
            folder: tempfile::tempdir().expect("a temporary folder"),
            database: format!("app_{number}"),
            twin: format!("twin_{number}"),
            policy: String::new(),
            environment: self.environment.clone(),
        };
        let encoding = self.encoding.as_ref().map(|name| format!(" ENCODING '{name}' TEMPLATE template0"));
        let encoding = encoding.unwrap_or_default();
        if let Some(owner) = &self.owner {
            // Tests that share a server share the role.
            let _ = try_psql(&world.superuser("postgres"), &format!("CREATE ROLE {owner} LOGIN PASSWORD '{owner}'"));
            psql(&world.superuser("postgres"), &format!("GRANT app TO {owner}"));
        }
        for database in [&world.database, &world.twin] {
            psql(&world.superuser("postgres"), &format!("CREATE DATABASE {database} OWNER app{encoding}"));
            let maker = self.owner.as_deref().unwrap_or("pgveil");
            psql(&world.superuser("postgres"), &format!("GRANT CREATE ON DATABASE {database} TO {maker}"));
            if !self.schema.is_empty() {
                psql(&conn_string(world.server_port(), database), &self.schema);
            }
        }
        if !self.prepare.is_empty() {
            psql(&world.superuser(&world.database), &self.prepare);
        }
        if self.server_tls.is_some() || self.hba.is_some() {
            world.secure_server(self.server_tls.as_ref(), self.hba.as_deref());
        }
        for (name, text, mode) in &self.files {
            write_file(&world.path(name), text, *mode);
        }
        world.policy = self.rest_of_policy(&world);
        fs::write(world.config(), world.policy_with(&self.front)).expect("the policy file");
        if self.apply {
            let output = world.pgveil(&["apply", "--yes"]);
            assert!(output.status.success(), "apply failed:\n{}", both(&output));
        }
        if self.run {
            world.run(&self.environment);
        }
        world
    }

    /// Without its front, which is the beginning up to the service.
    fn rest_of_policy(&self, world: &World) -> String {
        let password = if world.scram { format!(", password: {}", self.service) } else { String::new() };
        let mut policy = format!(
            "service: {{ user: {user}{password} }}
{owner}
kms:
  main: {{ local: {{ keyring: {keyring} }} }}
{kms}
keys: {{ kms: {default}{keys} }}
{extra}
databases:
  {database}:
    tables:
",
            user = self.service,
            owner = self.owner.as_ref().map(|role| format!("owner: {{ user: {role} }}")).unwrap_or_default(),
            default = self.default_kms,
            kms = self.kms.replace("$FOLDER", &world.folder.path().display().to_string()),
            keys = self.keys.replace("$FOLDER", &world.folder.path().display().to_string()),
            keyring = world.path("keyring").display(),
            extra = self.extra,
            database = world.database,
        );
        for line in self.tables.lines().filter(|line| !line.trim().is_empty()) {
            writeln!(policy, "      {line}").unwrap();
        }
        policy
    }
}

/// A protected database, its plaintext twin, and (unless `idle`) a running pgveil.
pub struct World {
    // Fields drop in this order: the proxy goes before its server.
    proxy: Option<Proxy>,
    own: Option<Cluster>,
    folder: tempfile::TempDir,
    scram: bool,
    database: String,
    twin: String,
    /// The policy's text but for its front.
    policy: String,
    environment: Vec<(String, String)>,
}

impl World {
    pub fn builder() -> Builder {
        Builder {
            schema: String::new(),
            tables: String::new(),
            extra: String::new(),
            service: "pgveil".to_owned(),
            own: None,
            encoding: None,
            apply: true,
            run: true,
            environment: Vec::new(),
            front: String::new(),
            files: Vec::new(),
            server_tls: None,
            hba: None,
            prepare: String::new(),
            keys: String::new(),
            kms: String::new(),
            default_kms: "main".to_owned(),
            owner: None,
        }
    }

    /// A table `people` with one column of each mode, applied and running.
    pub fn people() -> Self {
        Self::builder().schema(PEOPLE).tables(PEOPLE_POLICY).start()
    }

    fn cluster(&self) -> &Cluster {
        self.own.as_ref().unwrap_or_else(|| shared())
    }

    pub fn server_port(&self) -> u16 {
        self.cluster().port()
    }

    /// The server's log. Other tests of the same binary write into it too.
    pub fn server_log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.cluster().log_path()).expect("the server's log")).into_owned()
    }

    /// Name of the protected database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Connection string of `app` to the protected database, through pgveil.
    pub fn through(&self) -> String {
        conn_string(self.proxy().address().port(), &self.database)
    }

    /// Connection string of `app` to the protected database, around pgveil.
    pub fn direct(&self) -> String {
        conn_string(self.server_port(), &self.database)
    }

    /// Connection string of `app` to the plaintext twin.
    pub fn twin(&self) -> String {
        conn_string(self.server_port(), &self.twin)
    }

    pub fn superuser(&self, database: &str) -> String {
        self.cluster().conn_string(database)
    }

    /// The folder of the server's socket.
    pub fn sockets(&self) -> &Path {
        self.cluster().dir()
    }

    /// This world's policy with another front (see [`Builder::policy`]).
    pub fn policy_with(&self, front: &str) -> String {
        let mut policy = String::new();
        let given = |key: &str| front.lines().any(|line| line.starts_with(key));
        if !given("listen:") {
            policy.push_str("listen: 127.0.0.1:0\n");
        }
        if !given("upstream:") {
            policy.push_str("upstream: { hosts: [\"127.0.0.1:$PORT\"] }\n");
        }
        writeln!(policy, "{front}\n{}", self.policy).unwrap();
        policy
            .replace("$PORT", &self.server_port().to_string())
            .replace("$SOCKETS", &self.sockets().display().to_string())
    }

    /// One more pgveil over the same databases, with another front of its policy.
    pub fn replica(&self, front: &str) -> Proxy {
        self.try_replica(front).expect("a running pgveil")
    }

    /// Likewise, where it may fail.
    pub fn try_replica(&self, front: &str) -> Result<Proxy, pgveil::cli::demo::proxy::ProxyError> {
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let config = self.path(&format!("replica{}.yaml", COUNTER.fetch_add(1, Ordering::Relaxed)));
        fs::write(&config, self.policy_with(front)).unwrap();
        let environment = self.environment.iter().map(|(name, value)| (name.as_str(), OsStr::new(value)));
        Proxy::start(Path::new(PGVEIL), &config, environment)
    }

    /// Switches TLS on and replaces pg_hba.conf, without a restart.
    fn secure_server(&self, tls: Option<&[String; 3]>, hba: Option<&str>) {
        let data = self.cluster().dir().join("data");
        let owner = fs::metadata(&data).expect("the server's folder");
        let write = |name: &str, text: &str| {
            let path = data.join(name);
            write_file(&path, text, 0o600);
            std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid())).expect("the server's file");
        };
        let superuser = self.superuser("postgres");
        if let Some([certificate, key, ca]) = tls {
            write("server.crt", certificate);
            write("server.key", key);
            write("ca.crt", ca);
            psql(&superuser, "ALTER SYSTEM SET ssl_ca_file = 'ca.crt'");
            psql(&superuser, "ALTER SYSTEM SET ssl = on");
        }
        if let Some(hba) = hba {
            write(
                "pg_hba.conf",
                &format!("local all postgres trust\nhost all postgres all trust\n{hba}\nlocal all all scram-sha-256\n"),
            );
        }
        psql(&superuser, "SELECT pg_reload_conf()");
        // The postmaster takes its time; who connects after it has read its files sees them.
        let deadline = Instant::now() + Duration::from_secs(10);
        while !(self.server_log().contains("received SIGHUP")
            && (tls.is_none() || psql(&superuser, "SHOW ssl") == "on"))
        {
            assert!(Instant::now() < deadline, "the server has not taken its new settings\n{}", self.server_log());
            std::thread::sleep(Duration::from_millis(20));
        }
        // A file with a fault would leave the old one in use, silently.
        let faults = psql(&superuser, "SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL");
        assert_eq!(faults, "", "pg_hba.conf");
    }

    /// The running pgveil.
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("pgveil is not running in this world")
    }

    /// What `pgveil run` has said so far.
    pub fn stderr(&self) -> String {
        self.proxy().stderr()
    }

    /// Starts `pgveil run`.
    pub fn run(&mut self, environment: &[(String, String)]) {
        let environment = environment.iter().map(|(name, value)| (name.as_str(), OsStr::new(value)));
        self.proxy = Some(Proxy::start(Path::new(PGVEIL), &self.config(), environment).expect("a running pgveil"));
    }

    /// Ends `pgveil run` in order.
    pub fn stop(&mut self) {
        if let Some(proxy) = self.proxy.take() {
            proxy.stop().expect("pgveil ends");
        }
    }

    /// Waits for the end of a `pgveil run` that has been told to end.
    pub fn exit_status(&mut self) -> std::process::ExitStatus {
        self.proxy.take().expect("pgveil was running").stop().expect("pgveil ends")
    }

    /// The policy file.
    pub fn config(&self) -> PathBuf {
        self.path("pgveil.yaml")
    }

    /// A path in this world's temporary folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes the policy file's text.
    pub fn edit_policy(&self, edit: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), edit(text)).unwrap();
    }

    /// Runs the program with this world's policy.
    pub fn pgveil(&self, args: &[&str]) -> Output {
        self.pgveil_with_input(args, "")
    }

    /// Likewise, with text on its standard input.
    pub fn pgveil_with_input(&self, args: &[&str], input: &str) -> Output {
        let config = self.config();
        let config = config.to_str().unwrap();
        pgveil_in(&self.environment, &[args, &["--config", config]].concat(), input)
    }

    /// Runs SQL as `app`, around pgveil.
    pub fn sql(&self, sql: &str) -> String {
        psql(&self.direct(), sql)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(proxy) = &self.proxy
        {
            eprintln!("pgveil said:\n{}", proxy.stderr());
        }
        self.proxy = None;
    }
}

/// The usual table.
pub const PEOPLE: &str = "CREATE TABLE people (
  id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  email varchar(120),
  ssn char(11),
  birth date,
  salary numeric(12,2),
  notes text)";

/// Its policy.
pub const PEOPLE_POLICY: &str = "
people:
  columns:
    email: { type: varchar(120), mode: equality, normalize: [lower, trim] }
    ssn: { type: char(11), mode: equality }
    birth: { type: date }
    salary: { type: \"numeric(12,2)\" }
    notes: { type: text, padding: padme }";

fn write_file(path: &Path, text: &str, mode: u32) {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Connection string of `app` without TLS.
pub fn conn_string(port: u16, database: &str) -> String {
    format!("host=127.0.0.1 port={port} user=app password=app dbname={database}")
}

/// Runs the program.
pub fn pgveil(args: &[&str], input: &str) -> Output {
    pgveil_in(&[], args, input)
}

fn pgveil_in(environment: &[(String, String)], args: &[&str], input: &str) -> Output {
    let mut child = Command::new(PGVEIL)
        .args(args)
        .env_remove("PGVEIL_CONFIG")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the pgveil program");
    // It may end without having read everything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().expect("the program's output")
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Both, for messages.
pub fn both(output: &Output) -> String {
    format!("exit {:?}\n{}{}", output.status.code(), stdout(output), stderr(output))
}

/// Runs SQL with psql; rows come back one a line, columns separated by `|`. Panics on an error.
pub fn psql(conn_string: &str, sql: &str) -> String {
    let output = try_psql(conn_string, sql);
    assert!(output.status.success(), "{sql}\n{}", both(&output));
    stdout(&output).trim_end().to_owned()
}

/// Runs SQL with psql.
pub fn try_psql(conn_string: &str, sql: &str) -> Output {
    Command::new("psql")
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", conn_string, "-c", sql])
        .output()
        .expect("psql (package postgresql-client)")
}

/// A connection by tokio-postgres.
pub async fn connect(conn_string: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(conn_string, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// A query's rows as text over the simple protocol; NULL is None.
pub async fn rows(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect()),
            _ => None,
        })
        .collect()
}

/// The Python of the test tools, with psycopg (made by `make test-tools`).
pub fn python() -> PathBuf {
    tool("venv/bin/python")
}

/// A `node` command that finds the module `pg` of the test tools.
pub fn node() -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", tool("node/node_modules"));
    command
}

fn tool(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools").join(path);
    assert!(path.exists(), "{} is missing: run `make test-tools` once", path.display());
    path
}
