//! From a rotation to the end of the earlier DEK.

use std::time::Duration;

use crate::{
    add, audit, by_dek, check, jobs, keystore, primary, rotate, run, state,
    support::{both, psql},
    until, world,
};

#[test]
fn a_rotation_leads_to_one_job_of_three_proxies_and_to_the_end_of_the_dek() {
    let world = world("retention: 0, destroy_retired: true").start();
    let others = [world.replica(""), world.replica("")];
    add(&world, 1, 500);
    let (old, new) = rotate(&world);
    until(&world, "the old DEK is destroyed", 90, || state(&world, old) == "destroyed");

    assert_eq!(jobs(&world), ["1|completed|t|"]);
    // Queued without a survey, it has learnt how much there was when it was cut.
    assert_eq!(keystore(&world, "SELECT expected_rows = 500 FROM pgveil_keys.sweep_job"), "t");
    assert_eq!(by_dek(&world), [(new, 2500)].into());
    check(&world, &world.through(), 500);
    for other in &others {
        let through = crate::support::conn_string(other.address().port(), world.database());
        check(&world, &through, 500);
    }
    assert_eq!([audit(&world, "dek.retire"), audit(&world, "dek.destroy")], [1, 1]);
    assert_eq!(keystore(&world, &format!("SELECT wrapped IS NULL FROM pgveil_keys.dek WHERE id = {old}")), "t");
    // Nothing of it goes on.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(jobs(&world), ["1|completed|t|"]);
    for other in others {
        assert!(other.stop().unwrap().success());
    }
}

#[test]
fn without_auto_nothing_follows_a_rotation() {
    let world = world("retention: 0, destroy_retired: true").keys("reencrypt: manual, destroy_retired: true").start();
    add(&world, 1, 10);
    let (old, _) = rotate(&world);
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(jobs(&world), [] as [&str; 0]);
    assert_eq!(state(&world, old), "deprecated");
}

#[test]
fn health_says_that_nobody_does_it() {
    let world = world("").extra("").start();
    add(&world, 1, 10);
    assert!(world.pgveil(&["health"]).status.success());
    let (old, _) = rotate(&world);
    let health = world.pgveil(&["health"]);
    assert!(health.status.code() == Some(1) && both(&health).contains("pgveil sweep worker"), "{}", both(&health));
    assert!(world.stderr().contains("sweep.workers is 0"), "{}", world.stderr());
    assert_eq!((jobs(&world).len(), state(&world, old).as_str()), (0, "deprecated"));
}

#[test]
#[ignore = "takes two minutes: a fence waits for a process that was killed"]
fn another_process_takes_over_from_one_that_was_killed() {
    let world =
        world("retention: 0, destroy_retired: true").extra("sweep: { workers: 1, batch: 20, rate: 200 }").start();
    add(&world, 1, 2000);
    let (old, new) = rotate(&world);
    until(&world, "the job has begun", 60, || by_dek(&world).get(&new).is_some_and(|n| *n > 0));
    let other = world.replica("");
    // It leads: it was alone.
    let pid = world.proxy().pid().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    until(&world, "the old DEK is destroyed", 180, || state(&world, old) == "destroyed");
    assert_eq!(jobs(&world), ["1|completed|t|"]);
    assert_eq!(by_dek(&world), [(new, 10_000)].into());
    check(&world, &crate::support::conn_string(other.address().port(), world.database()), 2000);
}

#[test]
fn a_login_that_does_not_own_the_keystore_leaves_the_end_to_its_owner() {
    let mut world = world("retention: 0, destroy_retired: true").owner("keeper").start();
    add(&world, 1, 200);
    let (old, new) = rotate(&world);
    until(&world, "it is said that the DEK is due", 60, || audit(&world, "dek.destroy_due") == 1);
    assert_eq!(state(&world, old), "retired");
    assert_eq!(by_dek(&world), [(new, 1000)].into());

    // Said once, by whatever process.
    world.stop();
    world.run(&[]);
    until(&world, "the log says it again", 30, || world.stderr().contains("does not own the keystore"));
    assert_eq!((audit(&world, "dek.destroy_due"), state(&world, old).as_str()), (1, "retired"));
    let health = world.pgveil(&["health"]);
    let how = format!("pgveil keys destroy {old:#010x}");
    assert!(health.status.code() == Some(1) && both(&health).contains(&how), "{}", both(&health));

    run(&world, &["keys", "destroy", &format!("{old:#010x}"), "--yes"]);
    assert_eq!(state(&world, old), "destroyed");
    assert!(world.pgveil(&["health"]).status.success());
    check(&world, &world.through(), 200);
}

#[test]
fn a_dek_is_kept_for_as_long_as_backups_are() {
    let world = world("retention: 12s, destroy_retired: true").start();
    add(&world, 1, 50);
    let (old, _) = rotate(&world);
    until(&world, "the old DEK is retired", 60, || state(&world, old) == "retired");
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(state(&world, old), "retired");
    until(&world, "the old DEK is destroyed", 30, || state(&world, old) == "destroyed");
    let kept = "SELECT destroyed_at - retired_at >= interval '12s' FROM pgveil_keys.dek WHERE destroyed_at IS NOT NULL";
    assert_eq!(keystore(&world, kept), "t");
}

#[test]
fn a_value_that_turns_up_late_brings_the_dek_back_and_another_job() {
    let world = world("retention: 1h, destroy_retired: true").start();
    add(&world, 1, 20);
    world.sql("CREATE TABLE aside AS SELECT id, ssn::bytea AS ssn FROM people WHERE id = 7");
    let (old, new) = rotate(&world);
    // The copy is no column of the policy, and is seen.
    until(&world, "the job says what holds the DEK", 60, || jobs(&world).concat().contains("aside"));
    assert_eq!(state(&world, old), "deprecated");

    // Out of sight, as in a backup.
    let late = keystore(&world, "SELECT encode(ssn, 'hex') FROM aside");
    world.sql("DROP TABLE aside");
    run(&world, &["keys", "retire", &format!("{old:#010x}")]);
    assert_eq!(jobs(&world), ["1|completed|t|"], "it holds the DEK no more");
    assert_eq!(by_dek(&world), [(new, 100)].into());
    let ty = keystore(
        &world,
        "SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'ssn'",
    );
    keystore(&world, &format!("UPDATE people SET ssn = '\\x{late}'::bytea::{ty} WHERE id = 7"));
    until(&world, "somebody reads it", 60, || {
        crate::support::try_psql(&world.through(), "SELECT ssn FROM people WHERE id = 7").status.success()
    });
    assert_eq!(psql(&world.through(), "SELECT ssn FROM people WHERE id = 7"), "00000000007");
    until(&world, "another job", 60, || jobs(&world).len() == 2);
    until(&world, "the DEK is retired again", 60, || state(&world, old) == "retired");
    assert_eq!(by_dek(&world), [(new, 100)].into());
    assert_eq!(primary(&world), new);
    check(&world, &world.through(), 20);
}
