// y[i, j, ..] = x[i + offset_0, j + offset_1, ..]. The geometry is three integers for each axis: its size in x, its
// size in y, and the offset; an index is split axis by axis, the last first.

extern "C" __global__ void crop_forward(int n, int axes, InInt geometry, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int from = 0, step = 1, left = i; // step: the distance between values of x along the axis
    for (int a = axes - 1; a >= 0; a--) {
        int x_size = geometry[3 * a], y_size = geometry[3 * a + 1], offset = geometry[3 * a + 2];
        from += (left % y_size + offset) * step;
        step *= x_size, left /= y_size;
    }
    y[i] = x[from];
}

// dx is dy where y came from, 0 elsewhere.
extern "C" __global__ void crop_backward(int n, int axes, InInt geometry, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int from = 0, step = 1, left = i; // step: the distance between values of y along the axis
    bool taken = true;
    for (int a = axes - 1; a >= 0 && taken; a--) {
        int x_size = geometry[3 * a], y_size = geometry[3 * a + 1], offset = geometry[3 * a + 2];
        int at = left % x_size - offset;
        taken = at >= 0 && at < y_size;
        if (taken) from += at * step;
        step *= y_size, left /= x_size;
    }
    dx[i] = taken ? dy[from] : 0;
}
