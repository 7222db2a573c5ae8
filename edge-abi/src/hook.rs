//! The hooks of the object sensors: what arguments they have, in which kernels. The programs take arguments by their place, so a
//! place that moves is a wrong verdict; a test compares every statement here with the BTF of every guest kernel
//! (`guest/prototypes_hold`).

/// A prototype, and the first kernel that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prototype {
    /// Major and minor version of the kernel; the statement holds from there to the next one, or to 7.2.
    pub since: (u16, u16),
    /// As BTF tells it; empty where the function does not exist yet.
    pub text: &'static str,
}

/// A hook that sensors are attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Its name in `include/linux/lsm_hook_defs.h`; LSM programs are attached to `bpf_lsm_NAME`.
    pub name: &'static str,
    /// The function of `security/security.c` that calls it, to which kprobes are attached.
    pub function: &'static str,
    /// Prototypes of `bpf_lsm_NAME`, oldest first.
    pub lsm: &'static [Prototype],
    /// Prototypes of the function where they are others; empty where they are the same.
    pub kprobe: &'static [Prototype],
}

impl Hook {
    /// Prototypes of the function that kprobes are attached to, oldest first.
    #[must_use]
    pub const fn of_kprobe(&self) -> &'static [Prototype] {
        if self.kprobe.is_empty() { self.lsm } else { self.kprobe }
    }
}

/// One hook: name and function, then prototypes by kernel.
macro_rules! hook {
    ($name:literal, $function:literal, [$($lsm:expr),*] $(, [$($kprobe:expr),*])?) => {
        Hook {
            name: $name,
            function: $function,
            lsm: &[$($lsm),*],
            kprobe: &[$($($kprobe),*)?],
        }
    };
}

/// A prototype since a version.
const fn since(major: u16, minor: u16, text: &'static str) -> Prototype {
    Prototype { since: (major, minor), text }
}

/// A prototype that every supported kernel has.
const fn always(text: &'static str) -> Prototype {
    since(5, 10, text)
}

/// Every hook that an object sensor uses, by name.
pub const HOOKS: &[Hook] = &[
    hook!(
        "bpf",
        "security_bpf",
        [
            always("int (int cmd, union bpf_attr *attr, unsigned int size)"),
            since(6, 15, "int (int cmd, union bpf_attr *attr, unsigned int size, bool kernel)")
        ]
    ),
    hook!("bprm_check_security", "security_bprm_check", [always("int (struct linux_binprm *bprm)")]),
    hook!(
        "file_fcntl",
        "security_file_fcntl",
        [always("int (struct file *file, unsigned int cmd, long unsigned int arg)")]
    ),
    hook!("file_open", "security_file_open", [always("int (struct file *file)")]),
    hook!("file_permission", "security_file_permission", [always("int (struct file *file, int mask)")]),
    hook!(
        "inode_create",
        "security_inode_create",
        [always("int (struct inode *dir, struct dentry *dentry, umode_t mode)")]
    ),
    hook!(
        "inode_init_security_anon",
        "security_inode_init_security_anon",
        [
            always(""),
            since(
                5,
                12,
                "int (struct inode *inode, const struct qstr *name, const struct inode *context_inode)"
            )
        ]
    ),
    hook!(
        "inode_link",
        "security_inode_link",
        [always("int (struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry)")]
    ),
    // The function that calls it has one more argument, behind these.
    hook!(
        "inode_rename",
        "security_inode_rename",
        [always(
            "int (struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir, struct dentry *new_dentry)"
        )],
        [always(
            "int (struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir, struct dentry *new_dentry, unsigned int flags)"
        )]
    ),
    hook!("inode_rmdir", "security_inode_rmdir", [always("int (struct inode *dir, struct dentry *dentry)")]),
    // The function got an argument in front before the hook did.
    hook!(
        "inode_setattr",
        "security_inode_setattr",
        [
            always("int (struct dentry *dentry, struct iattr *attr)"),
            since(6, 7, "int (struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr)")
        ],
        [
            always("int (struct dentry *dentry, struct iattr *attr)"),
            since(6, 0, "int (struct user_namespace *mnt_userns, struct dentry *dentry, struct iattr *attr)"),
            since(6, 3, "int (struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr)")
        ]
    ),
    hook!(
        "inode_setxattr",
        "security_inode_setxattr",
        [
            always(
                "int (struct dentry *dentry, const char *name, const void *value, size_t size, int flags)"
            ),
            since(
                5,
                12,
                "int (struct user_namespace *mnt_userns, struct dentry *dentry, const char *name, const void *value, size_t size, int flags)"
            ),
            since(
                6,
                3,
                "int (struct mnt_idmap *idmap, struct dentry *dentry, const char *name, const void *value, size_t size, int flags)"
            )
        ]
    ),
    hook!(
        "inode_symlink",
        "security_inode_symlink",
        [always("int (struct inode *dir, struct dentry *dentry, const char *old_name)")]
    ),
    hook!(
        "inode_unlink",
        "security_inode_unlink",
        [always("int (struct inode *dir, struct dentry *dentry)")]
    ),
    hook!(
        "kernel_load_data",
        "security_kernel_load_data",
        [always("int (enum kernel_load_data_id id, bool contents)")]
    ),
    hook!(
        "kernel_read_file",
        "security_kernel_read_file",
        [always("int (struct file *file, enum kernel_read_file_id id, bool contents)")]
    ),
    // The function lacks the argument of what was asked for: flags are its third, and the hook's fourth.
    hook!(
        "mmap_file",
        "security_mmap_file",
        [
            always(
                "int (struct file *file, long unsigned int reqprot, long unsigned int prot, long unsigned int flags)"
            ),
            since(
                6,
                16,
                "int (struct file *file__nullable, long unsigned int reqprot, long unsigned int prot, long unsigned int flags)"
            )
        ],
        [always("int (struct file *file, long unsigned int prot, long unsigned int flags)")]
    ),
    hook!(
        "move_mount",
        "security_move_mount",
        [always("int (const struct path *from_path, const struct path *to_path)")]
    ),
    hook!(
        "ptrace_access_check",
        "security_ptrace_access_check",
        [always("int (struct task_struct *child, unsigned int mode)")]
    ),
    hook!(
        "sb_mount",
        "security_sb_mount",
        [always(
            "int (const char *dev_name, const struct path *path, const char *type, long unsigned int flags, void *data)"
        )]
    ),
    hook!(
        "sb_pivotroot",
        "security_sb_pivotroot",
        [always("int (const struct path *old_path, const struct path *new_path)")]
    ),
    hook!(
        "socket_create",
        "security_socket_create",
        [always("int (int family, int type, int protocol, int kern)")]
    ),
    hook!(
        "task_alloc",
        "security_task_alloc",
        [
            always("int (struct task_struct *task, long unsigned int clone_flags)"),
            since(6, 18, "int (struct task_struct *task, u64 clone_flags)")
        ]
    ),
    hook!(
        "task_fix_setuid",
        "security_task_fix_setuid",
        [always("int (struct cred *new, const struct cred *old, int flags)")]
    ),
    hook!(
        "task_kill",
        "security_task_kill",
        [always(
            "int (struct task_struct *p, struct kernel_siginfo *info, int sig, const struct cred *cred)"
        )]
    ),
];

/// What is stated of a kernel by `prototypes`; empty where it is older than all of them, or lacks the function.
#[must_use]
pub fn stated(prototypes: &[Prototype], version: (u16, u16)) -> &'static str {
    prototypes
        .iter()
        .rev()
        .find(|prototype| prototype.since <= version)
        .map_or("", |prototype| prototype.text)
}

/// The place of a parameter in a prototype, from 0; parameters are told apart by the beginning of their names, to which kernels add
/// annotations (`file__nullable`).
#[must_use]
pub fn place_of(prototype: &str, parameter: &str) -> Option<usize> {
    let (_, parameters) = prototype.split_once('(')?;
    let name = |text: &str| {
        let name = text.trim_end_matches(')').rsplit([' ', '*']).next().unwrap_or_default();
        name.split("__").next() == Some(parameter)
    };
    parameters.split(',').position(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_sorted_and_their_versions_ascend() {
        assert!(HOOKS.is_sorted_by(|left, right| left.name < right.name));
        for hook in HOOKS {
            for prototypes in [hook.lsm, hook.of_kprobe()] {
                assert!(prototypes.is_sorted_by(|left, right| left.since < right.since), "{}", hook.name);
                assert_eq!(prototypes.first().map(|first| first.since), Some((5, 10)), "{}", hook.name);
            }
        }
    }

    #[test]
    fn places_of_arguments_move_with_the_kernel() {
        let hook = HOOKS.iter().find(|hook| hook.name == "inode_setattr").unwrap();
        let place = |prototypes, version| place_of(stated(prototypes, version), "dentry");
        assert_eq!(place(hook.lsm, (6, 1)), Some(0));
        assert_eq!(place(hook.of_kprobe(), (5, 10)), Some(0));
        assert_eq!(place(hook.of_kprobe(), (6, 1)), Some(1));
        assert_eq!(place(hook.lsm, (6, 12)), Some(1));
        let hook = HOOKS.iter().find(|hook| hook.name == "mmap_file").unwrap();
        assert_eq!(place_of(stated(hook.lsm, (7, 2)), "file"), Some(0));
        assert_eq!(place_of(stated(hook.lsm, (7, 2)), "flags"), Some(3));
        assert_eq!(place_of(stated(hook.of_kprobe(), (5, 10)), "flags"), Some(2));
        assert_eq!(stated(hook.lsm, (5, 4)), "");
    }
}
