//! All literals, parameters and names of random statements are changed at once.

use pg_raw_parse::{Node, nodes, walk::Recurse, walk::walk_manual};

use super::*;

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
