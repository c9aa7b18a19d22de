//! ALTER TABLE, and the constraints that it shares with CREATE TABLE.

use pg_raw_parse::{
    Node,
    list::NodeList,
    nodes::{AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint, RangeVar},
};

use super::{
    Done, Resolver, Step,
    from::relation_item,
    refuse::{Place, construct, construct_at, refused_relation, unsupported_on},
    scope::{Columns, Item, Scope},
};
use crate::sql::{catalog::Relation, model::Ordinal};

fn sealed(relation: &Relation, name: Option<&str>) -> Option<Ordinal> {
    relation.columns.iter().find(|c| Some(&*c.name) == name).and_then(|c| c.sealed)
}

impl<'a> Resolver<'a> {
    pub(super) fn alter_table(&mut self, alter: &'a AlterTableStmt) -> Step<Done<'a>> {
        let Some(name) = alter.relation() else { return Err(construct("this ALTER TABLE")) };
        let relation = self.named(name)?;
        if let Some(relation) = relation
            && let Some(reason) = &relation.refused
        {
            return Err(refused_relation(relation, reason, name.location));
        }
        // Views over protected tables, too: their defaults are values for sealed columns.
        let protected = relation.filter(|r| self.catalog.matters(r));
        for node in alter.cmds() {
            let Node::AlterTableCmd(command) = node else { return Err(construct("this ALTER TABLE")) };
            match protected {
                Some(relation) => self.alter_protected(command, relation, name)?,
                None => self.alter_plain(command)?,
            }
        }
        Ok(Done::Forward)
    }

    /// One change of a protected table.
    fn alter_protected(&mut self, command: &'a AlterTableCmd, relation: &'a Relation, name: &'a RangeVar) -> Step<()> {
        let column = sealed(relation, command.name());
        match (command.subtype, command.def()) {
            (AlterTableType::AT_AddColumn, Node::ColumnDef(definition)) => {
                let policy = |c: &&std::sync::Arc<crate::config::ProtectedColumn>| {
                    c.schema == relation.schema && c.table == relation.name && Some(&*c.name) == definition.colname()
                };
                if self.catalog.columns.iter().any(|c| policy(&c)) {
                    return Err(unsupported_on(
                        "adding a column that the policy names",
                        &relation.name,
                        definition.location,
                    )
                    .hint("add it on the server directly, then run `pgveil apply`")
                    .into());
                }
                self.column_definition(definition, &table_scope(relation, name))
            }
            (AlterTableType::AT_ColumnDefault, def) => match (column, def) {
                (_, Node::None) => Ok(()),
                (Some(ordinal), _) => Err(self.unsupported(ordinal, Place::Named("a default"), name.location)),
                (None, def) => self.server_expression(def, &table_scope(relation, name), "a default"),
            },
            (AlterTableType::AT_AddConstraint, Node::Constraint(constraint)) => {
                self.constraint(constraint, Some(relation), &table_scope(relation, name))
            }
            (
                AlterTableType::AT_DropNotNull
                | AlterTableType::AT_SetNotNull
                | AlterTableType::AT_DropConstraint
                | AlterTableType::AT_ValidateConstraint
                | AlterTableType::AT_AlterConstraint
                | AlterTableType::AT_ChangeOwner
                | AlterTableType::AT_SetStatistics
                | AlterTableType::AT_SetStorage
                | AlterTableType::AT_SetCompression
                | AlterTableType::AT_SetOptions
                | AlterTableType::AT_ResetOptions
                | AlterTableType::AT_SetRelOptions
                | AlterTableType::AT_ResetRelOptions
                | AlterTableType::AT_SetTableSpace
                | AlterTableType::AT_SetLogged
                | AlterTableType::AT_SetUnLogged
                | AlterTableType::AT_ClusterOn
                | AlterTableType::AT_DropCluster
                | AlterTableType::AT_ReplicaIdentity
                | AlterTableType::AT_EnableRowSecurity
                | AlterTableType::AT_DisableRowSecurity
                | AlterTableType::AT_ForceRowSecurity
                | AlterTableType::AT_NoForceRowSecurity
                | AlterTableType::AT_EnableTrig
                | AlterTableType::AT_EnableAlwaysTrig
                | AlterTableType::AT_EnableReplicaTrig
                | AlterTableType::AT_DisableTrig
                | AlterTableType::AT_EnableTrigAll
                | AlterTableType::AT_DisableTrigAll
                | AlterTableType::AT_EnableTrigUser
                | AlterTableType::AT_DisableTrigUser,
                _,
            ) => Ok(()),
            (AlterTableType::AT_AddIdentity | AlterTableType::AT_SetIdentity | AlterTableType::AT_DropIdentity, _)
                if column.is_none() =>
            {
                Ok(())
            }
            (AlterTableType::AT_DropColumn | AlterTableType::AT_AlterColumnType, def) => {
                if let Some(ordinal) = column {
                    let what =
                        if command.subtype == AlterTableType::AT_DropColumn { "DROP COLUMN" } else { "ALTER TYPE" };
                    return Err(self.unsupported(ordinal, Place::Named(what), name.location));
                }
                if let Node::ColumnDef(definition) = def {
                    self.column_definition(definition, &table_scope(relation, name))?;
                }
                Ok(())
            }
            (AlterTableType::AT_AttachPartition | AlterTableType::AT_DetachPartition, _) => {
                Err(construct_at("ATTACH and DETACH PARTITION", name.location))
            }
            (AlterTableType::AT_AddInherit | AlterTableType::AT_DropInherit, _) => {
                Err(construct_at("INHERIT", name.location))
            }
            _ => Err(construct_at("this kind of ALTER TABLE", name.location)),
        }
    }

    /// One change of another table: it must not tie it to a protected one.
    fn alter_plain(&mut self, command: &'a AlterTableCmd) -> Step<()> {
        match command.def() {
            Node::RangeVar(parent) => self.unprotected(parent, "INHERIT").map(|_| ()),
            Node::PartitionCmd(partition) => match partition.name() {
                Some(name) => self.unprotected(name, "ATTACH and DETACH PARTITION").map(|_| ()),
                None => Ok(()),
            },
            Node::Constraint(constraint) => self.plain_constraint(constraint),
            Node::ColumnDef(definition) => {
                if let Some(name) = definition.type_name() {
                    self.type_name(name)?;
                }
                self.no_forbidden_calls(definition.raw_default())?;
                self.plain_constraints(definition.constraints())
            }
            expression if command.subtype == AlterTableType::AT_ColumnDefault => self.no_forbidden_calls(expression),
            // A foreign table's options say which table of another server (or of this) it is.
            _ if matches!(
                command.subtype,
                AlterTableType::AT_GenericOptions | AlterTableType::AT_AlterColumnGenericOptions
            ) =>
            {
                Err(construct("ALTER FOREIGN TABLE … OPTIONS"))
            }
            _ => Ok(()),
        }
    }

    fn column_definition(&mut self, definition: &'a ColumnDef, scope: &Scope<'a, '_>) -> Step<()> {
        if let Some(name) = definition.type_name() {
            self.type_name(name)?;
        }
        // The expression of ALTER TYPE … USING, too.
        self.server_expression(definition.raw_default(), scope, "a column's expression")?;
        for node in definition.constraints() {
            let Node::Constraint(constraint) = node else { return Err(construct("this kind of constraint")) };
            self.constraint(constraint, None, scope)?;
        }
        Ok(())
    }

    /// A constraint of a protected table: none over sealed columns.
    fn constraint(
        &mut self,
        constraint: &'a Constraint,
        relation: Option<&'a Relation>,
        scope: &Scope<'a, '_>,
    ) -> Step<()> {
        if constraint.contype == ConstrType::CONSTR_EXCLUSION {
            return Err(construct_at("an exclusion constraint", constraint.location));
        }
        self.server_expression(constraint.raw_expr(), scope, "a constraint's expression")?;
        let own = [constraint.keys(), constraint.including(), constraint.fk_attrs()];
        if let Some(relation) = relation {
            for name in own.iter().flat_map(|list| list.iter()) {
                if let Some(ordinal) = sealed(relation, name.as_str()) {
                    return Err(self.unsupported(ordinal, Place::Named("a constraint"), constraint.location));
                }
            }
        }
        self.foreign_key(constraint)
    }

    /// Constraints of a column of another table, its default among them.
    pub(super) fn plain_constraints(&mut self, constraints: &'a NodeList) -> Step<()> {
        for node in constraints {
            if let Node::Constraint(constraint) = node {
                self.plain_constraint(constraint)?;
            }
        }
        Ok(())
    }

    /// A constraint of another table.
    pub(super) fn plain_constraint(&mut self, constraint: &'a Constraint) -> Step<()> {
        self.no_forbidden_calls(constraint.raw_expr())?;
        self.foreign_key(constraint)
    }

    /// `REFERENCES people (id)`: plain columns of a protected table can be referenced.
    fn foreign_key(&mut self, constraint: &'a Constraint) -> Step<()> {
        let Some(name) = constraint.pktable() else { return Ok(()) };
        let Some(relation) = self.named(name)? else { return Ok(()) };
        for column in constraint.pk_attrs() {
            if let Some(ordinal) = sealed(relation, column.as_str()) {
                return Err(self.unsupported(ordinal, Place::Named("a foreign key"), constraint.location));
            }
        }
        Ok(())
    }
}

/// What the expressions of a table's definition see: its columns, and ones about to be added.
fn table_scope<'a>(relation: &'a Relation, name: &'a RangeVar) -> Scope<'a, 'a> {
    let mut scope = Scope::default();
    scope.items.push(relation_item(relation, name));
    scope.items.push(Item {
        name: None,
        schema: None,
        columns: Columns::Opaque,
        system: false,
        by_name: false,
        by_column: true,
        expanded: false,
    });
    scope
}
