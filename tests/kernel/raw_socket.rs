//! `raw_socket` in a guest: raw and packet sockets and filters are reported, raw ones refused when policy says so; ordinary sockets
//! are left alone.

use crate::deed::{books, caught, ended, has, quiet};
use crate::scene::{Policy, Scene};
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "raw_socket";

/// Each kind of socket by its reason, with its protocol.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let (emulation, verdict) = caught(scene, NAME, "raw_socket.icmp", "raw")?;
    has(&verdict, "value", 1)?;
    if emulation.count("denied")? != 0 {
        return Err("denied although the agent was to observe".into());
    }
    let (_, verdict) = caught(scene, NAME, "raw_socket.icmp6", "raw")?;
    has(&verdict, "value", 58)?;
    let (_, verdict) = caught(scene, NAME, "raw_socket.packet", "packet")?;
    has(&verdict, "value", 3)?;
    let (_, verdict) = caught(scene, NAME, "raw_socket.packet_dgram", "packet")?;
    ended(&verdict, "reported")?;
    Ok(None)
}

/// A filter is told when the socket is not a netlink one, which the agent looks at while the process is there.
pub(crate) fn filter_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let (_, verdict) = caught(scene, NAME, "raw_socket.filter_udp --stay-ms 1500", "socket_filter")?;
    // Not marked as unverified: the socket was there to be looked at.
    has(&verdict, "flags", 0)?;
    Ok(None)
}

/// Ordinary sockets.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(scene, &["raw_socket.benign_udp", "net_tamper.benign_route_dump"])?;
    Ok(None)
}

/// Under enforce a raw IP socket is refused, a packet socket where a security hook sees it; other processes still make theirs.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = caught(scene, NAME, "raw_socket.icmp", "raw")?;
    ended(&verdict, "denied")?;
    if emulation.count("denied")? != 1 {
        return Err("the socket was not refused".into());
    }
    let (_, verdict) = caught(scene, NAME, "raw_socket.packet", "packet")?;
    ended(&verdict, if scene.lsm { "denied" } else { "reported" })?;
    if scene.emulate("act raw_socket.benign_udp")?.count("denied")? != 0 {
        return Err("an ordinary socket was refused".into());
    }
    books(scene)?;
    Ok(None)
}
