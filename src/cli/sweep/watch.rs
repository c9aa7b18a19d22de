//! Follows one job to its end, and works on it if nobody else does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};
use tokio_postgres::Client;

use super::{look::Look, progress::Display, shown_as, site::Opened};
use crate::{
    cli::{connect, console::Console, error::CliError},
    config::{Database, Policy},
    sweep::{JobState, SweepError, conductor, journal},
};

/// How often a person's bar is drawn.
const DRAWN: Duration = Duration::from_millis(250);
/// How often is looked where nobody looks.
const LOOKED: Duration = Duration::from_secs(1);
/// How often is looked whether somebody works.
const WORKERS: Duration = Duration::from_secs(3);
/// A database that is away for longer ends the waiting.
const OUTAGE: Duration = Duration::from_secs(120);

/// Whoever waits for a job.
pub(super) struct Waiting<'a> {
    policy: &'a Arc<Policy>,
    database: &'a Arc<Database>,
    job: i64,
    /// Works on the job while no other process does.
    takes_part: bool,
    client: Option<Client>,
    part: Option<Part>,
    display: Display,
}

/// This process's part in the work.
struct Part {
    task: JoinHandle<Result<(), SweepError>>,
    stop: watch::Sender<bool>,
    opened: Opened,
}

/// SIGINT and SIGTERM.
pub(super) struct Interrupts(Signal, Signal);

impl Interrupts {
    pub(super) fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|source| CliError::Io { what: "listening for signals", source });
        Ok(Self(listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?))
    }

    /// Waits for one. Cancel safe.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

impl<'a> Waiting<'a> {
    pub(super) fn new(
        policy: &'a Arc<Policy>,
        database: &'a Arc<Database>,
        job: i64,
        takes_part: bool,
        console: Console,
    ) -> Self {
        let display = Display::new(console);
        Self { policy, database, job, takes_part, client: None, part: None, display }
    }

    /// Until the job is over, or has failed. Interrupted it leaves the job to others.
    pub(super) async fn wait(mut self) -> Result<Look, CliError> {
        let mut interrupts = Interrupts::listen()?;
        let outcome = tokio::select! {
            outcome = self.follow() => outcome,
            () = interrupts.next() => Err(self.interrupted()),
        };
        self.display.end();
        let leave = async {
            if let Some(part) = self.part.take() {
                part.leave().await;
            }
        };
        tokio::select! {
            () = leave => {}
            // Whatever is at work is taken over by others when its lease is over.
            () = interrupts.next() => {}
        }
        outcome
    }

    async fn follow(&mut self) -> Result<Look, CliError> {
        let every = if self.display.is_bar() { DRAWN } else { LOOKED };
        let (mut away, mut asked): (Option<Instant>, Option<Instant>) = (None, None);
        loop {
            match self.look().await {
                Ok(Some(look)) => {
                    self.display.show(&look);
                    if look.job.state.is_over() || look.job.state == JobState::Failed {
                        return Ok(look);
                    }
                    let asks = asked.is_none_or(|asked| asked.elapsed() >= WORKERS);
                    match if asks { self.work(&look).await } else { Ok(()) } {
                        Ok(()) => away = None,
                        Err(error) => self.put_up_with(error, &mut away)?,
                    }
                    if asks {
                        asked = Some(Instant::now());
                    }
                }
                Ok(None) => {
                    return Err(CliError::failed(
                        "sweep/unknown-job",
                        format!("database {} has no sweep {} any more", self.database.name, self.job),
                        "somebody has deleted its row",
                    ));
                }
                Err(error) => {
                    self.client = None;
                    self.put_up_with(error, &mut away)?;
                }
            }
            tokio::time::sleep(every).await;
        }
    }

    /// Servers are restarted, networks have their moments.
    fn put_up_with(&self, error: CliError, away: &mut Option<Instant>) -> Result<(), CliError> {
        let since = away.get_or_insert_with(|| {
            self.display.note(&format!("waiting: {error}"));
            Instant::now()
        });
        if since.elapsed() < OUTAGE { Ok(()) } else { Err(error) }
    }

    async fn look(&mut self) -> Result<Option<Look>, CliError> {
        let client = match &self.client {
            Some(client) if !client.is_closed() => client,
            _ => {
                let client = connect::sweeps(self.policy, &self.database.name).await?;
                self.client.insert(client)
            }
        };
        Ok(Look::at(client, self.job).await?)
    }

    /// Takes part if nobody else does, and sees whether this process's part has failed.
    async fn work(&mut self, look: &Look) -> Result<(), CliError> {
        if !self.takes_part || !look.job.state.is_under_way() {
            return Ok(());
        }
        if let Some(part) = self.part.take_if(|part| part.task.is_finished()) {
            part.ended().await?;
        }
        if self.part.is_some() {
            return Ok(());
        }
        if let Some(client) = &self.client
            && journal::workers(client).await?.iter().any(journal::Worker::is_live)
        {
            return Ok(());
        }
        self.part = Some(Part::begin(self.policy, self.database, look).await?);
        Ok(())
    }

    fn interrupted(&self) -> CliError {
        let job = self.job;
        CliError::failed(
            "sweep/interrupted",
            format!("sweep {job} has not ended: it goes on when somebody works on it, from where it is"),
            format!(
                "`pgveil sweep worker` works on it, `pgveil sweep status {job} --wait` follows it, `pgveil sweep cancel {job}` \
                 ends it"
            ),
        )
    }
}

impl Part {
    async fn begin(policy: &Arc<Policy>, database: &Arc<Database>, look: &Look) -> Result<Self, CliError> {
        let opened = Opened::open(policy, database).await?;
        let (stop, stops) = watch::channel(false);
        let until = conductor::Until::Over(look.job.id);
        let task = tokio::spawn(conductor::run(opened.site.clone(), look.job.limits.concurrency, until, stops));
        Ok(Self { task, stop, opened })
    }

    /// Leaves what it is at so that others go on with it.
    async fn leave(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
        self.opened.close().await;
    }

    /// After it has ended by itself.
    async fn ended(self) -> Result<(), CliError> {
        let outcome = self.task.await;
        self.opened.close().await;
        match outcome {
            Ok(outcome) => Ok(outcome?),
            Err(error) => {
                Err(CliError::failed("sweep/worker", error.to_string(), "a fault in pgveil: please report it"))
            }
        }
    }
}

/// What a job came to, in one line.
pub(super) fn outcome(look: &Look) -> String {
    let line = shown_as::line(look, look.pace());
    match look.job.state {
        JobState::Completed => line,
        JobState::Failed => {
            format!("{line}\n`pgveil sweep resume {}` goes on with it once that is mended", look.job.id)
        }
        _ => format!("{line}\n`pgveil sweep report {}` shows it in full", look.job.id),
    }
}
