//! Small pictures for the tests of the command.

use crate::bench::Bench;

/// Writes a PNG of `size` x `size` pixels, all alike; `pixel` is one value for grey, or red, green, blue (and alpha).
pub fn write_png(bench: &Bench, name: &str, size: usize, pixel: &[u8]) {
    bench.write(name, png(size, size, &pixel.repeat(size * size)));
}

/// A PNG of these H x W pixels.
pub fn png(height: usize, width: usize, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(match pixels.len() / (height * width) {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        _ => png::ColorType::Rgba,
    });
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    bytes
}
