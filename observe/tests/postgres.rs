//! Questions to a PostgreSQL server. `cargo test -p squall-observe --features postgres --test postgres -- --ignored`
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used)]

#[path = "../../sut/tests/processes/postgres_server.rs"]
#[allow(dead_code)] // Nothing crashes it here.
mod postgres_server;

use postgres_server::Server;
use squall_observe::{Answer, QueryError, Unseen, query};
use std::time::Duration;

const SECONDS: Duration = Duration::from_secs(30);

fn asked(server: &Server, sql: &str, prefix: &str, rows: usize) -> Result<Answer, QueryError> {
    let unseen = |table: &str| Unseen {
        table: table.to_owned(),
        column: "id".to_owned(),
        prefix: prefix.to_owned(),
    };
    // Of the second there is no table.
    query(
        &server.url(),
        sql,
        &[unseen("orders"), unseen("payments")],
        rows,
        SECONDS,
    )
}

fn write(server: &Server, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
    });
}

#[test]
#[ignore = "needs PostgreSQL's programs"]
fn postgres_answers_as_text_hides_probes_and_is_not_written_to() {
    let server = Server::new();
    let none = asked(&server, "SELECT 1", "x", 1).unwrap_err();
    assert!(matches!(none, QueryError::Server(_)), "{none}");
    server.start();
    let rows = "INSERT INTO orders VALUES ('a', 1.5), ('b', NULL), ('c', 2)";
    write(
        &server,
        &format!("CREATE TABLE orders(id TEXT, paid float8); {rows}"),
    );

    let sorted = "SELECT * FROM orders ORDER BY id";
    let all = asked(&server, sorted, "none", 10).unwrap();
    assert_eq!(all.rows, [["a", "1.5"], ["b", "NULL"], ["c", "2"]]);
    assert!(!all.more);
    let two = asked(&server, sorted, "none", 2).unwrap();
    assert!(two.more && two.rows.len() == 2, "{two:?}");
    let seen = asked(&server, "SELECT id FROM orders ORDER BY id", "b", 10).unwrap();
    assert_eq!(seen.rows.concat(), ["a", "c"]);
    let every = asked(&server, "SELECT count(*) FROM public.orders", "b", 1).unwrap();
    assert_eq!(every.rows, [["3"]]);

    for sql in [
        "DELETE FROM public.orders",
        "CREATE TABLE x(y int)",
        "DROP TABLE public.orders",
    ] {
        let refused = asked(&server, sql, "none", 1);
        assert!(
            matches!(refused, Err(QueryError::Writes)),
            "{sql}: {refused:?}"
        );
    }
    let two = "SET TRANSACTION READ WRITE; DELETE FROM public.orders";
    let refused = asked(&server, two, "none", 1);
    assert!(matches!(refused, Err(QueryError::Server(_))), "{refused:?}");
    let wrong = asked(&server, "SELECT nothing FROM orders", "none", 1).unwrap_err();
    assert!(wrong.to_string().contains("nothing"), "{wrong}");
    let endless = query(
        &server.url(),
        "SELECT pg_sleep(60)",
        &[],
        1,
        Duration::from_millis(50),
    );
    assert!(
        matches!(endless, Err(QueryError::TooSlow(_))),
        "{endless:?}"
    );
    let count = asked(&server, "SELECT count(*) FROM orders", "none", 1).unwrap();
    assert_eq!(count.rows, [["3"]]);
}
