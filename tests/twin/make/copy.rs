//! COPY both ways.

use super::{
    Maker,
    sessions::{Exchange, How, Part},
};
use crate::{
    doc::text,
    pool,
    schema::{Column, ident},
    seq,
};

/// Forms that are read and written as lines.
const LINES: [&str; 7] = [
    "",
    " (DELIMITER '|', NULL 'nil')",
    " (FORMAT csv)",
    " (FORMAT csv, HEADER)",
    " (FORMAT csv, QUOTE '''', ESCAPE '\\')",
    " (FORMAT csv, DELIMITER ';', NULL 'NULL')",
    " CSV FORCE QUOTE *",
];

/// COPY … TO STDOUT of a query or of a table.
pub fn out(maker: &mut Maker<'_>, out: &mut Vec<Exchange>) {
    let mut lines = *maker.pick(&LINES);
    let mut part = if maker.one_in(3) {
        let table = maker.pick(&maker.schema.tables).path();
        Part::new(text(format!("COPY {table} TO STDOUT{lines}")))
    } else {
        let query = maker.select(2, true);
        if query.doc.shares() || query.loose {
            return;
        }
        // The first message of the binary form has the first row with it.
        if query.ordered && maker.one_in(2) {
            lines = " (FORMAT binary)";
        }
        Part { ordered: query.ordered, ..Part::new(seq!["COPY (", query.doc, format!(") TO STDOUT{lines}")]) }
    };
    part.describe_portal = false;
    out.push(Exchange { parts: vec![part], how: How::Simple });
}

/// COPY … FROM STDIN of a few rows, good and bad.
pub fn r#in(maker: &mut Maker<'_>, out: &mut Vec<Exchange>) {
    let table = maker.pick(&maker.schema.tables).clone();
    let csv = maker.one_in(2);
    let listed = maker.one_in(3);
    let mut columns: Vec<&Column> = table.columns.iter().collect();
    if listed {
        // The key stays; what is left out gets its default.
        for _ in 0..maker.random.below(3) {
            let at = 1 + maker.random.below(columns.len());
            if at < columns.len() {
                columns.remove(at);
            }
        }
        let at = maker.random.below(columns.len());
        columns.swap(0, at);
    }
    let spoilt = maker.one_in(6);
    let mut data = Vec::new();
    for _ in 0..1 + maker.random.below(3) {
        for (i, column) in columns.iter().enumerate() {
            if i > 0 {
                data.push(if csv { b',' } else { b'\t' });
            }
            let value = value(maker, column, spoilt);
            field(value.as_deref(), csv, maker.one_in(4), &mut data);
        }
        data.push(b'\n');
    }
    let list = match listed {
        true => format!(" ({})", columns.iter().map(|column| ident(&column.name)).collect::<Vec<_>>().join(", ")),
        false => String::new(),
    };
    let options = if csv { " (FORMAT csv)" } else { "" };
    let mut part = Part::new(text(format!("COPY {}{list} FROM STDIN{options}", table.path())));
    part.data = Some(data);
    out.push(Exchange { parts: vec![part], how: How::Simple });
}

fn value(maker: &mut Maker<'_>, column: &Column, spoilt: bool) -> Option<String> {
    match column.name.as_str() {
        "id" => return Some((100 + maker.random.below(400)).to_string()),
        "k" => return Some(maker.random.below(6).to_string()),
        _ => {}
    }
    if spoilt && column.sealed() && maker.one_in(3) {
        return Some(maker.pick(&pool::wrong(column.ty)).clone());
    }
    if !column.not_null && maker.one_in(5) {
        return None;
    }
    Some(maker.pick(&column.pool()).clone())
}

/// As an application might write it, which need not be as the server does.
fn field(value: Option<&str>, csv: bool, quoted: bool, out: &mut Vec<u8>) {
    let Some(value) = value else {
        return out.extend(if csv { "" } else { "\\N" }.bytes());
    };
    if csv {
        let must = quoted || value.is_empty() || value.contains(['"', ',', '\n', '\r', '\\']);
        match must {
            true => out.extend(format!("\"{}\"", value.replace('"', "\"\"")).bytes()),
            false => out.extend(value.bytes()),
        }
        return;
    }
    for byte in value.bytes() {
        match byte {
            b'\n' => out.extend(b"\\n"),
            b'\t' => out.extend(b"\\t"),
            b'\r' => out.extend(b"\\r"),
            b'\\' => out.extend(b"\\\\"),
            _ if quoted && byte.is_ascii_alphabetic() => out.extend(format!("\\{byte:03o}").bytes()),
            _ => out.push(byte),
        }
    }
}
