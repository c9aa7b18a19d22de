//! Tables of 1,600 columns, which is `MaxHeapAttributeNumber`.

use std::fmt::Write as _;

use super::{
    raw::{Raw, Script, bind, brief, copy_data, copy_done, execute, parse, query, sync},
    same,
    support::{World, both},
};

/// `id`, then `c2`, `c3` … of type text.
fn schema(name: &str, columns: usize) -> String {
    let mut sql = format!("CREATE TABLE {name} (id integer PRIMARY KEY");
    (2..=columns).for_each(|i| write!(sql, ", c{i} text").unwrap());
    sql + ")"
}

fn policy(name: &str, protected: &[usize], mode: impl Fn(usize) -> &'static str) -> String {
    let mut yaml = format!("{name}:\n  columns:\n");
    for &i in protected {
        writeln!(yaml, "    c{i}: {{ type: text{} }}", mode(i)).unwrap();
    }
    yaml
}

fn list(columns: usize, item: impl Fn(usize) -> String) -> String {
    (2..=columns).map(item).collect::<Vec<_>>().join(", ")
}

/// Sealing changes columns in place: no further column is needed.
#[test]
fn a_table_of_1600_columns_with_protected_ones_among_them() {
    let protected = [2, 3, 100, 799, 800, 1599, 1600];
    let mode = |i| if i % 2 == 0 { ", mode: equality" } else { "" };
    let world = World::builder()
        .schema(&format!("{}; {}", schema("wide", 1600), schema("plain", 1600)))
        .tables(&policy("wide", &protected, mode))
        .start();
    let mut script = Script::new();
    for table in ["wide", "plain"] {
        let values = list(1600, |i| format!("'{}'", i % 7));
        let dollars = list(1600, |i| format!("${}", i - 1));
        let texts: Vec<String> = (2..=1600).map(|i| format!("{}", i % 5)).collect();
        let parameters: Vec<Option<&[u8]>> = texts.iter().map(|text| Some(text.as_bytes())).collect();
        let mut row = String::from("3");
        (2..=1600).for_each(|i| write!(row, "\t{}", i % 3).unwrap());
        script = script
            .query(&format!("INSERT INTO {table} VALUES (1, {values})"))
            .ask([
                parse("", &format!("INSERT INTO {table} VALUES (2, {dollars}) RETURNING *"), &[]),
                bind("", "", &[], &parameters, &[]),
                execute("", 0),
                sync(),
            ])
            .ask([query(&format!("COPY {table} FROM STDIN")), copy_data(format!("{row}\n").as_bytes()), copy_done()])
            .query(&format!("SELECT * FROM {table} ORDER BY id"))
            .query(&format!("SELECT w.* FROM {table} w WHERE c1600 = '4' AND c800 = '2'"))
            .ask([
                parse("", &format!("SELECT * FROM {table} WHERE c1600 = $1"), &[]),
                bind("", "", &[], &[Some(b"0")], &[1]),
                execute("", 0),
                sync(),
            ])
            .query(&format!("UPDATE {table} SET {} WHERE id = 1", list(1600, |i| format!("c{i} = 'u'"))))
            .query(&format!("COPY {table} TO STDOUT"))
            .query(&format!("COPY {table} TO STDOUT BINARY"))
            // One more is one too many, in a table as well as in a result (1,664).
            .query(&format!("ALTER TABLE {table} ADD COLUMN c1601 text"))
            .query(&format!("SELECT *, {} FROM {table}", list(65, |i| format!("c{i} AS d{i}"))))
            .query(&format!("SELECT *, {} FROM {table}", list(66, |i| format!("c{i} AS d{i}"))))
            .query(&format!("INSERT INTO {table} VALUES (9, {values}, 'more')"));
    }
    let said = brief(&same(&world, &script));
    assert_eq!(said.iter().filter(|line| *line == "!54011").count(), 4, "{said:?}");
    let check = world.pgveil(&["check"]);
    assert!(check.status.success(), "{}", both(&check));
}

/// A row must fit a page of 8 KiB. The server moves sealed values out of it, but 18 bytes stay of each.
#[test]
#[ignore = "long: make test-limits"]
fn more_sealed_columns_than_fit_a_row_are_told_at_apply() {
    let world = |sealed: usize| {
        let protected: Vec<usize> = (2..=sealed + 1).collect();
        World::builder().schema(&schema("wide", 1600)).tables(&policy("wide", &protected, |_| ""))
    };
    for (sealed, fits) in [(440, true), (441, false), (1599, false)] {
        let said = both(&world(sealed).idle().start().pgveil(&["apply", "--dry-run"]));
        let told = said.contains(&format!("{sealed} columns are sealed")) && said.contains("row is too big");
        assert_eq!(told, !fits, "{said}");
    }
    let world = world(441).start();
    let insert = |sealed: usize| {
        let names = list(sealed + 1, |i| format!("c{i}"));
        format!("INSERT INTO wide (id, {names}) VALUES ({sealed}, {})", list(sealed + 1, |i| format!("'value {i}'")))
    };
    let mut raw = Raw::connect(&world.through());
    assert_eq!(raw.brief(&insert(440)), ["INSERT 0 1", "=I"]);
    assert_eq!(raw.brief(&insert(441)), ["!54000", "=I"]);
    assert_eq!(raw.brief("SELECT id, c441 FROM wide"), ["440|value 441", "SELECT 1", "=I"]);
    assert_eq!(raw.brief("SELECT id FROM wide WHERE c442 IS NULL"), ["440", "SELECT 1", "=I"]);
}
