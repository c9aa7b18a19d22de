//! Subqueries in expressions.

use pg_raw_parse::{
    Node,
    nodes::{SubLink, SubLinkType},
};

use super::{
    Resolver, Step,
    refuse::{Place, construct_at},
    scope::{QueryOut, Scope},
};

impl<'a> Resolver<'a> {
    /// `EXISTS (…)`, `x IN (SELECT …)`, `(SELECT …)`, `ARRAY(SELECT …)` where their values must be plain.
    pub(super) fn sublink(&mut self, link: &'a SubLink, scope: &Scope<'a, '_>) -> Step<()> {
        let location = link.location;
        let place = match link.sub_link_type {
            SubLinkType::EXISTS_SUBLINK => {
                let out = self.query(link.subselect(), Some(scope))?;
                // What a row holds does not matter here.
                return self.settle_columns(&out);
            }
            SubLinkType::ANY_SUBLINK if is_equality(link) => return self.any(link, scope, Place::Operator("IN")),
            SubLinkType::ALL_SUBLINK if is_inequality(link) => {
                return self.any(link, scope, Place::Operator("<> ALL"));
            }
            SubLinkType::ANY_SUBLINK => Place::Named("ANY (subquery)"),
            SubLinkType::ALL_SUBLINK => Place::Named("ALL (subquery)"),
            SubLinkType::EXPR_SUBLINK => Place::Named("a scalar subquery"),
            SubLinkType::ROWCOMPARE_SUBLINK => Place::Named("a row comparison"),
            SubLinkType::ARRAY_SUBLINK => Place::Named("ARRAY(subquery)"),
            _ => return Err(construct_at("this kind of subquery", location)),
        };
        self.plain(link.testexpr(), scope, place)?;
        let out = self.query(link.subselect(), Some(scope))?;
        self.plain_columns(&out, place, location)
    }

    /// `x IN (SELECT …)`, `x = ANY (SELECT …)`, `x <> ALL (SELECT …)`: tokens on both sides.
    fn any(&mut self, link: &'a SubLink, scope: &Scope<'a, '_>, place: Place<'a>) -> Step<()> {
        match link.testexpr() {
            Node::RowExpr(row) => self.row_and_query(row, link.subselect(), scope, place, link.location),
            node => {
                let left = self.value(node, scope, None, place)?;
                let out = self.query(link.subselect(), Some(scope))?;
                self.compare_with_columns(&[left], &out, place, link.location)
            }
        }
    }

    /// All columns of a query must be plain.
    pub(super) fn plain_columns(&mut self, out: &QueryOut<'a>, place: Place<'_>, location: i32) -> Step<()> {
        out.columns.iter().try_for_each(|column| self.plain_value(&column.value(), place, location))
    }

    /// Values of the statement's own that nobody reads are sent as they are.
    fn settle_columns(&mut self, out: &QueryOut<'a>) -> Step<()> {
        for column in out.columns.iter().filter(|column| column.carry.sealed().is_none()) {
            self.plain_value(&column.value(), Place::Named("EXISTS"), -1)?;
        }
        Ok(())
    }
}

/// IN, or `= ANY`.
fn is_equality(link: &SubLink) -> bool {
    let mut name = link.oper_name().iter().map(|n| n.as_str().unwrap_or_default());
    matches!(
        (name.next(), name.next(), name.next()),
        (None | Some("="), None, _) | (Some("pg_catalog"), Some("="), None)
    )
}

/// `<> ALL`
fn is_inequality(link: &SubLink) -> bool {
    let mut name = link.oper_name().iter().map(|n| n.as_str().unwrap_or_default());
    matches!((name.next(), name.next(), name.next()), (Some("<>"), None, _) | (Some("pg_catalog"), Some("<>"), None))
}
