//! Figures as people read them.

use std::time::Duration;

use crate::cli::shown;

/// `1,234,567`
pub(super) fn count(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut shown = if n < 0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `240 MiB`
#[allow(clippy::cast_precision_loss)] // for people
pub(super) fn bytes(n: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let n = n.max(0);
    if n < 1024 {
        return format!("{n} bytes");
    }
    let mut amount = n as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    // What would be rounded to 1024 is one of the next.
    while amount >= 1023.5 {
        let Some(next) = units.next() else { break };
        (amount, unit) = (amount / 1024.0, next);
    }
    if amount < 9.95 { format!("{amount:.1} {unit}") } else { format!("{amount:.0} {unit}") }
}

/// Rows a second: `8,300`, or `0.4` where there are few.
#[allow(clippy::cast_possible_truncation)] // for people
pub(super) fn speed(rows_per_second: f64) -> String {
    if rows_per_second < 9.95 { format!("{rows_per_second:.1}") } else { count(rows_per_second.round() as i64) }
}

/// How long something will take: to the second at most.
pub(super) fn time(time: Duration) -> String {
    if time < Duration::from_secs(1) { "less than 1 s".to_owned() } else { shown::duration(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        let shown = [0, 7, 999, 1_000, 12_345, 123_456, 1_234_567, -1_000, i64::MIN].map(count);
        let expected =
            ["0", "7", "999", "1,000", "12,345", "123,456", "1,234,567", "-1,000", "-9,223,372,036,854,775,808"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn sizes_are_in_the_unit_that_says_most() {
        let shown = [0, 1023, 1024, 10 * 1024 + 100, 1024 * 1024 - 1, 240 << 20, 3 << 30, i64::MAX].map(bytes);
        let expected = ["0 bytes", "1023 bytes", "1.0 KiB", "10 KiB", "1.0 MiB", "240 MiB", "3.0 GiB", "8192 PiB"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_takes_a_moment_is_not_said_to_the_microsecond() {
        let shown = [0, 999, 1_000, 90_500].map(|millis| time(Duration::from_millis(millis)));
        assert_eq!(shown, ["less than 1 s", "less than 1 s", "1 s", "90 s"]);
    }

    #[test]
    fn few_rows_a_second_are_not_none() {
        assert_eq!([0.04, 0.4, 9.94, 9.96, 8_300.4].map(speed), ["0.0", "0.4", "9.9", "10", "8,300"]);
    }
}
