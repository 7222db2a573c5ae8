//! `foreign_exec` under an image manifest: what a guest consists of runs, whatever else is executed is found, wherever it lies and whatever
//! it is called.

use std::error::Error;

use edge_manifest::{Found, Kind, Maker};
use edge_tests::said;
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;

use crate::scene::{Policy, SOON, Scene, WHILE};

/// The detector's name.
const NAME: &str = "foreign_exec";
/// Where the manifest lies.
const MANIFEST: &str = "/etc/edge-agent/image.manifest";
/// Makes the agent follow it. Behind what [`Policy::Image`] says of the detector, so its section goes on.
const FOLLOW: &str = "manifest = \"/etc/edge-agent/image.manifest\"\n";
/// A program that is listed and may be replaced.
const TOOL: &str = "/opt/tools/edge-tool";
/// A script that is listed.
const SCRIPT: &str = "/opt/tools/report.sh";
/// A listed script that may mount: who mounts is the business of another detector, which lets updaters pass.
const UPDATER: &str = "/usr/bin/mender";
/// Where programs are listed.
const FOLDERS: &str = "$(ls -d /init /bin /sbin /usr /lib /opt 2>/dev/null)";
/// Time in which an idle program can be looked at.
const IDLE: &str = "act idle --ms 500";

/// Sixteen bytes from the digits that `sha256sum` prints.
fn digest(digits: &str) -> Result<[u8; 16], Box<dyn Error>> {
    let mut digest = [0; 16];
    for (at, byte) in digest.iter_mut().enumerate() {
        let pair = digits.get(2 * at..2 * at + 2).ok_or("a short digest")?;
        *byte = u8::from_str_radix(pair, 16)?;
    }
    Ok(digest)
}

/// The manifest of what the guest has now.
fn manifest(scene: &mut Scene) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut maker = Maker { image: "guest".into(), ..Maker::default() };
    // Name, size and digest of files with an execute bit, and names of links; by blocks, since each command's output is bounded.
    let files = format!("find {FOLDERS} -xdev -type f -perm -100 -exec sha256sum {{}} +");
    let sizes = format!("find {FOLDERS} -xdev -type f -perm -100 -exec stat -c '%s %n' {{}} +");
    let sizes = scene.run(&sizes, WHILE)?;
    for line in scene.run(&files, WHILE)?.lines() {
        let (digits, path) = line.split_once("  ").ok_or("no digest and path")?;
        let size = sizes.lines().find_map(|line| line.split_once(' ').filter(|(_, name)| *name == path));
        let size = size.ok_or("no size")?.0.parse()?;
        let kind = if [SCRIPT, UPDATER, "/init"].contains(&path) { Kind::Script } else { Kind::Program };
        maker.entries.insert(path.into(), Found { kind, size, digest: digest(digits)? });
    }
    for path in scene.run(&format!("find {FOLDERS} -xdev -type l"), WHILE)?.lines() {
        maker.entries.insert(path.into(), Found { kind: Kind::Link, size: 0, digest: [0; 16] });
    }
    Ok(maker.encode()?)
}

/// Starts an agent under the manifest of the guest as it is.
fn begin(scene: &mut Scene, policy: Policy) -> Result<String, Box<dyn Error>> {
    scene.stop_agent()?;
    let own = format!(
        "mkdir -p /opt/tools /data /etc/edge-agent; cp /usr/bin/edge-emulate {TOOL}; printf '#!/bin/sh\\n:\\n' >{SCRIPT}; \
         printf '#!/bin/sh\\neval \"$1\"\\n' >{UPDATER}; chmod 755 {SCRIPT} {UPDATER}"
    );
    scene.run(&own, SOON)?;
    let bytes = manifest(scene)?;
    scene.guest.write(MANIFEST, &bytes, SOON)?;
    let more = if policy == Policy::Image {
        FOLLOW.to_owned()
    } else {
        format!("[detectors.foreign_exec]\nenabled = true\n{FOLLOW}")
    };
    scene.agent_with(policy, &more, "true")?;
    let listed = scene.run("grep 'load: manifest' /run/agent.log | tail -n 1", SOON)?;
    let by_file = listed.contains(" by_file=true");
    if !listed.contains(" differing=0 ") || by_file != scene.btf {
        return Err(format!("the list is not whole: {listed}").into());
    }
    Ok(format!(
        "{} bytes of manifest, {}",
        bytes.len(),
        listed.trim().rsplit_once("manifest ").unwrap_or_default().1
    ))
}

/// Gives the guest back as it was.
fn end(scene: &mut Scene) -> Result<(), Box<dyn Error>> {
    scene.stop_agent()?;
    scene.run(&format!("rm -rf /opt/tools {UPDATER} {MANIFEST}"), SOON)?;
    Ok(())
}

/// Runs a command and demands a verdict with this disposition about a program executed by it.
fn caught(scene: &mut Scene, command: &str, path: &str, disposition: &str) -> Result<(), Box<dyn Error>> {
    let mark = scene.watch.mark();
    scene.guest.run(command, WHILE)?;
    let wanted =
        |line: &Line| said::is_verdict_of(line, NAME) && said::evidence_text(line, "object") == Some(path);
    let verdict = scene.verdict_that(mark, &format!("verdict of {NAME} about {path}"), wanted)?;
    if said::disposition(&verdict) != Some(disposition) {
        return Err(format!("{path} was not {disposition}: {}", verdict.json).into());
    }
    Ok(())
}

/// What was placed into a folder of the image, put over a listed program by a mount or by an upper layer, a script that a listed interpreter
/// runs, and what lies elsewhere. Where hooks see the file itself, all of it is stopped.
pub(crate) fn foreign_caught(scene: &mut Scene) -> Outcome {
    let listed = begin(scene, Policy::Image)?;
    let stopped = match (scene.lsm, scene.kprobes) {
        (true, _) => "denied",
        (_, true) => "killed",
        _ => "reported",
    };
    let by_path = if scene.kprobes || scene.lsm { stopped } else { "killed" };
    scene.run("cp /usr/bin/edge-emulate /usr/bin/edge-dropped", SOON)?;
    caught(
        scene,
        &format!("/usr/bin/edge-dropped {IDLE}; rm /usr/bin/edge-dropped"),
        "/usr/bin/edge-dropped",
        stopped,
    )?;
    scene.run("cp /usr/bin/edge-emulate /data/edge-far", SOON)?;
    caught(scene, &format!("/data/edge-far {IDLE}"), "/data/edge-far", by_path)?;
    if scene.btf {
        covered(scene, stopped)?;
    }
    scene.run(
        "printf '#!/bin/sh\\nsleep 0.5\\n' >/usr/bin/edge-script; chmod 755 /usr/bin/edge-script",
        SOON,
    )?;
    caught(scene, "/usr/bin/edge-script; rm /usr/bin/edge-script", "/usr/bin/edge-script", stopped)?;
    end(scene)?;
    Ok(Some(listed))
}

/// A mount, and the upper layer of a stacked file system, over a listed program: its path is that of the image, the file is not.
fn covered(scene: &mut Scene, stopped: &str) -> Result<(), Box<dyn Error>> {
    scene.run(&format!("mender 'mount --bind /data/edge-far {TOOL}'"), SOON)?;
    caught(scene, &format!("{TOOL} {IDLE}"), TOOL, stopped)?;
    let layers = format!(
        "umount {TOOL}; mkdir -p /run/work; mount -t tmpfs none /run/work; mkdir /run/work/u /run/work/w; \
         cp /usr/bin/edge-emulate /run/work/u/edge-tool; \
         mount -t overlay overlay -o lowerdir=/opt/tools,upperdir=/run/work/u,workdir=/run/work/w /opt/tools"
    );
    scene.run(&format!("mender '{layers}'"), SOON)?;
    caught(scene, &format!("{TOOL} {IDLE}"), TOOL, stopped)?;
    scene.run("mender 'umount /opt/tools; umount /run/work'", SOON)?;
    Ok(())
}

/// Programs by their path, by a link, by a relative path, by a listed script.
pub(crate) fn listed_quiet(scene: &mut Scene) -> Outcome {
    begin(scene, Policy::Image)?;
    let mark = scene.watch.mark();
    let work = format!(
        "{TOOL} --help; cd /opt/tools && ./edge-tool --help && ./report.sh; cd /; {SCRIPT}; usr/bin/edge-emulate --help; \
         sh -c 'ls /; cat /proc/uptime; env true'; busybox id; /bin/busybox true; \
         ln -sf {TOOL} /run/by-link; find /bin -name 'l*' -exec ls {{}} +"
    );
    scene.run(&work, WHILE)?;
    scene.settled_heartbeat()?;
    let found = scene.watch.since(mark).iter().find(|line| said::is_verdict_of(line, NAME));
    let found = found.map(|line| line.json.to_string());
    end(scene)?;
    found.map_or(Ok(None), |line| Err(format!("the image became a finding: {line}").into()))
}

/// What takes the place of a listed program is judged by what it holds, and by the manifest that comes with it.
pub(crate) fn update_followed(scene: &mut Scene) -> Outcome {
    begin(scene, Policy::Observe)?;
    let quiet = |scene: &mut Scene, mark: usize, what: &str| -> Result<(), Box<dyn Error>> {
        let own = |line: &Line| {
            said::is_verdict_of(line, NAME) && said::evidence_text(line, "object") == Some(TOOL)
        };
        scene.unseen(mark, own).map_err(|error| format!("{what} became a finding: {error}").into())
    };
    let mark = scene.watch.mark();
    scene.run(&format!("cp {TOOL} /opt/tools/new && mv /opt/tools/new {TOOL} && {TOOL} {IDLE}"), SOON)?;
    quiet(scene, mark, "the same content in a new file")?;
    let other = format!("cp {TOOL} /opt/tools/new && printf X >>/opt/tools/new && mv /opt/tools/new {TOOL}");
    scene.run(&other, SOON)?;
    if scene.btf {
        caught(scene, &format!("{TOOL} {IDLE}"), TOOL, "reported")?;
    }
    // Another content is another finding, and this one is about a program that has been told of.
    scene.run(&format!("printf Y >>{TOOL}"), SOON)?;
    let bytes = manifest(scene)?;
    scene.guest.write("/etc/edge-agent/new", &bytes, SOON)?;
    let mark = scene.watch.mark();
    scene.run(&format!("mv /etc/edge-agent/new {MANIFEST} && {TOOL} {IDLE}"), SOON)?;
    quiet(scene, mark, "what a new manifest lists, before the agent reads it")?;
    scene.run("kill -HUP $(cat /run/agent.pid); sleep 1", SOON)?;
    scene.run(&format!("grep -q 'config: reloaded' /run/agent.log && {TOOL} {IDLE}"), SOON)?;
    quiet(scene, mark, "what a new manifest lists")?;
    scene.guest.write(MANIFEST, b"EDGM", SOON)?;
    scene.run(
        "kill -HUP $(cat /run/agent.pid); sleep 1; grep -q 'the list before it stays' /run/agent.log",
        SOON,
    )?;
    scene.run(&format!("{TOOL} {IDLE}"), SOON)?;
    quiet(scene, mark, "what the list had, under a damaged manifest")?;
    end(scene)?;
    Ok(None)
}
