//! The proleptic Gregorian calendar by Julian day numbers, with PostgreSQL's limits.
//!
//! Julian days are counted as `date2j()`/`j2date()` of the server's datetime.c do. Arithmetic wraps
//! where the server's wraps, because absurd input (`y99999999999`) must end in the same error.

/// Julian day of 2000-01-01, from which `date` and `timestamptz` count.
pub(super) const POSTGRES_EPOCH: i32 = 2_451_545;
/// Julian day of 1970-01-01.
pub(super) const UNIX_EPOCH: i32 = 2_440_588;

pub(super) const SECS_PER_DAY: i64 = 86_400;
pub(super) const USECS_PER_SEC: i64 = 1_000_000;
pub(super) const USECS_PER_MINUTE: i64 = 60 * USECS_PER_SEC;
pub(super) const USECS_PER_HOUR: i64 = 60 * USECS_PER_MINUTE;
pub(super) const USECS_PER_DAY: i64 = SECS_PER_DAY * USECS_PER_SEC;

/// `date` values: `[MIN_DATE, END_DATE)`, and the two infinities.
pub(super) const MIN_DATE: i32 = -POSTGRES_EPOCH;
pub(super) const END_DATE: i32 = 2_147_483_494 - POSTGRES_EPOCH;
/// `timestamptz` values: `[MIN_TIMESTAMP, END_TIMESTAMP)`, and the two infinities.
pub(super) const MIN_TIMESTAMP: i64 = -211_813_488_000_000_000;
pub(super) const END_TIMESTAMP: i64 = 9_223_371_331_200_000_000;
/// The first Julian day that a timestamp cannot reach.
pub(super) const TIMESTAMP_END_JULIAN: i32 = 109_203_528;

/// Julian day of a date. The month may be 1..=12 only; any year is accepted.
pub(super) fn to_julian(year: i32, month: i32, day: i32) -> i32 {
    // Years start in March, so that the leap day is the last of a year.
    let (m, y) = if month > 2 { (month + 1, year.wrapping_add(4800)) } else { (month + 13, year.wrapping_add(4799)) };
    let century = y / 100;
    let julian = y.wrapping_mul(365).wrapping_sub(32167).wrapping_add(y / 4 - century + century / 4);
    julian.wrapping_add(7834 * m / 256).wrapping_add(day)
}

/// Year, month and day of a Julian day.
pub(super) fn from_julian(julian: i32) -> (i32, i32, i32) {
    let mut j = (julian as u32).wrapping_add(32044);
    let mut quad = j / 146_097;
    let extra = (j - quad * 146_097) * 4 + 3;
    j = j.wrapping_add(60 + quad * 3 + extra / 146_097);
    quad = j / 1461;
    j -= quad * 1461;
    let mut y = j * 4 / 1461;
    j = if y == 0 { (j + 306) % 366 } else { (j + 305) % 365 } + 123;
    y += quad * 4;
    let year = y as i32 - 4800;
    quad = j * 2141 / 65536;
    let day = j - 7834 * quad / 256;
    let month = (quad + 10) % 12 + 1;
    (year, month as i32, day as i32)
}

/// Day of the week of a Julian day, Sunday is 0.
pub(super) fn weekday(julian: i32) -> usize {
    (i64::from(julian) + 1).rem_euclid(7) as usize
}

/// Days of a month; 0 for a month that does not exist.
pub(super) fn days_in_month(year: i32, month: i32) -> i32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// `IS_VALID_JULIAN()` of timestamp.h: can the day be counted without overflow?
pub(super) fn is_countable(year: i32, month: i32) -> bool {
    (year > -4713 || (year == -4713 && month >= 11)) && (year < 5_874_898 || (year == 5_874_898 && month < 6))
}

pub(super) fn is_date(days: i32) -> bool {
    (MIN_DATE..END_DATE).contains(&days)
}

pub(super) fn is_timestamp(micros: i64) -> bool {
    (MIN_TIMESTAMP..END_TIMESTAMP).contains(&micros)
}

#[cfg(test)]
mod tests {
    use super::{END_DATE, MIN_DATE, POSTGRES_EPOCH, UNIX_EPOCH, days_in_month, from_julian, to_julian, weekday};

    #[test]
    fn days_and_dates_convert_both_ways_over_the_whole_range() {
        for day in (MIN_DATE..END_DATE).step_by(9973).chain([MIN_DATE, -1, 0, END_DATE - 1]) {
            let julian = day + POSTGRES_EPOCH;
            let (y, m, d) = from_julian(julian);
            assert!((1..=12).contains(&m) && d >= 1 && d <= days_in_month(y, m), "{y}-{m}-{d}");
            assert_eq!(to_julian(y, m, d), julian);
        }
        assert_eq!(to_julian(2000, 1, 1), POSTGRES_EPOCH);
        assert_eq!(from_julian(UNIX_EPOCH), (1970, 1, 1));
        assert_eq!(from_julian(0), (-4713, 11, 24));
        // 2000-01-01 was a Saturday.
        assert_eq!(weekday(POSTGRES_EPOCH), 6);
    }
}
