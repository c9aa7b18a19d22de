//! All literals, parameters and names of random statements are changed at once.

use pg_raw_parse::{Node, nodes, walk::Recurse, walk::walk_manual};

use super::{
    operators::null_if,
    select::{any_value, column, name, on, seal_array, seal_as, star},
    *,
};

/// Pieces that make expressions of each other. `@` stands for an operand.
const SHAPES: &[&str] = &[
    "(@)",
    "@ = @",
    "@ || @",
    "@-@",
    "-@",
    "not @",
    "@ and @",
    "@ or @",
    "@::text",
    "( @ ) :: varchar(3)",
    "cast(@ as int)",
    "f(@, @)",
    "@ in (@,@)",
    "@ between @ and @",
    "@ is not distinct from @",
    "case when @ then @ else @ end",
    "array[@,@]",
    "row(@,@)",
    "coalesce(@,@)",
    "(select @ from t where @)",
    "exists(select 1 from \"T\" x where @)",
    "@ like @",
    "@=any(@)",
    "(@)::int[]",
    "@ at time zone @",
    "count(*) filter (where @)",
    "(@)[1]",
    "@ is null",
    "@ collate \"C\"",
    "@ operator(pg_catalog.+) @",
];

const LEAVES: &[&str] = &[
    "1",
    "-1",
    "'x'",
    "'a''b'",
    "E'\\'é'",
    "U&'!0061' uescape '!'",
    "$$d$$",
    "2.5",
    "null",
    "true",
    "$1",
    "$12",
    "c",
    "t.c",
    "\"é\".\"c\"",
    "date 'x'",
    "interval '1' day to second",
    "N'n'",
    "b'1'",
    "'x'::text",
    "$2::int",
    "cast('y' as text)",
    "('z')::varchar(3)::text",
    "'a'\n'b'",
    "numeric(3,1) '1'",
    "- 5",
    "-(7)",
    "now()",
    "current_date",
];

/// Text with `@` filled in, deepest last.
fn expression(choices: &[usize], gap: &str) -> String {
    let mut text = "@".to_owned();
    for (n, choice) in choices.iter().enumerate() {
        let Some(at) = text.find('@') else { break };
        let with = if n < choices.len() / 2 { SHAPES[choice % SHAPES.len()] } else { LEAVES[choice % LEAVES.len()] };
        text.replace_range(at..=at, &with.replace(' ', gap));
    }
    text.replace('@', "c")
}

/// All nodes that can be changed, each by a change that fits.
fn changes(statement: Node<'_>) -> Vec<(NodeAt, Change)> {
    let mut changes = Vec::new();
    let mut push = |kind, location, change| changes.push((NodeAt { kind, location }, change));
    walk_manual::<()>(statement, |node| {
        match node {
            // The modifiers of a type are constants, too, and no values.
            Node::TypeName(_) => return Recurse::no(),
            Node::A_Const(c) => push(Const, c.location, token()),
            Node::ParamRef(p) => push(ParamRef, p.location, Change::Param(7)),
            Node::ColumnRef(c) => push(ColumnRef, c.location, Change::Substring),
            Node::RangeVar(r) => push(RangeVar, r.location, qualify()),
            Node::TypeCast(cast) => {
                let at = NodeAt::type_cast(cast).location;
                match innermost(cast) {
                    Node::A_Const(_) => push(Cast, at, seal()),
                    Node::ParamRef(_) => push(Cast, at, Change::Param(8)),
                    _ => return Recurse::yes(),
                }
                return Recurse::no();
            }
            _ => {}
        }
        Recurse::yes()
    });
    changes
}

fn innermost(cast: &nodes::TypeCast) -> Node<'_> {
    match cast.arg() {
        Node::TypeCast(inner) => innermost(inner),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_value_of_a_statement_can_be_changed(
        choices in prop::collection::vec(any::<usize>(), 2..24),
        gap in prop::sample::select(vec![" ", "  ", " /* ' é */ ", "\r\n"]),
    ) {
        let expression = expression(&choices, gap);
        for text in [
            format!("select 1 from \"T\"{gap}x where {expression}"),
            format!("insert into t values (1,{expression}),({expression},2) returning c"),
            format!("update{gap}t set a={expression}, b = 'x' where c={expression}"),
        ] {
            let Ok(parsed) = Parsed::parse(&text) else { continue };
            let changes = changes(parsed.statement(0).unwrap().stmt());
            let each: Vec<_> = changes.iter().map(|(at, _)| *at).collect();
            let result = prove(&parsed, 0, changes);
            prop_assert!(result.is_ok(), "{text}: {each:?}: {result:?}");
        }
    }
}

/// All nodes that can be changed, each by a change that fits; `seed` says by which if there are
/// several. Casts are taken away and what stands in them is changed.
fn output_changes(text: &str, statement: Node<'_>, seed: usize) -> Vec<(NodeAt, Change)> {
    let mut changes = Vec::new();
    let mut push = |at, change| changes.push((at, change));
    let plain = |kind, location| NodeAt { kind, location };
    let named = Some(("t\"", "é"));
    let mut n = seed % 1000;
    walk_manual::<()>(statement, |node| {
        n += 1;
        match node {
            Node::TypeName(_) => return Recurse::no(),
            Node::A_Const(c) => {
                let change = match n % 4 {
                    0 => seal_as(),
                    1 => seal_array(),
                    2 => Change::NullBytea,
                    _ => column(named, Wrap::Token),
                };
                push(plain(Const, c.location), change);
            }
            Node::ParamRef(p) => push(plain(ParamRef, p.location), Change::Param(7)),
            Node::ColumnRef(c) if c.fields().iter().any(|field| matches!(field, Node::A_Star(_))) => {
                push(plain(ColumnRef, c.location), star());
            }
            Node::ColumnRef(c) => {
                let change = match n % 4 {
                    0 => any_value(),
                    1 => column(named, Wrap::Nothing),
                    2 => column(named, Wrap::AnyValue("pgveil")),
                    _ => column(None, Wrap::Token),
                };
                push(plain(ColumnRef, c.location), change);
            }
            Node::ResTarget(target) if target.name().is_none() => match target.val() {
                Node::ColumnRef(c) if c.fields().iter().any(|field| matches!(field, Node::A_Star(_))) => {}
                _ => push(plain(NodeKind::Target, target.location), name("n")),
            },
            Node::TypeCast(cast) => push(NodeAt::type_cast(cast), Change::Uncast),
            Node::JoinExpr(join) => {
                if let Some(at) = NodeAt::using(text, join) {
                    push(at, on(&[("x", true), ("y", false)]));
                }
            }
            Node::SelectStmt(select) if select.distinct_clause().len() == 1 => {
                let first = select.target_list().get(0).unwrap().location;
                push(plain(NodeKind::Distinct, first), Change::DistinctOn(vec![DistinctItem::Position(1)]));
            }
            _ => {}
        }
        Recurse::yes()
    });
    changes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_output_of_a_statement_can_be_changed(
        choices in prop::collection::vec(any::<usize>(), 2..24),
        gap in prop::sample::select(vec![" ", "  ", " /* ' é */ ", "\r\n"]),
        seed in any::<usize>(),
    ) {
        let expression = expression(&choices, gap);
        // Without its cast something else may be made of what stands in it: `-(1::int)`, `in ((select
        // 1)::int)`, `cast(a and b as bool) and c`.
        let merges = ["-", "and", "or", " in ", "any(", "any (", "current"].iter().any(|word| expression.contains(word));
        for text in [
            format!("select{gap}distinct {expression},t.*{gap},{expression}{gap}from a join b{gap}using{gap}(x) group by {expression}"),
            format!("insert into t values (1,{expression}) returning {expression},{gap}*{gap}"),
            format!("select *,{expression} from (select distinct{gap}{expression}{gap}from a) q join (c join d using (y)) using (x, z)"),
        ] {
            let Ok(parsed) = Parsed::parse(&text) else { continue };
            let changes = output_changes(&text, parsed.statement(0).unwrap().stmt(), seed);
            let uncast = changes.iter().any(|(_, change)| matches!(change, Change::Uncast));
            let each: Vec<_> = changes.iter().map(|(at, _)| *at).collect();
            let result = prove(&parsed, 0, changes);
            prop_assert!(result.is_ok() || uncast && merges, "{text}: {each:?}: {result:?}");
        }
    }

    /// Changes of places that hold nothing of the kind are refused, and never panic.
    #[test]
    fn wrong_outputs_are_refused(at in -2..190_i32, kind in 0..15_usize, change in 0..14_usize) {
        let text = "prepare p (text) as with x as (insert into t values (- 5::int) on conflict on constraint c do nothing) \
                    select distinct a, t.*, cast(1 as text)::int, null, nullif(a, 1) from a join b using (c) \
                    where a like 'x' group by 1";
        let parsed = Parsed::parse(text).unwrap();
        let outputs = [NodeKind::Target, NodeKind::Distinct, NodeKind::Using, NodeKind::TypeName];
        let operators = [NodeKind::NullIf, NodeKind::Prefix, NodeKind::Operator, NodeKind::Constraint];
        let kinds = [RangeVar, ColumnRef, Const, Cast, ParamRef, IndexElem, ArrayExpr].into_iter().chain(operators);
        let kind = outputs.into_iter().chain(kinds).nth(kind).unwrap();
        let change = [
            any_value(),
            star(),
            name("n"),
            Change::DistinctOn(vec![DistinctItem::Position(1)]),
            on(&[("x", true)]),
            Change::Uncast,
            seal_as(),
            Change::NullBytea,
            Change::Bytea { array: true },
            token(),
            Change::Equals,
            Change::Keys(vec![("k".to_owned(), true)]),
            null_if(None, Wrap::Nothing, at),
            null_if(Some(("t", "c")), Wrap::Token, at + 7),
        ].into_iter().nth(change).unwrap();
        if let Ok(edits) = prove(&parsed, 0, vec![(NodeAt { kind, location: at }, change)]) {
            let rendered = render(text, &edits, &mut |_, out: &mut String| {
                write_sealed(out, b"S");
                Ok::<_, Infallible>(())
            }).unwrap();
            prop_assert_ne!(rendered, text);
        }
    }
}
