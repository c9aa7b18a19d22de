//! Views over protected tables, through the real binary: the same statements on the plaintext twin give
//! the same rows and tags.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fmt::Write as _;

use support::World;
use tokio_postgres::{Client, SimpleQueryMessage};

const SCHEMA: &str = "
CREATE TABLE people (
  id integer PRIMARY KEY,
  name text NOT NULL,
  email varchar(120) UNIQUE,
  ssn char(11),
  birth date,
  salary numeric(12,2));
CREATE TABLE orders (id integer PRIMARY KEY, person integer, buyer varchar(120), total numeric(8,2));
CREATE TABLE plain (id integer PRIMARY KEY, t text)";

const POLICY: &str = "
people:
  columns:
    email: { type: varchar(120), mode: equality, domain: mail }
    ssn: { type: char(11), mode: equality }
    birth: { type: date }
    salary: { type: \"numeric(12,2)\" }
orders:
  columns:
    buyer: { type: varchar(120), mode: equality, domain: mail }";

const ROWS: &str = "
INSERT INTO people VALUES (1, 'Ann', 'ann@x.org', '111-11-1111', '1990-01-31', 1234.50);
INSERT INTO people VALUES (2, 'Bob', 'bob@x.org', '222-22-2222', '1985-12-01', 99.90), (3, 'Cid', NULL, NULL, NULL, NULL);
INSERT INTO orders VALUES (1, 1, 'ann@x.org', 5), (2, 2, 'eve@x.org', 7.5), (3, NULL, 'bob@x.org', 9);
INSERT INTO plain VALUES (1, 'one'), (2, 'two')";

/// What every statement of a text gives: rows and tags, or the SQLSTATE.
async fn answer(client: &Client, sql: &str) -> String {
    match client.simple_query(sql).await {
        Ok(messages) => {
            let mut said = String::new();
            for message in messages {
                match message {
                    SimpleQueryMessage::Row(row) => {
                        let cells: Vec<_> = (0..row.len()).map(|i| row.get(i).unwrap_or("∅")).collect();
                        writeln!(said, "{}", cells.join("|")).unwrap();
                    }
                    SimpleQueryMessage::CommandComplete(count) => writeln!(said, "={count}").unwrap(),
                    _ => {}
                }
            }
            said
        }
        Err(error) => match error.as_db_error() {
            Some(db) => format!("{} {} {:?}", db.code().code(), db.message(), db.detail()),
            None => panic!("{sql}: {error:?}"),
        },
    }
}

struct Pair {
    world: World,
    through: Client,
    twin: Client,
}

impl Pair {
    async fn new() -> Self {
        let world = World::builder().schema(SCHEMA).tables(POLICY).start();
        let (through, twin) = (support::connect(&world.through()).await, support::connect(&world.twin()).await);
        let pair = Self { world, through, twin };
        pair.same(ROWS).await;
        pair
    }

    /// Both answer alike, and without an error.
    async fn same(&self, sql: &str) {
        let (through, twin) = (answer(&self.through, sql).await, answer(&self.twin, sql).await);
        assert_eq!(through, twin, "{sql}");
        assert!(through.is_empty() || through.contains('='), "{sql}: {through}");
    }

    /// As [`Self::same`], by a prepared statement, and described alike.
    async fn prepared(&self, sql: &str) {
        let mut answers = Vec::new();
        for client in [&self.through, &self.twin] {
            let statement = client.prepare(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
            let columns: Vec<_> =
                statement.columns().iter().map(|c| (c.name().to_owned(), c.type_().clone())).collect();
            let rows = client.query(&statement, &[&"ann@x.org"]).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
            answers.push((columns, rows.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>()));
        }
        assert_eq!(answers[0], answers[1], "{sql}");
    }

    /// pgveil refuses it with a reason; the twin does not.
    async fn refused(&self, sql: &str, why: &str) {
        let said = answer(&self.through, sql).await;
        assert!(said.starts_with("0A000") && said.contains(why), "{sql}: {said}");
    }

    /// Rows that come from the server itself, around pgveil.
    fn stored(&self, sql: &str) -> String {
        self.world.sql(sql)
    }
}

#[tokio::test]
async fn views_made_through_pgveil_read_as_on_plaintext() {
    let pair = Pair::new().await;
    for create in [
        "CREATE VIEW mails AS SELECT id AS nr, email AS mail, birth FROM people",
        "CREATE VIEW nested (a, b) AS SELECT nr, mail FROM mails WHERE nr < 3",
        "CREATE VIEW ann AS SELECT * FROM people WHERE email = 'ann@x.org'",
        "CREATE VIEW two AS SELECT id, name FROM people WHERE email IN ('ann@x.org', 'bob@x.org') AND ssn <> '222-22-2222'",
        "CREATE VIEW arrays AS SELECT id FROM people WHERE email = ANY ('{ann@x.org,none}') OR email = ANY (ARRAY['bob@x.org'])",
        "CREATE VIEW bought AS SELECT p.id, p.email, o.buyer, o.total FROM people p LEFT JOIN orders o ON p.email = o.buyer",
        "CREATE VIEW buyers AS SELECT id FROM people p WHERE EXISTS (SELECT 1 FROM orders o WHERE o.buyer IS NOT DISTINCT FROM p.email)",
        "CREATE VIEW lateral_view AS SELECT t, x.email FROM plain LEFT JOIN LATERAL (SELECT email FROM people p WHERE p.id = plain.id) x ON true",
        "CREATE VIEW counts AS SELECT count(*) AS n, count(email) AS m FROM people",
        "CREATE VIEW grouped AS SELECT buyer, count(*) AS n, sum(total) AS total FROM orders GROUP BY buyer",
        "CREATE VIEW grouped_more AS SELECT o.buyer AS who, p.name, count(DISTINCT p.ssn) AS n FROM orders o LEFT JOIN people p ON p.email = o.buyer GROUP BY 1, p.name HAVING count(*) > 0",
        "CREATE VIEW over_groups AS SELECT g.buyer, p.id FROM grouped g JOIN people p ON p.email = g.buyer WHERE g.n > 0",
        "CREATE VIEW distincts AS SELECT DISTINCT buyer FROM orders",
        "CREATE VIEW distinct_on AS SELECT DISTINCT ON (buyer) buyer FROM orders",
        "CREATE VIEW all_mails AS SELECT email FROM people UNION ALL SELECT email FROM people WHERE id = 1",
        "CREATE VIEW using_view AS SELECT a.id, email FROM people a JOIN (SELECT email, id AS other FROM people) b USING (email)",
        "CREATE VIEW in_view AS SELECT id FROM people WHERE email IN (SELECT buyer FROM orders)",
        "CREATE VIEW not_in AS SELECT id FROM people WHERE ssn NOT IN ('111-11-1111', 'x') OR email IS DISTINCT FROM 'ann@x.org'",
        "CREATE VIEW windows AS SELECT id, lag(birth) OVER (ORDER BY id) AS before, first_value(birth) OVER (ORDER BY id) AS first FROM people",
        "CREATE VIEW scalar AS SELECT t, (SELECT birth FROM people p WHERE p.id = plain.id) AS b FROM plain",
        "CREATE VIEW nulled AS SELECT id, NULLIF(ssn, '222-22-2222') AS s FROM people",
        "CREATE VIEW nulled_groups AS SELECT NULLIF(ssn, '111-11-1111') AS s, count(*) AS n FROM people WHERE NULLIF(email, 'x') IS NOT NULL GROUP BY ssn",
        "CREATE VIEW likes AS SELECT id FROM people WHERE email LIKE 'ann@x.org'",
        "CREATE VIEW cases AS SELECT id, CASE WHEN id > 1 THEN birth END AS b, COALESCE(birth, birth) AS c FROM people",
        "CREATE VIEW cte AS WITH w AS (SELECT id, salary FROM people) SELECT w.*, 'x'::text AS x FROM w",
        "CREATE VIEW \"Odd \"\"name\" AS SELECT email AS \"E \"\"mail\", id FROM people",
        "CREATE MATERIALIZED VIEW kept AS SELECT id, email, birth FROM people WHERE birth IS NOT NULL",
        "CREATE MATERIALIZED VIEW later AS SELECT nr, mail FROM mails WITH NO DATA",
    ] {
        pair.same(create).await;
    }
    // Right after its creation, with a look through it at every column.
    for query in [
        "SELECT * FROM mails ORDER BY nr",
        "SELECT mail FROM mails WHERE mail = 'bob@x.org'",
        "SELECT m.mail, p.name FROM mails m JOIN people p ON p.email = m.mail ORDER BY p.id",
        "SELECT * FROM nested ORDER BY a",
        "SELECT a FROM nested WHERE b <> 'ann@x.org'",
        "SELECT * FROM ann",
        "TABLE two",
        "SELECT * FROM arrays ORDER BY id",
        "SELECT * FROM bought ORDER BY id, total",
        "SELECT id, total FROM bought WHERE buyer = 'ann@x.org'",
        "SELECT * FROM buyers ORDER BY id",
        "SELECT * FROM lateral_view ORDER BY t",
        "TABLE counts",
        "SELECT * FROM cte ORDER BY id",
        "SELECT * FROM grouped ORDER BY n, total",
        "SELECT total FROM grouped WHERE buyer = 'ann@x.org'",
        "SELECT * FROM grouped_more ORDER BY name, n",
        "SELECT * FROM over_groups ORDER BY id",
        "SELECT count(*) AS n FROM distincts; SELECT * FROM distincts WHERE buyer = 'eve@x.org'",
        "SELECT * FROM distinct_on WHERE buyer IN ('eve@x.org')",
        "SELECT * FROM all_mails WHERE email = 'ann@x.org'",
        "SELECT * FROM using_view ORDER BY id",
        "SELECT * FROM in_view ORDER BY id",
        "SELECT * FROM not_in ORDER BY id",
        "SELECT * FROM windows ORDER BY id",
        "SELECT * FROM scalar ORDER BY t",
        "SELECT * FROM nulled ORDER BY id; SELECT id FROM nulled WHERE s = '111-11-1111'",
        "SELECT * FROM nulled_groups ORDER BY n, s IS NULL",
        "TABLE likes",
        "SELECT * FROM cases ORDER BY id",
        "SELECT \"E \"\"mail\" FROM \"Odd \"\"name\" ORDER BY id",
        "SELECT * FROM kept ORDER BY id",
        "REFRESH MATERIALIZED VIEW later; SELECT * FROM later ORDER BY nr",
        "SELECT (SELECT count(*) FROM later WHERE mail = 'ann@x.org') AS n",
    ] {
        pair.same(query).await;
    }
    pair.prepared("SELECT nr, mail, birth FROM mails WHERE mail = $1").await;
    pair.prepared("SELECT a, b FROM nested WHERE b IN ($1, 'x')").await;
    pair.prepared("SELECT id, email, buyer FROM bought WHERE buyer = $1").await;
    // The definitions hold tokens, no values.
    let definitions = pair.stored("SELECT pg_get_viewdef(oid) FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace");
    assert!(definitions.contains("bytea") && !definitions.contains("x.org"), "{definitions}");
    // They follow what is below them.
    pair.same("UPDATE people SET email = 'new@x.org' WHERE id = 1; SELECT * FROM mails ORDER BY nr").await;
    pair.same("SELECT * FROM kept ORDER BY id; REFRESH MATERIALIZED VIEW kept; SELECT * FROM kept ORDER BY id").await;
    pair.same("ALTER VIEW mails RENAME TO letters").await;
    pair.same("SELECT * FROM letters ORDER BY nr").await;
    pair.same("SELECT * FROM nested ORDER BY a").await;
    pair.same(
        "CREATE OR REPLACE VIEW letters AS SELECT id AS nr, email AS mail, birth, salary FROM people WHERE id <> 2",
    )
    .await;
    pair.same("SELECT * FROM letters ORDER BY nr; SELECT * FROM nested").await;
    pair.same("DROP VIEW letters CASCADE").await;
}

#[tokio::test]
async fn writes_through_views_are_sealed_as_in_the_table() {
    let pair = Pair::new().await;
    pair.same("CREATE VIEW mails AS SELECT id AS nr, name AS who, email AS mail, birth FROM people WHERE id > 0 WITH CHECK OPTION").await;
    pair.same("CREATE VIEW inner_mails AS SELECT nr, mail AS post, who FROM mails WHERE mail IS NOT NULL").await;
    for write in [
        "INSERT INTO mails VALUES (10, 'Dan', 'dan@x.org', '2000-02-29') RETURNING *",
        "INSERT INTO inner_mails (nr, who, post) VALUES (11, 'Eve', 'eve@x.org'), (12, 'Fay', NULL) RETURNING post, nr",
        "UPDATE mails SET mail = 'dan2@x.org', birth = NULL WHERE mail = 'dan@x.org' RETURNING mail, birth",
        "UPDATE inner_mails SET post = 'eve2@x.org' WHERE post IN ('eve@x.org')",
        "INSERT INTO mails (nr, who, mail) VALUES (13, 'Gus', 'ann@x.org') ON CONFLICT (mail) DO UPDATE SET who = 'Ann the first', mail = EXCLUDED.mail RETURNING nr, who, mail",
        "INSERT INTO mails (nr, who, mail) VALUES (14, 'Gus', 'ann@x.org') ON CONFLICT DO NOTHING",
        "DELETE FROM inner_mails WHERE post = 'bob@x.org' RETURNING *",
        "SELECT * FROM people ORDER BY id",
        "SELECT * FROM mails ORDER BY nr",
    ] {
        pair.same(write).await;
    }
    let failed = answer(&pair.through, "INSERT INTO mails VALUES (-1, 'x', 'y')").await;
    assert!(failed.starts_with("44000"), "{failed}");
    let insert = "INSERT INTO mails (nr, who, mail, birth) VALUES (20, 'Hal', $1, NULL)";
    for client in [&pair.through, &pair.twin] {
        client.execute(insert, &[&"hal@x.org"]).await.unwrap();
    }
    pair.same("SELECT email FROM people WHERE id = 20").await;
    let unsealed = pair.stored(r"SELECT count(*) FROM people WHERE substring(email, 1, 3) <> '\xff7076'");
    assert_eq!(unsealed, "0");
}

#[tokio::test]
async fn views_with_values_for_one_run_alone_and_tables_of_sealed_values_are_refused() {
    let pair = Pair::new().await;
    pair.refused("CREATE TABLE copy AS SELECT id, email FROM people", "does not support CREATE TABLE AS").await;
    pair.refused("SELECT birth INTO copy FROM people", "does not support SELECT INTO").await;
    pair.refused("CREATE TEMP VIEW t AS SELECT email FROM people", "does not support a temporary view").await;
    pair.same("CREATE TEMP TABLE mine (id int); INSERT INTO mine VALUES (1)").await;
    pair.refused("CREATE VIEW t AS SELECT email FROM people JOIN mine USING (id)", "does not support a temporary view")
        .await;
    pair.refused("CREATE VIEW t AS SELECT * FROM people ORDER BY birth", "does not support ORDER BY").await;
    pair.refused("CREATE VIEW t AS SELECT upper(email) AS e FROM people", "does not support upper()").await;
    pair.refused("CREATE VIEW people_row AS SELECT p FROM people p", "whole-row").await;
    // Those that take nothing sealed along are fine.
    pair.same("CREATE TABLE copy AS SELECT id, name FROM people WHERE email = 'ann@x.org'; SELECT * FROM copy").await;
    pair.same("SELECT p.id, p.email IS NULL AS none INTO copy2 FROM people p").await;
    pair.same("SELECT * FROM copy2 ORDER BY id").await;
    pair.same("CREATE TEMP VIEW t AS SELECT id, name FROM people WHERE email <> 'ann@x.org'").await;
    pair.same("SELECT * FROM t ORDER BY id").await;
    // What a view carries stays what it is.
    pair.same("CREATE VIEW mails AS SELECT id, email FROM people").await;
    pair.same("CREATE VIEW above AS SELECT * FROM mails").await;
    pair.same("CREATE VIEW plain_view AS SELECT id, t FROM plain").await;
    pair.refused(
        "CREATE OR REPLACE VIEW mails AS SELECT id, ssn AS email FROM people",
        "replacing what column \"email\"",
    )
    .await;
    pair.same("SELECT * FROM above ORDER BY id").await;
}

#[tokio::test]
async fn in_a_transaction_a_new_view_waits_for_commit_and_old_ones_go_on() {
    let pair = Pair::new().await;
    pair.same("CREATE VIEW old AS SELECT id, email FROM people").await;
    pair.same("CREATE VIEW above AS SELECT email FROM old").await;
    pair.same("BEGIN; CREATE VIEW fresh AS SELECT email FROM people").await;
    pair.same("SELECT * FROM above WHERE email = 'ann@x.org'").await;
    pair.refused("SELECT * FROM fresh WHERE email = 'ann@x.org'", "was created").await;
    for client in [&pair.through, &pair.twin] {
        client.simple_query("ROLLBACK").await.unwrap();
    }
    pair.same("BEGIN; CREATE OR REPLACE VIEW old AS SELECT id, email FROM people WHERE id = 1").await;
    pair.refused("SELECT * FROM above", "which was created or changed in this transaction").await;
    for client in [&pair.through, &pair.twin] {
        client.simple_query("ROLLBACK").await.unwrap();
    }
    pair.same("SELECT * FROM above WHERE email = 'ann@x.org'").await;
    let one_query =
        "BEGIN; CREATE VIEW fresh AS SELECT email FROM people; COMMIT; SELECT * FROM fresh WHERE email = 'x'";
    pair.refused(one_query, "in the same message").await;
    // What came before the refused one was done.
    pair.through.simple_query("DROP VIEW fresh").await.unwrap();
    pair.same("CREATE VIEW fresh AS SELECT email FROM people").await;
    pair.same("SELECT * FROM fresh WHERE email = 'bob@x.org'").await;
}

#[tokio::test]
async fn views_made_around_pgveil_are_found_and_read() {
    let pair = Pair::new().await;
    let sql = "CREATE VIEW outside AS SELECT name, birth FROM people; CREATE VIEW broken AS SELECT octet_length(email) AS e FROM people";
    pair.stored(sql);
    support::psql(&pair.world.twin(), sql);
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    pair.same("SELECT * FROM outside ORDER BY name").await;
    pair.refused("SELECT * FROM broken", "does not support octet_length()").await;
}

#[tokio::test]
async fn copies_made_around_pgveil_and_what_the_server_says_of_itself_show_no_envelopes() {
    let pair = Pair::new().await;
    pair.stored("CREATE TABLE copied AS SELECT * FROM people; GRANT ALL ON copied TO PUBLIC; ANALYZE people");
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    pair.refused("SELECT email FROM copied", "statements that name \"copied\"").await;
    pair.refused("INSERT INTO copied (email) VALUES ('eve@x.org')", "statements that name \"copied\"").await;

    let statistics = "SELECT histogram_bounds FROM pg_stats WHERE tablename = 'people' AND attname = 'email'";
    let said = answer(&pair.through, statistics).await;
    assert!(pair.stored(statistics).contains("ff7076"), "the server keeps no statistics");
    assert!(said.contains("<sealed>") && !said.contains("ff7076"), "{said}");
}
