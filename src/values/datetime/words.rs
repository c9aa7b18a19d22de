//! The words that dates may hold: `datetktbl` of datetime.c.

use self::Keyword::{Era, Ignore, IsoTime, Meridiem, Month, SummerTime, Weekday};

/// A recognised word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Reserved(Reserved),
    /// True for BC.
    Era(bool),
    /// True for PM.
    Meridiem(bool),
    Month(i32),
    Weekday,
    /// A label before a number: `y2001m02d04`.
    Unit(Unit),
    /// `at`, `on`.
    Ignore,
    /// `dst` after a time zone.
    SummerTime,
    /// The `T` between date and time.
    IsoTime,
}

/// Words that stand for a whole value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserved {
    Epoch,
    Infinity,
    MinusInfinity,
    Now,
    /// Today, tomorrow, yesterday.
    Day,
    /// Midnight UTC.
    Allballs,
}

/// What a label says about the number after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Julian,
    /// After the ISO `T`.
    Time,
    /// Known, but never valid in a date.
    Unusable,
}

/// Looks up a lower-case word.
pub(super) fn keyword(word: &str) -> Option<Keyword> {
    Some(match word {
        "epoch" => Keyword::Reserved(Reserved::Epoch),
        "infinity" => Keyword::Reserved(Reserved::Infinity),
        "-infinity" => Keyword::Reserved(Reserved::MinusInfinity),
        "now" => Keyword::Reserved(Reserved::Now),
        "today" | "tomorrow" | "yesterday" => Keyword::Reserved(Reserved::Day),
        "allballs" => Keyword::Reserved(Reserved::Allballs),
        "ad" => Era(false),
        "bc" => Era(true),
        "am" => Meridiem(false),
        "pm" => Meridiem(true),
        "at" | "on" => Ignore,
        "dst" => SummerTime,
        "t" => IsoTime,
        "jan" | "january" => Month(1),
        "feb" | "february" => Month(2),
        "mar" | "march" => Month(3),
        "apr" | "april" => Month(4),
        "may" => Month(5),
        "jun" | "june" => Month(6),
        "jul" | "july" => Month(7),
        "aug" | "august" => Month(8),
        "sep" | "sept" | "september" => Month(9),
        "oct" | "october" => Month(10),
        "nov" | "november" => Month(11),
        "dec" | "december" => Month(12),
        "sun" | "sunday" | "mon" | "monday" | "tue" | "tues" | "tuesday" | "wed" | "weds" | "wednesday" | "thu"
        | "thur" | "thurs" | "thursday" | "fri" | "friday" | "sat" | "saturday" => Weekday,
        "y" => Keyword::Unit(Unit::Year),
        "m" => Keyword::Unit(Unit::Month),
        "d" => Keyword::Unit(Unit::Day),
        "h" => Keyword::Unit(Unit::Hour),
        "mm" => Keyword::Unit(Unit::Minute),
        "s" => Keyword::Unit(Unit::Second),
        "j" | "jd" | "julian" => Keyword::Unit(Unit::Julian),
        "dow" | "doy" | "isodow" | "isoyear" => Keyword::Unit(Unit::Unusable),
        _ => return None,
    })
}
