//! Failures as one can type them, and what a run saw.

use std::fmt::Write as _;

use crate::{
    bench::Counts,
    compare::Failure,
    doc::Value,
    make::{Exchange, How},
    schema::Schema,
};

/// A failing session, with all that is needed to repeat it by hand.
pub fn failure(seed: u64, number: u64, schema: &Schema, session: &[Exchange], failure: &Failure) -> String {
    let texts: Vec<String> = session
        .iter()
        .flat_map(|exchange| exchange.parts.iter().map(|part| part.doc.render(exchange.how == How::Extended).sql))
        .collect();
    let mut out = format!("---- {:?}: {} (seed {seed}, session {number})\n", failure.kind, failure.signature);
    for line in schema.ddl().lines().chain(schema.views_ddl().lines()) {
        let name = line.split(" (").next().unwrap_or_default().split(" AS ").next().unwrap_or_default();
        let name = name.trim_start_matches("CREATE TABLE ").trim_start_matches("CREATE VIEW ");
        if texts.iter().any(|text| text.contains(name)) {
            let _ = writeln!(out, "{line}");
        }
    }
    for table in &schema.tables {
        let name = table.path();
        if texts.iter().any(|text| text.contains(&name)) {
            let sealed = table.columns.iter().filter(|column| column.sealed());
            let sealed: Vec<String> = sealed
                .map(|c| format!("{} {:?} domain {} identity {}", c.name, c.mode, c.domain, c.identity))
                .collect();
            let _ = writeln!(out, "-- {name}: {}", sealed.join("; "));
            for statement in schema.reset().iter().filter(|sql| sql.starts_with(&format!("INSERT INTO {name} "))) {
                let _ = writeln!(out, "{statement};");
            }
        }
    }
    for exchange in session {
        let simple = exchange.how == How::Simple;
        let _ = writeln!(out, "-- {}", if simple { "one Query" } else { "Parse, Bind, Execute …, one Sync" });
        for part in &exchange.parts {
            let rendered = part.doc.render(!simple);
            let _ = writeln!(out, "{};", rendered.sql);
            if let Some(data) = &part.data {
                let _ = writeln!(out, "--   data {:?}", String::from_utf8_lossy(data));
            }
            if simple {
                continue;
            }
            for (n, parameter) in rendered.parameters.iter().enumerate() {
                let value = match &parameter.value {
                    Value::Null => "NULL".to_owned(),
                    Value::One(text) => format!("{text:?}"),
                    Value::Many(items) => crate::doc::array_text(items),
                };
                let format = if parameter.bound().0 == 1 { "binary" } else { "text" };
                let _ = writeln!(
                    out,
                    "--   ${} = {value} ({format}, {:?}, declared {})",
                    n + 1,
                    parameter.ty,
                    parameter.oid
                );
            }
            let _ = writeln!(
                out,
                "--   name {:?}{}, describe statement {}, portal {}, binary {}, limit {}{}, twice {}",
                part.name,
                if part.again { " as prepared before" } else { "" },
                part.describe_statement,
                part.describe_portal,
                part.binary,
                part.limit,
                if part.rest { " and then the rest" } else { "" },
                part.twice
            );
        }
    }
    out.push_str(&failure.report);
    out
}

/// What a run saw.
pub fn summary(counts: &Counts) -> String {
    let refused: usize = counts.declared.values().sum();
    let missing: usize = counts.missing.values().sum();
    let mut out = format!(
        "{} statements: {} the same ({} rows), {refused} refused as declared, {missing} refused that are known to be missing\n",
        counts.statements, counts.same, counts.rows
    );
    let table = |out: &mut String, title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(out, "{title}:\n  {}", lines.join("\n  "));
        }
    };
    let modes = |map: &std::collections::BTreeMap<_, usize>| {
        map.iter()
            .map(|((c, m), n): (&(crate::matrix::Construct, crate::matrix::Mode), &usize)| {
                format!("{c:?} ({m:?}): {n}")
            })
            .collect()
    };
    table(&mut out, "refused as declared", modes(&counts.declared));
    table(&mut out, "declared as refused, answered rightly", modes(&counts.answered));
    let missing = counts.missing.iter().map(|((c, code), n)| format!("{c:?} {code}: {n}")).collect();
    table(&mut out, "known to be missing", missing);
    let never = crate::known::MISSING.iter().filter(|(known, _)| !counts.missing.keys().any(|(c, _)| c == known));
    table(&mut out, "known to be missing, but not met", never.map(|(c, words)| format!("{c:?}: {words}")).collect());
    let tolerated = counts.tolerated.iter().map(|(why, n)| format!("{why}: {n}")).collect();
    table(&mut out, "differences that are known", tolerated);
    table(&mut out, "errors on both sides", counts.native.iter().map(|(code, n)| format!("{code}: {n}")).collect());
    out
}
