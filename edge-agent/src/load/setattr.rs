//! Where the hook `inode_setattr` has its dentry, which is the one thing about the hooks used that changed between Linux 5.10 and 7.2.

use std::fs;

/// The function that LSM programs are attached to, and the one that asks security modules.
pub(super) const FUNCTIONS: [&str; 2] = ["bpf_lsm_inode_setattr", "security_inode_setattr"];

/// The kernel's version.
const RELEASE: &str = "/proc/sys/kernel/osrelease";

/// Which argument is the dentry, by a prototype.
pub(super) fn dentry(prototype: &str) -> u32 {
    u32::from(!prototype.starts_with("int (struct dentry *"))
}

/// Which argument it is where no prototype is known, by the running kernel's version.
pub(super) fn usual() -> [u32; 2] {
    fs::read_to_string(RELEASE).map_or([0; 2], |release| since(&release))
}

/// Who maps users stands first since 6.9 for LSM programs, and since 6.0 for the function that asks.
fn since(release: &str) -> [u32; 2] {
    let mut numbers = release.split(['.', '-']).map(|number| number.trim().parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    [u32::from(version >= (6, 9)), u32::from(version >= (6, 0))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prototype_tells_where_the_dentry_is() {
        assert_eq!(dentry("int (struct dentry *dentry, struct iattr *attr)"), 0);
        assert_eq!(dentry("int (struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr)"), 1);
        assert_eq!(
            dentry("int (struct user_namespace *mnt_userns, struct dentry *dentry, struct iattr *attr)"),
            1
        );
    }

    #[test]
    fn a_version_tells_it_too() {
        assert_eq!(since("5.10.0-32-arm64\n"), [0, 0]);
        assert_eq!(since("6.1.0-18-arm64"), [0, 1]);
        assert_eq!(since("6.8.12"), [0, 1]);
        assert_eq!(since("6.12.9+bpo-arm64"), [1, 1]);
        assert_eq!(since("7.2-rc1"), [1, 1]);
    }
}
