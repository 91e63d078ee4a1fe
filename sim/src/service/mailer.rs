//! Mail folders that outlive the processes that deliver into them. Two mails of one name are one.

use super::process::Process;
use super::trouble::{REFUSED_NS, Turn};
use crate::kernel::{Nanos, promise};
use squall_env::{Filed, Mail, MailError, Mailer};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::pending;
use std::rc::Rc;

/// Write, flush and rename of one file.
const DELIVER_NS: Nanos = 300_000;

/// A mail as it lies in its folder.
#[derive(Clone, Debug)]
pub struct FiledMail {
    /// Arrival number within the folder, from 1.
    pub number: u64,
    pub event_id: String,
    pub body: String,
}

/// All folders of the world, by path and then by the mail's name.
#[derive(Default)]
pub struct Mails {
    folders: RefCell<BTreeMap<Rc<str>, BTreeMap<String, FiledMail>>>,
}

impl Mails {
    /// Names and mails of a folder; none when nothing was ever delivered there.
    pub fn folder(&self, path: &str) -> Vec<(String, FiledMail)> {
        let folders = self.folders.borrow();
        let mails = folders.get(path).into_iter().flatten();
        let mut mails: Vec<(String, FiledMail)> = mails
            .map(|(name, mail)| (name.clone(), mail.clone()))
            .collect();
        mails.sort_by_key(|(_, mail)| mail.number);
        mails
    }
}

/// A handle on the mail folder of one process.
#[derive(Clone)]
pub struct SimMailer {
    process: Rc<Process>,
    path: Rc<str>,
}

impl SimMailer {
    pub(super) fn new(process: &Rc<Process>, path: String) -> Self {
        Self {
            process: Rc::clone(process),
            path: Rc::from(path),
        }
    }

    fn file(&self, mail: Mail) -> Filed {
        let world = &self.process.world;
        let mut folders = world.mails.folders.borrow_mut();
        let folder = folders.entry(Rc::clone(&self.path)).or_default();
        if folder.contains_key(&mail.name) {
            return Filed::Already;
        }
        let filed = FiledMail {
            number: folder.len() as u64 + 1,
            event_id: mail.event_id,
            body: mail.body,
        };
        world.sinks.mail(world, &self.path, &mail.name, &filed);
        folder.insert(mail.name, filed);
        Filed::New
    }
}

impl Mailer for SimMailer {
    async fn deliver(&self, mail: &Mail) -> Result<Filed, MailError> {
        if !self.process.alive.get() {
            return pending().await;
        }
        let kernel = &self.process.world.kernel;
        let mut cost = DELIVER_NS + kernel.below("mail", 0, DELIVER_NS);
        match self.process.world.troubles.turn(&self.path, kernel) {
            Turn::Ordinary => {}
            Turn::Late(by) => cost += by,
            Turn::Refused => {
                kernel.sleep(REFUSED_NS).await;
                return Err(MailError::Temporary("the mail server refuses".to_owned()));
            }
        }
        let done = kernel.now() + cost;
        // The rename comes a moment before the caller knows.
        let (pledge, outcome) = promise(kernel);
        let (mailer, mail) = (self.clone(), mail.clone());
        kernel.at(done - cost / 8, move || {
            if mailer.process.alive.get() {
                pledge.keep(mailer.file(mail));
            }
        });
        let outcome = outcome.await;
        kernel.sleep_until(done).await;
        outcome.ok_or_else(|| MailError::Permanent("the process is dead".to_owned()))
    }
}
