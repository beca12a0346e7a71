/* The sequence-to-sequence model as one would write it down in C: what a
   compiler makes of plain loops. A contender of `lockstep bench`; how it is
   given its case and talks is in internal/bench. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct lstm {
  int features, units;
  const float *kernel, *recurrent, *bias;
};

static int outputs, batch, encoder_steps, decoder_steps;
static struct lstm encoder, decoder;
static const float *dense_kernel, *dense_bias, *encoder_input, *decoder_input;
static float *h, *c, *z, *y;

static float sigmoid(float x) { return 1 / (1 + expf(-x)); }

static void add_row(float *restrict z, const float *restrict w, float x, int n) {
  for (int j = 0; j < n; j++) z[j] += x * w[j];
}

static void step(const struct lstm *l, const float *x, float *h, float *c) {
  int u = l->units;
  memcpy(z, l->bias, 4 * u * sizeof *z);
  for (int k = 0; k < l->features; k++) add_row(z, l->kernel + k * 4 * u, x[k], 4 * u);
  for (int k = 0; k < u; k++) add_row(z, l->recurrent + k * 4 * u, h[k], 4 * u);
  for (int j = 0; j < u; j++) {
    c[j] = sigmoid(z[u + j]) * c[j] + sigmoid(z[j]) * tanhf(z[2 * u + j]);
    h[j] = sigmoid(z[3 * u + j]) * tanhf(c[j]);
  }
}

static void call(void) {
  int u = encoder.units;
  memset(h, 0, batch * u * sizeof *h);
  memset(c, 0, batch * u * sizeof *c);
  for (int b = 0; b < batch; b++) {
    float *hb = h + b * u, *cb = c + b * u;
    for (int t = 0; t < encoder_steps; t++)
      step(&encoder, encoder_input + (b * encoder_steps + t) * encoder.features, hb, cb);
    for (int t = 0; t < decoder_steps; t++) {
      step(&decoder, decoder_input + (b * decoder_steps + t) * decoder.features, hb, cb);
      float *o = y + (b * decoder_steps + t) * outputs;
      memcpy(o, dense_bias, outputs * sizeof *o);
      for (int k = 0; k < u; k++) add_row(o, dense_kernel + k * outputs, hb[k], outputs);
    }
  }
}

static void fail(const char *what) {
  fprintf(stderr, "yardstick: %s\n", what);
  exit(1);
}

static void *memory(size_t n, size_t size) {
  void *p = calloc(n, size);
  if (!p) fail("no memory");
  return p;
}

static const float *take(const float **from, const float *end, long n) {
  const float *p = *from;
  if (n < 0 || n > end - p) fail("the case is cut short");
  *from += n;
  return p;
}

static void read_case(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END)) fail("no case");
  long n = ftell(f) / (long)sizeof(float);
  rewind(f);
  float *all = memory(n + 1, sizeof *all);
  if (fread(all, sizeof *all, n, f) != (size_t)n) fail("the case cannot be read");
  fclose(f);
  const float *from = all, *end = all + n, *s = take(&from, end, 7);
  int u = s[2];
  encoder = (struct lstm){.features = s[0], .units = u};
  decoder = (struct lstm){.features = s[1], .units = u};
  outputs = s[3], batch = s[4], encoder_steps = s[5], decoder_steps = s[6];
  struct lstm *both[] = {&encoder, &decoder};
  for (int i = 0; i < 2; i++) {
    both[i]->kernel = take(&from, end, (long)both[i]->features * 4 * u);
    both[i]->recurrent = take(&from, end, (long)u * 4 * u);
    both[i]->bias = take(&from, end, 4 * u);
  }
  dense_kernel = take(&from, end, (long)u * outputs);
  dense_bias = take(&from, end, outputs);
  encoder_input = take(&from, end, (long)batch * encoder_steps * encoder.features);
  decoder_input = take(&from, end, (long)batch * decoder_steps * decoder.features);
  h = memory((size_t)batch * u, sizeof *h);
  c = memory((size_t)batch * u, sizeof *c);
  z = memory(4 * (size_t)u, sizeof *z);
  y = memory((size_t)batch * decoder_steps * outputs, sizeof *y);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 2) fail("want the name of a case");
  read_case(argv[1]);
  call();
  printf("version compiler %s\nanswer", __VERSION__);
  for (long i = 0; i < (long)batch * decoder_steps * outputs; i++) printf(" %.9g", y[i]);
  printf("\n");
  fflush(stdout);
  long calls, samples;
  while (scanf(" run %ld %ld", &calls, &samples) == 2 && calls > 0 && samples > 0) {
    double *took = memory(samples, sizeof *took);
    call();
    for (long i = 0; i < samples; i++) {
      double start = now();
      for (long n = 0; n < calls; n++) call();
      took[i] = now() - start;
    }
    qsort(took, samples, sizeof *took, ascending);
    printf("took %.0f\n", took[samples / 2]);
    fflush(stdout);
    free(took);
  }
}
