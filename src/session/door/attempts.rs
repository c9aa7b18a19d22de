//! How often somebody may try to log in: failed attempts are limited by address and role, and by address.
//!
//! An attempt takes a token of each bucket. One that succeeds gives them back, so logins that are right
//! never run out of them, however many there are at once: some wait for those before them. Tokens of
//! failed attempts come back with time.
//!
//! Memory is fixed: a bucket is found by a keyed hash and may be shared by several. What is kept for those
//! who wait is in their own tasks.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, sleep_until, timeout_at},
};

/// Failures in a row of one role from one address.
const ROLE_BURST: usize = 10;
/// A further one each. Clients behind a balancer share its address: one of them that tries a wrong password
/// again and again must not take the others' turns for longer than a login may last.
const ROLE_EACH: Duration = Duration::from_millis(200);
/// Failures in a row from one address.
const ADDRESS_BURST: usize = 100;
/// A further one each.
const ADDRESS_EACH: Duration = Duration::from_millis(20);
/// Buckets of a kind: about 100 bytes each.
const BUCKETS: usize = 4096;

/// The limits of one listener or of all.
pub struct Attempts {
    keys: RandomState,
    roles: Arc<Buckets>,
    addresses: Arc<Buckets>,
}

/// Nobody's turn came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many failed logins")]
pub struct TooMany;

/// Leave to try once. Dropped, it counts as a failed attempt.
#[must_use]
pub struct Turn {
    role: Token,
    address: Token,
}

impl Turn {
    /// The login was right: the attempt does not count.
    pub fn succeeded(mut self) {
        self.role.spent = false;
        self.address.spent = false;
    }
}

impl Attempts {
    /// With nobody's failures.
    pub fn new() -> Self {
        Self {
            keys: RandomState::new(),
            roles: Buckets::new(ROLE_BURST, ROLE_EACH),
            addresses: Buckets::new(ADDRESS_BURST, ADDRESS_EACH),
        }
    }

    /// Waits for leave to try, at most until the deadline. `address`: None for a Unix socket.
    pub async fn turn(&self, address: Option<IpAddr>, role: &[u8], deadline: Instant) -> Result<Turn, TooMany> {
        let network = network(address);
        let wait = async {
            // This order: those who wait for a role that somebody tries to guess hold nothing that
            // others of the same address need.
            let role = self.roles.token(self.keys.hash_one((network, role))).await;
            (role, self.addresses.token(self.keys.hash_one(network)).await)
        };
        let (mut role, mut address) = timeout_at(deadline, wait).await.map_err(|_| TooMany)?;
        role.spent = true;
        address.spent = true;
        Ok(Turn { role, address })
    }
}

/// What counts as one address: whoever has an IPv6 address has 2^64 of them.
fn network(address: Option<IpAddr>) -> Option<IpAddr> {
    match address?.to_canonical() {
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => Some(v4),
    }
}

/// Buckets of a kind.
struct Buckets {
    buckets: Box<[Bucket]>,
    /// How long a failure's token is away.
    each: Duration,
}

struct Bucket {
    tokens: Semaphore,
    failures: Mutex<Failures>,
    /// Told to those who wait when a token has been spent: from then on there is a time when one comes back.
    spent: Notify,
}

/// Tokens that are away for a while.
struct Failures {
    count: usize,
    /// When the time of the first of them began.
    since: Instant,
}

impl Buckets {
    fn new(burst: usize, each: Duration) -> Arc<Self> {
        let now = Instant::now();
        let bucket = || Bucket {
            tokens: Semaphore::new(burst),
            failures: Mutex::new(Failures { count: 0, since: now }),
            spent: Notify::new(),
        };
        Arc::new(Self { buckets: std::iter::repeat_with(bucket).take(BUCKETS).collect(), each })
    }

    fn bucket(&self, hash: u64) -> &Bucket {
        &self.buckets[hash as usize % BUCKETS]
    }

    /// Waits for a token, first come, first served.
    async fn token(self: &Arc<Self>, hash: u64) -> Token {
        let bucket = self.bucket(hash);
        let mut acquire = std::pin::pin!(bucket.tokens.acquire());
        loop {
            // Registered before the look at the failures: none is missed in between.
            let mut spent = std::pin::pin!(bucket.spent.notified());
            spent.as_mut().enable();
            let next = bucket.refill(self.each);
            let come_back = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                permit = &mut acquire => {
                    // Never closed. The token is given back by what is returned.
                    if let Ok(permit) = permit {
                        permit.forget();
                    }
                    return Token { buckets: Arc::clone(self), hash, spent: false };
                }
                () = spent => {}
                () = come_back => {}
            }
        }
    }
}

impl Bucket {
    fn failures(&self) -> MutexGuard<'_, Failures> {
        // Two numbers: consistent whatever has panicked.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the tokens back whose time is over; says when the next one's will be.
    fn refill(&self, each: Duration) -> Option<Instant> {
        let mut failures = self.failures();
        let mut back = 0;
        let now = Instant::now();
        while failures.count > 0 && failures.since + each <= now {
            failures.count -= 1;
            failures.since += each;
            back += 1;
        }
        if back > 0 {
            self.tokens.add_permits(back);
        }
        (failures.count > 0).then(|| failures.since + each)
    }

    fn fail(&self) {
        let mut failures = self.failures();
        if failures.count == 0 {
            failures.since = Instant::now();
        }
        failures.count += 1;
        drop(failures);
        self.spent.notify_waiters();
    }
}

/// A token that was taken out.
struct Token {
    buckets: Arc<Buckets>,
    hash: u64,
    /// Does it stay away for a while?
    spent: bool,
}

impl Drop for Token {
    fn drop(&mut self) {
        let bucket = self.buckets.bucket(self.hash);
        if self.spent {
            bucket.fail();
        } else {
            bucket.tokens.add_permits(1);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[allow(clippy::unnecessary_wraps)]
    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn within(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    /// Tries as fast as it may for some seconds and fails each time.
    async fn failures(attempts: &Attempts, address: &str, role: &[u8], seconds: u64) -> usize {
        let (deadline, mut count) = (within(seconds), 0);
        while let Ok(turn) = attempts.turn(at(address), role, deadline).await {
            drop(turn);
            count += 1;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn guessing_one_role_is_slowed_to_five_a_second_after_ten() {
        let attempts = Attempts::new();
        let start = Instant::now();
        for _ in 0..10 {
            drop(attempts.turn(at("10.0.0.1"), b"ann", within(0)).await.unwrap());
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(attempts.turn(at("10.0.0.1"), b"ann", Instant::now() + Duration::from_millis(199)).await.is_err());
        let turn = attempts.turn(at("10.0.0.1"), b"ann", within(5)).await.unwrap();
        assert!(start.elapsed() >= ROLE_EACH && start.elapsed() < ROLE_EACH + Duration::from_millis(10));
        drop(turn);
        let count = failures(&attempts, "10.0.0.1", b"ann", 60).await;
        assert!((297..=300).contains(&count), "{count}");
        // After a rest there is a burst again, and not more than one.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(failures(&attempts, "10.0.0.1", b"ann", 0).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn guessing_many_roles_is_slowed_to_fifty_a_second_after_a_hundred() {
        let attempts = Attempts::new();
        let (start, mut count) = (Instant::now(), 0);
        for role in 0..2000_u32 {
            match attempts.turn(at("10.0.0.1"), &role.to_be_bytes(), start + Duration::from_secs(10)).await {
                Ok(turn) => drop(turn),
                Err(TooMany) => break,
            }
            count += 1;
        }
        assert!((590..=601).contains(&count), "{count}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_slows_down_nobody_else() {
        let attempts = Attempts::new();
        failures(&attempts, "10.0.0.1", b"ann", 5).await;
        let start = Instant::now();
        for (address, role) in [(at("10.0.0.2"), b"ann"), (at("10.0.0.1"), b"bob"), (None, b"ann")] {
            attempts.turn(address, role, within(5)).await.unwrap().succeeded();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_for_a_guessed_role_take_nothing_from_others_of_the_address() {
        let attempts = Arc::new(Attempts::new());
        failures(&attempts, "10.0.0.1", b"ann", 1).await;
        for _ in 0..500 {
            let attempts = Arc::clone(&attempts);
            tokio::spawn(async move { attempts.turn(at("10.0.0.1"), b"ann", within(60)).await.map(drop) });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        let start = Instant::now();
        attempts.turn(at("10.0.0.1"), b"bob", within(5)).await.unwrap().succeeded();
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_right_logins_at_once_are_not_slowed() {
        let attempts = Arc::new(Attempts::new());
        let (start, at_once, most) = (Instant::now(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let logins: Vec<_> = (0..1000)
            .map(|_| {
                let (attempts, at_once, most) = (Arc::clone(&attempts), Arc::clone(&at_once), Arc::clone(&most));
                tokio::spawn(async move {
                    let turn = attempts.turn(at("10.0.0.1"), b"app", within(60)).await.unwrap();
                    most.fetch_max(at_once.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    at_once.fetch_sub(1, Ordering::Relaxed);
                    turn.succeeded();
                })
            })
            .collect();
        for login in logins {
            login.await.unwrap();
        }
        // A hundred rounds of ten.
        assert_eq!(most.load(Ordering::Relaxed), ROLE_BURST);
        assert!(start.elapsed() <= Duration::from_millis(300), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_while_others_wait_gives_them_its_place_after_its_time() {
        let attempts = Arc::new(Attempts::new());
        let mut turns = Vec::new();
        for _ in 0..10 {
            turns.push(attempts.turn(None, b"ann", within(1)).await.unwrap());
        }
        let waiting = {
            let attempts = Arc::clone(&attempts);
            tokio::spawn(async move { attempts.turn(None, b"ann", within(60)).await.map(|_| Instant::now()) })
        };
        tokio::time::sleep(Duration::from_millis(10_500)).await;
        let failed = Instant::now();
        drop(turns.pop());
        let came = waiting.await.unwrap().unwrap();
        assert!(came >= failed + ROLE_EACH && came < failed + ROLE_EACH + Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_has_not_tried() {
        let attempts = Attempts::new();
        // The address has nothing left, each of these roles has.
        for role in 0..100_u32 {
            drop(attempts.turn(at("10.0.0.1"), &role.to_be_bytes(), within(1)).await.unwrap());
        }
        for _ in 0..5 {
            let deadline = Instant::now() + Duration::from_millis(1);
            assert!(attempts.turn(at("10.0.0.1"), b"ann", deadline).await.is_err());
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(failures(&attempts, "10.0.0.1", b"ann", 0).await, 10);
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_a_mapped_ipv4_one_is_itself() {
        assert_eq!(network(at("2001:db8:0:1::1")), network(at("2001:db8:0:1:ffff::2")));
        assert_ne!(network(at("2001:db8:0:1::1")), network(at("2001:db8:0:2::1")));
        assert_eq!(network(at("::ffff:10.0.0.1")), at("10.0.0.1"));
        assert_ne!(network(at("10.0.0.1")), network(at("10.0.0.2")));
        assert_eq!(network(None), None);
    }
}
