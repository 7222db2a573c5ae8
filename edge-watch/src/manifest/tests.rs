//! Whole verbs over small root file systems.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use edge_manifest::{Digest, Kind, Maker, Manifest};

use super::compare::{check, diff, differences};
use super::learn;
use super::make::{made, run as make};
use super::options::{LearnOptions, MakeOptions, Tree};
use super::{read, save};
use crate::error::{WatchError, chain};

/// A folder of the test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edge-manifest-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A file of the root, with a mode.
    fn file(&self, path: &str, mode: u32, content: &[u8]) -> &Self {
        let path = self.root().join(&path[1..]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// A symbolic link of the root.
    fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.root().join(&path[1..]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
        self
    }

    fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    fn out(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn tree(&self) -> Tree {
        Tree { root: self.root(), exclude: vec![b"/opt/bench".to_vec()] }
    }

    fn options(&self) -> MakeOptions {
        MakeOptions {
            tree: self.tree(),
            image: None,
            file_systems: Vec::new(),
            listens: vec![(6, 22, "/sbin/dropbear".to_owned()), (17, 5353, String::new())],
            peers: Vec::new(),
            out: self.out("a.manifest"),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An ELF file to the eyes of this program.
const ELF: &[u8] = b"\x7fELF of some kind";

/// A small gateway, and some that is not to be listed.
fn gateway(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder
        .file("/usr/bin/busybox", 0o4755, ELF)
        .link("/usr/bin/cat", "busybox")
        .link("/usr/sbin/httpd", "/bin/busybox")
        .link("/bin", "usr/bin")
        .link("/sbin", "/usr/sbin")
        .file("/usr/sbin/dropbearmulti", 0o755, &[ELF, &vec![7; 200_000]].concat())
        .link("/usr/sbin/dropbear", "dropbearmulti")
        .file("/usr/bin/report", 0o755, b"#!/bin/sh\n")
        .file("/usr/lib/libc.so.6", 0o644, ELF)
        .file("/usr/lib/ld-linux-armhf.so.3", 0o644, ELF)
        .file("/usr/lib/modules/6.12.0/extra/can.ko.xz", 0o644, b"\xfd7zXZ")
        .file("/data/app/run", 0o700, ELF)
        .file("/etc/os-release", 0o644, b"PRETTY_NAME=\"Gateway 5\"\n")
        .file("/etc/fstab", 0o644, b"/dev/root / squashfs ro\n/dev/d /data ext4\ntmpfs /run tmpfs\n")
        // None of these.
        .file("/usr/share/notes", 0o755, b"words")
        .file("/usr/share/empty", 0o755, b"")
        .file("/usr/share/example.sh", 0o644, b"#!/bin/sh\n")
        .file("/tmp/x", 0o755, ELF)
        .file("/proc/x", 0o755, ELF)
        .file("/opt/bench/tool", 0o755, ELF)
        .link("/usr/bin/bench", "/opt/bench/tool")
        .link("/usr/bin/outside", "../../../../../../../../../bin/sh")
        .link("/usr/bin/endless", "endless")
        .link("/usr/bin/gone", "/nowhere")
        .link("/etc/notes", "/usr/share");
    folder
}

/// Kind and path of each entry.
fn listed(maker: &Maker) -> Vec<String> {
    let line = |(path, found): (&Vec<u8>, &edge_manifest::Found)| {
        format!("{} {}", found.kind.name(), String::from_utf8_lossy(path))
    };
    maker.entries.iter().map(line).collect()
}

#[test]
fn a_root_file_system_becomes_the_list_of_what_it_runs() {
    let folder = gateway("make");
    let (maker, notes) = made(&folder.options()).unwrap();
    let expected = [
        "program /data/app/run",
        "program /usr/bin/busybox",
        "link /usr/bin/cat",
        "script /usr/bin/report",
        "program /usr/lib/ld-linux-armhf.so.3",
        "module /usr/lib/modules/6.12.0/extra/can.ko.xz",
        "link /usr/sbin/dropbear",
        "program /usr/sbin/dropbearmulti",
        "link /usr/sbin/httpd",
    ];
    assert_eq!(listed(&maker), expected);
    let multi = maker.entries[&b"/usr/sbin/dropbearmulti"[..]];
    let content = [ELF, &vec![7; 200_000]].concat();
    assert_eq!((multi.size, multi.digest), (content.len() as u64, Digest::of(&content)));
    let links: Vec<_> = maker.folder_links.iter().map(|(link, to)| [link.as_slice(), to].concat()).collect();
    assert_eq!(links, [&b"/bin/usr/bin"[..], b"/sbin/usr/sbin"]);
    assert_eq!(maker.image, "Gateway 5");
    assert_eq!(
        maker.file_systems,
        [("/", "squashfs"), ("/data", "ext4")].map(|(a, b)| (a.into(), b.into())).into()
    );
    // The program that listens is known by its file.
    let listens = [(6, 22, "/usr/sbin/dropbearmulti".to_owned()), (17, 5353, String::new())];
    assert_eq!(maker.listens, listens.into());
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains(": 1 with the execute bit") && notes[0].ends_with("/usr/share/notes"),
        "{notes:?}"
    );
}

#[test]
fn equal_roots_have_equal_manifests() {
    let (one, other) = (gateway("equal-one"), gateway("equal-other"));
    make(&one.options()).unwrap();
    make(&other.options()).unwrap();
    let bytes = fs::read(one.out("a.manifest")).unwrap();
    assert_eq!(bytes, fs::read(other.out("a.manifest")).unwrap());
    assert_eq!(Manifest::parse(&bytes).unwrap().len(), 9);
    diff(&one.out("a.manifest"), &other.out("a.manifest")).unwrap();
    check(&one.tree(), &other.out("a.manifest")).unwrap();
}

#[test]
fn what_differs_is_told_and_fails() {
    let folder = gateway("differ");
    make(&folder.options()).unwrap();
    let old = read(&folder.out("a.manifest")).unwrap();
    folder.file("/usr/bin/report", 0o755, b"#!/bin/ash\n").file(
        "/usr/bin/busybox",
        0o755,
        &[ELF, b"!"].concat(),
    );
    folder.file("/usr/bin/miner", 0o755, ELF).link("/lib", "usr/lib");
    fs::remove_file(folder.root().join("usr/bin/cat")).unwrap();
    folder.file("/usr/bin/cat", 0o755, ELF);
    fs::remove_file(folder.root().join("usr/sbin/httpd")).unwrap();
    let error = check(&folder.tree(), &folder.out("a.manifest")).unwrap_err();
    assert_eq!((error.exit_code(), error.to_string().as_str()), (1, "6 differences"));
    let options = MakeOptions { out: folder.out("b.manifest"), image: Some("6".into()), ..folder.options() };
    make(&options).unwrap();
    let lines = differences(&old, &read(&options.out).unwrap());
    let expected = [
        "- image Gateway 5\n",
        "+ folder /lib -> /usr/lib\n",
        "+ image 6\n",
        "~ program /usr/bin/busybox: 18 bytes, were 17\n",
        "~ program /usr/bin/cat: was a link\n",
        "+ program /usr/bin/miner\n",
        "~ script /usr/bin/report: 11 bytes, were 10\n",
        "- link /usr/sbin/httpd\n",
    ];
    assert_eq!(lines, expected);
    assert!(matches!(diff(&folder.out("a.manifest"), &options.out), Err(WatchError::Differ { count: 8 })));
}

#[test]
fn what_was_executed_is_added() {
    let folder = gateway("learn");
    make(&folder.options()).unwrap();
    folder.file("/usr/bin/late", 0o755, ELF).link("/usr/bin/later", "late");
    folder.file("/usr/bin/report", 0o755, b"#!/bin/ash\n");
    let seen =
        "/bin/later\n/bin/busybox\n/usr/bin/report\n/tmp/x\n/usr/share/notes\n/gone\n/opt/bench/tool\n/bin\n";
    fs::write(folder.out("seen"), seen).unwrap();
    let options = LearnOptions {
        tree: folder.tree(),
        from: folder.out("seen"),
        file: folder.out("a.manifest"),
        out: Some(folder.out("b.manifest")),
    };
    learn::run(&options).unwrap();
    let (old, new) = (read(&options.file).unwrap(), read(&folder.out("b.manifest")).unwrap());
    let expected = [
        "+ program /usr/bin/late\n",
        "+ link /usr/bin/later\n",
        "~ script /usr/bin/report: 11 bytes, were 10\n",
    ];
    assert_eq!(differences(&old, &new), expected);
    check(&folder.tree(), &folder.out("b.manifest")).unwrap();
}

#[test]
fn what_cannot_be_is_named() {
    let folder = gateway("refused");
    let mut options = folder.options();
    options.listens.push((6, 80, "/usr/bin/nothing".to_owned()));
    let error = made(&options).unwrap_err();
    assert!(error.to_string().starts_with("/usr/bin/nothing of --listen is no program"), "{error}");
    let nowhere = Tree { root: folder.out("nowhere"), exclude: Vec::new() };
    let error = check(&nowhere, Path::new("/nowhere")).unwrap_err();
    assert!(matches!(error, WatchError::Input { .. }) && error.exit_code() == 3);
    fs::write(folder.out("bad"), b"EDGM\x01damaged and not whole").unwrap();
    let error = read(&folder.out("bad")).unwrap_err();
    assert!(
        chain(&error).ends_with(
            "bad: seal at byte 10 is not that of the bytes before it: the file is damaged or not whole"
        ),
        "{}",
        chain(&error)
    );
    let mut full = Maker::default();
    for number in 0..=edge_manifest::MAX_ENTRIES {
        full.entries.insert(format!("/{number}").into_bytes(), super::walk::LINK);
    }
    let error = save(&full, &folder.out("full")).unwrap_err();
    assert!(
        chain(&error).contains("number of entries at byte 10 is 8193, at most 8192"),
        "{}",
        chain(&error)
    );
    assert!(!folder.out("full").exists());
    assert!(full.entries.values().all(|found| found.kind == Kind::Link));
}
