//! The page as a browser's tokenizer sees it: whatever comes from outside stays text.

mod support;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use squall_check::Kind;
use squall_render::Report;
use squall_render::report::Limit;
use support::*;

/// A page in which every name and text from outside is `text`.
fn hostile(text: &str) -> String {
    let mut plan = plan();
    text.clone_into(&mut plan.name);
    text.clone_into(&mut plan.file);
    plan.sets.push(text.to_owned());
    text.clone_into(&mut plan.faults[0].name);
    text.clone_into(&mut plan.system.spec.sinks[0].name);
    text.clone_into(&mut plan.system.spec.services[0].name);
    plan.system.spec.services[0].group = Some(text.to_owned());
    text.clone_into(&mut plan.cluster.topics[0].name);
    plan.cluster.client.insert(text.to_owned(), text.to_owned());
    plan.system.bugs.push(text.to_owned());
    let mut notes = notes(text, 100.0, 300.0, 1_000.0, text);
    notes.push(lag(200.0, text, 3.0));
    let ops = [
        op(Kind::Offered, 10.0, 0, 0),
        op(Kind::Accepted, 12.0, 0, 0),
        op(Kind::Effect, 20.0, 0, 0),
    ];
    page_of(&plan, &notes, &ops, text)
}

/// Names of all tags with the names of their attributes, in order; texts of scripts; and every nesting that is not closed in order.
struct Shape {
    tags: Vec<(String, Vec<String>)>,
    scripts: Vec<String>,
    addresses: Vec<String>,
}

const VOID: [&str; 3] = ["meta", "br", "hr"];

fn shape(page: &str) -> Shape {
    let mut shape = Shape {
        tags: Vec::new(),
        scripts: Vec::new(),
        addresses: Vec::new(),
    };
    let mut open: Vec<String> = Vec::new();
    // Inside script and style nothing is a tag until their own end.
    let mut emitter: DefaultEmitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for Ok(token) in Tokenizer::new_with_emitter(page, emitter) {
        match token {
            Token::StartTag(tag) => {
                let name = text(&tag.name);
                let attributes: Vec<String> =
                    tag.attributes.keys().map(|name| text(name)).collect();
                for address in ["href", "src", "action", "xlink:href"] {
                    shape.addresses.extend(
                        tag.attributes
                            .get(address.as_bytes())
                            .map(|value| text(value)),
                    );
                }
                if !tag.self_closing && !VOID.contains(&name.as_str()) {
                    open.push(name.clone());
                }
                // Around each word of the command: as many as it has.
                let is_word = name == "span" && attributes.is_empty();
                if !is_word {
                    shape.tags.push((name, attributes));
                }
            }
            Token::EndTag(tag) => {
                let name = text(&tag.name);
                assert_eq!(open.pop(), Some(name), "tags close in order");
            }
            Token::String(value) if open.last().is_some_and(|name| name == "script") => {
                shape.scripts.push(text(&value));
            }
            Token::Error(error) => panic!("{error:?}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?} never close");
    shape
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The same page with harmless text has exactly the same tags and attributes.
fn assert_inert(payload: &str) {
    let page = hostile(payload);
    let (harmless, shape) = (shape(&hostile("harmless")), shape(&page));
    assert_eq!(shape.tags, harmless.tags, "{payload:?}");
    assert_eq!(shape.scripts, harmless.scripts, "{payload:?}");
    assert!(
        shape
            .addresses
            .iter()
            .all(|address| address.starts_with('#')),
        "{:?}",
        shape.addresses
    );
    let is_bad = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2066}' | '\u{feff}')
    };
    let found = page.chars().find(|&c| is_bad(c));
    assert_eq!(found, None, "{payload:?}");
}

#[test]
fn scripts_attributes_and_control_characters_stay_text() {
    for payload in [
        "<script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "</style><img src=x onerror=alert(1)>",
        "\" onmouseover=\"alert(1)",
        "' autofocus onfocus='alert(1)",
        "x\" style=\"position:fixed",
        "</title><svg onload=alert(1)>",
        "<!-- ",
        "-->",
        "]]>",
        "javascript:alert(1)",
        "&lt;script&gt;&#x3c;script&#x3e;&quot;",
        "\u{0}\u{1b}[31m\u{7}\u{7f}\u{9b}\r\n\t",
        "\u{202e}txt.exe\u{2066}\u{feff}",
        "${{}}{{7*7}}`",
    ] {
        assert_inert(payload);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_comes_from_outside_stays_text(payload in "[<>\"'&=/ -~\\PC]{1,40}") {
        assert_inert(&payload);
    }
}

#[test]
fn no_script_but_ours_may_run_and_nothing_is_fetched() {
    let page = hostile("x");
    let scripts = shape(&page).scripts;
    assert_eq!(scripts.len(), 1, "one script in one piece");
    let hash = base64(&Sha256::digest(scripts[0].as_bytes()));
    assert!(
        page.contains(&format!("script-src &#39;sha256-{hash}&#39;"))
            || page.contains(&format!("script-src 'sha256-{hash}'")),
        "the policy must name {hash}: set SCRIPT_HASH"
    );
    assert!(page.contains("default-src 'none'") || page.contains("default-src &#39;none&#39;"));
    assert!(
        !page.contains("http://")
            && !page.contains("https://")
            && !page.contains("@import")
            && !page.contains("url(")
    );
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte))
            << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    text
}

#[test]
fn a_reader_without_eyes_finds_landmarks_headings_and_words_for_pictures() {
    let page = hostile("x");
    let tags = shape(&page).tags;
    let count = |name: &str| tags.iter().filter(|(tag, _)| tag == name).count();
    assert_eq!(
        [
            count("main"),
            count("header"),
            count("h1"),
            count("nav"),
            count("footer")
        ],
        [1; 5]
    );
    let has = |(_, attributes): &&(String, Vec<String>), name: &str| {
        attributes.iter().any(|attribute| attribute == name)
    };
    let unscoped = tags
        .iter()
        .filter(|tag| tag.0 == "th" && !has(tag, "scope"))
        .count();
    assert_eq!(unscoped, 0, "every header of a table says what it heads");
    let labelled = |tag: &&(String, Vec<String>)| {
        // The roles of a table are the ones it has anyway, told again because a phone shows it as cards.
        let of_table = ["table", "thead", "tbody", "tr", "th", "td"];
        !has(tag, "role")
            || has(tag, "aria-label")
            || tag.0 == "div"
            || of_table.contains(&tag.0.as_str())
    };
    assert!(
        tags.iter()
            .filter(|tag| tag.0 != "svg")
            .all(|tag| labelled(&tag))
    );
    let plots = tags.iter().filter(|tag| has(tag, "tabindex"));
    assert!(plots.clone().count() >= 5 && plots.into_iter().all(|tag| has(&tag, "aria-label")));
}

#[test]
fn the_first_sentence_tells_what_the_verdict_hangs_on_and_nothing_else() {
    let plan = plan();
    let mut report = report(&plan, "x");
    let headline = |report: &Report| {
        let notes = notes("x", 100.0, 300.0, 1_000.0, "x");
        let page = page_with(&plan, report, &notes, &[], "x");
        let from = page.find("<h1>").expect("a headline");
        let until = page.find("</h1>").expect("its end");
        page[from..until].to_owned()
    };
    let limit = |metric: &str, observed: f64, weight: &str| Limit {
        metric: metric.to_owned(),
        expression: "value<1".to_owned(),
        observed: Some(observed),
        over: weight.is_empty(),
        ok: false,
        weight: weight.to_owned(),
    };
    report.anomalies.clear();
    report.thresholds = vec![
        limit("recovery_ms", 9_075.0, ""),
        limit("lag_peak", 1_463.0, "warns only"),
    ];
    let told = headline(&report);
    assert!(
        told.contains("recovery_ms was more than 9075 where"),
        "{told}"
    );
    assert!(!told.contains("lag_peak"), "{told}");
    report.thresholds.clear();
    let told = headline(&report);
    assert!(told.contains("the run was stopped: x."), "{told}");
    report.invariants[0].met = Some(false);
    report.invariants[0].weight.clear();
    let told = headline(&report);
    assert!(told.contains("the invariant x was broken."), "{told}");
}
