//! What keys mean.

use super::{Action, App, Mode, Pane, Prompt, StoryView, Trouble, cases};
use crate::board::Board;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Rows of a page.
const PAGE: isize = 10;

impl App {
    /// Takes a key. What is not of the view's own is for the caller.
    pub fn key(&mut self, key: KeyEvent, board: &Board) -> Option<Action> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Some(Action::Interrupt);
        }
        if self.help {
            self.help = false;
            return None;
        }
        if self.prompt.is_some() {
            return self.prompt_key(key.code);
        }
        if self.story.is_some() {
            self.story_key(key.code);
            return None;
        }
        self.view_key(key.code, board)
            .unwrap_or_else(|| self.run_key(key.code, board))
    }

    /// Keys that change the view alone; `None`: not one of them.
    fn view_key(&mut self, code: KeyCode, board: &Board) -> Option<Option<Action>> {
        match code {
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.help = true,
            KeyCode::Char('f') => self.freeze(board),
            KeyCode::Char(' ') if self.mode != Mode::Watch => self.freeze(board),
            KeyCode::Tab => self.focus = self.focus.next(),
            KeyCode::BackTab => self.focus = self.focus.before(),
            KeyCode::Char(number @ '1'..='9') => {
                let pane = Pane::by_number(number)?;
                self.zoomed = self.focus == pane && !self.zoomed;
                self.focus = pane;
            }
            KeyCode::Char('z') => self.zoomed = !self.zoomed,
            KeyCode::Char('a') => {
                (self.focus, self.zoomed) = (Pane::Anomalies, true);
            }
            KeyCode::Char('s') => self.sink = (self.sink + 1) % board.sinks.len().max(1),
            KeyCode::Char('w') => self.last_minute = !self.last_minute,
            KeyCode::Enter if self.focus == Pane::Anomalies => return Some(self.inspect(board)),
            KeyCode::Enter => self.zoomed = !self.zoomed,
            KeyCode::Up | KeyCode::Char('p') => self.move_by(-1, board),
            KeyCode::Down | KeyCode::Char('n') => self.move_by(1, board),
            KeyCode::PageUp => self.move_by(-PAGE, board),
            KeyCode::PageDown => self.move_by(PAGE, board),
            KeyCode::Home => self.move_by(isize::MIN / 2, board),
            KeyCode::End => self.move_by(isize::MAX / 2, board),
            KeyCode::Esc if self.zoomed => self.zoomed = false,
            KeyCode::Esc if self.frozen.is_some() => self.frozen = None,
            _ => return None,
        }
        Some(None)
    }

    fn run_key(&mut self, code: KeyCode, board: &Board) -> Option<Action> {
        let watching = self.mode == Mode::Watch;
        match code {
            KeyCode::Char('q') => Some(Action::Stop),
            // A run is worth more than one key too many to close what lies over it.
            KeyCode::Esc if watching => Some(Action::Stop),
            KeyCode::Char(' ') if watching => Some(Action::Pause),
            KeyCode::Char('>' | '+' | '=') if watching => Some(Action::Speed(true)),
            KeyCode::Char('<' | '-') if watching => Some(Action::Speed(false)),
            KeyCode::Right if watching => Some(Action::Seek(5)),
            KeyCode::Left if watching => Some(Action::Seek(-5)),
            _ if self.mode != (Mode::Live { by_hand: true }) => None,
            KeyCode::Char('k') => self.ask(Trouble::Kill, board),
            KeyCode::Char('i') => self.ask(Trouble::Isolate, board),
            KeyCode::Char('+' | '=') => Some(Action::Load(true)),
            KeyCode::Char('-') => Some(Action::Load(false)),
            _ => None,
        }
    }

    fn ask(&mut self, trouble: Trouble, board: &Board) -> Option<Action> {
        self.prompt = Prompt::new(trouble, board);
        None
    }

    fn freeze(&mut self, board: &Board) {
        self.frozen = match self.frozen.take() {
            None => Some(Box::new(board.clone())),
            Some(_) => None,
        };
    }

    /// Events scroll from their end, so that new ones come into view.
    fn move_by(&mut self, rows: isize, board: &Board) {
        let board = self.frozen.as_deref().unwrap_or(board);
        if self.focus == Pane::Anomalies {
            let last = cases(board).len().saturating_sub(1);
            self.case = self.case.saturating_add_signed(rows).min(last);
            return;
        }
        let rows = if self.focus == Pane::Events {
            -rows
        } else {
            rows
        };
        let scroll = &mut self.scroll[self.focus as usize];
        *scroll = scroll.saturating_add_signed(rows).min(1 << 20);
    }

    fn inspect(&mut self, board: &Board) -> Option<Action> {
        let board = self.frozen.as_deref().unwrap_or(board);
        let (anomaly, event) = cases(board).get(self.case).copied()?;
        let anomaly = board.anomalies.get(anomaly)?;
        let sink = anomaly.sink.as_ref();
        let place = sink.map_or_else(String::new, |(_, name)| format!(" in {name}"));
        self.story = Some(StoryView {
            event,
            title: format!(
                "{}{place}: {}-{}-{}",
                anomaly.name,
                board.seed,
                event.stream(),
                event.sequence()
            ),
            lines: None,
            scroll: 0,
        });
        let sink = sink.map_or(0, |(index, _)| *index);
        Some(Action::Inspect { event, sink })
    }

    fn story_key(&mut self, code: KeyCode) {
        let Some(story) = &mut self.story else {
            return;
        };
        let rows = match code {
            KeyCode::Up => -1,
            KeyCode::Down => 1,
            KeyCode::PageUp => -PAGE,
            KeyCode::PageDown => PAGE,
            KeyCode::Home => isize::MIN / 2,
            _ => {
                self.story = None;
                return;
            }
        };
        let most = story.lines.as_ref().map_or(0, Vec::len).saturating_sub(1);
        story.scroll = story.scroll.saturating_add_signed(rows).min(most);
    }

    fn prompt_key(&mut self, code: KeyCode) -> Option<Action> {
        let prompt = self.prompt.as_mut()?;
        let count = prompt.targets.len();
        match code {
            KeyCode::Up => prompt.chosen = (prompt.chosen + count - 1) % count,
            KeyCode::Down | KeyCode::Tab => prompt.chosen = (prompt.chosen + 1) % count,
            KeyCode::Enter | KeyCode::Char('y') => {
                let prompt = self.prompt.take()?;
                return Some(Action::Cause {
                    trouble: prompt.trouble,
                    target: prompt.targets.get(prompt.chosen)?.clone(),
                });
            }
            _ => self.prompt = None,
        }
        None
    }
}
