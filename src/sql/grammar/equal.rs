//! PostgreSQL's own tree comparison.
