//! `target_session_attrs`: which of several hosts a session goes to.
//!
//! A client's login can be relayed only once, so the host has to be right before it starts: pgveil asks
//! each host itself, by one connection a host that it keeps. What counts is the server's own setting of
//! `default_transaction_read_only` (as the service login sees it); what is set for one role is not seen.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use tokio_postgres::Client;

use super::{ConnectError, OwnError, ServiceLogin, Upstream, shown};
use crate::config::{Policy, TargetSession};

/// A host that does not say what it is in this time is passed over.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is wanted, and connections to ask by.
pub(super) struct Target {
    wanted: TargetSession,
    login: ServiceLogin,
    askers: Vec<Mutex<Asker>>,
}

/// One host's.
#[derive(Default)]
struct Asker {
    client: Option<Client>,
    /// The last answer, and when it came: who has waited for it meanwhile need not ask again.
    last: Option<(Instant, Answer)>,
}

type Answer = Result<Nature, String>;

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nature {
    in_recovery: bool,
    read_only: bool,
}

impl Target {
    pub(super) fn new(policy: &Policy) -> Self {
        // Any database does; the service login can connect to the protected ones.
        let database = policy.databases.keys().next().map_or("postgres", String::as_str);
        Self {
            wanted: policy.upstream.target,
            login: ServiceLogin::new(policy, database),
            askers: policy.upstream.hosts.iter().map(|_| Mutex::default()).collect(),
        }
    }

    /// pgveil's own login, to some database.
    pub(super) fn login(&self) -> &ServiceLogin {
        &self.login
    }

    /// Hosts that will do for a client, the most wanted first.
    pub(super) async fn candidates(&self, upstream: &Upstream) -> Result<Vec<usize>, ConnectError> {
        match self.wanted {
            TargetSession::Any => Ok((0..upstream.hosts.len()).collect()),
            TargetSession::ReadWrite => {
                self.choose(upstream, |nature| !nature.in_recovery && !nature.read_only, false).await
            }
            TargetSession::ReadOnly => {
                self.choose(upstream, |nature| nature.in_recovery || nature.read_only, false).await
            }
            TargetSession::Primary => self.choose(upstream, |nature| !nature.in_recovery, false).await,
            TargetSession::Standby => self.choose(upstream, |nature| nature.in_recovery, false).await,
            TargetSession::PreferStandby => self.choose(upstream, |nature| nature.in_recovery, true).await,
        }
    }

    /// Hosts for pgveil itself: its keystore is written on a primary, and the catalog is not behind there,
    /// wherever clients go. All of them: why one cannot be used it says best itself.
    pub(super) async fn own_candidates(&self, upstream: &Upstream) -> Vec<usize> {
        let mut hosts: Vec<usize> = (0..upstream.hosts.len()).collect();
        if hosts.len() > 1 {
            let natures = self.ask_all(upstream, false).await;
            hosts.sort_by_key(|&host| match natures.get(host) {
                Some(Ok(nature)) => u8::from(nature.in_recovery),
                _ => 2,
            });
        }
        hosts
    }

    /// Is a host a standby, as far as it can be said?
    pub(super) async fn is_standby(&self, upstream: &Upstream, host: usize) -> bool {
        self.ask(upstream, host, false).await.is_ok_and(|nature| nature.in_recovery)
    }

    /// Hosts that fit, in their order; then the others that answer, if they will do, too.
    async fn choose(
        &self,
        upstream: &Upstream,
        fits: fn(&Nature) -> bool,
        others: bool,
    ) -> Result<Vec<usize>, ConnectError> {
        let mut natures = Vec::new();
        // Those that are known not to answer are waited for only if no other will do.
        for patient in [false, true] {
            natures = self.ask_all(upstream, patient).await;
            let known = |wanted: bool| {
                let fitting = natures.iter().enumerate();
                fitting.filter(move |(_, nature)| nature.as_ref().is_ok_and(|nature| fits(nature) == wanted))
            };
            let rest = others.then(|| known(false)).into_iter().flatten();
            let hosts: Vec<usize> = known(true).chain(rest).map(|(host, _)| host).collect();
            if !hosts.is_empty() {
                return Ok(hosts);
            }
            if !(0..upstream.hosts.len()).any(|host| upstream.is_silent(host)) {
                break;
            }
        }
        let told = upstream.hosts.iter().zip(&natures).map(|(host, nature)| match nature {
            Ok(nature) => format!("{} is {}", shown(host), nature.told()),
            Err(why) => format!("{} does not say what it is: {why}", shown(host)),
        });
        Err(ConnectError::Unsuitable(told.collect::<Vec<_>>().join("; ")))
    }

    async fn ask_all(&self, upstream: &Upstream, patient: bool) -> Vec<Answer> {
        join_all((0..upstream.hosts.len()).map(|host| self.ask(upstream, host, patient))).await
    }

    /// Asks one host, unless it is known not to answer and this is not one who waits for it all the same.
    async fn ask(&self, upstream: &Upstream, host: usize, patient: bool) -> Answer {
        let silence = || Err(format!("no answer within {} s", PATIENCE.as_secs()));
        if !patient && upstream.is_silent(host) {
            return silence();
        }
        let Some(asker) = self.askers.get(host) else { return Err("there is no such host".to_owned()) };
        let came = Instant::now();
        let asking = async {
            let mut asker = asker.lock().await;
            if let Some((_, answer)) = asker.last.as_ref().filter(|(when, _)| *when >= came) {
                return answer.clone();
            }
            let answer = self.nature(upstream, host, &mut asker.client).await.map_err(|error| {
                if matches!(error, OwnError::Connect(ConnectError::Timeout { .. })) {
                    upstream.fell_silent(host);
                }
                error.to_string()
            });
            asker.last = Some((Instant::now(), answer.clone()));
            answer
        };
        // What is given up here drops the connection: an answer to come would be taken for the next one's.
        timeout(PATIENCE, asking).await.unwrap_or_else(|_| {
            upstream.fell_silent(host);
            silence()
        })
    }

    async fn nature(&self, upstream: &Upstream, host: usize, client: &mut Option<Client>) -> Result<Nature, OwnError> {
        // One that was kept may have died with a server that is up again.
        if let Some(kept) = client.take().filter(|client| !client.is_closed())
            && let Ok(nature) = nature(&kept).await
        {
            *client = Some(kept);
            return Ok(nature);
        }
        let made = Box::pin(upstream.own_client_of(host, &self.login)).await?;
        let nature = nature(&made).await?;
        *client = Some(made);
        Ok(nature)
    }
}

impl Nature {
    pub(super) fn told(self) -> &'static str {
        match (self.in_recovery, self.read_only) {
            (true, _) => "a standby",
            (false, true) => "a primary with default_transaction_read_only",
            (false, false) => "a primary",
        }
    }
}

pub(super) async fn nature(client: &Client) -> Result<Nature, tokio_postgres::Error> {
    let row = client
        .query_one(
            "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only') \
             OPERATOR(pg_catalog.=) 'on'",
            &[],
        )
        .await?;
    Ok(Nature { in_recovery: row.try_get(0)?, read_only: row.try_get(1)? })
}
