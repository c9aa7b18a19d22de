//! The survey: which stored relations a job is about, how big they are, and what is in its way.
//!
//! A policy names tables; rows lie in *stored relations*: ordinary tables, leaf partitions at any depth, and
//! children by inheritance, each with its own attribute numbers. A survey finds them through `pg_inherits` by
//! the columns' names, tells what would keep a job from ending well (with the SQL that mends it), and what
//! whoever starts one should know.

mod around;
mod estimate;
mod firing;
mod relations;
mod server;
mod shards;

pub use estimate::Estimate;
pub(super) use firing::of_part as firing;
use server::Server;
use tokio_postgres::Client;

pub use super::journal::StoredColumn;
use super::{Kind, SweepError, job::ColumnName, journal::NewShard};
use crate::config;

/// What a job would have to do, and what is in its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// The relations that store rows of the columns; those that cannot be swept are missing and in `obstacles`.
    pub relations: Vec<Stored>,
    /// What is in the way.
    pub obstacles: Vec<Obstacle>,
    /// What whoever starts a job should know, for people.
    pub notes: Vec<String>,
    /// How much it is.
    pub estimate: Estimate,
}

/// A relation that stores rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its OID.
    pub oid: u32,
    /// Its schema, verbatim.
    pub schema: String,
    /// Its name, verbatim.
    pub name: String,
    /// Blocks of its main fork.
    pub blocks: i64,
    /// Live rows, about.
    pub rows: i64,
    /// Bytes of heap and TOAST.
    pub bytes: i64,
    /// Its sealed columns that the job is about.
    pub columns: Vec<StoredColumn>,
}

/// What stands in the way of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Stable code with an anchor in docs/errors.md, `sweep/…`.
    pub code: &'static str,
    /// What it is about: `public.people`, `public.people.ssn`.
    pub object: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Which jobs it stops.
    pub stops: Stops,
}

/// Which jobs an obstacle stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// All: it hides values, or they cannot be read.
    Reading,
    /// Those that write.
    Writing,
    /// Those that write, unless triggers are allowed.
    Triggers,
}

impl Obstacle {
    /// Does it stop a job of this kind?
    pub fn stops(&self, kind: Kind, allow_triggers: bool) -> bool {
        match self.stops {
            Stops::Reading => kind != Kind::Rewrap,
            Stops::Writing => kind.writes_rows(),
            Stops::Triggers => kind.writes_rows() && !allow_triggers,
        }
    }
}

impl Survey {
    /// What stops a job of this kind.
    pub fn in_the_way(&self, kind: Kind, allow_triggers: bool) -> impl Iterator<Item = &Obstacle> {
        self.obstacles.iter().filter(move |obstacle| obstacle.stops(kind, allow_triggers))
    }

    /// The work of a first pass, cut into pieces that processes claim.
    pub fn shards(&self, kind: Kind) -> Vec<NewShard> {
        if kind == Kind::Rewrap { Vec::new() } else { shards::cut(&self.relations) }
    }
}

impl Stored {
    /// A range of its blocks, cut into pieces.
    pub fn shards(&self, first_block: i64, end_block: i64) -> Vec<NewShard> {
        shards::ranges(self, first_block, end_block)
    }
}

/// The relations alone, and what keeps some of them from being read: for the look at the end of a pass, when there
/// may be others than at the start. Their rows are not counted.
pub(super) async fn relations(
    client: &Client,
    database: &config::Database,
    columns: &[ColumnName],
) -> Result<(Vec<Stored>, Vec<Obstacle>), SweepError> {
    let (known, unknown): (Vec<_>, Vec<_>) = columns.iter().cloned().partition(|column| is_protected(database, column));
    let mut obstacles: Vec<Obstacle> = unknown.iter().map(not_protected).collect();
    let find = async {
        let server = Server::ask(client).await?;
        relations::find(client, database, &server.role, &known).await
    };
    let (found, more) = server::impatiently(client, find).await?;
    obstacles.extend(more);
    let relations = found.into_iter().filter(|relation| relation.readable).map(|relation| relation.stored).collect();
    Ok((relations, obstacles))
}

/// Surveys columns as the role of the connection, which must be as [`super::Connect`] makes it. Columns that
/// the policy does not name are obstacles. Nobody's lock on a table is waited for for long.
pub async fn survey(
    client: &Client,
    database: &config::Database,
    columns: &[ColumnName],
) -> Result<Survey, SweepError> {
    server::impatiently(client, look(client, database, columns)).await
}

async fn look(client: &Client, database: &config::Database, columns: &[ColumnName]) -> Result<Survey, SweepError> {
    let server = Server::ask(client).await?;
    let mut obstacles: Vec<Obstacle> = server.obstacle().into_iter().collect();
    let (known, unknown): (Vec<_>, Vec<_>) = columns.iter().cloned().partition(|column| is_protected(database, column));
    obstacles.extend(unknown.iter().map(not_protected));
    let (mut found, more) = relations::find(client, database, &server.role, &known).await?;
    obstacles.extend(more);
    let firing = firing::find(client, &found).await?;
    let (unpublishable, around) = around::find(client, &found).await?;
    obstacles.extend(firing);
    obstacles.extend(unpublishable);
    // Where nothing is known to be in the way.
    for relation in found.iter().filter(|relation| relation.readable && relation.writable) {
        let path = format!("{}.{}", relation.stored.schema, relation.stored.name);
        let known = obstacles.iter().any(|known| known.object == path && known.stops == Stops::Writing);
        if !known && let Some(refusal) = server::probe(client, relation).await? {
            obstacles.push(refusal);
        }
    }
    let estimate = estimate::estimate(client, &server, &mut found).await?;
    let mut notes = around::of_rows(&found);
    notes.extend(around);
    notes.extend(server::idle_slots(client).await?);
    let relations = found.into_iter().filter(|relation| relation.readable).map(|relation| relation.stored).collect();
    Ok(Survey { relations, obstacles, notes, estimate })
}

/// Does the policy name this column?
pub(super) fn is_protected(database: &config::Database, name: &ColumnName) -> bool {
    database.columns.iter().any(|column| name.names(column))
}

fn not_protected(column: &ColumnName) -> Obstacle {
    Obstacle {
        code: "sweep/not-protected",
        object: column.to_string(),
        message: "the policy of this process does not name the column".to_owned(),
        hint: "names are matched verbatim; a process with another policy may be able to sweep it".to_owned(),
        stops: Stops::Reading,
    }
}
