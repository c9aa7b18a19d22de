//! Array literals: `array_in()`, `ArrayCount()` and `ReadArrayStr()` of arrayfuncs.c as of PostgreSQL 15.

use super::{Array, MAX_DIMENSIONS, check_bounds, more_dimensions, too_many_dimensions};
use crate::values::{Format, Settings, Stored, ValueError, codec, text::is_space, ty::Base};

/// Reads an array literal with elements of type `base`.
pub(super) fn input(base: Base, literal: &str, settings: &Settings) -> Result<Array, ValueError> {
    let (given, at) = explicit_dimensions(literal)?;
    let body = literal.get(at..).unwrap_or_default();
    let dimensions = if given.is_empty() {
        if !body.starts_with('{') {
            return Err(malformed(literal, "Array value must start with \"{\" or dimension information."));
        }
        count(body)?.into_iter().map(|length| (length, 1)).collect()
    } else {
        let Some(body) = body.strip_prefix('=') else {
            return Err(malformed(literal, "Missing \"=\" after array dimensions."));
        };
        let body = body.trim_start_matches(is_blank);
        if !body.starts_with('{') {
            return Err(malformed(literal, "Array contents must start with \"{\"."));
        }
        if !count(body)?.into_iter().eq(given.iter().map(|(length, _)| *length)) {
            return Err(malformed(literal, "Specified array dimensions do not match array contents."));
        }
        given
    };
    check_bounds(&dimensions)?;
    let lower = match *dimensions {
        [] => return Ok(Array::new(base, 1)),
        [(_, lower)] => lower,
        _ => return Err(more_dimensions(dimensions.len())),
    };
    // The braces that are counted are the outermost ones.
    let body = literal.get(at..).unwrap_or_default();
    let inner = body.split_once('{').map_or("", |(_, inner)| inner);
    let mut array = Array::new(base, lower);
    let mut rest = inner.as_bytes();
    loop {
        let (item, end, tail) = element(rest, settings.array_nulls);
        match item {
            None => array.push_null(),
            Some(item) => {
                array.push(|out| codec::input(base, -1, Format::Text, &item, settings, out).map(|()| Stored::Canon))?;
            }
        }
        rest = tail;
        if end {
            return Ok(array);
        }
    }
}

fn is_blank(c: char) -> bool {
    c.is_ascii() && is_space(c as u8)
}

/// `array_in` quotes the whole literal, [`count`] what stands behind blanks and dimensions.
fn malformed(literal: &str, detail: impl Into<String>) -> ValueError {
    ValueError::new("22P02", format!("malformed array literal: \"{literal}\"")).detail(detail)
}

/// `[2:4][3]`: lengths and first subscripts, and where what follows starts.
fn explicit_dimensions(literal: &str) -> Result<(Vec<(i32, i32)>, usize), ValueError> {
    let mut dimensions = Vec::new();
    let mut rest = literal;
    loop {
        rest = rest.trim_start_matches(is_blank);
        let Some(inner) = rest.strip_prefix('[') else { return Ok((dimensions, literal.len() - rest.len())) };
        if dimensions.len() >= MAX_DIMENSIONS {
            return Err(too_many_dimensions(dimensions.len() + 1));
        }
        let (first, mut tail) = digits(inner);
        if first.is_empty() {
            return Err(malformed(literal, "\"[\" must introduce explicitly-specified array dimensions."));
        }
        let (mut lower, mut upper) = (1, first);
        if let Some(behind) = tail.strip_prefix(':') {
            lower = atoi(first);
            (upper, tail) = digits(behind);
            if upper.is_empty() {
                return Err(malformed(literal, "Missing array dimension value."));
            }
        }
        rest = tail.strip_prefix(']').ok_or_else(|| malformed(literal, "Missing \"]\" after array dimensions."))?;
        let upper = atoi(upper);
        if upper < lower {
            return Err(ValueError::new("2202E", "upper bound cannot be less than lower bound"));
        }
        // As the server's int does; a negative one is found later.
        dimensions.push((upper.wrapping_sub(lower).wrapping_add(1), lower));
    }
}

/// Digits and signs at the start, whatever their order.
fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+')).unwrap_or(text.len());
    text.split_at(end)
}

/// glibc's `atoi()`: a `long`, clamped, of which the lower half counts.
fn atoi(text: &str) -> i32 {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let mut value: i64 = 0;
    for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0')) {
        let digit = if negative { -digit } else { digit };
        value = value.saturating_mul(10).saturating_add(digit);
    }
    value as i32
}

/// `ArrayParseState`
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NoLevel,
    LevelStarted,
    ElementStarted,
    QuotedStarted,
    QuotedCompleted,
    ElementDelimited,
    LevelCompleted,
    LevelDelimited,
}

/// `ArrayCount()`: checks the whole body and gives the lengths of its dimensions; none if it is empty.
fn count(body: &str) -> Result<Vec<i32>, ValueError> {
    use State::{
        ElementDelimited, ElementStarted, LevelCompleted, LevelDelimited, LevelStarted, NoLevel, QuotedCompleted,
        QuotedStarted,
    };
    let unexpected = |c: char| malformed(body, format!("Unexpected \"{c}\" character."));
    let end_of_input = || malformed(body, "Unexpected end of input.");
    let stray_element = || malformed(body, "Unexpected array element.");
    let (mut lengths, mut nelems, mut nelems_last) =
        ([0_i32; MAX_DIMENSIONS], [1_i32; MAX_DIMENSIONS], [0_i32; MAX_DIMENSIONS]);
    let (mut level, mut dimensions) = (0_usize, 1_usize);
    let (mut in_quotes, mut empty, mut state) = (false, true, NoLevel);
    let mut bytes = body.bytes();
    loop {
        if matches!(state, ElementStarted | QuotedStarted) {
            empty = false;
        }
        match bytes.next().ok_or_else(end_of_input)? {
            b'\\' => {
                if !matches!(state, LevelStarted | ElementStarted | QuotedStarted | ElementDelimited) {
                    return Err(unexpected('\\'));
                }
                if state != QuotedStarted {
                    state = ElementStarted;
                }
                bytes.next().ok_or_else(end_of_input)?;
            }
            b'"' => {
                if !matches!(state, LevelStarted | QuotedStarted | ElementDelimited) {
                    return Err(stray_element());
                }
                in_quotes = !in_quotes;
                state = if in_quotes { QuotedStarted } else { QuotedCompleted };
            }
            _ if in_quotes => {}
            b'{' => {
                if !matches!(state, NoLevel | LevelStarted | LevelDelimited) {
                    return Err(unexpected('{'));
                }
                state = LevelStarted;
                let length = lengths.get_mut(level).ok_or_else(|| too_many_dimensions(level + 1))?;
                *length = 0;
                level += 1;
                dimensions = dimensions.max(level);
            }
            b'}' => {
                let empty_array = level == 1 && state == LevelStarted;
                if !(empty_array || matches!(state, ElementStarted | QuotedCompleted | LevelCompleted)) {
                    return Err(unexpected('}'));
                }
                state = LevelCompleted;
                let inner = level.checked_sub(1).ok_or_else(|| malformed(body, "Unmatched \"}\" character."))?;
                level = inner;
                if let (Some(now), Some(last)) = (nelems.get_mut(level), nelems_last.get_mut(level)) {
                    if *last != 0 && *now != *last {
                        let detail = "Multidimensional arrays must have sub-arrays with matching dimensions.";
                        return Err(malformed(body, detail));
                    }
                    *last = std::mem::replace(now, 1);
                }
                let Some(length) = level.checked_sub(1).and_then(|outer| lengths.get_mut(outer)) else {
                    count_item(&mut lengths, dimensions);
                    break;
                };
                *length += 1;
            }
            b',' => {
                state = match state {
                    ElementStarted | QuotedCompleted => ElementDelimited,
                    LevelCompleted => LevelDelimited,
                    _ => return Err(unexpected(',')),
                };
                if let Some(count) = level.checked_sub(1).and_then(|level| nelems.get_mut(level)) {
                    *count += 1;
                }
                count_item(&mut lengths, dimensions);
            }
            byte if is_space(byte) => {}
            _ => {
                if !matches!(state, LevelStarted | ElementStarted | ElementDelimited) {
                    return Err(stray_element());
                }
                state = ElementStarted;
            }
        }
    }
    if !bytes.all(is_space) {
        return Err(malformed(body, "Junk after closing right brace."));
    }
    Ok(if empty { Vec::new() } else { lengths.iter().copied().take(dimensions).collect() })
}

/// Items count in the innermost dimension that there is so far.
fn count_item(lengths: &mut [i32; MAX_DIMENSIONS], dimensions: usize) {
    if let Some(length) = dimensions.checked_sub(1).and_then(|innermost| lengths.get_mut(innermost)) {
        *length += 1;
    }
}

/// One element of a body that [`count`] has accepted, from behind a brace or comma: its text (None is NULL),
/// whether it is the last one, and what follows.
fn element(body: &[u8], nulls: bool) -> (Option<Vec<u8>>, bool, &[u8]) {
    let mut text = Vec::new();
    // What blanks at the end are cut to.
    let mut significant = 0;
    let (mut in_quotes, mut leading, mut quoted) = (false, true, false);
    let mut rest = body;
    let end = loop {
        let Some((&byte, tail)) = rest.split_first() else { break true };
        rest = tail;
        match byte {
            b'\\' => {
                if let Some((&escaped, tail)) = rest.split_first() {
                    text.push(escaped);
                    rest = tail;
                }
                (leading, quoted, significant) = (false, true, text.len());
            }
            b'"' => {
                in_quotes = !in_quotes;
                leading &= !in_quotes;
                if !in_quotes {
                    significant = text.len();
                }
                quoted = true;
            }
            _ if in_quotes => text.push(byte),
            b'}' => break true,
            b',' => break false,
            _ if is_space(byte) => {
                if !leading {
                    text.push(byte);
                }
            }
            _ => {
                text.push(byte);
                (leading, significant) = (false, text.len());
            }
        }
    };
    text.truncate(significant);
    let null = nulls && !quoted && text.eq_ignore_ascii_case(b"null");
    (Some(text).filter(|_| !null), end, rest)
}
