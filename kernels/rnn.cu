// Comes after kernels/recurrent.cu and uses its letters.

// h = tanh(z), for the n values of step t.
extern "C" __global__ void rnn_step(int n, int t, In z, Out h) {
    int j = blockIdx.x * blockDim.x + threadIdx.x, at = t * n + j;
    if (j < n) h[at] = tanhf(z[at]);
}

// o = tanh(u + b), for all steps; o holds u at first.
extern "C" __global__ void rnn_output(int n, int size, In b, Out o) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) o[i] = tanhf(o[i] + b[i % size]);
}

// du = do (1 - o^2), for all steps.
extern "C" __global__ void rnn_output_backward(int n, In o, In d_o, Out du) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) du[i] = d_o[i] * (1 - o[i] * o[i]);
}

// dz = dh (1 - h^2), for step t; at first dz holds the gradient from the output, `wanted` that from the next step.
extern "C" __global__ void rnn_step_backward(int n, int size, int t, int steps, In cont, In h, In wanted, Out dz) {
    int j = blockIdx.x * blockDim.x + threadIdx.x, at = t * n + j;
    if (j >= n) return;
    float dh = dz[at] + from_step(t + 1, steps, n, size, cont, wanted[j], j);
    dz[at] = dh * (1 - h[at] * h[at]);
}
