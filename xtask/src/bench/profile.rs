//! Which BPF programs run during an operation, and for how long: where the agent's instructions go.

use super::measure::succeed;
use super::results::Program;
use anyhow::{Context, Result};
use edge_tests::vm::Guest;
use serde_json::Value;

/// How often a program has run, and for how many instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Count {
    /// The program's name.
    name: String,
    /// Its runs since it was loaded.
    runs: u64,
    /// Their instructions: nanoseconds of a clock that counts these.
    instructions: u64,
    /// Bytes of machine code; 0 when it is interpreted.
    jited: u64,
}

/// The counts of all programs in a guest.
pub(super) fn counts(guest: &mut Guest) -> Result<Vec<Count>> {
    let output = succeed(guest, "edge-emulate programs")?;
    parse(output.lines().last().unwrap_or_default())
}

/// Reads the last line that `edge-emulate programs` prints.
fn parse(line: &str) -> Result<Vec<Count>> {
    let report: Value = serde_json::from_str(line).with_context(|| format!("`programs` says `{line}`"))?;
    let fields = report.as_object().with_context(|| format!("`programs` says `{line}`"))?;
    let number = |key: String| fields.get(&key).and_then(Value::as_u64);
    let names = fields.keys().filter_map(|key| key.strip_suffix("_runs"));
    let count = |name: &str| {
        let (runs, instructions) = (number(format!("{name}_runs"))?, number(format!("{name}_ns"))?);
        Some(Count { name: name.to_owned(), runs, instructions, jited: number(format!("{name}_jited"))? })
    };
    Ok(names.filter_map(count).collect())
}

/// What ran between two looks, in which `operation` was repeated `repeats` times. Programs that ran for less than one in
/// a hundred of these are left out: they ran for something else.
pub(super) fn between(operation: &str, repeats: u64, before: &[Count], after: &[Count]) -> Vec<Program> {
    let differences = after.iter().map(|now| {
        let then = before.iter().find(|then| then.name == now.name);
        let (runs, instructions) = then.map_or((0, 0), |then| (then.runs, then.instructions));
        Program {
            operation: operation.to_owned(),
            repeats,
            name: now.name.clone(),
            runs: now.runs.saturating_sub(runs),
            instructions: now.instructions.saturating_sub(instructions),
            compiled: now.jited != 0,
        }
    });
    differences.filter(|program| program.runs >= repeats.div_ceil(100)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ran_for_the_operation_is_kept() {
        let look = |enter: u64, exec: u64| {
            parse(&format!(
                "{{\"emulate\":\"programs\",\"sys_enter_runs\":{enter},\"sys_enter_ns\":{},\"sys_enter_jited\":9,\
                 \"exec_runs\":{exec},\"exec_ns\":5,\"exec_jited\":0}}",
                enter * 90
            ))
            .unwrap()
        };
        let programs = between("getpid", 1000, &look(50, 1), &look(1060, 2));
        let found: Vec<_> =
            programs.iter().map(|program| (&*program.name, program.runs, program.instructions)).collect();
        assert_eq!(found, [("sys_enter", 1010, 90_900)]);
        assert!(programs.iter().all(|program| program.compiled));
        assert!(parse("sh: edge-emulate: not found").is_err());
    }
}
