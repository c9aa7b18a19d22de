#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use zeroize::Zeroizing;

use super::*;
use crate::{
    config::Mode,
    keys::tests::{keyring, protected},
    session::cells::Wanted,
};

const TEXT: u32 = 25;
const VARCHAR: u32 = 1043;
const TEXT_ARRAY: u32 = 1009;
const NAME_ARRAY: u32 = 1003;

/// Columns `c0` and so on, with live keys.
pub(in crate::session) async fn columns(types: &[(LogicalType, Mode)]) -> Vec<Column> {
    let keyring = keyring().await;
    let column = |(ordinal, (ty, mode)): (usize, &(LogicalType, Mode))| {
        let spec = protected(ordinal, *ty, *mode);
        Column { keys: keyring.column(&spec), spec, max_value: 1000 }
    };
    types.iter().enumerate().map(column).collect()
}

async fn people() -> Vec<Column> {
    columns(&[
        (LogicalType::Varchar(Some(5)), Mode::Equality),
        (LogicalType::Char(Some(4)), Mode::Equality),
        (LogicalType::Numeric(Some((5, 2))), Mode::Randomized),
        (LogicalType::Int4, Mode::Randomized),
    ])
    .await
}

fn opened(column: &Column, ty: LogicalType, stored: &[u8]) -> String {
    let (settings, mut shown) = (Settings::default(), Vec::new());
    let wanted = Wanted { ty, format: Format::Text, settings: &settings };
    column.open(&column.keys.pin(), stored, wanted, &mut Scratch::default(), &mut shown).unwrap();
    String::from_utf8(shown).unwrap()
}

fn cast(oid: u32, typmod: i32) -> Source {
    Source { oid, typmod }
}

/// What is sent upstream for a value of one parameter.
fn bound(
    columns: &[Column],
    form: ParamForm,
    declared: u32,
    format: i16,
    value: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, Problem> {
    let plan = Plan {
        edits: Vec::new(),
        params: vec![Param { client: 0, form }],
        client_params: 1,
        alone: Vec::new(),
        hidden: Vec::new(),
        results: Vec::new(),
        results_certain: true,
        may_write: true,
        explain: false,
        binary: false,
        copy: None,
    };
    let mut body = BytesMut::from(&b"\0\0"[..]);
    body.put_slice(&[0, 1, 0, format as u8, 0, 1]);
    frontend::value(&mut body, value);
    body.put_slice(&[0, 0]);
    let mut out = BytesMut::new();
    let mut scratch = Scratch::default();
    let mut permits = Permits::default();
    let mut sealer = Sealer { columns, settings: &Settings::default(), scratch: &mut scratch, permits: &mut permits };
    super::bind(&plan, &[declared], &Bind::read(&body).unwrap(), &[], &mut sealer, &mut out)?;
    let sent = Bind::read(&out[5..]).unwrap();
    let as_it_came = form == ParamForm::Plain;
    assert_eq!(sent.formats.of(0), Some(if as_it_came { format } else { 1 }));
    Ok(sent.values().next().unwrap().map(<[u8]>::to_vec))
}

fn sealed_as(ordinal: Ordinal, ty: LogicalType) -> ParamForm {
    ParamForm::SealAs(ordinal, ty, Source::UNTYPED)
}

/// `array_recv`: elements of an array of one dimension.
fn elements(array: &[u8]) -> Vec<Option<Vec<u8>>> {
    let elements = arrays::read(Format::Binary, array, true).unwrap();
    assert!(elements.plain);
    assert_eq!(elements.type_oid, BYTEA);
    elements.values
}

#[tokio::test]
async fn a_value_beside_a_column_is_sealed_without_the_columns_modifier() {
    let columns = people().await;
    let varchar = LogicalType::Varchar(None);
    // Too long for the column, which it does not go to.
    let sealed = bound(&columns, sealed_as(0, varchar), 0, 0, Some(b"longer than five")).unwrap().unwrap();
    assert_eq!(opened(&columns[0], varchar, &sealed), "longer than five");
    let form = ParamForm::Seal(0, Source::UNTYPED);
    assert_eq!(bound(&columns, form, 0, 0, Some(b"longer than five")).unwrap_err().sqlstate, "22001");
    // The same value has the column's token, whatever type it was read as.
    let by_column = bound(&columns, form, 0, 0, Some(b"abc")).unwrap().unwrap();
    let as_text = bound(&columns, sealed_as(0, LogicalType::Text), TEXT, 0, Some(b"abc")).unwrap().unwrap();
    assert_eq!(by_column[8..24], as_text[8..24]);
    assert_eq!(opened(&columns[0], LogicalType::Text, &as_text), "abc");

    let bare = LogicalType::Char(None);
    let sealed = bound(&columns, sealed_as(1, bare), 0, 0, Some(b"ab ")).unwrap().unwrap();
    assert_eq!(opened(&columns[1], bare, &sealed), "ab ");
    let padded = bound(&columns, ParamForm::Seal(1, Source::UNTYPED), 0, 0, Some(b"ab")).unwrap().unwrap();
    assert_eq!(opened(&columns[1], bare, &padded), "ab  ");
    assert_eq!(sealed[8..24], padded[8..24]);

    let numeric = LogicalType::Numeric(None);
    let sealed = bound(&columns, sealed_as(2, numeric), 0, 0, Some(b"123456.789")).unwrap().unwrap();
    assert_eq!(opened(&columns[2], numeric, &sealed), "123456.789");

    assert_eq!(bound(&columns, sealed_as(0, varchar), 0, 0, None).unwrap(), None);
}

#[tokio::test]
async fn a_cast_around_the_parameter_comes_first() {
    let columns = people().await;
    let form = ParamForm::SealAs(0, LogicalType::Text, cast(VARCHAR, 4 + 3));
    let sealed = bound(&columns, form, 0, 0, Some(b"abcdef")).unwrap().unwrap();
    assert_eq!(opened(&columns[0], LogicalType::Text, &sealed), "abc");
    let form = ParamForm::SealArray(0, cast(1015, 4 + 3));
    let sealed = bound(&columns, form, TEXT_ARRAY, 0, Some(b"{abcdef}")).unwrap().unwrap();
    assert_eq!(opened(&columns[0], LogicalType::Text, elements(&sealed)[0].as_ref().unwrap()), "abc");
}

/// `?::numeric` of pgjdbc, which declares a String as varchar.
#[tokio::test]
async fn a_string_under_a_cast_is_read_as_the_casts_type() {
    let columns = people().await;
    for (ordinal, oid, value, shown) in [(2, 1700, "1.505", "1.51"), (3, 23, " 12 ", "12"), (3, 1700, "12.5", "13")] {
        for format in [0, 1] {
            let form = ParamForm::Seal(ordinal, cast(oid, -1));
            let sealed = bound(&columns, form, VARCHAR, format, Some(value.as_bytes())).unwrap().unwrap();
            assert_eq!(opened(&columns[ordinal], columns[ordinal].spec.ty, &sealed), shown);
        }
    }
    for format in [0, 1] {
        let form = ParamForm::SealArray(3, cast(1007, -1));
        let sent = bound(&columns, form, VARCHAR, format, Some(b"{1,NULL}")).unwrap().unwrap();
        assert_eq!(elements(&sent).iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    }
    let form = ParamForm::Seal(3, cast(23, -1));
    let problem = bound(&columns, form, TEXT, 0, Some(b"x")).unwrap_err();
    assert_eq!((&*problem.sqlstate, problem.context), ("22P02", None));
}

#[tokio::test]
async fn a_type_of_another_canon_is_no_type_of_the_column() {
    let columns = people().await;
    for (ordinal, ty) in [(3, LogicalType::Numeric(None)), (1, LogicalType::Text), (0, LogicalType::Char(None))] {
        let problem = bound(&columns, sealed_as(ordinal, ty), 0, 0, Some(b"1")).unwrap_err();
        assert_eq!((&*problem.sqlstate, problem.code), ("XX000", Some("session/internal")));
    }
}

#[tokio::test]
async fn binary_arrays_have_elements_of_their_parameters_type() {
    let columns = people().await;
    let empty = |element: u32| [&[0; 8][..], &element.to_be_bytes()].concat();
    // Nobody declares it: `varchar = ANY` is `text = ANY`, a value for the column is varchar.
    let token = |source| ParamForm::TokenArray(0, source);
    let seal = |source| ParamForm::SealArray(0, source);
    let (text, varchar) = ("25 (text)", "1043 (character varying)");
    for (form, declared, element, error) in [
        (token(Source::UNTYPED), 0, 25, None),
        (token(Source::UNTYPED), 0, 1043, Some((varchar, text))),
        (token(Source::UNTYPED), 1015, 1043, None),
        (token(cast(1015, -1)), 0, 1043, None),
        (token(cast(1015, -1)), 0, 25, Some((text, varchar))),
        (seal(Source::UNTYPED), 0, 1043, None),
        (seal(Source::UNTYPED), 0, 25, Some((text, varchar))),
        (seal(Source::UNTYPED), TEXT_ARRAY, 99_999, Some(("99999 (???)", text))),
    ] {
        let result = bound(&columns, form, declared, 1, Some(&empty(element)));
        let problem = result.err().map(|problem| (problem.sqlstate.to_string(), problem.message));
        let expected = error.map(|(found, expected)| {
            let message = format!("binary data has array element type {found} instead of expected {expected}");
            ("42804".to_owned(), message)
        });
        assert_eq!(problem, expected, "{form:?} {declared} {element}");
    }
}

#[tokio::test]
async fn arrays_of_values_become_arrays_of_sealed_values() {
    let columns = people().await;
    let form = ParamForm::SealArray(0, Source::UNTYPED);
    let texts = |sent: &[u8]| -> Vec<Option<String>> {
        let show = |sealed: Vec<u8>| opened(&columns[0], columns[0].spec.ty, &sealed);
        elements(sent).into_iter().map(|value| value.map(show)).collect()
    };
    let some = |text: &str| Some(text.to_owned());
    let sent = bound(&columns, form, TEXT_ARRAY, 0, Some(b"{a,NULL,\"b, c\"}")).unwrap().unwrap();
    assert_eq!(texts(&sent), [some("a"), None, some("b, c")]);
    let binary = b"\0\0\0\x01\0\0\0\x01\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x02xy\xff\xff\xff\xff";
    let sent = bound(&columns, form, TEXT_ARRAY, 1, Some(binary)).unwrap().unwrap();
    assert_eq!(texts(&sent), [some("xy"), None]);
    let sent = bound(&columns, form, 0, 0, Some(b"{}")).unwrap().unwrap();
    assert_eq!(elements(&sent), Vec::<Option<Vec<u8>>>::new());
    assert_eq!(bound(&columns, form, 0, 0, None).unwrap(), None);

    for (declared, value, sqlstate) in [
        (TEXT_ARRAY, "{abcdef}", "22001"),
        (TEXT_ARRAY, "{a", "22P02"),
        (TEXT_ARRAY, "{{a},{b}}", "0A000"),
        (TEXT_ARRAY, "[2:2]={a}", "0A000"),
        (NAME_ARRAY, "{a}", "0A000"),
        (99_999, "{a}", "0A000"),
    ] {
        let problem = bound(&columns, form, declared, 0, Some(value.as_bytes())).unwrap_err();
        assert_eq!(problem.sqlstate, sqlstate, "{value}");
        assert!(!problem.message.contains("abcdef"));
    }
    // More bytes than an int4 has: the parameter is named.
    let binary = b"\0\0\0\x01\0\0\0\0\0\0\0\x17\0\0\0\x01\0\0\0\x01\0\0\0\x05\0\0\0\0\x01";
    let problem = bound(&columns, ParamForm::SealArray(3, Source::UNTYPED), 0, 1, Some(binary)).unwrap_err();
    assert_eq!((&*problem.sqlstate, &*problem.message), ("22P03", "incorrect binary data format in bind parameter 1"));
}

#[tokio::test]
async fn a_value_that_its_type_cannot_read_is_named_as_the_server_does() {
    let columns = people().await;
    let seal = |ordinal| ParamForm::Seal(ordinal, Source::UNTYPED);
    let of_array = b"\0\0\0\x01\0\0\0\0\0\0\0\x17\0\0\0\x01\0\0\0\x01\0\0\0\x05\0\0\0\0\x01";
    for (form, declared, format, value, context) in [
        (seal(3), 0, 0, &b"x"[..], Some("unnamed portal parameter $1 = '...'")),
        (seal(3), 0, 0, b"", Some("unnamed portal parameter $1 = ''")),
        (seal(3), 0, 1, b"\0\0\0\0\0", Some("unnamed portal parameter $1")),
        (seal(0), 0, 0, b"a\0", Some("unnamed portal parameter $1")),
        (seal(2), TEXT, 0, b"x", None),
        (ParamForm::Seal(0, cast(23, -1)), 0, 0, b"x", Some("unnamed portal parameter $1 = '...'")),
        (ParamForm::TokenArray(3, Source::UNTYPED), 0, 0, b"{1", Some("unnamed portal parameter $1 = '...'")),
        (ParamForm::TokenArray(3, Source::UNTYPED), 0, 0, b"{1,x}", Some("unnamed portal parameter $1 = '...'")),
        (ParamForm::SealArray(3, Source::UNTYPED), 0, 1, of_array, Some("unnamed portal parameter $1")),
        // Read, but then too much for the column.
        (seal(0), 0, 0, b"abcdef", None),
        (seal(2), 0, 0, b"12345", None),
        (seal(3), 20, 0, b"3000000000", None),
    ] {
        let problem = bound(&columns, form, declared, format, Some(value)).unwrap_err();
        assert_eq!(problem.context.as_deref(), context, "{form:?} {declared} {value:?}");
    }
}

#[tokio::test]
async fn a_text_under_a_cast_is_read_in_either_form_when_the_cast_is() {
    let columns = people().await;
    let form = ParamForm::SealText(3, cast(21, -1));
    for (declared, format) in [(0, 0), (0, 1), (TEXT, 1)] {
        let sealed = bound(&columns, form, declared, format, Some(b" 12 ")).unwrap().unwrap();
        assert_eq!(opened(&columns[3], LogicalType::Int4, &sealed), "12");
    }
    // The parameter can be read: what follows is no fault of its.
    let problem = bound(&columns, form, 0, 0, Some(b"40000")).unwrap_err();
    assert_eq!((&*problem.sqlstate, problem.context.as_deref()), ("22003", None));
}

#[tokio::test]
async fn sealed_parameters_are_bytea_upstream_and_show_their_logical_type() {
    let columns = people().await;
    let plan = |form| Plan {
        edits: Vec::new(),
        params: vec![Param { client: 0, form }],
        client_params: 1,
        alone: Vec::new(),
        hidden: Vec::new(),
        results: Vec::new(),
        results_certain: true,
        may_write: false,
        explain: false,
        binary: false,
        copy: None,
    };
    for (form, upstream, shown) in [
        (sealed_as(0, LogicalType::Text), 17, TEXT),
        (ParamForm::SealAs(0, LogicalType::Text, cast(VARCHAR, -1)), 17, VARCHAR),
        (ParamForm::SealText(0, cast(23, -1)), 17, TEXT),
        (ParamForm::SealArray(0, Source::UNTYPED), 1001, 1015),
        (ParamForm::SealArray(0, cast(TEXT_ARRAY, -1)), 1001, TEXT_ARRAY),
    ] {
        let plan = plan(form);
        assert_eq!(upstream_oids(&plan, &[]), [upstream]);
        assert_eq!(shown_oids(&plan, &columns, &[], &[upstream]), [shown]);
        assert_eq!(shown_oids(&plan, &columns, &[TEXT], &[upstream]), [TEXT]);
    }
}

#[tokio::test]
async fn literals_are_written_with_the_casts_that_give_them_a_type() {
    let columns = people().await;
    let literal = |text: &str, oid| Literal {
        text: Zeroizing::new(text.to_owned()),
        source: cast(oid, -1),
        at: 0,
        of_elements: false,
    };
    let (settings, mut scratch) = (Settings::default(), Scratch::default());
    let mut permits = Permits::default();
    let mut sealer = Sealer { columns: &columns, settings: &settings, scratch: &mut scratch, permits: &mut permits };
    let unhex = |digits: &str| const_hex::decode(digits).unwrap();

    let mut out = "= ".to_owned();
    sealer.literal_as(0, LogicalType::Text, &literal("longer than five", 0), &mut out).unwrap();
    let digits = out.strip_prefix("= E'\\\\x").unwrap().strip_suffix("'::pg_catalog.bytea").unwrap();
    assert_eq!(opened(&columns[0], LogicalType::Text, &unhex(digits)), "longer than five");

    let mut out = String::new();
    sealer.array_literal(0, &literal("{e,NULL,\"f\\\"\"}", TEXT_ARRAY), &mut out).unwrap();
    let body = out.strip_prefix("E'{").unwrap().strip_suffix("}'::pg_catalog.bytea[]").unwrap();
    let shown: Vec<_> = body
        .split(',')
        .map(|element| match element.strip_prefix("\"\\\\\\\\x") {
            Some(rest) => opened(&columns[0], LogicalType::Text, &unhex(rest.trim_end_matches('"'))),
            None => element.to_owned(),
        })
        .collect();
    assert_eq!(shown, ["e", "NULL", "f\""]);

    let refused = sealer.array_literal(0, &literal("{{e}}", TEXT_ARRAY), &mut String::new()).unwrap_err();
    assert_eq!(refused.sqlstate, "0A000");
}
