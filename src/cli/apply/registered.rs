//! What was registered under the policy's names, compared with what they mean now.

use std::sync::Arc;

use super::{
    live::{Column, Table},
    plan::{Obstacle, Pending},
};
use crate::{
    config::{ProtectedColumn, ProtectedTable},
    keys::keystore::Registration,
};

/// What to do about it; the same in all cases.
const HINT: &str = "if that was on purpose (a restore, a migration), look at it, then run `pgveil apply --accept`";

/// The keystore's registrations.
#[derive(Debug, Default)]
pub(super) struct Registered {
    pub(super) columns: Arc<[Registration]>,
    /// Whatever bears a name of the policy is taken for what is meant.
    pub(super) accept: bool,
}

impl Registered {
    fn of(&self, column: &ProtectedColumn) -> Option<&Registration> {
        self.columns
            .iter()
            .find(|known| known.schema == column.schema && known.table == column.table && known.column == column.name)
    }

    /// Does another table have the name?
    pub(super) fn other_table(&self, table: &ProtectedTable, live: &Table) -> Option<Obstacle> {
        let known =
            table.columns.iter().filter_map(|column| self.of(column)).find(|known| known.table_oid != live.oid)?;
        (!self.accept).then(|| Obstacle {
            code: "apply/replaced",
            object: format!("{}.{}", table.schema, table.name),
            message: format!(
                "this is not the table that was registered (OID {} then, {} now): it was dropped and created again, \
                 restored, or another table was given its name",
                known.table_oid, live.oid
            ),
            hint: HINT.to_owned(),
        })
    }

    /// Does another column have the name?
    pub(super) fn other_column(&self, column: &ProtectedColumn, found: &Column) -> Option<Obstacle> {
        let known = self.of(column).filter(|known| known.number != found.number)?;
        (!self.accept).then(|| Obstacle {
            code: "apply/replaced",
            object: column.path(),
            message: format!(
                "this is not the column that was registered (number {} then, {} now): it was dropped and added again, \
                 or another column was given its name",
                known.number, found.number
            ),
            hint: HINT.to_owned(),
        })
    }

    /// What is to be registered, unless it is.
    pub(super) fn pending(&self, column: &ProtectedColumn, table: &Table, found: &Column) -> Option<Pending> {
        let now = Registration {
            schema: column.schema.clone(),
            table: column.table.clone(),
            column: column.name.clone(),
            table_oid: table.oid,
            number: found.number,
        };
        let before = self.of(column);
        (before != Some(&now)).then(|| Pending { column: now, sealed: found.sealed, replaces: before.is_some() })
    }
}
