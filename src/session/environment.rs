//! What a session knows of its environment: search_path, role, temporary tables, settings.
//!
//! The server is asked, never guessed after: whenever a statement may have changed something, the
//! next statement on a protected name first waits for the answer of [`env::QUERY`], sent
//! on the client's own connection, so that it sees exactly what that statement will see.

use std::sync::Arc;

use bytes::BytesMut;

use super::problem::Problem;
use crate::{
    sql::env::{self, Env, RawSettings},
    values::Settings,
    wire::{backend, frontend},
};

/// Reserved name of pgveil's own statement and portal.
const NAME: &[u8] = b"pgveil$env";

/// A session's environment.
#[derive(Debug, Default)]
pub struct Environment {
    known: Option<Arc<Env>>,
    settings: Arc<Settings>,
    /// A setting that pgveil cannot follow, in words.
    unsupported: Option<String>,
    /// `client_encoding` is UTF8, as the server last reported.
    utf8: bool,
    /// `client_encoding` may have been changed by a statement whose report has not come yet.
    encoding_in_doubt: bool,
    /// A statement of the present transaction may have changed something: its end takes it back.
    touched: bool,
    /// One of them may have changed the catalog: pgveil's own connection does not see that yet.
    altered: bool,
    /// A DO block was run, which may give protected tables other names without naming them.
    hides: bool,
    /// The server would not say (an aborted transaction).
    refused: bool,
}

impl Environment {
    /// The environment, if nothing may have changed it since it was read.
    pub fn known(&self) -> Option<&Arc<Env>> {
        self.known.as_ref()
    }

    /// Settings as last read.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Why values cannot be read or written under the session's settings, if so.
    pub fn unsupported(&self) -> Option<&str> {
        self.unsupported.as_deref()
    }

    /// Is `client_encoding` known to be UTF8? None if a change may be under way.
    pub fn utf8(&self) -> Option<bool> {
        if self.encoding_in_doubt { None } else { Some(self.utf8) }
    }

    /// A statement was sent that may change something.
    pub fn touch(&mut self) {
        self.known = None;
        self.touched = true;
        self.encoding_in_doubt = true;
    }

    /// A statement was sent that may change the catalog.
    pub fn alter(&mut self) {
        self.known = None;
        self.touched = true;
        self.altered = true;
    }

    /// A statement was sent that may make protected tables known by other names: DO, CREATE VIEW.
    pub fn hide(&mut self) {
        self.hides = true;
    }

    /// May names mean protected tables that the catalog knows under others?
    pub fn hides(&self) -> bool {
        self.hides
    }

    /// The catalog was read since that was committed.
    pub fn reveal(&mut self) {
        self.hides = false;
    }

    /// May the present transaction have changed the catalog?
    pub fn altered(&self) -> bool {
        self.altered
    }

    /// Has the present transaction touched something?
    pub fn touched(&self) -> bool {
        self.touched
    }

    /// The transaction that touched something ends, or part of it is taken back.
    pub fn forget(&mut self) {
        if self.touched {
            self.known = None;
            self.encoding_in_doubt = true;
        }
    }

    /// The server failed to answer.
    pub fn refused_to_answer(&mut self) {
        self.refused = true;
    }

    /// Did it fail to answer? Tells once.
    pub fn take_refusal(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// The server is idle outside a transaction: nothing is left to be taken back.
    pub fn settle(&mut self) {
        self.touched = false;
        if std::mem::take(&mut self.altered) {
            // The catalog has it now.
            self.known = None;
        }
    }

    /// The server reports a parameter.
    pub fn reported(&mut self, body: &[u8]) {
        let Ok((name, value)) = backend::parameter_status(body) else { return };
        match name {
            b"client_encoding" => {
                self.utf8 = value == b"UTF8";
                self.encoding_in_doubt = false;
            }
            // Reported before the next ReadyForQuery; rows in between were sent under the old ones.
            b"TimeZone" | b"DateStyle" | b"IntervalStyle" | b"standard_conforming_strings" | b"search_path" => {
                self.known = None;
            }
            _ => {}
        }
    }

    /// Writes the question. Everything under reserved names, so that the client's unnamed statement
    /// and portal stay, and gone afterwards, so that pg_prepared_statements shows the client's only.
    pub fn ask(&self, out: &mut BytesMut) {
        let query = if self.altered { env::QUERY_CHANGED } else { env::QUERY };
        frontend::close(out, frontend::Target::Statement, NAME);
        frontend::parse(out, NAME, query.as_bytes(), &[]);
        frontend::bind_plain(out, NAME, NAME, &[]);
        frontend::execute(out, NAME);
        frontend::close(out, frontend::Target::Portal, NAME);
        frontend::close(out, frontend::Target::Statement, NAME);
    }

    /// The answer's row.
    pub fn answered(&mut self, row: &[u8]) -> Result<(), Problem> {
        let cells = backend::cells(row)?;
        let (env, raw) = env::parse_row(&cells).map_err(|error| {
            Problem::new(
                "08P01",
                "session/environment",
                format!("pgveil cannot read the session's environment: {error}"),
            )
        })?;
        self.utf8 = raw.client_encoding == "UTF8";
        self.encoding_in_doubt = false;
        match settings(&raw) {
            Ok(mut settings) => {
                settings.search_path = env.search_path.as_slice().into();
                self.settings = Arc::new(settings);
                self.unsupported = None;
            }
            Err(what) => self.unsupported = Some(what),
        }
        // Asked before a statement that changes the catalog was on its way: ask again.
        self.known = (!self.altered || env.changed.is_some()).then(|| Arc::new(env));
        Ok(())
    }
}

/// The settings as codecs want them, or the one that they cannot follow.
fn settings(raw: &RawSettings) -> Result<Settings, String> {
    let mut settings = Settings::default();
    for (name, value, understood) in [
        ("DateStyle", &raw.date_style, settings.set_date_style(&raw.date_style)),
        ("IntervalStyle", &raw.interval_style, settings.set_interval_style(&raw.interval_style)),
        ("TimeZone", &raw.time_zone, settings.set_time_zone(&raw.time_zone)),
        ("bytea_output", &raw.bytea_output, settings.set_bytea_output(&raw.bytea_output)),
        ("extra_float_digits", &raw.extra_float_digits, settings.set_extra_float_digits(&raw.extra_float_digits)),
        ("array_nulls", &raw.array_nulls, settings.set_array_nulls(&raw.array_nulls)),
    ] {
        if !understood {
            return Err(format!("{name} = {value}"));
        }
    }
    Ok(settings)
}
