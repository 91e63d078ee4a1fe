//! Outgoing mail.

use std::fmt;
use std::future::Future;

/// A mail as a handler hands it over. The handler has seen to it that no field but the body holds a line break.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// Two mails of one name are one: the second delivery does nothing. Derived from the event's id.
    pub name: String,
    /// The event that this mail is about; goes along as header `X-Event-Id`.
    pub event_id: String,
    pub to: String,
    pub subject: String,
    pub body: String,
}

/// What a delivery did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filed {
    New,
    /// A mail of this name was there already.
    Already,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailError {
    /// Trying again may help: disk full, server away, 4xx reply.
    Temporary(String),
    /// It will never work: address refused, 5xx reply, folder not writable.
    Permanent(String),
}

pub trait Mailer {
    /// Delivers a mail. It is durable when this returns.
    ///
    /// # Errors
    /// The mail may nevertheless have been delivered.
    fn deliver(&self, mail: &Mail) -> impl Future<Output = Result<Filed, MailError>>;
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Temporary(why) => write!(f, "mail could not be delivered for now: {why}"),
            Self::Permanent(why) => write!(f, "mail cannot be delivered: {why}"),
        }
    }
}

impl std::error::Error for MailError {}
