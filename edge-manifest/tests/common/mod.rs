//! Manifests that several tests use.

use edge_manifest::{Digest, Found, Kind, Maker, Peer, TCP, UDP};

/// An entry's path and what lies there.
pub(crate) fn entry(path: &str, kind: Kind, content: &[u8]) -> (Vec<u8>, Found) {
    let found = match kind {
        Kind::Link => Found { kind, size: 0, digest: [0; 16] },
        _ => Found { kind, size: content.len() as u64, digest: Digest::of(content) },
    };
    (path.as_bytes().to_vec(), found)
}

/// A small gateway.
pub(crate) fn usual() -> Maker {
    let text = str::to_owned;
    Maker {
        image: text("gateway 2026.11"),
        file_systems: [("/", "squashfs"), ("/data", "ext4")]
            .map(|(mount, kind)| (text(mount), text(kind)))
            .into(),
        listens: [(TCP, 22, text("/usr/sbin/dropbear")), (UDP, 5353, String::new())].into(),
        peers: [
            Peer { protocol: TCP, port: 8883, address: [192, 0, 2, 0].into(), prefix: 24 },
            Peer { protocol: 0, port: 0, address: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0].into(), prefix: 32 },
        ]
        .into(),
        folder_links: [("/bin", "/usr/bin"), ("/lib", "/usr/lib")]
            .map(|(link, target)| (link.as_bytes().to_vec(), target.as_bytes().to_vec()))
            .into(),
        entries: [
            entry("/usr/bin/busybox", Kind::Program, b"\x7fELF busybox"),
            entry("/usr/bin/cat", Kind::Link, b""),
            entry("/usr/bin/env", Kind::Link, b""),
            entry("/usr/bin/gateway-\u{fc}", Kind::Script, b"#!/bin/sh\n"),
            entry("/usr/lib/modules/6.12.0/kernel/drivers/net/can/vcan.ko.xz", Kind::Module, &[7; 300]),
            entry("/usr/sbin/dropbear", Kind::Program, &[0x7f; 7_000]),
        ]
        .into(),
    }
}
