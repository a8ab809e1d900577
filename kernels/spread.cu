// Sums over what meets one value: x has outer x count x inner values, and x[o, k, i] meets s[k] (src/layers/spread.rs). A
// block has one k, and its threads share the outer x inner values.

// ds[k] = the sum of dy[o, k, i] over o and i; with `add` that is added to the old ds[k].
extern "C" __global__ void spread_sum(int outer, int count, int inner, int add, In dy, Out ds) {
    int k = blockIdx.x;
    float sum = 0;
    for (int j = threadIdx.x; j < outer * inner; j += blockDim.x) sum += dy[(j / inner * count + k) * inner + j % inner];
    sum = block_sum(sum);
    if (threadIdx.x == 0) ds[k] = add ? ds[k] + sum : sum;
}

// The same of dy[o, k, i] x[o, k, i].
extern "C" __global__ void spread_dot(int outer, int count, int inner, int add, In dy, In x, Out ds) {
    int k = blockIdx.x;
    float sum = 0;
    for (int j = threadIdx.x; j < outer * inner; j += blockDim.x) {
        int at = (j / inner * count + k) * inner + j % inner;
        sum += dy[at] * x[at];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) ds[k] = add ? ds[k] + sum : sum;
}
