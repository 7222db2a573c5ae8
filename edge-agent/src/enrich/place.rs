//! Where a path lies, for what the kernel side could not tell.

use crate::config::VolatileExec;

/// Longest path that is resolved; longer ones are cut, which can only make them look shorter, not lie elsewhere.
pub const PATH_BYTES: usize = 256;

/// A path while it is resolved.
pub type Path = heapless::Vec<u8, PATH_BYTES>;

/// Whether `path`, absolute and without `..`, lies below a volatile directory: the longest configured prefix decides.
#[must_use]
pub fn is_volatile(path: &[u8], config: &VolatileExec) -> bool {
    // A directory itself lies where its contents do.
    let below = |prefix: &str| {
        path.starts_with(prefix.as_bytes())
            || prefix.as_bytes().strip_suffix(b"/").is_some_and(|bare| bare == path)
    };
    let longest = |prefixes: &[heapless::String<63>]| {
        prefixes.iter().filter(|prefix| below(prefix)).map(|prefix| prefix.len()).max()
    };
    match (longest(&config.paths), longest(&config.except)) {
        (Some(volatile), Some(exempt)) => volatile > exempt,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// `path` against `directory`, with `.`, `..` and empty components taken out as the kernel would if nothing were a link.
#[must_use]
pub fn join(directory: &[u8], path: &[u8]) -> Path {
    let mut joined = Path::new();
    let start: &[u8] = if path.first() == Some(&b'/') { b"" } else { directory };
    for component in start.split(|byte| *byte == b'/').chain(path.split(|byte| *byte == b'/')) {
        match component {
            b"" | b"." => {}
            b".." => {
                let end = joined.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                joined.truncate(end);
            }
            name => {
                // What does not fit is cut.
                let room = joined.capacity() - joined.len();
                let _ = joined.extend_from_slice(b"/".get(..room.min(1)).unwrap_or_default());
                let room = joined.capacity() - joined.len();
                let _ = joined.extend_from_slice(name.get(..room.min(name.len())).unwrap_or_default());
            }
        }
    }
    if joined.is_empty() {
        let _ = joined.push(b'/');
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn resolves_as_the_kernel_would() {
        let cases: [(&[u8], &[u8], &[u8]); 6] = [
            (b"/tmp", b"./x", b"/tmp/x"),
            (b"/home/u", b"../../tmp/a/../x", b"/tmp/x"),
            (b"/tmp", b"/usr/../tmp//y", b"/tmp/y"),
            (b"/", b"..", b"/"),
            (b"", b"x", b"/x"),
            (b"/tmp/d", b"../../bin/sh", b"/bin/sh"),
        ];
        for (directory, path, expected) in cases {
            assert_eq!(join(directory, path).as_slice(), expected);
        }
    }

    #[test]
    fn long_paths_are_cut_not_lost() {
        let long = [b'a'; 400];
        let joined = join(b"/tmp", &long);
        assert_eq!(joined.len(), PATH_BYTES);
        assert!(joined.starts_with(b"/tmp/aaa"));
    }

    #[test]
    fn the_longest_prefix_decides() {
        let mut config = Config::default().detectors.volatile_exec;
        assert!(is_volatile(b"/tmp/x", &config));
        assert!(is_volatile(b"/tmp", &config));
        assert!(!is_volatile(b"/tmpfiles/x", &config));
        assert!(!is_volatile(b"/usr/bin/x", &config));
        config.except.push("/tmp/ok/".try_into().unwrap()).unwrap();
        assert!(!is_volatile(b"/tmp/ok/x", &config));
        assert!(is_volatile(b"/tmp/other", &config));
    }
}
