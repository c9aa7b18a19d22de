//! Certificates: loading, reloading, verifying, naming.
