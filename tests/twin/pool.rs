//! Values: few enough that they meet, odd enough that they hurt.
//!
//! Those for sealed columns are not those for plain ones, so that a sealed one that travels upstream is
//! seen: texts hold [`MARK`], others are long or unusual enough to be told from chance.

use crate::ty::{Family, Ty};

/// In every sealed text that is not empty.
pub const MARK: &str = "Qx7Zkw";

/// Values that a sealed column of the type can take, as text input.
pub fn sealed(ty: Ty) -> Vec<String> {
    let own = |values: &[&str]| values.iter().map(|text| (*text).replace("MARK", MARK)).collect::<Vec<_>>();
    let mut values = match ty.family() {
        Family::Text => own(&[
            "MARK Ann",
            "MARK ann",
            "MARK Ann  ",
            "",
            "MARK'q\"\\,{}",
            "MARKßé😀",
            "NULL MARK",
            "MARK\ttab\nline",
            "MARK%_",
            "MARK",
        ]),
        Family::Integer => own(&["0", "1", "-1", "7", "12", "-32768", "32767"]),
        Family::Numeric => own(&["0", "1", "1.0", "1.00", "-1", "12.50", "12.5", "731948625170.17", "0.01", "-0.00"]),
        Family::Bool => own(&["true", "false"]),
        Family::Date => own(&["2024-02-29", "1907-03-21", "2000-01-01", "0044-03-15", "9999-12-31"]),
        Family::Timestamptz => own(&[
            "2024-02-29 12:34:56.789+00",
            "1907-03-21 01:02:03.000001+00",
            "2000-01-01 00:00:00.0+00",
            "2024-07-01 23:59:59.5+00",
        ]),
        Family::Timestamp => own(&[
            "2024-02-29 12:34:56.789",
            "1907-03-21 01:02:03.000001",
            "2000-01-01 00:00:00.0",
            "2024-07-01 23:59:59.5",
        ]),
        Family::Float => own(&["0", "-0", "1.5", "-1.5", "0.1", "731948.5", "1e-7", "NaN", "Infinity"]),
        Family::Time => own(&["12:34:56.789", "00:00:00.0", "24:00:00.0", "23:59:59.999999"]),
        Family::Inet => own(&["192.0.2.1", "192.0.2.0/24", "2001:db8::7a/64", "0.0.0.0/0", "::ffff:1.2.3.4"]),
        Family::Macaddr => own(&["08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff", "08002b:010204"]),
        Family::Macaddr8 => own(&["08:00:2b:01:02:03:04:05", "08:00:2b:ff:fe:01:02:03", "08002b010203"]),
        Family::Interval => {
            own(&["317 days", "30 days", "1 mon", "-7 mons", "1 year 2 mons -3 days 04:05:06.789", "P1Y2M"])
        }
        Family::Timetz => own(&["12:34:56.789+02", "24:00:00.0+02", "10:34:56.789+00", "23:59:59.999999-15:30"]),
        Family::Uuid => own(&[
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "00000000-0000-0000-0000-000000000000",
            "7e2b1c3d-4f5a-4b6c-8d9e-0f1a2b3c4d5e",
            "7e2b1c3d-4f5a-4b6c-8d9e-0f1a2b3c4d5f",
        ]),
        Family::Bytea => own(&["\\x", "\\x00", "\\xdeadbeef00112233445566", "\\xdeadbeef00112233445567", "\\x5c27"]),
        Family::Jsonb => own(&[
            "{\"MARK\": [1, null]}",
            "{\"a\": 1, \"MARK\": 2.50}",
            "{\"MARK\": 2.5, \"a\": 1}",
            "null",
            "\"MARK\"",
            "1",
            "1.0",
            "[]",
        ]),
        Family::Feeling => own(&["MARK sad", "MARK", "MARK'q\"\\,{}", "MARKßé😀", "MARK sad "]),
        Family::Texts => own(&[
            "{}",
            "{MARK}",
            "{MARKa,NULL,MARKb}",
            "{\"MARK,a\",\"q\\\"\\\\\",\"\",\"null\"}",
            "[0:1]={MARK,b}",
            " { MARK ann , nUlL } ",
            "{MARK'ß}",
        ]),
        Family::Ints => own(&["{}", "{1,NULL,-7}", "{731948625170171,9223372036854775807}", "[2:2]={12}", "{ 7 , 7 }"]),
    };
    match ty {
        Ty::Int4 => values.extend(own(&["2147483647", "-2147483648"])),
        Ty::Int8 => values.extend(own(&["9223372036854775807", "731948625170171"])),
        Ty::Numeric(None) => values.extend(own(&["1e-7", "NaN", "731948625170171.0000000001"])),
        Ty::Date => values.extend(own(&["infinity", "-infinity", "0044-03-15 BC"])),
        Ty::Timestamptz => {
            values.extend(own(&["infinity", "1907-03-21 01:02:03 Europe/Berlin", "0044-03-15 00:00:00+00 BC"]))
        }
        Ty::Timestamp => values.extend(own(&["infinity", "1907-03-21 01:02:03", "0044-03-15 00:00:00 BC"])),
        Ty::Float8 => values.extend(own(&["731948625170171.1", "1e300"])),
        Ty::Text | Ty::Varchar(300) => values.push(format!("{MARK}{}", "long ".repeat(50))),
        Ty::Varchar(24) => values.push(format!("{MARK:<30}")),
        Ty::Uuid => values.push("{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}".to_owned()),
        Ty::Bool => values.extend(own(&["t", " off "])),
        _ => {}
    }
    values
}

/// Values that are no values of the type, or too long for it.
pub fn wrong(ty: Ty) -> Vec<String> {
    let own = |values: &[&str]| values.iter().map(|text| (*text).replace("MARK", MARK)).collect();
    match ty {
        Ty::Text => own(&["MARK fits"]),
        Ty::Varchar(_) | Ty::Char(_) => vec![format!("{MARK}{}", "y".repeat(301))],
        Ty::Bool => own(&["MARK", "o"]),
        Ty::Int2 => own(&["MARK", "32768", "1.5", ""]),
        Ty::Int4 => own(&["MARK", "2147483648", "1.5", ""]),
        Ty::Int8 => own(&["MARK", "9223372036854775808", ""]),
        Ty::Numeric(_) => own(&["MARK", "1..2", "", "1e20000000"]),
        Ty::Date => own(&["MARK", "2024-02-30", "2024-13-01"]),
        Ty::Timestamptz => own(&["MARK", "2024-02-29 25:00:00"]),
        Ty::Timestamp => own(&["MARK", "2024-02-29 25:00:00"]),
        Ty::Float4 => own(&["MARK", "1e39", ""]),
        Ty::Float8 => own(&["MARK", "1e400", ""]),
        Ty::Time => own(&["MARK", "25:00", "12:60"]),
        Ty::Inet => own(&["MARK", "1.2.3", "1::2::3"]),
        Ty::Macaddr => own(&["MARK", "1:2:3:4:5:600", "08002b"]),
        Ty::Macaddr8 => own(&["MARK", "08:00:2b:01:02:03:04"]),
        Ty::Interval => own(&["MARK", "1 day 2 days", "2147483648 days"]),
        Ty::Timetz => own(&["MARK", "25:00+00", "12:00+16"]),
        Ty::Uuid => own(&["MARK", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1"]),
        Ty::Bytea => own(&["\\x0", "\\xMARK"]),
        Ty::Jsonb => own(&["MARK", "{", ""]),
        Ty::Feeling => own(&["MARK glad", "", " MARK"]),
        Ty::Texts => own(&["MARK", "{MARK", "{MARK,}", "[1:3]={MARK}"]),
        Ty::Varchars(_) => vec![format!("{{{MARK}{}}}", "y".repeat(301)), format!("{{{MARK}\"a\"}}")],
        Ty::Ints => own(&["MARK", "{MARK}", "{1.5}", "{9223372036854775808}", "[2:1]={1}"]),
    }
}

/// Values for plain columns.
pub fn plain(ty: Ty) -> Vec<String> {
    let own = |values: &[&str]| values.iter().map(|text| (*text).to_owned()).collect();
    match ty.family() {
        Family::Text => own(&["one", "two", "Three", "", "it's", "ä%"]),
        Family::Integer => own(&["2", "3", "5", "-4"]),
        Family::Numeric => own(&["2", "3.5", "-4.25"]),
        Family::Bool => own(&["true", "false"]),
        Family::Date => own(&["2011-11-11", "1999-12-31"]),
        Family::Timestamptz => own(&["2011-11-11 11:11:11.0+00", "1999-12-31 01:02:03.0+00"]),
        Family::Timestamp => own(&["2011-11-11 11:11:11.0", "1999-12-31 01:02:03.0"]),
        Family::Float => own(&["2", "3.5", "-4.25"]),
        Family::Time => own(&["11:11:11.0", "01:02:03.0"]),
        Family::Inet => own(&["10.0.0.1", "10.0.0.2"]),
        Family::Macaddr => own(&["00:00:00:00:00:01", "00:00:00:00:00:02"]),
        Family::Macaddr8 => own(&["00:00:00:00:00:00:00:01", "00:00:00:00:00:00:00:02"]),
        Family::Interval => own(&["3 days", "5 mons"]),
        Family::Timetz => own(&["11:11:11.0+02", "01:02:03.0+02"]),
        Family::Uuid => own(&["11111111-2222-3333-4444-555555555555", "11111111-2222-3333-4444-555555555556"]),
        Family::Bytea => own(&["\\x0102", "\\xaabb"]),
        Family::Jsonb => own(&["{\"p\": 1}", "2"]),
        Family::Feeling => own(&["one", "Two"]),
        Family::Texts => own(&["{one,two}", "{}", "{three}"]),
        Family::Ints => own(&["{2,3}", "{}", "{5}"]),
    }
}
