// A convolution as a matrix product. im2col puts the values that a window sees into a column of a matrix:
//
//   col[(c, k)][o] = x[c][o * stride + k * dilation - pad]      0 outside of x
//
// for channel c, place k of the kernel (a "tap"), and window o. Then y = w col: all outputs at all windows at once. The
// gradient comes back the same way: dcol = w^T dy, and col2im adds up what belongs to one value of x.
//
// An image's columns begin `step` after those of the previous image, and the matrix's rows are `row` apart: with
// row = images * outs and step = outs the images are side by side in one matrix; with row = outs each has its own.

// One axis; the geometry is six integers for each.
struct Axis {
    int size, kernel, pad, stride, dilation, out;
};

__device__ inline Axis axis(InInt geometry, int a) {
    InInt g = geometry + 6 * a;
    return {g[0], g[1], g[2], g[3], g[4], g[5]};
}

// Images. A thread for each channel, image and window walks over the taps. Neighbouring threads have neighbouring
// windows: at each tap they read and write neighbouring values. x begins at its value `start`.
extern "C" __global__ void im2col(int n, int images, int channels, int row, int step, InInt geometry, int start, In x,
                                  Out col) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Axis h = axis(geometry, 0), w = axis(geometry, 1);
    int outs = h.out * w.out;
    int c = i / outs / images, image = i / outs % images, o = i % outs;
    int top = o / w.out * h.stride - h.pad, left = o % w.out * w.stride - w.pad;
    In plane = x + start + (image * channels + c) * h.size * w.size;
    Out to = col + c * h.kernel * w.kernel * row + image * step + o;
    for (int kh = 0; kh < h.kernel; kh++) {
        for (int kw = 0; kw < w.kernel; kw++) {
            int down = top + kh * h.dilation, right = left + kw * w.dilation;
            bool inside = down >= 0 && down < h.size && right >= 0 && right < w.size;
            to[(kh * w.kernel + kw) * row] = inside ? plane[down * w.size + right] : 0;
        }
    }
}

// The way back: x[c][p] = the sum of col[(c, k)][o] over all taps and windows with o * stride + k * dilation - pad = p.
// A thread for each value of x gathers them in the order of the taps, so the sum is always the same.
extern "C" __global__ void col2im(int n, int channels, int row, int step, InInt geometry, int start, In col, Out x) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Axis h = axis(geometry, 0), w = axis(geometry, 1);
    int size = h.size * w.size;
    int image = i / size / channels, c = i / size % channels, p = i % size;
    In from = col + c * h.kernel * w.kernel * row + image * step;
    float sum = 0;
    for (int kh = 0; kh < h.kernel; kh++) {
        int top = p / w.size + h.pad - kh * h.dilation; // of the window that has this tap at p
        if (top < 0 || top % h.stride || top / h.stride >= h.out) continue;
        for (int kw = 0; kw < w.kernel; kw++) {
            int left = p % w.size + w.pad - kw * w.dilation;
            if (left < 0 || left % w.stride || left / w.stride >= w.out) continue;
            sum += from[(kh * w.kernel + kw) * row + top / h.stride * w.out + left / w.stride];
        }
    }
    x[start + i] = sum;
}

// The same along any number of axes: o, k and p are split axis by axis, the last first. That is much slower, so it has
// its own kernel.
extern "C" __global__ void im2col_nd(int n, int images, int channels, int row, int step, int axes, InInt geometry,
                                     int start, In x, Out col) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int size = 1, taps = 1, outs = 1;
    for (int a = 0; a < axes; a++) {
        Axis along = axis(geometry, a);
        size *= along.size, taps *= along.kernel, outs *= along.out;
    }
    int c = i / outs / images, image = i / outs % images, o = i % outs;
    In channel = x + start + (image * channels + c) * size;
    Out to = col + c * taps * row + image * step + o;
    for (int k = 0; k < taps; k++) {
        int p = 0, value = 1, k_left = k, o_left = o; // value: the distance between values along the axis
        bool inside = true;
        for (int a = axes - 1; a >= 0 && inside; a--) {
            Axis along = axis(geometry, a);
            int at = o_left % along.out * along.stride + k_left % along.kernel * along.dilation - along.pad;
            inside = at >= 0 && at < along.size;
            if (inside) p += at * value;
            value *= along.size, k_left /= along.kernel, o_left /= along.out;
        }
        to[k * row] = inside ? channel[p] : 0;
    }
}

extern "C" __global__ void col2im_nd(int n, int channels, int row, int step, int axes, InInt geometry, int start,
                                     In col, Out x) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int size = 1, taps = 1;
    for (int a = 0; a < axes; a++) {
        Axis along = axis(geometry, a);
        size *= along.size, taps *= along.kernel;
    }
    int image = i / size / channels, c = i / size % channels, p = i % size;
    In from = col + c * taps * row + image * step;
    float sum = 0;
    for (int k = 0; k < taps; k++) {
        int o = 0, window = 1, k_left = k, p_left = p; // window: the distance between windows along the axis
        bool meets = true;
        for (int a = axes - 1; a >= 0 && meets; a--) {
            Axis along = axis(geometry, a);
            int begin = p_left % along.size + along.pad - k_left % along.kernel * along.dilation;
            meets = begin >= 0 && begin % along.stride == 0 && begin / along.stride < along.out;
            if (meets) o += begin / along.stride * window;
            window *= along.out, k_left /= along.kernel, p_left /= along.size;
        }
        if (meets) sum += from[k * row + o];
    }
    x[start + i] = sum;
}
