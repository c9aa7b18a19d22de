//! How keys are shown: ids, moments, durations.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An id of a key as people write it: `0x000002a7`.
pub(super) fn id(id: u32) -> String {
    format!("{id:#010x}")
}

/// Microseconds since 1970 as date and time in UTC, to the minute; `-` for none.
pub(super) fn moment(micros: Option<i64>) -> String {
    let shown = micros.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    shown.map_or_else(|| "-".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%MZ").to_string())
}

/// The same for programs, to the microsecond; null for none.
pub(super) fn instant(micros: Option<i64>) -> Option<String> {
    micros.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok()).map(|moment| moment.to_string())
}

/// Now, in microseconds since 1970.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}

/// A duration in the one unit that says most: `340 ms`, `12 s`, `3 h`.
pub(super) fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => format!("{} µs", duration.as_micros()),
        1..1_000 => format!("{millis} ms"),
        1_000..120_000 => format!("{} s", millis / 1_000),
        120_000..7_200_000 => format!("{} min", millis / 60_000),
        7_200_000..172_800_000 => format!("{} h", millis / 3_600_000),
        _ => format!("{} d", millis / 86_400_000),
    }
}

/// A part of a whole in percent; so little that it would read as nothing is not nothing.
pub(super) fn share(part: u64, whole: u64) -> String {
    let percent = percent(part, whole);
    if part > 0 && percent < 0.1 { "<0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

/// A part of a whole, in hundredths of it.
#[allow(clippy::cast_precision_loss)] // for people, and for bounds that people set
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_durations_are_short() {
        assert_eq!(moment(Some(1_700_000_000_999_999)), "2023-11-14 22:13Z");
        assert_eq!(moment(None), "-");
        assert_eq!(instant(Some(1_700_000_000_000_001)).as_deref(), Some("2023-11-14T22:13:20.000001Z"));
        let shown = [7, 999_000, 1_000_000, 119_000_000, 3_600_000_000, 172_800_000_000];
        let shown = shown.map(|micros| duration(Duration::from_micros(micros)));
        assert_eq!(shown, ["7 µs", "999 ms", "1 s", "119 s", "60 min", "2 d"]);
    }

    #[test]
    fn little_use_is_not_shown_as_none() {
        let shown = [(0, 100), (1, 1 << 32), (1, 2), (5, 0)].map(|(part, whole)| share(part, whole));
        assert_eq!(shown, ["0.0 %", "<0.1 %", "50.0 %", "500.0 %"]);
    }
}
