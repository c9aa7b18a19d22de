//! Drivers for Rust.

use super::{
    compare::notices_nothing,
    tools::{Driver, Start},
};

#[test]
fn tokio_postgres_notices_nothing() {
    notices_nothing(&Driver::new("tokio-postgres", Start::Program("bin/tokio_postgres")));
}

#[test]
fn sqlx_keeping_statements_notices_nothing() {
    notices_nothing(&Driver::new("sqlx", Start::Program("bin/sqlx")).with("yes"));
}

#[test]
fn sqlx_preparing_each_time_notices_nothing() {
    notices_nothing(&Driver::new("sqlx", Start::Program("bin/sqlx")).with("no"));
}
