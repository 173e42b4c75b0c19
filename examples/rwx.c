/*
 * rwx.c: code that is made at run time, in memory that stays writable.
 *
 * A compiler for formulas writes a function of six bytes into memory of its own and calls it.  The easy way is to map
 * that memory readable, writable and executable at once: then a stray write, or an attacker's, becomes code.  With the
 * argument `fixed` the memory is mapped writable, and made executable instead of writable once it is written.
 *
 * What the report should show:
 * - one mmap of 4096 bytes with PROT_READ|PROT_WRITE|PROT_EXEC, by compile;
 * - `brkwater findings`: writable-executable, by compile;
 * - with `fixed`: an mmap with PROT_READ|PROT_WRITE, an mprotect to PROT_READ|PROT_EXEC, and no finding.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, ANSWER = 42 };

/* mov $42,%eax; ret */
static const unsigned char code[] = {0xb8, ANSWER, 0, 0, 0, 0xc3};

typedef int formula(void);

static formula *compile(bool fixed)
{
    const int prot = PROT_READ | PROT_WRITE | (fixed ? 0 : PROT_EXEC);
    void *memory = mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "rwx: no memory\n");
        exit(1);
    }
    memcpy(memory, code, sizeof(code));
    if (fixed && mprotect(memory, PAGE, PROT_READ | PROT_EXEC) != 0) {
        fprintf(stderr, "rwx: no executable memory\n");
        exit(1);
    }
    return (formula *)memory;
}

int main(int argc, char **argv)
{
    static char output[256];
    setvbuf(stdout, output, _IOLBF, sizeof(output));
    const int answer = compile(argc > 1 && strcmp(argv[1], "fixed") == 0)();
    printf("the answer is %d\n", answer);
    return answer != ANSWER;
}
