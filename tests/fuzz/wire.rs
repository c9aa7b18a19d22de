//! Frames, startup packets, and the messages that pgveil looks into.

use bytes::{BufMut as _, BytesMut};
use pgveil::wire::{
    backend,
    frame::{HEADER, Header, LARGE_LIMIT, client_header, message, server_header},
    frontend::{self, Bind, Parse, Target as Named},
    startup,
};

use super::run::{Target, saw};

/// A session's messages in a row.
fn session() -> Vec<u8> {
    let mut out = BytesMut::new();
    frontend::parse(&mut out, b"s", b"INSERT INTO people (email) VALUES ($1)", &[0, 25]);
    out.extend_from_slice(&bind());
    frontend::describe(&mut out, Named::Portal, b"p");
    frontend::execute(&mut out, b"p");
    frontend::close(&mut out, Named::Statement, b"s");
    frontend::sync(&mut out);
    frontend::query(&mut out, b"COPY t FROM STDIN");
    message(&mut out, b'd', |body| body.extend_from_slice(b"1\ta\n"));
    message(&mut out, b'c', |_| {});
    message(&mut out, b'F', |body| body.extend_from_slice(&[0; 10]));
    frontend::terminate(&mut out);
    out.to_vec()
}

fn answers() -> Vec<u8> {
    let mut out = BytesMut::new();
    out.extend_from_slice(b"1\0\0\0\x042\0\0\0\x04");
    backend::parameter_description(&mut out, &[23, 17]);
    message(&mut out, b'T', |body| body.extend_from_slice(&row_description()));
    message(&mut out, b'D', |body| body.extend_from_slice(&data_row()));
    message(&mut out, b'C', |body| body.extend_from_slice(b"SELECT 1\0"));
    message(&mut out, b'S', |body| body.extend_from_slice(b"TimeZone\0UTC\0"));
    backend::error(&mut out, backend::Severity::Error, "42703", &[(b'M', b"no"), (b'P', b"8")]);
    backend::ready(&mut out, b'I');
    out.to_vec()
}

fn bind() -> Vec<u8> {
    let mut out = BytesMut::new();
    message(&mut out, b'B', |body| {
        frontend::cstr(body, b"p");
        frontend::cstr(body, b"s");
        frontend::codes(body, &[1]);
        body.put_u16(2);
        frontend::value(body, Some(b"value"));
        frontend::value(body, None);
        frontend::codes(body, &[0, 1]);
    });
    out.to_vec()
}

fn data_row() -> Vec<u8> {
    let mut body = BytesMut::from(&[0, 3][..]);
    for value in [Some(&b"1"[..]), None, Some(b"\xff\x70\x76")] {
        frontend::value(&mut body, value);
    }
    body.to_vec()
}

fn row_description() -> Vec<u8> {
    let mut body = BytesMut::from(&[0, 2][..]);
    for name in [&b"id"[..], b"email"] {
        let field = backend::Field { name, table: 7, column: 2, type_oid: 17, type_len: -1, type_mod: -1, format: 1 };
        backend::put_field(&mut body, &field);
    }
    body.to_vec()
}

const LENGTHS: [&[u8]; 6] =
    [b"\0\0\0\x04", b"\0\0\0\x05", b"\xff\xff\xff\xff", b"\x3f\xff\xff\xff", b"\0\x01", b"\xff\xff"];
const TAGS: [&[u8]; 12] = [b"Q", b"P", b"B", b"D", b"E", b"C", b"S", b"X", b"T", b"Z", b"t", b"d"];

/// Messages are found alike however the stream is cut, and their bodies can be read or not.
pub fn frames() -> Target {
    Target {
        name: "frames",
        seeds: vec![session(), answers(), b"Q\0\0\0\x05\0".to_vec()],
        dictionary: [&LENGTHS[..], &TAGS].concat(),
        longest: 4096,
        runs: 20_000,
        run: |input| saw((stream(input, true), stream(input, false))),
    }
}

/// Types and lengths of the messages of a stream, and how it ends.
fn stream(input: &[u8], client: bool) -> (Vec<(u8, bool)>, bool) {
    let header = |buffer: &[u8]| if client { client_header(buffer) } else { server_header(buffer) };
    let (mut found, mut at) = (Vec::new(), 0);
    loop {
        let rest = &input[at..];
        // A byte at a time: nothing is known before the header is complete, and the same from then on.
        let whole = header(rest);
        for n in 0..rest.len().min(8) {
            let known = header(&rest[..n]);
            if n < HEADER {
                assert_eq!(known, Ok(None));
            } else {
                assert_eq!(known, whole);
            }
        }
        match whole {
            Err(_) => return (found, false),
            Ok(None) => return (found, true),
            Ok(Some(Header { tag, body })) => {
                assert!(body <= LARGE_LIMIT);
                let Some(message) = rest.get(HEADER..HEADER + body) else { return (found, true) };
                let readable = if client { client_body(tag, message) } else { server_body(tag, message) };
                found.push((tag, readable));
                at += HEADER + body;
            }
        }
    }
}

fn client_body(tag: u8, body: &[u8]) -> bool {
    match tag {
        b'Q' => frontend::query_text(body).is_ok(),
        b'P' => parse_message(body),
        b'B' => bind_message(body),
        b'D' | b'C' => frontend::target(body).is_ok(),
        b'E' => frontend::execute_portal(body).is_ok(),
        _ => true,
    }
}

fn server_body(tag: u8, body: &[u8]) -> bool {
    match tag {
        b'T' => fields(body),
        b'D' => cells(body),
        b't' => backend::parameter_types(body).is_ok(),
        b'S' => backend::parameter_status(body).is_ok(),
        b'E' => backend::error_fields(body).count() <= body.len() && backend::sqlstate(body).len() <= body.len(),
        b'C' => backend::command_tag(body).len() <= body.len(),
        _ => true,
    }
}

/// A Parse that can be read is written the same.
fn parse_message(body: &[u8]) -> bool {
    let Ok(parse) = Parse::read(body) else { return false };
    let mut out = BytesMut::new();
    frontend::parse(&mut out, parse.name, parse.text, &parse.oids().collect::<Vec<_>>());
    assert_eq!(&out[HEADER..], body);
    true
}

/// A Bind that can be read is written the same.
fn bind_message(body: &[u8]) -> bool {
    let Ok(bind) = Bind::read(body) else { return false };
    assert_eq!(frontend::bind_names(body), Ok((bind.portal, bind.statement)));
    let values: Vec<_> = bind.values().collect();
    assert_eq!(values.len(), bind.count);
    let codes = |codes: frontend::Codes<'_>| (0..codes.len()).filter_map(|i| codes.of(i)).collect::<Vec<_>>();
    let mut out = BytesMut::new();
    frontend::cstr(&mut out, bind.portal);
    frontend::cstr(&mut out, bind.statement);
    frontend::codes(&mut out, &codes(bind.formats));
    out.put_u16(bind.count as u16);
    for value in values {
        frontend::value(&mut out, value);
    }
    frontend::codes(&mut out, &codes(bind.results));
    assert_eq!(out, body);
    true
}

fn fields(body: &[u8]) -> bool {
    let Ok(fields) = backend::fields(body) else { return false };
    let Ok(fields) = fields.collect::<Result<Vec<_>, _>>() else { return false };
    let mut out = BytesMut::from(&(fields.len() as u16).to_be_bytes()[..]);
    for field in &fields {
        backend::put_field(&mut out, field);
    }
    assert!(body.starts_with(&out));
    true
}

fn cells(body: &[u8]) -> bool {
    let Ok(cells) = backend::cells(body) else { return false };
    let mut out = BytesMut::from(&(cells.len() as u16).to_be_bytes()[..]);
    for cell in cells {
        frontend::value(&mut out, cell);
    }
    assert!(body.starts_with(&out));
    true
}

pub fn binds() -> Target {
    Target {
        name: "binds",
        seeds: vec![bind()[HEADER..].to_vec(), b"\0\0\0\0\0\0\0\0".to_vec()],
        dictionary: LENGTHS.to_vec(),
        longest: 1024,
        runs: 30_000,
        run: |input| saw((bind_message(input), Bind::read(input).err(), parse_message(input))),
    }
}

pub fn rows() -> Target {
    Target {
        name: "rows",
        seeds: vec![data_row(), row_description()],
        dictionary: LENGTHS.to_vec(),
        longest: 1024,
        runs: 30_000,
        run: |input| saw((cells(input), fields(input), backend::cells(input).map(|cells| cells.len().min(9)))),
    }
}

/// A first packet: its length is known from four bytes, and what it says is read within it.
pub fn startups() -> Target {
    let packet = |code: u32, body: &[u8]| {
        let mut raw = (8 + body.len() as u32).to_be_bytes().to_vec();
        raw.extend_from_slice(&code.to_be_bytes());
        raw.extend_from_slice(body);
        raw
    };
    Target {
        name: "startups",
        seeds: vec![
            packet(196_608, b"user\0ann\0database\0app\0replication\0false\0\0"),
            packet(196_610, b"user\0ann\0_pq_.x\0on\0\0"),
            packet(80_877_103, b""),
            packet(80_877_104, b""),
            packet(80_877_102, &[1; 8]),
        ],
        dictionary: vec![
            b"\0\0\0\x08",
            b"user\0",
            b"database\0",
            b"replication\0",
            b"true\0",
            b"\0\0",
            b"\x04\xd2\x16\x2f",
        ],
        longest: 12_000,
        runs: 30_000,
        run: |input| {
            let length = startup::length(input);
            if let Ok(Some(length)) = length {
                assert!((8..=startup::MAX_STARTUP).contains(&length));
            }
            let parsed = startup::parse(input);
            if let Ok(startup::First::Startup(startup)) = &parsed {
                assert_eq!(length, Ok(Some(input.len())));
                assert!(startup.parameters.len() <= input.len());
                return saw((startup.database().is_some(), startup.replication(), startup.parameters.len().min(4)));
            }
            saw(format!("{parsed:?}"))
        },
    }
}
