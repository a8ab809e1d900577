// Pooling. Each y takes the maximum of a window, its mean, or one of its values: one thread per y. Each dx gathers from
// the windows that it is in, in order: one thread per dx, so nobody else adds to it.
//
// The geometry is five integers for each of the axes H and W.

struct Axis {
    int size, kernel, stride, pad, out;
};

__device__ inline Axis axis(InInt geometry, int a) {
    InInt g = geometry + 5 * a;
    return {g[0], g[1], g[2], g[3], g[4]};
}

// A range of places or of windows: first .. end.
struct Range {
    int first, end;
};

// The part of window o that is inside x.
__device__ inline Range places(Axis a, int o) {
    int first = o * a.stride - a.pad;
    return {min(max(first, 0), a.size), min(first + a.kernel, a.size)};
}

// Its size with padding.
__device__ inline float padded(Axis a, int o) {
    int first = o * a.stride;
    return max(min(first + a.kernel, a.size + 2 * a.pad) - first, 0);
}

// The windows that place p is in.
__device__ inline Range windows(Axis a, int p) {
    int at = p + a.pad;
    return {at < a.kernel ? 0 : (at - a.kernel) / a.stride + 1, min(at / a.stride + 1, a.out)};
}

// y is the largest x, and argmax its place in the plane: the first if there are several, -1 in an empty window. A NaN
// is larger than all.
extern "C" __global__ void pooling_max(int n, InInt geometry, In x, Out y, OutInt argmax) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Axis h = axis(geometry, 0), w = axis(geometry, 1);
    Range rows = places(h, i / w.out % h.out), columns = places(w, i % w.out);
    In plane = x + i / (h.out * w.out) * h.size * w.size;
    bool empty = rows.first >= rows.end || columns.first >= columns.end;
    int at = empty ? -1 : rows.first * w.size + columns.first;
    float best = empty ? -FLT_MAX : plane[at];
    for (int row = rows.first; row < rows.end; row++) {
        for (int p = row * w.size + columns.first; p < row * w.size + columns.end; p++) {
            if (plane[p] > best || plane[p] != plane[p]) best = plane[p], at = p;
        }
    }
    y[i] = best;
    argmax[i] = at;
}

// The places as values of the second top.
extern "C" __global__ void pooling_mask(int n, InInt argmax, Out mask) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) mask[i] = argmax[i];
}

// dx = the sum of dy over the windows whose y is this x.
extern "C" __global__ void pooling_place_backward(int n, InInt geometry, InInt argmax, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Axis h = axis(geometry, 0), w = axis(geometry, 1);
    int p = i % (h.size * w.size), plane = i / (h.size * w.size) * h.out * w.out;
    Range rows = windows(h, p / w.size), columns = windows(w, p % w.size);
    float sum = 0;
    for (int row = rows.first; row < rows.end; row++) {
        for (int column = columns.first; column < columns.end; column++) {
            int o = plane + row * w.out + column;
            if (argmax[o] == p) sum += dy[o];
        }
    }
    dx[i] = sum;
}

// y = the sum of x / the window's size
extern "C" __global__ void pooling_ave(int n, InInt geometry, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Axis h = axis(geometry, 0), w = axis(geometry, 1);
    int oh = i / w.out % h.out, ow = i % w.out;
    Range rows = places(h, oh), columns = places(w, ow);
    In plane = x + i / (h.out * w.out) * h.size * w.size;
    float sum = 0;
    for (int row = rows.first; row < rows.end; row++) {
        float of_row = 0;
        for (int column = columns.first; column < columns.end; column++) of_row += plane[row * w.size + column];
        sum += of_row;
    }
    y[i] = sum / max(padded(h, oh) * padded(w, ow), 1.0f); // an empty window's sum is 0
}

// dx = the sum of dy / the window's size
extern "C" __global__ void pooling_ave_backward(int n, InInt geometry, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Axis h = axis(geometry, 0), w = axis(geometry, 1);
    int p = i % (h.size * w.size), plane = i / (h.size * w.size) * h.out * w.out;
    Range rows = windows(h, p / w.size), columns = windows(w, p % w.size);
    float sum = 0;
    for (int row = rows.first; row < rows.end; row++) {
        for (int column = columns.first; column < columns.end; column++) {
            sum += dy[plane + row * w.out + column] / (padded(h, row) * padded(w, column));
        }
    }
    dx[i] = sum;
}

// A value below 0 has no probability.
extern "C" __global__ void pooling_check(int n, In x, Refusal refusal) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n && x[i] < 0) refuse(refusal, i, x[i]);
}

// For a window, the sum s of x, and the mean of a value drawn with probability x / s: the sum of x^2 / s. Both are NaN
// if a value has no probability.
struct Chances {
    float s, mean;
};

__device__ inline Chances chances(In plane, int width, Range rows, Range columns) {
    float s = 0, squares = 0;
    for (int row = rows.first; row < rows.end; row++) {
        for (int p = row * width + columns.first; p < row * width + columns.end; p++) {
            s += plane[p] < 0 ? NAN : plane[p];
            squares += plane[p] * plane[p];
        }
    }
    return {s, s == 0 ? 0 : squares / s};
}

// y is the first x at which the sum so far reaches a random fraction of the window's sum, and `drawn` is its place.
// Nothing is drawn from an empty window, nor where s is NaN: then y is s itself.
extern "C" __global__ void pooling_draw(int n, InInt geometry, InInt dial, int name_low, int name_high, In x, Out y,
                                        OutInt drawn) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Axis h = axis(geometry, 0), w = axis(geometry, 1);
    Range rows = places(h, i / w.out % h.out), columns = places(w, i % w.out);
    In plane = x + i / (h.out * w.out) * h.size * w.size;
    float s = chances(plane, w.size, rows, columns).s;
    float goal = random_unit(dial, name_low, name_high, i) * s, so_far = 0;
    int at = -1;
    for (int row = rows.first; row < rows.end && at < 0; row++) {
        for (int p = row * w.size + columns.first; p < row * w.size + columns.end && at < 0; p++) {
            so_far += plane[p];
            if (so_far >= goal) at = p;
        }
    }
    y[i] = at < 0 ? s : plane[at];
    drawn[i] = at;
}

// y = the sum of x^2 / s
extern "C" __global__ void pooling_expected(int n, InInt geometry, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Axis h = axis(geometry, 0), w = axis(geometry, 1);
    In plane = x + i / (h.out * w.out) * h.size * w.size;
    y[i] = chances(plane, w.size, places(h, i / w.out % h.out), places(w, i % w.out)).mean;
}

// dx = the sum of dy (2 x - y) / s over the windows; y and s are computed again.
extern "C" __global__ void pooling_expected_backward(int n, InInt geometry, In x, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Axis h = axis(geometry, 0), w = axis(geometry, 1);
    int p = i % (h.size * w.size), number = i / (h.size * w.size);
    In plane = x + number * h.size * w.size;
    Range rows = windows(h, p / w.size), columns = windows(w, p % w.size);
    float sum = 0;
    for (int row = rows.first; row < rows.end; row++) {
        for (int column = columns.first; column < columns.end; column++) {
            Chances window = chances(plane, w.size, places(h, row), places(w, column));
            if (window.s == 0) continue;
            sum += dy[(number * h.out + row) * w.out + column] * (2 * plane[p] - window.mean) / window.s;
        }
    }
    dx[i] = sum;
}
