//! That the agent does all its work with what it has left: three capabilities, a filter of system calls, no file to write but its state.

use std::error::Error;
use std::time::{Duration, Instant};

use edge_tests::trials::Outcome;
use edge_tests::vm::HOST;

use crate::scene::{Policy, SOON, Scene};

/// What a watching agent says of itself, but for what it may write.
const SAID: &str = "confine: capabilities=0x8000080004 seccomp=on writes=";
/// What stands in its status: three capabilities, a filter, and nothing to be gained by executing.
const STATUS: [&str; 5] = [
    "CapEff:\t0000008000080004",
    "CapPrm:\t0000008000080004",
    "CapBnd:\t0000000000000000",
    "NoNewPrivs:\t1",
    "Seccomp:\t2",
];
/// How long the agent may take to connect: it loads a few programs and tries a broker that is not there.
const CONNECT: Duration = Duration::from_secs(120);
/// Configuration, log and process of an agent of the case's own.
const OWN: [&str; 3] = ["/run/confined.toml", "/run/confined.log", "/run/confined.pid"];

/// Under the filter it reloads, recalls, and tells a verdict with whom it was about.
pub(crate) fn observing_holds(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    status(scene, "/run/agent.pid")?;
    has(scene, "/run/agent.log", &format!("{SAID}none"))?;
    signal(scene, "HUP", "config: reloaded")?;
    signal(scene, "USR1", "history: events=")?;
    let (emulation, verdict) = scene.act("uring_use.nop", "uring_use", "sole")?;
    let told = verdict.json.to_string();
    // From `/proc` of another process, while that still runs or from the kernel's own table.
    if !told.contains("edge-emulate") {
        return Err(format!("process {} has no program: {told}", emulation.pid).into());
    }
    signal(scene, "HUP", "config: reloaded")?;
    lacks_nothing(scene, "/run/agent.log")?;
    Ok(None)
}

/// An agent that learns resolves the name of a broker on a thread, goes on to the next one, and keeps what it learnt when it ends.
pub(crate) fn state_kept(scene: &mut Scene) -> Outcome {
    scene.stop_agent()?;
    let [toml, log, pid] = OWN;
    let config = Policy::Learn.config("confined", scene.broker_address().1, scene.lsm);
    let config = config.replace("/data/egress/known", "/data/confined/known");
    let config = config.replace(&format!("[\"{HOST}:"), &format!("[\"localhost:9\", \"{HOST}:"));
    scene.guest.write(toml, config.as_bytes(), SOON)?;
    scene.run(
        &format!(
            "rm -rf /data/confined {log}; grep -q localhost /etc/hosts || echo 127.0.0.1 localhost >>/etc/hosts; \
             edge-agent run --config {toml} >{log} 2>&1 & echo $! >{pid}"
        ),
        SOON,
    )?;
    let begun = Instant::now();
    while scene.guest.run(&format!("grep -q 'publish: connected broker={HOST}' {log}"), SOON)?.code != 0 {
        if begun.elapsed() > CONNECT {
            return Err(format!("it does not connect: {}", scene.run(&format!("cat {log}"), SOON)?).into());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    let checked = learns(scene);
    // Whatever came of it, no second agent stays.
    let ended = scene.run(
        &format!(
            "p=$(cat {pid}); kill -TERM $p; for i in $(seq 200); do [ -d /proc/$p ] || exit 0; usleep 50000; done; kill -KILL $p; exit 1"
        ),
        SOON,
    );
    checked?;
    ended?;
    lacks_nothing(scene, log)?;
    let bytes = scene.run("wc -c </data/confined/known", SOON)?;
    Ok(Some(format!("{} bytes kept", bytes.trim())))
}

/// What is asked of that agent while it runs.
fn learns(scene: &mut Scene) -> Result<(), Box<dyn Error>> {
    let [_, log, pid] = OWN;
    status(scene, pid)?;
    has(scene, log, &format!("{SAID}state"))?;
    has(scene, log, "localhost")?;
    scene.emulate("act new_egress.connect --addr 127.0.0.77 --port 8443")?;
    Ok(())
}

/// Sends a signal and waits until the log has one more line with `answer`.
fn signal(scene: &mut Scene, name: &str, answer: &str) -> Result<(), Box<dyn Error>> {
    let count = format!("grep -c '{answer}' /run/agent.log");
    scene.run(
        &format!(
            "had=$({count}); kill -{name} $(cat /run/agent.pid); \
             for i in $(seq 200); do [ $({count}) -gt $had ] && exit 0; usleep 50000; done; exit 1"
        ),
        SOON,
    )?;
    Ok(())
}

/// What the kernel says that a process may do.
fn status(scene: &mut Scene, pid: &str) -> Result<(), Box<dyn Error>> {
    let status = scene.run(&format!("cat /proc/$(cat {pid})/status"), SOON)?;
    match STATUS.iter().find(|wanted| !status.lines().any(|line| line == **wanted)) {
        Some(wanted) => Err(format!("not {wanted:?}: {status}").into()),
        None => Ok(()),
    }
}

/// A log has a line with this.
fn has(scene: &mut Scene, log: &str, wanted: &str) -> Result<(), Box<dyn Error>> {
    let text = scene.run(&format!("cat {log}"), SOON)?;
    if text.contains(wanted) { Ok(()) } else { Err(format!("no {wanted:?} in {text}").into()) }
}

/// A log tells of nothing that was refused to the agent.
fn lacks_nothing(scene: &mut Scene, log: &str) -> Result<(), Box<dyn Error>> {
    let text = scene.run(&format!("cat {log}"), SOON)?;
    let signs = [
        "not permitted",
        "ermission denied",
        "os error 1)",
        "os error 13)",
        "confine: system",
        "confine: cap",
    ];
    let refused = |line: &&str| {
        signs.iter().any(|sign| line.contains(sign)) && !line.contains("confine: capabilities=")
    };
    match text.lines().find(refused) {
        Some(line) => Err(format!("something is refused to it: {line}").into()),
        None => Ok(()),
    }
}
