//! Runs the steps that the login may run itself.

use tokio_postgres::{Client, Transaction};

use super::{
    live::has_rows,
    plan::{How, Plan, Step},
};
use crate::{
    cli::{
        error::{CliError, during},
        sql_text::qualified,
    },
    config::Database,
};

/// All in one transaction, then what cannot be in one.
pub(super) async fn execute(client: &mut Client, database: &Database, plan: &Plan) -> Result<(), CliError> {
    let steps = plan.own_steps();
    let transaction = client.transaction().await.map_err(during("beginning a transaction"))?;
    // Waiting for a table's lock blocks everybody who comes after: rather fail and be run again.
    transaction.batch_execute("SET LOCAL lock_timeout = '10s'").await.map_err(during("setting lock_timeout"))?;
    let mut locked = Vec::new();
    for step in steps.iter().filter(|step| step.how != How::Alone) {
        if let How::IfEmpty { table } = step.how
            && !locked.contains(&table)
        {
            lock_empty(&transaction, database, table).await?;
            locked.push(table);
        }
        run(&transaction, step).await?;
    }
    transaction.commit().await.map_err(during("committing"))?;
    for step in steps.iter().filter(|step| step.how == How::Alone) {
        client.batch_execute(&step.sql).await.map_err(|source| failed(step, &source))?;
    }
    Ok(())
}

async fn run(transaction: &Transaction<'_>, step: &Step) -> Result<(), CliError> {
    transaction.batch_execute(&step.sql).await.map_err(|source| failed(step, &source))
}

fn failed(step: &Step, source: &tokio_postgres::Error) -> CliError {
    let hint = match step.how {
        How::Alone => "an index that was not finished is left invalid: drop it and apply again",
        _ => "nothing was changed: the transaction was rolled back",
    };
    CliError::failed("apply/statement", format!("{}: {}", step.sql, crate::cli::error::describe(source)), hint)
}

/// Between the plan and the lock somebody may have written.
async fn lock_empty(transaction: &Transaction<'_>, database: &Database, table: usize) -> Result<(), CliError> {
    let Some(table) = database.tables.get(table) else { return Ok(()) };
    let name = qualified(&table.schema, &table.name);
    transaction
        .batch_execute(&format!("LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
        .await
        .map_err(during("locking a protected table"))?;
    if has_rows(transaction, table).await? {
        return Err(CliError::failed(
            "apply/rows-arrived",
            format!("{name} was empty and has rows now"),
            "nothing was changed; apply again to see what can be done",
        ));
    }
    Ok(())
}
