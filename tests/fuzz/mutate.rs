//! Changes of inputs: bytes, lengths, pieces of other inputs, words of the target's dictionary.

use super::random::Random;

/// Values at the borders of lengths and counts.
const EDGES: [u32; 12] = [0, 1, 3, 4, 5, 0x7f, 0xff, 0x7fff, 0xffff, 0x3fff_ffff, 0x7fff_ffff, 0xffff_ffff];

/// A changed copy of one of the inputs. `longest` bounds its length.
pub fn mutated(corpus: &[Vec<u8>], dictionary: &[&[u8]], longest: usize, random: &mut Random) -> Vec<u8> {
    let mut input = random.pick(corpus).clone();
    for _ in 0..=random.below(6) {
        change(&mut input, corpus, dictionary, random);
    }
    input.truncate(longest);
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], dictionary: &[&[u8]], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let range = at..(at + random.below(24)).min(input.len());
    match random.below(13) {
        0 => drop(input.drain(range)),
        1 => {
            let piece = input[range].to_vec();
            insert(input, random, &piece);
        }
        2 | 3 => {
            let other = random.pick(corpus);
            let start = random.below(other.len() + 1);
            let end = (start + random.below(48)).min(other.len());
            insert(input, random, &other[start..end]);
        }
        4 => {
            let other = random.pick(corpus);
            let tail = &other[random.below(other.len() + 1)..];
            input.truncate(at);
            input.extend_from_slice(tail);
        }
        5..=7 if !dictionary.is_empty() => {
            let word = random.pick(dictionary);
            input.splice(if random.below(2) == 0 { at..at } else { range }, word.iter().copied());
        }
        8 => {
            let value = random.pick(&EDGES).to_be_bytes();
            let width = *random.pick(&[1, 2, 4]);
            for (slot, byte) in input[at..].iter_mut().zip(&value[4 - width..]) {
                *slot = *byte;
            }
        }
        9 => input.truncate(at),
        10 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        11 => {
            // Much of the same, to find what takes long or nests deeply.
            let piece = input[range].to_vec();
            if !piece.is_empty() {
                let repeated = piece.repeat(1 + random.below(200));
                input.splice(at..at, repeated);
            }
        }
        _ => {
            let byte = random.next().to_le_bytes()[0];
            match input.get_mut(at) {
                Some(slot) => *slot = byte,
                None => input.push(byte),
            }
        }
    }
}

fn insert(input: &mut Vec<u8>, random: &mut Random, piece: &[u8]) {
    let at = random.below(input.len() + 1);
    input.splice(at..at, piece.iter().copied());
}
