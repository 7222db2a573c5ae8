//! A function's prototype as text, the way a header would state it.

use crate::record::kind;
use crate::source::Source;
use crate::{Btf, BtfError};

/// Most steps from a parameter to the name of its type.
const STEPS: u32 = 32;

/// Longest name that is read; the kernel's own limit for symbols is 512.
const NAME_BYTES: u64 = 512;

impl<S: Source> Btf<'_, S> {
    /// The prototype of a function that the scan looked for, without its name: `int (struct file *file, int mask)`.
    ///
    /// `None` when there is no such function, or more than one.
    ///
    /// # Errors
    /// [`BtfError`] at the first field that cannot be.
    pub fn prototype(&mut self, function: &str) -> Result<Option<String>, BtfError> {
        let Some(id) = self.function(function) else { return Ok(None) };
        let Some(record) = self.record(id)? else { return Ok(None) };
        let Some(prototype) = self.record(record.size_or_type)?.filter(|it| it.kind == kind::FUNC_PROTO)
        else {
            return Ok(None);
        };
        let mut text = self.type_text(prototype.size_or_type)?;
        let separator = if text.ends_with('*') { "(" } else { " (" };
        text.push_str(separator);
        for number in 0..prototype.count.min(STEPS) {
            let (at, end) = (prototype.body + u64::from(number) * 8, self.header.types.end);
            let [a, b, c, d, id @ ..] = self.types.array::<8>(&self.source, "parameter", at, end)?;
            let (name, id) = (u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes(id));
            if number > 0 {
                text.push_str(", ");
            }
            if id == 0 {
                text.push_str("...");
                continue;
            }
            let kind = self.type_text(id)?;
            text.push_str(&kind);
            if name != 0 {
                if !kind.ends_with('*') {
                    text.push(' ');
                }
                text.push_str(&self.text(name)?);
            }
        }
        text.push_str(if prototype.count == 0 { "void)" } else { ")" });
        Ok(Some(text))
    }

    /// A type as C writes it. A pointer's own `const`, which concerns nobody who calls, is left out.
    fn type_text(&mut self, id: u32) -> Result<String, BtfError> {
        let (mut next, mut constant, mut stars) = (id, "", String::new());
        for _ in 0..STEPS {
            let Some(record) = self.record(next)? else { return Ok(format!("{constant}void{stars}")) };
            let word = match record.kind {
                kind::PTR => {
                    stars.push_str(if stars.is_empty() { " *" } else { "*" });
                    next = record.size_or_type;
                    continue;
                }
                kind::CONST | kind::VOLATILE | kind::RESTRICT | kind::TYPE_TAG => {
                    if record.kind == kind::CONST && !stars.is_empty() {
                        constant = "const ";
                    }
                    next = record.size_or_type;
                    continue;
                }
                kind::FUNC_PROTO => return Ok(format!("fn{stars}")),
                kind::STRUCT => "struct ",
                kind::UNION => "union ",
                kind::FWD => {
                    if record.flag {
                        "union "
                    } else {
                        "struct "
                    }
                }
                kind::ENUM | kind::ENUM64 => "enum ",
                _ => "",
            };
            return Ok(format!("{constant}{word}{}{stars}", self.text(record.name)?));
        }
        Err(BtfError::Depth { field: "way to a name", id, limit: STEPS })
    }

    /// A string of the BTF.
    fn text(&mut self, place: u32) -> Result<String, BtfError> {
        let section = self.header.strings;
        let start = section.start + u64::from(place);
        let mut text = Vec::new();
        for at in start..start + NAME_BYTES {
            let [byte] = self.texts.array(&self.source, "a string", at, section.end)?;
            if byte == 0 {
                return Ok(String::from_utf8_lossy(&text).into_owned());
            }
            text.push(byte);
        }
        let (value, limit) = (NAME_BYTES + 1, NAME_BYTES);
        Err(BtfError::Field { field: "length of a string", at: start, value, limit })
    }
}
