//! From the policy and what the database has to what is to be done. Pure: no connection.

use super::{columns, live::Live, objects, registered::Registered};
use crate::{
    config::Database,
    keys::keystore::Registration,
    sql::catalog::{ENCODING_HINT, SUPPORTED_ENCODING},
};

/// What `apply` will do, and what it cannot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// In the order of execution.
    pub(super) steps: Vec<Step>,
    /// What stands in the way; each is an error finding.
    pub(super) obstacles: Vec<Obstacle>,
    /// Worth knowing, stops nothing.
    pub(super) notes: Vec<String>,
    /// Columns to register in the keystore once they are sealed.
    pub(super) registrations: Vec<Pending>,
}

/// A column that is not registered as what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) column: Registration,
    /// Is it of the domain already?
    pub(super) sealed: bool,
    /// Was something else registered under its name?
    pub(super) replaces: bool,
}

/// One statement (or a few that belong together).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) sql: String,
    /// For people: why, or what it changes besides the obvious.
    pub(super) why: String,
    /// Whose rights it needs, if the login does not have them.
    pub(super) as_role: Option<String>,
    pub(super) how: How,
}

/// How a step is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// In the one transaction.
    InTransaction,
    /// Likewise, after locking the table (index into the policy's tables) and finding it empty.
    IfEmpty { table: usize },
    /// By itself after the transaction: `CREATE INDEX CONCURRENTLY`.
    Alone,
}

/// Something that `apply` will not do by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    /// Stable code with an anchor in docs/errors.md.
    pub(super) code: &'static str,
    /// `schema.table` or `schema.table.column`.
    pub(super) object: String,
    pub(super) message: String,
    pub(super) hint: String,
}

impl Plan {
    /// Steps that the login may run itself. Without the domain (or its schema) nothing that builds
    /// on it can run either.
    pub(super) fn own_steps(&self) -> Vec<&Step> {
        if self.foundation_is_missing() {
            Vec::new()
        } else {
            self.steps.iter().filter(|s| s.as_role.is_none()).collect()
        }
    }

    /// What can be registered now.
    pub(super) fn ready_to_register(&self) -> Vec<Registration> {
        self.registrations.iter().filter(|pending| pending.sealed).map(|pending| pending.column.clone()).collect()
    }

    /// Steps that somebody else has to run, by role.
    pub(super) fn foreign_steps(&self) -> Vec<(&str, &Step)> {
        let foundation = self.foundation_is_missing();
        self.steps
            .iter()
            .filter_map(|step| match &step.as_role {
                Some(role) => Some((role.as_str(), step)),
                None if foundation => Some(("the service login itself, once it may: apply again", step)),
                None => None,
            })
            .collect()
    }

    /// Is nothing of it possible in this database?
    pub(super) fn is_hopeless(&self) -> bool {
        self.obstacles.iter().any(|obstacle| obstacle.code == "catalog/encoding")
    }

    /// Must somebody grant the right to create schemas first?
    pub(super) fn waits_for_schemas(&self) -> bool {
        self.steps.iter().any(|step| step.as_role.is_some() && objects::is_schema_grant(&step.sql))
    }

    fn foundation_is_missing(&self) -> bool {
        self.steps.iter().any(|step| step.as_role.is_some() && objects::is_foundation(&step.sql))
    }
}

/// Plans one database. Of the keystore it only sees to the right to create its schema, and to what is
/// registered there.
pub(super) fn plan(database: &Database, live: &Live, keystore_missing: bool, registered: &Registered) -> Plan {
    let mut plan = Plan::default();
    if live.encoding != SUPPORTED_ENCODING {
        plan.obstacles.push(Obstacle {
            code: "catalog/encoding",
            object: database.name.clone(),
            message: format!("nothing can be sealed in a database of the encoding {}", live.encoding),
            hint: ENCODING_HINT.to_owned(),
        });
        return plan;
    }
    objects::plan(database, live, keystore_missing, &mut plan);
    for (index, table) in database.tables.iter().enumerate() {
        let table_live = live.tables.get(index).and_then(Option::as_ref);
        columns::plan(index, table, (table_live, live), registered, &mut plan);
    }
    plan
}
