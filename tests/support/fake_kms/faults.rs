//! What can go wrong on purpose.

use std::{collections::BTreeSet, time::Duration};

/// The state of the network and the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Outage {
    /// All is well.
    #[default]
    None,
    /// Nobody listens; connections that are open end.
    Refused,
    /// Connections are accepted and reset at once.
    Reset,
    /// Every request is answered with this status, by something that is not a KMS.
    Status(u16),
}

/// Faults that the service itself shows.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) throttle: Option<Throttle>,
    pub(super) delay: Duration,
    pub(super) denied: BTreeSet<String>,
    pub(super) tampers: bool,
    pub(super) ignores_dry_run: bool,
}

/// Too many calls.
pub(super) struct Throttle {
    /// So many more are told so.
    pub(super) calls: usize,
    /// Seconds to wait, if that is said.
    pub(super) retry_after: Option<u32>,
}

impl Faults {
    /// Is this call one too many?
    pub(super) fn too_many(&mut self) -> Option<&Throttle> {
        let throttle = self.throttle.as_mut().filter(|throttle| throttle.calls > 0)?;
        throttle.calls -= 1;
        Some(throttle)
    }
}
