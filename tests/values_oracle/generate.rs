//! Values to ask about: well-formed ones, ones that are nearly so, and nonsense.

use pgveil::values::LogicalType;

use crate::{
    interval::interval,
    json::json,
    network::{macaddr, macaddr8, network},
};

/// SplitMix64: small, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn from_environment(stream: u64) -> Self {
        let seed = std::env::var("PGVEIL_ORACLE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_122u64);
        Self(seed.wrapping_mul(31).wrapping_add(stream))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0..n
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn range(&mut self, from: i64, to: i64) -> i64 {
        from.wrapping_add((self.next() % (to.wrapping_sub(from) as u64 + 1)) as i64)
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    pub fn digits(&mut self, least: usize, most: usize) -> String {
        let n = least + self.below(most - least + 1);
        (0..n).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
}

/// Texts for a type's input function.
pub fn texts(ty: LogicalType, random: &mut Random, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            let text = text(ty, random);
            if random.one_in(4) { mutated(&text, random) } else { text }
        })
        .filter(|t| !t.contains('\0'))
        .collect()
}

/// Labels of the enum type that is asked about.
pub const LABELS: [&str; 6] = ["sad", "ok", "Happy Day", "it's", "ß \u{1f600}", "a,b\"{}"];

pub fn label(r: &mut Random) -> String {
    match r.below(8) {
        0 => string(r),
        1 => format!(" {}", r.pick(&LABELS)),
        2 => r.pick(&LABELS).to_uppercase(),
        3 => "x".repeat(62 + r.below(4)),
        _ => r.pick(&LABELS).to_owned(),
    }
}

fn text(ty: LogicalType, r: &mut Random) -> String {
    match ty {
        LogicalType::Text | LogicalType::Varchar(_) | LogicalType::Char(_) => string(r),
        LogicalType::Bool => r
            .pick(&[
                "t", "f", "TRUE", "false", " tru ", "fals", "y", "no", "on", "off", "of", "o", "1", "0", "\tYes", "",
                "01",
            ])
            .to_owned(),
        LogicalType::Int2 | LogicalType::Int4 | LogicalType::Int8 => integer(r),
        LogicalType::Numeric(_) => number(r),
        LogicalType::Date | LogicalType::Timestamptz(_) | LogicalType::Timestamp(_) => moment(r),
        LogicalType::Float4 | LogicalType::Float8 => float(r),
        LogicalType::Time(_) | LogicalType::Timetz(_) => time(r),
        LogicalType::Interval(_) => interval(r),
        LogicalType::Macaddr8 => macaddr8(r),
        LogicalType::Inet | LogicalType::Cidr => network(r),
        LogicalType::Macaddr => macaddr(r),
        LogicalType::Uuid => uuid(r),
        LogicalType::Bytea => bytea(r),
        LogicalType::Json | LogicalType::Jsonb => json(r, 0),
        LogicalType::Enum(_) => label(r),
        LogicalType::Array(element) => array(element.ty(), r),
    }
}

/// Mostly of one dimension; with blanks, quotes and backslashes where they may be, and where they may not.
fn array(element: LogicalType, r: &mut Random) -> String {
    let mut array = String::new();
    if r.one_in(5) {
        let lower = r.range(-2, 3);
        let length = r.range(-1, 3);
        array = match r.below(6) {
            0 => format!("[{}]=", length + 1),
            1 => {
                r.pick(&["[2147483647:2147483647]=", "[1:4294967297]=", "[1:1][1:1]=", "[+2:2]={", "[1:-]="]).to_owned()
            }
            2 => format!(" [{lower}:{}] = ", lower + length),
            _ => format!("[{lower}:{}]=", lower + length),
        };
    }
    let deeper = usize::from(r.one_in(10));
    array + &braces(element, r, deeper)
}

fn braces(element: LogicalType, r: &mut Random, deeper: usize) -> String {
    let blank = |r: &mut Random| if r.one_in(6) { r.pick(&[" ", "\t", "\n ", "\u{b}", "\u{c}"]) } else { "" };
    let items: Vec<String> = (0..r.below(4))
        .map(|_| {
            let text = match r.below(12) {
                _ if deeper > 0 => braces(element, r, deeper - 1),
                0 => r.pick(&["NULL", "null", "\"NULL\"", "\\null", "nUlL ", "NULL x"]).to_owned(),
                1 => r.pick(&["", "\"\"", "\\ ", "a b", "a\"b\"", "\"a\"b", "\"a\" ", "{", "}", "\\", "\""]).to_owned(),
                2..4 => text(element, r),
                _ => format!("\"{}\"", text(element, r).replace('\\', "\\\\").replace('"', "\\\"")),
            };
            format!("{}{text}{}", blank(r), blank(r))
        })
        .collect();
    format!("{}{{{}{}}}{}", blank(r), items.join(","), blank(r), blank(r))
}

/// A few characters deleted, doubled, replaced or inserted.
fn mutated(text: &str, r: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=r.below(2) {
        let at = r.below(chars.len() + 1);
        let new = r.pick(&[
            " ", "-", "+", ".", ":", "/", "0", "1", "9", "e", "E", "T", "z", "j", "\"", "\\", "{", "}", "[", "]", ",",
            "\t", "\n", "\u{b}", "x", "ä", "é", "😀", "u", "_", "'", "(", "a", "BC", "00", "\u{1}",
        ]);
        match r.below(3) {
            0 if at < chars.len() => {
                chars.remove(at);
            }
            1 if at < chars.len() => {
                chars.splice(at..=at, new.chars());
            }
            _ => {
                chars.splice(at..at, new.chars());
            }
        }
    }
    chars.into_iter().collect()
}

pub fn string(r: &mut Random) -> String {
    let n = r.below(8);
    let mut text: String =
        (0..n).map(|_| r.pick(&["a", "B", " ", "ä", "😀", "é", "1", "'", "\\", "\n", "Z"])).collect();
    if r.one_in(3) {
        text.push_str(&" ".repeat(r.below(6)));
    }
    text
}

pub fn integer(r: &mut Random) -> String {
    let value = match r.below(4) {
        0 => r.range(-40_000, 40_000).to_string(),
        1 => {
            let edge = [32_767i128, 2_147_483_647, 9_223_372_036_854_775_807][r.below(3)];
            let near = edge + i128::from(r.range(-2, 3));
            if r.one_in(2) { (-near).to_string() } else { near.to_string() }
        }
        2 => r.range(-3, 3).to_string(),
        _ => r.digits(0, 22),
    };
    format!(
        "{}{}{value}{}",
        r.pick(&["", "", "", " ", "\t"]),
        r.pick(&["", "", "", "+", "-"]),
        r.pick(&["", "", "", " ", "\n"])
    )
}

pub fn number(r: &mut Random) -> String {
    if r.one_in(12) {
        return r
            .pick(&["NaN", "nan", "Infinity", "-inf", "+INF", " inf ", "-Infinity", "+NaN", "infin", "NaN x", "-nan"])
            .to_owned();
    }
    let sign = r.pick(&["", "", "", "-", "+"]);
    let whole = if r.one_in(6) { r.digits(0, 40) } else { r.digits(0, 6) };
    let fraction = match r.below(4) {
        0 => String::new(),
        1 => format!(".{}", r.digits(0, 40)),
        2 => format!(".{}5", r.digits(0, 5)),
        _ => format!(".{}", r.digits(1, 5)),
    };
    let exponent = match r.below(8) {
        0 => format!("e{}", r.range(-12, 12)),
        1 => format!("E+{}", r.digits(0, 2)),
        2 if r.one_in(5) => format!("e{}", r.range(-140_000, 140_000)),
        3 if r.one_in(5) => format!("e{}", r.digits(5, 22)),
        _ => String::new(),
    };
    let nines = if r.one_in(10) { "9999.99995" } else { "" };
    format!("{}{sign}{whole}{nines}{fraction}{exponent}{}", r.pick(&["", "", " "]), r.pick(&["", "", " "]))
}

fn time(r: &mut Random) -> String {
    match r.below(8) {
        0 => moment(r),
        1 => nonsense_moment(r),
        2 => format!("{:02}{:02}{:02}", r.range(0, 24), r.range(0, 60), r.range(0, 60)),
        3 => format!("{}:{:02} {}", r.range(0, 13), r.range(0, 59), r.pick(&["am", "PM", "AM", "z", "BC", "dst"])),
        4 => format!("{:02}:{:02}:{:02}.{}", r.range(0, 24), r.range(0, 59), r.range(0, 60), r.digits(0, 8)),
        5 => format!(
            "{}{:02}:{:02}{}",
            r.pick(&["T", "t ", "2024-07-01 ", "J2460000 "]),
            r.range(0, 24),
            r.range(0, 59),
            r.pick(ZONES)
        ),
        6 => r
            .pick(&[
                "24:00:00",
                "24:00:00.000001",
                "23:59:60",
                "23:59:59.9999999",
                "allballs",
                "",
                "epoch",
                "infinity",
                "00:00",
                "12:00 AM",
                "t12",
                "h12",
                "1.5",
                "12345",
                "1234",
            ])
            .to_owned(),
        _ => format!("{:02}:{:02}:{:02} {}", r.range(0, 23), r.range(0, 59), r.range(0, 59), r.pick(ZONES)),
    }
}

fn float(r: &mut Random) -> String {
    match r.below(6) {
        0 => number(r),
        1 => f64::from_bits(r.next()).to_string(),
        2 => format!("{:e}", f32::from_bits(r.next() as u32)),
        // Powers of two and their neighbours, whose shortest forms are the hard ones.
        3 => {
            let power = f64::from_bits(((r.next() % 2047) << 52) + r.next() % 3);
            format!("{power:e}")
        }
        4 => format!(
            "{}{}e{}{}",
            r.pick(&["", "-", "+"]),
            r.pick(&["1", "9.99999", "3.4028235", "1.7976931348623157", "4.9", "2.2250738585072014", "1.4", "7"]),
            r.pick(&["", "+", "-"]),
            r.pick(&["38", "39", "308", "309", "324", "323", "45", "46", "15", "14", "6", "5", "4", "16"])
        ),
        _ => r
            .pick(&[
                "0",
                "-0",
                "-0.0",
                "NaN",
                "nan",
                "-NaN",
                "+nan",
                "Infinity",
                "-inf",
                "+Infinity",
                "infin",
                "nan(1)",
                "",
                " ",
                "1e15",
                "123456",
                "1234567",
                "1e-5",
                "0.0001",
                " 1.5 ",
                "1 x",
                ".",
                "5.",
                ".5",
                "1e",
                "1e+",
                "0e999",
                "1_000",
                "--1",
                "e5",
            ])
            .to_owned(),
    }
}

const MONTHS: &[&str] = &["Jan", "feb", "MARCH", "apr", "May", "june", "Jul", "aug", "sept", "Oct", "nov", "December"];
const ZONES: &[&str] = &[
    "Z",
    "UTC",
    "+00",
    "-07:30",
    "+05:30",
    "+0530",
    "-8",
    "+15",
    "+16:00",
    "+01:02:03",
    "-15:59:59",
    "EST",
    "EDT",
    "PST8PDT",
    "America/New_York",
    "europe/berlin",
    "Asia/Kolkata",
    "MSK",
    "BST",
    "CEST",
    "MET DST",
    "Foo/Bar",
    "zulu",
    "FOO+3",
    "MAGT",
    "IRKT",
    "KST dst",
    "japan",
    "UTC+3",
    "+5:",
    "-00:60",
    "America/Caracas",
    "VET",
    "EST dst",
    "foo",
];

fn moment(r: &mut Random) -> String {
    if r.one_in(25) {
        return r
            .pick(&[
                "infinity",
                "-infinity",
                "epoch",
                " Infinity ",
                "+infinity",
                "infinity BC",
                "epoch 2020-01-01",
                "",
                " ",
            ])
            .to_owned();
    }
    if r.one_in(6) {
        return nonsense_moment(r);
    }
    let year = match r.below(10) {
        0 => r.range(1, 99).to_string(),
        1 => r.range(1, 6000).to_string(),
        2 => r.range(9990, 300_000).to_string(),
        3 => format!("{:04}", r.range(1, 999)),
        4 => r.range(5_874_890, 5_874_905).to_string(),
        5 => r.range(4700, 4720).to_string(),
        6 => r.range(1840, 1960).to_string(),
        _ => r.range(1960, 2045).to_string(),
    };
    let month = if r.one_in(20) { r.range(0, 14) } else { r.range(1, 12) };
    let day = if r.one_in(20) { r.range(0, 33) } else { r.range(1, 31) };
    let name = r.pick(MONTHS);
    let date = match r.below(16) {
        0 => format!("{month}/{day}/{year}"),
        1 => format!("{day}.{month}.{year}"),
        2 => format!("{day}-{name}-{year}"),
        3 => format!("{name} {day}, {year}"),
        4 => format!("{day} {name} {year}"),
        5 => format!("{year}-{name}-{day}"),
        6 => format!("{year}{month:02}{day:02}"),
        7 => format!("{year}.{:03}", r.range(0, 367)),
        8 => format!("J{}", r.range(0, 2_500_000)),
        9 => format!("y{year}m{month}d{day}"),
        10 => format!("{:02}{month:02}{day:02}", r.range(0, 99)),
        11 => format!("{name}-{day}-{year}"),
        _ => format!("{year}-{month:02}-{day:02}"),
    };
    let time = match r.below(12) {
        0 => String::new(),
        1 => format!("{}{:02}:{:02}", r.pick(&[" ", "T"]), r.range(0, 24), r.range(0, 60)),
        2 => format!(" {:02}:{:02}:{:02} {}", r.range(0, 13), r.range(0, 59), r.range(0, 60), r.pick(&["AM", "pm"])),
        3 => format!("T{:02}{:02}{:02}", r.range(0, 24), r.range(0, 59), r.range(0, 59)),
        4 => format!(" {:02}{:02}{:02}.{}", r.range(0, 24), r.range(0, 59), r.range(0, 59), r.digits(1, 8)),
        5 => " allballs".to_owned(),
        6 => format!(" 24:00:{}", r.pick(&["00", "00.0", "01", "00.000001"])),
        // Around changes of summer time.
        7 => format!(" 0{}:{}0", r.range(0, 3), r.range(0, 5)),
        _ => format!(
            "{}{:02}:{:02}:{:02}.{}",
            r.pick(&[" ", "T", "  "]),
            r.range(0, 23),
            r.range(0, 59),
            r.range(0, 59),
            r.digits(0, 9)
        ),
    };
    let zone = if r.one_in(2) { format!("{}{}", r.pick(&["", " "]), r.pick(ZONES)) } else { String::new() };
    let era = if r.one_in(10) { r.pick(&[" BC", " AD", "BC"]) } else { "" };
    let weekday = if r.one_in(12) { r.pick(&["Mon ", "tuesday ", "Fri, "]) } else { "" };
    if r.one_in(10) {
        format!("{weekday}{name} {day}{time} {year}{zone}{era}")
    } else {
        format!("{weekday}{date}{time}{zone}{era}")
    }
}

/// Parts of dates in any order.
fn nonsense_moment(r: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..=r.below(6) {
        match r.below(6) {
            0 => text.push_str(&r.digits(1, 9)),
            1 => text.push_str(r.pick(MONTHS)),
            2 => text.push_str(r.pick(ZONES)),
            3 => {
                let digits = r.digits(1, 2);
                text.extend([digits, ":".to_owned(), r.digits(0, 3)]);
            }
            4 => text.push_str(&r.range(1, 2050).to_string()),
            _ => text.push_str(r.pick(&[
                "T",
                "J",
                "BC",
                "AD",
                "am",
                "PM",
                "y",
                "m",
                "d",
                "h",
                "mm",
                "s",
                "at",
                "on",
                "dst",
                "Tue",
                "allballs",
                "julian",
                "epoch",
                "doy",
                "t",
                ".5",
                "+",
                "2001-02-03",
                "040506",
                "20010203",
                "10:11:12",
            ])),
        }
        text.push_str(r.pick(&["", " ", " ", "-", "/", ".", ":", ",", "+", "\t", "_"]));
    }
    text
}

fn uuid(r: &mut Random) -> String {
    let hex: String = (0..32).map(|_| char::from(b"0123456789abcdefABCDEF"[r.below(22)])).collect();
    let hyphenated = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    match r.below(5) {
        0 => hex,
        1 => format!("{{{hyphenated}}}"),
        2 => hex.as_bytes().chunks(4).map(|c| std::str::from_utf8(c).unwrap()).collect::<Vec<_>>().join("-"),
        _ => hyphenated,
    }
}

fn bytea(r: &mut Random) -> String {
    if r.one_in(2) {
        let n = r.below(12);
        let hex: String = (0..n).map(|_| r.pick(&["00", "ff", "7F", "5c", " ", "0a", "\n", "c3", "2"])).collect();
        format!("\\x{hex}")
    } else {
        let n = r.below(8);
        (0..n)
            .map(|_| r.pick(&["a", "\\\\", "\\000", "\\377", "\\400", "\\12", "ä", "'", "\\134", " ", "\\x"]))
            .collect()
    }
}

/// A column's value and an operand (of the type `from`, or untyped) that is often equal to it.
pub fn pairs(ty: LogicalType, from: &str, random: &mut Random, count: usize) -> Vec<(String, String)> {
    let other = LogicalType::parse(from).unwrap_or(ty);
    (0..count)
        .map(|_| {
            if matches!(
                ty,
                LogicalType::Int2
                    | LogicalType::Int4
                    | LogicalType::Int8
                    | LogicalType::Numeric(_)
                    | LogicalType::Float4
                    | LogicalType::Float8
            ) {
                let n = random.range(-300, 300);
                let fraction = random.pick(&["", "", ".0", ".00", ".5", "e0"]);
                return (n.to_string(), format!("{n}{fraction}"));
            }
            if matches!(ty, LogicalType::Date | LogicalType::Timestamptz(_) | LogicalType::Timestamp(_)) {
                let year = random.pick(&["2024", "1925", "1883", "12024", "2018", "0001"]);
                let day = format!("{year}-{:02}-{:02}", random.range(1, 12), random.range(1, 28));
                let time = random.pick(&["", " 00:00", " 01:00", " 23:30", " 12:34:56.789"]);
                let zone = random.pick(&["", "", "Z", "+05:30"]);
                return match random.below(10) {
                    0 => ("infinity".into(), "infinity".into()),
                    // Around the ends of summer time.
                    3 => {
                        let day = random.pick(&["2021-03-28", "2021-10-31", "2021-03-14", "2021-11-07", "2021-04-04"]);
                        let time = format!("{day} 0{}:30", random.below(4));
                        (time.clone(), time)
                    }
                    1 => ("2018-11-04".into(), "2018-11-04 00:00".into()),
                    2 => ("5000-01-01".into(), "5874897-01-01".into()),
                    _ => (day.clone(), format!("{day}{time}{zone}")),
                };
            }
            if matches!(ty, LogicalType::Inet | LogicalType::Cidr) {
                let pairs = [
                    ("10.0.0.0/8", "10.0.0.0/8"),
                    ("1.2.3.4", "1.2.3.4/32"),
                    ("::1", "0:0::1/128"),
                    ("::/16", "::/17"),
                ];
                let (column, operand) = pairs[random.below(pairs.len())];
                return (column.to_owned(), operand.to_owned());
            }
            if matches!(ty, LogicalType::Interval(_)) && !from.starts_with("time") {
                let pairs = [
                    ("1 mon", "30 days"),
                    ("24:00", "1 day"),
                    ("1 year", "12 mons"),
                    ("1 year", "365 days"),
                    ("1 mon -30 days", "0"),
                    ("178956970 years", "64424509200 days"),
                    ("-1 day 24:00:00.000001", "1 us"),
                ];
                let (column, operand) = pairs[random.below(pairs.len())];
                return (column.to_owned(), operand.to_owned());
            }
            if matches!(
                (ty, other),
                (LogicalType::Interval(_) | LogicalType::Time(_), LogicalType::Time(_) | LogicalType::Interval(_))
            ) {
                let column = format!("{:02}:{:02}", random.range(0, 24), random.range(0, 1));
                let day = random.one_in(4) && matches!(other, LogicalType::Interval(_));
                return (column.clone(), if day { format!("-1 day {}", column.replace("00:", "24:")) } else { column });
            }
            if matches!(
                (ty, other),
                (LogicalType::Timetz(_), LogicalType::Time(_)) | (LogicalType::Time(_), LogicalType::Timetz(_))
            ) {
                let zones = ["", "+00", "+11", "+05:30", "-03"];
                let time = format!("{:02}:00", random.range(0, 24));
                let zone =
                    |ty, zone: &str| if matches!(ty, LogicalType::Time(_)) { String::new() } else { zone.to_owned() };
                let (a, b) = (zones[random.below(zones.len())], zones[random.below(zones.len())]);
                return (format!("{time}{}", zone(ty, a)), format!("{time}{}", zone(other, b)));
            }
            let column = text(ty, random);
            let operand = match random.below(4) {
                0 => text(other, random),
                1 => format!("{column} "),
                2 if matches!(ty, LogicalType::Jsonb) => column.replace(',', ", ").replace(":1", ":1.0"),
                _ => column.clone(),
            };
            (column, operand)
        })
        .collect()
}
