//! `squall watch RUN`: a stored run again in the dashboard.

use super::lookup;
use crate::environment::interrupt::Interrupt;
use crate::exit::{Exit, Failure};
use crate::run::Stories;
use crate::verdict;
use clap::Args;
use squall_dashboard::{
    Action, App, Buffer, Feed, Mode, Rect, Replay, Screen, Theme, draw, restore, svg,
};
use squall_history::{Batch, Event, HistoryError, Reader};
use squall_plan::Plan;
use squall_render::{Glyphs, Report};
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_millis(100);
/// While nothing moves.
const IDLE_FRAME: Duration = Duration::from_millis(500);
const SPEED_MAX: f64 = 1000.0;

#[derive(Args)]
pub struct WatchArgs {
    /// A run's folder, its name, or `latest`
    run: PathBuf,
    /// How many times as fast as it was; 0.1 to 1000
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Write a picture of one moment as SVG instead of taking over the terminal
    #[arg(long, value_name = "FILE", requires = "at")]
    picture: Option<PathBuf>,
    /// The moment of the picture, in seconds since the load began
    #[arg(long, value_name = "SECONDS", requires = "picture")]
    at: Option<f64>,
    /// Size of the picture in letters
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "140x42", value_parser = size)]
    size: (u16, u16),
    /// Folder of the runs
    #[arg(long, default_value = "reports")]
    out: PathBuf,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=SPEED_MAX).contains(&speed) => Ok(speed),
        _ => Err(format!("a number from 0.1 to {SPEED_MAX}")),
    }
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let wrong = || "write COLUMNSxROWS, as in 140x42; at most 400x200".to_owned();
    let (columns, rows) = text.split_once('x').ok_or_else(wrong)?;
    match (columns.parse(), rows.parse()) {
        (Ok(columns @ 20..=400), Ok(rows @ 8..=200)) => Ok((columns, rows)),
        _ => Err(wrong()),
    }
}

/// Exits 0 whatever the verdict: `squall judge` exits by that.
pub fn run(args: &WatchArgs) -> Result<Exit, Failure> {
    let folder = lookup::run_folder(&args.run, &args.out)?;
    let mut watch = Watch::open(&folder, args.speed)?;
    if let (Some(file), Some(at_s)) = (&args.picture, args.at) {
        return watch.picture(file, at_s, args.size);
    }
    let interrupt = Interrupt::listen()?;
    // An end at once drops nothing.
    let _at_once = interrupt.at_second(restore);
    let theme = Theme::from_environment(super::scenario::glyphs());
    let mut screen = Screen::enter(theme).map_err(|error| {
        Failure::environment(format!("cannot take over the terminal: {error}"))
            .hint("`squall judge` tells a stored run in plain lines")
    })?;
    let mut app = App::new(Mode::Watch);
    let stories = Stories::new(&folder, &watch.plan);
    while !interrupt.is_requested() {
        watch.advance()?;
        stories.deliver(&mut app);
        let gone = |error: std::io::Error| Failure::environment(error.to_string());
        screen.show(watch.feed.board(), &mut app).map_err(gone)?;
        let wait = if watch.is_still() { IDLE_FRAME } else { FRAME };
        let (_, action) = screen
            .key(wait, &mut app, watch.feed.board())
            .map_err(gone)?;
        match action {
            Some(Action::Stop | Action::Interrupt) => return Ok(Exit::Held),
            Some(Action::Inspect { event, sink }) => stories.ask(event, sink),
            Some(Action::Pause) => watch.pause(),
            Some(Action::Speed(up)) => watch.change_speed(up),
            Some(Action::Seek(seconds)) => watch.seek(seconds)?,
            _ => {}
        }
    }
    Ok(Exit::Held)
}

/// A history on its way into a feed.
struct Watch {
    folder: PathBuf,
    plan: Plan,
    report: Option<Report>,
    feed: Feed,
    rows: Peekable<Reader>,
    /// Where the replay is, run clock.
    now_ns: u64,
    ticked: Instant,
    replay: Replay,
}

impl Watch {
    fn open(folder: &Path, speed: f64) -> Result<Self, Failure> {
        let plan = verdict::read_plan(folder)?;
        let text = std::fs::read_to_string(folder.join("report.json")).ok();
        let damaged = |error: HistoryError| verdict::unreadable(folder, &error);
        let ends_ns = ends_ns(folder).map_err(damaged)?;
        Ok(Self {
            feed: Feed::new(&plan),
            rows: Reader::open(folder).map_err(damaged)?.peekable(),
            report: text.and_then(|text| serde_json::from_str(&text).ok()),
            folder: folder.to_owned(),
            plan,
            now_ns: 0,
            ticked: Instant::now(),
            replay: Replay {
                speed,
                paused: false,
                ends_ns,
                at_end: false,
            },
        })
    }

    const fn is_still(&self) -> bool {
        self.replay.paused || self.replay.at_end
    }

    /// Takes as many rows as time has passed for.
    fn advance(&mut self) -> Result<(), Failure> {
        let passed = self.ticked.elapsed();
        self.ticked = Instant::now();
        if !self.is_still() {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let step = (passed.as_nanos() as f64 * self.replay.speed) as u64;
            self.now_ns = self.now_ns.saturating_add(step).min(self.replay.ends_ns);
        }
        self.feed_until(self.now_ns)?;
        if self.now_ns >= self.replay.ends_ns && !self.replay.at_end {
            self.replay.at_end = true;
            if let Some(report) = &self.report {
                self.feed.judged(report);
            }
        }
        self.feed.set_now(self.now_ns);
        self.feed.set_replay(self.replay);
        Ok(())
    }

    fn feed_until(&mut self, until_ns: u64) -> Result<(), Failure> {
        loop {
            let due = match self.rows.peek() {
                None => return Ok(()),
                Some(Ok(Event::Op(op))) => op.at <= until_ns,
                Some(Ok(Event::Note(note))) => note.at <= until_ns,
                Some(Err(_)) => true,
            };
            if !due {
                return Ok(());
            }
            match self.rows.next() {
                Some(Ok(Event::Op(op))) => self.feed.take(Batch::Ops(&[op])),
                Some(Ok(Event::Note(note))) => self.feed.take(Batch::Notes(&[note])),
                Some(Err(error)) => return Err(verdict::unreadable(&self.folder, &error)),
                None => return Ok(()),
            }
        }
    }

    /// Goes to one moment of the load and draws it.
    fn picture(
        &mut self,
        file: &Path,
        at_s: f64,
        (columns, rows): (u16, u16),
    ) -> Result<Exit, Failure> {
        let end = self.replay.ends_ns;
        while self.feed.board().load_zero_ns.is_none() && self.rows.peek().is_some() {
            self.now_ns += 10_000_000;
            self.feed_until(self.now_ns)?;
        }
        let zero = self.feed.board().load_zero_ns.unwrap_or(0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at_ns = (at_s.max(0.0) * 1e9) as u64;
        self.now_ns = zero.saturating_add(at_ns).min(end);
        self.feed_until(self.now_ns)?;
        self.feed.set_now(self.now_ns);
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let mut app = App::new(Mode::Live { by_hand: true });
        let theme = Theme::new(Glyphs::Unicode, true);
        draw(&mut buffer, self.feed.board(), &mut app, theme);
        std::fs::write(file, svg(&buffer)).map_err(|error| {
            Failure::environment(format!("cannot write {}: {error}", file.display()))
        })?;
        Ok(Exit::Held)
    }

    const fn pause(&mut self) {
        self.replay.paused = !self.replay.paused;
    }

    fn change_speed(&mut self, up: bool) {
        let factor = if up { 2.0 } else { 0.5 };
        self.replay.speed = (self.replay.speed * factor).clamp(0.125, SPEED_MAX);
    }

    /// Back means from the beginning: a feed only goes forward.
    fn seek(&mut self, seconds: i64) -> Result<(), Failure> {
        let step = seconds.unsigned_abs() * 1_000_000_000;
        if seconds >= 0 {
            self.now_ns = self.now_ns.saturating_add(step).min(self.replay.ends_ns);
            return Ok(());
        }
        let again = Self {
            now_ns: self.now_ns.saturating_sub(step),
            replay: Replay {
                at_end: false,
                ..self.replay
            },
            ..Self::open(&self.folder, self.replay.speed)?
        };
        *self = again;
        Ok(())
    }
}

/// The time of the last note: a run's last row is one.
fn ends_ns(folder: &Path) -> Result<u64, HistoryError> {
    let mut reader = Reader::open(folder)?;
    let mut ends = 0;
    while let Some(notes) = reader.next_notes()? {
        ends = notes.iter().map(|note| note.at).fold(ends, u64::max);
    }
    Ok(ends)
}
