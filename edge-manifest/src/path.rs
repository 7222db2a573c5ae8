//! Which paths a manifest may hold.

use core::fmt;

use crate::MAX_PATH_BYTES;

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// A component is `.` or `..`.
    Dots,
    /// A component is empty: `//`, a slash at the end, or `/` where something below it is wanted.
    Empty,
    /// Longer than [`MAX_PATH_BYTES`].
    Long,
    /// Holds a byte 0.
    Nul,
    /// Does not begin with a slash.
    Relative,
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dots => f.write_str("has a component . or .."),
            Self::Empty => f.write_str("has an empty component"),
            Self::Long => write!(f, "is longer than {MAX_PATH_BYTES} bytes"),
            Self::Nul => f.write_str("holds a byte 0"),
            Self::Relative => f.write_str("is not absolute"),
        }
    }
}

impl core::error::Error for PathFault {}

/// Whether a manifest may hold this path; `/` alone it may not.
pub fn check_path(path: &[u8]) -> Result<(), PathFault> {
    if path.len() > MAX_PATH_BYTES {
        return Err(PathFault::Long);
    }
    let Some((b'/', below)) = path.split_first() else { return Err(PathFault::Relative) };
    if below.contains(&0) {
        return Err(PathFault::Nul);
    }
    for component in below.split(|byte| *byte == b'/') {
        match component {
            b"" => return Err(PathFault::Empty),
            b"." | b".." => return Err(PathFault::Dots),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_absolute_paths_are_taken() {
        for path in ["/a", "/usr/bin/[", "/.a/..b/c.", "/a b"] {
            assert_eq!(check_path(path.as_bytes()), Ok(()), "{path}");
        }
        let long = [&b"/"[..], &[b'a'; 254]].concat();
        assert_eq!(check_path(&long), Ok(()));
        assert_eq!(check_path(&[&long[..], b"a"].concat()), Err(PathFault::Long));
        for (path, fault) in [
            ("", PathFault::Relative),
            ("usr", PathFault::Relative),
            ("/", PathFault::Empty),
            ("//usr", PathFault::Empty),
            ("/usr/", PathFault::Empty),
            ("/usr//bin", PathFault::Empty),
            ("/./a", PathFault::Dots),
            ("/usr/..", PathFault::Dots),
            ("/a\0", PathFault::Nul),
        ] {
            assert_eq!(check_path(path.as_bytes()), Err(fault), "{path:?}");
        }
    }
}
