//! Pixels to image files, PNG and JPEG, as OpenCV's `imencode` makes them for Caffe.

use super::image::Picture;
use crate::{Error, Kind, Result};

/// A format of image files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Without loss.
    Png,
    /// With loss, of quality 95 as OpenCV writes it.
    Jpeg,
}

impl Format {
    /// The format of a file that begins with these bytes.
    pub fn of(bytes: &[u8]) -> Option<Format> {
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => Some(Format::Png),
            [0xFF, 0xD8, ..] => Some(Format::Jpeg),
            _ => None,
        }
    }
}

/// The bytes of an image file of this picture, grey or blue, green, red.
///
/// # Errors
/// The picture is too large for the format.
///
/// ```
/// use cortado::data::{encode, image};
/// let picture = image::Picture { height: 1, width: 2, channels: 3, data: vec![255, 0, 0, 0, 0, 255] };
/// let file = encode::encode(&picture, encode::Format::Png)?;
/// assert_eq!(image::decode(&file, image::Channels::AsStored)?, picture);
/// # Ok::<(), cortado::Error>(())
/// ```
pub fn encode(picture: &Picture, format: Format) -> Result<Vec<u8>> {
    let bytes = match format {
        Format::Png => png(picture),
        Format::Jpeg => jpeg(picture),
    };
    bytes.map_err(|why| {
        let Picture { height, width, .. } = picture;
        Error::new(Kind::Data, format!("{width} x {height} pixels cannot be encoded: {why}"))
    })
}

fn png(picture: &Picture) -> Result<Vec<u8>, String> {
    let size = |n: usize| u32::try_from(n).map_err(|e| e.to_string());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size(picture.width)?, size(picture.height)?);
    let (color, data) = match picture.channels {
        1 => (png::ColorType::Grayscale, picture.data.clone()),
        _ => (png::ColorType::Rgb, picture.data.as_chunks().0.iter().flat_map(|&[b, g, r]| [r, g, b]).collect()),
    };
    encoder.set_color(color);
    let write = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&data)?;
        writer.finish()
    });
    write.map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn jpeg(picture: &Picture) -> Result<Vec<u8>, String> {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
    let size = |n: usize| u16::try_from(n).map_err(|_| "a JPEG has at most 65535 rows and columns".to_string());
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    encoder.set_sampling_factor(SamplingFactor::F_2_2); // every other row and column of the colours, as OpenCV
    let color = if picture.channels == 1 { ColorType::Luma } else { ColorType::Bgr };
    encoder.encode(&picture.data, size(picture.width)?, size(picture.height)?, color).map_err(|e| e.to_string())?;
    Ok(bytes)
}
