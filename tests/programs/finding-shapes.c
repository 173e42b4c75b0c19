/*
 * finding-shapes.c: one thing that is worth a finding, by the first argument; with a second argument the same done
 * well.
 */
#include "expect.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { KIB = 1 << 10, MIB = 1 << 20, ROUNDS = 1500, THREADS = 60 };

static char *map(size_t size, int prot, int flags, int fd)
{
    char *memory = mmap(NULL, size, prot, flags, fd, 0);
    REQUIRE(memory != MAP_FAILED);
    return memory;
}

static char *map_plain(size_t size)
{
    return map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void churn(bool well)
{
    char *memory = map_plain(64 * KIB);
    for (int i = 0; i < ROUNDS && !well; i++) {
        munmap(memory, 64 * KIB);
        memory = map_plain(64 * KIB);
    }
    munmap(memory, 64 * KIB);
}

static void protect(bool well)
{
    char *memory = map_plain(64 * KIB);
    for (int i = 0; i < (well ? 2 : ROUNDS); i++)
        REQUIRE(mprotect(memory, 4 * KIB, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE) == 0);
}

static void *state_tid(void *tid)
{
    *(pid_t *)tid = gettid();
    return NULL;
}

static void run_thread(pthread_attr_t *attributes, bool join)
{
    pthread_t thread;
    char path[64];
    volatile pid_t tid = 0;
    REQUIRE(pthread_create(&thread, attributes, state_tid, (void *)&tid) == 0);
    if (join) {
        REQUIRE(pthread_join(thread, NULL) == 0);
        return;
    }
    while (!tid)
        usleep(100);
    snprintf(path, sizeof(path), "/proc/self/task/%d", tid);
    while (access(path, F_OK) == 0)
        usleep(100);
}

static void stacks(bool well)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, MIB);
    for (int i = 0; i < THREADS; i++)
        run_thread(&attributes, well);
}

static void guards(bool well)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, MIB);
    if (!well)
        pthread_attr_setguardsize(&attributes, 0);
    run_thread(&attributes, true);
}

/* Three of four are unmapped. */
static void files(bool well)
{
    FILE *file = tmpfile();
    REQUIRE(file && ftruncate(fileno(file), 128 * KIB) == 0);
    for (int i = 0; i < 200; i++) {
        char *memory = map(128 * KIB, PROT_READ, MAP_SHARED, fileno(file));
        if (well || i % 4)
            munmap(memory, 128 * KIB);
    }
}

static void fail(bool well)
{
    for (int i = 0; i < 3 && !well; i++)
        REQUIRE(mmap(NULL, (size_t)1 << 50, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}

static void lazy(bool well)
{
    char *memory = map_plain(2 * MIB);
    memset(memory, 1, 2 * MIB);
    REQUIRE(madvise(memory, 2 * MIB, well ? MADV_DONTNEED : MADV_FREE) == 0);
}

static void reserve(bool well)
{
    char *memory = map((size_t)512 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (well)
        munmap(memory, (size_t)512 * MIB);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*act)(bool well);
    } shapes[] = {{"map-churn", churn},      {"protect-storm", protect},     {"stack-leak", stacks},
                  {"guard-missing", guards}, {"file-growth", files},         {"failed-calls", fail},
                  {"lazy-free", lazy},       {"reserved-untouched", reserve}};
    REQUIRE(argc > 1);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (strcmp(argv[1], shapes[i].name) == 0) {
            shapes[i].act(argc > 2);
            return 0;
        }
    return 1;
}
