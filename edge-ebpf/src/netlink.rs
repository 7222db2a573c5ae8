//! A walk through messages to the kernel about rules and routes: netlink messages, their attributes, the expressions of a rule, and the data
//! of an expression, all of them lists of things that say their length.
//!
//! It is one flat loop instead of one within the other, and keeps what it knows in one value, so that the verifier follows a step once,
//! wherever it is taken. Nothing is trusted: whatever lies there, the walk takes at most [`STEPS`] steps and reads what the process may read.

use crate::detectors::Sighting;
use crate::detectors::net_tamper::{Content, Step, Term, advance, effect, name, policy, step, term};

/// Steps of one walk: a message, an attribute, an expression or an attribute of its data takes one. A rule that drops takes about ten.
pub const STEPS: u32 = 64;

/// Bytes of `struct nlmsghdr` (`include/uapi/linux/netlink.h`).
const HEADER: u64 = 16;
/// Bytes of `struct nfgenmsg`: family, version and resource.
const FAMILY: u64 = 4;
/// Bytes of `struct rtmsg` (`include/uapi/linux/rtnetlink.h`).
const ROUTE: u64 = 12;
/// Bytes of `struct nlattr`: length and kind.
const ATTRIBUTE: u64 = 4;
/// What of an attribute's kind is no flag.
const KIND: u16 = 0x3fff;

/// Attributes of `include/uapi/linux/netfilter/nf_tables.h`: `NFTA_RULE_HANDLE`, `NFTA_RULE_EXPRESSIONS`, `NFTA_CHAIN_POLICY`,
/// `NFTA_IMMEDIATE_DATA`; `NFTA_NAT_TYPE` and `NFTA_TARGET_NAME` have the same number.
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const IMMEDIATE_DATA: u16 = 2;
const FIRST: u16 = 1;

/// Where messages lie.
pub trait Memory {
    /// What lies at an address; zeros where nothing can be read. `T` is made of numbers.
    fn read<T: Copy + Default>(&self, address: u64) -> T;
}

/// The head of `struct nlmsghdr`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Head {
    /// Its length, itself included.
    length: u32,
    /// What it asks for.
    kind: u16,
    /// How.
    flags: u16,
}

/// The head of `struct nlattr`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Attribute {
    /// Its length, itself included.
    length: u16,
    /// What it is.
    kind: u16,
}

impl Attribute {
    /// How much room it takes.
    #[inline(always)]
    fn room(self) -> u64 {
        (u64::from(self.length) + 3) & !3
    }

    /// Bytes of its content.
    #[inline(always)]
    fn content(self) -> u32 {
        u32::from(self.length).saturating_sub(ATTRIBUTE as u32)
    }
}

/// What stands at the walk's place: a message, an attribute of one, an expression of a rule, an attribute of an expression's data.
const AT_MESSAGE: u32 = 0;
const AT_ATTRIBUTE: u32 = 1;
const AT_EXPRESSION: u32 = 2;
const AT_DETAIL: u32 = 3;

/// Where a walk is, and what it knows. Numbers only, so that any bytes are a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Walk {
    /// What is looked at next.
    at: u64,
    /// Where the message ends.
    end: u64,
    /// Where the next message begins.
    next_message: u64,
    /// Where the next expression begins.
    next_expression: u64,
    /// What stands at `at`.
    place: u32,
    /// The kind of attribute that is looked for.
    wanted: u32,
    /// The kind of the message.
    kind: u32,
    /// Whether no expression of the rule asked for anything; not 0 if so.
    bare: u32,
    /// What the expression is: the beginning of its name.
    name: u64,
    /// What has been found: one of [`edge_abi::reason`], or 0.
    found: u32,
    /// The kind of the message that led to it.
    value: u32,
}

/// Whether a walk goes on.
const ON: bool = true;

/// A message in which nothing was found.
const NOTHING: Content = Content { handle: false, bits: u8::MAX, effect: 0 };

impl Walk {
    /// At the first message.
    #[inline(always)]
    #[must_use]
    pub const fn new(address: u64) -> Self {
        Self {
            at: address,
            end: 0,
            next_message: 0,
            next_expression: 0,
            place: AT_MESSAGE,
            wanted: 0,
            kind: 0,
            bare: 0,
            name: 0,
            found: 0,
            value: 0,
        }
    }

    /// What was found so far.
    #[inline(always)]
    #[must_use]
    pub fn sighting(&self) -> Option<Sighting> {
        let sighting = Sighting { reason: self.found as u8, value: u64::from(self.value), target: 0 };
        (sighting.reason != 0).then_some(sighting)
    }

    /// Takes one step; whether there is another.
    #[inline(always)]
    pub fn step(&mut self, memory: &impl Memory) -> bool {
        if self.place == AT_MESSAGE {
            return self.message(memory);
        }
        let attribute: Attribute =
            if self.at < self.end { memory.read(self.at) } else { Attribute::default() };
        let is_one = u64::from(attribute.length) >= ATTRIBUTE;
        let is_wanted = is_one && u32::from(attribute.kind & KIND) == self.wanted;
        if self.place == AT_EXPRESSION {
            return if is_one { self.expression(memory, attribute) } else { self.conclude(NOTHING) };
        }
        if self.place == AT_DETAIL && (is_wanted || !is_one) {
            let detail = if is_wanted { self.detail(memory, attribute) } else { u64::MAX };
            return self.judge(detail);
        }
        if is_wanted {
            return self.attribute(memory, attribute);
        }
        if !is_one {
            return self.conclude(NOTHING);
        }
        self.at += attribute.room();
        ON
    }

    /// A message: what it does, and what of it must be looked at.
    #[inline(always)]
    fn message(&mut self, memory: &impl Memory) -> bool {
        let head: Head = memory.read(self.at);
        let length = u64::from(head.length);
        if length < HEADER {
            return !ON;
        }
        self.kind = u32::from(head.kind);
        self.end = self.at + length;
        self.next_message = self.at + ((length + 3) & !3);
        let wanted = match step(head.kind) {
            Step::RemovesRules => RULE_HANDLE,
            Step::AddsChain => CHAIN_POLICY,
            Step::AddsRule => RULE_EXPRESSIONS,
            Step::RemovesRoute if length >= HEADER + ROUTE => {
                // Family, then the bits of the destination's prefix.
                let [_, bits]: [u8; 2] = memory.read(self.at + HEADER);
                return self.conclude(Content { bits, ..NOTHING });
            }
            _ => return self.conclude(NOTHING),
        };
        self.wanted = u32::from(wanted);
        self.place = AT_ATTRIBUTE;
        self.at += HEADER + FAMILY;
        ON
    }

    /// The attribute that a message was searched for.
    #[inline(always)]
    fn attribute(&mut self, memory: &impl Memory, attribute: Attribute) -> bool {
        let content = self.at + ATTRIBUTE;
        if self.wanted == u32::from(RULE_EXPRESSIONS) {
            self.end = self.at + u64::from(attribute.length);
            self.place = AT_EXPRESSION;
            self.at = content;
            self.bare = 1;
            return ON;
        }
        if self.wanted == u32::from(CHAIN_POLICY) {
            let effect = policy(u64::from(u32::from_be(memory.read(content))));
            return self.conclude(Content { effect, ..NOTHING });
        }
        self.conclude(Content { handle: true, ..NOTHING })
    }

    /// An expression of a rule: an attribute that holds two, its name and its data.
    #[inline(always)]
    fn expression(&mut self, memory: &impl Memory, whole: Attribute) -> bool {
        let own: Attribute = memory.read(self.at + ATTRIBUTE);
        self.name = name(memory.read(self.at + 2 * ATTRIBUTE), own.content());
        self.next_expression = self.at + whole.room();
        self.wanted = match term(self.name) {
            Term::Verdict => u32::from(IMMEDIATE_DATA),
            Term::Translates | Term::Target => u32::from(FIRST),
            _ => return self.judge(u64::MAX),
        };
        self.place = AT_DETAIL;
        self.at += ATTRIBUTE + own.room() + ATTRIBUTE;
        ON
    }

    /// The word that says more about an expression.
    #[inline(always)]
    fn detail(&self, memory: &impl Memory, attribute: Attribute) -> u64 {
        let content = self.at + ATTRIBUTE;
        match term(self.name) {
            Term::Target => name(memory.read(content), attribute.content()),
            Term::Translates => u64::from(u32::from_be(memory.read(content))),
            // `NFTA_DATA_VERDICT`, and in it first `NFTA_VERDICT_CODE`.
            _ => u64::from(u32::from_be(memory.read(content + 2 * ATTRIBUTE))),
        }
    }

    /// What an expression does, with the word that says more; then the next one.
    #[inline(always)]
    fn judge(&mut self, detail: u64) -> bool {
        let term = term(self.name);
        let effect = effect(term, self.bare != 0, detail);
        if effect != 0 {
            return self.conclude(Content { effect, ..NOTHING });
        }
        self.bare &= u32::from(term == Term::Neutral);
        self.place = AT_EXPRESSION;
        self.at = self.next_expression;
        ON
    }

    /// What a message comes to; then the next one.
    #[inline(always)]
    fn conclude(&mut self, content: Content) -> bool {
        let kind = self.kind as u16;
        let after = u32::from(advance(self.found as u8, step(kind), content));
        if after != self.found {
            self.value = u32::from(kind);
        }
        self.found = after;
        self.place = AT_MESSAGE;
        self.at = self.next_message;
        ON
    }
}

#[cfg(test)]
mod tests;
