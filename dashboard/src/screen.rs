//! The terminal itself: entered on start, restored on drop, on error and on panic.

use crate::input::Input;
use crate::{Action, App, Board, Theme, draw};
use crossterm::cursor::Show;
use crossterm::event::{Event, KeyEventKind, poll, read};
use crossterm::execute;
use ratatui::DefaultTerminal;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// A panic, of whatever thread, gave the terminal back and wrote to it: nothing may be drawn over that.
static PANICKED: AtomicBool = AtomicBool::new(false);
/// The terminal is ours, and has to be given back once.
static ENTERED: AtomicBool = AtomicBool::new(false);
/// A frame is being written.
static DRAWING: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back. For those who end the process without dropping the [`Screen`].
pub fn restore() {
    if ENTERED.swap(false, SeqCst) {
        // Told to nobody: the terminal may be gone, and standard error with it.
        let _ = execute!(io::stdout(), Show);
        let _ = ratatui::try_restore();
    }
}

/// The alternate screen while a run is shown.
pub struct Screen {
    /// Never dropped: that writes to standard error, and panics, when the terminal is gone.
    terminal: ManuallyDrop<DefaultTerminal>,
    input: Input,
    theme: Theme,
}

impl Screen {
    /// Enters the alternate screen. A panic, of whatever thread, restores the terminal and ends the view.
    ///
    /// # Errors
    /// When there is no terminal.
    pub fn enter(theme: Theme) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        let input = Input::open()?;
        let own = std::panic::take_hook();
        let terminal = ratatui::try_init();
        // Ratatui's own hook gives the terminal back a second time, and with it the cursor's old place: what a panic said would
        // be written over.
        drop(std::panic::take_hook());
        std::panic::set_hook(own);
        let terminal = terminal?;
        ENTERED.store(true, SeqCst);
        HOOK.call_once(|| {
            let tell = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                PANICKED.store(true, SeqCst);
                await_drawing();
                restore();
                tell(info);
            }));
        });
        Ok(Self {
            terminal: ManuallyDrop::new(terminal),
            input,
            theme,
        })
    }

    /// # Errors
    /// When the terminal is gone, or a panic has taken it.
    pub fn show(&mut self, board: &Board, app: &mut App) -> io::Result<()> {
        let theme = self.theme;
        DRAWING.store(true, SeqCst);
        let drawn = given().and_then(|()| {
            self.terminal
                .draw(|frame| draw(frame.buffer_mut(), board, app, theme))
                .map(|_| ())
        });
        DRAWING.store(false, SeqCst);
        drawn
    }

    /// Waits up to `wait` for a key and gives it to the app. `Ok(None)` with nothing pressed or nothing to be done;
    /// the flag says whether the picture may have changed.
    ///
    /// # Errors
    /// When the terminal is gone, or a panic has taken it.
    pub fn key(
        &self,
        wait: Duration,
        app: &mut App,
        board: &Board,
    ) -> io::Result<(bool, Option<Action>)> {
        given()?;
        // What came along with an earlier key waits inside crossterm.
        self.input.wait(Duration::ZERO)?;
        if !poll(Duration::ZERO)? {
            self.input.wait(wait)?;
            if !poll(Duration::ZERO)? {
                return Ok((false, None));
            }
        }
        match read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => Ok((true, app.key(key, board))),
            _ => Ok((true, None)),
        }
    }
}

/// Lets a frame be written to its end, for a moment: the thread that panics may be the one that draws.
fn await_drawing() {
    let until = Instant::now() + Duration::from_millis(100);
    while DRAWING.load(SeqCst) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn given() -> io::Result<()> {
    match PANICKED.load(SeqCst) {
        true => Err(io::Error::other("a panic took the terminal")),
        false => Ok(()),
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}
