//! Processes that rotate at the same time.

use std::{process::Output, time::Duration};

use super::{
    house::House,
    writers::{Writers, all_acknowledged_are_readable},
};
use crate::support::both;

/// Each process rotates so often, one after the other, while clients write through two proxies.
fn race(processes: usize, rotations: usize, clients: usize) {
    let house = House::new(2);
    let before = house.keys();
    let writers = Writers::start(&house, clients, Duration::from_millis(10));
    writers.progress(20, Duration::from_secs(20));
    let outputs: Vec<Output> = std::thread::scope(|scope| {
        let process = || (0..rotations).map(|_| house.world.pgveil(&["keys", "rotate", "--yes"])).collect::<Vec<_>>();
        let threads: Vec<_> = (0..processes).map(|_| scope.spawn(process)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    writers.progress(20, Duration::from_secs(20));
    let seen = writers.stop();

    // Everyone comes through in the end: who loses a race tries again.
    for output in &outputs {
        assert!(output.status.success(), "{}", both(output));
    }
    // What those who lost have staged is taken by the next who rotate.
    for _ in 0..processes {
        if house.sql("SELECT id FROM pgveil_keys.dek WHERE state = 'staged'").is_empty() {
            break;
        }
        house.pgveil(&["keys", "rotate", "--yes"]);
    }
    let after = house.keys();
    let states = house.sql("SELECT state, count(*) FROM pgveil_keys.dek GROUP BY state ORDER BY state");
    println!("{} rotations, {} rows; {states}", outputs.len(), seen.acknowledged.len());
    assert_ne!(after.primary, before.primary);
    let served = format!("deprecated|{}\nprimary|1", after.deks - 1);
    assert_eq!(states, served, "one primary, and nothing staged is left over");
    // Who finds that somebody else has just rotated may take that for an answer, but nobody rotates twice.
    let made = after.deks - before.deks;
    assert!((rotations..=outputs.len() + processes).contains(&made), "{made} DEKs for {} rotations", outputs.len());
    let promoted = house.sql(
        "SELECT count(*), count(DISTINCT dek) FROM pgveil_keys.audit WHERE operation = 'dek.promote' AND result = 'ok'",
    );
    assert_eq!(promoted, format!("{0}|{0}", after.deks), "each is in the audit trail once, the first one, too");

    assert_eq!(seen.failed, [].into(), "{:?}", seen.messages);
    for proxy in 0..2 {
        all_acknowledged_are_readable(&house, proxy, &seen);
    }
    house.pgveil(&["check"]);
}

#[test]
fn processes_that_rotate_at_once_leave_one_primary_and_every_value_readable() {
    race(4, 3, 4);
}

#[test]
#[ignore = "320 rotations: make test-keys"]
fn sixteen_processes_race_twenty_rotations_each() {
    race(16, 20, 8);
}
