//! Where the indexes of old batches go: one append-only file for the whole cluster.
//!
//! A broker keeps about 40 bytes for each batch of the tail of a log. Of all others it keeps a handle for 256 of them, and the
//! rest is here, as Kafka has it in its offset index files.

use super::{Body, Segment};
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The file.
#[derive(Debug)]
pub struct Shelves {
    path: PathBuf,
    /// Made with the first write.
    file: RefCell<Option<File>>,
    end: Cell<u64>,
    /// What could not be read any more; from then on no answer is true.
    failure: RefCell<Option<io::Error>>,
}

/// A run of batches in the file.
#[derive(Clone, Debug)]
pub struct Shelf {
    shelves: Rc<Shelves>,
    at: u64,
    /// Of the rows, and of all.
    rows_bytes: u32,
    bytes: u32,
    /// Those that the bodies are in; they live as long as this.
    segments: Box<[Rc<Segment>]>,
}

/// A body within a shelf: number of its segment, place and length.
const BODY_BYTES: usize = 9;

impl Shelves {
    pub fn new(folder: &Path) -> Self {
        Self {
            path: folder.join("index"),
            file: RefCell::default(),
            end: Cell::new(0),
            failure: RefCell::default(),
        }
    }

    /// Why a shelf could not be read; takes it.
    pub fn failure(&self) -> Option<io::Error> {
        self.failure.borrow_mut().take()
    }

    /// `None` when the file cannot be written, such as on a full disk: then the batches stay in memory.
    pub fn put(self: &Rc<Self>, rows: &[u8], bodies: &[Body]) -> Option<Shelf> {
        let mut segments: Vec<Rc<Segment>> = Vec::new();
        let mut bytes = Vec::with_capacity(rows.len() + bodies.len() * BODY_BYTES);
        bytes.extend_from_slice(rows);
        for body in bodies {
            let known = segments
                .iter()
                .position(|known| Rc::ptr_eq(known, &body.segment));
            let number = known.unwrap_or_else(|| {
                segments.push(Rc::clone(&body.segment));
                segments.len() - 1
            });
            bytes.push(u8::try_from(number).ok()?);
            bytes.extend_from_slice(&body.at.to_le_bytes());
            bytes.extend_from_slice(&body.length.to_le_bytes());
        }
        let shelf = Shelf {
            shelves: Rc::clone(self),
            at: self.end.get(),
            rows_bytes: u32::try_from(rows.len()).ok()?,
            bytes: u32::try_from(bytes.len()).ok()?,
            segments: segments.into(),
        };
        self.write(&bytes).ok()?;
        self.end.set(shelf.at + u64::from(shelf.bytes));
        Some(shelf)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.file.borrow_mut();
        let file = match &mut *file {
            Some(file) => file,
            none => none.insert(
                File::options()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .open(&self.path)?,
            ),
        };
        file.write_all_at(bytes, self.end.get())
    }
}

impl Shelf {
    /// Rows and bodies; nothing after a failure, which [`Shelves::failure`] then tells.
    pub fn get(&self) -> (Vec<u8>, Vec<Body>) {
        self.read().unwrap_or_else(|error| {
            self.shelves.failure.replace(Some(error));
            (Vec::new(), Vec::new())
        })
    }

    fn read(&self) -> io::Result<(Vec<u8>, Vec<Body>)> {
        let mut bytes = vec![0; self.bytes as usize];
        let file = self.shelves.file.borrow();
        let file = file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        file.read_exact_at(&mut bytes, self.at)?;
        let packed = bytes.split_off(self.rows_bytes as usize);
        let body = |packed: &[u8]| -> Option<Body> {
            let (number, numbers) = packed.split_first()?;
            let (at, length) = numbers.split_first_chunk::<4>()?;
            Some(Body {
                segment: Rc::clone(self.segments.get(usize::from(*number))?),
                at: u32::from_le_bytes(*at),
                length: u32::from_le_bytes(length.try_into().ok()?),
            })
        };
        let bodies: Option<Vec<Body>> = packed.chunks_exact(BODY_BYTES).map(body).collect();
        Ok((bytes, bodies.ok_or(io::ErrorKind::InvalidData)?))
    }
}

impl squall_model::kafka::Body for Body {
    type Shelf = Shelf;

    fn shelve(rows: &[u8], bodies: &[Self]) -> Option<Shelf> {
        bodies.first()?.segment.shelves.put(rows, bodies)
    }

    fn unshelve(shelf: &Shelf) -> (Vec<u8>, Vec<Self>) {
        shelf.get()
    }
}
