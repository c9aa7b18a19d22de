//! Values: envelopes, arrays, logical types.

use pgveil::{
    crypto::Envelope,
    session::arrays,
    values::{self, Format, LogicalType, Normalize, Settings, Source, Stored},
};

use super::{
    random::Choices,
    run::{Target, saw},
};

/// The parts of an envelope are its bytes, none left out.
pub fn envelopes() -> Target {
    let envelope = |layout: u8| {
        let mut bytes = vec![0xff, 0x70, 0x76, layout, 0, 0, 0, 7];
        bytes.extend_from_slice(&[9; 60]);
        bytes
    };
    Target {
        name: "envelopes",
        seeds: vec![envelope(0x10), envelope(0x11), envelope(0x20), envelope(0x21)],
        dictionary: vec![b"\xff\x70\x76", b"\x10", b"\x11", b"\x20", b"\x21", b"\0\0\0\0"],
        longest: 256,
        runs: 30_000,
        run: |input| match Envelope::parse(input) {
            Ok(envelope) => {
                assert_eq!([envelope.head, envelope.nonce, envelope.sealed].concat(), input);
                assert!(envelope.dek.0 != 0 && envelope.sealed.len() > 16);
                saw((format!("{:?}", envelope.cipher), envelope.token.is_some()))
            }
            Err(error) => saw(error.to_string()),
        },
    }
}

pub fn array_values() -> Target {
    Target {
        name: "array_values",
        seeds: [
            &b"t{a,\"b, c\",NULL,\\\"}"[..],
            b"t[0:1]={a,b}",
            b"t{{a},{b}}",
            b"b\0\0\0\x01\0\0\0\x01\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x01a\xff\xff\xff\xff",
            b"b\0\0\0\0\0\0\0\0\0\0\0\x19",
        ]
        .map(<[u8]>::to_vec)
        .to_vec(),
        dictionary: vec![b"{", b"}", b",", b"\"", b"\\", b"NULL", b"[1:2]=", b" ", b"\0\0\0\x06", b"\x7f\xff\xff\xff"],
        longest: 2048,
        runs: 30_000,
        run: |input| {
            let (format, bytes) = match input {
                [b'b', rest @ ..] => (Format::Binary, rest),
                [_, rest @ ..] => (Format::Text, rest),
                [] => return 0,
            };
            let Ok(elements) = arrays::read(format, bytes, true) else { return saw((format, false)) };
            assert!(elements.values.len() <= bytes.len());
            // Written as the server writes it, it reads the same.
            let written = written(&elements.values);
            let again = arrays::read(Format::Text, &written, true);
            assert_eq!(again.expect("what was written").values, elements.values, "{}", written.escape_ascii());
            let nulls = elements.values.iter().filter(|value| value.is_none()).count();
            saw((format, elements.values.len().min(9), nulls.min(3)))
        },
    }
}

/// `array_out`, with quotes around everything.
fn written(values: &[Option<Vec<u8>>]) -> Vec<u8> {
    let element = |value: &Option<Vec<u8>>| match value {
        None => b"NULL".to_vec(),
        Some(bytes) => {
            let mut out = vec![b'"'];
            for byte in bytes {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(*byte);
            }
            out.push(b'"');
            out
        }
    };
    [b"{".to_vec(), values.iter().map(element).collect::<Vec<_>>().join(&b','), b"}".to_vec()].concat()
}

/// An array of the type.
const fn array(element: LogicalType) -> LogicalType {
    match element.array() {
        Some(array) => array,
        None => element,
    }
}

const TYPES: [LogicalType; 18] = [
    LogicalType::Text,
    LogicalType::Varchar(Some(5)),
    LogicalType::Char(Some(4)),
    LogicalType::Bool,
    LogicalType::Int2,
    LogicalType::Int4,
    LogicalType::Int8,
    LogicalType::Numeric(None),
    LogicalType::Numeric(Some((8, 3))),
    LogicalType::Date,
    LogicalType::Timestamptz(None),
    LogicalType::Timestamptz(Some(2)),
    LogicalType::Uuid,
    LogicalType::Bytea,
    LogicalType::Jsonb,
    array(LogicalType::Text),
    array(LogicalType::Numeric(Some((8, 3)))),
    array(LogicalType::Timestamptz(None)),
];

const SOURCES: [u32; 15] = [0, 25, 1043, 16, 21, 23, 20, 1700, 701, 1082, 1184, 17, 1009, 1231, 1007];

/// What a type accepts it can show, and reads back as the same.
pub fn logical_values() -> Target {
    let text = |ty: u8, text: &str| [&[ty, 0, 0], text.as_bytes()].concat();
    let numbered = |texts: &[&str]| -> Vec<Vec<u8>> {
        (0..TYPES.len() as u8).flat_map(|ty| texts.iter().map(move |t| text(ty, t))).collect()
    };
    Target {
        name: "logical_values",
        seeds: [
            numbered(&["t", "1", "-12.50", "1e300", "NaN", "2024-02-29", "infinity"]),
            numbered(&[
                "2024-02-29 12:34:56.789+02:30",
                "Mon Feb 28 01:02:03 1999 BC Europe/Berlin",
                "\\xdeadBEEF",
                "a\\377\\\\",
            ]),
            numbered(&["[0:2]={1,NULL,\"2\"}", "{{1},{2}}", "{}", "{infinity,\"a\\\\\"}"]),
            numbered(&["{\"a\": [1, 2.50, null, \"\\u00e9\"], \"b\": {}}", "550e8400-e29b-41d4-a716-446655440000"]),
            vec![
                b"\x07\0\x01\0\x02\0\0\0\0\0\x02\0\x0c\x13\x88".to_vec(),
                b"\x09\0\x01\0\0\x20\0".to_vec(),
                b"\x0e\0\x01\x01{}".to_vec(),
            ],
        ]
        .concat(),
        dictionary: vec![
            b"e",
            b".",
            b"-",
            b"inf",
            b"nan",
            b"BC",
            b"+14:00",
            b"allballs",
            b"\\x",
            b"\\u0000",
            b"\\ud83d\\ude00",
            b"[",
            b"{",
            b"\"",
            b"0000000000",
            b"99999",
            b"\x7f\xff\xff\xff\xff\xff\xff\xff",
        ],
        longest: 4096,
        runs: 20_000,
        run: |input| {
            let mut choices = Choices::new(input);
            let ty = choices.pick(&TYPES);
            let source = Source { oid: choices.pick(&SOURCES), typmod: -1 };
            let format = if choices.one_in(2) { Format::Binary } else { Format::Text };
            let settings = Settings::default();
            let mut canon = Vec::new();
            let result = values::parse(ty, source, format, choices.rest(), &settings, &mut canon);
            let mut token = Vec::new();
            let operand = values::equality_operand(
                ty,
                source,
                format,
                choices.rest(),
                &[Normalize::Lower, Normalize::Trim],
                &settings,
                &mut token,
            );
            let states = (ty.oid(), source.oid, format, result.as_ref().err().map(|e| e.sqlstate), operand.is_ok());
            if result != Ok(Stored::Canon) {
                assert!(canon.is_empty());
                return saw(states);
            }
            // Of the most negative intervals the server makes times, and texts, that it does not read itself.
            const INTERVAL: u32 = 1186;
            let absurd = ty.oid() == INTERVAL || source.oid == INTERVAL && matches!(ty, LogicalType::Time(_));
            for format in [Format::Text, Format::Binary] {
                let (mut shown, mut again) = (Vec::new(), Vec::new());
                values::format(ty, &canon, format, &settings, &mut shown).expect("a canon can be shown");
                match values::parse(ty, Source::UNTYPED, format, &shown, &settings, &mut again) {
                    Ok(stored) => assert_eq!(stored, Stored::Canon),
                    Err(_) if absurd => continue,
                    Err(error) => panic!("{ty:?} {format:?} {}: {error}", shown.escape_ascii()),
                }
                assert_eq!(again, canon, "{ty:?} {format:?} {}", shown.escape_ascii());
            }
            let compared = values::equality_canon(ty, &canon, &[], &mut Vec::new());
            assert!(compared.is_ok() != ty.is_array(), "a canon of all but arrays can be compared");
            saw((states, canon.len().min(24)))
        },
    }
}
