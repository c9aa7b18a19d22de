//! `numeric`: arbitrary precision in base 10000, as the server's numeric.c holds it.
//!
//! The storage canon is what `numeric_send` writes: number of digits, weight of the first digit
//! (a power of 10000), sign, display scale, digits; each two bytes, big endian.

use super::{
    ValueError, int,
    ty::{Base, numeric_typmod},
};

#[cfg(test)]
mod tests;
mod text;

pub(super) use text::{parse, print};

/// `NBASE` and `DEC_DIGITS`.
const NBASE: i16 = 10_000;
const DEC_DIGITS: i64 = 4;
/// `NUMERIC_DSCALE_MASK`: the largest display scale.
const MAX_DSCALE: i64 = 0x3fff;

/// Sign words of the binary form. The infinities' display scale of 32 is an artefact of the server's
/// header bits; it is kept so that binary results are the same bytes.
const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;
const INFINITY_DSCALE: i64 = 32;

/// A decoded numeric. Special values have no digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numeric {
    sign: u16,
    weight: i64,
    dscale: i64,
    digits: Vec<i16>,
}

impl Numeric {
    fn special(sign: u16) -> Self {
        let dscale = if sign == NAN { 0 } else { INFINITY_DSCALE };
        Self { sign, weight: 0, dscale, digits: Vec::new() }
    }

    fn is_special(&self) -> bool {
        !matches!(self.sign, POSITIVE | NEGATIVE)
    }

    pub(super) fn from_int(value: i64) -> Self {
        let mut rest = value.unsigned_abs();
        let mut digits = Vec::with_capacity(5);
        while rest > 0 {
            digits.push((rest % NBASE as u64) as i16);
            rest /= NBASE as u64;
        }
        let weight = digits.len() as i64 - 1;
        digits.reverse();
        let mut number = Self { sign: if value < 0 { NEGATIVE } else { POSITIVE }, weight, dscale: 0, digits };
        number.strip();
        number
    }

    /// `strip_var()`: no zero digits at either end; zero has weight 0 and no sign.
    fn strip(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        let zeros = self.digits.iter().take_while(|&&d| d == 0).count();
        self.digits.drain(..zeros);
        self.weight -= zeros as i64;
        if self.digits.is_empty() && !self.is_special() {
            self.sign = POSITIVE;
            self.weight = 0;
        }
    }

    /// `round_var()`: half away from zero at `scale` decimal places, which may be negative.
    fn round(&mut self, scale: i64) {
        let wanted = (self.weight + 1) * DEC_DIGITS + scale;
        self.dscale = scale;
        if wanted < 0 {
            self.digits.clear();
            self.strip();
            return;
        }
        let keep = (wanted + DEC_DIGITS - 1) / DEC_DIGITS;
        let partial = wanted % DEC_DIGITS;
        let have = self.digits.len() as i64;
        if keep > have || (keep == have && partial == 0) {
            return;
        }
        let next = usize::try_from(keep).ok().and_then(|keep| self.digits.get(keep));
        let mut carry = partial == 0 && next.is_some_and(|&d| d >= NBASE / 2);
        self.digits.truncate(keep as usize);
        // A digit of which only the first decimal places are kept is rounded by itself.
        let last = if partial == 0 { None } else { self.digits.pop() };
        let last = last.map(|digit| {
            let unit = 10i16.pow((DEC_DIGITS - partial) as u32);
            let extra = digit % unit;
            let rounded = digit - extra + if extra >= unit / 2 { unit } else { 0 };
            carry = rounded >= NBASE;
            rounded % NBASE
        });
        if carry {
            carry = propagate(&mut self.digits);
        }
        self.digits.extend(last);
        if carry {
            self.digits.insert(0, 1);
            self.weight += 1;
        }
        self.strip();
    }

    /// `trunc_var()`, for a received value whose scale would hide digits.
    fn truncate(&mut self, scale: i64) {
        let wanted = (self.weight + 1) * DEC_DIGITS + scale;
        if wanted <= 0 {
            self.digits.clear();
        } else {
            let keep = (wanted + DEC_DIGITS - 1) / DEC_DIGITS;
            let partial = wanted % DEC_DIGITS;
            if keep <= self.digits.len() as i64 {
                self.digits.truncate(keep as usize);
                if partial != 0
                    && let Some(last) = self.digits.last_mut()
                {
                    *last -= *last % 10i16.pow((DEC_DIGITS - partial) as u32);
                }
            }
        }
        self.strip();
    }

    /// `apply_typmod()` and `apply_typmod_special()`.
    pub(super) fn apply_typmod(&mut self, typmod: i32) -> Result<(), ValueError> {
        let Some((precision, scale)) = numeric_typmod(typmod) else { return Ok(()) };
        let overflow = || ValueError::new("22003", "numeric field overflow");
        let field = || format!("A field with precision {precision}, scale {scale}");
        if self.is_special() {
            if self.sign == NAN {
                return Ok(());
            }
            return Err(overflow().detail(format!("{} cannot hold an infinite value.", field())));
        }
        self.round(i64::from(scale));
        self.dscale = self.dscale.max(0);
        let max_digits = i64::from(precision) - i64::from(scale);
        let decimal = match self.digits.first() {
            Some(&first) => self.weight * DEC_DIGITS + decimal_digits(first),
            None => return Ok(()),
        };
        if decimal > max_digits {
            let bound = if max_digits == 0 { "1".to_owned() } else { format!("10^{max_digits}") };
            return Err(overflow().detail(format!("{} must round to an absolute value less than {bound}.", field())));
        }
        Ok(())
    }

    /// `make_result()`: the limits of the format. The server checks them before a typmod is applied,
    /// and again after it.
    pub(super) fn check(&self) -> Result<(), ValueError> {
        if i16::try_from(self.weight).is_err() || self.dscale > MAX_DSCALE { Err(overflows()) } else { Ok(()) }
    }

    /// Appends the storage canon.
    pub(super) fn store(&self, out: &mut Vec<u8>) -> Result<(), ValueError> {
        self.check()?;
        out.reserve(8 + self.digits.len() * 2);
        out.extend_from_slice(&(self.digits.len() as u16).to_be_bytes());
        out.extend_from_slice(&(self.weight as i16).to_be_bytes());
        out.extend_from_slice(&self.sign.to_be_bytes());
        out.extend_from_slice(&(self.dscale as u16).to_be_bytes());
        for digit in &self.digits {
            out.extend_from_slice(&digit.to_be_bytes());
        }
        Ok(())
    }

    /// `numeric_recv()` without its typmod. The caller checks that no bytes are left over, so the
    /// number of bytes that were used is given too.
    pub(super) fn receive(bytes: &[u8]) -> Result<(Self, usize), ValueError> {
        let short = || ValueError::new("08P01", "insufficient data left in message");
        let mut words = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(u16::from_be_bytes);
        let mut next = || words.next().ok_or_else(short);
        let count = usize::from(next()?);
        let weight = i64::from(next()? as i16);
        let sign = next()?;
        let invalid = |what: &str| ValueError::new("22P03", format!("invalid {what} in external \"numeric\" value"));
        if !matches!(sign, POSITIVE | NEGATIVE | NAN | INFINITY | MINUS_INFINITY) {
            return Err(invalid("sign"));
        }
        let dscale = i64::from(next()?);
        if dscale > MAX_DSCALE {
            return Err(invalid("scale"));
        }
        let mut digits = Vec::with_capacity(count.min(bytes.len() / 2));
        for _ in 0..count {
            let digit = next()? as i16;
            if !(0..NBASE).contains(&digit) {
                return Err(invalid("digit"));
            }
            digits.push(digit);
        }
        let number = if matches!(sign, POSITIVE | NEGATIVE) {
            let mut number = Self { sign, weight, dscale, digits };
            number.truncate(dscale);
            number
        } else {
            Self::special(sign)
        };
        Ok((number, 8 + count * 2))
    }

    /// Reads a storage canon.
    pub(super) fn load(canon: &[u8]) -> Result<Self, ValueError> {
        match Self::receive(canon) {
            Ok((number, used)) if used == canon.len() => Ok(number),
            _ => Err(ValueError::damaged("numeric")),
        }
    }

    /// `numeric_int4()` and kin: rounds half away from zero.
    pub(super) fn to_int(&self, base: Base) -> Result<i64, ValueError> {
        match self.sign {
            NAN => return Err(ValueError::new("0A000", format!("cannot convert NaN to {}", base.name()))),
            INFINITY | MINUS_INFINITY => {
                return Err(ValueError::new("0A000", format!("cannot convert infinity to {}", base.name())));
            }
            _ => {}
        }
        let mut rounded = self.clone();
        rounded.round(0);
        let value = rounded.whole().ok_or_else(|| int::out_of_range(base))?;
        int::cast(base, value)
    }

    /// The value as an integer, if it is exactly one that fits.
    pub(super) fn exact_int(&self) -> Option<i64> {
        if self.is_special() { None } else { self.whole() }
    }

    fn whole(&self) -> Option<i64> {
        // Digits after the point must not be there; the number is stripped.
        if self.digits.len() as i64 > self.weight + 1 || self.weight > 5 {
            return None;
        }
        let mut value: i128 = 0;
        for i in 0..=self.weight {
            value = value * i128::from(NBASE) + i128::from(self.digits.get(i as usize).copied().unwrap_or(0));
        }
        i64::try_from(if self.sign == NEGATIVE { -value } else { value }).ok()
    }

    /// The equality canon: sign, weight, digits without zeros at either end. Equal numbers of any
    /// display scale have the same.
    pub(super) fn equality(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sign.to_be_bytes());
        out.extend_from_slice(&(self.weight as i16).to_be_bytes());
        for digit in &self.digits {
            out.extend_from_slice(&digit.to_be_bytes());
        }
    }
}

/// Adds one to the last digit; true if it goes beyond the first.
fn propagate(digits: &mut [i16]) -> bool {
    for digit in digits.iter_mut().rev() {
        if *digit < NBASE - 1 {
            *digit += 1;
            return false;
        }
        *digit = 0;
    }
    true
}

fn decimal_digits(digit: i16) -> i64 {
    match digit {
        ..10 => 1,
        10..100 => 2,
        100..1000 => 3,
        _ => 4,
    }
}

fn overflows() -> ValueError {
    ValueError::new("22003", "value overflows numeric format")
}
