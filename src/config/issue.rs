//! Findings while they are gathered: what is wrong and where. [`super::render`] turns them into
//! [`super::Finding`]s.

use std::cell::RefCell;

/// Where a piece of the policy comes from. Small and `Copy`, since every value of the file model
/// carries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    start: u32,
    end: u32,
}

/// [`At`] taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Byte range of the policy file's text.
    File(usize, usize),
    /// Index into the overriding environment variables.
    Env(usize),
    /// The policy as a whole.
    Nowhere,
}

impl At {
    /// `start == MAX` marks what is not in the file: texts that long are refused before parsing.
    const MAX: u32 = u32::MAX;
    /// The policy as a whole.
    pub(super) const NOWHERE: Self = Self { start: Self::MAX, end: Self::MAX };

    pub(super) fn file(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end.max(start) as u32 }
    }

    pub(super) fn env(index: usize) -> Self {
        Self { start: Self::MAX, end: index as u32 }
    }

    pub(super) fn is_env(self) -> bool {
        matches!(self.place(), Place::Env(_))
    }

    pub(super) fn place(self) -> Place {
        match (self.start, self.end) {
            (Self::MAX, Self::MAX) => Place::Nowhere,
            (Self::MAX, index) => Place::Env(index as usize),
            (start, end) => Place::File(start as usize, end as usize),
        }
    }

    /// One number, to pass through serde's data model.
    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.start) << 32 | u64::from(self.end)
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self { start: (bits >> 32) as u32, end: bits as u32 }
    }
}

/// One thing that is wrong, or doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issue {
    pub(super) code: &'static str,
    pub(super) warning: bool,
    pub(super) message: String,
    /// `None` until somebody who knows the place fills it in.
    pub(super) at: Option<At>,
    /// Stands beside the carets.
    pub(super) label: String,
    /// What to do, on a line of its own.
    pub(super) help: Option<String>,
    /// A second place to look at, with its label.
    pub(super) related: Option<(At, String)>,
}

impl Issue {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            warning: false,
            message: message.into(),
            at: None,
            label: String::new(),
            help: None,
            related: None,
        }
    }

    pub(super) fn at(mut self, at: At) -> Self {
        self.at = Some(at);
        self
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn related(mut self, at: At, label: impl Into<String>) -> Self {
        self.related = Some((at, label.into()));
        self
    }

    pub(super) fn warning(mut self) -> Self {
        self.warning = true;
        self
    }
}

/// Gathers issues. Shared by everything that reads one policy.
#[derive(Debug, Default)]
pub(super) struct Issues(RefCell<Vec<Issue>>);

impl Issues {
    pub(super) fn push(&self, issue: Issue) {
        self.0.borrow_mut().push(issue);
    }

    /// All of them in the order of the file; those without a place in it last.
    pub(super) fn into_sorted(self) -> Vec<Issue> {
        let mut all = self.0.into_inner();
        all.sort_by_key(|i| i.at.unwrap_or(At::NOWHERE));
        all
    }
}
