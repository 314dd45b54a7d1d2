// XRT's hardware emulation sleeps for 1 to 10 seconds at a time where a card would interrupt. Loaded ahead of the C
// library (LD_PRELOAD), this makes each such wait a millisecond.
#include <time.h>

extern "C" unsigned int sleep(unsigned int) {
    const struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, nullptr);
    return 0;
}
