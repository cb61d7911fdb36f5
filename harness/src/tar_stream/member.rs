//! One member of a tar stream, from its header block and its extended headers.

use std::io;

use tar::Header;

use super::invalid;
use super::pax::Records;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    /// Another name of an earlier member.
    HardLink,
    Symlink,
    Directory,
    Fifo,
    CharacterDevice,
    BlockDevice,
    /// Anything else, by its type flag.
    Other(u8),
}

/// One member, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// As stored: may be absolute, may hold `..`, may end in a slash.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    /// Permission bits, set-id and sticky included.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Size as declared. Only a file's is content that restores.
    pub(crate) size: u64,
    pub(crate) modified: (i64, u32),
    /// Target of a link.
    pub(crate) link: Vec<u8>,
    /// Major and minor number of a device.
    pub(crate) device: (u32, u32),
    /// Extended attributes.
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Member {
    pub(super) fn new(
        header: &Header,
        records: &Records,
        long_path: Option<Vec<u8>>,
        long_link: Option<Vec<u8>>,
    ) -> io::Result<Self> {
        // Such a member's content is a map and pieces: read plainly it would be another file.
        if header.entry_type().is_gnu_sparse() || records.any("GNU.sparse.") {
            return Err(invalid("sparse members are not supported: archive without --sparse"));
        }
        let owned = |key: &str| records.bytes(key).map(<[u8]>::to_vec);
        let path = owned("path").or(long_path).unwrap_or_else(|| header.path_bytes().into_owned());
        let link = owned("linkpath")
            .or(long_link)
            .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned))
            .unwrap_or_default();
        let modified = match records.time("mtime")? {
            Some(time) => time,
            // Times before 1970 are stored in two's complement.
            None => (header.mtime()?.cast_signed(), 0),
        };
        let kind = Kind::of(header.entry_type().as_byte(), &path);
        let device = match kind {
            Kind::CharacterDevice | Kind::BlockDevice => {
                (header.device_major()?.unwrap_or(0), header.device_minor()?.unwrap_or(0))
            }
            // Many tools leave the fields blank for everything else.
            _ => (0, 0),
        };
        Ok(Self {
            kind,
            path,
            mode: header.mode()? & 0o7777,
            uid: id(records.number("uid")?, header.uid()?)?,
            gid: id(records.number("gid")?, header.gid()?)?,
            size: records.number("size")?.map_or_else(|| header.entry_size(), Ok)?,
            modified,
            link,
            device,
            xattrs: records.xattrs(),
        })
    }

    /// Bytes that follow the header. A hard link's size is its target's, and nothing follows.
    pub(super) fn stored_bytes(&self) -> u64 {
        match self.kind {
            Kind::HardLink => 0,
            _ => self.size,
        }
    }
}

impl Kind {
    fn of(flag: u8, path: &[u8]) -> Self {
        match flag {
            // Archives older than POSIX mark a directory by its name alone.
            b'0' | 0 if path.ends_with(b"/") => Self::Directory,
            b'0' | 0 | b'7' => Self::File,
            b'1' => Self::HardLink,
            b'2' => Self::Symlink,
            b'3' => Self::CharacterDevice,
            b'4' => Self::BlockDevice,
            b'5' => Self::Directory,
            b'6' => Self::Fifo,
            other => Self::Other(other),
        }
    }
}

fn id(record: Option<u64>, header: u64) -> io::Result<u32> {
    u32::try_from(record.unwrap_or(header)).map_err(|_| invalid("an owner is out of range"))
}
