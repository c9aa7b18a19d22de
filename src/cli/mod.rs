//! The command line: what `pgveil` understands, one file per subcommand.
//!
//! Exit status: 0 fine, 1 findings or a failed operation, 2 wrong usage or a bad policy file. With
//! `--json` exactly one JSON document goes to standard output; what is for people only goes to
//! standard error.

mod apply;
mod check;
mod confirm;
mod connect;
mod console;
pub mod demo;
mod error;
mod health;
mod keys;
mod kms;
mod logging;
mod ready;
mod run;
mod schema;
mod shown;
mod sql_text;
mod sweep;
mod value;

use std::{env, path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, Parser, Subcommand};

use console::Console;
use error::CliError;

use crate::{
    admin::hardening,
    config::{self, Policy},
};

/// What a command gives when it did not fail: did it find something?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Exit status 0.
    Fine,
    /// Exit status 1: it worked, and what it reports needs attention.
    Findings,
}

/// A transparent encrypting proxy for PostgreSQL.
///
/// Applications connect to pgveil instead of the server; a policy file names the columns that it
/// seals on the way in and opens on the way out.
#[derive(Debug, Parser)]
#[command(name = "pgveil", version, after_help = "Example: pgveil run --config pgveil.yaml")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
struct Global {
    /// The policy file.
    #[arg(long, short, global = true, env = "PGVEIL_CONFIG", default_value = "pgveil.yaml", value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON document instead of text for people.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve clients: the proxy itself.
    #[command(after_help = "Example: pgveil run --config pgveil.yaml")]
    Run(run::RunArgs),
    /// Compare the policy with the live database and try it with probe rows that are rolled back.
    #[command(after_help = "Example: pgveil check --json")]
    Check(check::CheckArgs),
    /// Create what the policy needs in the database: shows the SQL, asks, then runs it.
    #[command(after_help = "Example: pgveil apply --dry-run")]
    Apply(apply::ApplyArgs),
    /// Seal or open a single value.
    #[command(subcommand, after_help = "Example: printf %s 123-45-6789 | pgveil value seal --column public.people.ssn")]
    Value(value::ValueCommand),
    /// The keys of a database: show, create, import, activate, rotate, retire, destroy them.
    #[command(subcommand, after_help = "Example: pgveil keys list")]
    Keys(keys::KeysCommand),
    /// Try every key, seal and open a value, look after the proxies; exit status 1 if something is wrong.
    #[command(after_help = "Example: pgveil health --json")]
    Health(health::HealthArgs),
    /// Key management services: whom to grant what, whether it is granted, data keys.
    #[command(subcommand, after_help = "Example: pgveil kms verify")]
    Kms(kms::KmsCommand),
    /// Jobs over stored data while clients keep working: re-encrypt, verify, wrap keys anew.
    #[command(subcommand, after_help = "Example: pgveil sweep start --wait")]
    Sweep(sweep::SweepCommand),
    /// Show pgveil at work over a private throw-away PostgreSQL server.
    #[command(after_help = "Example: pgveil demo --once")]
    Demo(demo::DemoArgs),
    /// Ask a running pgveil whether it is ready: for health checks.
    #[command(after_help = "Example: pgveil ready --config pgveil.yaml")]
    Ready,
    /// Print the JSON Schema of the policy file, for editors.
    #[command(after_help = "Example: pgveil schema > pgveil.schema.json")]
    Schema,
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    // Before anything else: secrets may stand in the environment, and soon in memory.
    let dumps = hardening::no_dumps();
    let Cli { global, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error),
    };
    let console = Console::new(global.json);
    if let Err(gap) = dumps {
        Console::note(&format!("warning: {gap}"));
    }
    match execute(&global, command, console) {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Err(error) => {
            console.error(&error);
            ExitCode::from(error.exit_status())
        }
    }
}

/// Shows what the command line lacks, or the help that it asks for. Whoever says `--json` reads a document, whatever
/// else is wrong.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    let json = env::args_os().skip(1).take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if json && error.use_stderr() {
        let error = CliError::of_usage(&error.to_string());
        Console::new(true).error(&error);
        return ExitCode::from(error.exit_status());
    }
    // A reader that went away (`| head`) is no reason to fail.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

fn execute(global: &Global, command: Command, console: Console) -> Result<Outcome, CliError> {
    match command {
        Command::Schema => {
            schema::print(console);
            Ok(Outcome::Fine)
        }
        Command::Demo(args) => {
            logging::for_command();
            in_runtime(demo::demo(&args, console))
        }
        Command::Run(args) => {
            let policy = load(global)?;
            logging::for_server(&policy.log);
            in_runtime(run::run(policy, &args))
        }
        Command::Check(args) => {
            logging::for_command();
            let policy = load(global)?;
            in_runtime(check::check(&policy, &args, console))
        }
        Command::Apply(args) => {
            logging::for_command();
            let policy = load(global)?;
            in_runtime(apply::apply(&policy, &args, console))
        }
        Command::Ready => {
            logging::for_command();
            let policy = load(global)?;
            in_runtime(ready::ready(&policy, console))
        }
        Command::Keys(command) => {
            logging::for_command();
            let policy = load(global)?;
            in_runtime(keys::keys(&policy, &command, console))
        }
        Command::Health(args) => {
            logging::for_command();
            let policy = load(global)?;
            in_runtime(health::health(&policy, &args, console))
        }
        Command::Kms(command) => {
            logging::for_command();
            let policy = load(global)?;
            in_runtime(kms::kms(&policy, &command, console))
        }
        Command::Sweep(command) => {
            let policy = load(global)?;
            if command.serves() {
                logging::for_server(&policy.log);
            } else {
                logging::for_command();
            }
            in_runtime(sweep::sweep(&policy, &command, console))
        }
        Command::Value(command) => {
            logging::for_command();
            let policy = load(global)?;
            in_runtime(value::value(&policy, &command, console))
        }
    }
}

fn load(global: &Global) -> Result<Arc<Policy>, CliError> {
    let loaded = config::load(&global.config, &crate::kms::declarations()).map_err(CliError::Policy)?;
    for warning in &loaded.warnings {
        Console::note(&warning.rendered);
    }
    Ok(Arc::new(loaded.policy))
}

fn in_runtime<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::Io { what: "starting the runtime", source })?
        .block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn every_command_has_one_line_of_purpose_and_an_example() {
        let cli = Cli::command();
        cli.clone().debug_assert();
        let mut left: Vec<_> = cli.get_subcommands().collect();
        let mut seen = 0;
        while let Some(command) = left.pop() {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && !about.contains('\n'), "{}: {about:?}", command.get_name());
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(example.starts_with("Example: ") && example.contains(command.get_name()), "{}", command.get_name());
            left.extend(command.get_subcommands());
            seen += 1;
        }
        assert!(seen > 10, "{seen}");
    }
}
