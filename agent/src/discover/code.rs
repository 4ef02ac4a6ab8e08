//! Where in a function a probe costs least.
//!
//! The kernel puts a breakpoint over an instruction, and has to do that instruction's work itself afterwards: some it
//! emulates, which takes well under a microsecond; the others it steps through in a copy, which takes more than ten
//! (`arch/x86/kernel/uprobes.c`: `push_setup_xol_ops`, `branch_setup_xol_ops`).

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
};

/// Instructions that are looked at, from the function's entry.
const FARTHEST: usize = 24;

/// Bytes of code that hold them: an x86 instruction has at most 15.
pub(super) const CODE: usize = FARTHEST * 15;

/// How far behind the entry, in bytes, the first instruction lies that the kernel emulates, where the argument in
/// `register` is still what it was. 0, the entry, if there is none.
pub(super) fn cheapest(code: &[u8], register: Register) -> u64 {
    let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    let mut uses = InstructionInfoFactory::new();
    for _ in 0..FARTHEST {
        if !decoder.can_decode() {
            break;
        }
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            break;
        }
        if is_emulated(&instruction) {
            return instruction.ip();
        }
        let info = uses.info(&instruction);
        let overwrites = info.used_registers().iter().any(|used| {
            used.register().full_register() == register
                && matches!(used.access(), OpAccess::Write | OpAccess::ReadWrite | OpAccess::CondWrite)
        });
        if overwrites || instruction.flow_control() != FlowControl::Next {
            break;
        }
    }
    0
}

fn is_emulated(instruction: &Instruction) -> bool {
    let pushes = instruction.mnemonic() == Mnemonic::Push && instruction.op0_kind() == OpKind::Register;
    let branches = instruction.is_jcc_short_or_near()
        || instruction.is_jmp_short_or_near()
        || instruction.is_call_near();
    let nothing = instruction.mnemonic() == Mnemonic::Nop && instruction.len() == 1;
    pushes || branches || nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_emulated_instruction_is_found_before_the_argument_is_gone() {
        // push rbp; mov rbp, rsp
        assert_eq!(cheapest(&[0x55, 0x48, 0x89, 0xe5], Register::RDI), 0);
        // sub rsp, 8; push rbx
        assert_eq!(cheapest(&[0x48, 0x83, 0xec, 0x08, 0x53], Register::RDI), 4);
        // mov rdi, rsi; push rbx: too late
        assert_eq!(cheapest(&[0x48, 0x89, 0xf7, 0x53], Register::RDI), 0);
        assert_eq!(cheapest(&[0x48, 0x89, 0xf7, 0x53], Register::RSI), 3);
        // ret
        assert_eq!(cheapest(&[0xc3, 0x53], Register::RDI), 0);
        assert_eq!(cheapest(&[], Register::RDI), 0);
    }
}
