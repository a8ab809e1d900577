//! Values that are indices: f32 numbers that mean 0, 1, 2, .. A kernel reads them by `index_of` (kernels/prelude.h).

/// Reads `values` as indices of 0..n; a fraction is cut off, as Caffe does.
///
/// # Errors
/// The first value that is no such index, with its place.
pub(super) fn indices(values: &[f32], n: usize, indices: &mut Vec<usize>) -> Result<(), (usize, f32)> {
    indices.clear();
    for (i, &value) in values.iter().enumerate() {
        if !(value > -1.0 && (value as usize) < n) {
            return Err((i, value)); // or a NaN
        }
        indices.push(value as usize);
    }
    Ok(())
}

/// "0 to 4", or "none" if there are no rows.
pub(super) fn range(n: usize) -> String {
    if n == 0 { "none".to_string() } else { format!("0 to {}", n - 1) }
}
