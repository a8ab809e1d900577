//! Caffe's window files: images, and in each the windows that a detector learns from.
//!
//! An image is `# number`, its path, channels, height, width and the number of its windows; a window is
//! `label overlap x1 y1 x2 y2`: its class, how much of it overlaps an object, and its first and last column and row. White space
//! separates them.

use super::list::List;
use crate::layer::Cx;
use crate::{Error, Kind, Result};

/// A window of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The number of its image in the file.
    pub image: usize,
    /// The line of the file.
    pub line: usize,
    pub label: i32,
    /// 0 to 1.
    pub overlap: f32,
    /// x1, y1, x2, y2: the last column and row are included.
    pub corners: [i32; 4],
}

/// A window file.
pub(crate) struct Windows {
    pub list: List,
    /// The line and the path of each image.
    pub images: Vec<(usize, String)>,
    pub windows: Vec<Window>,
}

impl Windows {
    /// Reads a window file.
    ///
    /// # Errors
    /// The file is missing, empty or of another form; the error names the line.
    pub(crate) fn read(source: &str, cx: &Cx) -> Result<Windows> {
        let (list, lines) = List::read(source, cx)?;
        let text = lines.iter().flat_map(|(line, text)| text.split_whitespace().map(|word| (*line, word)));
        let mut words = Words { words: text, line: 0 };
        let (mut images, mut windows) = (Vec::new(), Vec::new());
        let read = words.images(&mut images, &mut windows);
        read.map_err(|why| {
            let e = Error::new(Kind::Data, format!("{}: {why}", list.place(words.line)));
            e.hint("each image is # number, path, channels, height, width, number of windows; each window label overlap x1 y1 x2 y2")
        })?;
        Ok(Windows { list, images, windows })
    }
}

/// The words of a file, and the line of the last one.
struct Words<I> {
    words: I,
    line: usize,
}

impl<'a, I: Iterator<Item = (usize, &'a str)>> Words<I> {
    fn images(&mut self, images: &mut Vec<(usize, String)>, windows: &mut Vec<Window>) -> Result<(), String> {
        while let Some((line, hash)) = self.words.next() {
            self.line = line;
            if hash != "#" {
                return Err(format!("\"{hash}\" where an image begins with #"));
            }
            self.number::<i32>("the number of the image")?;
            let path = self.word("the path of the image")?;
            images.push((self.line, path.to_string()));
            for what in ["channels", "height", "width"] {
                self.number::<u32>(what)?;
            }
            for _ in 0..self.number::<u32>("the number of windows")? {
                let (label, overlap) = (self.number("a label")?, self.number("an overlap")?);
                let mut corners = [0; 4];
                for (corner, what) in corners.iter_mut().zip(["x1", "y1", "x2", "y2"]) {
                    *corner = self.number(what)?;
                }
                windows.push(Window { image: images.len() - 1, line: self.line, label, overlap, corners });
            }
        }
        Ok(())
    }

    fn word(&mut self, what: &str) -> Result<&'a str, String> {
        let (line, word) = self.words.next().ok_or_else(|| format!("the file ends where {what} stands"))?;
        self.line = line;
        Ok(word)
    }

    fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, String> {
        let word = self.word(what)?;
        word.parse().map_err(|_| format!("\"{word}\" where {what} stands"))
    }
}
