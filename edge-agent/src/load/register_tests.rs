//! What becomes of paths that are there, that are not, and that lead elsewhere.

use edge_abi::reason;

use super::*;
use crate::scratch::Folder;

impl Folder {
    fn id(&self, name: &str) -> FileId {
        by_attributes(&touch(&self.0.join(name)).unwrap()).unwrap()
    }

    fn add(&self, register: &mut Register, path: &str) {
        let path = format!("{}/{path}", self.0.display());
        let wanted = Wanted {
            path: &path,
            detector: Detector::Persistence,
            reason: reason::CRON,
            access: watch_access::WRITE,
        };
        register.add(&mut Plain, wanted);
    }
}

fn below(id: FileId, name: &str) -> Vec<u8> {
    let mut key = folder_key(id)[..BELOW_AT].to_vec();
    key.extend_from_slice(name.as_bytes());
    key
}

fn has_key(register: &Register, key: &[u8]) -> bool {
    register.keys.iter().any(|(known, _)| known == key)
}

fn tree_of(register: &Register, id: FileId) -> Option<u8> {
    register.inodes.iter().find(|(known, _)| *known == id).map(|(_, watch)| watch.tree)
}

#[test]
fn what_is_there_goes_by_inode_and_name() {
    let folder = Folder::new("register-there");
    fs::write(folder.0.join("crontab"), "").unwrap();
    fs::create_dir(folder.0.join("cron.d")).unwrap();
    fs::write(folder.0.join("other"), "").unwrap();
    let mut register = Register::default();
    folder.add(&mut register, "cron");
    assert!(has_key(&register, &below(folder.id(""), "cron")));
    assert_eq!(tree_of(&register, folder.id("crontab")), Some(0));
    assert_eq!(tree_of(&register, folder.id("cron.d")), Some(1));
    assert_eq!(tree_of(&register, folder.id("other")), None);
    assert!(register.lacking.is_empty());
}

#[test]
fn what_is_not_there_goes_by_the_deepest_folder() {
    let folder = Folder::new("register-missing");
    let mut register = Register::default();
    folder.add(&mut register, "a/b/");
    folder.add(&mut register, "log$");
    assert!(has_key(&register, &below(folder.id(""), "a/b/")));
    assert!(has_key(&register, &below(folder.id(""), "log\0")));
    assert!(register.inodes.is_empty());
}

#[test]
fn a_tree_is_watched_by_inode_and_by_its_name_in_its_folder() {
    let folder = Folder::new("register-tree");
    fs::create_dir(folder.0.join("units")).unwrap();
    let mut register = Register::default();
    folder.add(&mut register, "units/");
    assert_eq!(tree_of(&register, folder.id("units")), Some(1));
    assert!(has_key(&register, &below(folder.id(""), "units/")));
}

#[test]
fn a_link_is_followed_and_its_target_named() {
    let folder = Folder::new("register-link");
    fs::create_dir(folder.0.join("real")).unwrap();
    fs::write(folder.0.join("real/rc"), "").unwrap();
    std::os::unix::fs::symlink("real/rc", folder.0.join("rc.local")).unwrap();
    let mut register = Register::default();
    folder.add(&mut register, "rc.local$");
    assert_eq!(tree_of(&register, folder.id("real/rc")), Some(0));
    assert!(has_key(&register, &below(folder.id(""), "rc.local\0")));
    assert!(has_key(&register, &below(folder.id("real"), "rc\0")));
}

#[test]
fn pipes_are_never_opened() {
    let folder = Folder::new("register-pipe");
    let path = std::ffi::CString::new(folder.0.join("log").as_os_str().as_bytes()).unwrap();
    // SAFETY: the path is NUL-terminated and lives across the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let mut register = Register::default();
    // Opened for reading without a writer, this would wait for ever.
    folder.add(&mut register, "log$");
    assert_eq!(tree_of(&register, folder.id("log")), Some(0));
}

#[test]
fn device_nodes_are_watched_by_number() {
    let mut register = Register::default();
    let wanted = Wanted {
        path: "/dev/null$",
        detector: Detector::DeviceTamper,
        reason: reason::DISK,
        access: watch_access::WRITE,
    };
    register.add(&mut Plain, wanted);
    assert!(has_key(&register, &devices::single(2, (1, 3), Detector::DeviceTamper, 0).key));
}

#[test]
fn settings_are_watched_from_where_inodes_stay() {
    let mut register = Register::default();
    let wanted = Wanted {
        path: "/proc/sys/kernel/core_pattern",
        detector: Detector::SysctlTamper,
        reason: reason::HOST_HOOK,
        access: watch_access::WRITE,
    };
    register.add(&mut Plain, wanted);
    let settings = by_attributes(&touch(Path::new("/proc/sys")).unwrap()).unwrap();
    assert_eq!(register.keys.len(), 1);
    assert!(has_key(&register, &below(settings, "kernel/core_pattern")));
    assert!(register.inodes.is_empty());
}

#[test]
fn what_does_not_fit_is_told() {
    let folder = Folder::new("register-long");
    let mut register = Register::default();
    folder.add(&mut register, "a-folder-that-does-not-exist/and-one-below-with-a-name");
    assert!(register.keys.is_empty());
    let [lacking] = register.lacking.as_slice() else { panic!("{:?}", register.lacking) };
    assert!(lacking.why.contains("48 fit"), "{}", lacking.why);
}

#[test]
fn homes_are_absolute_and_told_once() {
    let homes = homes("root:x:0:0::/root:/bin/sh\nx:x:1:1::/root:\nnobody:x:2:2:::/bin/false\nbroken\n");
    assert_eq!(homes, [PathBuf::from("/root")]);
}
