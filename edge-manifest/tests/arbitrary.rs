//! Whatever the bytes are, the reader says yes or no; and what was written is read.

use edge_manifest::{Digest, Found, Kind, Maker, Manifest, Peer, TCP, UDP};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

mod common;

/// A path, often with much in common with others.
fn path() -> impl Strategy<Value = Vec<u8>> {
    let component = prop_oneof![
        select(&["usr", "bin", "busybox", "lib", "a", "ab"][..]).prop_map(|text| text.as_bytes().to_vec()),
        vec(1_u8.., 1..20),
    ];
    vec(component, 1..6)
        .prop_map(|parts| parts.iter().fold(Vec::new(), |path, part| [&path[..], b"/", part].concat()))
        .prop_filter("paths only", |path| edge_manifest::check_path(path).is_ok())
}

/// What lies at a path.
fn found() -> impl Strategy<Value = Found> {
    (select(&[Kind::Program, Kind::Script, Kind::Module, Kind::Link][..]), any::<u64>(), any::<[u8; 16]>())
        .prop_map(|(kind, size, digest)| match kind {
            Kind::Link => Found { kind, size: 0, digest: [0; 16] },
            _ => Found { kind, size, digest },
        })
}

prop_compose! {
    fn maker()(
        image in "\\PC{0,16}",
        file_systems in btree_map("(/[a-z]{1,4}){1,3}", "[a-z0-9]{1,8}", 0..4),
        listens in btree_set((select(&[TCP, UDP][..]), 1_u16.., prop_oneof![Just(String::new()), Just("/x".to_owned())]), 0..4),
        peers in btree_set((select(&[0, TCP, UDP][..]), any::<u16>(), any::<std::net::IpAddr>(), 0_u8..=32), 0..4),
        folder_links in btree_map(path(), path(), 0..4),
        entries in btree_map(path(), found(), 0..60),
    ) -> Maker {
        let peers = peers.into_iter().map(|(protocol, port, address, prefix)| Peer { protocol, port, address, prefix }.plain());
        Maker { image, file_systems, listens, peers: peers.collect(), folder_links, entries }
    }
}

/// Asks everything there is to ask.
fn ask(manifest: &Manifest<'_>) -> usize {
    let mut entries = manifest.entries();
    let mut count = manifest.file_systems().count() + manifest.listens().count() + manifest.peers().count();
    while let Some(entry) = entries.next() {
        assert_eq!(manifest.find(entry.path).map(|found| found.digest), Some(entry.digest));
        count += 1;
    }
    assert_eq!(entries.left(), 0);
    count + manifest.folder_links().count()
}

proptest! {
    #[test]
    fn what_was_written_is_read(maker in maker(), other in path()) {
        let bytes = maker.encode().unwrap();
        let manifest = Manifest::parse(&bytes).unwrap();
        prop_assert_eq!(&Maker::of(&manifest), &maker);
        ask(&manifest);
        for path in maker.entries.keys().chain([&other]) {
            prop_assert_eq!(manifest.find(path), maker.entries.get(path).copied());
            let shorter = &path[..path.len() - 1];
            prop_assert_eq!(manifest.find(shorter), maker.entries.get(shorter).copied());
        }
    }

    #[test]
    fn any_other_bytes_are_refused(maker in maker(), place in any::<prop::sample::Index>(), change in 1_u8..) {
        let mut bytes = maker.encode().unwrap();
        let at = place.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(Manifest::parse(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(Manifest::parse(&bytes).is_err());
        // Behind a right head and seal, the fields themselves are looked at.
        let mut sealed = [&b"EDGM\x01"[..], &bytes].concat();
        sealed.extend(Digest::of(&sealed));
        if let Ok(manifest) = Manifest::parse(&sealed) {
            ask(&manifest);
        }
    }

    #[test]
    fn changed_and_sealed_again_it_is_refused_or_another(
        maker in maker(), place in any::<prop::sample::Index>(), change in 1_u8..,
    ) {
        let mut bytes = maker.encode().unwrap();
        let seal = bytes.len() - 16;
        let at = place.index(seal);
        bytes[at] ^= change;
        let new = Digest::of(&bytes[..seal]);
        bytes[seal..].copy_from_slice(&new);
        if let Ok(manifest) = Manifest::parse(&bytes) {
            ask(&manifest);
            // One encoding each: what is read is written as the same bytes.
            let again = Maker::of(&manifest);
            prop_assert_ne!(&again, &maker);
        }
    }
}

#[test]
fn golden_bytes_with_any_bit_changed_and_sealed_again_never_panic() {
    let bytes = common::usual().encode().unwrap();
    let (mut taken, seal) = (0, bytes.len() - 16);
    for at in 0..seal {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let new = Digest::of(&changed[..seal]);
            changed[seal..].copy_from_slice(&new);
            if let Ok(manifest) = Manifest::parse(&changed) {
                ask(&manifest);
                taken += 1;
            }
        }
    }
    assert!(taken > 500, "digests and letters of paths can be any: {taken}");
}
