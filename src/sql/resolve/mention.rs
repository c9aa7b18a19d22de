//! A coarse second look at statements that the allow-list does not know: do they name anything
//! protected? Errs on the side of yes.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use pg_raw_parse::{
    Node,
    list::CastNodeList,
    nodes::DefElem,
    walk::{Recurse, walk_manual},
};

use super::{KEYSTORE_SCHEMA, Resolver, functions, readings, refuse::table_label, types};
use crate::sql::{catalog::Catalog, prefilter};

/// The grammar library has no walk for some node; whatever is below it was not seen.
#[derive(Debug)]
pub(super) struct Unwalkable;

/// Looks at every node of an optimizable statement or expression, itself included.
pub(super) fn walk<'a, T>(
    node: Node<'a>,
    mut look: impl FnMut(Node<'a>) -> Option<T>,
) -> Result<Option<T>, Unwalkable> {
    if let Node::None = node {
        return Ok(None);
    }
    if let Some(found) = look(node) {
        return Ok(Some(found));
    }
    // The library's walk panics at node types that PostgreSQL's raw_expression_tree_walker lacks.
    catch_unwind(AssertUnwindSafe(|| {
        walk_manual(node, |node| match look(node) {
            Some(found) => ControlFlow::Break(found),
            None => ControlFlow::Continue(Recurse::Yes),
        })
    }))
    .map_err(|_| Unwalkable)
}

/// Does a query name one of these relations without a schema? True as well if it cannot be told.
pub(super) fn names_one_of(query: Node<'_>, names: &[&str]) -> bool {
    let found = walk(query, |node| match node {
        Node::RangeVar(name) if name.schemaname().is_none() => {
            names.contains(&name.relname().unwrap_or_default()).then_some(())
        }
        _ => None,
    });
    !matches!(found, Ok(None))
}

/// The protected thing that a statement names, if it may name one: for messages.
pub(in crate::sql) fn mentions(resolver: &Resolver<'_>, node: Node<'_>, text: &str) -> Option<String> {
    match node {
        Node::SelectStmt(_) | Node::InsertStmt(_) | Node::UpdateStmt(_) | Node::DeleteStmt(_) | Node::MergeStmt(_) => {
            walk(node, |node| resolver.names(node)).unwrap_or_else(|Unwalkable| words(text, resolver.catalog))
        }
        // A body is a literal, which the text may give in pieces or with escapes, and may hold such.
        Node::DoStmt(block) => bodies(block.args(), resolver.catalog).or_else(|| words(text, resolver.catalog)),
        Node::CreateFunctionStmt(function) => {
            bodies(function.options(), resolver.catalog).or_else(|| words(text, resolver.catalog))
        }
        // Options of foreign tables and servers may be names and queries.
        _ => readings::names(text, resolver.catalog).or_else(|| resolver.overlaid(text)),
    }
}

/// A protected name in one of the literals of a list of options.
fn bodies(options: &CastNodeList<DefElem>, catalog: &Catalog) -> Option<String> {
    options.iter().find_map(|option| match option.arg() {
        Node::NodeList(list) => list.iter().filter_map(Node::as_str).find_map(|body| readings::names(body, catalog)),
        arg => readings::names(arg.as_str()?, catalog),
    })
}

impl Resolver<'_> {
    /// A relation that has come to be refused in this transaction, named as [`words`] finds it.
    fn overlaid(&self, text: &str) -> Option<String> {
        let text = text.to_ascii_lowercase();
        let mut refused = self.overlay.iter().filter(|r| r.refused.is_some());
        refused.find(|r| contains_word(&text, &r.name)).map(|r| r.name.clone())
    }

    /// The protected thing that one node names.
    fn names(&self, node: Node<'_>) -> Option<String> {
        match node {
            Node::RangeVar(name) => {
                let bare = name.relname().unwrap_or_default();
                let named = match name.schemaname() {
                    Some(KEYSTORE_SCHEMA) => true,
                    Some(schema) => {
                        self.of_policy(schema, bare)
                            || self.permanent(schema, bare).is_some_and(|r| self.catalog.matters(r))
                            || schema.starts_with("pg_temp") && self.sensitive(bare)
                    }
                    None => self.sensitive(bare),
                };
                named.then(|| bare.to_owned())
            }
            Node::FuncCall(call) => functions::forbidden(call, self.catalog).map(|_| functions::bare(call).to_owned()),
            Node::TypeName(name) => {
                let (_, bare) = types::name(name)?;
                self.sensitive(bare.strip_prefix('_').unwrap_or(bare)).then(|| bare.to_owned())
            }
            _ => None,
        }
    }
}

/// A protected name anywhere in a text, as a word in any case, in quotes or comments or not.
pub(in crate::sql) fn words(text: &str, catalog: &Catalog) -> Option<String> {
    let text = text.to_ascii_lowercase();
    if text.contains("u&\"") {
        // An identifier in Unicode escapes may be anything.
        return catalog.columns.first().map(|c| table_label(&c.schema, &c.table));
    }
    let relations = catalog.relations.values().filter(|r| catalog.matters(r));
    let missing = catalog.mismatches.iter().map(|m| m.table.1.as_str());
    relations
        .map(|r| r.name.as_str())
        .chain(missing)
        .chain(catalog.tainted_functions.keys().map(String::as_str))
        .chain([KEYSTORE_SCHEMA])
        .find(|name| contains_word(&text, name))
        .map(str::to_owned)
}

/// `text` is in lower case. Of names, PostgreSQL folds ASCII letters only (in UTF-8 databases), and
/// cuts them off behind 63 bytes; `_people` is the array type of `people`.
pub(in crate::sql) fn contains_word(text: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('"', "\"\"");
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte >= 0x80;
    let part = |byte: u8| letter(byte) || byte.is_ascii_digit() || matches!(byte, b'_' | b'$');
    // Only a name that is a word can be told from a part of a longer one.
    let word = name.bytes().all(part);
    let cut_off = name.len() >= 60;
    let bytes = text.as_bytes();
    memchr::memmem::find_iter(bytes, name.as_bytes()).any(|at| {
        let before = bytes.get(..at).unwrap_or_default();
        let last = before.iter().rev().find(|b| **b != b'_');
        let begins = !last.is_some_and(|b| letter(*b)) || prefilter::ends_in_escape(before);
        let after = bytes.get(at + name.len());
        !word || (begins && (cut_off || !after.is_some_and(|b| part(*b))))
    })
}

#[cfg(test)]
mod tests {
    use super::contains_word;

    #[test]
    fn names_are_found_as_words_in_any_disguise() {
        for text in [
            "people",
            "from people;",
            "\"people\"",
            "'people'",
            "_people",
            "__people[]",
            "1people",
            "$people",
            "people.id",
            r"from\npeople",
            r"from\x0apeople",
            r"from\u000apeople",
        ] {
            assert!(contains_word(text, "People"), "{text}");
        }
        for text in ["peoples", "old_people", "xpeople", "people_2", "people$", "épeople"] {
            assert!(!contains_word(text, "people"), "{text}");
        }
        assert!(contains_word("select \"a \"\"b\"\"\"", "a \"b\""));
        assert!(contains_word("xa-b", "a-b"));
        let long = "n".repeat(63);
        assert!(contains_word(&format!("{long}longer"), &long));
    }
}
