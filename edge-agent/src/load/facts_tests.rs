//! Tests of [`super`].

use super::*;
use bytemuck::Zeroable as _;

/// Places as they could be in a kernel, distinct but for what must agree.
fn places() -> Places {
    let mut places = Places::default();
    for (slot, place) in places.offsets.iter_mut().zip(1..).take(Offset::ALL.len()) {
        *slot = place * 8 + 1;
    }
    for (member, place) in [
        (Offset::IattrValid, 0),
        (Offset::IattrMode, 4),
        (Offset::IattrSize, 16),
        (Offset::FilePath, 64),
        (Offset::PathMnt, 0),
        (Offset::PathDentry, 8),
        (Offset::FileMnt, 64),
        (Offset::FileDentry, 72),
        (Offset::DentryName, 32),
        (Offset::DentryNameLen, 36),
        (Offset::DentryNameText, 40),
    ] {
        places.offsets[member.slot()] = place + 1;
    }
    places
}

#[test]
fn layouts_that_cannot_be_are_found_without_reading() {
    let sane = places();
    let mut known = Known::new(&sane);
    known.of_layouts();
    assert_eq!(broken(&known.facts), None);
    for member in [
        Offset::IattrValid,
        Offset::IattrMode,
        Offset::IattrSize,
        Offset::FilePath,
        Offset::PathMnt,
        Offset::PathDentry,
        Offset::FileDentry,
        Offset::FileMnt,
        Offset::DentryName,
        Offset::DentryNameLen,
        Offset::DentryNameText,
    ] {
        let mut wrong = sane;
        wrong.offsets[member.slot()] += 8;
        let mut known = Known::new(&wrong);
        known.of_layouts();
        assert!(broken(&known.facts).is_some(), "{member:?}");
    }
    let mut wrong = sane;
    wrong.offsets[Offset::BprmFile.slot()] = wrong.offsets[Offset::BprmCred.slot()] + 4;
    let mut known = Known::new(&wrong);
    known.of_layouts();
    assert_eq!(broken(&known.facts).map(|fact| fact.name.as_str()), Some("execution: pointers apart"));
}

/// A kernel side that reads nothing right is found out in every fact about processes and files that is not zero by itself, and
/// every needed member stands behind a fact.
#[test]
fn every_needed_member_is_tried() {
    let places = places();
    let mut known = Known::new(&places);
    let (facts, files) = (Facts::zeroed(), Files::open().unwrap());
    known.of_layouts();
    known.of_process(&facts).unwrap();
    known.of_files(&facts, &files).unwrap();
    let before = known.facts.len();
    known.of_untried();
    assert_eq!(known.facts.len(), before, "{:?}", known.facts.last());
    for name in
        ["process: id", "process: start", "file: inode", "folder: name", "device: number of the device"]
    {
        assert!(known.facts.iter().any(|fact| fact.name == name && !fact.holds()), "{name}");
    }
    let mut fewer = places;
    fewer.offsets[Offset::InodeIno.slot()] = 0;
    let mut known = Known::new(&fewer);
    known.of_files(&facts, &files).unwrap();
    known.of_untried();
    assert!(broken(&known.facts[known.facts.len() - 1..]).is_some(), "what is not there cannot be tried");
}

#[test]
fn devices_are_numbered_as_the_kernel_does() {
    // /dev/null is 1:3 everywhere.
    assert_eq!(kernel_device(fs::metadata("/dev/null").unwrap().rdev()), 1 << 20 | 3);
}
