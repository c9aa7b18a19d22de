//! JSON, right and nearly so.

use crate::generate::{Random, integer, number};

pub fn json(r: &mut Random, depth: usize) -> String {
    let blank = |r: &mut Random| r.pick(&["", "", "", " ", "\n", "\t"]);
    let simple = depth > 3 || r.one_in(2);
    match r.below(if simple { 6 } else { 10 }) {
        0 => r.pick(&["null", "true", "false", "nul", "True"]).to_owned(),
        1 => integer(r).trim().to_owned(),
        2 => number(r),
        3..=5 => json_string(r),
        6 | 7 => {
            let n = r.below(4);
            let items: Vec<String> = (0..n).map(|_| format!("{}{}", blank(r), json(r, depth + 1))).collect();
            format!("[{}{}]", items.join(","), blank(r))
        }
        _ => {
            let n = r.below(5);
            let items: Vec<String> = (0..n)
                .map(|_| {
                    let key = if r.one_in(2) {
                        json_string(r)
                    } else {
                        r.pick(&["\"a\"", "\"b\"", "\"aa\"", "\"\"", "\"é\""]).to_owned()
                    };
                    format!("{}{key}{}:{}{}", blank(r), blank(r), blank(r), json(r, depth + 1))
                })
                .collect();
            format!("{{{}{}}}", items.join(","), blank(r))
        }
    }
}

fn json_string(r: &mut Random) -> String {
    let n = r.below(5);
    let text: String = (0..n)
        .map(|_| {
            if r.one_in(40) {
                return r.pick(&["\\u0000", "\\ud800", "\\x", "\\u12", "\\udc00"]);
            }
            r.pick(&[
                "a",
                "b",
                "\\n",
                "\\u00e4",
                "\\ud83d\\ude00",
                "😀",
                "é",
                "\\\"",
                "\\\\",
                "\\/",
                "\\u0001",
                "\u{7f}",
                " ",
                "\\t\\b\\f\\r",
                "z",
                "'",
            ])
        })
        .collect();
    format!("\"{text}\"")
}
