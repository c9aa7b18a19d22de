//! Key management services: pgveil's providers against other people's servers and against `fake-kms`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::format_collect, clippy::format_push_string)]

#[path = "support/fake_kms/mod.rs"]
mod fake_kms;
mod kms {
    mod aws;
    mod boto3;
    mod classes;
    mod contract;
    mod here;
    mod keystore;
    mod localstack;
    mod moto;
    mod opened;
    mod python;
    mod second;
}
