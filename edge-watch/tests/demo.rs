//! The demo with a stand-in for the agent: it plays, reports and cleans up, whatever becomes of it.
//!
//! The stand-in is this very program, started by the demo as `<this> run --config FILE`, which is why it has no harness. It
//! loads nothing into the kernel: it says that it is online and, once enough files are harmed, sends a verdict. What the
//! real agent does is tested in guests.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a failed assertion is a test's product, and its name its output"
)]

#[path = "demo/stand_in.rs"]
mod stand_in;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// How long a demo may take.
const LIMIT: Duration = Duration::from_secs(15);

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let [_, run, option, config] = &words[..]
        && run == "run"
        && option == "--config"
    {
        return stand_in::run(Path::new(config));
    }
    // What test runners ask before they run anything.
    if words.iter().any(|word| word == "--list") {
        return;
    }
    let tests: &[(&str, fn())] = if geteuid().is_root() {
        &[
            ("an_observed_attack_loses_all_and_is_reported", an_observed_attack_loses_all_and_is_reported),
            ("an_agent_that_ends_is_told_with_its_log", an_agent_that_ends_is_told_with_its_log),
            ("an_interrupt_removes_everything", an_interrupt_removes_everything),
            ("a_missing_agent_has_its_own_code", a_missing_agent_has_its_own_code),
        ]
    } else {
        // Without root there is one thing to test: that the demo says so.
        &[("without_root_it_says_so", without_root_it_says_so)]
    };
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
    // The harness's line, which sums are made of; a failed test has ended the program before.
    println!("test result: ok. {} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", tests.len());
}

fn an_observed_attack_loses_all_and_is_reported() {
    let (demo, traces) = start("plays", &["--observe", "--no-color"]);
    let output = end(demo);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "critical file_tamper T1486 stand-in",
        "30 files encrypted in 9 ms, last note-00029.txt  reported",
        "200 of 200 lost, nobody stopped it (observed only); the threshold is 30",
        "ms from the first harmful operation to this verdict",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    traces.assert_none();
}

fn an_agent_that_ends_is_told_with_its_log() {
    let (demo, traces) = start("ends", &["--observe"]);
    let output = end(demo);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains("agent ended with exit status: 3") && text.contains("stand-in has nothing to do"),
        "{text}"
    );
    traces.assert_none();
}

fn an_interrupt_removes_everything() {
    let (demo, traces) = start("is_silent", &["--observe"]);
    let begun = Instant::now();
    while !traces.folder.join("edge-agent.log").exists() {
        assert!(begun.elapsed() < LIMIT, "the agent is not started");
        std::thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    assert_eq!(end(demo).status.code(), Some(130));
    traces.assert_none();
}

fn a_missing_agent_has_its_own_code() {
    assert_eq!(refusal("/nonexistent"), (6, "no agent at /nonexistent".to_owned()));
}

fn without_root_it_says_so() {
    let (code, message) = refusal("/bin/true");
    assert_eq!(code, 4, "{message}");
}

/// Exit code and message of a demo that cannot begin.
fn refusal(agent: &str) -> (i32, String) {
    let demo =
        Command::new(env!("CARGO_BIN_EXE_edge-watch")).args(["demo", "--agent", agent]).output().unwrap();
    let text = String::from_utf8_lossy(&demo.stderr);
    let message = text.trim_start_matches("edge-watch: ").split(':').next().unwrap_or_default();
    (demo.status.code().unwrap_or_default(), message.to_owned())
}

/// What a demo must not leave behind.
struct Traces {
    /// Its folder.
    folder: PathBuf,
    /// Its name, which is also that of its cgroup.
    name: String,
}

impl Traces {
    /// Nothing is left.
    fn assert_none(&self) {
        assert!(!self.folder.exists(), "{} is left", self.folder.display());
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        for mount in mounts.lines().filter(|line| line.starts_with("cgroup2 ")) {
            let point = mount.split(' ').nth(1).unwrap();
            let cgroup = Path::new(point).join(&self.name);
            assert!(!cgroup.exists(), "{} is left", cgroup.display());
        }
    }
}

/// Starts a demo whose stand-in behaves as told.
fn start(behaviour: &str, arguments: &[&str]) -> (Child, Traces) {
    let own = std::env::current_exe().unwrap();
    let demo = Command::new(env!("CARGO_BIN_EXE_edge-watch"))
        .args(["demo", "--agent"])
        .arg(own)
        .args(arguments)
        .env(stand_in::BEHAVIOUR, behaviour)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let name = format!("edge-demo-{}", demo.id());
    (demo, Traces { folder: std::env::temp_dir().join(&name), name })
}

/// Waits for a demo's end.
fn end(mut demo: Child) -> Output {
    let begun = Instant::now();
    while demo.try_wait().unwrap().is_none() {
        if begun.elapsed() > LIMIT {
            // It takes its children down with it.
            kill_process(Pid::from_child(&demo), Signal::TERM).unwrap();
            let output = demo.wait_with_output().unwrap();
            panic!("no end within {LIMIT:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    demo.wait_with_output().expect("its output can be read")
}
