//! Literals whose text does not show what they hold.

use super::starts::{Gap, skip_gap};

/// How far a piece of a literal may be from the next. What is farther is taken for one, so that
/// comments without end are not walked again behind each quote.
const FARTHEST: usize = 4096;

/// May a string literal of the text hold what its text does not show: is one given with escapes
/// (`E'p\x65ople'`, `U&'p!0065ople' UESCAPE '!'`), in pieces over line ends (`'peo'⏎'ple'`), or put
/// together from others (`'peo' || 'ple'`, which a function's body may run)?
pub(super) fn found(text: &[u8]) -> bool {
    if memchr::memchr(b'\\', text).is_some() || memchr::memmem::find(text, b"&'").is_some() {
        return true;
    }
    memchr::memchr2_iter(b'\'', b'$', text).any(|quote| {
        let behind = text.get(quote + 1..).unwrap_or_default();
        let near = behind.get(..FARTHEST).unwrap_or(behind);
        match skip_gap(near) {
            Gap { line_end: true, rest: [b'\'', ..] } => true,
            Gap { rest: [b'|', b'|', rest @ ..], .. } => {
                matches!(skip_gap(rest).rest, [] | [b'\'' | b'$', ..] | [_, b'\'', ..])
            }
            Gap { rest: [], .. } => near.len() < behind.len(),
            Gap { .. } => false,
        }
    })
}
