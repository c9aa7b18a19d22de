//! Which column of a view is which column below it, read from the view's stored query tree.
//!
//! `pg_rewrite.ev_action` holds the view's query as PostgreSQL writes nodes (nodes/outfuncs.c). Each
//! entry of its target list carries `resorigtbl` and `resorigcol`: the relation and column that it
//! hands through unchanged, as parse_target.c marked them. This is what a RowDescription reports.

use super::Oid;

/// (column of the view, relation below, its column) of every column that is handed through.
///
/// Reads the target list of the outermost query alone: entries of subqueries are nested deeper.
pub(super) fn handed_through(tree: &str) -> Vec<(i16, (Oid, i16))> {
    let mut found = Vec::new();
    let (mut depth, mut in_targets, mut field) = (0_u32, false, "");
    let (mut number, mut table) = (None, None);
    for token in tokens(tree) {
        match token {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            // A field of the outermost query: are we in its target list?
            _ if depth == 1 && token.starts_with(':') => in_targets = token == ":targetList",
            // Fields of an entry of the target list itself, not of the expression in it.
            _ if depth == 2 && in_targets => {
                match field {
                    ":resno" => number = token.parse().ok(),
                    ":resorigtbl" => table = token.parse().ok().filter(|&oid| oid != 0),
                    ":resorigcol" => {
                        if let (Some(number), Some(table), Ok(column)) = (number, table.take(), token.parse()) {
                            found.push((number, (table, column)));
                        }
                    }
                    _ => {}
                }
                field = token;
            }
            _ => {}
        }
    }
    found
}

/// Tokens of a node tree (nodes/read.c, `pg_strtok`): braces and parentheses stand alone, white
/// space separates, a backslash takes the next byte literally.
fn tokens(tree: &str) -> impl Iterator<Item = &str> {
    let mut rest = tree;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\n', '\t']);
        let first = rest.chars().next()?;
        let end = if matches!(first, '{' | '}' | '(' | ')') { 1 } else { word_end(rest) };
        let (token, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some(token)
    })
}

fn word_end(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.bytes().position(|b| {
        let stop = !escaped && matches!(b, b' ' | b'\n' | b'\t' | b'{' | b'}' | b'(' | b')');
        escaped = !escaped && b == b'\\';
        stop
    });
    end.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn only_the_outermost_target_list_counts_and_odd_names_do_not_confuse() {
        let tree = r"({QUERY :commandType 1 :rtable ({RTE :subquery {QUERY :targetList ({TARGETENTRY :expr {VAR :varno 1} :resno 1 :resname x :resorigtbl 11 :resorigcol 1 :resjunk false})}}) :targetList ({TARGETENTRY :expr {VAR :varno 3} :resno 1 :resname a\ \{b\}\ \:resno\ 9 :ressortgroupref 0 :resorigtbl 16392 :resorigcol 2 :resjunk false} {TARGETENTRY :expr {SUBLINK :subselect {QUERY :targetList ({TARGETENTRY :expr {VAR} :resno 1 :resorigtbl 12 :resorigcol 3})}} :resno 2 :resname <> :resorigtbl 0 :resorigcol 0 :resjunk false}) :returningList <>})";
        assert_eq!(handed_through(tree), [(1, (16392, 2))]);
        assert_eq!(handed_through("<>"), []);
        assert_eq!(handed_through(r"({QUERY :targetList ({TARGETENTRY :resno \"), []);
    }
}
