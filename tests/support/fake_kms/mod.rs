//! `fake-kms`: key management services in the test process, on a free port of 127.0.0.1, with honest
//! cryptography and faults that a test switches at run time.
//!
//! It speaks AWS KMS and STS ([`aws`]) and a REST dialect in the style of Scaleway's Key Manager
//! ([`rest`]). Both share keys ([`vault`]), faults ([`faults`]) and counts. It lives on a thread of its
//! own, so that paused clocks and blocked runtimes of tests do not touch it; dropping it ends it.
//!
//! ```ignore
//! let kms = FakeKms::start();
//! let key = kms.create_key();                   // its ARN
//! let policy = kms.policy(&key);                // aws: { key: …, region: …, endpoint: … }
//! kms.outage(Outage::Refused);                  // … and Outage::None ends it
//! assert_eq!(kms.calls("Decrypt"), 1);
//! ```
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unused_self,
    clippy::format_collect,
    missing_docs
)]

mod aws;
mod faults;
mod network;
mod rest;
mod signature;
mod sts;
mod vault;

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub use faults::Outage;
use faults::{Faults, Throttle};
use network::Door;
pub use rest::TOKEN as REST_TOKEN;
use signature::Login;
use tokio::sync::{oneshot, watch};
use vault::{State, Vault};

/// The access key that opens it, as [`FakeKms::environment`] gives it.
pub const ACCESS_KEY: &str = "AKIAFAKEKMSTESTS0001";
/// Its secret.
pub const SECRET_KEY: &str = "fake/kms/secret+of+the+tests/0123456789ABCD";
/// Where its keys are.
pub const REGION: &str = "eu-central-1";
/// Whose they are.
pub const ACCOUNT: &str = "111122223333";

/// A running `fake-kms`.
pub struct FakeKms {
    shared: Arc<Shared>,
    address: SocketAddr,
    outage: watch::Sender<Outage>,
    /// Its access key as a file, for policies of this process.
    credentials: tempfile::NamedTempFile,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What requests and the test share.
struct Shared {
    vault: Mutex<Vault>,
    faults: Mutex<Faults>,
    logins: Mutex<BTreeMap<String, Login>>,
    calls: Mutex<Vec<Call>>,
    outage: watch::Receiver<Outage>,
}

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its operation, e.g. `Decrypt`.
    pub operation: String,
    /// When.
    pub at: Instant,
    /// What it was answered with: `ok` or the error's code.
    pub outcome: String,
}

impl FakeKms {
    /// Starts one without keys.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (outage, watched) = watch::channel(Outage::None);
        let shared = Arc::new(Shared {
            vault: Mutex::default(),
            faults: Mutex::default(),
            logins: Mutex::new(BTreeMap::from([(ACCESS_KEY.to_owned(), Login::lasting(SECRET_KEY))])),
            calls: Mutex::default(),
            outage: watched.clone(),
        });
        let mut credentials = tempfile::NamedTempFile::new().unwrap();
        write!(credentials, "[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
            .unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let router = axum::Router::new().fallback(answer).with_state(shared.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let door = Door::new(listener, watched);
                tokio::select! {
                    _ = async { axum::serve(door, router).await } => {}
                    _ = ended => {}
                }
            });
        });
        Self { shared, address, outage, credentials, end: Some(end), thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The provider of a policy for a key (ARN, id or alias): `aws: { … }`. With credentials: nothing is
    /// needed in the environment.
    pub fn policy(&self, key: &str) -> String {
        self.policy_with(key, "")
    }

    /// Likewise with further settings: `role: "…", `.
    pub fn policy_with(&self, key: &str, settings: &str) -> String {
        let (endpoint, file) = (self.endpoint(), self.credentials.path().display());
        format!(
            "aws: {{ key: \"{key}\", region: {REGION}, endpoint: \"{endpoint}\", {settings}credentials: \"{file}\" }}"
        )
    }

    /// What a process without `credentials` in its policy needs in its environment; nothing of this machine's
    /// configuration.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_CONFIG_FILE", "/nonexistent/config".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    // ---- keys: `key` is an ARN or an id

    /// A new symmetric key; gives its ARN.
    pub fn create_key(&self) -> String {
        self.vault().create("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    }

    /// A new key of another kind, e.g. `RSA_2048` for `SIGN_VERIFY`; gives its ARN.
    pub fn create_key_of(&self, spec: &'static str, usage: &'static str) -> String {
        self.vault().create(spec, usage)
    }

    /// A key that nobody finds before `duration` has passed: eventual consistency. Gives its ARN.
    pub fn create_key_hidden_for(&self, duration: Duration) -> String {
        let arn = self.create_key();
        self.vault().key(&arn).hidden_until = Some(Instant::now() + duration);
        arn
    }

    /// Lets an alias (`alias/name`) point to a key, from now on.
    pub fn alias(&self, alias: &str, key: &str) {
        self.vault().set_alias(alias, key);
    }

    /// Disables a key.
    pub fn disable(&self, key: &str) {
        self.vault().key(key).state = State::Disabled;
    }

    /// Enables a key; also one whose deletion was scheduled.
    pub fn enable(&self, key: &str) {
        self.vault().key(key).state = State::Enabled;
    }

    /// Schedules a key's deletion; gives the date in seconds since 1970.
    pub fn schedule_deletion(&self, key: &str, days: u32) -> i64 {
        let date = vault::now() + i64::from(days) * 86_400;
        self.vault().key(key).state = State::PendingDeletion(date);
        date
    }

    /// Makes a key unusable for now, as when its hardware is away: state `Unavailable`.
    pub fn unavailable(&self, key: &str) {
        self.vault().key(key).state = State::Unavailable;
    }

    /// Destroys a key. There is no way back.
    pub fn destroy(&self, key: &str) {
        self.vault().destroy(key);
    }

    /// How often a key's material has been rotated.
    pub fn rotations(&self, key: &str) -> usize {
        self.vault().key(key).versions.len() - 1
    }

    // ---- faults

    /// The network's or the service's state. [`Outage::None`] ends an outage.
    pub fn outage(&self, outage: Outage) {
        self.outage.send_replace(outage);
        // Until the door has seen it; answers do not wait for it.
        std::thread::sleep(Duration::from_millis(10));
    }

    /// The next `calls` calls are told that there were too many, with or without a `Retry-After` in seconds.
    pub fn throttle(&self, calls: usize, retry_after: Option<u32>) {
        self.faults().throttle = Some(Throttle { calls, retry_after });
    }

    /// Every answer takes so long; zero ends it.
    pub fn slow(&self, delay: Duration) {
        self.faults().delay = delay;
    }

    /// Takes away the permission to perform an operation, e.g. `Decrypt`, `ReEncryptFrom`.
    pub fn deny(&self, operation: &str) {
        self.faults().denied.insert(operation.to_owned());
    }

    /// Gives it back.
    pub fn allow(&self, operation: &str) {
        self.faults().denied.remove(operation);
    }

    /// Every ciphertext that it hands out is altered by one bit.
    pub fn tamper(&self, on: bool) {
        self.faults().tampers = on;
    }

    /// Does it perform the operation even if `DryRun` is set, as other people's emulators do?
    pub fn ignore_dry_run(&self, on: bool) {
        self.faults().ignores_dry_run = on;
    }

    /// All temporary credentials handed out so far expire; with `lasting`, [`ACCESS_KEY`] too.
    pub fn expire_credentials(&self, lasting: bool) {
        for (id, login) in lock(&self.shared.logins).iter_mut() {
            login.expired |= lasting || id != ACCESS_KEY;
        }
    }

    /// No fault any more; keys keep their states.
    pub fn heal(&self) {
        *self.faults() = Faults::default();
        lock(&self.shared.logins).values_mut().for_each(|login| login.expired = false);
        self.outage(Outage::None);
    }

    // ---- what came in

    /// Calls of an operation so far, also those that were answered by an error.
    pub fn calls(&self, operation: &str) -> usize {
        lock(&self.shared.calls).iter().filter(|call| call.operation == operation).count()
    }

    /// All calls so far.
    pub fn log(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        lock(&self.shared.calls).clear();
    }

    fn vault(&self) -> MutexGuard<'_, Vault> {
        lock(&self.shared.vault)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.shared.faults)
    }
}

impl Drop for FakeKms {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A request as the dialects see it.
struct Incoming {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// What a dialect answers.
struct Reply {
    /// `ok` or the error's code.
    outcome: String,
    status: u16,
    content_type: &'static str,
    /// Seconds to wait, for throttled calls.
    retry_after: Option<u32>,
    body: Vec<u8>,
}

async fn answer(
    axum::extract::State(shared): axum::extract::State<Arc<Shared>>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let (parts, body) = request.into_parts();
    let incoming = Incoming {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default().to_vec(),
    };
    let delay = lock(&shared.faults).delay;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let request_id = vault::uuid();
    let is_rest = incoming.path.starts_with(rest::PREFIX);
    let operation = if is_rest { rest::operation(&incoming) } else { aws::operation(&incoming) };
    let outage = *shared.outage.borrow();
    let reply = match outage {
        Outage::Status(status) => Reply {
            outcome: status.to_string(),
            status,
            content_type: "text/html",
            retry_after: None,
            body: b"<html><body>Service Unavailable</body></html>".to_vec(),
        },
        _ if is_rest => rest::answer(&shared, &operation, &incoming),
        _ => aws::answer(&shared, &operation, &incoming),
    };
    lock(&shared.calls).push(Call { operation, at: Instant::now(), outcome: reply.outcome });
    let mut response = axum::http::Response::builder()
        .status(reply.status)
        .header("content-type", reply.content_type)
        .header("x-amzn-requestid", &request_id);
    if let Some(seconds) = reply.retry_after {
        response = response.header("retry-after", seconds.to_string());
    }
    response.body(axum::body::Body::from(reply.body)).unwrap()
}
