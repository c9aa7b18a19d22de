//! Both sides of SCRAM-SHA-256.
