//! Drivers for Python.

use super::{
    compare::notices_nothing,
    tools::{Driver, Start},
};

fn psycopg3(name: &'static str) -> Driver {
    Driver::new(name, Start::Psycopg("psycopg3/app.py"))
}

#[test]
fn psycopg3_notices_nothing() {
    notices_nothing(&psycopg3("psycopg3"));
}

#[test]
#[ignore = "make test-clients"]
fn psycopg3_notices_nothing_of_binary_results() {
    notices_nothing(&psycopg3("psycopg3-binary").with("binary"));
}

#[test]
#[ignore = "make test-clients"]
fn psycopg3_notices_nothing_in_the_simple_protocol() {
    notices_nothing(&psycopg3("psycopg3-client").with("client"));
}

#[test]
#[ignore = "make test-clients"]
fn psycopg3_notices_nothing_with_prepared_statements() {
    notices_nothing(&psycopg3("psycopg3-prepared").with("prepared"));
}
