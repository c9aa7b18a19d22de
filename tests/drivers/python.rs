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

#[test]
#[ignore = "make test-clients"]
fn psycopg3_notices_nothing_on_an_event_loop_and_in_pools() {
    notices_nothing(&Driver::new("psycopg3-loop", Start::Python("psycopg3/loop.py")));
}

fn asyncpg(name: &'static str) -> Driver {
    Driver::new(name, Start::Python("asyncpg/app.py"))
}

#[test]
fn asyncpg_notices_nothing() {
    notices_nothing(&asyncpg("asyncpg"));
}

#[test]
#[ignore = "make test-clients"]
fn asyncpg_notices_nothing_without_a_cache_of_statements() {
    notices_nothing(&asyncpg("asyncpg-uncached").with("uncached"));
}

#[test]
#[ignore = "make test-clients"]
fn asyncpg_notices_nothing_with_codecs_of_its_own() {
    notices_nothing(&asyncpg("asyncpg-codecs").with("codecs"));
}

#[test]
fn psycopg2_notices_nothing() {
    notices_nothing(&Driver::new("psycopg2", Start::Python("psycopg2/app.py")));
}

fn sqlalchemy(name: &'static str) -> Driver {
    Driver::new(name, Start::Python("sqlalchemy/app.py"))
}

#[test]
fn sqlalchemy_notices_nothing() {
    notices_nothing(&sqlalchemy("sqlalchemy-psycopg").with("psycopg"));
}

#[test]
#[ignore = "make test-clients"]
fn sqlalchemy_notices_nothing_over_psycopg2() {
    notices_nothing(&sqlalchemy("sqlalchemy-psycopg2").with("psycopg2"));
}

#[test]
#[ignore = "make test-clients"]
fn sqlalchemy_notices_nothing_on_an_event_loop() {
    notices_nothing(&sqlalchemy("sqlalchemy-asyncpg").with("asyncpg"));
}

#[test]
fn django_notices_nothing() {
    notices_nothing(&Driver::new("django", Start::Python("django/app.py")).with("client"));
}

#[test]
#[ignore = "make test-clients"]
fn django_notices_nothing_with_parameters_sent_apart() {
    notices_nothing(&Driver::new("django-server", Start::Python("django/app.py")).with("server"));
}
