//! Drivers for Rust.
