//! The drivers: where `scripts/setup.sh drivers` installs them, how their application is run.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// One line of an application's output.
pub type Line = BTreeMap<String, Value>;

/// An application with one driver.
pub struct Driver {
    /// In `refused.txt` and messages.
    pub name: &'static str,
    start: Start,
    arguments: Vec<&'static str>,
}

/// How an application is started; paths are below `tests/drivers` or, of what is compiled,
/// below `target/test-tools/drivers`.
pub enum Start {
    Python(&'static str),
    /// For what needs psycopg only, which `scripts/setup.sh clients` installs as well.
    Psycopg(&'static str),
    Node(&'static str),
    /// For what needs `pg` only, which `scripts/setup.sh clients` installs as well.
    NodePg(&'static str),
    /// A program that setup has compiled: Go, Rust.
    Program(&'static str),
    /// A class in setup's class path.
    Java(&'static str),
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn installed(path: &str) -> PathBuf {
    root().join("target/test-tools/drivers").join(path)
}

fn python(file: &Path, python: PathBuf) -> (PathBuf, Command) {
    let mut command = Command::new(&python);
    command.arg(file);
    (python, command)
}

fn node(file: &Path, modules: PathBuf) -> (PathBuf, Command) {
    let mut command = Command::new("node");
    command.arg(file).env("NODE_PATH", &modules);
    (modules, command)
}

impl Driver {
    pub fn new(name: &'static str, start: Start) -> Self {
        Self { name, start, arguments: Vec::new() }
    }

    /// With an argument behind the URL, which tells variants of one application apart.
    pub fn with(mut self, argument: &'static str) -> Self {
        self.arguments.push(argument);
        self
    }

    fn command(&self) -> (PathBuf, Command) {
        let source = |file: &str| root().join("tests/drivers").join(file);
        match self.start {
            Start::Python(file) => python(&source(file), installed("venv/bin/python")),
            Start::Psycopg(file) => python(&source(file), root().join("target/test-tools/venv/bin/python")),
            Start::Node(file) => node(&source(file), installed("node/node_modules")),
            Start::NodePg(file) => node(&source(file), root().join("target/test-tools/node/node_modules")),
            Start::Program(file) => (installed(file), Command::new(installed(file))),
            Start::Java(class) => {
                let jars = installed("java");
                let mut command = Command::new("java");
                command.arg("-cp").arg(jars.join("*")).arg(class);
                (jars, command)
            }
        }
    }

    /// Whether setup has installed it.
    pub fn is_installed(&self) -> bool {
        Path::new(&self.command().0).exists()
    }

    /// Runs the application; panics with what it said if it fails as a whole.
    pub fn run(&self, url: &str) -> Vec<Line> {
        let mut command = self.command().1;
        command.arg(url).args(&self.arguments).env("TZ", "UTC").env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert!(output.status.success(), "{}: {}", self.name, crate::support::both(&output));
        let text = crate::support::stdout(&output);
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", self.name));
        text.lines().map(parse).collect()
    }
}
