//! Mails as RFC 5322 messages, into a mail folder or to a server.

use super::maildir::Maildir;
use crate::settings::mail_server;
use lettre::message::Mailbox;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use squall_env::{Filed, Mail, MailError, Mailer};

const FROM: &str = "Signup <welcome@signup.test>";

/// A server wins over a folder.
pub enum ProcessMailer {
    Folder(FolderMailer),
    Server(AsyncSmtpTransport<Tokio1Executor>),
}

pub struct FolderMailer(Maildir);

impl ProcessMailer {
    pub(super) async fn open(
        maildir: Option<&str>,
        smtp_url: Option<&str>,
    ) -> Result<Self, MailError> {
        if let Some(url) = smtp_url {
            let (host, port) = mail_server(url)
                .ok_or_else(|| MailError::Permanent(format!("{url} names no server")))?;
            let server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(port);
            return Ok(Self::Server(server.build()));
        }
        let folder = maildir.unwrap_or_default();
        Maildir::open(folder).map(|maildir| Self::Folder(FolderMailer(maildir)))
    }
}

impl Mailer for ProcessMailer {
    async fn deliver(&self, mail: &Mail) -> Result<Filed, MailError> {
        let message = message(mail)?;
        match self {
            Self::Folder(FolderMailer(maildir)) => {
                let (maildir, name) = (maildir.clone(), mail.name.clone());
                let text = message.formatted();
                tokio::task::spawn_blocking(move || maildir.deliver(&name, &text))
                    .await
                    .map_err(|error| MailError::Temporary(error.to_string()))?
            }
            // A server cannot tell a second delivery; the Message-ID lets mail programs do so.
            Self::Server(server) => match server.send(message).await {
                Ok(_) => Ok(Filed::New),
                Err(error) if error.is_permanent() => Err(MailError::Permanent(error.to_string())),
                Err(error) => Err(MailError::Temporary(error.to_string())),
            },
        }
    }
}

fn message(mail: &Mail) -> Result<Message, MailError> {
    let address = |text: &str| {
        text.parse::<Mailbox>()
            .map_err(|error| MailError::Permanent(format!("`{text}` is no address: {error}")))
    };
    let mut message = Message::builder()
        .from(address(FROM)?)
        .to(address(&mail.to)?)
        .subject(mail.subject.clone())
        .message_id(Some(format!("<{}@signup.test>", mail.name)))
        .body(mail.body.clone())
        .map_err(|error| MailError::Permanent(error.to_string()))?;
    let name = HeaderName::new_from_ascii_str("X-Event-Id");
    message
        .headers_mut()
        .insert_raw(HeaderValue::new(name, mail.event_id.clone()));
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_carries_its_event_and_encodes_what_is_not_ascii() {
        let mail = Mail {
            name: "7-0-1".to_owned(),
            event_id: "7-0-1".to_owned(),
            to: "jo@example.test".to_owned(),
            subject: "Welcome, Jö".to_owned(),
            body: "Hello".to_owned(),
        };
        let text = String::from_utf8(message(&mail).unwrap().formatted()).unwrap();
        for line in [
            "X-Event-Id: 7-0-1\r\n",
            "To: jo@example.test\r\n",
            "Subject: Welcome, =?utf-8?b?",
        ] {
            assert!(text.contains(line), "{line:?} is missing in {text}");
        }
        let wrong = Mail {
            to: "no address".to_owned(),
            ..mail
        };
        assert!(matches!(message(&wrong), Err(MailError::Permanent(_))));
    }
}
