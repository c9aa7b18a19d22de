//! Keys that are taken away, and services that do not answer.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};

use super::{
    house::{House, builder, wait_for},
    memory::found_in,
    opened,
    writers::Writers,
};
use crate::support::connect;

/// Writes another state into a keyring without a passphrase, as its owner would with an editor.
fn set_state(keyring: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(keyring).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<String> = document["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            let state = key["state"].as_str().unwrap().replace(from, to);
            format!(
                r#"{{"id":{},"created":{},"state":"{state}","sealed":{{"clear":{}}}}}"#,
                key["id"], key["created"], key["sealed"]["clear"]
            )
        })
        .collect();
    // The order of fields is part of the checksum (src/kms/local/document.rs).
    let summed =
        |kdf: &str| format!(r#"{{"v":1,{kdf}"primary_id":{},"keys":[{}]"#, document["primary_id"], keys.join(","));
    let checksum = const_hex::encode(Sha256::digest(format!("{}}}", summed(r#""kdf":null,"#))));
    let written = format!("{},\"checksum\":\"{checksum}\"}}", summed(""));
    // In one step: a reader must not find half of it.
    let temporary = keyring.with_extension("new");
    fs::write(&temporary, written).unwrap();
    fs::set_permissions(&temporary, fs::metadata(keyring).unwrap().permissions()).unwrap();
    fs::rename(&temporary, keyring).unwrap();
}

fn disable(house: &House) {
    set_state(&house.world.path("keyring"), "enabled", "disabled");
}

fn enable(house: &House) {
    set_state(&house.world.path("keyring"), "disabled", "enabled");
}

/// Taken away, nothing is read or written within `seconds`, nothing of the keys is in memory; given back,
/// all works again without a restart.
fn taken_away_and_given_back(house: &House, seconds: u64) {
    house.insert(0, 1).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // A session that is open all the time, with prepared statements.
    let (client, insert, select) = runtime.block_on(async {
        let client = connect(&house.through(0)).await;
        let insert = client.prepare("INSERT INTO notes VALUES ($1, $2)").await.unwrap();
        let select = client.prepare("SELECT secret FROM notes WHERE id = $1").await.unwrap();
        client.execute(&insert, &[&2_i64, &"secret 2"]).await.unwrap();
        client.query_one(&select, &[&2_i64]).await.unwrap();
        (client, insert, select)
    });
    let keys = opened::Keys::read(&house.superuser(), &house.world.path("keyring"));
    let needles: Vec<_> = keys
        .deks
        .iter()
        .map(|(_, key)| *key)
        .chain(keys.of_column("public.notes.secret").into_iter().map(|(_, key)| key))
        .collect();
    let pid = house.proxies[0].pid();
    let in_use = found_in(pid, &needles).expect("this process may read the memory of its children as root only");
    assert!(in_use.iter().any(|count| *count > 0), "what is searched for is there while it is used");

    disable(house);
    let taken = Instant::now();
    wait_for(seconds, "the revocation", || match house.read(0, 1) {
        Err(refusal) if refusal.state == "42501" => {
            refusal.is("42501", "keys/kms-disabled");
            Ok(())
        }
        other => Err(format!("{other:?}")),
    });
    println!("noticed after {:?}", taken.elapsed());
    house.insert(0, 3).unwrap_err().is("42501", "keys/kms-disabled");
    runtime.block_on(async {
        let state = |error: tokio_postgres::Error| error.code().map(|code| code.code().to_owned());
        let written = client.execute(&insert, &[&3_i64, &"secret 3"]).await.map_err(state).map(drop);
        assert_eq!(written, Err(Some("42501".to_owned())));
        let read = client.query_one(&select, &[&2_i64]).await.map_err(state).map(drop);
        assert_eq!(read, Err(Some("42501".to_owned())));
    });
    assert_eq!(house.sql("SELECT count(*) FROM notes"), "2");
    let left = found_in(pid, &needles).unwrap();
    println!("in memory: {in_use:?}, afterwards {left:?}");
    // What is left lies in frames that were freed and not wiped (docs/security.md).
    assert!(left.iter().zip(&in_use).all(|(left, in_use)| left < in_use), "kept in memory: {in_use:?}, {left:?}");

    enable(house);
    wait_for(seconds, "it is given back", || house.read(0, 1).map_err(|refusal| refusal.text));
    wait_for(seconds, "writes, too", || house.insert(0, 4).map_err(|refusal| refusal.text));
    runtime.block_on(async {
        client.execute(&insert, &[&5_i64, &"secret 5"]).await.unwrap();
        let row = client.query_one(&select, &[&5_i64]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), "secret 5");
    });
}

#[test]
fn a_key_that_is_taken_away_is_taken_away_and_comes_back_without_a_restart() {
    // A canary each second.
    taken_away_and_given_back(&House::with(builder().keys("max_unverified: 2s"), 1), 10);
}

#[test]
#[ignore = "a minute: make test-keys"]
fn a_revocation_bites_within_thirty_seconds_with_nothing_configured() {
    taken_away_and_given_back(&House::new(1), 33);
}

#[test]
#[ignore = "a minute: make test-keys"]
fn a_revocation_bites_under_failure_policy_open_as_well() {
    taken_away_and_given_back(&House::with(builder().keys("failure_policy: open, max_unverified: 2s"), 1), 10);
}

#[test]
fn a_keyring_that_has_vanished_stops_everything_until_it_is_back() {
    let house = House::with(builder().keys("max_unverified: 2s"), 1);
    let writers = Writers::start(&house, 2, Duration::from_millis(20));
    writers.progress(10, Duration::from_secs(20));
    let (keyring, away) = (house.world.path("keyring"), house.world.path("keyring.away"));
    fs::rename(&keyring, &away).unwrap();
    wait_for(15, "noticed", || match writers.so_far().2 {
        0 => Err("no statement has failed".to_owned()),
        _ => Ok(()),
    });
    house.insert(0, 1).unwrap_err().is("XX001", "keys/kms-not-found");
    fs::rename(&away, &keyring).unwrap();
    wait_for(15, "back", || house.insert(0, 1).map_err(|refusal| refusal.text));
    let seen = writers.stop();
    assert_eq!(seen.failed.keys().collect::<Vec<_>>(), ["XX001"], "{:?}", seen.messages);
    super::writers::all_acknowledged_are_readable(&house, 0, &seen);
}
