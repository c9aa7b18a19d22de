//! The rules by which processes over one keystore agree, without any input or output, so that the data
//! path and the model check ask the same functions.

use std::time::Duration;

/// L: how long a process may seal after the start of its last good round.
pub const LEASE: Duration = Duration::from_secs(30);

/// After so long without a heartbeat a process is taken for dead: it has stopped sealing long before,
/// even if its clock is as slow as half the server's.
pub const DEAD_AFTER: Duration = Duration::from_secs(60);

/// By how much the wall clock may move against the boot clock before that counts as a pause of the
/// machine that the boot clock has not seen.
pub const JUMP: Duration = Duration::from_secs(5);

/// May a process seal, this long after the start of its last good round, and with its wall clock moved
/// by so many nanoseconds against its boot clock since?
pub fn lease_holds(age: Duration, moved: i128) -> bool {
    age <= LEASE && moved.unsigned_abs() <= JUMP.as_nanos()
}

/// Is a process with a heartbeat of this age waited for?
pub fn is_live(heartbeat_age: Duration) -> bool {
    heartbeat_age < DEAD_AFTER
}

/// What a process says that it has seen: the epoch that it has read, once nothing under way was sealed
/// under an earlier key, else what it said before.
pub fn acknowledged(before: i64, read: i64, let_go: bool) -> i64 {
    if let_go { before.max(read) } else { before }
}

/// May a key that was staged at `staged` become the primary? Given what live processes have prefetched.
pub fn may_promote(staged: i64, mut prefetched: impl Iterator<Item = i64>) -> bool {
    prefetched.all(|epoch| epoch >= staged)
}

/// Have all live processes seen this epoch?
pub fn all_have_seen(epoch: i64, mut seen: impl Iterator<Item = i64>) -> bool {
    seen.all(|seen| seen >= epoch)
}

/// Is every transaction that could have been open at transaction id `barrier` over? Given the oldest
/// that is open now.
pub fn is_past(barrier: u64, oldest_open: u64) -> bool {
    oldest_open > barrier
}

/// Is a DEK due to be replaced, with so many uses taken of so many?
pub fn is_used_up(taken: u64, most: u64) -> bool {
    taken >= most - most / 5
}
