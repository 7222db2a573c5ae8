//! Search in the list of what the image is made of.

use edge_abi::LISTED_STEPS;

/// What the list says of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Whether its file is in it; `None` when that cannot be told.
    pub file: Option<bool>,
    /// Whether the path it was executed by is in it.
    pub path: bool,
}

/// Where a search stands: so many numbers are known to be smaller than the one looked for.
///
/// `get` gives the number at a place, or `None` beyond the end; `forget` gives its argument back and keeps the verifier from walking both
/// ways of each step to the end.
#[inline(always)]
pub fn is_in(count: u32, number: u64, get: impl Fn(u32) -> Option<u64>, forget: impl Fn(u32) -> u32) -> bool {
    let (mut smaller, mut step) = (0_u32, LISTED_STEPS);
    while step > 0 {
        step -= 1;
        let next = smaller + (1 << step);
        if next <= count && get(next - 1).is_some_and(|found| found < number) {
            smaller = next;
        }
        smaller = forget(smaller);
    }
    smaller < count && get(smaller) == Some(number)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn found(numbers: &[u64], number: u64) -> bool {
        is_in(numbers.len() as u32, number, |at| numbers.get(at as usize).copied(), |at| at)
    }

    #[test]
    fn every_number_is_found_and_none_beside_it() {
        for length in [0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 1_000, (1 << LISTED_STEPS) - 1] {
            let numbers: Vec<u64> = (0..length).map(|at| 3 * at + 1).collect();
            for number in &numbers {
                assert!(found(&numbers, *number), "{number} of {length}");
            }
            for number in (0..3 * length + 3).filter(|number| number % 3 != 1) {
                assert!(!found(&numbers, number), "{number} of {length}");
            }
        }
    }

    #[test]
    fn what_lies_behind_the_end_is_not_found() {
        let numbers = [1, 5, 9, 11];
        let get = |at: u32| numbers.get(at as usize).copied();
        assert!(is_in(3, 9, get, |at| at) && !is_in(3, 11, get, |at| at));
    }
}
