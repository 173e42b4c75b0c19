// fixture.mjs: whole report files, made without brkwater by the format of report/html/format.h, from an invented program.
//
// The same options give the same bytes.  makeReport({seed, events, scale, processes, embed, heap, samples, texts, empty}):
//   events   calls that are simulated (each with its life, stack and time)
//   scale    each stands for that many in the series and sparse sections (levels of detail only: a trace too large to embed)
//   texts    strings to use for files, functions, threads, command lines and sections, in place of harmless ones
//   recursive  some calls come from functions that call themselves, and each other
//   empty    nothing but a start and an end
//   extraThreads, mappings, islands (mappings far from each other), execs (programs in one process): so many of these
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { crc32, deflateRawSync } from "node:zlib";

const ROOT = new URL("../../report/html/", import.meta.url);
const BUILT = (process.env.BRKWATER_BUILD ?? new URL("../../build", import.meta.url).pathname) + "/report/html"; // script and style as they are shipped
const PAGE = 4096;
const KINDS = ["", "heap", "arena", "chunk", "stack", "image", "file", "shared", "anonymous", "guard", "kernel"];
const [, HEAP, ARENA, CHUNK, STACK, IMAGE, FILE, SHARED, ANONYMOUS, GUARD, KERNEL] = KINDS.keys();
const ROLES = ["", "text", "rodata", "relro", "data", "bss", "main", "thread", "ended", "reserved", "closed", "guard", "jit"];
const CALLS = ["", "brk", "mmap", "munmap", "mprotect", "madvise", "mremap", "execve", "clone"];
const [, BRK, MMAP, MUNMAP, MPROTECT, MADVISE, MREMAP] = CALLS.keys();
const SHOWN = [0, 1, 6, 2, 3, 3, 1, 3, 2]; // arguments of each call
const TICKS = 10_000_000;

// ---- writing sections ----

class Bytes {
    constructor() {
        this.data = new Uint8Array(1 << 16);
        this.size = 0;
    }
    room(n) {
        if (this.size + n <= this.data.length) return;
        const larger = new Uint8Array(Math.max(this.data.length * 2, this.size + n));
        larger.set(this.data.subarray(0, this.size));
        this.data = larger;
    }
    byte(value) {
        this.room(1);
        this.data[this.size++] = value;
    }
    varint(value) {
        this.room(10);
        while (value >= 128) {
            this.data[this.size++] = (value % 128) | 128;
            value = Math.floor(value / 128);
        }
        this.data[this.size++] = value;
    }
    big(value) {
        while (value >= 128n) {
            this.byte(Number(value & 127n) | 128);
            value >>= 7n;
        }
        this.byte(Number(value));
    }
    bytes(bytes) {
        this.room(bytes.length);
        this.data.set(bytes, this.size);
        this.size += bytes.length;
    }
    get all() {
        return this.data.subarray(0, this.size);
    }
}

const encoder = new TextEncoder();

function column(type, items) {
    const bytes = new Bytes();
    let before = 0, wide = 0n;
    for (const item of items) {
        if (type === "v") bytes.varint(item);
        else if (type === "b") bytes.byte(item);
        else if (type === "d") {
            const d = item - before;
            bytes.varint(d < 0 ? -d * 2 - 1 : d * 2);
            before = item;
        } else if (type === "w") {
            const d = BigInt.asIntN(64, BigInt(item) - wide);
            bytes.big(BigInt.asUintN(64, (d << 1n) ^ (d >> 63n)));
            wide = BigInt(item);
        } else {
            const text = encoder.encode(item);
            bytes.varint(text.length);
            bytes.bytes(text);
        }
    }
    return bytes.all;
}

export function section(name, columns) {
    const bytes = new Bytes();
    bytes.byte(1);
    bytes.varint(columns.length);
    for (const [title, type, items] of columns) {
        const packed = column(type, items);
        bytes.varint(title.length);
        bytes.bytes(encoder.encode(title));
        bytes.byte(type.charCodeAt(0));
        bytes.varint(items.length);
        bytes.varint(packed.length);
        bytes.bytes(packed);
    }
    const raw = bytes.all;
    return `<script type="application/octet-stream" id="s-${name}" data-n="${raw.length}" data-crc="${crc32(raw).toString(16).padStart(8, "0")}">` +
        `${deflateRawSync(raw, { level: 6 }).toString("base64")}</script>\n`;
}

class Strings {
    constructor() {
        this.list = [""];
        this.index = new Map([["", 0]]);
    }
    add(text) {
        if (!this.index.has(text)) {
            this.index.set(text, this.list.length);
            this.list.push(text);
        }
        return this.index.get(text);
    }
}

// ---- the invented program ----

function randomFrom(seed) {
    let state = seed >>> 0 || 1;
    return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
    };
}

/* Functions as they call each other, outermost first. */
const CODE = {
    execve: null,
    loader: ["_start", "_dl_start", "dl_main", "_dl_map_object", "_dl_map_segments", "mmap64"],
    parse: ["_start", "main", "run", "load_file", "parse_row", "realloc", "sysmalloc", "sbrk", "brk"],
    free: ["_start", "main", "run", "drop_table", "free", "_int_free", "systrim", "brk"],
    session: ["start_thread", "worker", "serve", "session_new", "calloc", "_int_malloc", "sysmalloc", "mmap64"],
    close: ["start_thread", "worker", "serve", "session_end", "free", "munmap"],
    pool: ["_start", "main", "pool_start", "pthread_create", "allocate_stack", "mmap64"],
    pages: ["_start", "main", "run", "cache_put", "cache_grow", "mmap64"],
    arena: ["start_thread", "worker", "malloc", "arena_get2", "new_heap", "mmap64"],
    index: ["_start", "main", "run", "index_open", "mmap64"],
    advise: ["start_thread", "worker", "collect", "madvise"],
};
const RECURSIVE = {
    walk: ["_start", "main", "run", "walk", "visit", "walk", "visit", "walk", "cache_grow", "mmap64"],
    descend: ["_start", "main", "descend", "descend", "descend", "0x5064f4", "cache_grow", "mmap64"],
};
const LIBC = /^(_start|_dl|dl_main|mmap64|realloc|sysmalloc|sbrk|brk|free|_int|systrim|calloc|munmap|pthread|allocate_stack|malloc|arena_get2|new_heap|madvise|start_thread)/;

function program(options, strings) {
    const { seed, events: wanted, processes, texts } = options;
    const random = randomFrom(seed);
    const name = (text, i) => (texts ? texts[i % texts.length] : text);
    const many = (stem, n) => Array.from({ length: n }, (_, i) => `${stem}_${i}`);
    // Stacks: the named ones, then variants with another outer function each, to have as many as asked for.
    const lines = [], lineOf = new Map();
    const line = (f) => {
        if (!lineOf.has(f)) {
            const libc = LIBC.test(f), i = lines.length;
            lineOf.set(f, i);
            lines.push({ f: f.startsWith("0x") ? "" : name(f, i), file: libc ? "" : name(`${f.split("_")[0]}.c`, i), number: libc ? 0 : 10 + ((i * 37) % 400), module: libc ? "libc.so.6" : name("/srv/server", i), flags: libc ? 4 | 8 : 0, address: f.startsWith("0x") ? Number(f) : 0x400000 + i * 64 });
        }
        return lineOf.get(f);
    };
    const stacks = [{ word: "no stack", lines: [] }, { word: "execve", lines: [] }, { word: "kernel", lines: [] }, { word: "before attach", lines: [] }];
    const stackOf = {};
    for (const [key, code] of Object.entries({ ...CODE, ...(options.recursive ? RECURSIVE : {}) }))
        if (code) {
            stackOf[key] = stacks.length;
            stacks.push({ word: "", lines: code.map(line).reverse() });
        }
    const variants = many("handler", Math.max(0, (options.stacks ?? 40) - stacks.length)).map((f, i) => {
        const base = Object.values(CODE).filter(Boolean)[3 + (i % 7)];
        stacks.push({ word: "", lines: [...base.slice(0, -3), f, `step_${i % 97}`, ...base.slice(-3)].map(line).reverse() });
        return stacks.length - 1;
    });

    const end = options.empty ? 4100 : (options.seconds ?? 12.4) * TICKS;
    const procs = [], spaces = [], threads = [], lives = [], events = [];
    const page = (address) => Math.floor(address / PAGE);
    let id = 0;
    const starts = [];

    const begin = (index, parent, start, last) => {
        procs.push({ pid: 4711 + index * 3, parent, name: name(index ? "helper" : "server", index), exe: name("/srv/server", index + 1), status: "exited with 0", start, end: last, events: 0, threads: 1, resident: 0, virtual: 0 });
        spaces.push({ id: index + 1, proc: index, start, end: last });
        threads.push({ tid: 4711 + index * 3, proc: index, start, end: last });
        const born = (at, pages, kind, extra = {}) => lives.push({ space: index, page: page(at), pages, born: start, died: last, event: 0, birth: start, stack: 1, owner: 4711 + index * 3, file: "", offset: 0, fileNumber: 0, prot: 3, flags: 0, kind, role: 0, runtime: 0, protects: 0, ...extra }) - 1;
        let at = 0x7f1c30000000 + index * 0x10000000;
        ["/srv/server", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libm.so.6"].forEach((file, i) => {
            const base = i ? at + 0x8000000 + i * 0x400000 : 0x55d0c0000000;
            const path = name(file, i + 3);
            [[4, 1, 2], [180, 5, 1], [40, 1, 2], [4, 1, 3], [6, 3, 4]].reduce((offset, [pages, prot, role]) => {
                born(base + offset * PAGE, pages, IMAGE, { file: path, fileNumber: i + 1, offset, prot, role, stack: i ? stackOf.loader : 1 });
                return offset + pages;
            }, 0);
        });
        born(0x7ffd10000000, 33, STACK, { file: "[stack]", flags: 4, role: 6, stack: 2 });
        born(0x7ffd10100000, 4, KERNEL, { file: "[vvar]", flags: 4, prot: 1, stack: 2 });
        born(0x7ffd10104000, 2, KERNEL, { file: "[vdso]", flags: 4, prot: 5, stack: 2 });
        return { index, start, last, born, heap: 0x55d0c2c4e000, brk: 0x55d0c2c4e000, next: at, live: [], heapLives: [] };
    };

    const log = (p, at, call, more) => {
        id++;
        procs[p.index].events++;
        events.push({ id, time: at, duration: 20 + Math.floor(random() * 90), tid: more.tid ?? procs[p.index].pid, proc: p.index, call, flags: 4, error: 0, mapped: 0, unmapped: 0, kind: 0, stack: 0, minor: Math.floor(random() * 4), major: 0, text: "", args: [0, 0, 0, 0, 0, 0], ret: 0, ...more });
    };
    /* A process that executes itself again and again: each time, all is at other addresses. */
    const executed = (n) => {
        const index = procs.length, at = (i) => Math.floor(end * (0.1 + 0.8 * i / n));
        procs.push({ pid: 9000, parent: 1, name: "again", exe: "/bin/again", status: "exited with 0", start: at(0), end: at(n), events: 0, threads: 1, resident: 0, virtual: 0 });
        threads.push({ tid: 9000, proc: index, start: at(0), end: at(n) });
        for (let i = 0; i < n; i++) {
            const life = (address, pages, kind, more) => lives.push({ space: spaces.length - 1, page: page(address), pages, born: at(i), died: at(i + 1), event: 0, birth: at(i), stack: 1, owner: 9000, file: "", offset: 0, fileNumber: 0, prot: 3, flags: 0, kind, role: 0, runtime: 0, protects: 0, ...more });
            const far = (limit) => Math.floor(random() * limit) * PAGE;
            spaces.push({ id: 1000 + i, proc: index, start: at(i), end: at(i + 1) });
            const base = 0x550000000000 + far(0x8000000);
            life(base, 20, IMAGE, { prot: 5, file: "/bin/again", fileNumber: 90 });
            life(base + 0x400000 + far(6000), 33, HEAP, { file: "[heap]", flags: 4 });
            life(0x7f0000000000 + far(0x4000000), 400, IMAGE, { prot: 5, file: "/lib/libc.so.6", fileNumber: 91 });
            life(0x7ffc00000000 + far(0x100000), 33, STACK, { file: "[stack]", flags: 4 });
        }
    };

    const end_life = (i, at) => {
        if (lives[i].died > at) lives[i].died = at;
    };
    const grow = (p, at, pages, stack) => {
        const before = p.brk;
        p.brk += pages * PAGE;
        log(p, at, BRK, { mapped: pages * PAGE, kind: HEAP, stack, args: [p.brk, 0, 0, 0, 0, 0], ret: p.brk });
        p.heapLives.push(p.born(before, pages, HEAP, { born: at, birth: at, event: id, stack, file: "[heap]", flags: 4 }));
    };
    const trim = (p, at, stack) => {
        const last = p.heapLives.pop();
        if (last === undefined) return;
        end_life(last, at);
        p.brk -= lives[last].pages * PAGE;
        log(p, at, BRK, { unmapped: lives[last].pages * PAGE, kind: HEAP, stack, args: [p.brk, 0, 0, 0, 0, 0], ret: p.brk });
    };
    const map = (p, at, pages, kind, stack, extra = {}) => {
        const address = p.next;
        p.next += (pages + (random() < 0.3 ? 1 : 0)) * PAGE;
        if (random() < 0.002) p.next += 0x8000000;
        log(p, at, MMAP, { mapped: pages * PAGE, kind, stack, text: extra.file ?? "", args: [0, pages * PAGE, extra.prot ?? 3, extra.file ? 2 : 0x22, extra.file ? 3 : 2 ** 32 - 1, 0], ret: address });
        return p.born(address, pages, kind, { born: at, birth: at, event: id, stack, ...extra });
    };
    const unmap = (p, at, i, stack) => {
        end_life(i, at);
        log(p, at, MUNMAP, { unmapped: lives[i].pages * PAGE, kind: lives[i].kind, stack, args: [lives[i].page * PAGE, lives[i].pages * PAGE, 0, 0, 0, 0] });
    };

    const count = options.empty ? 0 : wanted;
    for (let i = 0; i < processes; i++) starts.push(i ? Math.floor(end * (0.1 + 0.7 * (i / processes))) : 0);
    const running = [begin(0, 0, 0, end)];
    const per = count ? Math.max(1, Math.floor(count / (1 + (processes - 1) * 0.05))) : 0;
    for (let i = 1; i < processes; i++) running.push(begin(i, 1, starts[i], Math.floor(starts[i] + (end - starts[i]) * (0.3 + 0.7 * random()))));
    for (let n = 0; n < count; n++) {
        const x = (n + 0.5) / count, at = Math.floor(end * (0.002 + 0.996 * x));
        const others = running.filter((p, i) => i && p.start < at && p.last > at);
        const p = n > per * 0.2 && others.length && random() < 0.12 ? others[Math.floor(random() * others.length)] : running[0];
        const variant = options.recursive && n % 3 === 0 ? stackOf[n % 2 ? "walk" : "descend"] : variants.length && random() < 0.5 ? variants[Math.floor(random() ** 2 * variants.length)] : 0;
        const r = random(), phase = x < 0.55 ? 0 : x < 0.7 ? 1 : 2;
        if (x < 0.02 && n % 3 === 0) {
            const stack = map(p, at, 2048, STACK, stackOf.pool, { role: 7 });
            p.born(lives[stack].page * PAGE - PAGE, 1, GUARD, { born: at, birth: at, event: id, stack: stackOf.pool, prot: 0 });
            p.next += PAGE * 2;
            if (p.index === 0 && threads.length < (options.threads ?? 18)) threads.push({ tid: 4800 + threads.length, proc: 0, start: at, end });
        } else if (r < 0.22) grow(p, at, 33 * (1 + Math.floor(random() * 3)), variant || stackOf.parse);
        else if (r < 0.22 + [0.06, 0.3, 0.21][phase]) trim(p, at, stackOf.free);
        else if (r < 0.68) {
            if (p.live.length > 60 || (random() < 0.48 && p.live.length)) unmap(p, at, p.live.splice(Math.floor(random() * p.live.length), 1)[0], stackOf.close);
            else p.live.push(map(p, at, 50 + Math.floor(random() * 400), CHUNK, variant || stackOf.session));
        } else if (r < 0.74) p.live.push(map(p, at, 16 + Math.floor(random() * 256), ANONYMOUS, variant || stackOf.pages));
        else if (r < 0.755) p.live.push(map(p, at, 64, FILE, stackOf.index, { file: name(`/var/lib/server/index-${n % 9}.db`, n), fileNumber: 10 + (n % 9), prot: 1 }));
        else if (r < 0.758) p.live.push(map(p, at, 256, SHARED, stackOf.index, { file: name("/dev/shm/ring", n), fileNumber: 30, flags: 1 }));
        else if (r < 0.76) p.born((p.next += 0x4000000), 4096, ARENA, { born: at, birth: at, event: id, stack: stackOf.arena, prot: random() < 0.5 ? 0 : 3, role: 9 });
        else if (r < 0.9 && p.live.length) {
            const life = lives[p.live[Math.floor(random() * p.live.length)]];
            log(p, at, MADVISE, { kind: life.kind, stack: stackOf.advise, args: [life.page * PAGE, life.pages * PAGE, 4, 0, 0, 0], minor: 0 });
        } else if (r < 0.93 && p.live.length) {
            const i = Math.floor(random() * p.live.length), life = lives[p.live[i]];
            if (life.born < at) {
                end_life(p.live[i], at);
                p.live[i] = p.born(life.page * PAGE, life.pages, life.kind, { ...life, born: at, died: p.last, prot: random() < 0.1 ? 7 : 1, protects: life.protects + 1 });
                log(p, at, MPROTECT, { kind: life.kind, stack: variant || stackOf.pages, args: [life.page * PAGE, life.pages * PAGE, 1, 0, 0, 0] });
            }
        } else log(p, at, MMAP, { error: 12, stack: variant || stackOf.pages, args: [0, 2 ** 40, 3, 0x22, 2 ** 32 - 1, 0], ret: "-12" });
    }
    for (const life of lives) life.died = Math.min(life.died, spaces[life.space].end);
    for (let i = threads.length; i < (options.extraThreads ?? 0); i++) threads.push({ tid: 10000 + i, proc: 0, start: Math.floor(end * 0.1), end });
    for (let i = 0; i < (options.mappings ?? 0); i++) running[0].born(0x6f0000000000 + i * PAGE, 1, ANONYMOUS, { stack: stackOf.pages, prot: i % 2 ? 3 : 1 });
    for (let i = 0; i < (options.islands ?? 0); i++) running[0].born(0x100000000000 + i * 0x2000000000, i % 50 === 7 ? 4096 : 1 + (i % 2), ANONYMOUS, { stack: stackOf.pages });
    if (options.execs) executed(options.execs);
    // Attached to: what no call made was there before.
    if (options.attached) for (const life of lives) if (!life.event) Object.assign(life, { stack: 3, flags: life.flags | 8 });
    return { end, procs, spaces, threads, lives, events, stacks, lines, stackOf, name };
}

// ---- sections ----

function trees(stacks) {
    const make = (order) => {
        const line = [0], parent = [0], word = [""], children = new Map(), ends = [];
        for (const stack of stacks) {
            let node = 0;
            const path = stack.lines.length ? order(stack.lines).map((l) => l + 1) : [stack.word];
            for (const step of path) {
                const key = `${node} ${step}`;
                if (!children.has(key)) {
                    children.set(key, line.length);
                    line.push(typeof step === "number" ? step : 0);
                    word.push(typeof step === "number" ? "" : step);
                    parent.push(node);
                }
                node = children.get(key);
            }
            ends.push(node);
        }
        return { line, parent, word, ends };
    };
    return [make((l) => [...l].reverse()), make((l) => l)];
}

function lod(name, run, scale, n, of) {
    const size = KINDS.length, zero = () => new Float64Array(n);
    const bucket = (t) => Math.min(n - 1, Math.floor((t * n) / run.end));
    const kinds = KINDS.map(zero), max = KINDS.map(zero), calls = CALLS.map(zero), minor = zero(), errors = zero(), mapped = zero(), returned = zero();
    for (const life of run.lives) {
        if (of >= 0 && run.spaces[life.space].proc !== of) continue;
        kinds[life.kind][bucket(life.born)] += life.pages * PAGE;
        if (life.died < run.end) kinds[life.kind][bucket(life.died)] -= life.pages * PAGE;
    }
    for (const event of run.events) {
        if (of >= 0 && event.proc !== of) continue;
        const b = bucket(event.time);
        calls[event.call][b] += scale;
        minor[b] += event.minor * scale;
        errors[b] += event.error ? scale : 0;
        mapped[b] += event.mapped * scale;
        returned[b] += event.unmapped * scale;
    }
    const total = zero(), resident = zero(), low = zero(), high = zero(), samples = zero();
    for (let k = 1; k < size; k++)
        for (let b = 0, sum = 0; b < n; b++) {
            sum += kinds[k][b];
            kinds[k][b] = sum;
            max[k][b] = sum;
            total[b] += sum;
        }
    for (let b = 0, last = 0; b < n; b++) {
        const has = run.samples && (n < 400 || b % Math.ceil(n / 400) === 0) && !(b > n * 0.62 && b < n * 0.66);
        samples[b] = has ? 1 : 0;
        if (has) last = Math.floor((kinds[HEAP][b] * 0.9 + kinds[CHUNK][b] * 0.8 + kinds[IMAGE][b] * 0.4 + kinds[ANONYMOUS][b] * 0.5) / PAGE) * PAGE;
        resident[b] = last;
        low[b] = has ? last * 0.98 : last;
        high[b] = has ? last * 1.01 : last;
    }
    const integer = (a) => Array.from(a, Math.floor);
    const columns = [];
    const add = (title, items, type = "d") => items.some(Boolean) && columns.push([title, type, integer(items)]);
    add("resident_last", resident);
    add("resident_min", low);
    add("resident_max", high);
    add("resident_samples", samples, "v");
    for (const which of ["last", "min", "max"]) add(`virtual_${which}`, total);
    if (run.heap) for (const which of ["last", "min", "max"]) add(`heap_${which}`, kinds[HEAP]);
    for (let k = 1; k < size; k++) {
        add(`kind${k}_last`, kinds[k]);
        add(`kind${k}_max`, max[k]);
    }
    calls.forEach((series, c) => add(`call${c}`, series, "v"));
    add("minor", minor, "v");
    add("errors", errors, "v");
    add("mapped", mapped, "v");
    add("returned", returned, "v");
    const peak = resident.reduce((best, v, i) => (v > resident[best] ? i : best), 0);
    return { text: section(name, columns), peak, resident: Math.max(...resident), virtual: Math.max(...total) };
}

function sparse(run, scale, n) {
    const rows = new Map();
    for (const event of run.events) {
        const key = `${event.proc} ${event.stack}`, b = Math.min(n - 1, Math.floor((event.time * n) / run.end));
        if (!rows.has(key)) rows.set(key, { proc: event.proc, stack: event.stack, items: new Map() });
        const items = rows.get(key).items;
        if (!items.has(b)) items.set(b, [0, 0, 0, 0, 0, 0]);
        const item = items.get(b);
        [1, event.mapped, event.unmapped, event.minor + event.major, event.duration, event.minor * 4096].forEach((v, i) => (item[i] += v * scale));
    }
    const columns = [[], [], [], [], [], [], [], [], [], []];
    for (const row of rows.values()) {
        const items = [...row.items].sort((a, b) => a[0] - b[0]);
        columns[0].push(row.proc + 1);
        columns[1].push(row.stack);
        columns[2].push(items.length);
        let last = -1;
        for (const [b, item] of items) {
            columns[3].push(b - last);
            item.forEach((v, i) => columns[4 + i].push(v));
            last = b;
        }
    }
    const names = ["row_slot", "row_stack", "row_items", "bucket", "calls", "mapped", "returned", "faults", "time", "touched"];
    return section("sparse", names.map((title, i) => [title, "v", columns[i]]));
}

function extents(run) {
    const list = [];
    run.spaces.forEach((_, space) => {
        const own = run.lives.filter((l) => l.space === space).sort((a, b) => a.page - b.page);
        let current = null;
        for (const life of own) {
            if (current && life.page - current.end < 16384) current.end = Math.max(current.end, life.page + life.pages);
            else list.push((current = { space, start: life.page, end: life.page + life.pages }));
        }
    });
    return list;
}

/* Looks at resident pages: of each process three, at different times. */
function looks(run) {
    const list = [];
    run.spaces.forEach(({ start, end }, space) => {
        for (const [share, reason] of [[0.3, 2], [0.6, 3], [1, 1]]) list.push({ space, reason, time: Math.floor(start + (Math.min(end, run.end) - start) * share) - (share === 1 ? 1 : 0), parts: [] });
    });
    list.sort((a, b) => a.time - b.time);
    const bySpace = run.spaces.map((_, space) => list.filter((look) => look.space === space));
    run.lives.forEach((life, i) => {
        for (const look of bySpace[life.space]) {
            const pages = Math.floor(life.pages * ((i * 7) % 11) / 10);
            if (life.prot && pages && life.born <= look.time && look.time < life.died) look.parts.push([i, Math.min(pages, life.pages)]);
        }
    });
    const part = (k) => list.flatMap((look) => look.parts.map((p) => p[k]));
    return section("looks", [
        ["look_space", "d", list.map((l) => l.space)], ["look_time", "d", list.map((l) => l.time)], ["look_reason", "b", list.map((l) => l.reason)], ["look_end_page", "v", list.map(() => 0)],
        ["look_parts", "v", list.map((l) => l.parts.length)], ["part_life", "d", part(0)], ["part_pages", "v", part(1)], ["taken", "v", [list.length]],
    ]);
}

const escape = (text) => text.replace(/[&<>"'`]/g, (c) => `&#${c.charCodeAt(0)};`);

/* All events; `copies` times, when a file is to be large. */
function chunks(run, embed, copies) {
    const list = embed ? run.events : [];
    const parts = [];
    const ev = [[], [], [], []];
    for (let i = 0; i < list.length; i += 65536) {
        const part = list.slice(i, i + 65536);
        const pick = (f) => part.map(f);
        ev[0].push(part[0].id), ev[1].push(part.length), ev[2].push(part[0].time), ev[3].push(part[part.length - 1].time);
        const texts = [], at = new Map();
        const text = pick((e) => {
            if (!e.text) return 0;
            if (!at.has(e.text)) at.set(e.text, texts.push(e.text));
            return at.get(e.text);
        });
        parts.push(section(`e${parts.length}`, [
            ["id", "d", pick((e) => e.id)], ["time", "d", pick((e) => e.time)], ["duration", "v", pick((e) => e.duration)], ["tid", "d", pick((e) => e.tid)],
            ...["proc", "call", "flags", "error", "mapped", "unmapped", "kind", "stack", "minor", "major"].map((k) => [k, "v", pick((e) => e[k])]),
            ["text_str", "v", text], ["text", "t", texts], ["shown", "b", pick((e) => SHOWN[e.call])],
            ...[0, 1, 2, 3, 4, 5].map((a) => [`a${a}`, "w", pick((e) => BigInt(e.args[a]))]), ["ret", "w", pick((e) => BigInt(e.ret))],
        ]));
    }
    for (let k = 1, n = parts.length; k < copies; k++)
        for (let i = 0; i < n; i++) {
            parts.push(parts[i].replace(/id="s-e\d+"/, `id="s-e${parts.length}"`));
            ev[0].push(ev[0][i] + k * list.length), ev[1].push(ev[1][i]), ev[2].push(ev[3][n - 1]), ev[3].push(ev[3][n - 1]);
        }
    const names = ["first_id", "count", "start", "end"];
    return { parts, ev: section("ev", [...names.map((t, i) => [t, "v", ev[i]]), ["whole", "v", [embed ? 1 : 0]]]), count: list.length * copies };
}

const FINDINGS = [
    ["heap-pinned", 2, "239M of free heap cannot be given back: one live 48-byte chunk near its top pins it.", "Free it earlier, or allocate what lives long before what is large.", "brkwater heap server.brkw", "parse"],
    ["churn", 1, "The same 1.2M is mapped and unmapped 214 times a second by session_new (net.c:41).", "Keep a pool of sessions, or raise M_MMAP_THRESHOLD.", "brkwater events server.brkw -e mmap,munmap", "session"],
    ["failed-calls", 0, "61 calls failed with ENOMEM: 1.0T each.", "Look at the size that cache_grow asks for.", "brkwater events server.brkw --failed", "pages"],
];

/* The invented run itself, to compare what the page says with what happened. */
export const makeRun = (given = {}) => program({ seed: 1, events: 4000, scale: 1, processes: 3, embed: true, heap: true, samples: true, ...given }, new Strings());

export function makeReport(given = {}) {
    const options = { seed: 1, events: 4000, scale: 1, processes: 3, embed: true, heap: true, samples: true, ...given };
    const strings = new Strings();
    const run = program(options, strings);
    Object.assign(run, { samples: options.samples && !options.empty, heap: options.heap && !options.empty });
    const s = (t) => strings.add(t), n = options.buckets ?? 16384;
    const exact = options.scale === 1 && options.embed;
    const text = (title, items) => [title, "t", items], v = (title, items) => [title, "v", items], d = (title, items) => [title, "d", items];
    const of = (list, names) => names.map(([title, key, type = "v"]) => [title, type, list.map((item) => (typeof key === "function" ? key(item) : item[key]))]);

    const first = [], late = [];
    const whole = lod("lod0", run, options.scale, n, -1);
    const slots = run.procs.slice(0, 32).map((p, i) => {
        const part = lod(`lod${i + 1}`, run, options.scale, i ? 4096 : n, i);
        Object.assign(p, { resident: part.resident, virtual: part.virtual });
        return part.text;
    });
    const peak = Math.min(run.end, Math.floor(((whole.peak + 1) * run.end) / n));
    const [inward, outward] = trees(run.stacks);
    const { parts, ev, count } = chunks(run, options.embed, options.copies ?? 1);
    const finds = options.empty ? [] : FINDINGS;
    const found = finds.map(([, , , , , key]) => run.events.filter((e) => e.stack === run.stackOf[key]).slice(0, 3));

    const command = run.name("./server --port 8080", 0), meta = {
        ticks: run.end, events: run.events.length * options.scale, embedded: count, exact: exact ? 1 : 0, buckets: n, sparse: 1024, instants: 256, lives: 1, peak,
        trace: run.name("server.brkw", 1), host: "x86_64", kernel: "6.1.0-28-amd64", tool: "0.1.0", sampling: "10 ms", started: "2026-03-14 09:26:53 UTC",
        threads: run.threads.length, verified: "214 checkpoints, 0 drift", loss: options.loss ?? "", stacks: "99.2 % complete",
        uncollected: options.samples ? "" : "resident memory was not sampled", show_events: "brkwater events server.brkw", show_layout: "brkwater layout server.brkw", show_stacks: "brkwater stacks server.brkw",
        show_findings: "brkwater findings server.brkw", show_heap: "brkwater heap server.brkw",
    };
    first.push(section("meta", [text("key", Object.keys(meta)), text("value", Object.values(meta).map(String))]));
    first.push(section("tables", [
        text("kinds", KINDS), text("roles", ROLES), text("runtimes", ["", "glibc", "python"]), text("acts", ["", "grow", "trim", "map"]), text("calls", CALLS),
        text("call_args", ["", "addr:address", "addr:address length:size prot:set:3 flags:set:1 fd:fd offset:offset", "addr:address length:size", "addr:address length:size prot:set:3", "addr:address length:size advice:set:2", "addr:address", "path:text argv:text envc:text", "flags:set:4 child_stack:address all:whole"]),
        text("call_result", CALLS.map((_, call) => ([BRK, MMAP, MREMAP].includes(call) ? "address" : "signed"))),
        text("fields", ["1 ffffffffffffffff MAP", "1 f 1 MAP_SHARED", "1 f 2 MAP_PRIVATE", "1 10 10 MAP_FIXED", "1 20 20 MAP_ANONYMOUS", "2 ffffffff MADV", "2 ffffffff 4 MADV_DONTNEED",
            "3 ffffffffffffffff PROT", "3 ffffffffffffffff 0 PROT_NONE", "3 1 1 PROT_READ", "3 2 2 PROT_WRITE", "3 4 4 PROT_EXEC", "4 ffffffffffffffff CLONE", "4 100 100 CLONE_VM", "4 7f 11 SIGCHLD"]), text("errors", ["12 ENOMEM", "22 EINVAL"]),
        text("call_class", ["other", "brk", "map", "unmap", "protect", "advise", "remap", "other", "other"]),
    ]));
    const proc = section("proc", of(run.procs, [["pid", "pid"], ["parent", "parent"], ["name_str", (p) => s(p.name)], ["exe_str", (p) => s(p.exe)], ["status_str", (p) => s(p.status)], ["start", "start"], ["end", "end"],
        ["slot", (p) => { const i = run.procs.indexOf(p); return i < 32 ? i + 2 : 0; }], ["events", "events"], ["threads", "threads"], ["resident_peak", "resident"], ["virtual_peak", "virtual"]]));
    const space = section("space", of(run.spaces, [["id", "id"], ["proc", "proc"], ["start", "start"], ["end", "end"]]));
    const thread = section("thread", of(run.threads, [["tid", "tid"], ["proc", "proc"], ["start", "start"], ["end", "end"]]));
    const site = (stack) => stack.lines.find((l) => !(run.lines[l].flags & 12)) ?? stack.lines[0];
    const stk = section("stk", [
        ...of(run.lines, [["line_function_str", (l) => s(l.f)], ["line_file_str", (l) => s(l.file)], ["line_number", "number"], ["line_module_str", (l) => s(l.module)], ["line_offset", (l) => (l.f ? 16 : l.address)], ["line_flags", "flags"]]),
        v("node_line", inward.line), v("node_parent", inward.parent), v("node_word_str", inward.word.map(s)), v("rnode_line", outward.line), v("rnode_parent", outward.parent), v("rnode_word_str", outward.word.map(s)),
        v("stack_id", run.stacks.map((_, i) => (i < 4 ? 0 : i + 100))), v("stack_node", inward.ends), v("stack_rnode", outward.ends), v("stack_site", run.stacks.map((st) => (st.lines.length ? site(st) + 1 : 0))),
        v("stack_site_str", run.stacks.map((st) => s(st.lines.length ? `${run.lines[site(st)].f} (${run.lines[site(st)].file || run.lines[site(st)].module}:${run.lines[site(st)].number})` : st.word))),
        v("stack_quality", run.stacks.map(() => 0)), v("stack_lines", run.stacks.map((st) => st.lines.length)), v("lines", run.stacks.flatMap((st) => st.lines)),
    ]);
    const ext = extents(run);
    const lives = section("lives", [
        ...of(run.lives, [["space", "space"], ["start_page", "page", "d"], ["pages", "pages"], ["born", "born", "d"], ["died", "died", "d"], ["event", "event", "d"], ["birth", "birth", "d"], ["stack", "stack"], ["owner", "owner", "d"],
            ["file_str", (l) => s(l.file)], ["offset_pages", "offset"], ["file", "fileNumber"], ["prot", "prot"], ["flags", "flags"], ["kind", "kind"], ["role", "role"], ["runtime", "runtime"], ["protects", "protects"]]),
        v("extent_space", ext.map((e) => e.space)), d("extent_start_page", ext.map((e) => e.start)), d("extent_end_page", ext.map((e) => e.end)),
    ]);
    const find = section("find", [
        v("name_str", finds.map((f) => s(f[0]))), v("severity", finds.map((f) => f[1])), v("sentence_str", finds.map((f, i) => s(run.name(f[2], i + 2)))), v("advice_str", finds.map((f) => s(f[3]))), v("see_str", finds.map((f) => s(f[4]))),
        v("proc", finds.map(() => 1)), v("start", finds.map((_, i) => Math.floor(run.end * 0.1 * i))), v("end", finds.map((_, i) => Math.floor(run.end * (0.6 + 0.1 * i)))), v("numbers", finds.map(() => 2)), v("events", found.map((e) => e.length)), v("stacks", finds.map(() => 1)),
        v("number_name_str", finds.flatMap(() => [s("cycles"), s("size")])), v("number_str", finds.flatMap(() => [s("1,204"), s("132K")])), v("event_id", found.flat().map((e) => e.id)), v("event_time", found.flat().map((e) => e.time)), v("stack", finds.map((f) => run.stackOf[f[5]])),
    ]);
    const steps = run.heap ? run.events.filter((e) => e.call === BRK && e.proc === 0).slice(0, 3000) : [];
    let level = 0;
    const heap = section("heap", [
        v("proc", [run.heap ? 1 : 0]), text("word_name", run.heap ? ["high water", "grew", "trimmed", "pinned by"] : []), text("word", run.heap ? ["391.5M at 8.20 s", "1,204 x +512.0M", "12 x -120.5M", "a 48-byte chunk of session_new (net.c:41)"] : []),
        v("step_time", steps.map((e) => e.time)), v("step_act", steps.map((e) => (e.mapped ? 1 : 2))), v("step_bytes", steps.map((e) => e.mapped + e.unmapped)), v("step_size", steps.map((e) => (level += e.mapped - e.unmapped))), v("step_stack", steps.map((e) => e.stack)), v("step_event", steps.map((e) => e.id)), v("steps_left_out", [0]),
        v("move_time", run.heap ? [Math.floor(run.end / 3)] : []), v("move_from", run.heap ? [131072] : []), v("move_to", run.heap ? [1605632] : []), v("move_stack", run.heap ? [4] : []),
        d("arena_start_page", run.heap ? [0x7f1c30000] : []), v("arena_reserved", run.heap ? [67108864] : []), v("arena_open", run.heap ? [10616832] : []), v("arena_time", run.heap ? [12345] : []), v("arena_threads_str", run.heap ? [s("4801, 4805")] : []),
    ]);
    const code = section("code", [v("stack", options.empty ? [] : [run.stackOf.parse]), v("text_str", options.empty ? [] : [s("  401136  48 89 c7    mov    rdi, rax\n> 401139  e8 f2 fe ff  call   realloc\n  40113e  48 85 c0    test   rax, rax")]), v("source_str", options.empty ? [] : [s("87      size_t want = row->size * 2;\n88 >    row->data = realloc(row->data, want);\n89      if (!row->data)")])]);
    first.push(section("str", [text("text", strings.list)]), proc, space, thread, stk, whole.text, lives, find, heap, code);
    late.push(...slots, sparse(run, options.scale, 1024), looks(run), ...parts, ev);

    const css = readFileSync(`${BUILT}/report.css`), js = readFileSync(`${BUILT}/report.js`), body = readFileSync(new URL("body.html", ROOT));
    const hash = (bytes) => createHash("sha256").update(bytes).digest("base64");
    const policy = `default-src 'none'; script-src 'sha256-${hash(js)}'; style-src 'sha256-${hash(css)}'; img-src data: blob:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'`;
    const bdi = (t) => `<bdi>${escape(t)}</bdi>`;
    const severities = ["note", "warning", "problem"];
    const cards = finds.map((f, i) => `<li class="finding ${severities[f[1]]}" data-finding="${i}"><h3><span class="severity">&#9650; ${severities[f[1]]}</span> ${bdi(f[0])}</h3><p>${bdi(run.name(f[2], i + 2))}</p>` +
        `<p class="numbers">cycles <b>1,204</b>, size <b>132K</b></p><p class="advice">${bdi(f[3])}</p><p class="see">Confidence: high. See <code>${bdi(f[4])}</code></p></li>`);
    const table = (title, heads, rows) => `<div class="scroll"><table><caption>${title}</caption><thead><tr>${heads.map((head, i) => `<th scope="col"${i ? ' class="n"' : ""}>${head}</th>`).join("")}</tr></thead><tbody>${rows.map(([first, ...rest]) => `<tr><th scope="row">${bdi(first)}</th>${rest.map((c) => `<td class="n">${bdi(c)}</td>`).join("")}</tr>`).join("")}</tbody></table></div>`;
    const fact = ([k, value]) => `<div><dt>${k}</dt><dd>${bdi(value)}</dd></div>`;
    const statics = `<header id="head"><h1><span class="brand">brkwater</span> <code class="command">${bdi(command)}</code></h1>\n<dl class="facts">${[["pid", "4711"], ["duration", `${run.end / TICKS} s`], ["processes", `${run.procs.length}, ${run.threads.length} threads`], ["outcome", "exited with 0"], ["verified", meta.verified]].map(fact).join("")}</dl></header>\n` +
        `<section id="findings" aria-labelledby="findings-h"><h2 id="findings-h">Findings</h2>${cards.length ? `<ol class="findings">${cards.join("")}</ol>` : '<p class="empty">No finding. Checked: growth, trims, churn, thresholds, arenas, stacks, limits, protection, failed calls.</p>'}</section>\n` +
        `<section id="summary" aria-labelledby="summary-h"><h2 id="summary-h">Summary</h2><dl class="totals">${[["resident", "peak 412M at 8.21 s, end 398M"], ["virtual", "peak 2.31G at 8.2 s"], ["events", String(meta.events)]].map(fact).join("")}</dl>` +
        table("Kinds of memory", ["kind", "at end", "peak"], KINDS.slice(1).map((k) => [k, "1.0M", "2.0M"])) + table("Call sites that mapped most", ["call site", "mapped"], run.lines.slice(0, 20).map((l) => [l.f, "1.0M"])) + "</section>\n";
    return `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escape(command)} - brkwater</title><style>${css}</style></head>\n<body>\n${statics}${body}` +
        `${first.join("")}<script>${js}</script>\n${late.join("")}<script type="application/octet-stream" id="s-eof">${first.length + late.length}</script>\n</body></html>\n`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const options = JSON.parse(process.argv[2] ?? "{}");
    process.stdout.write(makeReport(options));
}
