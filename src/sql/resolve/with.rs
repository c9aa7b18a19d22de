//! Common table expressions.

use pg_raw_parse::nodes::WithClause;

use super::{
    Resolver, Step,
    from::rename,
    refuse::construct_at,
    scope::{QueryOut, Scope},
};

impl<'a> Resolver<'a> {
    /// `WITH …`: each sees those before it.
    pub(super) fn with(&mut self, with: Option<&'a WithClause>, scope: &mut Scope<'a, '_>) -> Step<()> {
        let Some(with) = with else { return Ok(()) };
        if with.recursive {
            return Err(construct_at("WITH RECURSIVE", with.location));
        }
        for cte in with.ctes() {
            let out = self.query(cte.ctequery(), Some(scope))?;
            let columns = rename(&out.columns, cte.aliascolnames());
            scope.ctes.push((cte.ctename().unwrap_or_default(), QueryOut { columns, ..out }));
        }
        Ok(())
    }
}
