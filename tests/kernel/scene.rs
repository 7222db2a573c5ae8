//! A guest with everything around it: the agent in it, a broker and a subscriber on this machine.

use std::error::Error;
use std::time::Duration;

use edge_tests::books::balance;
use edge_tests::memory::Memory;
use edge_tests::mosquitto::Mosquitto;
use edge_tests::programs::{guest_program, host_program};
use edge_tests::subscriber::{Line, Subscriber};
use edge_tests::vm::{Arch, Done, Guest, GuestBuilder, HOST, Kernel};

use crate::emulation::Emulation;
pub(crate) use crate::policy::Policy;
use edge_tests::said;

/// How long an ordinary command may take in a guest.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// How long an emulation may take in a guest; a flood takes about a minute on a busy machine.
pub(crate) const WHILE: Duration = Duration::from_secs(300);
/// How long a verdict may take from the guest to the subscriber before it counts as missing.
const DELIVERY: Duration = Duration::from_secs(15);
/// How long an agent may take to come online: with the programs at security hooks, the verifier took 65 s of an emulated processor on a busy machine.
const START: Duration = Duration::from_secs(180);
/// Where the agent's configuration lies in the guest.
const CONFIG: &str = "/etc/edge-agent/edge-agent.toml";

/// What the programs that must be found are called; their number follows.
const SENTINEL: &str = "/tmp/sentinel-";

/// What attacks look for on a gateway and a guest lacks: files, and a guard that can be lowered.
const FURNISH: &str = "mkdir -p /data /etc/cron.d /etc/init.d /root/.ssh /var/log; : >>/etc/profile; : >>/etc/crontab; \
     : >>/var/log/messages; [ -e /etc/shadow ] || echo root:x: >/etc/shadow; \
     [ -e /etc/passwd ] || echo root:x:0:0::/:/bin/sh >/etc/passwd; \
     echo 1 >/proc/sys/kernel/kptr_restrict";

/// `edge-emulate` for 32 bits, in guests of 64 bits.
pub(crate) const NARROW: &str = "/usr/bin/edge-emulate-32";

/// The rung that a run asks for; by default agents stand where their own default lets them.
pub(crate) fn asked_rung() -> Option<String> {
    std::env::var("EDGE_RUNG").ok().filter(|rung| !rung.is_empty())
}

/// Whether every case runs in a guest, and the longest floods in full: in all where a rung is asked for, else in the one that stands for the
/// highest rung.
pub(crate) fn is_whole(arch: Arch, kernel: Kernel) -> bool {
    asked_rung().is_some() || (arch, kernel) == (Arch::Arm64, Kernel::V6_12)
}

/// A guest, and what it talks to.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent fact about the guest or its agent"
)]
pub(crate) struct Scene {
    /// The guest.
    pub(crate) guest: Guest,
    /// The broker on this machine.
    pub(crate) broker: Mosquitto,
    /// The subscriber on this machine.
    pub(crate) watch: Subscriber,
    /// Whether agents stand on the LSM rung, where they can.
    pub(crate) lsm: bool,
    /// Whether they stand on the kprobe rung or above.
    pub(crate) kprobes: bool,
    /// Whether the guest's kernel describes its structs.
    pub(crate) btf: bool,
    /// The guest's processor.
    pub(crate) arch: Arch,
    /// The guest's kernel.
    pub(crate) kernel: Kernel,
    /// The name the agent publishes under.
    device: String,
    /// What the running agent was told; none runs before the first case that needs one.
    policy: Option<Policy>,
    /// Whether something stays of an agent that ended. Only in cases about that: else what the tests write between two agents would be
    /// a finding.
    pub(crate) keeps: bool,
    /// The file that agents are started from.
    file: &'static str,
    /// What the subscriber had said when that agent was started.
    agent_mark: usize,
    /// Number of the next sentinel, so that no two are identical findings.
    sentinels: u32,
}

impl Scene {
    /// Boots a guest with the programs under test, and starts a broker and a subscriber for it.
    pub(crate) fn new(arch: Arch, kernel: Kernel) -> Result<Self, Box<dyn Error>> {
        let broker = Mosquitto::start("")?;
        let watch = Subscriber::start(&host_program("edge-watch")?, broker.port(), &["-v"])?;
        let mut builder = GuestBuilder::new(arch, kernel);
        for name in ["edge-emulate", "edge-agent"] {
            builder = builder.program(&guest_program(arch, name)?)?;
        }
        if arch == Arch::Arm64 {
            // What a 32-bit user space on this kernel would run.
            let narrow = std::fs::read(guest_program(Arch::Armhf, "edge-emulate")?)?;
            builder = builder.content(NARROW, 0o755, narrow);
        }
        let device = format!("{arch}-{kernel}");
        let btf = arch == Arch::Arm64;
        let asked = asked_rung().unwrap_or_else(|| "lsm".to_owned());
        let kprobes = btf && matches!(asked.as_str(), "kprobe" | "lsm");
        let lsm = btf && asked == "lsm" && matches!(kernel, Kernel::V6_12 | Kernel::V7_2);
        let mut guest = builder.boot()?;
        guest.run(FURNISH, SOON)?;
        Ok(Self {
            guest,
            broker,
            watch,
            lsm,
            kprobes,
            btf,
            arch,
            kernel,
            device,
            policy: None,
            keeps: false,
            file: "edge-agent",
            agent_mark: 0,
            sentinels: 0,
        })
    }

    /// Runs a command that must succeed.
    pub(crate) fn run(&mut self, command: &str, limit: Duration) -> Result<String, Box<dyn Error>> {
        let Done { code, output } = self.guest.run(command, limit)?;
        if code == 0 {
            return Ok(output);
        }
        Err(format!("guest command `{command}` ended with {code}: {output}").into())
    }

    /// Makes sure that an agent runs with this policy.
    pub(crate) fn agent(&mut self, policy: Policy) -> Result<(), Box<dyn Error>> {
        if self.policy == Some(policy) {
            return Ok(());
        }
        self.agent_with(policy, "", "true")
    }

    /// Starts an agent whose file is this one.
    pub(crate) fn agent_from(&mut self, file: &'static str, policy: Policy) -> Result<(), Box<dyn Error>> {
        self.file = file;
        let started = self.agent_with(policy, "", "true");
        self.file = "edge-agent";
        started
    }

    /// Starts an agent with more in its configuration, after `before` was done in a mount namespace of its own. It is to be stopped by
    /// whoever started it.
    pub(crate) fn agent_with(
        &mut self,
        policy: Policy,
        more: &str,
        before: &str,
    ) -> Result<(), Box<dyn Error>> {
        self.stop_agent()?;
        let mut config = policy.config(&self.device, self.broker.port(), self.lsm) + more;
        if let Some(rung) = asked_rung() {
            let key = format!("[load]\nrung = \"{rung}\"\n");
            config =
                if config.contains("[load]\n") { config.replace("[load]\n", &key) } else { config + &key };
        }
        if !self.keeps {
            self.run("umount /sys/fs/bpf 2>/dev/null; true", SOON)?;
        }
        self.run("mkdir -p /etc/edge-agent", SOON)?;
        self.guest.write(CONFIG, config.as_bytes(), SOON)?;
        self.agent_mark = self.watch.mark();
        let start = format!(
            "unshare -m sh -c '{before}; exec edge-agent run' >>/run/agent.log 2>&1 & echo $! >/run/agent.pid"
        );
        let plain = format!("{} run >>/run/agent.log 2>&1 & echo $! >/run/agent.pid", self.file);
        self.run(if before == "true" { &plain } else { &start }, SOON)?;
        self.watch.wait(self.agent_mark, START, "status online", said::is_online)?;
        self.policy = Some(policy);
        Ok(())
    }

    /// Stops the agent as an init system does, and waits until it is gone.
    pub(crate) fn stop_agent(&mut self) -> Result<(), Box<dyn Error>> {
        if self.policy.take().is_some() {
            let gone = "p=$(cat /run/agent.pid); kill -TERM $p; \
                        for i in $(seq 100); do [ -d /proc/$p ] || exit 0; usleep 50000; done; exit 1";
            self.run(gone, SOON)?;
        }
        Ok(())
    }

    /// The agent was killed by somebody else.
    pub(crate) fn forget_agent(&mut self) {
        self.policy = None;
    }

    /// Whether the longest floods run in full here.
    pub(crate) fn is_thorough(&self) -> bool {
        is_whole(self.arch, self.kernel)
    }

    /// Whether an agent runs.
    pub(crate) fn runs(&self) -> bool {
        self.policy.is_some()
    }

    /// Whether this kernel's programs of cgroup devices and settings can tell who runs.
    pub(crate) fn judges_in_cgroups(&self) -> bool {
        !self.device.ends_with("5.10")
    }

    /// Runs an emulation; that it is killed is no error.
    pub(crate) fn emulate(&mut self, arguments: &str) -> Result<Emulation, Box<dyn Error>> {
        self.emulate_by("edge-emulate", arguments)
    }

    /// Runs an emulation by a program that is called otherwise.
    pub(crate) fn emulate_by(&mut self, program: &str, arguments: &str) -> Result<Emulation, Box<dyn Error>> {
        let done = self.guest.run(&format!("{program} {arguments}"), WHILE)?;
        Emulation::read(&done).map_err(|problem| format!("emulation `{arguments}`: {problem}").into())
    }

    /// Prepares a fresh folder of `files` files of 4 KiB and returns its path.
    pub(crate) fn victims(&mut self, files: u32) -> Result<&'static str, Box<dyn Error>> {
        self.spread_victims(files, 0)
    }

    /// The same, spread over `folders` folders below it, so that no two in a row lie in the same one.
    pub(crate) fn spread_victims(
        &mut self,
        files: u32,
        folders: u32,
    ) -> Result<&'static str, Box<dyn Error>> {
        let dir = "/data/victims";
        self.run(&format!("rm -rf {dir}"), SOON)?;
        self.emulate(&format!("prepare --dir {dir} --files {files} --bytes 4096 --folders {folders}"))?;
        Ok(dir)
    }

    /// Waits for the first verdict of a detector since a mark.
    pub(crate) fn verdict(&mut self, mark: usize, detector: &str) -> Result<Line, Box<dyn Error>> {
        let what = format!("verdict of {detector}");
        Ok(self.watch.wait(mark, DELIVERY, &what, |line| said::is_verdict_of(line, detector))?)
    }

    /// Waits for the first verdict of a detector about an emulation. The process id keeps out a later verdict about an
    /// earlier emulation, which may still be on its way.
    pub(crate) fn verdict_on(
        &mut self,
        mark: usize,
        detector: &str,
        emulation: &Emulation,
    ) -> Result<Line, Box<dyn Error>> {
        let wanted =
            |line: &Line| said::is_verdict_of(line, detector) && said::pid(line) == Some(emulation.pid);
        let what = format!("verdict of {detector} on process {}", emulation.pid);
        Ok(self.watch.wait(mark, DELIVERY, &what, wanted)?)
    }

    /// Waits for the first line since a mark that is `wanted`.
    pub(crate) fn verdict_that(
        &mut self,
        mark: usize,
        what: &str,
        wanted: impl Fn(&Line) -> bool,
    ) -> Result<Line, Box<dyn Error>> {
        Ok(self.watch.wait(mark, DELIVERY, what, wanted)?)
    }

    /// Waits for a verdict with this reason about an act, whoever of its processes did it.
    pub(crate) fn act(
        &mut self,
        act: &str,
        detector: &str,
        reason: &str,
    ) -> Result<(Emulation, Line), Box<dyn Error>> {
        let mark = self.watch.mark();
        let emulation = self.emulate(&format!("act {act}"))?;
        let wanted = |line: &Line| {
            said::is_verdict_of(line, detector) && said::evidence_text(line, "reason") == Some(reason)
        };
        let verdict = self.verdict_that(mark, &format!("verdict of {detector} about {act}"), wanted)?;
        Ok((emulation, verdict))
    }

    /// Shows that nothing was found since a mark.
    pub(crate) fn quiet(&mut self, mark: usize) -> Result<(), Box<dyn Error>> {
        self.unseen(mark, said::is_verdict)
            .map_err(|error| format!("ordinary work became a finding: {error}").into())
    }

    /// Shows that nothing `unwanted` came since a mark. A sentinel that must be found goes through the same queue, so that a verdict on
    /// its way is not overlooked.
    pub(crate) fn unseen(
        &mut self,
        mark: usize,
        unwanted: impl Fn(&Line) -> bool,
    ) -> Result<(), Box<dyn Error>> {
        self.sentinels += 1;
        let path = format!("{SENTINEL}{}", self.sentinels);
        self.run(&format!("printf '#!/bin/sh\\n' >{path}; chmod +x {path}"), SOON)?;
        self.guest.run(&path, SOON)?;
        let sentinel =
            |line: &Line| said::is_verdict_of(line, "volatile_exec") && said::path(line) == Some(&path);
        self.watch.wait(mark, DELIVERY, "verdict about the sentinel", sentinel)?;
        // Verdicts leave by severity; one that is less severe than the sentinel follows it closely.
        std::thread::sleep(Duration::from_millis(300));
        let noise = self.watch.since(mark).iter().find(|line| unwanted(line) && !sentinel(line));
        noise.map_or(Ok(()), |line| Err(line.json.to_string().into()))
    }

    /// Whether a program is one of those that [`unseen`](Self::unseen) starts.
    pub(crate) fn is_sentinel(path: &str) -> bool {
        path.starts_with(SENTINEL)
    }

    /// Waits for a heartbeat made from now on that tells that everything has been delivered.
    pub(crate) fn settled_heartbeat(&mut self) -> Result<Line, Box<dyn Error>> {
        let mut tries = 0..3;
        loop {
            let mark = self.watch.mark();
            let line =
                self.watch.wait(mark, Duration::from_secs(60), "settled heartbeat", said::is_settled)?;
            // The kernel side goes on while its numbers are read: what is on its way then is in the next account.
            if balance(&line).is_ok() || tries.next().is_none() {
                return Ok(line);
            }
        }
    }

    /// The running agent's last heartbeat; waits for its first.
    pub(crate) fn last_heartbeat(&mut self) -> Result<Line, Box<dyn Error>> {
        let mark = self.agent_mark;
        let last = self.watch.since(mark).iter().rev().find(|line| said::is_heartbeat(line)).cloned();
        last.map_or_else(|| self.settled_heartbeat(), Ok)
    }

    /// What the running agent has in memory.
    pub(crate) fn memory(&mut self) -> Result<Memory, Box<dyn Error>> {
        Memory::parse(&self.run("cat /proc/$(cat /run/agent.pid)/smaps_rollup", SOON)?)
    }

    /// The broker's address as the guest sees it.
    pub(crate) fn broker_address(&self) -> (&'static str, u16) {
        (HOST, self.broker.port())
    }

    /// Whether the guest still obeys.
    pub(crate) fn is_usable(&mut self) -> bool {
        self.guest.run("true", SOON).is_ok()
    }

    /// What a person needs to understand a failure.
    pub(crate) fn account(&mut self) -> String {
        let log = self.guest.run("tail -n 20 /run/agent.log; dmesg | tail -n 5", SOON);
        log.map_or_else(|error| error.to_string(), |done| done.output)
    }
}
