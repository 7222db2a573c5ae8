//! The identities that a heartbeat's counts must satisfy: nothing is lost without being counted.

use crate::said::{agent_book, kernel_book};
use crate::subscriber::Line;

/// Checks a heartbeat that was made while nothing was on its way between kernel and agent.
///
/// - `findings = submitted + ring_full + held`
/// - `submitted = received`
/// - `received = malformed + dismissed + folded + decided`
/// - `decided = acknowledged + in_flight + queued + shed`
pub fn balance(heartbeat: &Line) -> Result<(), String> {
    let kernel = |name| kernel_book(heartbeat, name);
    let agent = |name| agent_book(heartbeat, name);
    equal(
        "kernel findings",
        kernel("findings")?,
        &[kernel("submitted")?, kernel("ring_full")?, kernel("held")?],
    )?;
    equal("records submitted", kernel("submitted")?, &[agent("received")?])?;
    equal(
        "records received",
        agent("received")?,
        &[agent("malformed")?, agent("dismissed")?, agent("folded")?, agent("decided")?],
    )?;
    equal(
        "verdicts decided",
        agent("decided")?,
        &[agent("acknowledged")?, agent("in_flight")?, agent("queued")?, agent("shed")?],
    )
}

/// Checks one identity.
fn equal(what: &str, whole: u64, parts: &[u64]) -> Result<(), String> {
    if whole == parts.iter().sum::<u64>() {
        return Ok(());
    }
    Err(format!("books do not balance: {whole} {what} are not the sum of {parts:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// A heartbeat with `received` as given and everything else in balance for 10 records.
    fn heartbeat(received: u64) -> Line {
        let json = serde_json::json!({
            "kernel_books": {"findings": 17, "submitted": 10, "ring_full": 3, "held": 4},
            "agent_books": {"received": received, "malformed": 0, "dismissed": 1, "folded": 2, "decided": 7,
                "acknowledged": 5, "in_flight": 0, "queued": 1, "shed": 1}
        });
        Line { arrived: Instant::now(), json }
    }

    #[test]
    fn balanced_books_pass_and_a_lost_record_is_named() {
        assert_eq!(balance(&heartbeat(10)), Ok(()));
        let error = balance(&heartbeat(9)).unwrap_err();
        assert_eq!(error, "books do not balance: 10 records submitted are not the sum of [9]");
    }
}
