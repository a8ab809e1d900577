// y = c Σ f(x), with f(x) = x, |x| or x². A block takes the n values of a sum and adds them up in double, like the CPU.

#define SUM 0
#define ASUM 1
#define SUMSQ 2

extern "C" __global__ void reduction_forward(int n, int operation, float c, In xs, Out y) {
    In x = xs + blockIdx.x * n;
    double sum = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        double v = x[i];
        sum += operation == SUM ? v : operation == ASUM ? fabs(v) : v * v;
    }
    sum = block_sum_double(sum);
    if (threadIdx.x == 0) y[blockIdx.x] = c * (float)sum;
}

// dx = c dy. One thread per value, here and below.
extern "C" __global__ void reduction_backward_sum(int count, int n, float c, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) dx[i] = c * dy[i / n];
}

// dx = c dy sign(x)
extern "C" __global__ void reduction_backward_asum(int count, int n, float c, In x, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) dx[i] = c * dy[i / n] * ((x[i] > 0) - (x[i] < 0));
}

// dx = 2 c dy x
extern "C" __global__ void reduction_backward_sumsq(int count, int n, float c, In x, In dy, Out dx) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) dx[i] = c * dy[i / n] * (2 * x[i]);
}
