//! Rows of one length: a bias that is added to each, and its gradient, their sum.

use crate::device::{Kernels, kernels};
use crate::{Device, Result, Values, args};

const KERNELS: Kernels = kernels!("rows");

/// y += b, in each row of b's length.
pub(super) fn add_to_rows(device: &Device, b: &Values, y: &mut Values) -> Result {
    let (count, n) = (y.count(), b.count());
    if let Device::Gpu(gpu) = device {
        return KERNELS.launch(gpu, "rows_add", count, args![count, n, b, y.updated()]);
    }
    for y in y.slice_mut().chunks_exact_mut(n.max(1)) {
        y.iter_mut().zip(b.slice()).for_each(|(y, b)| *y += b);
    }
    Ok(())
}

/// db += the sum of dy's rows of db's length.
pub(super) fn sum_rows(device: &Device, dy: &Values, db: &mut Values) -> Result {
    let n = db.count();
    if let Device::Gpu(gpu) = device {
        let args = args![dy.count() / n.max(1), n, dy, db.updated()];
        return KERNELS.launch_grid(gpu, "rows_sum", [n.div_ceil(32), 1, 1], [32, 32, 1], args);
    }
    let db = db.slice_mut();
    for dy in dy.slice().chunks_exact(n.max(1)) {
        db.iter_mut().zip(dy).for_each(|(db, dy)| *db += dy);
    }
    Ok(())
}
