// x is N x C x inner, and a group is one channel c: m = N * inner values. Value k of group c stands at
__device__ inline int batch_norm_at(int channels, int inner, int c, int k) {
    return (k / inner * channels + c) * inner + k % inner;
}

// mu and r = 1 / sqrt(v + eps) of the batch, a block for each channel; and the running statistics take them in.
extern "C" __global__ void batch_norm_batch(int channels, int inner, int m, float a, float eps, In x, Out mean, Out variance,
                                            Out factor, Out mu, Out r) {
    int c = blockIdx.x;
    double sum = 0, squares = 0;
    for (int k = threadIdx.x; k < m; k += blockDim.x) sum += x[batch_norm_at(channels, inner, c, k)];
    double mu_c = block_sum_double(sum) / m;
    for (int k = threadIdx.x; k < m; k += blockDim.x) {
        double d = x[batch_norm_at(channels, inner, c, k)] - mu_c;
        squares += d * d;
    }
    double v = block_sum_double(squares) / m;
    if (threadIdx.x > 0) return;
    mu[c] = (float)mu_c;
    r[c] = 1.0f / sqrtf((float)v + eps);
    mean[c] = a * mean[c] + (float)mu_c;
    variance[c] = a * variance[c] + (float)(m > 1 ? v * m / (m - 1) : v);
    if (c == 0) factor[0] = a * factor[0] + 1.0f;
}

// mu and r of the running statistics, a thread for each channel.
extern "C" __global__ void batch_norm_running(int channels, float eps, In mean, In variance, In factor, Out mu, Out r) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= channels) return;
    float scale = factor[0] == 0 ? 0.0f : 1.0f / factor[0];
    mu[c] = scale * mean[c];
    r[c] = 1.0f / sqrtf(scale * variance[c] + eps);
}

// y = (x - mu) r
extern "C" __global__ void batch_norm_forward(int n, int channels, int inner, In x, In mu, In r, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int c = i / inner % channels;
    if (i < n) y[i] = (x[i] - mu[c]) * r[c];
}

// mean(dy) and mean(y dy), a block for each channel.
extern "C" __global__ void batch_norm_means(int channels, int inner, int m, In y, In dy, Out mean_dy, Out mean_ydy) {
    int c = blockIdx.x;
    double sum = 0, dot = 0;
    for (int k = threadIdx.x; k < m; k += blockDim.x) {
        int i = batch_norm_at(channels, inner, c, k);
        sum += dy[i];
        dot += (double)y[i] * dy[i];
    }
    sum = block_sum_double(sum);
    dot = block_sum_double(dot);
    if (threadIdx.x > 0) return;
    mean_dy[c] = (float)(sum / m);
    mean_ydy[c] = (float)(dot / m);
}

// dx = r (dy - mean(dy) - y mean(y dy))
extern "C" __global__ void batch_norm_backward(int n, int channels, int inner, In y, In dy, In r, In mean_dy, In mean_ydy,
                                               Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int c = i / inner % channels;
    if (i < n) dx[i] = r[c] * (dy[i] - mean_dy[c] - y[i] * mean_ydy[c]);
}

// dx = r dy: running statistics do not move with x.
extern "C" __global__ void batch_norm_backward_running(int n, int channels, int inner, In dy, In r, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = r[i / inner % channels] * dy[i];
}
