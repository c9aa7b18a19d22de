//! Near misses: "did you mean …?".

/// The candidate that `word` most likely meant, if one is close enough: at most one edit for every
/// three letters (a swap of two neighbours counts as one), and at least one.
pub(crate) fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    // Beyond any key's length: not a slip of the pen, and not worth quadratic time.
    if word.len() > 64 {
        return None;
    }
    let limit = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|c| (distance(&word, &c.to_lowercase().chars().collect::<Vec<_>>()), c))
        .filter(|(d, _)| *d <= limit && *d < word.len())
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// `did you mean `mode`? allowed: type, mode, …`
pub(super) fn suggestion(word: &str, allowed: &[&str]) -> String {
    let list = allowed.join(", ");
    match near(word, allowed.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? allowed: {list}"),
        None => format!("allowed: {list}"),
    }
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |r: &[usize], k: usize| r.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut best = (get(&last, j) + usize::from(x != y)).min(get(&last, j + 1) + 1).min(get(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(get(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_letters_and_other_case_are_near() {
        assert_eq!(near("mdoe", ["type", "mode"]), Some("mode"));
        assert_eq!(near("Mode", ["type", "mode"]), Some("mode"));
        assert_eq!(near("databse", ["databases", "domain"]), Some("databases"));
        assert_eq!(near("sslmod", ["sslmode", "sslkey"]), Some("sslmode"));
    }

    #[test]
    fn unlike_words_are_not_near() {
        assert_eq!(near("colour", ["type", "mode"]), None);
        assert_eq!(near("x", ["a", "b"]), None);
        assert_eq!(near("", ["a"]), None);
        assert_eq!(near(&"m".repeat(100_000), ["mode"]), None);
    }
}
