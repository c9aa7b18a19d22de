//! Runs an application on both sides and says where they part.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use pgveil::cli::demo::cluster::ClusterAuth;
use serde_json::Value;

use super::tools::{Driver, Line};
use crate::support::World;

const SCHEMA: &str = include_str!("schema.sql");
const POLICY: &str = include_str!("policy.yaml");

/// Every application writes it into some value of each sealed text column that it fills, and nowhere else.
const MARKER: &str = "Qx7Zkw";

/// Refusals that stand: by driver and case, the code.
fn refused() -> BTreeMap<(String, String), String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/refused.txt");
    let text = fs::read_to_string(path).expect("refused.txt");
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<_> = line.splitn(4, ' ').map(str::to_owned).collect();
            let [driver, case, code, _why] = &words[..] else { panic!("refused.txt: {line}") };
            ((driver.clone(), case.clone()), code.clone())
        })
        .collect()
}

/// `host=… port=… user=… password=… dbname=…` as a URL.
fn url(conninfo: &str) -> String {
    let of = |name: &str| {
        let word = conninfo.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        word.unwrap_or_else(|| panic!("{name} in {conninfo}"))
    };
    format!("postgres://{}:{}@{}:{}/{}", of("user"), of("password"), of("host"), of("port"), of("dbname"))
}

/// Runs the application through pgveil and on the twin.
pub fn notices_nothing(driver: &Driver) {
    if !driver.is_installed() {
        // Written past the test harness, which would keep it to itself.
        let _ = writeln!(io::stderr(), "\nSKIPPED {}: not installed (make test-clients installs it)", driver.name);
        return;
    }
    // Its own server, so that nobody else writes into the log.
    let world = World::builder().schema(SCHEMA).tables(POLICY).own_server(ClusterAuth::Trust, &[]).start();
    let found = driver.run(&url(&world.through()));
    let log = world.server_log();
    let leaks: Vec<_> = log.lines().filter(|line| line.contains(MARKER)).take(3).collect();
    assert!(leaks.is_empty(), "{}: plaintext has reached the server: {leaks:#?}", driver.name);

    let expected = driver.run(&url(&world.twin()));
    assert!(world.server_log().contains(MARKER), "{}: on the twin the server sees {MARKER}", driver.name);
    let (problems, same) = differences(driver, &expected, &found);
    assert!(problems.is_empty(), "{}: {same} of {} cases are equal\n{problems}", driver.name, expected.len());
    assert!(same >= 10, "{}: only {same} cases", driver.name);
}

/// What is wrong, and how many cases are equal.
fn differences(driver: &Driver, expected: &[Line], found: &[Line]) -> (String, usize) {
    let allowed = refused();
    let (mut problems, mut same) = (String::new(), 0);
    let names = |lines: &[Line]| lines.iter().map(|line| line["case"].clone()).collect::<Vec<_>>();
    assert_eq!(names(expected), names(found), "{}: cases", driver.name);
    for (twin, through) in expected.iter().zip(found) {
        let case = twin["case"].as_str().expect("a case's name");
        let listed = allowed.get(&(driver.name.to_owned(), case.to_owned()));
        let text = serde_json::to_string(through).expect("JSON");
        let same_case =
            twin.iter().all(|(name, expected)| through.get(name).is_some_and(|found| alike(expected, found)));
        let trouble = match (same_case && twin.len() == through.len(), listed) {
            (true, None) => {
                same += 1;
                continue;
            }
            (false, Some(code)) if text.contains(code) => continue,
            (true, Some(_)) => "is equal: take it off tests/drivers/refused.txt".to_owned(),
            (false, _) => {
                let mut parts = String::from("differs");
                for (name, expected) in twin {
                    parting(name, expected, &through[name], &mut parts);
                }
                parts
            }
        };
        writeln!(problems, "  {case} {trouble}").expect("a string");
    }
    (problems, same)
}

/// Where two values part: the innermost places, with what stands there.
fn parting(place: &str, twin: &Value, through: &Value, parts: &mut String) {
    match (twin, through) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            // The name of a step, where the application gives it one.
            let label = a.first().and_then(Value::as_str).filter(|_| a.first() == b.first()).unwrap_or_default();
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                parting(&format!("{place}{label}.{index}"), a, b, parts);
            }
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (name, a) in a {
                parting(&format!("{place}.{name}"), a, &b[name], parts);
            }
        }
        (a, b) if alike(a, b) => {}
        (a, b) => {
            let shown = |value: &Value| value.to_string().chars().take(700).collect::<String>();
            write!(parts, "\n    {place}\n      twin    {}\n      through {}", shown(a), shown(b)).expect("a string");
        }
    }
}

/// Whether a program sees the same. DETAIL and CONTEXT of errors about protected tables do not quote what is
/// stored: `Key (email)=(…) already exists.`
fn alike(twin: &Value, through: &Value) -> bool {
    match (twin, through) {
        (Value::String(a), Value::String(b)) => a == b || hides(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => a.keys().eq(b.keys()) && a.iter().all(|(name, a)| alike(a, &b[name])),
        (a, b) => a == b,
    }
}

/// Whether `through` is `twin` with `…` for some parts.
fn hides(twin: &str, through: &str) -> bool {
    // The server cuts long lines of COPY, and a sealed value is long: `line 1: "1\t…..."`.
    let through = through.replace("…...", "…");
    let Some((first, rest)) = through.split_once('…') else { return false };
    let (mut pieces, Some(mut left)) = (rest.split('…').rev(), twin.strip_prefix(first)) else { return false };
    let last = pieces.next().unwrap_or_default();
    pieces.rev().all(|piece| left.split_once(piece).map(|(_, after)| left = after).is_some()) && left.ends_with(last)
}
