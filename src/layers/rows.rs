//! Rows of one length: a bias that is added to each, and its gradient, their sum. The kernels are those of `kernels/rows.cu`.

use crate::device::Kernels;
use crate::{Device, Result, Values};

/// y += b, in each row of b's length.
pub(super) fn add_to_rows(device: &Device, kernels: &mut Kernels, b: &Values, y: &mut Values) -> Result {
    let (count, n) = (y.count(), b.count());
    match device {
        Device::Cpu(_) => {
            for y in y.slice_mut().chunks_exact_mut(n.max(1)) {
                y.iter_mut().zip(b.slice()).for_each(|(y, b)| *y += b);
            }
            Ok(())
        }
        Device::Gpu(gpu) => {
            let args = &mut [count.into(), n.into(), b.card(gpu)?, y.card_mut(gpu)?];
            kernels.launch(gpu, "rows_add", count, args)
        }
    }
}

/// db += the sum of dy's rows of db's length.
pub(super) fn sum_rows(device: &Device, kernels: &mut Kernels, dy: &Values, db: &mut Values) -> Result {
    let n = db.count();
    match device {
        Device::Cpu(_) => {
            let db = db.slice_mut();
            for dy in dy.slice().chunks_exact(n.max(1)) {
                db.iter_mut().zip(dy).for_each(|(db, dy)| *db += dy);
            }
            Ok(())
        }
        Device::Gpu(gpu) => {
            let args = &mut [(dy.count() / n.max(1)).into(), n.into(), dy.card(gpu)?, db.card_mut(gpu)?];
            kernels.launch_grid(gpu, "rows_sum", [n.div_ceil(32), 1, 1], [32, 32, 1], args)
        }
    }
}
