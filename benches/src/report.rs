//! How figures are printed: a table for people, or one JSON document; and how a benchmark is called.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// How a benchmark was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arguments {
    /// Small and once: to see that it works. So it is in `cargo test`, which does not say `--bench`.
    pub quick: bool,
    /// One JSON document instead of a table.
    pub json: bool,
    /// No more objects than this: `--most 10000`.
    pub most: usize,
}

impl Arguments {
    /// Those of this process.
    pub fn read() -> Self {
        let given: Vec<String> = std::env::args().skip(1).collect();
        let has = |flag: &str| given.iter().any(|it| it == flag);
        let most = given.iter().skip_while(|it| *it != "--most").nth(1);
        Self {
            quick: has("--quick") || !has("--bench"),
            json: has("--json"),
            most: most.and_then(|most| most.parse().ok()).unwrap_or(usize::MAX),
        }
    }
}

/// What a benchmark found.
#[derive(Debug)]
pub struct Report {
    name: &'static str,
    about: Vec<String>,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    bars: Vec<Bar>,
}

/// A figure that is judged.
#[derive(Debug)]
struct Bar {
    what: String,
    figure: f64,
    limit: f64,
    holds: bool,
}

impl Report {
    /// An empty report with the columns of its table.
    pub const fn new(name: &'static str, columns: Vec<&'static str>) -> Self {
        Self { name, about: Vec::new(), columns, rows: Vec::new(), bars: Vec::new() }
    }

    /// Adds a line of what was measured, and how.
    pub fn say(&mut self, line: impl Into<String>) {
        self.about.push(line.into());
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Adds a figure that may not be above its limit.
    pub fn at_most(&mut self, what: impl Into<String>, figure: f64, limit: f64) {
        self.bars.push(Bar { what: what.into(), figure, limit, holds: figure <= limit });
    }

    /// Adds a figure that may not be below its limit.
    pub fn at_least(&mut self, what: impl Into<String>, figure: f64, limit: f64) {
        self.bars.push(Bar { what: what.into(), figure, limit, holds: figure >= limit });
    }

    /// Prints it.
    pub fn print(&self, arguments: Arguments) -> anyhow::Result<()> {
        let text = if arguments.json {
            format!("{}\n", serde_json::to_string_pretty(&self.to_json())?)
        } else {
            self.to_text()
        };
        std::io::stdout().lock().write_all(text.as_bytes())?;
        Ok(())
    }

    fn to_json(&self) -> Value {
        let row = |cells: &Vec<String>| -> Value {
            let named = self.columns.iter().zip(cells);
            named.map(|(column, cell)| ((*column).to_owned(), json!(cell))).collect()
        };
        let bar = |bar: &Bar| json!({"what": bar.what, "figure": bar.figure, "limit": bar.limit, "holds": bar.holds});
        json!({
            "benchmark": self.name, "about": self.about,
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "bars": self.bars.iter().map(bar).collect::<Vec<_>>(),
        })
    }

    fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.name);
        for line in &self.about {
            let _ = writeln!(text, "  {line}");
        }
        let heads: Vec<String> = self.columns.iter().map(|it| (*it).to_owned()).collect();
        let widths: Vec<usize> = (0..heads.len())
            .map(|column| {
                let cells = self.rows.iter().chain([&heads]).filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
            })
            .collect();
        for row in [&heads].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
                // Names begin on the left, figures end on the right.
                let _ = match place {
                    0 => write!(line, "  {cell:<width$}"),
                    _ => write!(line, "  {cell:>width$}"),
                };
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for bar in &self.bars {
            let verdict = if bar.holds { "holds" } else { "MISSED" };
            let _ =
                writeln!(text, "  {}: {:.3} (bar {}): {verdict}", bar.what, bar.figure, bar.limit);
        }
        text
    }
}

/// `12.3 ms`, `1.20 s`, `85 µs`.
pub fn duration(it: Duration) -> String {
    let seconds = it.as_secs_f64();
    if seconds >= 1.0 {
        format!("{seconds:.2} s")
    } else if seconds >= 1e-3 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{:.0} µs", seconds * 1e6)
    }
}
