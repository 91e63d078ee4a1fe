//! The HTTP API beside the real Toxiproxy's: every call to both, same answers.

#[path = "common/calls.rs"]
mod calls;
mod common;

use calls::{CALLS, Match};
use common::http::{Response, call, call_as};
use common::real::RealToxiproxy;
use squall_proxy::api::ApiServer;
use squall_proxy::engine::Engine;
use std::net::{SocketAddr, TcpListener};

fn api() -> ApiServer {
    let engine = Engine::start(1).expect("an engine");
    ApiServer::start(engine, SocketAddr::from(([127, 0, 0, 1], 0))).expect("an API")
}

/// Free ports, told apart by letters; the last one stays taken.
fn ports() -> (Vec<(String, String)>, TcpListener) {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = |l: &TcpListener| l.local_addr().expect("its address").port().to_string();
    let listeners: Vec<_> = (0..6).map(|_| listen()).collect();
    let letters = ["{a}", "{b}", "{c}", "{d}", "{e}", "{f}"];
    let mut names: Vec<_> = letters
        .iter()
        .zip(&listeners)
        .map(|(letter, listener)| ((*letter).to_owned(), port(listener)))
        .collect();
    let taken = listen();
    names.push(("{taken}".to_owned(), port(&taken)));
    names.push(("{up}".to_owned(), "127.0.0.1:9".to_owned()));
    (names, taken)
}

/// The answers of one server, with its ports written as their letters again.
fn answers(api: SocketAddr) -> Vec<Response> {
    let (names, _taken) = ports();
    let ask = |(method, path, body, _): &calls::Row| {
        let mut body = (*body).to_owned();
        for (letter, text) in &names {
            body = body.replace(letter, text);
        }
        let mut response = call(api, method, path, &body);
        for (letter, text) in &names {
            response.body = response.body.replace(text, letter);
        }
        response
    };
    CALLS.iter().map(ask).collect()
}

#[test]
fn every_call_is_answered_as_the_real_one_answers_it() {
    let Some(real) = RealToxiproxy::start("every_call_is_answered_as_the_real_one_answers_it")
    else {
        return;
    };
    let ours = api();
    let (expected, got) = (answers(real.api), answers(ours.address()));
    let mut differences = Vec::new();
    for ((call, expected), got) in CALLS.iter().zip(expected).zip(got) {
        let same = expected.status == got.status
            && match call.3 {
                Match::Exact => expected == got,
                Match::Prefix(start) => {
                    expected.content_type == got.content_type
                        && expected.body.starts_with(start)
                        && got.body.starts_with(start)
                }
                Match::Status => true,
            };
        if !same {
            differences.push(format!("{call:?}\n  real {expected:?}\n  ours {got:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What the real one answers, where it is not at hand.
#[test]
fn calls_are_answered_as_is_known_of_the_real_one() {
    let ours = api();
    let answers = answers(ours.address());
    let at = |method: &str, path: &str, body: &str| {
        let position = CALLS
            .iter()
            .position(|c| (c.0, c.1, c.2) == (method, path, body))
            .expect("such a call");
        let answer = &answers[position];
        (answer.status, answer.body.clone())
    };
    let error = |status: u16, text: &str| {
        (
            status,
            format!("{{\"error\":\"{text}\",\"status\":{status}}}\n"),
        )
    };
    assert_eq!(at("GET", "/version", "").0, 200);
    assert_eq!(at("GET", "/proxies/x", ""), error(404, "proxy not found"));
    assert_eq!(
        at("POST", "/proxies", ""),
        error(400, "bad request body: EOF")
    );
    assert_eq!(
        at("POST", "/proxies", "{}"),
        error(400, "missing required field: name")
    );
    assert_eq!(at("PUT", "/proxies", ""), (405, String::new()));
    assert_eq!(
        at("GET", "/nope", ""),
        (404, "404 page not found\n".to_owned())
    );
    assert_eq!(
        at("POST", "/proxies/p/toxics", "{\"type\":\"zzz\"}"),
        error(400, "invalid toxic type")
    );
    assert_eq!(
        at("PATCH", "/proxies/p/toxics/slicer_downstream", "{\"attributes\":{\"average_size\":9}}"),
        (
            200,
            "{\"attributes\":{\"average_size\":9,\"size_variation\":32,\"delay\":7},\"name\":\"slicer_downstream\",\
             \"type\":\"slicer\",\"stream\":\"downstream\",\"toxicity\":0.3}"
                .to_owned()
        )
    );
    assert_eq!(
        at("POST", "/populate", "[{\"name\":\"a\"}]"),
        (
            400,
            "{\"error\":\"missing required field: upstream at proxy 1\",\"status\":400,\"proxies\":null}".to_owned()
        )
    );
}

#[test]
fn browsers_are_turned_away() {
    let ours = api();
    let answer = call_as(ours.address(), "GET", "/proxies", "", "Mozilla/5.0");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (403, "User agent not allowed\n")
    );
}
