//! NULLIF and LIKE over a sealed column: both say what `=` says.

use pg_raw_parse::{
    Node,
    nodes::{A_Expr, A_Expr_Kind, CaseExpr, ColumnRef},
};

use super::{
    Resolver, Step,
    carry::{Carry, Sealed, Valued},
    compare::operator_of,
    operand::{Operand, operand},
    refuse::Place,
    scope::Scope,
    types::{self, Types},
};
use crate::{
    config::Mode,
    sql::grammar::edits::{Change, ColumnText, NodeAt, Wrap},
    values::LogicalType,
};

impl<'a> Resolver<'a> {
    /// `NULLIF(c, value)` over a column of mode equality: compared by tokens, it hands on the column's
    /// value.
    pub(super) fn nullif(&mut self, expr: &'a A_Expr, scope: &Scope<'a, '_>) -> Step<Valued> {
        let place = Place::Operator("NULLIF");
        let left = self.value(expr.lexpr(), scope, None, place)?;
        let right = self.value(expr.rexpr(), scope, None, place)?;
        let Carry::Sealed(sealed) = left.carry else {
            self.plain_values(&[&left, &right], place, expr.location)?;
            return Ok(Valued::PLAIN);
        };
        let other = self.carried_type(right.carry)?.oid;
        self.compare(&left, &right, place, operator_of(expr))?;
        let refuse = |what| {
            let hint = "use NULLIF over the column itself, with a literal or parameter of its type";
            self.unsupported_because(sealed.ordinal, "sql/unsupported-operand", what, hint, expr.location)
        };
        let reference = match (left.references.as_slice(), column_at(expr.lexpr())) {
            ([reference], Some(location)) if reference.location == location => reference,
            _ => return Err(refuse("NULLIF with a computed value")),
        };
        let own = self.sealed_column(sealed.ordinal)?.ty;
        let Some(shown) = shown(sealed.shown.unwrap_or(own), other) else {
            return Err(refuse("NULLIF with a value of another type"));
        };
        let kept = ColumnText { name: reference.rename.clone(), wrap: self.kept_as(reference, &left) };
        self.renaming += 1;
        self.changes.push((NodeAt::operator(expr), Change::NullIf { kept, column: reference.location }));
        Ok(Valued::of(Carry::Sealed(Sealed { shown: Some(shown).filter(|shown| *shown != own), ..sealed })))
    }

    /// NULLIF as a definition has it: of the column's own type, which a CASE with NULL in it is not. None
    /// where it would be of another: nothing has been walked then.
    pub(super) fn nullif_stored(
        &mut self,
        condition: Node<'a>,
        column: Node<'a>,
        scope: &Scope<'a, '_>,
    ) -> Step<Option<Valued>> {
        let place = Place::Operator("NULLIF");
        let value = self.value(column, scope, None, place)?;
        let Carry::Sealed(sealed) = value.carry else { return Ok(None) };
        let own = self.sealed_column(sealed.ordinal)?.ty;
        if shown(own, 0) != Some(own) {
            return Ok(None);
        }
        self.plain(condition, scope, place)?;
        self.keep(&value);
        Ok(Some(Valued::of(value.carry)))
    }

    /// All that is asked of what has just been walked is whether it is NULL: its column's token says that,
    /// before rows are grouped and behind.
    pub(super) fn null_is_all(&mut self, node: Node<'a>) {
        if let Node::A_Expr(expr) = node
            && let Some((at, Change::NullIf { kept, .. })) = self.changes.last_mut()
            && *at == NodeAt::operator(expr)
            && kept.wrap != Wrap::Nothing
        {
            kept.wrap = Wrap::Token;
        }
    }

    /// `c LIKE 'abc'`: a pattern without wildcards matches what is equal to it. False if it is no such
    /// comparison: nothing of it has been walked then.
    pub(super) fn like(&mut self, expr: &'a A_Expr, scope: &Scope<'a, '_>) -> Step<bool> {
        if !is_like(expr) || !is_exact(expr.rexpr()) {
            return Ok(false);
        }
        let place = Place::Operator("LIKE");
        let left = self.value(expr.lexpr(), scope, None, place)?;
        match left.carry {
            Carry::Sealed(sealed) if !left.references.is_empty() && self.is_liked(sealed)? => {
                let right = self.value(expr.rexpr(), scope, None, place)?;
                self.compare(&left, &right, place, operator_of(expr))?;
                self.changes.push((NodeAt::operator(expr), Change::Equals));
            }
            _ => {
                self.plain_value(&left, place, expr.location)?;
                self.plain(expr.rexpr(), scope, place)?;
            }
        }
        Ok(true)
    }

    /// LIKE over char(n) counts its trailing blanks, `=` does not.
    fn is_liked(&self, sealed: Sealed) -> Step<bool> {
        let column = self.sealed_column(sealed.ordinal)?;
        Ok(column.mode == Mode::Equality && matches!(sealed.shown.unwrap_or(column.ty).oid(), 25 | 1043))
    }
}

/// What NULLIF is shown as: its first operand as `=` takes it (parser/parse_expr.c,
/// `transformAExprNullIf`), which may be of another type than it is. `other`: the type of the second
/// operand, 0 if it has none of its own. None where it is a type that the stored value is not of.
fn shown(first: LogicalType, other: u32) -> Option<LogicalType> {
    let (shown, beside): (_, &[u32]) = match first.oid() {
        // There is no operator for varchar but that of text.
        25 | 1043 => (LogicalType::Text, &[25, 1043]),
        1042 => (first, &[1042, 1043]),
        // Nor is there one for cidr but that of inet.
        650 => (LogicalType::Inet, &[650, 869]),
        20 | 21 | 23 => (first, &[20, 21, 23]),
        1700 => (first, &[20, 21, 23, 1700]),
        1082 | 1114 | 1184 => (first, &[1082, 1114, 1184]),
        own => return (other == 0 || other == own).then_some(first),
    };
    (other == 0 || beside.contains(&other)).then_some(shown)
}

/// Condition and column of `CASE WHEN c = … THEN NULL ELSE c END`.
pub(super) fn as_nullif<'n>(case: &'n CaseExpr, types: Types<'_>) -> Option<(Node<'n>, Node<'n>)> {
    let (Node::None, Some(Node::CaseWhen(when)), 1) = (case.arg(), case.args().first(), case.args().len()) else {
        return None;
    };
    let (Node::A_Expr(condition), Operand::Null(..)) = (when.expr(), operand(when.result(), types)) else {
        return None;
    };
    let (Node::ColumnRef(left), Node::ColumnRef(kept)) = (condition.lexpr(), case.defresult()) else { return None };
    let names =
        |column: &ColumnRef| column.fields().iter().map(|part| part.as_str().map(str::to_owned)).collect::<Vec<_>>();
    (names(left) == names(kept)).then(|| (when.expr(), case.defresult()))
}

/// Where a column stands that there may be casts around.
fn column_at(mut node: Node<'_>) -> Option<i32> {
    while let Node::TypeCast(cast) = node {
        node = cast.arg();
    }
    match node {
        Node::ColumnRef(column) => Some(column.location),
        _ => None,
    }
}

/// LIKE, NOT LIKE and their operators, without ESCAPE (that is a function around the pattern).
fn is_like(expr: &A_Expr) -> bool {
    let mut name = expr.name().iter().map(Node::as_str);
    matches!(expr.kind, A_Expr_Kind::AEXPR_LIKE | A_Expr_Kind::AEXPR_OP)
        && matches!((name.next(), name.next()), (Some(Some("~~" | "!~~")), None))
}

/// Is it a literal pattern that matches but one text?
fn is_exact(pattern: Node<'_>) -> bool {
    match operand(pattern, Types::USUAL) {
        Operand::Literal(constant) => {
            let source = constant.source;
            let text = source.oid == 0 || types::is_text(source) && source.typmod == -1;
            text && !constant.text().contains(['%', '_', '\\'])
        }
        _ => false,
    }
}
