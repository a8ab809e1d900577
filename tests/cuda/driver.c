// A CUDA driver without a card, for tests/cuda.rs: it does everything as late as it may. What is asked of a stream waits
// in a queue until the host synchronises, and memory that is freed too early, or host memory that is changed too early,
// shows. Memory on the "card" has addresses that the host cannot use.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int Result;
enum { OK = 0, INVALID = 1, NO_DEVICE = 100, NOT_FOUND = 500, FAULT = 700, UNSUPPORTED = 900, INVALIDATED = 901 };
#ifndef INIT
#define INIT 0
#endif
#ifndef CARDS
#define CARDS 1
#endif

static const uint64_t CARD = 0x4000000000000000ull;
static Result sticky = OK; // a fault that every later call returns

// --- Memory: whether all of a range is in what is allocated just now.
static struct { uint64_t at; size_t bytes; } live[100000];
static int lives = 0;
static void *on_card(uint64_t at, size_t bytes) {
    for (int i = 0; i < lives; i++)
        if (at >= live[i].at && at + bytes <= live[i].at + live[i].bytes) return (void *)(at & ~CARD);
    fprintf(stderr, "fake driver: %zu bytes at %llx are not the card's\n", bytes, (unsigned long long)at);
    sticky = FAULT;
    return NULL;
}

Result cuMemAlloc_v2(uint64_t *at, size_t bytes) {
    if (sticky) return sticky;
    if (bytes > (1ull << 33)) return 2;
    void *p = malloc(bytes);
    memset(p, 0xff, bytes); // NaN
    *at = (uint64_t)p | CARD;
    live[lives].at = *at;
    live[lives++].bytes = bytes;
    return OK;
}
Result cuMemFree_v2(uint64_t at) {
    for (int i = 0; i < lives; i++)
        if (live[i].at == at) {
            live[i] = live[--lives];
            memset((void *)(at & ~CARD), 0xee, 1);
            free((void *)(at & ~CARD));
            return sticky;
        }
    return INVALID;
}
Result cuMemHostAlloc(void **p, size_t bytes, unsigned flags) {
    if (!(flags & 2)) return INVALID; // not to be mapped
    *p = malloc(bytes);
    live[lives].at = (uint64_t)*p | CARD;
    live[lives++].bytes = bytes;
    return sticky;
}
Result cuMemHostGetDevicePointer_v2(uint64_t *at, void *p, unsigned flags) {
    *at = (uint64_t)p | CARD;
    return sticky;
}
Result cuMemFreeHost(void *p) { return cuMemFree_v2((uint64_t)p | CARD); }

// --- Streams: queues of things to do.
typedef struct Stream Stream;
typedef struct Op {
    void (*run)(void *);
    char data[256];
    Stream *after; // first all of that stream's, up to a place
    int place;
} Op;
struct Stream { Op *ops; int count, done, capturing, broken; };
typedef struct { Stream *stream; int place; } Event;
typedef struct { Op *ops; int count; } Graph;

Result fake_ask(Stream *s, void (*run)(void *), const void *data, size_t bytes) { // cuBLAS's way in, too
    if (sticky) return sticky;
    s->ops = realloc(s->ops, (s->count + 1) * sizeof(Op));
    Op *op = memset(&s->ops[s->count++], 0, sizeof(Op));
    op->run = run;
    if (bytes) memcpy(op->data, data, bytes);
    return OK;
}
static void go_on(Stream *s, int place) {
    while (s->done < place) {
        Op op = s->ops[s->done++];
        if (op.after) go_on(op.after, op.place);
        if (op.run && !sticky) op.run(op.data);
    }
}
int fake_capturing(Stream *s) { return s->capturing; }

Result cuStreamCreate(Stream **s, unsigned flags) {
    *s = calloc(1, sizeof(Stream));
    return flags == 1 ? sticky : INVALID;
}
Result cuStreamDestroy_v2(Stream *s) { return sticky; }
Result cuStreamSynchronize(Stream *s) {
    if (s->capturing) return s->broken = 1, UNSUPPORTED;
    go_on(s, s->count);
    return sticky;
}
Result cuEventCreate(Event **e, unsigned flags) {
    *e = calloc(1, sizeof(Event));
    return sticky;
}
Result cuEventRecord(Event *e, Stream *s) {
    e->stream = s;
    e->place = s->count;
    return sticky;
}
Result cuEventSynchronize(Event *e) {
    if (e->stream) go_on(e->stream, e->place);
    return sticky;
}
Result cuStreamWaitEvent(Stream *s, Event *e, unsigned flags) {
    fake_ask(s, NULL, NULL, 0);
    s->ops[s->count - 1].after = e->stream;
    s->ops[s->count - 1].place = e->place;
    return sticky;
}
Result cuEventDestroy_v2(Event *e) { return sticky; }

typedef struct { uint64_t to, from; size_t bytes; unsigned word; } Move;
static void copy_in(void *data) {
    Move m = *(Move *)data;
    void *to = on_card(m.to, m.bytes);
    if (to) memcpy(to, (void *)m.from, m.bytes);
}
static void copy_out(void *data) {
    Move m = *(Move *)data;
    void *from = on_card(m.from, m.bytes);
    if (from) memcpy((void *)m.to, from, m.bytes);
}
static void copy(void *data) {
    Move m = *(Move *)data;
    void *to = on_card(m.to, m.bytes), *from = on_card(m.from, m.bytes);
    if (to && from) memcpy(to, from, m.bytes);
}
static void fill(void *data) {
    Move m = *(Move *)data;
    unsigned *to = on_card(m.to, 4 * m.bytes);
    for (size_t i = 0; to && i < m.bytes; i++) to[i] = m.word;
}
Result cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, Stream *s) {
    Move m = {to, (uint64_t)from, bytes};
    return fake_ask(s, copy_in, &m, sizeof m);
}
Result cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, Stream *s) {
    Move m = {(uint64_t)to, from, bytes};
    return fake_ask(s, copy_out, &m, sizeof m);
}
Result cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, Stream *s) {
    Move m = {to, from, bytes};
    return fake_ask(s, copy, &m, sizeof m);
}
Result cuMemsetD32Async(uint64_t to, unsigned word, size_t count, Stream *s) {
    Move m = {to, 0, count, word};
    return fake_ask(s, fill, &m, sizeof m);
}

// --- Recording.
Result cuStreamBeginCapture_v2(Stream *s, int mode) {
    if (s->capturing || mode != 2) return UNSUPPORTED;
    s->capturing = 1 + s->count;
    s->broken = 0;
    return sticky;
}
Result cuStreamEndCapture(Stream *s, Graph **graph) {
    if (!s->capturing) return INVALID;
    int from = s->capturing - 1, count = s->count - from;
    Graph *g = calloc(1, sizeof(Graph));
    g->ops = memcpy(malloc(count * sizeof(Op) + 1), s->ops + from, count * sizeof(Op));
    g->count = count;
    s->count = from;
    s->capturing = 0;
    *graph = s->broken ? NULL : g;
    return s->broken ? INVALIDATED : sticky;
}
Result cuGraphInstantiateWithFlags(Graph **exec, Graph *g, unsigned long long flags) {
    *exec = calloc(1, sizeof(Graph));
    (*exec)->ops = memcpy(malloc(g->count * sizeof(Op) + 1), g->ops, g->count * sizeof(Op));
    (*exec)->count = g->count;
    return sticky;
}
Result cuGraphLaunch(Graph *g, Stream *s) {
    for (int i = 0; i < g->count; i++) fake_ask(s, g->ops[i].run, g->ops[i].data, sizeof g->ops[i].data);
    return sticky;
}
Result cuGraphDestroy(Graph *g) { return free(g->ops), free(g), sticky; }
Result cuGraphExecDestroy(Graph *g) { return cuGraphDestroy(g); }

// --- Kernels: a few, by name. A parameter is as many bytes as its letter says: i and f four, p eight.
typedef union { int i; float f; uint64_t p; } Value;
static void put(void *data) {
    Value *a = data;
    int *y = on_card(a[9].p, 4 * a[0].i);
    for (int i = 0; y && i < a[0].i; i++) y[i] = a[1 + i].i;
}
static void add_one(void *data) { // int n, float one, In x, Out y
    Value *a = data;
    float *x = on_card(a[2].p, 4 * a[0].i), *y = on_card(a[3].p, 4 * a[0].i);
    for (int i = 0; x && y && i < a[0].i; i++) y[i] = x[i] + a[1].f;
}
static void add_many(void *data) { // int many, int n, Many w, OutInt y
    Value *a = data;
    uint64_t *w = on_card(a[2].p, 8 * a[0].i);
    int *y = on_card(a[3].p, 4 * a[1].i);
    for (int p = 0; w && y && p < a[0].i; p++) {
        float *x = on_card(w[p], 4 * a[1].i);
        for (int i = 0; x && i < a[1].i; i++) y[i] = (p ? y[i] : 0) + (int)x[i];
    }
}
static void complain(void *data) { // int i, float v, Refusal r
    Value *a = data;
    int *r = on_card(a[2].p, 12);
    if (r && r[0] == 0) r[1] = a[0].i, memcpy(r + 2, &a[1].f, 4), r[0] = 2;
}
static void fault(void *data) { sticky = FAULT; }

typedef struct { const char *name, *params; void (*run)(void *); } Kernel;
static Kernel kernels[] = {{"put", "iiiiiiiiip", put}, {"add_one", "ifpp", add_one}, {"add_many", "iipp", add_many},
                           {"complain", "ifp", complain}, {"fault", "", fault}};

static int modules = 0;
Result cuModuleLoadData(void **module, const void *code) {
    if (memcmp(code, "code: ", 6)) return 200;
    *module = (void *)1;
    if (!sticky) modules++;
    return sticky;
}
Result cuModuleUnload(void *module) { return modules--, sticky; }
// Whoever leaves a card unloads its kernels.
__attribute__((destructor)) static void leave(void) {
    if (modules && getenv("CORTADO_ALL_UNLOADED")) fprintf(stderr, "%d modules are still loaded\n", modules), _exit(3);
}
Result cuModuleGetFunction(Kernel **function, void *module, const char *name) {
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (!strcmp(kernels[i].name, name)) return *function = &kernels[i], sticky;
    return NOT_FOUND;
}
Result cuLaunchKernel(Kernel *k, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, Stream *s, void **params, void **extra) {
    Value values[16] = {0};
    if (!gx || !gy || !gz || !bx || !by || !bz || extra) return INVALID;
    for (int i = 0; k->params[i]; i++) memcpy(&values[i], params[i], k->params[i] == 'p' ? 8 : 4);
    return fake_ask(s, k->run, values, sizeof values);
}

// --- What there is.
Result cuInit(unsigned flags) { return INIT; }
Result cuDriverGetVersion(int *version) { return *version = 13000, OK; }
Result cuDeviceGetCount(int *count) { return *count = CARDS, INIT; }
Result cuDeviceGet(int *device, int ordinal) { return *device = ordinal, OK; }
Result cuDeviceGetName(char *name, int length, int device) { return snprintf(name, length, "Fake card"), OK; }
Result cuDeviceTotalMem_v2(size_t *bytes, int device) { return *bytes = 1 << 30, OK; }
Result cuDeviceGetAttribute(int *value, int what, int device) { return *value = what == 75 ? 9 : what == 76 ? 0 : 32, OK; }
Result cuDevicePrimaryCtxRetain(void **context, int device) { return *context = (void *)1, sticky; }
Result cuCtxSetCurrent(void *context) { return context ? OK : INVALID; }
Result cuGetErrorName(Result r, const char **text) {
    *text = r == NO_DEVICE ? "CUDA_ERROR_NO_DEVICE" : r == FAULT ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_SOME";
    return r == 12345 ? *text = NULL, INVALID : OK;
}
Result cuGetErrorString(Result r, const char **text) {
    *text = r == NO_DEVICE ? "no CUDA-capable device is detected" : r == FAULT ? "an illegal memory access" : "some error";
    return r == 12345 ? *text = NULL, INVALID : OK;
}
