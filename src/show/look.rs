//! `show(&thing)`: in a notebook a picture or a table under the cell, in a terminal words and the path of an SVG file.
//!
//! A notebook's kernel takes rich output from a program's stdout, between two marks. That is all there is to it, so the
//! same line of a lesson works in both.

use crate::{Result, files};
use std::path::PathBuf;

/// How something looks: words for a terminal and, if it has one, its picture.
#[derive(Clone, Debug)]
pub struct Look {
    /// What it is called; the picture's file gets its name from it.
    pub title: String,
    /// What a terminal prints; may be empty if there is a picture.
    pub text: String,
    /// What a notebook shows in the words' place.
    pub rich: Option<Rich>,
}

/// Output that a notebook and a page of the book understand.
#[derive(Clone, Debug)]
pub enum Rich {
    /// A drawing; a terminal writes it to a file.
    Svg(String),
    /// A table; a terminal prints the words.
    Html(String),
}

/// What [`show`] can show.
pub trait Show {
    /// How it looks.
    ///
    /// # Errors
    /// There is nothing to draw, or a blob whose data was freed.
    fn look(&self) -> Result<Look>;
}

/// Shows something: under the cell in a notebook; in a terminal as text, with the path of an SVG file if there is one.
///
/// The Rust kernel keeps one picture of a cell, the last, and puts it below the cell's text: show one thing per cell.
///
/// ```
/// use cortado::show::{Chart, show};
/// show(&Chart::new("Squares").line("x * x", &[(0.0, 0.0), (1.0, 1.0), (2.0, 4.0)]))?;
/// # Ok::<(), cortado::Error>(())
/// ```
///
/// # Errors
/// As [`Show::look`], or the file cannot be written.
pub fn show(item: &(impl Show + ?Sized)) -> Result {
    let look = item.look()?;
    if is_notebook() {
        print!("{}", look.for_notebook());
    } else {
        print!("{}", look.for_terminal()?);
    }
    Ok(())
}

/// What a notebook does with a bare last expression: shows it, or says why it cannot be shown.
macro_rules! bare_expression {
    ($($thing:ty),*) => {$(
        impl $thing {
            /// What a notebook's kernel calls when a cell ends with this: [`show`], or the error's message.
            pub fn evcxr_display(&self) {
                $crate::show::look::show_or_say(self);
            }
        }
    )*};
}
pub(super) use bare_expression;

/// Shows something, or prints the error's message.
pub(super) fn show_or_say(item: &impl Show) {
    if let Err(e) = show(item) {
        println!("{e}");
    }
}

/// Whether the Rust kernel of a notebook runs this program.
fn is_notebook() -> bool {
    std::env::var_os("EVCXR_IS_RUNTIME").is_some()
}

impl Look {
    /// Words only.
    pub fn text(text: impl Into<String>) -> Look {
        Look { title: String::new(), text: text.into(), rich: None }
    }

    /// A drawing.
    pub fn svg(title: impl Into<String>, svg: impl Into<String>) -> Look {
        Look { title: title.into(), text: String::new(), rich: Some(Rich::Svg(svg.into())) }
    }

    /// What a notebook's kernel turns into rich output.
    pub fn for_notebook(&self) -> String {
        let (mime, body) = match &self.rich {
            None => return with_newline(&self.text),
            Some(Rich::Svg(svg)) => ("image/svg+xml", svg),
            Some(Rich::Html(html)) => ("text/html", html),
        };
        format!("EVCXR_BEGIN_CONTENT {mime}\n{body}\nEVCXR_END_CONTENT\n")
    }

    /// What a terminal prints. A drawing is written to a file first.
    fn for_terminal(&self) -> Result<String> {
        let mut text = with_newline(&self.text);
        if let Some(Rich::Svg(svg)) = &self.rich {
            let path = self.path();
            files::write_aside(&path, svg.as_bytes())?;
            text += &format!("picture: {}\n", path.display());
        }
        Ok(text)
    }

    /// Where the drawing goes: a folder for each program, a file for each title.
    fn path(&self) -> PathBuf {
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(|p| p.file_stem()).map_or("program".into(), |s| s.to_string_lossy());
        let title = if self.title.is_empty() { "picture" } else { &self.title };
        let slug: String =
            title.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
        std::env::temp_dir().join("cortado").join(program.as_ref()).join(slug + ".svg")
    }
}

fn with_newline(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.into() } else { format!("{text}\n") }
}
