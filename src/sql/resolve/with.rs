//! Common table expressions.

use pg_raw_parse::{
    Node,
    nodes::{CommonTableExpr, SelectStmt, SetOperation, WithClause},
};

use super::{
    Resolver, Step,
    carry::Carry,
    from::rename,
    refuse::{Place, construct_at},
    scope::{OutCol, QueryOut, Scope},
};

impl<'a> Resolver<'a> {
    /// `WITH …`: each sees those before it, and with RECURSIVE itself.
    pub(super) fn with(&mut self, with: Option<&'a WithClause>, scope: &mut Scope<'a, '_>) -> Step<()> {
        let Some(with) = with else { return Ok(()) };
        if with.recursive && refers_ahead(with) {
            return Err(construct_at("WITH RECURSIVE of queries that name later ones", with.location));
        }
        for cte in with.ctes() {
            let name = cte.ctename().unwrap_or_default();
            let out = match cte.ctequery() {
                Node::SelectStmt(select) if with.recursive && select.op == SetOperation::SETOP_UNION => {
                    self.recursive(cte, name, select, scope)?
                }
                query => self.query(query, Some(scope))?,
            };
            self.settle_outputs(&out);
            let columns = rename(&out.columns, cte.aliascolnames());
            scope.ctes.push((name, QueryOut { columns, ..out }));
        }
        Ok(())
    }

    /// `first UNION second`, whose second part may see the whole: it can carry plain values only.
    fn recursive(
        &mut self,
        cte: &'a CommonTableExpr,
        name: &'a str,
        select: &'a SelectStmt,
        scope: &mut Scope<'a, '_>,
    ) -> Step<QueryOut<'a>> {
        if cte.search_clause().is_some() || cte.cycle_clause().is_some() {
            return Err(construct_at("SEARCH and CYCLE", cte.location));
        }
        let Some(first) = select.larg() else { return Err(construct_at("this WITH RECURSIVE", cte.location)) };
        // To know the columns; the whole is walked below, so whatever this finds is found again.
        let mark = self.mark();
        let known = {
            let mut inner = Scope::within(Some(scope));
            self.with(select.with_clause(), &mut inner)?;
            self.nested(|this| this.select(first, Some(&inner)))?
        };
        self.back_to(mark);
        if let Some(sealed) = known.sealed() {
            return Err(self.unsupported(sealed.ordinal, Place::Named("WITH RECURSIVE"), cte.location));
        }
        let columns = known.columns.iter().map(|column| OutCol::new(column.name.clone(), Carry::Plain)).collect();
        let columns = rename(&columns, cte.aliascolnames());
        scope.ctes.push((name, QueryOut { columns, expanded: known.expanded }));
        let out = self.query(Node::SelectStmt(select), Some(scope));
        scope.ctes.pop();
        let out = out?;
        self.plain_columns(&out, Place::Named("WITH RECURSIVE"), cte.location)?;
        let columns = out.columns.iter().map(|column| OutCol::new(column.name.clone(), Carry::Plain)).collect();
        Ok(QueryOut { columns, ..out })
    }
}

/// With RECURSIVE the order of the queries is free (parser/parse_cte.c): does one that is not the last
/// name one that comes later?
fn refers_ahead(with: &WithClause) -> bool {
    let names: Vec<&str> = with.ctes().iter().map(|cte| cte.ctename().unwrap_or_default()).collect();
    with.ctes().iter().enumerate().any(|(number, cte)| {
        let later = names.get(number + 1..).unwrap_or_default();
        !later.is_empty() && super::mention::names_one_of(cte.ctequery(), later)
    })
}
