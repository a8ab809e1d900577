// A small s spread over x of outer x count x inner values: x[o, k, i] meets s[k]. See src/layers/spread.rs.

// The k of the s that value i of x meets.
__device__ inline int meets(int i, int count, int inner) {
    return i / inner % count;
}

// The place in x of number j of the values that meet s[k].
__device__ inline int met_by(int k, int j, int count, int inner) {
    return (j / inner * count + k) * inner + j % inner;
}

// ds[k] = the sum of dy over the values that meet s[k], or with `add` the old ds[k] and that. One block a k.
extern "C" __global__ void spread_sum(int outer, int count, int inner, int add, In dy, Out ds) {
    int k = blockIdx.x;
    float sum = 0;
    for (int j = threadIdx.x; j < outer * inner; j += blockDim.x) sum += dy[met_by(k, j, count, inner)];
    sum = block_sum(sum);
    if (threadIdx.x == 0) ds[k] = add ? ds[k] + sum : sum;
}

// The same of dy x.
extern "C" __global__ void spread_dot(int outer, int count, int inner, int add, In dy, In x, Out ds) {
    int k = blockIdx.x;
    float sum = 0;
    for (int j = threadIdx.x; j < outer * inner; j += blockDim.x) {
        int at = met_by(k, j, count, inner);
        sum += dy[at] * x[at];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) ds[k] = add ? ds[k] + sum : sum;
}
