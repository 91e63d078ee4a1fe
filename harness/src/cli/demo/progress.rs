//! The phases of a run on one line, as they begin.

use std::io::{self, Write};

/// Takes the lines of a run (`   1.067 s  load`) and leaves their last words: `set-up, load, ...`.
pub struct Progress<'a> {
    out: &'a mut dyn Write,
    line: Vec<u8>,
    begun: bool,
}

impl<'a> Progress<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            line: Vec::new(),
            begun: false,
        }
    }

    /// Ends the line.
    pub fn end(self) {
        // Nobody may be reading any more, which is no reason to end a demo's run.
        let _ = writeln!(self.out).and_then(|()| self.out.flush());
    }

    fn phase(&mut self) -> io::Result<()> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let Some((_, phase)) = line.trim().split_once(" s  ") else {
            return Ok(());
        };
        let before = if self.begun { ", " } else { "   " };
        self.begun = true;
        write!(self.out, "{before}{phase}")?;
        self.out.flush()
    }
}

impl Write for Progress<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            match byte {
                b'\n' => self.phase()?,
                other => self.line.push(*other),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_pieces_become_words() {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out);
        for piece in [
            "   0.003 s  set",
            "-up\n  12.741 s  final read",
            "\nno phase\n",
        ] {
            progress.write_all(piece.as_bytes()).unwrap();
        }
        progress.end();
        assert_eq!(String::from_utf8(out).unwrap(), "   set-up, final read\n");
    }
}
