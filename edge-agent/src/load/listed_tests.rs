//! What of an image is listed, by files that these tests make.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use edge_manifest::{Digest, Maker};

use super::super::register::Plain;
use super::*;
use crate::scratch::Folder;

impl Folder {
    /// Makes a file, and lists it with `listed` as its content.
    fn list(&self, maker: &mut Maker, name: &str, content: &[u8], listed: &[u8]) -> PathBuf {
        let path = self.with(name, content);
        let found = Found { kind: Kind::Program, size: listed.len() as u64, digest: Digest::of(listed) };
        maker.entries.insert(path.as_os_str().as_bytes().to_vec(), found);
        path
    }

    /// Writes the manifest, outside of the folder's listed files, and reads it.
    fn sources(&self, maker: &Maker) -> Vec<Source> {
        let path = self.with("image.manifest", &maker.encode().unwrap());
        manifest::read(&path).unwrap()
    }
}

/// The number of a file.
fn number(path: &Path) -> u64 {
    let id = by_attributes(&touch(path).unwrap()).unwrap();
    listed_file(id.dev, id.ino)
}

/// An entry that has only a path.
fn link() -> Found {
    Found { kind: Kind::Link, size: 0, digest: [0; 16] }
}

#[test]
fn files_are_listed_as_what_they_are_and_links_as_paths() {
    let (folder, mut maker) = (Folder::new("listed-plain"), Maker::default());
    let box_ = folder.list(&mut maker, "box", b"content", b"content");
    symlink(&box_, folder.0.join("applet")).unwrap();
    let applet = folder.0.join("applet");
    maker.entries.insert(applet.as_os_str().as_bytes().to_vec(), link());
    let module = folder.list(&mut maker, "x.ko", b"module", b"module");
    maker.entries.get_mut(module.as_os_str().as_bytes()).unwrap().kind = Kind::Module;
    let numbers = Numbers::of(&folder.sources(&maker), &mut Plain, None);
    let mut files = [number(&box_), number(&module)];
    files.sort_unstable();
    assert_eq!(numbers.files, files, "a module is no path that is executed");
    let mut paths = [&box_, &applet].map(|path| exe_hash(path.as_os_str().as_bytes()));
    paths.sort_unstable();
    assert_eq!((numbers.paths, numbers.seen, numbers.differ), (paths.to_vec(), 3, 0));
}

#[test]
fn what_is_not_as_stated_is_not_listed_and_told() {
    let (folder, mut maker) = (Folder::new("listed-differing"), Maker::default());
    folder.list(&mut maker, "longer", b"content!", b"content");
    let gone = folder.list(&mut maker, "gone", b"content", b"content");
    fs::remove_file(&gone).unwrap();
    let to = folder.list(&mut maker, "replaced", b"content", b"content");
    fs::remove_file(&to).unwrap();
    symlink("/bin/sh", &to).unwrap();
    let numbers = Numbers::of(&folder.sources(&maker), &mut Plain, None);
    assert_eq!((numbers.files.len(), numbers.paths.len(), numbers.differ), (0, 3, 3));
    let told = numbers.differing.join("\n");
    assert!(told.contains("longer: 8 bytes, 7 are listed") && told.contains("gone: No such file"), "{told}");
    assert!(told.contains("replaced: no file"), "{told}");
}

#[test]
fn what_takes_the_place_of_a_listed_file_has_to_hold_the_same() {
    let (folder, mut maker) = (Folder::new("listed-renewed"), Maker::default());
    let same = folder.list(&mut maker, "same", b"content", b"content");
    let other = folder.list(&mut maker, "other", b"CONTENT", b"content");
    let sources = folder.sources(&maker);
    let first = Numbers::of(&sources, &mut Plain, None);
    assert_eq!((first.files.len(), first.differ), (2, 0), "an image is not read when it has booted");
    let nothing: &dyn Fn(u64) -> bool = &|_| false;
    let later = Numbers::of(&sources, &mut Plain, Some(nothing));
    assert_eq!((later.files, later.differ), (vec![number(&same)], 1));
    let known: &dyn Fn(u64) -> bool = &|asked| asked == number(&other);
    assert_eq!(Numbers::of(&sources, &mut Plain, Some(known)).differ, 0, "not looked at again");
}

#[test]
fn a_path_may_lead_through_a_link_between_folders() {
    let mut maker = Maker::default();
    maker.folder_links.insert(b"/bin".to_vec(), b"/usr/bin".to_vec());
    maker.folder_links.insert(b"/app".to_vec(), b"/opt/app".to_vec());
    for path in ["/usr/bin/sh", "/opt/app/run", "/opt/application"] {
        maker.entries.insert(path.as_bytes().to_vec(), link());
    }
    let folder = Folder::new("listed-links");
    let paths = Numbers::of(&folder.sources(&maker), &mut Plain, None).paths;
    for path in ["/usr/bin/sh", "/bin/sh", "/opt/app/run", "/app/run", "/opt/application"] {
        assert!(paths.binary_search(&exe_hash(path.as_bytes())).is_ok(), "{path}");
    }
    // `/usr` counts for nothing in a hash.
    assert_eq!(paths.len(), 4);
}

#[test]
fn room_is_made_for_all_of_it_and_more() {
    let (folder, mut maker) = (Folder::new("listed-room"), Maker::default());
    let mut config = Config::default();
    assert_eq!(room(&config), 0);
    for number in 0..100 {
        folder.list(&mut maker, &format!("{number}"), b"content", b"content");
    }
    folder.sources(&maker);
    let path = folder.0.join("image.manifest");
    *config.manifest = path.to_str().unwrap().try_into().unwrap();
    assert_eq!(room(&config), 0, "the detector is off");
    for act in &mut config.detectors.acts {
        act.enabled = true;
    }
    assert_eq!(room(&config), 314);
    fs::write(&path, "damaged").unwrap();
    assert_eq!(room(&config), 0);
}
