/* links: tracer.a */
/* test_unwind_module.c: program headers, odd and hostile; and stacks made by hand over real unwind tables, of 32-bit
 * code too, which needs no kernel that runs it.  The code is mapped into this process, and never run. */
#include "../../tracer/maps.h"
#include "../../tracer/unwind/unwind.h"
#include "random.h"
#include "unwind_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- bias ---- */

struct bias_example {
    struct module_segment segments[4];
    struct map_line line;
    uint64_t bias; /* UINT64_MAX: none */
};

static const struct bias_example bias_examples[] = {
    /* a position-independent program, its text at equal address and offset */
    {{{0, 0, 0x5f8, false}, {0x1000, 0x1000, 0x24d, true}},
     {.start = 0x555555555000, .end = 0x555555556000, .offset = 0x1000},
     0x555555554000},
    /* not position-independent: no bias */
    {{{0x400000, 0, 0x5f8, false}, {0x401000, 0x1000, 0x2000, true}},
     {.start = 0x401000, .end = 0x403000, .offset = 0x1000},
     0},
    /* lld leaves an address gap between segments, and offsets inside a page */
    {{{0, 0, 0x7a0, false}, {0x17a0, 0x7a0, 0x500, true}, {0x2ca0, 0xca0, 0x200, false}},
     {.start = 0x7f0000001000, .end = 0x7f0000002000, .offset = 0},
     0x7f0000000000},
    /* two executable segments in one page of the file: the one that the mapping shows more of */
    {{{0x1000, 0, 0x1100, true}, {0x11100, 0x1100, 0x5f00, true}},
     {.start = 0x7f0000011000, .end = 0x7f0000017000, .offset = 0x1000},
     0x7f0000000000},
    /* the upper part of a mapping that mprotect has split */
    {{{0, 0, 0x800, false}, {0x1000, 0x1000, 0x9000, true}},
     {.start = 0x7f0000005000, .end = 0x7f000000a000, .offset = 0x5000},
     0x7f0000000000},
    /* prelinked where it is */
    {{{0x3000000000, 0, 0x1000, true}}, {.start = 0x3000000000, .end = 0x3000001000, .offset = 0}, 0},
    /* loaded below its own addresses */
    {{{0x3000000000, 0, 0x1000, true}}, {.start = 0x10000, .end = 0x11000, .offset = 0}, 0x10000 - 0x3000000000u},
    /* a part of the file that is in no segment; a bias that no loader makes */
    {{{0, 0, 0x1000, true}}, {.start = 0x10000, .end = 0x11000, .offset = 0x5000}, UINT64_MAX},
    {{{0x123, 0, 0x1000, true}}, {.start = 0x10000, .end = 0x11000, .offset = 0}, UINT64_MAX},
};

static void test_bias(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bias_examples) / sizeof(bias_examples[0]); i++) {
        const struct bias_example *e = &bias_examples[i];
        struct module module = {.word = 8};
        uint64_t bias = UINT64_MAX;
        while (module.n_segments < 4 && e->segments[module.n_segments].size) {
            module.segments[module.n_segments] = e->segments[module.n_segments];
            module.n_segments++;
        }
        assert_int_equal(module_bias(&module, &e->line, &bias), e->bias == UINT64_MAX ? -ENOEXEC : 0);
        assert_true(bias == e->bias);
    }
}

/* ---- headers ---- */

static unsigned char *read_file(const char *path, size_t *ret_size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return NULL;
    unsigned char *bytes = malloc((size_t)st.st_size);
    assert_true(bytes && read(fd, bytes, (size_t)st.st_size) == st.st_size);
    close(fd);
    *ret_size = (size_t)st.st_size;
    return bytes;
}

static void path_of(const char *program, char *path, size_t size)
{
    const char *folder = getenv("BRKWATER_PROGRAMS");
    snprintf(path, size, "%s/%s", folder ? folder : "build/tests/programs", program);
}

static void test_headers(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = read_file("/proc/self/exe", &size);
    struct module module;
    assert_int_equal(module_parse(bytes, size, &module), 0);
    assert_true(module.machine == EM_X86_64 && module.word == 8 && module.entry && module.eh_frame_hdr);
    assert_int_equal(module.build_id_size, 20);
    assert_true(module.n_segments >= 2);
    free(bytes);
}

/* Cut at every length, and with bytes changed: refused or parsed, never more than is there. */
static void test_hostile_headers(void **state)
{
    (void)state;
    enum { HEAD = 4096, ROUNDS = 20000 };
    size_t size;
    struct module module;
    struct random_source random = {1};
    unsigned char *bytes = read_file("/proc/self/exe", &size);
    for (size_t cut = 0; cut < HEAD; cut++) {
        unsigned char *part = malloc(cut ? cut : 1);
        memcpy(part, bytes, cut);
        module_parse(part, cut, &module);
        free(part);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned char head[HEAD];
        memcpy(head, bytes, HEAD);
        for (unsigned k = 0; k < 4; k++) {
            uint64_t value = random_edge(&random);
            memcpy(head + random_below(&random, 1024), &value, 1 + random_below(&random, 8));
        }
        memcpy(head, bytes, 20); /* still ELF */
        if (module_parse(head, HEAD, &module) == 0)
            assert_true(module.n_segments && module.n_segments <= MODULE_MAX_SEGMENTS &&
                        module.build_id_size <= MODULE_MAX_BUILD_ID);
    }
    free(bytes);
}

/* ---- stacks by hand ---- */

/* A program's code, mapped where a loader could have put it. */
struct loaded {
    char path[4096];
    uint64_t base; /* bias */
    void *text;
    size_t text_size;
    uint64_t main, start; /* link-time addresses */
};

static void find_symbols(Elf *elf, struct loaded *loaded)
{
    GElf_Shdr header;
    GElf_Sym symbol;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
            const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
            if (name && strcmp(name, "main") == 0)
                loaded->main = symbol.st_value;
            else if (name && strcmp(name, "_start") == 0)
                loaded->start = symbol.st_value;
        }
    }
}

static void map_text(Elf *elf, int fd, struct loaded *loaded)
{
    GElf_Phdr header;
    for (int i = 0; gelf_getphdr(elf, i, &header); i++) {
        if (header.p_type != PT_LOAD || !(header.p_flags & PF_X))
            continue;
        void *at = (void *)(uintptr_t)(loaded->base + (header.p_vaddr & ~4095ull));
        loaded->text_size = header.p_filesz + (header.p_vaddr & 4095);
        loaded->text = mmap(at, loaded->text_size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd,
                            (off_t)(header.p_offset & ~4095ull));
        assert_ptr_equal(loaded->text, at);
    }
}

/* Skips the test when the program was not built. */
static struct loaded load(const char *program)
{
    struct loaded loaded = {.base = 0x20000000};
    path_of(program, loaded.path, sizeof(loaded.path));
    int fd = open(loaded.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        skip();
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    find_symbols(elf, &loaded);
    map_text(elf, fd, &loaded);
    elf_end(elf);
    close(fd);
    assert_true(loaded.main && loaded.start);
    return loaded;
}

/* main has just been called from _start, whose table says that nothing called it. */
static void check_two_frames(const char *program, enum unwind_abi abi)
{
    struct loaded loaded = load(program);
    const struct unwind_convention *c = unwind_convention(abi);
    const uint64_t back = loaded.base + loaded.start + 8;
    unsigned char stack[64] = {0};
    memcpy(stack, &back, c->word);
    struct fake_memory fake = {.start = 0xbfff0000, .size = sizeof(stack), .bytes = stack};
    struct unwind_registers registers = {.abi = abi, .known = (1u << c->count) - 1};
    registers.at[c->pc] = loaded.base + loaded.main;
    registers.at[c->sp] = fake.start;
    const struct unwind_memory memory = {fake_read, &fake};
    const struct unwind_thread thread = {
        .pid = getpid(), .maps = maps_open(getpid()), .registers = &registers, .memory = &memory};
    struct unwinder *unwinder = unwinder_new(UNWIND_DEPTH);
    struct unwind_space *space = unwind_space_new();
    struct unwind_stack found;
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(unwind_capture(unwinder, space, &thread, &found), 0);
        assert_int_equal(found.count, 2);
        assert_true(found.quality == UNWIND_COMPLETE && found.end == UNWIND_END_OUTERMOST);
        assert_true(found.frames[0].vaddr == loaded.main && found.frames[1].vaddr == loaded.start + 8);
        assert_true(found.frames[1].pc == back && !found.frames[1].flags);
        assert_true(found.frames[0].module && found.frames[0].module == found.frames[1].module);
    }
    assert_int_equal(fake.reads, 3); /* one a stack */
    const struct module *module = unwinder_module(unwinder, found.frames[0].module);
    assert_true(module->machine == c->machine && module_fd(module) >= 0 && module->build_id_size == 20);
    unwind_space_free(space);
    unwinder_free(unwinder);
    close(thread.maps);
    munmap(loaded.text, loaded.text_size);
}

static void test_64bit(void **state)
{
    (void)state;
    check_two_frames("unwind-claims", UNWIND_X86_64);
}

static void test_32bit(void **state)
{
    (void)state;
    check_two_frames("unwind-claims-m32", UNWIND_I386);
}

/* ---- hostile tables ---- */

/* Damage what lies in the segment of the unwind tables. */
static void damage(unsigned char *bytes, const struct module *module, struct random_source *random)
{
    for (size_t i = 0; i < module->n_segments; i++) {
        const struct module_segment *s = &module->segments[i];
        if (module->eh_frame_hdr < s->offset || module->eh_frame_hdr - s->offset >= s->size)
            continue;
        for (unsigned k = 0; k < 64; k++) {
            uint64_t at = module->eh_frame_hdr + random_below(random, s->offset + s->size - module->eh_frame_hdr);
            bytes[at] = (unsigned char)random_next(random);
        }
    }
}

/* A file opened as a module, by a mapping of its own in this process. */
struct opened {
    struct modules *modules;
    struct module *module; /* NULL when it was refused */
    void *text;
    size_t size;
};

static struct opened open_module(const char *path)
{
    struct opened o = {.modules = modules_new()};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    o.size = (size_t)st.st_size;
    o.text = mmap(NULL, o.size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    close(fd);
    int maps = maps_open(getpid());
    struct maps_buffer buffer = {0};
    struct map_line line;
    uint64_t bias;
    struct fake_memory none = {0};
    assert_int_equal(maps_query(maps, (uintptr_t)o.text, &buffer, &line), 0);
    modules_open(o.modules, getpid(), &line, &(struct unwind_memory){fake_read, &none}, &o.module, &bias);
    maps_buffer_free(&buffer);
    close(maps);
    return o;
}

static void close_module(struct opened *o)
{
    modules_free(o->modules);
    munmap(o->text, o->size);
}

/* Look up every address of the text: whatever the tables say, nothing is read that is not there. The number that was
 * found. */
static unsigned look_everywhere(struct module *module)
{
    unsigned found = 0;
    for (size_t i = 0; module && i < module->n_segments; i++)
        for (uint64_t at = 0; module->segments[i].executable && at < module->segments[i].size; at += 4) {
            Dwarf_Frame *frame;
            if (module_frame(module, module->segments[i].vaddr + at, &frame) == 0) {
                found++;
                free(frame);
            }
        }
    return found;
}

static void test_hostile_tables(void **state)
{
    (void)state;
    enum { ROUNDS = 200 };
    char path[4096], copy[] = "/tmp/brkwater-unwind-XXXXXX";
    size_t size;
    struct module module;
    struct random_source random = {7};
    path_of("unwind-claims", path, sizeof(path));
    unsigned char *bytes = read_file(path, &size);
    if (!bytes)
        skip();
    unsigned char *damaged = malloc(size);
    int fd = mkstemp(copy);
    assert_int_equal(module_parse(bytes, size, &module), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        memcpy(damaged, bytes, size);
        damage(damaged, &module, &random);
        assert_true(pwrite(fd, damaged, size, 0) == (ssize_t)size);
        struct opened opened = open_module(copy);
        look_everywhere(opened.module);
        close_module(&opened);
    }
    unlink(copy);
    close(fd);
    free(damaged);
    free(bytes);
}

/* A file that is cut while it is open: no tables any more, and no SIGBUS. */
static void test_cut_file(void **state)
{
    (void)state;
    char path[4096], copy[] = "/tmp/brkwater-unwind-XXXXXX";
    size_t size;
    path_of("unwind-claims", path, sizeof(path));
    unsigned char *bytes = read_file(path, &size);
    if (!bytes)
        skip();
    int fd = mkstemp(copy);
    assert_true(write(fd, bytes, size) == (ssize_t)size);
    struct opened opened = open_module(copy);
    assert_non_null(opened.module);
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_int_equal(look_everywhere(opened.module), 0);
    close_module(&opened);
    assert_true(pwrite(fd, bytes, size, 0) == (ssize_t)size);
    opened = open_module(copy);
    assert_true(look_everywhere(opened.module) > 100);
    close_module(&opened);
    unlink(copy);
    close(fd);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bias),     cmocka_unit_test(test_headers), cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_64bit),    cmocka_unit_test(test_32bit),   cmocka_unit_test(test_hostile_tables),
        cmocka_unit_test(test_cut_file),
    };
    return cmocka_run_group_tests_name("unwind module", tests, NULL, NULL);
}
