//! The dashboard of a run as it goes on: the recorder feeds it, a thread of its own draws it and takes the keys.

use super::by_hand::ByHand;
use crate::environment::interrupt::Interrupt;
use crate::exit::Failure;
use crate::verdict;
use squall_check::EventId;
use squall_dashboard::{
    Action, App, Board, FaultStage, Feed, Mode, Screen, Theme, Trouble, restore,
};
use squall_history::Observer;
use squall_plan::Plan;
use squall_plan::fault::Target;
use squall_render::{Glyphs, terminal};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the foot line tells what an order came to.
const TOLD_FOR: Duration = Duration::from_secs(4);
const FRAME: Duration = Duration::from_millis(250);
/// For its last frame.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// What the recorder fills and the view shows.
#[derive(Clone)]
pub struct SharedFeed(Arc<Mutex<Feed>>);

impl SharedFeed {
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self(Arc::new(Mutex::new(Feed::new(plan))))
    }

    /// For the recorder: every row goes through it.
    #[must_use]
    pub fn observer(&self) -> Observer {
        let feed = self.clone();
        Box::new(move |batch| feed.lock().take(batch))
    }

    /// Held for as long as it takes to copy a board, no longer: the recorder waits for it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Feed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The view's thread; dropping it restores the terminal.
pub struct LiveView {
    feed: SharedFeed,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What the view's thread needs.
pub struct LiveParts {
    pub plan: Plan,
    pub folder: PathBuf,
    pub feed: SharedFeed,
    pub began: Instant,
    pub glyphs: Glyphs,
    pub interrupt: Interrupt,
    pub by_hand: ByHand,
}

impl LiveView {
    /// Takes over the terminal. Keys that ask for an end go to the interrupt.
    ///
    /// # Errors
    /// When there is no terminal to take over.
    pub fn start(parts: LiveParts) -> Result<Self, Failure> {
        let theme = Theme::from_environment(parts.glyphs);
        let screen = Screen::enter(theme).map_err(|error| {
            Failure::environment(format!("cannot take over the terminal: {error}"))
                .hint("use --plain")
        })?;
        let ended = Arc::new(AtomicBool::new(false));
        let feed = parts.feed.clone();
        let seen = Arc::clone(&ended);
        // An end at once drops nothing.
        let at_once = parts.interrupt.at_second(restore);
        let show = move || {
            let _at_once = at_once;
            // A terminal that is gone ends the view, not the run.
            let _ = View::new(parts, screen).show(&seen);
        };
        let thread = std::thread::Builder::new()
            .name("dashboard".to_owned())
            .spawn(show);
        let thread = thread.map_err(|error| {
            Failure::environment(format!("cannot start the dashboard: {error}"))
        })?;
        Ok(Self {
            feed,
            ended,
            thread: Some(thread),
        })
    }

    /// Names of the faults that came to nothing.
    pub fn failed_faults(&self) -> Vec<String> {
        let feed = self.feed.lock();
        let failed = feed.board().faults.iter();
        failed
            .filter(|row| row.stage == FaultStage::Failed)
            .map(|row| row.name.clone())
            .collect()
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        let Some(thread) = self.thread.take() else {
            return;
        };
        // A view that hangs on its terminal must not keep the run from its end.
        let until = Instant::now() + ENDS_WITHIN;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        if thread.is_finished() {
            let _ = thread.join();
        } else {
            restore();
        }
    }
}

struct View {
    parts: LiveParts,
    screen: Screen,
    app: App,
    stories: Stories,
    /// What the last order by hand came to, and until when that is shown.
    told: Option<(String, Instant)>,
}

impl View {
    fn new(parts: LiveParts, screen: Screen) -> Self {
        Self {
            stories: Stories::new(&parts.folder, &parts.plan),
            app: App::new(Mode::Live { by_hand: true }),
            parts,
            screen,
            told: None,
        }
    }

    fn show(mut self, ended: &AtomicBool) -> std::io::Result<()> {
        while !ended.load(Relaxed) {
            let board = self.board();
            self.stories.deliver(&mut self.app);
            self.screen.show(&board, &mut self.app)?;
            let next = Instant::now() + FRAME;
            // Keys show at once; the rest comes with the next frame.
            loop {
                let wait = next.saturating_duration_since(Instant::now());
                let (changed, action) = self.screen.key(wait, &mut self.app, &board)?;
                if let Some(action) = action {
                    self.act(action);
                }
                if !changed {
                    break;
                }
                self.screen.show(&board, &mut self.app)?;
            }
        }
        Ok(())
    }

    fn board(&self) -> Board {
        let now = u64::try_from(self.parts.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut feed = self.parts.feed.lock();
        feed.set_now(now);
        let mut board = feed.board().clone();
        drop(feed);
        board.stopping = self.parts.interrupt.is_requested();
        let told = self.told.as_ref();
        let told = told.filter(|(_, until)| Instant::now() < *until);
        board.told = told.map(|(text, _)| text.clone());
        board
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Stop => self.parts.interrupt.request(),
            Action::Interrupt => self.parts.interrupt.press(),
            Action::Inspect { event, sink } => self.stories.ask(event, sink),
            Action::Cause { trouble, target } => self.cause(trouble, target),
            Action::Load(more) => self.change_load(more),
            Action::Pause | Action::Speed(_) | Action::Seek(_) => {}
        }
    }

    fn cause(&mut self, trouble: Trouble, target: Target) {
        let parts = &self.parts;
        let now = parts.feed.lock().board().load_now_ns();
        match parts.by_hand.cause(trouble, target, now, &parts.plan) {
            Ok(fault) => parts.feed.lock().by_hand(&fault),
            Err(why) => self.tell(format!("not done: {why}")),
        }
    }

    fn change_load(&mut self, more: bool) {
        let now = self.parts.feed.lock().board().load_now_ns();
        match self.parts.by_hand.change_load(more, now) {
            Ok(percent) => {
                self.parts.feed.lock().set_load_percent(percent);
                self.tell(format!("the load is {percent} % of the plan"));
            }
            Err(why) => self.tell(format!("not done: {why}")),
        }
    }

    fn tell(&mut self, text: String) {
        self.told = Some((text, Instant::now() + TOLD_FOR));
    }
}

/// Stories that are read from the history, each on a thread of its own: a long history takes a while.
pub struct Stories {
    folder: PathBuf,
    plan: Arc<Plan>,
    to: Sender<(EventId, Vec<String>)>,
    from: Receiver<(EventId, Vec<String>)>,
}

impl Stories {
    #[must_use]
    pub fn new(folder: &Path, plan: &Plan) -> Self {
        let (to, from) = channel();
        Self {
            folder: folder.to_owned(),
            plan: Arc::new(plan.clone()),
            to,
            from,
        }
    }

    pub fn ask(&self, event: EventId, sink: usize) {
        let (folder, plan, to) = (self.folder.clone(), Arc::clone(&self.plan), self.to.clone());
        let read = move || {
            let lines = match verdict::tell(&folder, &plan, event, sink) {
                Some(story) => terminal::steps(&story).lines().map(str::to_owned).collect(),
                None => vec!["the history tells nothing of it (yet)".to_owned()],
            };
            // Whoever asked may have gone.
            let _ = to.send((event, lines));
        };
        let thread = std::thread::Builder::new().name("story".to_owned());
        if let Err(error) = thread.spawn(read) {
            let _ = self
                .to
                .send((event, vec![format!("cannot read it: {error}")]));
        }
    }

    pub fn deliver(&self, app: &mut App) {
        for (event, lines) in self.from.try_iter() {
            app.tell(event, lines);
        }
    }
}
