//! Where the fields of the kernel's structs lie, for the sensors that look at files as the kernel knows them.

/// A field of a struct of the kernel that a sensor reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Offset {
    /// `struct dentry`, `d_inode` (`include/linux/dcache.h`).
    DentryInode = 0,
    /// `struct dentry`, `d_name`: a `struct qstr` of hash, length and pointer to the bytes.
    DentryName,
    /// `struct dentry`, `d_parent`.
    DentryParent,
    /// `struct file`, `f_flags` (`include/linux/fs.h`).
    FileFlags,
    /// `struct file`, `f_inode`.
    FileInode,
    /// `struct file`, `f_mode`.
    FileMode,
    /// `struct file`, `f_path`: a `struct path` of mount and dentry.
    FilePath,
    /// `struct file`, `f_pos`.
    FilePos,
    /// `struct iattr`, `ia_size`.
    IattrSize,
    /// `struct iattr`, `ia_valid`.
    IattrValid,
    /// `struct inode`, `i_ino`.
    InodeIno,
    /// `struct inode`, `i_mode`.
    InodeMode,
    /// `struct inode`, `i_rdev`.
    InodeRdev,
    /// `struct inode`, `i_sb`.
    InodeSb,
    /// `struct inode`, `i_size`.
    InodeSize,
    /// `struct super_block`, `s_dev`.
    SuperDev,
    /// `struct super_block`, `s_magic`.
    SuperMagic,
    /// `struct task_struct`, `real_cred`, which `cred` follows (`include/linux/sched.h`).
    TaskRealCred,
}

/// Entries of the table of offsets: a byte offset plus one, or 0 where the field is not known.
pub const OFFSET_SLOTS: usize = 64;
