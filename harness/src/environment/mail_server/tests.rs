use super::*;
use std::io::{BufRead, BufReader, Write};

struct Client {
    stream: TcpStream,
    input: BufReader<TcpStream>,
}

impl Client {
    fn connect(server: &MailServer) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        let input = BufReader::new(stream.try_clone().unwrap());
        let mut client = Self { stream, input };
        assert!(client.answer().starts_with("220 "));
        client
    }

    fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.input.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    fn say(&mut self, text: &str) -> String {
        self.stream.write_all(text.as_bytes()).unwrap();
        self.stream.write_all(b"\r\n").unwrap();
        self.answer()
    }

    fn mail(&mut self, id: &str, body: &str) -> String {
        assert!(self.say("MAIL FROM:<a@b.test>").starts_with("250"));
        assert!(self.say("rcpt to:<c@d.test>").starts_with("250"));
        assert!(self.say("DATA").starts_with("354"));
        self.say(&format!("Message-ID: <{id}@b.test>\r\n\r\n{body}\r\n."))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder.join("new")).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_mail_is_a_file_called_after_its_message_id_before_it_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(folder.path(), 7).unwrap();
    let mut client = Client::connect(&server);
    assert!(client.say("EHLO here").starts_with("250 "));
    assert!(client.mail("7-0-1", "..one\r\ntwo").starts_with("250"));
    assert_eq!(names(folder.path()), ["7-0-1.1"]);
    let text = std::fs::read_to_string(folder.path().join("new/7-0-1.1")).unwrap();
    assert!(text.ends_with("\r\n\r\n.one\r\ntwo\r\n"), "{text:?}");
    // Delivered again, it is there again.
    assert!(client.mail("7-0-1", "again").starts_with("250"));
    assert!(client.mail("../../x", "y").starts_with("250"));
    assert_eq!(names(folder.path()), ["7-0-1.1", "7-0-1.2", "______x.3"]);
    assert!(client.say("QUIT").starts_with("221"));
    assert_eq!(server.met().filed, 3);
}

#[test]
fn what_is_out_of_order_or_unknown_is_refused_and_the_conversation_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(folder.path(), 7).unwrap();
    let mut client = Client::connect(&server);
    for (line, answer) in [
        ("RCPT TO:<c@d.test>", "503"),
        ("DATA", "503"),
        ("MAIL a@b.test", "501"),
        ("VRFY jo", "502"),
        ("RSET", "250"),
        ("NOOP", "250"),
    ] {
        let said = client.say(line);
        assert!(said.starts_with(answer), "{line}: {said}");
    }
    assert!(client.mail("1", "x").starts_with("250"));
}

#[test]
fn a_mail_that_breaks_off_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(folder.path(), 7).unwrap();
    let mut client = Client::connect(&server);
    client.say("MAIL FROM:<a@b.test>");
    client.say("RCPT TO:<c@d.test>");
    client.say("DATA");
    client
        .stream
        .write_all(b"Subject: half\r\n\r\nof i")
        .unwrap();
    drop(client);
    assert!(
        Client::connect(&server)
            .mail("2", "whole")
            .starts_with("250")
    );
    assert_eq!(names(folder.path()), ["2.1"]);
}

#[test]
fn a_busy_server_refuses_the_share_it_was_told_and_keeps_none_of_those() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |seed: u64| {
        let folder = folder.path().join(seed.to_string());
        let server = MailServer::start(&folder, seed).unwrap();
        let mut client = Client::connect(&server);
        server.set_mood(Mood::Busy { per_mille: 300 });
        let answers: Vec<bool> = (0..24)
            .map(|n| client.mail(&n.to_string(), "x").starts_with("451"))
            .collect();
        let count = answers.iter().filter(|refused| **refused).count();
        let met = server.met();
        assert_eq!((met.refused, met.filed), (count as u64, 24 - count as u64));
        assert_eq!(names(&folder).len(), 24 - count);
        server.set_mood(Mood::Ready);
        assert!(client.mail("last", "x").starts_with("250"));
        answers
    };
    let first = refused(7);
    let count = first.iter().filter(|refused| **refused).count();
    assert!((1..=17).contains(&count), "{count} of 24");
    assert_ne!(first, refused(8), "another seed refuses others");
}

#[test]
fn a_slow_server_answers_later() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(folder.path(), 7).unwrap();
    let mut client = Client::connect(&server);
    server.set_mood(Mood::Slow(Duration::from_millis(60)));
    let begun = std::time::Instant::now();
    assert!(client.mail("1", "x").starts_with("250"));
    assert!(begun.elapsed() >= Duration::from_millis(60));
    assert_eq!(server.met().held_up, 1);
}
