//! A guest with everything around it: a broker and a subscriber on this machine.

use std::error::Error;
use std::time::Duration;

use edge_tests::mosquitto::Mosquitto;
use edge_tests::programs::guest_program;
use edge_tests::vm::{Arch, Done, Guest, GuestBuilder, HOST, Kernel};

/// How long an ordinary command may take in a guest.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A guest, and what it talks to.
pub(crate) struct Scene {
    /// The guest.
    pub(crate) guest: Guest,
    /// The broker on this machine.
    pub(crate) broker: Mosquitto,
}

impl Scene {
    /// Boots a guest with the programs under test, and starts a broker for it.
    pub(crate) fn new(arch: Arch, kernel: Kernel) -> Result<Self, Box<dyn Error>> {
        let broker = Mosquitto::start("")?;
        let mut builder = GuestBuilder::new(arch, kernel);
        for name in ["edge-emulate", "edge-agent"] {
            builder = builder.program(&guest_program(arch, name)?)?;
        }
        Ok(Self { guest: builder.boot()?, broker })
    }

    /// Runs a command that must succeed.
    pub(crate) fn run(&mut self, command: &str, limit: Duration) -> Result<String, Box<dyn Error>> {
        let Done { code, output } = self.guest.run(command, limit)?;
        if code == 0 {
            return Ok(output);
        }
        Err(format!("guest command `{command}` ended with {code}: {output}").into())
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
