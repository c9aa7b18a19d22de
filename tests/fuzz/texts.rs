//! What is known of a text without parsing it must agree with what the parser sees.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pg_raw_parse::{
    Node,
    nodes::TransactionStmtKind,
    walk::{Recurse, walk_manual},
};
use pgveil::sql::{
    classify::{Class, classify},
    grammar::{
        Parsed,
        tokens::{Kind, Tokens},
    },
    prefilter::Prefilter,
};

use super::{
    run::{Target, saw},
    seeds,
};

/// Names that the prefilter looks for, among them odd ones.
const NAMES: [&str; 7] = ["people", "contacts", "OddName", "people_2019", "gr\u{f6}\u{df}e", "a\"b", "payroll"];

pub const WORDS: [&[u8]; 64] = [
    b" people ",
    b"\"people\"",
    b"PEOPLE",
    b"_people[]",
    b"\"OddName\"",
    b"U&\"p\\0065ople\"",
    b"\"a\"\"b\"",
    b"gr\xc3\xb6\xc3\x9fe",
    b"COMMIT",
    b"; commit",
    b";END;",
    b"PREPARE TRANSACTION 'x'",
    b"ROLLBACK TO a",
    b"BEGIN;",
    b"START TRANSACTION",
    b"RELEASE a",
    b"DO $$x$$",
    b"CALL f()",
    b"SELECT ",
    b" FROM ",
    b" WHERE ",
    b"INSERT INTO ",
    b" VALUES (",
    b"UPDATE ",
    b" SET ",
    b"DELETE FROM ",
    b" RETURNING *",
    b"WITH x AS (",
    b"EXPLAIN ",
    b"COPY ",
    b" FROM STDIN",
    b"/*",
    b"*/",
    b"--",
    b"\n",
    b"\r",
    b"'",
    b"''",
    b"\"",
    b"$$",
    b"$a$",
    b"E'\\'",
    b"U&'",
    b" UESCAPE '!'",
    b"\\",
    b";",
    b"(",
    b")",
    b",",
    b".",
    b"::",
    b"=",
    b" AND ",
    b"$1",
    b"1",
    b"NULL",
    b"CREATE TABLE ",
    b"SET search_path = ",
    b"set_config(",
    b"\0",
    b"\xff",
    b"\xc3",
    b" IN (",
    b" AS ",
];

pub fn texts() -> Target {
    Target {
        name: "texts",
        seeds: seeds::statements(),
        dictionary: WORDS.to_vec(),
        longest: 2048,
        runs: 6_000,
        run: text,
    }
}

fn text(input: &[u8]) -> u64 {
    let class = classify(input);
    let kinds = tokens(input);
    let prefilter = Prefilter::new(NAMES, ["set_config"]);
    let mentions = prefilter.look(input);
    let Ok(text) = std::str::from_utf8(input) else { return saw((class, kinds.len().min(8))) };
    // The server's texts end at the first NUL.
    if text.contains('\0') {
        return 0;
    }
    let parsed = match Parsed::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => return saw((error.sqlstate, error.message.split('"').next().map(str::to_owned))),
    };
    spans(&parsed, text);
    let mut seen = Vec::new();
    for index in 0..parsed.len() {
        let node = parsed.statement(index).expect("a statement").stmt();
        assert!(class.contains(kind_of(node)), "{:?} is missed in {class:?}", kind_of(node));
        if writes(node) {
            assert!(class.may_write());
        }
        for name in names_in(node) {
            let found = NAMES.contains(&&*name);
            assert!(!found || mentions.protected, "{name} is missed");
            seen.push(found);
        }
    }
    assert!(parsed.len() < 2 || class.contains(Class::SEVERAL));
    saw((class, kinds, seen.len().min(8)))
}

/// Tokens follow each other, within the text.
fn tokens(input: &[u8]) -> Vec<Kind> {
    let (mut at, mut kinds) = (0, Vec::new());
    for token in Tokens::new(input) {
        assert!(at <= token.start && token.start < token.end && token.end <= input.len());
        at = token.end;
        if kinds.len() < 12 && kinds.last() != Some(&token.kind) {
            kinds.push(token.kind);
        }
    }
    kinds
}

/// Statements lie one behind the other, with semicolons between them.
fn spans(parsed: &Parsed<'_>, text: &str) {
    let mut before = 0;
    for index in 0..parsed.len() {
        let span = parsed.statement_span(index);
        assert!(before <= span.start && span.start <= span.end && span.end <= text.len());
        assert_eq!(parsed.statement_text(index), &text[span.clone()]);
        let between = Tokens::starting_at(text.as_bytes(), before).take_while(|token| token.end <= span.start);
        assert!(between.into_iter().all(|token| token.is(text.as_bytes(), b';')), "something between the statements");
        before = span.end;
    }
    assert!(
        Tokens::starting_at(text.as_bytes(), before).all(|token| token.is(text.as_bytes(), b';')),
        "something behind"
    );
}

fn kind_of(node: Node<'_>) -> Class {
    match node {
        Node::TransactionStmt(transaction) => match transaction.kind {
            TransactionStmtKind::TRANS_STMT_BEGIN | TransactionStmtKind::TRANS_STMT_START => Class::BEGIN,
            TransactionStmtKind::TRANS_STMT_COMMIT
            | TransactionStmtKind::TRANS_STMT_PREPARE
            | TransactionStmtKind::TRANS_STMT_COMMIT_PREPARED => Class::COMMIT,
            TransactionStmtKind::TRANS_STMT_ROLLBACK | TransactionStmtKind::TRANS_STMT_ROLLBACK_PREPARED => {
                Class::ROLLBACK
            }
            _ => Class::SAVEPOINT,
        },
        Node::SelectStmt(_)
        | Node::ExplainStmt(_)
        | Node::ExecuteStmt(_)
        | Node::FetchStmt(_)
        | Node::DeclareCursorStmt(_) => Class::QUERY,
        Node::InsertStmt(_) | Node::UpdateStmt(_) | Node::DeleteStmt(_) | Node::MergeStmt(_) => {
            Class::WRITE.union(Class::QUERY)
        }
        Node::DoStmt(_) | Node::CallStmt(_) => Class::PROCEDURE,
        Node::CopyStmt(_) => Class::COPY,
        Node::VariableShowStmt(_) => Class::SHOW,
        Node::DiscardStmt(_) => Class::DISCARD,
        Node::VariableSetStmt(_) => Class::SET.union(Class::RESET),
        Node::CreateStmt(_)
        | Node::CreateTableAsStmt(_)
        | Node::ViewStmt(_)
        | Node::IndexStmt(_)
        | Node::DropStmt(_) => Class::DDL,
        Node::AlterTableStmt(_) | Node::RenameStmt(_) | Node::TruncateStmt(_) | Node::CreateFunctionStmt(_) => {
            Class::DDL
        }
        // Anything: some class at all.
        _ => Class::OTHER.union(Class::DDL).union(Class::QUERY).union(Class::PROCEDURE),
    }
}

fn writes(node: Node<'_>) -> bool {
    !matches!(node, Node::TransactionStmt(_) | Node::VariableSetStmt(_) | Node::VariableShowStmt(_))
}

/// Names of relations, columns, functions and types, as the parser has them.
fn names_in(node: Node<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut look = |node: Node<'_>| match node {
        Node::RangeVar(name) => names.extend(name.relname().map(str::to_owned)),
        Node::ColumnRef(column) => names.extend(column.fields().iter().filter_map(Node::as_str).map(str::to_owned)),
        Node::TypeName(name) => names.extend(name.names().iter().filter_map(|part| part.sval()).map(str::to_owned)),
        Node::FuncCall(call) => names.extend(call.funcname().iter().filter_map(Node::as_str).map(str::to_owned)),
        Node::CopyStmt(copy) => names.extend(copy.relation().and_then(|name| name.relname()).map(str::to_owned)),
        _ => {}
    };
    look(node);
    // The library's walk panics at nodes that PostgreSQL's own walker lacks.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        walk_manual::<()>(node, |node| {
            look(node);
            Recurse::yes()
        })
    }));
    names
}
