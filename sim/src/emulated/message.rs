//! The calls that XRT's hardware emulation makes, and how they are answered.
//!
//! Numbers of calls and of fields are those of XRT 2.13 (`xcl_macros.h` and `rpc_messages.proto`, Apache-2.0).

use super::wire::{Fields, Malformed, Message};

/// Numbers of calls.
pub(super) mod api {
    pub(in super::super) const CLOSE: u32 = 1;
    pub(in super::super) const LOAD_BITSTREAM: u32 = 3;
    pub(in super::super) const ALLOCATE: u32 = 4;
    pub(in super::super) const FREE: u32 = 5;
    pub(in super::super) const HOST_TO_DEVICE: u32 = 6;
    pub(in super::super) const DEVICE_TO_HOST: u32 = 7;
    pub(in super::super) const WRITE_MEMORY: u32 = 8;
    pub(in super::super) const WRITE_REGISTERS: u32 = 9;
    pub(in super::super) const READ_MEMORY: u32 = 10;
    pub(in super::super) const READ_REGISTERS: u32 = 11;
    pub(in super::super) const DEBUG_MESSAGES: u32 = 19;
    pub(in super::super) const SET_ENVIRONMENT: u32 = 20;
    pub(in super::super) const SETUP_INSTANCE: u32 = 28;
    pub(in super::super) const HOST_READ: u32 = 34;
    pub(in super::super) const HOST_WRITE: u32 = 35;
    pub(in super::super) const REGISTER_WRITE: u32 = 51;
    pub(in super::super) const REGISTER_READ: u32 = 52;
}

/// What XRT calls a call.
pub(super) fn name(api: u32) -> &'static str {
    match api {
        api::CLOSE => "xclClose",
        api::LOAD_BITSTREAM => "xclLoadBitstream",
        api::ALLOCATE => "xclAllocDeviceBuffer",
        api::FREE => "xclFreeDeviceBuffer",
        api::HOST_TO_DEVICE => "xclCopyBufferHost2Device",
        api::DEVICE_TO_HOST => "xclCopyBufferDevice2Host",
        api::WRITE_MEMORY => "xclWriteAddrSpaceDeviceRam",
        api::WRITE_REGISTERS => "xclWriteAddrKernelCtrl",
        api::READ_MEMORY => "xclReadAddrSpaceDeviceRam",
        api::READ_REGISTERS => "xclReadAddrKernelCtrl",
        14 => "xclPerfMonReadCounters",
        15 => "xclPerfMonGetTraceCount",
        16 => "xclPerfMonReadTrace",
        17 => "xclGetDeviceTimestamp",
        18 => "xclReadBusStatus",
        api::DEBUG_MESSAGES => "xclGetDebugMessages",
        api::SET_ENVIRONMENT => "xclSetEnvironment",
        api::SETUP_INSTANCE => "xclSetupInstance",
        api::HOST_READ => "xclQdma2HostReadMem",
        api::HOST_WRITE => "xclQdma2HostWriteMem",
        api::REGISTER_WRITE => "xclRegWrite",
        api::REGISTER_READ => "xclRegRead",
        _ => "a call of no name here",
    }
}

/// A call of the host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call<'a> {
    /// The device is given up.
    Close,
    /// `size` bytes at `address` become a buffer; one that is not mirrored by the host where `device_only`.
    Allocate { address: u64, size: u64, device_only: bool },
    /// The buffer at `address` ends.
    Free { address: u64 },
    /// Bytes go to `address`.
    WriteMemory { address: u64, data: &'a [u8] },
    /// `size` bytes from `address` are wanted.
    ReadMemory { address: u64, size: u64 },
    /// Words go to registers.
    WriteRegisters { address: u64, data: &'a [u8] },
    /// `size` bytes of registers are wanted.
    ReadRegisters { address: u64, size: u64 },
    /// What a simulator prints is wanted.
    DebugMessages,
    /// Settings of the host's `xrt.ini`, this many.
    SetEnvironment { settings: usize },
}

impl<'a> Call<'a> {
    /// Reads a call; nothing if emulated hardware has no such call.
    ///
    /// The host copies in pieces. Where it copies a part of a buffer, every piece carries the part's distance from the
    /// buffer's start apart from its address (`seek`, `skip`), which does not include it.
    pub(super) fn read(api: u32, body: &'a [u8]) -> Result<Option<Call<'a>>, Malformed> {
        let fields = Fields::of(body)?;
        let sum = |address: u32, distance: u32| {
            let sum = fields.number(address)?.checked_add(fields.number(distance)?);
            sum.ok_or_else(|| Malformed::new(distance, format!("with field {address} it leaves 64 bits")))
        };
        let sized = |data: u32, size: u32| {
            let (bytes, says) = (fields.bytes(data)?, fields.number(size)?);
            if bytes.len() as u64 == says {
                return Ok(bytes);
            }
            Err(Malformed::new(data, format!("it has {} bytes, and field {size} says {says}", bytes.len())))
        };
        Ok(Some(match api {
            api::CLOSE => Call::Close,
            api::ALLOCATE => Call::Allocate {
                address: fields.number(1)?,
                size: fields.number(2)?,
                device_only: fields.number_or(3, 0)? != 0,
            },
            api::FREE => Call::Free { address: fields.number(1)? },
            api::HOST_TO_DEVICE => Call::WriteMemory { address: sum(3, 6)?, data: sized(4, 5)? },
            api::DEVICE_TO_HOST => Call::ReadMemory { address: sum(4, 6)?, size: fields.number(5)? },
            api::WRITE_MEMORY => Call::WriteMemory { address: fields.number(2)?, data: sized(4, 3)? },
            api::READ_MEMORY => Call::ReadMemory { address: fields.number(2)?, size: fields.number(3)? },
            api::WRITE_REGISTERS => Call::WriteRegisters { address: fields.number(2)?, data: sized(4, 3)? },
            api::READ_REGISTERS => Call::ReadRegisters { address: fields.number(2)?, size: fields.number(3)? },
            api::DEBUG_MESSAGES => Call::DebugMessages,
            api::SET_ENVIRONMENT => {
                let mut settings = 0;
                for pair in fields.each(3) {
                    Fields::of(pair?).map_err(|e| Malformed::new(3, e.problem))?;
                    settings += 1;
                }
                Call::SetEnvironment { settings }
            }
            _ => return Ok(None),
        }))
    }

    /// The answer to a call that is refused: no, or no bytes.
    pub(super) fn refusal(&self) -> Vec<u8> {
        match self {
            Call::ReadMemory { .. } | Call::ReadRegisters { .. } => answer::with_bytes(0, &[]),
            _ => answer::number(0),
        }
    }
}

/// Answers. A field that XRT requires is always there, or it would not take the answer.
pub(super) mod answer {
    use super::Message;

    /// Nothing to say: there are no messages of a simulator.
    pub(in super::super) fn nothing() -> Vec<u8> {
        Message::default().into_answer()
    }

    /// Whether it worked, or how many bytes it was for.
    pub(in super::super) fn number(number: u64) -> Vec<u8> {
        Message::default().number(1, number).into_answer()
    }

    /// The same, and bytes: a file's name, or what was read.
    pub(in super::super) fn with_bytes(number: u64, bytes: &[u8]) -> Vec<u8> {
        Message::default().number(1, number).bytes(2, bytes).into_answer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_part_goes_to_the_part() {
        let body = Message::default().bytes(2, b"").number(3, 0x1000).bytes(4, b"abc").number(5, 3).number(6, 64);
        let framed = body.into_call(api::HOST_TO_DEVICE);
        let call = Call::read(api::HOST_TO_DEVICE, &framed[14..]).unwrap();
        assert_eq!(call, Some(Call::WriteMemory { address: 0x1040, data: b"abc" }));
    }

    #[test]
    fn a_call_that_contradicts_itself_names_its_field() {
        let read = |api, message: Message| {
            let framed = message.into_call(api);
            let error = Call::read(api, &framed[14..]).unwrap_err();
            (error.field.unwrap(), error.problem)
        };
        let (field, problem) =
            read(api::WRITE_REGISTERS, Message::default().number(2, 0).number(3, 4).bytes(4, b"abc"));
        assert_eq!((field, problem.as_str()), (4, "it has 3 bytes, and field 3 says 4"));
        let call = Message::default().number(3, u64::MAX).bytes(4, b"").number(5, 0).number(6, 1);
        assert_eq!(read(api::HOST_TO_DEVICE, call), (6, "with field 3 it leaves 64 bits".into()));
        assert_eq!(read(api::FREE, Message::default()), (1, "it is missing".into()));
        assert_eq!(read(api::ALLOCATE, Message::default().bytes(1, b"x")), (1, "it is not a number".into()));
        assert_eq!(read(api::SET_ENVIRONMENT, Message::default().number(3, 1)), (3, "it is not a message".into()));
    }

    #[test]
    fn a_call_of_software_emulation_is_none_of_ours() {
        for api in [0, api::LOAD_BITSTREAM, api::SETUP_INSTANCE, api::REGISTER_WRITE, api::REGISTER_READ, u32::MAX] {
            assert_eq!(Call::read(api, b""), Ok(None));
        }
    }
}
