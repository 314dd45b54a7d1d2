//! The few pickles of Python 2 that Planetoid's files are (protocol 2): sparse matrices, arrays, dictionaries of lists.
//!
//! A pickle is a program. This reader knows 30 of its instructions and six names, by which it makes data and nothing else; whatever else
//! stands in a file ends it. Everything lies flat in one table of objects, so that nothing recurses, and each instruction makes at most one
//! object: memory stays within a small multiple of the file.

use std::ops::Range;

/// Why a pickle was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at} of the pickle: {what}")]
pub struct PickleError {
    /// The instruction's byte.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

/// A value on the stack; what has parts is an object, by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Bytes(&'a [u8]),
    Name(Name),
    Object(usize),
}

/// The names that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    DefaultDict,
    List,
    Reconstruct,
    NdArray,
    Dtype,
    CsrMatrix,
}

impl Name {
    fn of(module: &[u8], name: &[u8]) -> Option<Name> {
        match (module, name) {
            (b"collections", b"defaultdict") => Some(Name::DefaultDict),
            (b"__builtin__", b"list") => Some(Name::List),
            (b"numpy.core.multiarray", b"_reconstruct") => Some(Name::Reconstruct),
            (b"numpy", b"ndarray") => Some(Name::NdArray),
            (b"numpy", b"dtype") => Some(Name::Dtype),
            (b"scipy.sparse.csr", b"csr_matrix") => Some(Name::CsrMatrix),
            _ => None,
        }
    }
}

/// Something that has parts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object<'a> {
    Tuple(Vec<Value<'a>>),
    List(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    /// Its name, and whether its state was read.
    Dtype(&'a [u8], bool),
    /// What was read of an array: shape, type, bytes.
    Array(Option<(Value<'a>, &'a [u8], &'a [u8])>),
    /// The dictionary of a matrix.
    Matrix(Option<usize>),
}

/// A pickle that was read: objects, and the one that it is.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    pub objects: Vec<Object<'a>>,
    pub root: Value<'a>,
}

/// The most entries of the memo, by number.
const MEMO_MOST: usize = 1 << 20;

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the instruction that is done began.
    begun: usize,
    stack: Vec<Value<'a>>,
    marks: Vec<usize>,
    memo: Vec<Option<Value<'a>>>,
    objects: Vec<Object<'a>>,
}

type Step<T> = Result<T, PickleError>;

impl<'a> Pickle<'a> {
    /// Reads a pickle.
    ///
    /// # Errors
    ///
    /// The first instruction that is unknown, or has not what it needs.
    pub fn read(bytes: &'a [u8]) -> Step<Pickle<'a>> {
        let (stack, marks, memo, objects) = Default::default();
        let mut machine = Machine { bytes, at: 0, begun: 0, stack, marks, memo, objects };
        while machine.step()? {}
        let root = machine.pop()?;
        if machine.at != bytes.len() || !machine.stack.is_empty() {
            return machine.refuse("something is left over behind its end");
        }
        Ok(Pickle { objects: machine.objects, root })
    }
}

impl<'a> Machine<'a> {
    fn refuse<T>(&self, what: impl ToString) -> Step<T> {
        Err(PickleError { at: self.begun, what: what.to_string() })
    }

    fn take(&mut self, count: usize) -> Step<&'a [u8]> {
        let taken = self.at.checked_add(count).and_then(|end| self.bytes.get(self.at..end));
        let Some(taken) = taken else { return self.refuse("the file ends too early") };
        self.at += count;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Step<usize> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte)))
    }

    fn line(&mut self) -> Step<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        match rest.iter().take(100).position(|&byte| byte == b'\n') {
            Some(length) => Ok(&self.take(length + 1)?[..length]),
            None => self.refuse("a name does not end"),
        }
    }

    fn pop(&mut self) -> Step<Value<'a>> {
        // What lies before a mark is not for whoever comes after it.
        if self.marks.last().is_some_and(|&mark| mark == self.stack.len()) {
            return self.refuse("the stack is empty behind its mark");
        }
        match self.stack.pop() {
            Some(value) => Ok(value),
            None => self.refuse("the stack is empty"),
        }
    }

    fn since_mark(&mut self) -> Step<Vec<Value<'a>>> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => self.refuse("there is no mark"),
        }
    }

    fn push_object(&mut self, object: Object<'a>) {
        self.objects.push(object);
        self.stack.push(Value::Object(self.objects.len() - 1));
    }

    fn tuple(&mut self, count: usize) -> Step<()> {
        let mut values = (0..count).map(|_| self.pop()).collect::<Step<Vec<_>>>()?;
        values.reverse();
        self.push_object(Object::Tuple(values));
        Ok(())
    }

    fn put(&mut self, place: usize) -> Step<()> {
        let value = self.pop()?;
        self.stack.push(value);
        if place >= MEMO_MOST {
            return self.refuse("the memo is larger than any of these files needs");
        }
        if self.memo.len() <= place {
            self.memo.resize(place + 1, None);
        }
        self.memo[place] = Some(value);
        Ok(())
    }

    /// One instruction; false at the end.
    fn step(&mut self) -> Step<bool> {
        self.begun = self.at;
        match self.take(1)?[0] {
            0x80 => {
                let version = self.number(1)?;
                if version != 2 {
                    return self.refuse(format!("it is of protocol {version}; these files are of protocol 2"));
                }
            }
            b'.' => return Ok(false),
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.stack.push(Value::None),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            b'K' => {
                let number = self.number(1)?;
                self.stack.push(Value::Int(number as i64));
            }
            b'M' => {
                let number = self.number(2)?;
                self.stack.push(Value::Int(number as i64));
            }
            b'J' => {
                let number = self.number(4)?;
                self.stack.push(Value::Int(i64::from(number as u32 as i32)));
            }
            code @ (b'U' | b'T') => {
                let length = self.number(if code == b'U' { 1 } else { 4 })?;
                let bytes = self.take(length)?;
                self.stack.push(Value::Bytes(bytes));
            }
            b')' => self.push_object(Object::Tuple(Vec::new())),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let values = self.since_mark()?;
                self.push_object(Object::Tuple(values));
            }
            b']' => self.push_object(Object::List(Vec::new())),
            b'}' => self.push_object(Object::Dict(Vec::new())),
            b'a' => {
                let value = self.pop()?;
                self.append(vec![value])?;
            }
            b'e' => {
                let values = self.since_mark()?;
                self.append(values)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![key, value])?;
            }
            b'u' => {
                let values = self.since_mark()?;
                self.set(values)?;
            }
            b'q' => {
                let place = self.number(1)?;
                self.put(place)?;
            }
            b'r' => {
                let place = self.number(4)?;
                self.put(place)?;
            }
            code @ (b'h' | b'j') => {
                let place = self.number(if code == b'h' { 1 } else { 4 })?;
                match self.memo.get(place).copied().flatten() {
                    Some(value) => self.stack.push(value),
                    None => return self.refuse(format!("nothing was remembered as {place}")),
                }
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let Some(known) = Name::of(module, name) else {
                    let shown = |text| String::from_utf8_lossy(text).escape_debug().to_string();
                    let what = format!("it asks for {}.{}, which is not allowed", shown(module), shown(name));
                    return self.refuse(what);
                };
                self.stack.push(Value::Name(known));
            }
            b'R' | 0x81 => self.make()?,
            b'b' => self.build()?,
            code => return self.refuse(format!("instruction {code:#04x} is not allowed")),
        }
        Ok(true)
    }

    /// The object on top of the stack.
    fn top(&mut self) -> Step<usize> {
        let value = self.pop()?;
        self.stack.push(value);
        match value {
            Value::Object(object) => Ok(object),
            _ => self.refuse("something is added to what has no parts"),
        }
    }

    fn append(&mut self, values: Vec<Value<'a>>) -> Step<()> {
        let top = self.top()?;
        match &mut self.objects[top] {
            Object::List(list) => list.extend(values),
            _ => return self.refuse("something is appended to what is no list"),
        }
        Ok(())
    }

    fn set(&mut self, values: Vec<Value<'a>>) -> Step<()> {
        let top = self.top()?;
        let (pairs, rest) = values.as_chunks::<2>();
        match &mut self.objects[top] {
            Object::Dict(dict) if rest.is_empty() => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return self.refuse("keys and values are set in what is no dictionary"),
        }
        Ok(())
    }

    /// What a name and its arguments make.
    fn make(&mut self) -> Step<()> {
        let (arguments, name) = (self.pop()?, self.pop()?);
        let Value::Object(object) = arguments else { return self.refuse("arguments are no tuple") };
        let Object::Tuple(arguments) = &self.objects[object] else { return self.refuse("arguments are no tuple") };
        let object = match (name, &arguments[..]) {
            (Value::Name(Name::CsrMatrix), []) => Object::Matrix(None),
            (Value::Name(Name::DefaultDict), [Value::Name(Name::List)]) => Object::Dict(Vec::new()),
            (Value::Name(Name::Dtype), [Value::Bytes(name), Value::Int(0), Value::Int(1)]) => {
                Object::Dtype(name, false)
            }
            (Value::Name(Name::Reconstruct), [Value::Name(Name::NdArray), _, Value::Bytes(b"b")]) => {
                Object::Array(None)
            }
            _ => return self.refuse("something is called otherwise than these files do"),
        };
        self.push_object(object);
        Ok(())
    }

    /// Gives an object its state.
    fn build(&mut self) -> Step<()> {
        let state = self.pop()?;
        let top = self.top()?;
        let Value::Object(state_object) = state else { return self.refuse("a state has no parts") };
        let built = match (&self.objects[top], &self.objects[state_object]) {
            (Object::Matrix(None), Object::Dict(_)) => Object::Matrix(Some(state_object)),
            // (version, byte order, …): plain little-endian numbers only.
            (Object::Dtype(name, false), Object::Tuple(state))
                if matches!(
                    state[..],
                    [
                        Value::Int(3),
                        Value::Bytes(b"<"),
                        Value::None,
                        Value::None,
                        Value::None,
                        Value::Int(-1),
                        Value::Int(-1),
                        Value::Int(0)
                    ]
                ) =>
            {
                Object::Dtype(name, true)
            }
            (Object::Array(None), Object::Tuple(state)) => match state[..] {
                // (version, shape, type, Fortran order, bytes)
                [Value::Int(1), shape, Value::Object(dtype), Value::Bool(false), Value::Bytes(bytes)] => {
                    let Object::Dtype(name, true) = self.objects[dtype] else {
                        return self.refuse("an array's type is none");
                    };
                    Object::Array(Some((shape, name, bytes)))
                }
                _ => return self.refuse("an array is not one of plain numbers in C order"),
            },
            _ => return self.refuse("something gets a state that these files do not have"),
        };
        self.objects[top] = built;
        Ok(())
    }
}

impl<'a> Pickle<'a> {
    /// The values of a tuple or list.
    pub fn values(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match value {
            Value::Object(object) => match &self.objects[object] {
                Object::Tuple(values) | Object::List(values) => Some(values),
                _ => None,
            },
            _ => None,
        }
    }

    /// The entries of a dictionary.
    pub fn entries(&self, value: Value<'a>) -> Option<&[(Value<'a>, Value<'a>)]> {
        match value {
            Value::Object(object) => match &self.objects[object] {
                Object::Dict(entries) => Some(entries),
                Object::Matrix(Some(dict)) => self.entries(Value::Object(*dict)),
                _ => None,
            },
            _ => None,
        }
    }

    /// A whole number in a range.
    pub fn integer(value: Value<'a>, range: Range<i64>) -> Option<usize> {
        match value {
            Value::Int(number) if range.contains(&number) => usize::try_from(number).ok(),
            _ => None,
        }
    }
}
