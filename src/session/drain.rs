//! What a process that has been told to stop asks of its sessions.

/// How far the process is on its way to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drain {
    /// It serves.
    #[default]
    Running,
    /// Logins and sessions outside a transaction end; what is under way goes on.
    Draining,
    /// The deadline has passed: whatever is left ends now.
    Ending,
}
