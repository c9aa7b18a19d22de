//! A protected database behind pgveil and its plaintext twin, and sessions that are held on both.

use std::{collections::BTreeMap, io::Write as _, mem};

use aho_corasick::AhoCorasick;

use crate::{
    compare::{self, Failure, Kind},
    doc::Rendered,
    make::{Exchange, How, Part},
    matrix::{self, Construct, Mode},
    raw::{
        Message, Raw, Value, bind, close_statement, copy_data, copy_done, describe_portal, describe_statement, execute,
        field, parse, port, query, sync, terminate,
    },
    schema::Schema,
    shim::{Cut, Shim},
    support::{self, World},
};

/// What is sent to the twin in place of a statement that pgveil refused, so that a transaction there is
/// aborted, too.
const REFUSED: &str = "SELECT \"refused by pgveil\"";

/// Instead of a transaction's status: the sides' tables differ, for a reason that is known.
const PARTED: u8 = 0;

pub struct Bench {
    world: World,
    shim: Shim,
    ours: Raw,
    theirs: Raw,
    reset: Vec<String>,
    secrets: AhoCorasick,
    envelopes: AhoCorasick,
}

/// What became of statements.
#[derive(Default)]
pub struct Counts {
    pub statements: usize,
    pub same: usize,
    /// Refused as declared, by construct.
    pub declared: BTreeMap<(Construct, Mode), usize>,
    /// Refused although it should work one day, by construct and code.
    pub missing: BTreeMap<(Construct, String), usize>,
    /// Declared as refused, and yet the answer was the twin's.
    pub answered: BTreeMap<(Construct, Mode), usize>,
    /// Errors of PostgreSQL's own on both sides, by SQLSTATE.
    pub native: BTreeMap<String, usize>,
    pub rows: usize,
    /// Differences that are known, by reason.
    pub tolerated: BTreeMap<&'static str, usize>,
}

impl Counts {
    pub fn add(&mut self, other: Self) {
        self.statements += other.statements;
        self.same += other.same;
        self.rows += other.rows;
        for (key, n) in other.declared {
            *self.declared.entry(key).or_default() += n;
        }
        for (key, n) in other.missing {
            *self.missing.entry(key).or_default() += n;
        }
        for (key, n) in other.answered {
            *self.answered.entry(key).or_default() += n;
        }
        for (key, n) in other.tolerated {
            *self.tolerated.entry(key).or_default() += n;
        }
        for (key, n) in other.native {
            *self.native.entry(key).or_default() += n;
        }
    }
}

impl Bench {
    pub fn start(schema: &Schema) -> Self {
        let mut world = World::builder().schema(&schema.ddl()).tables(&schema.policy()).not_running().start();
        // Views come after `apply`: it does not change the type of a column that one reads.
        for conn_string in [world.direct(), world.twin()] {
            support::psql(&conn_string, &schema.views_ddl());
        }
        let server = world.server_port();
        let shim = Shim::start(server, Cut::Not, true);
        world.edit_policy(|text| text.replace(&format!("127.0.0.1:{server}"), &format!("127.0.0.1:{}", shim.port)));
        world.run(&[]);
        let (ours, theirs) = (Raw::connect(&world.through()), Raw::connect(&world.twin()));
        let forms = [b"\xff\x70\x76".to_vec(), b"ff7076".to_vec(), b"\\377pv".to_vec(), b"/3B2".to_vec()];
        Self {
            ours,
            theirs,
            reset: schema.reset(),
            secrets: AhoCorasick::builder().ascii_case_insensitive(true).build(schema.secrets()).expect("an automaton"),
            envelopes: AhoCorasick::builder().ascii_case_insensitive(false).build(forms).expect("an automaton"),
            world,
            shim,
        }
    }

    /// Connection string of the twin.
    pub fn twin(&self) -> String {
        self.world.twin()
    }

    /// Puts both sides' tables back.
    fn reset(&mut self) -> Result<(), Failure> {
        for sql in &self.reset {
            let (ours, theirs) = (self.ours.query(sql), self.theirs.query(sql));
            let (a, b) = (compare::lines(&ours, &[]), compare::lines(&theirs, &[]));
            // A session that ended early may have left different rows behind.
            if a != b && !sql.starts_with("DELETE") {
                return Err(compare::difference(0, "filling the tables", &a, &b));
            }
            assert!(!theirs.iter().any(|message| message.tag == b'E'), "{sql}: {b:?}");
        }
        Ok(())
    }

    /// Holds a session on both sides, to its end or to where the sides part.
    pub fn hold(&mut self, session: &[Exchange], counts: &mut Counts) -> Vec<Failure> {
        // What a session that ended early has left.
        if session.iter().any(Exchange::names_view) {
            for side in [&mut self.ours, &mut self.theirs] {
                side.query("DROP VIEW IF EXISTS made");
            }
        }
        if let Err(failure) = self.reset() {
            return vec![failure];
        }
        let (through, twin) = (self.world.through(), self.world.twin());
        let mut ours = Raw::connect_to(port(&through), &through, &[]);
        let mut theirs = Raw::connect_to(port(&twin), &twin, &[]);
        let mut failures: Vec<Failure> = Vec::new();
        let mut aborted = false;
        for (at, exchange) in session.iter().enumerate() {
            // Little is learnt from what an aborted transaction ignores.
            if aborted && at % 4 > 0 && !exchange.is_control() {
                let rollback = Exchange::rollback();
                let _ = exchanged(at, &rollback, &mut ours, &mut theirs, &mut Counts::default(), &self.envelopes);
            }
            match exchanged(at, exchange, &mut ours, &mut theirs, counts, &self.envelopes) {
                Ok(PARTED) => break,
                Ok(status) => aborted = status == b'E',
                Err(failure) => {
                    // After a refusal the sides are as they were.
                    let over = failure.kind != Kind::Refusal;
                    failures.push(failure);
                    if over {
                        break;
                    }
                }
            }
        }
        for side in [&mut ours, &mut theirs] {
            let _ = side.stream.write_all(&terminate());
            while let Ok(Some(_)) = side.try_read() {}
        }
        failures.extend(self.look(session).err());
        failures
    }

    /// No secret went upstream.
    fn look(&self, session: &[Exchange]) -> Result<(), Failure> {
        let seen = mem::take(&mut *self.shim.up.lock().expect("what went upstream"));
        let Some(found) = self.secrets.find(&seen) else { return Ok(()) };
        let shown = |from: usize, to: usize| crate::raw::text(&seen[from..to]);
        let (start, end) = (found.start(), found.end());
        let (before, after) = (shown(start.saturating_sub(300), start), shown(end, (end + 60).min(seen.len())));
        Err(Failure {
            kind: Kind::Leak,
            signature: "plaintext upstream".to_owned(),
            at: session.len().saturating_sub(1),
            report: format!(
                "plaintext of a sealed column went upstream:\n  …{before}⟦{}⟧{after}…\n",
                shown(start, end)
            ),
        })
    }
}

/// Speaks an exchange on both sides and compares.
fn exchanged(
    at: usize,
    exchange: &Exchange,
    ours: &mut Raw,
    theirs: &mut Raw,
    counts: &mut Counts,
    envelopes: &AhoCorasick,
) -> Result<u8, Failure> {
    let parts: Vec<Rendered> =
        exchange.parts.iter().map(|part| part.doc.render(exchange.how == How::Extended)).collect();
    let bytes = messages(exchange, &parts);
    let marks: Vec<(Construct, Mode)> = parts.iter().flat_map(|part| part.marks.iter().copied()).collect();
    counts.statements += parts.len();
    ours.send(&bytes);
    let answer = until_ready(ours).map_err(|problem| compare::broken(at, &problem))?;
    if let Some(message) = answer.iter().find(|message| envelopes.find(&message.body).is_some()) {
        return Err(compare::envelope(at, message));
    }
    if let Some((code, error)) = answer.iter().find_map(|message| Some((refusal(message)?, message))) {
        theirs.send(&query(REFUSED));
        let substitute = until_ready(theirs).map_err(|problem| compare::broken(at, &problem))?;
        if status(&answer) != status(&substitute) {
            let (a, b) = (compare::lines(&answer, &[]), compare::lines(&substitute, &[]));
            return Err(compare::difference(at, "the transaction's status", &a, &b));
        }
        if let Some(construct) = matrix::declared(&marks, &code) {
            *counts.declared.entry(construct).or_default() += 1;
        } else if let Some(construct) = crate::known::missing(&marks, &field(error, 'M')) {
            *counts.missing.entry((construct, code.clone())).or_default() += 1;
        } else {
            return Err(compare::refused(at, error, &marks));
        }
        if parts.len() > 1 && crate::known::commits_before(&code) {
            *counts.tolerated.entry("what stands before an unforeseen value is committed").or_default() += 1;
            return Ok(PARTED);
        }
        return Ok(status(&answer));
    }
    theirs.send(&bytes);
    let expected = until_ready(theirs).map_err(|problem| compare::broken(at, &problem))?;
    let runs = runs(exchange);
    let (a, b) = (compare::lines(&answer, &runs), compare::lines(&expected, &runs));
    if a != b {
        let Some(why) = crate::known::tolerated(&a, &b, &marks) else {
            return Err(compare::difference(at, "", &a, &b));
        };
        *counts.tolerated.entry(why).or_default() += 1;
    }
    counts.same += parts.len();
    counts.rows += answer.iter().filter(|message| message.tag == b'D').count();
    for message in answer.iter().filter(|message| message.tag == b'E') {
        *counts.native.entry(field(message, 'C')).or_default() += 1;
    }
    if let Some(mark) = matrix::refused(&marks)
        && !answer.iter().any(|message| message.tag == b'E')
    {
        *counts.answered.entry(mark).or_default() += 1;
    }
    Ok(status(&answer))
}

/// The transaction's status at the end of an answer.
fn status(messages: &[Message]) -> u8 {
    messages.last().and_then(|message| message.body.first().copied()).unwrap_or_default()
}

/// For each result in order: the part that it belongs to.
fn runs(exchange: &Exchange) -> Vec<&Part> {
    let again = |part: &Part| exchange.how == How::Extended && (part.twice || part.rest);
    let times = |part: &Part| if again(part) { 2 } else { 1 };
    exchange.parts.iter().flat_map(|part| std::iter::repeat_n(part, times(part))).collect()
}

/// pgveil's code of an error, if it is one of pgveil's own.
fn refusal(message: &Message) -> Option<String> {
    if message.tag != b'E' {
        return None;
    }
    let hint = field(message, 'H');
    let code = match hint.strip_suffix(" in pgveil's docs/errors.md.") {
        Some(rest) => rest.strip_prefix("See ")?,
        None => hint.strip_suffix(')')?.rsplit_once("(pgveil: ")?.1,
    };
    Some(code.to_owned())
}

fn until_ready(raw: &mut Raw) -> Result<Vec<Message>, String> {
    let mut messages = Vec::new();
    loop {
        match raw.try_read() {
            Ok(Some(message)) => {
                let ready = message.tag == b'Z';
                messages.push(message);
                if ready {
                    return Ok(messages);
                }
            }
            Ok(None) => return Err(format!("the connection ended; so far:\n{}", crate::raw::listed(&messages))),
            Err(error) => return Err(format!("{error}; so far:\n{}", crate::raw::listed(&messages))),
        }
    }
}

/// The bytes of an exchange.
fn messages(exchange: &Exchange, parts: &[Rendered]) -> Vec<u8> {
    if exchange.how == How::Simple {
        let texts: Vec<&str> = parts.iter().map(|part| part.sql.as_str()).collect();
        let mut out = query(&texts.join("; "));
        for data in exchange.parts.iter().filter_map(|part| part.data.as_deref()) {
            // Two pieces, wherever the rows are.
            let (head, tail) = data.split_at(data.len() / 3);
            out.extend([copy_data(head), copy_data(tail), copy_done()].concat());
        }
        return out;
    }
    let mut out = Vec::new();
    for (part, rendered) in exchange.parts.iter().zip(parts) {
        let oids: Vec<u32> = rendered.parameters.iter().map(|parameter| parameter.oid).collect();
        let known = oids.iter().rposition(|oid| *oid != 0).map_or(0, |last| last + 1);
        let bound: Vec<(i16, Option<Vec<u8>>)> = rendered.parameters.iter().map(crate::doc::Parameter::bound).collect();
        let formats: Vec<i16> = bound.iter().map(|(format, _)| *format).collect();
        let values: Vec<Value<'_>> = bound.iter().map(|(_, bytes)| bytes.as_deref()).collect();
        let results: &[i16] = if part.binary { &[1] } else { &[] };
        if !part.again {
            if !part.name.is_empty() {
                out.extend(close_statement(&part.name));
            }
            out.extend(parse(&part.name, &rendered.sql, &oids[..known]));
        }
        if part.describe_statement {
            out.extend(describe_statement(&part.name));
        }
        for _ in 0..if part.twice { 2 } else { 1 } {
            out.extend(bind("", &part.name, &formats, &values, results));
            if part.describe_portal {
                out.extend(describe_portal(""));
            }
            out.extend(execute("", part.limit));
            if part.rest {
                out.extend(execute("", 0));
            }
        }
    }
    out.extend(sync());
    out
}
