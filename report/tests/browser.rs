//! The page in a real browser: headless Chromium, where it is installed.

mod support;

use squall_check::Kind;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::*;

/// What an event, a log or a file name might bring: each would leave its mark on the page if it were more than text.
const HOSTILE: &str = "\"><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"><svg onload=document.title='owned'>';document.title='owned'//\u{7}\u{1b}[31m";

fn page(text: &str) -> String {
    let mut plan = plan();
    text.clone_into(&mut plan.name);
    text.clone_into(&mut plan.faults[0].name);
    text.clone_into(&mut plan.system.spec.sinks[0].name);
    text.clone_into(&mut plan.system.spec.services[0].name);
    let notes = notes(text, 100.0, 300.0, 1_000.0, text);
    let mut ops = Vec::new();
    for sequence in 0..50u32 {
        let at = f64::from(sequence) * 15.0;
        let event = u64::from(sequence);
        ops.push(op(Kind::Offered, at, event, 0));
        ops.push(op(Kind::Accepted, at + 2.0, event, 0));
        ops.push(op(Kind::Effect, at + 9.0, event, 0));
    }
    page_of(&plan, &notes, &ops, text)
}

fn chromium() -> Option<&'static str> {
    let is_there = |name: &&str| {
        let found = Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        found.is_ok_and(|status| status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| is_there(name))
}

/// The document after its scripts ran, and what the browser said meanwhile.
fn load(browser: &str, page: &str, folder: &Path, size: &str) -> (String, String) {
    let file = folder.join("report.html");
    std::fs::write(&file, page).expect("a page");
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--no-first-run",
            "--enable-logging=stderr",
            "--virtual-time-budget=3000",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(format!("--window-size={size}"))
        .arg("--dump-dom")
        .arg(format!("file://{}", file.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a browser");
    let mut out = child.stdout.take().expect("its output");
    let mut err = child.stderr.take().expect("its log");
    let dom = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text)
            .map(|_| text)
            .unwrap_or_default()
    });
    let log = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = err.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let deadline = Instant::now() + Duration::from_secs(120);
    while child.try_wait().expect("its state").is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("the browser did not come to an end");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    (
        dom.join().expect("the document"),
        log.join().expect("the log"),
    )
}

#[test]
fn a_browser_runs_our_script_and_no_other_and_a_phone_need_not_scroll_sideways() {
    let Some(browser) = chromium() else {
        eprintln!("skipped: no chromium is installed");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let hostile = page(HOSTILE);
    let (dom, log) = load(browser, &hostile, folder.path(), "1280,900");
    assert!(
        dom.contains("class=\"tip\""),
        "our script did not run: {log}"
    );
    let title = dom
        .split("<title>")
        .nth(1)
        .and_then(|rest| rest.split("</title>").next());
    assert!(
        title.is_some_and(|title| title != "owned" && title.contains("Squall")),
        "{title:?}"
    );
    assert!(
        !dom.contains("<img") && !dom.contains("<svg onload"),
        "a tag from outside"
    );
    for refused in ["Refused to", "CONSOLE", "net::ERR"] {
        assert!(!log.contains(refused), "{log}");
    }
    for name in ["users", &"users".repeat(40)] {
        let beyond = beyond_the_phone(browser, &page(name), folder.path());
        assert!(
            beyond <= 0,
            "{beyond} pixels too wide on a phone with {name}"
        );
    }
}

/// How many pixels the page is wider than its window. Measured in a frame of 390 pixels: a window of the browser cannot be so small.
fn beyond_the_phone(browser: &str, page: &str, folder: &Path) -> i64 {
    // A copy without the policy, with a script that measures.
    let policy = page.find("<meta http-equiv").expect("the policy");
    let ends = policy + page[policy..].find('>').expect("its end") + 1;
    let measure = "<script>parent.postMessage(document.documentElement.scrollWidth-innerWidth,'*')</script></body>";
    let open = format!("{}{}", &page[..policy], &page[ends..]).replace("</body>", measure);
    std::fs::write(folder.join("inside.html"), open).expect("a page");
    let outside = "<!DOCTYPE html><title>none</title><body><script>onmessage=(told)=>{document.title='wide '+told.data}</script>\
                   <iframe width=390 height=800 style='border:0' src=inside.html></iframe></body>";
    let (dom, log) = load(browser, outside, folder, "800,900");
    let title = dom
        .split("<title>")
        .nth(1)
        .and_then(|rest| rest.split("</title>").next());
    title
        .and_then(|title| title.strip_prefix("wide "))
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no width in {title:?}: {log}"))
}
