//! Whether a program that jumps has room for what it jumps to.
//!
//! On some kernels a program and all that it jumps to (tail calls) run on the stack whose size the kernel chose by what the first one
//! uses; see `edge-ebpf/src/stack.rs`. So the attached program must reach at least as deep as the deepest one behind it. How deep a
//! program reaches is read from its instructions: the lowest address it makes from the frame pointer.

use anyhow::{Context, Result, ensure};
use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SymbolKind};
use std::collections::{BTreeMap, BTreeSet};

/// The register that holds the frame's upper end.
const FRAME: u8 = 10;
/// Registers of the machine.
const REGISTERS: usize = 11;
/// `mov64 dst, src`.
const MOVE: u8 = 0xbf;
/// `add64 dst, imm`.
const ADD: u8 = 0x07;
/// `call imm`.
const CALL: u8 = 0x85;
/// `lddw dst, imm64`: two slots.
const LOAD_WIDE: u8 = 0x18;
/// The helper `bpf_tail_call`.
const TAIL_CALL: i32 = 12;
/// The register that holds the table of a tail call.
const TABLE: usize = 2;

/// One program, as far as jumps and the stack go.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// Bytes of stack it reaches down to.
    depth: u32,
    /// Tables that it jumps through.
    tables: BTreeSet<String>,
}

/// Reads the programs of a BPF object, by name.
///
/// # Errors
/// Bytes that are no such object.
pub(super) fn frames(bytes: &[u8]) -> Result<BTreeMap<String, Frame>> {
    let file = ElfFile64::<Endianness>::parse(bytes).context("no 64-bit ELF file")?;
    let mut frames = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0) {
        let Some(index) = symbol.section_index() else { continue };
        let section = file.section_by_index(index)?;
        if section.name()? == ".text" {
            continue;
        }
        let range = symbol.address()..symbol.address().saturating_add(symbol.size());
        let (start, end) = (usize::try_from(range.start)?, usize::try_from(range.end)?);
        let name = symbol.name()?;
        let code =
            section.data()?.get(start..end).with_context(|| format!("{name} outside of its section"))?;
        let mut maps = BTreeMap::new();
        for (at, relocation) in section.relocations().filter(|(at, _)| range.contains(at)) {
            if let RelocationTarget::Symbol(map) = relocation.target() {
                let map = file.symbol_by_index(map)?.name()?.to_owned();
                maps.insert(usize::try_from(at - range.start)?, map);
            }
        }
        frames.insert(name.to_owned(), frame(code, &maps));
    }
    Ok(frames)
}

/// Walks the instructions from first to last. A register counts as pointing into the frame from where it was made from the frame
/// pointer to where it is written again, whichever way the program takes, which errs on the deep side.
fn frame(code: &[u8], maps: &BTreeMap<usize, String>) -> Frame {
    let mut found = Frame::default();
    let mut points: [Option<i32>; REGISTERS] = [None; REGISTERS];
    let mut holds: [Option<&String>; REGISTERS] = [None; REGISTERS];
    let mut wide = false;
    for (index, step) in code.chunks_exact(8).enumerate() {
        let &[op, registers, low, high, a, b, c, d] = step else { break };
        if std::mem::take(&mut wide) {
            continue;
        }
        let (to, from) = (registers & 0xf, registers >> 4);
        let (offset, value) = (i16::from_le_bytes([low, high]), i32::from_le_bytes([a, b, c, d]));
        let point = |register: u8, points: &[Option<i32>; REGISTERS]| {
            if register == FRAME { Some(0) } else { points.get(usize::from(register)).copied().flatten() }
        };
        // LDX loads through `from`, ST and STX store through `to`; offsets of other classes are jumps.
        let address = match op & 7 {
            1 => point(from, &points),
            2 | 3 => point(to, &points),
            _ => None,
        };
        let reach = |at: i32| u32::try_from(-at).unwrap_or(0);
        if let Some(base) = address {
            found.depth = found.depth.max(reach(base + i32::from(offset)));
        }
        if op == CALL {
            if value == TAIL_CALL
                && let Some(table) = holds.get(TABLE).copied().flatten()
            {
                found.tables.insert(table.clone());
            }
            // A call writes the registers 0 to 5.
            points.iter_mut().take(6).for_each(|register| *register = None);
            holds.iter_mut().take(6).for_each(|register| *register = None);
            continue;
        }
        // Loads and arithmetic write `to`; stores and jumps do not.
        if matches!(op & 7, 0 | 1 | 4 | 7) {
            wide = op == LOAD_WIDE;
            let made = match op {
                MOVE => point(from, &points),
                ADD => point(to, &points).and_then(|base| base.checked_add(value)),
                _ => None,
            };
            found.depth = found.depth.max(made.map_or(0, reach));
            let map = if op == MOVE {
                holds.get(usize::from(from)).copied().flatten()
            } else {
                maps.get(&(index * 8))
            };
            if let (Some(points), Some(holds)) =
                (points.get_mut(usize::from(to)), holds.get_mut(usize::from(to)))
            {
                (*points, *holds) = (made, map);
            }
        }
    }
    found
}

/// Which programs the loader puts into which table: lines `SysPaths = "sys_paths", Hook::Jump(Program::SysEnter, "JUMPS", 0);` of its
/// source.
pub(super) fn tables(loader: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::<String, Vec<String>>::new();
    for line in loader.lines() {
        let Some((named, jump)) = line.split_once("Hook::Jump(Program::") else { continue };
        let (program, table) = (named.split('"').nth(1), jump.split('"').nth(1));
        if let (Some(program), Some(table)) = (program, table) {
            tables.entry(table.to_owned()).or_default().push(program.to_owned());
        }
    }
    tables
}

/// Refuses an object in which a program is attached, jumps, and reaches less deep than something behind it. Tells what each of them
/// claims.
///
/// # Errors
/// Names program, depth and what is deeper; or a table that the loader does not fill, or fills with what is not there.
pub(super) fn check(
    frames: &BTreeMap<String, Frame>,
    tables: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for (name, frame) in frames.iter().filter(|(_, frame)| !frame.tables.is_empty()) {
        // What is jumped to runs on the stack of whoever jumped first.
        if tables.values().flatten().any(|target| target == name) {
            continue;
        }
        let (mut next, mut behind) = (frame.tables.iter().collect::<Vec<_>>(), BTreeSet::new());
        while let Some(table) = next.pop() {
            let targets = tables.get(table).with_context(|| {
                format!(
                    "{name} jumps through {table}, but the loader's list of programs puts nothing into it"
                )
            })?;
            for target in targets {
                let found = frames
                    .get(target)
                    .with_context(|| format!("the object has no program {target} for {table}"))?;
                if behind.insert(target) {
                    next.extend(&found.tables);
                }
            }
        }
        let depth = |target: &&String| frames.get(*target).map_or(0, |frame| frame.depth);
        let deepest = behind.into_iter().max_by_key(depth);
        let needed = deepest.as_ref().map_or(0, depth);
        ensure!(
            frame.depth >= needed,
            "{name} uses {} bytes of stack and jumps to {}, which uses {needed}: on some kernels both share the first one's; let \
             {name} claim as much (edge-ebpf/src/stack.rs)",
            frame.depth,
            deepest.map_or("nothing", String::as_str)
        );
        told.push(format!("{name} claims {} bytes of stack, {needed} needed", frame.depth));
    }
    ensure!(
        !told.is_empty() || tables.is_empty(),
        "the loader fills jump tables, but no program of the object jumps: its calls are not recognised"
    );
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &[u8] = include_bytes!("../../../edge-ebpf/dist/edge-ebpf.o");
    const LOADER: &str = include_str!("../../../edge-agent/src/load/program.rs");

    /// One instruction.
    fn step(op: u8, to: u8, from: u8, offset: i16, value: i32) -> Vec<u8> {
        [&[op, to | from << 4][..], &offset.to_le_bytes(), &value.to_le_bytes()].concat()
    }

    #[test]
    fn the_deepest_address_counts_however_it_is_made() {
        let none = BTreeMap::new();
        let depth = |steps: &[Vec<u8>]| frame(&steps.concat(), &none).depth;
        assert_eq!(depth(&[step(0x7b, 10, 1, -24, 0)]), 24, "stored through the frame pointer");
        assert_eq!(depth(&[step(MOVE, 2, 10, 0, 0), step(ADD, 2, 0, 0, -80)]), 80, "an address for a helper");
        let indirect = [step(MOVE, 2, 10, 0, 0), step(MOVE, 3, 2, 0, 0), step(0x7a, 3, 0, -8, 1)];
        assert_eq!(depth(&indirect), 8);
        let other = [step(MOVE, 2, 10, 0, 0), step(0xb7, 2, 0, 0, 5), step(0x7a, 2, 0, -400, 1)];
        assert_eq!(depth(&other), 0, "written again, it points elsewhere");
        assert_eq!(depth(&[step(0x15, 10, 1, -24, 0)]), 0, "a jump's offset is none");
    }

    #[test]
    fn tables_are_those_of_the_loader() {
        let text = "    SysEnter = \"sys_enter\", Hook::Entry;\n\
                    SysPaths = \"sys_paths\", Hook::Jump(Program::SysEnter, \"JUMPS\", 0);\n\
                    ExecActs = \"exec_acts\", Hook::Jump(Program::Exec, \"EXEC_JUMPS\", 1);\n";
        let tables = tables(text);
        assert_eq!(tables["JUMPS"], ["sys_paths"]);
        assert_eq!(tables["EXEC_JUMPS"], ["exec_acts"]);
    }

    #[test]
    fn the_committed_object_has_room_and_would_be_refused_without() {
        let (mut frames, tables) = (frames(OBJECT).unwrap(), tables(LOADER));
        let told = check(&frames, &tables).unwrap();
        assert!(told.iter().any(|line| line.starts_with("sys_enter claims ")), "{told:?}");
        assert!(told.iter().any(|line| line.starts_with("exec claims ")), "{told:?}");
        let needed = frames["sys_paths"].depth;
        assert!((64..=512).contains(&needed), "{needed}");
        frames.get_mut("sys_enter").unwrap().depth = 16;
        let error = check(&frames, &tables).unwrap_err().to_string();
        assert!(error.starts_with("sys_enter uses 16 bytes of stack and jumps to "), "{error}");
    }

    #[test]
    fn a_table_that_nobody_fills_and_a_program_that_is_not_there_are_told() {
        let jumps = |table: &str| Frame { depth: 512, tables: [table.to_owned()].into() };
        let frames = BTreeMap::from([("a".to_owned(), jumps("T"))]);
        assert!(check(&frames, &BTreeMap::new()).unwrap_err().to_string().contains("puts nothing into it"));
        let tables = BTreeMap::from([("T".to_owned(), vec!["b".to_owned()])]);
        assert!(check(&frames, &tables).unwrap_err().to_string().contains("no program b"));
        let idle = BTreeMap::from([("b".to_owned(), Frame::default())]);
        assert!(check(&idle, &tables).unwrap_err().to_string().contains("not recognised"));
    }
}
