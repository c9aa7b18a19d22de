//! JSON tokens: `json_lex()` of the server's jsonapi.c, with its errors.

use super::ValueError;

/// A token. Texts of strings go to the lexer's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    /// Its text was appended to the buffer; it starts there.
    String(usize),
    Number,
    True,
    False,
    Null,
    End,
}

/// Reads tokens one by one. `start..end` is the text of the current one.
pub(super) struct Lexer<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    /// Is only the syntax of escapes looked at? `json` is lexed so, which stores them as they are.
    syntax_only: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, start: 0, end: 0, syntax_only: false }
    }

    pub(super) fn of_syntax(text: &'a str) -> Self {
        Self { syntax_only: true, ..Self::new(text) }
    }

    /// The current token as written.
    pub(super) fn token(&self) -> &'a str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn count(&self, from: usize, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        rest.iter().take_while(|&&b| wanted(b)).count()
    }

    /// Takes the next token; the text of a string is appended to `strings` without escapes.
    pub(super) fn next(&mut self, strings: &mut Vec<u8>) -> Result<Token, ValueError> {
        self.start = self.end + self.count(self.end, |b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
        self.end = self.start + 1;
        Ok(match self.byte(self.start) {
            None => {
                self.end = self.start;
                Token::End
            }
            Some(b'{') => Token::ObjectStart,
            Some(b'}') => Token::ObjectEnd,
            Some(b'[') => Token::ArrayStart,
            Some(b']') => Token::ArrayEnd,
            Some(b',') => Token::Comma,
            Some(b':') => Token::Colon,
            Some(b'"') => self.string(strings)?,
            Some(b'-') => self.number(self.start + 1)?,
            Some(b'0'..=b'9') => self.number(self.start)?,
            Some(_) => self.word()?,
        })
    }

    fn word(&mut self) -> Result<Token, ValueError> {
        let length = self.count(self.start, is_word);
        self.end = self.start + length.max(1);
        match self.token() {
            "true" => Ok(Token::True),
            "false" => Ok(Token::False),
            "null" => Ok(Token::Null),
            _ => Err(self.invalid()),
        }
    }

    fn number(&mut self, mut at: usize) -> Result<Token, ValueError> {
        let digits = |at| self.count(at, |b| b.is_ascii_digit());
        let mut good = true;
        if self.byte(at) == Some(b'0') {
            at += 1;
        } else {
            good &= digits(at) > 0;
            at += digits(at);
        }
        if self.byte(at) == Some(b'.') {
            good &= digits(at + 1) > 0;
            at += 1 + digits(at + 1);
        }
        if matches!(self.byte(at), Some(b'e' | b'E')) {
            at += 1;
            if matches!(self.byte(at), Some(b'+' | b'-')) {
                at += 1;
            }
            good &= digits(at) > 0;
            at += digits(at);
        }
        // Letters that follow belong to the token in the error.
        let garbage = self.count(at, is_word);
        self.end = at + garbage;
        if good && garbage == 0 { Ok(Token::Number) } else { Err(self.invalid()) }
    }

    fn string(&mut self, strings: &mut Vec<u8>) -> Result<Token, ValueError> {
        let begin = strings.len();
        let mut high = None;
        let mut at = self.start + 1;
        loop {
            let plain = self.count(at, |b| b >= b' ' && b != b'"' && b != b'\\');
            let Some(text) = self.text.as_bytes().get(at..at + plain) else { return Err(self.invalid_to(at)) };
            if plain > 0 && high.is_some() {
                return Err(self.low_surrogate(self.after_char(at)));
            }
            strings.extend_from_slice(text);
            at += plain;
            match self.byte(at) {
                None => return Err(self.invalid_to(at)),
                Some(b'"') if high.is_some() => return Err(self.low_surrogate(at + 1)),
                Some(b'"') => {
                    self.end = at + 1;
                    return Ok(Token::String(begin));
                }
                Some(b'\\') => at = self.escape(at + 1, &mut high, strings)?,
                Some(control) => {
                    let detail = format!("Character with value 0x{control:02x} must be escaped.");
                    return Err(self.syntax(detail, at));
                }
            }
        }
    }

    /// Reads an escape sequence whose character after the backslash is at `at`; gives what follows it.
    fn escape(&mut self, at: usize, high: &mut Option<u32>, strings: &mut Vec<u8>) -> Result<usize, ValueError> {
        let Some(kind) = self.byte(at) else { return Err(self.invalid_to(at)) };
        if kind == b'u' {
            return self.unicode(at + 1, high, strings);
        }
        if high.is_some() {
            return Err(self.low_surrogate(self.after_char(at)));
        }
        strings.push(match kind {
            b'"' | b'\\' | b'/' => kind,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => {
                let shown = self.text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
                return Err(self.syntax(format!("Escape sequence \"\\{shown}\" is invalid."), self.after_char(at)));
            }
        });
        Ok(at + 1)
    }

    fn unicode(&mut self, from: usize, high: &mut Option<u32>, strings: &mut Vec<u8>) -> Result<usize, ValueError> {
        let mut unit = 0;
        for at in from..from + 4 {
            let Some(byte) = self.byte(at) else { return Err(self.invalid_to(at)) };
            let Some(digit) = char::from(byte).to_digit(16) else {
                let detail = "\"\\u\" must be followed by four hexadecimal digits.";
                return Err(self.syntax(detail, self.after_char(at)));
            };
            unit = unit << 4 | digit;
        }
        if self.syntax_only {
            return Ok(from + 4);
        }
        let code = match (unit, high.take()) {
            (0xd800..=0xdbff, Some(_)) => {
                return Err(self.syntax("Unicode high surrogate must not follow a high surrogate.", from + 4));
            }
            (0xd800..=0xdbff, None) => {
                *high = Some(unit);
                return Ok(from + 4);
            }
            (0xdc00..=0xdfff, Some(high)) => 0x10000 + ((high & 0x3ff) << 10) + (unit & 0x3ff),
            (0xdc00..=0xdfff, None) | (_, Some(_)) => return Err(self.low_surrogate(from + 4)),
            (0, None) => {
                return Err(ValueError::new("22P05", "unsupported Unicode escape sequence")
                    .detail("\\u0000 cannot be converted to text.")
                    .context(self.context(from + 4)));
            }
            (unit, None) => unit,
        };
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        strings.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(from + 4)
    }

    fn invalid(&self) -> ValueError {
        self.syntax(format!("Token \"{}\" is invalid.", self.token()), self.end)
    }

    /// The token is bad from its start up to `end`.
    fn invalid_to(&mut self, end: usize) -> ValueError {
        self.end = end;
        self.invalid()
    }

    fn low_surrogate(&self, end: usize) -> ValueError {
        self.syntax("Unicode low surrogate must follow a high surrogate.", end)
    }

    /// The error about the current token.
    pub(super) fn unexpected(&self, detail: impl Into<String>) -> ValueError {
        self.syntax(detail, self.end)
    }

    /// 22P02 with the given DETAIL, found before `end`. The type is called json for jsonb too.
    fn syntax(&self, detail: impl Into<String>, end: usize) -> ValueError {
        ValueError::new("22P02", "invalid input syntax for type json").detail(detail).context(self.context(end))
    }

    /// Where the character at `at` ends.
    fn after_char(&self, at: usize) -> usize {
        at + self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
    }

    /// `report_json_context()` of src/backend/utils/adt/jsonfuncs.c: the line up to `end`, but for what is
    /// further away than 50 bytes.
    fn context(&self, end: usize) -> String {
        let end = end.min(self.text.len());
        let before = self.text.get(..self.start).unwrap_or_default();
        let number = 1 + before.matches('\n').count();
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        let shown = self.text.get(line..end).unwrap_or_default();
        let far = shown.char_indices().find(|(at, _)| shown.len() - at < 50).map_or(shown.len(), |(at, _)| at);
        let (dots, shown) = if far <= 3 { ("", shown) } else { ("...", shown.get(far..).unwrap_or_default()) };
        let more = if matches!(self.byte(end), None | Some(b'\n' | b'\r')) { "" } else { "..." };
        format!("JSON data, line {number}: {dots}{shown}{more}")
    }
}

/// `JSON_ALPHANUMERIC_CHAR`
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
