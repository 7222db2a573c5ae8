//! `net_tamper` in a guest: rules flushed, replaced or made to drop or redirect everything, and a removed default route are reported, and
//! stopped when policy says so; looking at routes is left alone.

use crate::deed::{books, caught_anyhow, ended, has, has_reason, quiet};
use crate::scene::{Policy, SOON, Scene};
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "net_tamper";

/// Each way by its reason; the message type or the number of lost rules stands in `value`.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for (act, reason, value) in [
        ("net_tamper.nft_delete", "rules_removed", 0x0a02),
        ("net_tamper.nft_flush", "rules_removed", 0x0a08),
        ("net_tamper.nft_drop_rule", "drops_all", 0x0a06),
        ("net_tamper.nft_drop_policy", "drops_all", 0x0a03),
        ("net_tamper.nft_redirect", "redirects", 0x0a06),
        ("net_tamper.ipt_replace", "rules_replaced", 0),
        ("net_tamper.ipt_drop", "drops_all", 0),
        ("net_tamper.ip6t_drop", "drops_all", 0),
        ("net_tamper.route_delete", "route_removed", 25),
    ] {
        let mark = scene.watch.mark();
        scene.emulate(&format!("act {act}"))?;
        let verdict = scene.verdict(mark, NAME).map_err(|error| format!("{act}: {error}"))?;
        has_reason(&verdict, reason).map_err(|error| format!("{act}: {error}"))?;
        has(&verdict, "value", value).map_err(|error| format!("{act}: {error}"))?;
    }
    Ok(None)
}

/// The same by `ioctl`, as BusyBox's `route` does it; there is no such route, but the kernel is asked.
pub(crate) fn ioctl_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    scene.guest.run("route del default metric 4242", SOON)?;
    let verdict = scene.verdict(mark, NAME)?;
    has_reason(&verdict, "route_removed")?;
    has(&verdict, "value", 0x890c)?;
    Ok(None)
}

/// Routes listed, by netlink and by the tools.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    scene.run(
        "ip route; ip addr; route -n; ip route add 198.51.100.0/24 dev lo; ip route del 198.51.100.0/24",
        SOON,
    )?;
    scene.quiet(mark)?;
    quiet(scene, &["net_tamper.benign_route_dump", "net_tamper.benign_nft_rule"])?;
    Ok(None)
}

/// Under enforce the process that asks does not live to see the answer.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    // In the guest's own network: leaving it would be killed already under this policy. The broker is on the link.
    let verdict = caught_anyhow(scene, NAME, "net_tamper.route_delete_here")?;
    ended(&verdict, "killed")?;
    books(scene)?;
    Ok(None)
}
