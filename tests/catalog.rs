//! The catalog as the service role sees it, the session's environment, and what `check` finds:
//! against a real PostgreSQL.
//!
//! The service role here has no privilege at all beyond CONNECT: that is what loading needs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use pgveil::{
    cli::demo::cluster::{Cluster, ClusterOptions},
    config::{self, Database},
    sql::{
        catalog::{self, Catalog, Finding, Severity, findings, fingerprint, load, load_with, survey},
        env,
    },
};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&ClusterOptions::default()).unwrap())
}

async fn connect(user: &str, database: &str) -> Client {
    let string = format!("host=127.0.0.1 port={} user={user} dbname={database}", cluster().port());
    let (client, connection) = tokio_postgres::connect(&string, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

const DOMAIN: &str = r"CREATE SCHEMA pgveil; GRANT USAGE ON SCHEMA pgveil TO PUBLIC;
CREATE DOMAIN pgveil.sealed AS pg_catalog.bytea CHECK (pg_catalog.substring(VALUE, 1, 3) = '\xff7076');";

const PEOPLE: &str = "CREATE TABLE people (id int PRIMARY KEY, email pgveil.sealed, birth pgveil.sealed, note text);";

const POLICY: &str = "people: { columns: { email: { type: text, mode: equality }, birth: { type: date } } }";

/// A database of its own, its owner's connection, and the service role's.
struct Room {
    name: String,
    owner: Client,
    service: Client,
}

impl Room {
    async fn new(sql: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (name, role) = (format!("room{number}"), format!("service{number}"));
        let admin = connect("postgres", "postgres").await;
        for sql in [format!("CREATE ROLE {role} LOGIN"), format!("CREATE DATABASE {name}")] {
            admin.batch_execute(&sql).await.unwrap();
        }
        let owner = connect("postgres", &name).await;
        owner.batch_execute(&format!("{DOMAIN}{PEOPLE}{sql}")).await.unwrap();
        let service = connect(&role, &name).await;
        Self { name, owner, service }
    }

    async fn sql(&self, sql: &str) {
        self.owner.batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }

    async fn load(&self, tables: &str) -> Catalog {
        load(&self.service, &policy(tables), 1).await.unwrap()
    }

    async fn findings(&self, tables: &str) -> Vec<Finding> {
        let catalog = self.load(tables).await;
        findings(&catalog, &survey(&self.service, &catalog).await.unwrap())
    }
}

/// The tables as a policy has them, in YAML's flow style.
fn policy(tables: &str) -> Arc<Database> {
    let text = format!(
        "upstream: {{ hosts: [127.0.0.1:5432] }}\nservice: {{ user: pgveil }}\nkms: {{ main: {{ local: {{ keyring: k }} }} }}\nkeys: {{ kms: main }}\ndatabases: {{ app: {{ tables: {{ {tables} }} }} }}\n"
    );
    let loaded = config::load_from(Path::new("policy.yaml"), text.as_bytes(), [], &pgveil::kms::declarations())
        .unwrap_or_else(|findings| panic!("{}", findings.iter().map(|f| f.rendered.as_str()).collect::<String>()));
    Arc::clone(&loaded.policy.databases["app"])
}

fn refused<'a>(catalog: &'a Catalog, schema: &str, name: &str) -> Option<&'a str> {
    catalog.relation(schema, name).unwrap_or_else(|| panic!("{schema}.{name}")).refused.as_deref()
}

/// Names of the columns of a relation that lead to protected columns, with those.
fn origins(catalog: &Catalog, schema: &str, name: &str) -> Vec<(String, String)> {
    let relation = catalog.relation(schema, name).unwrap();
    let columns = relation.columns.iter();
    columns
        .filter_map(|c| {
            let ordinal = catalog.origins.get(&(relation.oid, c.number))?;
            Some((c.name.clone(), catalog.columns[*ordinal].name.clone()))
        })
        .collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect()
}

fn mentioned(catalog: &Catalog, text: &str) -> bool {
    catalog.prefilter.look(text.as_bytes()).protected
}

fn finding<'a>(list: &'a [Finding], code: &str, column: Option<&str>) -> &'a Finding {
    list.iter()
        .find(|f| f.code == code && f.column.as_deref() == column)
        .unwrap_or_else(|| panic!("{code} {column:?} not in {list:#?}"))
}

#[tokio::test]
async fn a_matching_policy_protects_its_table_and_knows_all_others() {
    let room = Room::new("CREATE TABLE other (a int, b text, c int GENERATED ALWAYS AS (a + 1) STORED); ALTER TABLE other DROP COLUMN b; CREATE SEQUENCE s").await;
    let catalog = room.load(POLICY).await;
    assert_eq!(catalog.mismatches, []);
    let people = catalog.relation("public", "people").unwrap();
    assert_eq!(people.protected.as_ref().unwrap().name, "people");
    assert_eq!(people.refused, None);
    let columns: Vec<_> = people.columns.iter().map(|c| (c.number, c.name.as_str(), c.sealed)).collect();
    assert_eq!(columns, [(1, "id", None), (2, "email", Some(0)), (3, "birth", Some(1)), (4, "note", None)]);
    assert_eq!(catalog.sealed_domain, Some(people.columns[1].type_oid));
    assert_eq!(origins(&catalog, "public", "people"), pairs(&[("email", "email"), ("birth", "birth")]));

    let other = catalog.relation("public", "other").unwrap();
    let columns: Vec<_> = other.columns.iter().map(|c| (c.number, c.name.as_str(), c.generated)).collect();
    assert_eq!(columns, [(1, "a", false), (3, "c", true)]);
    assert!(other.protected.is_none() && other.refused.is_none());
    assert!(catalog.relation("pg_catalog", "pg_class").is_some());
    assert_eq!(catalog.relation("information_schema", "columns").unwrap().kind, 'v');
    assert_eq!(catalog.relation("public", "s").unwrap().kind, 'S');
    assert!(mentioned(&catalog, "select * from people") && !mentioned(&catalog, "select * from other"));
}

#[tokio::test]
async fn a_policy_name_that_does_not_match_is_refused_and_says_why() {
    let room = Room::new(
        "CREATE SCHEMA hr; CREATE TABLE hr.staff (id int, name varchar(20), Pay pgveil.sealed, raw bytea, up int GENERATED ALWAYS AS (id + 1) STORED);
         CREATE VIEW v AS SELECT 1 AS a; CREATE TABLE \"Mixed\" (a pgveil.sealed)",
    )
    .await;
    let catalog = room
        .load(
            "hr.staff: { columns: { name: { type: text }, Pay: { type: text }, raw: { type: text }, up: { type: text } } },
             staff: { columns: { a: { type: text } } }, v: { columns: { a: { type: text } } },
             mixed: { columns: { a: { type: text } } }, nope: { columns: { a: { type: text } } },
             nowhere.t: { columns: { a: { type: text } } }, people: { columns: { email: { type: text } } }",
        )
        .await;
    let found: Vec<String> = catalog
        .mismatches
        .iter()
        .map(|m| format!("{} {}.{} {:?}: {} ({})", m.code, m.table.0, m.table.1, m.column, m.message, m.hint))
        .collect();
    let expected = [
        "catalog/wrong-type hr.staff Some(\"name\"): column \"hr.staff.name\" has type character varying(20), not pgveil.sealed (run `pgveil apply` while the table is empty; this version does not encrypt rows that exist: copy them into such a table through pgveil)",
        "catalog/missing-column hr.staff Some(\"Pay\"): the policy names column \"hr.staff.Pay\", which does not exist (did you mean \"pay\"? names are compared as they are, without case folding)",
        "catalog/wrong-type hr.staff Some(\"raw\"): column \"hr.staff.raw\" has type bytea, not pgveil.sealed (run `pgveil apply`; if the column holds sealed values already: ALTER TABLE … ALTER COLUMN \"raw\" TYPE pgveil.sealed)",
        "catalog/generated-column hr.staff Some(\"up\"): column \"hr.staff.up\" is generated by the server and cannot be sealed (protect the columns that it is computed from)",
        "catalog/missing-table public.staff None: the policy names table \"staff\", which does not exist (did you mean \"hr.staff\"?)",
        "catalog/not-a-table public.v None: the policy names \"v\", which is a view, not a table (name the table that holds the column)",
        "catalog/missing-table public.mixed None: the policy names table \"mixed\", which does not exist (did you mean \"Mixed\"? names are compared as they are, without case folding)",
        "catalog/missing-table public.nope None: the policy names table \"nope\", which does not exist (create it, or take it out of the policy)",
        "catalog/missing-table nowhere.t None: the policy names table \"nowhere.t\", which does not exist (there is no table in a schema \"nowhere\")",
    ];
    assert_eq!(found, expected);
    assert!(refused(&catalog, "hr", "staff").unwrap().contains("character varying(20)"));
    assert!(catalog.relation("hr", "staff").unwrap().protected.is_none());
    assert!(catalog.relation("public", "people").unwrap().protected.is_some(), "a mismatch is the table's own");
    assert_eq!(catalog.mismatch("public", "nope").unwrap().code, "catalog/missing-table");
    for name in ["staff", "nope", "mixed"] {
        assert!(mentioned(&catalog, &format!("select * from {name}")), "{name}");
    }
}

#[tokio::test]
async fn an_altered_domain_refuses_every_table() {
    let room = Room::new("").await;
    for (alter, back, said) in [
        ("ALTER DOMAIN pgveil.sealed DROP CONSTRAINT sealed_check", "", "its CHECK is gone"),
        (
            "ALTER DOMAIN pgveil.sealed ADD CONSTRAINT sealed_check CHECK (true)",
            "ALTER DOMAIN pgveil.sealed DROP CONSTRAINT sealed_check",
            "it has CHECK (true)",
        ),
        (
            r"ALTER DOMAIN pgveil.sealed ADD CONSTRAINT sealed_check CHECK (substring(VALUE, 1, 3) = '\xff7076'); ALTER DOMAIN pgveil.sealed SET NOT NULL",
            "ALTER DOMAIN pgveil.sealed DROP NOT NULL",
            "it is NOT NULL",
        ),
        (
            r"ALTER DOMAIN pgveil.sealed SET DEFAULT '\x00'",
            "ALTER DOMAIN pgveil.sealed DROP DEFAULT",
            r"it has the default '\x00'::bytea",
        ),
    ] {
        room.sql(alter).await;
        let catalog = room.load(POLICY).await;
        assert_eq!(catalog.mismatches.len(), 1, "{alter}");
        assert_eq!(catalog.mismatches[0].code, "catalog/domain-altered");
        assert!(catalog.mismatches[0].message.ends_with(said), "{}", catalog.mismatches[0].message);
        assert!(refused(&catalog, "public", "people").is_some());
        room.sql(back).await;
    }
    assert_eq!(room.load(POLICY).await.mismatches, []);
}

#[tokio::test]
async fn a_replaced_table_is_refused() {
    let room = Room::new("").await;
    let database = policy(POLICY);
    let registered = registrations(&room.load(POLICY).await);
    let look = async || load_with(&room.service, &database, 2, Some(registered.clone()), None).await.unwrap();
    assert_eq!(look().await.mismatches, []);
    room.sql(&format!("DROP TABLE people; {PEOPLE}")).await;
    let other = look().await;
    assert_eq!(codes(&other), ["catalog/replaced"]);
    assert!(refused(&other, "public", "people").unwrap().contains("not the one that was registered"));
    // What is in it now is treated as sealed all the same: it is not shown as it is.
    assert_eq!(origins(&other, "public", "people"), pairs(&[("email", "email"), ("birth", "birth")]));
}

#[tokio::test]
async fn a_replaced_column_is_refused() {
    let room = Room::new("").await;
    let database = policy(POLICY);
    let registered = registrations(&room.load(POLICY).await);
    let look = async || load_with(&room.service, &database, 2, Some(registered.clone()), None).await.unwrap();
    for (change, wrong) in [
        (
            "ALTER TABLE people RENAME email TO x; ALTER TABLE people RENAME birth TO email; ALTER TABLE people RENAME x TO birth",
            2,
        ),
        (
            "ALTER TABLE people RENAME email TO x; ALTER TABLE people RENAME birth TO email; ALTER TABLE people RENAME x TO birth",
            0,
        ),
        ("ALTER TABLE people DROP COLUMN birth; ALTER TABLE people ADD COLUMN birth pgveil.sealed", 1),
    ] {
        room.sql(change).await;
        let catalog = look().await;
        assert_eq!(codes(&catalog), vec!["catalog/replaced"; wrong], "{change}");
        assert_eq!(refused(&catalog, "public", "people").is_some(), wrong > 0, "{change}");
        assert_eq!(origins(&catalog, "public", "people").len(), 2);
    }
}

#[tokio::test]
async fn what_was_never_registered_is_refused() {
    let room = Room::new("").await;
    let database = policy(POLICY);
    let mut registered = registrations(&room.load(POLICY).await);
    registered.remove(&("public".to_owned(), "people".to_owned(), "birth".to_owned()));
    let some = load_with(&room.service, &database, 2, Some(registered), None).await.unwrap();
    assert_eq!(codes(&some), ["catalog/unregistered"]);
    assert!(refused(&some, "public", "people").unwrap().ends_with("not all columns are registered yet: birth"));
    let none = load_with(&room.service, &database, 2, Some(catalog::Registered::new()), None).await.unwrap();
    assert_eq!(refused(&none, "public", "people"), Some("table \"people\" is not registered yet"));
    // One thing at a time: sealing comes first.
    room.sql("ALTER TABLE people ALTER birth TYPE text USING NULL").await;
    let none = load_with(&room.service, &database, 2, Some(catalog::Registered::new()), None).await.unwrap();
    assert_eq!(codes(&none), ["catalog/wrong-type", "catalog/unregistered"]);
    assert!(none.mismatches[1].message.ends_with(": email"), "{:?}", none.mismatches);
}

#[tokio::test]
async fn a_renamed_table_is_refused_under_its_new_name_too() {
    let room = Room::new("CREATE TABLE innocent (id int); CREATE TABLE child () INHERITS (people);").await;
    let database = policy(POLICY);
    let registered = registrations(&room.load(POLICY).await);
    let look = async || load_with(&room.service, &database, 2, Some(registered.clone()), None).await.unwrap();
    room.sql("CREATE VIEW v AS SELECT email AS mail FROM people; ALTER TABLE people RENAME TO persons").await;
    let catalog = look().await;
    assert_eq!(codes(&catalog), ["catalog/missing-table"]);
    assert!(catalog.mismatches[0].hint.contains("it is called \"persons\" now"), "{}", catalog.mismatches[0].hint);
    assert_eq!(
        refused(&catalog, "public", "persons"),
        Some("table \"persons\" is the one that was registered as \"people\"")
    );
    for name in ["v", "child"] {
        assert!(refused(&catalog, "public", name).is_some(), "{name}");
    }
    assert!(mentioned(&catalog, "table persons") && mentioned(&catalog, "table people"));
    assert_eq!(refused(&catalog, "public", "innocent"), None);
    assert_eq!(origins(&catalog, "public", "persons"), pairs(&[("email", "email"), ("birth", "birth")]));
    assert_eq!(origins(&catalog, "public", "v"), pairs(&[("mail", "email")]));
    // Another table in its place does not set it free.
    room.sql(PEOPLE).await;
    let catalog = look().await;
    assert_eq!(codes(&catalog), ["catalog/replaced"]);
    assert!(refused(&catalog, "public", "people").is_some() && refused(&catalog, "public", "persons").is_some());
    // The policy does.
    let follows = policy(
        "people: { columns: { email: { type: text }, birth: { type: date } } }, persons: { columns: { email: { type: text, identity: public.people.email } } }",
    );
    let catalog = load_with(&room.service, &follows, 2, Some(registered.clone()), None).await.unwrap();
    assert_eq!(refused(&catalog, "public", "persons"), Some("table \"persons\" is not registered yet"));
}

/// What `pgveil apply` would register.
fn registrations(catalog: &Catalog) -> catalog::Registered {
    let column = |c: &Arc<config::ProtectedColumn>| {
        let relation = catalog.relation(&c.schema, &c.table).unwrap();
        let number = relation.columns.iter().find(|found| found.name == c.name).unwrap().number;
        ((c.schema.clone(), c.table.clone(), c.name.clone()), (relation.oid, number))
    };
    catalog.columns.iter().map(column).collect()
}

fn codes(catalog: &Catalog) -> Vec<&str> {
    catalog.mismatches.iter().map(|m| m.code).collect()
}

#[tokio::test]
async fn the_columns_of_views_are_known_through_any_depth() {
    let room = Room::new(
        "CREATE VIEW v AS SELECT email AS mail, id, upper(note) AS n, birth IS NULL AS b FROM people;
         CREATE MATERIALIZED VIEW m AS SELECT x.mail AS post, y.a FROM (SELECT mail FROM v) x, (VALUES (1)) y(a);
         CREATE VIEW top AS SELECT post AS letter FROM m;
         CREATE VIEW counts AS SELECT count(*) FROM people;
         CREATE VIEW joined AS SELECT p.*, q.birth AS other FROM people p JOIN v ON v.id = p.id AND pg_catalog.substring(p.email, 9, 16) = pg_catalog.substring(v.mail, 9, 16) LEFT JOIN people q ON q.id = v.id;
         CREATE VIEW found AS SELECT id FROM people WHERE pg_catalog.substring(email, 9, 16) IN ('\\x01'::bytea, '\\x02'::bytea) OR pg_catalog.substring(email, 9, 16) = ANY ('{\"\\\\x03\"}'::bytea[]) OR '\\x04'::bytea = pg_catalog.substring(email, 9, 16);
         CREATE VIEW \"odd {name\" AS WITH w AS (SELECT id, birth AS \"b \\ } c\" FROM people) SELECT w.*, note FROM w JOIN people USING (id) WHERE false;
         CREATE TABLE plain (a int); CREATE VIEW innocent AS SELECT * FROM plain;
         CREATE TABLE ruled (id int); CREATE RULE r AS ON INSERT TO ruled DO ALSO DELETE FROM people;",
    )
    .await;
    let catalog = room.load(POLICY).await;
    assert_eq!(
        refused(&catalog, "public", "ruled"),
        Some("table \"ruled\" has a rule that names protected table \"people\"")
    );
    let known: [(&str, &[(&str, &str)]); 7] = [
        ("v", &[("mail", "email")]),
        ("m", &[("post", "email")]),
        ("top", &[("letter", "email")]),
        ("counts", &[]),
        ("joined", &[("email", "email"), ("birth", "birth"), ("other", "birth")]),
        ("found", &[]),
        ("odd {name", &[("b \\ } c", "birth")]),
    ];
    for (name, columns) in known {
        assert_eq!(refused(&catalog, "public", name), None, "{name}");
        assert_eq!(origins(&catalog, "public", name), pairs(columns), "{name}");
        let relation = catalog.relation("public", name).unwrap();
        let sealed =
            relation.columns.iter().filter_map(|c| Some((c.name.clone(), catalog.columns[c.sealed?].name.clone())));
        assert_eq!(sealed.collect::<Vec<_>>(), pairs(columns), "{name}");
        assert!(catalog.views.contains_key(&relation.oid), "{name}");
        assert!(mentioned(&catalog, &format!("TABLE \"{name}\"")), "{name}");
    }
    assert_eq!(refused(&catalog, "public", "innocent"), None);
    assert_eq!(refused(&catalog, "public", "plain"), None);
    assert!(!mentioned(&catalog, "table innocent"));
}

#[tokio::test]
async fn a_view_that_does_something_else_with_sealed_columns_is_refused_and_says_why() {
    let room = Room::new(
        "CREATE VIEW raw AS SELECT id FROM people WHERE email = '\\xff707600';
         CREATE VIEW above AS SELECT * FROM raw;
         CREATE VIEW token AS SELECT id, pg_catalog.substring(email, 9, 16) AS t FROM people;
         CREATE VIEW longer AS SELECT id FROM people WHERE pg_catalog.substring(email, 9, 17) = '\\x01'::bytea;
         CREATE VIEW computed AS SELECT octet_length(email) AS l FROM people;
         CREATE VIEW text AS SELECT email::text AS e FROM people;
         CREATE VIEW hidden AS SELECT to_json(people) AS j FROM people;
         CREATE VIEW a_list AS SELECT array_agg(email) AS l FROM people;
         CREATE VIEW sorted AS SELECT id FROM people ORDER BY birth;
         CREATE VIEW randomized AS SELECT id FROM people WHERE pg_catalog.substring(birth, 9, 16) = '\\x01'::bytea;
         CREATE VIEW domains AS SELECT p.id FROM people p JOIN people q ON pg_catalog.substring(p.email, 9, 16) = pg_catalog.substring(q.birth, 9, 16);
         CREATE VIEW plainly AS SELECT p.id FROM people p WHERE pg_catalog.substring(p.email, 9, 16) = decode(p.note, 'hex');
         CREATE FUNCTION one() RETURNS pgveil.sealed LANGUAGE sql AS 'SELECT email FROM people LIMIT 1';
         CREATE VIEW called AS SELECT one() AS e FROM people;
         CREATE VIEW ruled AS SELECT id, note FROM people; CREATE RULE r AS ON DELETE TO ruled DO ALSO NOTIFY x;
         CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE VIEW instead AS SELECT id, note FROM people; CREATE TRIGGER i INSTEAD OF INSERT ON instead FOR EACH ROW EXECUTE FUNCTION t();",
    )
    .await;
    let catalog = room.load(POLICY).await;
    for (name, why) in [
        ("raw", "its definition uses sealed columns otherwise"),
        ("above", "statements that name \"raw\" are refused"),
        ("token", "its definition uses sealed columns otherwise"),
        ("longer", "column \"people.email\" (mode equality) does not support substring()"),
        ("computed", "column \"people.email\" (mode equality) does not support octet_length()"),
        ("text", "its definition uses sealed columns otherwise"),
        ("hidden", "a whole-row reference"),
        ("a_list", "column \"people.email\" (mode equality) does not support array_agg()"),
        ("sorted", "column \"people.birth\" (mode randomized) does not support ORDER BY"),
        ("randomized", "column \"people.birth\" (mode randomized) does not support ="),
        ("domains", "column \"people.birth\" (mode randomized) does not support ="),
        ("plainly", "column \"people.email\" (mode equality) does not support = with a computed value"),
        ("called", "pgveil does not support calling one()"),
        ("ruled", "it has rules of its own"),
        ("instead", "it has INSTEAD OF triggers"),
    ] {
        let reason = refused(&catalog, "public", name).unwrap_or_else(|| panic!("{name} is not refused"));
        assert!(reason.starts_with(&format!("view \"{name}\" ")) && reason.contains(why), "{name}: {reason}");
        assert!(catalog.relation("public", name).unwrap().columns.iter().all(|c| c.sealed.is_none()), "{name}");
        assert!(mentioned(&catalog, &format!("TABLE {name}")), "{name}");
    }
}

#[tokio::test]
async fn a_view_over_a_locked_table_waits_for_nobody() {
    let room =
        Room::new("CREATE VIEW v AS SELECT email FROM people; CREATE VIEW w AS SELECT count(*) FROM people").await;
    let other = connect("postgres", &room.name).await;
    other.batch_execute("BEGIN; LOCK TABLE people IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let catalog = room.load(POLICY).await;
    assert!(refused(&catalog, "public", "v").unwrap().contains("a table that it reads is locked"));
    assert!(refused(&catalog, "public", "w").is_some() && catalog.locked);
    other.batch_execute("ROLLBACK").await.unwrap();
    let catalog = room.load(POLICY).await;
    assert_eq!(refused(&catalog, "public", "v"), None);
    assert!(!catalog.locked);
    let timeout: String = room.service.query_one("SHOW lock_timeout", &[]).await.unwrap().get(0);
    assert_eq!(timeout, "0", "the connection is left as it was");
}

#[tokio::test]
async fn operators_and_casts_over_functions_that_reach_a_protected_table_are_known() {
    let room = Room::new(
        "CREATE FUNCTION finds(int, text) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM people WHERE id = $1); END';
         CREATE OPERATOR @#@ (LEFTARG = int, RIGHTARG = text, FUNCTION = finds);
         CREATE FUNCTION harmless(int, int) RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE OPERATOR #@# (LEFTARG = int, RIGHTARG = int, FUNCTION = harmless);
         CREATE TYPE pair AS (a int, b int);
         CREATE FUNCTION to_pair(int) RETURNS pair LANGUAGE plpgsql AS 'DECLARE p pair; BEGIN SELECT id, id INTO p FROM people; RETURN p; END';
         CREATE CAST (int AS pair) WITH FUNCTION to_pair(int);
         CREATE FUNCTION checks(int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN EXISTS (SELECT FROM people WHERE id = $1); END';
         CREATE DOMAIN known AS int CHECK (checks(VALUE));
         CREATE VIEW sly AS SELECT 1 @#@ 'x' AS n;",
    )
    .await;
    let catalog = room.load(POLICY).await;
    assert_eq!(catalog.tainted_operators.keys().collect::<Vec<_>>(), ["@#@"]);
    let mut casts: Vec<_> = catalog.tainted_casts.keys().collect();
    casts.sort();
    assert_eq!(casts, ["known", "pair"]);
    assert_eq!(
        refused(&catalog, "public", "sly"),
        Some("view \"sly\" calls function \"finds\", which reaches a protected table")
    );
    let env = env::Env {
        search_path: vec!["pg_catalog".to_owned(), "public".to_owned()],
        standard_conforming_strings: true,
        ..env::Env::default()
    };
    for (text, ok) in [
        ("SELECT 1@#@'x'", false),
        ("SELECT a FROM (SELECT 1 OPERATOR(public.@#@) 'x' AS a) s", false),
        ("EXPLAIN ANALYZE SELECT 1 @#@ 'x'", false),
        ("SELECT 1::pair", false),
        ("SELECT CAST(1 AS public.known)", false),
        ("CREATE TABLE t AS SELECT 1::known", false),
        ("SELECT 1 #@# 2, '@#@'", true),
        ("SELECT 1 + 1", true),
        ("DROP OPERATOR @#@ (int, text)", true),
    ] {
        let parsed = pgveil::sql::grammar::Parsed::parse(text).unwrap();
        let outcome = pgveil::sql::planner::plan(&parsed, 0, &catalog, &env, &[]);
        assert_eq!(matches!(outcome, pgveil::sql::model::Outcome::Pass), ok, "{text}: {outcome:?}");
        assert!(ok || mentioned(&catalog, text), "{text}");
    }
}

#[tokio::test]
async fn the_aggregate_any_value_is_found() {
    let room =
        Room::new("CREATE SCHEMA other; CREATE AGGREGATE other.any_value(bytea) (SFUNC = byteacat, STYPE = bytea)")
            .await;
    assert_eq!(room.load(POLICY).await.any_value, None);
    room.sql("CREATE AGGREGATE pgveil.any_value(text) (SFUNC = textcat, STYPE = text)").await;
    assert_eq!(room.load(POLICY).await.any_value, None);
    room.sql("CREATE AGGREGATE pgveil.any_value(bytea) (SFUNC = byteacat, STYPE = bytea)").await;
    assert_eq!(room.load(POLICY).await.any_value, Some("pgveil"));
}

#[tokio::test]
async fn origins_are_what_the_server_reports() {
    let room = Room::new(
        "CREATE VIEW v AS SELECT p.email AS e, q.birth, q.note || '' AS n, p.birth IS NULL AS isnull, coalesce(p.birth, q.birth) AS c
         FROM people p LEFT JOIN LATERAL (SELECT birth, note FROM people r WHERE r.id = p.id GROUP BY birth, note) q ON true;",
    )
    .await;
    let catalog = room.load(POLICY).await;
    // The view's own query, described by the server, is the oracle.
    let definition: String = room.owner.query_one("SELECT pg_get_viewdef('v'::regclass)", &[]).await.unwrap().get(0);
    let statement = room.owner.prepare(&definition).await.unwrap();
    let reported: Vec<(String, String)> = statement
        .columns()
        .iter()
        .filter_map(|c| {
            let ordinal = catalog.origins.get(&(c.table_oid()?, c.column_id()?))?;
            Some((c.name().to_owned(), catalog.columns[*ordinal].name.clone()))
        })
        .collect();
    assert_eq!(reported, pairs(&[("e", "email"), ("birth", "birth")]));
    assert_eq!(origins(&catalog, "public", "v"), reported);
}

#[tokio::test]
async fn partitions_and_children_are_refused_unless_named() {
    let room = Room::new(
        "CREATE TABLE log (id int, secret pgveil.sealed) PARTITION BY RANGE (id);
         CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (10);
         CREATE TABLE log_2 (secret pgveil.sealed, id int); ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM (10) TO (20);
         CREATE TABLE base (id int); CREATE TABLE child (mail pgveil.sealed) INHERITS (base); CREATE TABLE sibling () INHERITS (base);
         CREATE TABLE grandchild () INHERITS (child);",
    )
    .await;
    let catalog = room
        .load("log: { columns: { secret: { type: text } } }, log_2: { columns: { secret: { type: text, identity: public.log.secret } } }, child: { columns: { mail: { type: text } } }")
        .await;
    assert_eq!(catalog.mismatches, []);
    assert!(catalog.relation("public", "log").unwrap().protected.is_some());
    assert_eq!(
        refused(&catalog, "public", "log_1"),
        Some(
            "table \"log_1\" is a partition of protected table \"log\"; name it in the policy as well to use it directly"
        )
    );
    assert_eq!(refused(&catalog, "public", "log_2"), None);
    assert_eq!(refused(&catalog, "public", "base"), Some("table \"base\" is inherited by protected table \"child\""));
    assert_eq!(
        refused(&catalog, "public", "grandchild"),
        Some(
            "table \"grandchild\" inherits from protected table \"child\"; name it in the policy as well to use it directly"
        )
    );
    assert_eq!(refused(&catalog, "public", "sibling"), None);
    assert_eq!(origins(&catalog, "public", "log_1"), pairs(&[("secret", "secret")]));
    assert_eq!(origins(&catalog, "public", "grandchild"), pairs(&[("mail", "mail")]));
    let two = catalog.relation("public", "log_2").unwrap();
    assert_eq!(catalog.origins.get(&(two.oid, 1)), Some(&1), "its own column, not the root's");
    assert_eq!(origins(&catalog, "public", "sibling"), []);
}

#[tokio::test]
async fn functions_that_reach_a_protected_table_are_known_transitively() {
    let room = Room::new(
        "CREATE FUNCTION direct() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM People';
         CREATE FUNCTION standard() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM people; END;
         CREATE FUNCTION rowtype(int) RETURNS SETOF people LANGUAGE plpgsql AS $$ BEGIN RETURN; END $$;
         CREATE FUNCTION caller() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN public.\"direct\" (); END $$;
         CREATE PROCEDURE caller_of_caller() LANGUAGE plpgsql AS $$ BEGIN PERFORM CALLER(); END $$;
         CREATE FUNCTION innocent() RETURNS int LANGUAGE sql AS 'SELECT length(''peoples'') AS direct';
         CREATE VIEW through AS SELECT caller() AS n;
         CREATE FUNCTION of_view() RETURNS bigint LANGUAGE sql AS 'SELECT n FROM through';
         CREATE FUNCTION step(bigint, int) RETURNS bigint LANGUAGE sql AS 'SELECT $1 + count(*) FROM people';
         CREATE AGGREGATE agg(int) (SFUNC = step, STYPE = bigint);
         CREATE FUNCTION on_orders() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE people SET note = 'x'; RETURN NEW; END $$;
         CREATE TABLE orders (id int); CREATE TRIGGER t AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION on_orders();
         CREATE TABLE counted (n bigint DEFAULT direct());",
    )
    .await;
    let catalog = room.load(POLICY).await;
    let mut names: Vec<&str> = catalog.tainted_functions.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["agg", "caller", "caller_of_caller", "direct", "of_view", "on_orders", "rowtype", "standard", "step"]
    );
    assert_eq!(catalog.tainted_functions["direct"], "function \"direct\" names protected table \"people\"");
    assert_eq!(
        catalog.tainted_functions["caller_of_caller"],
        "function \"caller_of_caller\" calls function \"caller\", which reaches a protected table"
    );
    assert_eq!(
        refused(&catalog, "public", "through"),
        Some("view \"through\" calls function \"caller\", which reaches a protected table")
    );
    assert_eq!(refused(&catalog, "public", "orders"), None, "reading and writing orders stays possible");
    let firing = |name| catalog.firing.contains_key(&catalog.relation("public", name).unwrap().oid);
    assert!(firing("orders") && firing("counted") && !firing("people"));
    for name in names {
        assert!(mentioned(&catalog, &format!("select {name}()")), "{name}");
    }
    assert!(!mentioned(&catalog, "select innocent() from orders, counted"));
}

#[tokio::test]
async fn functions_and_tables_that_may_change_the_environment_are_known() {
    let room = Room::new(
        "CREATE FUNCTION tenant(t text) RETURNS text LANGUAGE sql AS $$ SELECT pg_catalog.set_config('search_path', t, false) $$;
         CREATE FUNCTION wraps() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM tenant('a'); END $$;
         CREATE FUNCTION dynamic() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'select 1'; END $$;
         CREATE FUNCTION becomes() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET LOCAL ROLE x; END $$;
         CREATE FUNCTION updates() RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE people SET note = role; END $$;
         CREATE FUNCTION compiled() RETURNS int4 LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
         CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('select 1'); RETURN NEW; END $$;
         CREATE TABLE audited (id int); CREATE TRIGGER t BEFORE INSERT ON audited FOR EACH ROW EXECUTE FUNCTION audit();
         CREATE VIEW on_audited AS SELECT * FROM audited;
         CREATE TABLE plain (id int);",
    )
    .await;
    let catalog = room.load(POLICY).await;
    let env = |text: &str| catalog.prefilter.look(text.as_bytes()).env;
    for text in [
        "select tenant('x')",
        "select wraps()",
        "select public.\"dynamic\"()",
        "select becomes()",
        "select compiled()",
        "insert into audited values (1)",
        "insert into on_audited values (1)",
    ] {
        assert!(env(text), "{text}");
    }
    for text in
        ["select updates()", "insert into plain values (1)", "select * from people", "select max(id) from plain"]
    {
        assert!(!env(text), "{text}");
    }
}

#[tokio::test]
async fn names_with_every_odd_character_load() {
    let room = Room::new(
        "CREATE SCHEMA \"Größe \"\"x\\\"; CREATE TABLE \"Größe \"\"x\\\".\"T'a.b\" (\"c,\"\"{}\\\" pgveil.sealed, \"顧客\" int);",
    )
    .await;
    let database = {
        let base = policy("people: { columns: { email: { type: text } } }");
        let mut table = (*base.tables[0]).clone();
        let mut column = (*table.columns[0]).clone();
        (column.schema, column.table, column.name) = ("Größe \"x\\".into(), "T'a.b".into(), "c,\"{}\\".into());
        let column = Arc::new(column);
        (table.schema, table.name, table.columns) =
            (column.schema.clone(), column.table.clone(), vec![Arc::clone(&column)]);
        Database { name: "app".into(), tables: vec![Arc::new(table)], columns: vec![column] }
    };
    let catalog = load(&room.service, &database, 1).await.unwrap();
    assert_eq!(catalog.mismatches, []);
    assert!(catalog.relation("Größe \"x\\", "T'a.b").unwrap().protected.is_some());
    assert!(mentioned(&catalog, "select * from \"Größe \"\"x\\\".\"T'a.b\""));
    let found = findings(&catalog, &survey(&room.service, &catalog).await.unwrap());
    let grant = finding(&found, "catalog/privilege", None).hint.clone().unwrap();
    let grants = grant.split_once(": ").unwrap().1;
    room.sql(grants).await;
    let found = findings(&catalog, &survey(&room.service, &catalog).await.unwrap());
    assert!(!found.iter().any(|f| f.code == "catalog/privilege"), "{found:#?}");
}

#[tokio::test]
async fn a_hostile_search_path_of_the_service_role_changes_nothing() {
    let room = Room::new(
        "CREATE SCHEMA evil; CREATE FUNCTION evil.format_type(oid, int) RETURNS text LANGUAGE sql AS 'SELECT ''pgveil.sealed''';
         CREATE FUNCTION evil.eq(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT false';
         CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.eq);
         CREATE VIEW evil.pg_class AS SELECT 1 AS a;
         CREATE TABLE t (a int); GRANT USAGE ON SCHEMA evil TO PUBLIC;",
    )
    .await;
    room.service
        .batch_execute("SET search_path = evil, pg_catalog; SET bytea_output = escape; SET quote_all_identifiers = on")
        .await
        .unwrap();
    let catalog = room.load(&format!("{POLICY}, t: {{ columns: {{ a: {{ type: text }} }} }}")).await;
    assert_eq!(catalog.mismatches.len(), 1);
    assert!(catalog.mismatches[0].message.contains("has type integer"), "{:?}", catalog.mismatches);
}

#[tokio::test]
async fn a_second_load_shares_what_did_not_change() {
    let room = Room::new("CREATE TABLE a (x int); CREATE TABLE b (x int)").await;
    let database = policy(POLICY);
    let first = load(&room.service, &database, 1).await.unwrap();
    room.sql("ALTER TABLE b RENAME COLUMN x TO y").await;
    let second = load_with(&room.service, &database, 2, None, Some(&first)).await.unwrap();
    let shared = |name| Arc::ptr_eq(first.relation("public", name).unwrap(), second.relation("public", name).unwrap());
    assert!(shared("a") && !shared("b"));
    assert_eq!(second.relation("public", "b").unwrap().columns[0].name, "y");
    assert!(second.relation("public", "people").unwrap().protected.is_some());
    assert_eq!(second.epoch, 2);
}

#[tokio::test]
async fn a_fingerprint_changes_with_everything_that_matters_and_nothing_else() {
    let room = Room::new("CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'").await;
    let mut last = fingerprint(&room.service).await.unwrap();
    for sql in [
        "CREATE TABLE u (a int)",
        "ALTER TABLE t ADD COLUMN b text",
        "ALTER TABLE t RENAME COLUMN b TO c",
        "ALTER TABLE t ALTER COLUMN c TYPE varchar(10)",
        "ALTER TABLE t DROP COLUMN c",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE OR REPLACE VIEW v AS SELECT a + 0 AS a FROM t",
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM people'",
        "CREATE SCHEMA s",
        "ALTER SCHEMA s RENAME TO s2",
        "ALTER TABLE t SET SCHEMA s2",
        "ALTER TABLE u INHERIT s2.t",
        "ALTER DOMAIN pgveil.sealed DROP CONSTRAINT sealed_check",
        "CREATE TRIGGER x BEFORE UPDATE ON u FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "DROP TABLE u",
        "DROP FUNCTION f()",
    ] {
        room.sql(sql).await;
        let now = fingerprint(&room.service).await.unwrap();
        assert_ne!(last, now, "{sql}");
        last = now;
    }
    // ANALYZE clears pg_class.relhassubclass of the former parent.
    room.sql("ANALYZE").await;
    let last = fingerprint(&room.service).await.unwrap();
    room.sql("CREATE TEMP TABLE x (a int); INSERT INTO people (id) VALUES (1); ANALYZE").await;
    room.sql("VACUUM people").await;
    assert_eq!(last, fingerprint(&room.service).await.unwrap());
}

#[tokio::test]
async fn check_finds_what_does_not_go_with_sealed_columns() {
    let room = Room::new(
        r#"CREATE TABLE t (
             id int PRIMARY KEY,
             a pgveil.sealed UNIQUE CHECK (length(a) > 3) CONSTRAINT nn CHECK (a IS NOT NULL),
             b pgveil.sealed DEFAULT '\xff707600' REFERENCES t (a),
             "C d" pgveil.sealed DEFAULT NULL,
             gen int GENERATED ALWAYS AS (length(b)) STORED,
             a_eq bytea GENERATED ALWAYS AS (substring(a FROM 9 FOR 16)) STORED,
             spare pgveil.sealed);
           ALTER TABLE t ADD CONSTRAINT nn2 CHECK (a IS NOT NULL) NOT VALID;
           CREATE INDEX raw ON t (b); CREATE UNIQUE INDEX rawu ON t (id, "C d"); CREATE INDEX hashed ON t USING hash (substring("C d", 9, 16));
           CREATE INDEX token ON t (substring(a, 9, 16));
           CREATE FUNCTION low() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := lower(NEW.a::text)::bytea; RETURN NEW; END $$;
           CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
           CREATE TRIGGER low BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION low();
           CREATE TRIGGER stamp BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION stamp();
           CREATE TRIGGER seen AFTER UPDATE ON t FOR EACH ROW WHEN (OLD.b IS DISTINCT FROM NEW.b) EXECUTE FUNCTION stamp();
           CREATE POLICY own ON t USING (b = '\x00'); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
           CREATE RULE r AS ON DELETE TO t DO ALSO NOTHING;
           CREATE VIEW v AS SELECT octet_length(b) AS l FROM t; CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t';"#,
    )
    .await;
    let tables = r#"t: { columns: { a: { type: text, mode: equality }, b: { type: text }, "C d": { type: text, mode: equality } } }"#;
    let list = room.findings(tables).await;
    for (code, column, severity, says) in [
        ("catalog/check", Some("a"), Severity::Error, "\"t_a_check\""),
        ("catalog/raw-constraint", Some("a"), Severity::Error, "UNIQUE constraint \"t_a_key\""),
        ("catalog/raw-constraint", Some("b"), Severity::Error, "foreign key \"t_b_fkey\""),
        ("catalog/raw-constraint", Some("C d"), Severity::Error, "unique index \"rawu\""),
        ("catalog/raw-index", Some("b"), Severity::Warning, "\"raw\""),
        ("catalog/default", Some("b"), Severity::Error, "default"),
        ("catalog/generated", Some("b"), Severity::Error, "\"gen\""),
        ("catalog/trigger", Some("a"), Severity::Error, "public.low of trigger \"low\""),
        ("catalog/trigger", Some("b"), Severity::Warning, "WHEN of trigger \"seen\""),
        ("catalog/policy", Some("b"), Severity::Error, "\"own\""),
        ("catalog/rule", None, Severity::Warning, "rule \"r\""),
        ("catalog/row-security", None, Severity::Warning, "may hide rows"),
        ("catalog/privilege", None, Severity::Warning, "may not read and write"),
        ("catalog/unlisted-column", Some("spare"), Severity::Warning, "does not name it"),
        ("catalog/reaches", None, Severity::Warning, "view \"v\" reads protected table \"t\""),
        ("catalog/function", None, Severity::Warning, "function \"f\" names protected table \"t\""),
        ("catalog/missing-index", Some("C d"), Severity::Warning, "hash index"),
    ] {
        let found = list
            .iter()
            .filter(|found| found.code == code && found.column.as_deref() == column)
            .find(|found| found.message.contains(says))
            .unwrap_or_else(|| panic!("no {code} {column:?} says {says}: {list:#?}"));
        assert_eq!(found.severity, severity, "{found:?}");
    }
    for (code, column) in [
        ("catalog/default", Some("C d")),
        ("catalog/generated", Some("a")),
        ("catalog/missing-index", Some("a")),
        ("catalog/trigger", Some("C d")),
    ] {
        assert!(!list.iter().any(|f| f.code == code && f.column.as_deref() == column), "{code} {column:?}");
    }
    assert_eq!(list.iter().filter(|f| f.code == "catalog/check").count(), 1, "IS NOT NULL is fine");
    assert!(list.is_sorted_by_key(|f| f.severity));

    // The statements that the hints give are right: what they repair is found no more.
    let ddl = finding(&list, "catalog/missing-index", Some("C d")).hint.clone().unwrap();
    room.sql(&ddl).await;
    let unique = finding(&list, "catalog/raw-constraint", Some("a")).hint.clone().unwrap();
    room.sql("DROP INDEX token").await;
    room.sql(unique.split_once(": ").unwrap().1).await;
    let list = room.findings(tables).await;
    assert!(!list.iter().any(|f| f.code == "catalog/missing-index"), "{list:#?}");
}

#[tokio::test]
async fn few_distinct_values_are_an_error_unless_allowed() {
    let room = Room::new(
        r"INSERT INTO people SELECT i, ('\xff70761100000000' || substr(md5((i % 50)::text), 1, 32))::bytea FROM generate_series(1, 5000) i;
          CREATE INDEX ON people (substring(email, 9, 16)); ANALYZE people;",
    )
    .await;
    room.sql("UPDATE people SET email = decode('ff70761100000000' || md5((id % 50)::text), 'hex'); ANALYZE people")
        .await;
    // Statistics of an index are shown to its owner.
    room.sql(&format!("ALTER TABLE people OWNER TO {}", room.name.replace("room", "service"))).await;
    let found = finding(&room.findings(POLICY).await, "catalog/low-cardinality", Some("email")).clone();
    assert_eq!(found.severity, Severity::Error);
    assert!(found.message.contains("about 50 distinct values, the most frequent in "), "{found:?}");
    let allowed = POLICY.replace("mode: equality", "mode: equality, allow_low_cardinality: true");
    assert_eq!(finding(&room.findings(&allowed).await, "catalog/cardinality", Some("email")).severity, Severity::Info);
    room.sql("UPDATE people SET email = decode('ff70761100000000' || md5(id::text), 'hex'); DELETE FROM people WHERE id > 20; ANALYZE people").await;
    let list = room.findings(POLICY).await;
    assert!(!list.iter().any(|f| f.code == "catalog/low-cardinality"), "a small table is no reason: {list:#?}");
}

#[tokio::test]
async fn a_clean_table_has_no_errors() {
    let room = Room::new("CREATE INDEX ON people (pg_catalog.substring(email, 9, 16))").await;
    room.sql(&format!("GRANT SELECT, INSERT, UPDATE ON people TO {}", room.name.replace("room", "service"))).await;
    let list = room.findings(POLICY).await;
    let codes: Vec<_> = list.iter().map(|f| (f.severity, f.code)).collect();
    assert_eq!(codes, [(Severity::Info, "catalog/cardinality")], "{list:#?}");
}

/// The environment as a client's connection has it.
async fn environment(client: &Client) -> (env::Env, env::RawSettings) {
    asked(client, env::QUERY).await
}

async fn asked(client: &Client, query: &str) -> (env::Env, env::RawSettings) {
    for message in client.simple_query(query).await.unwrap() {
        if let SimpleQueryMessage::Row(row) = message {
            let columns: Vec<Option<&[u8]>> = (0..row.len()).map(|i| row.get(i).map(str::as_bytes)).collect();
            return env::parse_row(&columns).unwrap();
        }
    }
    panic!("no row")
}

#[tokio::test]
async fn the_environment_is_read_in_any_state() {
    let room = Room::new(
        "CREATE SCHEMA \"Größe \"\"x,y\\\"; CREATE SCHEMA gone; CREATE SCHEMA postgres; CREATE SCHEMA evil;
         CREATE FUNCTION evil.ne(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT true';
         CREATE OPERATOR evil.<> (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.ne);
         CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT ''evil''';
         GRANT USAGE ON SCHEMA evil, \"Größe \"\"x,y\\\" TO PUBLIC; CREATE ROLE \"no \"\"rights\";",
    )
    .await;
    let client = &room.owner;
    let (env, settings) = environment(client).await;
    assert_eq!(env.search_path, ["pg_catalog", "postgres", "public"], "\"$user\" is the role's schema");
    assert_eq!((env.role.as_str(), env.temp.len(), env.standard_conforming_strings), ("postgres", 0, true));
    assert_eq!(
        (settings.date_style.as_str(), settings.bytea_output.as_str(), settings.client_encoding.as_str()),
        ("ISO, MDY", "hex", "UTF8")
    );
    assert_eq!((settings.extra_float_digits.as_str(), settings.interval_style.as_str()), ("1", "postgres"));

    room.sql(
        "SET search_path = evil, gone, \"Größe \"\"x,y\\\", pg_catalog, pg_temp; SET standard_conforming_strings = off;
         SET DateStyle = 'German'; SET TimeZone = 'Europe/Zurich'; SET bytea_output = escape; SET extra_float_digits = -3; SET array_nulls = off;
         SET IntervalStyle = iso_8601; SET quote_all_identifiers = on; DROP SCHEMA gone;
         CREATE TEMP TABLE \"tÄ\"\"mp\" (a int, b text, \"c\\\" date GENERATED ALWAYS AS (NULL) STORED); ALTER TABLE \"tÄ\"\"mp\" DROP COLUMN b;
         CREATE TEMP VIEW tv AS SELECT 1 AS one; SET ROLE \"no \"\"rights\"; SET client_encoding = latin1;",
    )
    .await;
    let (env, settings) = environment(client).await;
    assert_eq!(&env.search_path[..3], ["evil", "Größe \"x,y\\", "pg_catalog"]);
    assert!(env.search_path[3].starts_with("pg_temp_"), "{:?}", env.search_path);
    assert_eq!((env.role.as_str(), env.standard_conforming_strings), ("no \"rights", false));
    let temp: Vec<_> = env.temp.iter().map(|t| (t.name.as_str(), t.kind)).collect();
    assert_eq!(temp, [("tÄ\"mp", 'r'), ("tv", 'v')]);
    let columns: Vec<_> =
        env.temp[0].columns.iter().map(|c| (c.number, c.name.as_str(), c.type_oid, c.generated)).collect();
    assert_eq!(columns, [(1, "a", 23, false), (3, "c\\", 1082, true)]);
    assert_eq!(env.temp[0].schema, env.search_path[3]);
    assert_eq!(
        settings,
        env::RawSettings {
            date_style: "German, DMY".into(),
            time_zone: "Europe/Zurich".into(),
            bytea_output: "escape".into(),
            extra_float_digits: "-3".into(),
            client_encoding: "LATIN1".into(),
            interval_style: "iso_8601".into(),
            array_nulls: "off".into(),
        }
    );
}

#[tokio::test]
async fn two_environments_agree_only_if_names_resolve_alike() {
    let room = Room::new("CREATE SCHEMA a").await;
    let before = environment(&room.owner).await.0;
    assert!(before.agrees_with(&environment(&room.owner).await.0));
    for sql in ["SET search_path = a", "CREATE TEMP TABLE people (a int)", "ALTER TABLE people ADD COLUMN b int"] {
        let last = environment(&room.owner).await.0;
        room.sql(sql).await;
        assert!(!last.agrees_with(&environment(&room.owner).await.0), "{sql}");
    }
}

#[tokio::test]
async fn a_transaction_lists_what_it_has_changed() {
    let room = Room::new(
        "CREATE TABLE old (a int, b int); CREATE TABLE parent (a int); CREATE TABLE other (a int); CREATE SCHEMA s;
         CREATE TABLE s.inside (a int)",
    )
    .await;
    let client = &room.owner;
    let changed = async || {
        let env = asked(client, env::QUERY_CHANGED).await.0;
        let names = |c: &pgveil::sql::overlay::Changed| {
            let columns: Vec<_> = c.relation.columns.iter().map(|c| c.name.as_str()).collect();
            format!("{}({}){}", c.relation.display(), columns.join(","), if c.rewired { "*" } else { "" })
        };
        let mut list: Vec<_> = env.changed.unwrap().iter().map(|c| names(c)).collect();
        list.sort();
        list
    };
    assert!(changed().await.is_empty(), "outside a transaction");
    assert_eq!(environment(client).await.0.changed, None);
    room.sql("SET search_path = pg_temp; BEGIN; INSERT INTO public.old VALUES (1, 2)").await;
    assert!(changed().await.is_empty(), "data only");
    room.sql("ALTER TABLE public.old DROP COLUMN b").await;
    assert_eq!(changed().await, ["old(a)"]);
    room.sql("SAVEPOINT x; CREATE TABLE public.child (c int) INHERITS (public.parent); CREATE TEMP TABLE t (a int)")
        .await;
    room.sql("ALTER SCHEMA s RENAME TO s2; CREATE VIEW public.v AS SELECT a FROM public.other").await;
    assert_eq!(changed().await, ["child(a,c)*", "old(a)", "parent(a)*", "s2.inside(a)", "v(a)*"]);
    room.sql("ROLLBACK TO x").await;
    assert_eq!(changed().await, ["old(a)"]);
    room.sql("COMMIT").await;
    assert!(changed().await.is_empty(), "after it");
}

#[tokio::test]
async fn a_row_that_is_no_answer_is_an_error() {
    assert!(env::parse_row(&[]).is_err());
    assert!(env::parse_row(&[Some(b"zz"), None]).is_err());
    assert!(env::parse_row(&[Some(&b"5b5d"[..]); 8]).is_err());
}

#[tokio::test]
async fn an_empty_policy_mentions_nothing() {
    let room = Room::new("").await;
    let database = Database { name: "app".into(), tables: vec![], columns: vec![] };
    let catalog = load(&room.service, &database, 1).await.unwrap();
    assert_eq!(
        catalog.prefilter.look(b"select * from people; set role x; U&\"x\""),
        catalog::Catalog::default().prefilter.look(b"")
    );
    assert!(
        findings(&catalog, &survey(&room.service, &catalog).await.unwrap())
            .iter()
            .all(|f| f.severity != Severity::Error)
    );
}
