//! Declarations of `new_egress`: `tcp 10.0.0.0/8:8883`, `udp *:123 /usr/sbin/ntpd`, `any [2001:db8::/32]:*`.

use core::net::{Ipv4Addr, Ipv6Addr};

use edge_abi::{Declared, ENDPOINT_TCP, ENDPOINT_UDP, egress_kind, exe_hash, program_id};

use super::ranges;
use super::types::PROGRAM_BYTES;
use super::value::is_path;

/// What a declaration looks like, for messages.
pub(super) const FORM: &str = "\"tcp|udp|any NETWORK:PORT [PROGRAM]\", NETWORK an address, address/bits, [IPv6/bits] or *, PORT a number or *";

/// Reads one declaration.
pub(super) fn declared(text: &str) -> Option<Declared> {
    let mut words = text.split(' ');
    let protocol = match words.next()? {
        "any" => 0,
        "tcp" => ENDPOINT_TCP,
        "udp" => ENDPOINT_UDP,
        _ => return None,
    };
    let (network, port) = words.next()?.rsplit_once(':')?;
    let port = match port {
        "*" => 0,
        number => plain(number).filter(|port| ranges::PORT.contains(port))?,
    };
    let program = match words.next() {
        None => 0,
        Some(path) if path.len() <= PROGRAM_BYTES && is_path(path) => program_id(exe_hash(path.as_bytes())),
        Some(_) => return None,
    };
    if words.next().is_some() {
        return None;
    }
    let (kind, network, mask) = place(network)?;
    Some(Declared { program, port, protocol, kind, network, mask })
}

/// A listening port of either protocol, for every program.
pub(crate) fn listener(port: u16) -> Declared {
    Declared { port, kind: egress_kind::LISTENER, ..Declared::default() }
}

/// Family, network and mask, in network order.
fn place(text: &str) -> Option<(u8, [u32; 4], [u32; 4])> {
    if text == "*" {
        return Some((egress_kind::ANYWHERE, [0; 4], [0; 4]));
    }
    if let Some(six) = text.strip_prefix('[') {
        let (address, bits) = split(six.strip_suffix(']')?, 128)?;
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        let network = address.parse::<Ipv6Addr>().ok()?.to_bits();
        // Bits behind the mask are a mistake: another network was meant, or another length.
        return (network & !mask == 0).then(|| (egress_kind::IPV6, words(network), words(mask)));
    }
    let (address, bits) = split(text, 32)?;
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    let network = address.parse::<Ipv4Addr>().ok()?.to_bits();
    (network & !mask == 0).then(|| (egress_kind::IPV4, [network.to_be(), 0, 0, 0], [mask.to_be(), 0, 0, 0]))
}

/// An address and how many of its bits count, `most` where it does not say.
fn split(text: &str, most: u32) -> Option<(&str, u32)> {
    let Some((address, bits)) = text.split_once('/') else { return Some((text, most)) };
    Some((address, u32::from(plain(bits).filter(|bits| u32::from(*bits) <= most)?)))
}

/// A decimal number without sign.
fn plain(digits: &str) -> Option<u16> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// An IPv6 address as four words in network order.
pub(crate) fn words(address: u128) -> [u32; 4] {
    [address >> 96, address >> 64, address >> 32, address].map(|word| (word as u32).to_be())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_ports_and_programs_are_read() {
        let broker = declared("tcp 10.0.0.0/8:8883").unwrap();
        assert_eq!((broker.kind, broker.port, broker.protocol, broker.program), (4, 8883, 6, 0));
        assert_eq!(broker.network[0].to_ne_bytes(), [10, 0, 0, 0]);
        assert_eq!(broker.mask[0].to_ne_bytes(), [255, 0, 0, 0]);
        let time = declared("udp *:123 /usr/sbin/ntpd").unwrap();
        assert_eq!((time.kind, time.program), (egress_kind::ANYWHERE, program_id(exe_hash(b"/sbin/ntpd"))));
        let six = declared("any [2001:db8::/32]:*").unwrap();
        assert_eq!((six.kind, six.port, six.protocol), (6, 0, 0));
        assert_eq!(six.network[0].to_ne_bytes(), [0x20, 0x01, 0x0d, 0xb8]);
        assert_eq!(six.mask.map(u32::to_ne_bytes), [[255; 4], [0; 4], [0; 4], [0; 4]]);
        assert_eq!(declared("tcp 10.1.2.3:22").unwrap().mask[0], u32::MAX, "one host");
        assert_eq!(declared("tcp 0.0.0.0/0:22").unwrap().mask[0], 0, "all of IPv4, not of IPv6");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for wrong in [
            "",
            "tcp",
            "tcp 10.0.0.1",
            "icmp 10.0.0.1:1",
            "tcp 10.0.0.1:0",
            "tcp 10.0.0.1:65536",
            "tcp 10.0.0.1:+1",
            "tcp 10.0.0.1/8:1",
            "tcp 10.0.0.0/33:1",
            "tcp 10.0.0.0/:1",
            "tcp 2001:db8::1:443",
            "tcp [2001:db8::1:443",
            "tcp [10.0.0.1]:1",
            "tcp [2001:db8::/129]:1",
            "tcp broker.example.org:8883",
            "tcp  10.0.0.1:1",
            "tcp 10.0.0.1:1 ntpd",
            "tcp 10.0.0.1:1 /usr/sbin/ntpd more",
            "TCP 10.0.0.1:1",
        ] {
            assert_eq!(declared(wrong), None, "{wrong:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(tcp|udp|any) ?\\PC{0,40}") {
            let _ = declared(&text);
        }
    }
}
