//! Values as bytes: NVIDIA's branch of Caffe stores a blob's values in `raw_data` (field 12), in half, single or double
//! precision as `raw_data_type` (field 10) says. Caffe's own schema has neither field.

use crate::proto::wire::{Value, take};
use crate::proto::{BlobProto, NetParameter};
use crate::{Error, Kind, Result};

const LAYER: u32 = 100;
const BLOBS: u32 = 7;
const TYPE: u32 = 10;
const DATA: u32 = 12;

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
    let size = match kind {
        0 => 8,
        1 => 4,
        2 => 2,
        other => return Err(format!("raw_data has the type {other}")),
    };
    if raw.len() % size != 0 {
        return Err(format!("raw_data has {} bytes, values of {size} bytes each", raw.len()));
    }
    match kind {
        0 => proto.double_data = raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        1 => proto.data = raw.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        _ => proto.data = raw.as_chunks().0.iter().map(|b| half(u16::from_le_bytes(*b))).collect(),
    }
    Ok(())
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
