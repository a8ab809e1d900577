//! Tables of numbers as text: a line for each sample, a column for each value, and perhaps one for the class.
//!
//! Columns are divided by commas, or by semicolons or tabs if the first line has any. The first line may name them. A gzipped
//! file is recognised by its first two bytes.

use super::database::{self, Backend};
use crate::proto::Datum;
use crate::{Error, Kind, Result, blob};
use csv::{ReaderBuilder, StringRecord};
use flate2::read::GzDecoder;
use ndarray::{Array1, Array4};
use prost::Message;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A table.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Table {
    /// The columns' names, without the classes'; none if the file does not name them.
    pub names: Vec<String>,
    /// The number of columns, without the classes'.
    pub columns: usize,
    /// The values, line after line.
    pub values: Vec<f32>,
    /// The class of each line, or another target; 0 if there is no such column.
    pub labels: Vec<f32>,
    /// Where each line is, for errors.
    file: PathBuf,
    lines: Vec<u64>,
}

/// How a file is to be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options<'a> {
    /// The column of the classes: its name, or its number from 0, or from the end as in -1.
    pub label: Option<&'a str>,
    /// Whether the first line names the columns. If not given, it does if it has no number in it.
    pub header: Option<bool>,
}

impl Table {
    /// Reads a file whose column `label`, if one is given, holds the classes.
    ///
    /// # Errors
    /// The file cannot be read or is empty; a line has a word that is no number, or another number of columns than the
    /// first; there is no such column. The error names the file, the line and the column.
    ///
    /// ```
    /// use cortado::data::csv::{Options, Table};
    /// let folder = tempfile::tempdir().unwrap();
    /// let path = folder.path().join("points.csv");
    /// std::fs::write(&path, "x,y,class\n0.5,1,0\n-2,3e2,1\n").unwrap();
    /// let table = Table::read(&path, Options { label: Some("class"), ..Options::default() })?;
    /// assert_eq!((table.names, table.values, table.labels), (vec!["x".into(), "y".into()], vec![0.5, 1., -2., 300.], vec![0., 1.]));
    /// # Ok::<(), cortado::Error>(())
    /// ```
    pub fn read(path: impl AsRef<Path>, options: Options) -> Result<Table> {
        let path = path.as_ref();
        let fail = |e| Error::file(path, "read the table", e);
        let mut text = std::fs::read(path).map_err(fail)?;
        if text.starts_with(&[0x1F, 0x8B]) {
            let packed = std::mem::take(&mut text);
            GzDecoder::new(&packed[..]).read_to_end(&mut text).map_err(fail)?;
        }
        match parse(&text, options) {
            Ok(table) => Ok(Table { file: path.to_path_buf(), ..table }),
            Err((line, what, hint)) => {
                let place = if line > 0 { format!(":{line}") } else { String::new() };
                let e = Error::new(Kind::Data, format!("{}{place}: {what}", path.display()));
                Err(if hint.is_empty() { e } else { e.hint(hint) })
            }
        }
    }

    /// The number of lines, at least 1.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// All lines as an array N x C x H x W, and their classes.
    ///
    /// # Errors
    /// C x H x W is not the number of columns.
    pub fn arrays(&self, shape: [usize; 3]) -> Result<(Array4<f32>, Array1<f32>)> {
        self.check(shape)?;
        let [c, h, w] = shape;
        let x = Array4::from_shape_vec((self.len(), c, h, w), self.values.clone());
        Ok((x.map_err(|e| Error::shape(e.to_string()))?, Array1::from_vec(self.labels.clone())))
    }

    /// Makes a database: a Datum of floats of this shape for each line, whose number in eight digits is the key.
    ///
    /// # Errors
    /// C x H x W is not the number of columns; a class is no whole number; the database cannot be written, or exists and
    /// not `overwrite`.
    pub fn convert(&self, shape: [usize; 3], db: impl AsRef<Path>, backend: Backend, overwrite: bool) -> Result {
        self.check(shape)?;
        let [c, h, w] = shape.map(|n| i32::try_from(n).ok());
        database::create(db, backend, overwrite, |db| {
            for (i, (values, &label)) in self.values.chunks(self.columns).zip(&self.labels).enumerate() {
                if label.fract() != 0.0 || label.abs() > 1e9 {
                    let what =
                        format!("{}:{}: the class {label} is no whole number", self.file.display(), self.lines[i]);
                    return Err(
                        Error::value(what).hint("a database has classes 0, 1, ..; keep other targets as values")
                    );
                }
                let datum = Datum {
                    channels: c,
                    height: h,
                    width: w,
                    label: Some(label as i32),
                    float_data: values.to_vec(),
                    ..Datum::default()
                };
                db.put(format!("{i:08}").as_bytes(), &datum.encode_to_vec())?;
            }
            Ok(())
        })
    }

    fn check(&self, shape: [usize; 3]) -> Result {
        match blob::count(&shape)? {
            n if n == self.columns => Ok(()),
            n => Err(Error::shape(format!("the shape {shape:?} has {n} values, a line has {}", self.columns))),
        }
    }
}

/// What is wrong in which line (0 if in no certain one), and what to do.
type Wrong = (u64, String, &'static str);

fn parse(text: &[u8], options: Options) -> Result<Table, Wrong> {
    let first = text.split(|&b| b == b'\n').next().unwrap_or_default();
    let delimiter = [b'\t', b';'].into_iter().find(|d| first.contains(d)).unwrap_or(b',');
    let reader = ReaderBuilder::new().has_headers(false).delimiter(delimiter).flexible(true).from_reader(text);
    let mut lines = Lines { text, reader, record: StringRecord::new(), line: 1, at: 0 };
    if !lines.next()? {
        return Err((0, "the table is empty".into(), ""));
    }
    let (columns, start) = (lines.record.len(), lines.line);
    let names: Vec<String> = lines.record.iter().map(|name| name.trim().to_string()).collect();
    let header = has_header(&lines.record, options).map_err(|(what, hint)| (start, what, hint))?;
    let label = match options.label {
        None => None,
        Some(label) => {
            let hint = "name a column of the first line, or give its number from 0; -1 is the last";
            let at = column(label, header.then_some(&names), columns);
            Some(at.ok_or((start, format!("there is no column {label:?} among {columns}"), hint))?)
        }
    };
    let mut table = Table { columns: columns - usize::from(label.is_some()), ..Table::default() };
    if table.columns == 0 {
        return Err((start, "the table has no column of values".into(), "give a table with values beside the classes"));
    }
    if header {
        table.names = names.iter().enumerate().filter(|(i, _)| Some(*i) != label).map(|(_, n)| n.clone()).collect();
        if !lines.next()? {
            return Err((start, "the table has names, but no line of numbers".into(), ""));
        }
    }
    loop {
        let (line, record) = (lines.line, &lines.record);
        if record.len() != columns {
            let what = format!("{} columns where the first line has {columns}", record.len());
            return Err((line, what, "each line must have a value for each column"));
        }
        for (i, word) in record.iter().enumerate() {
            let value = number(word).ok_or_else(|| {
                let name = if header { format!(" ({:?})", cut(&names[i])) } else { String::new() };
                (
                    line,
                    format!("{:?} in column {i}{name} is no number", cut(word)),
                    "each value must be a finite number, such as -1.5e3",
                )
            })?;
            if Some(i) == label { table.labels.push(value) } else { table.values.push(value) }
        }
        table.lines.push(line);
        if label.is_none() {
            table.labels.push(0.0);
        }
        if !lines.next()? {
            return Ok(table);
        }
    }
}

/// The lines of a file that are not empty.
struct Lines<'a> {
    text: &'a [u8],
    reader: csv::Reader<&'a [u8]>,
    record: StringRecord,
    /// The number of this line, and where it begins.
    line: u64,
    at: usize,
}

impl Lines<'_> {
    /// Goes to the next line; false at the end.
    fn next(&mut self) -> Result<bool, Wrong> {
        let mut at = self.reader.position().byte() as usize;
        at += self.text.iter().skip(at).take_while(|b| b"\r\n".contains(b)).count();
        let passed = &self.text[self.at..at];
        let ends = |(i, b): &(usize, &u8)| **b == b'\n' || **b == b'\r' && passed.get(i + 1) != Some(&b'\n');
        self.line += passed.iter().enumerate().filter(ends).count() as u64;
        self.at = at;
        self.reader.read_record(&mut self.record).map_err(|e| {
            let what = match e.kind() {
                csv::ErrorKind::Utf8 { .. } => "the line is not UTF-8 text".into(),
                _ => e.to_string(),
            };
            (self.line, what, "save the table as CSV in UTF-8")
        })
    }
}

/// Whether the first line has names.
fn has_header(record: &StringRecord, options: Options) -> Result<bool, (String, &'static str)> {
    if let Some(header) = options.header {
        return Ok(header);
    }
    let numbers = record.iter().filter(|word| number(word).is_some()).count();
    let by_name = options.label.is_some_and(|label| label.parse::<i64>().is_err());
    match numbers {
        0 => Ok(true),
        _ if by_name => Ok(true),
        n if n == record.len() => Ok(false),
        _ => Err((
            "the first line has both words and numbers".into(),
            "say whether it names the columns: --header yes or --header no",
        )),
    }
}

/// The place of the column that a name or a number means.
fn column(label: &str, names: Option<&Vec<String>>, columns: usize) -> Option<usize> {
    let named = names.and_then(|names| names.iter().position(|name| name == label));
    named.or_else(|| {
        let number: i64 = label.parse().ok()?;
        let at = if number < 0 { number.checked_add(columns as i64)? } else { number };
        usize::try_from(at).ok().filter(|&at| at < columns)
    })
}

/// A finite number; of "1e99", "nan" and "inf" none is.
fn number(word: &str) -> Option<f32> {
    word.trim().parse().ok().filter(|x: &f32| x.is_finite())
}

fn cut(word: &str) -> String {
    word.chars().take(40).collect()
}
