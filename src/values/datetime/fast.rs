//! The forms that nearly every client sends, read without splitting them first:
//! `2024-12-31` and `2024-12-31 23:59:59.123456+01:00`. Anything odd gives `None` and is left to the
//! full reader, which also makes the errors.

use super::Civil;
use crate::values::calendar::days_in_month;

/// Year, month, day.
pub(super) fn date(text: &[u8]) -> Option<(i32, i32, i32)> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let year = pair(*y1, *y2)? * 100 + pair(*y3, *y4)?;
    let (month, day) = (pair(*m1, *m2)?, pair(*d1, *d2)?);
    (year > 0 && day > 0 && day <= days_in_month(year, month)).then_some((year, month, day))
}

/// Local time, and the UTC offset in seconds if there is one.
pub(super) fn timestamp(text: &[u8]) -> Option<(Civil, Option<i32>)> {
    let (head, rest) = text.split_at_checked(10)?;
    let (year, month, day) = date(head)?;
    let [b' ' | b'T', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = rest else { return None };
    let (hour, minute, second) = (pair(*h1, *h2)?, pair(*m1, *m2)?, pair(*s1, *s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (micros, rest) = match rest {
        [b'.', rest @ ..] => fraction(rest)?,
        rest => (0, rest),
    };
    let offset = match rest {
        [] => None,
        [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, rest @ ..] => {
            let minutes = match rest {
                [] => 0,
                [b':', m1, m2] | [m1, m2] => pair(*m1, *m2)?,
                _ => return None,
            };
            let hours = pair(*h1, *h2)?;
            if hours > 14 || minutes > 59 {
                return None;
            }
            let seconds = (hours * 60 + minutes) * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => return None,
    };
    Some((Civil { year, month, day, hour, minute, second, micros }, offset))
}

/// One to six digits.
fn fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let count = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=6).contains(&count) {
        return None;
    }
    let (digits, rest) = text.split_at_checked(count)?;
    let value = digits.iter().fold(0, |v, b| v * 10 + i32::from(b - b'0'));
    Some((value * 10i32.pow(6 - count as u32), rest))
}

fn pair(a: u8, b: u8) -> Option<i32> {
    (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i32::from(a - b'0') * 10 + i32::from(b - b'0'))
}
