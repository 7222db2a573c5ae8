//! BTF made by hand: every shape of struct that kernels use, and every way to be wrong.

mod maker;

use edge_btf::{Btf, BtfError, Member, Wanted};
use maker::{Maker, kernel};
use proptest::prelude::*;

const WANTED: Wanted<'static, 'static> = Wanted {
    members: &[
        ("inode", "i_ino"),
        ("inode", "i_mode"),
        ("inode", "i_nlink"),
        ("inode", "flag"),
        ("dentry", "d_name.len"),
        ("dentry", "d_name.name"),
        ("dentry", "d_name.name.len"),
        ("task_struct", "comm"),
        ("twice", "field"),
        ("circle", "field"),
        ("absent", "field"),
    ],
    functions: &["bpf_lsm_file_open", "many"],
};

fn scan(bytes: &[u8]) -> Result<Btf<'static, &[u8]>, BtfError> {
    Btf::scan(bytes, &WANTED)
}

#[test]
fn members_are_found_through_unnamed_and_named_parts() {
    let bytes = kernel();
    let mut btf = scan(&bytes).unwrap();
    let mut member = |structure, way| btf.member(structure, way).unwrap();
    let plain = |offset, bytes| Some(Member { offset, bytes, pointer: false });
    assert_eq!(member("inode", "i_mode"), plain(0, 2));
    assert_eq!(member("inode", "i_ino"), plain(8, 8));
    assert_eq!(member("inode", "i_nlink"), plain(16, 4), "in an unnamed union");
    assert_eq!(member("inode", "flag"), None, "a bit field has no byte of its own");
    assert_eq!(member("dentry", "d_name.len"), plain(28, 4), "in an unnamed struct of an unnamed union");
    assert_eq!(member("dentry", "d_name.name"), Some(Member { offset: 32, bytes: 0, pointer: true }));
    assert_eq!(member("dentry", "d_name.name.len"), None, "pointers are not followed");
    assert_eq!(member("task_struct", "comm"), plain(4, 16));
    assert_eq!(member("twice", "field"), None, "two definitions that differ");
    assert_eq!(member("absent", "field"), None);
    assert_eq!(member("inode", "i_unasked"), None);
    assert_eq!(btf.size("inode"), Ok(Some(24)));
}

#[test]
fn functions_have_ids_and_prototypes() {
    let bytes = kernel();
    let mut btf = scan(&bytes).unwrap();
    assert!(btf.function("bpf_lsm_file_open").is_some());
    assert_eq!(btf.function("many"), None, "of two by one name neither is right");
    assert_eq!(
        btf.prototype("bpf_lsm_file_open").unwrap().as_deref(),
        Some("unsigned int (const struct inode *file, umode_t mode, void **data, ...)")
    );
}

#[test]
fn a_circle_of_types_ends_in_an_error() {
    let bytes = kernel();
    let error = scan(&bytes).unwrap().member("circle", "field").unwrap_err();
    assert!(matches!(error, BtfError::Depth { limit: 32, .. }), "{error}");
}

#[test]
fn the_other_byte_order_and_other_formats_are_refused() {
    let mut bytes = kernel();
    bytes.swap(0, 1);
    assert_eq!(scan(&bytes).unwrap_err(), BtfError::OtherByteOrder);
    bytes[0] = 0;
    assert!(matches!(scan(&bytes).unwrap_err(), BtfError::Magic { .. }));
    let mut bytes = kernel();
    bytes[2] = 2;
    assert_eq!(scan(&bytes).unwrap_err().to_string(), "version is 2, 1 is known");
    assert!(scan(&[]).is_err());
}

#[test]
fn what_does_not_fit_is_named_with_its_limit() {
    let size = kernel().len();
    let with = |at: usize, value: u32| {
        let mut bytes = kernel();
        bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        scan(&bytes).unwrap_err().to_string()
    };
    assert_eq!(with(4, 23), "header length at byte 0 needs 24 bytes, but ends at byte 23");
    assert_eq!(with(4, 5000), "header length at byte 4 is 5000, at most 4096 is possible");
    assert!(
        with(12, 1 << 20).starts_with("end of types at byte 8 is 1048600, at most"),
        "{}",
        with(12, 1 << 20)
    );
    assert!(with(20, u32::MAX).contains(&format!("at most {size} is possible")));
    // The first type: an integer with 4 bytes behind it.
    assert!(with(24, 1 << 30).starts_with("name of a type at byte 24 is 1073741824"));
    assert_eq!(with(28, 20 << 24), "kind of a type at byte 28 is 20, at most 19 is possible");
    assert_eq!(with(28, 0), "kind of a type at byte 28 is 0, at most 19 is possible");
    assert!(with(28, 4 << 24 | 0xff_ffff).starts_with("elements of a type at byte 36 needs 201326580 bytes"));
}

#[test]
fn newer_kinds_are_passed_where_the_layout_is_stated() {
    let mut maker = Maker::default();
    let name = maker.text("new");
    maker.raw(&[name, 20 << 24 | 2, 0, 1, 2, 3, 4, 5]);
    let int = maker.int("int", 4);
    maker.structure("absent", 4, &[("field", int, 0)]);
    let plain = maker.bytes();
    assert!(scan(&plain).is_err(), "nothing says how long it is");
    let bytes = maker.bytes_with_layout(&[(4, 8)]);
    let found = scan(&bytes).unwrap().member("absent", "field").unwrap();
    assert_eq!(found, Some(Member { offset: 0, bytes: 4, pointer: false }));
}

/// Asks everything; nothing may panic, and what is answered was read from the bytes.
fn ask(bytes: &[u8]) {
    let Ok(mut btf) = scan(bytes) else { return };
    for (structure, way) in WANTED.members {
        let _ = btf.member(structure, way);
        let _ = btf.size(structure);
    }
    for function in WANTED.functions {
        let _ = btf.prototype(function);
    }
}

#[test]
fn every_truncation_is_an_error_or_an_answer() {
    let bytes = kernel();
    for length in 0..bytes.len() {
        ask(&bytes[..length]);
    }
    assert!(scan(&bytes[..bytes.len() - 1]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn damage_never_panics(changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12)) {
        let mut bytes = kernel();
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        ask(&bytes);
    }

    #[test]
    fn words_never_panic(changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u32>(), 0..32_u32), 1..6)) {
        let mut bytes = kernel();
        for (index, value, shift) in changes {
            let at = index.index(bytes.len() / 4) * 4;
            bytes[at..at + 4].copy_from_slice(&(value >> shift).to_ne_bytes());
        }
        ask(&bytes);
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..256)) {
        let mut bytes = kernel();
        bytes.truncate(24);
        bytes.extend(noise);
        ask(&bytes);
    }
}
