// What RNN and LSTM share. A step has N sequences of `size` values, n = N * size in all; value j belongs to sequence
// j / size. `steps` holds the state at T steps, and `first` the state before step 0.

// cont = 0 starts a sequence and resets the state, NaN included.
__device__ inline float resume(float cont, float x) { return cont == 0 ? 0.0f : cont * x; }

// The part of a state's gradient that comes back from step t, which got the state times cont. After the last step it
// comes from outside, without a cont.
__device__ inline float from_step(int t, int steps, int n, int size, In cont, float wanted, int j) {
    return t < steps ? resume(cont[(t * n + j) / size], wanted) : wanted;
}

// The state from which step t continues: resumed = cont times the previous state.
extern "C" __global__ void recurrent_resume(int n, int size, int t, In cont, In first, In steps, Out resumed) {
    int j = blockIdx.x * blockDim.x + threadIdx.x, at = t * n + j;
    if (j < n) resumed[at] = resume(cont[at / size], t == 0 ? first[j] : steps[at - n]);
}

// The state after the last step.
extern "C" __global__ void recurrent_last(int n, int last, In steps, Out state) {
    int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j < n) state[j] = steps[last * n + j];
}
