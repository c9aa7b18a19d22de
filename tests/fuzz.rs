//! Fuzzing: a few seconds of every target in plain `cargo test`, long runs by `make fuzz`. See
//! docs/fuzzing.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fuzz {
    // The golden test uses more of it.
    #[allow(dead_code)]
    #[path = "../golden/policy.rs"]
    pub mod golden_policy;
    pub mod maker;
    pub mod many;
    pub mod memory;
    pub mod mutate;
    pub mod oracle;
    pub mod plans;
    pub mod policy;
    pub mod random;
    pub mod run;
    pub mod scram;
    pub mod seeds;
    pub mod sessions;
    pub mod splice;
    pub mod texts;
    pub mod values;
    pub mod wire;
}

use fuzz::{many, memory::Counting, plans, policy, run::fuzz, scram, sessions, texts, values, wire};

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn frames() {
    fuzz(&wire::frames());
}

#[test]
fn startups() {
    fuzz(&wire::startups());
}

#[test]
fn binds() {
    fuzz(&wire::binds());
}

#[test]
fn rows() {
    fuzz(&wire::rows());
}

#[test]
fn scram_exchanges() {
    fuzz(&scram::scram());
}

#[test]
fn whole_sessions() {
    fuzz(&sessions::sessions());
}

#[test]
fn envelopes() {
    fuzz(&values::envelopes());
}

#[test]
fn array_values() {
    fuzz(&values::array_values());
}

#[test]
fn logical_values() {
    fuzz(&values::logical_values());
}

#[test]
fn policies() {
    fuzz(&policy::policies());
}

#[test]
fn statement_texts() {
    fuzz(&texts::texts());
}

#[test]
fn golden_plans() {
    fuzz(&plans::golden_plans());
}

#[test]
fn made_plans() {
    fuzz(&plans::made_plans());
}

#[test]
fn many_statements() {
    many::many_statements();
}

#[test]
fn the_oracle_sees_what_no_plan_may_do() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use pgveil::sql::{
        grammar::Parsed,
        model::{Output, Param, ParamForm, Plan},
    };

    let plain = || Plan {
        params: vec![Param { client: 0, form: ParamForm::Plain }],
        client_params: 1,
        results: vec![Output::Plain, Output::Plain],
        ..Plan::default()
    };
    let complains = |text: &str| {
        let parsed = Parsed::parse(text).unwrap();
        catch_unwind(AssertUnwindSafe(|| fuzz::oracle::check(&parsed, 0, &plain(), &parsed))).is_err()
    };
    for text in [
        "SELECT id FROM people WHERE ssn = 'zq1q'",
        "SELECT id FROM people WHERE ssn IN ('a', 'zq1q'::text)",
        "SELECT id FROM people WHERE $1::text = people.ssn",
        "SELECT id FROM people WHERE COALESCE(birth, 'zq1q') IS NULL",
        "SELECT id, ssn FROM people",
        "INSERT INTO people (id, ssn) VALUES (1, 'x'), (1, 'zq1q')",
        "INSERT INTO people (id, ssn) VALUES (1, $1)",
        "WITH x AS (UPDATE people SET birth = 'zq1q' RETURNING id) SELECT id FROM x",
    ] {
        assert!(complains(text), "{text}");
    }
    for text in [
        "SELECT id FROM people WHERE name = 'zq1q' AND ssn IS NULL",
        "SELECT id FROM people p (id, ssn) WHERE ssn = 'zq1q'",
        "SELECT id FROM (SELECT city AS ssn FROM people) p WHERE ssn = 'zq1q'",
        "UPDATE people SET name = 'zq1q', ssn = 'x'",
    ] {
        assert!(!complains(text), "{text}");
    }
}
