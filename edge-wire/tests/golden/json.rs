//! JSON in the order of the schema, broken over lines only where a line would be too long to read.
//!
//! Written here rather than taken from a crate because the order of fields is part of what the vectors teach, and a map
//! type's order depends on features that other members of the workspace turn on.

/// Longest line, where it can be helped.
const WIDTH: usize = 120;

/// One JSON value.
pub(crate) enum Json {
    /// An array.
    List(Vec<Json>),
    /// An object, its keys in the order of the schema.
    Map(Vec<(&'static str, Json)>),
    /// Absent, such as the name of a number of a newer schema.
    Null,
    /// An unsigned number of up to 64 bits, in decimal.
    Number(u64),
    /// A string.
    Text(String),
}

impl Json {
    /// A number, whatever its width in the message.
    pub(crate) fn number(number: impl TryInto<u64>) -> Self {
        number.try_into().map_or(Self::Null, Self::Number)
    }

    /// A string.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The whole document.
    pub(crate) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0, 0);
        out
    }

    /// Appends the value to a line whose first `column` columns are taken, inside `depth` levels of indentation.
    fn write(&self, out: &mut String, depth: usize, column: usize) {
        let line = self.line();
        // One column for the comma that may follow.
        if column + line.len() < WIDTH {
            out.push_str(&line);
            return;
        }
        let inner = "  ".repeat(depth + 1);
        let outer = "  ".repeat(depth);
        match self {
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "[\n" } else { ",\n" });
                    out.push_str(&inner);
                    item.write(out, depth + 1, inner.len());
                }
                out.push('\n');
                out.push_str(&outer);
                out.push(']');
            }
            Self::Map(fields) => {
                for (index, (key, value)) in fields.iter().enumerate() {
                    out.push_str(if index == 0 { "{\n" } else { ",\n" });
                    let key = format!("{inner}\"{key}\": ");
                    out.push_str(&key);
                    value.write(out, depth + 1, key.len());
                }
                out.push('\n');
                out.push_str(&outer);
                out.push('}');
            }
            Self::Null | Self::Number(_) | Self::Text(_) => out.push_str(&line),
        }
    }

    /// The value on one line.
    fn line(&self) -> String {
        match self {
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::line).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(key, value)| format!("\"{key}\": {}", value.line())).collect();
                format!("{{{}}}", fields.join(", "))
            }
            Self::Null => "null".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => quote(text),
        }
    }
}

/// `text` as a JSON string.
fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                let [.., high, low] = u32::from(control).to_be_bytes();
                out.push_str("\\u");
                out.push_str(&hex(&[high, low]));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

/// Bytes as lower-case digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}
