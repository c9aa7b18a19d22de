//! A client that speaks the protocol message by message, and scripts that are run against pgveil and
//! against the plaintext twin, so that everything the server says can be compared.
#![allow(dead_code, clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// Nothing here takes longer, unless something hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One message from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub tag: u8,
    pub body: Vec<u8>,
}

/// A connection.
pub struct Raw {
    pub stream: TcpStream,
    buffer: Vec<u8>,
    /// Body of BackendKeyData.
    pub key: Vec<u8>,
}

/// Reads the value of a keyword from a connection string without quotes.
pub fn keyword<'a>(conn_string: &'a str, name: &str) -> &'a str {
    conn_string
        .split_whitespace()
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("no {name} in {conn_string}"))
}

/// The port of a connection string.
pub fn port(conn_string: &str) -> u16 {
    keyword(conn_string, "port").parse().unwrap()
}

/// A startup packet.
pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for (name, value) in parameters {
        for text in [name, value] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
    }
    body.push(0);
    let mut raw = (body.len() as u32 + 4).to_be_bytes().to_vec();
    raw.append(&mut body);
    raw
}

impl Raw {
    /// A TCP connection, nothing sent.
    pub fn dial(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a TCP connection");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, buffer: Vec::new(), key: Vec::new() }
    }

    /// A session.
    pub fn connect(conn_string: &str) -> Self {
        Self::connect_to(port(conn_string), conn_string, &[])
    }

    /// A session with further startup parameters, through another port perhaps (that of a shim).
    pub fn connect_to(port: u16, conn_string: &str, more: &[(&str, &str)]) -> Self {
        let mut raw = Self::dial(port);
        let mut parameters = vec![("user", keyword(conn_string, "user")), ("database", keyword(conn_string, "dbname"))];
        parameters.extend_from_slice(more);
        raw.send(&startup(&parameters));
        loop {
            let message = raw.read().expect("an answer to the startup packet");
            match message.tag {
                b'K' => raw.key = message.body,
                b'Z' => return raw,
                b'E' => panic!("login: {}", shown(&message)),
                _ => {}
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the peer takes what is sent");
    }

    /// The next message; None once the peer has closed. Panics if nothing comes in time.
    pub fn read(&mut self) -> Option<Message> {
        match self.try_read() {
            Ok(message) => message,
            Err(error) => panic!("waiting for a message: {error}"),
        }
    }

    /// Likewise, with the socket's errors.
    pub fn try_read(&mut self) -> io::Result<Option<Message>> {
        loop {
            if let Some(length) = self.buffer.get(1..5) {
                let total = 1 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if self.buffer.len() >= total {
                    let rest = self.buffer.split_off(total);
                    let whole = std::mem::replace(&mut self.buffer, rest);
                    return Ok(Some(Message { tag: whole[0], body: whole[5..].to_vec() }));
                }
            }
            let mut chunk = [0; 65_536];
            match self.stream.read(&mut chunk)? {
                0 => return Ok(None),
                n => self.buffer.extend_from_slice(&chunk[..n]),
            }
        }
    }

    /// What comes up to the next ReadyForQuery, or to the end of the connection.
    pub fn until_ready(&mut self) -> Vec<Message> {
        self.until(b'Z', 1)
    }

    /// What comes up to the n-th message of a type.
    pub fn until(&mut self, tag: u8, mut n: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        while n > 0 {
            let next = self.try_read().unwrap_or_else(|error| {
                panic!("{error} while waiting for {:?}; so far:\n{}", tag as char, listed(&messages))
            });
            let Some(message) = next else { break };
            n -= usize::from(message.tag == tag);
            messages.push(message);
        }
        messages
    }

    /// A Query and everything that is said about it.
    pub fn query(&mut self, sql: &str) -> Vec<Message> {
        self.send(&query(sql));
        self.until_ready()
    }

    /// Says what a Query gives, briefly: rows with `|` between columns, command tags, SQLSTATEs, the
    /// transaction status.
    pub fn brief(&mut self, sql: &str) -> Vec<String> {
        brief(&self.query(sql))
    }

    /// Has the peer closed? Reads and drops what comes before.
    pub fn closes(&mut self) -> bool {
        loop {
            match self.try_read() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
            }
        }
    }
}

// ---- messages of the client

/// Any message.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut raw = vec![tag];
    raw.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    raw.extend_from_slice(body);
    raw
}

fn cstr(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &cstr(sql))
}

pub fn parse(name: &str, sql: &str, oids: &[u32]) -> Vec<u8> {
    let mut body = [cstr(name), cstr(sql)].concat();
    body.extend_from_slice(&(oids.len() as u16).to_be_bytes());
    oids.iter().for_each(|oid| body.extend_from_slice(&oid.to_be_bytes()));
    message(b'P', &body)
}

/// A value of a Bind.
pub type Value<'a> = Option<&'a [u8]>;

pub fn bind(portal: &str, statement: &str, formats: &[i16], values: &[Value<'_>], results: &[i16]) -> Vec<u8> {
    let mut body = [cstr(portal), cstr(statement)].concat();
    let codes = |body: &mut Vec<u8>, codes: &[i16]| {
        body.extend_from_slice(&(codes.len() as u16).to_be_bytes());
        codes.iter().for_each(|code| body.extend_from_slice(&code.to_be_bytes()));
    };
    codes(&mut body, formats);
    body.extend_from_slice(&(values.len() as u16).to_be_bytes());
    for value in values {
        match value {
            None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(bytes) => {
                body.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
                body.extend_from_slice(bytes);
            }
        }
    }
    codes(&mut body, results);
    message(b'B', &body)
}

/// Bind of text values to the unnamed statement and portal, text results.
pub fn bind_text(values: &[&str]) -> Vec<u8> {
    let values: Vec<Value<'_>> = values.iter().map(|text| Some(text.as_bytes())).collect();
    bind("", "", &[], &values, &[])
}

fn named(tag: u8, kind: u8, name: &str) -> Vec<u8> {
    message(tag, &[&[kind], &cstr(name)[..]].concat())
}

pub fn describe_statement(name: &str) -> Vec<u8> {
    named(b'D', b'S', name)
}

pub fn describe_portal(name: &str) -> Vec<u8> {
    named(b'D', b'P', name)
}

pub fn close_statement(name: &str) -> Vec<u8> {
    named(b'C', b'S', name)
}

pub fn close_portal(name: &str) -> Vec<u8> {
    named(b'C', b'P', name)
}

pub fn execute(portal: &str, rows: i32) -> Vec<u8> {
    message(b'E', &[cstr(portal), rows.to_be_bytes().to_vec()].concat())
}

pub fn sync() -> Vec<u8> {
    message(b'S', &[])
}

pub fn flush() -> Vec<u8> {
    message(b'H', &[])
}

pub fn copy_data(bytes: &[u8]) -> Vec<u8> {
    message(b'd', bytes)
}

pub fn copy_done() -> Vec<u8> {
    message(b'c', &[])
}

pub fn copy_fail(reason: &str) -> Vec<u8> {
    message(b'f', &cstr(reason))
}

pub fn terminate() -> Vec<u8> {
    message(b'X', &[])
}

/// A fast-path call with binary arguments and result.
pub fn function_call(oid: u32, arguments: &[&[u8]]) -> Vec<u8> {
    let mut body = oid.to_be_bytes().to_vec();
    body.extend_from_slice(&[0, 1, 0, 1]);
    body.extend_from_slice(&(arguments.len() as u16).to_be_bytes());
    for argument in arguments {
        body.extend_from_slice(&(argument.len() as u32).to_be_bytes());
        body.extend_from_slice(argument);
    }
    body.extend_from_slice(&[0, 1]);
    message(b'F', &body)
}

/// Parse, Bind, Describe, Execute of the unnamed statement with text values, all rows; no Sync.
pub fn extended(sql: &str, values: &[&str]) -> Vec<u8> {
    [parse("", sql, &[]), bind_text(values), describe_portal(""), execute("", 0)].concat()
}

/// Likewise without Describe.
pub fn undescribed(sql: &str, values: &[&str]) -> Vec<u8> {
    [parse("", sql, &[]), bind_text(values), execute("", 0)].concat()
}

// ---- what the server says, for people

/// Bytes as text, with what is not printable in hex.
pub fn text(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                let _ = write!(out, "\\x{:02x}", c as u32);
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|byte| write!(out, "\\x{byte:02x}").unwrap());
    }
    out
}

/// Walks a body in which everything is as it must be.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(n);
        self.0 = rest;
        head
    }

    fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    fn cstr(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0).expect("a terminated string");
        let text = self.take(end);
        self.take(1);
        text
    }
}

/// The cells of a DataRow.
pub fn cells(message: &Message) -> Vec<Option<Vec<u8>>> {
    let mut body = Body(&message.body);
    (0..body.i16())
        .map(|_| {
            let length = body.i32();
            (length >= 0).then(|| body.take(length as usize).to_vec())
        })
        .collect()
}

/// The fields of an ErrorResponse or NoticeResponse.
pub fn fields(message: &Message) -> Vec<(char, String)> {
    let mut body = Body(&message.body);
    let mut fields = Vec::new();
    while body.0.len() > 1 {
        let kind = body.take(1)[0] as char;
        fields.push((kind, text(body.cstr())));
    }
    fields
}

/// One field of an ErrorResponse.
pub fn field(message: &Message, kind: char) -> String {
    fields(message).into_iter().find(|(k, _)| *k == kind).map(|(_, text)| text).unwrap_or_default()
}

/// One line a message. What must differ between two databases is left out: OIDs of the database's own
/// objects, process numbers, and where in its source the server raised an error.
pub fn shown(message: &Message) -> String {
    let oid = |oid: i32| if (0..16_384).contains(&oid) { oid.to_string() } else { "own".to_owned() };
    let mut body = Body(&message.body);
    let mut out = String::new();
    match message.tag {
        b'T' => {
            for _ in 0..body.i16() {
                let name = text(body.cstr());
                let (table, column) = (body.i32(), body.i16());
                let (ty, length, modifier, format) = (body.i32(), body.i16(), body.i32(), body.i16());
                let table = oid(table);
                let _ = write!(out, " {name}[{table}.{column} {} {length} {modifier} {format}]", oid(ty));
            }
        }
        b'D' => {
            let cells: Vec<_> =
                cells(message).iter().map(|cell| cell.as_deref().map_or("NULL".to_owned(), text)).collect();
            out = cells.join(" | ");
        }
        b't' => {
            for _ in 0..body.i16() {
                let _ = write!(out, " {}", oid(body.i32()));
            }
        }
        b'E' | b'N' => {
            for (kind, text) in fields(message) {
                if !differs(kind, &text) {
                    let _ = write!(out, " {kind}={text:?}");
                }
            }
        }
        b'A' => {
            body.i32();
            out = format!("{} {}", text(body.cstr()), text(body.cstr()));
        }
        b'K' => out = "(key)".to_owned(),
        _ => out = text(&message.body),
    }
    format!("{} {}", message.tag as char, out.trim())
}

/// What pgveil says otherwise on purpose: it has no place in the server's source, points to its
/// documentation, and shows no stored values.
fn differs(kind: char, text: &str) -> bool {
    match kind {
        'F' | 'L' | 'R' => true,
        'H' => text.ends_with("in pgveil's docs/errors.md."),
        'D' => text.starts_with("Failing row contains"),
        _ => false,
    }
}

/// One line a message.
pub fn listed(messages: &[Message]) -> String {
    messages.iter().map(|message| format!("    {}\n", shown(message))).collect()
}

/// What counts, one string each: rows `a|b`, command tags, `!SQLSTATE`, `=I` for the status.
pub fn brief(messages: &[Message]) -> Vec<String> {
    messages
        .iter()
        .filter_map(|message| match message.tag {
            b'D' => {
                let cells: Vec<_> =
                    cells(message).iter().map(|cell| cell.as_deref().map_or("NULL".to_owned(), text)).collect();
                Some(cells.join("|"))
            }
            b'C' => Some(text(message.body.strip_suffix(&[0]).unwrap_or(&message.body))),
            b'E' => Some(format!("!{}", field(message, 'C'))),
            b'Z' => Some(format!("={}", text(&message.body))),
            _ => None,
        })
        .collect()
}

/// The types of messages, one character each.
pub fn tags(messages: &[Message]) -> String {
    messages.iter().map(|message| message.tag as char).collect()
}

// ---- scripts

/// What a script does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Bytes in one write.
    Send(Vec<u8>),
    /// Reads up to the n-th message of a type.
    Until(u8, usize),
}

/// Messages of a client, and what is waited for in between.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub parameters: Vec<(&'static str, &'static str)>,
    pub steps: Vec<Step>,
}

impl Script {
    pub fn new() -> Self {
        Self::default()
    }

    /// With a startup parameter.
    pub fn parameter(mut self, name: &'static str, value: &'static str) -> Self {
        self.parameters.push((name, value));
        self
    }

    /// Sends messages in one write.
    pub fn send<const N: usize>(mut self, messages: [Vec<u8>; N]) -> Self {
        self.steps.push(Step::Send(messages.concat()));
        self
    }

    /// Waits for n ReadyForQuery.
    pub fn ready(self, n: usize) -> Self {
        self.until(b'Z', n)
    }

    /// Waits for n messages of a type.
    pub fn until(mut self, tag: u8, n: usize) -> Self {
        self.steps.push(Step::Until(tag, n));
        self
    }

    /// Sends messages, the last of which are answered by one ReadyForQuery.
    pub fn ask<const N: usize>(self, messages: [Vec<u8>; N]) -> Self {
        self.send(messages).ready(1)
    }

    /// A Query.
    pub fn query(self, sql: &str) -> Self {
        self.ask([query(sql)])
    }

    /// Runs it. At the end a Sync shows that nothing more comes and that the session lives.
    pub fn run(&self, port: u16, conn_string: &str) -> Vec<Message> {
        let mut raw = Raw::connect_to(port, conn_string, &self.parameters);
        let mut messages = Vec::new();
        for step in &self.steps {
            match step {
                Step::Send(bytes) => raw.send(bytes),
                Step::Until(tag, n) => messages.extend(raw.until(*tag, *n)),
            }
        }
        raw.send(&sync());
        messages.extend(raw.until_ready());
        raw.send(&terminate());
        while let Some(message) = raw.read() {
            messages.push(message);
        }
        messages
    }
}

/// Panics with both sides if they differ.
#[track_caller]
pub fn assert_same(ours: &[Message], theirs: &[Message]) {
    let lines = |messages: &[Message]| -> Vec<String> { messages.iter().map(shown).collect() };
    let (ours, theirs) = (lines(ours), lines(theirs));
    if ours == theirs {
        return;
    }
    let mut report = String::new();
    for i in 0..ours.len().max(theirs.len()) {
        let (a, b) = (ours.get(i), theirs.get(i));
        let none = "(nothing)".to_owned();
        if a == b {
            writeln!(report, "       = {}", a.unwrap_or(&none)).unwrap();
        } else {
            writeln!(report, "  pgveil {}\n  server {}", a.unwrap_or(&none), b.unwrap_or(&none)).unwrap();
        }
    }
    panic!("pgveil and the server say different things:\n{report}");
}
