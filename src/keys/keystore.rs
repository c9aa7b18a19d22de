//! The keystore: schema `pgveil_keys` of the protected database.
