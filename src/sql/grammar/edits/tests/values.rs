//! Casts that are taken away, literals that get a type, and values in statements of every kind.

use super::{
    select::{all, any_value, name, seal_array, seal_as},
    *,
};

#[test]
fn casts_are_taken_away() {
    for (cast, start, expected) in [
        ("email::text", "::", "email"),
        ("email /* c */ :: pg_catalog . varchar ( 3 ) []", "::", "email /* c */ "),
        ("email::timestamp (3) with time zone", "::", "email"),
        ("(case when a then 'x'::text end)::varchar(40)", "::v", "(case when a then 'x'::text end)"),
        ("coalesce(a, b)::text", "::", "coalesce(a, b)"),
        ("(a || b)::text", "::", "(a || b)"),
        ("((a))::text collate \"C\"", "::", "((a)) collate \"C\""),
        ("cast(email as text)", "cast", "(email )"),
        ("CAST /* 1 */ ( email /* 2 */ AS /* 3 */ varchar(3) )", "CAST", "( email /* 2 */ )"),
        ("cast(cast(a as int) as text)", "cast", "(cast(a as int) )"),
        ("cast(case when a then b end as text[])", "cast", "(case when a then b end )"),
        ("cast('as' as text)::int", "cast", "('as' )::int"),
        ("(select a::int as x from t as y)::text", "::t", "(select a::int as x from t as y)"),
        ("cast((select a as x) as text)", "cast", "((select a as x) )"),
        ("date 'x'", "date", "'x'"),
        ("pg_catalog.date'x'", "pg", "'x'"),
        ("interval '1' day to second(3)", "interval", "'1'"),
        ("N'x'", "N'", "'x'"),
        ("numeric(3,2) '1'", "numeric", "'1'"),
        ("null::text", "::", "null"),
        ("$1::text", "::", "$1"),
        ("array[a]::text[]", "::", "array[a]"),
    ] {
        for frame in ["select @ , b", "insert into t values(1,@)", "select 1 where (@) = c", "prepare p as select @"] {
            let text = frame.replace('@', cast);
            let at = frame.find('@').unwrap();
            let n = text[..at + cast.find(start).unwrap()].matches(start).count() + 1;
            let expected = frame.replace('@', expected);
            all(&text, vec![(Cast, start, n, Change::Uncast)], &expected);
        }
    }
    refused("select current_date", Cast, "current", Change::Uncast);
    refused("select - 5::int", Cast, "::", Change::Uncast);
    refused("select a::text", ColumnRef, "a", Change::Uncast);
}

#[test]
fn casts_are_taken_away_around_other_changes() {
    all(
        "select (case when id = 1 then 'x'::text when id = $2 then $1::varchar else cast(null as text) end)::varchar(40)",
        vec![
            (Cast, "::v", 2, Change::Uncast),
            (Cast, "::text", 1, seal_as()),
            (Cast, "::v", 1, Change::Param(7)),
            (Cast, "cast", 1, Change::NullBytea),
        ],
        "select (case when id = 1 then «T» when id = $2 then $7 else NULL::pg_catalog.bytea end)",
    );
    all(
        "select cast(email as text)::varchar from t",
        vec![
            (NodeKind::Target, "cast", 1, name("email")),
            (Cast, "::", 1, Change::Uncast),
            (Cast, "cast", 1, Change::Uncast),
            (ColumnRef, "email", 1, any_value()),
        ],
        "select (pgveil.any_value(email) ) AS \"email\" from t",
    );
    all(
        "select email::text,'x'::text",
        vec![
            (NodeKind::Target, "email", 1, name("email")),
            (Cast, "::", 1, Change::Uncast),
            (ColumnRef, "email", 1, any_value()),
            (NodeKind::Target, "'x'", 1, name("text")),
            (Cast, "::", 2, Change::Uncast),
            (Const, "'x'", 1, seal_as()),
        ],
        "select pgveil.any_value(email) AS \"email\",«T» AS \"text\"",
    );
    all("select date'x'", vec![(Cast, "date", 1, Change::Uncast), (Const, "'x'", 1, seal())], "select «S»");
    all(
        "select array['x']from t",
        vec![
            (NodeKind::Target, "array", 1, name("array")),
            (ArrayExpr, "array", 1, Change::ByteaArray),
            (Const, "'x'", 1, token()),
        ],
        "select array[«T»]::pg_catalog.bytea[] AS \"array\"from t",
    );
}

#[test]
fn literals_are_sealed_with_a_type() {
    for (value, kind, start) in [
        ("'x'", Const, "'x'"),
        ("-5", Const, "-5"),
        ("'x'::varchar(3)", Cast, "::"),
        ("cast('x' as text)", Cast, "cast"),
        ("date 'x'", Cast, "date"),
    ] {
        let text = |value: &str| format!("select coalesce(c,{value})");
        one(&text(value), kind, start, seal_as(), &text("«T»"));
    }
    for (value, kind, start) in
        [("'{a,b}'", Const, "'{"), ("('{e,f}')::varchar[]", Cast, "::"), ("cast('{a}' as text[])", Cast, "cast")]
    {
        let text = |value: &str| format!("insert into t select * from unnest({value})");
        one(&text(value), kind, start, seal_array(), &text("«A»"));
    }
    for (value, kind, start) in
        [("null", Const, "null"), ("NULL :: text", Cast, "::"), ("cast(null as varchar(3))", Cast, "cast")]
    {
        let text = |value: &str| format!("select coalesce(c,{value})or d");
        one(&text(value), kind, start, Change::NullBytea, &text("NULL::pg_catalog.bytea"));
    }
    refused("select $1", ParamRef, "$1", seal_as());
    refused("select $1", ParamRef, "$1", seal_array());
    refused("select f(1)::text", Cast, "::", Change::NullBytea);
}

#[test]
fn types_of_prepared_parameters_become_bytea() {
    let bytea = |array| Change::Bytea { array };
    for ty in [
        "text",
        "pg_catalog . text",
        "varchar(3)",
        "character varying (3)",
        "timestamp (3) with time zone",
        "interval day to second(3)",
        "\"My\".\"Type\"",
        "U&\"t\\0065xt\" uescape '!'",
        "text[]",
        "int array[3]",
        "double precision",
        "numeric(3,2)[][]",
        "national character varying(3)",
    ] {
        let text = |ty: &str| format!("prepare p (int,{ty}, date) as select $2");
        one(&text(ty), NodeKind::TypeName, ty, bytea(false), &text("pg_catalog.bytea"));
        one(&text(ty), NodeKind::TypeName, ty, bytea(true), &text("pg_catalog.bytea[]"));
    }
    all(
        "prepare p(text,text)as insert into t values ($1,$2)",
        vec![
            (NodeKind::TypeName, "text", 1, bytea(false)),
            (NodeKind::TypeName, "text", 2, bytea(true)),
            (ParamRef, "$1", 1, Change::Param(2)),
        ],
        "prepare p(pg_catalog.bytea,pg_catalog.bytea[])as insert into t values ($2,$2)",
    );
    refused("prepare p (text) as select $1", NodeKind::TypeName, "p", bytea(false));
}

#[test]
fn statements_of_every_kind_are_changed() {
    for text in [
        "execute p ('x', 2)",
        "prepare p as select 'x'",
        "declare c cursor for select 'x'",
        "create view v as select 'x'",
        "create materialized view v as select 'x'",
        "create table v as select 'x'",
        "create table v as execute p('x')",
        "explain analyze verbose insert into t values ('x')",
        "explain execute p ('x')",
        "copy (select 'x') to stdout",
        "explain declare c cursor for select 'x'",
        "call f('x')",
        "merge into t using u on true when not matched then insert values ('x')",
        "merge into t using u on true when matched and a = 'x' then update set a = 1",
        "update t set (a, b) = (select 'x', 2)",
        "update t set a[1] = 'x'",
        "insert into t values (1) on conflict (a) do update set b = 'x'",
        "insert into t values (1) on conflict (a) do update set b = 1 where t.c = 'x' returning 1",
        "with x as (insert into t values (1) returning a = 'x') select 1",
        "select 1 from f('x') g",
        "select 1 from unnest('x', 2) with ordinality",
        "select 1 from rows from (f('x'), g(2))",
        "select 1 from t tablesample system ('x')",
        "select 1 limit 'x'",
        "select 1 offset 'x'",
        "select 1 order by 'x' desc",
        "select 1 group by grouping sets ((a), ('x'))",
        "select 1 having c = 'x'",
        "select f(a) over (partition by 'x') from t",
        "select 1 window w as (order by 'x')",
        "select f(a order by 'x')",
        "select f(a) filter (where c = 'x')",
        "select f(b => 'x')",
        "select array(select 'x')",
        "select row('x', 1)",
        "select greatest('x', 1), nullif(a, 1)",
        "select nullif(a, 'x')",
        "select a[ 'x' ]",
        "select (a).b || 'x'",
        "select c in ('x', 'y')",
        "select c between 'x' and 'y'",
        "select 'x' collate \"C\"",
        "select c = any (array['x'])",
        "select json_object('x' : 1)",
        "select xmlelement(name a, 'x')",
        "values (1, 'x')",
        "select 1 union all (values ('x'))",
        "table t union all select 'x'",
        "lock table t; select 'x'",
    ] {
        let expected = text.replace("'x'", "«T»");
        let Some(statement) = text.rsplit("; ").next() else { panic!() };
        one(statement, Const, "'x'", token(), expected.rsplit("; ").next().unwrap());
    }
}

#[test]
fn casts_too_deep_in_each_other_are_refused() {
    let nested = |depth: usize| {
        let text = format!("select {}c{}", "f(".repeat(depth), ")::text".repeat(depth));
        let changes = (1..=depth).map(|n| (Cast, "::", n, Change::Uncast)).collect();
        edited(&text, changes)
    };
    assert_eq!(nested(30).unwrap(), format!("select {}c{}", "f(".repeat(30), ")".repeat(30)));
    assert!(nested(60).is_err());
}
