//! What keeps a DEK from its end, and how often it is tried.

use std::time::{Duration, Instant};

use crate::{add, by_dek, check, jobs, keystore, rotate, run, state, until, world};

const TOUCHED: &str = "CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN NEW.name := NEW.name; RETURN NEW; END $$; \
    CREATE TRIGGER touched BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touched()";

#[test]
fn triggers_that_are_not_allowed_fail_one_job_a_rotation() {
    let mut world = world("retention: 0").start();
    keystore(&world, TOUCHED);
    add(&world, 1, 50);
    let (old, _) = rotate(&world);
    until(&world, "the job has failed", 60, || jobs(&world).concat().contains("failed"));
    std::thread::sleep(Duration::from_secs(8));
    let all = jobs(&world);
    assert!(all.len() == 1 && all[0].starts_with("1|failed|t|") && all[0].contains("touched"), "{all:?}");
    assert_eq!(by_dek(&world), [(old, 250)].into());

    // With the next rotation, once more.
    rotate(&world);
    until(&world, "the next has failed", 60, || jobs(&world).concat().matches("failed").count() == 2);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(jobs(&world).len(), 2);

    // The policy allows it now.
    world.stop();
    world.edit_policy(|policy| policy.replace("sweep: {", "sweep: { allow_triggers: true,"));
    world.run(&[]);
    until(&world, "the DEK is retired", 60, || state(&world, old) == "retired");
    assert_eq!(jobs(&world).len(), 3);
    check(&world, &world.through(), 50);
}

#[test]
fn a_value_that_does_not_open_keeps_its_dek_and_no_other() {
    let world = world("retention: 0").start();
    add(&world, 1, 50);
    let ty = keystore(
        &world,
        "SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'notes'",
    );
    let flip = "set_byte(notes::bytea, length(notes::bytea) - 1, get_byte(notes::bytea, length(notes::bytea) - 1) # 1)";
    keystore(&world, &format!("UPDATE people SET notes = {flip}::{ty} WHERE id = 3"));
    let (first, second) = rotate(&world);
    until(&world, "the job is over", 60, || jobs(&world).concat().contains("completed_with_unrecoverable"));
    until(&world, "the job says why the DEK stays", 60, || jobs(&world).concat().contains("stays in service"));
    assert_eq!(by_dek(&world), [(first, 1), (second, 249)].into());

    add(&world, 51, 60);
    let (_, third) = rotate(&world);
    until(&world, "the second DEK is retired", 90, || state(&world, second) == "retired");
    assert_eq!(state(&world, first), "deprecated");
    assert_eq!(by_dek(&world), [(first, 1), (third, 299)].into());
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(jobs(&world).len(), 2, "{:?}", jobs(&world));
}

#[test]
fn a_proxy_that_is_told_to_stop_leaves_its_part_at_once() {
    let mut world = world("retention: 0").extra("sweep: { workers: 2, batch: 10, rate: 100 }").start();
    add(&world, 1, 1000);
    let (old, new) = rotate(&world);
    until(&world, "the job has begun", 60, || by_dek(&world).get(&new).is_some_and(|n| *n > 0));
    let told = Instant::now();
    world.stop();
    assert!(told.elapsed() < Duration::from_secs(8), "{:?}", told.elapsed());
    assert!(by_dek(&world)[&old] > 0, "the job was over before");
    let at_work = "SELECT count(*) FROM pgveil_keys.sweep_shard WHERE worker IS NOT NULL AND state = 'open'";
    assert_eq!(keystore(&world, at_work), "0");

    // Whoever comes next goes on.
    run(&world, &["sweep", "worker", "--once"]);
    assert_eq!(by_dek(&world), [(new, 5000)].into());
    world.run(&[]);
    until(&world, "the DEK is retired", 60, || state(&world, old) == "retired");
    assert_eq!(jobs(&world), ["1|completed|t|"]);
    check(&world, &world.through(), 1000);
}

#[test]
fn a_job_that_somebody_has_cancelled_stays_so_until_the_next_rotation() {
    let world = world("retention: 0").extra("sweep: { workers: 1, batch: 10, rate: 100 }").start();
    add(&world, 1, 500);
    let (first, second) = rotate(&world);
    until(&world, "the job has begun", 60, || by_dek(&world).get(&second).is_some_and(|n| *n > 0));
    run(&world, &["sweep", "cancel"]);
    std::thread::sleep(Duration::from_secs(6));
    assert!(jobs(&world).len() == 1 && jobs(&world)[0].starts_with("1|cancelled|t|"), "{:?}", jobs(&world));
    assert!(by_dek(&world)[&first] > 0, "the job was over before");

    // What comes next is about the next DEK only: that one was cancelled.
    let (_, third) = rotate(&world);
    until(&world, "the second DEK is retired", 60, || state(&world, second) == "retired");
    assert_eq!(jobs(&world).len(), 2);
    assert_eq!(by_dek(&world).keys().copied().collect::<std::collections::BTreeSet<_>>(), [first, third].into());
    assert_eq!(state(&world, first), "deprecated");
    check(&world, &world.through(), 500);
}

#[test]
#[ignore = "takes three minutes: a proof that has failed is not tried again at once"]
fn values_that_turn_up_between_a_job_and_its_proof_bring_another_job() {
    let world = world("retention: 1h").start();
    add(&world, 1, 20);
    world.sql("CREATE TABLE aside AS SELECT ssn::bytea AS ssn FROM people WHERE id = 7");
    let (old, new) = rotate(&world);
    until(&world, "the job says what holds the DEK", 60, || jobs(&world).concat().contains("aside"));
    assert_eq!(by_dek(&world), [(new, 100)].into());
    let ty = keystore(
        &world,
        "SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'ssn'",
    );
    world.sql(&format!("UPDATE people SET ssn = (SELECT ssn FROM aside)::{ty} WHERE id = 7"));
    // The catalog is another then.
    world.sql("DROP TABLE aside");
    until(&world, "another job", 240, || jobs(&world).len() == 2);
    until(&world, "the DEK is retired", 60, || state(&world, old) == "retired");
    assert_eq!(by_dek(&world), [(new, 100)].into());
    check(&world, &world.through(), 20);
}
