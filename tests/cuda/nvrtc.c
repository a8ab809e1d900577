// An NVRTC that compiles nothing, for tests/cuda.rs: the code is the source. A source with "oops" is refused.

#include <stdlib.h>
#include <string.h>

typedef struct { char *source; int refused; } Program;
static const char LOG[] = "kernel.cu(2): error: identifier \"oops\" is undefined\n      y[0] = oops;\n             ^\n\n";

int nvrtcVersion(int *major, int *minor) { return *major = 13, *minor = 0, 0; }
int nvrtcGetNumSupportedArchs(int *count) { return *count = 3, 0; }
int nvrtcGetSupportedArchs(int *archs) { return archs[0] = 75, archs[1] = 80, archs[2] = 90, 0; }
int nvrtcCreateProgram(Program **p, const char *source, const char *name, int n, const char *const *h, const char *const *i) {
    *p = malloc(sizeof(Program));
    (*p)->source = strdup(source);
    return n;
}
int nvrtcDestroyProgram(Program **p) { return free((*p)->source), free(*p), *p = NULL, 0; }
int nvrtcCompileProgram(Program *p, int count, const char *const *options) {
    int for_the_card = 0;
    for (int i = 0; i < count; i++) for_the_card |= !strcmp(options[i], "--gpu-architecture=sm_90");
    p->refused = strstr(p->source, "oops") != NULL;
    return p->refused ? 6 : for_the_card ? 0 : 5;
}
int nvrtcGetCUBINSize(Program *p, size_t *size) { return *size = 6 + strlen(p->source) + 1, 0; }
int nvrtcGetCUBIN(Program *p, char *code) { return strcat(strcpy(code, "code: "), p->source), 0; }
int nvrtcGetProgramLogSize(Program *p, size_t *size) { return *size = sizeof LOG, 0; }
int nvrtcGetProgramLog(Program *p, char *log) { return strcpy(log, LOG), 0; }
#ifndef HALF
int nvrtcGetPTXSize(Program *p, size_t *size) { return 11; }
int nvrtcGetPTX(Program *p, char *code) { return 11; }
#endif
