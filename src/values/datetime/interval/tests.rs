#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::Interval;
use crate::values::{LogicalType, Settings};

fn settings(style: &str) -> Settings {
    let mut settings = Settings::default();
    assert!(settings.set_interval_style(style));
    settings
}

fn print(interval: Interval, style: &str) -> String {
    let mut out = Vec::new();
    interval.print(&settings(style), &mut out);
    String::from_utf8(out).unwrap()
}

/// As a column of the type shows it in the default style.
fn shown(ty: &str, text: &str) -> Result<String, String> {
    let typmod = LogicalType::parse(ty).unwrap().typmod();
    Interval::parse(text, typmod, &Settings::default())
        .map(|interval| print(interval, "postgres"))
        .map_err(|e| format!("{} {}", e.sqlstate, e.message))
}

#[test]
fn each_style_prints_as_the_server_does() {
    for (text, postgres, verbose, sql, iso) in [
        ("0", "00:00:00", "@ 0", "0", "PT0S"),
        ("1-2", "1 year 2 mons", "@ 1 year 2 mons", "1-2", "P1Y2M"),
        ("-1-2", "-1 years -2 mons", "@ 1 year 2 mons ago", "-1-2", "P-1Y-2M"),
        ("1 day 2:03:04.5", "1 day 02:03:04.5", "@ 1 day 2 hours 3 mins 4.5 secs", "1 2:03:04.5", "P1DT2H3M4.5S"),
        (
            "1 mon -1 days 0.000001 s",
            "1 mon -1 days +00:00:00.000001",
            "@ 1 mon -1 days 0.000001 secs",
            "+0-1 -1 +0:00:00.000001",
            "P1M-1DT0.000001S",
        ),
        ("-1 s", "-00:00:01", "@ 1 sec ago", "-0:00:01", "PT-1S"),
        ("-1 d 1 s", "-1 days +00:00:01", "@ 1 day -1 sec ago", "+0-0 -1 +0:00:01", "P-1DT1S"),
    ] {
        let interval = Interval::parse(text, -1, &Settings::default()).unwrap();
        let styles = ["postgres", "postgres_verbose", "sql_standard", "iso_8601"];
        let all = styles.map(|style| print(interval, style));
        assert_eq!(all, [postgres, verbose, sql, iso].map(str::to_owned), "{text}");
    }
}

#[test]
fn fields_of_the_type_say_what_a_number_counts_and_what_is_cut_off() {
    for (ty, text, wanted) in [
        ("interval", "5", "00:00:05"),
        ("interval day", "5", "5 days"),
        ("interval day", "5 days 23:59", "5 days"),
        ("interval year", "23 mons", "1 year"),
        ("interval year to month", "1 year 2 mons 3 days", "1 year 2 mons"),
        ("interval hour to minute", "1:02:03", "01:02:00"),
        ("interval minute to second", "1:02", "00:01:02"),
        ("interval(2)", "-1.555 s", "-00:00:01.56"),
        ("interval second(0)", "2 mons 1.5 s", "2 mons 00:00:02"),
    ] {
        assert_eq!(shown(ty, text).as_deref(), Ok(wanted), "{ty} {text}");
    }
}

#[test]
fn a_minus_in_front_is_that_of_all_fields_in_the_standards_style_alone() {
    for (text, style, wanted) in [
        ("-1 2:03", "sql_standard", "-1 days -02:03:00"),
        ("-1 2:03", "postgres", "-1 days +02:03:00"),
        ("-1 +2:03", "sql_standard", "-1 days +02:03:00"),
    ] {
        let interval = Interval::parse(text, -1, &settings(style)).unwrap();
        assert_eq!(print(interval, "postgres"), wanted, "{text} {style}");
    }
}

#[test]
fn iso_8601_is_read_in_both_forms() {
    for (text, wanted) in [
        ("P1Y2M3W4DT5H6M7.5S", "1 year 2 mons 25 days 05:06:07.5"),
        ("P0001-02-03T04:05:06", "1 year 2 mons 3 days 04:05:06"),
        ("P00010203T040506", "1 year 2 mons 3 days 04:05:06"),
        ("P1.5Y", "1 year 6 mons"),
        ("PT", "00:00:00"),
    ] {
        assert_eq!(shown("interval", text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn bad_intervals_get_postgresqls_errors() {
    for (text, wanted) in [
        ("", "22007 invalid input syntax for type interval: \"\""),
        ("1 day 2 days", "22007 invalid input syntax for type interval: \"1 day 2 days\""),
        ("p1d", "22007 invalid input syntax for type interval: \"p1d\""),
        ("2147483648 days", "22015 interval field value out of range: \"2147483648 days\""),
        ("-2147483648 days ago", "22015 interval field value out of range: \"-2147483648 days ago\""),
        ("178956971 years", "22008 interval out of range"),
        ("P1e16D", "22015 interval field value out of range: \"P1e16D\""),
        ("P0x1D", "0A000 a hexadecimal number is not supported in a sealed value of type interval"),
    ] {
        assert_eq!(shown("interval", text), Err(wanted.to_owned()), "{text}");
    }
}

#[test]
fn a_month_is_as_long_as_thirty_days_and_a_day_as_24_hours() {
    let canon = |text: &str| {
        let mut out = Vec::new();
        Interval::parse(text, -1, &Settings::default()).unwrap().equality(&mut out);
        out
    };
    assert_eq!(canon("1 mon"), canon("29 days 24:00"));
    assert_eq!(canon("1 mon -30 days"), canon("0"));
    assert_ne!(canon("1 year"), canon("365 days"));
    assert_ne!(canon("178956970 years"), canon("-178956970 years"));
    assert_eq!(canon("1 us").len(), 16);
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again(months: i32, days: i32, micros in -(1i64 << 62)..1 << 62) {
        let interval = Interval { months, days, micros };
        for style in ["postgres", "postgres_verbose", "sql_standard", "iso_8601"] {
            let text = print(interval, style);
            let read = Interval::parse(&text, -1, &settings(style));
            // ISO 8601 takes no numbers of more than fifteen digits, none here.
            prop_assert_eq!(read.ok(), Some(interval), "{}", text);
        }
        let mut canon = Vec::new();
        interval.store(&mut canon);
        prop_assert_eq!(Interval::load(&canon).ok(), Some(interval));
    }
}
