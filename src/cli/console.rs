//! What commands print: text for people or one JSON document for programs.

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::{error::CliError, sweep::obstacle_document};
use crate::config::findings_json;

/// Width of tables on a terminal that does not say how wide it is.
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
            out(&harmless(text));
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

    /// Text that holds a secret, written as it is, whoever reads.
    pub(super) fn secret(text: &str) {
        // A reader that went away is no reason to fail.
        let mut stdout = io::stdout();
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }

    /// Text for people beside the result, on standard error.
    pub(super) fn note(text: &str) {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(io::stderr(), "{}", harmless(text));
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
        if let CliError::Obstacles(obstacles) = error {
            for obstacle in obstacles {
                Self::note(&format!("error[{}]: {}: {}", obstacle.code, obstacle.object, obstacle.message));
                Self::note(&format!("hint: {}", obstacle.hint));
            }
            Self::note("");
        }
        Self::note(&format!("error[{}]: {error}", error.code()));
        if let Some(hint) = error.hint() {
            Self::note(&format!("hint: {hint}"));
        }
    }

    /// A heading, emphasised on a terminal.
    pub(super) fn heading(self, text: &str) {
        if self.is_terminal() {
            out(&format!("\n\x1b[1m{}\x1b[0m", harmless(text)));
        } else {
            self.say(&format!("\n{text}"));
        }
    }

    /// A table in the style of the output. On a terminal that is too narrow for it a record a row instead: ids
    /// that are broken over lines cannot be copied. Elsewhere plain characters, and each row on one line,
    /// however long, so that it can be searched.
    pub(super) fn table(self, header: &[&str], rows: &[Vec<String>]) {
        let cell = |cell: &String| harmless(cell).replace('\n', " ");
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        let mut table = Table::new();
        table.load_style(if self.terminal {
            presets::UTF8_FULL_CONDENSED
        } else {
            presets::ASCII_BORDERS_ONLY_CONDENSED
        });
        table.set_header(header.to_vec()).add_rows(&rows);
        let table = table.to_string();
        let natural = table.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        if self.terminal && natural > usize::from(width()) {
            self.say(&format!("{}\n", records(header, &rows)));
        } else {
            self.say(&table);
        }
    }
}

/// Each row as lines of a name and a value.
fn records(header: &[&str], rows: &[Vec<String>]) -> String {
    let widest = header.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let record = |row: &Vec<String>| -> String {
        let lines = header.iter().zip(row).map(|(name, value)| format!("{name:widest$}  {value}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    rows.iter().map(record).collect::<Vec<_>>().join("\n\n")
}

/// Columns of the terminal.
fn width() -> u16 {
    rustix::termios::tcgetwinsize(io::stdout()).map_or(WIDTH, |size| if size.ws_col == 0 { WIDTH } else { size.ws_col })
}

/// What comes out of a database, its error messages among them, must not steer a terminal.
pub(super) fn harmless(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{fffd}")
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
    if let (CliError::Obstacles(obstacles), Some(fields)) = (error, document.as_object_mut()) {
        fields.insert("obstacles".to_owned(), obstacles.iter().map(obstacle_document).collect());
    }
    json!({ "error": document })
}
