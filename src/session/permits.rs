//! The permits that a session holds for what it has sealed.
//!
//! A sealed value is settled once the server has said ReadyForQuery outside of a transaction for the
//! segment in which it was sent: then it is committed, rolled back, or never came to be. (Portals end
//! with the transaction; what a text holds that the server keeps is another matter: see `Planned`.)

use crate::keys::{ColumnKeys, KeyError, Keyring, Permit};

/// The permits of one session.
#[derive(Debug, Default)]
pub struct Permits {
    /// Those of values that are not settled; hardly ever more than one. The last one is the newest.
    held: Vec<Held>,
    /// The present message has a permit.
    taken: bool,
    /// Segments whose end was sent.
    sent: u64,
    /// Of those, how many the server has answered. Fewer than it has if it has ignored one.
    answered: u64,
    /// What was sealed with a permit waits to be sent.
    unsent: bool,
}

#[derive(Debug)]
struct Held {
    permit: Permit,
    /// The segment in which it was last used.
    segment: u64,
}

impl Permits {
    /// A message begins: it takes a permit of its own.
    pub fn begin_message(&mut self) {
        self.taken = false;
    }

    /// The permit of the present message, taken when it first seals.
    pub fn of_message(&mut self, keys: &ColumnKeys) -> Result<&Permit, KeyError> {
        self.take(|permit| keys.is_current(permit), || keys.permit())
    }

    /// The permit of a message that runs what was sealed before.
    pub fn for_text(&mut self, keyring: &Keyring) -> Result<&Permit, KeyError> {
        self.take(|permit| keyring.is_current(permit), || keyring.permit())
    }

    fn take(
        &mut self,
        is_current: impl FnOnce(&Permit) -> bool,
        permit: impl FnOnce() -> Result<Permit, KeyError>,
    ) -> Result<&Permit, KeyError> {
        if !self.held.last().is_some_and(|held| self.taken || is_current(&held.permit)) {
            self.held.push(Held { permit: permit()?, segment: self.sent });
        }
        (self.taken, self.unsent) = (true, true);
        let held = self.held.last_mut().ok_or(KeyError::LeaseLost)?;
        held.segment = self.sent;
        Ok(&held.permit)
    }

    /// The permit of the present message, if it has taken one.
    pub fn taken(&self) -> Option<&Permit> {
        self.held.last().filter(|_| self.taken).map(|held| &held.permit)
    }

    /// What was sealed by an earlier message is set going by the present one.
    pub fn sets_going(&mut self) {
        self.unsent = true;
    }

    /// The end of a segment was sent.
    pub fn segment_sent(&mut self) {
        self.sent += 1;
    }

    /// ReadyForQuery. `nothing_behind`: nothing that was sent since is under way.
    pub fn segment_answered(&mut self, in_transaction: bool, nothing_behind: bool) {
        self.answered += 1;
        if in_transaction || self.held.is_empty() {
            return;
        }
        if nothing_behind {
            self.answered = self.sent;
            self.held.clear();
        } else {
            self.held.retain(|held| held.segment >= self.answered);
        }
    }

    /// Everything that was sealed has left.
    pub fn all_sent(&mut self) {
        self.unsent = false;
    }

    /// Does what was sealed wait to be sent, although the lease under which it was sealed is lost?
    pub fn bar_sending(&self, keyring: &Keyring) -> bool {
        self.unsent && !self.may_send(keyring)
    }

    /// May everything be sent that was sealed for the present transaction?
    pub fn may_send(&self, keyring: &Keyring) -> bool {
        self.held.iter().all(|held| keyring.may_send(&held.permit))
    }
}
