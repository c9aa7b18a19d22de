//! A keystore whose KEK is in the cloud, moves to a service of another kind and back, each of which is then
//! taken away.

use std::sync::{Arc, OnceLock};

use pgveil::{
    cli::demo::cluster::{Cluster, ClusterOptions},
    config::Keys,
    keys::{
        Clock, Keyring,
        keystore::{self, Access},
    },
    kms::{Directory, KekRef},
};
use tokio_postgres::{Client, NoTls};

use super::{opened::policy, second};
use crate::fake_kms::FakeKms;

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&ClusterOptions::default()).unwrap())
}

async fn connect() -> Client {
    connect_to("postgres").await
}

async fn connect_to(database: &str) -> Client {
    let string = format!("host=127.0.0.1 port={} user=postgres dbname={database}", cluster().port());
    let (client, connection) = tokio_postgres::connect(&string, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Wraps every key by this KEK.
async fn move_to(kek: u32, access: &Access<'_>) {
    keystore::activate_kek(access, kek).await.unwrap();
    assert_eq!(keystore::rewrap_batch(access, 100).await.unwrap().left, 0);
}

#[tokio::test]
async fn a_keystore_moves_between_aws_and_a_provider_of_one_file() {
    let fake = FakeKms::start();
    let directory = Arc::new(second::directory(&fake));
    let client = connect().await;
    let keys = Keys::with_defaults("cloud");
    let opens = async || Keyring::open(&connect().await, "postgres", directory.clone(), &keys, Clock::system()).await;

    keystore::install(&client).await.unwrap();
    let access = Access::new(&client, "postgres", &directory, "a test");
    keystore::bootstrap(&access, &keys).await.unwrap();
    let cloud = directory.open("cloud").await.unwrap().key_ref();
    assert!(fake.calls("GenerateDataKey") + fake.calls("Encrypt") > 0 && fake.calls("encrypt") == 0);

    let first = keystore::inventory(&access).await.unwrap().keks[0].id;

    let rest = directory.open("rest").await.unwrap();
    let kek = KekRef {
        kms: Some("rest".to_owned()),
        provider: rest.kind().to_owned(),
        key_ref: rest.key_ref(),
        material: None,
        created_at: None,
    };
    let second = keystore::stage_kek(&access, &kek).await.unwrap().id;
    move_to(second, &access).await;
    fake.disable(&cloud);
    opens().await.expect("nothing needs the old key");
    fake.enable(&cloud);

    move_to(first, &access).await;
    fake.destroy(&kek.key_ref);
    opens().await.expect("nothing needs the old key");
    fake.disable(&cloud);
    let error = opens().await.err().expect("the new key is needed");
    assert_eq!(error.code(), "keys/kms-disabled", "{error}");
}

/// Genuine wraps under the same KEK, but of another keystore: whoever has two databases could swap them.
#[tokio::test]
async fn wraps_of_another_keystore_under_the_same_key_do_not_open() {
    let fake = FakeKms::start();
    let arn = fake.create_key();
    let directory = Arc::new(Directory::new(&policy(&[("cloud", fake.policy(&arn))])));
    let keys = Keys::with_defaults("cloud");
    let mut rows = Vec::new();
    for database in ["one", "two"] {
        connect().await.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
        let client = connect_to(database).await;
        keystore::install(&client).await.unwrap();
        let access = Access::new(&client, database, &directory, "a test");
        keystore::bootstrap(&access, &keys).await.unwrap();
        let get = async |table: &str| {
            let sql = format!("SELECT encode(wrapped, 'hex'), encode(kcv, 'hex'), id FROM pgveil_keys.{table}");
            let row = client.query_one(&sql, &[]).await.unwrap();
            (row.get::<_, String>(0), row.get::<_, String>(1), row.get::<_, i64>(2))
        };
        rows.push((get("index_root").await, get("dek").await));
    }
    let client = connect_to("one").await;
    let opens = async || Keyring::open(&client, "one", directory.clone(), &keys, Clock::system()).await;
    let put = async |table: &str, (wrapped, kcv, id): &(String, String, i64)| {
        let sql = format!(
            "SET session_replication_role = replica; \
             UPDATE pgveil_keys.{table} SET id = {id}, wrapped = decode('{wrapped}', 'hex'), kcv = decode('{kcv}', 'hex')"
        );
        client.batch_execute(&sql).await.unwrap();
    };
    opens().await.expect("its own");
    for (table, own, foreign) in [("index_root", &rows[0].0, &rows[1].0), ("dek", &rows[0].1, &rows[1].1)] {
        put(table, foreign).await;
        let error = opens().await.err().expect("it is another keystore's");
        assert_eq!(error.code(), "keys/tampered", "{error}");
        assert!(error.to_string().contains(table), "{error}");
        put(table, own).await;
        opens().await.expect("its own again");
    }
}
