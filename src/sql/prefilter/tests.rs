#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use pg_raw_parse::Node;
use proptest::prelude::*;

use super::*;
use crate::sql::grammar::Parsed;

fn filter(names: &[&str]) -> Prefilter {
    Prefilter::new(names.iter().copied(), ["set_tenant", "audited"])
}

fn protected(names: &[&str], text: &str) -> bool {
    filter(names).look(text.as_bytes()).protected
}

fn env(text: &str) -> bool {
    filter(&["people"]).look(text.as_bytes()).env
}

#[test]
fn a_protected_name_is_seen_in_every_spelling() {
    for text in [
        "select * from people",
        "SELECT * FROM PeOpLe",
        "select 1 from\"people\"",
        "select * from public.people p",
        "table people",
        "select people from x",
        "select/**/people.*/**/from/**/people",
        "select 1 --\r\nfrom people--",
        "select $1people",
        "select null::_people[]",
        "select 1 as a;insert into people values(1)",
        "copy people from stdin",
        "execute x; select * from u&\"peo\\0070le\"",
        "select * from U&\"!0070eople\" uescape '!'",
        "select * from pgveil_keys.keys",
        "select query_to_xml('select * from peo' || 'ple', true, true, '')",
        "select * from dblink('', 'select')",
        "alter/**/schema public rename to other",
        "/* hello */ do 'begin perform 1 from peo'\n'ple; end'",
        r"create function f() returns void language sql as e'insert into\npeople values (1)'",
        r"create function f() returns void language sql as e'insert into\x0apeople values (1)'",
    ] {
        assert!(protected(&["people"], text), "{text}");
    }
}

#[test]
fn a_name_in_a_literal_that_is_run_is_seen_in_every_spelling() {
    for text in [
        "create function f() returns void language sql as 'insert into peo'\n'ple values (1)'",
        "create function f() returns void language sql as 'insert into peo'--\n  'ple values (1)'",
        r"create or replace procedure f() language sql as e'insert into p\x65ople values (1)'",
        r"create function f() returns void language sql as u&'insert into p\0065ople values (1)'",
        "create function f() returns void language sql as u&'insert into p!0065ople' uescape '!'",
        "select set_tenant('insert into peo'\r'ple values (1)')",
        r"select 1; select set_tenant(e'insert into p\x65ople values (1)')",
        r"alter foreign table t options (set table_name e'p\x65ople')",
        "import foreign schema s from server l into t options (a 'peo'\n'ple')",
        r"copy t from program e'psql -c p\x65ople'",
        "/**/copy t to/* */program 'psql'",
    ] {
        assert!(protected(&["people"], text), "{text}");
    }
    for text in [
        "create function f() returns void language sql as 'insert into',\n'x'",
        "create table t (a text default '', b text default 'it''s');\n",
        "select 'peo'\n'ple'",
        r"insert into t values (e'p\x65ople')",
        "copy t from '/tmp/x'",
    ] {
        assert!(!protected(&["people"], text), "{text}");
    }
}

#[test]
fn a_quote_in_a_name_may_be_doubled_any_number_of_times() {
    for text in
        [r#"select * from "it's""#, r#"do 'table "it''s"'"#, r#"create function f() as 'do ''table "it''''s"'''"#]
    {
        assert!(protected(&["it's"], text), "{text}");
    }
    assert!(protected(&["'"], r#"select * from "'""#));
}

#[test]
fn comments_without_end_cost_no_more_than_their_length() {
    let text = ";/*".repeat(300_000);
    let start = std::time::Instant::now();
    assert!(protected(&["people"], &text));
    assert!(start.elapsed() < std::time::Duration::from_secs(2));
}

#[test]
fn other_words_that_hold_the_name_are_not_it() {
    for text in [
        "select 1",
        "",
        "select * from peoples",
        "select * from people_2019",
        "select * from my_people",
        "select peoplé from épeople, people$x",
        "insert into t values (1) on conflict do nothing",
        "select u & \"x\" from t",
    ] {
        assert_eq!(filter(&["people"]).look(text.as_bytes()), Mentions::default(), "{text}");
    }
}

#[test]
fn a_shorter_name_counts_where_a_longer_one_does_not() {
    assert!(protected(&["people of", "people"], "select * from people offset 1"));
    assert!(protected(&["xpeople", "people"], "select * from people, xpeoples"));
}

#[test]
fn a_name_that_the_server_would_cut_off_is_seen() {
    let name = "a".repeat(63);
    assert!(protected(&[&name], &format!("select * from {name}bcd")));
    let short = "a".repeat(59);
    assert!(!protected(&[&short], &format!("select * from {short}b")));
}

#[test]
fn odd_names_are_seen() {
    assert!(protected(&["Secret x"], "select * from \"Secret x\""));
    assert!(protected(&["a\"b"], "select * from \"a\"\"b\""));
    assert!(protected(&["\""], "select * from \"\"\"\""));
    assert!(protected(&["größe"], "select * from GRÖSSE, größe"));
    assert!(protected(&["größe"], "select * from gr\u{f6}ße"));
    assert!(protected(&["größe"], "select * from \"größe\""));
    // The same name from a client whose encoding is LATIN1.
    assert!(filter(&["größe"]).look(b"select * from gr\xf6\xdfe").protected);
    assert!(!protected(&["größe"], "select * from grosse"));
    assert!(protected(&["顧客"], "select * from 顧客"));
    assert!(!protected(&["顧客"], "select * from t"));
}

#[test]
fn a_name_across_the_borders_of_chunks_is_seen() {
    for pad in 900..1200 {
        let text = format!("select {} from people where x", "1".repeat(pad));
        assert!(protected(&["people"], &text), "{pad}");
        assert!(!protected(&["people"], &text.replace("people", "peoples")), "{pad}");
    }
}

#[test]
fn many_names_are_all_seen() {
    let names: Vec<String> = (0..3000).map(|i| format!("table_number_{i}")).collect();
    let filter = Prefilter::new(names.iter().map(String::as_str), []);
    for name in &names {
        assert!(filter.look(format!("select * from {name}").as_bytes()).protected, "{name}");
    }
    assert!(!filter.look(b"select * from table_number_3000").protected);
}

#[test]
fn without_protected_names_nothing_is_ever_mentioned() {
    for filter in [Prefilter::default(), Prefilter::new([], ["f"])] {
        assert_eq!(filter.look(b"set search_path = x; select f(), U&\"x\" from people"), Mentions::default());
    }
}

#[test]
fn what_may_change_the_environment_is_seen() {
    for text in [
        "set search_path = a",
        "SET SESSION search_path TO a",
        "set local \"search_path\" to a",
        "set role x",
        "set session authorization x",
        "set session session authorization x",
        "set local session authorization x",
        "set schema 'x'",
        "set names 'latin1'",
        "set time zone 'UTC'",
        "set/* x */local--\ntimezone to 'UTC'",
        "set u&\"search\\005fpath\" = a",
        "reset all",
        "reset role",
        "discard all",
        " /* a /* b */ c */ -- d\n set datestyle = iso",
        "select 1; set role x",
        "begin;discard temp",
        "select pg_catalog.set_config('search_path', 'a', false)",
        "update pg_settings set setting = 'x' where name = 'role'",
        "create temp table people()",
        "select 1 into temporary people",
        "create schema a",
        "grant usage on schema a to b",
        "execute x",
        "call x()",
        "do $$ begin end $$",
        "explain analyze execute x",
        "select public.SET_TENANT(1)",
        "insert into audited values (1)",
    ] {
        assert!(env(text), "{text}");
    }
}

#[test]
fn what_cannot_change_the_environment_costs_nothing() {
    for text in [
        "select role, time, names, schema from t where zone = 'x' and do_it",
        "update t set role = 'x', timezone = 'UTC', time = now()",
        "insert into t values (1) on conflict (a) do update set b = 1",
        "select x at time zone 'UTC'",
        "set transaction isolation level serializable",
        "set session characteristics as transaction read only",
        "set local app.tenant = '7'",
        "set application_name = 'role'",
        "reset statement_timeout",
        "select temperature, template from set_tenants",
        "begin; commit; rollback",
        "table x",
        "/* unterminated",
        "--",
    ] {
        assert!(!env(text), "{text}");
    }
}

/// Every name that the parser sees in a relation, column or function reference.
fn names_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let parsed = Parsed::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let mut add = |list: &pg_raw_parse::list::NodeList| {
        for node in list {
            if let Node::String(s) = node {
                names.extend(s.sval().map(str::to_owned));
            }
        }
    };
    let mut ranges = Vec::new();
    for index in 0..parsed.len() {
        let stmt = parsed.statement(index).map(pg_raw_parse::nodes::RawStmt::stmt).expect("a statement");
        pg_raw_parse::walk::walk(stmt, |node| match node {
            Node::RangeVar(r) => ranges.extend(r.relname().map(str::to_owned)),
            Node::ColumnRef(c) => add(c.fields()),
            Node::FuncCall(f) => add(f.funcname()),
            _ => {}
        });
    }
    names.extend(ranges);
    names
}

/// One identifier, spelled in one of the ways that SQL has.
fn spell(name: &str, way: u8, upper: u64) -> String {
    let quoted = name.replace('"', "\"\"");
    match way {
        0 | 1 if name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || !c.is_ascii()) => {
            let case = |(i, c): (usize, char)| if upper >> (i % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c };
            name.chars().enumerate().map(case).collect()
        }
        2 => {
            let escape = |(i, c): (usize, char)| match c {
                '\\' => "\\\\".to_owned(),
                '"' => "\"\"".to_owned(),
                c if upper >> (i % 64) & 1 == 1 => format!("\\+{:06x}", c as u32),
                c => c.to_string(),
            };
            format!("U&\"{}\"", name.chars().enumerate().map(escape).collect::<String>())
        }
        _ => format!("\"{quoted}\""),
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "x[a-z_]{0,7}",
        2 => "x[a-z]{50,80}",
        2 => "x[a-zA-Z \"';$é顧/*-]{1,12}",
        1 => "[é顧ß]{1,24}",
    ]
}

fn gap() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![" ", "\n", "\t", "/**/", "/* x /* y */ */", "--c\n", " \r\n ", "/*\"*/"])
}

/// As the server cuts identifiers off.
fn cut(name: &str) -> &str {
    let mut end = name.len().min(63);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_parser_names_is_never_missed(
        names in prop::collection::vec((name(), 0..4_u8, any::<u64>()), 5),
        gaps in prop::collection::vec(gap(), 8),
        shape in 0..6_usize,
        others in prop::collection::vec(name(), 0..80),
    ) {
        let n: Vec<String> = names.iter().map(|(name, way, upper)| spell(name, *way, *upper)).collect();
        let g = &gaps;
        let text = match shape {
            0 => format!("select{}{}.{}{} from{}{}", g[0], n[0], n[1], g[1], g[2], n[2]),
            1 => format!("select 1;{}insert{}into{}{}.{}({})values({}(1))", g[0], g[1], g[2], n[0], n[1], n[2], n[3]),
            2 => format!("update only{}{} set c=1 where{}{}={}+1", g[0], n[0], g[1], n[1], n[2]),
            3 => format!("select 1 from{}{} as{}{} join{}{} using({})", g[0], n[0], g[1], n[1], g[2], n[2], n[3]),
            4 => format!("with{}{} as(delete from{}{} returning{}{})table{}{}", g[0], n[0], g[1], n[1], g[2], n[2], g[3], n[3]),
            _ => format!("delete from{}{} using{}{} where{}{} is null", g[0], n[0], g[1], n[1], g[2], n[2]),
        };
        let seen = names_in(&text);
        prop_assert!(!seen.is_empty());
        for name in names.iter().map(|(name, ..)| cut(name)) {
            // Unquoted spellings are folded, so the parser may see another name than the catalog has.
            for catalog_name in [name.to_owned(), name.to_ascii_lowercase()] {
                if seen.contains(&catalog_name) {
                    let all = others.iter().map(|o| cut(o)).chain([catalog_name.as_str()]);
                    let filter = Prefilter::new(all, []);
                    prop_assert!(filter.look(text.as_bytes()).protected, "{catalog_name:?} in {text}");
                }
            }
        }
    }
}
