use comfy_table::{ContentArrangement, Table, presets};
use headwater_event::Timestamp;

/// Rows under a header, without lines: easy to read, and to cut with awk.
#[derive(Debug, Clone)]
pub struct Grid {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// No rows yet.
    pub fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// As wide as the terminal at most; unbounded where the output is none.
    pub fn to_text(&self) -> String {
        self.render(super::width())
    }

    /// As wide as given at most; None is unbounded.
    pub fn render(&self, width: Option<u16>) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        match width {
            Some(width) => {
                table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
            }
            None => {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        table.set_header(self.header.clone());
        table.add_rows(self.rows.clone());
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// How long ago, in the largest unit that says something: `12s`, `3m`, `5h`, `2d`.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.since_ms(at).max(0) / 1_000;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The first `chars_max` characters of a text on one line; control characters can't reach the terminal.
pub fn one_line(text: &str, chars_max: usize) -> String {
    let mut line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars_max.saturating_add(1)).collect();
    if line.chars().count() > chars_max {
        line.pop();
        line.push('…');
    }
    line
}
