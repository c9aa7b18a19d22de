//! Sealed values where none belong: found in results, hidden in texts about them.
//!
//! What reaches a client through a function, a trigger's notice or an error's detail has no origin
//! that a plan could foresee. An envelope is told by its first bytes, in every form in which the
//! server writes bytea: binary, hex, escape and base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use memchr::memmem;

use crate::crypto::{Envelope, MAGIC};

/// The magic in hex and base64, and behind its backslashes in escape form.
const HEX: &[u8] = b"xff7076";
const BASE64: &[u8] = b"/3B2";
const ESCAPE: &[u8] = b"377pv";

/// The start of an envelope as a literal.
const CUT: &[u8] = b"\\xff7076";

/// Hex digits from which on a literal is taken for a token or an envelope: tokens have 16 bytes.
const LONG_HEX: usize = 32;

/// An envelope somewhere in a value: its DEK, which `knows` tells from chance bytes. In escape form
/// its DEK is not read and 0 is given.
pub fn find(bytes: &[u8], knows: impl Fn(u32) -> bool) -> Option<u32> {
    let binary = memmem::find_iter(bytes, &MAGIC)
        .filter_map(|at| Envelope::parse(bytes.get(at..)?).ok())
        .map(|envelope| envelope.dek.0);
    // Behind the magic: a byte of layout, four of the DEK.
    let hex = memmem::find_iter(bytes, HEX)
        .filter_map(|at| bytes.get(at + HEX.len() + 2..at + HEX.len() + 10))
        .filter_map(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
    let base64 = memmem::find_iter(bytes, BASE64)
        .filter_map(|at| STANDARD.decode(bytes.get(at + BASE64.len()..at + BASE64.len() + 8)?).ok())
        .filter_map(|head| head.get(1..)?.first_chunk().copied().map(u32::from_be_bytes));
    binary.chain(hex).chain(base64).find(|dek| knows(*dek)).or_else(|| escaped(bytes).map(|_| 0))
}

/// Where an envelope in escape form starts, its backslashes included: `\377pv` and a layout byte
/// (`\020`, `\021`, a blank, `!`). Arrays, rows and JSON double the backslashes.
fn escaped(text: &[u8]) -> Option<usize> {
    memmem::find_iter(text, ESCAPE).find_map(|at| {
        let (before, after) = (text.get(..at)?, text.get(at + ESCAPE.len()..)?);
        let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        let layout = after.get(after.iter().take_while(|byte| **byte == b'\\').count()..)?;
        let known = match after.first()? {
            b'\\' => layout.starts_with(b"020") || layout.starts_with(b"021"),
            b' ' | b'!' => true,
            _ => false,
        };
        (known && backslashes > 0).then_some(at - backslashes)
    })
}

/// A text of the server without tokens and envelopes: `with` stands for each. One in escape form has
/// no end that could be told, so everything behind its start goes.
pub fn hide(text: &[u8], with: &str) -> Vec<u8> {
    let (text, cut) = match escaped(text) {
        Some(start) => (text.get(..start).unwrap_or_default(), true),
        None => (text, false),
    };
    let mut out = hide_hex(text, with);
    if cut {
        out.extend_from_slice(with.as_bytes());
    }
    out
}

fn hide_hex(text: &[u8], with: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memmem::find(rest, b"\\x") {
        let hex = rest[at + 2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        // The server cuts off what it quotes (`limit_printout_length` of COPY): few digits may be left.
        if hex >= LONG_HEX || rest[at..].starts_with(CUT) {
            out.extend_from_slice(&rest[..at]);
            // JSON and rows double the backslash.
            while out.last() == Some(&b'\\') {
                out.pop();
            }
            out.extend_from_slice(with.as_bytes());
        } else {
            out.extend_from_slice(&rest[..at + 2 + hex]);
        }
        rest = &rest[at + 2 + hex..];
    }
    out.extend_from_slice(rest);
    out
}

/// A line of EXPLAIN (or a whole plan in JSON …) without tokens and envelopes. Those in escape form
/// are the literals with backslashes that are cast to bytea.
pub fn hide_in_plan(plan: &[u8]) -> Vec<u8> {
    const WITH: &str = "<token>";
    const CAST: &[u8] = b"'::bytea";
    let plan = hide_hex(plan, WITH);
    let mut out = Vec::with_capacity(plan.len());
    let mut copied = 0;
    for end in memmem::find_iter(&plan, CAST) {
        let Some(start) = opening_quote(&plan[copied..end]).map(|at| copied + at + 1) else { continue };
        let literal = &plan[start..end];
        if literal.contains(&b'\\') && !is_hex(literal) {
            out.extend_from_slice(&plan[copied..start]);
            out.extend_from_slice(WITH.as_bytes());
            copied = end;
        }
    }
    out.extend_from_slice(&plan[copied..]);
    out
}

/// Is it a literal in hex form, its backslash perhaps doubled? One in escape form may begin with an x, too.
fn is_hex(literal: &[u8]) -> bool {
    let behind = literal.iter().position(|byte| *byte != b'\\').unwrap_or_default();
    let digits = literal.get(behind..).and_then(|text| text.strip_prefix(b"x"));
    behind > 0 && digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// The quote that opens the literal that reaches to the end of a text; quotes in it are doubled.
fn opening_quote(text: &[u8]) -> Option<usize> {
    let mut end = text.len();
    loop {
        let at = memchr::memrchr(b'\'', text.get(..end)?)?;
        match at.checked_sub(1) {
            Some(before) if text.get(before) == Some(&b'\'') => end = before,
            _ => return Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEK: u32 = 0x8af7_89d3;

    fn envelope() -> Vec<u8> {
        let mut envelope = vec![0xff, 0x70, 0x76, 0x10];
        envelope.extend_from_slice(&DEK.to_be_bytes());
        envelope.extend_from_slice(&[7; 40]);
        envelope
    }

    #[test]
    fn what_is_left_of_an_envelope_that_was_cut_off_is_hidden() {
        let context = br#"COPY t, line 1: "4\\x09\\xff7076112d457af...""#;
        assert_eq!(hide(context, "…"), "COPY t, line 1: \"4\\\\x09…...\"".as_bytes());
        assert_eq!(hide(br"\xff70", "…"), br"\xff70");
    }

    #[test]
    fn an_envelope_is_found_in_every_form_of_bytea() {
        let envelope = envelope();
        let known = |dek| dek == DEK;
        for text in [
            envelope.clone(),
            [br#"(1,"\\x"#, const_hex::encode(&envelope).as_bytes()].concat(),
            STANDARD.encode(&envelope).into_bytes(),
            format!("<email>{}</email>", STANDARD.encode(&envelope)).into_bytes(),
        ] {
            assert_eq!(find(&text, known), Some(DEK), "{}", String::from_utf8_lossy(&text));
            assert_eq!(find(&text, |_| false), None);
        }
        for text in
            [&br"\377pv\020\212\367"[..], br#"(1,"\\377pv\\021\\212")"#, br#"{"a":"\\377pv!\\0"}"#, br"\377pv \212"]
        {
            assert_eq!(find(text, |_| false), Some(0), "{}", String::from_utf8_lossy(text));
        }
        for text in [&b""[..], b"377pv!", br"\377pv", br"\377pvx", b"/3B2", b"xff7076", br"\xff\x70\x76"] {
            assert_eq!(find(text, |_| true), None, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn texts_lose_their_envelopes() {
        let hex = format!(r#"row is (1,"\\x{}",2)"#, const_hex::encode(envelope()));
        assert_eq!(hide(hex.as_bytes(), "…"), r#"row is (1,"…",2)"#.as_bytes());
        assert_eq!(hide(br#"row is (1,"\\377pv\\020\\212",2)"#, "…"), r#"row is (1,"…"#.as_bytes());
        assert_eq!(hide(br"a \x0011 \377 b", "…"), br"a \x0011 \377 b");
    }

    #[test]
    fn plans_show_no_tokens() {
        let line = br"  Index Cond: (substring(email, 9, 16) = '\x00112233445566778899aabbccddeeff'::bytea) \x00";
        assert_eq!(hide_in_plan(line), br"  Index Cond: (substring(email, 9, 16) = '<token>'::bytea) \x00");
        let line =
            br"Filter: ((a)::bytea = '\315\256S''\266O'::bytea) OR b = ANY ('{x}'::text[]) OR c = '\377pv'::bytea";
        let shown = br"Filter: ((a)::bytea = '<token>'::bytea) OR b = ANY ('{x}'::text[]) OR c = '<token>'::bytea";
        assert_eq!(hide_in_plan(line), shown);
        for same in [&b"'abc'::bytea"[..], br"'\x00'::bytea", b"'::bytea", b"it's '::bytea", b"(a)::bytea"] {
            assert_eq!(hide_in_plan(same), same);
        }
        // One token in 256 begins with an x.
        for token in
            [&br"'''\001'::bytea"[..], br"'x\376\206A'::bytea", br"'x\\376\\206A'::bytea", br"'\\x41\001'::bytea"]
        {
            assert_eq!(hide_in_plan(token), b"'<token>'::bytea");
        }
    }
}
