// Sums over what meets one value: x has outer x count x inner values, and x[o, k, i] meets s[k]
// (src/layers/normalisation/spread.rs).
//
// There may be few k, each with many values. So `shares` blocks split one k, and each of them adds up a share of its
// outer x inner values. If there is more than one share, spread_sum then adds up their count x shares results.

// A block's share of the values that meet k: from first to end.
struct Share {
    int k, first, end;
};

__device__ inline Share share_of(int values, int shares) {
    int block = blockIdx.x, size = (values - 1) / shares + 1, first = block % shares * size;
    return {block / shares, first, min(first + size, values)};
}

// ds[k] = the sum of dy[o, k, i] over o and i; with `add` it is added to the old ds[k].
extern "C" __global__ void spread_sum(int outer, int count, int inner, int shares, int add, In dy, Out ds) {
    Share own = share_of(outer * inner, shares);
    float sum = 0;
    for (int j = own.first + threadIdx.x; j < own.end; j += blockDim.x) {
        sum += dy[(j / inner * count + own.k) * inner + j % inner];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) ds[blockIdx.x] = add ? ds[blockIdx.x] + sum : sum;
}

// The same for dy[o, k, i] x[o, k, i].
extern "C" __global__ void spread_dot(int outer, int count, int inner, int shares, int add, In dy, In x, Out ds) {
    Share own = share_of(outer * inner, shares);
    float sum = 0;
    for (int j = own.first + threadIdx.x; j < own.end; j += blockDim.x) {
        int at = (j / inner * count + own.k) * inner + j % inner;
        sum += dy[at] * x[at];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) ds[blockIdx.x] = add ? ds[blockIdx.x] + sum : sum;
}
