//! Fuzzing: a few seconds of every target in plain `cargo test`, long runs by `make fuzz`. See
//! docs/fuzzing.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fuzz {
    // The golden test uses more of it.
    #[allow(dead_code)]
    #[path = "../golden/policy.rs"]
    pub mod golden_policy;
    pub mod maker;
    pub mod memory;
    pub mod mutate;
    pub mod plans;
    pub mod policy;
    pub mod random;
    pub mod run;
    pub mod seeds;
    pub mod sessions;
    pub mod texts;
    pub mod values;
    pub mod wire;
}

use fuzz::{memory::Counting, plans, policy, run::fuzz, sessions, texts, values, wire};

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
