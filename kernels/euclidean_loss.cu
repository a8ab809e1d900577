// L = 1/D Σ (a - b)²/2, and da = dL/D (a - b), with D = N.

extern "C" __global__ void euclidean_loss_forward(int n, In a, In b, Out partial) {
    double sum = 0;
    for (int i = FIRST; i < n; i += STEP) {
        double d = a[i] - b[i];
        sum += d * d;
    }
    leave(sum / 2, n, partial);
}

// `sign` is 1 for da, and -1 for db.
extern "C" __global__ void euclidean_loss_backward(int n, In a, In b, float sign, In dL, In D, Out da) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) da[i] = sign * dL[0] / D[0] * (a[i] - b[i]);
}
