//! Every limit of the format is kept: the last value that fits is taken, the next is refused by its name. The bytes are sealed, so that what is
//! refused is not merely damaged.

#![expect(clippy::unwrap_used, reason = "a failed assertion is a test's product")]

use edge_manifest::{Digest, Error, Found, Kind, Maker, Manifest, Peer, TCP};

/// The error of these bytes behind magic and version, sealed.
fn refused(body: &[u8]) -> Error {
    let mut bytes = [&b"EDGM\x01"[..], body].concat();
    bytes.extend(Digest::of(&bytes));
    Manifest::parse(&bytes).unwrap_err()
}

/// Adds item so-and-so.
type Add = fn(&mut Maker, usize);

/// What an entry needs besides its path.
const PROGRAM: Found = Found { kind: Kind::Program, size: 1, digest: [1; 16] };

#[test]
fn numbers_of_items_are_limited() {
    let cases: [(&str, usize, Add); 5] = [
        ("file systems", 32, |maker, n| _ = maker.file_systems.insert(format!("/{n}"), "ext4".into())),
        ("listening ports", 64, |maker, n| _ = maker.listens.insert((TCP, n as u16 + 1, String::new()))),
        ("peers", 64, |maker, n| {
            let address = [192, 0, 2, n as u8].into();
            _ = maker.peers.insert(Peer { protocol: TCP, port: 1, address, prefix: 32 });
        }),
        ("folder links", 32, |maker, n| {
            _ = maker.folder_links.insert(format!("/{n}").into(), b"/usr".to_vec());
        }),
        ("entries", 8192, |maker, n| _ = maker.entries.insert(format!("/{n}").into(), PROGRAM)),
    ];
    for (name, limit, add) in cases {
        let mut maker = Maker::default();
        (0..limit).for_each(|n| add(&mut maker, n));
        assert!(maker.encode().is_ok(), "{limit} {name}");
        add(&mut maker, limit);
        let error = maker.encode().unwrap_err();
        assert!(
            matches!(error, Error::Field { value, limit: most, .. } if value == limit as u64 + 1 && most == limit as u64)
        );
        assert!(error.to_string().starts_with(&format!("number of {name} at byte ")), "{error}");
    }
}

#[test]
fn lengths_are_limited() {
    let mut maker = Maker { image: "i".repeat(64), ..Maker::default() };
    maker.file_systems.insert("/".into(), "t".repeat(32));
    maker.entries.insert(format!("/{}", "p".repeat(254)).into(), PROGRAM);
    assert!(maker.encode().is_ok());
    let longer = Maker { image: "i".repeat(65), ..maker.clone() };
    assert_eq!(
        longer.encode().unwrap_err().to_string(),
        "name of the image at byte 5 is 65, at most 64 is possible"
    );
    let mut longer = maker.clone();
    longer.file_systems.insert("/".into(), "t".repeat(33));
    assert!(matches!(longer.encode(), Err(Error::Field { value: 33, limit: 32, .. })));
    let mut longer = maker.clone();
    longer.entries.insert(format!("/{}", "q".repeat(255)).into(), PROGRAM);
    assert!(matches!(
        longer.encode(),
        Err(Error::Field { field: "bytes of a path", value: 255, limit: 254, .. })
    ));
}

#[test]
fn a_manifest_is_at_most_512_kib() {
    let mut maker = Maker::default();
    let path = |n: usize| format!("/{n:0>4}{}", "p".repeat(200)).into_bytes();
    let mut last = 0;
    let error = (0..8192).step_by(64).find_map(|block| {
        (block..block + 64).for_each(|n| _ = maker.entries.insert(path(n), PROGRAM));
        match maker.encode() {
            Ok(bytes) => {
                last = bytes.len();
                None
            }
            Err(error) => Some(error),
        }
    });
    assert!(last <= 512 * 1024 && last > 490 * 1024, "{last}");
    assert!(matches!(error, Some(Error::Size { limit: 524_288, .. })), "{error:?}");
}

#[test]
fn what_no_field_can_hold_is_refused_by_name() {
    for (body, text) in [
        (
            &b"\x00\x01\x04/sys\x00\x00\x00\x00\x00"[..],
            "type of a file system at byte 12 is 0, known is a text",
        ),
        (b"\x00\x01\x03sys\x01x\x00\x00\x00\x00", "mount point at byte 7 is not absolute"),
        (b"\x01\xff\x00\x00\x00\x00\x00", "name of the image at byte 6 is not UTF-8"),
        (
            b"\x00\x00\x01\x07\x16\x00\x00\x00\x00\x00",
            "protocol of a listening port at byte 8 is 7, known is 6, 17",
        ),
        (b"\x00\x00\x01\x06\x00\x00\x00\x00\x00\x00", "listening port at byte 9 is 0, known is 1 to 65535"),
        (
            b"\x00\x00\x01\x06\x16\x00\x02/.\x00\x00\x00",
            "program of a listening port at byte 11 has a component .",
        ),
        (b"\x00\x00\x00\x01\x05\x00\x00\x04\x00", "protocol of a peer at byte 9 is 5, known is 0, 6, 17"),
        (b"\x00\x00\x00\x01\x00\x00\x00\x05\x00", "family of a peer at byte 12 is 5, known is 4, 6"),
        (b"\x00\x00\x00\x01\x00\x00\x00\x04\x21aaaa", "prefix of a peer at byte 13 is 33, at most 32"),
        (
            b"\x00\x00\x00\x01\x00\x00\x00\x06\x81aaaabbbbccccdddd",
            "prefix of a peer at byte 13 is 129, at most 128",
        ),
        (
            b"\x00\x00\x00\x01\x00\x00\x00\x04\x08\x0a\x00\x00\x01\x00\x00",
            "bits of a peer's address behind its prefix at byte 14",
        ),
        (b"\x00\x00\x00\x00\x01\x01/", "folder link at byte 10 has an empty component"),
        (
            b"\x00\x00\x00\x00\x00\x01\x01\x01a\x04",
            "bytes shared with the path before at byte 11 is 1, at most 0",
        ),
        (b"\x00\x00\x00\x00\x00\x01\x00\x02/a\x05", "kind of an entry at byte 15 is 5, known is 1, 2, 3, 4"),
        (
            b"\x00\x00\x00\x00\x00\x01\x00\x02/a\x01\x80\x00",
            "size of an entry at byte 16 is not the shortest form",
        ),
        (
            b"\x00\x00\x00\x00\x00\x01\x00\x02/a\x01\x00abc",
            "digest of an entry at byte 17 needs 16 bytes, but ends at byte 20",
        ),
        (b"\x00\x00\x00\x00\x00\x01\x00\x03/a/\x04", "path of an entry at byte 11 has an empty component"),
        (b"\x00\x00\x00\x00\x00\x02\x00\x02/b\x04\x01\x01a\x04", "entry 1 at byte 16 does not come after"),
        (b"\x00\x00\x00\x00\x00\x02\x00\x02/b\x04\x02\x00\x04", "entry 1 at byte 16 does not come after"),
        (b"\x00\x00\x00\x00\x00\x02\x00\x02/b\x04\x01\x02bc\x04", "entry 1 at byte 16 does not come after"),
        (b"\x00\x02\x02/a\x01x\x02/a\x01y", "file system 1 at byte 12 does not come after"),
        (b"\x00\x00\x02\x06\x16\x00\x00\x06\x16\x00\x00", "listening port 1 at byte 12 does not come after"),
        (
            b"\x00\x00\x00\x02\x06\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00",
            "peer 1 at byte 18",
        ),
        (b"\x00\x00\x00\x00\x02\x02/a\x02/b\x02/a\x02/c", "folder link 1 at byte 16 does not come after"),
        (b"\x00\x00\x00\x00\x00\x00zz", "2 bytes at byte 11, after the last entry"),
        (b"\x00\x00\x00\x00\x00", "number of entries at byte 10 needs 1 bytes, but ends at byte 10"),
    ] {
        let error = refused(body).to_string();
        assert!(error.starts_with(text), "{error}\n  instead of {text}");
    }
    assert_eq!(
        Manifest::parse(b"EDGM").unwrap_err(),
        Error::Truncated { field: "version", at: 4, need: 1, end: 4 }
    );
    assert_eq!(Manifest::parse(b"EDGM\x02").unwrap_err(), Error::Version { value: 2, known: 1 });
    assert_eq!(Manifest::parse(b"\x7fELF").unwrap_err(), Error::Magic);
}

#[test]
fn a_peer_is_what_its_prefix_covers() {
    let peer =
        |text: &str, prefix| Peer { protocol: TCP, port: 8883, address: text.parse().unwrap(), prefix };
    let is = |peer: Peer, text: &str| peer.is(TCP, text.parse().unwrap(), 8883);
    assert!(is(peer("192.0.2.0", 24), "192.0.2.255") && !is(peer("192.0.2.0", 24), "192.0.3.0"));
    assert!(is(peer("0.0.0.0", 0), "203.0.113.9") && !is(peer("0.0.0.0", 0), "2001:db8::1"));
    assert!(is(peer("2001:db8::", 32), "2001:db8::1") && !is(peer("2001:db8::1", 128), "2001:db8::2"));
    assert!(!peer("192.0.2.0", 24).is(17, "192.0.2.1".parse().unwrap(), 8883));
    assert!(!peer("192.0.2.0", 24).is(TCP, "192.0.2.1".parse().unwrap(), 1883));
    assert_eq!(peer("192.0.2.77", 26).plain().address.to_string(), "192.0.2.64");
    assert_eq!(peer("2001:db8::77", 0).plain().address.to_string(), "::");
}
