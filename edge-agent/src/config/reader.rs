//! From keys to typed values: each method reads one key of one kind into its place, or tells what it should have been.
//!
//! A key that is absent leaves its place, and so its default, alone. A key that was never asked for is unknown.

use super::document::{Document, Value, parse};
use super::nearest::nearest;
use super::problem::{Problem, Problems};
use super::value::{ShowDuration, duration};
use core::fmt::{self, Display};
use core::ops::RangeInclusive;
use core::time::Duration;
use heapless::{String, Vec};

/// One file being read.
pub(super) struct Reader<'s> {
    /// What the file says.
    document: Document<'s>,
    /// Every key asked for so far, which at the end is the schema.
    known: std::vec::Vec<&'static str>,
    /// What was wrong so far.
    problems: Problems,
    /// What each key may be, for the test that the packaged file says the same.
    #[cfg(test)]
    pub(super) allowed: std::vec::Vec<(&'static str, std::string::String)>,
}

impl<'s> Reader<'s> {
    /// Parses `text` as TOML.
    pub(super) fn new(text: &'s str) -> Self {
        let mut problems = Problems::default();
        let document = parse(text, &mut problems);
        Self {
            document,
            known: std::vec::Vec::new(),
            problems,
            #[cfg(test)]
            allowed: std::vec::Vec::new(),
        }
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, place: &mut bool) {
        let parse = |value: &Value<'_>| if let Value::Boolean(flag) = value { Some(*flag) } else { None };
        self.read(key, place, parse, format_args!("true or false"));
    }

    /// Reads a whole number within `range`.
    pub(super) fn number<N>(&mut self, key: &'static str, place: &mut N, range: &RangeInclusive<N>)
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        let expected = format_args!("a whole number of {}..{}", range.start(), range.end());
        self.read(key, place, |value| number(value, range), expected);
    }

    /// Reads a duration within `range`.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        place: &mut Duration,
        range: &RangeInclusive<Duration>,
    ) {
        let example = ShowDuration(*place);
        let (least, most) = (ShowDuration(*range.start()), ShowDuration(*range.end()));
        let parse = |value: &Value<'_>| text(value).and_then(duration).filter(|given| range.contains(given));
        self.read(key, place, parse, format_args!("a duration of {least}..{most} such as \"{example}\""));
    }

    /// Reads one of several words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, place: &mut T, choices: &[(&str, T)]) {
        let parse = |value: &Value<'_>| {
            let given = text(value)?;
            choices.iter().find(|(word, _)| *word == given).map(|(_, choice)| *choice)
        };
        self.read(key, place, parse, format_args!("{}", ShowWords(choices)));
    }

    /// Reads text of at most `N` bytes of the form that `has_form` accepts and `form` describes; `""` means unset and is
    /// always accepted.
    pub(super) fn text<const N: usize>(
        &mut self,
        key: &'static str,
        place: &mut String<N>,
        has_form: fn(&str) -> bool,
        form: &str,
    ) {
        let parse = |value: &Value<'_>| {
            let given = text(value).filter(|given| given.is_empty() || has_form(given))?;
            String::try_from(given).ok()
        };
        self.read(key, place, parse, format_args!("{form}, at most {N} bytes"));
    }

    /// Reads a list of at least `least` and at most `N` elements, none of them twice; each is judged, and told about,
    /// on its own.
    pub(super) fn list<T: PartialEq, const N: usize>(
        &mut self,
        key: &'static str,
        place: &mut Vec<T, N>,
        least: usize,
        parse: impl Fn(&Value<'_>) -> Option<T>,
        form: fmt::Arguments<'_>,
    ) {
        if let Some(elements) = self.elements(key, least, N, parse, form) {
            *place = elements.into_iter().map(|(_, element)| element).take(N).collect();
        }
    }

    /// Reads a list as `list` does, for a caller that has no place for it: the elements and their lines. `None` when the key
    /// is absent or holds no such list.
    pub(super) fn elements<T: PartialEq>(
        &mut self,
        key: &'static str,
        least: usize,
        most: usize,
        parse: impl Fn(&Value<'_>) -> Option<T>,
        form: fmt::Arguments<'_>,
    ) -> Option<std::vec::Vec<(usize, T)>> {
        self.know(key, format_args!("a list of {least}..{most}, each {form}"));
        let entry = self.document.entries.iter().find(|entry| entry.path == key)?;
        let Value::List(items) = &entry.value else {
            let expected = format_args!("a list of {least}..{most}, each {form}");
            refuse(&mut self.problems, entry.line, key, entry.raw, expected);
            return None;
        };
        if items.len() < least || items.len() > most {
            let expected = format_args!("{least}..{most} elements, found {}", items.len());
            refuse(&mut self.problems, entry.line, key, entry.raw, expected);
            return None;
        }
        let mut elements = std::vec::Vec::with_capacity(items.len());
        for item in items {
            match parse(&item.value) {
                Some(element) if elements.iter().any(|(_, known)| *known == element) => {
                    refuse(&mut self.problems, item.line, key, item.raw, format_args!("every element once"));
                }
                Some(element) => elements.push((item.line, element)),
                None => refuse(&mut self.problems, item.line, key, item.raw, form),
            }
        }
        Some(elements)
    }

    /// Tells that several lists together hold more than there is room for; `line` is that of the first one too many.
    pub(super) fn too_many(&mut self, line: usize, what: &'static str, limit: usize) {
        self.problems.push(Problem::TooMany { line, what, limit });
    }

    /// Refuses a combination of values; `keys` are those involved, the first is named. Silent when one of them was
    /// refused already: what stands in its place is not what the file says.
    pub(super) fn clash(&mut self, keys: &[&str], reason: std::string::String) {
        let is_told =
            |problem: &Problem| matches!(problem, Problem::Value { key, .. } if keys.contains(&key.as_str()));
        if self.problems.list().iter().any(is_told) {
            return;
        }
        let involved = self.document.entries.iter().filter(|entry| keys.contains(&entry.path.as_str()));
        let line = involved.map(|entry| entry.line).max().unwrap_or(0);
        let key = keys.first().copied().unwrap_or_default().to_owned();
        self.problems.push(Problem::Clash { line, key, reason });
    }

    /// Ends reading: everything in the file that was never asked for is unknown. Returns all problems in the file's
    /// order.
    pub(super) fn finish(mut self) -> Problems {
        let known = &self.known;
        let is_table = |path: &str| known.iter().any(|key| is_below(key, path));
        let mut foreign = std::vec::Vec::new();
        for (path, line) in
            self.document.tables.iter().filter(|(path, _)| !path.is_empty() && !is_table(path))
        {
            let tables = known.iter().filter_map(|key| key.rsplit_once('.')).map(|(table, _)| table);
            let nearest = nearest(path, tables).map(str::to_owned);
            self.problems.push(Problem::UnknownTable { line: *line, table: path.clone(), nearest });
            foreign.push(path.as_str());
        }
        for entry in &self.document.entries {
            let told = foreign.iter().any(|table| is_below(&entry.path, table));
            if !told && !known.contains(&entry.path.as_str()) {
                let nearest = nearest(&entry.path, known.iter().copied());
                self.problems.push(Problem::UnknownKey {
                    line: entry.line,
                    key: entry.path.clone(),
                    nearest,
                });
            }
        }
        self.problems.sort();
        self.problems
    }

    /// Reads one key: leaves `place` alone when it is absent, tells what was expected when `parse` refuses it.
    fn read<T>(
        &mut self,
        key: &'static str,
        place: &mut T,
        parse: impl FnOnce(&Value<'s>) -> Option<T>,
        expected: fmt::Arguments<'_>,
    ) {
        self.know(key, expected);
        let Some(entry) = self.document.entries.iter().find(|entry| entry.path == key) else { return };
        match parse(&entry.value) {
            Some(value) => *place = value,
            None => refuse(&mut self.problems, entry.line, key, entry.raw, expected),
        }
    }

    /// Adds a key to the schema.
    #[cfg_attr(not(test), expect(unused_variables, reason = "only the tests ask what a key may be"))]
    fn know(&mut self, key: &'static str, expected: fmt::Arguments<'_>) {
        self.known.push(key);
        #[cfg(test)]
        self.allowed.push((key, expected.to_string()));
    }
}

/// Whether `path` lies in `table`.
fn is_below(path: &str, table: &str) -> bool {
    path.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
}

/// Tells that a value is not what its key expects. Not generic, so that it is compiled once.
fn refuse(problems: &mut Problems, line: usize, key: &str, raw: &str, expected: fmt::Arguments<'_>) {
    let describe = || Problem::Value {
        line,
        key: key.to_owned(),
        shown: raw.to_owned(),
        expected: expected.to_string(),
    };
    problems.push_with(describe);
}

/// The text of a string value.
pub(super) fn text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

/// A whole number within `range`.
pub(super) fn number<N: TryFrom<i64> + PartialOrd>(
    value: &Value<'_>,
    range: &RangeInclusive<N>,
) -> Option<N> {
    let Value::Integer(given) = value else { return None };
    N::try_from(*given).ok().filter(|number| range.contains(number))
}

/// Shows the words of a choice: `"observe" or "kill"`.
struct ShowWords<'w, T>(&'w [(&'w str, T)]);

impl<T> Display for ShowWords<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (word, _)) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { " or " };
            write!(f, "{before}\"{word}\"")?;
        }
        Ok(())
    }
}
