//! Effects that are mails in a catcher, read by its HTTP API (Mailpit's, version 1).

use crate::effects::Effects;
use crate::error::TapError;
use crate::source::{FinalRead, Polled, Source};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// Mails of one answer, newest first.
const PAGE: usize = 500;

/// Two mails with one Message-ID are two effects; the catcher has a name of its own for each.
pub(crate) struct Mails {
    api: SocketAddr,
    /// The catcher's names of those that were passed on.
    seen: BTreeSet<String>,
}

struct Page {
    /// Mails in the catcher.
    total: usize,
    mails: Vec<Mail>,
}

struct Mail {
    name: String,
    message_id: String,
}

impl Mails {
    pub const fn new(api: SocketAddr) -> Self {
        Self {
            api,
            seen: BTreeSet::new(),
        }
    }

    fn page(&self, start: usize, limit: usize) -> Result<Page, TapError> {
        let path = format!("/api/v1/messages?start={start}&limit={limit}");
        let read = get(self.api, &path).and_then(|body| {
            parse(&body).ok_or_else(|| io::Error::other(format!("no list of mails: {body:.80}")))
        });
        read.map_err(|error| TapError::Server {
            what: format!("the mails at {}", self.api),
            why: error.to_string(),
        })
    }

    /// Mails that are not known yet, oldest first. What comes in meanwhile moves others to a later page, so none is missed.
    fn unknown(&self, deadline: Instant) -> Result<Vec<Mail>, TapError> {
        let mut found: Vec<Mail> = Vec::new();
        let mut names = BTreeSet::new();
        // One is enough to learn how many there are.
        let missing = |total: usize| total.saturating_sub(self.seen.len());
        let mut limit = missing(self.page(0, 1)?.total).min(PAGE);
        let mut start = 0;
        while limit > 0 {
            if Instant::now() > deadline {
                return Err(TapError::TooLate {
                    sink: format!("mails at {}", self.api),
                });
            }
            let page = self.page(start, limit)?;
            start += page.mails.len();
            let is_last = page.mails.is_empty();
            let new = page.mails.into_iter();
            let new = new.filter(|mail| !self.seen.contains(&mail.name));
            found.extend(new.filter(|mail| names.insert(mail.name.clone())));
            let left = missing(page.total).saturating_sub(found.len());
            limit = if is_last { 0 } else { left.min(PAGE) };
        }
        found.reverse();
        Ok(found)
    }

    /// How many were passed on.
    fn pass_on(&mut self, effects: &mut Effects, deadline: Instant) -> Result<u64, TapError> {
        let mut passed = 0;
        for mail in self.unknown(deadline)? {
            let text = mail.message_id.as_bytes();
            let position = i64::try_from(self.seen.len()).unwrap_or(-1);
            let id = effects.ids.find(text);
            effects.push(effects.now_ns(), id, text, -1, position);
            self.seen.insert(mail.name);
            passed += 1;
        }
        Ok(passed)
    }
}

impl Source for Mails {
    fn poll(&mut self, effects: &mut Effects) -> Result<Polled, TapError> {
        self.pass_on(effects, Instant::now() + ANSWERS_WITHIN)?;
        effects.flush();
        std::thread::sleep(POLL);
        Ok(Polled::Read)
    }

    fn final_read(
        &mut self,
        effects: &mut Effects,
        deadline: Instant,
    ) -> Result<FinalRead, TapError> {
        // For the times of the last ones. When it fails, the whole read below tells.
        let _ = self.poll(effects);
        effects.become_final();
        self.seen.clear();
        let read = self.pass_on(effects, deadline)?;
        let total = self.page(0, 1)?.total as u64;
        let problem = (total != read).then(|| format!("{read} of {total} mails were listed"));
        Ok(FinalRead {
            problems: problem.into_iter().collect(),
            ..FinalRead::of(read, effects)
        })
    }

    fn attentive(&self) -> Duration {
        Duration::ZERO
    }
}

fn parse(body: &str) -> Option<Page> {
    let read: Value = serde_json::from_str(body).ok()?;
    let text = |mail: &Value, key: &str| Some(mail.get(key)?.as_str()?.to_owned());
    let mails = read.get("messages")?.as_array()?.iter().map(|mail| {
        Some(Mail {
            name: text(mail, "ID")?,
            message_id: text(mail, "MessageID")?,
        })
    });
    Some(Page {
        total: usize::try_from(read.get("total")?.as_u64()?).ok()?,
        mails: mails.collect::<Option<_>>()?,
    })
}

/// The body of a GET; HTTP/1.0, so that it comes in one piece and ends with the connection.
fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWERS_WITHIN)?;
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    stream.set_write_timeout(Some(ANSWERS_WITHIN))?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) if status == "200" => Ok(body.to_owned()),
        _ => Err(io::Error::other(format!("GET {path} answered {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_mails_is_read_and_nothing_else() {
        let body = r#"{"total": 7, "unread": 7, "messages": [{"ID": "x1", "MessageID": "7-0-3@signup.test", "Size": 12}]}"#;
        let page = parse(body).unwrap();
        assert_eq!((page.total, page.mails.len()), (7, 1));
        assert_eq!(page.mails[0].message_id, "7-0-3@signup.test");
        for other in ["", "{}", r#"{"total": 1, "messages": [{"ID": "x1"}]}"#] {
            assert!(parse(other).is_none(), "{other}");
        }
    }
}
