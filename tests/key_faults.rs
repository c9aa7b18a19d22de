//! Keys under faults: races, kills, alterations, restores and revocations, with the real program over a real
//! PostgreSQL. The heavy forms are ignored here and run by `make test-keys`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod key_faults {
    pub mod altered;
    pub mod attacks;
    pub mod cloud;
    #[path = "../support/fake_kms/mod.rs"]
    pub mod fake_kms;
    pub mod forged;
    pub mod harsh;
    pub mod house;
    pub mod killed;
    #[path = "../support/memory.rs"]
    pub mod memory;
    #[path = "../support/keys.rs"]
    pub mod opened;
    pub mod race;
    pub mod restored;
    pub mod revoked;
    pub mod steps;
    pub mod writers;
    pub mod wrong;
}
mod support;
