// x is N x C x inner, and a group is one channel c: m = N * inner values. Value k of group c is at
__device__ inline int batch_norm_at(int channels, int inner, int c, int k) {
    return (k / inner * channels + c) * inner + k % inner;
}

// There may be few channels, each with many values. So `shares` blocks split one channel, and each of them adds up its
// share of the values; then one block per channel combines their results, two numbers for each share.

// A share of the m values of a channel: from first to end.
struct Share {
    int first, end;
};

__device__ inline Share share_of(int m, int shares, int s) {
    int size = (m - 1) / shares + 1, first = s * size;
    return {first, min(first + size, m)};
}

// The mean of each share, and the sum of squares around it.
extern "C" __global__ void batch_norm_share(int channels, int inner, int m, int shares, In x, Out of_share) {
    int c = blockIdx.x / shares;
    Share own = share_of(m, shares, blockIdx.x % shares);
    double sum = 0, squares = 0;
    for (int k = own.first + threadIdx.x; k < own.end; k += blockDim.x) sum += x[batch_norm_at(channels, inner, c, k)];
    double mean = block_sum_double(sum) / (own.end - own.first);
    for (int k = own.first + threadIdx.x; k < own.end; k += blockDim.x) {
        double d = x[batch_norm_at(channels, inner, c, k)] - mean;
        squares += d * d;
    }
    squares = block_sum_double(squares);
    if (threadIdx.x > 0) return;
    of_share[2 * blockIdx.x] = (float)mean;
    of_share[2 * blockIdx.x + 1] = (float)squares;
}

// mu and r = 1 / sqrt(v + eps) of the batch, which also update the running statistics. The squares are around each
// share's own mean, so its distance from mu is added.
extern "C" __global__ void batch_norm_batch(int m, int shares, float a, float eps, In of_share, Out mean, Out variance,
                                            Out factor, Out mu, Out r) {
    int c = blockIdx.x;
    In of = of_share + 2 * c * shares;
    double sum = 0, squares = 0;
    for (int s = threadIdx.x; s < shares; s += blockDim.x) {
        Share share = share_of(m, shares, s);
        sum += (double)of[2 * s] * (share.end - share.first);
    }
    double mu_c = block_sum_double(sum) / m;
    for (int s = threadIdx.x; s < shares; s += blockDim.x) {
        Share share = share_of(m, shares, s);
        double d = shares == 1 ? 0 : of[2 * s] - mu_c;
        squares += of[2 * s + 1] + d * d * (share.end - share.first);
    }
    double v = block_sum_double(squares) / m;
    if (threadIdx.x > 0) return;
    mu[c] = (float)mu_c;
    r[c] = 1.0f / sqrtf((float)v + eps);
    mean[c] = a * mean[c] + (float)mu_c;
    variance[c] = a * variance[c] + (float)(m > 1 ? v * m / (m - 1) : v);
    if (c == 0) factor[0] = a * factor[0] + 1.0f;
}

// mu and r of the running statistics, one thread per channel.
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

// For each share the sums of dy and of y dy.
extern "C" __global__ void batch_norm_backward_share(int channels, int inner, int m, int shares, In y, In dy, Out of_share) {
    int c = blockIdx.x / shares;
    Share own = share_of(m, shares, blockIdx.x % shares);
    double sum = 0, dot = 0;
    for (int k = own.first + threadIdx.x; k < own.end; k += blockDim.x) {
        int i = batch_norm_at(channels, inner, c, k);
        sum += dy[i];
        dot += (double)y[i] * dy[i];
    }
    sum = block_sum_double(sum);
    dot = block_sum_double(dot);
    if (threadIdx.x > 0) return;
    of_share[2 * blockIdx.x] = (float)sum;
    of_share[2 * blockIdx.x + 1] = (float)dot;
}

// mean(dy) and mean(y dy).
extern "C" __global__ void batch_norm_means(int m, int shares, In of_share, Out mean_dy, Out mean_ydy) {
    int c = blockIdx.x;
    In of = of_share + 2 * c * shares;
    double sum = 0, dot = 0;
    for (int s = threadIdx.x; s < shares; s += blockDim.x) {
        sum += of[2 * s];
        dot += of[2 * s + 1];
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

// dx = r dy: running statistics do not depend on x.
extern "C" __global__ void batch_norm_backward_running(int n, int channels, int inner, In dy, In r, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) dx[i] = r[i / inner % channels] * dy[i];
}
