//! PostgreSQL's own grammar: parse, tokens, and byte-span edits that are proved.
//!
//! What pgveil analyses must be what the server will execute, so statements are parsed with the
//! server's grammar (libpg_query through `pg_raw_parse`). The tree is used for analysis only; the
//! upstream text is the client's text with byte-span edits. Every edit is **proved**: the edited text
//! is parsed again and must equal the original tree with exactly the intended nodes changed, as
//! PostgreSQL's own `equal()` sees it, else the statement is refused.
//!
//! - `parse` — a text → statements with their spans, or the server's verdict.
//! - `depth` — no tree is deeper than [`MAX_DEPTH`], so that it may be walked recursively.
//! - `equal` — what is called of PostgreSQL's C code directly: the room's only unsafe code.
//! - [`tokens`] — a scanner that finds where tokens end (tree nodes only say where they start).
//! - [`edits`] — intended changes of nodes → byte-span edits, rendering, and the proof.

mod depth;
pub mod edits;
mod equal;
mod parse;
pub mod tokens;

pub use depth::{MAX_DEPTH, SELECT_WEIGHT};
pub use parse::{ParseError, Parsed};
