//! Scanned copies as valid PDF files (ISO 32000-1, 7.5): each page shows one greyscale image
//! of random samples, so that no compression makes a dataset smaller than it claims to be.
//! Layout and size are known without the samples; both depend on seed and index alone.

use std::fmt::Write as _;

use super::random::{Seed, Stream};

/// Objects before the first page: catalogue, page tree, font, information.
const OBJECTS_FIXED: usize = 4;
/// Objects of a page: page, contents, image.
const OBJECTS_PER_PAGE: usize = 3;
/// One file in this many is a thick booklet of about a megabyte.
const BOOKLET_EVERY: u64 = 100;

/// A page's image, in samples of one byte.
#[derive(Debug, Clone, Copy)]
struct Scan {
    width: u64,
    height: u64,
}

impl Scan {
    fn len(self) -> usize {
        usize::try_from(self.width * self.height).expect("a scan fits in memory")
    }
}

enum Part {
    Text(String),
    Samples(usize),
}

impl Part {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Samples(length) => *length,
        }
    }
}

/// The PDF of the copy at an index.
pub(super) struct Document {
    pages: u64,
    parts: Vec<Part>,
    samples: Stream,
}

impl Document {
    pub(super) fn of(seed: &Seed, index: u64) -> Self {
        let mut stream = seed.stream("pdf layout", index);
        let pages = page_count(&mut stream, index);
        let heights = if is_booklet(index) { 260..=360 } else { 110..=208 };
        let scans: Vec<Scan> = (0..pages)
            .map(|_| Scan { width: 160, height: stream.between(*heights.start(), *heights.end()) })
            .collect();
        let identifier = stream.uuid().simple().to_string();
        Self {
            pages,
            parts: lay_out(&scans, index, &identifier),
            samples: seed.stream("pdf samples", index),
        }
    }

    /// How many pages [`Self::of`] has, without laying it out.
    pub(super) fn pages_of(seed: &Seed, index: u64) -> u64 {
        page_count(&mut seed.stream("pdf layout", index), index)
    }

    pub(super) fn page_count(&self) -> u64 {
        self.pages
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// The whole file.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        let mut bytes = vec![0; self.size_bytes()];
        let mut rest = bytes.as_mut_slice();
        for part in &self.parts {
            let (place, after) = rest.split_at_mut(part.len());
            match part {
                Part::Text(text) => place.copy_from_slice(text.as_bytes()),
                Part::Samples(_) => self.samples.fill(place),
            }
            rest = after;
        }
        bytes
    }
}

fn is_booklet(index: u64) -> bool {
    index % BOOKLET_EVERY == BOOKLET_EVERY - 1
}

/// The first draw of the layout, so that it can be had alone.
fn page_count(layout: &mut Stream, index: u64) -> u64 {
    let pages = layout.between(1, 6);
    if is_booklet(index) { 24 } else { pages }
}

fn lay_out(scans: &[Scan], index: u64, identifier: &str) -> Vec<Part> {
    let mut writer = Writer::new();
    let first_page = OBJECTS_FIXED + 1;
    let kids: Vec<String> = (0..scans.len())
        .map(|page| format!("{} 0 R", first_page + page * OBJECTS_PER_PAGE))
        .collect();
    writer.object("<< /Type /Catalog /Pages 2 0 R >>");
    writer.object(&format!("<< /Type /Pages /Count {} /Kids [{}] >>", scans.len(), kids.join(" ")));
    writer.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    writer.object(&format!(
        "<< /Title (Copy {index}) /Producer (scanner) /CreationDate (D:20260115080000Z) >>"
    ));
    for (page, scan) in scans.iter().enumerate() {
        write_page(&mut writer, page, scans.len(), *scan, index);
    }
    writer.finish(identifier)
}

fn write_page(writer: &mut Writer, page: usize, pages: usize, scan: Scan, index: u64) {
    let contents_id = OBJECTS_FIXED + page * OBJECTS_PER_PAGE + 2;
    let image_id = contents_id + 1;
    // A4 in points; the scan fills the page above a footer.
    writer.object(&format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {contents_id} 0 R \
         /Resources << /Font << /F1 3 0 R >> /XObject << /Im1 {image_id} 0 R >> >> >>"
    ));
    let drawing = format!(
        "q 555 0 0 762 20 60 cm /Im1 Do Q\n\
         BT /F1 10 Tf 20 30 Td (Copy {index}, page {} of {pages}) Tj ET\n",
        page + 1
    );
    writer.object(&format!("<< /Length {} >>\nstream\n{drawing}\nendstream", drawing.len()));
    writer.begin_object(&format!(
        "<< /Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace /DeviceGray \
         /BitsPerComponent 8 /Length {} >>\nstream\n",
        scan.width,
        scan.height,
        scan.len()
    ));
    writer.samples(scan.len());
    writer.text("\nendstream\nendobj\n");
}

/// Counts bytes as it goes: the cross-reference table holds the offset of each object.
struct Writer {
    parts: Vec<Part>,
    length: usize,
    offsets: Vec<usize>,
}

impl Writer {
    fn new() -> Self {
        let mut writer = Self { parts: Vec::new(), length: 0, offsets: Vec::new() };
        // The comment's high bytes tell transfer programs that the file is binary (7.5.2).
        writer.text("%PDF-1.7\n%âãÏÓ\n");
        writer
    }

    fn text(&mut self, text: &str) {
        self.length += text.len();
        match self.parts.last_mut() {
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    fn samples(&mut self, length: usize) {
        self.length += length;
        self.parts.push(Part::Samples(length));
    }

    fn begin_object(&mut self, start: &str) {
        self.offsets.push(self.length);
        self.text(&format!("{} 0 obj\n{start}", self.offsets.len()));
    }

    fn object(&mut self, body: &str) {
        self.begin_object(body);
        self.text("\nendobj\n");
    }

    fn finish(mut self, identifier: &str) -> Vec<Part> {
        let start = self.length;
        let size = self.offsets.len() + 1;
        let mut table = format!("xref\n0 {size}\n0000000000 65535 f \n");
        for offset in &self.offsets {
            // Twenty bytes an entry, of which the last two end the line (7.5.4).
            let _ = writeln!(table, "{offset:010} 00000 n ");
        }
        let _ = write!(
            table,
            "trailer\n<< /Size {size} /Root 1 0 R /Info 4 0 R /ID [<{identifier}> <{identifier}>] >>\n\
             startxref\n{start}\n%%EOF\n"
        );
        self.text(&table);
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(seed: u64, index: u64) -> Vec<u8> {
        Document::of(&Seed::new(seed), index).into_bytes()
    }

    fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
        haystack.windows(needle.len()).position(|window| window == needle)
    }

    #[test]
    fn a_file_depends_on_seed_and_index_alone() {
        assert_eq!(bytes(1, 5), bytes(1, 5));
        assert_ne!(bytes(1, 5), bytes(2, 5));
        assert_ne!(bytes(1, 5), bytes(1, 6));
    }

    #[test]
    fn every_cross_reference_points_at_its_object() {
        for index in [0, 1, 2, BOOKLET_EVERY - 1] {
            let file = bytes(3, index);
            assert!(file.starts_with(b"%PDF-1.7\n") && file.ends_with(b"%%EOF\n"));
            let tail = String::from_utf8_lossy(&file[file.len() - 40..]).into_owned();
            let start: usize =
                tail.split("startxref\n").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
            let table = std::str::from_utf8(&file[start..]).unwrap();
            let mut lines = table.lines();
            assert_eq!(lines.next(), Some("xref"));
            let count: usize = lines.next().unwrap().strip_prefix("0 ").unwrap().parse().unwrap();
            assert_eq!(lines.next(), Some("0000000000 65535 f "));
            for number in 1..count {
                let offset: usize = lines.next().unwrap()[..10].parse().unwrap();
                assert!(file[offset..].starts_with(format!("{number} 0 obj\n").as_bytes()));
            }
        }
    }

    #[test]
    fn the_size_is_known_before_the_samples_are_drawn() {
        for index in 0..20 {
            let document = Document::of(&Seed::new(9), index);
            let (size, pages) = (document.size_bytes(), document.page_count());
            let file = document.into_bytes();
            assert_eq!(file.len(), size);
            assert!(find(&file, format!("/Count {pages} ").as_bytes()).is_some());
        }
    }

    #[test]
    fn files_do_not_compress() {
        let file = bytes(4, 0);
        let packed = zstd::bulk::compress(&file, 3).unwrap();
        assert!(packed.len() * 100 > file.len() * 95, "{} of {}", packed.len(), file.len());
    }
}
