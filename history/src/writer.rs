//! Writes a history, in the thread of the caller and deterministically: the same calls make the same bytes.

use crate::block::{self, Head};
use crate::columns::Encoder;
use crate::error::HistoryError;
use crate::note::{Event, Note};
use squall_check::Op;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// An ops block is closed at this many ops.
const OPS_IN_BLOCK: usize = 1 << 16;
/// A notes block is closed at this many bytes.
const NOTES_BYTES: usize = 1 << 18;
/// A longer note is an error: readers refuse blocks above [`block::PAYLOAD_BYTES_MAX`].
const NOTE_BYTES_MAX: usize = 1 << 20;
/// Closed blocks go to the file when they make up this many bytes.
const BUFFER_BYTES: usize = 1 << 18;

/// What a writer has written.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Written {
    pub ops: u64,
    pub notes: u64,
    /// Bytes handed to the file.
    pub bytes: u64,
}

/// Writes events in the order of the calls. Rows are in the file after [`Writer::flush`], or sooner.
///
/// The first error stays: every later call fails with [`HistoryError::Broken`] and counts its rows as dropped.
pub struct Writer<W: Write = File> {
    to: W,
    ops: Encoder,
    notes: Vec<u8>,
    payload: Vec<u8>,
    buffer: Vec<u8>,
    written: Written,
    broken: Option<Broken>,
}

struct Broken {
    first: String,
    rows_dropped: u64,
}

impl Writer<File> {
    /// Makes a new file; one that is there already is an error.
    pub fn create(path: &Path) -> Result<Self, HistoryError> {
        let file = File::create_new(path).map_err(|source| HistoryError::File {
            action: "create",
            path: path.to_path_buf(),
            source,
        })?;
        Self::new(file)
    }

    /// Flushes, and waits until the file system says that it is on disk.
    pub fn sync(&mut self) -> Result<(), HistoryError> {
        self.flush()?;
        let synced = self.to.sync_data();
        self.keep(synced)
    }
}

impl<W: Write> Writer<W> {
    pub fn new(to: W) -> Result<Self, HistoryError> {
        let mut writer = Self {
            to,
            ops: Encoder::new(),
            notes: Vec::new(),
            payload: Vec::new(),
            buffer: block::file_head().to_vec(),
            written: Written::default(),
            broken: None,
        };
        writer.flush()?;
        Ok(writer)
    }

    pub fn op(&mut self, op: &Op) -> Result<(), HistoryError> {
        self.check(1)?;
        self.seal_notes();
        self.ops.push(op);
        self.written.ops += 1;
        if self.ops.len() >= OPS_IN_BLOCK {
            self.seal_ops();
            self.write_when_full()?;
        }
        Ok(())
    }

    pub fn ops(&mut self, ops: &[Op]) -> Result<(), HistoryError> {
        for (index, op) in ops.iter().enumerate() {
            if let Err(error) = self.op(op) {
                self.drop_rows((ops.len() - index - 1) as u64);
                return Err(error);
            }
        }
        Ok(())
    }

    pub fn note(&mut self, note: &Note) -> Result<(), HistoryError> {
        self.check(1)?;
        self.seal_ops();
        let line = serde_json::to_vec(note).map_err(std::io::Error::from);
        let line = match line {
            Ok(line) if line.len() < NOTE_BYTES_MAX => line,
            Ok(line) => return self.keep(Err(too_long(line.len()))),
            Err(error) => return self.keep(Err(error)),
        };
        self.notes.extend_from_slice(&line);
        self.notes.push(b'\n');
        self.written.notes += 1;
        if self.notes.len() >= NOTES_BYTES {
            self.seal_notes();
            self.write_when_full()?;
        }
        Ok(())
    }

    pub fn event(&mut self, event: &Event) -> Result<(), HistoryError> {
        match event {
            Event::Op(op) => self.op(op),
            Event::Note(note) => self.note(note),
        }
    }

    /// Closes the block and hands everything to the file: from here on it survives `kill -9`.
    pub fn flush(&mut self) -> Result<(), HistoryError> {
        self.check(0)?;
        self.seal_ops();
        self.seal_notes();
        self.write()
    }

    /// Flushes and gives the file back.
    pub fn into_inner(mut self) -> Result<W, HistoryError> {
        self.flush()?;
        Ok(self.to)
    }

    pub const fn written(&self) -> Written {
        self.written
    }

    /// Rows that an error kept from being written.
    pub fn rows_dropped(&self) -> u64 {
        self.broken.as_ref().map_or(0, |broken| broken.rows_dropped)
    }

    fn seal_ops(&mut self) {
        if self.ops.len() > 0 {
            self.payload.clear();
            self.ops.seal(&mut self.payload);
            self.append(block::OPS);
        }
    }

    fn seal_notes(&mut self) {
        if !self.notes.is_empty() {
            self.payload.clear();
            self.payload.append(&mut self.notes);
            self.append(block::NOTES);
        }
    }

    fn append(&mut self, kind: u8) {
        let head = Head::of(kind, &self.payload);
        self.buffer.extend_from_slice(&head.to_bytes());
        self.buffer.extend_from_slice(&self.payload);
    }

    fn write_when_full(&mut self) -> Result<(), HistoryError> {
        if self.buffer.len() >= BUFFER_BYTES {
            self.write()
        } else {
            Ok(())
        }
    }

    fn write(&mut self) -> Result<(), HistoryError> {
        let result = self
            .to
            .write_all(&self.buffer)
            .and_then(|()| self.to.flush());
        self.written.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        self.keep(result)
    }

    /// Remembers an error for good.
    fn keep(&mut self, result: std::io::Result<()>) -> Result<(), HistoryError> {
        result.map_err(|source| {
            self.broken = Some(Broken {
                first: source.to_string(),
                rows_dropped: 0,
            });
            HistoryError::Write { source }
        })
    }

    fn check(&mut self, rows: u64) -> Result<(), HistoryError> {
        self.drop_rows(rows);
        match &self.broken {
            None => Ok(()),
            Some(Broken {
                first,
                rows_dropped,
            }) => Err(HistoryError::Broken {
                first: first.clone(),
                rows_dropped: *rows_dropped,
            }),
        }
    }

    fn drop_rows(&mut self, rows: u64) {
        if let Some(broken) = &mut self.broken {
            broken.rows_dropped += rows;
        }
    }
}

fn too_long(bytes: usize) -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::InvalidInput,
        format!("a note of {bytes} bytes, {NOTE_BYTES_MAX} are allowed"),
    )
}
