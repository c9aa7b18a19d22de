//! How long clients wait, as sweeps and metrics are told.

use std::{ops::Range, thread::sleep, time::Duration};

use crate::{
    Place, get, people, places,
    raw::{self, Raw},
    support::psql,
    wait,
};

/// A table whose rows can be inserted slowly.
const SLOWLY: &str = "INSERT INTO people (name, email) SELECT 'slow', 'slow@example.com' FROM pg_sleep(";

/// A process's clients and what it says about them.
struct Clients {
    place: Place,
    keystore: String,
    metrics: u16,
    raw: Raw,
}

impl Clients {
    /// In `pgveil_keys.proxy`, in milliseconds.
    fn published(&self) -> Option<u64> {
        // A round begins at once.
        let row = psql(&self.keystore, "NOTIFY pgveil_keys; SELECT max(latency_us) FROM pgveil_keys.proxy");
        row.parse::<u64>().ok().map(|micros| micros / 1000)
    }

    fn metric(&self) -> f64 {
        let text = get(self.metrics, "/metrics").1;
        let line = text.lines().find_map(|line| line.strip_prefix("pgveil_client_p99_seconds "));
        line.and_then(|value| value.parse().ok()).unwrap()
    }

    /// Waits until nothing was measured for a whole window.
    #[track_caller]
    fn quiet(&self) {
        wait(Duration::from_secs(20), "a window without traffic", || self.published().is_none());
        assert_eq!(self.metric().to_bits(), 0.0_f64.to_bits());
    }

    /// What these messages are measured as, in milliseconds.
    #[track_caller]
    fn measured(&mut self, messages: &[Vec<u8>], most: Range<u64>) {
        // What is sent now belongs to a window behind the one that is published.
        let before = self.published();
        self.raw.send(&messages.concat());
        self.raw.until_ready();
        let mut seen = None;
        wait(Duration::from_secs(20), "a measurement", || {
            seen = self.published();
            seen != before
        });
        assert!(seen.is_some_and(|seen| most.contains(&seen)), "{seen:?} ms, expected {most:?}");
        let metric = (self.metric() * 1000.0) as u64;
        assert!(metric == 0 || most.contains(&metric), "{metric} ms");
    }
}

#[test]
fn the_time_that_clients_wait_is_published_for_every_protocol_and_not_the_time_they_take_themselves() {
    let (world, metrics) = people("");
    let [place, relayed] = places(&world);
    let raw = Raw::connect(&place.through);
    let keystore = world.superuser(world.database());
    let mut clients = Clients { place, keystore, metrics, raw };
    clients.quiet();

    clients.measured(&[raw::query("SELECT pg_sleep(0.4)")], 380..1400);
    clients.measured(&[raw::extended("SELECT pg_sleep(0.6)", &[]), raw::sync()], 570..1600);
    // Its Sync is held until what it returns is opened.
    let slow = format!("{SLOWLY}0.8) RETURNING email");
    clients.measured(&[raw::extended(&slow, &[]), raw::sync()], 760..1800);
    clients.measured(&[raw::query(&format!("{SLOWLY}1.1) RETURNING email"))], 1040..2100);
    clients.quiet();
    clients.measured(&[raw::query("SELECT * FROM people WHERE email LIKE 'a%'")], 0..1000);
    clients.quiet();

    // A batch that comes in pieces counts from the last one.
    clients.raw.send(&raw::extended("SELECT 1", &[]));
    sleep(Duration::from_secs(2));
    clients.measured(&[raw::sync()], 0..1000);
    clients.quiet();
    // So does one whose answers were asked for before.
    clients.raw.send(&[raw::extended("SELECT 1", &[]), raw::flush()].concat());
    clients.raw.until(b'C', 1);
    sleep(Duration::from_secs(2));
    clients.measured(&[raw::sync()], 0..1000);
    clients.quiet();

    // The client's data is awaited, and the relayed database is none of ours.
    clients.raw.send(&raw::query("COPY people (name, email) FROM STDIN"));
    clients.raw.until(b'G', 1);
    sleep(Duration::from_millis(500));
    clients.raw.send(&[raw::copy_data(b"copied\tcopied@example.com\n"), raw::copy_done()].concat());
    clients.raw.until_ready();
    psql(&relayed.through, "SELECT pg_sleep(0.1)");
    sleep(Duration::from_millis(2100));
    assert_eq!(clients.published(), None);
    sleep(Duration::from_millis(500));
    assert_eq!(clients.published(), None);
    assert_eq!(clients.place.rows("copied"), 1);
}
