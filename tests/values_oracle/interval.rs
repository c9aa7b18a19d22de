//! Intervals as text, in all their forms.

use crate::generate::Random;

const UNITS: &[&str] = &[
    "us",
    "usecs",
    "microsecond",
    "microseconds",
    "ms",
    "milliseconds",
    "msec",
    "s",
    "sec",
    "Seconds",
    "m",
    "min",
    "mins",
    "minutes",
    "h",
    "hr",
    "HOURS",
    "d",
    "day",
    "days",
    "w",
    "weeks",
    "mon",
    "month",
    "months",
    "y",
    "yr",
    "years",
    "dec",
    "decades",
    "c",
    "century",
    "centuries",
    "mil",
    "millennium",
    "millenniums",
    "qtr",
    "timezone",
    "ago",
    "foo",
];

/// A number as an interval holds it.
fn amount(r: &mut Random) -> String {
    let edge = |r: &mut Random| {
        let edges = [
            2_147_483_647i64,
            2_147_483_648,
            178_956_970,
            9_223_372_036_854,
            9_223_372_036_854_775_807,
            1_000_000_000_000_000,
        ];
        edges[r.below(edges.len())].saturating_add(r.range(-1, 1)).to_string()
    };
    let whole = match r.below(12) {
        0 => edge(r),
        1 => r.range(0, 1_000_000).to_string(),
        2 => String::new(),
        3 => r.digits(1, 20),
        _ => r.range(0, 60).to_string(),
    };
    let fraction = match r.below(5) {
        0 => format!(".{}", r.digits(0, 9)),
        1 => r.pick(&[".5", ".25", ".0000005", ".99999999", "."]).to_owned(),
        _ => String::new(),
    };
    format!("{}{whole}{fraction}", r.pick(&["", "", "", "-", "+"]))
}

pub fn interval(r: &mut Random) -> String {
    match r.below(10) {
        0 => iso8601(r),
        1 => {
            let date = format!("P{}-{}-{}", amount(r), amount(r), amount(r));
            let time = format!("T{}:{}:{}", amount(r), amount(r), amount(r));
            match r.below(4) {
                0 => date,
                1 => format!("{date}{time}"),
                2 => format!("P{}{time}", r.digits(8, 8)),
                _ => format!("P{}T{}", r.digits(8, 8), r.digits(6, 6)),
            }
        }
        2 => {
            // The SQL standard's.
            let sign = |r: &mut Random| r.pick(&["", "", "-", "+"]);
            let months = format!("{}{}-{}", sign(r), r.range(0, 99), r.range(0, 12));
            let time = format!(
                "{}{} {}{}:{:02}:{:02}",
                sign(r),
                r.range(0, 40),
                sign(r),
                r.range(0, 99),
                r.range(0, 60),
                r.range(0, 61)
            );
            match r.below(3) {
                0 => months,
                1 => time,
                _ => format!("{months} {time}"),
            }
        }
        3 => format!(
            "{}{}:{}{}",
            r.pick(&["", "-", "+", "1 ", "-1 "]),
            amount(r),
            r.range(0, 61),
            r.pick(&["", ".5", ":6", ":7.25", ":"])
        ),
        4 => format!("{}{}", amount(r), r.pick(UNITS)),
        5 => {
            let seconds = r.range(-100_000, 100_000) as f64 / 64.0;
            format!(
                "@ {} years {} mons {} days {seconds} secs{}",
                r.range(-9, 9),
                r.range(-20, 20),
                r.range(-40, 40),
                r.pick(&["", " ago"])
            )
        }
        6 => amount(r),
        7 => r
            .pick(&[
                "",
                " ",
                "P",
                "PT",
                "p1d",
                "infinity",
                "1 day 1 day",
                "1-",
                "1-jan",
                "00:00",
                "0",
                "allballs",
                "ago",
                "P-infY",
                "P-nanD",
                "P1e3D",
                "P1e400D",
                "P0x10D",
                "PT1e-320S",
                "P1YT",
                "PTT1S",
                "1 ago",
                "-2147483648 days",
                "-178956970 years -8 mons",
                "2147483647 months",
                "256:00",
                "1 mon -1 mon",
            ])
            .to_owned(),
        _ => {
            let mut text = String::new();
            for _ in 0..=r.below(5) {
                text.push_str(&amount(r));
                text.push_str(r.pick(&["", " "]));
                text.push_str(r.pick(UNITS));
                text.push_str(r.pick(&[" ", " ", ", ", ""]));
            }
            if r.one_in(4) {
                text.push_str(r.pick(&[" ago", "1:02:03", " -4:05", " 5"]));
            }
            text
        }
    }
}

fn iso8601(r: &mut Random) -> String {
    let mut text = "P".to_owned();
    for unit in ["Y", "M", "W", "D"] {
        if r.one_in(2) {
            text.push_str(&amount(r));
            text.push_str(unit);
        }
    }
    if r.one_in(2) {
        text.push('T');
        for unit in ["H", "M", "S"] {
            if r.one_in(2) {
                text.push_str(&amount(r));
                text.push_str(unit);
            }
        }
    }
    text
}
