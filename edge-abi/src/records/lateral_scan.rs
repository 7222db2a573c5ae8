//! The record of `lateral_scan`.

use bytemuck::{Pod, Zeroable};

use crate::Header;

/// `IPPROTO_TCP`.
pub const ENDPOINT_TCP: u8 = 6;
/// `IPPROTO_UDP`.
pub const ENDPOINT_UDP: u8 = 17;

/// Why `lateral_scan` decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ScanReason {
    /// Not judged.
    None = 0,
    /// Many hosts, several login ports.
    FanOut = 1,
    /// Many hosts, one login port.
    Lateral = 2,
    /// Many tries.
    Guessing = 3,
    /// Many hosts or tries by many processes of one origin.
    Spread = 4,
}

impl ScanReason {
    /// The reason numbered `raw`; `None` for 0 and for numbers of another ABI.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            1 => Some(Self::FanOut),
            2 => Some(Self::Lateral),
            3 => Some(Self::Guessing),
            4 => Some(Self::Spread),
            _ => None,
        }
    }
}

/// A process passed a threshold of `lateral_scan`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct LateralScanRecord {
    /// Common head; `first_ns` is the first counted try.
    pub header: Header,
    /// Length of the window, in nanoseconds.
    pub window_ns: u64,
    /// Distinct destination addresses in the window. Counted in a bitmap of 1,024 bits, so it is a lower bound that
    /// falls short by about one in a hundred at 20 hosts.
    pub hosts: u32,
    /// Tries in the window.
    pub tries: u32,
    /// [`ScanReason`].
    pub reason: u32,
    /// Port of the deciding try, in host byte order.
    pub port: u16,
    /// 4 or 6.
    pub family: u8,
    /// IP protocol number of the deciding try.
    pub protocol: u8,
    /// Address of the deciding try in network order; the first four bytes for IPv4.
    pub address: [u8; 16],
}
