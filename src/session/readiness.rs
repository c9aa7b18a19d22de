//! What has to be settled before a statement on protected names can be planned: a fresh catalog, the
//! session's environment, an encoding in which names can be read.

use std::sync::Arc;

use super::{
    engine::{Next, Session, Wait},
    environment::Environment,
    fifo::Kind,
    job::{Deal, Job},
    planning::Desk,
    problem::Problem,
    rows::View,
};
use crate::{
    sql::{cache::Scope, catalog::Catalog, classify::Class, env::Env, model::Plan},
    wire::frontend,
};

/// Statements that take back or keep what a transaction has set.
pub(super) const ENDS_TRANSACTION: Class = Class::COMMIT.union(Class::ROLLBACK).union(Class::SAVEPOINT);

/// What has to be settled before a protected statement can be planned.
pub(super) enum Ready {
    /// Everything is known.
    Now(Arc<Catalog>, Arc<Env>),
    /// The server is being asked.
    Later,
    /// It cannot be planned: an aborted transaction, an encoding, no catalog.
    Never(Problem),
}

impl Session {
    pub(super) async fn ready_to_plan(&mut self) -> Ready {
        if self.fifo.skipping() {
            // After an error the server skips everything up to a Sync, and so would this be.
            return Ready::Never(Problem::native("25P02", "skipped after an error"));
        }
        if let Err(problem) = self.db.freshen().await {
            return Ready::Never(problem);
        }
        if self.environment.take_refusal() || (self.status == b'E' && self.fifo.is_empty()) {
            // Natively 25P02: the substitute gets that from the server itself.
            return Ready::Never(Problem::new(
                "08006",
                "session/environment",
                "pgveil could not read the session's environment",
            ));
        }
        if self.environment.utf8() == Some(false) {
            return Ready::Never(encoding_problem());
        }
        match self.environment.known() {
            None => {
                self.ask_environment();
                Ready::Later
            }
            Some(env) => match self.environment.unsupported() {
                Some(what) => Ready::Never(
                    Problem::new(
                        "0A000",
                        "session/unsupported-setting",
                        format!("pgveil does not read or write sealed values under {what}"),
                    )
                    .hint("Set another value for this session."),
                ),
                None => Ready::Now(self.db.catalog(), Arc::clone(env)),
            },
        }
    }

    pub(super) fn ask_environment(&mut self) {
        Environment::ask(&mut self.server.output);
        let alone = self.segment.is_empty();
        let job = || Job { deal: Deal::Environment { alone }, ..Job::default() };
        for kind in [Kind::Close, Kind::Parse, Kind::Bind, Kind::Execute, Kind::Close] {
            self.expect(kind, job());
        }
        if alone {
            frontend::sync(&mut self.server.output);
            self.expect(Kind::Sync, job());
        } else {
            frontend::flush(&mut self.server.output);
        }
        self.wait = Wait::Environment;
    }

    /// The grammar here reads UTF8 only, so such a text cannot be planned. (The prefilter reads every
    /// encoding: what names nothing protected passes.)
    pub(super) fn unreadable(&self, text: &[u8]) -> bool {
        self.environment.utf8() != Some(true) && !text.is_ascii()
    }

    /// In an encoding other than UTF8 a text with high bytes that mentions something protected is
    /// refused; while the encoding is in doubt it waits. None: go on.
    pub(super) fn check_encoding(&mut self, text: &[u8]) -> Option<Result<Next, Problem>> {
        if !self.unreadable(text) {
            return None;
        }
        match self.environment.utf8() {
            Some(_) => Some(Err(encoding_problem())),
            None if self.environment.take_refusal() => Some(Err(encoding_problem())),
            None => {
                self.ask_environment();
                Some(Ok(Next::Stay))
            }
        }
    }

    /// Notes what a statement that was sent may do to the session's environment.
    pub(super) fn note_effects(&mut self, mentions_env: bool, text: impl FnOnce() -> Class) {
        if mentions_env {
            self.environment.touch();
        } else if self.environment.touched() {
            let class = text();
            if class.contains(ENDS_TRANSACTION) {
                self.environment.forget();
            }
        }
    }

    /// What plans are cached under: made anew only when the environment or the catalog has changed.
    pub(super) fn scope(&mut self, epoch: u64, env: &Arc<Env>) -> Arc<Scope> {
        match &self.scope {
            Some((of_epoch, of_env, scope)) if *of_epoch == epoch && Arc::ptr_eq(of_env, env) => Arc::clone(scope),
            _ => {
                let scope = Scope::new(&self.db.policy.name, epoch, env);
                self.scope = Some((epoch, Arc::clone(env), Arc::clone(&scope)));
                scope
            }
        }
    }

    pub(super) fn desk<T>(&mut self, catalog: &Catalog, env: &Env, work: impl FnOnce(&mut Desk<'_>) -> T) -> T {
        let settings = Arc::clone(self.environment.settings());
        let (columns, scratch, ddl) = (&self.db.columns, &mut self.scratch, self.ddl);
        work(&mut Desk { catalog, env, settings: &settings, columns, scratch, ddl })
    }

    pub(super) fn view(&self, plan: &Arc<Plan>, wanted: Vec<i16>, upstream: Vec<i16>) -> Arc<View> {
        let settings = Arc::clone(self.environment.settings());
        Arc::new(View { plan: Some(Arc::clone(plan)), wanted, upstream, settings })
    }
}

pub(super) fn encoding_problem() -> Problem {
    Problem::new(
        "0A000",
        "session/encoding",
        "pgveil reads statements on protected tables in UTF8 only, and client_encoding is another",
    )
    .detail("Names and quotes lex differently in other encodings. Statements that name nothing protected pass.")
    .hint("SET client_encoding = 'UTF8'")
}

pub(super) fn invalid_utf8() -> Problem {
    Problem::native("22021", "invalid byte sequence for encoding \"UTF8\"")
}
