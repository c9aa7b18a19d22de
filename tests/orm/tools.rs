//! The tools: where they are installed, how their application is run, what it printed.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// A tool with one driver.
#[derive(Clone, Copy)]
pub struct Tool {
    /// Of its recording.
    pub name: &'static str,
    /// As the documentation calls it.
    pub title: &'static str,
    /// The folder of its application, and the tool's name in `refused.txt`.
    pub folder: &'static str,
    pub language: Language,
    /// What is refused when it makes its tables again over protected ones; None if nothing is.
    pub starts_again: Option<&'static str>,
    /// A variable for the application.
    pub variable: (&'static str, &'static str),
}

#[derive(Clone, Copy)]
pub enum Language {
    Python,
    Node,
    Go,
}

/// One line of an application's output.
pub type Line = BTreeMap<String, Value>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn installed(path: &str) -> PathBuf {
    root().join("target/test-tools/orms").join(path)
}

impl Tool {
    /// Whether `scripts/setup.sh orms` has installed it.
    pub fn is_installed(&self) -> bool {
        installed("stamp").exists() && Path::new(&self.program()[0]).exists()
    }

    fn program(&self) -> Vec<OsString> {
        let source = |file: &str| root().join("tests/orm").join(self.folder).join(file).into_os_string();
        match self.language {
            Language::Python => vec![installed("venv/bin/python").into_os_string(), source("app.py")],
            Language::Node => vec!["/usr/bin/env".into(), "node".into(), source("app.js")],
            Language::Go => vec![installed(&format!("bin/{}", self.folder)).into_os_string()],
        }
    }

    fn execute(&self, arguments: &[&str]) -> Output {
        let program = self.program();
        Command::new(&program[0])
            .args(&program[1..])
            .args(arguments)
            .env(self.variable.0, self.variable.1)
            .env("NODE_PATH", installed("node/node_modules"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("TZ", "UTC")
            .env("ORM_SEED", root().join("tests/orm/seed.sql"))
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Runs the application; panics with what it said if it fails as a whole.
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.execute(arguments);
        assert!(output.status.success(), "{}: {}", self.name, crate::support::both(&output));
        crate::support::stdout(&output)
    }

    /// Lets the tool make its tables.
    pub fn create(&self, conninfo: &str) {
        self.run(&["create", conninfo]);
    }

    /// Lets the tool see whether its tables are as they should be, as applications do when they start.
    pub fn create_again(&self, conninfo: &str) -> Output {
        self.execute(&["create", conninfo])
    }

    /// Runs cases, all if none are named.
    pub fn cases(&self, conninfo: &str, names: &[&str]) -> Vec<Line> {
        let text = self.run(&[&["run", conninfo], names].concat());
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}
