//! Writes zip files for tests, including those that no tool would write.

use std::io::Write;

/// A member to write.
#[derive(Debug, Clone)]
pub struct Packed {
    name: Vec<u8>,
    method: u16,
    flags: u16,
    checksum: u32,
    plain: u32,
    data: Vec<u8>,
    mode: u32,
    extra: Vec<u8>,
}

impl Packed {
    /// A member without compression.
    pub fn stored(name: impl AsRef<[u8]>, bytes: &[u8]) -> Packed {
        Packed {
            name: name.as_ref().to_vec(),
            method: 0,
            flags: 1 << 11,
            checksum: crc32fast::hash(bytes),
            plain: u32::try_from(bytes.len()).unwrap(),
            data: bytes.to_vec(),
            mode: 0o100_644,
            extra: Vec::new(),
        }
    }

    /// A member compressed with Deflate.
    pub fn deflated(name: impl AsRef<[u8]>, bytes: &[u8]) -> Packed {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        Packed { data: encoder.finish().unwrap(), method: 8, ..Packed::stored(name, bytes) }
    }

    /// Replaces the method and the compressed data.
    pub fn method(self, method: u16, data: Vec<u8>) -> Packed {
        Packed { method, data, ..self }
    }

    /// Adds flags.
    pub fn flags(self, flags: u16) -> Packed {
        Packed { flags: self.flags | flags, ..self }
    }

    /// Replaces the checksum.
    pub fn checksum(self, checksum: u32) -> Packed {
        Packed { checksum, ..self }
    }

    /// Makes it a symbolic link.
    pub fn link(self) -> Packed {
        Packed { mode: 0o120_777, ..self }
    }

    /// Adds an extra field.
    pub fn extra(mut self, id: u16, field: &[u8]) -> Packed {
        self.extra.extend(id.to_le_bytes());
        self.extra.extend(u16::try_from(field.len()).unwrap().to_le_bytes());
        self.extra.extend(field);
        self
    }
}

/// Writes an archive.
pub fn write(members: &[Packed]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_le_bytes();
    let size = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    for member in members {
        let at = out.len();
        let streamed = member.flags & 8 != 0;
        let mut common = Vec::new();
        common.extend(member.flags.to_le_bytes());
        common.extend(member.method.to_le_bytes());
        // 2026-03-04 02:10:00
        common.extend((2u16 << 11 | 10 << 5).to_le_bytes());
        common.extend((46u16 << 9 | 3 << 5 | 4).to_le_bytes());
        let sizes = [member.checksum.to_le_bytes(), size(member.data.len()), member.plain.to_le_bytes()].concat();
        out.extend(b"PK\x03\x04\x14\x00");
        out.extend(&common);
        out.extend(if streamed { &[0; 12][..] } else { &sizes });
        out.extend([length(&member.name), length(&member.extra)].concat());
        out.extend([&*member.name, &member.extra, &member.data].concat());
        if streamed {
            out.extend([&b"PK\x07\x08"[..], &sizes].concat());
        }
        directory.extend(b"PK\x01\x02\x14\x03\x14\x00");
        directory.extend([&*common, &sizes].concat());
        directory.extend([length(&member.name), length(&member.extra)].concat());
        directory.extend([0; 6]);
        directory.extend((member.mode << 16).to_le_bytes());
        directory.extend(size(at));
        directory.extend([&*member.name, &member.extra].concat());
    }
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    let end = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size(directory.len()), &size(out.len()), &[0, 0]].concat();
    [out, directory, end].concat()
}
