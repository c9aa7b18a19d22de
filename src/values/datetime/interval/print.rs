//! `EncodeInterval()`: the four styles.

use super::{Interval, MONTHS_PER_YEAR};
use crate::values::{
    IntervalStyle,
    calendar::{USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC},
    int::{print as number, print_padded},
};

/// `struct pg_itm`: an interval broken down. Months have the sign of years, the fields of the time share one.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    micros: i64,
}

impl Parts {
    /// `interval2itm()`
    pub(super) fn of(interval: Interval) -> Self {
        let Interval { months, days, micros } = interval;
        Self {
            years: (months / MONTHS_PER_YEAR).into(),
            months: (months % MONTHS_PER_YEAR).into(),
            days: days.into(),
            hours: micros / USECS_PER_HOUR,
            minutes: micros % USECS_PER_HOUR / USECS_PER_MINUTE,
            seconds: micros % USECS_PER_MINUTE / USECS_PER_SEC,
            micros: micros % USECS_PER_SEC,
        }
    }

    /// Appends the text.
    pub(super) fn print(self, style: IntervalStyle, out: &mut Vec<u8>) {
        match style {
            IntervalStyle::Postgres => self.postgres(out),
            IntervalStyle::PostgresVerbose => self.verbose(out),
            IntervalStyle::SqlStandard => self.sql_standard(out),
            IntervalStyle::Iso8601 => self.iso8601(out),
        }
    }

    fn date(&self) -> [i64; 3] {
        [self.years, self.months, self.days]
    }

    fn time(&self) -> [i64; 4] {
        [self.hours, self.minutes, self.seconds, self.micros]
    }

    fn has_time(&self) -> bool {
        self.time().iter().any(|part| *part != 0)
    }

    /// Hours, minutes, seconds and micros: is one of them negative?
    fn is_time_negative(&self) -> bool {
        self.time().iter().any(|part| *part < 0)
    }

    fn postgres(&self, out: &mut Vec<u8>) {
        let (mut first, mut after_negative) = (true, false);
        for (value, unit) in self.date().into_iter().zip(["year", "mon", "day"]) {
            if value == 0 {
                continue;
            }
            if !first {
                out.push(b' ');
            }
            if after_negative && value > 0 {
                out.push(b'+');
            }
            counted(value, unit, out);
            (first, after_negative) = (false, value < 0);
        }
        if first || self.has_time() {
            if !first {
                out.push(b' ');
            }
            if self.is_time_negative() {
                out.push(b'-');
            } else if after_negative {
                out.push(b'+');
            }
            print_padded(self.hours.unsigned_abs(), 2, out);
            self.minutes_and_seconds(out);
        }
    }

    fn verbose(&self, out: &mut Vec<u8>) {
        out.push(b'@');
        let (mut first, mut ago) = (true, false);
        let units = ["year", "mon", "day", "hour", "min"];
        for (value, unit) in self.date().into_iter().chain([self.hours, self.minutes]).zip(units) {
            if value == 0 {
                continue;
            }
            // The first field says which way the others are counted.
            if first {
                ago = value < 0;
            }
            out.push(b' ');
            counted(if ago { -value } else { value }, unit, out);
            first = false;
        }
        if self.seconds != 0 || self.micros != 0 {
            out.push(b' ');
            if self.seconds < 0 || self.micros < 0 {
                if first {
                    ago = true;
                } else if !ago {
                    out.push(b'-');
                }
            } else if ago {
                out.push(b'-');
            }
            self.seconds(1, out);
            out.extend_from_slice(if self.seconds.abs() == 1 && self.micros == 0 { b" sec" } else { b" secs" });
            first = false;
        }
        if first {
            out.extend_from_slice(b" 0");
        }
        if ago {
            out.extend_from_slice(b" ago");
        }
    }

    fn sql_standard(&self, out: &mut Vec<u8>) {
        let all = || self.date().into_iter().chain(self.time());
        let (negative, positive) = (all().any(|part| part < 0), all().any(|part| part > 0));
        let has_months = self.years != 0 || self.months != 0;
        if !negative && !positive {
            return out.push(b'0');
        }
        let sign = |negative: bool| if negative { b'-' } else { b'+' };
        // The standard has one sign for all, and either years and months or days and times.
        if negative && positive || has_months && (self.days != 0 || self.has_time()) {
            out.push(sign(self.years < 0 || self.months < 0));
            self.years_and_months(out);
            out.extend_from_slice(&[b' ', sign(self.days < 0)]);
            print_padded(self.days.unsigned_abs(), 1, out);
            out.extend_from_slice(&[b' ', sign(self.is_time_negative())]);
            print_padded(self.hours.unsigned_abs(), 1, out);
            return self.minutes_and_seconds(out);
        }
        if negative {
            out.push(b'-');
        }
        if has_months {
            return self.years_and_months(out);
        }
        if self.days != 0 {
            print_padded(self.days.unsigned_abs(), 1, out);
            out.push(b' ');
        }
        print_padded(self.hours.unsigned_abs(), 1, out);
        self.minutes_and_seconds(out);
    }

    fn iso8601(&self, out: &mut Vec<u8>) {
        if self.date() == [0; 3] && !self.has_time() {
            return out.extend_from_slice(b"PT0S");
        }
        let field = |value: i64, unit: u8, out: &mut Vec<u8>| {
            if value != 0 {
                number(value, out);
                out.push(unit);
            }
        };
        out.push(b'P');
        for (value, unit) in self.date().into_iter().zip(*b"YMD") {
            field(value, unit, out);
        }
        if self.has_time() {
            out.push(b'T');
        }
        field(self.hours, b'H', out);
        field(self.minutes, b'M', out);
        if self.seconds != 0 || self.micros != 0 {
            if self.seconds < 0 || self.micros < 0 {
                out.push(b'-');
            }
            self.seconds(1, out);
            out.push(b'S');
        }
    }

    fn years_and_months(&self, out: &mut Vec<u8>) {
        print_padded(self.years.unsigned_abs(), 1, out);
        out.push(b'-');
        print_padded(self.months.unsigned_abs(), 1, out);
    }

    fn minutes_and_seconds(&self, out: &mut Vec<u8>) {
        out.push(b':');
        print_padded(self.minutes.unsigned_abs(), 2, out);
        out.push(b':');
        self.seconds(2, out);
    }

    /// `AppendSeconds()`: as many fractional digits as it needs, no sign.
    fn seconds(&self, width: usize, out: &mut Vec<u8>) {
        print_padded(self.seconds.unsigned_abs(), width, out);
        if self.micros != 0 {
            out.push(b'.');
            print_padded(self.micros.unsigned_abs(), 6, out);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
    }
}

/// `3 days`, `1 day`, `-1 days`.
fn counted(value: i64, unit: &str, out: &mut Vec<u8>) {
    number(value, out);
    out.push(b' ');
    out.extend_from_slice(unit.as_bytes());
    if value != 1 {
        out.push(b's');
    }
}
