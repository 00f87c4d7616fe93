use comfy_table::{ContentArrangement, Table, presets};

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

/// The first `chars_max` characters of a text on one line, an ellipsis after them where there are more. Control
/// characters can't reach the terminal.
pub fn one_line(text: &str, chars_max: usize) -> String {
    let mut line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars_max.saturating_add(1)).collect();
    if line.chars().count() > chars_max {
        line.pop();
        line.push('…');
    }
    line
}
