/* tsc: prints the frequency of this processor's time stamp counter in kHz, measured against the monotonic clock.
 *
 * An emulated machine reads this counter as it is. Its kernel would measure the frequency itself while it starts, against a timer
 * that QEMU emulates: on a busy host the two do not go on together, and it gets one that is several times too low. Its clock then
 * runs several times too fast, and every time limit in it passes as much too early.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Both at one moment: of many readings the one that took the least time, so that nothing came between. */
static void read_both(int64_t *clock, uint64_t *counter) {
    int64_t shortest = INT64_MAX;
    for (int i = 0; i < 1000; i++) {
        int64_t before = nanoseconds();
        uint64_t count = __rdtsc();
        int64_t took = nanoseconds() - before;
        if (took < shortest) shortest = took, *clock = before + took / 2, *counter = count;
    }
}

int main(void) {
    int64_t begun, ended;
    uint64_t first, last;
    read_both(&begun, &first);
    usleep(100000);
    read_both(&ended, &last);
    printf("%.0f\n", (double)(last - first) * 1e6 / (double)(ended - begun));
    return 0;
}
