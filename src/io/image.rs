//! Images as arrays of shape H x W x K: read, resized, cropped.

use crate::data::image::{self, Channels};
use crate::{Error, Result, blob};
use ndarray::{Array3, Array4, ArrayView3, Axis, s};
use std::path::Path;

/// Reads a PNG or JPEG as H x W x 3 (red, green, blue), or with `color: false` as H x W x 1, from 0 to 1.
///
/// # Errors
/// The file cannot be read, or is no image of a format that is known.
pub fn load_image(path: impl AsRef<Path>, color: bool) -> Result<Array3<f32>> {
    let path = path.as_ref();
    let mut picture = image::read(path, Channels::AsStored)?;
    let shape = [picture.height, picture.width, picture.channels];
    if picture.channels == 3 {
        picture.data.as_chunks_mut().0.iter_mut().for_each(|[b, _, r]| std::mem::swap(b, r));
    }
    let image = Array3::from_shape_vec(shape, picture.data)
        .map_err(|e| Error::shape(e.to_string()))?
        .mapv(|x| f32::from(x) / 255.0);
    Ok(match (color, shape[2]) {
        (true, 1) => ndarray::concatenate![Axis(2), image, image, image],
        // The luminance of red, green and blue (ITU-R BT.709), as scikit-image has it.
        (false, 3) => image.map_axis(Axis(2), |x| 0.2125 * x[0] + 0.7154 * x[1] + 0.0721 * x[2]).insert_axis(Axis(2)),
        _ => image,
    })
}

/// Resizes an image to H x W pixels, interpolating linearly. As pycaffe with scikit-image: if it gets smaller it is
/// blurred before, and beyond its border lies its darkest value. Images of other than 1 or 3 channels are only
/// interpolated, from corner to corner.
///
/// # Errors
/// The image or the new size is empty, or too large.
pub fn resize_image(image: &Array3<f32>, [h, w]: [usize; 2]) -> Result<Array3<f32>> {
    let (old_h, old_w, k) = image.dim();
    if image.is_empty() || h == 0 || w == 0 {
        return Err(Error::shape(format!("cannot resize an image of shape {:?} to {h} x {w}", image.shape())));
    }
    blob::count(&[h, w, k])?;
    let least = image.iter().copied().fold(f32::INFINITY, f32::min);
    let photo = k == 1 || k == 3;
    let (rows, columns, border) = match photo {
        true => (blurred(old_h, h), blurred(old_w, w), least),
        false => (corner_to_corner(old_h, h), corner_to_corner(old_w, w), 0.0),
    };
    // What a sum reaches beyond the border counts as 0, so the border's value is subtracted first.
    let x = image.mapv(|x| x - border);
    Ok(mix(&mix(&x, Axis(0), &rows), Axis(1), &columns).mapv_into(|x| x + border))
}

/// The entries of an axis that a new entry is made of: the first one, and the weights from there on.
type Taps = (usize, Vec<f32>);

/// Makes each new entry of an axis the weighted sum of old ones.
fn mix(x: &Array3<f32>, axis: Axis, taps: &[Taps]) -> Array3<f32> {
    let mut shape = x.raw_dim();
    shape[axis.index()] = taps.len();
    let mut y = Array3::zeros(shape);
    for (mut y, (first, weights)) in y.axis_iter_mut(axis).zip(taps) {
        for (i, &weight) in weights.iter().enumerate() {
            y.scaled_add(weight, &x.index_axis(axis, first + i));
        }
    }
    y
}

/// Interpolation between pixels' centres, after a Gaussian blur of σ = (old / new - 1) / 2 if the axis gets shorter.
fn blurred(old: usize, new: usize) -> Vec<Taps> {
    let step = old as f64 / new as f64;
    let sigma = ((step - 1.0) / 2.0).max(f64::MIN_POSITIVE);
    let radius = (4.0 * sigma + 0.5) as isize;
    let bell = |d: isize| (-0.5 * (d as f64 / sigma).powi(2)).exp();
    let sum: f64 = (-radius..=radius).map(bell).sum();
    let taps = |i: usize| {
        let center = (i as f64 + 0.5) * step - 0.5;
        let left = center.floor() as isize;
        let right_weight = center - left as f64;
        let (first, last) = ((left - radius).max(0), (left + 1 + radius).min(old as isize - 1));
        let mut weights = vec![0.0; (last - first + 1) as usize];
        for (at, weight) in [(left, 1.0 - right_weight), (left + 1, right_weight)] {
            if (0..old as isize).contains(&at) {
                for x in (at - radius).max(first)..=(at + radius).min(last) {
                    weights[(x - first) as usize] += (weight * bell(x - at) / sum) as f32;
                }
            }
        }
        (first as usize, weights)
    };
    (0..new).map(taps).collect()
}

/// Interpolation that leaves the first and the last entry of an axis where they are.
fn corner_to_corner(old: usize, new: usize) -> Vec<Taps> {
    let taps = |i: usize| {
        let x = if new == 1 { 0.0 } else { i as f64 * (old - 1) as f64 / (new - 1) as f64 };
        let left = (x as usize).min(old.saturating_sub(2));
        let right_weight = (x - left as f64) as f32;
        (left, if old == 1 { vec![1.0] } else { vec![1.0 - right_weight, right_weight] })
    };
    (0..new).map(taps).collect()
}

/// Ten crops of each image, each H x W: the four corners (top left, top right, bottom left, bottom right), the centre,
/// and the same five mirrored. The result is of shape 10 N x H x W x K.
///
/// # Errors
/// There is no image, their shapes differ, or the crop is larger than they are.
pub fn oversample(images: &[Array3<f32>], [h, w]: [usize; 2]) -> Result<Array4<f32>> {
    let mut crops = Vec::new();
    for image in images {
        let (down, right) = room(image, [h, w])?;
        let corners = [(0, 0), (0, right), (down, 0), (down, right), (down / 2, right / 2)];
        let five: Vec<ArrayView3<f32>> =
            corners.iter().map(|&(top, left)| image.slice(s![top..top + h, left..left + w, ..])).collect();
        crops.extend(five.iter().cloned());
        crops.extend(five.iter().map(|crop| (*crop).slice_move(s![.., ..;-1, ..])));
    }
    ndarray::stack(Axis(0), &crops).map_err(|_| {
        let shapes: Vec<&[usize]> = images.iter().map(|image| image.shape()).collect();
        Error::shape(format!("images of shapes {shapes:?} have no crops of one shape"))
            .hint("give at least one image, and all of the same number of channels")
    })
}

/// The H x W pixels in the middle of an image.
///
/// # Errors
/// The crop is larger than the image.
pub fn center_crop(image: &Array3<f32>, [h, w]: [usize; 2]) -> Result<Array3<f32>> {
    let (down, right) = room(image, [h, w])?;
    Ok(image.slice(s![down / 2..down / 2 + h, right / 2..right / 2 + w, ..]).to_owned())
}

/// How far a crop can move down and to the right.
fn room(image: &Array3<f32>, [h, w]: [usize; 2]) -> Result<(usize, usize)> {
    let (old_h, old_w, _) = image.dim();
    old_h.checked_sub(h).zip(old_w.checked_sub(w)).ok_or_else(|| {
        Error::shape(format!("a crop of {h} x {w} from an image of shape {:?}", image.shape()))
            .hint("resize the images to at least the size of the crop")
    })
}
