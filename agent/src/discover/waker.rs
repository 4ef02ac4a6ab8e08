//! Where tokio's wakes are in an executable without symbols.
//!
//! A waker is a pointer and a table of four functions (`core::task::RawWakerVTable`): clone, wake, wake_by_ref, drop. tokio's
//! is a constant, so in a position-independent executable it is four words in a row that the loader has to relocate. tokio
//! counts references to a task in steps of 64, in the first word of its header (`tokio::runtime::task::state`, REF_ONE): so
//! clone adds 64 to the word at its argument, and drop takes 64 off. Nobody else's table does both.

use std::collections::BTreeMap;

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Mnemonic, OpKind, Register};

/// Bytes of a function in which its first atomic addition has to be.
pub(super) const LOOKED_AT: usize = 64;

/// What a reference counts.
const REFERENCE: i64 = 64;

/// `wake` and `wake_by_ref` of each of tokio's tables. `words` holds the relocated words: where each is, and what it points
/// to; `code` gives the code at an address, if there is code.
pub(super) fn wakes<C: AsRef<[u8]>>(words: &BTreeMap<u64, u64>, code: impl Fn(u64) -> Option<C>) -> Vec<u64> {
    let adds = |function: u64, step| code(function).and_then(|code| first_added(code.as_ref())) == Some(step);
    let mut found = Vec::new();
    for (address, clone) in words {
        let Some(slots) = address.checked_add(24) else { break };
        let mut rest = words.range(address + 8..=slots);
        let next: [Option<(&u64, &u64)>; 3] = [rest.next(), rest.next(), rest.next()];
        let [Some((_, wake)), Some((_, by_reference)), Some((last, drop))] = next else { continue };
        // Three words up to the last one's address are a row.
        if *last == slots && adds(*clone, REFERENCE) && adds(*drop, -REFERENCE) {
            found.extend([*wake, *by_reference]);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What a function adds, by its first atomic addition, to the word of 8 bytes at its first argument. None where it does
/// anything else before than to load that number.
fn first_added(code: &[u8]) -> Option<i64> {
    let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    let mut loaded = None;
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() || instruction.flow_control() != FlowControl::Next {
            return None;
        }
        match instruction.mnemonic() {
            Mnemonic::Mov if instruction.op0_register() == Register::RDI => return None,
            Mnemonic::Mov if is_immediate(instruction.op1_kind()) => {
                let register = instruction.op0_register().full_register();
                // To 32 bits the upper half is 0; to 64 the sign is taken along.
                let number = if instruction.code() == Code::Mov_r32_imm32 {
                    i64::from(instruction.immediate32())
                } else {
                    instruction.immediate(1).cast_signed()
                };
                loaded = Some((register, number));
            }
            Mnemonic::Xadd => {
                let (register, number) = loaded?;
                let is_it = instruction.has_lock_prefix()
                    && instruction.op0_kind() == OpKind::Memory
                    && instruction.memory_base() == Register::RDI
                    && instruction.memory_index() == Register::None
                    && instruction.memory_displacement64() == 0
                    && instruction.op1_register() == register;
                return is_it.then_some(number);
            }
            _ => {}
        }
    }
    None
}

fn is_immediate(kind: OpKind) -> bool {
    matches!(kind, OpKind::Immediate32 | OpKind::Immediate64 | OpKind::Immediate32to64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mov eax, 64; lock xadd [rdi], rax
    const CLONE: [u8; 10] = [0xb8, 0x40, 0, 0, 0, 0xf0, 0x48, 0x0f, 0xc1, 0x07];
    /// mov rax, -64; lock xadd [rdi], rax
    const DROP: [u8; 12] = [0x48, 0xc7, 0xc0, 0xc0, 0xff, 0xff, 0xff, 0xf0, 0x48, 0x0f, 0xc1, 0x07];
    /// Counts by one, as `Arc` does.
    const ARC: [u8; 10] = [0xb8, 1, 0, 0, 0, 0xf0, 0x48, 0x0f, 0xc1, 0x07];
    const RET: [u8; 1] = [0xc3];

    fn code(address: u64) -> Option<&'static [u8]> {
        Some(match address {
            0x100 => &CLONE,
            0x200..=0x2ff => &RET,
            0x300 => &DROP,
            0x400 => &ARC,
            _ => return None,
        })
    }

    fn found(words: &[(u64, u64)]) -> Vec<u64> {
        wakes(&words.iter().copied().collect(), code)
    }

    #[test]
    fn the_table_is_known_by_what_clone_and_drop_do() {
        let others = [(0x1000, 0x210), (0x1008, 0x220)];
        let table = [(0x1010, 0x100), (0x1018, 0x230), (0x1020, 0x240), (0x1028, 0x300)];
        assert_eq!(found(&[&others[..], &table].concat()), [0x230, 0x240]);
        assert_eq!(found(&table[..3]), [0; 0], "it has four");
    }

    #[test]
    fn other_tables_are_passed_over() {
        assert_eq!(found(&[(0x10, 0x400), (0x18, 0x230), (0x20, 0x240), (0x28, 0x400)]), [0; 0], "an Arc's");
        assert_eq!(found(&[(0x10, 0x100), (0x18, 0x230), (0x20, 0x240), (0x28, 0x240)]), [0; 0], "no such drop");
        assert_eq!(found(&[(0x10, 0x100), (0x18, 0x230), (0x28, 0x240), (0x30, 0x300)]), [0; 0], "no row");
        assert_eq!(found(&[(u64::MAX - 8, 0x100), (u64::MAX, 0x200)]), [0; 0]);
    }

    #[test]
    fn what_is_added_is_the_number_that_was_loaded() {
        assert_eq!(first_added(&CLONE), Some(64));
        assert_eq!(first_added(&DROP), Some(-64));
        // xchg-free: mov ecx, 64; lock xadd [rdi], rax
        assert_eq!(first_added(&[0xb9, 0x40, 0, 0, 0, 0xf0, 0x48, 0x0f, 0xc1, 0x07]), None);
        assert_eq!(first_added(&RET), None);
        assert_eq!(first_added(&CLONE[..7]), None);
    }
}
