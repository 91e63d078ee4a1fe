//! Where the bytes of record batches live: written once, shared by all replicas.
//!
//! One append-only sequence of segment files for the whole cluster rather than one per partition: a batch is appended before its broker has
//! looked at the request, so a client that names partitions which do not exist would otherwise make files and tables grow; and
//! writes of many partitions leave in one call. Batches are found by position, so nothing has to be read in order.
//!
//! The newest bytes stay in memory up to a bound, as slices of the frames that brought them; what falls out of it is in the files and read
//! back with `pread`. Files are written behind, at the latest when bytes leave the cache. A segment whose last handle is dropped
//! removes its file.

mod shelf;

pub use shelf::Shelves;

use bytes::Bytes;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A segment is closed when it is larger than this.
const SEGMENT_BYTES: u32 = 256 << 20;
/// Bytes that wait for one write.
const WRITE_BYTES: usize = 1 << 20;
/// What a cached batch costs beside its bytes, so that many small ones are bounded too.
const ENTRY_BYTES: usize = 128;
const SLICES_MAX: usize = 512;

#[derive(Debug)]
struct Segment {
    file: File,
    path: PathBuf,
    /// Position of its first byte in the whole sequence.
    base: u64,
    shelves: Rc<Shelves>,
}

impl Drop for Segment {
    fn drop(&mut self) {
        // Nothing refers to its bytes any more; a file that cannot be removed only takes room until the run's folder goes.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A handle to one batch's bytes.
#[derive(Clone)]
pub struct Body {
    segment: Rc<Segment>,
    at: u32,
    length: u32,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({}+{})", self.position(), self.length)
    }
}

impl Body {
    fn position(&self) -> u64 {
        self.segment.base + u64::from(self.at)
    }

    /// Bytes of the batch, header included.
    #[must_use]
    pub fn size(&self) -> usize {
        self.length as usize
    }

    /// Reads from the file, `skip` bytes into the batch. Only for bytes that the cache no longer has.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_at(&self, skip: usize, into: &mut [u8]) -> io::Result<()> {
        self.segment
            .file
            .read_exact_at(into, u64::from(self.at) + skip as u64)
    }
}

/// The segment files and the cache of their tail.
pub struct Store {
    folder: PathBuf,
    current: Option<Rc<Segment>>,
    current_bytes: u32,
    /// End of everything appended.
    end: u64,
    cache: VecDeque<Cached>,
    cached_bytes: usize,
    cache_bytes_max: usize,
    /// How many entries at the back of the cache are not in the file yet, and their bytes.
    unwritten: usize,
    unwritten_bytes: usize,
    segments: u64,
    shelves: Rc<Shelves>,
    /// A write failed, perhaps half done: nothing more may be appended, or positions would no longer be true.
    failed: bool,
}

struct Cached {
    position: u64,
    bytes: Bytes,
}

impl Store {
    /// Creates `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(folder: &Path, cache_bytes_max: usize) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            current: None,
            current_bytes: 0,
            end: 0,
            cache: VecDeque::new(),
            cached_bytes: 0,
            cache_bytes_max,
            unwritten: 0,
            unwritten_bytes: 0,
            segments: 0,
            shelves: Rc::new(Shelves::new(folder)),
            failed: false,
        })
    }

    /// Keeps `bytes` and gives the handle to them.
    ///
    /// # Errors
    /// When a file cannot be made or written; nothing is lost of what earlier handles stand for, it stays in memory.
    pub fn append(&mut self, bytes: Bytes) -> io::Result<Body> {
        if self.failed {
            return Err(io::Error::other(
                "an earlier write to the segment files failed",
            ));
        }
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        if self.unwritten_bytes > WRITE_BYTES {
            self.write()?;
        }
        let segment = self.segment_for_append()?;
        let body = Body {
            segment,
            at: self.current_bytes,
            length,
        };
        self.cache.push_back(Cached {
            position: self.end,
            bytes,
        });
        self.current_bytes += length;
        self.end += u64::from(length);
        self.unwritten += 1;
        self.unwritten_bytes += length as usize;
        self.cached_bytes += length as usize + ENTRY_BYTES;
        self.evict()?;
        Ok(body)
    }

    fn segment_for_append(&mut self) -> io::Result<Rc<Segment>> {
        if let Some(segment) = &self.current
            && self.current_bytes < SEGMENT_BYTES
        {
            return Ok(Rc::clone(segment));
        }
        self.write()?;
        let path = self.folder.join(format!("{:06}.segment", self.segments));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        let segment = Rc::new(Segment {
            file,
            path,
            base: self.end,
            shelves: Rc::clone(&self.shelves),
        });
        self.segments += 1;
        self.current_bytes = 0;
        self.current = Some(Rc::clone(&segment));
        Ok(segment)
    }

    fn evict(&mut self) -> io::Result<()> {
        while self.cached_bytes > self.cache_bytes_max && self.cache.len() > 1 {
            if self.unwritten == self.cache.len() {
                self.write()?;
            }
            if let Some(cached) = self.cache.pop_front() {
                self.cached_bytes -= cached.bytes.len() + ENTRY_BYTES;
            }
        }
        Ok(())
    }

    /// Writes what is not in the file yet.
    fn write(&mut self) -> io::Result<()> {
        let Some(segment) = &self.current else {
            return Ok(());
        };
        while self.unwritten > 0 {
            let from = self.cache.len() - self.unwritten;
            let batch: Vec<_> = self.cache.range(from..).take(SLICES_MAX).collect();
            let mut slices: Vec<_> = batch.iter().map(|c| IoSlice::new(&c.bytes)).collect();
            if let Err(error) = write_all(&segment.file, &mut slices) {
                self.failed = true;
                return Err(error);
            }
            self.unwritten_bytes -= batch.iter().map(|c| c.bytes.len()).sum::<usize>();
            self.unwritten -= batch.len();
        }
        Ok(())
    }

    /// The bytes of a batch while they are in memory.
    #[must_use]
    pub fn cached(&self, body: &Body) -> Option<Bytes> {
        let position = body.position();
        let index = self
            .cache
            .binary_search_by_key(&position, |c| c.position)
            .ok()?;
        self.cache.get(index).map(|c| c.bytes.clone())
    }

    /// Why an index could not be read. From then on what brokers answer is not true, and the cluster must end.
    pub fn failure(&self) -> Option<io::Error> {
        self.shelves.failure()
    }

    /// Bytes ever appended.
    #[must_use]
    pub fn appended_bytes(&self) -> u64 {
        self.end
    }

    /// Bytes held in memory now.
    #[must_use]
    pub fn cached_bytes(&self) -> usize {
        self.cached_bytes
    }
}

/// On an error some of the slices may be in the file already.
fn write_all(mut file: &File, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
