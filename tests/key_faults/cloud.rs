//! A KEK in a cloud's service: how often it is asked, outages, revocations, slow consistency.

use std::time::Duration;

use super::{
    fake_kms::{FakeKms, Outage},
    house::{House, builder, wait_for},
    writers::{Writers, all_acknowledged_are_readable},
};

/// The code that it causes, how it begins and how it ends.
type Fault<'a> = (&'a str, &'a dyn Fn(), &'a dyn Fn());

/// A house whose keys are wrapped by a key of `fake-kms`.
fn house(kms: &FakeKms, key: &str, keys: &str, proxies: usize) -> House {
    let mut builder = builder().kms(&format!("cloud: {{ {} }}", kms.policy(key))).default_kms("cloud");
    if !keys.is_empty() {
        builder = builder.keys(keys);
    }
    for (name, value) in kms.environment() {
        builder = builder.environment(name, &value);
    }
    House::with(builder, proxies)
}

/// Gives the calls that came in while clients wrote and read as fast as they could through two proxies.
fn calls_under_load(seconds: u64) -> usize {
    let kms = FakeKms::start();
    let house = house(&kms, &kms.create_key(), "", 2);
    kms.forget_calls();
    let writers = Writers::start(&house, 8, Duration::ZERO);
    std::thread::sleep(Duration::from_secs(seconds));
    let seen = writers.stop();
    assert_eq!(seen.failed, [].into(), "{:?}", seen.messages);
    let calls = kms.log();
    println!("{seconds} s: {} writes, {} reads, {} calls", seen.acknowledged.len(), seen.reads, calls.len());
    assert!(seen.acknowledged.len() > 200 && seen.reads > 200);
    all_acknowledged_are_readable(&house, 0, &seen);
    calls.len()
}

#[test]
fn no_query_asks_the_service() {
    assert!(calls_under_load(5) <= 4);
}

#[test]
#[ignore = "a minute: make test-keys"]
fn in_a_minute_each_proxy_asks_for_its_canary_and_nothing_else() {
    let calls = calls_under_load(66);
    assert!((4..=8).contains(&calls), "{calls} calls of two proxies");
}

#[test]
fn a_key_that_is_denied_or_disabled_takes_everything_with_it_until_it_is_back() {
    let kms = FakeKms::start();
    let key = kms.create_key();
    let house = house(&kms, &key, "max_unverified: 2s, failure_policy: open", 1);
    house.insert(0, 1).unwrap();
    let faults: [Fault<'_>; 3] = [
        ("keys/kms-denied", &|| kms.deny("Decrypt"), &|| kms.allow("Decrypt")),
        ("keys/kms-disabled", &|| kms.disable(&key), &|| kms.enable(&key)),
        ("keys/kms-pending-destroy", &|| assert!(kms.schedule_deletion(&key, 7) > 0), &|| kms.enable(&key)),
    ];
    for (id, (code, fault, mend)) in (2..).zip(faults) {
        fault();
        wait_for(15, code, || match house.read(0, 1) {
            Err(refusal) if refusal.state == "42501" && refusal.text.contains(code) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        house.insert(0, id).unwrap_err().is("42501", code);
        mend();
        wait_for(45, "it is back", || house.read(0, 1).map_err(|refusal| refusal.text));
        wait_for(15, "writes, too", || house.insert(0, id).map_err(|refusal| refusal.text));
    }
    assert_eq!(house.all_readable(0), 4);
}

#[test]
fn an_outage_stops_closed_and_not_open_and_what_was_never_open_stays_closed() {
    let kms = FakeKms::start();
    let key = kms.create_key();
    let closed = house(&kms, &key, "max_unverified: 2s", 1);
    let open = house(&kms, &key, "max_unverified: 2s, failure_policy: open", 1);
    for house in [&closed, &open] {
        house.insert(0, 1).unwrap();
    }
    for outage in [Outage::Refused, Outage::Status(503)] {
        kms.outage(outage);
        wait_for(20, "closed fails", || match (closed.read(0, 1), closed.insert(0, 2)) {
            (Err(read), Err(write)) => {
                read.is("08006", "keys/unverified");
                write.is("08006", "keys/unverified");
                Ok(())
            }
            other => {
                closed.sql("DELETE FROM notes WHERE id = 2");
                Err(format!("{other:?}"))
            }
        });
        assert_eq!(open.read(0, 1).unwrap(), "secret 1");
        open.sql("DELETE FROM notes WHERE id = 3");
        open.insert(0, 3).unwrap();
        // No new key without the service, and nothing in plaintext.
        assert!(!open.world.pgveil(&["keys", "rotate", "--yes"]).status.success());
        assert_eq!(open.sql("SELECT count(*) FROM notes WHERE encode(secret::bytea, 'hex') NOT LIKE 'ff7076%'"), "0");
        kms.outage(Outage::None);
        wait_for(60, "closed is back", || closed.read(0, 1).map_err(|refusal| refusal.text));
    }
    let guardrails = open.sql(
        "SELECT count(*) > 0 FROM pgveil_keys.audit WHERE operation LIKE 'kek.skipped%' OR operation LIKE '%skip%'",
    );
    assert_eq!(guardrails, "t", "{}", open.sql("SELECT operation, count(*) FROM pgveil_keys.audit GROUP BY 1"));
}

#[test]
#[ignore = "waits for a minute: make test-keys"]
fn a_key_that_the_service_does_not_find_yet_is_waited_for() {
    let kms = FakeKms::start();
    let key = kms.create_key_hidden_for(Duration::from_secs(20));
    let house = house(&kms, &key, "", 1);
    house.insert(0, 1).unwrap();
    assert_eq!(house.read(0, 1).unwrap(), "secret 1");
}
