//! consumer-email with a mail server in place of a folder.

use crate::smtp::MailServer;
use crate::world::{Http, Running, World, wait_until};
use squall_sut::Service;
use std::net::TcpListener;

fn sign_up(world: &World, id: &str, email: &str) {
    let data = format!(r#"{{"user":"jo","email":"{email}"}}"#);
    let headers = [("ce_id", id), ("ce_type", "user_signup")];
    world.send("signups", &headers, data.as_bytes());
}

fn start(world: &World, port: u16, retries_max: u32) -> Running {
    let mut settings = world.settings(Service::ConsumerEmail);
    settings.smtp_url = Some(format!("smtp://127.0.0.1:{port}"));
    settings.retries_max = retries_max;
    world.start_with(settings)
}

/// A counter by its name and labels.
fn counter(service: &Running, series: &str) -> u64 {
    let (_, metrics) = Http::connect(service.port).get("/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

#[test]
fn a_mail_server_takes_puts_off_and_refuses() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = MailServer::start(listener);
    let email = start(&world, port, 3);
    email.wait_until_ready();
    for (id, name) in [
        ("1", "jo"),
        ("2", "later"),
        ("3", "busy"),
        ("4", "nobody"),
        ("5", "cut"),
    ] {
        sign_up(&world, id, &format!("{name}@squall.test"));
    }
    let mut letters: Vec<_> = world
        .receive("signups-dead-letters", 2)
        .into_iter()
        .map(|letter| letter.event.headers)
        .collect();
    letters.sort_by_key(|headers| headers.text("ce_id").map(str::to_owned));
    for (headers, id, kind, reason) in [
        (&letters[0], "3", "retries-exhausted", "come back later"),
        (&letters[1], "4", "refused", "there is nobody of that name"),
    ] {
        assert_eq!(headers.text("ce_id"), Some(id));
        assert_eq!(headers.text("dlq_kind"), Some(kind));
        assert!(headers.text("dlq_reason").unwrap().contains(reason));
        assert_eq!(headers.text("dlq_topic"), Some("signups"));
        assert!(headers.text("dlq_partition").is_some() && headers.text("dlq_offset").is_some());
    }
    wait_until("every other mail", || server.mails().len() == 3);
    let mails = server.mails();
    let recipients: Vec<&str> = mails.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(
        recipients,
        ["cut@squall.test", "jo@squall.test", "later@squall.test"]
    );
    assert!(mails[1].1.contains("X-Event-Id: 1\r\n"), "{}", mails[1].1);
    assert!(
        mails[1].1.contains("Message-ID: <1@signup.test>\r\n"),
        "{}",
        mails[1].1
    );
    for (name, attempts) in [
        ("jo", 1),
        ("later", 3),
        ("busy", 4),
        ("nobody", 1),
        ("cut", 2),
    ] {
        assert_eq!(
            server.attempts(&format!("{name}@squall.test")),
            attempts,
            "{name}"
        );
    }
    email.stop();
}

#[test]
fn a_mail_server_that_is_away_is_asked_again() {
    let world = World::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let email = start(&world, address.port(), 1000);
    email.wait_until_ready();
    sign_up(&world, "1", "jo@squall.test");
    let retried = "signup_events_total{outcome=\"retried\"}";
    wait_until("a second attempt", || counter(&email, retried) >= 2);
    let server = MailServer::start(TcpListener::bind(address).unwrap());
    wait_until("the mail", || server.mails().len() == 1);
    wait_until("its end", || {
        counter(&email, "signup_events_total{outcome=\"handled\"}") == 1
    });
    email.stop();
}
