//! `shell_on_socket` in a guest: shells on a connection, in every way a descriptor gets there, and shells that are not.

use crate::deed::ended;
use crate::scene::{Policy, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "shell_on_socket";

/// Reverse and bind shells on loopback.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for act in ["dup2", "dup3", "fcntl", "inherit", "bind"] {
        let (_, verdict) = scene.act(&format!("{NAME}.{act}"), NAME, "socket_stdio")?;
        let (value, port) = (said::evidence(&verdict, "value")?, said::evidence(&verdict, "port")?);
        let address = said::evidence_text(&verdict, "address");
        if value.trailing_zeros() >= 2 || port == 0 || address != Some("127.0.0.1") {
            return Err(format!("{act} was reported as {}", verdict.json).into());
        }
        if said::sub_technique(&verdict) != Some("T1059.004") {
            return Err(format!("{act} is {:?}", said::technique(&verdict)).into());
        }
    }
    Ok(None)
}

/// A shell on pipes whose parent carries what it says to a connection.
pub(crate) fn relay_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let (emulation, verdict) = scene.act("shell_on_socket.relay", NAME, "relay")?;
    let (target, port) = (said::evidence(&verdict, "target")?, said::evidence(&verdict, "port")?);
    if target != emulation.count("actor")? || port == 0 {
        return Err(format!("a relay was reported as {}", verdict.json).into());
    }
    Ok(None)
}

/// Shells on a terminal, on pipes and on a pair of local sockets.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    for act in ["benign_pty", "benign_pipe", "benign_socketpair"] {
        scene.emulate(&format!("act {NAME}.{act}"))?;
    }
    scene.quiet(mark)?;
    Ok(None)
}

/// Under enforce a shell on a connection is killed before its first instruction, where the kernel's own table of descriptors can be read.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    for act in ["dup2", "fcntl"] {
        let (_, verdict) = scene.act(&format!("{NAME}.{act}"), NAME, "socket_stdio")?;
        ended(&verdict, if scene.btf { "killed" } else { "reported" })
            .map_err(|error| format!("{act}: {error}"))?;
        if said::evidence(&verdict, "port")? == 0 {
            return Err(format!("{act} was reported without its peer: {}", verdict.json).into());
        }
    }
    scene.emulate(&format!("act {NAME}.benign_socketpair"))?;
    Ok(None)
}
