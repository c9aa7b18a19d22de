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

#[test]
#[ignore = "make test-clients"]
fn the_streams_of_node_postgres_notice_nothing() {
    notices_nothing(&Driver::new("node-postgres-streams", Start::Node("node/pg/main.js")).with("streams"));
}

fn postgres_js(name: &'static str) -> Driver {
    Driver::new(name, Start::Node("node/postgresjs/main.js"))
}

#[test]
#[ignore = "make test-clients"]
fn postgres_js_notices_nothing() {
    notices_nothing(&postgres_js("postgres.js"));
    notices_nothing(&postgres_js("postgres.js-bigint").with("bigint"));
}

#[test]
#[ignore = "make test-clients"]
fn postgres_js_notices_nothing_without_prepared_statements() {
    notices_nothing(&postgres_js("postgres.js-unprepared").with("unprepared"));
    notices_nothing(&postgres_js("postgres.js-one").with("one"));
}

#[test]
#[ignore = "make test-clients"]
fn knex_notices_nothing() {
    notices_nothing(&Driver::new("knex", Start::Node("node/knex/main.js")));
}
