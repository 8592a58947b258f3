//! Drawing a [`Progress`]. Each state has a glyph, a word and a colour, so that none of the three is
//! needed to tell them apart.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{Progress, WaveBar, WaveState};

/// The lines it takes at most: a headline and a window of waves.
pub const HEIGHT: u16 = 8;

/// The cells of a bar.
const BAR: usize = 20;

/// Draws what is known into an area. More waves than fit are shown around the one that runs.
pub fn view(progress: &Progress, colour: bool, area: Rect, buffer: &mut Buffer) {
    let rows = usize::from(area.height.saturating_sub(1));
    let mut lines = vec![headline(progress, colour)];
    lines.extend(window(progress, rows).iter().map(|wave| bar(wave, colour)));
    for (line, y) in lines.into_iter().zip(area.y..area.bottom()) {
        line.render(Rect { y, height: 1, ..area }, buffer);
    }
}

/// The waves that are shown.
fn window(progress: &Progress, rows: usize) -> &[WaveBar] {
    let waves = &progress.waves;
    let running =
        waves.iter().position(|wave| wave.state != WaveState::Healthy).unwrap_or(waves.len());
    // One finished wave above the running one tells where one is.
    let first = running.saturating_sub(1).min(waves.len().saturating_sub(rows));
    waves.get(first..(first + rows).min(waves.len())).unwrap_or_default()
}

fn headline(progress: &Progress, colour: bool) -> Line<'static> {
    let style = if colour { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
    let prefix = if progress.is_rollback() { "rollback  " } else { "" };
    Line::from(Span::styled(format!("{prefix}{}", progress.headline), style))
}

fn bar(wave: &WaveBar, colour: bool) -> Line<'static> {
    let (glyph, word, shade) = match wave.state {
        WaveState::Waiting => ("·", "waiting", Color::DarkGray),
        WaveState::Running if wave.applied < wave.total => ("▸", "applying", Color::Cyan),
        WaveState::Running => ("▸", "gating", Color::Yellow),
        WaveState::Healthy => ("✓", "healthy", Color::Green),
        WaveState::Failed => ("✗", "failed", Color::Red),
    };
    let style = if colour { Style::new().fg(shade) } else { Style::new() };
    let total = wave.total.max(1);
    let cells = |count: usize| (count.min(total) * BAR) / total;
    let (healthy, applied) = (cells(wave.healthy), cells(wave.applied.max(wave.healthy)));
    let drawn = format!(
        "{}{}{}",
        "█".repeat(healthy),
        "▒".repeat(applied - healthy),
        "░".repeat(BAR - applied)
    );
    let mut spans = vec![
        Span::styled(format!("{glyph} wave {:<4} {word:<9}", wave.number), style),
        Span::styled(drawn, style),
        Span::raw(format!(" {}/{} healthy", wave.healthy, wave.total)),
    ];
    if let Some((waits_for, more)) = wave.waits_for() {
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        spans.push(Span::raw(format!("  {waits_for}{more}")));
    }
    Line::from(spans)
}
