//! `struct pg_itm_in`: what the fields of an interval add up to, with the server's checks of overflow.

use super::{DAYS_PER_MONTH, MONTHS_PER_YEAR};
use crate::values::{
    calendar::USECS_PER_DAY,
    datetime::fields::{Result, Trouble},
};

/// The sums.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) years: i32,
    pub(super) months: i32,
    pub(super) days: i32,
    pub(super) micros: i64,
}

/// Adds to a sum of 32 bits.
fn add(sum: &mut i32, value: i64, scale: i32) -> Result<()> {
    let added = i32::try_from(value).ok().and_then(|value| value.checked_mul(scale)?.checked_add(*sum));
    *sum = added.ok_or(Trouble::FieldOverflow)?;
    Ok(())
}

impl Span {
    /// `AdjustMicroseconds()`: a number and its fraction, of units of `scale` microseconds.
    pub(super) fn add_time(&mut self, whole: i64, fraction: f64, scale: i64) -> Result<()> {
        let sum = whole.checked_mul(scale).and_then(|micros| self.micros.checked_add(micros));
        self.micros = sum.ok_or(Trouble::FieldOverflow)?;
        self.add_fraction_of_time(fraction, scale)
    }

    /// `AdjustFractMicroseconds()`: rounds, a half towards zero.
    #[allow(clippy::cast_precision_loss, reason = "scales are far below 2^53, and rests below 1")]
    pub(super) fn add_fraction_of_time(&mut self, fraction: f64, scale: i64) -> Result<()> {
        let scaled = fraction * scale as f64;
        let mut micros = scaled as i64;
        let rest = scaled - micros as f64;
        if rest > 0.5 {
            micros += 1;
        } else if rest < -0.5 {
            micros -= 1;
        }
        self.micros = self.micros.checked_add(micros).ok_or(Trouble::FieldOverflow)?;
        Ok(())
    }

    /// `AdjustDays()` and the rest of the fraction: days, or weeks of seven.
    pub(super) fn add_days(&mut self, whole: i64, fraction: f64, scale: i32) -> Result<()> {
        add(&mut self.days, whole, scale)?;
        if scale == 1 {
            self.add_fraction_of_time(fraction, USECS_PER_DAY)
        } else {
            self.add_fraction_of_days(fraction, scale)
        }
    }

    /// `AdjustMonths()`; the fraction becomes days and microseconds.
    pub(super) fn add_months(&mut self, whole: i64, fraction: f64) -> Result<()> {
        add(&mut self.months, whole, 1)?;
        self.add_fraction_of_days(fraction, DAYS_PER_MONTH)
    }

    /// `AdjustYears()`; the fraction becomes whole months.
    pub(super) fn add_years(&mut self, whole: i64, fraction: f64, scale: i32) -> Result<()> {
        add(&mut self.years, whole, scale)?;
        let months = (fraction * f64::from(scale) * f64::from(MONTHS_PER_YEAR)).round_ties_even();
        add(&mut self.months, months as i64, 1)
    }

    /// `AdjustFractDays()`
    fn add_fraction_of_days(&mut self, fraction: f64, scale: i32) -> Result<()> {
        let scaled = fraction * f64::from(scale);
        let days = scaled as i32;
        add(&mut self.days, days.into(), 1)?;
        self.add_fraction_of_time(scaled - f64::from(days), USECS_PER_DAY)
    }

    /// `ago`: everything the other way round.
    pub(super) fn negate(&mut self) -> Result<()> {
        let negated = || {
            Some(Self {
                years: self.years.checked_neg()?,
                months: self.months.checked_neg()?,
                days: self.days.checked_neg()?,
                micros: self.micros.checked_neg()?,
            })
        };
        *self = negated().ok_or(Trouble::FieldOverflow)?;
        Ok(())
    }
}
