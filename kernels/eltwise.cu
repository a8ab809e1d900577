// The sum, product or maximum of the bottoms, one thread per value: the first two, then one more at a time.

// SUM: y = a x0 + b x1.
extern "C" __global__ void eltwise_sum(int n, float a, float b, In x0, In x1, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x0[i] + b * x1[i];
}

// y += c x.
extern "C" __global__ void eltwise_sum_more(int n, float c, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] += c * x[i];
}

// y = c x; and dx = c dy.
extern "C" __global__ void eltwise_scale(int n, float c, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = c * x[i];
}

// PROD: y = x0 x1; and dx0 = x1 dy.
extern "C" __global__ void eltwise_product(int n, In x0, In x1, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x0[i] * x1[i];
}

// y *= x.
extern "C" __global__ void eltwise_product_more(int n, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] *= x[i];
}

// The product of the others, as y / x.
extern "C" __global__ void eltwise_divide_backward(int n, In x, In y, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = y[i] / x[i] * dy[i];
}

// MAX: y = x0 or x1, and which of them won. The second wins a tie, and a NaN always wins.
extern "C" __global__ void eltwise_max(int n, In x0, In x1, OutInt winner, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        bool wins = x1[i] >= x0[i] || x1[i] != x1[i];
        winner[i] = wins;
        y[i] = wins ? x1[i] : x0[i];
    }
}

// The same with x of bottom j, which does not win a tie.
extern "C" __global__ void eltwise_max_more(int n, int j, In x, OutInt winner, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n && (x[i] > y[i] || x[i] != x[i])) {
        winner[i] = j;
        y[i] = x[i];
    }
}

extern "C" __global__ void eltwise_max_backward(int n, int j, InInt winner, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = winner[i] == j ? dy[i] : 0;
}
