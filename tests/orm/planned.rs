//! Plans every recorded statement over the protected schema, and keeps docs/orms.md true.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use pgveil::{
    config,
    sql::{
        catalog::{self, Catalog},
        env::Env,
        grammar::Parsed,
        model::Outcome,
        planner,
    },
};

use super::{
    compare,
    recording::{self, Statement},
    tools::Tool,
};
use crate::support::{World, connect};

const BEGIN: &str = "<!-- generated: make record-orms -->";
const END: &str = "<!-- end of what is generated -->";

/// What became of a tool's statements.
#[derive(Default)]
struct Share {
    passed: usize,
    rewritten: usize,
    refused: usize,
}

/// What is refused and why: by code and construct.
type Reasons = BTreeMap<(&'static str, String), Reason>;

#[derive(Default)]
struct Reason {
    statements: usize,
    /// Tools and their cases that ran into it.
    cases: BTreeMap<&'static str, BTreeSet<String>>,
    /// As refused.txt has it.
    why: BTreeSet<String>,
}

/// The tables in docs/orms.md are those of the recordings.
pub async fn documented(tools: &[Tool], schema: &str, policy: &str) {
    let world = World::builder().schema(schema).tables(policy).not_running().start();
    let catalog = load(&world).await;
    let mut shares = Vec::new();
    let mut reasons = Reasons::new();
    let allowed = compare::refused();
    for tool in tools {
        let statements = recording::read(tool.name);
        assert!(statements.len() > 40, "{}: {} statements are recorded", tool.name, statements.len());
        let mut share = Share::default();
        for statement in &statements {
            match outcome(statement, &catalog) {
                Outcome::Pass => share.passed += 1,
                Outcome::Rewrite(_) => share.rewritten += 1,
                Outcome::Refuse(refusal) => {
                    share.refused += 1;
                    let key = (tool.folder.to_owned(), statement.case.clone());
                    let (_, why) = allowed.get(&key).unwrap_or_else(|| {
                        panic!("{key:?} is not in refused.txt: {}\n{}", refusal.message, statement.text)
                    });
                    let reason = reasons.entry((refusal.code, construct(&refusal.message))).or_default();
                    reason.statements += 1;
                    reason.why.insert(why.clone());
                    reason.cases.entry(tool.folder).or_default().insert(statement.case.clone());
                }
            }
        }
        shares.push((tool, share));
    }
    check(&render(&shares, &reasons));
}

/// The catalog of the world's database, as pgveil itself loads it.
async fn load(world: &World) -> Catalog {
    let text = fs::read(world.config()).unwrap();
    let policy = config::load_from(Path::new("policy.yaml"), &text, [], &pgveil::kms::declarations()).unwrap().policy;
    let client = connect(&world.superuser(world.database())).await;
    catalog::load(&client, &policy.databases[world.database()], 1).await.unwrap()
}

/// Of several statements in one message, the worst.
fn outcome(statement: &Statement, catalog: &Catalog) -> Outcome {
    let env = Env {
        search_path: ["pg_catalog", "public"].map(str::to_owned).to_vec(),
        role: "app".to_owned(),
        standard_conforming_strings: true,
        ..Env::default()
    };
    let parsed = Parsed::parse(&statement.text).unwrap_or_else(|error| panic!("{}: {error}", statement.text));
    let outcomes = (0..parsed.len()).map(|index| planner::plan(&parsed, index, catalog, &env, &statement.types));
    let rank = |outcome: &Outcome| match outcome {
        Outcome::Pass => 0,
        Outcome::Rewrite(_) => 1,
        Outcome::Refuse(_) => 2,
    };
    outcomes.max_by_key(rank).unwrap_or(Outcome::Pass)
}

/// What a refusal is about, without the column and table that it was met with.
fn construct(message: &str) -> String {
    let about = message.split_once(" does not support ").map_or(message, |(_, about)| about);
    about.split(" on protected table").next().unwrap_or(about).to_owned()
}

fn render(shares: &[(&Tool, Share)], reasons: &Reasons) -> String {
    let mut out = String::from("| tool | statements | passed | rewritten | refused |\n|---|--:|--:|--:|--:|\n");
    for (tool, share) in shares {
        let all = share.passed + share.rewritten + share.refused;
        let percent = |part: usize| {
            let thousandths = (part * 2000 + all) / (2 * all);
            format!("{part} ({}.{} %)", thousandths / 10, thousandths % 10)
        };
        writeln!(
            out,
            "| {} | {all} | {} | {} | {} |",
            tool.title,
            percent(share.passed),
            percent(share.rewritten),
            percent(share.refused)
        )
        .unwrap();
    }
    out += "\n| refused | because | statements | in the cases |\n|---|---|--:|---|\n";
    for ((code, construct), reason) in reasons {
        let cases: Vec<String> = reason
            .cases
            .iter()
            .map(|(tool, cases)| format!("{tool}: {}", cases.iter().map(String::as_str).collect::<Vec<_>>().join(", ")))
            .collect();
        writeln!(
            out,
            "| {} ([{code}](errors.md#{})) | {} | {} | {} |",
            construct.replace('|', "\\|"),
            code.replace('/', ""),
            reason.why.iter().map(String::as_str).collect::<Vec<_>>().join("; "),
            reason.statements,
            cases.join("; ")
        )
        .unwrap();
    }
    out
}

fn check(generated: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/orms.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("where the tables begin");
    let (is, after) = rest.split_once(END).expect("where the tables end");
    let should = format!("\n{generated}");
    if compare::recording() {
        fs::write(&path, format!("{before}{BEGIN}{should}{END}{after}")).unwrap();
    } else {
        assert!(is == should, "docs/orms.md is not current (make record-orms); it should say\n{should}");
    }
}
