// L = 1/(2N) Σ (a - b)², and da = dL (a - b) / N.

extern "C" __global__ void euclidean_loss_forward(int n, In a, In b, Out partial) {
    double sum = 0;
    for (int i = FIRST; i < n; i += STEP) {
        double d = a[i] - b[i];
        sum += d * d;
    }
    leave(sum, n, partial);
}

// `one` is 1 for da, and -1 for db.
extern "C" __global__ void euclidean_loss_backward(int n, int samples, float one, In a, In b, In dL, Out da) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) da[i] = one * dL[0] / samples * (a[i] - b[i]);
}
