// What a kernel sees when it runs on the CPU, and how the host calls it. The emulator (src/device/emulator.rs) puts this
// text before a CUDA C source, turns its `__shared__` arrays into `Shared` ones, and adds a CORTADO_EXPORT line for each
// kernel.
//
// The blocks of a grid run one after another. So do the threads of a block, each as far as the next barrier or shuffle,
// on its own stack (a fiber); without barriers none needs a stack. Every access is checked. The launch ends with a message
// if an access is outside its buffer, or if two threads touch one element, at least one of them writing, and nothing orders
// them: within a block a barrier does, between blocks nothing can.

#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <setjmp.h>
#include <ucontext.h>
#include <utility>

#define CORTADO_EMULATOR
#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define warpSize 32

namespace {

struct dim3 { unsigned x, y, z; };
thread_local dim3 gridDim, blockDim, blockIdx, threadIdx;

inline int min(int a, int b) { return b < a ? b : a; }
inline int max(int a, int b) { return a < b ? b : a; }
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
template <class To, class From> To same_bits(From x) {
    To y;
    memcpy(&y, &x, sizeof y);
    return y;
}
inline float __int_as_float(int x) { return same_bits<float>(x); }
inline int __float_as_int(float x) { return same_bits<int>(x); }

// --- Who touched what ------------------------------------------------------------------------------------------------

// Who touched an element last: the launch, the block, how many barriers the thread had passed, and the thread, in one word.
// The fields for "several threads" and "several blocks" are all ones.
using Tag = uint64_t;
constexpr unsigned THREAD_BITS = 11, PHASE_BITS = 12, BLOCK_BITS = 20;
constexpr Tag MANY_THREADS = (Tag(1) << THREAD_BITS) - 1, MANY_PHASES = (Tag(1) << PHASE_BITS) - 1;
constexpr Tag MANY_BLOCKS = (Tag(1) << BLOCK_BITS) - 1;
struct Marks { Tag wrote, read; };

inline Tag launch_of(Tag t) { return t >> (BLOCK_BITS + PHASE_BITS + THREAD_BITS); }
inline Tag block_of(Tag t) { return (t >> (PHASE_BITS + THREAD_BITS)) & MANY_BLOCKS; }
inline Tag phase_of(Tag t) { return (t >> THREAD_BITS) & MANY_PHASES; }
inline Tag thread_of(Tag t) { return t & MANY_THREADS; }

thread_local Tag this_launch = 0; // the host counts these: buffers go from library to library
thread_local Tag me = 0;          // the running thread's tag
thread_local unsigned thread_number = 0;

inline Tag tag(Tag block, Tag phase, Tag thread) {
    return (((this_launch << BLOCK_BITS | (block & MANY_BLOCKS)) << PHASE_BITS | phase) << THREAD_BITS) | thread;
}

// Whether another thread touched it, with nothing ordering it and us.
inline bool clashes(Tag other) {
    if (other == me || launch_of(other) != launch_of(me)) return false;
    if (block_of(other) != block_of(me)) return true;
    return phase_of(other) == phase_of(me) && phase_of(me) != MANY_PHASES && thread_of(other) != thread_of(me);
}

struct OutOfBounds { int argument; size_t length; long long index; };
struct Race { int argument; long long index; Tag other; };
struct Divergence { const char *what; };

inline void mark_read(Marks &m, int argument, long long index) {
    if (clashes(m.wrote)) throw Race{argument, index, m.wrote};
    if (m.read == me) return;
    if (launch_of(m.read) == launch_of(me)) {
        if (block_of(m.read) != block_of(me)) m.read = tag(MANY_BLOCKS, 0, MANY_THREADS);
        else if (phase_of(m.read) == phase_of(me)) m.read |= MANY_THREADS;
        else m.read = me;
    } else m.read = me;
}
inline void mark_write(Marks &m, int argument, long long index) {
    if (clashes(m.wrote)) throw Race{argument, index, m.wrote};
    if (clashes(m.read)) throw Race{argument, index, m.read};
    m.wrote = me;
}

// --- Memory ----------------------------------------------------------------------------------------------------------

// An element that a kernel may write: its reads and writes are checked.
template <class T> struct Ref {
    T *at;
    Marks *marks;
    int argument;
    long long index;

    operator T() const {
        mark_read(*marks, argument, index);
        return *at;
    }
    const Ref &operator=(T x) const {
        mark_write(*marks, argument, index);
        *at = x;
        return *this;
    }
    const Ref &operator=(const Ref &x) const { return *this = T(x); }
    const Ref &operator+=(T x) const { return *this = T(*this) + x; }
    const Ref &operator-=(T x) const { return *this = T(*this) - x; }
    const Ref &operator*=(T x) const { return *this = T(*this) * x; }
    const Ref &operator/=(T x) const { return *this = T(*this) / x; }
    T operator++(int) const { T old = *this; *this = old + 1; return old; }
    const Ref &operator++() const { return *this = T(*this) + 1; }
    // For atomics, which may collide: atomicAdd(&y[i], 1).
    struct Address { T *at; };
    Address operator&() const { return {at}; }
};

// A parameter that is an array, or the rest of one after `x + offset`.
template <class T> struct Buffer {
    T *data;
    Marks *marks;
    size_t length;
    int argument;
    long long offset;

    void check(long long i) const {
        if (i < 0 || (size_t)i >= length) throw OutOfBounds{argument, length, i};
    }
    Ref<T> operator[](long long i) const {
        check(i += offset);
        return {data + i, marks + i, argument, i};
    }
    Ref<T> operator*() const { return (*this)[0]; }
    Buffer operator+(long long i) const { return {data, marks, length, argument, offset + i}; }
};
template <class T> struct Buffer<const T> {
    const T *data;
    Marks *marks;
    size_t length;
    int argument;
    long long offset;

    const T &operator[](long long i) const {
        i += offset;
        if (i < 0 || (size_t)i >= length) throw OutOfBounds{argument, length, i};
        mark_read(marks[i], argument, i);
        return data[i];
    }
    T operator*() const { return (*this)[0]; }
    Buffer operator+(long long i) const { return {data, marks, length, argument, offset + i}; }
};
using In = Buffer<const float>;
using Out = Buffer<float>;
using InInt = Buffer<const int>;
using OutInt = Buffer<int>;
template <class T> T __ldg(const T *p) { return *p; }

// One argument as the host passes it; its parameter's type says which part counts. A table's data are its entries.
struct Argument {
    int integer;
    float number;
    void *data;
    Marks *marks;
    size_t length;
};

// A table of buffers: w[p][i].
struct Many {
    const Argument *entries;
    size_t length;
    int argument;
    Out operator[](long long p) const {
        if (p < 0 || (size_t)p >= length) throw OutOfBounds{argument, length, p};
        const Argument &e = entries[p];
        return {(float *)e.data, e.marks, e.length, argument, 0};
    }
};

struct Refusal { int *words; };
inline void refuse(Refusal r, int index, float value) {
    if (r.words[0]) return; // the first complaint counts
    r.words[0] = 2;
    r.words[1] = index;
    r.words[2] = __float_as_int(value);
}

// `__shared__ T name[n];` becomes `static thread_local Shared<T, n> name;`, for one block at a time. What another block or
// launch left in an element reads as NaN, or as a large integer.
constexpr int SHARED = -1;
template <class T> struct Element {
    T value;
    Marks marks;
};
template <class T> inline T poison() { return T(0x7fffffff); }
template <> inline float poison<float>() { return NAN; }
template <> inline double poison<double>() { return NAN; }

template <class T, size_t... N> struct Shared;
template <class T> struct Shared<T> : Element<T> {
    Ref<T> ref(long long index = 0) {
        auto of_this_block = [](Tag t) { return launch_of(t) == launch_of(me) && block_of(t) == block_of(me); };
        if (!of_this_block(this->marks.wrote)) {
            this->value = poison<T>();
            this->marks.wrote = 0;
        }
        if (!of_this_block(this->marks.read)) this->marks.read = 0;
        return {&this->value, &this->marks, SHARED, index};
    }
    operator T() { return ref(); }
    Ref<T> operator=(T x) { return ref() = x; }
    Ref<T> operator+=(T x) { return ref() += x; }
    typename Ref<T>::Address operator&() { return &ref(); }
};
template <class T, size_t N> struct Shared<T, N> {
    Shared<T> of[N];
    Ref<T> operator[](long long i) {
        if (i < 0 || (size_t)i >= N) throw OutOfBounds{SHARED, N, i};
        return of[i].ref(i);
    }
};
template <class T, size_t N, size_t M, size_t... More> struct Shared<T, N, M, More...> {
    Shared<T, M, More...> of[N];
    Shared<T, M, More...> &operator[](long long i) {
        if (i < 0 || (size_t)i >= N) throw OutOfBounds{SHARED, N, i};
        return of[i];
    }
};

// Threads run one after another, so a plain update is an atomic one.
#define CORTADO_ATOMIC(name, expression)                                                                               \
    template <class A, class T> auto name(A p, T v) {                                                                  \
        auto &at = *p.at;                                                                                              \
        auto old = at;                                                                                                 \
        at = expression;                                                                                               \
        return old;                                                                                                    \
    }
CORTADO_ATOMIC(atomicAdd, old + v)
CORTADO_ATOMIC(atomicSub, old - v)
CORTADO_ATOMIC(atomicMax, old < v ? v : old)
CORTADO_ATOMIC(atomicMin, v < old ? v : old)
CORTADO_ATOMIC(atomicExch, v)
template <class A, class T> T atomicCAS(A p, T expected, T v) {
    T old = *p.at;
    if (old == expected) *p.at = v;
    return old;
}
inline void __threadfence() {}
inline void __threadfence_system() {}
inline void __threadfence_block() {}

// --- Threads ---------------------------------------------------------------------------------------------------------

enum Wait { RUNS, AT_WARP, AT_BLOCK, ENDED };

// A thread with its own stack. Only its first entry costs a system call; after that it jumps.
struct Fiber {
    jmp_buf at;
    std::unique_ptr<char[]> stack;
    bool entered = false;
    Wait wait = ENDED;
    Tag phase = 0;
};

constexpr unsigned MOST = 1024;
constexpr size_t STACK = 128 << 10;
struct Complaint { char text[256]; };

struct Block {
    std::unique_ptr<Fiber[]> fibers;
    jmp_buf scheduler;
    void (*body)(void *) = nullptr;
    void *given = nullptr;
    bool failed = false;
    uint64_t published[MOST]; // what each thread shows the others in its warp
};
thread_local Block block;
thread_local bool in_fibers = false;
thread_local Complaint complaint;

unsigned threads_of_block() { return blockDim.x * blockDim.y * blockDim.z; }
Tag block_number() { return (Tag(blockIdx.z) * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x; }
dim3 thread_at(unsigned i) { return {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)}; }

// Jumps from the running thread to the scheduler, and comes back when the scheduler says so.
void pause(Wait wait) {
    if (!in_fibers) throw Divergence{"a barrier or a shuffle that the emulator did not see in the source"};
    Fiber &f = block.fibers[thread_number];
    f.wait = wait;
    if (!_setjmp(f.at)) _longjmp(block.scheduler, 1);
}

void describe(); // turns the exception being handled into a complaint

void enter() {
    for (;;) {
        try {
            block.body(block.given);
        } catch (...) {
            describe();
            block.failed = true;
        }
        pause(ENDED);
    }
}

// Resumes a thread until it pauses.
void go_on(unsigned i) {
    Fiber &f = block.fibers[i];
    thread_number = i;
    threadIdx = thread_at(i);
    me = tag(block_number(), f.phase, i);
    f.wait = RUNS;
    if (_setjmp(block.scheduler)) return;
    if (f.entered) _longjmp(f.at, 1);
    f.entered = true;
    if (!f.stack) f.stack.reset(new char[STACK]);
    ucontext_t c;
    getcontext(&c);
    c.uc_stack.ss_sp = f.stack.get();
    c.uc_stack.ss_size = STACK;
    c.uc_link = nullptr;
    makecontext(&c, enter, 0);
    setcontext(&c);
}

// Runs the threads from..end, one warp, as far as the next barrier of the block.
void run_warp(unsigned from, unsigned end) {
    for (;;) {
        unsigned at_warp = 0, at_block = 0, ended = 0;
        for (unsigned i = from; i < end; i++) {
            if (block.fibers[i].wait == RUNS) go_on(i);
            if (block.failed) return;
            Wait w = block.fibers[i].wait;
            (w == AT_WARP ? at_warp : w == AT_BLOCK ? at_block : ended)++;
        }
        if (!at_warp) return;
        if (at_block || ended) throw Divergence{"some threads of a warp are at a shuffle, the others are not"};
        for (unsigned i = from; i < end; i++) block.fibers[i].wait = RUNS;
    }
}

// Runs a block's threads to the end.
void run_block_in_fibers(unsigned n) {
    if (!block.fibers) block.fibers.reset(new Fiber[MOST]);
    block.failed = false;
    for (unsigned i = 0; i < n; i++) {
        block.fibers[i].wait = RUNS;
        block.fibers[i].phase = 0;
    }
    for (;;) {
        for (unsigned w = 0; w < n; w += 32) {
            run_warp(w, w + 32 < n ? w + 32 : n);
            if (block.failed) return;
        }
        unsigned waiting = 0;
        Tag phase = 0;
        for (unsigned i = 0; i < n; i++) {
            Fiber &f = block.fibers[i];
            if (f.wait == AT_BLOCK) waiting++;
            if (f.phase > phase) phase = f.phase;
        }
        if (!waiting) return;
        if (waiting != n) throw Divergence{"some threads are at __syncthreads, the others have returned"};
        for (unsigned i = 0; i < n; i++) {
            block.fibers[i].wait = RUNS;
            block.fibers[i].phase = phase + 1 < MANY_PHASES ? phase + 1 : MANY_PHASES;
        }
    }
}

inline void __syncthreads() { pause(AT_BLOCK); }
inline void __syncwarp(unsigned = ~0u) {
    Fiber &f = block.fibers[thread_number];
    pause(AT_WARP);
    if (f.phase < MANY_PHASES) f.phase++;
    me = tag(block_number(), f.phase, thread_number);
}

// Shows v to the warp and takes what thread `from` of the block shows; its own v if there is no such thread.
template <class T> T exchange(T v, unsigned from) {
    static_assert(sizeof(T) <= 8, "shuffles move at most eight bytes");
    unsigned i = thread_number;
    uint64_t bits = 0;
    memcpy(&bits, &v, sizeof v);
    block.published[i] = bits;
    pause(AT_WARP); // all have shown their values
    bits = block.published[from < threads_of_block() ? from : i];
    T taken;
    memcpy(&taken, &bits, sizeof taken);
    pause(AT_WARP); // all have looked
    return taken;
}
template <class T> T __shfl_down_sync(unsigned, T v, unsigned d, int width = 32) {
    unsigned i = thread_number, lane = i % 32 % width;
    return exchange(v, lane + d < (unsigned)width ? i + d : i);
}
template <class T> T __shfl_up_sync(unsigned, T v, unsigned d, int width = 32) {
    unsigned i = thread_number, lane = i % 32 % width;
    return exchange(v, lane >= d ? i - d : i);
}
template <class T> T __shfl_xor_sync(unsigned, T v, unsigned mask, int = 32) { return exchange(v, thread_number ^ mask); }
template <class T> T __shfl_sync(unsigned, T v, unsigned lane, int width = 32) {
    unsigned i = thread_number;
    return exchange(v, i - i % width + lane % width);
}

// --- Launches --------------------------------------------------------------------------------------------------------

// A parameter's type: its letter in the signature, and how to make it from an argument.
template <class T> struct Parameter {
    static_assert(sizeof(T) == 0, "a kernel's parameters are int, float, In, Out, InInt, OutInt, Many and Refusal");
};
template <> struct Parameter<int> {
    static constexpr char letter = 'i';
    static int make(const Argument &a, int) { return a.integer; }
};
template <> struct Parameter<float> {
    static constexpr char letter = 'f';
    static float make(const Argument &a, int) { return a.number; }
};
template <> struct Parameter<In> {
    static constexpr char letter = 'I';
    static In make(const Argument &a, int i) { return {(const float *)a.data, a.marks, a.length, i, 0}; }
};
template <> struct Parameter<Out> {
    static constexpr char letter = 'O';
    static Out make(const Argument &a, int i) { return {(float *)a.data, a.marks, a.length, i, 0}; }
};
template <> struct Parameter<InInt> {
    static constexpr char letter = 'j';
    static InInt make(const Argument &a, int i) { return {(const int *)a.data, a.marks, a.length, i, 0}; }
};
template <> struct Parameter<OutInt> {
    static constexpr char letter = 'J';
    static OutInt make(const Argument &a, int i) { return {(int *)a.data, a.marks, a.length, i, 0}; }
};
template <> struct Parameter<Many> {
    static constexpr char letter = 'M';
    static Many make(const Argument &a, int i) { return {(const Argument *)a.data, a.length, i}; }
};
template <> struct Parameter<Refusal> {
    static constexpr char letter = 'R';
    static Refusal make(const Argument &a, int) { return {(int *)a.data}; }
};

// The letters of a kernel's parameters.
template <class... T> const char *signature(void (*)(T...)) {
    static const char letters[] = {Parameter<T>::letter..., '\0'};
    return letters;
}

// A point of a grid of one, two or three axes.
void print(char *text, size_t size, dim3 size_of, dim3 at, bool plane) {
    if (size_of.z > 1) snprintf(text, size, "(%u,%u,%u)", at.x, at.y, at.z);
    else if (plane || size_of.y > 1) snprintf(text, size, "(%u,%u)", at.x, at.y);
    else snprintf(text, size, "%u", at.x);
}

void describe() {
    char here[64], blk[64], of[64];
    print(here, sizeof here, blockDim, threadIdx, true);
    print(blk, sizeof blk, gridDim, blockIdx, false);
    auto name = [&](int argument) {
        if (argument == SHARED) snprintf(of, sizeof of, "a shared array");
        else snprintf(of, sizeof of, "buffer %d", argument);
        return of;
    };
    char *text = complaint.text;
    size_t size = sizeof complaint.text;
    try {
        throw;
    } catch (const OutOfBounds &e) {
        snprintf(text, size, "%s has %zu elements, thread %s of block %s used index %lld", name(e.argument), e.length, here,
                 blk, e.index);
    } catch (const Race &e) {
        if (block_of(e.other) != block_of(me)) {
            snprintf(text, size, "element %lld of %s: thread %s of block %s and another block both touch it, and one writes",
                     e.index, name(e.argument), here, blk);
        } else if (thread_of(e.other) == MANY_THREADS) {
            snprintf(text, size,
                     "element %lld of %s: thread %s of block %s writes what other threads read, with no barrier between",
                     e.index, name(e.argument), here, blk);
        } else {
            char other[64];
            print(other, sizeof other, blockDim, thread_at(thread_of(e.other)), true);
            snprintf(text, size,
                     "element %lld of %s: threads %s and %s of block %s both touch it, one writes, no barrier is between",
                     e.index, name(e.argument), other, here, blk);
        }
    } catch (const Divergence &e) {
        snprintf(text, size, "block %s: %s", blk, e.what);
    } catch (...) {
        snprintf(text, size, "block %s failed", blk);
    }
}

template <class Visit> void each(dim3 size, dim3 &at, Visit visit) {
    for (at.z = 0; at.z < size.z; at.z++)
        for (at.y = 0; at.y < size.y; at.y++)
            for (at.x = 0; at.x < size.x; at.x++) visit();
}

// Runs a kernel on every thread of every block. Returns 0, or 1 with a message.
template <class... T, size_t... I>
int launch(const char *name, void (*kernel)(T...), std::index_sequence<I...>, bool waits, Tag number, const Argument *a,
           const dim3 *grid, const dim3 *size_of_block, char *message, size_t size) {
    (void)a; // a kernel without parameters
    gridDim = *grid;
    blockDim = *size_of_block;
    this_launch = number % ((Tag(1) << (64 - BLOCK_BITS - PHASE_BITS - THREAD_BITS)) - 1) + 1; // 0 is nobody's
    in_fibers = waits;
    auto body = [&] { kernel(Parameter<T>::make(a[I], I)...); };
    using Body = decltype(body);
    block.body = [](void *given) { (*static_cast<Body *>(given))(); };
    block.given = &body;
    block.failed = false;
    try {
        each(gridDim, blockIdx, [&] {
            if (block.failed) return;
            if (in_fibers) return run_block_in_fibers(threads_of_block());
            Tag number = block_number();
            unsigned i = 0;
            each(blockDim, threadIdx, [&] {
                thread_number = i;
                me = tag(number, 0, i++);
                body();
            });
        });
    } catch (...) {
        describe();
        block.failed = true;
    }
    if (!block.failed) return 0;
    if (in_fibers)
        for (unsigned i = 0; i < MOST; i++) block.fibers[i].entered = false; // their stacks were abandoned half way
    snprintf(message, size, "kernel %s: %s", name, complaint.text);
    return 1;
}

template <class... T> std::index_sequence_for<T...> indices(void (*)(T...)) { return {}; }

} // namespace

#define CORTADO_EXPORT(kernel, waits)                                                                                  \
    extern "C" __attribute__((visibility("default"))) const char *cortado_signature_##kernel() {                       \
        return signature(kernel);                                                                                      \
    }                                                                                                                  \
    extern "C" __attribute__((visibility("default"))) int cortado_launch_##kernel(                                     \
        uint64_t number, const Argument *a, const dim3 *grid, const dim3 *block, char *message, size_t size) {         \
        return launch(#kernel, kernel, indices(kernel), waits, number, a, grid, block, message, size);                 \
    }
