//! consumer-db with a PostgreSQL server of its own. `cargo test -p squall-sut --features postgres --test processes postgres --
//! --ignored`; needs the server's programs on the path or where Debian puts them.

use crate::postgres_server::Server;
use crate::world::{Http, Running, World, on_runtime, wait_until};
use squall_sut::{Secret, Service, Settings};
use std::time::Duration;

impl Server {
    /// How many rows, and how many ids among them.
    fn users(&self) -> (i64, i64) {
        on_runtime(async {
            let connected = tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await;
            let Ok((client, connection)) = connected else {
                return (0, 0);
            };
            tokio::spawn(connection);
            let text = "SELECT count(*), count(DISTINCT event_id) FROM users";
            let row = client.query_one(text, &[]).await;
            row.map_or((0, 0), |row| (row.get(0), row.get(1)))
        })
    }
}

fn settings(world: &World, server: &Server) -> Settings {
    let mut settings = world.settings(Service::ConsumerDb);
    settings.sqlite_path = None;
    settings.database_url = Some(Secret(server.url()));
    settings.retries_max = 1000;
    settings
}

fn handled(port: u16) -> u32 {
    let (_, metrics) = Http::connect(port).get("/metrics");
    let name = "signup_events_total{outcome=\"handled\"} ";
    let counts = metrics.lines().filter_map(|line| line.strip_prefix(name));
    counts.filter_map(|count| count.parse::<u32>().ok()).sum()
}

#[test]
#[ignore = "needs PostgreSQL's programs"]
fn postgres_has_one_row_for_each_event_though_it_starts_late_and_dies_in_between() {
    let (world, server) = (World::new(), Server::new());
    let mut slow = settings(&world, &server);
    slow.rows.delay = Duration::from_millis(2);
    let other = settings(&world, &server);
    let services = [world.start_with(slow), world.start_with(other)];
    server.start();
    for service in &services {
        service.wait_until_ready();
    }
    world.fill_signups(300);
    wait_until("rows", || server.users().0 >= 10);
    server.crash();
    world.fill_signups(300);
    server.start();
    wait_until("each row once, and every event handled", || {
        let handled: u32 = services.iter().map(|service| handled(service.port)).sum();
        handled >= 600 && server.users().1 == 300
    });
    services.into_iter().for_each(Running::stop);
    assert_eq!(server.users(), (300, 300));
}

#[test]
#[ignore = "needs PostgreSQL's programs"]
fn postgres_refuses_a_row_and_the_rest_of_its_batch_is_written() {
    let (world, server) = (World::new(), Server::new());
    server.start();
    let data = |user: &str| format!(r#"{{"user":"{user}","email":"u@squall.test"}}"#);
    // PostgreSQL has no such character in a text.
    for (id, user) in [("1", "u"), ("2", "\\u0000"), ("3", "u")] {
        let headers = [("ce_id", id), ("ce_type", "user_signup")];
        world.send("signups", &headers, data(user).as_bytes());
    }
    let service = world.start_with(settings(&world, &server));
    wait_until("the good rows", || server.users() == (2, 2));
    let letters = world.receive("signups-dead-letters", 1);
    let headers = &letters[0].event.headers;
    assert_eq!(headers.text("ce_id"), Some("2"));
    assert_eq!(headers.text("dlq_kind"), Some("refused"));
    service.stop();
    assert_eq!(server.users(), (2, 2));
}
