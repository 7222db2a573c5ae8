//! The agent that images get, on a link that is encrypted both ways: that it works under its own filter of system calls, and what it takes.

use std::error::Error;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use edge_tests::Scratch;
use edge_tests::memory::Memory;
use edge_tests::mosquitto::Mosquitto;
use edge_tests::openssl;
use edge_tests::programs::{guest_program, host_program};
use edge_tests::said;
use edge_tests::subscriber::Subscriber;
use edge_tests::trials::Outcome;
use edge_tests::vm::{Arch, Guest, GuestBuilder, HOST, Kernel};

/// The promise for resident memory with TLS, connected, in KiB: 2.5 MB.
const RESIDENT_KIB: u64 = 2_500_000 / 1024;
/// Findings before it is measured.
const FINDINGS: u32 = 60;
/// A command in a guest, the start of the agent included.
const SOON: Duration = Duration::from_secs(240);

/// Connects with a certificate of its own to a broker that asks for one, has sixty findings acknowledged, connects once more after the broker was away,
/// and is then weighed.
pub(crate) fn connected(arch: Arch) -> Outcome {
    let folder = Scratch::folder("tls")?;
    openssl::authority(folder.path(), HOST)?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let mut broker = Mosquitto::start(&format!(
        "listener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\nallow_anonymous true",
        at("ca.pem"),
        at("broker.pem"),
        at("broker.key")
    ))?;
    let mut watch =
        Subscriber::start(&host_program("edge-watch")?, broker.port(), &["-v", "--client-id", "watch"])?;
    let mut guest = boot(arch, folder.path(), port)?;
    watch.wait(0, SOON, "status online", said::is_online).map_err(|error| explain(&mut guest, &error))?;
    let find = |guest: &mut Guest, name: &str| {
        let programs = format!(
            "for i in $(seq {FINDINGS}); do printf '#!/bin/sh\\n' >/tmp/{name}$i; chmod +x /tmp/{name}$i; /tmp/{name}$i; done"
        );
        run(guest, &programs)
    };
    find(&mut guest, "first")?;
    arrived(&mut watch, FINDINGS).map_err(|error| explain(&mut guest, &*error))?;
    broker.restart()?;
    find(&mut guest, "again")?;
    arrived(&mut watch, 2 * FINDINGS).map_err(|error| explain(&mut guest, &*error))?;
    // The next heartbeat gives back what only the connection's beginning needed.
    std::thread::sleep(Duration::from_secs(11));
    let Memory { resident_kib, anonymous_kib } =
        Memory::parse(&run(&mut guest, "cat /proc/$(cat /run/agent.pid)/smaps_rollup")?)?;
    let log = run(&mut guest, "cat /run/agent.log")?;
    let measured =
        format!("RSS {resident_kib} KiB, {anonymous_kib} of it anonymous, after {} findings", 2 * FINDINGS);
    if !log.contains("seccomp=on") || log.contains("os error 1)") {
        return Err(format!("not confined, or too much: {log}").into());
    }
    if resident_kib > RESIDENT_KIB {
        return Err(format!("{measured}; {RESIDENT_KIB} KiB are promised").into());
    }
    Ok(Some(measured))
}

/// A guest with an agent that shows a certificate to the broker on this port of the host.
fn boot(arch: Arch, certificates: &Path, port: u16) -> Result<Guest, Box<dyn Error>> {
    let mut builder =
        GuestBuilder::new(arch, Kernel::V5_10).program(&guest_program(arch, "edge-agent-tls")?)?;
    for (name, mode) in [("ca.pem", 0o644), ("own.pem", 0o644), ("own.key", 0o600)] {
        builder =
            builder.content(&format!("/etc/edge/{name}"), mode, std::fs::read(certificates.join(name))?);
    }
    let mut guest = builder.boot()?;
    let config = format!(
        "[device]\nid = \"tls\"\n[mqtt]\nbrokers = [\"{HOST}:{port}\"]\nheartbeat = \"10s\"\nreconnect_max = \"1s\"\n\
         [mqtt.tls]\nca = \"/etc/edge/ca.pem\"\ncertificate = \"/etc/edge/own.pem\"\nkey = \"/etc/edge/own.key\"\n"
    );
    guest.write("/run/agent.toml", config.as_bytes(), SOON)?;
    run(
        &mut guest,
        "edge-agent-tls run --config /run/agent.toml >/run/agent.log 2>&1 & echo $! >/run/agent.pid",
    )?;
    Ok(guest)
}

/// Waits for so many different verdicts of programs in volatile places.
fn arrived(watch: &mut Subscriber, count: u32) -> Result<(), Box<dyn Error>> {
    let until = Instant::now() + SOON;
    loop {
        let lines = watch.since(0).iter().filter(|line| said::is_verdict_of(line, "volatile_exec"));
        let mut paths: Vec<_> = lines.filter_map(said::path).map(str::to_owned).collect();
        paths.sort_unstable();
        paths.dedup();
        if paths.len() as u32 >= count {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!("{} of {count} verdicts arrived", paths.len()).into());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// An error with the end of the agent's log.
fn explain(guest: &mut Guest, error: &dyn Error) -> String {
    let log = run(guest, "tail -n 15 /run/agent.log").unwrap_or_default();
    format!("{error}\n{log}")
}

/// Runs a command that must succeed.
fn run(guest: &mut Guest, command: &str) -> Result<String, Box<dyn Error>> {
    let done = guest.run(command, SOON)?;
    if done.code == 0 { Ok(done.output) } else { Err(format!("`{command}` in the guest: {done:?}").into()) }
}
