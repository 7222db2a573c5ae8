//! "Did you mean": the known name nearest to a misspelt one.

/// Most edits between a name and its suggestion; more, and the suggestion would be a guess.
const EDIT_COUNT: usize = 3;
/// Longest name worth comparing, in bytes; the longest key has 40, and the table of edits lives on the stack.
const NAME_BYTES: usize = 64;

/// The known name nearest to `name`: at most three edits away, or else one with the same last part, which is a right
/// key in a wrong table. Of several equally near, the first.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str> + Clone) -> Option<&'k str> {
    if name.len() > NAME_BYTES {
        return None;
    }
    let by_edits =
        known.clone().map(|candidate| (edits(name, candidate), candidate)).min_by_key(|(count, _)| *count);
    let near = by_edits.filter(|(count, _)| *count <= EDIT_COUNT.min(name.len() / 3));
    near.map(|(_, candidate)| candidate)
        .or_else(|| known.into_iter().find(|key| last_part(key) == last_part(name)))
}

/// What follows the last dot.
fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Levenshtein distance in bytes, one row at a time; names longer than the row are told apart by saturating.
fn edits(from: &str, to: &str) -> usize {
    let mut row: [usize; NAME_BYTES + 1] = core::array::from_fn(|column| column);
    if to.len() > NAME_BYTES {
        return usize::MAX;
    }
    for (index, wanted) in from.bytes().enumerate() {
        // Distances of the previous row: straight above-left, and what is being replaced.
        let mut diagonal = index;
        let mut left = index + 1;
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = left;
        }
        for (cell, found) in cells.zip(to.bytes()) {
            let replace = diagonal + usize::from(wanted != found);
            diagonal = *cell;
            left = replace.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
    }
    row.get(to.len()).copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (from, to, count) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("abc", "", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(edits(from, to), count, "{from} {to}");
        }
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_not() {
        let known = ["mqtt.keep_alive", "mqtt.heartbeat", "log.level"];
        assert_eq!(nearest("mqtt.keepalive", known.into_iter()), Some("mqtt.keep_alive"));
        assert_eq!(nearest("log.levle", known.into_iter()), Some("log.level"));
        assert_eq!(nearest("health.heartbeat", known.into_iter()), Some("mqtt.heartbeat"));
        assert_eq!(nearest("colour", known.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(4096), known.into_iter()), None);
    }
}
