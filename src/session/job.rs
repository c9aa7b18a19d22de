//! What is done with the answer to one request.

use std::{sync::Arc, time::Instant};

use super::{
    error_response::Positions,
    names::{Statement, Undo},
    problem::Problem,
    rows::{Shape, View},
};

/// The job of one entry of the FIFO.
#[derive(Debug, Default)]
pub struct Job {
    /// Who the answer is for.
    pub deal: Deal,
    /// How its row description and rows are looked at.
    pub reading: Reading,
    /// What to take back if the request fails or is skipped.
    pub undo: Option<Undo>,
    /// Likewise for the statements of a Query, by their positions in it.
    pub steps: Vec<(usize, Undo)>,
    /// Where its errors point in the client's text; None if the text was sent as it came.
    pub positions: Option<Arc<Positions>>,
    /// Its results hold sealed columns: nothing that can commit is sent before they are opened.
    pub opens: bool,
    /// When the client's batch came that ends with it; None: it is not measured.
    pub asked: Option<Instant>,
}

/// Who an answer is for.
#[derive(Debug, Default)]
pub enum Deal {
    /// The client.
    #[default]
    Forward,
    /// Nobody: pgveil asked, and only failure matters.
    Swallow,
    /// pgveil: part of the answer to [`super::environment::Environment::ask`].
    Environment {
        /// Asked between two segments: an error concerns nobody else. In a segment it makes the server
        /// skip what the client has sent, so the client has to hear of it.
        alone: bool,
    },
    /// The substitute was sent: its 42703 is replaced by this error.
    Refuse(Box<Problem>),
    /// The substitute was sent to abort a transaction whose failure the client already knows.
    Repair,
}

/// How results are looked at.
#[derive(Debug, Default)]
pub enum Reading {
    /// The request has no result of its own.
    #[default]
    Nothing,
    /// A Query that was passed: only its row descriptions are checked.
    Passed {
        /// What the present row description says of its rows.
        shape: Option<Shape>,
    },
    /// A Query with edited statements.
    Script {
        /// Per statement, how its rows are shown; None for one that was passed.
        views: Box<[Option<Arc<View>>]>,
        /// The statement that answers now.
        at: usize,
        /// What its row description said.
        shape: Option<Shape>,
    },
    /// Describe or Execute of a prepared statement.
    Prepared {
        /// The statement.
        statement: Arc<Statement>,
        /// How its rows are shown; None if it was passed.
        view: Option<Arc<View>>,
    },
}

impl Job {
    /// Forwards the answer as it comes.
    pub fn forward() -> Self {
        Self::default()
    }

    /// Drops the answer.
    pub fn swallow() -> Self {
        Self { deal: Deal::Swallow, ..Self::default() }
    }

    /// The substitute stands in.
    pub fn refuse(problem: Problem) -> Self {
        Self { deal: Deal::Refuse(Box::new(problem)), ..Self::default() }
    }

    /// With something to take back on failure.
    #[must_use]
    pub fn undo(mut self, undo: Undo) -> Self {
        self.undo = Some(undo);
        self
    }

    /// With results.
    #[must_use]
    pub fn reading(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }
}

/// What is known about the rows that come now.
#[derive(Debug)]
pub enum Rows<'a> {
    /// They need no look.
    Plain,
    /// Each is looked at.
    Shaped(Option<&'a Arc<View>>, &'a Shape),
    /// The server has not described them, or their description was refused: they must not be shown.
    Undescribed,
}

impl Reading {
    /// How the statement that answers now is shown, if something in it is sealed.
    pub fn view(&self) -> Option<&Arc<View>> {
        match self {
            Self::Nothing | Self::Passed { .. } => None,
            Self::Script { views, at, .. } => views.get(*at).and_then(Option::as_ref),
            Self::Prepared { view, .. } => view.as_ref(),
        }
    }

    /// What is known about the rows that come now.
    pub fn rows(&self) -> Rows<'_> {
        let shape = match self {
            Self::Nothing => None,
            Self::Passed { shape } | Self::Script { shape, .. } => shape.as_ref(),
            // A description always comes before rows: the client's own Describe, or pgveil's.
            Self::Prepared { statement, .. } => match statement.shape.get() {
                Some(shape) => shape.as_ref(),
                None => return Rows::Undescribed,
            },
        };
        match shape {
            Some(shape) => Rows::Shaped(self.view(), shape),
            None if self.view().is_some() => Rows::Undescribed,
            None => Rows::Plain,
        }
    }
}
