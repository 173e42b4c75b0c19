/*
 * kinds.c: memory of every kind that a program can make by itself, stated line by line as
 *
 *     0x7f0000000000 4096 anonymous reserved
 *
 * address, length, kind and role ("-": none), all of it there when the program ends.
 */
#include "expect.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/ipc.h>
#include <sys/wait.h>

static const char read_only[PAGE] = "rodata";
static char data[2 * PAGE] = "data";
static char bss[4 * PAGE];
static char *const relocated[] = {data, bss}; /* its value is known only when the program is loaded */

static pthread_barrier_t barrier;

static void state(const volatile void *addr, size_t size, const char *kind, const char *role)
{
    printf("%p %zu %s %s\n", (void *)(uintptr_t)addr, size, kind, role);
}

static void state_stack(const char *role, const void *inside)
{
    const uintptr_t page = (uintptr_t)inside & ~(uintptr_t)(PAGE - 1);
    state((void *)page, PAGE, "stack", role);
}

/* The lowest page of a thread's stack is its guard. */
static void state_guard(const char *role, pthread_t thread)
{
    pthread_attr_t attributes;
    void *stack;
    size_t size, guard;
    REQUIRE(pthread_getattr_np(thread, &attributes) == 0);
    pthread_attr_getstack(&attributes, &stack, &size);
    pthread_attr_getguardsize(&attributes, &guard);
    state((char *)stack - guard, guard, "guard", role);
    pthread_attr_destroy(&attributes);
}

static void *ending(void *unused)
{
    int here = 0;
    state_stack("ended", &here);
    return unused;
}

static void *staying(void *unused)
{
    int here = 0;
    char *block = malloc(1000);
    REQUIRE(block);
    state_stack("thread", &here);
    state_guard("thread", pthread_self());
    state((char *)((uintptr_t)block & ~(uintptr_t)(PAGE - 1)), PAGE, "arena", "-");
    state((char *)(((uintptr_t)block | ((64u << 20) - 1)) + 1 - PAGE), PAGE, "arena", "reserved");
    fflush(stdout);
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
    return unused;
}

static void *map(void *addr, size_t size, int prot, int flags, int fd)
{
    void *at = mmap(addr, size, prot, flags, fd, 0);
    REQUIRE(at != MAP_FAILED);
    return at;
}

static void images(void)
{
    state((void *)((uintptr_t)images & ~15ull), 16, "image", "text");
    state(read_only, sizeof(read_only), "image", "rodata");
    state(relocated, sizeof(relocated), "image", "relro");
    state(data, PAGE, "image", "data");
    state(bss + PAGE, 2 * PAGE, "image", "bss");
}

static void files(const char *name)
{
    const int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    REQUIRE(fd >= 0 && ftruncate(fd, 4 * PAGE) == 0);
    state(map(NULL, 4 * PAGE, READ_WRITE, MAP_PRIVATE, fd), 4 * PAGE, "file", "private");
    state(map(NULL, 4 * PAGE, READ_WRITE, MAP_SHARED, fd), 4 * PAGE, "file", "shared");
    close(fd);
    unlink(name);
}

static void shared(void)
{
    char name[64];
    snprintf(name, sizeof(name), "/brkwater-kinds-%d", (int)getpid());
    const int posix = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600), memory = memfd_create("kinds", MFD_CLOEXEC);
    REQUIRE(posix >= 0 && memory >= 0 && ftruncate(posix, PAGE) == 0 && ftruncate(memory, PAGE) == 0);
    state(map(NULL, PAGE, READ_WRITE, MAP_SHARED, posix), PAGE, "shared", "posix");
    state(map(NULL, PAGE, READ_WRITE, MAP_SHARED, memory), PAGE, "shared", "memfd");
    state(map(NULL, PAGE, READ_WRITE, SHARED, -1), PAGE, "shared", "inherited");
    shm_unlink(name);
    const int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
    REQUIRE(id >= 0);
    void *at = shmat(id, NULL, 0);
    REQUIRE(at != (void *)-1);
    shmctl(id, IPC_RMID, NULL);
    state(at, PAGE, "shared", "sysv");
}

static void anonymous(void)
{
    char *plain = map(NULL, 5 * PAGE, READ_WRITE, PRIVATE, -1);
    state(plain, PAGE, "anonymous", "-");
    REQUIRE(mprotect(plain + PAGE, 2 * PAGE, PROT_READ | PROT_EXEC) == 0);
    state(plain + PAGE, 2 * PAGE, "anonymous", "jit");
    state(map(NULL, PAGE, READ_WRITE | PROT_EXEC, PRIVATE, -1), PAGE, "anonymous", "jit");
    char *large = map(NULL, 64 * PAGE, READ_WRITE, PRIVATE, -1);
    REQUIRE(mprotect(large + 8 * PAGE, 40 * PAGE, PROT_NONE) == 0);
    state(large + 8 * PAGE, 40 * PAGE, "anonymous", "closed");
    char *room = map(NULL, 1 << 24, PROT_NONE, PRIVATE | MAP_NORESERVE, -1);
    REQUIRE(mprotect(room + (1 << 20), 1 << 20, READ_WRITE) == 0);
    state(room, 1 << 20, "anonymous", "reserved");
    state(room + (1 << 20), 1 << 20, "anonymous", "-");
    /* As large and as aligned as an arena, but made by the program. */
    char *like = map(NULL, 128 << 20, PROT_NONE, PRIVATE | MAP_NORESERVE, -1);
    state(like, 128 << 20, "anonymous", "reserved");
}

static void mallocs(void)
{
    char *small = malloc(1000), *large = malloc(1 << 20), *zeroed = calloc(1, 3 << 20), *aligned = NULL;
    REQUIRE(small && large && zeroed && posix_memalign((void **)&aligned, PAGE, 1 << 21) == 0);
    state(small, 1000, "heap", "-");
    state(large, 1 << 20, "chunk", "-");
    state(zeroed, 3 << 20, "chunk", "-");
    state(aligned, 1 << 21, "chunk", "-");
    char *grown = realloc(malloc(1 << 20), 5 << 20);
    REQUIRE(grown);
    state(grown, 5 << 20, "chunk", "-");
}

static void kernels(void)
{
    unsigned long ring = 0;
    const unsigned long vdso = getauxval(AT_SYSINFO_EHDR);
    if (vdso)
        state((void *)vdso, PAGE, "kernel", "vdso");
    if (syscall(SYS_io_setup, 4, &ring) == 0)
        state((void *)ring, PAGE, "kernel", "ring");
}

int main(int argc, char **argv)
{
    pthread_t thread;
    REQUIRE(argc == 2);
    setvbuf(stdout, NULL, _IOLBF, 4096);
    state_stack("main", &thread);
    images();
    files(argv[1]);
    shared();
    anonymous();
    mallocs();
    kernels();
    pthread_barrier_init(&barrier, NULL, 2);
    REQUIRE(pthread_create(&thread, NULL, staying, NULL) == 0);
    pthread_barrier_wait(&barrier);
    REQUIRE(pthread_create(&thread, NULL, ending, NULL) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    fflush(stdout);
    _exit(0);
}
