// yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ) over the n values of each group, which are `inner` apart: adjacent if inner is 1.

// A group is a row: one block takes it, and neighbouring threads take neighbouring values.
extern "C" __global__ void softmax_forward_row(int n, In xs, Out ys) {
    In x = xs + blockIdx.x * n;
    Out y = ys + blockIdx.x * n;
    float most = -INFINITY, sum = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) most = fmaxf(most, x[i]);
    most = block_max(most);
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        float e = expf(x[i] - most);
        y[i] = e;
        sum += e;
    }
    sum = block_sum(sum);
    for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] /= sum;
}

// Groups are interleaved: one thread takes each, and neighbouring threads take neighbouring groups.
extern "C" __global__ void softmax_forward(int groups, int n, int inner, In xs, Out ys) {
    int g = blockIdx.x * blockDim.x + threadIdx.x;
    if (g >= groups) return;
    int first = g / inner * n * inner + g % inner;
    In x = xs + first;
    Out y = ys + first;
    float most = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++) most = fmaxf(most, x[i * inner]);
    for (int i = 0; i < n; i++) {
        float e = expf(x[i * inner] - most);
        y[i * inner] = e;
        sum += e;
    }
    for (int i = 0; i < n; i++) y[i * inner] /= sum;
}

// dxᵢ = yᵢ (dyᵢ - Σⱼ dyⱼ yⱼ), or that added to the old dx.
extern "C" __global__ void softmax_backward_row(int n, int add, In ys, In dys, Out dxs) {
    In y = ys + blockIdx.x * n;
    In dy = dys + blockIdx.x * n;
    Out dx = dxs + blockIdx.x * n;
    float dot = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) dot += y[i] * dy[i];
    dot = block_sum(dot);
    for (int i = threadIdx.x; i < n; i += blockDim.x) dx[i] = (add ? dx[i] : 0.0f) + y[i] * (dy[i] - dot);
}

extern "C" __global__ void softmax_backward(int groups, int n, int inner, int add, In ys, In dys, Out dxs) {
    int g = blockIdx.x * blockDim.x + threadIdx.x;
    if (g >= groups) return;
    int first = g / inner * n * inner + g % inner;
    In y = ys + first;
    In dy = dys + first;
    Out dx = dxs + first;
    float dot = 0;
    for (int i = 0; i < n; i++) dot += y[i * inner] * dy[i * inner];
    for (int i = 0; i < n; i++) dx[i * inner] = (add ? dx[i * inner] : 0.0f) + y[i * inner] * (dy[i * inner] - dot);
}
