//! What COPY of sealed columns moves, and in which form.

use super::model::Output;

/// A COPY between the client and a statement on protected tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// COPY … FROM STDIN; else TO STDOUT.
    pub from: bool,
    /// What its messages call the relation; empty for a query.
    pub table: String,
    /// The fields of a row, in order.
    pub fields: Vec<CopyField>,
    /// The form of its rows.
    pub form: CopyForm,
}

/// One field of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyField {
    /// Name of its column; empty in a query.
    pub name: String,
    /// What it holds.
    pub output: Output,
    /// FORCE_QUOTE names it.
    pub force_quote: bool,
    /// FORCE_NOT_NULL names it.
    pub force_not_null: bool,
    /// FORCE_NULL names it.
    pub force_null: bool,
}

/// The form of the rows of a COPY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyForm {
    /// `FORMAT binary`
    Binary,
    /// `FORMAT text` or `FORMAT csv`
    Lines(Lines),
}

/// How rows are written as lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// The characters that quote and escape, in CSV.
    pub csv: Option<(u8, u8)>,
    /// Between fields.
    pub delimiter: u8,
    /// What stands for NULL.
    pub null: String,
    /// The first line.
    pub header: Header,
}

/// The first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// A row like the others.
    No,
    /// Names, at which nobody looks when they come in.
    Yes,
    /// The names of the columns.
    Match,
}

impl Copy {
    /// Is any field sealed?
    pub fn is_sealed(&self) -> bool {
        self.fields.iter().any(|field| field.output.sealed().is_some())
    }

    /// Bytes it takes, roughly.
    pub fn weight(&self) -> usize {
        self.fields.iter().map(|field| size_of::<CopyField>() + field.name.len()).sum()
    }
}
