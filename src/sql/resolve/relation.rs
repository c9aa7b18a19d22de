//! Relation names: which relation the server would find, and which names could be confused.

use pg_raw_parse::nodes::RangeVar;

use super::{
    KEYSTORE_SCHEMA, Resolver, Step,
    refuse::{keystore, native, refused_relation},
};
use crate::sql::{
    catalog::Relation,
    grammar::edits::{Change, NodeKind},
};

/// The alias by which a session's own temporary schema can always be named.
const TEMP: &str = "pg_temp";

fn is_temp_schema(schema: &str) -> bool {
    schema == TEMP || schema.starts_with("pg_temp_")
}

impl<'a> Resolver<'a> {
    /// The relation that a name means, as a query sees it: touching a protected one is noted, one
    /// that must not be named stops the walk, and a bare name that could come to mean a protected
    /// relation (by a later search_path or temporary table) is qualified.
    pub(super) fn relation(&mut self, name: &'a RangeVar) -> Step<&'a Relation> {
        let bare = name.relname().unwrap_or_default();
        if name.schemaname() == Some(KEYSTORE_SCHEMA) {
            self.forbidden = true;
            return Err(keystore(name.location));
        }
        let Some(relation) = self.find(name) else {
            let label = match name.schemaname() {
                Some(schema) => format!("{schema}.{bare}"),
                None => bare.to_owned(),
            };
            let message = format!("relation \"{label}\" does not exist");
            return Err(native("42P01", "sql/unknown-relation", message, name.location));
        };
        if relation.schema == KEYSTORE_SCHEMA {
            self.forbidden = true;
            return Err(keystore(name.location));
        }
        if let Some(reason) = &relation.refused {
            self.touched = self.touched.or(Some(relation));
            return Err(refused_relation(relation, reason, name.location));
        }
        if let Some(view) = self.catalog.views.get(&relation.oid) {
            self.touched = self.touched.or(Some(relation));
            self.may_write |= view.may_write;
        }
        if relation.protected.is_some() || relation.columns.iter().any(|c| c.sealed.is_some()) {
            self.touched = self.touched.or(Some(relation));
        }
        if name.schemaname().is_none() && (relation.protected.is_some() || self.sensitive(bare)) {
            self.qualify(name, &relation.schema);
        }
        Ok(relation)
    }

    /// Writes the schema before a name that has none.
    pub(super) fn qualify(&mut self, name: &RangeVar, schema: &str) {
        let schema = if is_temp_schema(schema) { TEMP } else { schema };
        self.change(NodeKind::RangeVar, name.location, Change::Qualify(schema.to_owned()));
    }

    /// Looks a name up as RangeVarGetRelid (catalog/namespace.c) does.
    pub(super) fn find(&self, name: &RangeVar) -> Option<&'a Relation> {
        let bare = name.relname()?;
        match name.schemaname() {
            Some(schema) if is_temp_schema(schema) => self.temp(bare),
            Some(schema) => self.permanent(schema, bare),
            None => {
                let path = &self.env.search_path;
                // An unlisted temporary schema comes first.
                if !path.iter().any(|s| is_temp_schema(s))
                    && let Some(relation) = self.temp(bare)
                {
                    return Some(relation);
                }
                path.iter().find_map(|schema| {
                    if is_temp_schema(schema) { self.temp(bare) } else { self.permanent(schema, bare) }
                })
            }
        }
    }

    /// The relation of a schema that is no temporary one.
    pub(super) fn permanent(&self, schema: &str, bare: &str) -> Option<&'a Relation> {
        if let Some(relation) = self.overlay.iter().find(|r| r.schema == schema && r.name == bare) {
            return Some(relation);
        }
        let relation = self.catalog.relation(schema, bare)?;
        // It has another name in this transaction.
        (!self.overlay.iter().any(|r| r.oid == relation.oid)).then_some(&**relation)
    }

    fn temp(&self, bare: &str) -> Option<&'a Relation> {
        self.env.temp.iter().find(|r| r.name == bare).map(|r| &**r)
    }

    /// Could this bare name mean a protected relation under some search_path?
    pub(super) fn sensitive(&self, bare: &str) -> bool {
        let protected = |relation: &Relation| self.catalog.matters(relation);
        self.catalog.mismatches.iter().any(|m| m.table.1 == bare)
            || self
                .catalog
                .by_name
                .values()
                .filter_map(|names| self.catalog.relations.get(names.get(bare)?))
                .any(|relation| protected(relation))
            || self.env.temp.iter().map(|r| &**r).chain(self.overlay).any(|r| r.name == bare && protected(r))
    }

    /// Does the policy name the relation of this schema and name, whether it exists or not?
    pub(super) fn of_policy(&self, schema: &str, name: &str) -> bool {
        self.catalog.columns.iter().any(|c| c.schema == schema && c.table == name)
            || self.catalog.mismatches.iter().any(|m| m.table.0 == schema && m.table.1 == name)
            || self.catalog.relation(schema, name).is_some_and(|r| r.protected.is_some())
    }

    /// The schema in which an unqualified new relation is created.
    pub(super) fn creation_schema(&self) -> &'a str {
        self.env
            .search_path
            .iter()
            .map(String::as_str)
            .find(|s| *s != "pg_catalog" && !is_temp_schema(s))
            .unwrap_or_default()
    }

    /// The schema of a relation about to be created.
    pub(super) fn new_schema(&self, name: &'a RangeVar) -> &'a str {
        match name.schemaname() {
            Some(schema) if is_temp_schema(schema) => TEMP,
            Some(schema) => schema,
            None if name.relpersistence == b't'.cast_signed() as std::ffi::c_char => TEMP,
            None => self.creation_schema(),
        }
    }
}
