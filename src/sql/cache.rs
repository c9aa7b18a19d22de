//! Plans by text and everything they depend on.
