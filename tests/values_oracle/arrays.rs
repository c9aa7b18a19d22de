//! Arrays of every type: `array_in`, `array_out`, `array_recv`, `array_send` and the casts between them.

use pgveil::values::{Format, LogicalType, Source};

use super::{
    Differences, TYPES, binary, cases, cast_to, combinations,
    generate::{self, Random},
    is_absurd_zone, is_clock, is_refused, runtime,
    server::{self, Answer, Server},
    settings, stored,
};

fn arrays() -> Vec<String> {
    // Those of intervals with fields are refused in a policy.
    let fields = |name: &&str| name.starts_with("interval ");
    TYPES.iter().filter(|name| !fields(name)).map(|name| format!("{name}[]")).collect()
}

async fn start(arrays: &[String]) -> Server {
    Server::start(&arrays.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// pgveil seals arrays of one dimension only, and reads no values that it does not know.
fn is_refused_here(ours: &Answer) -> bool {
    let more =
        |message: &str| message.contains("dimensions is not supported") || message.starts_with("a value of type");
    is_refused(ours)
        || is_absurd_zone(ours)
        || matches!(ours, Answer::Error { sqlstate, message, .. } if sqlstate == "0A000" && more(message))
}

#[test]
fn array_literals_are_read_and_printed_as_postgresql_does() {
    runtime().block_on(async {
        let arrays = arrays();
        let server = start(&arrays).await;
        let mut random = Random::from_environment(5);
        let mut differences = Differences::default();
        for (n, setting) in combinations(&mut random).into_iter().enumerate() {
            server.set(setting).await;
            let mut ours = settings(setting);
            let nulls = if n % 4 == 3 { "off" } else { "on" };
            server.sql(&format!("set array_nulls = {nulls}")).await;
            assert!(ours.set_array_nulls(nulls));
            for name in &arrays {
                let ty = LogicalType::parse(name).unwrap();
                let texts: Vec<String> =
                    generate::texts(ty, &mut random, cases()).into_iter().filter(|t| !is_clock(t)).collect();
                let literals: Vec<String> = texts.iter().map(|t| server::literal(t)).collect();
                let theirs = server.insert(name, &literals).await;
                for (text, theirs) in texts.iter().zip(&theirs) {
                    let ours = stored(ty, Source::UNTYPED, Format::Text, text.as_bytes(), &ours);
                    if !is_refused_here(&ours) {
                        differences.check(|| format!("{name} {setting:?} {text:?}"), theirs, &ours);
                    }
                }
            }
        }
        differences.report();
    });
}

#[test]
fn arrays_are_assigned_to_other_arrays_as_postgresql_does() {
    runtime().block_on(async {
        let arrays = arrays();
        let server = start(&arrays).await;
        let mut random = Random::from_environment(6);
        let mut differences = Differences::default();
        for setting in combinations(&mut random) {
            server.set(setting).await;
            let ours = settings(setting);
            for name in &arrays {
                let ty = LogicalType::parse(name).unwrap();
                for from in arrays.iter().map(String::as_str).chain(TYPES.iter().copied()) {
                    let kind = LogicalType::parse(from).unwrap();
                    let texts: Vec<String> = generate::texts(kind, &mut random, cases() / 20 + 1)
                        .into_iter()
                        .filter(|t| !is_clock(t))
                        .collect();
                    let literals: Vec<String> =
                        texts.iter().map(|t| format!("{}::{from}", server::literal(t))).collect();
                    let theirs = server.insert(name, &literals).await;
                    for (text, theirs) in texts.iter().zip(&theirs) {
                        let ours = stored(ty, cast_to(from), Format::Text, text.as_bytes(), &ours);
                        // The server parses the literal before it looks at the types.
                        let type_error = ours.sqlstate() == Some("42804") && theirs.sqlstate().is_some();
                        if !is_refused_here(&ours) && !type_error {
                            differences.check(|| format!("{name} {setting:?} {text:?}::{from}"), theirs, &ours);
                        }
                    }
                }
            }
        }
        differences.report();
    });
}

#[test]
fn binary_arrays_are_received_as_postgresql_does() {
    runtime().block_on(async {
        let arrays = arrays();
        let server = start(&arrays).await;
        let mut random = Random::from_environment(7);
        let mut differences = Differences::default();
        for setting in combinations(&mut random) {
            server.set(setting).await;
            let ours = settings(setting);
            for name in &arrays {
                let ty = LogicalType::parse(name).unwrap();
                let values = binary::binaries(ty, &mut random, cases() / 4 + 1);
                let theirs = server.bind(name, ty, &values).await;
                for (bytes, theirs) in values.iter().zip(&theirs) {
                    let ours = stored(ty, Source { oid: ty.oid(), typmod: -1 }, Format::Binary, bytes, &ours);
                    // Types that pgveil knows no name of.
                    let nameless = matches!(&ours, Answer::Error { message, .. } if message.contains("(???)"));
                    if nameless {
                        differences.check(|| format!("{name} {bytes:02x?}"), &theirs.sqlstate(), &ours.sqlstate());
                    } else if !is_refused_here(&ours) {
                        differences.check(|| format!("{name} {setting:?} {bytes:02x?}"), theirs, &ours);
                    }
                }
            }
        }
        differences.report();
    });
}
