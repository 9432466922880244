//! Lines and aligned tables for people.

use anstyle::{AnsiColor, Style};

use crate::escape::escape;

/// Text for people, in lines; neighbouring rows are aligned as a table.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    table: Vec<(usize, Vec<Cell>)>,
}

/// A piece of text and what it means. Its text is escaped when it is made.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Good news, green.
    pub fn good(text: impl AsRef<str>) -> Self {
        Self::styled(text, AnsiColor::Green.on_default())
    }

    /// Bad news, red.
    pub fn bad(text: impl AsRef<str>) -> Self {
        Self::styled(text, AnsiColor::Red.on_default().bold())
    }

    /// Something to look at, yellow.
    pub fn attention(text: impl AsRef<str>) -> Self {
        Self::styled(text, AnsiColor::Yellow.on_default())
    }

    /// Something of less weight.
    pub fn faint(text: impl AsRef<str>) -> Self {
        Self::styled(text, Style::new().dimmed())
    }

    /// Something of more weight.
    pub fn strong(text: impl AsRef<str>) -> Self {
        Self::styled(text, Style::new().bold())
    }

    fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self {
            text: escape(text.as_ref()).into_owned(),
            style,
        }
    }

    fn painted(&self) -> String {
        let style = self.style;
        if style == Style::new() {
            self.text.clone()
        } else {
            format!("{style}{}{style:#}", self.text)
        }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

impl Page {
    /// Adds a line.
    pub fn line(&mut self, cell: impl Into<Cell>) {
        self.indented(0, cell);
    }

    /// Adds a line, two columns further right for each level.
    pub fn indented(&mut self, level: usize, cell: impl Into<Cell>) {
        self.flush();
        self.put(level, &[cell.into()], &[]);
    }

    /// Adds a line that begins with a label: `error: …`.
    pub fn labelled(&mut self, label: &Cell, text: &str) {
        self.flush();
        self.text.push_str(&label.painted());
        self.text.push(' ');
        self.text.push_str(&escape(text));
        self.text.push('\n');
    }

    /// Adds a row of the current table; rows next to each other are aligned.
    pub fn row<const N: usize>(&mut self, level: usize, cells: [Cell; N]) {
        self.table.push((level, cells.into()));
    }

    /// Adds a row with as many cells as there happen to be.
    pub fn cells(&mut self, level: usize, cells: Vec<Cell>) {
        self.table.push((level, cells));
    }

    /// Adds an empty line.
    pub fn gap(&mut self) {
        self.flush();
        self.text.push('\n');
    }

    /// The text, with colour sequences; whoever prints it takes them away where unwanted.
    pub fn finish(mut self) -> String {
        self.flush();
        self.text
    }

    fn flush(&mut self) {
        let table = std::mem::take(&mut self.table);
        let columns = table
            .iter()
            .map(|(_, cells)| cells.len())
            .max()
            .unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = table.iter().filter_map(|(level, cells)| {
                    // What ends its row keeps nothing apart.
                    let follows = |cell: &Cell| !cell.text.is_empty();
                    if !cells.iter().skip(column + 1).any(follows) {
                        return None;
                    }
                    let indent = if column == 0 { level * INDENT } else { 0 };
                    Some(cells.get(column)?.width() + indent)
                });
                cells.max().unwrap_or(0)
            })
            .collect();
        for (level, cells) in &table {
            self.put(*level, cells, &widths);
        }
    }

    fn put(&mut self, level: usize, cells: &[Cell], widths: &[usize]) {
        let last = cells
            .iter()
            .rposition(|cell| !cell.text.is_empty())
            .unwrap_or(0);
        self.text.extend(std::iter::repeat_n(' ', level * INDENT));
        for (column, cell) in cells.iter().take(last + 1).enumerate() {
            self.text.push_str(&cell.painted());
            if column < last {
                let indent = if column == 0 { level * INDENT } else { 0 };
                let width = widths.get(column).copied().unwrap_or(0);
                let used = cell.width() + indent;
                self.text
                    .extend(std::iter::repeat_n(' ', width.saturating_sub(used) + GAP));
            }
        }
        self.text.push('\n');
    }
}

/// A number of bytes with its unit: `912 B`, `1.5 KiB`.
pub fn bytes(count: u64) -> String {
    let mut unit = 0_usize;
    let mut rest = count;
    let mut tenths = 0;
    while rest >= 1024 && unit + 1 < UNITS.len() {
        tenths = (rest % 1024) * 10 / 1024;
        rest /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("B");
    if unit == 0 {
        format!("{rest} {name}")
    } else {
        format!("{rest}.{tenths} {name}")
    }
}

/// A digest for people: `sha256:3f1c5e0a77d0…`.
pub fn shorten(digest: &bulla_model::Digest) -> String {
    format!("{}:{}…", digest.algorithm(), digest.short())
}

const INDENT: usize = 2;
const GAP: usize = 2;
const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_rows_are_aligned() {
        let mut page = Page::default();
        page.row(1, ["a".into(), "b".into()]);
        page.row(1, ["longer".into(), "c".into()]);
        page.line("end");
        assert_eq!(page.finish(), "  a       b\n  longer  c\nend\n");
    }

    #[test]
    fn f56_text_from_outside_cannot_break_out_of_its_cell() {
        let mut page = Page::default();
        page.line("a\u{1b}[2Jb\nc");
        assert_eq!(page.finish(), "a\\u{1b}[2Jb\\nc\n");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes(912), "912 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
    }
}
