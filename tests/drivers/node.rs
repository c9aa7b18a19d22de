//! Drivers for Node.js.

use super::{
    compare::notices_nothing,
    tools::{Driver, Start},
};

fn node_postgres(name: &'static str) -> Driver {
    Driver::new(name, Start::NodePg("node/pg/main.js"))
}

#[test]
fn node_postgres_notices_nothing() {
    notices_nothing(&node_postgres("node-postgres"));
}

#[test]
#[ignore = "make test-clients"]
fn node_postgres_notices_nothing_of_binary_results() {
    notices_nothing(&node_postgres("node-postgres-binary").with("binary"));
}

#[test]
#[ignore = "make test-clients"]
fn node_postgres_notices_nothing_with_named_statements() {
    notices_nothing(&node_postgres("node-postgres-named").with("named"));
    notices_nothing(&node_postgres("node-postgres-named-binary").with("named").with("binary"));
}

#[test]
#[ignore = "make test-clients"]
fn node_postgres_notices_nothing_in_the_extended_protocol_and_in_pipelines() {
    notices_nothing(&node_postgres("node-postgres-extended").with("extended"));
    notices_nothing(&node_postgres("node-postgres-pipeline").with("pipeline"));
    notices_nothing(&node_postgres("node-postgres-extended-pipeline").with("extended").with("pipeline"));
}
