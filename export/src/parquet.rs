//! Parquet files of flat tables: PLAIN encoding, version 1 data pages, no compression, one page a column of a row group.
//!
//! Source: parquet-format's parquet.thrift and Encodings.md. What is written here is the least that every reader must
//! understand; a general writer would bring a hundred packages into the build.

use crate::thrift::{Struct, varint};
use std::io::{self, Write};

const MARK: &[u8; 4] = b"PAR1";
/// Enum values of parquet.thrift.
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const DATA_PAGE: i32 = 0;
const UNCOMPRESSED: i32 = 0;
const REQUIRED: i32 = 0;
const OPTIONAL: i32 = 1;
const UTF8: i32 = 0;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    I32,
    I64,
    Text,
}

impl Type {
    const fn physical(self) -> i32 {
        match self {
            Self::I32 => 1,
            Self::I64 => 2,
            Self::Text => 6,
        }
    }
}

/// A column of a table; its values come row by row.
pub struct Column {
    name: &'static str,
    kind: Type,
    optional: bool,
    present: Vec<bool>,
    values: Vec<u8>,
}

impl Column {
    pub const fn new(name: &'static str, kind: Type, optional: bool) -> Self {
        Self {
            name,
            kind,
            optional,
            present: Vec::new(),
            values: Vec::new(),
        }
    }

    pub fn i32(&mut self, value: Option<i32>) {
        self.present.push(value.is_some());
        self.values
            .extend(value.map(i32::to_le_bytes).into_iter().flatten());
    }

    pub fn i64(&mut self, value: Option<i64>) {
        self.present.push(value.is_some());
        self.values
            .extend(value.map(i64::to_le_bytes).into_iter().flatten());
    }

    pub fn text(&mut self, value: Option<&str>) {
        self.present.push(value.is_some());
        if let Some(value) = value {
            let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
            self.values.extend(length.to_le_bytes());
            self.values.extend(value.as_bytes());
        }
    }

    fn schema(&self) -> Struct {
        let repetition = if self.optional { OPTIONAL } else { REQUIRED };
        let element = Struct::default()
            .i32(1, self.kind.physical())
            .i32(3, repetition)
            .text(4, self.name);
        match self.kind {
            // The old and the new way to say that bytes are text.
            Type::Text => element
                .i32(6, UTF8)
                .structure(10, Struct::default().structure(1, Struct::default())),
            _ => element,
        }
    }

    /// Header and data of the one page.
    fn page(&mut self) -> Vec<u8> {
        let mut data = Vec::new();
        if self.optional {
            let levels = levels(&self.present);
            data.extend(
                u32::try_from(levels.len())
                    .unwrap_or(u32::MAX)
                    .to_le_bytes(),
            );
            data.extend(levels);
        }
        data.append(&mut self.values);
        let size = i32::try_from(data.len()).unwrap_or(i32::MAX);
        let count = i32::try_from(self.present.len()).unwrap_or(i32::MAX);
        let about = Struct::default()
            .i32(1, count)
            .i32(2, PLAIN)
            .i32(3, RLE)
            .i32(4, RLE);
        let mut page = Struct::default()
            .i32(1, DATA_PAGE)
            .i32(2, size)
            .i32(3, size)
            .structure(5, about)
            .finish();
        page.extend(data);
        self.present.clear();
        page
    }
}

/// Definition levels of width 1: runs of equal ones, each its length shifted by one and the level.
fn levels(present: &[bool]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for run in present.chunk_by(|a, b| a == b) {
        varint(&mut bytes, (run.len() as u64) << 1);
        bytes.push(u8::from(run[0]));
    }
    bytes
}

/// A file under way.
pub struct Table<W: Write> {
    to: W,
    at: u64,
    pub columns: Vec<Column>,
    rows: usize,
    rows_all: i64,
    groups: Vec<Struct>,
}

/// Rows of a group, and bytes after which a group ends sooner.
const GROUP_ROWS: usize = 100_000;
const GROUP_BYTES: usize = 64 << 20;

impl<W: Write> Table<W> {
    pub fn new(mut to: W, columns: Vec<Column>) -> io::Result<Self> {
        to.write_all(MARK)?;
        Ok(Self {
            to,
            at: MARK.len() as u64,
            columns,
            rows: 0,
            rows_all: 0,
            groups: Vec::new(),
        })
    }

    /// A row is whole: each column was given its value.
    pub fn end_row(&mut self) -> io::Result<()> {
        self.rows += 1;
        let bytes: usize = self.columns.iter().map(|column| column.values.len()).sum();
        if self.rows >= GROUP_ROWS || bytes >= GROUP_BYTES {
            self.end_group()?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let rows = i64::try_from(self.rows).unwrap_or(i64::MAX);
        let (mut chunks, mut total) = (Vec::new(), 0);
        for column in &mut self.columns {
            let page = column.page();
            self.to.write_all(&page)?;
            let size = i64::try_from(page.len()).unwrap_or(i64::MAX);
            let at = i64::try_from(self.at).unwrap_or(i64::MAX);
            let about = Struct::default()
                .i32(1, column.kind.physical())
                .i32s(2, &[PLAIN, RLE])
                .texts(3, &[column.name])
                .i32(4, UNCOMPRESSED)
                .i64(5, rows)
                .i64(6, size)
                .i64(7, size)
                .i64(9, at);
            chunks.push(Struct::default().i64(2, at).structure(3, about));
            self.at += page.len() as u64;
            total += size;
        }
        let group = Struct::default()
            .structures(1, chunks)
            .i64(2, total)
            .i64(3, rows);
        self.groups.push(group);
        self.rows_all += rows;
        self.rows = 0;
        Ok(())
    }

    /// Writes what is left and the footer.
    pub fn finish(mut self) -> io::Result<()> {
        self.end_group()?;
        let count = i32::try_from(self.columns.len()).unwrap_or(i32::MAX);
        let mut schema = vec![Struct::default().text(4, "schema").i32(5, count)];
        schema.extend(self.columns.iter().map(Column::schema));
        let footer = Struct::default()
            .i32(1, 1)
            .structures(2, schema)
            .i64(3, self.rows_all)
            .structures(4, self.groups)
            .text(6, concat!("squall version ", env!("CARGO_PKG_VERSION")))
            .finish();
        self.to.write_all(&footer)?;
        let length = u32::try_from(footer.len()).unwrap_or(u32::MAX);
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(MARK)?;
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_runs() {
        assert_eq!(levels(&[true, true, false]), [4, 1, 2, 0]);
        assert_eq!(levels(&[true; 200]), [0x90, 3, 1]);
    }

    #[test]
    fn a_file_begins_and_ends_as_parquet_says() {
        let mut bytes = Vec::new();
        let columns = vec![
            Column::new("n", Type::I32, true),
            Column::new("t", Type::Text, false),
        ];
        let mut table = Table::new(&mut bytes, columns).unwrap();
        for n in 0..5 {
            table.columns[0].i32((n % 2 == 0).then_some(n));
            table.columns[1].text(Some("x"));
            table.end_row().unwrap();
        }
        table.finish().unwrap();
        assert_eq!(
            (&bytes[..4], &bytes[bytes.len() - 4..]),
            (&MARK[..], &MARK[..])
        );
        let length = bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap();
        assert!((u32::from_le_bytes(length) as usize) < bytes.len() - 8);
    }
}
