//! Text files that name other files, one on each line: the lists of HDF5Data and ImageData.

use crate::files::kind::FileKind;
use crate::layer::Cx;
use crate::proto::stray;
use crate::{Error, Kind, Result, files};
use std::path::{Path, PathBuf};

/// A list. Its paths start at the current folder, its own folder, the prototxt's, or the project's root.
pub(crate) struct List {
    path: PathBuf,
    /// Of the list and of the prototxt.
    folders: Vec<PathBuf>,
}

impl List {
    /// Finds the list that the prototxt calls `source`, and reads its lines: the number of each that is not blank, and its text.
    ///
    /// # Errors
    /// The list is not named, missing or empty.
    pub(crate) fn read(source: &str, cx: &Cx) -> Result<(List, Vec<(usize, String)>)> {
        if source.is_empty() {
            return Err(Error::value("no `source` is given").hint("name the file with the list"));
        }
        let path = cx.find(source)?;
        let text = std::fs::read(&path).map_err(|e| Error::file(&path, "read the list", e))?;
        if let Some(other) = FileKind::of(&text).name().filter(|_| !text.is_empty()) {
            let e = Error::new(Kind::Data, format!("{} is {other}, not a list", path.display()));
            return Err(e.hint("the source is a text file that names the files with the data, one on each line"));
        }
        let text = stray::decode(&text);
        let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim().to_string()));
        let lines: Vec<_> = lines.filter(|(_, line)| !line.is_empty()).collect();
        let folders = path.parent().into_iter().chain(cx.folder).map(Path::to_path_buf).collect();
        let list = List { path, folders };
        if lines.is_empty() {
            let e = Error::new(Kind::Data, format!("the list {} names no files", list.path.display()));
            return Err(e.hint("write a path on each line"));
        }
        Ok((list, lines))
    }

    /// The file that a line names.
    ///
    /// # Errors
    /// It does not exist; the error names the line and the paths that were tried.
    pub(crate) fn find(&self, line: usize, path: &str) -> Result<PathBuf> {
        let folders: Vec<&Path> = self.folders.iter().map(PathBuf::as_path).collect();
        files::find_in(path, &folders).map_err(|e| e.about(self.place(line)))
    }

    /// List and line, for errors.
    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}
