//! Issues → findings that look like a good compiler's, without ANSI and without secrets.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::{
    Declaration,
    finding::{Finding, Severity},
    issue::{At, Issue, Place},
    kms::SettingKind,
    mask::{is_secret, mask, secret, taken_out, without},
    yaml::Node,
};

/// Further findings say nothing new, and rendering them takes time.
const MAX_FINDINGS: usize = 100;
/// Longer lines are not shown, only their place is. (The renderer cuts lines to the terminal's width,
/// but reads them whole.)
const MAX_LINE: usize = 2000;

/// What findings point into.
pub(super) struct Sources<'a> {
    path: String,
    text: &'a str,
    /// The same with secrets blotted out, byte for byte in place.
    masked: String,
    /// What was blotted out of it and of the variables.
    hidden: Vec<String>,
    vars: &'a [(String, String)],
    /// Names of declared settings that hold secrets.
    secrets: Vec<&'static str>,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(
        path: &std::path::Path,
        text: &'a str,
        root: Option<&Node>,
        vars: &'a [(String, String)],
        kms: &[&'static Declaration],
    ) -> Self {
        let lines = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|i| i + 1)).collect();
        let settings = kms.iter().flat_map(|declared| declared.settings);
        let secrets: Vec<_> = settings.filter(|s| s.value == SettingKind::Secret).map(|s| s.name).collect();
        let masked = mask(text, root, &secrets);
        let mut hidden = taken_out(text, &masked);
        for (name, value) in vars {
            if is_secret(name, &secrets) {
                hidden.extend(secret(value));
            } else {
                hidden.extend(taken_out(value, &mask(value, None, &secrets)));
            }
        }
        Self { path: path.display().to_string(), text, masked, hidden, vars, secrets, lines }
    }

    /// Renders findings in the given order. Of too many, errors are shown rather than warnings.
    pub(super) fn findings(&self, issues: &[Issue]) -> Vec<Finding> {
        let refused = issues.iter().any(|i| !i.warning);
        let crowded = issues.len() > MAX_FINDINGS;
        let chosen = issues.iter().filter(|i| !(crowded && refused && i.warning)).take(MAX_FINDINGS);
        let mut findings: Vec<_> = chosen.map(|i| self.finding(i)).collect();
        let hidden = issues.len() - findings.len();
        if hidden > 0 {
            let more = Issue::new("policy/too-many", format!("{hidden} more findings are not shown"));
            findings.push(self.finding(&if refused { more } else { more.warning() }));
        }
        findings
    }

    fn finding(&self, issue: &Issue) -> Finding {
        let issue = &Issue { message: without(&issue.message, &self.hidden), ..issue.clone() };
        let place = issue.at.unwrap_or(At::NOWHERE).place();
        let message = match place {
            Place::Env(index) => match self.vars.get(index) {
                Some((name, _)) => format!("environment variable {name}: {}", issue.message),
                None => issue.message.clone(),
            },
            _ => issue.message.clone(),
        };
        let (line, column) = match place {
            Place::File(start, _) => {
                let (line, column) = self.line_and_column(start);
                (Some(line), Some(column))
            }
            _ => (None, None),
        };
        let severity = if issue.warning { Severity::Warning } else { Severity::Error };
        let hint = issue.help.clone().or_else(|| Some(issue.label.clone()).filter(|l| !l.is_empty()));
        let rendered = self.render(issue, severity, &message, place);
        Finding { code: issue.code, severity, message, hint, rendered, line, column }
    }

    fn render(&self, issue: &Issue, severity: Severity, message: &str, place: Place) -> String {
        let level = match severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level.primary_title(message.to_owned()).id(issue.code).elements(self.elements(issue, place));
        if let Some(help) = &issue.help {
            group = group.element(Level::HELP.message(help.clone()));
        }
        let report: &[Group<'_>] = &[group];
        Renderer::plain().render(report)
    }

    fn elements(&self, issue: &Issue, place: Place) -> Vec<Element<'_>> {
        match place {
            Place::Nowhere => vec![Origin::path(self.path.clone()).into()],
            Place::Env(index) => {
                let Some((name, value)) = self.vars.get(index) else { return Vec::new() };
                let secret = is_secret(name, &self.secrets);
                let shown = if secret { "***".to_owned() } else { mask(value, None, &self.secrets) };
                let source = format!("{name}={shown}").replace(['\n', '\r'], " ");
                if source.len() > MAX_LINE {
                    return Vec::new();
                }
                let span =
                    if issue.code == "policy/unknown-variable" { 0..name.len() } else { name.len() + 1..source.len() };
                let annotation = AnnotationKind::Primary.span(clamp(span, source.len())).label(issue.label.clone());
                vec![Snippet::source(source).path("environment").annotation(annotation).into()]
            }
            Place::File(start, end) => {
                let mut marks = vec![(start, end, AnnotationKind::Primary, issue.label.clone())];
                if let Some((at, label)) = &issue.related
                    && let Place::File(start, end) = at.place()
                {
                    marks.push((start, end, AnnotationKind::Context, label.clone()));
                }
                let lines: Vec<usize> = marks.iter().map(|m| self.line_of(m.0)).collect();
                let (low, high) = (lines.iter().min().copied().unwrap_or(0), lines.iter().max().copied().unwrap_or(0));
                if (low..=high).take(51).any(|line| self.line(line).len() > MAX_LINE) {
                    let (line, column) = self.line_and_column(start);
                    let origin = Origin::path(self.path.clone()).line(line as usize).char_column(column as usize);
                    vec![origin.into()]
                } else if high - low <= 50 {
                    // The header gives the place of the primary mark.
                    vec![self.snippet(low, high, marks).into()]
                } else {
                    marks
                        .into_iter()
                        .zip(lines)
                        .map(|(mark, line)| self.snippet(line, line, vec![mark]).into())
                        .collect()
                }
            }
        }
    }

    /// The lines `low..=high` with marks on them. A mark that runs on ends with its first line.
    fn snippet(
        &self,
        low: usize,
        high: usize,
        marks: Vec<(usize, usize, AnnotationKind, String)>,
    ) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let mut source = String::new();
        let mut starts = Vec::new();
        for line in low..=high {
            let text = self.line(line);
            starts.push((self.start_of(line), source.len(), text.len()));
            source.push_str(text);
            source.push('\n');
        }
        let mut snippet = Snippet::source(source).path(self.path.clone()).line_start(low + 1);
        for (start, end, kind, label) in marks {
            let line = self.line_of(start);
            let Some(&(from, base, length)) = starts.get(line.saturating_sub(low)) else { continue };
            let span = clamp(start - from..end.max(start) - from, length);
            snippet = snippet.annotation(kind.span(base + span.start..base + span.end).label(label));
        }
        snippet
    }

    /// 1-based, the column in characters.
    pub(super) fn line_and_column(&self, offset: usize) -> (u32, u32) {
        let line = self.line_of(offset);
        let before = self.text.get(self.start_of(line)..offset).unwrap_or_default();
        (line as u32 + 1, before.chars().count() as u32 + 1)
    }

    /// 0-based line that holds the byte.
    fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Without its line break, and without secrets.
    fn line(&self, line: usize) -> &str {
        let to = self.lines.get(line + 1).map_or(self.masked.len(), |next| next - 1);
        self.masked.get(self.start_of(line)..to).unwrap_or_default().trim_end_matches('\r')
    }

    fn start_of(&self, line: usize) -> usize {
        self.lines.get(line).copied().unwrap_or(self.text.len())
    }
}

fn clamp(span: std::ops::Range<usize>, length: usize) -> std::ops::Range<usize> {
    span.start.min(length)..span.end.min(length)
}
