//! `privilege_jump` in a guest, the part about files: one that is made set-uid or set-gid is reported by whichever call, and the maker
//! killed when policy says so; ordinary modes and set-gid directories are left alone.

use crate::deed::{caught, ended, has, quiet, refused};
use crate::scene::{Policy, Scene};
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "privilege_jump";

/// By a change of mode, by path and by descriptor, and by creating it so.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for act in ["chmod", "fchmod", "fchmodat", "create"] {
        let (_, verdict) = caught(scene, NAME, &format!("privilege_jump.{act} --dir /data"), "setuid_file")?;
        has(&verdict, "value", 0o4755)?;
    }
    Ok(None)
}

/// An executable file, and a directory whose files keep its group.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(scene, &["privilege_jump.benign_folder --dir /data", "privilege_jump.benign_chmod --dir /data"])?;
    Ok(None)
}

/// Under enforce the maker ends.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = caught(scene, NAME, "privilege_jump.chmod --dir /data", "setuid_file")?;
    ended(&verdict, "killed")?;
    if !emulation.was_killed() {
        return Err("it went on".into());
    }
    Ok(None)
}

/// A file that gives whoever executes it a capability, where a security hook sees that; refused where it can be.
pub(crate) fn capability(scene: &mut Scene) -> Outcome {
    const ACT: &str = "privilege_jump.file_capability --dir /data";
    // CAP_SETUID.
    const GIVEN: u64 = 1 << 7;
    if !scene.kprobes {
        return Ok(Some("attributes of files are not seen on this kernel".to_owned()));
    }
    scene.agent(if scene.lsm { Policy::Deny } else { Policy::Observe })?;
    if let Some(verdict) = refused(scene, NAME, ACT, "capability_gained")? {
        // Which ones an LSM program may not look at.
        has(&verdict, "value", 0)?;
    } else {
        let (_, verdict) = caught(scene, NAME, ACT, "capability_gained")?;
        has(&verdict, "value", GIVEN)?;
    }
    Ok(None)
}
