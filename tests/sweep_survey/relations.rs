//! Which relations there are, how large they are, how they are cut.

use pgveil::sweep::{Kind, survey::survey};

use crate::bed::{Bed, brief, column_name, names};

#[tokio::test]
async fn partitions_at_any_depth_and_children_are_swept_and_parents_that_store_nothing_are_not() {
    let bed = Bed::new();
    let found = bed.survey().await;
    assert_eq!(brief(&found.obstacles), []);
    assert_eq!(names(&found.relations), ["animals", "dogs", "events_eu", "events_us_old", "people", "puppies"]);
    let people = found.relations.iter().find(|relation| relation.name == "people").unwrap();
    let columns: Vec<_> = people.columns.iter().map(|c| (c.name.as_str(), c.column.table.as_str())).collect();
    assert_eq!(columns, [("ssn", "people"), ("born", "people")]);
    let puppies = found.relations.iter().find(|relation| relation.name == "puppies").unwrap();
    assert_eq!(puppies.columns[0].column, column_name("public", "animals", "name"));
    // Nothing in them: nothing to do.
    assert!(found.shards(Kind::Reencrypt).is_empty());
    assert_eq!(found.estimate.rows, 0);
    assert!(found.notes.iter().any(|note| note.starts_with("xmin")), "{:?}", found.notes);
}

#[tokio::test]
async fn columns_are_found_by_name_where_a_partition_numbers_them_otherwise() {
    let bed = Bed::new();
    bed.world.sql(
        "CREATE TABLE events_asia (junk integer, at date, payload pgveil.sealed, id bigint, region text);
         ALTER TABLE events_asia DROP COLUMN junk;
         ALTER TABLE events ATTACH PARTITION events_asia FOR VALUES IN ('asia');
         INSERT INTO events_asia (id, region) SELECT g, 'asia' FROM generate_series(1, 10) g",
    );
    let found = bed.survey().await;
    assert_eq!(brief(&found.obstacles), []);
    let asia = found.relations.iter().find(|relation| relation.name == "events_asia").unwrap();
    assert_eq!((asia.rows, asia.blocks, asia.columns.len()), (10, 1, 1));
    let shards = found.shards(Kind::Verify);
    assert_eq!(shards.len(), 1);
    assert_eq!((shards[0].relation, shards[0].first_block, shards[0].end_block), (asia.oid, 0, 1));
    assert_eq!(shards[0].columns, asia.columns);
    // Only what was asked for.
    let client = bed.connect("pgveil").await;
    let some = survey(&client, &bed.database, &[column_name("public", "people", "born")]).await.unwrap();
    assert_eq!(names(&some.relations), ["people"]);
    assert_eq!(some.relations[0].columns.len(), 1);
}

#[tokio::test]
async fn a_child_that_the_policy_names_too_is_swept_once_if_its_values_are_those_of_the_parent() {
    let bed = Bed::new();
    // Named beside its parent, so that statements may name it.
    let with_puppies = |identity: &str| {
        let mut database = (*bed.database).clone();
        let parent = database.columns.iter().find(|column| column.table == "animals").unwrap();
        let mut own = (**parent).clone();
        (own.table, own.identity) = ("puppies".into(), identity.into());
        database.columns.push(own.into());
        database
    };
    let mut columns = bed.columns();
    columns.push(column_name("public", "puppies", "name"));
    let client = bed.connect("pgveil").await;
    for order in 0..2 {
        let found = survey(&client, &with_puppies("public.animals.name"), &columns).await.unwrap();
        assert_eq!(brief(&found.obstacles), [], "{order}");
        let puppies: Vec<_> = found.relations.iter().filter(|relation| relation.name == "puppies").collect();
        assert_eq!(puppies.len(), 1);
        let whose: Vec<_> = puppies[0].columns.iter().map(|column| column.column.table.as_str()).collect();
        assert_eq!(whose, ["puppies"], "what the policy says of the table itself counts, in any order");
        columns.reverse();
    }
    let found = survey(&client, &with_puppies("public.puppies.name"), &columns).await.unwrap();
    assert_eq!(brief(&found.obstacles), [("sweep/two-parents", "public.puppies.name")]);
}

#[tokio::test]
async fn rows_bytes_and_wal_are_estimated() {
    let bed = Bed::new();
    bed.world.sql("INSERT INTO people (id, note) SELECT g, repeat('x', 100) FROM generate_series(1, 5000) g");
    let small = bed.survey().await.estimate;
    assert_eq!(small.rows, 5000, "small tables are counted");
    // A table of 40 MiB that nobody has analysed is sampled; one that was is not looked at.
    bed.world.sql(
        "ALTER TABLE people SET (autovacuum_enabled = off);
         INSERT INTO people (id, note) SELECT g, repeat('x', 300) FROM generate_series(5001, 110000) g",
    );
    let sampled = bed.survey().await;
    let near = |rows: i64| (80_000..140_000).contains(&rows);
    assert!(near(sampled.estimate.rows), "{:?}", sampled.estimate);
    bed.world.sql("ANALYZE people");
    let found = bed.survey().await;
    assert!((105_000..115_000).contains(&found.estimate.rows), "{:?}", found.estimate);
    let bytes: i64 = bed.sql("SELECT pg_relation_size('people')").parse().unwrap();
    assert_eq!(found.estimate.bytes, bytes);
    assert!(found.estimate.wal_bytes > bytes, "{:?}", found.estimate);
    assert!(!found.estimate.measured && found.estimate.time.as_secs() > 0);
    let shards = found.shards(Kind::Reencrypt);
    assert_eq!(shards.len() as i64, bytes / (8 * 1024 * 1024));
    assert_eq!(shards.iter().map(|shard| shard.end_block - shard.first_block).sum::<i64>(), bytes / 8192);
    // Values out of line count.
    bed.world.sql("ALTER TABLE people ALTER note SET STORAGE EXTERNAL; TRUNCATE people; INSERT INTO people (id, note) VALUES (1, repeat('x', 1000000))");
    let wide = bed.survey().await;
    assert!(wide.estimate.bytes > 1_000_000, "{:?}", wide.estimate);
    assert!(wide.notes.iter().any(|note| note.contains("public.people (")), "{:?}", wide.notes);
}

#[tokio::test]
async fn real_wal_is_within_reach_of_the_estimate() {
    let bed = Bed::new();
    bed.world.sql("INSERT INTO people (id, note) SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g");
    bed.sql("CHECKPOINT");
    let estimate = bed.survey().await.estimate.wal_bytes;
    // Of this statement alone: other tests write on the same server meanwhile.
    let plan = bed.sql("EXPLAIN (ANALYZE, WAL, FORMAT JSON) UPDATE people SET note = note");
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let written = plan[0]["Plan"]["WAL Bytes"].as_i64().unwrap();
    // An estimate is good for the order of magnitude.
    assert!(estimate > written / 3 && estimate < written * 3, "estimated {estimate}, written {written}");
}
