//! A mail server on loopback (RFC 5321, as much as clients need) whose answers depend on the recipient.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A mail that was taken, or a recipient that was answered.
#[derive(Default)]
struct Seen {
    /// Recipient and message.
    mails: Vec<(String, String)>,
    attempts: BTreeMap<String, u32>,
}

/// Mail for `busy@` is put off for ever and for `later@` twice, `nobody@` is not known, and the line to `cut@` breaks once.
pub struct MailServer(Arc<Mutex<Seen>>);

impl MailServer {
    /// Serves from here on, until the process ends.
    pub fn start(listener: TcpListener) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let server = Self(Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen) = (stream.unwrap(), Arc::clone(&seen));
                // A client that hangs up is none of the server's business.
                std::thread::spawn(move || converse(stream, &seen).ok());
            }
        });
        server
    }

    /// Mails that were taken, in the order of their recipients.
    pub fn mails(&self) -> Vec<(String, String)> {
        let mut mails = self.0.lock().unwrap().mails.clone();
        mails.sort();
        mails
    }

    pub fn attempts(&self, recipient: &str) -> u32 {
        let seen = self.0.lock().unwrap();
        seen.attempts.get(recipient).copied().unwrap_or(0)
    }
}

/// The answer to a recipient; `None` breaks the line.
fn answer(recipient: &str, attempt: u32) -> Option<&'static str> {
    let (local, _) = recipient.split_once('@').unwrap_or((recipient, ""));
    match (local, attempt) {
        ("busy", _) | ("later", ..=2) => Some("451 4.3.0 come back later"),
        ("nobody", _) => Some("550 5.1.1 there is nobody of that name"),
        ("cut", 1) => None,
        _ => Some("250 2.1.5 fine"),
    }
}

fn converse(stream: TcpStream, seen: &Mutex<Seen>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let say = |text: &str| (&stream).write_all(format!("{text}\r\n").as_bytes());
    say("220 loopback")?;
    let mut recipient = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let command = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match command.as_str() {
            "RCPT" => {
                let inner = line
                    .split_once('<')
                    .and_then(|(_, rest)| rest.split_once('>'));
                recipient = inner
                    .map(|(address, _)| address.to_owned())
                    .unwrap_or_default();
                let attempt = {
                    let mut seen = seen.lock().unwrap();
                    let attempts = seen.attempts.entry(recipient.clone()).or_default();
                    *attempts += 1;
                    *attempts
                };
                match answer(&recipient, attempt) {
                    Some(text) => say(text)?,
                    None => return Ok(()),
                }
            }
            "DATA" => {
                say("354 go on")?;
                let text = message(&mut lines)?;
                seen.lock().unwrap().mails.push((recipient.clone(), text));
                say("250 2.0.0 taken")?;
            }
            "QUIT" => return say("221 2.0.0 bye"),
            "EHLO" | "HELO" | "MAIL" | "RSET" | "NOOP" => say("250 fine")?,
            _ => say("500 5.5.1 what?")?,
        }
    }
}

/// Up to the line with a dot alone; a dot that begins a line is there twice.
fn message(lines: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 || line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
