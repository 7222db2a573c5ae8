//! Ports and peers, as they are written on the command line and shown.

use std::net::IpAddr;

use edge_manifest::{Peer, TCP, UDP, check_path};

/// A protocol by its name.
fn protocol(text: &str) -> Option<u8> {
    match text {
        "tcp" => Some(TCP),
        "udp" => Some(UDP),
        _ => None,
    }
}

/// The name of a protocol.
pub(super) const fn protocol_name(protocol: u8) -> &'static str {
    match protocol {
        TCP => "tcp",
        UDP => "udp",
        _ => "any",
    }
}

/// A port that is one.
fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

/// `tcp/22` or `tcp/22=/usr/sbin/dropbear`.
pub(super) fn listen(text: &str) -> Option<(u8, u16, String)> {
    let (place, program) = text.split_once('=').map_or((text, ""), |(place, program)| (place, program));
    let (name, number) = place.split_once('/')?;
    let fits = place.len() == text.len() || check_path(program.as_bytes()).is_ok();
    fits.then_some(())?;
    Some((protocol(name)?, port(number)?, program.to_owned()))
}

/// The text that [`listen`] reads.
pub(super) fn listen_text(protocol: u8, port: u16, program: &str) -> String {
    let name = protocol_name(protocol);
    if program.is_empty() {
        format!("{name}/{port}")
    } else {
        format!("{name}/{port}={}", super::shown(program.as_bytes()))
    }
}

/// `tcp/192.0.2.0/24/8883`, `udp/192.0.2.1/123` or `any/2001:db8::/32/any`.
pub(super) fn peer(text: &str) -> Option<Peer> {
    let any = |text: &str| text == "any";
    let mut parts = text.split('/');
    let (name, address) = (parts.next()?, parts.next()?);
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let (prefix, number) = match (parts.next()?, parts.next(), parts.next()) {
        (number, None, None) => (whole, number),
        (prefix, Some(number), None) => (prefix.parse().ok().filter(|prefix| *prefix <= whole)?, number),
        _ => return None,
    };
    let protocol = if any(name) { 0 } else { protocol(name)? };
    let port = if any(number) { 0 } else { port(number)? };
    Some(Peer { protocol, port, address, prefix }.plain())
}

/// The text that [`peer`] reads.
pub(super) fn peer_text(peer: &Peer) -> String {
    let Peer { protocol, port, address, prefix } = peer;
    let port = if *port == 0 { "any".to_owned() } else { port.to_string() };
    format!("{}/{address}/{prefix}/{port}", protocol_name(*protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_shown_as_it_was() {
        for text in ["tcp/22", "udp/5353", "tcp/22=/usr/sbin/dropbear"] {
            let (protocol, port, program) = listen(text).unwrap();
            assert_eq!(listen_text(protocol, port, &program), text);
        }
        for wrong in ["22", "tcp/0", "tcp/65536", "icmp/1", "any/22", "tcp/22=", "tcp/22=dropbear", "tcp/"] {
            assert_eq!(listen(wrong), None, "{wrong}");
        }
        for (text, shown) in [
            ("tcp/192.0.2.0/24/8883", "tcp/192.0.2.0/24/8883"),
            ("udp/192.0.2.7/123", "udp/192.0.2.7/32/123"),
            ("any/2001:db8::7/32/any", "any/2001:db8::/32/any"),
            ("tcp/0.0.0.0/0/443", "tcp/0.0.0.0/0/443"),
        ] {
            assert_eq!(peer(text).map(|peer| peer_text(&peer)).as_deref(), Some(shown));
        }
        for wrong in
            ["192.0.2.1", "tcp/192.0.2.1", "tcp/192.0.2.1/33/1", "tcp/gw/1", "tcp/::1/1/2/3", "x/::1/1"]
        {
            assert_eq!(peer(wrong), None, "{wrong}");
        }
    }
}
