// Shows the thread sanitizer the half of Swift's Mutex that it cannot see: the slow paths are in libswiftSynchronization, which is
// not built for it, so a lock that was waited for, or given to one who waits, would order nothing in its eyes. Preloaded by
// Scripts/sanitize; calls the same functions there, and tells the sanitizer what a mutex is: an acquisition, a release. The fast paths
// are inlined into our own code, where it sees them itself.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// Methods of Swift's have self in a register of its own.
typedef __attribute__((swiftcall)) void lock_function(uint32_t thread, __attribute__((swift_context)) void *mutex);
typedef __attribute__((swiftcall)) void unlock_function(__attribute__((swift_context)) void *mutex);

static lock_function *lock;
static unlock_function *unlock;
static void (*acquired)(void *), (*releasing)(void *);

// Where there is no such library, or no sanitizer, as in the programs that tests start, nothing is found and nobody calls.
__attribute__((constructor)) static void find(void) {
    lock = (lock_function *)dlsym(RTLD_NEXT, LOCK);
    unlock = (unlock_function *)dlsym(RTLD_NEXT, UNLOCK);
    acquired = (void (*)(void *))dlsym(RTLD_DEFAULT, "__tsan_acquire");
    releasing = (void (*)(void *))dlsym(RTLD_DEFAULT, "__tsan_release");
}

lock_function lock_slow __asm__(LOCK);
unlock_function unlock_slow __asm__(UNLOCK);

__attribute__((swiftcall)) void lock_slow(uint32_t thread, __attribute__((swift_context)) void *mutex) {
    lock(thread, mutex);
    if (acquired) acquired(mutex);
}

__attribute__((swiftcall)) void unlock_slow(__attribute__((swift_context)) void *mutex) {
    if (releasing) releasing(mutex);
    unlock(mutex);
}
