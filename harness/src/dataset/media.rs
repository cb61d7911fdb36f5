//! The media tree as a tar stream: one file a copy, as the backend would have stored it.
//! Holds one file in memory at a time.

use std::io::{self, BufWriter, Write};
use std::time::Instant;

use tar::{Builder, EntryType, Header};

use super::Dataset;
use super::school::{SECOND_US, School};
use crate::error::{Attempt as _, Result};
use crate::model::event::Events;

/// User and group that the backend runs as, inside and outside of its image.
const OWNER: u64 = 10_001;
const MODE_FILE: u32 = 0o640;
const MODE_DIRECTORY: u32 = 0o750;
/// When the folders were last touched: 1 January 2026.
const DIRECTORIES_MTIME_S: u64 = 1_767_225_600;
/// Files between two reports of progress.
const REPORT_EVERY: u64 = 50;
/// Of the stream: fewer, larger writes into what is often a pipe.
const BUFFER_BYTES: usize = 1 << 20;

/// What went into the stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WrittenMedia {
    /// PDF files.
    pub files: u64,
    /// Bytes of their contents.
    pub bytes: u64,
    /// How long it took, the reader's time included.
    pub seconds: f64,
}

impl Dataset {
    /// Writes the media tree, relative to the media root, as a tar archive.
    pub fn write_media(&self, sink: impl Write, events: &Events) -> Result<WrittenMedia> {
        let started = Instant::now();
        let total = self.school.count.copies;
        let mut archive = Builder::new(BufWriter::with_capacity(BUFFER_BYTES, sink));
        for path in School::folders() {
            append_directory(&mut archive, &path)
                .attempt(|| format!("cannot write media folder {path:?}"))?;
        }
        let mut bytes = 0;
        for copy in 0..total {
            let path = self.school.copy_path(copy);
            let contents = self.pdf(copy);
            let mtime_s = (self.school.uploaded_at(copy) / SECOND_US).unsigned_abs();
            append_file(&mut archive, &path, mtime_s, &contents)
                .attempt(|| format!("cannot write media file {path:?}"))?;
            bytes += contents.len() as u64;
            let files = copy + 1;
            if files % REPORT_EVERY == 0 || files == total {
                events.progress("media files", files, Some(total));
            }
        }
        archive
            .into_inner()
            .and_then(|mut sink| sink.flush())
            .attempt(|| "cannot finish the media stream")?;
        Ok(WrittenMedia { files: total, bytes, seconds: started.elapsed().as_secs_f64() })
    }
}

fn append_directory<W: Write>(archive: &mut Builder<W>, path: &str) -> io::Result<()> {
    let mut header = header(EntryType::Directory, MODE_DIRECTORY, 0, DIRECTORIES_MTIME_S);
    archive.append_data(&mut header, format!("{path}/"), io::empty())
}

fn append_file<W: Write>(
    archive: &mut Builder<W>,
    path: &str,
    mtime_s: u64,
    contents: &[u8],
) -> io::Result<()> {
    let mut header = header(EntryType::Regular, MODE_FILE, contents.len() as u64, mtime_s);
    archive.append_data(&mut header, path, contents)
}

fn header(kind: EntryType, mode: u32, size: u64, mtime_s: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(OWNER);
    header.set_gid(OWNER);
    header.set_size(size);
    header.set_mtime(mtime_s);
    header
}
