//! Everything that is no query: forwarded, looked into, or left to the coarse look.

use pg_raw_parse::{
    Node,
    nodes::{ExplainStmt, IndexStmt, ObjectType, RangeVar, RenameStmt},
};

use super::{
    Done, KEYSTORE_SCHEMA, OWN_SCHEMA, Resolver, Step,
    from::relation_item,
    mention,
    refuse::{Place, construct, construct_at, keystore, native, own_schema, refused_relation, unsupported_on},
    scope::Scope,
};
use crate::sql::catalog::Relation;

impl<'a> Resolver<'a> {
    /// A statement that is no query. What is not known here stops the walk: then the statement is
    /// refused if its text has a protected name in it.
    pub(super) fn utility(&mut self, node: Node<'a>, text: &'a str) -> Step<Done<'a>> {
        if mention::contains_word(&text.to_ascii_lowercase(), KEYSTORE_SCHEMA) {
            self.forbidden = true;
            return Err(keystore(-1));
        }
        let own = match node {
            // What the body or the path of a library says is no name of it.
            Node::CreateFunctionStmt(function) => {
                let mut names = function.funcname().iter().map(Node::as_str);
                match (names.next(), names.next()) {
                    (Some(schema), Some(_)) => schema == Some(OWN_SCHEMA),
                    _ => self.creation_schema() == OWN_SCHEMA,
                }
            }
            node => changes_objects(node) && mention::contains_word(&text.to_ascii_lowercase(), OWN_SCHEMA),
        };
        if own {
            self.forbidden = true;
            return Err(own_schema());
        }
        match node {
            Node::ExplainStmt(explain) => self.explain(explain, text),
            Node::IndexStmt(index) => self.create_index(index),
            Node::AlterTableStmt(alter) => self.alter_table(alter),
            Node::CreateStmt(create) => self.create_table(create),
            Node::CreateTableAsStmt(create) => self.create_table_as(create),
            Node::ViewStmt(view) => self.create_view(view),
            Node::CreateTrigStmt(trigger) => self.create_trigger(trigger),
            Node::CreatePolicyStmt(policy) => self.create_policy(policy),
            Node::AlterPolicyStmt(policy) => self.alter_policy(policy),
            Node::CopyStmt(copy) => self.copy(copy),
            Node::PrepareStmt(prepare) => Ok(Done::Query(self.outermost(prepare.query())?)),
            Node::DeclareCursorStmt(declare) => Ok(Done::Query(self.outermost(declare.query())?)),
            Node::ExecuteStmt(execute) => self.execute(execute),
            Node::FetchStmt(fetch) => self.fetch(fetch),
            Node::RenameStmt(rename) => self.rename(rename),
            Node::AlterObjectSchemaStmt(alter) => {
                self.move_relation(alter.relation(), alter.newschema(), "ALTER … SET SCHEMA")
            }
            Node::RefreshMatViewStmt(refresh) => self.refresh(refresh),
            Node::CallStmt(call) => {
                if let Some(call) = call.funccall() {
                    self.call(call, &Scope::default())?;
                }
                self.untouched("CALL")
            }
            _ if forwarded(node) => Ok(Done::Forward),
            _ => Err(construct(statement_name(node))),
        }
    }

    fn explain(&mut self, explain: &'a ExplainStmt, text: &'a str) -> Step<Done<'a>> {
        if let Node::CreateTableAsStmt(create) = explain.query()
            && !matches!(create.query(), Node::ExecuteStmt(_))
            && !explain.options().iter().any(|option| option.defname() == Some("analyze"))
        {
            // Nothing is created.
            self.outermost(create.query())?;
            if let Some(name) = create.into().and_then(|into| into.rel()) {
                self.created(name, "CREATE TABLE AS")?;
            }
            return Ok(Done::Explain);
        }
        let done = self.statement(explain.query(), text)?;
        // EXPLAIN ANALYZE makes it, too, and nobody would know that there is a new name.
        if self.touched.is_some()
            && let Node::CreateTableAsStmt(create) = explain.query()
            && create.objtype == ObjectType::OBJECT_MATVIEW
        {
            return Err(construct("EXPLAIN CREATE MATERIALIZED VIEW"));
        }
        match done {
            Done::Forward => Ok(Done::Forward),
            _ => Ok(Done::Explain),
        }
    }

    /// Nothing protected may have been seen in a statement of this kind.
    pub(super) fn untouched(&self, what: &'static str) -> Step<Done<'a>> {
        if self.touched.is_some() { Err(construct(what)) } else { Ok(Done::Utility) }
    }

    /// The relation that a utility statement names, if the catalog knows it (it knows no indexes and
    /// sequences). Notes protected ones.
    pub(super) fn named(&mut self, name: &'a RangeVar) -> Step<Option<&'a Relation>> {
        let relation = self.find(name);
        if let Some(relation) = relation {
            if self.catalog.matters(relation) {
                self.touched = self.touched.or(Some(relation));
            }
            return Ok(Some(relation));
        }
        let bare = name.relname().unwrap_or_default();
        if name.schemaname().map_or_else(|| self.sensitive(bare), |schema| self.of_policy(schema, bare)) {
            self.forbidden = true;
            let message = format!("relation \"{bare}\" does not exist");
            return Err(native("42P01", "sql/unknown-relation", message, name.location));
        }
        Ok(None)
    }

    /// As [`Self::named`]; stops at a relation that is protected or must not be named.
    pub(super) fn unprotected(&mut self, name: &'a RangeVar, what: &'static str) -> Step<Option<&'a Relation>> {
        let relation = self.named(name)?;
        if let Some(relation) = relation {
            if let Some(reason) = &relation.refused {
                return Err(refused_relation(relation, reason, name.location));
            }
            if relation.protected.is_some() {
                return Err(construct_at(what, name.location));
            }
        }
        Ok(relation)
    }

    /// A relation about to get this name must not become one that the policy names.
    pub(super) fn new_relation(&mut self, schema: &str, name: &str, what: &str, location: i32) -> Step<()> {
        if !self.of_policy(schema, name) {
            return Ok(());
        }
        self.forbidden = true;
        Err(unsupported_on(what, name, location)
            .hint("create it on the server directly, then run `pgveil apply`")
            .into())
    }

    /// Checks the name of a relation that a statement creates; qualifies it if it could be confused.
    pub(super) fn created(&mut self, name: &'a RangeVar, what: &str) -> Step<()> {
        let bare = name.relname().unwrap_or_default();
        let schema = self.new_schema(name);
        if schema == KEYSTORE_SCHEMA {
            self.forbidden = true;
            return Err(keystore(name.location));
        }
        self.new_relation(schema, bare, what, name.location)?;
        if name.schemaname().is_none() && self.sensitive(bare) && !schema.is_empty() {
            self.qualify(name, schema);
        }
        Ok(())
    }

    fn rename(&mut self, rename: &'a RenameStmt) -> Step<Done<'a>> {
        let what = "ALTER … RENAME";
        if let Some(name) = rename.relation() {
            let relation = self.unprotected(name, what)?;
            let is_relation = rename.subname().is_none();
            if let (Some(relation), Some(new), true) = (relation, rename.newname(), is_relation) {
                self.new_relation(&relation.schema, new, what, name.location)?;
            }
            return Ok(Done::Forward);
        }
        // ALTER SCHEMA … RENAME takes its tables along.
        let policy = |name| self.catalog.columns.iter().find(|c| Some(&*c.schema) == name);
        if rename.rename_type == ObjectType::OBJECT_SCHEMA
            && let Some(column) = policy(rename.subname()).or(policy(rename.newname()))
        {
            self.forbidden = true;
            return Err(unsupported_on("ALTER SCHEMA … RENAME", &column.table, -1).into());
        }
        Ok(Done::Forward)
    }

    fn move_relation(
        &mut self,
        name: Option<&'a RangeVar>,
        schema: Option<&'a str>,
        what: &'static str,
    ) -> Step<Done<'a>> {
        if let Some(name) = name {
            self.unprotected(name, what)?;
            self.new_relation(schema.unwrap_or_default(), name.relname().unwrap_or_default(), what, name.location)?;
        }
        Ok(Done::Forward)
    }

    /// Indexes on plain columns are the server's business.
    fn create_index(&mut self, index: &'a IndexStmt) -> Step<Done<'a>> {
        let Some(name) = index.relation() else { return Ok(Done::Forward) };
        let Some(relation) = self.named(name)? else { return Ok(Done::Forward) };
        if !self.catalog.matters(relation) {
            for elem in index.index_params() {
                self.no_forbidden_calls(elem.expr())?;
            }
            self.no_forbidden_calls(index.where_clause())?;
            return Ok(Done::Forward);
        }
        let mut scope = Scope::default();
        scope.items.push(relation_item(relation, name));
        let including = index.index_including_params().iter().filter_map(|node| match node {
            Node::IndexElem(elem) => Some(elem),
            _ => None,
        });
        for elem in index.index_params().iter().chain(including) {
            let column = relation.columns.iter().find(|c| Some(&*c.name) == elem.name());
            if let Some(ordinal) = column.and_then(|c| c.sealed) {
                let hint = "`pgveil apply` creates the indexes of searchable columns";
                let code = "sql/unsupported-construct";
                return Err(self.unsupported_because(ordinal, code, "CREATE INDEX", hint, name.location));
            }
            self.server_expression(elem.expr(), &scope, "an index expression")?;
        }
        self.server_expression(index.where_clause(), &scope, "an index predicate")?;
        Ok(Done::Forward)
    }

    /// An expression that the server keeps: nothing in it can be replaced.
    pub(super) fn server_expression(&mut self, node: Node<'a>, scope: &Scope<'a, '_>, what: &'static str) -> Step<()> {
        let before = self.changes.len();
        self.plain(node, scope, Place::Named(what))?;
        if self.changes.len() > before || self.params.transforms() {
            return Err(construct(what));
        }
        Ok(())
    }
}

/// Statements that take away or change an object that exists.
fn changes_objects(node: Node<'_>) -> bool {
    matches!(
        node,
        Node::DropStmt(_)
            | Node::DropOwnedStmt(_)
            | Node::AlterDomainStmt(_)
            | Node::AlterObjectSchemaStmt(_)
            | Node::AlterOwnerStmt(_)
            | Node::AlterFunctionStmt(_)
            | Node::RenameStmt(_)
            | Node::DefineStmt(_)
    )
}

/// Statements that carry no value of a column and change nothing about what a column is.
fn forwarded(node: Node<'_>) -> bool {
    matches!(
        node,
        Node::TransactionStmt(_)
            | Node::VariableSetStmt(_)
            | Node::VariableShowStmt(_)
            | Node::DiscardStmt(_)
            | Node::DeallocateStmt(_)
            | Node::ClosePortalStmt(_)
            | Node::NotifyStmt(_)
            | Node::ListenStmt(_)
            | Node::UnlistenStmt(_)
            | Node::CheckPointStmt(_)
            | Node::LoadStmt(_)
            | Node::ConstraintsSetStmt(_)
            | Node::TruncateStmt(_)
            | Node::LockStmt(_)
            | Node::VacuumStmt(_)
            | Node::ClusterStmt(_)
            | Node::ReindexStmt(_)
            | Node::CommentStmt(_)
            | Node::SecLabelStmt(_)
            | Node::GrantStmt(_)
            | Node::GrantRoleStmt(_)
            | Node::AlterDefaultPrivilegesStmt(_)
            | Node::AlterOwnerStmt(_)
            | Node::DropStmt(_)
            | Node::DropOwnedStmt(_)
            | Node::ReassignOwnedStmt(_)
            | Node::CreateRoleStmt(_)
            | Node::AlterRoleStmt(_)
            | Node::AlterRoleSetStmt(_)
            | Node::DropRoleStmt(_)
            | Node::CreatedbStmt(_)
            | Node::AlterDatabaseStmt(_)
            | Node::AlterDatabaseSetStmt(_)
            | Node::DropdbStmt(_)
            | Node::CreateTableSpaceStmt(_)
            | Node::DropTableSpaceStmt(_)
            | Node::AlterSystemStmt(_)
            | Node::CreateExtensionStmt(_)
            | Node::AlterExtensionStmt(_)
            | Node::CreateSeqStmt(_)
            | Node::AlterSeqStmt(_)
    )
}

/// What a refusal calls a statement.
fn statement_name(node: Node<'_>) -> &'static str {
    match node {
        Node::MergeStmt(_) => "MERGE",
        Node::DoStmt(_) => "DO",
        Node::CreateFunctionStmt(_) => "CREATE FUNCTION",
        Node::RuleStmt(_) => "CREATE RULE",
        Node::CreateStatsStmt(_) => "CREATE STATISTICS",
        Node::CreatePublicationStmt(_) => "CREATE PUBLICATION",
        Node::AlterPublicationStmt(_) => "ALTER PUBLICATION",
        Node::CreateSchemaStmt(_) => "CREATE SCHEMA",
        Node::ImportForeignSchemaStmt(_) => "IMPORT FOREIGN SCHEMA",
        Node::CreateCastStmt(_) => "CREATE CAST",
        Node::CompositeTypeStmt(_) => "CREATE TYPE",
        Node::CreateDomainStmt(_) => "CREATE DOMAIN",
        _ => "this statement",
    }
}
