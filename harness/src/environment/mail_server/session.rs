//! One conversation with a client (RFC 5321).

use super::maildir::Maildir;
use super::moods::{Moods, Turn};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// RFC 5321 4.5.3.1 allows 512 and 1000 bytes; clients are often laxer.
const LINE_BYTES_MAX: u64 = 64 * 1024;
const MAIL_BYTES_MAX: usize = 25 << 20;
/// RFC 5321 4.5.3.2.7: five minutes.
const IDLE_MAX: Duration = Duration::from_secs(300);

const READY: &str = "220 squall mail server";
const OK: &str = "250 2.0.0 fine";
const BUSY: &str = "451 4.3.0 come back later";

/// Too many clients.
pub(super) fn refuse(mut stream: &TcpStream) {
    let _ = stream.write_all(b"421 4.3.2 too many connections\r\n");
}

/// What a mail has so far.
#[derive(Default)]
struct Draft {
    from: bool,
    to: bool,
}

/// Until the client says QUIT or goes, or the server ends.
pub(super) fn converse(
    stream: &TcpStream,
    maildir: &Maildir,
    moods: &Moods,
    ended: &AtomicBool,
) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE_MAX))?;
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream);
    say(stream, READY)?;
    let mut draft = Draft::default();
    loop {
        let Some(line) = line(&mut input)? else {
            return Ok(());
        };
        if ended.load(Ordering::Acquire) {
            return say(stream, "421 4.3.2 closing");
        }
        let line = String::from_utf8_lossy(&line).trim().to_ascii_uppercase();
        let verb = line.split(' ').next().unwrap_or_default();
        match verb {
            "EHLO" => say(
                stream,
                "250-squall\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES",
            )?,
            "HELO" => say(stream, "250 squall")?,
            "MAIL" if line.starts_with("MAIL FROM:") => {
                draft = Draft {
                    from: true,
                    to: false,
                };
                say(stream, OK)?;
            }
            "RCPT" if !line.starts_with("RCPT TO:") => say(stream, "501 5.5.4 RCPT TO:<address>")?,
            "RCPT" if !draft.from => say(stream, "503 5.5.1 MAIL comes first")?,
            "RCPT" => {
                draft.to = true;
                say(stream, OK)?;
            }
            "DATA" if !draft.to => say(stream, "503 5.5.1 RCPT comes first")?,
            "DATA" => {
                say(stream, "354 go on, end with a dot")?;
                let answer = match content(&mut input)? {
                    None => "552 5.3.4 the mail is too large",
                    Some(mail) => take(&mail, maildir, moods),
                };
                draft = Draft::default();
                say(stream, answer)?;
            }
            "RSET" => {
                draft = Draft::default();
                say(stream, OK)?;
            }
            "NOOP" => say(stream, OK)?,
            "QUIT" => return say(stream, "221 2.0.0 bye"),
            "MAIL" => say(stream, "501 5.5.4 MAIL FROM:<address>")?,
            _ => say(stream, "502 5.5.2 no such command")?,
        }
    }
}

/// The answer to a whole mail. What is answered 250 is on disk, what is answered 451 is not.
fn take(mail: &[u8], maildir: &Maildir, moods: &Moods) -> &'static str {
    match moods.turn() {
        Turn::Refuse => return BUSY,
        Turn::TakeLater(by) => std::thread::sleep(by),
        Turn::Take => {}
    }
    match maildir.file(mail) {
        Ok(()) => {
            moods.filed();
            OK
        }
        // A full disk, or a folder that is gone.
        Err(_) => "452 4.3.1 the mail cannot be kept",
    }
}

/// Up to the line with the dot, dots that were doubled single again. `None`: too large, and read to its end all the same.
fn content(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut mail = Vec::new();
    let mut whole = true;
    loop {
        let line = line(input)?.ok_or(ErrorKind::UnexpectedEof)?;
        if line == b".\r\n" || line == b".\n" {
            return Ok(whole.then_some(mail));
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        whole &= mail.len() + line.len() <= MAIL_BYTES_MAX;
        if whole {
            mail.extend_from_slice(line);
        }
    }
}

/// With its end. `None`: the client has gone.
fn line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    input.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        // Cut off in mid-line, or a line without end.
        Some(_) => Err(ErrorKind::InvalidData.into()),
    }
}

fn say(mut stream: &TcpStream, text: &str) -> io::Result<()> {
    stream.write_all(format!("{text}\r\n").as_bytes())
}
