//! What people see when something is wrong with a policy.

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy works, but look at this.
    Warning,
}

/// Something wrong with the policy file, pointing at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable code with an anchor in docs/errors.md, e.g. `policy/unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to write instead, if that is known.
    pub hint: Option<String>,
    /// Rendered like a good compiler's message: file, line, column, snippet, suggestion. Several
    /// lines, no ANSI, no line break at the end.
    pub rendered: String,
    /// 1-based line, if known.
    pub line: Option<u32>,
    /// 1-based column in characters, if known.
    pub column: Option<u32>,
}

/// Findings for `--json`: an array of objects with `code`, `severity` (`error` or `warning`),
/// `message`, `hint`, `line`, `column` (null if unknown) and `rendered`.
pub fn findings_json(findings: &[Finding]) -> serde_json::Value {
    findings
        .iter()
        .map(|f| {
            serde_json::json!({
                "code": f.code,
                "severity": match f.severity { Severity::Error => "error", Severity::Warning => "warning" },
                "message": f.message,
                "hint": f.hint,
                "line": f.line,
                "column": f.column,
                "rendered": f.rendered,
            })
        })
        .collect()
}
