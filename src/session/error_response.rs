//! Errors of the server about statements that pgveil has edited, as the client should see them.
//!
//! Positions are mapped back into the client's text; what quotes stored values or pgveil's own
//! expressions is put in the client's terms. Messages about statements that were passed stay as
//! they are, unless they show sealed values.

use bytes::{BufMut, BytesMut};

use super::stray;
use crate::{
    sql::model::Edit,
    wire::{Malformed, backend, cursor::Cursor, frame::message, frontend::cstr},
};

/// Where the edits of a statement stand, in characters of the edited and of the client's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(Vec<Shift>);

/// One edit: `[edited, edited + edited_len)` stands for `[client, client + client_len)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shift {
    edited: usize,
    edited_len: usize,
    client: usize,
    client_len: usize,
}

impl Positions {
    /// Adds the edits of one statement that starts at byte `start` of the client's text; `lengths`
    /// are the characters that each edit became. `grown` is how many characters were added so far.
    pub fn add(&mut self, text: &str, start: usize, edits: &[Edit], lengths: &[usize]) {
        let (mut byte, mut chars) = (0, 0);
        let mut grown: isize = self
            .0
            .last()
            .map_or(0, |last| (last.edited + last.edited_len) as isize - (last.client + last.client_len) as isize);
        for (edit, length) in edits.iter().zip(lengths) {
            let Some(before) = text.get(byte..start + edit.span.start) else { return };
            let Some(replaced) = text.get(start + edit.span.start..start + edit.span.end) else { return };
            chars += before.chars().count();
            let client_len = replaced.chars().count();
            self.0.push(Shift {
                edited: (chars as isize + grown) as usize,
                edited_len: *length,
                client: chars,
                client_len,
            });
            grown += *length as isize - client_len as isize;
            chars += client_len;
            byte = start + edit.span.end;
        }
    }

    /// Maps a 1-based character position back.
    fn back(&self, position: usize) -> usize {
        let at = position.saturating_sub(1);
        let Some(shift) = self.0.iter().rev().find(|shift| shift.edited <= at) else { return position };
        if at < shift.edited + shift.edited_len {
            return shift.client + 1;
        }
        at - (shift.edited + shift.edited_len) + shift.client + shift.client_len + 1
    }
}

/// Rewrites an ErrorResponse or NoticeResponse (`tag`) about an edited statement.
pub fn rewrite(tag: u8, body: &[u8], positions: &Positions, out: &mut BytesMut) {
    message(out, tag, |out| {
        for (kind, text) in backend::error_fields(body) {
            out.put_u8(kind);
            match kind {
                b'P' => {
                    let position = std::str::from_utf8(text).ok().and_then(|text| text.parse::<usize>().ok());
                    match position {
                        Some(position) => out.extend_from_slice(positions.back(position).to_string().as_bytes()),
                        None => out.extend_from_slice(text),
                    }
                }
                b'M' | b'D' | b'H' | b'W' | b'q' => out.extend_from_slice(&in_the_clients_terms(text)),
                _ => out.extend_from_slice(text),
            }
            out.put_u8(0);
        }
        out.put_u8(0);
    });
}

/// Rewrites a NotificationResponse: its payload may be a row that a trigger has sent.
pub fn rewrite_notification(body: &[u8], out: &mut BytesMut) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(body);
    let (sender, channel, payload) = (cursor.u32()?, cursor.cstr()?, cursor.cstr()?);
    message(out, b'A', |out| {
        out.put_u32(sender);
        cstr(out, channel);
        cstr(out, &stray::hide(payload, "…"));
    });
    Ok(())
}

/// `Key ("substring"(email, 9, 16))=(\x…) already exists.` ⇒ `Key (email)=(…) already exists.`, and
/// `Failing row contains (…).` without its values.
fn in_the_clients_terms(text: &[u8]) -> Vec<u8> {
    if text.starts_with(b"Failing row contains (") {
        return b"Failing row contains (\xe2\x80\xa6).".to_vec();
    }
    stray::hide(&without_substring(text), "…")
}

/// Takes `"substring"(x::bytea, 9, 16)` back to `x`.
fn without_substring(text: &[u8]) -> Vec<u8> {
    const OPEN: &[u8] = b"\"substring\"(";
    const CLOSE: &[u8] = b", 9, 16)";
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, OPEN) {
        let inner = &rest[at + OPEN.len()..];
        let Some(end) = memchr::memmem::find(inner, CLOSE) else { break };
        out.extend_from_slice(&rest[..at]);
        let column = &inner[..end];
        // The column's domain is shown as a cast to its base type.
        out.extend_from_slice(column.strip_suffix(b"::bytea").unwrap_or(column));
        rest = &inner[end + CLOSE.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::model::Replacement;

    #[test]
    fn a_unique_violation_names_the_column_and_no_token() {
        let detail = br#"Key ("substring"(email::bytea, 9, 16))=(\x00112233445566778899aabbccddeeff) already exists."#;
        assert_eq!(in_the_clients_terms(detail), "Key (email)=(…) already exists.".as_bytes());
        assert_eq!(in_the_clients_terms(b"Failing row contains (1, \\xff70)."), "Failing row contains (…).".as_bytes());
        assert_eq!(in_the_clients_terms(b"Key (id)=(7) already exists."), b"Key (id)=(7) already exists.");
    }

    #[test]
    fn positions_map_back_through_edits() {
        // `a 'äx' b` → `a E'\\x00' b`
        let text = "a 'äx' b";
        let edit = Edit { span: 2..7, with: Replacement::Text("".into()) };
        let mut positions = Positions::default();
        positions.add(text, 0, &[edit], &[8]);
        assert_eq!(positions.back(1), 1);
        assert_eq!(positions.back(5), 3);
        assert_eq!(positions.back(12), 8);
    }
}
