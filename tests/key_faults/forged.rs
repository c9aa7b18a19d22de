//! A keystore that its database's owner makes anew, consistent in itself, under a key of their own that pgveil
//! happens to have permission for.

use std::path::Path;

use pgveil::{
    config::{self, Keys},
    keys::keystore::{self, Access},
    kms::{self, Directory},
};

use super::{
    fake_kms::FakeKms,
    house::{House, builder, wait_for},
};
use crate::support::{both, connect};

/// What a program of the attacker's does, with pgveil's own library.
fn forge(house: &House, kms: &FakeKms, key: &str) {
    let text =
        format!("upstream: {{ hosts: db }}\nkeys: {{ kms: cloud }}\nkms: {{ cloud: {{ {} }} }}\n", kms.policy(key));
    let loaded = config::load_from(Path::new("theirs.yaml"), text.as_bytes(), [], &kms::declarations());
    let policy = loaded.unwrap_or_else(|findings| panic!("{}", findings[0].rendered)).policy;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = connect(&house.superuser()).await;
        client.batch_execute("DROP SCHEMA pgveil_keys CASCADE").await.unwrap();
        keystore::install(&client).await.unwrap();
        let directory = Directory::new(&policy);
        let access = Access::new(&client, house.world.database(), &directory, "somebody");
        let made = keystore::bootstrap(&access, &Keys::with_defaults("cloud")).await.unwrap();
        assert!(made.created && made.key_ref == key, "{made:?}");
        // It is as good as any, for who has that key in the policy.
        keystore::inventory(&access).await.unwrap();
        client
            .batch_execute(
                "GRANT USAGE ON SCHEMA pgveil_keys TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA pgveil_keys TO PUBLIC; \
                 ALTER SCHEMA pgveil_keys OWNER TO pgveil_owner; \
                 DO $$ DECLARE t text; BEGIN \
                   FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'pgveil_keys' LOOP \
                     EXECUTE format('ALTER TABLE pgveil_keys.%I OWNER TO pgveil_owner', t); \
                   END LOOP; END $$",
            )
            .await
            .unwrap();
    });
    house.sql("SELECT pg_notify('pgveil_keys', n::text) FROM pgveil_keys.epoch");
}

#[test]
fn a_keystore_made_anew_under_a_key_of_somebody_elses_is_refused() {
    let kms = FakeKms::start();
    let (own, theirs) = (kms.create_key(), kms.create_key());
    let mut builder = builder().kms(&format!("cloud: {{ {} }}", kms.policy(&own))).default_kms("cloud");
    for (name, value) in kms.environment() {
        builder = builder.environment(name, &value);
    }
    let house = House::with(builder, 1);
    house.insert(0, 1).unwrap();
    let genuine = house.keys().primary;
    let said = house.proxies[0].stderr().len();
    forge(&house, &kms, &theirs);
    assert_ne!(house.keys().primary, genuine, "nothing was forged");

    // The running proxy has noticed it, and seals nothing under the new key.
    wait_for(20, "noticed", || {
        let log = house.proxies[0].stderr()[said..].to_owned();
        if log.contains("another keystore") { Ok(()) } else { Err(log) }
    });
    if house.insert(0, 2).is_ok() {
        assert_eq!(house.dek_of(2), genuine);
    }
    // Nothing that starts now uses it: this host knows the genuine one, another one does not.
    for name in [theirs.as_str(), own.as_str()] {
        let error = house.world.try_replica("").expect_err("it has started").to_string();
        assert!(error.contains(name) || error.contains("another keystore"), "{error}");
    }
    let calls = kms.log().len();
    for args in [&["keys", "rotate", "--yes"][..], &["keys", "list"], &["apply", "--yes"]] {
        let output = house.world.pgveil(args);
        assert!(!output.status.success(), "{args:?}: {}", both(&output));
        assert!(both(&output).contains(&theirs) && both(&output).contains(&own), "{args:?}: {}", both(&output));
    }
    assert_eq!(kms.log().len(), calls, "the other key was not even asked");
}
