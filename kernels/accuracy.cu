// For each label, whether its class is among the k highest scores, and then how often it is. Label i belongs to the n
// scores from i / inner * n * inner + i % inner on, `inner` apart.

// One block per label counts the scores that are at least as high as the right one, including itself. The outcome is -1
// for an ignored label l, otherwise 2 l, plus 1 if it is right.
extern "C" __global__ void accuracy_of_each(int n, int inner, int k, float ignore_label, In scores, In label, Refusal r,
                                            OutInt outcome) {
    int i = blockIdx.x;
    bool ignored = truncf(label[i]) == ignore_label; // which is NaN if no label is ignored
    int l = ignored ? -1 : index_of(r, i, label[i], n);
    In score = scores + (i / inner * n * inner + i % inner);
    float right = l < 0 ? NAN : score[l * inner], rank = 0;
    for (int c = threadIdx.x; c < n; c += blockDim.x) {
        float x = score[c * inner];
        if (x >= right || x != x) rank++; // a tie counts against it, and so does a NaN
    }
    rank = block_sum(rank);
    if (threadIdx.x == 0) outcome[i] = l < 0 ? -1 : 2 * l + (rank <= k && right == right);
}

// y = right / all, over all labels that count; in one block.
extern "C" __global__ void accuracy_total(int labels, InInt outcome, Out y) {
    double right = 0, all = 0;
    for (int i = threadIdx.x; i < labels; i += blockDim.x) {
        if (outcome[i] < 0) continue;
        right += outcome[i] % 2;
        all++;
    }
    right = block_sum_double(right);
    all = block_sum_double(all);
    if (threadIdx.x == 0) y[0] = all == 0 ? 0.0f : (float)right / (float)all;
}

// The same within each class, one block per class.
extern "C" __global__ void accuracy_by_class(int labels, InInt outcome, Out y) {
    double right = 0, all = 0;
    for (int i = threadIdx.x; i < labels; i += blockDim.x) {
        if (outcome[i] < 0 || outcome[i] / 2 != blockIdx.x) continue;
        right += outcome[i] % 2;
        all++;
    }
    right = block_sum_double(right);
    all = block_sum_double(all);
    if (threadIdx.x == 0) y[blockIdx.x] = all == 0 ? 0.0f : (float)right / (float)all;
}
