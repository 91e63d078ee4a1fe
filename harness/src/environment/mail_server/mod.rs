//! A mail server on loopback (or one that takes posts over HTTP) that files what it takes in a maildir, where the tap of the sink reads it.
//!
//! It stands in for the server of a mail provider: durable before it says 250, and on demand slow, or busy for a share of
//! the mails. RFC 5321 as far as clients that send need it; no encryption, no authentication.

mod http;
mod maildir;
mod moods;
mod session;

pub use moods::{Met, Mood};

use maildir::Maildir;
use moods::Moods;
use squall_plan::system::IdPlace;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A client that is more than this is told to come back later.
const SESSIONS_MAX: usize = 512;

/// A server and its thread. Dropped, it takes no further connection; sessions end with their next command.
pub struct MailServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

/// Where requests are taken, and where in them the event's id is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posts {
    pub path: String,
    pub id: IdPlace,
}

struct Shared {
    /// HTTP instead of mail.
    posts: Option<Posts>,
    maildir: Maildir,
    moods: Moods,
    open: AtomicUsize,
    /// Connections since the start.
    accepted: AtomicU64,
    ended: AtomicBool,
}

impl MailServer {
    /// Listens on a free port of loopback and files below `folder`. Which mails meet a share of errors is drawn from `seed`.
    ///
    /// # Errors
    /// When no port can be had or the folder cannot be made.
    pub fn start(folder: &Path, seed: u64) -> io::Result<Self> {
        Self::speaking(folder, seed, None)
    }

    /// As [`MailServer::start`], with `posts` for HTTP.
    ///
    /// # Errors
    /// As [`MailServer::start`].
    pub fn speaking(folder: &Path, seed: u64, posts: Option<Posts>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            posts,
            maildir: Maildir::open(folder)?,
            moods: Moods::new(seed),
            open: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        let mine = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("mail-server".to_owned());
        let accepting = thread.spawn(move || accept(&listener, &mine))?;
        Ok(Self {
            address,
            shared,
            accepting: Mutex::new(Some(accepting)),
        })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answers to what it refuses for now.
    #[must_use]
    pub fn refusal(&self) -> &'static str {
        match self.shared.posts {
            Some(_) => "503",
            None => "451",
        }
    }

    /// What it takes.
    #[must_use]
    pub fn takes(&self) -> &'static str {
        match self.shared.posts {
            Some(_) => "posts",
            None => "mails",
        }
    }

    /// How it treats mails from now on.
    pub fn set_mood(&self, mood: Mood) {
        self.shared.moods.set(mood);
    }

    /// Connections that were made to it since the start.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Acquire)
    }

    /// What mails have met since the start.
    #[must_use]
    pub fn met(&self) -> Met {
        self.shared.moods.met()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // Wakes the thread, which waits for a connection.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        let thread = self.accepting.lock();
        if let Some(thread) = thread.unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.ended.load(Ordering::Acquire) {
            return;
        }
        let Ok(stream) = stream else { continue };
        shared.accepted.fetch_add(1, Ordering::AcqRel);
        let session = Session::open(shared);
        let thread = std::thread::Builder::new().name("mail-session".to_owned());
        // Without a thread the connection closes, and its client tries again.
        let _ = thread.spawn(move || {
            let session = session;
            let shared = &session.0;
            if shared.open.load(Ordering::Acquire) > SESSIONS_MAX {
                return session::refuse(&stream);
            }
            // A client that goes away is none of the server's business.
            if let Some(posts) = &shared.posts {
                let _ = http::converse(stream, shared, posts);
                return;
            }
            let _ = session::converse(&stream, &shared.maildir, &shared.moods, &shared.ended);
        });
    }
}

/// Counted while it is open, also when its thread panics.
struct Session(Arc<Shared>);

impl Session {
    fn open(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(shared))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
