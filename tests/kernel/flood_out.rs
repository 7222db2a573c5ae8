//! `flood_out` in a guest: datagrams as fast as they go are reported, and dropped from the ceiling on when policy says so; a trickle
//! is left alone.

use crate::deed::{books, caught, ended, quiet};
use crate::scene::{Policy, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "flood_out";
/// Packets in a second that make a finding, as the scene configures it: a guest under emulation does not reach the default.
pub(crate) const PACKETS: u64 = 400;

/// Packets beyond the ceiling, with where they go.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let (emulation, verdict) = caught(scene, NAME, "flood_out.udp --port 9 --count 6000", "packets")?;
    if emulation.count("denied")? != 0 {
        return Err("denied although the agent was to observe".into());
    }
    let (count, rate) = (said::evidence(&verdict, "count")?, said::evidence(&verdict, "value")?);
    if count < PACKETS || rate < PACKETS {
        return Err(format!("verdict at {count} packets, {rate} a second: {}", verdict.json).into());
    }
    let endpoint = verdict.at("/evidences/0/dst_endpoint");
    if endpoint["ip"] != "127.0.0.1" || endpoint["port"] != 9 {
        return Err(format!("packets went to {endpoint}").into());
    }
    Ok(Some(format!("verdict at {rate} packets a second")))
}

/// Each child stays below the ceiling of a process, all together are above that of an origin.
pub(crate) fn children_caught(scene: &mut Scene) -> Outcome {
    /// Marks evidence that was counted for a whole origin.
    const ORIGIN: u64 = 8;
    scene.agent(Policy::Observe)?;
    let (_, verdict) = scene.act("flood_out.children --count 19200 --children 64", NAME, "packets")?;
    let (flags, count) = (said::evidence(&verdict, "flags")?, said::evidence(&verdict, "count")?);
    if flags & ORIGIN == 0 || count < 3 * PACKETS {
        return Err(format!("not told of the origin: {}", verdict.json).into());
    }
    Ok(Some(format!("verdict at {count} packets of 64 processes")))
}

/// A trickle of datagrams.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(scene, &["flood_out.benign_slow"])?;
    Ok(None)
}

/// Under enforce, what is beyond the ceiling does not leave, and others still send.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = caught(scene, NAME, "flood_out.udp --port 9 --count 3000", "packets")?;
    ended(&verdict, "denied")?;
    let (sent, denied) = (emulation.count("done")?, emulation.count("denied")?);
    if denied == 0 || sent + denied != 3000 {
        return Err(format!("{sent} were sent and {denied} dropped of 3000").into());
    }
    if scene.emulate("act flood_out.benign_slow")?.count("denied")? != 0 {
        return Err("another process was stopped too".into());
    }
    books(scene)?;
    Ok(Some(format!("{denied} of 3000 dropped")))
}
