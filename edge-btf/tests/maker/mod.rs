//! Makes BTF.

/// A BTF under construction. Type ids count from 1, in the order of the calls.
pub(crate) struct Maker {
    /// The types' records.
    types: Vec<u32>,
    /// The strings.
    texts: Vec<u8>,
    /// How many types.
    count: u32,
}

impl Default for Maker {
    fn default() -> Self {
        Self { types: Vec::new(), texts: vec![0], count: 0 }
    }
}

impl Maker {
    /// Adds a string, or finds it.
    pub(crate) fn text(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let needle = [b"\0", text.as_bytes(), b"\0"].concat();
        if let Some(at) = self.texts.windows(needle.len()).position(|window| window == needle) {
            return at as u32 + 1;
        }
        let at = self.texts.len() as u32;
        self.texts.extend(needle.iter().skip(1));
        at
    }

    /// Adds a record of any kind.
    pub(crate) fn raw(&mut self, words: &[u32]) -> u32 {
        self.types.extend(words);
        self.count += 1;
        self.count
    }

    pub(crate) fn int(&mut self, name: &str, bytes: u32) -> u32 {
        let name = self.text(name);
        self.raw(&[name, 1 << 24, bytes, bytes * 8])
    }

    /// A pointer (2), typedef (8), const (10) and others that refer to one type.
    pub(crate) fn refer(&mut self, kind: u32, name: &str, id: u32) -> u32 {
        let name = self.text(name);
        self.raw(&[name, kind << 24, id])
    }

    pub(crate) fn array(&mut self, id: u32, count: u32) -> u32 {
        self.raw(&[0, 3 << 24, 0, id, id, count])
    }

    /// Members with their first bit.
    pub(crate) fn structure(&mut self, name: &str, bytes: u32, members: &[(&str, u32, u32)]) -> u32 {
        self.aggregate(4 << 24, name, bytes, members)
    }

    pub(crate) fn union(&mut self, bytes: u32, members: &[(&str, u32, u32)]) -> u32 {
        self.aggregate(5 << 24, "", bytes, members)
    }

    /// A struct with bit fields: the upper 8 bits of a place are the number of bits.
    pub(crate) fn bits(&mut self, name: &str, bytes: u32, members: &[(&str, u32, u32)]) -> u32 {
        self.aggregate(1 << 31 | 4 << 24, name, bytes, members)
    }

    fn aggregate(&mut self, info: u32, name: &str, bytes: u32, members: &[(&str, u32, u32)]) -> u32 {
        let mut words = vec![self.text(name), info | members.len() as u32, bytes];
        for (name, id, bit) in members {
            words.extend([self.text(name), *id, *bit]);
        }
        self.raw(&words)
    }

    pub(crate) fn function(&mut self, name: &str, answer: u32, parameters: &[(&str, u32)]) {
        let mut words = vec![0, 13 << 24 | parameters.len() as u32, answer];
        for (name, id) in parameters {
            words.extend([self.text(name), *id]);
        }
        let prototype = self.raw(&words);
        self.refer(12, name, prototype);
    }

    /// As Linux 5.4 to 7.0 lay it out.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lay_out(24, &[])
    }

    /// With lengths of the kinds from 20 on.
    pub(crate) fn bytes_with_layout(&self, newer: &[(u8, u8)]) -> Vec<u8> {
        let mut layout = vec![0; 80];
        for (fixed, each) in newer {
            layout.extend([*fixed, *each, 0, 0]);
        }
        self.lay_out(32, &layout)
    }

    fn lay_out(&self, header: u32, layout: &[u8]) -> Vec<u8> {
        let types = self.types.len() as u32 * 4;
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        if cfg!(target_endian = "big") {
            bytes.swap(0, 1);
        }
        let texts = self.texts.len() as u32;
        let mut words = vec![header, 0, types, types, texts];
        if header == 32 {
            words.extend([types + texts, layout.len() as u32]);
        }
        words.extend(&self.types);
        bytes.extend(words.into_iter().flat_map(u32::to_ne_bytes));
        bytes.extend(&self.texts);
        bytes.extend(layout);
        bytes
    }
}

/// The shapes that kernels use.
pub(crate) fn kernel() -> Vec<u8> {
    let mut maker = Maker::default();
    let int = maker.int("unsigned int", 4);
    let long = maker.int("unsigned long", 8);
    let short = maker.int("unsigned short", 2);
    let mode = maker.refer(8, "umode_t", short);
    let text = maker.int("char", 1);
    let constant = maker.refer(10, "", text);
    let name = maker.refer(2, "", constant);
    let comm = maker.array(text, 16);
    let read_only = maker.refer(10, "", int);
    let links = maker.union(4, &[("i_nlink", read_only, 0), ("__i_nlink", int, 0)]);
    let inode = maker.bits(
        "inode",
        24,
        &[("i_mode", mode, 0), ("flag", int, 1 << 24 | 32), ("i_ino", long, 64), ("", links, 128)],
    );
    let parts = maker.structure("", 8, &[("hash", int, 0), ("len", int, 32)]);
    let either = maker.union(8, &[("", parts, 0), ("hash_len", long, 0)]);
    let qstr = maker.structure("qstr", 16, &[("", either, 0), ("name", name, 64)]);
    maker.structure("dentry", 48, &[("d_flags", int, 0), ("d_name", qstr, 24 * 8), ("d_rest", int, 40 * 8)]);
    maker.structure("task_struct", 20, &[("pid", int, 0), ("comm", comm, 32)]);
    maker.structure("twice", 4, &[("field", int, 0)]);
    maker.structure("twice", 8, &[("field", int, 32)]);
    // The next id but one is the second half of a circle.
    let first = maker.refer(10, "", 0) + 1;
    let second = maker.refer(9, "", first + 1);
    assert_eq!(second, first);
    maker.refer(10, "", first);
    maker.structure("circle", 4, &[("field", first, 0)]);
    let constant = maker.refer(10, "", inode);
    let pointer = maker.refer(2, "", constant);
    let void = maker.refer(2, "", 0);
    let void = maker.refer(2, "", void);
    maker.function("bpf_lsm_file_open", int, &[("file", pointer), ("mode", mode), ("data", void), ("", 0)]);
    maker.function("many", int, &[]);
    maker.function("many", long, &[]);
    maker.bytes()
}
