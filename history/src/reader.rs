//! Reads a history back, with a torn tail repaired and any other damage told.

use crate::block::{self, Head};
use crate::columns::Decoder;
use crate::error::HistoryError;
use crate::note::{Event, Note, What};
use squall_check::Op;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// The rows of one block.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Batch<'a> {
    Ops(&'a [Op]),
    Notes(&'a [Note]),
}

/// How a history ends. Final once the reader has given its last batch.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tail {
    /// Bytes after the last whole block: a write that `kill -9` or a power loss cut short.
    pub bytes_dropped: u64,
    /// Whether an [`What::End`] note was read: the run ended in order.
    pub end_seen: bool,
}

/// Yields the events of a history in recorded order.
///
/// A damaged block is an error that says where, unless it is the torn tail; after an error the reader yields nothing more.
pub struct Reader<R: Read = BufReader<File>> {
    from: R,
    /// Bytes read so far.
    at: u64,
    block: u64,
    decoder: Decoder,
    payload: Vec<u8>,
    ops: Vec<Op>,
    notes: Vec<Note>,
    /// Whether ops are counted only.
    skip_ops: bool,
    ops_skipped: u64,
    tail: Tail,
    done: bool,
    /// For the iterator: the block in hand and the next row of it.
    current: u8,
    row: usize,
}

/// A block, or the end.
enum Frame {
    Whole(Head),
    Torn(u64),
}

impl Reader {
    /// Opens a history file, or the history in the folder of a run.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        let path = if path.is_dir() {
            path.join(crate::FILE_NAME)
        } else {
            path.to_path_buf()
        };
        match File::open(&path) {
            Ok(file) => Self::new(BufReader::with_capacity(1 << 18, file)),
            Err(source) => Err(HistoryError::File {
                action: "open",
                path,
                source,
            }),
        }
    }
}

impl<R: Read> Reader<R> {
    /// Reads and checks the head of the file.
    pub fn new(from: R) -> Result<Self, HistoryError> {
        let mut reader = Self {
            from,
            at: 0,
            block: 0,
            decoder: Decoder::new(),
            payload: Vec::new(),
            ops: Vec::new(),
            notes: Vec::new(),
            skip_ops: false,
            ops_skipped: 0,
            tail: Tail::default(),
            done: false,
            current: 0,
            row: 0,
        };
        let mut head = [0; block::FILE_HEAD_BYTES];
        let got = reader.fill(&mut head)?;
        let expected = block::file_head();
        if got < head.len() && head[..got] == expected[..got] {
            reader.end(got as u64);
        } else if head[..6] != block::MARK {
            return Err(HistoryError::NotAHistory);
        }
        let found = u16::from_le_bytes([head[6], head[7]]);
        if !reader.done && found != block::VERSION {
            return Err(HistoryError::Version {
                found,
                known: block::VERSION,
            });
        }
        Ok(reader)
    }

    /// The next block's rows, or `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'_>>, HistoryError> {
        match self.advance()? {
            Some(block::OPS) => Ok(Some(Batch::Ops(&self.ops))),
            Some(_) => Ok(Some(Batch::Notes(&self.notes))),
            None => Ok(None),
        }
    }

    /// The next block of notes, or `None` at the end. Ops on the way there are counted by [`Self::ops_skipped`] and not decoded;
    /// their blocks are held against their checksums all the same.
    pub fn next_notes(&mut self) -> Result<Option<&[Note]>, HistoryError> {
        self.skip_ops = true;
        let mut found = self.advance();
        while let Ok(Some(block::OPS)) = found {
            found = self.advance();
        }
        self.skip_ops = false;
        Ok(found?.map(|_| self.notes.as_slice()))
    }

    /// Ops that [`Self::next_notes`] has passed by.
    pub const fn ops_skipped(&self) -> u64 {
        self.ops_skipped
    }

    /// How the history ends, as far as it was read.
    pub const fn tail(&self) -> Tail {
        self.tail
    }

    /// Decodes the next block whose kind is known, and says which kind.
    fn advance(&mut self) -> Result<Option<u8>, HistoryError> {
        while !self.done {
            let began = self.at;
            let result = self.frame().and_then(|frame| match frame {
                Frame::Whole(head) => self.decode(head.kind, began).map(Some),
                Frame::Torn(bytes) => {
                    self.end(bytes);
                    Ok(None)
                }
            });
            match result {
                Err(error) => {
                    self.done = true;
                    return Err(error);
                }
                Ok(Some(kind @ (block::OPS | block::NOTES))) => {
                    self.block += 1;
                    return Ok(Some(kind));
                }
                Ok(_) => self.block += 1,
            }
        }
        Ok(None)
    }

    fn end(&mut self, bytes_dropped: u64) {
        self.done = true;
        self.tail.bytes_dropped = bytes_dropped;
    }

    fn frame(&mut self) -> Result<Frame, HistoryError> {
        let began = self.at;
        let mut bytes = [0; block::HEAD_BYTES];
        let got = self.fill(&mut bytes)?;
        if got < bytes.len() {
            return Ok(Frame::Torn(got as u64));
        }
        let Some(head) = Head::from_bytes(&bytes) else {
            // A file system may leave zeros where a write was lost with the power.
            return if bytes.iter().all(|&byte| byte == 0) && self.rest_is_zeros()? {
                Ok(Frame::Torn(self.at - began))
            } else {
                Err(self.corrupt(began, "its head does not fit its checksum"))
            };
        };
        if head.length as usize > block::PAYLOAD_BYTES_MAX {
            return Err(self.corrupt(began, "it claims to be longer than any block may be"));
        }
        let mut payload = std::mem::take(&mut self.payload);
        payload.resize(head.length as usize, 0);
        let got = self.fill(&mut payload);
        self.payload = payload;
        if got? < head.length as usize {
            return Ok(Frame::Torn(self.at - began));
        }
        if crc32c::crc32c(&self.payload) == head.checksum {
            return Ok(Frame::Whole(head));
        }
        let length = self.at - began;
        if self.fill(&mut [0])? == 0 {
            Ok(Frame::Torn(length))
        } else {
            Err(self.corrupt(began, "its bytes do not fit its checksum"))
        }
    }

    fn rest_is_zeros(&mut self) -> Result<bool, HistoryError> {
        let mut bytes = [0; 4096];
        loop {
            let got = self.fill(&mut bytes)?;
            if bytes[..got].iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            if got < bytes.len() {
                return Ok(true);
            }
        }
    }

    fn decode(&mut self, kind: u8, began: u64) -> Result<u8, HistoryError> {
        match kind {
            block::OPS if self.skip_ops => {
                let count = Decoder::count(&self.payload);
                self.ops_skipped += count.map_err(|why| self.corrupt(began, why))?;
            }
            block::OPS => self
                .decoder
                .decode(&self.payload, &mut self.ops)
                .map_err(|why| self.corrupt(began, why))?,
            block::NOTES => self.decode_notes(began)?,
            // A later version may add kinds of blocks that an earlier reader can do without.
            _ => {}
        }
        Ok(kind)
    }

    fn decode_notes(&mut self, began: u64) -> Result<(), HistoryError> {
        self.notes.clear();
        for line in self.payload.split(|&byte| byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            match Note::from_json(line) {
                Ok(note) => {
                    self.tail.end_seen |= matches!(note.what, What::End { .. });
                    self.notes.push(note);
                }
                Err(error) => {
                    return Err(self.corrupt(began, &format!("a note in it is no JSON: {error}")));
                }
            }
        }
        Ok(())
    }

    fn corrupt(&self, at: u64, why: &str) -> HistoryError {
        HistoryError::Corrupt {
            block: self.block,
            at,
            why: why.to_owned(),
        }
    }

    /// Fills `bytes` as far as there are any, and says how far.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<usize, HistoryError> {
        let mut got = 0;
        while got < bytes.len() {
            match self.from.read(&mut bytes[got..]) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(HistoryError::Read {
                        at: self.at + got as u64,
                        source,
                    });
                }
            }
        }
        self.at += got as u64;
        Ok(got)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Event, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let event = match self.current {
                block::OPS => self.ops.get(self.row).copied().map(Event::Op),
                block::NOTES => self.notes.get(self.row).cloned().map(Event::Note),
                _ => None,
            };
            self.row += 1;
            if let Some(event) = event {
                return Some(Ok(event));
            }
            self.row = 0;
            self.current = 0;
            match self.advance() {
                Ok(Some(kind)) => self.current = kind,
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
