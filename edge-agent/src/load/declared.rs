//! Ports and peers that the image manifest states, as declarations of `new_egress`.

use std::net::IpAddr;
use std::path::Path;

use edge_abi::{Declared, Detector, egress_kind, exe_hash, program_id};
use edge_manifest::{Listen, Peer};

use crate::config::{Config, words};
use crate::manifest;

/// What the manifest declares; nothing without one that can be read, which `listed` tells of.
pub(super) fn declared(config: &Config) -> Vec<Declared> {
    let path = config.manifest.as_str();
    if path.is_empty() || !config.act(Detector::NewEgress).enabled {
        return Vec::new();
    }
    let sources = manifest::read(Path::new(path)).unwrap_or_default();
    let manifests = || sources.iter().filter_map(|source| source.manifest().ok());
    let listens = manifests().flat_map(|manifest| manifest.listens().map(of_listen).collect::<Vec<_>>());
    let peers = manifests().flat_map(|manifest| manifest.peers().map(of_peer).collect::<Vec<_>>());
    let mut all = Vec::new();
    for declared in listens.chain(peers) {
        if !all.contains(&declared) {
            all.push(declared);
        }
    }
    all
}

/// A listening port.
fn of_listen(listen: Listen<'_>) -> Declared {
    let program = match listen.program {
        "" => 0,
        path => program_id(exe_hash(path.as_bytes())),
    };
    let Listen { protocol, port, .. } = listen;
    Declared { program, port, protocol, kind: egress_kind::LISTENER, ..Declared::default() }
}

/// A peer, for every program.
fn of_peer(peer: Peer) -> Declared {
    let bits = u32::from(peer.prefix);
    let (kind, network, mask) = match peer.address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
            (egress_kind::IPV4, [address.to_bits().to_be(), 0, 0, 0], [mask.to_be(), 0, 0, 0])
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0);
            (egress_kind::IPV6, words(address.to_bits()), words(mask))
        }
    };
    Declared { program: 0, port: peer.port, protocol: peer.protocol, kind, network, mask }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_declares_what_a_configuration_would() {
        let source = "[detectors.new_egress]\ndeclare = [\"tcp 10.1.0.0/16:8883\", \"any [2001:db8::/32]:*\", \"udp 192.0.2.7:53\"]\n";
        let config = Config::parse(source.as_bytes(), "f").unwrap();
        let peer = |protocol, address: &str, prefix, port| {
            of_peer(Peer { protocol, port, address: address.parse().unwrap(), prefix })
        };
        let peers =
            [peer(6, "10.1.0.0", 16, 8883), peer(0, "2001:db8::", 32, 0), peer(17, "192.0.2.7", 32, 53)];
        assert_eq!(config.egress.declare.as_slice(), peers);
        assert_eq!(peer(6, "0.0.0.0", 0, 1).mask, [0; 4]);
    }

    #[test]
    fn a_listener_may_be_one_programs_alone() {
        let any = of_listen(Listen { protocol: 6, port: 22, program: "" });
        assert_eq!((any.program, any.port, any.protocol, any.kind), (0, 22, 6, egress_kind::LISTENER));
        let own = of_listen(Listen { protocol: 17, port: 53, program: "/usr/sbin/dnsmasq" });
        assert_eq!(own.program, program_id(exe_hash(b"/usr/sbin/dnsmasq")));
    }
}
