//! Walks through batches as `nft` and `iptables-nft` send them, and through garbage.

use std::vec::Vec;

use edge_abi::reason;

use super::*;

/// A process's memory: bytes at address [`BASE`].
struct Bytes<'b>(&'b [u8]);

/// Where they lie.
const BASE: u64 = 4096;

impl Memory for Bytes<'_> {
    fn read<T: Copy + Default>(&self, address: u64) -> T {
        let from = usize::try_from(address.wrapping_sub(BASE)).ok();
        let bytes = from.and_then(|from| self.0.get(from..from.checked_add(size_of::<T>())?));
        let Some(bytes) = bytes else { return T::default() };
        // SAFETY: as many bytes as the value has, of which the trait says that it is made of numbers.
        unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }
    }
}

/// What a walk through these bytes finds, and how many steps it took.
fn walk(bytes: &[u8]) -> (Option<(u8, u64)>, u32) {
    let (mut walk, mut steps) = (Walk::new(BASE), 0);
    while steps < STEPS && walk.step(&Bytes(bytes)) {
        steps += 1;
    }
    (walk.sighting().map(|seen| (seen.reason, seen.value)), steps)
}

/// An attribute.
fn attribute(kind: u16, content: &[u8]) -> Vec<u8> {
    let mut bytes = (content.len() as u16 + 4).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A message of nftables, or another one where the kind has an upper byte.
fn message(kind: u16, body: &[Vec<u8>]) -> Vec<u8> {
    let body = body.concat();
    let kind = if kind > 0xff { kind } else { 0x0a00 | kind };
    let mut bytes = (body.len() as u32 + 20).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend([0; 14]);
    bytes.extend(body);
    bytes
}

/// An expression.
fn expression(name: &[u8], data: &[Vec<u8>]) -> Vec<u8> {
    attribute(0x8001, &[attribute(1, name), attribute(0x8002, &data.concat())].concat())
}

/// A number in network byte order.
fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

/// The expression of a verdict.
fn verdict(code: u32) -> Vec<u8> {
    let data = attribute(0x8002, &attribute(0x8002, &number(1, code)));
    expression(b"immediate\0", &[number(1, 0), data])
}

/// A rule as `nft add rule` sends it.
fn rule(expressions: &[Vec<u8>]) -> Vec<u8> {
    let list = attribute(0x8004, &expressions.concat());
    message(6, &[attribute(1, b"filter\0"), attribute(2, b"input\0"), attribute(7, b"note"), list])
}

/// The first and the last message of a batch.
fn batch(messages: &[Vec<u8>]) -> Vec<u8> {
    let bound = |kind: u16| {
        let mut bytes = 20_u32.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 14]);
        bytes
    };
    [bound(16), messages.concat(), bound(17)].concat()
}

#[test]
fn rules_are_read_to_what_they_do() {
    let counter = || expression(b"counter\0", &[]);
    let meta = || expression(b"meta\0", &[number(2, 16), number(1, 1)]);
    let drops = Some((reason::DROPS_ALL, 0x0a06));
    let redirects = Some((reason::REDIRECTS, 0x0a06));
    for (expressions, expected) in [
        (std::vec![verdict(0)], drops),
        (std::vec![counter(), expression(b"log\0", &[]), verdict(0)], drops),
        (std::vec![expression(b"reject\0", &[number(1, 0)])], drops),
        (std::vec![verdict(1)], None),
        (std::vec![counter(), meta(), verdict(0)], None),
        (std::vec![meta(), expression(b"redir\0", &[])], redirects),
        (std::vec![meta(), expression(b"nat\0", &[number(1, 1), number(2, 2)])], redirects),
        (std::vec![expression(b"nat\0", &[number(1, 0)])], None),
        (std::vec![expression(b"masq\0", &[])], None),
        (std::vec![meta(), expression(b"target\0", &[attribute(1, b"REDIRECT\0")])], redirects),
        (std::vec![meta(), expression(b"target\0", &[attribute(1, b"MARK\0")])], None),
    ] {
        assert_eq!(walk(&batch(&[rule(&expressions)])).0, expected, "{expressions:?}");
    }
}

#[test]
fn chains_flushes_and_routes_are_told() {
    let table = || attribute(1, b"filter\0");
    let chain = |policy| message(3, &[table(), attribute(3, b"input\0"), number(5, policy)]);
    assert_eq!(walk(&batch(&[chain(0)])).0, Some((reason::DROPS_ALL, 0x0a03)));
    assert_eq!(walk(&batch(&[chain(1)])).0, None);
    assert_eq!(walk(&batch(&[message(3, &[table(), attribute(3, b"own\0")])])).0, None);
    assert_eq!(walk(&batch(&[message(8, &[table()])])).0, Some((reason::RULES_REMOVED, 0x0a08)));
    let one = message(8, &[table(), attribute(2, b"input\0"), number(3, 7)]);
    assert_eq!(walk(&batch(&[one])).0, None, "by its handle");
    let reload = [message(2, &[table()]), message(0, &[table()]), rule(&[verdict(0)])];
    assert_eq!(walk(&batch(&reload)).0, Some((reason::RULES_REPLACED, 0x0a00)));
    // The last of several rules counts as much as the first.
    let accept = || rule(&[verdict(1)]);
    assert_eq!(walk(&batch(&[accept(), accept(), rule(&[verdict(0)])])).0, Some((reason::DROPS_ALL, 0x0a06)));
    let route = |bits: u8| {
        let mut bytes = 28_u32.to_ne_bytes().to_vec();
        bytes.extend(25_u16.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend([2, bits]);
        bytes.extend([0; 10]);
        bytes
    };
    assert_eq!(walk(&route(0)).0, Some((reason::ROUTE_REMOVED, 25)));
    assert_eq!(walk(&route(24)).0, None);
}

#[test]
fn what_is_cut_short_is_nothing() {
    let whole = batch(&[rule(&[verdict(0)])]);
    for length in 0..whole.len() - 20 {
        let (found, steps) = walk(&whole[..length]);
        assert!(steps <= STEPS);
        // From where the verdict's code is complete.
        assert!(found.is_none() || length > whole.len() - 40, "{length}: {found:?}");
    }
}

#[test]
fn garbage_ends() {
    let mut seed = 1_u64;
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..256)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Small numbers are lengths that lead somewhere.
                ((seed >> 56) as u8) & if seed & 1 == 0 { 0x1f } else { 0xff }
            })
            .collect();
        let (_, steps) = walk(&bytes);
        assert!(steps <= STEPS);
    }
}

#[test]
fn a_batch_with_any_byte_changed_ends() {
    let bytes = batch(&[rule(&[verdict(1)]), rule(&[verdict(0)])]);
    for at in 0..bytes.len() {
        for value in 0..=u8::MAX {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let (_, steps) = walk(&damaged);
            assert!(steps <= STEPS);
        }
    }
}
