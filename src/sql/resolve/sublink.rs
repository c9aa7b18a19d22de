//! Subqueries in expressions.

use pg_raw_parse::nodes::{SubLink, SubLinkType};

use super::{
    Resolver, Step,
    refuse::{Place, construct_at},
    scope::Scope,
};

impl<'a> Resolver<'a> {
    /// `EXISTS (…)`, `x IN (SELECT …)`, `(SELECT …)`, `ARRAY(SELECT …)`: their values must be plain.
    pub(super) fn sublink(&mut self, link: &'a SubLink, scope: &Scope<'a, '_>) -> Step<()> {
        let (place, exists) = match link.sub_link_type {
            SubLinkType::EXISTS_SUBLINK => (Place::Named("EXISTS"), true),
            SubLinkType::ANY_SUBLINK => (Place::Named("IN (subquery)"), false),
            SubLinkType::ALL_SUBLINK => (Place::Named("ALL (subquery)"), false),
            SubLinkType::EXPR_SUBLINK => (Place::Named("a scalar subquery"), false),
            SubLinkType::ROWCOMPARE_SUBLINK => (Place::Named("a row comparison"), false),
            SubLinkType::ARRAY_SUBLINK => (Place::Named("ARRAY(subquery)"), false),
            _ => return Err(construct_at("this kind of subquery", link.location)),
        };
        self.plain(link.testexpr(), scope, place)?;
        let out = self.query(link.subselect(), Some(scope))?;
        match out.sealed() {
            Some(ordinal) if !exists => Err(self.unsupported(ordinal, place, link.location)),
            _ => Ok(()),
        }
    }
}
