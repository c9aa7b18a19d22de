//! Prometheus metrics. Handles are kept, so that counting costs an atomic addition.

mod keys;
mod sweep;

use std::{sync::LazyLock, time::Duration};

pub use keys::{KeyMeters, kms_called};
pub use sweep::{AtWork, Batch, Pause, SweepMeters};

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// What became of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Forwarded as it came.
    Passed,
    /// Forwarded with edits.
    Rewritten,
    /// Answered with an error.
    Refused,
}

/// All counters of the data path.
pub struct Meters {
    sessions: Gauge,
    waiting: Gauge,
    passed: Counter,
    rewritten: Counter,
    refused: Counter,
    parses: Counter,
    parse_nanos: Counter,
    plan_hits: Counter,
    plan_misses: Counter,
    seals: Counter,
    seal_nanos: Counter,
    opens: Counter,
    open_nanos: Counter,
    open_failures: Counter,
    bytes_up: Counter,
    bytes_down: Counter,
    catalog_loads: Counter,
    cancels: Counter,
    ready: Gauge,
    client_p99: Gauge,
}

static RECORDER: LazyLock<Option<PrometheusHandle>> =
    LazyLock::new(|| PrometheusBuilder::new().install_recorder().ok());

static METERS: LazyLock<Meters> = LazyLock::new(|| {
    LazyLock::force(&RECORDER);
    describe_gauge!("pgveil_sessions", "Client sessions open now");
    describe_gauge!("pgveil_logins_waiting", "Client connections that are not logged in yet");
    describe_counter!("pgveil_logins_total", "Logins by result");
    describe_counter!("pgveil_statements_total", "Statements by what became of them: passed, rewritten, refused");
    describe_counter!("pgveil_parses_total", "Texts parsed with PostgreSQL's grammar");
    describe_counter!("pgveil_parse_nanoseconds_total", "Time spent parsing");
    describe_counter!("pgveil_plan_cache_total", "Look-ups in the plan cache by result");
    describe_counter!("pgveil_values_total", "Values sealed and opened");
    describe_counter!("pgveil_value_nanoseconds_total", "Time spent sealing and opening");
    describe_counter!("pgveil_open_failures_total", "Stored values that did not open");
    describe_counter!("pgveil_bytes_total", "Bytes forwarded by direction");
    describe_counter!("pgveil_catalog_loads_total", "Times the catalog was read");
    describe_counter!("pgveil_sessions_ended_total", "Sessions that have ended, by reason");
    describe_counter!("pgveil_cancels_total", "Cancel requests sent for clients that have vanished, or at the end");
    describe_gauge!("pgveil_ready", "1 while /readyz says so");
    describe_gauge!("pgveil_client_p99_seconds", "99th percentile of the clients' latency of late; 0: no traffic");
    describe_counter!("pgveil_errors_total", "Errors that pgveil raised, by code");
    keys::describe();
    sweep::describe();
    Meters {
        sessions: gauge!("pgveil_sessions"),
        waiting: gauge!("pgveil_logins_waiting"),
        passed: counter!("pgveil_statements_total", "outcome" => "passed"),
        rewritten: counter!("pgveil_statements_total", "outcome" => "rewritten"),
        refused: counter!("pgveil_statements_total", "outcome" => "refused"),
        parses: counter!("pgveil_parses_total"),
        parse_nanos: counter!("pgveil_parse_nanoseconds_total"),
        plan_hits: counter!("pgveil_plan_cache_total", "result" => "hit"),
        plan_misses: counter!("pgveil_plan_cache_total", "result" => "miss"),
        seals: counter!("pgveil_values_total", "operation" => "seal"),
        seal_nanos: counter!("pgveil_value_nanoseconds_total", "operation" => "seal"),
        opens: counter!("pgveil_values_total", "operation" => "open"),
        open_nanos: counter!("pgveil_value_nanoseconds_total", "operation" => "open"),
        open_failures: counter!("pgveil_open_failures_total"),
        bytes_up: counter!("pgveil_bytes_total", "direction" => "up"),
        bytes_down: counter!("pgveil_bytes_total", "direction" => "down"),
        catalog_loads: counter!("pgveil_catalog_loads_total"),
        cancels: counter!("pgveil_cancels_total"),
        ready: gauge!("pgveil_ready"),
        client_p99: gauge!("pgveil_client_p99_seconds"),
    }
});

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Meters {
    /// The process's counters.
    pub fn get() -> &'static Self {
        &METERS
    }

    /// A client has connected.
    pub fn login_started(&self) {
        self.waiting.increment(1.0);
    }

    /// It is logged in, or was sent away, or has gone.
    pub fn login_ended(&self) {
        self.waiting.decrement(1.0);
    }

    /// What came of a login. Results are few and fixed.
    pub fn login(&self, result: &'static str) {
        counter!("pgveil_logins_total", "result" => result).increment(1);
    }

    /// A client is logged in.
    pub fn session_opened(&self) {
        self.sessions.increment(1.0);
    }

    /// Its session has ended.
    pub fn session_closed(&self) {
        self.sessions.decrement(1.0);
    }

    /// A statement was decided on.
    pub fn statement(&self, verdict: Verdict) {
        match verdict {
            Verdict::Passed => self.passed.increment(1),
            Verdict::Rewritten => self.rewritten.increment(1),
            Verdict::Refused => self.refused.increment(1),
        }
    }

    /// A text was parsed.
    pub fn parsed(&self, time: Duration) {
        self.parses.increment(1);
        self.parse_nanos.increment(nanos(time));
    }

    /// The plan cache was asked.
    pub fn plan_cache(&self, hit: bool) {
        if hit { self.plan_hits.increment(1) } else { self.plan_misses.increment(1) }
    }

    /// So many values were read, sealed and written.
    pub fn sealed(&self, values: u64, time: Duration) {
        self.seals.increment(values);
        self.seal_nanos.increment(nanos(time));
    }

    /// So many values were opened, or not, and written.
    pub fn opened(&self, values: u64, time: Duration) {
        self.opens.increment(values);
        self.open_nanos.increment(nanos(time));
    }

    /// A stored value did not open.
    pub fn open_failed(&self) {
        self.open_failures.increment(1);
    }

    /// Bytes went to the server and to the client.
    pub fn bytes(&self, up: usize, down: usize) {
        if up > 0 {
            self.bytes_up.increment(up as u64);
        }
        if down > 0 {
            self.bytes_down.increment(down as u64);
        }
    }

    /// The catalog was read.
    pub fn catalog_loaded(&self) {
        self.catalog_loads.increment(1);
    }

    /// A session that was logged in, or relayed, has ended. Reasons are few and fixed.
    pub fn session_ended(&self, reason: &'static str) {
        counter!("pgveil_sessions_ended_total", "reason" => reason).increment(1);
    }

    /// A cancel request was sent that no client had asked for.
    pub fn cancel_sent(&self) {
        self.cancels.increment(1);
    }

    /// Does the process say that it is ready?
    pub fn ready(&self, ready: bool) {
        self.ready.set(if ready { 1.0 } else { 0.0 });
    }

    /// 99 of 100 batches of clients were answered within this time of late; None: there was no traffic.
    pub fn client_p99(&self, p99: Option<Duration>) {
        self.client_p99.set(p99.unwrap_or_default().as_secs_f64());
    }

    /// An error was raised. Codes are few and fixed.
    pub fn error(&self, code: &'static str) {
        counter!("pgveil_errors_total", "code" => code).increment(1);
    }
}

/// The metrics in Prometheus's text form.
pub fn render() -> String {
    Meters::get();
    RECORDER.as_ref().map(PrometheusHandle::render).unwrap_or_default()
}
