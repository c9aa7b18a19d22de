//! What pgveil calls of PostgreSQL's C code beyond `pg_raw_parse`'s safe surface: tree comparison
//! and the position of a syntax error. The only unsafe code of the SQL room.
#![allow(unsafe_code)]

use std::ffi::{CString, c_void};

use pg_raw_parse::{nodes::RawStmt, raw};

unsafe extern "C" {
    /// PostgreSQL's `equal()` (nodes/equalfuncs.c), linked into `pg_raw_parse`'s static library.
    fn equal(a: *const c_void, b: *const c_void) -> bool;
}

/// Are two statements the same, apart from the places where they stand in their texts?
///
/// `equal()` ignores location fields and nothing else. Of a `RawStmt` it compares the statement
/// only (`stmt_location` and `stmt_len` are locations, too).
pub(super) fn same(a: &RawStmt, b: &RawStmt) -> bool {
    // SAFETY: a `&RawStmt` of `pg_raw_parse` points at a `RawStmt` in PostgreSQL's own layout whose
    // fields are valid for as long as the reference lives (it hands the same pointers to copyObject
    // and to the deparser). `equal` only reads. It recurses without a check of its own, since the
    // library never sets a stack base: trees come from `Parsed::parse`, or from replacing leaves of
    // one, so their depth is bounded by `MAX_DEPTH`, which the tests run on a 2 MiB stack. It would
    // raise an error (a longjmp) only for a node type that it does not know; the parser makes none.
    unsafe { equal(std::ptr::from_ref(a).cast(), std::ptr::from_ref(b).cast()) }
}

/// Byte offset at which PostgreSQL's parser stops in a text that it does not accept.
pub(super) fn error_position(text: &str) -> Option<usize> {
    let input = CString::new(text).ok()?;
    // `pg_raw_parse::Error` keeps the position to itself. `pg_query_normalize` parses first and
    // reports the same error through a public struct; on a text that does not parse it does no more.
    //
    // SAFETY: `input` is a NUL-terminated string that outlives the call; the function catches
    // PostgreSQL's errors itself, and its result is freed exactly once, by the function meant for
    // it, after the only field needed was copied out.
    let cursor = unsafe {
        raw::pg_query_init();
        let result = raw::pg_query_normalize(input.as_ptr());
        let cursor = result.error.as_ref().map(|error| error.cursorpos);
        raw::pg_query_free_normalize_result(result);
        cursor
    };
    // The position counts characters from 1; 0 means that there is none.
    let characters = usize::try_from(cursor?).ok()?.checked_sub(1)?;
    Some(text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at))
}
