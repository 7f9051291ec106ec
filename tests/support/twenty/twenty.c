#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
long long add(long long a, long long b) { return a + b; }
double negate(double x) { return -x; }
bool is_even(int n) { return n % 2 == 0; }
char *greet(const char *name) {
    char *made = malloc(strlen(name) + 9);
    sprintf(made, "Hello, %s!", name);
    return made;
}
const char *echo(const char *text) { return text; }
char *repeated(char text[], int n) {
    char *made = calloc(strlen(text) * n + 1, 1);
    for (int at = 0; at < n; at++) strcat(made, text);
    return made;
}
int *doubled(const int *xs, int n, int *size) {
    int *made = malloc(sizeof(int) * (n + 1));
    for (int at = 0; at < n; at++) made[at] = 2 * xs[at];
    *size = n;
    return made;
}
double total(double xs[], size_t n) {
    double sum = 0;
    for (size_t at = 0; at < n; at++) sum += xs[at];
    return sum;
}
char **numbered(int n, int *size) {
    char **made = malloc(sizeof(char *) * (n + 1));
    for (int at = 0; at < n; at++) { made[at] = malloc(16); sprintf(made[at], "w%d", at); }
    *size = n;
    return made;
}
bool *inverted(bool *flags, long n, size_t *size) {
    for (long at = 0; at < n; at++) flags[at] = !flags[at];
    *size = n;
    return flags;
}
static double half(int n) { return n / 2.0; }
int main(void) { return 1; }
