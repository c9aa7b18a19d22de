//! Time as the rules about keys see it: real, or moved by hand in simulations.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Two clocks. Cheap to clone; clones of one made by hand move together.
#[derive(Clone, Default)]
pub struct Clock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    ByHand(Arc<Hands>),
}

#[derive(Default)]
struct Hands {
    awake: AtomicU64,
    wall: AtomicU64,
}

impl Clock {
    /// The operating system's.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Stands still until [`Clock::advance`]; begins at `wall` since 1970.
    pub fn by_hand(wall: Duration) -> Self {
        let hands = Hands { awake: AtomicU64::new(0), wall: AtomicU64::new(nanos(wall)) };
        Self(Source::ByHand(Arc::new(hands)))
    }

    /// Moves both clocks; nothing for the operating system's.
    pub fn advance(&self, by: Duration) {
        if let Source::ByHand(hands) = &self.0 {
            hands.awake.fetch_add(nanos(by), Ordering::SeqCst);
        }
        self.jump(by);
    }

    /// Moves the wall clock only, as after a pause of the virtual machine; nothing for the operating
    /// system's.
    pub fn jump(&self, by: Duration) {
        if let Source::ByHand(hands) = &self.0 {
            hands.wall.fetch_add(nanos(by), Ordering::SeqCst);
        }
    }

    /// CLOCK_BOOTTIME: since some moment before the process, never backwards, suspended time included.
    pub fn since_boot(&self) -> Duration {
        match &self.0 {
            Source::System => {
                let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
            }
            Source::ByHand(hands) => Duration::from_nanos(hands.awake.load(Ordering::SeqCst)),
        }
    }

    /// Wall time since 1970.
    pub fn wall(&self) -> Duration {
        match &self.0 {
            Source::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Source::ByHand(hands) => Duration::from_nanos(hands.wall.load(Ordering::SeqCst)),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
