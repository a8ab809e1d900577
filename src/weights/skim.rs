//! Reads a `.caffemodel` but for its values, and notes where they are.
//!
//! A message is fields one after another, and a field of bytes begins with their number: a blob's values are passed over.

use super::place::placed;
use super::raw::{self, Precision};
use super::{decode, some_weights};
use crate::Blob;
use crate::proto::schema::{Message, Type};
use crate::proto::text::Named;
use crate::proto::wire::{Value, put};
use crate::proto::{BlobProto, NetParameter, upgrade};
use prost::Message as _;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// No net has so many blobs; in a hostile file two bytes make one.
const MAX_BLOBS: usize = 100_000;
/// How many bytes of values are read at a time.
const BUFFER: usize = 1 << 16;

/// Where the values of a blob are, and its diffs if it has any.
pub(super) struct Place {
    data: Run,
    diff: Option<Run>,
}

/// Values one after another in a file.
#[derive(Clone, Copy)]
struct Run {
    at: u64,
    bytes: u64,
    precision: Precision,
}

/// The message without values, the open file, and the blobs' places. None if the file is out of the ordinary: broken, or its
/// values do not stand in one piece.
pub(super) fn skim(path: &Path, name: &str) -> Option<(NetParameter, File, Vec<Place>)> {
    let file = File::open(path).ok()?;
    let end = file.metadata().ok()?.len();
    let mut skim = Skim { file: BufReader::new(file), at: 0, places: Vec::new() };
    let bytes = skim.message(NetParameter::SCHEMA, end)?;
    let mut net: NetParameter = decode(&bytes, name, ".caffemodel").ok()?;
    upgrade::net(&mut net).ok()?;
    Some((some_weights(net, name).ok()?, skim.file.into_inner(), skim.places))
}

struct Skim {
    file: BufReader<File>,
    at: u64,
    places: Vec<Place>,
}

/// A field's value, or how many bytes of it follow.
enum Field {
    Small(Value<'static>),
    Bytes(u64),
}

impl Skim {
    /// The bytes of a message that ends at `end`, without the values in it.
    fn message(&mut self, schema: &Message, end: u64) -> Option<Vec<u8>> {
        let mut message = Vec::new();
        while self.at < end {
            match self.field()? {
                (number, Field::Small(value)) => put(&mut message, number, value),
                (number, Field::Bytes(len)) => {
                    let stop = self.at.checked_add(len).filter(|stop| *stop <= end)?;
                    let inner = match schema.number(number).map(|field| field.ty) {
                        Some(Type::Message(blob)) if blob.name == "BlobProto" => self.blob(stop)?,
                        Some(Type::Message(inner)) => self.message(inner, stop)?,
                        _ => self.bytes(len)?,
                    };
                    put(&mut message, number, Value::Bytes(&inner));
                }
            }
        }
        (self.at == end).then_some(message)
    }

    /// The bytes of a blob, with the number of its place for its values.
    fn blob(&mut self, end: u64) -> Option<Vec<u8>> {
        let (mut blob, mut kind) = (Vec::new(), 0);
        let mut runs: [Option<(u64, u64)>; 5] = [None; 5];
        while self.at < end {
            let (number, field) = self.field()?;
            let run = [5, 6, 8, 9, raw::DATA].iter().position(|values| *values == number);
            match (field, run) {
                (Field::Small(_), Some(_)) => return None, // each value is a field of its own
                (Field::Small(Value::Varint(stored)), None) if number == raw::TYPE => kind = stored,
                (Field::Small(value), None) => put(&mut blob, number, value),
                (Field::Bytes(len), Some(run)) => {
                    if runs[run].replace((self.at, len)).is_some() {
                        return None;
                    }
                    self.pass(len, end)?;
                }
                (Field::Bytes(len), None) => {
                    self.at.checked_add(len).filter(|stop| *stop <= end)?;
                    put(&mut blob, number, Value::Bytes(&self.bytes(len)?));
                }
            }
        }
        let [data, diff, double_data, double_diff, raw] = runs;
        let run = |run: Option<(u64, u64)>, precision| run.map(|(at, bytes)| Run { at, bytes, precision });
        let data = run(data, Precision::Single).or(run(double_data, Precision::Double));
        let data = match (data, raw) {
            (None, Some(_)) => run(raw, Precision::of(kind).ok()?),
            _ => data,
        };
        let diff = run(diff, Precision::Single).or(run(double_diff, Precision::Double));
        if let Some(data) = data {
            let whole = |run: &Run| run.bytes.is_multiple_of(run.precision.size() as u64);
            if !whole(&data) || diff.is_some_and(|diff| !whole(&diff)) || self.places.len() == MAX_BLOBS {
                return None;
            }
            blob.extend(placed(BlobProto::default(), self.places.len()).encode_to_vec());
            self.places.push(Place { data, diff });
        }
        (self.at == end).then_some(blob)
    }

    /// The next field's number and value.
    fn field(&mut self) -> Option<(u32, Field)> {
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Small(Value::Varint(self.varint()?)),
            1 => Field::Small(Value::Eight(u64::from_le_bytes(self.array()?))),
            2 => Field::Bytes(self.varint()?),
            5 => Field::Small(Value::Four(u32::from_le_bytes(self.array()?))),
            _ => return None,
        };
        Some((u32::try_from(key >> 3).ok()?, field))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for i in 0..10 {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes).ok()?;
        self.at += N as u64;
        Some(bytes)
    }

    fn bytes(&mut self, len: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.by_ref().take(len).read_to_end(&mut bytes).ok()?;
        self.at += len;
        (bytes.len() as u64 == len).then_some(bytes)
    }

    /// Passes over bytes.
    fn pass(&mut self, len: u64, end: u64) -> Option<()> {
        self.at = self.at.checked_add(len).filter(|stop| *stop <= end)?;
        self.file.seek_relative(i64::try_from(len).ok()?).ok()
    }
}

impl Place {
    /// How many values there are.
    pub(super) fn count(&self) -> usize {
        self.data.count()
    }

    /// Reads the values, and the diffs if there are as many, into a blob of this count.
    pub(super) fn read(&self, file: &File, blob: &mut Blob) -> io::Result<()> {
        self.data.read(file, blob.data.slice_mut())?;
        match self.diff {
            Some(diff) if diff.count() == blob.count() => diff.read(file, blob.diff.slice_mut()),
            _ => Ok(()),
        }
    }
}

impl Run {
    fn count(&self) -> usize {
        self.bytes as usize / self.precision.size()
    }

    fn read(&self, mut file: &File, values: &mut [f32]) -> io::Result<()> {
        file.seek(SeekFrom::Start(self.at))?;
        let (mut buffer, size) = ([0; BUFFER], self.precision.size());
        for values in values.chunks_mut(BUFFER / size) {
            let bytes = &mut buffer[..values.len() * size];
            file.read_exact(bytes)?;
            self.precision.decode(bytes, values);
        }
        Ok(())
    }
}
