// From gradients to new weights, for all parameters at once. The rule's own function `step` comes before this
// text: it returns what to subtract from w, and keeps its history in h.
//
// The parameters are cut into chunks, one block each: for each chunk, `chunk` holds the parameter, its first value and
// the one after its last. What changes from iteration to iteration is in the card's memory, so that these launches can
// be recorded once and replayed:
//
//   dial      slot, rate, 1 / iter_size, clip_gradients, weight_decay, 1 for L1 or 0 for L2
//   settings  what the rule reads
//   losses    the loss of each iteration since the host last looked; at [slots] the first bad iteration + 1, or 0

// dw = 0 for all parameters, and a loss of 0 for this iteration.
extern "C" __global__ void clear(InInt chunk, In dial, Many dw, Out losses) {
    int p = chunk[3 * blockIdx.x], start = chunk[3 * blockIdx.x + 1], end = chunk[3 * blockIdx.x + 2];
    for (int i = start + threadIdx.x; i < end; i += blockDim.x) dw[p][i] = 0;
    if (blockIdx.x == 0 && threadIdx.x == 0) losses[(int)dial[0]] = 0;
}

// Adds the weighted values of one loss's top to the loss of this iteration.
extern "C" __global__ void add_loss(int n, float weight, In y, In dial, Out losses) {
    float sum = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) sum += y[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) losses[(int)dial[0]] += weight * sum * dial[2];
}

// The root of the mean square of each chunk of the gradient, which is no larger than its largest value: the squares
// themselves may be beyond a float. NaN if a value is not finite.
extern "C" __global__ void squares(InInt chunk, Many dw, Out of_chunk) {
    int p = chunk[3 * blockIdx.x], start = chunk[3 * blockIdx.x + 1], end = chunk[3 * blockIdx.x + 2];
    double sum = 0;
    for (int i = start + threadIdx.x; i < end; i += blockDim.x) {
        float d = dw[p][i];
        sum += fabsf(d) <= FLT_MAX ? (double)d * d : (double)NAN;
    }
    sum = block_sum_double(sum);
    if (threadIdx.x == 0) of_chunk[blockIdx.x] = (float)sqrt(sum / (end - start));
}

// The factor that keeps the gradient's norm at most at the limit, and whether this iteration is bad: from then on no
// weight changes until the host has looked.
extern "C" __global__ void judge(int chunks, int slots, InInt chunk, In of_chunk, In dial, Out losses, Out scale) {
    double sum = 0;
    for (int c = threadIdx.x; c < chunks; c += blockDim.x)
        sum += (double)of_chunk[c] * of_chunk[c] * (chunk[3 * c + 2] - chunk[3 * c + 1]);
    sum = block_sum_double(sum);
    if (threadIdx.x != 0) return;
    int slot = (int)dial[0];
    double limit = dial[3], norm = sqrt(sum);
    bool good = sum == sum && fabsf(losses[slot]) <= FLT_MAX;
    if (!good && losses[slots] == 0) losses[slots] = slot + 1;
    scale[0] = losses[slots] == 0 ? dial[2] * (limit >= 0 && norm > limit ? (float)(limit / norm) : 1.0f) : -1.0f;
}

// dw = scale dw + decay w (or sign w); dw = step(dw); w = w - dw. With lr_mult 0 only the history goes on, as in Caffe.
extern "C" __global__ void update(InInt chunk, int parameters, int histories, In multipliers, In dial, In settings, In scale,
                                  Many w, Many dw, Many history) {
    int p = chunk[3 * blockIdx.x], start = chunk[3 * blockIdx.x + 1], end = chunk[3 * blockIdx.x + 2];
    float lr = dial[1] * multipliers[2 * p], decay = dial[4] * multipliers[2 * p + 1], by = scale[0];
    if (by < 0) return;
    for (int i = start + threadIdx.x; i < end; i += blockDim.x) {
        float w_i = w[p][i], h[4];
        float towards_zero = dial[5] == 0 ? w_i : (w_i > 0) - (w_i < 0);
        float d = by * dw[p][i] + decay * towards_zero;
        for (int k = 0; k < 4; k++) h[k] = k < histories ? history[k * parameters + p][i] : 0.0f; // in registers: 4 is known
        d = step(w_i, d, lr, settings, h);
        for (int k = 0; k < 4; k++)
            if (k < histories) history[k * parameters + p][i] = h[k];
        if (multipliers[2 * p] == 0) continue;
        dw[p][i] = d;
        w[p][i] = w_i - d;
    }
}
