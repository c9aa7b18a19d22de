//! Changes of output columns, joins, DISTINCT, casts and PREPARE.

use pg_raw_parse::{Node, nodes, walk::Recurse, walk::walk_manual};

use super::*;
use crate::values::LogicalType;

pub(super) fn qualified(item: &str, column: &str) -> Qualified {
    Qualified { item: item.to_owned(), column: column.to_owned() }
}

pub(super) fn column(name: Option<(&str, &str)>, wrap: Wrap) -> Change {
    Change::Column(ColumnText { name: name.map(|(item, column)| qualified(item, column)), wrap })
}

pub(super) fn any_value() -> Change {
    column(None, Wrap::AnyValue("pgveil"))
}

pub(super) fn name(name: &str) -> Change {
    Change::Name(name.to_owned())
}

pub(super) fn star() -> Change {
    Change::Star(vec![qualified("t", "a"), qualified("T\"", "é")])
}

pub(super) fn seal_as() -> Change {
    Change::SealAs(0, LogicalType::Text, literal())
}

pub(super) fn seal_array() -> Change {
    Change::SealArray(0, literal())
}

/// Several changes.
#[track_caller]
pub(super) fn all(text: &str, changes: Vec<(NodeKind, &str, usize, Change)>, expected: &str) {
    match edited(text, changes) {
        Ok(edited) => assert_eq!(brief(&edited), expected, "{text}"),
        Err(refusal) => panic!("{refusal:?}: {text}"),
    }
}

#[test]
fn columns_get_another_name_or_a_wrap() {
    let named = Some(("p", "E\"mail"));
    for (wrap, expected) in [
        (Wrap::Nothing, "\"p\".\"E\"\"mail\""),
        (Wrap::Token, "pg_catalog.substring(\"p\".\"E\"\"mail\",9,16)"),
        (Wrap::AnyValue("pg_catalog"), "pg_catalog.any_value(\"p\".\"E\"\"mail\")"),
        (Wrap::TokenOfAny("pgveil"), "pg_catalog.substring(pgveil.any_value(\"p\".\"E\"\"mail\"),9,16)"),
    ] {
        for spelling in ["email", "t.email", "\"s\" . t. \"email\"", "d.s.t.email", "U&\"email\" uescape '!'", "é.Ü"]
        {
            let text = |column: &str| format!("select 1 from t group by{column} order by 1");
            one(
                &text(&format!(" {spelling}")),
                ColumnRef,
                spelling,
                column(named, wrap),
                &text(&format!(" {expected}")),
            );
        }
        one("select t.c[1], x", ColumnRef, "x", column(named, wrap), &format!("select t.c[1], {expected}"));
        one("select 1 group by 2,3", Const, "2", column(named, wrap), &format!("select 1 group by {expected},3"));
        one(
            "select 1 where not\"c\"=1",
            ColumnRef,
            "\"c",
            column(named, wrap),
            &format!("select 1 where not {expected}=1"),
        );
    }
    one(
        "select a,/* x */t.\"b\"from t",
        ColumnRef,
        "t.\"b",
        any_value(),
        "select a,/* x */pgveil.any_value(t.\"b\")from t",
    );
    one("select t.c[1]", ColumnRef, "t.c", column(named, Wrap::Nothing), "select \"p\".\"E\"\"mail\"[1]");
    one("select x", ColumnRef, "x", column(None, Wrap::Nothing), "select x");
    refused("select 1 group by 2", Const, "2", any_value());
    refused("select t.* from t", ColumnRef, "t.*", column(named, Wrap::Nothing));
    refused("select f(a)", ColumnRef, "f(", column(named, Wrap::Nothing));
    refused("select t.c[1]", ColumnRef, "t.c", any_value());
}

#[test]
fn output_columns_get_a_name() {
    for target in [
        "email",
        "t.\"email\"",
        "t.from",
        "f(a, b) filter (where a) over (partition by b order by c)",
        "f(a) over w",
        "percentile_cont(0.5) within group (order by a desc)",
        "a is distinct from b",
        "a is not distinct from b and c",
        "case when a is distinct from b then 'from' else (select 1 from t limit 1) end",
        "case a when 1 then 2 end",
        "extract(year from a)",
        "substring(a from 1 for 2)",
        "a::timestamp with time zone",
        "'x'::time(3) with time zone at time zone 'utc'",
        "'x'::interval day to second(3)",
        "array[1,2][1]",
        "(a, b)",
        "(select a, b from c) /* , */",
        "cast(a as text)",
        "x'1f'",
        "a -- from\n+ b",
        "a between 1 and 2 or not b",
        "a operator(pg_catalog.+) b",
        "a collate \"C\"",
        "(a).b.limit",
        "$1",
        "U&\"c\" uescape '!'",
        "array(select 1 order by 2)",
        "exists(select)",
        "a isnull",
        "xmlelement(name a, b)",
    ] {
        // A comment behind the target is none of it.
        let plain = target.split(" /*").next().unwrap();
        let before = format!("{} AS \"Na\"\"me\"{}", plain, &target[plain.len()..]);
        for frame in [
            "select @",
            "select 1, @ , 2",
            "select @ from t",
            "select distinct on (c) @ where a",
            "select @ into u from t",
            "select @ group by a",
            "select @ having a",
            "select @ window w as ()",
            "select @ union all select 1",
            "select @ except select 1",
            "select 1 intersect (select @)",
            "select @ order by 1",
            "select @ limit 1",
            "select @ offset 1",
            "select @ fetch first row only",
            "select @ for update",
            "insert into t select @ on conflict do nothing",
            "insert into t select @ returning 1",
            "insert into t values (1) returning 1, @",
            "update t set a = 1 returning @, *",
            "delete from t returning with (old as o) @",
            "merge into t using u on true when matched then delete returning @",
            "with x as (delete from t returning @) select 1",
            "create table x as select @ with no data",
            "create view v as select @ with check option",
            "copy (select @) to stdout",
            "prepare p (int, date) as select @",
            "declare c cursor for select @",
            "explain (analyze, costs off) select @ ;",
        ] {
            let text = frame.replace('@', target);
            // A label that is a keyword: the grammar wants AS before the next clause.
            if Parsed::parse(&text).is_err() {
                continue;
            }
            let at = frame.find('@').unwrap();
            let parsed = Parsed::parse(&text).unwrap();
            let changes =
                vec![(NodeAt { kind: NodeKind::Target, location: i32::try_from(at).unwrap() }, name("Na\"me"))];
            let edits = prove(&parsed, 0, changes).unwrap_or_else(|e| panic!("{e:?}: {text}"));
            let result = render(&text, &edits, &mut |_, _| Ok::<_, Infallible>(())).unwrap();
            assert_eq!(result, frame.replace('@', &before), "{text}");
        }
    }
    refused("select a as b", NodeKind::Target, "a", name("c"));
    refused("select a b", NodeKind::Target, "a", name("c"));
    refused("select a, *", NodeKind::Target, "*", name("c"));
    refused("update t set a = 1", NodeKind::Target, "a =", name("c"));
    refused("insert into t (a) values (1)", NodeKind::Target, "a)", name("c"));
    refused("select a + b", NodeKind::Target, "b", name("c"));
}

#[test]
fn stars_become_columns() {
    let columns = "\"t\".\"a\", \"T\"\"\".\"é\"";
    for marked in [
        "select@*@from t",
        "select @*@ from t",
        "select 1, @t.*@, 2 from t",
        "select @\"s\" . t /* c */ . *@-- x\nfrom t",
        "select @U&\"t\" uescape '!'.*@ from t",
        "select (select 1), @x.*@ from x",
        "insert into t values (1) returning @*@, 1",
        "update t set a = 1 returning @t.*@",
        "delete from t where a returning(1),@*@",
        "merge into t using u on true when matched then delete returning @*@",
        "select 1 from (select @*@ from t) x",
        "with x as (delete from t returning @*@) select 1 from x",
        "select @*@ from t union all select 1",
        "prepare p as select @*@ from t",
        "copy (select @*@ from t) to stdout",
        "declare c cursor for select @*@ from t",
        "create view v as select @*@ from t",
        "explain select @*@ from t",
        "create table x as select @*@ from t",
    ] {
        let text = marked.replace('@', "");
        let [before, star_text, behind] = marked.split('@').collect::<Vec<_>>()[..] else { panic!() };
        let gap = if before.ends_with(char::is_alphabetic) { " " } else { "" };
        one(&text, ColumnRef, star_text, star(), &format!("{before}{gap}{columns}{behind}"));
    }
    all(
        "select distinct a.*, b.*, c from a, b",
        vec![
            (ColumnRef, "a.*", 1, Change::Star(vec![qualified("a", "x")])),
            (ColumnRef, "b.*", 1, star()),
            (ColumnRef, "c from", 1, any_value()),
            (NodeKind::Distinct, "a.*", 1, Change::DistinctOn(vec![DistinctItem::Position(2)])),
        ],
        &format!("select distinct ON (2) \"a\".\"x\", {columns}, pgveil.any_value(c) from a, b"),
    );
    refused("select count(t.*) from t", ColumnRef, "t.*", star());
    refused("select row(t.*) from t", ColumnRef, "t.*", star());
    refused("select (t.*) is null from t", ColumnRef, "t.*", star());
    refused("select t.a from t", ColumnRef, "t.a", star());
    refused("select (t).* from t", ColumnRef, "t)", star());
    refused("select * from t", ColumnRef, "*", Change::Star(Vec::new()));
    refused("table t", ColumnRef, "t", star());
}

#[test]
fn distinct_counts_by_tokens() {
    let items = || {
        let token = DistinctItem::Token(qualified("p", "E\"mail"));
        Change::DistinctOn(vec![DistinctItem::Position(1), token, DistinctItem::Position(3)])
    };
    let on = " ON (1, pg_catalog.substring(\"p\".\"E\"\"mail\",9,16), 3)";
    for (before, behind) in [
        ("select distinct", " a, b, c from t"),
        ("select DISTINCT", "(a), b, c"),
        ("select distinct", "\"a\", b, c order by 1"),
        ("select 1 from (select distinct", " /* x */ a, b, c) x"),
        ("select /* é */ distinct", " (select distinct x), b, c"),
        ("prepare p as select distinct", " a, b, c"),
    ] {
        let text = format!("{before}{behind}");
        let comment = behind.find("*/").map_or(0, |n| n + 2);
        let first = behind[comment..].trim_start();
        one(&text, NodeKind::Distinct, first, items(), &format!("{before}{on}{behind}"));
    }
    all(
        "select distinct\"email\", x",
        vec![
            (NodeKind::Distinct, "\"email", 1, Change::DistinctOn(vec![DistinctItem::Position(1)])),
            (ColumnRef, "\"email", 1, any_value()),
            (NodeKind::Target, "\"email", 1, name("email")),
        ],
        "select distinct ON (1)pgveil.any_value(\"email\") AS \"email\", x",
    );
    refused("select a", NodeKind::Distinct, "a", items());
    refused("select distinct on (b) a", NodeKind::Distinct, "a", items());
    refused("select count(distinct a)", NodeKind::Distinct, "a", items());
    refused("select distinct a", NodeKind::Distinct, "a", Change::DistinctOn(Vec::new()));
    refused("select a union select b", NodeKind::Distinct, "a", items());
}

/// The joins of a statement that have a USING clause, from the first to the last in the tree.
fn joins<'t>(parsed: &'t Parsed<'_>) -> Vec<&'t nodes::JoinExpr> {
    let mut joins = Vec::new();
    let statement = match parsed.statement(0).unwrap().stmt() {
        Node::PrepareStmt(prepare) => prepare.query(),
        other => other,
    };
    walk_manual::<()>(statement, |node| {
        if let Node::JoinExpr(join) = node
            && !join.using_clause().is_empty()
        {
            joins.push(join);
        }
        Recurse::yes()
    });
    joins
}

pub(super) fn on(columns: &[(&str, bool)]) -> Change {
    Change::On(columns.iter().map(|(c, token)| (qualified("l", c), qualified("r\"", c), *token)).collect())
}

#[test]
fn using_becomes_a_condition() {
    let plain = |c: &str| format!("\"l\".\"{c}\" = \"r\"\"\".\"{c}\"");
    let token =
        |c: &str| format!("pg_catalog.substring(\"l\".\"{c}\",9,16) = pg_catalog.substring(\"r\"\"\".\"{c}\",9,16)");
    for (text, columns) in [
        ("select 1 from a join b @", &[("x", true)][..]),
        ("select 1 from a join b @", &[("x", false)]),
        (
            "select 1 from a /* join b using (x) */ left join b as q @ where 1=1",
            &[("x", true), ("y", false), ("é", true)],
        ),
        (
            "select 1 from a join (select z from c join d using (z) where d.q = 1) b @ order by z using <",
            &[("x", true)],
        ),
        ("select 1 from a join b join c using (z) @ join d using (w)", &[("x", true)]),
        ("select 1 from a join b cross join c natural left join d join e on a.b = e.c @", &[("x", true)]),
        ("select 1 from a join (b join c using (z)) @", &[("x", true), ("y", true)]),
        ("select 1 from a join (b join c using (z)) as q @, t", &[("x", true)]),
        ("select 1 from a full outer join lateral f(a.b, g(1)) with ordinality @", &[("x", true)]),
        ("select 1 from a inner join lateral rows from (f(1), g(2)) as x (y) @", &[("x", true)]),
        ("select 1 from a join (values ('using (x)', 1)) v(x, y) @", &[("x", true)]),
        ("select 1 from a join (values (cast(1 as int))) v(x) @", &[("x", true)]),
        ("select 1 from a join (with w as (select 1 from j join k using (z)) select 1) v(x) @", &[("x", true)]),
        ("select 1 from a join (table b) v @", &[("x", true)]),
        ("select 1 from a join ((select x from b) union select 1) v @", &[("x", true)]),
        ("select 1 from a join b tablesample system (1) repeatable (2) @", &[("x", true)]),
        ("select 1 from a join only (b) @", &[("x", true)]),
        ("select 1 from a join /* join */ b -- using (z)\n @", &[("x", true)]),
        ("select 1 from a join s.using(1) @", &[("x", true)]),
        ("select 1 from a join \"join\".\"using\" @", &[("x", true)]),
        ("delete from t using a join b @ where t.x = a.x", &[("x", true)]),
        ("update t set a = 1 from a join b @", &[("x", true)]),
        ("select (select 1 from a join b @ limit 1)", &[("x", true)]),
        ("prepare p as select 1 from a join b @", &[("x", true)]),
    ] {
        let names: Vec<_> = columns.iter().map(|(c, _)| *c).collect();
        let before = text.replace('@', &format!("using ( {} )", names.join(" , ")));
        let conditions: Vec<_> = columns.iter().map(|(c, t)| if *t { token(c) } else { plain(c) }).collect();
        let expected = text.replace('@', &format!("ON ({})", conditions.join(" AND ")));
        let parsed = Parsed::parse(&before).unwrap_or_else(|e| panic!("{e:?}: {before}"));
        let join = joins(&parsed)
            .into_iter()
            .find(|join| join.using_clause().iter().map(|n| n.sval().unwrap()).eq(names.iter().copied()))
            .unwrap();
        let at = NodeAt::using(&before, join).unwrap_or_else(|| panic!("no place: {before}"));
        assert_eq!(usize::try_from(at.location).unwrap(), text.find('@').unwrap(), "{before}");
        let edits = prove(&parsed, 0, vec![(at, on(columns))]).unwrap_or_else(|e| panic!("{e:?}: {before}"));
        assert_eq!(render(&before, &edits, &mut |_, _| Ok::<_, Infallible>(())).unwrap(), expected);
    }
}

#[test]
fn every_join_of_a_statement_gets_a_condition() {
    let text = "select 1 from a join b using(x) join (c join d using (x)) using (x) join e join f using (x) using (x)";
    let parsed = Parsed::parse(text).unwrap();
    let changes: Vec<_> =
        joins(&parsed).into_iter().map(|join| (NodeAt::using(text, join).unwrap(), on(&[("x", false)]))).collect();
    assert_eq!(changes.len(), 5);
    let edits = prove(&parsed, 0, changes).unwrap();
    let condition = "ON (\"l\".\"x\" = \"r\"\"\".\"x\")";
    assert_eq!(
        render(text, &edits, &mut |_, _| Ok::<_, Infallible>(())).unwrap(),
        text.replace("using (x)", condition).replace("using(x)", condition)
    );
}

#[test]
fn a_join_with_an_alias_for_its_columns_is_refused() {
    for text in ["select 1 from a join b using (x) as j", "select 1 from a join b using (x)"] {
        let parsed = Parsed::parse(text).unwrap();
        let at = NodeAt::using(text, joins(&parsed)[0]).unwrap();
        assert_eq!(prove(&parsed, 0, vec![(at, on(&[("x", true)]))]).is_err(), text.ends_with("as j"), "{text}");
        assert!(prove(&parsed, 0, vec![(at, on(&[]))]).is_err());
    }
    let parsed = Parsed::parse("select 1 from a join b on true").unwrap();
    let Node::SelectStmt(select) = parsed.statement(0).unwrap().stmt() else { panic!() };
    let Some(Node::JoinExpr(join)) = select.from_clause().get(0) else { panic!() };
    assert_eq!(NodeAt::using(parsed.text(), join), None);
}

#[test]
fn columns_and_names_meet_at_one_place() {
    all(
        "select email,t.\"email\"from t group by email",
        vec![
            (ColumnRef, "email,", 1, any_value()),
            (NodeKind::Target, "email,", 1, name("email")),
            (ColumnRef, "t.", 1, column(Some(("p", "email")), Wrap::Token)),
            (NodeKind::Target, "t.", 1, name("email")),
            (ColumnRef, "email", 3, Change::Substring),
        ],
        "select pgveil.any_value(email) AS \"email\",pg_catalog.substring(\"p\".\"email\",9,16) AS \"email\"from t group by pg_catalog.substring(email,9,16)",
    );
    all(
        "select (email), coalesce(email,'x')from t",
        vec![
            (NodeKind::Target, "(email", 1, name("email")),
            (ColumnRef, "email", 1, any_value()),
            (NodeKind::Target, "coalesce", 1, name("coalesce")),
            (ColumnRef, "email", 2, any_value()),
            (Const, "'x'", 1, seal_as()),
        ],
        "select (pgveil.any_value(email)) AS \"email\", coalesce(pgveil.any_value(email),«T») AS \"coalesce\"from t",
    );
}
