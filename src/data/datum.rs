//! Datum: the message in which Caffe's databases hold one image and its label.
//!
//! Its C x H x W values are bytes (`data`) or floats (`float_data`). If it has both, the bytes count, as in Caffe. With
//! `encoded` the bytes are a PNG or JPEG file.

use super::image::{self, Channels};
use crate::proto::Datum;
use crate::proto::wire::{self, Value};
use crate::{Error, Kind, Result};
use prost::Message;

/// The values of a Datum.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pixels<'a> {
    /// Values from 0 to 255.
    Bytes(&'a [u8]),
    /// Any values.
    Floats(&'a [f32]),
}

/// A decoded Datum.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Image<'a> {
    /// C, H, W.
    pub shape: [usize; 3],
    /// C x H x W values.
    pub pixels: Pixels<'a>,
    /// The class; 0 if none is given.
    pub label: i32,
}

/// Decodes a database's value. The bytes stay where they are; numbers and floats go into `datum`, whose memory is reused.
///
/// # Errors
/// The value is no Datum, holds a broken image file, or has too few or too many values; the error names the key.
///
/// ```
/// use cortado::{data::datum, proto::Datum};
/// let mut value = Vec::new();
/// datum::encode([1, 2, 2], &[0, 10, 20, 30], 7, &mut value)?;
/// let mut datum = Datum::default();
/// let image = datum::decode(b"00000000", &value, &mut datum)?;
/// assert_eq!((image.shape, image.label), ([1, 2, 2], 7));
/// assert_eq!(image.pixels, datum::Pixels::Bytes(&[0, 10, 20, 30]));
/// # Ok::<(), cortado::Error>(())
/// ```
pub fn decode<'a>(key: &[u8], value: &'a [u8], datum: &'a mut Datum) -> Result<Image<'a>> {
    decode_as(Channels::AsStored, key, value, datum)
}

/// The same; an image file is decoded to these channels.
///
/// # Errors
/// Those of [`decode`].
pub fn decode_as<'a>(channels: Channels, key: &[u8], value: &'a [u8], datum: &'a mut Datum) -> Result<Image<'a>> {
    let refuse = |what: String| Error::new(Kind::Data, format!("entry \"{}\" {what}", key_text(key)));
    let wrong = |what: String| Err(refuse(what).hint("each entry must be a Datum, as Caffe's tools write it"));
    let data = match read(value, datum) {
        Ok(data) => data,
        Err(e) => return wrong(format!("is not a Datum: {}", e.message())),
    };
    if datum.encoded() {
        let picture = image::decode(data, channels).map_err(|e| e.about(format!("entry \"{}\"", key_text(key))))?;
        let pixels = Pixels::Bytes(datum.data.insert(picture.planes()));
        return Ok(Image { shape: picture.shape(), pixels, label: datum.label.unwrap_or(0) });
    }
    let sizes = [datum.channels(), datum.height(), datum.width()];
    let (pixels, len) = match (data, &datum.float_data[..]) {
        ([], floats) => (Pixels::Floats(floats), floats.len()),
        (bytes, _) => (Pixels::Bytes(bytes), bytes.len()),
    };
    let [c, h, w] = sizes.map(|n| usize::try_from(n).unwrap_or(0));
    match c.checked_mul(h).and_then(|n| n.checked_mul(w)) {
        Some(count) if count == len && count > 0 => Ok(Image { shape: [c, h, w], pixels, label: datum.label() }),
        _ => wrong(format!("is of {} x {} x {}, but has {len} values", sizes[0], sizes[1], sizes[2])),
    }
}

/// Reads the fields, all but `data`, which is not copied: it is returned.
fn read<'a>(mut value: &'a [u8], datum: &mut Datum) -> Result<&'a [u8]> {
    datum.clear();
    let mut data: &[u8] = &[];
    while let Some(field) = wire::take(&mut value)? {
        match field {
            (1, Value::Varint(n)) => datum.channels = Some(n as i32),
            (2, Value::Varint(n)) => datum.height = Some(n as i32),
            (3, Value::Varint(n)) => datum.width = Some(n as i32),
            (4, Value::Bytes(bytes)) => data = bytes,
            (5, Value::Varint(n)) => datum.label = Some(n as i32),
            (6, Value::Four(bits)) => datum.float_data.push(f32::from_bits(bits)),
            (6, Value::Bytes(packed)) if packed.len().is_multiple_of(4) => {
                let floats = packed.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
                datum.float_data.extend(floats);
            }
            (7, Value::Varint(n)) => datum.encoded = Some(n != 0),
            (n @ 0..=7, _) => return Err(Error::new(Kind::Data, format!("its field {n} holds something else"))),
            _ => {} // of a later version
        }
    }
    Ok(data)
}

/// Replaces the contents of `value` by a Datum of bytes.
///
/// # Errors
/// An axis is too long for the message.
pub fn encode(shape: [usize; 3], data: &[u8], label: i32, value: &mut Vec<u8>) -> Result {
    let size = |n: usize| i32::try_from(n).map_err(|_| Error::shape(format!("an image of shape {shape:?}")));
    let datum = Datum {
        channels: Some(size(shape[0])?),
        height: Some(size(shape[1])?),
        width: Some(size(shape[2])?),
        data: Some(data.to_vec()),
        label: Some(label),
        ..Default::default()
    };
    value.clear();
    datum.encode_raw(value);
    Ok(())
}

/// A key as printable text, cut to 80 bytes.
pub(crate) fn key_text(key: &[u8]) -> String {
    String::from_utf8_lossy(&key[..key.len().min(80)]).escape_debug().to_string()
}
