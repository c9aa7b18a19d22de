//! Asking before something is changed.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::{console::Console, error::CliError};

/// What is asked, and where there is nobody to ask.
pub(super) struct Question {
    /// The question.
    pub(super) ask: &'static str,
    /// The command, for the complaint that nobody is there.
    pub(super) command: &'static str,
    /// What can be given in place of an answer.
    pub(super) instead: &'static str,
    /// Code of the error if the answer is no.
    pub(super) declined: &'static str,
}

/// Asks on a terminal; elsewhere somebody must have said yes beforehand.
pub(super) fn confirm(yes: bool, console: Console, question: &Question) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if console.is_json() || !io::stdin().is_terminal() {
        return Err(CliError::usage(
            format!("{} asks before it changes something, and nobody is there to answer", question.command),
            question.instead,
        ));
    }
    let failed = |source| CliError::Io { what: "asking on the terminal", source };
    write!(io::stderr(), "\n{} [y/N] ", question.ask).and_then(|()| io::stderr().flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(CliError::failed(question.declined, "nothing was changed", "answer y, or use --yes"))
}
