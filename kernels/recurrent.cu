// What RNN and LSTM share. A step has N sequences of `size` values, n = N * size together; value j belongs to sequence
// j / size. A state of T steps stands in `steps`, and what it was before step 0 in `first`.

// A sequence that starts (cont 0) forgets all, a state that is no number, too.
__device__ inline float resume(float cont, float x) { return cont == 0 ? 0.0f : cont * x; }

// The part of a state's diff that comes from step t, of what that step wants of the state before it; after the last step
// somebody else wants it, who has no cont.
__device__ inline float from_step(int t, int steps, int n, int size, In cont, float wanted, int j) {
    return t < steps ? resume(cont[(t * n + j) / size], wanted) : wanted;
}

// What step t goes on from: resumed = cont times the state before.
extern "C" __global__ void recurrent_resume(int n, int size, int t, In cont, In first, In steps, Out resumed) {
    int j = blockIdx.x * blockDim.x + threadIdx.x, at = t * n + j;
    if (j < n) resumed[at] = resume(cont[at / size], t == 0 ? first[j] : steps[at - n]);
}

// The state after the last of some steps.
extern "C" __global__ void recurrent_last(int n, int last, In steps, Out state) {
    int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j < n) state[j] = steps[last * n + j];
}
