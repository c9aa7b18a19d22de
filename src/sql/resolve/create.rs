//! CREATE TABLE.

use pg_raw_parse::{Node, nodes::CreateStmt};

use super::{
    Done, Resolver, Step,
    refuse::{construct, construct_at},
};

impl<'a> Resolver<'a> {
    /// A new table may have a protected one's bare name in another schema; it must not take its
    /// columns.
    pub(super) fn create_table(&mut self, create: &'a CreateStmt) -> Step<Done<'a>> {
        let Some(name) = create.relation() else { return Err(construct("this CREATE TABLE")) };
        self.created(name, "CREATE TABLE")?;
        for parent in create.inh_relations() {
            let Node::RangeVar(parent) = parent else { return Err(construct("this CREATE TABLE")) };
            self.unprotected(parent, if create.partbound().is_some() { "PARTITION OF" } else { "INHERITS" })?;
        }
        if let Some(row_type) = create.of_typename() {
            self.type_name(row_type)?;
        }
        for element in create.table_elts() {
            match element {
                Node::ColumnDef(definition) => {
                    if let Some(type_name) = definition.type_name() {
                        self.type_name(type_name)?;
                    }
                    self.plain_constraints(definition.constraints())?;
                }
                Node::Constraint(constraint) => self.plain_constraint(constraint)?,
                Node::TableLikeClause(like) => {
                    if let Some(name) = like.relation() {
                        self.unprotected(name, "CREATE TABLE … LIKE")?;
                    }
                }
                _ => return Err(construct_at("this kind of CREATE TABLE", name.location)),
            }
        }
        create.constraints().iter().try_for_each(|constraint| self.plain_constraint(constraint))?;
        Ok(Done::Utility)
    }
}
