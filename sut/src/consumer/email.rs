//! The welcome mail.

use super::effect::{Effect, EffectError, downstream};
use crate::bugs::Bug;
use crate::envelope::Incoming;
use crate::service::ServiceError;
use crate::settings::Settings;
use squall_env::{Env, Mail, MailError, Mailer};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Deliveries at a time: each waits for the disk or the server.
const AT_ONCE: usize = 16;
const SUBJECT_CHARACTERS_MAX: usize = 100;

pub(super) struct Mails<E: Env> {
    env: E,
    mailer: E::Mailer,
    settings: Settings,
}

impl<E: Env> Mails<E> {
    pub(super) async fn open(env: &E, settings: &Settings) -> Result<Self, ServiceError> {
        Ok(Self {
            env: env.clone(),
            mailer: env.mailer().await?,
            settings: settings.clone(),
        })
    }

    async fn send(&self, event: &Incoming<'_>) -> Result<(), EffectError> {
        downstream(&self.env, self.settings.mail).await?;
        let mut mail = welcome(event).map_err(EffectError::Permanent)?;
        if self.settings.bugs.has(Bug::MissingIdempotence) {
            mail.name = format!("{}.{:016x}", mail.name, self.env.random("mail-name"));
        }
        match self.mailer.deliver(&mail).await {
            Ok(_) => Ok(()),
            Err(error @ MailError::Temporary(_)) => Err(EffectError::Temporary(error.to_string())),
            Err(error @ MailError::Permanent(_)) => Err(EffectError::Permanent(error.to_string())),
        }
    }
}

impl<E: Env> Effect for Mails<E> {
    fn subscriptions(&self) -> &[&'static str] {
        &["user_signup"]
    }

    fn chunk(&self) -> usize {
        AT_ONCE
    }

    async fn apply(&self, events: &[&Incoming<'_>]) -> Vec<Result<(), EffectError>> {
        if let [event] = events {
            return vec![self.send(event).await];
        }
        all(events.iter().map(|event| self.send(event)).collect()).await
    }
}

/// Polls all until each has ended, always in their order.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut results: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut open = false;
        for (future, result) in running.iter_mut().zip(&mut results) {
            if result.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *result = Some(output),
                    Poll::Pending => open = true,
                }
            }
        }
        if open { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    results.into_iter().flatten().collect()
}

/// Renders the mail. Whatever came in, no header gets a line break: an address with one is refused, a subject is cleaned.
fn welcome(event: &Incoming<'_>) -> Result<Mail, String> {
    let to = event.address().ok_or("there is no user")?;
    if !to.contains('@') || to.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("{to:?} is no address"));
    }
    let user = event.text("user").ok_or("there is no user")?;
    let name = one_line(event.text("name").unwrap_or(user));
    Ok(Mail {
        name: file_name(&event.id),
        event_id: event.id.clone(),
        to,
        subject: format!("Welcome, {name}"),
        body: format!(
            "Hello {name},\n\nyour account {} is ready.\n\nReference: {}\n",
            one_line(user),
            event.id
        ),
    })
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SUBJECT_CHARACTERS_MAX)
        .collect()
}

/// A name that is safe in any folder, different for different ids, and the id itself when that is safe.
fn file_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for (at, byte) in id.bytes().enumerate() {
        let hidden = at == 0 && byte == b'.';
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && !hidden)
        {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    if name.len() > 200 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in id.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        name.truncate(180);
        name.push_str(&format!("%{hash:016x}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    fn event(data: &str) -> Incoming<'_> {
        Incoming {
            id: "7-0-1".to_owned(),
            event_type: "user_signup".to_owned(),
            data: Json::read(data.as_bytes()).unwrap(),
            traceparent: None,
        }
    }

    #[test]
    fn no_header_gets_a_line_break() {
        let mail = welcome(&event(
            r#"{"user": "u\r\nBcc: all@example.test", "email": "a@b.test"}"#,
        ))
        .unwrap();
        assert_eq!(mail.subject, "Welcome, u  Bcc: all@example.test");
        assert_eq!(mail.name, "7-0-1");
        assert!(mail.body.contains("Reference: 7-0-1\n"));
        let nameless = welcome(&event(r#"{"user": "alice"}"#)).unwrap();
        assert_eq!(nameless.to, "alice@signup.test");
        assert!(welcome(&event(r#"{"user": "a\r\nb"}"#)).is_err());
        let injected = event(r#"{"user": "u", "email": "a@b.test\r\nBcc: c@d.test"}"#);
        assert!(welcome(&injected).is_err());
    }

    #[test]
    fn file_names_are_safe_and_distinct() {
        assert_eq!(file_name("42-0-17"), "42-0-17");
        assert_eq!(file_name("../a/b"), "%2e.%2fa%2fb");
        assert_eq!(file_name("a:b"), "a%3ab");
        assert_ne!(file_name("a%3ab"), file_name("a:b"));
        let long = |end: &str| file_name(&format!("{}{end}", "x".repeat(300)));
        assert!(long("1").len() < 220);
        assert_ne!(long("1"), long("2"));
    }
}
