//! Network addresses and MAC addresses.

use crate::generate::Random;

pub fn network(r: &mut Random) -> String {
    let mask = match r.below(4) {
        0 => format!("/{}", r.range(0, 34)),
        1 => format!("/{}", r.range(0, 130)),
        2 => r.pick(&["/8", "/16", "/24", "/32", "/64", "/128", "/08", "/", "/0"]).to_owned(),
        _ => String::new(),
    };
    if r.one_in(2) {
        let n = if r.one_in(3) { r.below(6) } else { 4 };
        let octets: Vec<String> = (0..n)
            .map(|_| {
                if r.one_in(3) { "0".to_owned() } else { (r.range(0, 255) + r.range(0, 1) * r.range(0, 9)).to_string() }
            })
            .collect();
        let hex = if r.one_in(12) { "0x" } else { "" };
        return format!("{hex}{}{mask}", octets.join("."));
    }
    let n = if r.one_in(3) { r.below(9) } else { 8 };
    let mut words: Vec<String> = (0..n)
        .map(|_| match r.below(4) {
            0 | 1 => "0".to_owned(),
            2 => "ffff".to_owned(),
            _ => format!("{:x}", r.range(0, 65_535) + r.range(0, 1) * r.range(0, 9)),
        })
        .collect();
    if n > 1 && (n < 8 || r.one_in(3)) {
        let at = r.below(n);
        words[at] = String::new();
        if at == 0 || at + 1 == n {
            words.insert(at, String::new());
        }
    }
    if r.one_in(6) {
        words.pop();
        words.push(r.pick(&["1.2.3.4", "0.0.0.1", "1.2.3", "1.2.3.256", "01.2.3.4", "192.0.2.33"]).to_owned());
    }
    format!("{}{mask}", words.join(":"))
}

pub fn macaddr(r: &mut Random) -> String {
    let octets: Vec<String> = (0..6)
        .map(|_| match r.below(12) {
            0 => format!("{:x}", r.range(0, 600)),
            1 => r.pick(&["0x1", "-1", "+2", " 3", "0X", "0x", "100000001", "fffffffffffffffff"]).to_owned(),
            2 => format!("{:X}", r.range(0, 255)),
            _ => format!("{:02x}", r.range(0, 255)),
        })
        .collect();
    let (separator, every) =
        [(":", 1), (":", 1), ("-", 1), (":", 3), ("-", 3), (".", 2), ("-", 2), ("", 1)][r.below(8)];
    octets.chunks(every).map(<[String]>::concat).collect::<Vec<_>>().join(separator)
}

pub fn macaddr8(r: &mut Random) -> String {
    if r.one_in(4) {
        return macaddr(r);
    }
    let count = [8, 8, 6, 6, 7, 9][r.below(6)];
    let separator = r.pick(&[":", ":", "-", ".", ""]);
    let every = [1, 1, 2, 3, 4][r.below(5)];
    let middle = r.one_in(3);
    let octets: Vec<String> = (0..count)
        .map(|at| match at {
            3 if middle => "ff".to_owned(),
            4 if middle => "FE".to_owned(),
            _ => format!("{:02x}", r.range(0, 255)),
        })
        .collect();
    let joined = octets.chunks(every).map(<[String]>::concat).collect::<Vec<_>>().join(separator);
    let before = r.pick(&["", "", " ", "\u{b} \t"]);
    format!("{before}{joined}{}", r.pick(&["", "", "", " ", ":", " x", ": ", "f", "\u{b}", "-\n"]))
}
