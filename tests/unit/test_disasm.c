/* links: decoder.a tracer.a */
/* test_disasm.c: the instructions around a call, out of bytes and out of a program that prints its return addresses. */
#include "../../decoder/symbols/call_code.h"

#include "random.h"
#include "workshop.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A function at 0x1000 with a call that ends at 0x100d, and one through a register that ends at 0x1014. */
static const unsigned char code_64[] = {
    0x55,                               /* 1000 push rbp */
    0x48, 0x89, 0xe5,                   /* 1001 mov rbp, rsp */
    0xbf, 0x05, 0x00, 0x00, 0x00,       /* 1004 mov edi, 5 */
    0x90,                               /* 1009 nop */
    0xe8, 0x00, 0x01, 0x00, 0x00,       /* 100a call 0x110f */
    0x48, 0x8b, 0x00,                   /* 100f mov rax, [rax] */
    0xff, 0xd0,                         /* 1012 call rax */
    0xff, 0x15, 0x10, 0x20, 0x00, 0x00, /* 1014 call [rip + 0x2010] */
    0x0f, 0x05,                         /* 101a syscall */
    0x5d, 0xc3,                         /* 101c pop rbp; ret */
};

/* push ebp; mov ebp, esp; call 0x1008; pop ebx; push 7; call dword ptr [ebx + 4]; leave; ret */
static const unsigned char code_32[] = {0x55, 0x89, 0xe5, 0xe8, 0x00, 0x00, 0x00, 0x00,
                                        0x5b, 0x6a, 0x07, 0xff, 0x53, 0x04, 0xc9, 0xc3};

struct listing {
    struct instruction *list;
    size_t count;
};

static int disassemble(struct disasm_options options, const struct disasm_request *request, struct listing *ret_listing)
{
    struct disasm *disasm;
    assert_int_equal(disasm_new(&options, &disasm), 0);
    int result = disasm_call(disasm, request, &ret_listing->list, &ret_listing->count);
    disasm_free(disasm);
    return result;
}

static struct disasm_request request_of(const unsigned char *bytes, size_t size, uint64_t return_address)
{
    return (struct disasm_request){.bytes = bytes,
                                   .size = size,
                                   .start = 0x1000,
                                   .is_function = true,
                                   .return_address = return_address,
                                   .before = 2,
                                   .after = 2};
}

static void check(const struct listing *listing, const char *const *texts, size_t call_site)
{
    for (size_t i = 0; i < listing->count; i++) {
        assert_non_null(texts[i]);
        assert_string_equal(listing->list[i].text, texts[i]);
        assert_int_equal(listing->list[i].is_call_site, i == call_site);
        if (i)
            assert_int_equal(listing->list[i].address, listing->list[i - 1].address + listing->list[i - 1].size);
    }
    assert_null(texts[listing->count]);
}

static void test_64_bit(void **state)
{
    (void)state;
    struct listing listing;
    struct disasm_request request = request_of(code_64, sizeof(code_64), 0x100f);
    static const char *const intel[] = {"mov edi, 5", "nop", "call 0x110f", "mov rax, qword ptr [rax]",
                                        "call rax",   NULL};
    static const char *const att[] = {"movl $5, %edi", "nop", "callq 0x110f", "movq (%rax), %rax", "callq *%rax", NULL};
    for (int known = 0; known < 2; known++) {
        request.is_function = known;
        assert_int_equal(disassemble((struct disasm_options){0}, &request, &listing), 0);
        check(&listing, intel, 2);
        assert_int_equal(listing.list[2].address, 0x100a);
        assert_memory_equal(listing.list[2].bytes, code_64 + 10, 5);
        free(listing.list);
    }
    assert_int_equal(disassemble((struct disasm_options){.att = true}, &request, &listing), 0);
    check(&listing, att, 2);
    free(listing.list);
}

static void test_kinds_of_calls(void **state)
{
    (void)state;
    static const uint64_t ends[] = {0x1014, 0x101a, 0x101c};
    static const char *const texts[] = {"call rax", "call qword ptr [rip + 0x2010]", "syscall"};
    for (int known = 0; known < 2; known++)
        for (size_t i = 0; i < 3; i++) {
            struct listing listing;
            struct disasm_request request = request_of(code_64, sizeof(code_64), ends[i]);
            request.is_function = known;
            request.after = 50;
            assert_int_equal(disassemble((struct disasm_options){0}, &request, &listing), 0);
            assert_string_equal(listing.list[2].text, texts[i]);
            assert_true(listing.list[2].is_call_site);
            assert_string_equal(listing.list[listing.count - 1].text, "ret");
            free(listing.list);
        }
}

static void test_32_bit(void **state)
{
    (void)state;
    struct listing listing;
    struct disasm_request request = request_of(code_32, sizeof(code_32), 0x100e);
    static const char *const texts[] = {"pop ebx", "push 7", "call dword ptr [ebx + 4]", "leave", "ret", NULL};
    assert_int_equal(disassemble((struct disasm_options){.is_32 = true}, &request, &listing), 0);
    check(&listing, texts, 2);
    free(listing.list);
}

static void test_no_call(void **state)
{
    (void)state;
    struct listing listing;
    static const uint64_t addresses[] = {0, 0xfff, 0x1000, 0x1001, 0x1004, 0x1012, 0x101d, 0x1020, UINT64_MAX};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct disasm_request request = request_of(code_64, sizeof(code_64), addresses[i]);
        assert_int_equal(disassemble((struct disasm_options){0}, &request, &listing), -ENOENT);
    }
    struct disasm_request edge = request_of(code_64, 0xf, 0x100f);
    assert_int_equal(disassemble((struct disasm_options){0}, &edge, &listing), 0);
    assert_int_equal(listing.count, 3);
    free(listing.list);
    disasm_free(NULL);
}

/* The function begins with a table that is no code: the start is of no use, and the call is found all the same. */
static void test_data_in_code(void **state)
{
    (void)state;
    unsigned char code[64];
    memset(code, 0x06, sizeof(code)); /* no instruction of 64-bit code */
    memcpy(code + 30, code_64, sizeof(code_64));
    struct listing listing;
    struct disasm_request request = request_of(code, sizeof(code), 0x1000 + 30 + 0xf);
    request.before = 30;
    assert_int_equal(disassemble((struct disasm_options){0}, &request, &listing), 0);
    assert_string_equal(listing.list[0].text, "push rbp");
    assert_string_equal(listing.list[4].text, "call 0x112d");
    assert_true(listing.list[4].is_call_site);
    free(listing.list);
}

static void test_random_bytes(void **state)
{
    (void)state;
    struct random_source random = {11};
    enum { SIZE = 4096 };
    unsigned char *bytes = malloc(SIZE);
    for (int round = 0; round < 400; round++) {
        struct listing listing;
        size_t size = random_below(&random, SIZE);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)random_next(&random);
        struct disasm_request request = {.bytes = bytes,
                                         .size = size,
                                         .start = random_edge(&random),
                                         .is_function = random_once_in(&random, 2),
                                         .before = (unsigned)random_edge(&random),
                                         .after = (unsigned)random_edge(&random)};
        request.return_address = request.start + random_below(&random, SIZE);
        struct disasm_options options = {.is_32 = random_once_in(&random, 2), .att = random_once_in(&random, 2)};
        if (disassemble(options, &request, &listing) == 0) {
            assert_true(listing.count <= 129);
            free(listing.list);
        }
    }
    free(bytes);
}

/* Every address that where.c prints is one byte before a return address. */
static void test_program(void **state)
{
    (void)state;
    assert_true(run("gcc -g -O2 " BRKWATER_TESTS "/unit/inputs/where.c -o where"));
    struct symbols *symbols = symbols_new(&(struct symbols_options){0});
    int module = symbols_module(symbols, &(struct symbol_module){.path = in_workshop("where"), .fd = -1});
    FILE *lines = popen(in_workshop("where"), "r");
    char line[4096];
    int count = 0;
    for (; fgets(line, sizeof(line), lines); count++) {
        struct instruction *list;
        size_t size, site = 0;
        struct call_code_request request = {module, strtoull(line, NULL, 16) + 1, 3, 3, false};
        assert_int_equal(call_code(symbols, &request, &list, &size), 0);
        while (site < size && !list[site].is_call_site)
            site++;
        assert_true(site < size && size <= 7);
        assert_memory_equal(list[site].text, "call ", 5);
        assert_int_equal(list[site].address + list[site].size, request.return_address);
        assert_true(list[site].line > 0);
        assert_non_null(memmem(list[site].file.data, list[site].file.size, "where.c", 7));
        free(list);
    }
    assert_true(count >= 4);
    pclose(lines);
    struct instruction *list;
    size_t size;
    static const uint64_t wrong[] = {0, 1, 0x40, UINT64_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(call_code(symbols, &(struct call_code_request){module, wrong[i], 2, 2, true}, &list, &size),
                         -ENOENT);
    symbols_free(symbols);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_64_bit),  cmocka_unit_test(test_kinds_of_calls), cmocka_unit_test(test_32_bit),
        cmocka_unit_test(test_no_call), cmocka_unit_test(test_data_in_code),   cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_program),
    };
    return cmocka_run_group_tests_name("disasm", tests, open_workshop, close_workshop);
}
