//! What a round shows to the metrics.

use std::time::Duration;

use super::super::{Keyring, keystore::Proxy};
use crate::{admin::metrics::KeyMeters, keys::DekCounts};

/// A primary DEK whose interval ends within this time is counted.
const SOON: Duration = Duration::from_hours(72);

/// Shows the state of a keyring and of the processes over its keystore. `wall` is the time since 1970.
pub(super) fn show(meters: &KeyMeters, keyring: &Keyring, proxies: &[Proxy], wall: Duration) {
    let (status, counts, position) = (keyring.status(), keyring.counts(), keyring.position());
    let mut deks = DekCounts::default();
    for kek in &status {
        meters.kek(kek.id, kek.condition.as_str(), kek.verified);
        deks.staged += kek.deks.staged;
        deks.primary += kek.deks.primary;
        deks.deprecated += kek.deks.deprecated;
        deks.retired += kek.deks.retired;
        deks.destroyed += kek.deks.destroyed;
    }
    for (state, count) in [
        ("staged", deks.staged),
        ("primary", deks.primary),
        ("deprecated", deks.deprecated),
        ("retired", deks.retired),
        ("destroyed", deks.destroyed),
    ] {
        meters.deks(state, count as u64);
    }
    meters.cached(counts.cached);
    meters.totals(counts.purged, counts.skipped);
    meters.keystore(position.epoch, position.generation);
    let current = keyring.live.current.load();
    let (mut left, mut taken, mut expiring) = (0, 0.0, 0);
    if let Some(primary) = &current.primary {
        (left, taken) = (primary.budget.left(), primary.budget.taken());
        let soon = i64::try_from((wall + SOON).as_micros()).unwrap_or(i64::MAX);
        expiring = u64::from(primary.expires_at.is_some_and(|at| at <= soon));
    }
    meters.primary(left, taken);
    meters.expiring(expiring);
    let live: Vec<&Proxy> = proxies.iter().filter(|proxy| proxy.is_live()).collect();
    let behind = live.iter().filter(|proxy| proxy.row.seen_epoch < position.epoch).count();
    meters.proxies((live.len() - behind) as u64, behind as u64, (proxies.len() - live.len()) as u64);
}
