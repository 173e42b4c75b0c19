/* links: decoder/symbols/callsite.o */
/* test_callsite.c: which frame names an event, by tables of stacks. */
#include "../../decoder/symbols/callsite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct named {
    const char *module, *function;
};

static struct callsite_frame frame_of(const struct named *named)
{
    return (struct callsite_frame){{named->module, strlen(named->module)}, {named->function, strlen(named->function)}};
}

#define LIBC "/usr/lib/x86_64-linux-gnu/libc.so.6"

static void test_stacks(void **state)
{
    (void)state;
    static const struct {
        struct named frames[10]; /* innermost first, ended by one without a module */
        size_t expected;
    } stacks[] = {
        /* C */
        {{{LIBC, "brk"}, {LIBC, "sbrk"}, {LIBC, "sysmalloc"}, {LIBC, "malloc"}, {"/bin/x", "load"}, {"/bin/x", "main"}},
         4},
        {{{LIBC, "mmap64"}, {"/bin/x", "main"}, {LIBC, "__libc_start_main_impl"}, {"/bin/x", "_start"}}, 1},
        /* without names */
        {{{LIBC, ""}, {LIBC, ""}, {"/bin/x", ""}}, 2},
        /* a callback out of libc */
        {{{LIBC, "malloc"}, {"/bin/x", "compare"}, {LIBC, "qsort"}, {"/bin/x", "main"}}, 1},
        /* static */
        {{{"/bin/s", "__mmap64"},
          {"/bin/s", "sysmalloc_mmap.isra.0"},
          {"/bin/s", "sysmalloc"},
          {"/bin/s", "_int_malloc"},
          {"/bin/s", "__libc_malloc"},
          {"/bin/s", "work"}},
         5},
        {{{"/bin/s", "__brk"},
          {"/bin/s", "__sbrk"},
          {"/bin/s", "__libc_setup_tls"},
          {"/bin/s", "__libc_start_main"},
          {"/bin/s", "_start"}},
         4},
        /* the loader */
        {{{"/lib64/ld-linux-x86-64.so.2", "mmap"},
          {"/lib64/ld-linux-x86-64.so.2", "_dl_map_object"},
          {"/lib64/ld-linux-x86-64.so.2", "dl_main"}},
         2},
        {{{"/lib/ld-2.31.so", "mmap"}, {"/lib/libdl-2.31.so", "dlopen"}, {"/bin/x", "plugins"}}, 2},
        /* C++ */
        {{{LIBC, "malloc"},
          {"/usr/lib/libstdc++.so.6", "operator new(unsigned long)"},
          {"/bin/x", "std::__new_allocator<int>::allocate(unsigned long, void const*)"},
          {"/bin/x", "std::allocator_traits<std::allocator<int> >::allocate(std::allocator<int>&, unsigned long)"},
          {"/bin/x", "fill()"}},
         4},
        {{{"/usr/lib/libc++abi.so.1", "operator new(unsigned long)"}, {"/bin/x", "fill()"}}, 1},
        {{{"/usr/lib/libstdc++.so.6", "std::locale::classic()"}, {"/bin/x", "main"}}, 0},
        /* other allocators */
        {{{"/opt/libjemalloc.so.2", "pages_map"}, {"/bin/x", "main"}}, 1},
        {{{"/opt/libtcmalloc_minimal.so.4", "x"}, {"/bin/x", "main"}}, 1},
        {{{"/opt/libmimalloc.so", "x"}, {"/bin/x", "main"}}, 1},
        {{{"/bin/x", "mmap@plt"}, {"/bin/x", "je_pages_map"}, {"/bin/x", "je_arena_boot"}, {"/bin/x", "main"}}, 3},
        {{{"/bin/x", "_mi_os_alloc"}, {"/bin/x", "mi_malloc"}, {"/bin/x", "main"}}, 2},
        {{{"/bin/x", "TCMalloc_SystemAlloc"},
          {"/bin/x", "tcmalloc::PageHeap::New"},
          {"/bin/x", "tc_malloc"},
          {"/bin/x", "f"}},
         3},
        /* Rust */
        {{{LIBC, "realloc"},
          {"/bin/r", "__rdl_realloc"},
          {"/bin/r", "__rust_realloc"},
          {"/bin/r", "alloc::alloc::realloc"},
          {"/bin/r", "<alloc::alloc::Global as core::alloc::Allocator>::grow"},
          {"/bin/r", "alloc::raw_vec::finish_grow"},
          {"/bin/r", "app::read"}},
         6},
        {{{LIBC, "mmap64"}, {"/bin/r", "std::sys::pal::unix::thread::Thread::new"}, {"/bin/r", "app::start"}}, 2},
        /* Go */
        {{{"/bin/g", "runtime.sysMmap"},
          {"/bin/g", "runtime.mallocgc"},
          {"/bin/g", "runtime.makeslice"},
          {"/bin/g", "main.build"},
          {"/bin/g", "main.main"},
          {"/bin/g", "runtime.main"}},
         3},
        {{{"/bin/g", "syscall.Syscall6"}, {"/bin/g", "syscall.mmap"}, {"/bin/g", "os.Open"}}, 2},
        /* threads */
        {{{LIBC, "__mprotect"}, {LIBC, "allocate_stack"}, {LIBC, "pthread_create@@GLIBC_2.34"}, {"/bin/x", "pool_new"}},
         3},
        /* the kernel's code */
        {{{"[vdso]", "__vdso_clock_gettime"}, {"/bin/x", "now"}}, 1},
        /* nothing but allocators: the outermost */
        {{{LIBC, "mmap"}, {LIBC, "malloc"}, {LIBC, "start_thread"}, {LIBC, "clone3"}}, 3},
    };
    for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
        struct callsite_frame frames[10];
        size_t count = 0;
        for (; count < 10 && stacks[i].frames[count].module; count++)
            frames[count] = frame_of(&stacks[i].frames[count]);
        if (callsite_choose(frames, count) != stacks[i].expected)
            print_error("stack %zu: %s\n", i, stacks[i].frames[callsite_choose(frames, count)].function);
        assert_int_equal(callsite_choose(frames, count), stacks[i].expected);
    }
    assert_int_equal(callsite_choose(NULL, 0), 0);
}

static void test_single_frames(void **state)
{
    (void)state;
    static const struct {
        struct named frame;
        bool expected;
    } cases[] = {
        {{"/bin/x", "__GI___libc_malloc"}, true},
        {{"/bin/x", "malloc.part.0"}, true},
        {{"/bin/x", "reallocarray"}, true},
        {{"/bin/x", "free"}, true},
        {{"/bin/x", "free_list"}, false},
        {{"/bin/x", "mallocate"}, false},
        {{"/bin/x", "my_malloc"}, false},
        {{"/bin/x", "mmap_file"}, false},
        {{"/bin/x", "tc_add_filter"}, false},
        {{"/bin/x", "runtime::start()"}, false},
        {{"/bin/x", "std::vector<int>::push_back(int&&)"}, false},
        {{"/bin/x", "core::ptr::drop_in_place"}, false},
        {{"/usr/lib/libcap.so.2", "f"}, false},
        {{"/usr/lib/libcurl.so.4", "f"}, false},
        {{"/usr/lib/libc++.so.1", "f"}, false},
        {{"/usr/lib/libdlib.so", "f"}, false},
        {{"/lib/libc-2.31.so", "f"}, true},
        {{"/lib/libc.so.6 (deleted)", "f"}, true},
        {{"/lib/ld-musl-x86_64.so.1", "f"}, true},
        {{"/usr/bin/ld", "f"}, false},
        {{"/usr/bin/ld.bfd", "f"}, false},
        {{"", ""}, false},
        {{"/", "_"}, false},
        {{"/bin/x", "____"}, false},
        {{"libc", ""}, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct callsite_frame frame = frame_of(&cases[i].frame);
        if (callsite_is_allocator(&frame) != cases[i].expected)
            print_error("%s %s\n", cases[i].frame.module, cases[i].frame.function);
        assert_int_equal(callsite_is_allocator(&frame), cases[i].expected);
    }
    struct callsite_frame none = {{NULL, 0}, {NULL, 0}};
    assert_false(callsite_is_allocator(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stacks), cmocka_unit_test(test_single_frames)};
    return cmocka_run_group_tests_name("callsite", tests, NULL, NULL);
}
