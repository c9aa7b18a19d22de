//! What a sweep finds before it begins, against a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "sweep_survey/bed.rs"]
mod bed;
#[path = "sweep_survey/obstacles.rs"]
mod obstacles;
#[path = "sweep_survey/relations.rs"]
mod relations;
mod support;
