//! Benign twins: ordinary work of a gateway that resembles an attack, done the way the real tools do it.

mod backup;
mod database;
mod logs;
mod network;
mod package;
mod sync;

pub(crate) use backup::tar_backup;
pub(crate) use database::database;
pub(crate) use logs::log_rotate;
pub(crate) use network::config_push;
pub(crate) use package::package_upgrade;
pub(crate) use sync::{file_sync, media_import};
