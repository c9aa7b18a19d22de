//! The type that several values have together.

/// PostgreSQL's `select_common_type` (parser/parse_coerce.c), as far as it is simple: 0 is unknown.
pub fn common_type(types: &[u32]) -> Option<u32> {
    let mut known = types.iter().copied().filter(|oid| !matches!(oid, 0 | 705));
    let Some(first) = known.next() else { return Some(25) };
    known.try_fold(first, |a, b| {
        if a == b {
            Some(a)
        } else if matches!((a, b), (25 | 1043, 25 | 1043)) {
            Some(25)
        } else {
            None
        }
    })
}
