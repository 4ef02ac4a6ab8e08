//! What is read off machine code: where in a function a probe costs least, and where a thread-local lies.
//!
//! The kernel puts a breakpoint over an instruction, and has to do that instruction's work itself afterwards: some it
//! emulates, which takes well under a microsecond; the others it steps through in a copy, which takes more than ten
//! (`arch/x86/kernel/uprobes.c`: `push_setup_xol_ops`, `branch_setup_xol_ops`).

use std::collections::{HashMap, HashSet};

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
    let branches =
        instruction.is_jcc_short_or_near() || instruction.is_jmp_short_or_near() || instruction.is_call_near();
    let nothing = instruction.mnemonic() == Mnemonic::Nop && instruction.len() == 1;
    pushes || branches || nothing
}

/// Where the one word of 8 bytes lies, from the thread pointer, that a function writes relative to it. None if it writes
/// several such words, or none.
///
/// A thread-local of the executable is reached by `mov %fs:0, reg` and `lea distance(reg), base` (x86-64 ABI, variant II; the
/// linker makes it so in executables). The function is gone through from its start to its end, whatever its branches: what
/// is followed is which register holds which distance.
pub(super) fn thread_local_written(code: &[u8]) -> Option<i32> {
    let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    let mut uses = InstructionInfoFactory::new();
    let mut distances: HashMap<Register, i64> = HashMap::new();
    let mut written = HashSet::new();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() || instruction.mnemonic() == Mnemonic::Int3 {
            break;
        }
        // Where the memory that is named lies, if that is known.
        let place = match (instruction.memory_segment(), instruction.memory_base(), instruction.memory_index()) {
            (Register::FS, Register::None, Register::None) => Some(displacement(&instruction)),
            (Register::FS, ..) => None,
            (_, base, Register::None) => distances.get(&base).map(|it| it + displacement(&instruction)),
            _ => None,
        };
        let (to, from) = (instruction.op0_kind(), instruction.op1_kind());
        let moves = instruction.mnemonic() == Mnemonic::Mov;
        if moves && to == OpKind::Memory && from == OpKind::Register && instruction.op1_register().is_gpr64() {
            written.extend(place);
        }
        let holds = match (instruction.mnemonic(), from) {
            // The thread pointer itself is the word that it points to.
            (Mnemonic::Mov, OpKind::Memory) if instruction.memory_segment() == Register::FS && place == Some(0) => {
                Some(0)
            }
            (Mnemonic::Lea, _) => place,
            (Mnemonic::Mov, OpKind::Register) => distances.get(&instruction.op1_register()).copied(),
            _ => None,
        };
        for used in uses.info(&instruction).used_registers() {
            if matches!(
                used.access(),
                OpAccess::Write | OpAccess::ReadWrite | OpAccess::CondWrite | OpAccess::ReadCondWrite
            ) {
                distances.remove(&used.register().full_register());
            }
        }
        if matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall) {
            distances.retain(|register, _| KEPT_BY_CALLS.contains(register));
        }
        if let (OpKind::Register, Some(distance)) = (to, holds) {
            distances.insert(instruction.op0_register(), distance);
        }
    }
    let mut written = written.into_iter();
    match (written.next(), written.next()) {
        (Some(one), None) => i32::try_from(one).ok(),
        _ => None,
    }
}

/// The one number that a function adds to a register that is not the stack's. None if it adds several, or none.
///
/// So a function that nothing was optimised in takes the address of a field of its argument.
pub(super) fn added(code: &[u8]) -> Option<i32> {
    let decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    let mut numbers = decoder.into_iter().take_while(|it| it.mnemonic() != Mnemonic::Int3).filter_map(|instruction| {
        let is_added = instruction.mnemonic() == Mnemonic::Add
            && instruction.op0_kind() == OpKind::Register
            && instruction.op0_register() != Register::RSP;
        is_added.then(|| instruction.try_immediate(1).ok()).flatten()
    });
    match (numbers.next(), numbers.next()) {
        (Some(one), None) => i32::try_from(one).ok(),
        _ => None,
    }
}

/// Registers whose value a called function has to keep (x86-64 ABI).
const KEPT_BY_CALLS: [Register; 6] =
    [Register::RBX, Register::RBP, Register::R12, Register::R13, Register::R14, Register::R15];

fn displacement(instruction: &Instruction) -> i64 {
    instruction.memory_displacement64().cast_signed()
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

    #[test]
    fn a_thread_local_is_found_through_registers_and_calls() {
        let code = [
            &[0x48, 0x89, 0xfb][..],                     // mov rbx, rdi
            &[0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0], // mov rax, fs:[0]
            &[0x48, 0x8d, 0x80, 0xa8, 0xfc, 0xff, 0xff], // lea rax, [rax - 0x358]
            &[0x49, 0x89, 0xc6],                         // mov r14, rax
            &[0xe8, 0, 0, 0, 0],                         // call: rax is lost, r14 is not
            &[0x48, 0x89, 0x58, 0x10],                   // mov [rax + 0x10], rbx: anywhere
            &[0x41, 0xc6, 0x46, 0x48, 0x01],             // mov byte ptr [r14 + 0x48], 1
            &[0x49, 0x89, 0x5e, 0x30],                   // mov [r14 + 0x30], rbx
            &[0xc3],
        ]
        .concat();
        assert_eq!(thread_local_written(&code), Some(-0x358 + 0x30));
        // mov fs:[-8], rdi; and another one behind it.
        let direct = [0x64, 0x48, 0x89, 0x3c, 0x25, 0xf8, 0xff, 0xff, 0xff];
        assert_eq!(thread_local_written(&direct), Some(-8));
        let two = [direct, [0x64, 0x48, 0x89, 0x3c, 0x25, 0xf0, 0xff, 0xff, 0xff]].concat();
        assert_eq!(thread_local_written(&two), None);
        assert_eq!(thread_local_written(&[0x53, 0xc3]), None);
    }

    #[test]
    fn a_field_is_found_by_what_is_added_to_its_owner() {
        let code = [
            &[0x48, 0x83, 0xec, 0x10][..],   // sub rsp, 0x10
            &[0x48, 0x89, 0x75, 0xf8],       // mov [rbp - 8], rsi
            &[0x48, 0x8b, 0x7d, 0xf8],       // mov rdi, [rbp - 8]
            &[0x48, 0x83, 0xc7, 0x30],       // add rdi, 0x30
            &[0xff, 0x15, 0, 0, 0, 0],       // call
            &[0x48, 0x83, 0xc4, 0x10, 0xc3], // add rsp, 0x10; ret
        ]
        .concat();
        assert_eq!(added(&code), Some(0x30));
        assert_eq!(added(&[code.as_slice(), &code].concat()), None);
        assert_eq!(added(&[0x48, 0x83, 0xc4, 0x10, 0xc3]), None);
        // add rdi, rsi: which number is not to be seen.
        assert_eq!(added(&[0x48, 0x01, 0xf7]), None);
    }
}
