//! The statements and transactions of an application.

use futures_util::SinkExt as _;
use tokio_postgres::Client;

use super::{Application, Broken};
use crate::ledger::{COUNTERS, Row};

const COLUMNS: &str = "id, plain, email, amount, note";

impl Application {
    /// One statement or transaction, chosen by chance.
    pub(super) async fn something(&mut self, client: &Client) -> Result<(), Broken> {
        let id = self.pick();
        if !self.is_sure(id) {
            return Ok(());
        }
        match self.dice.roll(16) {
            0..=3 => self.read(client, id).await,
            4 => self.find(client, id).await,
            5 | 6 => self.bound(client, id).await,
            7 => self.literals(client, id).await,
            8 => self.other_column(client, id).await,
            9 | 10 => self.insert(client).await,
            11 => self.delete(client, id).await,
            12 => self.copy(client).await,
            13 => self.count(client).await,
            14 => self.upsert(client, id).await,
            _ => self.transaction(client).await,
        }
    }

    /// What was acknowledged is there.
    async fn read(&mut self, client: &Client, id: i64) -> Result<(), Broken> {
        let sql = format!("SELECT {COLUMNS} FROM people WHERE id = $1");
        let rows = self.timed(client.query(&sql, &[&id])).await?;
        let there = rows.first().map(row_of);
        assert_eq!(there, self.expected(id), "row {id} as client {} reads it", self.number);
        Ok(())
    }

    /// By a sealed value.
    async fn find(&mut self, client: &Client, id: i64) -> Result<(), Broken> {
        let Some(row) = self.expected(id) else { return Ok(()) };
        let Some(email) = row.email.clone() else { return Ok(()) };
        let sql = format!("SELECT {COLUMNS} FROM people WHERE email = $1");
        let rows = self.timed(client.query(&sql, &[&email])).await?;
        assert_eq!(rows.iter().map(row_of).collect::<Vec<_>>(), [row], "found by {email}");
        Ok(())
    }

    async fn bound(&mut self, client: &Client, id: i64) -> Result<(), Broken> {
        if self.expected(id).is_none() {
            return Ok(());
        }
        let row = self.next_row(id);
        let sql = "UPDATE people SET plain = $2, email = $3, amount = $4, note = $5 WHERE id = $1";
        let done = self.timed(client.execute(sql, &[&id, &row.plain, &row.email, &row.amount, &row.note])).await;
        let n = self.settle(done, vec![(id, Some(row))])?;
        assert_eq!(n, 1, "row {id} was there to be updated");
        Ok(())
    }

    async fn literals(&mut self, client: &Client, id: i64) -> Result<(), Broken> {
        let Some(mut row) = self.expected(id) else { return Ok(()) };
        row.note = self.next_row(id).note;
        let note = row.note.as_ref().map_or("NULL".to_owned(), |note| format!("'{note}'"));
        let sql = format!("UPDATE people SET note = {note} WHERE id = {id}");
        let done = self.timed(client.batch_execute(&sql)).await;
        self.settle(done, vec![(id, Some(row))])
    }

    /// Moves the row version and touches nothing sealed.
    async fn other_column(&mut self, client: &Client, id: i64) -> Result<(), Broken> {
        let Some(mut row) = self.expected(id) else { return Ok(()) };
        row.plain += 1;
        let done = self.timed(client.execute("UPDATE people SET plain = plain + 1 WHERE id = $1", &[&id])).await;
        let n = self.settle(done, vec![(id, Some(row))])?;
        assert_eq!(n, 1, "row {id} was there to be updated");
        Ok(())
    }

    async fn insert(&mut self, client: &Client) -> Result<(), Broken> {
        let id = self.new_id();
        let row = self.next_row(id);
        let sql = format!("INSERT INTO people ({COLUMNS}) VALUES ($1, $2, $3, $4, $5)");
        let done = self.timed(client.execute(&sql, &[&id, &row.plain, &row.email, &row.amount, &row.note])).await;
        self.settle(done, vec![(id, Some(row))]).map(drop)
    }

    async fn delete(&mut self, client: &Client, id: i64) -> Result<(), Broken> {
        let there = u64::from(self.expected(id).is_some());
        let done = self.timed(client.execute("DELETE FROM people WHERE id = $1", &[&id])).await;
        let n = self.settle(done, vec![(id, None)])?;
        assert_eq!(n, there, "row {id} was there to be deleted");
        Ok(())
    }

    async fn copy(&mut self, client: &Client) -> Result<(), Broken> {
        let (mut rows, mut text) = (Vec::new(), String::new());
        for _ in 0..20 {
            let id = self.new_id();
            let row = self.next_row(id);
            text.push_str(&copy_line(id, &row));
            rows.push((id, Some(row)));
        }
        let sql = format!("COPY people ({COLUMNS}) FROM STDIN");
        let done = self
            .timed(async {
                let sink = client.copy_in(&sql).await?;
                let mut sink = std::pin::pin!(sink);
                sink.send(bytes::Bytes::from(text)).await?;
                sink.finish().await
            })
            .await;
        let n = self.settle(done, rows)?;
        assert_eq!(n, 20);
        Ok(())
    }

    /// Reads, adds one, writes: who overwrites what it has not read loses an increment.
    async fn count(&mut self, client: &Client) -> Result<(), Broken> {
        let id = self.dice.roll(COUNTERS as usize) as i32;
        self.timed(client.batch_execute("BEGIN")).await?;
        let row = self.timed(client.query_one("SELECT n FROM counters WHERE id = $1 FOR UPDATE", &[&id])).await?;
        let n = row.get::<_, i64>(0) + 1;
        self.timed(client.execute("UPDATE counters SET n = $2 WHERE id = $1", &[&id, &n])).await?;
        let done = self.timed(client.batch_execute("COMMIT")).await;
        let entry = self.told.ledger.counted.entry(id).or_default();
        match &done {
            Ok(()) => entry.0 += 1,
            Err(Broken::Refused(_)) => {}
            Err(_) => entry.1 += 1,
        }
        done
    }

    async fn upsert(&mut self, client: &Client, id: i64) -> Result<(), Broken> {
        let row = self.next_row(id);
        let sql = format!(
            "INSERT INTO people ({COLUMNS}) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE \
             SET plain = excluded.plain, email = excluded.email, amount = excluded.amount, note = excluded.note"
        );
        let done = self.timed(client.execute(&sql, &[&id, &row.plain, &row.email, &row.amount, &row.note])).await;
        self.settle(done, vec![(id, Some(row))]).map(drop)
    }

    /// Rows locked and changed, one put back by a savepoint, one new, one gone.
    async fn transaction(&mut self, client: &Client) -> Result<(), Broken> {
        let mut ids: Vec<i64> = (0..3).map(|_| self.pick()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|&id| self.is_sure(id));
        let mut changes = Vec::new();
        self.timed(client.batch_execute("BEGIN")).await?;
        let sql = format!("SELECT {COLUMNS} FROM people WHERE id = ANY ($1) ORDER BY id FOR UPDATE");
        let rows = self.timed(client.query(&sql, &[&ids])).await?;
        let expected: Vec<Row> = ids.iter().filter_map(|&id| self.expected(id)).collect();
        assert_eq!(rows.iter().map(row_of).collect::<Vec<_>>(), expected, "rows {ids:?} as they are locked");
        for &id in &ids {
            let Some(mut row) = self.expected(id) else { continue };
            row.email = self.next_row(id).email;
            row.amount = row.amount.map(|amount| amount + 1);
            let sql = "UPDATE people SET email = $2, amount = $3 WHERE id = $1";
            self.timed(client.execute(sql, &[&id, &row.email, &row.amount])).await?;
            changes.push((id, Some(row)));
        }
        self.timed(client.batch_execute("SAVEPOINT s")).await?;
        self.timed(client.execute("UPDATE people SET note = 'never' WHERE id = ANY ($1)", &[&ids])).await?;
        self.timed(client.batch_execute("ROLLBACK TO SAVEPOINT s")).await?;
        let id = self.new_id();
        let row = self.next_row(id);
        let sql = format!("INSERT INTO people ({COLUMNS}) VALUES ($1, $2, $3, $4, $5)");
        self.timed(client.execute(&sql, &[&id, &row.plain, &row.email, &row.amount, &row.note])).await?;
        changes.push((id, Some(row)));
        if let Some(&gone) = ids.last().filter(|_| self.dice.roll(3) == 0) {
            self.timed(client.execute("DELETE FROM people WHERE id = $1", &[&gone])).await?;
            changes.push((gone, None));
        }
        if self.dice.roll(8) == 0 {
            return self.timed(client.batch_execute("ROLLBACK")).await;
        }
        let done = self.timed(client.batch_execute("COMMIT")).await;
        self.settle(done, changes)
    }
}

fn row_of(row: &tokio_postgres::Row) -> Row {
    Row { plain: row.get("plain"), email: row.get("email"), amount: row.get("amount"), note: row.get("note") }
}

/// A line of COPY's text form.
pub fn copy_line(id: i64, row: &Row) -> String {
    let null = || "\\N".to_owned();
    format!(
        "{id}\t{}\t{}\t{}\t{}\n",
        row.plain,
        row.email.clone().unwrap_or_else(null),
        row.amount.map_or_else(null, |n| n.to_string()),
        row.note.clone().unwrap_or_else(null)
    )
}
