//! Rows from the client, cut anywhere: what goes up instead, and what is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::OnceLock;

use bytes::{Buf, BufMut};
use proptest::prelude::*;

use super::*;
use crate::{
    config::Mode,
    session::{
        cells::{Column, Scratch, Wanted},
        params,
    },
    sql::{
        copy::{CopyField, Header, Lines},
        model::Output,
    },
    values::{LogicalType, Settings},
};

/// A row: a plain number, a sealed text, a plain text, a sealed number.
type Row = (Option<String>, Option<String>, Option<String>, Option<i32>);

fn columns() -> &'static [Column] {
    static COLUMNS: OnceLock<Vec<Column>> = OnceLock::new();
    COLUMNS.get_or_init(|| {
        let types = [(LogicalType::Text, Mode::Equality), (LogicalType::Int4, Mode::Randomized)];
        tokio::runtime::Runtime::new().unwrap().block_on(params::tests::columns(&types))
    })
}

fn copy(form: CopyForm) -> Copy {
    let field = |(name, output): (&str, Output)| CopyField {
        name: name.to_owned(),
        output,
        force_quote: false,
        force_not_null: false,
        force_null: false,
    };
    let outputs = [("id", Output::Plain), ("a", Output::Sealed(0)), ("b", Output::Plain), ("c", Output::Sealed(1))];
    Copy { from: true, table: "t".to_owned(), fields: outputs.map(field).to_vec(), form }
}

fn lines(csv: Option<(u8, u8)>, delimiter: u8, null: &str, header: Header) -> CopyForm {
    CopyForm::Lines(Lines { csv, delimiter, null: null.to_owned(), header })
}

/// What goes up for data in pieces, and the error that ends it.
fn taken<'d>(copy: &Copy, pieces: impl IntoIterator<Item = &'d [u8]>) -> (Vec<u8>, Option<String>) {
    let (settings, mut scratch, mut out) = (Settings::default(), Scratch::default(), BytesMut::new());
    let mut permits = crate::session::permits::Permits::default();
    let mut sealer = Sealer { columns: columns(), settings: &settings, scratch: &mut scratch, permits: &mut permits };
    let mut reader = match &copy.form {
        CopyForm::Lines(_) => Reader::Lines(lines::Reader::new(copy)),
        CopyForm::Binary => Reader::Binary(binary::Reader::default()),
    };
    let mut take = |data: Option<&[u8]>| match (&mut reader, &copy.form, data) {
        (Reader::Lines(reader), CopyForm::Lines(lines), Some(data)) => {
            reader.take(copy, lines, data, &mut sealer, &mut out)
        }
        (Reader::Lines(reader), CopyForm::Lines(lines), None) => reader.end(copy, lines, &mut sealer, &mut out),
        (Reader::Binary(reader), _, Some(data)) => reader.take(copy, data, &mut sealer, &mut out),
        (Reader::Binary(reader), ..) => reader.end(),
        _ => unreachable!(),
    };
    let done = pieces.into_iter().map(Some).chain([None]).try_for_each(&mut take);
    (out.to_vec(), done.err().map(|problem| format!("{} {}", problem.sqlstate, problem.message)))
}

fn opened(ordinal: Ordinal, stored: &[u8]) -> String {
    let (settings, column, mut shown) = (Settings::default(), &columns()[ordinal], Vec::new());
    let wanted = Wanted { ty: column.spec.ty, format: Format::Text, settings: &settings };
    column.open(&column.keys.pin(), stored, wanted, &mut Scratch::default(), &mut shown).unwrap();
    String::from_utf8(shown).unwrap()
}

/// The fields of lines that went up, sealed ones opened.
fn read_back(form: &Lines, sent: &[u8], newline: &str) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    let mut rest = std::str::from_utf8(sent).unwrap();
    let mut unread = String::new();
    while let Some((line, behind)) = rest.split_once(newline) {
        rest = behind;
        unread.push_str(line);
        // A line break in quotes is none.
        if form.csv.is_some_and(|(quote, _)| unread.bytes().filter(|byte| *byte == quote).count() % 2 == 1) {
            unread.push_str(newline);
            continue;
        }
        let fields = fields::split(form, unread.as_bytes()).enumerate().map(|(i, raw)| {
            let mut value = Vec::new();
            let said = fields::read(form, raw, &mut value).unwrap();
            let value = String::from_utf8(value).unwrap();
            (said == fields::Said::Value).then(|| match (i, value.strip_prefix("\\x")) {
                (1, Some(digits)) => opened(0, &const_hex::decode(digits).unwrap()),
                (3, Some(digits)) => opened(1, &const_hex::decode(digits).unwrap()),
                (1 | 3, None) => panic!("not sealed: {value}"),
                _ => value,
            })
        });
        rows.push(fields.collect());
        unread.clear();
    }
    assert!(rest.is_empty() && unread.is_empty(), "{rest:?} {unread:?}");
    rows
}

fn any_text() -> impl Strategy<Value = Option<String>> {
    prop::option::of("([a-zA-Z0-9 ,;|'\"\\\\.ä😀\t\n\r\u{1}\u{b}]|\\\\N|\\\\\\.){0,9}")
}

fn any_row() -> impl Strategy<Value = Row> {
    (prop::option::of("[0-9]{1,5}"), any_text(), any_text(), any::<Option<i32>>())
}

fn any_form() -> impl Strategy<Value = CopyForm> {
    let header = prop::sample::select(vec![Header::No, Header::Yes, Header::Match]);
    // Quote and escape are one here, so that read_back can count quotes.
    let csv = prop::sample::select(vec![None, Some((b'"', b'"')), Some((b'\'', b'\''))]);
    (csv, prop::sample::select(vec![b'\t', b'|', b';', 1]), header)
        .prop_map(|(csv, delimiter, header)| lines(csv, delimiter, if csv.is_some() { "" } else { "\\N" }, header))
}

/// A stream as a client writes it.
fn written(form: &Lines, rows: &[Row], newline: &str) -> Vec<u8> {
    let mut out = Vec::new();
    if form.header != Header::No {
        out.extend(["id", "a", "b", "c"].join(&(form.delimiter as char).to_string()).into_bytes());
        out.extend(newline.bytes());
    }
    for (id, a, b, c) in rows {
        for (i, value) in [id.clone(), a.clone(), b.clone(), c.map(|c| c.to_string())].iter().enumerate() {
            if i > 0 {
                out.push(form.delimiter);
            }
            match value {
                None => out.extend(form.null.bytes()),
                Some(value) => fields::write(form, value.as_bytes(), false, false, &mut out),
            }
        }
        out.extend(newline.bytes());
    }
    out
}

/// Envelopes differ each time.
fn without_envelopes(sent: &[u8]) -> String {
    let text = String::from_utf8_lossy(sent).into_owned();
    let mut out = String::new();
    let mut parts = text.split("\\xff7076");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push_str("<sealed>");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    out
}

fn binary(rows: &[Row]) -> Vec<u8> {
    let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for (id, a, b, c) in rows {
        out.put_i16(4);
        for value in [
            id.clone().map(String::into_bytes),
            a.clone().map(String::into_bytes),
            b.clone().map(String::into_bytes),
            c.map(|c| c.to_be_bytes().to_vec()),
        ] {
            out.put_i32(value.as_ref().map_or(-1, |value| value.len() as i32));
            out.extend(value.unwrap_or_default());
        }
    }
    out.put_i16(-1);
    out
}

proptest! {
    #[test]
    fn lines_go_up_with_sealed_fields_and_say_the_same(
        form in any_form(), rows in prop::collection::vec(any_row(), 0..4), newline in prop::sample::select(vec!["\n", "\r", "\r\n"]),
    ) {
        let copy = copy(form);
        let CopyForm::Lines(form) = &copy.form else { unreachable!() };
        let data = written(form, &rows, newline);
        let (sent, error) = taken(&copy, [data.as_slice()]);
        prop_assert_eq!(error, None);
        let header = if form.header == Header::No { 0 } else { sent.windows(newline.len()).position(|at| at == newline.as_bytes()).unwrap() + newline.len() };
        let back = read_back(form, &sent[header..], newline);
        let rows = rows.into_iter().map(|(id, a, b, c)| vec![id, a, b, c.map(|c| c.to_string())]);
        prop_assert_eq!(back, rows.collect::<Vec<_>>());
    }

    #[test]
    fn a_stream_says_the_same_however_it_is_cut(
        form in any_form(), rows in prop::collection::vec(any_row(), 0..4), newline in prop::sample::select(vec!["\n", "\r", "\r\n"]),
        noise in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\\\"'.\n\r\t;Nx1".to_vec())), 0..5),
        size in 1..9_usize,
    ) {
        let copy = copy(form);
        let CopyForm::Lines(form) = &copy.form else { unreachable!() };
        let mut data = written(form, &rows, newline);
        for (at, byte) in noise {
            data.insert(at.index(data.len() + 1), byte);
        }
        let (whole, pieces) = (taken(&copy, [data.as_slice()]), taken(&copy, data.chunks(size)));
        prop_assert_eq!(whole.1, pieces.1);
        prop_assert_eq!(without_envelopes(&whole.0), without_envelopes(&pieces.0));
    }

    #[test]
    fn binary_rows_go_up_with_sealed_fields(rows in prop::collection::vec(any_row(), 0..4), size in 1..40_usize) {
        let copy = copy(CopyForm::Binary);
        let data = binary(&rows);
        let (sent, error) = taken(&copy, data.chunks(size));
        prop_assert_eq!(error, None);
        let mut rest = &sent[..];
        prop_assert_eq!(&rest[..19], &data[..19]);
        rest.advance(19);
        for (id, a, b, c) in rows {
            prop_assert_eq!(rest.get_i16(), 4);
            for (i, value) in [id, a, b, c.map(|c| c.to_string())].into_iter().enumerate() {
                let length = rest.get_i32();
                let found = usize::try_from(length).ok().map(|length| rest.split_to_vec(length));
                let found = found.map(|bytes| match i {
                    1 => opened(0, &bytes),
                    3 => opened(1, &bytes),
                    _ => String::from_utf8(bytes).unwrap(),
                });
                prop_assert_eq!(found, value);
            }
        }
        prop_assert_eq!(rest, &(-1_i16).to_be_bytes()[..]);
    }

    #[test]
    fn binary_streams_of_any_bytes_are_read_or_refused(
        rows in prop::collection::vec(any_row(), 0..3), noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(), size in 1..9_usize,
    ) {
        let copy = copy(CopyForm::Binary);
        let mut data = binary(&rows);
        for (at, byte) in noise {
            let at = at.index(data.len());
            data[at] = byte;
        }
        data.truncate(cut.index(data.len() + 1));
        let (whole, pieces) = (taken(&copy, [data.as_slice()]), taken(&copy, data.chunks(size)));
        prop_assert_eq!(whole.1, pieces.1);
        prop_assert_eq!(whole.0.len(), pieces.0.len());
    }
}

trait SplitVec {
    fn split_to_vec(&mut self, n: usize) -> Vec<u8>;
}

impl SplitVec for &[u8] {
    fn split_to_vec(&mut self, n: usize) -> Vec<u8> {
        let (head, tail) = self.split_at(n);
        *self = tail;
        head.to_vec()
    }
}

#[test]
fn what_the_server_would_not_read_as_a_row_is_not_sent_on() {
    let text = lines(None, b'\t', "\\N", Header::No);
    let csv = lines(Some((b'"', b'"')), b',', "", Header::No);
    for (form, data, told) in [
        (&text, &b"1\tsecret\\.\n"[..], "22P04 end-of-copy marker corrupt"),
        (&text, b"1\ta\tb\t1\n2\tsecret\rx", "22P04 literal carriage return found in data"),
        (&text, b"1\ta\tb\t1\r2\tsecret\nx", "22P04 literal newline found in data"),
        (&text, b"1\ta\tb\t1\r\n2\tsecret\rx", "22P04 literal carriage return found in data"),
        (&text, b"1\ta\tb\t1\tsecret\n", "22P04 extra data after last expected column"),
        (&csv, b"1,a,b,1\n2,secret\r", "22P04 unquoted carriage return found in data"),
        (&csv, b"1,\"secret\n", "22P04 unterminated CSV quoted field"),
        (&csv, b"1,a,b,x\n", "22P02 invalid input syntax for type integer: \"x\""),
    ] {
        let (sent, error) = taken(&copy(form.clone()), [data]);
        assert_eq!(error.as_deref(), Some(told));
        assert!(!String::from_utf8_lossy(&sent).contains("secret"), "{sent:?}");
    }
    // Behind the end marker nobody reads.
    for form in [&text, &csv] {
        let (sent, error) = taken(&copy(form.clone()), [&b"\\.\nsecret\n"[..]]);
        assert_eq!((sent.as_slice(), error), (&b"\\.\n"[..], None));
    }
}
