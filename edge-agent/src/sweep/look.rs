//! The look at `/proc` and the folders of programs.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::rules::{Look, Named};
use crate::enrich::proc;

/// Where programs are that everybody knows by name.
const FOLDERS: [&str; 6] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// `S_ISUID | S_ISGID`.
const SET_ID: u32 = 0o6000;

/// The cgroup that the agent is confined to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// None: everything is judged.
    All,
    /// A path below the mount point of cgroup2, beginning with a slash.
    Below(Vec<u8>),
}

impl Scope {
    /// Of what `scope.cgroup` says, with cgroup2 mounted at `mount`. What cannot be found has no members.
    #[must_use]
    pub fn of(cgroup: &str, mount: Option<&Path>) -> Self {
        if cgroup.is_empty() {
            return Self::All;
        }
        let path = fs::canonicalize(cgroup).unwrap_or_else(|_| PathBuf::from(cgroup));
        let below = mount.and_then(|mount| path.strip_prefix(mount).ok());
        Self::Below([b"/", below.unwrap_or(&path).as_os_str().as_bytes()].concat())
    }

    /// Whether a process with this `/proc/<tgid>/cgroup` belongs to it.
    fn holds(&self, text: &[u8]) -> bool {
        let Self::Below(path) = self else { return true };
        let own = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::"));
        let rest = own.and_then(|own| own.strip_prefix(&path[..]));
        rest.is_some_and(|rest| path == b"/" || rest.is_empty() || rest.starts_with(b"/"))
    }
}

/// This machine.
#[derive(Clone, Copy, Debug)]
pub struct Proc<'a> {
    /// Who is judged.
    pub scope: &'a Scope,
}

impl Look for Proc<'_> {
    fn cmdline(&self, tgid: u32) -> Option<Vec<u8>> {
        proc::cmdline(tgid)
    }

    fn named(&self, tgid: u32, name: &[u8]) -> Named {
        if name.is_empty() || name.contains(&b'/') || name.starts_with(b".") {
            return Named::Nothing;
        }
        let own = fs::metadata(format!("/proc/{tgid}/exe")).map(|file| (file.dev(), file.ino()));
        // In a process's own root: a container has programs of its own.
        let paths = FOLDERS
            .iter()
            .map(|folder| PathBuf::from(format!("/proc/{tgid}/root{folder}")).join(OsStr::from_bytes(name)));
        let mut found = Named::Nothing;
        for file in paths.filter_map(|path| fs::metadata(path).ok()).filter(fs::Metadata::is_file) {
            match &own {
                Ok(own) if *own == (file.dev(), file.ino()) => return Named::Same,
                Ok(_) => found = Named::Other,
                Err(_) => {}
            }
        }
        found
    }

    fn is_door(&self, tgid: u32) -> bool {
        let exe = format!("/proc/{tgid}/exe");
        let Ok(file) = fs::metadata(&exe) else { return true };
        let mut attribute = [0_u8; 64];
        file.mode() & SET_ID != 0
            || rustix::fs::getxattr(&*exe, "security.capability", &mut attribute[..]).is_ok()
    }

    fn has_own_users(&self, tgid: u32) -> bool {
        let own = fs::read_link("/proc/self/ns/user").ok();
        // Without namespaces of users in the kernel there is no such file, for nobody.
        own.is_some() && fs::read_link(format!("/proc/{tgid}/ns/user")).ok() != own
    }

    fn is_in_scope(&self, tgid: u32) -> bool {
        *self.scope == Scope::All
            || fs::read(format!("/proc/{tgid}/cgroup")).is_ok_and(|text| self.scope.holds(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_those_below_and_no_neighbours() {
        let scope = Scope::of("/sys/fs/cgroup/a/b", Some(Path::new("/sys/fs/cgroup")));
        assert_eq!(scope, Scope::Below(b"/a/b".to_vec()));
        for (text, inside) in [
            (&b"0::/a/b\n"[..], true),
            (b"12:cpu:/x\n0::/a/b/c\n", true),
            (b"0::/a/bc\n", false),
            (b"0::/a\n", false),
            (b"12:cpu:/a/b\n", false),
            (b"", false),
        ] {
            assert_eq!(scope.holds(text), inside, "{}", String::from_utf8_lossy(text));
        }
        assert!(Scope::of("", None).holds(b""));
        let root = Scope::of("/sys/fs/cgroup", Some(Path::new("/sys/fs/cgroup")));
        assert!(root.holds(b"0::/init.scope\n"));
    }

    #[test]
    fn this_process_is_looked_at() {
        let look = Proc { scope: &Scope::All };
        let me = std::process::id();
        assert!(!look.cmdline(me).unwrap().is_empty());
        assert!(!look.has_own_users(me) && !look.is_door(me) && look.is_in_scope(me));
        assert!(look.is_door(u32::MAX), "what cannot be looked at may be one");
        assert_eq!(look.named(me, b"sh"), Named::Other);
        assert_eq!(look.named(me, b"no such program"), Named::Nothing);
        assert_eq!(
            (look.named(me, b""), look.named(me, b".."), look.named(me, b"../bin/sh")),
            (Named::Nothing, Named::Nothing, Named::Nothing)
        );
    }

    #[test]
    fn a_link_to_what_runs_is_no_other_program() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "read x"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // Between fork and exec it is still this program.
        let exe = fs::canonicalize(
            fs::read_link("/bin/sh").map_or("/bin/sh".into(), |link| Path::new("/bin").join(link)),
        )
        .unwrap();
        while fs::read_link(format!("/proc/{}/exe", child.id())).unwrap() != exe {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let named = Proc { scope: &Scope::All }.named(child.id(), b"sh");
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(named, Named::Same);
    }
}
