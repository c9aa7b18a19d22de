//! `float4` and `float8`: IEEE 754 numbers as the server's float.c reads, prints and casts them.
//!
//! The storage canon is the number's four or eight bytes, big endian. The equality canon of both is a
//! double without sign of zero and with one NaN, since the server compares them as doubles.

use super::{
    ValueError, int,
    numeric::{self, Numeric},
    text::is_space,
    ty::Base,
};

mod print;
#[cfg(test)]
mod tests;

pub(super) use print::print;

/// A number of either width.
#[derive(Clone, Copy, Debug)]
pub(super) enum Float {
    Single(f32),
    Double(f64),
}

impl Float {
    /// `float4in()`, `float8in()`.
    pub(super) fn parse(base: Base, value: &str) -> Result<Self, ValueError> {
        let bad = || ValueError::syntax("22P02", base.name(), value);
        let text = value.trim_start_matches(blank);
        let number = decimal(text);
        let (float, rest) = if number == 0 {
            let (float, rest) = special(text).ok_or_else(bad)?;
            // The C library's NaN with a payload.
            if float.wide().is_nan() && rest.starts_with('(') {
                return Err(odd_spelling(base));
            }
            (float, rest)
        } else {
            let (number, rest) = text.split_at(number);
            if number.ends_with('0') && number.trim_start_matches(['+', '-']) == "0" && is_hexadecimal(rest) {
                return Err(odd_spelling(base));
            }
            let float =
                if base == Base::Float4 { number.parse().map(Self::Single) } else { number.parse().map(Self::Double) };
            let float = float.map_err(|_| bad())?;
            let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
            let underflown = float.wide() == 0.0 && mantissa.contains(|c: char| matches!(c, '1'..='9'));
            if float.wide().is_infinite() || underflown {
                // float4in() shows all of the text, float8in() the number only.
                let shown = if base == Base::Float4 { value } else { number };
                let message = format!("\"{shown}\" is out of range for type {}", base.name());
                return Err(ValueError::new("22003", message));
            }
            (float, rest)
        };
        if !rest.trim_start_matches(blank).is_empty() {
            return Err(bad());
        }
        Ok(match (base, float) {
            (Base::Float4, float) => Self::Single(float.wide() as f32),
            (_, float) => Self::Double(float.wide()),
        })
    }

    /// Reads a storage canon.
    pub(super) fn load(base: Base, canon: &[u8]) -> Result<Self, ValueError> {
        let float = if base == Base::Float4 {
            canon.try_into().map(f32::from_be_bytes).map(Self::Single)
        } else {
            canon.try_into().map(f64::from_be_bytes).map(Self::Double)
        };
        float.map_err(|_| ValueError::damaged(base.name()))
    }

    /// Appends the storage canon.
    pub(super) fn store(self, out: &mut Vec<u8>) {
        match self {
            Self::Single(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Double(value) => out.extend_from_slice(&value.to_be_bytes()),
        }
    }

    /// The value of another number's storage canon, as `pg_cast` converts it.
    #[allow(clippy::cast_precision_loss, reason = "that is what the server's casts do")]
    pub(super) fn cast(from: Base, to: Base, canon: &[u8]) -> Result<Self, ValueError> {
        let single = to == Base::Float4;
        if from.is_integer() {
            let value = int::load(from, canon)?;
            return Ok(if single { Self::Single(value as f32) } else { Self::Double(value as f64) });
        }
        if from == Base::Numeric {
            let mut text = Vec::new();
            numeric::print(canon, &mut text)?;
            return Self::parse(to, &String::from_utf8_lossy(&text));
        }
        let value = Self::load(from, canon)?.wide();
        if !single {
            return Ok(Self::Double(value));
        }
        let narrow = value as f32;
        if narrow.is_infinite() && value.is_finite() {
            return Err(ValueError::new("22003", "value out of range: overflow"));
        }
        if narrow == 0.0 && value != 0.0 {
            return Err(ValueError::new("22003", "value out of range: underflow"));
        }
        Ok(Self::Single(narrow))
    }

    pub(super) fn wide(self) -> f64 {
        match self {
            Self::Single(value) => f64::from(value),
            Self::Double(value) => value,
        }
    }

    /// Appends the equality canon.
    pub(super) fn equality(self, out: &mut Vec<u8>) {
        let value = self.wide();
        let value = match value {
            _ if value.is_nan() => f64::NAN.abs(),
            _ if value == 0.0 => 0.0,
            _ => value,
        };
        out.extend_from_slice(&value.to_be_bytes());
    }

    /// `float8_numeric()`: by way of `%.15g`, of `%.6g` for `real`.
    pub(super) fn to_numeric(self) -> Result<Numeric, ValueError> {
        let value = self.wide();
        if value.is_nan() {
            return numeric::parse("NaN");
        }
        if value.is_infinite() {
            return numeric::parse(if value > 0.0 { "Infinity" } else { "-Infinity" });
        }
        let digits = match self {
            Self::Single(_) => 5,
            Self::Double(_) => 14,
        };
        let shown = format!("{value:.digits$e}");
        let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        numeric::parse(&format!("{mantissa}e{exponent}"))
    }

    /// `dtoi4()` and kin: rounded half to even.
    pub(super) fn to_int(self, to: Base) -> Result<i64, ValueError> {
        let value = self.wide().round_ties_even();
        // The largest int8 has no double of its own, the number after it has one.
        let limit = match to {
            Base::Int2 => 2f64.powi(15),
            Base::Int4 => 2f64.powi(31),
            _ => 2f64.powi(63),
        };
        if value >= -limit && value < limit { Ok(value as i64) } else { Err(int::out_of_range(to)) }
    }
}

fn odd_spelling(base: Base) -> ValueError {
    ValueError::unsupported(format!(
        "a hexadecimal number or nan(…) is not supported in a sealed value of type {}",
        base.name()
    ))
}

fn blank(c: char) -> bool {
    c.is_ascii() && is_space(c as u8)
}

/// What `strtod()` takes for a hexadecimal number after the zero.
fn is_hexadecimal(rest: &str) -> bool {
    let digits = rest.strip_prefix(['x', 'X']).unwrap_or_default();
    digits.strip_prefix('.').unwrap_or(digits).starts_with(|c: char| c.is_ascii_hexdigit())
}

/// Length of the decimal number that `strtod()` takes from the start; 0 if there is none.
pub(super) fn decimal(text: &str) -> usize {
    let digits = |from: usize| text.bytes().skip(from).take_while(u8::is_ascii_digit).count();
    let byte = |at: usize| text.as_bytes().get(at).copied();
    let start = usize::from(text.starts_with(['+', '-']));
    let whole = digits(start);
    let mut end = start + whole;
    let mut count = whole;
    if byte(end) == Some(b'.') {
        let fraction = digits(end + 1);
        count += fraction;
        end += 1 + fraction;
    }
    if count == 0 {
        return 0;
    }
    if matches!(byte(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(byte(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

/// NaN and the infinities with their signs, in any case.
fn special(text: &str) -> Option<(Float, &str)> {
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let after = |word: &str| {
        let (head, rest) = unsigned.split_at_checked(word.len())?;
        head.eq_ignore_ascii_case(word).then_some(rest)
    };
    let infinity = if negative { f64::NEG_INFINITY } else { f64::INFINITY };
    if let Some(rest) = after("infinity").or_else(|| after("inf")) {
        return Some((Float::Double(infinity), rest));
    }
    let rest = after("nan")?;
    Some((Float::Double(if negative { -f64::NAN } else { f64::NAN }), rest))
}
