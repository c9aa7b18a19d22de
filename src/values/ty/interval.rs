//! What follows the word `interval` in a type's name: fields, and digits of the seconds' fraction.

use std::fmt;

/// Fields and precision of an `interval` column or cast: at least one of them is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntervalModifier {
    /// A set of [`field`] bits that is one of [`FIELDS`]' or all.
    range: i32,
    precision: Option<u8>,
}

/// `INTERVAL_MASK()` of timestamp.h of the fields in datetime.h.
pub(in crate::values) mod field {
    pub(in crate::values) const MONTH: i32 = 1 << 1;
    pub(in crate::values) const YEAR: i32 = 1 << 2;
    pub(in crate::values) const DAY: i32 = 1 << 3;
    pub(in crate::values) const HOUR: i32 = 1 << 10;
    pub(in crate::values) const MINUTE: i32 = 1 << 11;
    pub(in crate::values) const SECOND: i32 = 1 << 12;
    /// `INTERVAL_FULL_RANGE`
    pub(in crate::values) const ALL: i32 = 0x7fff;
}

use field::{ALL, DAY, HOUR, MINUTE, MONTH, SECOND, YEAR};

/// `INTERVAL_FULL_PRECISION` of timestamp.h.
const FULL_PRECISION: i32 = 0xffff;

/// The sets of fields that there are: `intervaltypmodin()` of timestamp.c.
const FIELDS: [(&str, i32); 14] = [
    ("", ALL),
    ("year", YEAR),
    ("month", MONTH),
    ("day", DAY),
    ("hour", HOUR),
    ("minute", MINUTE),
    ("second", SECOND),
    ("year to month", YEAR | MONTH),
    ("day to hour", DAY | HOUR),
    ("day to minute", DAY | HOUR | MINUTE),
    ("day to second", DAY | HOUR | MINUTE | SECOND),
    ("hour to minute", HOUR | MINUTE),
    ("hour to second", HOUR | MINUTE | SECOND),
    ("minute to second", MINUTE | SECOND),
];

impl IntervalModifier {
    /// By the fields' names in lower case (none for all) and the number of digits. `None` if there are no
    /// such fields, if a precision is given for fields without seconds, or if nothing is said at all.
    pub fn new(fields: &str, precision: Option<u8>) -> Option<Self> {
        let (_, range) = *FIELDS.iter().find(|(name, _)| *name == fields)?;
        let fits = match precision {
            Some(digits) => digits <= 6 && range & SECOND != 0,
            None => range != ALL,
        };
        fits.then_some(Self { range, precision })
    }

    /// Does it name fields: `interval minute`?
    pub(super) const fn has_fields(self) -> bool {
        self.range != ALL
    }

    /// Takes a typmod apart; `None` if it says nothing, or is not one of an interval.
    pub fn from_typmod(typmod: i32) -> Option<Self> {
        if typmod < 0 {
            return None;
        }
        let range = typmod >> 16 & ALL;
        let precision = match typmod & FULL_PRECISION {
            FULL_PRECISION => None,
            digits => Some(u8::try_from(digits).ok().filter(|digits| *digits <= 6)?),
        };
        FIELDS.iter().any(|(_, known)| *known == range).then_some(Self { range, precision })
    }

    /// `pg_attribute.atttypmod` of a column declared so.
    pub const fn typmod(self) -> i32 {
        let precision = match self.precision {
            Some(digits) => digits as i32,
            None => FULL_PRECISION,
        };
        self.range << 16 | precision
    }

    /// The fields as a set of [`field`] bits.
    pub(in crate::values) const fn range(self) -> i32 {
        self.range
    }

    /// Digits of the seconds' fraction.
    pub(in crate::values) const fn precision(self) -> Option<u8> {
        self.precision
    }
}

/// What `intervaltypmodout()` gives: ` day to second(3)`.
impl fmt::Display for IntervalModifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match FIELDS.iter().find(|(_, range)| *range == self.range) {
            Some((name, _)) if !name.is_empty() => write!(f, " {name}")?,
            _ => {}
        }
        match self.precision {
            Some(digits) => write!(f, "({digits})"),
            None => Ok(()),
        }
    }
}
