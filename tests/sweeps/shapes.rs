//! Tables of every shape, all in one sweep: values, tokens and everything else are as they were, and every
//! stored value is under the new DEK.

use std::collections::BTreeMap;

use crate::house::House;

/// One kind of table.
struct Shape {
    /// As the application names it.
    table: &'static str,
    /// Relations that store its rows.
    stored: &'static [&'static str],
    sealed: &'static [&'static str],
    /// What has to be the same before and after, of the stored bytes.
    unmoved: &'static str,
}

const SHAPES: &[Shape] = &[
    Shape { table: "composite", stored: &["composite"], sealed: &["secret"], unmoved: "a, b" },
    Shape { table: "keyless", stored: &["keyless"], sealed: &["secret"], unmoved: "kind" },
    Shape {
        table: "parts",
        stored: &["parts_2023", "parts_2024_north", "parts_2024_south", "parts_rest"],
        sealed: &["secret", "number"],
        unmoved: "id, day, region",
    },
    Shape { table: "base", stored: &["ONLY base", "ONLY child", "ONLY adopted"], sealed: &["secret"], unmoved: "id" },
    Shape { table: "wide", stored: &["wide"], sealed: &["body", "other"], unmoved: "id, plain" },
    Shape {
        table: "accounts",
        stored: &["accounts"],
        sealed: &["login", "code"],
        unmoved: "id, login_token, substring(login::bytea, 9, 16), substring(code::bytea, 9, 16)",
    },
    Shape { table: "dropped", stored: &["dropped"], sealed: &["secret"], unmoved: "id, later" },
    Shape { table: "empty", stored: &["empty"], sealed: &["secret"], unmoved: "id" },
    Shape { table: "nulls", stored: &["nulls"], sealed: &["a", "b"], unmoved: "id" },
    Shape { table: "kinds", stored: &["kinds"], sealed: &["d", "n", "j", "raw", "flag", "list", "at"], unmoved: "id" },
    Shape { table: "unlogged", stored: &["unlogged"], sealed: &["secret"], unmoved: "id" },
    Shape {
        table: "\"Odd Schema\".\"Odd \"\"Table\"",
        stored: &["\"Odd Schema\".\"Odd \"\"Table\""],
        sealed: &["\"Odd Column\""],
        unmoved: "\"Id\"",
    },
];

const SCHEMA: &str = r#"
CREATE TABLE composite (a int, b text, secret text, PRIMARY KEY (a, b));
CREATE TABLE keyless (kind int, secret text);
CREATE TABLE parts (id int, day date, region text, secret text, number int) PARTITION BY RANGE (day);
CREATE TABLE parts_2023 PARTITION OF parts FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE parts_2024 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (region);
CREATE TABLE parts_2024_north PARTITION OF parts_2024 FOR VALUES IN ('north');
CREATE TABLE parts_2024_south (number int, gone int, secret text, region text, day date, id int);
ALTER TABLE parts_2024_south DROP COLUMN gone;
ALTER TABLE parts_2024 ATTACH PARTITION parts_2024_south FOR VALUES IN ('south');
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
CREATE TABLE base (id int, secret text);
CREATE TABLE child (extra text) INHERITS (base);
CREATE TABLE adopted (more int, secret text, id int);
ALTER TABLE adopted INHERIT base;
CREATE TABLE wide (id int PRIMARY KEY, body text, plain text, other text);
CREATE TABLE accounts (id int PRIMARY KEY, login text NOT NULL UNIQUE, code text);
CREATE TABLE dropped (x int, y text, id int, secret text, z int, later int);
ALTER TABLE dropped DROP COLUMN x, DROP COLUMN y, DROP COLUMN z;
CREATE TABLE empty (id int, secret text);
CREATE TABLE nulls (id int PRIMARY KEY, a text, b text);
CREATE TABLE kinds (id int PRIMARY KEY, d date, n numeric(12,2), j jsonb, raw bytea, flag bool, list int[], at timestamptz);
CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, secret text);
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."Odd ""Table" ("Id" int, "Odd Column" text);
"#;

const TABLES: &str = r#"
composite: { columns: { secret: { type: text } } }
keyless: { columns: { secret: { type: text } } }
parts: { columns: { secret: { type: text }, number: { type: int4 } } }
base: { columns: { secret: { type: text } } }
wide: { columns: { body: { type: text }, other: { type: text } } }
accounts: { columns: { login: { type: text, mode: equality }, code: { type: text, mode: equality, normalize: [lower] } } }
dropped: { columns: { secret: { type: text } } }
empty: { columns: { secret: { type: text } } }
nulls: { columns: { a: { type: text }, b: { type: text } } }
kinds: { columns: { d: { type: date }, n: { type: "numeric(12,2)" }, j: { type: jsonb }, raw: { type: bytea }, flag: { type: bool }, list: { type: "int4[]" }, at: { type: timestamptz } } }
unlogged: { columns: { secret: { type: text } } }
'"Odd Schema"."Odd ""Table"': { columns: { 'Odd Column': { type: text } } }
"#;

/// Rows by the application itself.
const ROWS: &[&str] = &[
    "INSERT INTO composite SELECT n / 10, 'key ' || n, NULL FROM generate_series(1, 100) n",
    "UPDATE composite SET secret = 'the same for all'",
    "INSERT INTO keyless VALUES (1, 'twice'), (1, 'twice'), (1, 'twice'), (2, 'once'), (3, NULL), (3, NULL)",
    "INSERT INTO parts VALUES (1, '2023-05-05', 'north', 'old', 1), (2, '2024-05-05', 'north', 'up', 2), \
     (3, '2024-06-06', 'south', 'down', 3), (4, '2024-07-07', 'south', NULL, 4), (5, '1999-09-09', NULL, 'ancient', NULL)",
    "INSERT INTO base VALUES (1, 'parent''s'), (2, 'parent''s too')",
    "INSERT INTO accounts VALUES (1, 'ada', 'AbC'), (2, 'alan', 'abc'), (3, 'grace', NULL)",
    "INSERT INTO dropped (id, secret, later) VALUES (1, 'here', 10), (2, 'there', 20)",
    "INSERT INTO nulls VALUES (1, NULL, NULL), (2, 'a', NULL), (3, NULL, 'b'), (4, '', '')",
    "INSERT INTO kinds VALUES (1, '1815-12-10', 1.50, '{\"a\": [1, null]}', '\\x00ff', true, '{1,NULL,3}', '1999-12-31 23:59:59.123456+02')",
    "INSERT INTO unlogged VALUES (1, 'nobody logs this'), (2, NULL)",
    "INSERT INTO \"Odd Schema\".\"Odd \"\"Table\" VALUES (1, 'odd'), (2, 'o\"d''d')",
];

fn fill(house: &House, megabytes: &[usize]) {
    for sql in ROWS {
        house.ask(sql);
    }
    // Children by inheritance have names of their own that the policy does not know.
    house.sql("INSERT INTO child SELECT id + 10, secret, 'extra' FROM ONLY base");
    house.sql("INSERT INTO adopted (id, secret, more) SELECT id + 20, secret, 7 FROM ONLY base");
    for (id, megabytes) in megabytes.iter().enumerate() {
        let text: String = (0..*megabytes * 32 * 1024).map(|n| format!("{:032}", n * 7919 + id)).collect();
        let path = house.world.path("wide.sql");
        std::fs::write(&path, format!("INSERT INTO wide VALUES ({id}, '{text}', 'plain', 'small {id}')")).unwrap();
        let status = std::process::Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &house.through(0), "-f"])
            .arg(path)
            .status();
        assert!(status.unwrap().success());
    }
    house.sql("ALTER TABLE accounts ADD COLUMN login_token bytea GENERATED ALWAYS AS (pg_catalog.substring(login, 9, 16)) STORED");
}

/// What the application sees, and what is stored beside the sealed bytes.
fn seen(house: &House) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for shape in SHAPES {
        let table = shape.table;
        let columns = if table == "wide" { "id, md5(plain), body, other" } else { "*" };
        let rows = house.ask(&format!("SELECT {columns} FROM {table}"));
        let mut rows: Vec<&str> = rows.lines().collect();
        rows.sort_unstable();
        all.insert(format!("{table} as read"), rows.join("\n"));
        for stored in shape.stored {
            let sql = format!("SELECT {} FROM {stored} ORDER BY 1, 2", with_two(shape.unmoved));
            all.insert(format!("{stored} as stored"), house.sql(&sql));
        }
    }
    all
}

/// So that two columns can be ordered by.
fn with_two(columns: &str) -> String {
    format!("{columns}, 1")
}

fn all_under(house: &House, dek: u32) {
    for shape in SHAPES {
        for (stored, column) in shape.stored.iter().flat_map(|stored| shape.sealed.iter().map(move |one| (stored, one)))
        {
            let values: u64 = house.sql(&format!("SELECT count({column}) FROM {stored}")).parse().unwrap();
            let expected = if values == 0 { BTreeMap::new() } else { [(dek, values)].into() };
            assert_eq!(house.by_dek(stored, column), expected, "{stored}.{column}");
        }
    }
}

fn every_shape(megabytes: &[usize]) {
    let house = House::small(SCHEMA, TABLES);
    fill(&house, megabytes);
    let before = seen(&house);
    let (old, new) = house.rotate();
    all_under(&house, old);
    let job = house.sweep(&[]);
    assert_eq!(house.state(job), "completed");
    all_under(&house, new);
    for (what, rows) in seen(&house) {
        assert!(before[&what] == rows, "{what} has changed");
    }
    // The unique index and the tokens still work.
    assert_eq!(house.ask("SELECT id FROM accounts WHERE login = 'alan'"), "2");
    assert_eq!(house.ask("SELECT id FROM accounts WHERE code = 'ABC' ORDER BY id"), "1\n2");
    let output = crate::support::try_psql(&house.through(0), "INSERT INTO accounts VALUES (9, 'ada', '')");
    assert!(crate::support::both(&output).contains("duplicate key"), "{}", crate::support::both(&output));
    // Nothing is left to do, and nothing is written.
    let rows = house.sql("SELECT string_agg(xmin::text, ',' ORDER BY ctid) FROM composite");
    let job = house.sweep(&[]);
    assert_eq!((house.state(job).as_str(), house.rewritten(job)), ("completed", 0));
    assert_eq!(house.sql("SELECT string_agg(xmin::text, ',' ORDER BY ctid) FROM composite"), rows);
}

#[test]
fn tables_of_every_shape_are_sealed_anew_and_read_as_before() {
    every_shape(&[1, 3]);
}

#[test]
#[ignore = "values of up to 20 MB: make soak-sweep"]
fn tables_of_every_shape_with_very_wide_rows() {
    every_shape(&[1, 20, 5, 10, 2]);
}
