#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define main regrowth_candidate_main
#include "candidate.c"
#undef main

static FILE *regrowth_out;
static void regrowth_text(const char *text) {
    if (!text) { fputs("null", regrowth_out); return; }
    fputs("{\"bytes\":\"", regrowth_out);
    for (; *text; text++) fprintf(regrowth_out, "%02x", (unsigned char)*text);
    fputs("\"}", regrowth_out);
}
static void regrowth_number(double value) {
    char text[64];
    if (isnan(value)) { fputs("{\"float\":\"nan\"}", regrowth_out); return; }
    if (isinf(value)) { fputs(value > 0 ? "{\"float\":\"inf\"}" : "{\"float\":\"-inf\"}", regrowth_out); return; }
    snprintf(text, sizeof text, "%.17g", value);
    fputs(text, regrowth_out);
    if (!strpbrk(text, ".eE")) fputs(".0", regrowth_out);
}
static void regrowth_whole(long long value) { fprintf(regrowth_out, "%lld", value); }
static void regrowth_natural(unsigned long long value) { fprintf(regrowth_out, "%llu", value); }
static void regrowth_truth(bool value) { fputs(value ? "true" : "false", regrowth_out); }
static void regrowth_letter(char value) { char text[2] = {value, 0}; regrowth_text(text); }
#define REGROWTH_SAY(value) _Generic((value), \
    bool: regrowth_truth, float: regrowth_number, double: regrowth_number, long double: regrowth_number, \
    char: regrowth_letter, char *: regrowth_text, const char *: regrowth_text, \
    unsigned int: regrowth_natural, unsigned long: regrowth_natural, unsigned long long: regrowth_natural, \
    default: regrowth_whole)(value)
#define REGROWTH_LIST(values, count) do { \
    fputs("[", regrowth_out); \
    for (long long regrowth_at = 0; regrowth_at < (long long)(count); regrowth_at++) { \
        if (regrowth_at) fputs(",", regrowth_out); \
        REGROWTH_SAY((values)[regrowth_at]); \
    } \
    fputs("]", regrowth_out); } while (0)

int main(void) {
    regrowth_out = stdout;
@@CALLS@@
    return 0;
}
