//! The kernels, as the XML of EMBEDDED_METADATA describes them:
//! `project / platform / device / core / kernel / (port | arg | instance)`.
//!
//! The XML is read as a stream and only these elements are looked at. A document type is refused, so that there are no
//! entities but the five of XML itself; nesting and the length of a name are capped.

use super::field::Fields;
use super::Malformed;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::Serialize;
use std::fmt;

/// The deepest nesting. Metadata of v++ nests about twelve deep.
const MOST_DEPTH: usize = 256;
/// The longest name or type.
const MOST_NAME: usize = 256;
/// The most kernels of a file, and the most ports, arguments or instances of a kernel.
const MOST_OF_A_KIND: usize = 4096;

/// A kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KernelMetadata {
    /// Its name.
    pub name: String,
    /// What it says of its control protocol, `ap_ctrl_hs` for example. XRT goes by IP_LAYOUT.
    pub control: Option<String>,
    /// Its ports.
    pub ports: Vec<PortMetadata>,
    /// Its arguments, in the order of the file.
    pub arguments: Vec<ArgumentMetadata>,
    /// The names of its compute units.
    pub instances: Vec<String>,
}

/// A port of a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortMetadata {
    /// Its name.
    pub name: String,
    /// `master`, `slave`, `read_only`, `write_only`.
    pub mode: Option<String>,
    /// Bits of its data.
    pub data_bits: Option<u64>,
}

/// An argument of a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArgumentMetadata {
    /// Its name.
    pub name: String,
    /// Its position; `None` for what a host does not pass.
    pub id: Option<u32>,
    /// Byte offset in the unit's registers.
    pub offset: u64,
    /// Bytes it takes there.
    pub bytes: u64,
    /// How it is passed.
    pub qualifier: Qualifier,
    /// The port through which it is used.
    pub port: Option<String>,
    /// Its type in C.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// How an argument is passed: `addressQualifier`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Qualifier {
    /// A value.
    Scalar,
    /// A device address.
    Global,
    /// A device address of constants.
    Constant,
    /// On-chip memory.
    Local,
    /// A stream.
    Stream,
    /// Another number.
    Other(u32),
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Qualifier::Scalar => f.pad("scalar"),
            Qualifier::Global => f.pad("pointer"),
            Qualifier::Constant => f.pad("constant"),
            Qualifier::Local => f.pad("local"),
            Qualifier::Stream => f.pad("stream"),
            Qualifier::Other(number) => f.pad(&format!("qualifier {number}")),
        }
    }
}

/// An element that is open, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Project,
    Platform,
    Device,
    Core,
    Kernel,
    Other,
}

/// Reads EMBEDDED_METADATA.
pub(super) fn kernels(section: Fields<'_>) -> Result<Vec<KernelMetadata>, Malformed> {
    let text = section.utf8("XML")?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut found = Found { kernels: Vec::new(), core: false };
    let mut open: Vec<Open> = Vec::new();
    let mut root = false;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|error| {
            let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
            section.malformed(at, format!("its XML is broken: {error}"))
        })?;
        match event {
            Event::Start(element) => {
                if open.len() == MOST_DEPTH {
                    return Err(section.malformed(at, format!("its XML nests more than {MOST_DEPTH} deep")));
                }
                if open.is_empty() && std::mem::replace(&mut root, true) {
                    return Err(section.malformed(at, "its XML has a second root"));
                }
                let attributes = Attributes { element: &element, section, at };
                open.push(found.enter(open.last().copied(), &attributes)?);
            }
            Event::End(_) => drop(open.pop()),
            Event::DocType(_) => {
                return Err(section.malformed(at, "its XML declares a document type, which is not accepted"));
            }
            Event::Eof if !open.is_empty() || !root => {
                return Err(section.malformed(at, "its XML ends before its root does"));
            }
            Event::Eof => return Ok(found.kernels),
            _ => {}
        }
    }
}

/// What has been read so far.
struct Found {
    kernels: Vec<KernelMetadata>,
    /// Whether the first core has been met; XRT looks at no other.
    core: bool,
}

impl Found {
    /// Takes an element that begins within `parent`.
    fn enter(&mut self, parent: Option<Open>, element: &Attributes<'_>) -> Result<Open, Malformed> {
        Ok(match (parent, element.name()) {
            (None, "project") => Open::Project,
            (None, other) => {
                let name: String = other.chars().take(MOST_NAME).collect();
                return Err(element.malformed(format!("its XML begins with {name:?} instead of `project`")));
            }
            (Some(Open::Project), "platform") => Open::Platform,
            (Some(Open::Platform), "device") => Open::Device,
            (Some(Open::Device), "core") if !std::mem::replace(&mut self.core, true) => Open::Core,
            (Some(Open::Core), "kernel") => {
                let name = element.required("name")?;
                if self.kernels.iter().any(|k| k.name == name) {
                    return Err(element.malformed(format!("there is a second kernel {name}")));
                }
                element.one_more(self.kernels.len())?;
                let control = element.optional("hwControlProtocol")?;
                let (ports, arguments, instances) = Default::default();
                self.kernels.push(KernelMetadata { name, control, ports, arguments, instances });
                Open::Kernel
            }
            (Some(Open::Kernel), name) => {
                // A kernel is open, so one has been pushed.
                if let Some(kernel) = self.kernels.last_mut() {
                    element.one_more(kernel.ports.len().max(kernel.arguments.len()).max(kernel.instances.len()))?;
                    match name {
                        "port" => kernel.ports.push(port(element)?),
                        "arg" => kernel.arguments.push(argument(element)?),
                        "instance" => kernel.instances.push(element.required("name")?),
                        _ => {}
                    }
                }
                Open::Other
            }
            _ => Open::Other,
        })
    }
}

fn port(element: &Attributes<'_>) -> Result<PortMetadata, Malformed> {
    let data_bits = element.optional("dataWidth")?.filter(|bits| !bits.is_empty());
    Ok(PortMetadata {
        name: element.required("name")?,
        mode: element.optional("mode")?,
        data_bits: data_bits.map(|bits| element.number("dataWidth", &bits)).transpose()?,
    })
}

fn argument(element: &Attributes<'_>) -> Result<ArgumentMetadata, Malformed> {
    let small = |key: &str, text: &str| {
        let number = element.number(key, text)?;
        u32::try_from(number).map_err(|_| element.malformed(format!("{key} is {number}; it has to be below 2^32")))
    };
    let id = element.required("id")?;
    let qualifier = match small("addressQualifier", &element.required("addressQualifier")?)? {
        0 => Qualifier::Scalar,
        1 => Qualifier::Global,
        2 => Qualifier::Constant,
        3 => Qualifier::Local,
        4 => Qualifier::Stream,
        other => Qualifier::Other(other),
    };
    Ok(ArgumentMetadata {
        name: element.required("name")?,
        id: if id.is_empty() { None } else { Some(small("id", &id)?) },
        offset: element.number("offset", &element.required("offset")?)?,
        bytes: element.number("size", &element.required("size")?)?,
        qualifier,
        port: element.optional("port")?,
        kind: element.optional("type")?,
    })
}

/// An element with its attributes and its place, for complaints.
struct Attributes<'a> {
    element: &'a BytesStart<'a>,
    section: Fields<'a>,
    at: usize,
}

impl<'a> Attributes<'a> {
    fn name(&self) -> &'a str {
        self.element.name().0
    }

    fn malformed(&self, what: String) -> Malformed {
        self.section.malformed(self.at, what)
    }

    /// Refuses more than any design has.
    fn one_more(&self, count: usize) -> Result<(), Malformed> {
        if count < MOST_OF_A_KIND {
            return Ok(());
        }
        Err(self.malformed(format!("there are more than {MOST_OF_A_KIND} elements of one kind")))
    }

    /// The value of an attribute, or `None`.
    fn optional(&self, key: &str) -> Result<Option<String>, Malformed> {
        let of = self.name();
        let broken = |error: &dyn fmt::Display| self.malformed(format!("the attributes of <{of}> are broken: {error}"));
        let mut value = None;
        // The reader's own search for repeated names takes quadratic time; only `key` has to be unique.
        for attribute in self.element.attributes().with_checks(false) {
            let attribute = attribute.map_err(|e| broken(&e))?;
            if attribute.key.0 != key {
                continue;
            }
            if value.is_some() {
                return Err(self.malformed(format!("<{of}> has two attributes `{key}`")));
            }
            let text = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| broken(&e))?;
            if text.len() > MOST_NAME || text.chars().any(char::is_control) {
                let what = format!("`{key}` of <{of}> has control characters or more than {MOST_NAME} bytes");
                return Err(self.malformed(what));
            }
            value = Some(text.into_owned());
        }
        Ok(value)
    }

    fn required(&self, key: &str) -> Result<String, Malformed> {
        let value = self.optional(key)?;
        value.ok_or_else(|| self.malformed(format!("<{}> has no attribute `{key}`", self.name())))
    }

    /// A number as XRT reads it, with C's prefixes: 0x10 is 16, 010 is 8; nothing is 0.
    fn number(&self, key: &str, text: &str) -> Result<u64, Malformed> {
        let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None if text.is_empty() => return Ok(0),
            None if text.starts_with('0') => (text, 8),
            None => (text, 10),
        };
        let number = u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'));
        number.ok_or_else(|| {
            self.malformed(format!("`{key}` of <{}> is {text:?}, which is no number of 64 bits", self.name()))
        })
    }
}
