//! A configuration push: a few connections to the login port of a few hosts.

use std::net::{IpAddr, Ipv4Addr};

use crate::attack::try_connect;
use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;

/// Connects once to each of `--hosts` loopback addresses.
pub(crate) fn config_push(options: &Options) -> Result<Report, Failure> {
    let (port, hosts) = (options.value_or("port", 22)?, options.value_or("hosts", 5_u8)?);
    let report = Report::start("config-push");
    let mut denied = 0;
    for host in 1..=hosts {
        let tried = try_connect(IpAddr::V4(Ipv4Addr::new(127, 0, 7, host)), port);
        denied += u64::from(tried.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied));
    }
    Ok(report.count("hosts", hosts.into()).count("denied", denied))
}
