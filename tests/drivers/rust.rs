//! Drivers for Rust.

use super::{
    compare::notices_nothing,
    tools::{Driver, Start},
};

#[test]
fn tokio_postgres_notices_nothing() {
    notices_nothing(&Driver::new("tokio-postgres", Start::Program("bin/tokio_postgres")));
}
