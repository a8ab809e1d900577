//! A lesson's source taken apart: prose and code, cell by cell.
//!
//! The first cell is the prose of the file's `//!` lines, the second the imports above `main`. Inside `main` a line
//! `// %% [markdown]` begins prose and a line `// %%` begins code; `// %% tol=0.05` says how far the numbers of that cell's
//! output may stray from the recorded ones.

use crate::text::Tolerance;
use cortado::{Error, Kind, Result};
use std::path::Path;

/// A lesson: its one source, in cells.
pub struct Lesson {
    /// `02_network_manipulation`.
    pub stem: String,
    pub cells: Vec<Cell>,
}

/// Prose, or code that runs as one.
#[derive(Debug)]
pub struct Cell {
    pub role: Role,
    /// Without the marker, the comment signs of prose and the indentation of `main`.
    pub text: String,
    /// Its first line in the source, from 1.
    pub line: usize,
    pub tolerance: Tolerance,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Prose,
    Code,
}

impl Lesson {
    /// Reads `lessons/NN_name.rs`.
    pub fn read(path: &Path) -> Result<Lesson> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, "read", e))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let cells = cells(&text).map_err(|(line, what)| {
            Error::new(Kind::Syntax, format!("{}:{line}: {what}", path.display()))
                .hint("book/src/add_a_lesson.md describes the form of a lesson")
        })?;
        Ok(Lesson { stem, cells })
    }

    /// The number that its name begins with.
    pub fn number(&self) -> &str {
        self.stem.split('_').next().unwrap_or_default()
    }

    /// The code cells, each with its place among all cells.
    pub fn code(&self) -> impl Iterator<Item = (usize, &Cell)> {
        self.cells.iter().enumerate().filter(|(_, cell)| cell.role == Role::Code)
    }

    /// What a message calls cell `i`.
    pub fn name(&self, i: usize) -> String {
        format!("{} cell {i} (line {})", self.stem, self.cells[i].line)
    }
}

/// The cells of a lesson's source; or the line, and what is wrong with it.
fn cells(source: &str) -> std::result::Result<Vec<Cell>, (usize, String)> {
    let lines: Vec<&str> = source.lines().collect();
    let intro = lines.iter().take_while(|l| l.starts_with("//!")).count();
    let Some(main) = lines.iter().position(|l| l.starts_with("fn main()")) else {
        return Err((1, "there is no line that begins with `fn main()`".into()));
    };
    let Some(end) = lines.iter().rposition(|l| *l == "}") else {
        return Err((lines.len(), "main does not end with a brace of its own line".into()));
    };
    let prose = |text: Vec<String>, line| Cell {
        role: Role::Prose,
        text: trimmed(&text),
        line,
        tolerance: Tolerance::default(),
    };
    let mut cells = Vec::new();
    let title = lines[..intro].iter().map(|l| uncommented(l, "//!")).collect();
    cells.push(prose(title, 1));
    if !cells[0].text.starts_with("# ") {
        return Err((1, "a lesson begins with its title: `//! # Lesson 02: ..`".into()));
    }
    let imports: Vec<String> = lines[intro..main].iter().map(|l| l.to_string()).collect();
    let line = intro + 1 + imports.iter().take_while(|l| l.trim().is_empty()).count();
    cells.push(Cell { role: Role::Code, text: trimmed(&imports), line, tolerance: Tolerance::default() });

    let mut body = end;
    while body > main + 1 && (lines[body - 1].trim().is_empty() || lines[body - 1].trim() == "Ok(())") {
        body -= 1; // what ends main is no part of the last cell
    }
    let mut i = main + 1;
    while i < body {
        let Some(marker) = lines[i].strip_prefix("    // %%") else {
            match lines[i].trim() {
                "" => i += 1,
                _ => return Err((i + 1, "this stands before the first `// %%`".into())),
            }
            continue;
        };
        let next = (i + 1..body).find(|&j| lines[j].starts_with("    // %%")).unwrap_or(body);
        let inner = i + 1..next;
        match marker.trim() {
            "[markdown]" => {
                if let Some(j) = inner.clone().find(|&j| !lines[j].trim().is_empty() && !lines[j].starts_with("    //"))
                {
                    return Err((j + 1, "code in a cell of prose: begin a new cell with `// %%`".into()));
                }
                let text = lines[inner].iter().map(|l| uncommented(l.trim_start(), "//")).collect();
                cells.push(prose(text, i + 2));
            }
            options => {
                let tolerance = tolerance(options).map_err(|what| (i + 1, what))?;
                let text: Vec<String> =
                    lines[inner].iter().map(|l| l.strip_prefix("    ").unwrap_or(l).to_string()).collect();
                if let Some(j) = after_picture(&text) {
                    let what = "a notebook keeps one picture of a cell and puts it below the text: `show` comes last";
                    return Err((i + 2 + j, what.into()));
                }
                cells.push(Cell { role: Role::Code, text: trimmed(&text), line: i + 2, tolerance });
            }
        }
        if cells.last().is_some_and(|cell| cell.text.is_empty()) {
            return Err((i + 1, "an empty cell".into()));
        }
        i = next;
    }
    Ok(cells)
}

/// The first line that shows or prints something after a picture of the same cell.
fn after_picture(lines: &[String]) -> Option<usize> {
    let shows = |l: &String| l.trim_start().starts_with("show(");
    let first = lines.iter().position(shows)?;
    (first + 1..lines.len()).find(|&j| shows(&lines[j]) || lines[j].contains("println!("))
}

fn uncommented(line: &str, sign: &str) -> String {
    let line = line.strip_prefix(sign).unwrap_or(line);
    line.strip_prefix(' ').unwrap_or(line).trim_end().to_string()
}

/// Lines as one text, without the blank ones at both ends.
fn trimmed(lines: &[String]) -> String {
    let full = |l: &String| !l.trim().is_empty();
    let Some(first) = lines.iter().position(full) else { return String::new() };
    let last = lines.iter().rposition(full).unwrap_or(first);
    lines[first..=last].join("\n")
}

/// `tol=0.05`, `tol=any`, or nothing.
fn tolerance(options: &str) -> std::result::Result<Tolerance, String> {
    match options.trim().strip_prefix("tol=") {
        None if options.trim().is_empty() => Ok(Tolerance::default()),
        Some("any") => Ok(Tolerance::Any),
        Some(number) => match number.parse::<f64>() {
            Ok(part) if (0.0..1.0).contains(&part) => Ok(Tolerance::Relative(part)),
            _ => Err(format!("tol={number}: a number from 0 to 1, or any")),
        },
        None => Err(format!("`{options}` is no option of a cell: there are [markdown], tol=0.05 and tol=any")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESSON: &str = "//! # Lesson 09: nothing\n//!\n//! Prose.\n\nuse std::fs;\n\nfn main() -> cortado::Result<()> {\n    \
                          // %% [markdown]\n    // ## One\n    //\n    // $x$\n\n    // %% tol=0.5\n    let x = 1;\n    \
                          // %%\n    // A comment.\n    if x > 0 {\n        println!(\"{x}\");\n    }\n    Ok(())\n}\n";

    #[test]
    fn a_lesson_comes_apart() {
        let cells = cells(LESSON).unwrap();
        let texts: Vec<&str> = cells.iter().map(|c| c.text.as_str()).collect();
        let code = "// A comment.\nif x > 0 {\n    println!(\"{x}\");\n}";
        assert_eq!(texts, ["# Lesson 09: nothing\n\nProse.", "use std::fs;", "## One\n\n$x$", "let x = 1;", code]);
        assert_eq!(cells[3].tolerance, Tolerance::Relative(0.5));
        assert_eq!(cells.iter().map(|c| c.line).collect::<Vec<_>>(), [1, 5, 9, 14, 16]);
    }

    #[test]
    fn a_slip_is_named_with_its_line() {
        for (from, to, line) in [
            ("// $x$", "let y = 2;", 11),
            ("tol=0.5", "tol=5", 13),
            ("// %% [markdown]\n", "let z = 1;\n    // %% [markdown]\n", 8),
            ("# Lesson", "Lesson", 1),
            ("let x = 1;", "show(&net)?;\n    show(&blob)?;", 15),
            ("let x = 1;", "show(\n        &net,\n    )?;\n    println!(\"9\");", 17),
        ] {
            let broken = LESSON.replacen(from, to, 1);
            assert_eq!(cells(&broken).unwrap_err().0, line, "{broken}");
        }
    }
}
