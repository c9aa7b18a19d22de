//! Drivers for Python.

use super::{
    compare::notices_nothing,
    tools::{Driver, Start::Python},
};

fn psycopg3() -> Driver {
    Driver::new("psycopg3", Python("psycopg3/app.py"))
}

#[test]
fn psycopg3_notices_nothing() {
    notices_nothing(&psycopg3());
}
