//! What is in the way, and what people are told.

use std::time::Duration;

use pgveil::sweep::{Kind, survey::survey};

use crate::bed::{Bed, brief, column_name, names};

#[tokio::test]
async fn a_role_without_rights_is_told_which_grants_it_needs_and_they_are_enough() {
    let bed = Bed::new();
    bed.world.sql("REVOKE USAGE ON SCHEMA public FROM PUBLIC; INSERT INTO people (id) VALUES (1)");
    bed.sql("GRANT USAGE ON SCHEMA public TO app");
    let found = bed.survey_as("other").await;
    assert!(found.relations.is_empty());
    assert!(found.obstacles.iter().all(|obstacle| obstacle.code == "sweep/no-privilege"), "{:?}", found.obstacles);
    assert_eq!(found.obstacles.iter().filter(|obstacle| obstacle.object == "public.people").count(), 3);
    for obstacle in &found.obstacles {
        assert!(obstacle.hint.starts_with("GRANT "), "{}", obstacle.hint);
        bed.sql(&obstacle.hint);
    }
    let found = bed.survey_as("other").await;
    assert_eq!(brief(&found.obstacles), []);
    assert_eq!(found.relations.len(), 6);
    // Reading alone does for what only counts.
    bed.sql("REVOKE UPDATE (ssn) ON people FROM other");
    let found = bed.survey_as("other").await;
    assert_eq!(brief(&found.obstacles), [("sweep/no-privilege", "public.people")]);
    assert!(found.obstacles[0].hint.starts_with("GRANT UPDATE (\"ssn\", \"born\") ON \"public\".\"people\""));
    assert_eq!(found.in_the_way(Kind::Verify, false).count(), 0);
    assert_eq!(found.in_the_way(Kind::Reencrypt, true).count(), 1);
}

#[tokio::test]
async fn row_security_that_applies_is_in_the_way_and_that_which_does_not_is_not() {
    let bed = Bed::new();
    bed.world.sql("INSERT INTO people (id) VALUES (1); ALTER TABLE people ENABLE ROW LEVEL SECURITY");
    // pgveil belongs to the owner.
    assert_eq!(brief(&bed.survey().await.obstacles), []);
    bed.world.sql("ALTER TABLE people FORCE ROW LEVEL SECURITY");
    let found = bed.survey().await;
    assert_eq!(brief(&found.obstacles), [("sweep/row-security", "public.people")]);
    assert!(!names(&found.relations).contains(&"people"));
    assert_eq!(found.in_the_way(Kind::Verify, true).count(), 1, "counting would leave rows out");
    assert_eq!(brief(&bed.survey_as("postgres").await.obstacles), [], "who bypasses it");
}

#[tokio::test]
async fn triggers_that_would_fire_are_listed_and_only_those() {
    let bed = Bed::new();
    bed.world.sql(
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER every BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE TRIGGER of_ssn AFTER UPDATE OF ssn ON people FOR EACH STATEMENT EXECUTE FUNCTION touch();
         CREATE TRIGGER of_note BEFORE UPDATE OF note ON people FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE TRIGGER on_insert BEFORE INSERT OR DELETE ON people FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE TRIGGER off BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
         ALTER TABLE people DISABLE TRIGGER off;
         CREATE TRIGGER of_replicas BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
         ALTER TABLE people ENABLE REPLICA TRIGGER of_replicas;
         CREATE TRIGGER always BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
         ALTER TABLE people ENABLE ALWAYS TRIGGER always;
         CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON people DEFERRABLE FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE TRIGGER cloned AFTER UPDATE ON events FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE TRIGGER of_the_parent AFTER UPDATE ON events FOR EACH STATEMENT EXECUTE FUNCTION touch();
         CREATE TABLE orders (person integer REFERENCES people (id))",
    );
    let found = bed.survey().await;
    let named: Vec<_> =
        found.obstacles.iter().map(|o| (o.object.as_str(), o.message.split('"').nth(1).unwrap())).collect();
    let expected = [
        ("public.events_eu", "cloned"),
        ("public.events_us_old", "cloned"),
        ("public.people", "always"),
        ("public.people", "every"),
        ("public.people", "later"),
        ("public.people", "of_ssn"),
    ];
    let mut sorted = named.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert!(found.obstacles.iter().all(|o| o.code == "sweep/trigger" && o.message.contains("public.touch")));
    assert!(found.obstacles.iter().any(|o| o.message.contains("after each statement")));
    assert_eq!(found.in_the_way(Kind::Reencrypt, false).count(), 6);
    assert_eq!(found.in_the_way(Kind::Reencrypt, true).count(), 0);
    assert_eq!(found.in_the_way(Kind::Verify, false).count(), 0);
    // Of the columns that are swept.
    let client = bed.connect("pgveil").await;
    let born = survey(&client, &bed.database, &[column_name("public", "people", "born")]).await.unwrap();
    assert_eq!(born.obstacles.len(), 3, "{:?}", born.obstacles);
}

#[tokio::test]
async fn rules_and_publications_that_refuse_updates_are_in_the_way() {
    let bed = Bed::new();
    bed.world.sql("INSERT INTO animals VALUES (1); CREATE RULE aside AS ON UPDATE TO people DO INSTEAD NOTHING");
    bed.sql("CREATE PUBLICATION all_of_it FOR TABLE people, animals, events; CREATE PUBLICATION inserts FOR TABLE dogs WITH (publish = 'insert')");
    let found = bed.survey().await;
    let mut codes = brief(&found.obstacles);
    codes.sort_unstable();
    // FOR TABLE takes the children too.
    assert_eq!(
        codes,
        [
            ("sweep/replica-identity", "public.animals"),
            ("sweep/replica-identity", "public.dogs"),
            ("sweep/replica-identity", "public.events_eu"),
            ("sweep/replica-identity", "public.events_us_old"),
            ("sweep/replica-identity", "public.puppies"),
            ("sweep/rule", "public.people"),
        ]
    );
    assert_eq!(found.in_the_way(Kind::Reencrypt, true).count(), 6);
    assert_eq!(found.in_the_way(Kind::Verify, false).count(), 0);
    assert!(found.notes.iter().any(|note| note.starts_with("publication \"all_of_it\"")), "{:?}", found.notes);
    assert!(!found.notes.iter().any(|note| note.contains("inserts")));
    // The server agrees, and the remedies are good.
    let refused = bed.connect("app").await.batch_execute("UPDATE ONLY public.animals SET id = id").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "55000");
    for obstacle in &found.obstacles {
        if let Some((_, sql)) = obstacle.hint.split_once("or ").filter(|(_, sql)| sql.starts_with("ALTER")) {
            bed.world.sql(sql);
        }
    }
    bed.world.sql("ALTER TABLE people DISABLE RULE aside");
    assert_eq!(brief(&bed.survey().await.obstacles), []);
}

#[tokio::test]
async fn what_is_not_sealed_or_cannot_be_reached_is_in_the_way() {
    let bed = Bed::new();
    bed.sql(
        "CREATE EXTENSION postgres_fdw;
         CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;
         CREATE FOREIGN TABLE events_far PARTITION OF events FOR VALUES IN ('far') SERVER far;
         ALTER FOREIGN TABLE events_far OWNER TO app",
    );
    bed.world.sql("CREATE TABLE other_animals (name pgveil.sealed); ALTER TABLE puppies INHERIT other_animals");
    let mut columns = bed.columns();
    columns.extend([column_name("public", "people", "note"), column_name("public", "nobody", "ssn")]);
    let found = survey(&bed.connect("pgveil").await, &bed.database, &columns).await.unwrap();
    let mut codes = brief(&found.obstacles);
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            ("sweep/foreign-table", "public.events_far"),
            ("sweep/not-protected", "public.nobody.ssn"),
            ("sweep/not-protected", "public.people.note"),
        ]
    );
    // A session of another role's own child of a protected table.
    let other = bed.connect("app").await;
    other.batch_execute("CREATE TEMPORARY TABLE mine () INHERITS (public.animals)").await.unwrap();
    bed.world.sql(
        "ALTER TABLE puppies NO INHERIT other_animals;
         ALTER TABLE people RENAME TO persons; ALTER TABLE animals RENAME name TO called",
    );
    let found = bed.survey().await;
    let codes: Vec<&str> = found.obstacles.iter().map(|obstacle| obstacle.code).collect();
    for code in ["sweep/missing-table", "sweep/missing-column", "sweep/temporary-table"] {
        assert!(codes.contains(&code), "{code}: {:?}", found.obstacles);
    }
    let missing = found.obstacles.iter().filter(|obstacle| obstacle.object == "public.people").count();
    assert_eq!((missing, codes.contains(&"sweep/no-privilege")), (1, false), "{:?}", found.obstacles);
    assert_eq!(names(&found.relations), ["events_eu", "events_us_old"]);
}

#[tokio::test]
async fn plaintext_and_generated_columns_are_in_the_way() {
    let bed = Bed::new();
    bed.world.sql(
        "ALTER TABLE people DROP COLUMN born;
         ALTER TABLE people ADD COLUMN born date;
         ALTER TABLE people ADD COLUMN raw bytea;
         DROP TABLE animals CASCADE;
         CREATE TABLE animals (raw bytea, name pgveil.sealed GENERATED ALWAYS AS (raw) STORED)",
    );
    let found = bed.survey().await;
    let mut codes = brief(&found.obstacles);
    codes.sort_unstable();
    assert_eq!(codes, [("sweep/generated", "public.animals.name"), ("sweep/not-sealed", "public.people.born")]);
}

#[tokio::test]
async fn what_only_the_server_knows_of_comes_out_before_the_start() {
    let bed = Bed::new();
    bed.world.sql("INSERT INTO people (id) VALUES (1)");
    // A row filter over a column that is not part of the replica identity.
    bed.sql("CREATE PUBLICATION some_of_it FOR TABLE people WHERE (note IS NOT NULL)");
    let found = bed.survey().await;
    assert_eq!(brief(&found.obstacles), [("sweep/refused", "public.people")]);
    assert!(found.obstacles[0].message.contains("42P10"), "{:?}", found.obstacles);
    let client = bed.connect("pgveil").await;
    client.batch_execute("SET default_transaction_read_only = on").await.unwrap();
    let found = survey(&client, &bed.database, &bed.columns()).await.unwrap();
    assert!(brief(&found.obstacles).contains(&("sweep/read-only", "the server")));
}

#[tokio::test]
async fn copies_and_indexes_are_mentioned() {
    let bed = Bed::new();
    bed.world.sql(
        "CREATE VIEW seen AS SELECT id, ssn FROM people;
         CREATE MATERIALIZED VIEW kept AS SELECT ssn FROM seen;
         CREATE MATERIALIZED VIEW apart AS SELECT 1 AS one",
    );
    let notes = bed.survey().await.notes;
    let of = |word: &str| notes.iter().find(|note| note.starts_with(word)).unwrap_or_else(|| panic!("{notes:?}"));
    assert!(of("materialized views").contains("public.kept"));
    assert!(!of("materialized views").contains("apart"));
    // The token's index, which `apply` makes.
    assert!(of("every rewritten row takes a new entry").contains("of public.people"));
}

#[tokio::test]
async fn replication_slots_that_nobody_reads_are_mentioned() {
    let bed = Bed::new();
    let slot =
        |notes: &[String]| notes.iter().any(|note| note.starts_with("replication slots") && note.contains("far_away"));
    assert!(!slot(&bed.survey().await.notes));
    bed.sql("SELECT pg_create_physical_replication_slot('far_away', true)");
    let found = bed.survey().await;
    assert!(slot(&found.notes), "{:?}", found.notes);
    assert_eq!(brief(&found.obstacles), []);
    bed.sql("SELECT pg_drop_replication_slot('far_away')");
    assert!(!slot(&bed.survey().await.notes));
}

#[tokio::test]
async fn nobodys_lock_is_waited_for_for_long() {
    let bed = Bed::new();
    bed.world.sql("INSERT INTO people (id) VALUES (1)");
    let (holder, client) = (bed.connect("app").await, bed.connect("pgveil").await);
    client.batch_execute("SET lock_timeout = '7h'").await.unwrap();
    let columns = bed.columns();
    let surveyed = || tokio::time::timeout(Duration::from_secs(20), survey(&client, &bed.database, &columns));
    // As CREATE INDEX does: it can be read meanwhile, and the job waits until it can be written.
    holder.batch_execute("BEGIN; LOCK TABLE public.people IN SHARE MODE").await.unwrap();
    let found = surveyed().await.expect("it does not wait").unwrap();
    assert_eq!(brief(&found.obstacles), []);
    assert_eq!(names(&found.relations), ["animals", "dogs", "events_eu", "events_us_old", "people", "puppies"]);
    // As VACUUM FULL does.
    holder.batch_execute("LOCK TABLE public.people").await.unwrap();
    let error = surveyed().await.expect("it does not wait").unwrap_err();
    assert!(error.to_string().contains("lock timeout"), "{error}");
    assert!(error.hint().unwrap().contains("pg_locks"), "{:?}", error.hint());
    holder.batch_execute("COMMIT").await.unwrap();
    surveyed().await.unwrap().unwrap();
    let after: String = client.query_one("SHOW lock_timeout", &[]).await.unwrap().get(0);
    assert_eq!(after, "7h", "as it was");
}
