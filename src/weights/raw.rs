//! Values as bytes: NVIDIA's branch of Caffe stores a blob's values in `raw_data` (field 12), in half, single or double
//! precision as `raw_data_type` (field 10) says. Caffe's own schema has neither field.

use crate::proto::wire::{Value, take};
use crate::proto::{BlobProto, NetParameter};
use crate::{Error, Kind, Result};

const LAYER: u32 = 100;
const BLOBS: u32 = 7;
pub(super) const TYPE: u32 = 10;
pub(super) const DATA: u32 = 12;

/// Gives the blobs of `net`, decoded from `wire`, the values that are stored as bytes.
pub(super) fn fill(mut wire: &[u8], net: &mut NetParameter) -> Result {
    let mut layers = net.layer.iter_mut();
    while let Some((number, value)) = take(&mut wire)? {
        let (LAYER, Value::Bytes(mut layer)) = (number, value) else { continue };
        let Some(param) = layers.next() else { break };
        let name = param.name().to_string();
        let mut blobs = param.blobs.iter_mut().enumerate();
        while let Some((number, value)) = take(&mut layer)? {
            let (BLOBS, Value::Bytes(blob)) = (number, value) else { continue };
            let Some((k, proto)) = blobs.next() else { break };
            values(blob, proto).map_err(|why| {
                Error::new(Kind::Weights, format!("layer \"{name}\": blob {k}: {why}"))
                    .hint("values as bytes are read in half, single and double precision")
            })?;
        }
    }
    Ok(())
}

fn values(mut wire: &[u8], proto: &mut BlobProto) -> Result<(), String> {
    let (mut kind, mut raw) = (0, None);
    while let Some((number, value)) = take(&mut wire).map_err(|e| e.message().to_string())? {
        match (number, value) {
            (TYPE, Value::Varint(stored)) => kind = stored,
            (DATA, Value::Bytes(bytes)) => raw = Some(bytes),
            _ => {}
        }
    }
    let Some(raw) = raw.filter(|_| proto.data.is_empty() && proto.double_data.is_empty()) else { return Ok(()) };
    let precision = Precision::of(kind)?;
    let size = precision.size();
    if raw.len() % size != 0 {
        return Err(format!("raw_data has {} bytes, values of {size} bytes each", raw.len()));
    }
    if let Precision::Double = precision {
        proto.double_data = raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    } else {
        proto.data = vec![0.0; raw.len() / size];
        precision.decode(raw, &mut proto.data);
    }
    Ok(())
}

/// How many bytes a value has.
#[derive(Clone, Copy)]
pub(super) enum Precision {
    Double,
    Single,
    Half,
}

impl Precision {
    /// The precision that `raw_data_type` means.
    pub(super) fn of(kind: u64) -> Result<Precision, String> {
        match kind {
            0 => Ok(Precision::Double),
            1 => Ok(Precision::Single),
            2 => Ok(Precision::Half),
            other => Err(format!("raw_data has the type {other}")),
        }
    }

    pub(super) fn size(self) -> usize {
        match self {
            Precision::Double => 8,
            Precision::Single => 4,
            Precision::Half => 2,
        }
    }

    /// Values from their bytes, the lowest first.
    pub(super) fn decode(self, bytes: &[u8], values: &mut [f32]) {
        let values = values.iter_mut();
        match self {
            Precision::Double => values.zip(bytes.as_chunks().0).for_each(|(v, b)| *v = f64::from_le_bytes(*b) as f32),
            Precision::Single => values.zip(bytes.as_chunks().0).for_each(|(v, b)| *v = f32::from_le_bytes(*b)),
            Precision::Half => values.zip(bytes.as_chunks().0).for_each(|(v, b)| *v = half(u16::from_le_bytes(*b))),
        }
    }
}

/// The value of a half: a sign, five bits of exponent, ten of fraction.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (bits >> 10 & 31, f32::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}
