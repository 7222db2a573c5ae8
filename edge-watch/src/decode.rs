//! `decode`: one payload, raw or as hex digits, as the JSON line that `watch --json` prints for it.

use std::io::{Read as _, Write as _};

use edge_wire::Message;

use crate::cli::DecodeOptions;
use crate::error::WatchError;
use crate::moment::Clock;
use crate::render::{Item, Received, Style};

/// Most bytes read: a message as spaced hex digits, generously.
const LIMIT: u64 = 64 * 1024;

/// Reads, decodes, prints.
pub(crate) fn run(options: &DecodeOptions) -> Result<(), WatchError> {
    let input = |source| WatchError::Input { path: options.file.clone(), source };
    let mut bytes = Vec::new();
    if options.file.as_os_str() == "-" {
        std::io::stdin().lock().take(LIMIT).read_to_end(&mut bytes).map_err(input)?;
    } else {
        let file = std::fs::File::open(&options.file).map_err(input)?;
        file.take(LIMIT).read_to_end(&mut bytes).map_err(input)?;
    }
    let line = show(&unhex(&bytes).unwrap_or(bytes), &options.device)?;
    std::io::stdout().write_all(line.as_bytes()).map_err(WatchError::Output)
}

/// The line of a payload.
fn show(payload: &[u8], device: &str) -> Result<String, WatchError> {
    let now = Clock::new().now();
    let message = edge_wire::decode(payload).map_err(WatchError::Payload)?;
    let item = match &message {
        Message::Heartbeat(heartbeat) => Item::Heartbeat(device, heartbeat),
        Message::Status(status) => Item::Status(device, status, false),
        Message::Verdict(verdict) => {
            Item::Verdict(Received { device, verdict, now, version: None, late: false })
        }
    };
    Ok(Style::Json.show(item, now))
}

/// The bytes that hex digits and white space stand for; `None` if there is anything else. A raw payload begins with its
/// schema version, a control character, so the two cannot be confused.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|&byte| char::from(byte).to_digit(16).map(|digit| digit as u8))
        .collect();
    digits?.chunks(2).map(|pair| if let [high, low] = pair { Some(high << 4 | low) } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_raw_are_told_apart() {
        assert_eq!(unhex(b"01 02\nfF\n"), Some(vec![1, 2, 255]));
        assert_eq!(unhex(b"010"), None);
        assert_eq!(unhex(&[1, 3]), None);
    }

    #[test]
    fn golden_vectors_are_shown() {
        let golden =
            unhex(include_bytes!("../../edge-wire/tests/golden/verdict_file_tamper_killed.hex")).unwrap();
        let line = show(&golden, "gw").unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["unmapped"]["disposition"], "killed");
        assert!(matches!(show(&golden[..20], "gw"), Err(WatchError::Payload(_))));
    }
}
