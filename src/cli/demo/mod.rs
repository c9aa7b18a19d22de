//! `pgveil demo`: what `make demo` runs.

pub mod cluster;
