//! The command line: one file per subcommand.

pub mod demo;

/// Runs the program.
pub fn main() -> std::process::ExitCode {
    todo!()
}
