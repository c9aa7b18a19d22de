//! Rows of the keystore that its database's owner alters, swaps or puts back, past all triggers.

use super::house::{House, Refusal, wait_for};
use crate::support::{both, stderr};

/// What is done, in SQL; the row that has to be named.
const ALTERATIONS: [(&str, &str, &str); 12] = [
    (
        "a wrapped DEK",
        "UPDATE pgveil_keys.dek SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) WHERE state = 'primary'",
        "dek",
    ),
    ("a DEK's state", "UPDATE pgveil_keys.dek SET state = 'retired' WHERE state = 'deprecated'", "dek"),
    ("a DEK's limit", "UPDATE pgveil_keys.dek SET max_uses = max_uses - 1 WHERE state = 'primary'", "dek"),
    (
        "a DEK's expiry",
        "UPDATE pgveil_keys.dek SET expires_at = now() + interval '99 years' WHERE state = 'primary'",
        "dek",
    ),
    (
        "two DEKs' wraps",
        "UPDATE pgveil_keys.dek d SET wrapped = (SELECT wrapped FROM pgveil_keys.dek o WHERE o.id <> d.id LIMIT 1)",
        "dek",
    ),
    (
        "two DEKs' states",
        "UPDATE pgveil_keys.dek SET state = 'staged' WHERE state = 'primary'; \
         UPDATE pgveil_keys.dek SET state = 'primary' WHERE state = 'deprecated'; \
         UPDATE pgveil_keys.dek SET state = 'deprecated' WHERE state = 'staged'",
        "dek",
    ),
    ("a DEK left out", "DELETE FROM pgveil_keys.dek WHERE state = 'deprecated'", ""),
    ("the KEK's name", "UPDATE pgveil_keys.kek SET key_ref = '0x00000001'", "kek"),
    ("the KEK's canary", "UPDATE pgveil_keys.kek SET canary = set_byte(canary, 20, get_byte(canary, 20) # 1)", "kek"),
    ("the root's version", "UPDATE pgveil_keys.index_root SET version = version + 1", "index_root"),
    ("what is registered", "UPDATE pgveil_keys.registration SET attnum = 1", "registration"),
    ("the epoch's manifest", "UPDATE pgveil_keys.epoch SET mac = set_byte(mac, 3, get_byte(mac, 3) # 1)", "epoch"),
];

const TABLES: [&str; 6] = ["kek", "dek", "index_root", "registration", "epoch", "scope"];

/// Keeps a copy of the keystore beside it.
fn keep(house: &House) {
    house.sql("CREATE SCHEMA kept");
    for table in TABLES {
        house.sql(&format!("CREATE TABLE kept.{table} AS SELECT * FROM pgveil_keys.{table}"));
    }
}

/// Puts the copy in place, in whatever order.
fn put_back(house: &House, tables: &[&str]) {
    let sql: String = tables
        .iter()
        .map(|table| {
            // Identity and generated columns take what they are given.
            format!("DELETE FROM pgveil_keys.{table}; INSERT INTO pgveil_keys.{table} OVERRIDING SYSTEM VALUE SELECT * FROM kept.{table};")
        })
        .collect::<Vec<_>>()
        .concat();
    house.attack(&sql);
}

/// What makes proxies look at once rather than with their next poll: a higher epoch that is announced.
fn announce(house: &House) {
    house.sql("SELECT pg_notify('pgveil_keys', n::text) FROM pgveil_keys.epoch");
}

#[test]
fn an_altered_keystore_is_not_served_from_and_names_the_row() {
    let house = House::new(0);
    house.pgveil(&["keys", "rotate", "--yes"]);
    keep(&house);
    for (what, sql, row) in ALTERATIONS {
        house.attack(sql);
        // A new proxy does not start with it, and no command changes anything in it.
        let error = house.world.try_replica("").expect_err(what).to_string();
        assert!(error.contains(row) && !error.contains("panicked"), "{what}: {error}");
        for args in [&["keys", "rotate", "--yes"][..], &["apply", "--yes"]] {
            let output = house.world.pgveil(args);
            assert!(!output.status.success(), "{what}: {args:?} did it all the same: {}", both(&output));
            assert!(stderr(&output).contains(row), "{what}: {args:?}: {}", both(&output));
        }
        put_back(&house, &TABLES);
        house.pgveil(&["keys", "list"]);
    }
}

#[test]
fn a_running_proxy_notices_alterations_and_takes_nothing_from_them() {
    let house = House::new(1);
    house.pgveil(&["keys", "rotate", "--yes"]);
    house.insert(0, 1).unwrap();
    keep(&house);
    let genuine = house.keys().primary;
    for (number, (what, sql, row)) in (10..).zip(ALTERATIONS) {
        let said = house.proxies[0].stderr().len();
        house.attack(sql);
        announce(&house);
        wait_for(15, what, || {
            let log = house.proxies[0].stderr()[said..].to_owned();
            let noticed = log.contains("tampered") || log.contains("altered") || log.contains("genuine");
            if noticed && log.contains(row) { Ok(()) } else { Err(log) }
        });
        // Whether it goes on with what it knows or refuses: nothing of the altered row is used.
        match house.insert(0, number) {
            Ok(_) => assert_eq!(house.dek_of(number), genuine, "{what}"),
            Err(Refusal { state, text }) => assert_eq!(state, "XX001", "{what}: {text}"),
        }
        put_back(&house, &TABLES);
        announce(&house);
        wait_for(15, "believed again", || {
            let log = house.proxies[0].stderr()[said..].to_owned();
            if log.contains("followed again") { Ok(()) } else { Err(log) }
        });
        wait_for(15, "served again", || house.insert(0, number + 100).map_err(|refusal| refusal.text));
    }
    assert_eq!(house.read(0, 1).unwrap(), "secret 1");
}

#[test]
fn single_rows_and_the_whole_keystore_put_back_are_noticed() {
    let house = House::new(1);
    house.insert(0, 1).unwrap();
    keep(&house);
    let old = house.keys();
    house.pgveil(&["keys", "rotate", "--yes"]);
    let new = house.keys();
    wait_for(15, "the new primary", || {
        let id = new.epoch + 1000 + i64::from(std::process::id());
        let _ = house.sql(&format!("DELETE FROM notes WHERE id = {id}"));
        house.insert(0, id).map_err(|refusal| refusal.text)?;
        if house.dek_of(id) == new.primary { Ok(()) } else { Err(format!("{}", house.dek_of(id))) }
    });
    // The old primary's row as it was, genuine in itself; then the whole of it.
    for tables in [&["dek"][..], &TABLES] {
        let said = house.proxies[0].stderr().len();
        put_back(&house, tables);
        announce(&house);
        wait_for(15, "noticed", || {
            let log = house.proxies[0].stderr()[said..].to_owned();
            if log.contains("went back")
                || log.contains("went-back")
                || log.contains("tampered")
                || log.contains("altered")
            {
                Ok(())
            } else {
                Err(log)
            }
        });
        // The old key seals nothing any more, here or in a proxy that starts anew on this host.
        if house.insert(0, 5).is_ok() {
            assert_ne!(house.dek_of(5), old.primary);
            house.sql("DELETE FROM notes WHERE id = 5");
        }
        if let Ok(second) = house.world.try_replica("") {
            let string = crate::support::conn_string(second.address().port(), house.world.database());
            let refusal = super::house::ask(&string, "INSERT INTO notes VALUES (6, 'secret 6')").unwrap_err();
            assert!(refusal.text.contains("keys/"), "{}", refusal.text);
        }
    }
}
