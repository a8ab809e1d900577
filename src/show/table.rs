//! Tables: of letters for a terminal, of HTML for a notebook.

use super::svg::escape;
use std::fmt;

/// Columns of text, each as wide as its widest cell.
///
/// ```
/// use cortado::show::Table;
/// let mut table = Table::new(&["layer", "<ms"]);
/// table.row(["conv1".into(), "0.5".into()]);
/// table.row(["ip".into(), "12.25".into()]);
/// assert_eq!(table.to_string(), "layer     ms\nconv1    0.5\nip     12.25\n");
/// ```
pub struct Table {
    rows: Vec<Vec<String>>,
    /// Columns of numbers stand flush right.
    right: Vec<bool>,
}

impl Table {
    /// A table with the given headings; a heading that begins with `<` marks a column of numbers.
    pub fn new(headings: &[&str]) -> Table {
        let right = headings.iter().map(|h| h.starts_with('<')).collect();
        Table { rows: vec![headings.iter().map(|h| h.trim_start_matches('<').to_string()).collect()], right }
    }

    /// The table for a notebook or a page: no colours of its own, no blank lines. Texts above and below belong to it.
    pub(super) fn to_html(&self, above: &str, below: &str) -> String {
        let mut html =
            format!("<div class=\"cortado-table\" style=\"overflow-x:auto\">\n<p>{}</p>\n<table>\n", escape(above));
        for (r, row) in self.rows.iter().enumerate() {
            let tag = if r == 0 { "th" } else { "td" };
            html += "<tr>";
            for (c, &right) in self.right.iter().enumerate() {
                let align = if right { "right;font-variant-numeric:tabular-nums" } else { "left" };
                let cell = row.get(c).map_or("", String::as_str);
                html += &format!("<{tag} style=\"text-align:{align}\">{}</{tag}>", escape(cell));
            }
            html += "</tr>\n";
        }
        format!("{html}</table>\n<p>{}</p>\n</div>", escape(below))
    }

    /// Adds a row below; cells beyond the headings are not shown.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// The widest column of text; longer cells are folded.
const WIDEST: usize = 100;
/// A column of text is not made narrower than this to fit the whole table into a width.
const NARROWEST: usize = 12;
/// The space between columns.
const GAP: usize = 2;

impl fmt::Display for Table {
    /// Long cells are folded into several lines. A width, as in `{table:80}`, is that of the whole table: the widest columns of
    /// text are folded until it fits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |row: &[String], c: usize| row.get(c).map_or(0, |cell| cell.chars().count());
        let widest = |c| self.rows.iter().map(|row| cell(row, c)).max().unwrap_or(0).min(WIDEST);
        let mut widths: Vec<usize> = (0..self.right.len()).map(widest).collect();
        let wanted = f.width().unwrap_or(usize::MAX);
        while widths.iter().map(|w| w + GAP).sum::<usize>() > wanted.saturating_add(GAP) {
            let texts = widths.iter_mut().zip(&self.right).filter(|(_, right)| !**right).map(|(width, _)| width);
            match texts.max().filter(|width| **width > NARROWEST) {
                Some(width) => *width -= 1,
                None => break,
            }
        }
        for row in &self.rows {
            let cells: Vec<Vec<String>> = row.iter().zip(&widths).map(|(cell, &width)| fold(cell, width)).collect();
            for l in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
                let mut line = String::new();
                for ((cell, &width), &right) in cells.iter().zip(&widths).zip(&self.right) {
                    let part = cell.get(l).map_or("", String::as_str);
                    line += &if right { format!("{part:>width$}  ") } else { format!("{part:<width$}  ") };
                }
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}

/// The lines of a cell: broken at spaces, or within a word that is too long.
fn fold(cell: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in cell.split_inclusive(' ') {
        let len = word.trim_end().chars().count();
        if used > 0 && used + len > width {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            if used == width.max(1) && c != ' ' {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_are_folded() {
        assert_eq!(fold("", 5), [""]);
        assert_eq!(fold("ab cd ef", 5), ["ab cd ", "ef"]);
        assert_eq!(fold("abcdefgh ij", 3), ["abc", "def", "gh ", "ij"]);
        assert_eq!(fold("ü ß", 1), ["ü ", "ß"]);
        let mut table = Table::new(&["layer", "<n"]);
        table.row(["one two three four five".into(), "12".into()]);
        assert_eq!(format!("{table:18}"), "layer            n\none two three   12\nfour five\n");
    }

    /// Names of 70,000 letters once made a table that Rust's formatter refused, and one blob with 3,000 readers 258 MB of text.
    #[test]
    fn a_giant_cell_stays_in_its_column() {
        let mut table = Table::new(&["layer", "<n"]);
        table.row(["a".repeat(70_000), "1".into()]);
        (0..3000).for_each(|i| table.row([format!("b{i}"), "2".into()]));
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= WIDEST + GAP + 1));
        assert_eq!(text.matches('a').count(), 70_001);
        assert!(text.len() < 1_000_000);
    }
}
