//! Other people's drivers, each in an application as people write them with it: models, CRUD, upsert,
//! bulk load, transactions, streaming reads, LISTEN.
//!
//! `tests/drivers/<folder>/` holds an application, which is given the URL of a database and prints a line of JSON
//! for each of its cases: `{"case": "upsert", …}` with what it has seen (values, types, errors' SQLSTATE and message).
//! It runs through pgveil on protected tables and then directly on their plaintext twins, and prints the same, but
//! for the cases in `tests/drivers/refused.txt`. What it writes is searched for in the server's log.
//!
//! `cargo test` runs those that are installed and quick, `make test-clients` installs and runs all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod drivers {
    pub mod compare;
    pub mod tools;

    mod go;
    mod java;
    mod node;
    mod python;
    mod rust;
}
mod support;
