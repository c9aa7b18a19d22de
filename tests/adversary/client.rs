//! A small client that sees every byte that the server sends it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// What the server said, as far as it must be the same with and without pgveil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// RowDescription: name, type, length, modifier, format. Table and column numbers differ.
    Fields(Vec<(String, u32, i16, i32, i16)>),
    Row(Vec<Option<String>>),
    Tag(String),
    Error {
        sqlstate: String,
        message: String,
    },
    /// Any other message, by its type byte.
    Other(char),
}

/// A session.
pub struct Client {
    stream: TcpStream,
    /// Everything received since it was last looked at.
    pub received: Vec<u8>,
}

impl Client {
    pub fn connect(port: u16, database: &str, settings: &[(&str, &str)]) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for (name, value) in [("user", "app"), ("database", database)].iter().chain(settings) {
            body.extend_from_slice(&cstr(name.as_bytes()));
            body.extend_from_slice(&cstr(value.as_bytes()));
        }
        body.push(0);
        let mut client = Self { stream, received: Vec::new() };
        client.stream.write_all(&(body.len() as u32 + 4).to_be_bytes()).unwrap();
        client.stream.write_all(&body).unwrap();
        let said = client.until_ready();
        assert!(!said.iter().any(|said| matches!(said, Said::Error { .. })), "{said:?}");
        client
    }

    /// One Query message. COPY data that the server asks for is `copy`.
    pub fn query(&mut self, text: &[u8], copy: &str) -> Vec<Said> {
        self.send(&message(b'Q', &cstr(text)));
        self.converse(copy)
    }

    /// One statement in the extended protocol, with parameters in text.
    pub fn prepared(&mut self, text: &[u8], params: &[Option<&str>]) -> Vec<Said> {
        let mut out = parse("", text);
        out.extend(bind("", params));
        out.extend(message(b'D', b"P\0"));
        out.extend(message(b'E', b"\0\0\0\0\0"));
        out.extend(sync());
        self.send(&out);
        self.converse("")
    }

    /// Several messages at once, the last of them a Sync or a Query; what is said up to the `ready`th
    /// ReadyForQuery.
    pub fn pipeline(&mut self, messages: &[Vec<u8>], ready: usize) -> Vec<Said> {
        self.send(&messages.concat());
        (0..ready).flat_map(|_| self.until_ready()).collect()
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn until_ready(&mut self) -> Vec<Said> {
        self.converse("")
    }

    fn converse(&mut self, copy: &str) -> Vec<Said> {
        let mut all = Vec::new();
        loop {
            let (tag, body) = self.message();
            match tag {
                b'Z' => {
                    all.push(Said::Other('Z'));
                    return all;
                }
                b'G' => {
                    all.push(Said::Other('G'));
                    let mut out = message(b'd', copy.as_bytes());
                    out.extend(message(b'c', b""));
                    self.send(&out);
                }
                b'R' | b'S' | b'K' => {}
                _ => all.push(said(tag, &body)),
            }
        }
    }

    fn message(&mut self) -> (u8, Vec<u8>) {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).unwrap();
        let length = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize - 4;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        self.received.extend_from_slice(&header);
        self.received.extend_from_slice(&body);
        (header[0], body)
    }
}

fn said(tag: u8, body: &[u8]) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match tag {
        b'T' => Said::Fields(
            pgveil::wire::backend::fields(body)
                .unwrap()
                .map(|field| {
                    let field = field.unwrap();
                    (text(field.name), field.type_oid, field.type_len, field.type_mod, field.format)
                })
                .collect(),
        ),
        b'D' => Said::Row(pgveil::wire::backend::cells(body).unwrap().into_iter().map(|cell| cell.map(text)).collect()),
        b'C' => Said::Tag(text(pgveil::wire::backend::command_tag(body))),
        b'E' => {
            let fields: Vec<_> = pgveil::wire::backend::error_fields(body).collect();
            let field = |kind| fields.iter().find(|(k, _)| *k == kind).map_or_else(String::new, |(_, t)| text(t));
            Said::Error { sqlstate: field(b'C'), message: field(b'M') }
        }
        _ => Said::Other(char::from(tag)),
    }
}

pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    out.extend_from_slice(body);
    out
}

pub fn query(text: &str) -> Vec<u8> {
    message(b'Q', &cstr(text.as_bytes()))
}

pub fn parse(name: &str, text: &[u8]) -> Vec<u8> {
    message(b'P', &[&cstr(name.as_bytes()), &cstr(text), &[0, 0][..]].concat())
}

/// Binds the statement to the portal of the same name.
pub fn bind(name: &str, params: &[Option<&str>]) -> Vec<u8> {
    let mut body = [cstr(name.as_bytes()), cstr(name.as_bytes())].concat();
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(&(params.len() as u16).to_be_bytes());
    for param in params {
        match param {
            None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(text) => {
                body.extend_from_slice(&(text.len() as u32).to_be_bytes());
                body.extend_from_slice(text.as_bytes());
            }
        }
    }
    body.extend_from_slice(&[0, 0]);
    message(b'B', &body)
}

pub fn execute_portal(portal: &str) -> Vec<u8> {
    message(b'E', &[&cstr(portal.as_bytes())[..], &[0; 4]].concat())
}

/// A fast-path call of `set_config(name, value, false)`, whose OID is 2078.
pub fn set_config(name: &str, value: &str) -> Vec<u8> {
    let mut body = 2078_u32.to_be_bytes().to_vec();
    body.extend_from_slice(&[0, 0, 0, 3]);
    for argument in [name, value, "false"] {
        body.extend_from_slice(&(argument.len() as u32).to_be_bytes());
        body.extend_from_slice(argument.as_bytes());
    }
    body.extend_from_slice(&[0, 0]);
    message(b'F', &body)
}

pub fn sync() -> Vec<u8> {
    message(b'S', b"")
}

fn cstr(text: &[u8]) -> Vec<u8> {
    [text, &[0]].concat()
}
