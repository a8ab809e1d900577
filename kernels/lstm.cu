// Comes after kernels/recurrent.cu and kernels/lstm_unit.cu, which do the steps.

// dh of step t: the upstream gradient dy, and the gradient from the next step.
extern "C" __global__ void lstm_wanted(int n, int size, int t, int steps, In cont, In dy, In wanted, Out dh) {
    int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j < n) dh[j] = dy[t * n + j] + from_step(t + 1, steps, n, size, cont, wanted[j], j);
}
