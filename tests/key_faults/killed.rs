//! Commands and proxies that are killed (SIGKILL) at every step of what they do.

use std::time::Duration;

use super::{
    house::{House, builder, spawn, wait_for},
    steps::{Moment, Steps},
    writers::{Writers, all_acknowledged_are_readable},
};
use crate::support::both;

/// Kills a command at every `stride`th step, before and after it; the same command then does it again and
/// has to come through. `before_each` makes it have something to do.
fn killed_at_every_step(args: &[&str], stride: usize, before_each: impl Fn(&House)) {
    let house = House::new(1);
    let writers = Writers::start(&house, 2, Duration::from_millis(20));
    writers.progress(5, Duration::from_secs(20));
    let upstream = |port: u16| format!("upstream: {{ hosts: [\"127.0.0.1:{port}\"] }}");

    before_each(&house);
    let counting = Steps::before(house.world.server_port(), None);
    let output = spawn(&house.config("counted.yaml", &upstream(counting.port)), args).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
    let steps = counting.count();
    assert!(steps > 10, "{args:?} has only {steps} steps");

    let mut killed = 0;
    for step in (0..steps).step_by(stride) {
        for moment in [Moment::Before, Moment::After] {
            before_each(&house);
            let shim = Steps::before(house.world.server_port(), Some((step, moment)));
            let child = spawn(&house.config("killed.yaml", &upstream(shim.port)), args);
            shim.victim(&child);
            let output = child.wait_with_output().unwrap();
            killed += usize::from(output.status.code().is_none());
            // Somebody else finishes it, or does it again.
            let output = house.world.pgveil(args);
            assert!(output.status.success(), "after a kill {moment:?} step {step} of {steps}: {}", both(&output));
            let states = house.sql(
                "SELECT state, count(*) FROM pgveil_keys.dek WHERE state <> 'deprecated' GROUP BY state ORDER BY 1",
            );
            assert_eq!(states, "primary|1", "after a kill {moment:?} step {step} of {steps}");
        }
    }
    println!("{args:?}: {steps} steps, {killed} kills, {:?}", house.keys());
    assert!(killed >= steps / stride, "only {killed} of {steps} steps were hit");
    house.pgveil(&["check"]);
    writers.progress(5, Duration::from_secs(20));
    let seen = writers.stop();
    assert_eq!(seen.failed, [].into(), "{:?}", seen.messages);
    all_acknowledged_are_readable(&house, 0, &seen);
    // What a new process believes, from the keystore alone.
    let fresh = House { proxies: vec![house.world.replica("")], world: house.world };
    all_acknowledged_are_readable(&fresh, 0, &seen);
}

const ROTATE: &[&str] = &["keys", "rotate", "--yes"];
const ROTATE_KEK: &[&str] = &["keys", "rotate", "--kek", "--yes"];
const REWRAP: &[&str] = &["keys", "rewrap", "--yes"];

#[test]
fn a_rotation_that_is_killed_somewhere_is_finished_by_the_next() {
    killed_at_every_step(ROTATE, 16, |_| {});
}

#[test]
#[ignore = "every step: make test-keys"]
fn a_rotation_killed_at_every_step() {
    killed_at_every_step(ROTATE, 1, |_| {});
}

#[test]
#[ignore = "every step: make test-keys"]
fn a_rotation_of_the_kek_killed_at_every_step() {
    killed_at_every_step(ROTATE_KEK, 1, |_| {});
}

#[test]
#[ignore = "every step: make test-keys"]
fn a_rewrap_killed_at_every_step() {
    killed_at_every_step(REWRAP, 1, |house| {
        // Something to wrap again: keys of before under another KEK.
        house.pgveil(ROTATE);
        house.pgveil(&["keys", "create", "--kek"]);
        let staged = house.sql("SELECT id FROM pgveil_keys.kek WHERE state = 'staged'");
        house.pgveil(&["keys", "activate", &staged, "--yes"]);
    });
}

/// Proxies that are killed while keys are rotated on schedule, by whichever of them gets to it.
#[test]
#[ignore = "takes minutes: make test-keys"]
fn proxies_that_are_killed_while_they_rotate_lose_nothing() {
    // Due again and again: a DEK is used up after some values.
    let builder = builder().keys("dek_max_uses: 200");
    let mut house = House::with(builder, 3);
    let before = house.keys();
    for round in 0..12 {
        let writers = Writers::start(&house, 6, Duration::from_millis(5));
        writers.progress(60, Duration::from_secs(60));
        let victim = round % house.proxies.len();
        let pid = rustix::process::Pid::from_raw(house.proxies[victim].pid() as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        house.forget_the_dead();
        let seen = writers.stop();
        // Clients of the dead one lost their connections, the others lost nothing.
        assert!(
            seen.failed.keys().all(|state| matches!(state.as_str(), "gone" | "57P01" | "53400")),
            "{:?}",
            seen.messages
        );
        house.proxies[victim] = house.world.replica("");
        for proxy in 0..house.proxies.len() {
            all_acknowledged_are_readable(&house, proxy, &seen);
        }
    }
    let after = wait_for(30, "a rotation on schedule", || {
        let now = house.keys();
        if now.deks > before.deks { Ok(now) } else { Err(format!("{now:?}")) }
    });
    println!("{before:?} {after:?}");
    house.pgveil(&["check"]);
}
