//! The retained status, which is also the last will.

use serde::{Deserialize, Serialize};

use crate::{Bytes, State};

/// Whether an agent can be heard. Retained, so that a new subscriber knows at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Online, stopped or lost.
    pub state: State,
    /// The kernel's random id of the boot this is about.
    pub boot_id: [u8; 16],
    /// Seconds of boot time at which the agent started.
    pub incarnation: u32,
    /// Wall clock when the agent started, in milliseconds since 1970; never the time of an end or a loss, which the
    /// subscriber's own clock tells better. 0 when the clock was not set then.
    pub wall_ms: u64,
    /// The agent's version.
    pub version: Bytes<16>,
}
