//! The command line behind `manifest`.

use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use edge_manifest::{MAX_IMAGE_BYTES, MAX_TYPE_BYTES, Peer, check_path};
use lexopt::prelude::{Long, Short, Value};
use lexopt::{Parser, ValueExt as _};

use super::endpoint;
use crate::cli::{Verb, checked};

/// What to do with manifests.
#[derive(Debug)]
pub(crate) enum ManifestVerb {
    /// Compare a root file system with a manifest.
    Check {
        /// The root file system.
        tree: Tree,
        /// The manifest.
        file: PathBuf,
    },
    /// Compare two manifests.
    Diff {
        /// The older one.
        old: PathBuf,
        /// The newer one.
        new: PathBuf,
    },
    /// Add what was executed.
    Learn(LearnOptions),
    /// Make one.
    Make(MakeOptions),
    /// Show one.
    Show {
        /// The manifest.
        file: PathBuf,
        /// As an object of JSON.
        json: bool,
    },
}

/// A finished root file system.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Its folder.
    pub(crate) root: PathBuf,
    /// Paths inside of it that are left out, with everything below them.
    pub(crate) exclude: Vec<Vec<u8>>,
}

/// Options of `make`.
#[derive(Debug)]
pub(crate) struct MakeOptions {
    /// What to list.
    pub(crate) tree: Tree,
    /// Name of the image; that of its `os-release` if there is none.
    pub(crate) image: Option<String>,
    /// Mount points and types; those of its `fstab` if there are none.
    pub(crate) file_systems: Vec<(String, String)>,
    /// Protocol, port and program.
    pub(crate) listens: Vec<(u8, u16, String)>,
    /// Peers.
    pub(crate) peers: Vec<Peer>,
    /// The file to make.
    pub(crate) out: PathBuf,
}

/// Options of `learn`.
#[derive(Debug)]
pub(crate) struct LearnOptions {
    /// Where what was executed lies.
    pub(crate) tree: Tree,
    /// What was executed, `-` for standard input.
    pub(crate) from: PathBuf,
    /// The manifest so far.
    pub(crate) file: PathBuf,
    /// The manifest to write.
    pub(crate) out: Option<PathBuf>,
}

/// Everything that may stand behind any of the verbs.
#[derive(Default)]
struct Given {
    /// `--root`.
    root: Option<PathBuf>,
    /// `--exclude`.
    exclude: Vec<Vec<u8>>,
    /// `--image`.
    image: Option<String>,
    /// `--fs`.
    file_systems: Vec<(String, String)>,
    /// `--listen`.
    listens: Vec<(u8, u16, String)>,
    /// `--peer`.
    peers: Vec<Peer>,
    /// `--from`.
    from: Option<PathBuf>,
    /// `--out`.
    out: Option<PathBuf>,
    /// `--json`.
    json: bool,
    /// What is no option.
    files: Vec<PathBuf>,
}

/// Options of `manifest`.
pub(crate) fn options(mut parser: Parser) -> Result<Verb, lexopt::Error> {
    let verbs = "manifest needs one of make, show, diff, check, learn";
    let verb = match parser.next()? {
        Some(Value(verb)) => verb.string()?,
        Some(Short('h') | Long("help")) => return Ok(Verb::Help),
        _ => return Err(verbs.into()),
    };
    let known: &[&str] = match verb.as_str() {
        "make" => &["root", "exclude", "image", "fs", "listen", "peer", "out"],
        "show" => &["json"],
        "diff" => &[],
        "check" => &["root", "exclude"],
        "learn" => &["root", "exclude", "from", "out"],
        _ => return Err(format!("'manifest {verb}' is not a verb; {verbs}").into()),
    };
    let mut given = Given::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Verb::Help),
            Long(name) if known.contains(&name) => {
                let name = name.to_owned();
                given.take(&name, &mut parser)?;
            }
            Value(file) => given.files.push(file.into()),
            other => return Err(other.unexpected()),
        }
    }
    given.meant(&verb).map(|verb| Verb::Manifest(Box::new(verb)))
}

impl Given {
    /// Takes an option.
    fn take(&mut self, name: &str, parser: &mut Parser) -> Result<(), lexopt::Error> {
        match name {
            "root" => self.root = Some(parser.value()?.into()),
            "exclude" => {
                let path = parser.value()?.into_vec();
                let shown = super::shown(&path);
                check_path(&path).map_err(|fault| format!("--exclude '{shown}' {fault}"))?;
                self.exclude.push(path);
            }
            "image" => {
                let range = format!("text of at most {MAX_IMAGE_BYTES} bytes");
                self.image = Some(checked(parser, name, &range, |text| {
                    (text.len() <= MAX_IMAGE_BYTES && !text.contains(char::is_control))
                        .then(|| text.to_owned())
                })?);
            }
            "fs" => {
                self.file_systems.push(checked(parser, name, "MOUNT=TYPE, such as /=squashfs", file_system)?);
            }
            "listen" => {
                let range = "tcp/PORT or udp/PORT, and =PROGRAM if only that may";
                self.listens.push(checked(parser, name, range, endpoint::listen)?);
            }
            "peer" => {
                let range = "PROTOCOL/ADDRESS[/PREFIX]/PORT: tcp, udp or any; 1..65535 or any";
                self.peers.push(checked(parser, name, range, endpoint::peer)?);
            }
            "from" => self.from = Some(parser.value()?.into()),
            "out" => self.out = Some(parser.value()?.into()),
            _ => self.json = true,
        }
        Ok(())
    }

    /// What a verb makes of it.
    fn meant(self, verb: &str) -> Result<ManifestVerb, lexopt::Error> {
        let needs = |what: &str| lexopt::Error::from(format!("manifest {verb} needs {what}"));
        let tree = |root: Option<PathBuf>, exclude| {
            root.map(|root| Tree { root, exclude }).ok_or_else(|| needs("--root"))
        };
        let files = <[PathBuf; 2]>::try_from(self.files);
        if verb == "diff" {
            let [old, new] = files.map_err(|_| needs("two manifests"))?;
            return Ok(ManifestVerb::Diff { old, new });
        }
        let files = files.map_or_else(|files| files, Vec::from);
        if verb == "make" {
            if let Some(file) = files.first() {
                return Err(lexopt::Error::UnexpectedArgument(file.clone().into()));
            }
            return Ok(ManifestVerb::Make(MakeOptions {
                tree: tree(self.root, self.exclude)?,
                image: self.image,
                file_systems: self.file_systems,
                listens: self.listens,
                peers: self.peers,
                out: self.out.ok_or_else(|| needs("--out"))?,
            }));
        }
        let [file] = <[PathBuf; 1]>::try_from(files).map_err(|_| needs("one manifest"))?;
        match verb {
            "show" => Ok(ManifestVerb::Show { file, json: self.json }),
            "check" => Ok(ManifestVerb::Check { tree: tree(self.root, self.exclude)?, file }),
            _ => Ok(ManifestVerb::Learn(LearnOptions {
                tree: tree(self.root, self.exclude)?,
                from: self.from.unwrap_or_else(|| "-".into()),
                file,
                out: self.out,
            })),
        }
    }
}

/// The value of `--fs`.
fn file_system(text: &str) -> Option<(String, String)> {
    let (mount, kind) = text.split_once('=')?;
    let placed = mount == "/" || check_path(mount.as_bytes()).is_ok();
    let named = (1..=MAX_TYPE_BYTES).contains(&kind.len()) && kind.chars().all(|c| c.is_ascii_graphic());
    (placed && named).then(|| (mount.to_owned(), kind.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<ManifestVerb, String> {
        match options(Parser::from_args(line.split_whitespace())) {
            Ok(Verb::Manifest(verb)) => Ok(*verb),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn each_verb_takes_what_is_its_own() {
        let line = "make --root r --image gw --fs /=squashfs --listen tcp/22=/usr/sbin/dropbear --exclude /opt \
                    --peer tcp/192.0.2.0/24/8883 --out o";
        let Ok(ManifestVerb::Make(made)) = read(line) else { panic!("not taken") };
        assert_eq!(made.file_systems, [("/".to_owned(), "squashfs".to_owned())]);
        assert_eq!((made.tree.exclude, made.image.as_deref()), (vec![b"/opt".to_vec()], Some("gw")));
        assert!(matches!(read("show f --json"), Ok(ManifestVerb::Show { json: true, .. })));
        assert!(matches!(read("diff a b"), Ok(ManifestVerb::Diff { .. })));
        assert!(matches!(read("check --root r f"), Ok(ManifestVerb::Check { .. })));
        assert!(matches!(read("learn --root r f"), Ok(ManifestVerb::Learn(_))));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, word) in [
            ("", "one of make, show"),
            ("burn", "'manifest burn' is not a verb"),
            ("make --out o", "needs --root"),
            ("make --root r", "needs --out"),
            ("make --root r --out o extra", "extra"),
            ("make --root r --out o --exclude opt", "'opt' is not absolute"),
            ("make --root r --out o --fs ext4", "MOUNT=TYPE"),
            ("make --root r --out o --listen 22", "tcp/PORT"),
            ("make --root r --out o --peer 192.0.2.1", "PROTOCOL/ADDRESS"),
            ("diff a", "two manifests"),
            ("check --root r", "one manifest"),
            ("check f", "needs --root"),
            ("show --root r f", "--root"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(word), "{line}: {error}");
        }
        assert!(read(&format!("make --root r --out o --image {}", "i".repeat(65))).is_err());
    }
}
