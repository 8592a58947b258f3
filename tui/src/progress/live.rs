//! The lines at the bottom of the terminal that a [`Progress`] is drawn on. They are given back, and
//! the cursor with them, when [`Live`] is dropped, also by a panic.

use std::io::{self, IsTerminal, Stdout};

use ratatui::backend::CrosstermBackend;
use ratatui::text::Line;
use ratatui::widgets::Widget;
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::{HEIGHT, Progress, view};

/// A live view on standard output.
pub struct Live {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    colour: bool,
}

impl Live {
    /// Takes a few lines of the terminal. An error means that the terminal cannot do that; plain lines
    /// are the way then.
    pub fn start(colour: bool) -> io::Result<Self> {
        // The caller has decided about colour; crossterm must not decide again.
        crossterm::style::force_color_output(colour);
        let rows = crossterm::terminal::size()?.1;
        let height = HEIGHT.min(rows.saturating_sub(1)).max(2);
        let options = TerminalOptions { viewport: Viewport::Inline(height) };
        let terminal = Terminal::with_options(CrosstermBackend::new(io::stdout()), options)?;
        Ok(Self { terminal, colour })
    }

    /// Draws the bars.
    pub fn draw(&mut self, progress: &Progress) -> io::Result<()> {
        let colour = self.colour;
        self.terminal.draw(|frame| view(progress, colour, frame.area(), frame.buffer_mut()))?;
        Ok(())
    }

    /// Adds a line above the bars, for good.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        let width = usize::from(self.terminal.size()?.width).max(1);
        let chars: Vec<char> = text.chars().collect();
        let lines: Vec<String> = chars.chunks(width).map(|line| line.iter().collect()).collect();
        let height = u16::try_from(lines.len().max(1)).unwrap_or(1);
        self.terminal.insert_before(height, |buffer| {
            let area = buffer.area;
            for (line, y) in lines.into_iter().zip(area.y..area.bottom()) {
                Line::from(line).render(ratatui::layout::Rect { y, height: 1, ..area }, buffer);
            }
        })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // The last thing to be done with a terminal that may be gone: nothing can be done about errors.
        let top = self.terminal.get_frame().area().y;
        let _ = self.terminal.clear();
        // What comes next begins where the bars stood.
        let _ = self.terminal.set_cursor_position((0, top));
        let _ = self.terminal.show_cursor();
    }
}

/// Shows the cursor again: for a process that ends where it stands. What is no terminal has no cursor,
/// and its reader wants none of this.
pub fn give_back() {
    if io::stdout().is_terminal() {
        // As above.
        let _ = crossterm::execute!(io::stdout(), crossterm::cursor::Show);
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("colour", &self.colour).finish_non_exhaustive()
    }
}
