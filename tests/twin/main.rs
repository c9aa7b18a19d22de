//! The twin oracle: the same statements through pgveil on sealed tables and directly on plaintext twins
//! must give equal rows, types, tags and errors, in both protocols, in text and in binary; nothing sealed
//! may travel upstream as plaintext, and no ciphertext may reach the client.
//!
//! Schemas, policies, rows and sessions are random; a failure is made smaller and printed as it can be
//! typed. `PGVEIL_TWIN_STATEMENTS` says how many statements, `PGVEIL_TWIN_SEED` where to start,
//! `PGVEIL_TWIN_JOBS` how many worlds at once; `PGVEIL_TWIN_SESSION` repeats one session of the first.
#![allow(clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../support/raw.rs"]
mod raw;
#[path = "../support/shim.rs"]
mod shim;
#[path = "../support/mod.rs"]
mod support;

mod bench;
mod compare;
mod doc;
mod itself;
mod known;
mod make;
mod matrix;
mod pool;
mod report;
mod run;
mod schema;
mod shrink;
mod ty;

#[test]
fn the_twin_says_the_same() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |n| n.parse().expect("a number"));
    let plan = run::Plan {
        statements: number("PGVEIL_TWIN_STATEMENTS", 1000) as usize,
        seed: number("PGVEIL_TWIN_SEED", 1),
        jobs: number("PGVEIL_TWIN_JOBS", 1) as usize,
        session: std::env::var("PGVEIL_TWIN_SESSION").ok().map(|n| n.parse().expect("a number")),
    };
    let (counts, failures) = run::run(&plan);
    println!("{}", report::summary(&counts));
    if let Ok(path) = std::env::var("PGVEIL_TWIN_REPORT") {
        std::fs::write(path, failures.join("\n")).expect("the report");
    }
    assert!(failures.is_empty(), "{} kinds of failures\n{}", failures.len(), failures.join("\n"));
    if plan.session.is_some() {
        return;
    }
    // A run of errors would show nothing.
    let errors: usize = counts.native.values().sum();
    assert!(errors * 3 < counts.statements, "{errors} of {} statements are errors natively", counts.statements);
    assert!(counts.rows > counts.statements / 2, "few rows were seen: {}", counts.rows);
}
