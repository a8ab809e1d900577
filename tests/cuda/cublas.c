// A cuBLAS for tests/cuda.rs: column after column, as its documentation says, on the fake driver's streams.

#include <stdint.h>
#include <stdlib.h>

typedef struct Stream Stream;
int fake_ask(Stream *s, void (*run)(void *), const void *data, size_t bytes);
int fake_capturing(Stream *s);

typedef struct { Stream *stream; void *workspace; int math, atomics; } Handle;
typedef struct {
    int ta, tb, m, n, k, lda, ldb, ldc, batch;
    long long sa, sb, sc;
    float alpha, beta;
    uint64_t a, b, c;
} Call;

static float *host(uint64_t at) { return (float *)(at & ~0x4000000000000000ull); }
static void run(void *data) {
    Call d = *(Call *)data;
    for (int t = 0; t < d.batch; t++) {
        float *a = host(d.a) + t * d.sa, *b = host(d.b) + t * d.sb, *c = host(d.c) + t * d.sc;
        for (int j = 0; j < d.n; j++)
            for (int i = 0; i < d.m; i++) {
                double sum = 0;
                for (int k = 0; k < d.k; k++)
                    sum += (double)a[d.ta ? k + i * d.lda : i + k * d.lda] * b[d.tb ? j + k * d.ldb : k + j * d.ldb];
                float *at = c + i + j * d.ldc;
                *at = d.alpha * (float)sum + (d.beta == 0 ? 0 : d.beta * *at);
            }
    }
}

int cublasCreate_v2(Handle **h) { return *h = calloc(1, sizeof(Handle)), (*h)->atomics = 1, 0; }
int cublasDestroy_v2(Handle *h) { return free(h), 0; }
int cublasSetStream_v2(Handle *h, Stream *s) { return h->stream = s, h->workspace = NULL, 0; } // it forgets the memory
int cublasSetWorkspace_v2(Handle *h, void *at, size_t bytes) { return h->workspace = at, bytes < (4 << 20); }
int cublasSetMathMode(Handle *h, int mode) { return h->math = mode, mode != 0 && mode != 3; }
int cublasSetAtomicsMode(Handle *h, int mode) { return h->atomics = mode, 0; }
int cublasSgemmStridedBatched(Handle *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda,
                              long long sa, const float *b, int ldb, long long sb, const float *beta, float *c, int ldc,
                              long long sc, int batch) {
    if (!h->workspace || h->atomics) return 14;
    if (m < 0 || n < 0 || k < 0 || lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m) return 7;
    Call d = {ta, tb, m, n, k, lda, ldb, ldc, batch, sa, sb, sc, *alpha, *beta, (uint64_t)a, (uint64_t)b, (uint64_t)c};
    return fake_ask(h->stream, run, &d, sizeof d) ? 13 : 0;
}
int cublasSgemm_v2(Handle *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda, const float *b,
                   int ldb, const float *beta, float *c, int ldc) {
    return cublasSgemmStridedBatched(h, ta, tb, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}
