/*
 * callsite.c: which frame of a stack names an event.
 *
 * Names of functions count in every module, since any program may hold an allocator of its own or be linked statically.
 * So only names are listed that hardly anybody gives to something else.
 */
#include "callsite.h"

#include <string.h>

enum how {
    MODULE, /* base name of the file begins so, and does not go on with a letter */
    PLAIN, /* the function's name without its underscores in front, "GI_", "libc_", and without what compilers append */
    START, /* the function's name begins so */
};

struct rule {
    enum how how;
    const char *text;
};

static const struct rule rules[] = {
    {MODULE, "libc"},            /* glibc: libc.so.6, libc-2.31.so */
    {MODULE, "libc.musl"},       /* musl, whose loader is the same file */
    {MODULE, "ld-linux"},        /* the loader: ld-linux-x86-64.so.2, ld-linux.so.2 */
    {MODULE, "ld-musl"},         /* musl's */
    {MODULE, "ld.so"},           /* as some systems name it */
    {MODULE, "ld-2"},            /* glibc before 2.34: ld-2.31.so */
    {MODULE, "[vdso]"},          /* the kernel's own code in each process */
    {MODULE, "linux-vdso"},      /* the name that it has for loaders */
    {MODULE, "linux-gate"},      /* the same for 32 bit */
    {MODULE, "libpthread"},      /* threads, before they moved into libc */
    {MODULE, "libdl"},           /* dlopen, before it moved into libc */
    {MODULE, "libjemalloc"},     /* jemalloc */
    {MODULE, "libtcmalloc"},     /* gperftools: also libtcmalloc_minimal, libtcmalloc_and_profiler */
    {MODULE, "libgperftools"},   /* the same under another name */
    {MODULE, "libmimalloc"},     /* mimalloc: also libmimalloc-secure */
    {MODULE, "libsnmallocshim"}, /* snmalloc; its shims by their names below */
    {MODULE, "libc++abi"},       /* LLVM's operator new */
    {MODULE, "libasan"},         /* the sanitizers have allocators and shadow memory of their own */
    {MODULE, "libtsan"},         /* the same for threads */
    {MODULE, "liblsan"},         /* the same for leaks */
    {MODULE, "libhwasan"},       /* the same by tagged pointers */

    {PLAIN, "malloc"},            /* the C interface, in whatever library; also __libc_malloc, __GI___libc_malloc */
    {PLAIN, "calloc"},            /* zeroed memory */
    {PLAIN, "realloc"},           /* another size */
    {PLAIN, "reallocarray"},      /* another count */
    {PLAIN, "free"},              /* gives back, by trim or munmap */
    {PLAIN, "cfree"},             /* old name of free */
    {PLAIN, "memalign"},          /* aligned memory */
    {PLAIN, "aligned_alloc"},     /* C11's */
    {PLAIN, "posix_memalign"},    /* POSIX's */
    {PLAIN, "valloc"},            /* aligned to a page */
    {PLAIN, "pvalloc"},           /* whole pages */
    {PLAIN, "malloc_trim"},       /* gives back on request */
    {PLAIN, "mallopt"},           /* may set up the heap */
    {PLAIN, "malloc_impl"},       /* musl's malloc */
    {PLAIN, "malloc_alloc_meta"}, /* musl's own records */
    {PLAIN, "mid_memalign"},      /* glibc, inside of memalign */
    {PLAIN, "sysmalloc"},         /* glibc asks the kernel */
    {PLAIN, "sysmalloc_mmap"},    /* the same for one chunk */
    {PLAIN, "sysmalloc_mmap_fallback"},    /* the same when brk failed */
    {PLAIN, "systrim"},                    /* glibc trims the heap */
    {PLAIN, "int_malloc"},                 /* glibc, with its arena chosen */
    {PLAIN, "int_free"},                   /* the same */
    {PLAIN, "int_free_merge_chunk"},       /* part of it since 2.38 */
    {PLAIN, "int_free_maybe_consolidate"}, /* trims, since 2.38 */
    {PLAIN, "int_realloc"},                /* the same */
    {PLAIN, "int_memalign"},               /* the same */
    {PLAIN, "malloc_consolidate"},         /* joins small chunks */
    {PLAIN, "ptmalloc_init"},              /* glibc's first call */
    {PLAIN, "tcache_init"},                /* cache of a thread */
    {PLAIN, "tcache_thread_shutdown"},     /* and its end */
    {PLAIN, "arena_get2"},                 /* an arena for a thread */
    {PLAIN, "arena_get_retry"},            /* another one */
    {PLAIN, "new_heap"},                   /* reserves an arena */
    {PLAIN, "alloc_new_heap"},             /* the same since 2.35 */
    {PLAIN, "grow_heap"},                  /* mprotect of an arena */
    {PLAIN, "shrink_heap"},                /* and back */
    {PLAIN, "heap_trim"},                  /* drops an arena's heap */
    {PLAIN, "munmap_chunk"},               /* free of an mmapped chunk */
    {PLAIN, "mremap_chunk"},               /* realloc of one */
    {PLAIN, "default_morecore"},           /* sbrk for malloc, before 2.34 */
    {PLAIN, "glibc_morecore"},             /* the same since then */
    {PLAIN, "mmap"},                       /* the calls themselves, in static programs */
    {PLAIN, "mmap64"},                     /* glibc's name for it */
    {PLAIN, "munmap"},                     /* each of these is a bare system call */
    {PLAIN, "mremap"},                     /* it, too */
    {PLAIN, "mprotect"},                   /* it, too */
    {PLAIN, "pkey_mprotect"},              /* it, too */
    {PLAIN, "madvise"},                    /* it, too */
    {PLAIN, "brk"},                        /* it, too */
    {PLAIN, "sbrk"},                       /* brk by a difference */
    {PLAIN, "shmat"},                      /* it, too */
    {PLAIN, "shmdt"},                      /* it, too */
    {PLAIN, "mlock"},                      /* it, too */
    {PLAIN, "munlock"},                    /* it, too */
    {PLAIN, "mlockall"},                   /* it, too */
    {PLAIN, "munlockall"},                 /* it, too */
    {PLAIN, "syscall"},                    /* any system call by number */
    {PLAIN, "allocate_stack"},             /* the stack of a new thread */
    {PLAIN, "pthread_create"},             /* who creates the thread is meant; also pthread_create_2_1 */
    {PLAIN, "pthread_create_2_1"},         /* its versioned name */
    {PLAIN, "start_thread"},               /* what a thread begins with */
    {PLAIN, "clone"},                      /* below that */
    {PLAIN, "clone3"},                     /* below that */
    {START, "__libc_"},                    /* glibc's inside: __libc_setup_tls, __libc_start_main */
    {START, "_dl_"},                       /* the loader inside of static programs */
    {START, "_IO_"},                       /* stdio's buffers */

    {START, "je_"},                         /* jemalloc linked statically */
    {START, "_rjem_"},                      /* the same in Rust */
    {START, "tcmalloc::"},                  /* tcmalloc linked statically */
    {START, "tc_malloc"},                   /* its C interface; also tc_malloc_size and the like */
    {START, "tc_calloc"},                   /* the same */
    {START, "tc_realloc"},                  /* the same */
    {START, "tc_free"},                     /* the same */
    {START, "tc_memalign"},                 /* the same */
    {START, "tc_new"},                      /* its operator new */
    {START, "tc_delete"},                   /* and delete */
    {START, "TCMalloc_"},                   /* its system layer: TCMalloc_SystemAlloc */
    {START, "_mi_"},                        /* mimalloc's inside */
    {START, "mi_malloc"},                   /* its interface */
    {START, "mi_calloc"},                   /* the same */
    {START, "mi_zalloc"},                   /* the same */
    {START, "mi_realloc"},                  /* the same */
    {START, "mi_free"},                     /* the same */
    {START, "mi_new"},                      /* its operator new */
    {START, "mi_heap_"},                    /* its heaps */
    {START, "mi_segment"},                  /* its segments */
    {START, "mi_arena"},                    /* its arenas */
    {START, "mi_os_"},                      /* its system layer */
    {START, "snmalloc::"},                  /* snmalloc */
    {START, "operator new"},                /* C++, in libstdc++ or in the program; also operator new[] */
    {START, "operator delete"},             /* and back */
    {START, "__gnu_cxx::new_allocator<"},   /* std::allocator of older libstdc++ */
    {START, "std::__new_allocator<"},       /* and of newer ones */
    {START, "std::allocator<"},             /* what containers hold */
    {START, "std::allocator_traits<"},      /* and how they call it */
    {START, "std::__1::allocator<"},        /* the same in libc++ */
    {START, "std::__1::allocator_traits<"}, /* the same */
    {START, "std::__1::__libcpp_"},         /* its own operator new */

    {START, "__rust_"},           /* Rust's allocator symbols: __rust_alloc, __rust_realloc */
    {START, "__rdl_"},            /* the default ones behind them */
    {START, "__rg_"},             /* those of a global allocator */
    {START, "__rustc::__r"},      /* all of these since they are mangled */
    {START, "alloc::alloc::"},    /* the functions that call them */
    {START, "<alloc::alloc::"},   /* the same as methods of a trait: <alloc::alloc::Global as ...> */
    {START, "alloc::raw_vec::"},  /* the buffer of Vec, String, VecDeque */
    {START, "<alloc::raw_vec::"}, /* its Drop */
    {START, "std::alloc::"},      /* System */
    {START, "<std::alloc::"},     /* its methods */
    {START, "std::sys::"},        /* the layer below std */
    {START, "<std::sys::"},       /* its methods */
    {START, "std::sys_common::"}, /* older versions of it */

    {START, "runtime."},          /* Go's allocator, garbage collector and scheduler */
    {START, "runtime/internal/"}, /* parts of them */
    {START, "internal/runtime/"}, /* the same since Go 1.23 */
    {START, "syscall."},          /* bare system calls */
};

static bool starts(struct text text, const char *start)
{
    size_t size = strlen(start);
    return text.size >= size && memcmp(text.data, start, size) == 0;
}

static void skip(struct text *text, size_t size)
{
    text->data += size;
    text->size -= size;
}

static void skip_underscores(struct text *name)
{
    while (name->size && name->data[0] == '_')
        skip(name, 1);
}

/* "__GI___libc_malloc.part.0" is "malloc". */
static struct text plain_name(struct text name)
{
    static const char *const inner[] = {"GI_", "libc_"};
    skip_underscores(&name);
    for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
        if (starts(name, inner[i])) {
            skip(&name, strlen(inner[i]));
            skip_underscores(&name);
        }
    for (size_t i = 1; i < name.size; i++)
        if (name.data[i] == '.' || name.data[i] == '@')
            name.size = i;
    return name;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+';
}

/* What a frame is known by, in the three forms that rules look at. */
struct known {
    struct text module, function, plain;
};

static bool matches(const struct rule *rule, const struct known *known)
{
    size_t size = strlen(rule->text);
    switch (rule->how) {
    case MODULE:
        return starts(known->module, rule->text) &&
               (known->module.size == size || !is_letter(known->module.data[size]));
    case PLAIN:
        return known->plain.size == size && starts(known->plain, rule->text);
    case START:
        return starts(known->function, rule->text);
    }
    return false;
}

bool callsite_is_allocator(const struct callsite_frame *frame)
{
    struct known known = {base_name(frame->module), frame->function, plain_name(frame->function)};
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (matches(&rules[i], &known))
            return true;
    return false;
}

size_t callsite_choose(const struct callsite_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!callsite_is_allocator(&frames[i]))
            return i;
    return count ? count - 1 : 0;
}
