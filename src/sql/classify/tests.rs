#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use pg_raw_parse::{Node, nodes::TransactionStmtKind as Transaction};
use proptest::prelude::*;

use super::*;
use crate::sql::grammar::Parsed;

fn class(text: &str) -> Class {
    classify(text.as_bytes())
}

#[test]
fn statements_are_known_by_their_first_words() {
    for (text, expected) in [
        ("", Class::EMPTY),
        (" ; -- commit", Class::EMPTY),
        ("select 1", Class::QUERY),
        ("(((values (1)))) union select 2", Class::QUERY),
        ("with x as (delete from t returning *) table x", Class::QUERY),
        ("/* hint */ -- é\n InSeRt into t default values", Class::WRITE),
        ("BEGIN", Class::BEGIN),
        ("start transaction read only", Class::BEGIN),
        ("commit", Class::COMMIT),
        ("COMMIT/**/WORK", Class::COMMIT),
        ("commit and chain", Class::COMMIT),
        ("commit prepared 'x'", Class::COMMIT),
        ("end;", Class::COMMIT),
        ("prepare /* é */ transaction 'x'", Class::COMMIT),
        ("prepare p as select 1", Class::OTHER),
        ("rollback", Class::ROLLBACK),
        ("rollback work and chain", Class::ROLLBACK),
        ("rollback prepared 'x'", Class::ROLLBACK),
        ("abort", Class::ROLLBACK),
        ("rollback to a", Class::SAVEPOINT),
        ("rollback transaction to savepoint a", Class::SAVEPOINT),
        ("release a", Class::SAVEPOINT),
        ("show all", Class::SHOW),
        ("call p()", Class::PROCEDURE),
        ("set local search_path = a", Class::SET),
        ("reset all", Class::RESET),
        ("discard all", Class::DISCARD),
        ("copy t from stdin", Class::COPY),
        ("drop table t", Class::DDL),
        ("commitment", Class::OTHER),
        ("\"commit\"", Class::OTHER),
        ("'commit'", Class::OTHER),
        ("listen a", Class::OTHER),
        ("\0", Class::OTHER),
        ("select ';commit'; -- ;commit", Class::QUERY),
        ("begin; set a = b", Class::BEGIN.union(Class::SET).union(Class::SEVERAL)),
        ("begin;;\ncommit;", Class::BEGIN.union(Class::COMMIT).union(Class::SEVERAL)),
    ] {
        assert_eq!(class(text), expected, "{text}");
    }
}

#[test]
fn only_settings_and_transactions_cannot_write() {
    for text in ["begin", "show x; commit", "set a = 1", "", "rollback to a"] {
        assert!(!class(text).may_write(), "{text}");
    }
    for text in ["select f()", "begin; values (1)", "call p()", "copy t from stdin", "drop table t", "listen x"] {
        assert!(class(text).may_write(), "{text}");
    }
}

/// With standard_conforming_strings off the string ends at the second quote, not before it.
#[test]
fn a_commit_behind_a_backslash_is_seen_whatever_strings_conform_to() {
    assert!(class(r"select 'a\''; commit").contains_commit());
    assert!(class(r"select 'a\'; commit; --'").contains_commit());
    assert!(class(r"select E'\''; commit").contains_commit());
    assert!(!class(r"select 'it\''; select 2").contains_commit());
}

/// What must be in the class of a text with this statement.
fn expected(statement: Node<'_>) -> Class {
    match statement {
        Node::TransactionStmt(t) => match t.kind {
            Transaction::TRANS_STMT_BEGIN | Transaction::TRANS_STMT_START => Class::BEGIN,
            Transaction::TRANS_STMT_COMMIT
            | Transaction::TRANS_STMT_PREPARE
            | Transaction::TRANS_STMT_COMMIT_PREPARED => Class::COMMIT,
            Transaction::TRANS_STMT_ROLLBACK | Transaction::TRANS_STMT_ROLLBACK_PREPARED => Class::ROLLBACK,
            _ => Class::SAVEPOINT,
        },
        Node::SelectStmt(_) | Node::ExplainStmt(_) | Node::ExecuteStmt(_) | Node::DeclareCursorStmt(_) => Class::QUERY,
        Node::InsertStmt(_) | Node::UpdateStmt(_) | Node::DeleteStmt(_) | Node::MergeStmt(_) => {
            Class::WRITE.union(Class::QUERY)
        }
        Node::VariableSetStmt(_) | Node::ConstraintsSetStmt(_) => Class::SET.union(Class::RESET),
        Node::DiscardStmt(_) => Class::DISCARD,
        Node::CopyStmt(_) => Class::COPY,
        Node::CallStmt(_) | Node::DoStmt(_) => Class::PROCEDURE,
        Node::CreateStmt(_) | Node::DropStmt(_) | Node::CreateFunctionStmt(_) | Node::RuleStmt(_) => Class::DDL,
        Node::VariableShowStmt(_) => Class::SHOW,
        _ => Class::OTHER,
    }
}

const PIECES: &[&str] = &[
    "select 1",
    "select ",
    "'a;b'",
    "'",
    "''",
    "\"c;\"",
    "$$;$$",
    "$a$;$a$",
    "E'\\';'",
    ";",
    ";",
    ";",
    ";\n",
    "commit",
    "COMMIT AND CHAIN",
    "end",
    "prepare transaction 'x'",
    "commit prepared 'x'",
    "rollback",
    "rollback to a",
    "abort",
    "begin",
    "start transaction",
    "/* ; */",
    "-- ;\n",
    "/* /* */ ;",
    " ",
    "\n",
    ",",
    "(",
    ")",
    "||",
    "set a = 1",
    "reset a",
    "discard all",
    "copy t to stdout",
    "do 'x'",
    "call f()",
    "insert into t values (1)",
    "update t set a = 1",
    "delete from t",
    "drop table t",
    "create table t ()",
    "create rule r as on insert to t do (select 1; select 2)",
    "create function f() returns int begin atomic select 1; select 2; end",
    "explain analyze select 1",
    "show a",
    "release a",
    "savepoint a",
    "with a as (select 1) insert into t table a",
    "values (1)",
    "U&'x'",
    "B'1'",
    "x'",
    "n'x'",
    "E'",
    "\\",
    "é",
    "declare c cursor for select 1",
    "listen a",
    "as end",
    "case when 1 then 2 end",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whatever parses: each of its statements is in the class, commits above all.
    #[test]
    fn no_statement_is_missed(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..9), gap in prop::sample::select(vec!["", " ", ";"])) {
        let text = pieces.join(gap);
        let class = classify(text.as_bytes());
        if let Ok(parsed) = Parsed::parse(&text) {
            for statement in parsed.tree().stmts() {
                prop_assert!(class.contains(expected(statement)), "{text}: {class:?}");
            }
            if parsed.len() > 1 {
                prop_assert!(class.contains(Class::SEVERAL), "{text}");
            }
            if parsed.is_empty() {
                prop_assert_eq!(class, Class::EMPTY, "{}", text);
            }
        }
    }

    #[test]
    fn any_bytes_have_a_class(text in prop::collection::vec(any::<u8>(), 0..60)) {
        let class = classify(&text);
        if text.trim_ascii_start().starts_with(b"commit;") {
            prop_assert!(class.contains_commit());
        }
    }
}

#[test]
fn comments_without_end_cost_no_more_than_their_length() {
    let text = format!("select '\\'{}", ";/*".repeat(300_000));
    let start = std::time::Instant::now();
    assert!(classify(text.as_bytes()).contains_commit());
    assert!(start.elapsed() < std::time::Duration::from_secs(2));
}
