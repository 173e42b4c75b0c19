/* links: decoder.a tracer.a */
/*
 * test_symbols.c: programs that print what should be said of their own addresses (inputs/where.c), built in many ways,
 * and files that are damaged.
 */
#include "../../decoder/symbols/image.h"
#include "../../decoder/symbols/symbols.h"

#include "random.h"
#include "workshop.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <cmocka.h>

/* How much of what where.c says is expected. */
enum detail { LINES, FUNCTIONS, ONLY_EXPORTED, NOTHING };

static struct symbols *plain_symbols(void)
{
    struct symbols *symbols = symbols_new(&(struct symbols_options){0});
    assert_non_null(symbols);
    return symbols;
}

static int module_at(struct symbols *symbols, const char *path)
{
    int module = symbols_module(symbols, &(struct symbol_module){.path = path, .fd = -1});
    assert_true(module >= 0);
    return module;
}

/* The list as where.c writes it: "inner:36 main:54". */
static void write_list(const struct symbol *list, size_t count, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.*s:%u", i ? " " : "", (int)list[i].function.size,
                                 list[i].function.data, list[i].line);
}

/* What is left of an expectation where neither lines nor inlining are known: the outermost function. */
static void keep_function(char *expected)
{
    char *last = strrchr(expected, ' ');
    if (last)
        memmove(expected, last + 1, strlen(last));
    strcpy(strrchr(expected, ':'), ":0");
}

static void check_address(struct symbols *symbols, int module, char *line, enum detail detail)
{
    char got[4096], *expected;
    uint64_t address = strtoull(line, &expected, 16);
    const struct symbol *list;
    size_t count;
    expected += strspn(expected, " ");
    expected[strcspn(expected, "\n")] = '\0';
    assert_int_equal(symbols_lookup(symbols, module, address, &list, &count), 0);
    write_list(list, count, got, sizeof(got));
    if (detail != LINES)
        keep_function(expected);
    if (detail == ONLY_EXPORTED && strncmp(expected, "exported", 8) != 0)
        return;
    if (detail == NOTHING)
        expected[0] = '\0';
    assert_string_equal(got, expected);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(list[i].inlined, i + 1 < count);
        assert_int_equal(list[i].offset, list[0].offset);
        if (detail == LINES)
            assert_non_null(memmem(list[i].file.data, list[i].file.size, "where.c", 7));
    }
}

/* Every line that `program` prints, against what is said of `image`. */
static void check_where(struct symbols *symbols, const char *program, int module, enum detail detail)
{
    char line[4096];
    FILE *lines = popen(in_workshop("%s", program), "r");
    size_t count = 0;
    assert_non_null(lines);
    for (; fgets(line, sizeof(line), lines); count++)
        check_address(symbols, module, line, detail);
    assert_int_equal(pclose(lines), 0);
    assert_true(count >= 2);
}

static void check_program(const char *program, enum detail detail, enum symbol_problem problem)
{
    struct symbols *symbols = plain_symbols();
    int module = module_at(symbols, in_workshop("%s", program));
    check_where(symbols, program, module, detail);
    assert_int_equal(symbols_module_problem(symbols, module), problem);
    symbols_free(symbols);
}

/* The same with a debug directory, which is `dir` of the workshop. */
static enum symbol_problem check_with_dir(const char *program, const char *dir, enum detail detail)
{
    const char *dirs[] = {in_workshop("%s", dir)};
    struct symbols *symbols = symbols_new(&(struct symbols_options){.debug_dirs = dirs, .n_debug_dirs = 1});
    int module = module_at(symbols, in_workshop("%s", program));
    check_where(symbols, program, module, detail);
    enum symbol_problem problem = symbols_module_problem(symbols, module);
    symbols_free(symbols);
    return problem;
}

static void build(const char *command, const char *program)
{
    assert_true(run("%s " BRKWATER_TESTS "/unit/inputs/where.c -o %s", command, program));
}

/* ---- DWARF of the file itself ---- */

static void test_compilers(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "gcc -g -O0",
        "gcc -g -O2",
        "gcc -gdwarf-4 -O2",
        "gcc -gdwarf-3 -gstrict-dwarf -O2",
        "gcc -g -O2 -gz",
        "gcc -g -O2 -no-pie",
        "gcc -g -O2 -gz=zlib-gnu",
        "gcc -g -O2 -static",
        "gcc -g -O2 -static-pie",
        "clang -g -O2",
        "clang -gdwarf-4 -O2",
        "gcc -g -O3 -ffunction-sections",
        "gcc -g -O2 -fdebug-types-section",
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        build(commands[i], "where");
        check_program("where", LINES, SYMBOL_OK);
    }
}

/* Not every kernel runs 32-bit programs: what nm says of this one is the expectation. */
static void test_32_bit(void **state)
{
    (void)state;
    if (!run("gcc -m32 -g -O2 " BRKWATER_TESTS "/unit/inputs/where.c -o where32"))
        skip();
    struct symbols *symbols = plain_symbols();
    int module = module_at(symbols, in_workshop("where32")), found = 0;
    assert_true(run("nm where32 | grep -wE 'plain|main|exported|here|take_bias' >names32"));
    FILE *lines = fopen(in_workshop("names32"), "r");
    char name[64];
    for (unsigned long address; fscanf(lines, "%lx %*c %63s", &address, name) == 2; found++) {
        const struct symbol *list;
        size_t count;
        assert_int_equal(symbols_lookup(symbols, module, address, &list, &count), 0);
        assert_true(count > 0 && list[count - 1].line > 0);
        assert_string_equal(list[count - 1].function.data, name);
        assert_int_equal(list[count - 1].offset, 0);
    }
    fclose(lines);
    assert_int_equal(found, 5);
    symbols_free(symbols);
    if (run("./where32"))
        check_program("where32", LINES, SYMBOL_OK);
}

static void test_cxx(void **state)
{
    (void)state;
    static const char *const compilers[] = {"g++", "clang++"};
    for (size_t i = 0; i < 2; i++) {
        if (!run("%s -g -O2 " BRKWATER_TESTS "/unit/inputs/where.cc -o wherecc", compilers[i]))
            skip();
        char line[4096];
        struct symbols *symbols = plain_symbols();
        int module = module_at(symbols, in_workshop("wherecc"));
        FILE *lines = popen(in_workshop("wherecc"), "r");
        while (fgets(line, sizeof(line), lines))
            check_address(symbols, module, line, LINES);
        pclose(lines);
        symbols_free(symbols);
    }
}

/* Code of a unit whose DWARF lies in another file has its lines at hand, and its names in the symbol table. */
static void test_split(void **state)
{
    (void)state;
    build("gcc -g -O2 -gsplit-dwarf", "where");
    struct symbols *symbols = plain_symbols();
    int module = module_at(symbols, in_workshop("where"));
    char line[4096];
    FILE *lines = popen(in_workshop("where"), "r");
    while (fgets(line, sizeof(line), lines)) {
        const struct symbol *list;
        size_t count;
        assert_int_equal(symbols_lookup(symbols, module, strtoull(line, NULL, 16), &list, &count), 0);
        assert_int_equal(count, 1);
        assert_true(list[0].line > 0 && list[0].function.size > 0);
    }
    pclose(lines);
    symbols_free(symbols);
}

/* ---- debug files ---- */

static void strip_with_debug_file(const char *flags)
{
    build(flags, "where");
    assert_true(
        run("objcopy --only-keep-debug where where.debug && strip where && objcopy --add-gnu-debuglink=where.debug "
            "where"));
}

static void test_debug_link(void **state)
{
    (void)state;
    static const char *const flags[] = {"gcc -g -O2 -Wl,--build-id", "gcc -g -O2 -Wl,--build-id=none"};
    for (size_t i = 0; i < 2; i++) {
        strip_with_debug_file(flags[i]);
        check_program("where", LINES, SYMBOL_OK);
        assert_true(run("mkdir -p .debug && mv where.debug .debug/"));
        check_program("where", LINES, SYMBOL_OK);
        assert_true(run("mkdir -p dir/$PWD && mv .debug/where.debug dir/$PWD/"));
        assert_int_equal(check_with_dir("where", "dir", LINES), SYMBOL_OK);
        check_program("where", NOTHING, SYMBOL_NO_DEBUG_FILE);
        assert_true(run("rm -rf dir .debug"));
    }
}

static void test_debug_file_of_another(void **state)
{
    (void)state;
    strip_with_debug_file("gcc -g -O2 -Wl,--build-id=none");
    assert_true(run("printf x >>where.debug"));
    check_program("where", NOTHING, SYMBOL_NO_DEBUG_FILE);
    strip_with_debug_file("gcc -g -O2 -Wl,--build-id=sha1");
    assert_true(run("gcc -g -O1 -DOTHER -Wl,--build-id=sha1 " BRKWATER_TESTS "/unit/inputs/where.c -o where.debug"));
    check_program("where", NOTHING, SYMBOL_NO_DEBUG_FILE);
}

/* Put a file where its build-id says, under `dir`. */
static const char move_by_id[] =
    "id=$(readelf -n %s | sed -n 's/.*Build ID: //p'); mkdir -p %s/.build-id/${id%%${id#??}}; "
    "mv %s %s/.build-id/${id%%${id#??}}/${id#??}.debug";

static void test_build_id(void **state)
{
    (void)state;
    strip_with_debug_file("gcc -g -O2 -Wl,--build-id");
    assert_true(run(move_by_id, "where.debug", "dir", "where.debug", "dir"));
    assert_int_equal(check_with_dir("where", "dir", LINES), SYMBOL_OK);
    assert_true(run("rm -rf dir"));
    assert_int_equal(check_with_dir("where", "dir", NOTHING), SYMBOL_NO_DEBUG_FILE);
}

static void test_dwz(void **state)
{
    (void)state;
    if (!run("dwz --version"))
        skip();
    build("gcc -g -O2 -Wl,--build-id", "one");
    build("gcc -g -O3 -Wl,--build-id", "two");
    assert_true(run("dwz -m common one two && readelf -SW one | grep -q debugaltlink"));
    check_program("one", LINES, SYMBOL_OK);
    check_program("two", LINES, SYMBOL_OK);
    assert_true(run(move_by_id, "common", "dir", "common", "dir"));
    assert_int_equal(check_with_dir("one", "dir", LINES), SYMBOL_OK);
    assert_true(run("rm -rf dir"));
    /* Without it names would be missing at random: symbols alone are used. */
    check_program("one", FUNCTIONS, SYMBOL_OK);
    /* Nor is it waited for. */
    assert_true(run("mkfifo common"));
    check_program("one", FUNCTIONS, SYMBOL_OK);
    /* dwz of one file needs no other. */
    build("gcc -g -O2 -fno-eliminate-unused-debug-types", "where");
    assert_true(run("dwz where || true"));
    check_program("where", LINES, SYMBOL_OK);
}

/* ---- symbol tables ---- */

static void test_tables(void **state)
{
    (void)state;
    build("gcc -O2 -rdynamic", "where");
    check_program("where", FUNCTIONS, SYMBOL_OK);
    assert_true(run("strip where"));
    check_program("where", ONLY_EXPORTED, SYMBOL_NO_DEBUG_FILE);
}

static void test_packed_table(void **state)
{
    (void)state;
    build("gcc -g -O2", "where");
    assert_true(
        run("objcopy -S where bare && objcopy -S --remove-section=.comment --keep-symbol=plain --keep-symbol=main "
            "--keep-symbol=exported where mini && xz -k -f mini && objcopy --add-section .gnu_debugdata=mini.xz bare"));
    check_program("bare", FUNCTIONS, SYMBOL_OK);
    /* Neither a cut nor a damaged one does harm. */
    assert_true(
        run("objcopy -S where bare && head -c 300 mini.xz >cut && objcopy --add-section .gnu_debugdata=cut bare"));
    check_program("bare", NOTHING, SYMBOL_NO_DEBUG_FILE);
    /* Nor one that unpacks to more than there is memory for. */
    assert_true(run("objcopy -S where bare && head -c 280000000 /dev/zero | xz -1 >bomb && objcopy --add-section "
                    ".gnu_debugdata=bomb bare"));
    check_program("bare", NOTHING, SYMBOL_NO_DEBUG_FILE);
}

/* How many stubs of a section have the name of a function of libc. */
static int count_stubs(const char *program, const char *section_name, const char *function)
{
    struct symbols *symbols = plain_symbols();
    int module = module_at(symbols, in_workshop("%s", program)), found = 0;
    struct image image;
    struct image_section section;
    int fd = open(in_workshop("%s", program), O_RDONLY);
    assert_int_equal(image_open(fd, &image), 0);
    close(fd);
    if (image_section(&image, section_name, &section))
        for (uint64_t at = 0; at < section.size; at += 8) {
            const struct symbol *list;
            size_t count;
            assert_int_equal(symbols_lookup(symbols, module, section.header.sh_addr + at, &list, &count), 0);
            found += count && list[0].offset == 0 && strcmp(list[0].function.data, function) == 0;
        }
    image_close(&image);
    symbols_free(symbols);
    return found;
}

static void test_stubs(void **state)
{
    (void)state;
    build("gcc -O2 -Wl,-z,lazy", "where");
    assert_int_equal(count_stubs("where", ".plt", "printf@plt"), 1);
    assert_int_equal(count_stubs("where", ".plt", "dl_iterate_phdr@plt"), 1);
    build("gcc -O2 -Wl,-z,lazy -fcf-protection -Wl,-z,ibtplt", "where");
    assert_int_equal(count_stubs("where", ".plt.sec", "printf@plt"), 1);
    assert_int_equal(count_stubs("where", ".plt", "printf@plt"), 1);
    static const char *const flags[] = {"gcc -m32 -O2 -Wl,-z,lazy", "gcc -m32 -O2 -no-pie -Wl,-z,lazy"};
    for (size_t i = 0; i < 2; i++)
        if (run("%s " BRKWATER_TESTS "/unit/inputs/where.c -o where32", flags[i]))
            assert_int_equal(count_stubs("where32", ".plt", "printf@plt"), 1);
}

static const char *name_at(struct symbols *symbols, int module, uint64_t address)
{
    const struct symbol *list;
    size_t count;
    assert_int_equal(symbols_lookup(symbols, module, address, &list, &count), 0);
    return count ? list[count - 1].function.data : "";
}

/* Which of several symbols is taken: .text at 0x1000, sizes and bindings as written. */
static void test_choice(void **state)
{
    (void)state;
    static const char assembly[] =
        ".globl _start, __long_name, name, other; .weak aname; .text; "
        "_start: nop; nop; nop; nop;"                                  /* 0: a label alone */
        "aname: name: __long_name: local: nop; inside: nop; nop; nop;" /* 4 */
        ".type name,@function; .size name,4; .type __long_name,@function; .size __long_name,4;"
        ".type aname,@function; .size aname,4; .type local,@function; .size local,4;"
        "nop; nop; nop; nop;"                                                 /* 8: between functions */
        "other: nop; nop; .type other,@gnu_indirect_function; .size other,2;" /* 12 */
        "last: nop; nop";                                                     /* 14 */
    FILE *file = fopen(in_workshop("choice.s"), "w");
    fputs(assembly, file);
    fputc('\n', file);
    fclose(file);
    assert_true(
        run("tr ';' '\\n' <choice.s >choice2.s && gcc -nostdlib -static -Wl,-Ttext=0x1000 choice2.s -o choice"));
    struct symbols *symbols = plain_symbols();
    int module = module_at(symbols, in_workshop("choice"));
    assert_string_equal(name_at(symbols, module, 0x1000), "_start");
    assert_string_equal(name_at(symbols, module, 0x1003), "_start");
    assert_string_equal(name_at(symbols, module, 0x1004), "name");
    assert_string_equal(name_at(symbols, module, 0x1006), "name");
    assert_string_equal(name_at(symbols, module, 0x100c), "other");
    assert_string_equal(name_at(symbols, module, 0x100f), "last");
    assert_string_equal(name_at(symbols, module, 0x1010), "");
    assert_string_equal(name_at(symbols, module, 0xfff), "");
    assert_string_equal(name_at(symbols, module, UINT64_MAX), "");
    symbols_free(symbols);
}

/* The vdso is no file: it comes as a copy of memory. */
static void test_vdso(void **state)
{
    (void)state;
    const char *vdso = (const char *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
    int fd = memfd_create("vdso", MFD_CLOEXEC), named = 0;
    if (!vdso || write(fd, vdso, 8192) != 8192)
        skip();
    struct symbols *symbols = plain_symbols();
    int module = symbols_module(symbols, &(struct symbol_module){.path = "[vdso]", .fd = fd});
    close(fd);
    for (uint64_t address = 0; address < 8192; address++)
        named += strncmp(name_at(symbols, module, address), "clock_gettime", 13) == 0 ||
                 strncmp(name_at(symbols, module, address), "__vdso_clock_gettime", 20) == 0;
    assert_true(named > 0);
    symbols_free(symbols);
}

/* ---- what is not as it should be ---- */

static enum symbol_problem problem_of(const struct symbol_module *asked)
{
    struct symbols *symbols = plain_symbols();
    int module = symbols_module(symbols, asked);
    const struct symbol *list;
    size_t count;
    assert_true(module >= 0);
    for (uint64_t address = 0x1000; address < 0x2000; address += 16) {
        assert_int_equal(symbols_lookup(symbols, module, address, &list, &count), 0);
        if (symbols_module_problem(symbols, module) > SYMBOL_NO_DEBUG_FILE)
            assert_int_equal(count, 0);
    }
    enum symbol_problem problem = symbols_module_problem(symbols, module);
    assert_true((problem == SYMBOL_OK) == (symbol_problem_text(problem)[0] == '\0'));
    symbols_free(symbols);
    return problem;
}

static void test_problems(void **state)
{
    (void)state;
    static const unsigned char wrong[20] = {1, 2, 3};
    build("gcc -g -O2 -Wl,--build-id", "where");
    assert_true(run("mkfifo fifo; echo hello >text; : >empty; mkdir folder; ln -s fifo link"));
    struct symbol_module where = {.path = in_workshop("where"), .fd = -1};
    assert_int_equal(problem_of(&where), SYMBOL_OK);
    where.build_id = wrong;
    where.build_id_size = sizeof(wrong);
    assert_int_equal(problem_of(&where), SYMBOL_REPLACED);
    where.fd = open(where.path, O_RDONLY);
    assert_int_equal(problem_of(&where), SYMBOL_REPLACED);
    close(where.fd);
    static const struct {
        const char *path;
        enum symbol_problem problem;
    } others[] = {{"fifo", SYMBOL_UNREADABLE},   {"link", SYMBOL_UNREADABLE}, {"folder", SYMBOL_UNREADABLE},
                  {"text", SYMBOL_DAMAGED},      {"empty", SYMBOL_DAMAGED},   {"nothing", SYMBOL_MISSING},
                  {"text/below", SYMBOL_MISSING}};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(problem_of(&(struct symbol_module){.path = in_workshop("%s", others[i].path), .fd = -1}),
                         others[i].problem);
    assert_int_equal(problem_of(&(struct symbol_module){.path = "[vdso]", .fd = -1}), SYMBOL_NOT_A_FILE);
    assert_int_equal(problem_of(&(struct symbol_module){.path = "", .fd = -1}), SYMBOL_NOT_A_FILE);
}

static void test_unknown_module(void **state)
{
    (void)state;
    struct symbols *symbols = plain_symbols();
    const struct symbol *list;
    size_t count;
    assert_int_equal(symbols_lookup(symbols, 0, 1, &list, &count), -EINVAL);
    assert_int_equal(symbols_lookup(symbols, -1, 1, &list, &count), -EINVAL);
    assert_int_equal(symbols_module(symbols, &(struct symbol_module){.fd = -1}), -EINVAL);
    assert_int_equal(symbols_module(symbols, &(struct symbol_module){.path = "/x", .fd = 9999}), -EBADF);
    symbols_free(symbols);
    symbols_free(NULL);
}

/* A path means what it means in the tracee's root, its links included. */
static void test_root(void **state)
{
    (void)state;
    build("gcc -g -O2 -Wl,--build-id", "where");
    assert_true(
        run("rm -rf root && mkdir -p root/bin root/opt && cp where root/opt/prog && ln -s /opt/prog root/bin/prog && "
            "ln -s ../../../../../../../../opt/prog root/bin/up"));
    static const char *const paths[] = {"/opt/prog", "/bin/prog", "/bin/up"};
    for (size_t i = 0; i < 3; i++) {
        struct symbol_module prog = {.path = paths[i], .fd = -1, .root = in_workshop("root")};
        struct symbols *symbols = plain_symbols();
        int module = symbols_module(symbols, &prog);
        check_where(symbols, "where", module, LINES);
        symbols_free(symbols);
    }
    /* The root is gone, and nothing tells whether our own file is the same. */
    struct symbol_module gone = {.path = in_workshop("where"), .fd = -1, .root = "/proc/0/root"};
    assert_int_equal(problem_of(&gone), SYMBOL_UNREADABLE);
}

static unsigned char *read_whole(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *ret_size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*ret_size);
    assert_int_equal(fread(bytes, 1, *ret_size, file), *ret_size);
    fclose(file);
    return bytes;
}

static int file_of(const unsigned char *bytes, size_t size)
{
    int fd = memfd_create("damaged", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    return fd;
}

/* Ask a damaged file about all parts of its code; any answer will do. */
static void ask_all(const unsigned char *bytes, size_t size)
{
    struct symbols *symbols = plain_symbols();
    int fd = file_of(bytes, size);
    int module = symbols_module(symbols, &(struct symbol_module){.path = "/nowhere/damaged", .fd = fd});
    close(fd);
    for (uint64_t address = 0x1000; address < 0x1400; address += 24) {
        const struct symbol *list;
        size_t count, code_size;
        bool is_32;
        assert_int_equal(symbols_lookup(symbols, module, address, &list, &count), 0);
        for (size_t i = 0; i < count; i++)
            assert_true(list[i].function.size <= TRACE_MAX_TEXT && list[i].inlined == (i + 1 < count));
        const unsigned char *code = symbols_code(symbols, module, address, &code_size, &is_32);
        if (code && code_size)
            (void)*(volatile const unsigned char *)&code[code_size - 1];
    }
    symbols_free(symbols);
}

static void test_cut(void **state)
{
    (void)state;
    size_t size;
    build("gcc -g -O2", "where");
    unsigned char *bytes = read_whole(in_workshop("where"), &size);
    for (size_t cut = 0; cut < size; cut += 1 + cut / 24)
        ask_all(bytes, cut);
    for (size_t cut = size - 80; cut < size; cut++)
        ask_all(bytes, cut);
    free(bytes);
}

static void test_damage(void **state)
{
    (void)state;
    static const char *const commands[] = {"gcc -g -O2", "clang -g -O2", "gcc -gdwarf-4 -O2 -gz", "gcc -m32 -O2"};
    struct random_source random = {17};
    int rounds = getenv("BRKWATER_LONG") ? 5000 : 50;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!run("%s " BRKWATER_TESTS "/unit/inputs/where.c -o where", commands[i]))
            continue;
        size_t size;
        unsigned char *bytes = read_whole(in_workshop("where"), &size), *copy = malloc(size);
        for (int round = 0; round < rounds; round++) {
            memcpy(copy, bytes, size);
            /* Half of the time the second half alone, where debug information and headers are. */
            uint64_t first = round % 2 ? size / 2 : 0;
            for (uint64_t flips = 1 + random_below(&random, 40); flips; flips--)
                copy[first + random_below(&random, size - first)] = (unsigned char)random_edge(&random);
            ask_all(copy, size);
        }
        free(copy);
        free(bytes);
    }
}

/* ---- DWARF that no compiler makes ---- */

static const char hostile_head[] =
    ".text\n.globl _start\n_start:\n.rept 64\nnop\n.endr\nstop:\n"
    ".section .debug_abbrev,\"\",@progbits\n"
    ".byte 1,0x11,1, 0x11,1, 0x12,7, 0,0\n"                       /* unit: low_pc, high_pc */
    ".byte 2,0x2e,1, 0x03,8, 0x11,1, 0x12,7, 0,0\n"               /* function: name, ... */
    ".byte 3,0x0b,1, 0,0\n"                                       /* block */
    ".byte 4,0x1d,1, 0x31,0x13, 0x11,1, 0x12,7, 0,0\n"            /* inlined: origin, ... */
    ".byte 5,0x1d,0, 0x31,0x13, 0x01,0x13, 0x11,1, 0x12,7, 0,0\n" /* origin, sibling, ... */
    ".byte 0\n"
    ".section .debug_info,\"\",@progbits\n"
    "unit: .long done - begin\nbegin: .short 4\n.long 0\n.byte 8\n"
    ".uleb128 1\n.quad _start\n.quad stop - _start\n";

/* Build that unit with entries in assembly, and ask it about all its code.  *ret_name is the outermost function there.
 */
static size_t ask_hostile(const char *(*write_entries)(FILE *file), char *ret_name, size_t size)
{
    FILE *file = fopen(in_workshop("hostile.s"), "w");
    const struct symbol *list;
    size_t count;
    assert_non_null(file);
    fputs(hostile_head, file);
    fputs(write_entries(file), file);
    fputs(".byte 0\ndone:\n", file);
    fclose(file);
    assert_true(run("gcc -nostdlib -static -Wl,-Ttext=0x1000 hostile.s -o hostile"));
    struct symbols *symbols = plain_symbols();
    int module = module_at(symbols, in_workshop("hostile"));
    for (uint64_t address = 0xff0; address < 0x1050; address++)
        assert_int_equal(symbols_lookup(symbols, module, address, &list, &count), 0);
    assert_int_equal(symbols_lookup(symbols, module, 0x1000, &list, &count), 0);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list[i].inlined, i + 1 < count);
    snprintf(ret_name, size, "%s", list[count - 1].function.size ? list[count - 1].function.data : "");
    symbols_free(symbols);
    return count;
}

#define RANGE        ".quad _start\n.quad stop - _start\n"
#define FUNCTION(n)  ".uleb128 2\n.asciz \"" n "\"\n" RANGE
#define INLINED(ref) ".uleb128 4\n.long " ref " - unit\n" RANGE

static const char *origins_in_a_circle(FILE *file)
{
    (void)file;
    return FUNCTION("outer") "a: " INLINED("b") "b: " INLINED("a") "c: " INLINED("c") ".byte 0,0,0,0\n";
}

static const char *siblings_backwards(FILE *file)
{
    (void)file;
    return FUNCTION("outer") "a: .uleb128 5\n.long b - unit\n.long b - unit\n" RANGE
                             "b: .uleb128 5\n.long a - unit\n.long a - unit\n" RANGE ".byte 0\n";
}

static const char *sibling_to_itself(FILE *file)
{
    (void)file;
    return FUNCTION("outer") "a: .uleb128 5\n.long a - unit\n.long a - unit\n" RANGE ".byte 0\n";
}

static const char *references_outside(FILE *file)
{
    (void)file;
    return FUNCTION("outer") ".uleb128 4\n.long 0x7fffffff\n" RANGE ".uleb128 4\n.long 3\n" RANGE ".byte 0,0,0\n";
}

static const char *deep_blocks(FILE *file)
{
    fputs(FUNCTION("outer") ".rept 300000\n.uleb128 3\n.endr\n" INLINED("unit"), file);
    return ".rept 300002\n.byte 0\n.endr\n";
}

static const char *deep_inlining(FILE *file)
{
    fputs(FUNCTION("outer"), file);
    fputs(".rept 100000\n" INLINED("unit") ".endr\n", file);
    return ".rept 100001\n.byte 0\n.endr\n";
}

static const char *many_functions_at_one_place(FILE *file)
{
    fputs(".rept 100000\n" FUNCTION("outer") ".byte 0\n.endr\n", file);
    return "";
}

static const char *never_closed(FILE *file)
{
    (void)file;
    return FUNCTION("outer") ".uleb128 3\n.uleb128 3\n.uleb128 99\n";
}

static const char *huge_name(FILE *file)
{
    fputs(".uleb128 2\n.ascii \"outer\"\n.fill 2000000,1,65\n.byte 0\n" RANGE ".byte 0\n", file);
    return "";
}

static void test_hostile_dwarf(void **state)
{
    (void)state;
    static const struct {
        const char *(*write_entries)(FILE *file);
        size_t least, most;
    } cases[] = {
        {origins_in_a_circle, 1, 4}, {siblings_backwards, 1, 3}, {sibling_to_itself, 1, 3},
        {references_outside, 1, 3},  {deep_blocks, 1, 2},        {many_functions_at_one_place, 1, 1},
        {never_closed, 1, 1},        {huge_name, 1, 1},
    };
    char name[16];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t count = ask_hostile(cases[i].write_entries, name, sizeof(name));
        assert_in_range(count, cases[i].least, cases[i].most);
        assert_memory_equal(name, "outer", 5);
    }
    /* So deep that the outermost ones are left out. */
    assert_int_equal(ask_hostile(deep_inlining, name, sizeof(name)), 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compilers),
        cmocka_unit_test(test_32_bit),
        cmocka_unit_test(test_cxx),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_debug_link),
        cmocka_unit_test(test_debug_file_of_another),
        cmocka_unit_test(test_build_id),
        cmocka_unit_test(test_dwz),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_packed_table),
        cmocka_unit_test(test_stubs),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_vdso),
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_unknown_module),
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_hostile_dwarf),
    };
    return cmocka_run_group_tests_name("symbols", tests, open_workshop, close_workshop);
}
