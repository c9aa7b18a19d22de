//! Drivers for Go.

use super::{
    compare::notices_nothing,
    tools::{Driver, Start},
};

fn pgx(mode: &'static str) -> Driver {
    // The only mode that keeps statements.
    let name = if mode == "cache_statement" { "pgx-cached" } else { "pgx" };
    Driver::new(name, Start::Program("bin/pgx")).with(mode)
}

#[test]
fn pgx_caching_statements_notices_nothing() {
    notices_nothing(&pgx("cache_statement"));
}

#[test]
fn pgx_caching_descriptions_notices_nothing() {
    notices_nothing(&pgx("cache_describe"));
}

#[test]
fn pgx_describing_each_time_notices_nothing() {
    notices_nothing(&pgx("describe_exec"));
}

#[test]
fn pgx_without_describing_notices_nothing() {
    notices_nothing(&pgx("exec"));
}

#[test]
fn pgx_in_the_simple_protocol_notices_nothing() {
    notices_nothing(&pgx("simple_protocol"));
}

#[test]
fn lib_pq_with_named_statements_notices_nothing() {
    notices_nothing(&Driver::new("lib-pq", Start::Program("bin/pq")).with("no"));
}

#[test]
fn lib_pq_with_binary_parameters_notices_nothing() {
    notices_nothing(&Driver::new("lib-pq", Start::Program("bin/pq")).with("yes"));
}
