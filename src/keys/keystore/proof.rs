//! What it takes to retire and destroy a DEK: a look through the whole database that found nothing under it.

/// A DEK as the keystore had it before the look began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The DEK.
    pub dek: u32,
    /// Of its row: whatever happened to the DEK since gives another.
    pub(super) mac: Vec<u8>,
}

/// That no value under a DEK is anywhere in the database. Made by [`crate::sweep`], after a fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub(super) candidate: Candidate,
    /// Columns that were looked through.
    pub columns: u64,
    /// Rows in them that were looked at.
    pub rows: u64,
}

impl Proof {
    /// Of a look that began after `candidate` was read and a fence was passed, and found nothing.
    pub(crate) fn new(candidate: Candidate, columns: u64, rows: u64) -> Self {
        Self { candidate, columns, rows }
    }

    /// The DEK that it is about.
    pub fn dek(&self) -> u32 {
        self.candidate.dek
    }
}
