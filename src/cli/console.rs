//! What commands print: text for people or one JSON document for programs.

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::error::CliError;
use crate::config::findings_json;

/// Width of tables where there is no terminal to ask.
const WIDTH: u16 = 100;

/// Standard output and standard error of one command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Console {
    json: bool,
    terminal: bool,
}

impl Console {
    pub(super) fn new(json: bool) -> Self {
        Self { json, terminal: io::stdout().is_terminal() }
    }

    /// Is the output for programs?
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// Does a person look at standard output?
    pub(super) fn is_terminal(self) -> bool {
        self.terminal && !self.json
    }

    /// Text for people, on standard output; nothing with `--json`.
    pub(super) fn say(self, text: &str) {
        if !self.json {
            out(text);
        }
    }

    /// The document for programs; nothing without `--json`.
    pub(super) fn document(self, document: &Value) {
        if self.json {
            out(&format!("{document:#}"));
        }
    }

    /// The result of a command that people pipe onwards: bare text, or a document.
    pub(super) fn result(self, text: &str, document: &Value) {
        self.say(text);
        self.document(document);
    }

    /// Text for people beside the result, on standard error.
    pub(super) fn note(text: &str) {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// A failure: rendered on standard error, or as the document.
    pub(super) fn error(self, error: &CliError) {
        if self.json {
            return self.document(&document_of(error));
        }
        if let CliError::Policy(findings) = error {
            for finding in findings {
                Self::note(finding.rendered.trim_end());
                Self::note("");
            }
        }
        Self::note(&format!("error[{}]: {error}", error.code()));
        if let Some(hint) = error.hint() {
            Self::note(&format!("hint: {hint}"));
        }
    }

    /// A heading, emphasised on a terminal.
    pub(super) fn heading(self, text: &str) {
        if self.is_terminal() {
            self.say(&format!("\n\x1b[1m{text}\x1b[0m"));
        } else {
            self.say(&format!("\n{text}"));
        }
    }

    /// A table in the style of the output: lines on a terminal, plain characters elsewhere.
    pub(super) fn table(self, header: &[&str], rows: &[Vec<String>]) {
        let mut table = Table::new();
        table
            .load_style(if self.terminal {
                presets::UTF8_FULL_CONDENSED
            } else {
                presets::ASCII_BORDERS_ONLY_CONDENSED
            })
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH)
            .set_header(header.to_vec());
        for row in rows {
            table.add_row(row.clone());
        }
        self.say(&table.to_string());
    }
}

fn out(text: &str) {
    // A reader that went away (`| head`) is no reason to fail.
    let _ = writeln!(io::stdout(), "{text}");
}

fn document_of(error: &CliError) -> Value {
    let mut document = json!({ "code": error.code(), "message": error.to_string(), "hint": error.hint() });
    if let (CliError::Policy(findings), Some(fields)) = (error, document.as_object_mut()) {
        fields.insert("findings".to_owned(), findings_json(findings));
    }
    json!({ "error": document })
}
