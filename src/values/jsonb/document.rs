//! A JSON value in memory: flat, so that neither printing nor dropping it recurses.

use std::ops::Range;

/// A value; texts are ranges of [`Document::text`], members of containers of [`Document::members`].
#[derive(Clone)]
pub(super) enum Node {
    Null,
    Bool(bool),
    /// Its text, as `numeric_out` prints it.
    Number(Range<usize>),
    /// Its text without escapes.
    String(Range<usize>),
    Array(Range<usize>),
    Object(Range<usize>),
}

/// A member of a container. The key is empty and unused in an array.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) key: Range<usize>,
    pub(super) value: Node,
}

pub(super) struct Document {
    pub(super) text: Vec<u8>,
    pub(super) members: Vec<Member>,
    pub(super) root: Node,
}

/// A container that is being printed: the members that are still to come.
struct Open {
    members: Range<usize>,
    object: bool,
    first: bool,
}

impl Document {
    fn text(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Appends a finished container's members and gives their range. Those of an object get jsonb's
    /// order, by length and then bytes, and of equal keys only the last stays
    /// (`uniqueifyJsonbObject()` of jsonb_util.c).
    pub(super) fn close(&mut self, mut members: Vec<Member>, object: bool) -> Range<usize> {
        if object {
            // The sort is stable: among equal keys the last one came last.
            members
                .sort_by(|a, b| a.key.len().cmp(&b.key.len()).then_with(|| self.text(&a.key).cmp(self.text(&b.key))));
            let text = &self.text;
            members.reverse();
            members.dedup_by(|a, b| text.get(a.key.clone()) == text.get(b.key.clone()));
            members.reverse();
        }
        let start = self.members.len();
        self.members.append(&mut members);
        start..self.members.len()
    }

    /// Rewrites numbers so that equal ones have equal texts: `1.50` becomes `1.5`, `-0.0` is `0` already.
    pub(super) fn strip_zeros(&mut self) {
        let text = &self.text;
        let nodes = self.members.iter_mut().map(|member| &mut member.value).chain([&mut self.root]);
        for node in nodes {
            if let Node::Number(range) = node {
                let digits = text.get(range.clone()).unwrap_or_default();
                if digits.contains(&b'.') {
                    let zeros = digits.iter().rev().take_while(|&&b| b == b'0').count();
                    range.end -= zeros;
                    if text.get(range.end - 1) == Some(&b'.') {
                        range.end -= 1;
                    }
                }
            }
        }
    }

    /// Appends the document as `jsonb_out` prints it: one blank after commas and colons.
    pub(super) fn print(&self, out: &mut Vec<u8>) {
        out.reserve(self.text.len() + self.members.len() * 4);
        let mut open = Vec::new();
        self.print_node(&self.root, out, &mut open);
        while let Some(container) = open.last_mut() {
            let Open { members, object, first } = container;
            let object = *object;
            let Some(at) = members.next() else {
                out.push(if object { b'}' } else { b']' });
                open.pop();
                continue;
            };
            if !std::mem::take(first) {
                out.extend_from_slice(b", ");
            }
            let Some(member) = self.members.get(at) else { continue };
            if object {
                print_string(self.text(&member.key), out);
                out.extend_from_slice(b": ");
            }
            self.print_node(&member.value, out, &mut open);
        }
    }

    fn print_node(&self, node: &Node, out: &mut Vec<u8>, open: &mut Vec<Open>) {
        match node {
            Node::Null => out.extend_from_slice(b"null"),
            Node::Bool(true) => out.extend_from_slice(b"true"),
            Node::Bool(false) => out.extend_from_slice(b"false"),
            Node::Number(text) => out.extend_from_slice(self.text(text)),
            Node::String(text) => print_string(self.text(text), out),
            Node::Array(members) => {
                out.push(b'[');
                open.push(Open { members: members.clone(), object: false, first: true });
            }
            Node::Object(members) => {
                out.push(b'{');
                open.push(Open { members: members.clone(), object: true, first: true });
            }
        }
    }
}

/// `escape_json()` of json.c.
fn print_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&b| b < b' ' || b == b'"' || b == b'\\') {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let [byte, tail @ ..] = special else { break };
        match byte {
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
