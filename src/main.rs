//! The `pgveil` program: see [`pgveil::cli`].

fn main() -> std::process::ExitCode {
    pgveil::cli::main()
}
