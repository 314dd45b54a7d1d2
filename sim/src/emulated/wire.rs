//! How messages are written: the part of protobuf's wire format that XRT's emulation uses, and the headers before them.
//!
//! A message is a list of fields, each a key (the field's number and how its value is written) and a value. Before a
//! message stands its size: `09` and 64 bits, and where it is a call, which one: `15` and 32 bits. All of it is
//! little-endian.

/// Bytes of the longest message: what the largest piece of a copy, which the host makes of 8 MiB unless it is told otherwise,
/// fits into many times.
pub(super) const MESSAGE_LIMIT: u64 = 64 << 20;
/// The most fields of a message; the longest that XRT sends has a few dozen.
const FIELD_LIMIT: usize = 4096;
/// Bytes of the header before a call, and before everything on the channel to the host's memory.
pub(super) const CALL_HEADER_BYTES: usize = 14;
/// Bytes of the header before an answer: the call's without its number. The host reads exactly as many.
const ANSWER_HEADER_BYTES: usize = 9;

const SIZE_KEY: u8 = 0x09;
const API_KEY: u8 = 0x15;

/// Bytes of the longest number: 64 bits, 7 a byte.
const NUMBER_BYTES: usize = 10;

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// The field, where it is known.
    pub field: Option<u32>,
    /// What is wrong.
    pub problem: String,
}

impl Malformed {
    pub(super) fn new(field: u32, problem: impl Into<String>) -> Malformed {
        Malformed { field: Some(field), problem: problem.into() }
    }

    fn unknown(problem: &str) -> Malformed {
        Malformed { field: None, problem: problem.into() }
    }
}

/// Size and number of the call that follows.
pub(super) fn read_header(bytes: &[u8; CALL_HEADER_BYTES]) -> Result<(u64, u32), Malformed> {
    let [size_key, s0, s1, s2, s3, s4, s5, s6, s7, api_key, a0, a1, a2, a3] = *bytes;
    if (size_key, api_key) != (SIZE_KEY, API_KEY) {
        return Err(Malformed::unknown("the header does not consist of a size and the number of a call"));
    }
    Ok((u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]), u32::from_le_bytes([a0, a1, a2, a3])))
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a fixed width, which no field that is read here has.
    Fixed,
}

/// A message that was taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields<'a>(Vec<(u32, Value<'a>)>);

impl<'a> Fields<'a> {
    /// Takes a message apart. Fields that are not known are kept, and nobody asks for them.
    pub(super) fn of(mut bytes: &'a [u8]) -> Result<Fields<'a>, Malformed> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = number(&mut bytes).map_err(Malformed::unknown)?;
            let field = u32::try_from(key >> 3).ok().filter(|&field| field > 0);
            let field = field.ok_or_else(|| Malformed::unknown("a field has an impossible number"))?;
            let value = value(key & 7, &mut bytes).map_err(|problem| Malformed::new(field, problem))?;
            if fields.len() == FIELD_LIMIT {
                return Err(Malformed::new(field, "the message has too many fields"));
            }
            fields.push((field, value));
        }
        Ok(Fields(fields))
    }

    /// The last value of a field: what counts if it is there more than once.
    fn last(&self, field: u32) -> Option<Value<'a>> {
        self.0.iter().rev().find(|(number, _)| *number == field).map(|&(_, value)| value)
    }

    /// A number that may be missing.
    pub(super) fn number_or(&self, field: u32, missing: u64) -> Result<u64, Malformed> {
        match self.last(field) {
            None => Ok(missing),
            Some(Value::Number(number)) => Ok(number),
            Some(_) => Err(Malformed::new(field, "it is not a number")),
        }
    }

    /// A number.
    pub(super) fn number(&self, field: u32) -> Result<u64, Malformed> {
        self.last(field).ok_or_else(|| Malformed::new(field, "it is missing"))?;
        self.number_or(field, 0)
    }

    /// A run of bytes.
    pub(super) fn bytes(&self, field: u32) -> Result<&'a [u8], Malformed> {
        match self.last(field) {
            None => Err(Malformed::new(field, "it is missing")),
            Some(Value::Bytes(bytes)) => Ok(bytes),
            Some(_) => Err(Malformed::new(field, "it is not a run of bytes")),
        }
    }

    /// Every value of a field that holds messages.
    pub(super) fn each(&self, field: u32) -> impl Iterator<Item = Result<&'a [u8], Malformed>> + '_ {
        self.0.iter().filter(move |(number, _)| *number == field).map(move |(_, value)| match value {
            Value::Bytes(bytes) => Ok(*bytes),
            _ => Err(Malformed::new(field, "it is not a message")),
        })
    }
}

const ENDS: &str = "the message ends in the middle of it";

fn take<'a>(bytes: &mut &'a [u8], count: u64) -> Result<&'a [u8], &'static str> {
    let count = usize::try_from(count).map_err(|_| ENDS)?;
    let (taken, rest) = bytes.split_at_checked(count).ok_or(ENDS)?;
    *bytes = rest;
    Ok(taken)
}

fn number(bytes: &mut &[u8]) -> Result<u64, &'static str> {
    let mut number = 0u64;
    for i in 0..NUMBER_BYTES {
        let byte = take(bytes, 1)?[0];
        // The tenth byte has one bit left to give.
        if i + 1 == NUMBER_BYTES && byte > 1 {
            return Err("a number has more than 64 bits");
        }
        number |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number has more than 64 bits")
}

fn value<'a>(kind: u64, bytes: &mut &'a [u8]) -> Result<Value<'a>, &'static str> {
    match kind {
        0 => number(bytes).map(Value::Number),
        1 => take(bytes, 8).map(|_| Value::Fixed),
        2 => {
            let count = number(bytes)?;
            take(bytes, count).map(Value::Bytes)
        }
        5 => take(bytes, 4).map(|_| Value::Fixed),
        _ => Err("its value is written in no way that is in use"),
    }
}

/// A message that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// Adds a number; a truth value is 0 or 1.
    pub(super) fn number(mut self, field: u32, value: u64) -> Message {
        self.push(u64::from(field) << 3);
        self.push(value);
        self
    }

    /// Adds a run of bytes, which may be empty.
    pub(super) fn bytes(mut self, field: u32, value: &[u8]) -> Message {
        self.push(u64::from(field) << 3 | 2);
        self.push(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn push(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn size(&self) -> [u8; ANSWER_HEADER_BYTES] {
        let mut header = [SIZE_KEY; ANSWER_HEADER_BYTES];
        header[1..].copy_from_slice(&(self.0.len() as u64).to_le_bytes());
        header
    }

    /// The message as an answer, behind its header.
    pub(super) fn into_answer(self) -> Vec<u8> {
        [&self.size()[..], &self.0].concat()
    }

    /// The message as the call of this number, behind its header.
    pub(super) fn into_call(self, api: u32) -> Vec<u8> {
        [&self.size()[..], &[API_KEY], &api.to_le_bytes(), &self.0].concat()
    }
}

#[cfg(test)]
mod tests;
