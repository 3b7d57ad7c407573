// What an expert would write for one net: flower and cancer, every size a constant, examples contiguous, so that the
// compiler unrolls and vectorises all of it. The protocol is that of common.py.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INLINE static inline __attribute__((always_inline))

enum { MOST_ROWS = 569, MOST_INPUTS = 30, MOST_UNITS = 16, MOST_BATCH = 400 };

// A batch, turned so that examples are contiguous.
typedef struct {
  float x[MOST_INPUTS * MOST_BATCH], y[MOST_BATCH];
  int m;
} batch;

static batch batches[18];
static float W1[MOST_UNITS * MOST_INPUTS], b1[MOST_UNITS], W2[MOST_UNITS], b2[1];
static float dW1[MOST_UNITS * MOST_INPUTS], db1[MOST_UNITS], dW2[MOST_UNITS], db2[1];
static float moments[2][MOST_UNITS * (MOST_INPUTS + 2) + 1];
static float A1[MOST_UNITS * MOST_BATCH], dZ2[MOST_BATCH];
static int steps;
static float power1 = 1, power2 = 1;

// forward computes A1, and Z2 in dZ2.
INLINE void forward(const batch *at, const int nx, const int n1, const int m, const int relu) {
  for (int j = 0; j < m; j++) dZ2[j] = b2[0];
  for (int i = 0; i < n1; i++) {
    float *a = A1 + i * m;
    for (int j = 0; j < m; j++) a[j] = b1[i];
    for (int q = 0; q < nx; q++) {
      const float w = W1[i * nx + q], *x = at->x + q * m;
      for (int j = 0; j < m; j++) a[j] += w * x[j];
    }
    for (int j = 0; j < m; j++) a[j] = relu ? fmaxf(a[j], 0) : tanhf(a[j]);
    for (int j = 0; j < m; j++) dZ2[j] += W2[i] * a[j];
  }
}

INLINE void adam(float *p, const float *g, float *u, float *v, const int n, const float rate) {
  const float c1 = rate / (1 - power1), c2 = 1 / (1 - power2);
  for (int i = 0; i < n; i++) {
    u[i] = 0.9f * u[i] + 0.1f * g[i];
    v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
    p[i] -= c1 * u[i] / (sqrtf(v[i] * c2) + 1e-8f);
  }
}

INLINE void descend(float *p, const float *g, const int n, const float rate) {
  for (int i = 0; i < n; i++) p[i] -= rate * g[i];
}

INLINE void step(const batch *at, const int nx, const int n1, const int m, const int relu, const float rate) {
  forward(at, nx, n1, m, relu);
  float sum = 0;
  for (int j = 0; j < m; j++) {
    dZ2[j] = (1 / (1 + expf(-dZ2[j])) - at->y[j]) / m;
    sum += dZ2[j];
  }
  db2[0] = sum;
  for (int i = 0; i < n1; i++) {
    float *a = A1 + i * m, w = W2[i], dw = 0, db = 0;
    for (int j = 0; j < m; j++) {
      dw += dZ2[j] * a[j];
      const float slope = relu ? (a[j] > 0 ? 1.f : 0.f) : 1 - a[j] * a[j];
      a[j] = w * dZ2[j] * slope;
      db += a[j];
    }
    dW2[i] = dw;
    db1[i] = db;
    for (int q = 0; q < nx; q++) {
      const float *x = at->x + q * m;
      float s = 0;
      for (int j = 0; j < m; j++) s += a[j] * x[j];
      dW1[i * nx + q] = s;
    }
  }
  if (!relu) {
    descend(W1, dW1, n1 * nx, rate), descend(b1, db1, n1, rate), descend(W2, dW2, n1, rate), descend(b2, db2, 1, rate);
    return;
  }
  power1 *= 0.9f, power2 *= 0.999f;
  float *u = moments[0], *v = moments[1];
  adam(W1, dW1, u, v, n1 * nx, rate), u += n1 * nx, v += n1 * nx;
  adam(b1, db1, u, v, n1, rate), u += n1, v += n1;
  adam(W2, dW2, u, v, n1, rate), u += n1, v += n1;
  adam(b2, db2, u, v, 1, rate);
}

// The nets.
static __attribute__((noinline)) void flower(const batch *at) { step(at, 2, 4, 400, 0, 1.2f); }
static __attribute__((noinline)) void cancer(const batch *at) { step(at, 30, 16, 32, 1, 1e-3f); }
static __attribute__((noinline)) void cancer_last(const batch *at) { step(at, 30, 16, 25, 1, 1e-3f); }

static char spec[65536];

static void fail(const char *why) {
  printf("{\"error\": \"%s\"}\n", why);
  exit(1);
}

// text copies what follows "key": " in the spec.
static void text(const char *key, char *to, size_t size) {
  char *at = strstr(spec, key);
  if (!at) fail("a key is missing");
  at += strlen(key);
  size_t n = strcspn(at, "\"");
  if (n >= size) fail("a text is too long");
  memcpy(to, at, n), to[n] = 0;
}

// tensor reads a tensor of a safetensors file.
static void tensor(FILE *f, const char *header, long data, const char *name, float *to, size_t most) {
  char key[16];
  snprintf(key, sizeof key, "\"%s\":", name);
  const char *at = strstr(header, key);
  unsigned long from, end;
  if (!at || !(at = strstr(at, "data_offsets")) || sscanf(strchr(at, '['), "[%lu,%lu]", &from, &end) != 2 || end - from > 4 * most) fail("no such tensor");
  fseek(f, data + (long)from, SEEK_SET);
  if (fread(to, 1, end - from, f) != end - from) fail("the file is short");
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

int main(void) {
  static float X[MOST_ROWS * MOST_INPUTS], Y[MOST_ROWS];
  static char header[1 << 20], path[4096], name[64];
  if (!fgets(spec, sizeof spec, stdin)) return 1;
  text("\"workload\":\"", name, sizeof name);
  text("\"file\":\"", path, sizeof path);
  const int is_flower = strcmp(name, "flower") == 0;
  if (!is_flower && strcmp(name, "cancer") != 0) fail("only flower and cancer");
  FILE *f = fopen(path, "rb");
  uint64_t size;
  if (!f || fread(&size, 8, 1, f) != 1 || size >= sizeof header || fread(header, 1, size, f) != size) fail("no file");
  const long data = 8 + (long)size;
  tensor(f, header, data, "X", X, MOST_ROWS * MOST_INPUTS), tensor(f, header, data, "Y", Y, MOST_ROWS);
  tensor(f, header, data, "W1", W1, MOST_UNITS * MOST_INPUTS), tensor(f, header, data, "b1", b1, MOST_UNITS);
  tensor(f, header, data, "W2", W2, MOST_UNITS), tensor(f, header, data, "b2", b2, 1);

  const int rows = is_flower ? 400 : 569, nx = is_flower ? 2 : 30, n1 = is_flower ? 4 : 16, size_ = is_flower ? 400 : 32;
  int count = 0;
  for (int first = 0; first < rows; first += size_, count++) {
    batch *at = &batches[count];
    at->m = rows - first < size_ ? rows - first : size_;
    for (int j = 0; j < at->m; j++) {
      at->y[j] = Y[first + j];
      for (int q = 0; q < nx; q++) at->x[q * at->m + j] = X[(first + j) * nx + q];
    }
  }
  for (int i = 0; i < 1000; i++) {
    const batch *at = &batches[i % count];
    if (is_flower) flower(at);
    else if (at->m == 32) cancer(at);
    else cancer_last(at);
  }
  double loss = 0;
  for (int i = 0; i < count; i++) {
    forward(&batches[i], nx, n1, batches[i].m, !is_flower);
    for (int j = 0; j < batches[i].m; j++) {
      double z = dZ2[j];
      loss += (fmax(z, 0) - z * batches[i].y[j] + log1p(exp(-fabs(z)))) / rows;
    }
  }
  printf("{\"version\": \"gcc %s\", \"loss\": %.9f}\n", __VERSION__, loss);
  fflush(stdout);

  const int whole = rows / size_;
  long n = 1;
  for (char line[16]; fgets(line, sizeof line, stdin);) {
    for (;;) {
      const double start = now();
      for (long i = 0; i < n; i++, steps++) {
        const batch *at = &batches[steps % whole];
        if (is_flower) flower(at);
        else cancer(at);
      }
      const double took = now() - start;
      if (took >= 0.06) {
        printf("{\"us\": %.6f}\n", took * 1e6 / n);
        fflush(stdout);
        break;
      }
      n *= 2;
    }
  }
  return 0;
}
