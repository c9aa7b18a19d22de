#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::{
    check_timestamptz, date_at_midnight, date_to_timestamptz, parse_date, parse_timestamptz, print_date,
    print_timestamptz, round_timestamptz, timestamptz_to_date, zone::time_zone,
};
use crate::values::{
    DateOrder, DateStyle, Settings,
    calendar::{END_DATE, END_TIMESTAMP, MIN_DATE, MIN_TIMESTAMP},
};

fn settings(style: &str, zone: &str) -> Settings {
    let mut settings = Settings::default();
    assert!(settings.set_date_style(style));
    assert!(settings.set_time_zone(zone));
    settings
}

fn date(text: &str, settings: &Settings) -> Result<String, String> {
    let days = parse_date(text, settings).map_err(|e| format!("{} {}", e.sqlstate, e.message))?;
    let mut out = Vec::new();
    print_date(days, settings, &mut out);
    Ok(String::from_utf8(out).unwrap())
}

fn moment(text: &str, settings: &Settings) -> Result<String, String> {
    let micros = parse_timestamptz(text, settings).map_err(|e| format!("{} {}", e.sqlstate, e.message))?;
    let mut out = Vec::new();
    print_timestamptz(micros, settings, &mut out);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn the_order_of_fields_decides_about_ambiguous_dates() {
    let shown = |order| date("1/2/3", &settings(order, "UTC")).unwrap();
    assert_eq!(shown("ISO, MDY"), "2003-01-02");
    assert_eq!(shown("ISO, DMY"), "2003-02-01");
    assert_eq!(shown("ISO, YMD"), "2001-02-03");
}

#[test]
fn dates_are_printed_in_each_style() {
    for (style, wanted) in [
        ("ISO, DMY", "0044-03-15 BC"),
        ("SQL, MDY", "03/15/0044 BC"),
        ("SQL, DMY", "15/03/0044 BC"),
        ("German, YMD", "15.03.0044 BC"),
        ("Postgres, DMY", "15-03-0044 BC"),
        ("Postgres, YMD", "03-15-0044 BC"),
    ] {
        assert_eq!(date("0044-03-15 BC", &settings(style, "UTC")).as_deref(), Ok(wanted), "{style}");
    }
    assert_eq!(date("infinity", &Settings::default()).as_deref(), Ok("infinity"));
    assert_eq!(date("5874897-12-31", &Settings::default()).as_deref(), Ok("5874897-12-31"));
}

#[test]
fn bad_dates_get_postgresqls_errors() {
    for (text, wanted) in [
        ("foo", "22007 invalid input syntax for type date: \"foo\""),
        ("", "22007 invalid input syntax for type date: \"\""),
        ("2024-02-30", "22008 date/time field value out of range: \"2024-02-30\""),
        ("2024-13-01", "22008 date/time field value out of range: \"2024-13-01\""),
        ("0000-01-01", "22008 date/time field value out of range: \"0000-01-01\""),
        ("5874898-01-01", "22008 date out of range: \"5874898-01-01\""),
        ("2024-01-01 10:00 Foo/Bar", "22023 time zone \"foo/bar\" not recognized"),
        ("today", "0A000 now, today, tomorrow and yesterday are not supported in a sealed value of type date"),
    ] {
        assert_eq!(date(text, &Settings::default()), Err(wanted.to_owned()), "{text}");
    }
    let other_order = parse_date("13/13/2024", &Settings::default()).unwrap_err();
    assert_eq!(other_order.hint.as_deref(), Some("Perhaps you need a different \"datestyle\" setting."));
}

#[test]
fn moments_follow_the_session_s_time_zone_through_history() {
    let berlin = settings("ISO, MDY", "Europe/Berlin");
    for (text, wanted) in [
        ("2024-07-01 12:00", "2024-07-01 12:00:00+02"),
        ("2024-01-01 12:00:00.5", "2024-01-01 12:00:00.5+01"),
        ("1880-01-01 00:00", "1880-01-01 00:00:00+00:53:28"),
        // Skipped and doubled hours.
        ("2024-03-31 02:30", "2024-03-31 03:30:00+02"),
        ("2024-10-27 02:30", "2024-10-27 02:30:00+01"),
        ("294276-07-01 00:00", "294276-07-01 00:00:00+02"),
        ("4713-12-01 00:00 BC", "4713-12-01 00:00:00+00:53:28 BC"),
        ("2024-01-01 00:00 America/New_York", "2024-01-01 06:00:00+01"),
        ("2011-01-01 00:00 MSK", "2010-12-31 22:00:00+01"),
        ("epoch", "1970-01-01 01:00:00+01"),
        ("-infinity", "-infinity"),
    ] {
        assert_eq!(moment(text, &berlin).as_deref(), Ok(wanted), "{text}");
    }
    assert_eq!(moment("294277-01-02", &berlin), Err("22008 timestamp out of range: \"294277-01-02\"".to_owned()));
}

#[test]
fn other_styles_print_the_zone_s_abbreviation() {
    for (style, zone, wanted) in [
        ("Postgres, MDY", "Europe/Berlin", "Mon Jul 01 14:00:00 2024 CEST"),
        ("Postgres, DMY", "America/New_York", "Mon 01 Jul 08:00:00 2024 EDT"),
        ("SQL, DMY", "<+05:30>-05:30", "01/07/2024 17:30:00 +05:30"),
        ("German, DMY", "foo+3", "01.07.2024 09:00:00 FOO"),
    ] {
        assert_eq!(moment("2024-07-01 12:00Z", &settings(style, zone)).as_deref(), Ok(wanted));
    }
}

#[test]
fn unknown_zones_are_not_guessed() {
    assert!(time_zone("europe/BERLIN").is_some() && time_zone("EST5EDT,M3.2.0,M11.1.0").is_some());
    for name in ["", "Foo/Bar", "foo", "UTC+999", "<+05", "Etc/Ünknown"] {
        assert!(time_zone(name).is_none(), "{name}");
    }
}

#[test]
fn midnights_find_their_date_again() {
    // Summer time starts at midnight here: 2018-11-04 has no 00:00.
    let zone = time_zone("America/Sao_Paulo").unwrap();
    for days in 6_800..6_900 {
        let micros = date_to_timestamptz(days, &zone).unwrap();
        assert_eq!(date_at_midnight(micros, &zone), Some(days));
        assert_eq!(date_at_midnight(micros + 1, &zone), None);
    }
    assert_eq!(date_to_timestamptz(END_DATE - 1, &zone), None);
    assert_eq!(timestamptz_to_date(i64::MAX, &zone), i32::MAX);
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let styles = prop::sample::select(vec![DateStyle::Iso, DateStyle::Sql, DateStyle::German, DateStyle::Postgres]);
    let orders = prop::sample::select(vec![DateOrder::Mdy, DateOrder::Dmy]);
    (styles, orders).prop_map(|(date_style, date_order)| Settings {
        // Styles that print an abbreviation cannot be read back in zones that use one twice.
        time_zone: time_zone(if date_style == DateStyle::Iso { "Africa/Monrovia" } else { "UTC" }).unwrap(),
        date_style,
        // The German style is the same in each order, but read by it.
        date_order: if date_style == DateStyle::German { DateOrder::Dmy } else { date_order },
        ..Settings::default()
    })
}

proptest! {
    #[test]
    fn printed_dates_are_read_back(days in MIN_DATE..END_DATE, settings in any_settings()) {
        let mut out = Vec::new();
        print_date(days, &settings, &mut out);
        let text = String::from_utf8(out).unwrap();
        prop_assert_eq!(parse_date(&text, &settings), Ok(days), "{}", text);
    }

    #[test]
    fn printed_moments_are_read_back(micros in MIN_TIMESTAMP..END_TIMESTAMP, settings in any_settings()) {
        let mut out = Vec::new();
        print_timestamptz(micros, &settings, &mut out);
        let text = String::from_utf8(out).unwrap();
        prop_assert_eq!(parse_timestamptz(&text, &settings), Ok(micros), "{}", text);
    }

    #[test]
    fn nonsense_never_panics(text in "[-+0-9a-zA-Z:/. ,_]{0,60}", settings in any_settings()) {
        let _ = parse_date(&text, &settings);
        if let Ok(micros) = parse_timestamptz(&text, &settings) {
            prop_assert!(check_timestamptz(micros).is_ok());
        }
    }

    #[test]
    fn rounding_moves_by_half_a_unit_at_most(micros in MIN_TIMESTAMP..END_TIMESTAMP, places in 0i32..=6) {
        let rounded = round_timestamptz(micros, places);
        let unit = 10i64.pow(6 - places as u32);
        prop_assert_eq!(rounded % unit, 0);
        prop_assert!((rounded - micros).abs() * 2 <= unit);
    }
}
