//! `lateral_scan` in a guest: scans and guesses are caught, and refused when policy says so; a configuration push is
//! left alone.

use crate::deed::{caught_anyhow, has_reason};
use crate::scene::{Policy, SOON, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "lateral_scan";
/// Distinct destinations that make a finding: the default of `detectors.lateral_scan.hosts`.
const HOSTS: u64 = 12;
/// Tries that make a finding: the default of `detectors.lateral_scan.tries`.
const TRIES: u64 = 40;

/// Scans over TCP and UDP, IPv4 and IPv6, and guessing at one port, are each reported under observe and not hindered.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run("ip -6 route replace local fd00:ed9e::/64 dev lo", SOON)?;
    let attacks = [
        "scan --port 23 --hosts 30",
        "scan --port 23 --hosts 30 --udp",
        "scan --port 22 --hosts 30 --net fd00:ed9e::",
        "guess --port 22 --tries 60",
    ];
    let mut measured = Vec::new();
    for attack in attacks {
        let mark = scene.watch.mark();
        let emulation = scene.emulate(attack)?;
        if emulation.count("denied")? != 0 {
            return Err(format!("{attack}: denied although the agent was to observe").into());
        }
        let verdict =
            scene.verdict_on(mark, NAME, &emulation).map_err(|error| format!("{attack}: {error}"))?;
        let counts = (said::evidence(&verdict, "hosts")?, said::evidence(&verdict, "tries")?);
        // The bitmap of destinations may take two for one, so it may need a try or two more than the threshold.
        let expected = if attack.starts_with("guess") {
            counts.0 == 1 && counts.1 == TRIES
        } else {
            counts.0 == HOSTS && (HOSTS..=HOSTS + 2).contains(&counts.1)
        };
        if !expected {
            return Err(format!("{attack}: verdict at {} hosts and {} tries", counts.0, counts.1).into());
        }
        let after_us = said::event_ns(&verdict)?.saturating_sub(emulation.start_ns) / 1000;
        measured.push(format!("{} {after_us} us", said::technique(&verdict).unwrap_or("?")));
    }
    Ok(Some(format!("verdicts after {}", measured.join(", "))))
}

/// Under enforce, a scan gets no further than the threshold, and other processes still connect.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let mark = scene.watch.mark();
    let emulation = scene.emulate("scan --port 23 --hosts 40")?;
    let (refused, denied) = (emulation.count("refused")?, emulation.count("denied")?);
    // The try that reaches the threshold is itself denied.
    if refused + denied != 40 || !(HOSTS - 1..=HOSTS + 1).contains(&refused) {
        return Err(format!("{refused} tries went out and {denied} were denied of 40").into());
    }
    let verdict = scene.verdict_on(mark, NAME, &emulation)?;
    if said::disposition(&verdict) != Some("denied") {
        return Err(format!("disposition is {:?}", said::disposition(&verdict)).into());
    }
    let other = scene.emulate("config-push --port 22 --hosts 5")?;
    if other.count("denied")? != 0 {
        return Err("another process was denied too".into());
    }
    Ok(Some(format!("{refused} tries went out, {denied} were denied")))
}

/// A configuration tool that opens a few connections, and a client of many hosts on a port where nobody logs in.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    scene.emulate("config-push --port 22 --hosts 5")?;
    scene.emulate("scan --port 443 --hosts 60")?;
    scene.quiet(mark)?;
    Ok(None)
}

/// A child process per host: none of them does anything remarkable, their origin does. Hosts nobody has tried before, since what earlier
/// cases tried still counts for the origin that they share.
pub(crate) fn spread_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for (act, protocol) in [
        ("lateral_scan.spread --net 127.0.9.0 --port 23 --hosts 60", 6),
        ("lateral_scan.udp_spread --net 127.0.10.0 --port 22 --hosts 60", 17),
    ] {
        let verdict = caught_anyhow(scene, NAME, act)?;
        has_reason(&verdict, "spread_work").map_err(|error| format!("{act}: {error}"))?;
        let (hosts, seen) =
            (said::evidence(&verdict, "hosts")?, verdict.at("/evidences/0/connection_info/protocol_num"));
        if hosts < HOSTS || seen != protocol {
            return Err(format!("{act}: {hosts} hosts by protocol {seen}: {}", verdict.json).into());
        }
    }
    Ok(None)
}
