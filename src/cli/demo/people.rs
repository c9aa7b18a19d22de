//! Made-up people: the same ones each time.

/// One person, all fields as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) birth: String,
    pub(super) card: String,
    pub(super) salary: String,
    pub(super) notes: String,
}

const FIRST: &[&str] = &[
    "Ada",
    "Alan",
    "Barbara",
    "Claude",
    "Donald",
    "Edsger",
    "Frances",
    "Grace",
    "Hedy",
    "Ida",
    "Jean",
    "Karen",
    "Leslie",
    "Margaret",
    "Niklaus",
    "Olga",
    "Peter",
    "Radia",
    "Shafi",
    "Tony",
    "Ursula",
    "Whitfield",
    "Xiaoyun",
    "Zoë",
];
const LAST: &[&str] = &[
    "Allen", "Backus", "Curie", "Dahl", "Easley", "Floyd", "Goldberg", "Hamilton", "Ivanova", "Jones", "Knuth",
    "Lovelace", "Müller", "Noether", "Okafor", "Perlman", "Quispe", "Rivest", "Sato", "Turing", "Ueda", "Wing", "Yao",
];
const NOTES: &[&str] = &[
    "asked for a copy of the contract",
    "allergic to penicillin, told the front desk",
    "prefers to be called in the evening",
    "moved to Basel; new address confirmed by letter",
    "disputes the invoice of March",
    "on parental leave until autumn",
];

/// The person number `n`, from 0.
pub(super) fn person(n: u64) -> Person {
    let mut dice = Dice(n);
    let (first, last) = (dice.pick(FIRST), dice.pick(LAST));
    Person {
        name: format!("{first} {last}"),
        email: format!("{}.{}{n}@example.org", ascii(first), ascii(last)),
        birth: format!("{}-{:02}-{:02}", 1940 + dice.roll(66), 1 + dice.roll(12), 1 + dice.roll(28)),
        card: card(&mut dice),
        salary: format!("{}.{:02}", 30_000 + dice.roll(120_000), dice.roll(100)),
        notes: dice.pick(NOTES).to_owned(),
    }
}

/// A number of the form of a card number, with the right check digit.
fn card(dice: &mut Dice) -> String {
    let mut digits = format!("4{:07}{:07}", dice.roll(10_000_000), dice.roll(10_000_000));
    // Luhn: every second digit from the right, counted without the check digit, is doubled.
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    digits.push(char::from_digit((10 - sum % 10) % 10, 10).unwrap_or('0'));
    digits
}

fn ascii(name: &str) -> String {
    name.to_lowercase().replace('ë', "e").replace('ü', "ue")
}

/// SplitMix64: good enough for made-up people, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let index = self.roll(from.len() as u64) as usize;
        from.get(index).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn people_are_distinct_and_the_same_each_time() {
        let emails: HashSet<String> = (0..10_000).map(|n| person(n).email).collect();
        assert_eq!(emails.len(), 10_000);
        assert_eq!(person(7), person(7));
    }

    #[test]
    fn card_numbers_pass_the_luhn_check() {
        for n in 0..200 {
            let card = person(n).card;
            let sum: u32 = card
                .chars()
                .rev()
                .enumerate()
                .map(|(place, digit)| {
                    let value = digit.to_digit(10).unwrap_or(0) * if place % 2 == 1 { 2 } else { 1 };
                    if value > 9 { value - 9 } else { value }
                })
                .sum();
            assert!(card.len() == 16 && sum.is_multiple_of(10), "{card}");
        }
    }
}
