//! From the bytes of a file to [`Xclbin`].

use super::field::Fields;
use super::layout::{self, Mode, SectionKind, Uuid};
use super::{metadata, table};
use super::{Malformed, Section, Span, Xclbin, XclbinError};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The longest section that is read into memory. The XML of a large design takes some MiB; tables take less.
const SECTION_CAP: u64 = 64 << 20;

/// Where the bytes come from.
trait Source {
    type Error: From<Malformed>;

    /// Bytes of the file.
    fn length(&self) -> u64;

    /// Reads a piece that lies within the file.
    fn read(&mut self, span: Span) -> Result<Cow<'_, [u8]>, Self::Error>;
}

impl Source for &[u8] {
    type Error = Malformed;

    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read(&mut self, span: Span) -> Result<Cow<'_, [u8]>, Malformed> {
        let range = usize::try_from(span.offset).ok().zip(usize::try_from(span.bytes).ok());
        let piece = range.and_then(|(at, bytes)| self.get(at..at.checked_add(bytes)?));
        piece.map(Cow::Borrowed).ok_or_else(|| Malformed { at: self.length(), what: "it ends too early".into() })
    }
}

/// A file on disk.
struct OnDisk {
    file: File,
    length: u64,
}

/// Why a file on disk was not read.
enum Fault {
    Read(io::Error),
    Malformed(Malformed),
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Fault {
        Fault::Malformed(malformed)
    }
}

impl Source for OnDisk {
    type Error = Fault;

    fn length(&self) -> u64 {
        self.length
    }

    fn read(&mut self, span: Span) -> Result<Cow<'_, [u8]>, Fault> {
        self.file.seek(SeekFrom::Start(span.offset)).map_err(Fault::Read)?;
        // The caller has compared the length with the file's, and capped it.
        let mut bytes = vec![0; span.bytes as usize];
        self.file.read_exact(&mut bytes).map_err(Fault::Read)?;
        Ok(Cow::Owned(bytes))
    }
}

pub(super) fn open(path: &Path) -> Result<Xclbin, XclbinError> {
    let of = |fault| match fault {
        Fault::Read(source) => XclbinError::Read { path: path.into(), source },
        Fault::Malformed(malformed) => XclbinError::Malformed { path: path.into(), malformed },
    };
    // Asked before it is opened: opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(|e| of(Fault::Read(e)))?.is_file() {
        return Err(of(Fault::Read(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))));
    }
    let opened = File::open(path).and_then(|file| Ok(OnDisk { length: file.metadata()?.len(), file }));
    read(&mut opened.map_err(|e| of(Fault::Read(e)))?).map_err(of)
}

pub(super) fn parse(bytes: &[u8]) -> Result<Xclbin, Malformed> {
    read(&mut &bytes[..])
}

/// The header: what is read before any section.
struct Header {
    mode: Mode,
    uuid: Uuid,
    platform: String,
    created: u64,
    version: (u8, u8, u16),
    signature: Option<Span>,
    sections: u32,
}

fn header(fields: Fields<'_>, length: u64) -> Result<Header, Malformed> {
    if &fields.bytes::<8>(0)? != layout::MAGIC {
        return Err(fields.malformed(0, "it does not begin with `xclbin2` and a zero byte"));
    }
    let said = fields.u64(layout::LENGTH)?;
    if said != length {
        let what = format!("it says that it has {said} bytes, but it has {length}");
        return Err(fields.malformed(layout::LENGTH, what));
    }
    let sections = fields.u32(layout::SECTION_COUNT)?;
    if sections > layout::MOST_SECTIONS {
        let what = format!("it says that it has {sections} sections; {} is the most", layout::MOST_SECTIONS);
        return Err(fields.malformed(layout::SECTION_COUNT, what));
    }
    let room = (length - layout::SECTIONS as u64) / layout::SECTION_BYTES as u64;
    if u64::from(sections) > room {
        let what = format!("it says that it has {sections} sections, but their headers do not fit its {length} bytes");
        return Err(fields.malformed(layout::SECTION_COUNT, what));
    }
    let end = headers_end(sections);
    let signature = match fields.i32(layout::SIGNATURE_BYTES)? {
        -1 => None,
        bytes => {
            let offset = u64::try_from(bytes).ok().and_then(|b| length.checked_sub(b)).filter(|&o| o >= end);
            let offset = offset.ok_or_else(|| {
                let what =
                    format!("its signature is said to have {bytes} bytes, which its {length} bytes do not end with");
                fields.malformed(layout::SIGNATURE_BYTES, what)
            })?;
            Some(Span { offset, bytes: length - offset })
        }
    };
    Ok(Header {
        mode: Mode::from_number(fields.u16(layout::MODE)?),
        uuid: Uuid(fields.bytes(layout::UUID)?),
        platform: fields.text(layout::PLATFORM, layout::PLATFORM_BYTES, false, "platform")?,
        created: fields.u64(layout::CREATED)?,
        version: (fields.u8(layout::MAJOR)?, fields.u8(layout::MINOR)?, fields.u16(layout::PATCH)?),
        signature,
        sections,
    })
}

/// The byte past the last section header.
fn headers_end(sections: u32) -> u64 {
    layout::SECTIONS as u64 + u64::from(sections) * layout::SECTION_BYTES as u64
}

/// Reads the section headers; `end` is the byte past the last one a section may have.
fn sections(fields: Fields<'_>, count: u32, end: u64) -> Result<Vec<Section>, Malformed> {
    let begin = headers_end(count);
    let mut sections = Vec::with_capacity(count as usize);
    for index in 0..count as usize {
        let at = index * layout::SECTION_BYTES;
        let kind = SectionKind(fields.u32(at)?);
        let tag = fields.text(at + layout::SECTION_TAG, layout::SECTION_TAG_BYTES, false, "section's tag")?;
        let span =
            Span { offset: fields.u64(at + layout::SECTION_OFFSET)?, bytes: fields.u64(at + layout::SECTION_SIZE)? };
        let past = span.offset.checked_add(span.bytes).is_none_or(|past| past > end);
        // An empty section need not say where it lies: the format wants both numbers 0.
        if past || (span.bytes > 0 && span.offset < begin) {
            let what = format!(
                "{kind} is said to have {} bytes from byte {} on, but sections lie in bytes {begin} to {end}",
                span.bytes, span.offset
            );
            return Err(fields.malformed(at + layout::SECTION_OFFSET, what));
        }
        sections.push(Section { kind, tag, span });
    }
    let mut order: Vec<(usize, &Section)> = sections.iter().enumerate().filter(|(_, s)| s.span.bytes > 0).collect();
    order.sort_by_key(|(_, s)| s.span.offset);
    for pair in order.windows(2) {
        let [(_, before), (index, after)] = [pair[0], pair[1]];
        // No overflow: each was found to end within the file.
        if before.span.offset + before.span.bytes > after.span.offset {
            let what = format!(
                "{} begins at byte {}, within {}, which has {} bytes from byte {} on",
                after.kind, after.span.offset, before.kind, before.span.bytes, before.span.offset
            );
            return Err(fields.malformed(index * layout::SECTION_BYTES + layout::SECTION_OFFSET, what));
        }
    }
    Ok(sections)
}

/// The sections whose content is read, by kind.
fn content(sections: &[Section]) -> Result<BTreeMap<SectionKind, Span>, Malformed> {
    const READ: [SectionKind; 6] = [
        SectionKind::EMBEDDED_METADATA,
        SectionKind::MEM_TOPOLOGY,
        SectionKind::CONNECTIVITY,
        SectionKind::IP_LAYOUT,
        SectionKind::GROUP_TOPOLOGY,
        SectionKind::GROUP_CONNECTIVITY,
    ];
    let mut spans = BTreeMap::new();
    for (index, section) in sections.iter().enumerate() {
        let (kind, span) = (section.kind, section.span);
        // One of 0 bytes is not there.
        if !READ.contains(&kind) || span.bytes == 0 {
            continue;
        }
        let at = headers_end(index as u32);
        if span.bytes > SECTION_CAP {
            return Err(Malformed { at, what: format!("{kind} has {} bytes; {SECTION_CAP} is the most", span.bytes) });
        }
        if spans.insert(kind, span).is_some() {
            return Err(Malformed { at, what: format!("there is a second {kind}") });
        }
    }
    Ok(spans)
}

fn read<S: Source>(source: &mut S) -> Result<Xclbin, S::Error> {
    let length = source.length();
    if length < layout::SECTIONS as u64 {
        let what = format!("it ends; the header alone has {} bytes", layout::SECTIONS);
        return Err(Malformed { at: length, what }.into());
    }
    let header = {
        let bytes = source.read(Span { offset: 0, bytes: layout::SECTIONS as u64 })?;
        header(Fields::new(&bytes, 0), length)?
    };
    let sections = {
        let offset = layout::SECTIONS as u64;
        let bytes = source.read(Span { offset, bytes: headers_end(header.sections) - offset })?;
        let end = header.signature.map_or(length, |s| s.offset);
        sections(Fields::new(&bytes, offset), header.sections, end)?
    };
    let spans = content(&sections)?;
    let mut with = Content { source, spans };
    let kernels = with.read(SectionKind::EMBEDDED_METADATA, metadata::kernels)?;
    let banks = with.read(SectionKind::MEM_TOPOLOGY, table::memories)?;
    let groups = with.read(SectionKind::GROUP_TOPOLOGY, table::memories)?;
    let units = with.read(SectionKind::IP_LAYOUT, table::units)?;
    // Without its table, an index is taken as it is: software emulation leaves IP_LAYOUT out.
    let count = |list: &Option<Vec<_>>| list.as_ref().map(Vec::len);
    let (of_banks, of_groups) = (count(&banks), count(&groups).or(count(&banks)));
    let of_units = units.as_ref().map(Vec::len);
    let connections =
        with.read(SectionKind::CONNECTIVITY, |section| table::connections(section, of_units, of_banks))?;
    let group_connections =
        with.read(SectionKind::GROUP_CONNECTIVITY, |section| table::connections(section, of_units, of_groups))?;
    Ok(Xclbin {
        mode: header.mode,
        uuid: header.uuid,
        platform: header.platform,
        created: header.created,
        version: header.version,
        bytes: length,
        signature: header.signature,
        sections,
        banks: banks.unwrap_or_default(),
        groups,
        units: units.unwrap_or_default(),
        connections: connections.unwrap_or_default(),
        group_connections,
        kernels: kernels.unwrap_or_default(),
    })
}

/// The content of sections, read when it is asked for.
struct Content<'a, S> {
    source: &'a mut S,
    spans: BTreeMap<SectionKind, Span>,
}

impl<S: Source> Content<'_, S> {
    /// Reads a section with `parse`, if it is there.
    fn read<T>(
        &mut self,
        kind: SectionKind,
        parse: impl FnOnce(Fields<'_>) -> Result<T, Malformed>,
    ) -> Result<Option<T>, S::Error> {
        let Some(&span) = self.spans.get(&kind) else { return Ok(None) };
        let bytes = self.source.read(span)?;
        Ok(Some(parse(Fields::new(&bytes, span.offset))?))
    }
}
