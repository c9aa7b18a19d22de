#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use super::*;
use crate::values::{Format, LogicalType, Purpose, Source, Stored, check, equality_canon, format, parse};

fn mood() -> EnumType {
    let ty = EnumType::named("public", "mood", String::new());
    ty.define(EnumDefinition {
        oid: 16_400,
        array_oid: 16_399,
        labels: ["sad", "ok", "Happy Day", "ß"].map(str::to_owned).to_vec(),
        quoted: ["mood".to_owned(), "public.mood".to_owned()],
        rivals: vec!["other".to_owned()],
    });
    ty
}

fn read(
    ty: EnumType,
    source: Source,
    format: Format,
    bytes: &[u8],
    settings: &Settings,
) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::new();
    assert_eq!(parse(LogicalType::Enum(ty), source, format, bytes, settings, &mut out)?, Stored::Canon);
    Ok(out)
}

#[test]
fn a_label_is_read_and_shown_as_it_is_in_both_formats() {
    let (ty, settings) = (mood(), Settings::default());
    for wire in [Format::Text, Format::Binary] {
        for label in ["sad", "Happy Day", "ß"] {
            let canon = read(ty, Source::UNTYPED, wire, label.as_bytes(), &settings).unwrap();
            assert_eq!(canon, label.as_bytes());
            let (mut shown, mut equality) = (Vec::new(), Vec::new());
            format(LogicalType::Enum(ty), &canon, wire, &settings, &mut shown).unwrap();
            equality_canon(LogicalType::Enum(ty), &canon, &[], &mut equality).unwrap();
            assert_eq!((shown, equality), (canon.clone(), canon));
        }
    }
    assert_eq!(LogicalType::Enum(ty).kind(), 24);
    assert_eq!((LogicalType::Enum(ty).oid(), LogicalType::Enum(ty).array_oid()), (16_400, 16_399));
    assert_eq!((LogicalType::Enum(ty).typlen(), LogicalType::Enum(ty).typmod()), (4, -1));
}

#[test]
fn anything_else_is_the_servers_error() {
    let (ty, settings) = (mood(), Settings::default());
    for wire in [Format::Text, Format::Binary] {
        for wrong in ["", "Sad", " sad", "sad ", "happy day"] {
            let error = read(ty, Source::UNTYPED, wire, wrong.as_bytes(), &settings).unwrap_err();
            assert_eq!(error.sqlstate, "22P02");
            assert_eq!(error.message, format!("invalid input value for enum mood: \"{wrong}\""));
        }
        let error = read(ty, Source::UNTYPED, wire, b"s\xffd", &settings).unwrap_err();
        assert_eq!(error.sqlstate, "22021");
    }
}

#[test]
fn values_of_other_types_are_no_labels() {
    let ty = mood();
    let own = Source { oid: 16_400, typmod: -1 };
    assert!(read(ty, own, Format::Text, b"ok", &Settings::default()).is_ok());
    for (oid, sqlstate) in [(25, "42804"), (1043, "42804"), (23, "42804"), (99_999, "0A000")] {
        let error = check(LogicalType::Enum(ty), oid, Purpose::Assign, &[]).unwrap_err();
        assert_eq!(error.sqlstate, sqlstate, "{oid}");
    }
    let error = check(LogicalType::Enum(ty), 25, Purpose::Assign, &[]).unwrap_err();
    assert_eq!(error.message, "column is of type mood but expression is of type text");
    let error = check(LogicalType::Enum(ty), 25, Purpose::Compare, &[]).unwrap_err();
    assert_eq!((error.sqlstate, &*error.message), ("42883", "operator does not exist: mood = text"));
    let error = check(LogicalType::Enum(ty), 16_399, Purpose::Assign, &[]).unwrap_err();
    assert_eq!(error.message, "column is of type mood but expression is of type mood[]");
    let error = check(LogicalType::Enum(ty), 16_399, Purpose::Compare, &[]).unwrap_err();
    assert_eq!((error.sqlstate, &*error.message), ("42883", "operator does not exist: mood = mood[]"));
    // A text column does not take values of a type of which nothing is known here.
    assert_eq!(check(LogicalType::Text, 16_400, Purpose::Assign, &[]).unwrap_err().sqlstate, "0A000");
}

#[test]
fn the_type_is_named_with_its_schema_where_search_path_does_not_find_it() {
    let ty = mood();
    let path = |schemas: &[&str]| schemas.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
    for (schemas, name) in [
        (&["pg_catalog", "public"][..], "mood"),
        (&["pg_catalog"], "public.mood"),
        (&["pg_catalog", "app"], "public.mood"),
        (&["pg_catalog", "other", "public"], "public.mood"),
        (&["pg_catalog", "public", "other"], "mood"),
    ] {
        assert_eq!(ty.name_in(&path(schemas)), name, "{schemas:?}");
        let settings = Settings { search_path: path(schemas).into(), ..Settings::default() };
        let error = read(ty, Source::UNTYPED, Format::Text, b"x", &settings).unwrap_err();
        assert_eq!(error.message, format!("invalid input value for enum {name}: \"x\""));
    }
    assert_eq!(LogicalType::Enum(ty).to_string(), "mood");
    assert_eq!(LogicalType::Enum(EnumType::named("app", "Mood", String::new())).to_string(), "app.\"Mood\"");
}

#[test]
fn another_definition_counts_from_when_it_is_known() {
    let (ty, settings) = (mood(), Settings::default());
    let same = LogicalType::Enum(ty);
    assert!(read(ty, Source::UNTYPED, Format::Text, b"grim", &settings).is_err());
    let labels = ["sad", "grim"].map(str::to_owned).to_vec();
    let mut now = EnumDefinition::clone(&ty.0.now.load());
    now.labels = labels;
    ty.define(now);
    assert!(read(ty, Source::UNTYPED, Format::Text, b"grim", &settings).is_ok());
    assert!(read(ty, Source::UNTYPED, Format::Text, b"ok", &settings).is_err());
    // What was stored as a label that is gone is shown all the same.
    let mut shown = Vec::new();
    format(same, b"ok", Format::Text, &settings, &mut shown).unwrap();
    assert_eq!(shown, b"ok");
    assert_eq!(same, LogicalType::Enum(EnumType::named("public", "mood", String::new())));
    assert_eq!(format!("{ty:?}"), "public.mood");
    // What did not change is not replaced.
    let before = ty.0.now.load_full();
    ty.define(EnumDefinition::clone(&before));
    assert!(Arc::ptr_eq(&before, &ty.0.now.load()));
}
