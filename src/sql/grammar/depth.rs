//! A bound for the depth of a text's tree, found without making the tree.
//!
//! PostgreSQL's `equal()` and `copyObject()`, and pgveil's own resolver, recurse over trees. PostgreSQL
//! guards itself with `max_stack_depth`; the library has no such guard. A tree of *n* levels needs
//! *n* tokens that make a level, so the text is measured instead, before anything looks at a tree:
//!
//! - A bracket makes a level, and so does `CASE … END`.
//! - Within a bracket, expressions are chains: `1 + 1 + 1` is as deep as it has operators. What is
//!   deep stands *before* the operators as well as behind them (`f(…) + 1 + 1`), so a chain is as
//!   deep as its tokens plus the deepest bracket in it.
//! - A comma, `AND`, `OR`, `WHEN`, `THEN`, `ELSE` and `;` end a chain: what follows is a sibling (the
//!   grammar flattens AND and OR), so long lists are flat. The AND of a BETWEEN is no such end.
//! - Set operations and joins nest to the left across all of these: they are counted by themselves.
//!
//! Words that are no keywords add nothing: a function call has its bracket, a cast its `::`.

use super::tokens::{Kind, Token, Tokens};

/// The deepest nesting that is let through: no root-to-leaf path of a tree passes more than this
/// many operators, brackets, casts, joins and set operations. A `SELECT` counts as
/// [`SELECT_WEIGHT`], so subselects are nested at most `MAX_DEPTH / SELECT_WEIGHT` deep.
///
/// Each such level is one to three nodes (the operand lists of calls and arrays are nodes, too).
/// PostgreSQL itself takes some 2,000 to 6,000 levels with its default `max_stack_depth`.
pub const MAX_DEPTH: usize = 1000;

/// What a bracket with a `SELECT` (or `WITH`, `VALUES`, a data-modifying keyword) in it adds to the
/// depth: several nodes, and the largest stack frames of whoever walks them.
pub const SELECT_WEIGHT: usize = 10;

/// Texts up to this length cannot reach [`MAX_DEPTH`]: the densest nesting, `(select(select 1))`,
/// makes `SELECT_WEIGHT` and a bracket with 8 bytes.
const SHORT: usize = MAX_DEPTH * 8 / (SELECT_WEIGHT + 1);

/// Could the text's tree be deeper than [`MAX_DEPTH`]?
pub(super) fn too_deep(text: &[u8]) -> bool {
    text.len() > SHORT && measure(text) > MAX_DEPTH
}

/// What opened a level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    Text,
    Bracket,
    Case,
}

/// A level that is being scanned.
struct Level {
    by: Opened,
    /// Set operations and joins so far.
    spine: usize,
    /// [`SELECT_WEIGHT`] if it holds a query, else 0.
    query: usize,
    /// The deepest chain so far.
    deepest: usize,
    /// Tokens of the current chain that make a level.
    chain: usize,
    /// The deepest bracket in the current chain.
    inner: usize,
    /// BETWEENs whose AND has not come yet.
    between: usize,
}

impl Level {
    fn new(by: Opened) -> Self {
        Self { by, spine: 0, query: 0, deepest: 0, chain: 0, inner: 0, between: 0 }
    }

    fn end_chain(&mut self) {
        self.deepest = self.deepest.max(self.chain + self.inner);
        (self.chain, self.inner) = (0, 0);
    }

    fn depth(mut self) -> usize {
        self.end_chain();
        self.spine + self.query + self.deepest
    }
}

/// What a token does to the measure.
enum Effect {
    Nothing,
    /// Adds a level to its chain.
    Add,
    /// Starts a query or a part of one.
    Query,
    /// Ends a chain.
    Separate,
    And,
    Between,
    /// Joins and set operations.
    Spine,
    OpenBracket,
    CloseBracket,
    Case,
    End,
}

/// An upper bound for the depth of the text's tree. Stops early above [`MAX_DEPTH`] brackets.
pub(super) fn measure(text: &[u8]) -> usize {
    let mut level = Level::new(Opened::Text);
    let mut outer: Vec<Level> = Vec::new();
    // Behind `.` and AS stands a name, whatever keyword it looks like.
    let mut name_next = false;
    for token in Tokens::new(text) {
        let effect = effect(text, &token, name_next);
        name_next = token.is(text, b'.') || token.is_word(text, "as");
        match effect {
            Effect::Add => level.chain += 1,
            Effect::Query => level.query = SELECT_WEIGHT,
            Effect::And if level.between > 0 => level.between -= 1,
            // The lists of AND and OR are a node each, whatever their length.
            Effect::And | Effect::Separate => level.end_chain(),
            Effect::Between => {
                level.chain += 1;
                level.between += 1;
            }
            Effect::Spine => {
                level.end_chain();
                level.spine += 1;
            }
            Effect::OpenBracket | Effect::Case => {
                let by = if matches!(effect, Effect::Case) { Opened::Case } else { Opened::Bracket };
                outer.push(std::mem::replace(&mut level, Level::new(by)));
                if outer.len() > MAX_DEPTH {
                    return usize::MAX;
                }
            }
            Effect::CloseBracket => {
                while level.by != Opened::Text {
                    let by = level.by;
                    close(&mut level, &mut outer);
                    if by == Opened::Bracket {
                        break;
                    }
                }
            }
            Effect::End if level.by == Opened::Case => close(&mut level, &mut outer),
            Effect::End | Effect::Nothing => {}
        }
    }
    while level.by != Opened::Text {
        close(&mut level, &mut outer);
    }
    level.depth()
}

/// Ends a level: it becomes part of the chain that it stands in.
fn close(level: &mut Level, outer: &mut Vec<Level>) {
    if let Some(parent) = outer.pop() {
        let inner = std::mem::replace(level, parent);
        level.inner = level.inner.max(inner.depth() + 1);
    }
}

fn effect(text: &[u8], token: &Token, is_name: bool) -> Effect {
    match token.kind {
        Kind::Operator | Kind::Typecast | Kind::ColonEquals | Kind::Other => Effect::Add,
        Kind::Punct => match token.bytes(text) {
            b"(" | b"[" => Effect::OpenBracket,
            b")" | b"]" => Effect::CloseBracket,
            b"," | b";" => Effect::Separate,
            _ => Effect::Nothing,
        },
        Kind::Word if !is_name => keyword(token.bytes(text)),
        _ => Effect::Nothing,
    }
}

/// The keywords that make levels or end chains (gram.y: `a_expr`, `select_clause`, `joined_table`).
fn keyword(word: &[u8]) -> Effect {
    let mut lower = [0_u8; 9];
    let Some(lower) = lower.get_mut(..word.len()) else { return Effect::Nothing };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    match &*lower {
        b"or" | b"when" | b"then" | b"else" => Effect::Separate,
        b"and" => Effect::And,
        b"between" => Effect::Between,
        b"union" | b"intersect" | b"except" | b"join" => Effect::Spine,
        b"case" => Effect::Case,
        b"end" => Effect::End,
        b"not" | b"is" | b"isnull" | b"notnull" | b"collate" | b"at" | b"in" | b"like" | b"ilike" | b"similar"
        | b"escape" | b"overlaps" | b"operator" | b"any" | b"some" | b"all" | b"exists" | b"array" | b"row" => {
            Effect::Add
        }
        b"select" | b"with" | b"values" | b"table" | b"insert" | b"update" | b"delete" | b"merge" => Effect::Query,
        _ => Effect::Nothing,
    }
}

#[cfg(test)]
mod tests;
