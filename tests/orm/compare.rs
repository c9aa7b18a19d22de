//! Runs a tool's cases on both sides and says where they part.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use super::{
    recorder::Recorder,
    recording,
    tools::{Line, Tool},
};
use pgveil::cli::demo::cluster::ClusterAuth;

use crate::support::{World, both};

/// Values of sealed columns, one of each, that the cases read, write or compare with.
const SECRETS: [&str; 11] = [
    "ada@example.org",
    "new1@example.org",
    "office@example.org",
    "123-45-6789",
    "1985-12-10",
    "4200.5",
    "allergic to nuts",
    "11111111-1111-4111",
    "blood",
    "4111 1111 1111",
    "never on sundays",
];

/// What `ORMS` asks for.
fn asked(what: &str) -> bool {
    std::env::var("ORMS").is_ok_and(|value| value == what)
}

/// Whether files are to be written anew.
pub fn recording() -> bool {
    asked("record")
}

/// Refusals that stand: by tool and case, the code and why nothing else is promised.
pub fn refused() -> BTreeMap<(String, String), (String, String)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/orm/refused.txt");
    let text = fs::read_to_string(path).expect("refused.txt");
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.splitn(4, ' ').map(str::to_owned);
            let mut word = || words.next().unwrap_or_else(|| panic!("refused.txt: {line}"));
            ((word(), word()), (word(), word()))
        })
        .collect()
}

/// Runs the tool's cases through pgveil and on the twin.
pub fn notices_nothing(tool: &Tool, policy: &str) {
    if !tool.is_installed() {
        // Written past the test harness, which would keep it to itself.
        let _ = writeln!(io::stderr(), "\nSKIPPED {}: not installed (make test-orms installs it)", tool.name);
        return;
    }
    // Its own server, so that nobody else writes into the log.
    let mut world = World::builder().tables(policy).own_server(ClusterAuth::Trust, &[]).idle().start();
    tool.create(&world.direct());
    tool.create(&world.twin());
    let applied = world.pgveil(&["apply", "--yes"]);
    assert!(applied.status.success(), "{}", both(&applied));
    world.run(&[]);

    let found = tool.cases(&world.through(), &[]);
    starts_again(tool, &world);
    let log = world.server_log();
    assert!(log.contains("TRUNCATE people"), "{}: the server logs statements", tool.name);
    for secret in SECRETS {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{}: {secret} has reached the server: {line:?}", tool.name);
    }

    let recorder = Recorder::start(world.server_port());
    let around = world.twin().replace(&format!("port={}", world.server_port()), &format!("port={}", recorder.port()));
    let expected = tool.cases(&around, &[]);
    let log = world.server_log();
    let plain = SECRETS.iter().filter(|secret| log.contains(**secret)).count();
    assert!(plain + 1 >= SECRETS.len(), "{}: on the twin the server sees them", tool.name);
    let (problems, same) = differences(tool, &expected, &found);

    let statements = recording::distinct(recorder.statements());
    if recording() {
        recording::write(tool.name, tool.title, &statements);
    }
    let known = recording::read(tool.name);
    let news: Vec<_> = statements.iter().filter(|s| !known.contains(s)).collect();
    assert!(news.is_empty(), "{}: not in the recording (make record-orms): {news:#?}", tool.name);
    assert!(problems.is_empty(), "{}: {same} of {} cases are equal\n{problems}", tool.name, expected.len());
    assert!(same > 10 && same * 4 > expected.len() * 3, "{}: only {same} cases of {}", tool.name, expected.len());
}

/// The tool looks at its tables again, through pgveil, and maybe wants to change sealed columns back.
fn starts_again(tool: &Tool, world: &World) {
    let sealed = || world.sql("SELECT count(*) FROM information_schema.columns WHERE domain_name = 'sealed'");
    let before = sealed();
    let said = both(&tool.create_again(&world.through()));
    assert_eq!(before, sealed(), "{}: the columns have changed\n{said}", tool.name);
    let expected = tool.starts_again.unwrap_or("exit Some(0)");
    assert!(said.contains(expected), "{}: expected {expected} when it starts again\n{said}", tool.name);
}

/// What is wrong, and how many cases are equal.
fn differences(tool: &Tool, expected: &[Line], found: &[Line]) -> (String, usize) {
    let allowed = refused();
    let (mut problems, mut same) = (String::new(), 0);
    assert_eq!(expected.len(), found.len(), "{}: cases", tool.name);
    for (twin, through) in expected.iter().zip(found) {
        let case = twin["case"].as_str().expect("a case's name");
        let listed = allowed.get(&(tool.folder.to_owned(), case.to_owned()));
        let code = through.get("refused").or(through.get("sqlstate")).and_then(|code| code.as_str());
        let trouble = match (twin == through, code, listed) {
            (true, _, None) => {
                same += 1;
                continue;
            }
            (false, Some(code), Some((expected, _))) if code == expected => continue,
            (true, _, Some(_)) => "is equal: take it off tests/orm/refused.txt".to_owned(),
            (false, Some(code), _) if code.contains('/') => format!("is refused: {code}: {}", through["message"]),
            (false, ..) => format!("differs\n    twin    {}\n    through {}", shown(twin), shown(through)),
        };
        writeln!(problems, "  {case} {trouble}").expect("a string");
    }
    (problems, same)
}

/// A line from where it becomes interesting.
fn shown(line: &Line) -> String {
    let text = serde_json::to_string(line).expect("JSON");
    text.chars().take(3_000).collect()
}
