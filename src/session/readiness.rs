//! What has to be settled before a statement on protected names can be planned: a fresh catalog, the
//! session's environment, an encoding in which names can be read.

use std::sync::Arc;

use super::{
    engine::{Next, Session, Wait},
    fifo::Kind,
    job::{Deal, Job},
    names::Statement,
    planning::{Desk, ENDS_TRANSACTION},
    problem::Problem,
    rows::View,
};
use crate::{
    sql::{
        cache::Scope,
        catalog::Catalog,
        classify::{Class, classify},
        env::Env,
        model::Plan,
        overlay,
        prefilter::Mentions,
    },
    values::Settings,
    wire::frontend,
};

/// Statements that may change the catalog.
pub(super) const ALTERS: Class = Class::DDL.union(Class::PROCEDURE);

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
        if let Err(problem) = self.db.freshen().await {
            return Ready::Never(problem);
        }
        let aborted = self.status == b'E' && self.fifo.is_empty() && self.environment.known().is_none();
        if self.environment.take_refusal() || aborted {
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
                Some(what) => Ready::Never(unsupported_setting(what)),
                None => Ready::Now(self.db.catalog(), Arc::clone(env)),
            },
        }
    }

    /// For statements whose plans depend on names of statements and cursors only.
    pub(super) fn ready_for_names(&self) -> Ready {
        let any = || Arc::new(Env { standard_conforming_strings: true, ..Env::default() });
        Ready::Now(self.db.catalog(), self.environment.known().map_or_else(any, Arc::clone))
    }

    pub(super) fn ask_environment(&mut self) {
        self.environment.ask(&mut self.server.output);
        let alone = self.segment.is_empty();
        let job = || Job { deal: Deal::Environment { alone }, ..Job::default() };
        for kind in [Kind::Close, Kind::Parse, Kind::Bind, Kind::Execute, Kind::Close, Kind::Close] {
            self.sent(kind, job());
        }
        if alone {
            frontend::sync(&mut self.server.output);
            self.sent(Kind::Sync, job());
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

    /// What a text mentions. None: the server is being asked first.
    pub(super) async fn look(&mut self, text: &[u8]) -> Option<Mentions> {
        let look = |session: &Self| session.db.with_catalog(|catalog| catalog.prefilter.look(text));
        let mentions = look(self);
        if mentions.protected || !(self.environment.hides() || self.db.hides_names()) {
            return Some(mentions);
        }
        // What names nothing protected passes without a catalog as well.
        let mut mentions = if self.db.freshen().await.is_ok() { look(self) } else { mentions };
        if !self.environment.altered() {
            self.environment.reveal();
        } else if self.status != b'E' && classify(text).may_write() && !self.environment.take_refusal() {
            let Some(env) = self.environment.known() else {
                self.ask_environment();
                return None;
            };
            mentions.protected |= self.db.with_catalog(|catalog| overlay::names_displaced(text, catalog, env));
        }
        Some(mentions)
    }

    /// Something is not there. May the transaction have created it in a way that pgveil could not see,
    /// such as a function? Then the server is asked.
    pub(super) fn asks_for_changes(&mut self) -> bool {
        let idle = self.status == b'I' && self.fifo.is_empty() && self.segment.is_empty();
        if idle || self.environment.altered() {
            return false;
        }
        self.environment.alter();
        self.ask_environment();
        true
    }

    /// Notes what a statement that was sent may do to the session's environment.
    pub(super) fn note_effects(&mut self, mentions: Mentions, text: &[u8]) {
        if mentions.env || mentions.protected {
            let class = classify(text);
            if mentions.env {
                self.environment.touch();
                if class.contains(ALTERS) {
                    self.environment.alter();
                }
            }
            if mentions.protected && may_hide(class, text) {
                self.environment.hide();
            }
            if !mentions.env && self.environment.touched() && class.contains(ENDS_TRANSACTION) {
                self.environment.forget();
            }
        } else if self.environment.touched() && classify(text).contains(ENDS_TRANSACTION) {
            self.environment.forget();
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
        self.desk_with(catalog, env, &settings, work)
    }

    /// Likewise, with literals read by other settings than the present ones.
    pub(super) fn desk_with<T>(
        &mut self,
        catalog: &Catalog,
        env: &Env,
        settings: &Settings,
        work: impl FnOnce(&mut Desk<'_>) -> T,
    ) -> T {
        let touched = self.environment.touched();
        let (columns, names) = (&self.db.columns, &self.names);
        let (scratch, permits) = (&mut self.scratch, &mut self.permits);
        work(&mut Desk { catalog, env, settings, columns, scratch, permits, names, touched })
    }

    /// How the description of a statement is shown.
    pub(super) fn statement_view(&self, statement: &Statement) -> Option<Arc<View>> {
        statement.planned.as_ref().map(|planned| self.view(&planned.plan, vec![0], vec![0]))
    }

    pub(super) fn view(&self, plan: &Arc<Plan>, wanted: Vec<i16>, upstream: Vec<i16>) -> Arc<View> {
        let settings = Arc::clone(self.environment.settings());
        Arc::new(View { plan: Some(Arc::clone(plan)), wanted, upstream, settings })
    }

    /// How the rows of a portal are shown that was bound before: by the settings that the server would
    /// write them by now. None: the server is being asked for them first.
    pub(super) fn view_now(&mut self, view: &Arc<View>) -> Option<Result<Arc<View>, Problem>> {
        if self.environment.known().is_none() && !self.environment.take_refusal() {
            self.ask_environment();
            return None;
        }
        // If the server does not answer, neither does the portal show anything.
        if self.environment.utf8() != Some(true) {
            return Some(Err(encoding_problem()));
        }
        if let Some(what) = self.environment.unsupported() {
            return Some(Err(unsupported_setting(what)));
        }
        let settings = self.environment.settings();
        if Arc::ptr_eq(settings, &view.settings) {
            return Some(Ok(Arc::clone(view)));
        }
        let (wanted, upstream) = (view.wanted.clone(), view.upstream.clone());
        Some(Ok(Arc::new(View { plan: view.plan.clone(), wanted, upstream, settings: Arc::clone(settings) })))
    }
}

fn unsupported_setting(what: &str) -> Problem {
    Problem::new(
        "0A000",
        "session/unsupported-setting",
        format!("pgveil does not read or write sealed values under {what}"),
    )
    .hint("Set another value for this session.")
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

/// May a statement that mentions something protected make it known by a name that the prefilter cannot
/// know? A view has a name of its own, and what is renamed gets one. Every DO block counts as a mention;
/// one that neither runs text nor calls anything does nothing of the kind.
pub(super) fn may_hide(class: Class, text: &[u8]) -> bool {
    let has = |word: &[u8]| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    let any = |words: &[&[u8]]| words.iter().any(|word| has(word));
    class.contains(Class::DDL) && any(&[b"view", b"rename"])
        || class.contains(Class::PROCEDURE) && any(&[b"(", b"execute", b"create", b"alter", b"language"])
}
