//! From TOML text to a flat list of keys: `[mqtt]` and `in_flight = 8` become `mqtt.in_flight`, line 12, 8.
//!
//! The parser is `toml_parser`, the event layer under the `toml` crate and kept by the same people. Our schema has no
//! nested values, so a tree and its deserialiser would only be built to be taken apart again. Measured as a program
//! that reads one file (`x86_64`, opt-level z, fat LTO, abort, stripped; without any parser 290,432 bytes):
//! `toml_parser` 334,592, `toml` (values with spans, no serde) 380,048, `toml-span` 387,696. `basic-toml` has no spans.
//!
//! Here only TOML itself is judged; what a key means is `read`'s business.

use super::problem::{Problem, Problems};
use std::borrow::Cow;
use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::{Event, EventKind, EventReceiver, ValidateWhitespace, parse_document};
use toml_parser::{ErrorSink, Expected, ParseError, Source, Span};

/// Most keys and tables one file may hold; the schema has some 160, so more is an accident, and time stays bounded.
pub(super) const ENTRY_COUNT: usize = 256;
/// Most elements of one list; the longest list of the schema holds 64.
const ITEM_COUNT: usize = 128;

/// One `key = value` of the file.
#[derive(Debug)]
pub(super) struct Entry<'s> {
    /// The whole key, such as `detectors.file_tamper.window`; a part that is not a bare key is quoted.
    pub(super) path: String,
    /// Line of the value, from 1.
    pub(super) line: usize,
    /// The value exactly as written, for messages; of a list only the bracketed text.
    pub(super) raw: &'s str,
    /// The value.
    pub(super) value: Value<'s>,
}

/// One element of a list.
#[derive(Debug)]
pub(super) struct Item<'s> {
    /// Line of the element, from 1.
    pub(super) line: usize,
    /// The element exactly as written.
    pub(super) raw: &'s str,
    /// The element.
    pub(super) value: Value<'s>,
}

/// What the schema can use of TOML's values.
#[derive(Debug)]
pub(super) enum Value<'s> {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number of any radix that fits 64 bits.
    Integer(i64),
    /// A list of scalars.
    List(Vec<Item<'s>>),
    /// A string of any of the four kinds, unescaped.
    Text(Cow<'s, str>),
    /// Anything else: floats, dates, inline tables, lists in lists, a bare word such as `5s`. Its raw text is shown
    /// beside what the key expects, which tells more than a syntax error would.
    Unusable,
}

/// All keys of a file, in its order.
#[derive(Debug, Default)]
pub(super) struct Document<'s> {
    /// The keys that have a value.
    pub(super) entries: Vec<Entry<'s>>,
    /// Every `[table]` header: its path and line.
    pub(super) tables: Vec<(String, usize)>,
}

/// Parses `text`; what is wrong with it as TOML goes to `problems`, and the rest is still returned, so that mistakes
/// in values are found in the same run.
pub(super) fn parse<'s>(text: &'s str, problems: &mut Problems) -> Document<'s> {
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let mut syntax = Problems::default();
    let mut collector = Collector::new(source, problems);
    parse_document(
        &tokens,
        &mut ValidateWhitespace::new(&mut collector, source),
        &mut |error: ParseError| syntax.push_with(|| syntax_problem(text, &error)),
    );
    if let Some(start) = collector.passed_over {
        // The end of the file came first, which the parser does not tell while it passes over something.
        let what = "a value that begins here has no end".to_owned();
        syntax.push(Problem::Syntax { line: collector.lines.line(start), what });
    }
    let document = collector.document;
    problems.append(syntax);
    document
}

/// One mistake in the TOML itself, in our words.
fn syntax_problem(text: &str, error: &ParseError) -> Problem {
    let offset = error.unexpected().or(error.context()).map_or(0, |span| span.start());
    let mut what = String::from(error.description());
    for (index, expected) in error.expected().unwrap_or_default().iter().enumerate() {
        what.push_str(if index == 0 { ", expected " } else { " or " });
        match expected {
            Expected::Literal("\n") => what.push_str("a new line"),
            Expected::Literal(literal) => what.extend(["`", literal, "`"]),
            Expected::Description(description) => what.push_str(description),
            _ => what.push_str("something else"),
        }
    }
    Problem::Syntax { line: Lines::new(text).line(offset), what }
}

/// Turns offsets into line numbers; offsets mostly ascend, so it counts on from the last one.
struct Lines<'s> {
    /// The whole file.
    text: &'s str,
    /// The last offset asked for, in bytes.
    offset: usize,
    /// The line of `offset`, from 1.
    line: usize,
}

impl<'s> Lines<'s> {
    /// Starts at line 1.
    fn new(text: &'s str) -> Self {
        Self { text, offset: 0, line: 1 }
    }

    /// The line of a byte offset; one past the end counts as the last line.
    fn line(&mut self, offset: usize) -> usize {
        if offset < self.offset {
            *self = Self::new(self.text);
        }
        let between = self.text.as_bytes().get(self.offset..offset).unwrap_or_default();
        self.line += newlines(between);
        self.offset = offset;
        self.line
    }
}

/// How many lines end within `bytes`.
pub(super) fn newlines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').skip(1).count()
}

/// Receives the parser's events and builds the [`Document`].
struct Collector<'s, 'p> {
    /// The text and its spans.
    source: Source<'s>,
    /// Where keys used twice and files too long are told.
    problems: &'p mut Problems,
    /// Line numbers of spans.
    lines: Lines<'s>,
    /// The table of the last header, empty at the top of the file.
    table: String,
    /// The key being read, relative to `table`.
    key: String,
    /// Whether a header is being read: then keys go to `table`.
    in_header: bool,
    /// The list being read and the offset of its bracket.
    list: Option<(usize, Vec<Item<'s>>)>,
    /// Where an inline table or a list in a list began: the parser passes over it, and only its end is told.
    passed_over: Option<usize>,
    /// What has been read.
    document: Document<'s>,
}

impl<'s, 'p> Collector<'s, 'p> {
    /// An empty document.
    fn new(source: Source<'s>, problems: &'p mut Problems) -> Self {
        Self {
            source,
            problems,
            lines: Lines::new(source.input()),
            table: String::new(),
            key: String::new(),
            in_header: false,
            list: None,
            passed_over: None,
            document: Document::default(),
        }
    }

    /// The text between two offsets.
    fn raw(&self, start: usize, end: usize) -> &'s str {
        self.source.input().get(start..end).unwrap_or_default()
    }

    /// A value at `start..end` is complete: into the list if one is open, else it belongs to the key.
    fn finish(&mut self, start: usize, end: usize, value: Value<'s>) {
        let (line, raw) = (self.lines.line(start), self.raw(start, end));
        if let Some((_, items)) = &mut self.list {
            if items.len() < ITEM_COUNT {
                items.push(Item { line, raw, value });
            } else if items.len() == ITEM_COUNT {
                self.problems.push(Problem::TooMany {
                    line,
                    what: "elements in one list",
                    limit: ITEM_COUNT,
                });
                // One more than the limit, so that it is told only once.
                items.push(Item { line, raw, value });
            }
            return;
        }
        let key = core::mem::take(&mut self.key);
        if key.is_empty() {
            return;
        }
        let path = if self.table.is_empty() { key } else { [self.table.as_str(), ".", &key].concat() };
        if let Some(first) = self.document.entries.iter().find(|entry| entry.path == path) {
            self.problems.push(Problem::Twice { line, first_line: first.line, key: path });
        } else if self.has_room(line) {
            self.document.entries.push(Entry { path, line, raw, value });
        }
    }

    /// Whether one more key or table may be kept; told once when not.
    fn has_room(&mut self, line: usize) -> bool {
        let used = self.document.entries.len() + self.document.tables.len();
        if used == ENTRY_COUNT {
            self.problems.push(Problem::TooMany { line, what: "keys and tables", limit: ENTRY_COUNT });
            // A table that is never looked at moves the count past the limit.
            self.document.tables.push((String::new(), line));
        }
        used < ENTRY_COUNT
    }
}

impl EventReceiver for Collector<'_, '_> {
    fn std_table_open(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        self.in_header = true;
        self.table.clear();
        self.key.clear();
    }

    fn std_table_close(&mut self, span: Span, _error: &mut dyn ErrorSink) {
        self.in_header = false;
        let line = self.lines.line(span.start());
        if let Some((_, first_line)) = self.document.tables.iter().find(|(path, _)| *path == self.table) {
            let first_line = *first_line;
            self.problems.push(Problem::Twice { line, first_line, key: ["[", &self.table, "]"].concat() });
        } else if self.has_room(line) {
            self.document.tables.push((self.table.clone(), line));
        }
    }

    fn array_table_open(&mut self, span: Span, error: &mut dyn ErrorSink) {
        let line = self.lines.line(span.start());
        self.problems.push(Problem::Syntax { line, what: "`[[..]]` is not used here, write `[..]`".into() });
        self.std_table_open(span, error);
    }

    fn array_table_close(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        self.in_header = false;
    }

    fn inline_table_open(&mut self, span: Span, _error: &mut dyn ErrorSink) -> bool {
        self.passed_over = Some(span.start());
        false
    }

    fn inline_table_close(&mut self, span: Span, _error: &mut dyn ErrorSink) {
        let start = self.passed_over.take().unwrap_or(span.start());
        self.finish(start, span.end(), Value::Unusable);
    }

    fn array_open(&mut self, span: Span, _error: &mut dyn ErrorSink) -> bool {
        if self.list.is_some() {
            self.passed_over = Some(span.start());
            return false;
        }
        self.list = Some((span.start(), Vec::new()));
        true
    }

    fn array_close(&mut self, span: Span, _error: &mut dyn ErrorSink) {
        if let Some(start) = self.passed_over.take() {
            self.finish(start, span.end(), Value::Unusable);
        } else if let Some((start, items)) = self.list.take() {
            self.finish(start, span.end(), Value::List(items));
        }
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        let mut part = Cow::Borrowed("");
        if let Some(raw) = self.source.get(Event::new_unchecked(EventKind::SimpleKey, encoding, span)) {
            raw.decode_key(&mut part, error);
        }
        let target = if self.in_header { &mut self.table } else { &mut self.key };
        if !target.is_empty() {
            target.push('.');
        }
        let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !part.is_empty() && part.bytes().all(bare) {
            target.push_str(&part);
        } else {
            // Quoted and escaped, so that `"a.b"` can never pass for `a.b`, and no control byte reaches a terminal.
            target.extend([format!("{part:?}")]);
        }
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, _error: &mut dyn ErrorSink) {
        let event = Event::new_unchecked(EventKind::Scalar, encoding, span);
        let mut text = Cow::Borrowed("");
        let mut mistake = None;
        let kind = self.source.get(event).map(|raw| raw.decode_scalar(&mut text, &mut mistake));
        let value = match (kind, mistake) {
            (Some(ScalarKind::Boolean(flag)), None) => Value::Boolean(flag),
            (Some(ScalarKind::Integer(radix)), None) => {
                i64::from_str_radix(&text, radix.value()).map_or(Value::Unusable, Value::Integer)
            }
            (Some(ScalarKind::String), None) => Value::Text(text),
            _ => Value::Unusable,
        };
        self.finish(span.start(), span.end(), value);
    }

    fn newline(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        if self.list.is_none() && self.passed_over.is_none() {
            // A key without a value was told as a syntax error; it must not run into the next line's key.
            self.key.clear();
        }
    }
}
