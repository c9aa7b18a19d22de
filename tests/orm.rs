//! ORMs: what they really send, and whether their applications notice pgveil.
//!
//! `tests/orm/<tool>/` holds an application of each tool over the same five tables. It makes its own
//! tables, twice: in a database that is then protected by `pgveil apply`, and in a plaintext twin. Its
//! cases run on both, and what they return has to be equal; the refusals that are left are in
//! `tests/orm/refused.txt`. What the tool sent to the twin is kept in `tests/orm/recorded/`, and every
//! statement there is planned, so that the shares in docs/orms.md are true.
//!
//! `cargo test` runs one driver of each kind, if `make test-orms` has installed the tools; `make test-orms` runs all.
//! `make record-orms` (ORMS=record) writes recordings and the tables in docs/orms.md again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod orm {
    pub mod compare;
    pub mod planned;
    pub mod recorder;
    pub mod recording;
    pub mod tools;
}
mod support;

use orm::{
    compare,
    tools::{Language, Tool},
};

const POLICY: &str = include_str!("orm/policy.yaml");
const SCHEMA: &str = include_str!("orm/schema.sql");

const TOOLS: [Tool; 10] = [
    Tool {
        name: "sqlalchemy-psycopg",
        title: "SQLAlchemy 2 over psycopg 3",
        folder: "sqlalchemy",
        starts_again: None,
        language: Language::Python,
        variable: ("DRIVER", "psycopg"),
    },
    Tool {
        name: "sqlalchemy-asyncpg",
        title: "SQLAlchemy 2 over asyncpg",
        folder: "sqlalchemy",
        starts_again: None,
        language: Language::Python,
        variable: ("DRIVER", "asyncpg"),
    },
    Tool {
        name: "sqlalchemy-psycopg2",
        title: "SQLAlchemy 2 over psycopg2",
        folder: "sqlalchemy",
        starts_again: None,
        language: Language::Python,
        variable: ("DRIVER", "psycopg2"),
    },
    Tool {
        name: "django",
        title: "Django 5 over psycopg 3",
        folder: "django",
        starts_again: None,
        language: Language::Python,
        variable: ("BINDING", "client"),
    },
    Tool {
        name: "django-server-binding",
        title: "Django 5 over psycopg 3, server_side_binding",
        folder: "django",
        starts_again: None,
        language: Language::Python,
        variable: ("BINDING", "server"),
    },
    Tool {
        name: "sequelize",
        title: "Sequelize 6 over node-postgres",
        folder: "sequelize",
        starts_again: None,
        language: Language::Node,
        variable: ("DRIVER", "pg"),
    },
    Tool {
        name: "typeorm",
        title: "TypeORM 1 over node-postgres",
        folder: "typeorm",
        starts_again: Some("does not support DROP COLUMN"),
        language: Language::Node,
        variable: ("DRIVER", "pg"),
    },
    Tool {
        name: "drizzle",
        title: "Drizzle over node-postgres",
        folder: "drizzle",
        starts_again: Some("does not support CREATE TABLE"),
        language: Language::Node,
        variable: ("DRIVER", "pg"),
    },
    Tool {
        name: "prisma",
        title: "Prisma 7 over node-postgres",
        folder: "prisma",
        starts_again: Some("does not support CREATE TABLE"),
        language: Language::Node,
        variable: ("DRIVER", "pg"),
    },
    Tool {
        name: "gorm",
        title: "GORM over pgx",
        folder: "gorm",
        starts_again: Some("does not support ALTER TYPE"),
        language: Language::Go,
        variable: ("DRIVER", "pgx"),
    },
];

fn notices_nothing(name: &str) {
    let tool = TOOLS.iter().find(|tool| tool.name == name).expect("a tool");
    compare::notices_nothing(tool, POLICY);
}

#[test]
fn sqlalchemy_over_psycopg_works_the_same() {
    notices_nothing("sqlalchemy-psycopg");
}

#[test]
#[ignore = "make test-orms"]
fn sqlalchemy_over_asyncpg_works_the_same() {
    notices_nothing("sqlalchemy-asyncpg");
}

#[test]
#[ignore = "make test-orms"]
fn sqlalchemy_over_psycopg2_works_the_same() {
    notices_nothing("sqlalchemy-psycopg2");
}

#[test]
fn django_works_the_same() {
    notices_nothing("django");
}

#[test]
#[ignore = "make test-orms"]
fn django_with_server_side_binding_works_the_same() {
    notices_nothing("django-server-binding");
}

#[test]
fn sequelize_works_the_same() {
    notices_nothing("sequelize");
}

#[test]
#[ignore = "make test-orms"]
fn typeorm_works_the_same() {
    notices_nothing("typeorm");
}

#[test]
#[ignore = "make test-orms"]
fn drizzle_works_the_same() {
    notices_nothing("drizzle");
}

#[test]
fn prisma_works_the_same() {
    notices_nothing("prisma");
}

#[test]
fn gorm_works_the_same() {
    notices_nothing("gorm");
}

#[tokio::test]
async fn the_documentation_says_how_many_recorded_statements_work() {
    orm::planned::documented(&TOOLS, SCHEMA, POLICY).await;
}
