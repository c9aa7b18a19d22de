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
    let answer = answer(console, &format!("{} [y/N]", question.ask), question.command, question.instead)?;
    if matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(CliError::failed(question.declined, "nothing was changed", "answer y, or use --yes"))
}

/// Likewise for what cannot be undone: the answer is a word that nobody types by habit.
pub(super) fn confirm_by_typing(
    yes: bool,
    console: Console,
    word: &str,
    command: &str,
    declined: &'static str,
) -> Result<(), CliError> {
    if yes || answer(console, &format!("Type {word} to go on:"), command, "add --yes")? == word {
        return Ok(());
    }
    Err(CliError::failed(declined, "nothing was changed", format!("type {word}, or use --yes")))
}

fn answer(console: Console, question: &str, command: &str, instead: &str) -> Result<String, CliError> {
    if console.is_json() || !io::stdin().is_terminal() {
        return Err(CliError::usage(
            format!("{command} asks before it changes something, and nobody is there to answer"),
            instead,
        ));
    }
    let failed = |source| CliError::Io { what: "asking on the terminal", source };
    write!(io::stderr(), "\n{question} ").and_then(|()| io::stderr().flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(answer.trim().to_owned())
}
