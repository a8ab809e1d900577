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

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |row: &[String], c: usize| row.get(c).map_or(0, |cell| cell.chars().count());
        let widths: Vec<usize> =
            (0..self.right.len()).map(|c| self.rows.iter().map(|row| cell(row, c)).max().unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, &width), &right) in row.iter().zip(&widths).zip(&self.right) {
                line += &if right { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
