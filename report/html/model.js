'use strict';
/*
 * model.js: what the report is about, and the one state that all panels show.  Nothing is computed here but sums of what
 * the file gives; each sum says whether it is of exactly the range that was asked for.
 */

const PAGE = 4096;
const ALL = -1; // all processes

const model = (() => {
    const m = { procs: [], kinds: [], chunks: [], rows: 0, whole: false };
    const alives = new Map(), lods = new Map();

    const list = (texts) => Array.from({ length: texts.length }, (_, i) => texts.at(i));

    /* Rows of a small section, as objects. */
    const columns = (section, names) => Array.from({ length: section.count(names[0]) }, (_, i) => Object.fromEntries(names.map((name) => [name, section.numbers(name)[i] ?? 0])));

    /* Columns of a large section, by the names [own, there]: each is decoded when it is first asked for. */
    function lazily(section, names, more) {
        const table = { ...more };
        for (const [own, there] of names)
            Object.defineProperty(table, own, { configurable: true, get: () => {
                const value = section.numbers(there);
                Object.defineProperty(table, own, { value });
                return value;
            } });
        return table;
    }

    function readCode(stk) {
        const n = (name) => stk.numbers(name), pairs = (prefix, names) => names.split(' ').map((name) => name.split('=')).map(([own, there]) => [own, prefix + (there ?? own)]);
        const tree = (prefix) => lazily(stk, pairs(prefix, 'line parent word=word_str'));
        const count = n('stack_lines'), first = new Uint32Array(count.length + 1);
        for (let i = 0; i < count.length; i++) first[i + 1] = first[i] + count[i];
        m.stacks = lazily(stk, [...pairs('stack_', 'id site=site_str line=site quality'), ['lines', 'lines']], { n: stk.count('stack_node'), ends: [n('stack_node'), n('stack_rnode')], first });
        m.trees = [tree('node_'), tree('rnode_')];
        m.lines = lazily(stk, pairs('line_', 'fn=function_str file=file_str number module=module_str offset flags'));
    }

    /* What the first picture does without. */
    async function more() {
        const [section, stk] = await Promise.all(['lives', 'stk'].map((name) => format.section(name)));
        readCode(stk);
        const names = 'space start_page pages born died event birth stack owner file_str offset_pages file prot flags kind role runtime protects';
        m.lives = lazily(section, names.split(' ').map((name) => [name, name]), { n: section.count('pages'), space_n: section.count('extent_space') });
        m.extents = ['extent_space', 'extent_start_page', 'extent_end_page'].map((name) => section.numbers(name));
    }

    function readTables(tables) {
        for (const name of ['kinds', 'roles', 'runtimes', 'acts', 'calls']) m[name] = list(tables.texts(name));
        m.classes = list(tables.texts('call_class'));
        m.args = list(tables.texts('call_args')).map((text) => text.split(' ').filter(Boolean).map((part) => part.split(':')));
        m.pointers = list(tables.texts('call_result')).map((how) => how === 'address');
        m.fields = new Map(); // of each set: the bits that count, a word, and its names
        for (const line of list(tables.texts('fields'))) {
            const [set, mask, value, name] = line.split(' '), number = (hex) => BigInt('0x' + hex.replace(/[^0-9a-f]/gi, '')), known = m.fields.get(set);
            if (known) known.names.push([number(mask), number(value), name]);
            else m.fields.set(set, { mask: number(mask), word: value, names: [] });
        }
        m.errors = new Map(list(tables.texts('errors')).map((line) => line.split(' ')));
    }

    async function load() {
        const names = ['meta', 'tables', 'str', 'proc', 'space', 'thread', 'lod0', 'find'];
        const [meta, tables, str, proc, space, thread, lod0, find] = await Promise.all(names.map((name) => format.section(name)));
        const keys = meta.texts('key'), values = meta.texts('value');
        const read = new Map(list(keys).map((key, i) => [key, values.at(i)]));
        m.word = (key) => read.get(key) ?? '';
        m.number = (key) => Number(read.get(key)) || 0;
        m.end = Math.max(1, m.number('ticks'));
        m.exact = m.number('exact') === 1;
        m.sparseBuckets = Math.max(1, m.number('sparse'));
        readTables(tables);
        const text = str.texts('text');
        m.text = (i) => text.at(i);
        m.procs = columns(proc, ['pid', 'parent', 'name_str', 'exe_str', 'status_str', 'start', 'end', 'slot', 'events', 'threads', 'resident_peak', 'virtual_peak']);
        m.spaces = columns(space, ['id', 'proc', 'start', 'end']);
        m.threads = columns(thread, ['tid', 'proc', 'start', 'end']);
        lods.set(0, lod0);
        m.find = find;
        m.main = m.procs.reduce((best, p, i) => (p.resident_peak + p.virtual_peak / 1e6 > m.procs[best].resident_peak + m.procs[best].virtual_peak / 1e6 ? i : best), 0);
    }

    /* Where events are: behind the script, so that the first picture does not wait for them. */
    let listing = null;
    function needEvents() {
        return (listing ??= format.ended.then(() => format.section('ev')).then((ev) => {
            let row = 0;
            m.whole = ev.numbers('whole')[0] === 1;
            m.chunks = columns(ev, ['first_id', 'count', 'start', 'end']).map((chunk, i) => ({ ...chunk, i, row: (row += chunk.count) - chunk.count }));
            m.rows = row;
        }));
    }

    // ---- series ----

    /* The series of a process: of the whole until they are there, or when it has none of its own. */
    function lod() {
        const slot = state.proc === ALL ? 0 : Math.max(0, m.procs[state.proc].slot - 1);
        if (!lods.has(slot)) {
            lods.set(slot, null);
            format.ended.then(() => format.section('lod' + slot)).then((section) => {
                lods.set(slot, section);
                change({}, 'lod');
            });
        }
        return lods.get(slot) || lods.get(0);
    }

    const ownLod = () => state.proc === ALL || m.procs.length === 1 || m.procs[state.proc].slot > 1;
    const buckets = () => Math.max(1, lod().count('virtual_last') || m.number('buckets'));
    const bucketOf = (t, n) => clamp(Math.floor(t * n / m.end), 0, n - 1);

    // ---- what is mapped ----

    const ofProc = (proc) => Uint8Array.from(m.spaces, (space) => (proc === ALL || space.proc === proc ? 1 : 0));

    /* The process whose addresses are shown: one at a time. */
    const one = () => (state.proc === ALL ? m.main : state.proc);

    /* Only instants are in a file without all lives. */
    function snap(t) {
        if (m.number('lives') === 1 || t === m.number('peak')) return t;
        const n = m.number('instants');
        return Math.floor(Math.floor(t * n / m.end) * m.end / n);
    }

    function alive(t, proc = state.proc) {
        const key = proc + ' ' + t;
        if (alives.has(key)) return alives.get(key);
        const { n, born, died, space } = m.lives, at = snap(t), own = ofProc(proc), found = [], last = at >= m.end;
        for (let i = 0; i < n; i++)
            if (born[i] <= at && (at < died[i] || (last && died[i] >= m.end)) && own[space[i]]) found.push(i);
        const result = { t: at, exact: at === t, list: Uint32Array.from(found) };
        if (alives.size > 7) alives.delete(alives.keys().next().value);
        alives.set(key, result);
        return result;
    }

    /* Bytes that are there at t, added up by what `key` tells of each life; kinds that are not shown do not count. */
    function bytesBy(key, size, t, proc, every) {
        const sums = new Float64Array(size), { pages, kind } = m.lives;
        for (const i of alive(t, proc).list) if (every || !state.hidden.has(kind[i])) sums[key[i]] += pages[i] * PAGE;
        return sums;
    }

    // ---- what calls did ----

    let sparse = null;
    async function readSparse() {
        await format.ended;
        const section = await format.section('sparse'), n = (name) => section.numbers(name);
        sparse = { slot: n('row_slot'), stack: n('row_stack'), items: n('row_items'), bucket: n('bucket'), calls: n('calls'), mapped: n('mapped'), returned: n('returned'), faults: n('faults'), time: n('time'), touched: n('touched') };
        const from = new Uint32Array(sparse.items.length + 1), at = new Int16Array(sparse.bucket.length);
        for (let row = 0, i = 0; row < sparse.items.length; row++) {
            for (let k = 0, last = -1; k < sparse.items[row]; k++, i++) at[i] = last += sparse.bucket[i];
            from[row + 1] = i;
        }
        Object.assign(sparse, { from, bucket: at });
        m.sparse = sparse;
        return sparse;
    }
    let reading = null;
    const needSparse = () => (reading ??= readSparse());

    const METRICS = {
        live: 'live at B', diff: 'live at B \u2212 at A', net: 'mapped \u2212 returned', mapped: 'mapped', returned: 'returned', touched: 'touched first', calls: 'calls', time: 'time in calls', faults: 'page faults',
    };
    const column = (metric) => (metric === 'net' ? [[sparse.mapped, 1], [sparse.returned, -1]] : [[sparse[metric], 1]]);
    const EXECVE = 1; // the stack of what execve maps
    const ofEvent = {
        net: (c, i) => c.numbers('mapped')[i] - c.numbers('unmapped')[i], mapped: (c, i) => c.numbers('mapped')[i], returned: (c, i) => c.numbers('unmapped')[i],
        calls: () => 1, time: (c, i) => c.numbers('duration')[i],
    };

    /* Whether t is in [t0, t1); the end of the run belongs to the range that ends there. */
    const inRange = (t, t0, t1) => t >= t0 && (t < t1 || t1 >= m.end);

    /*
     * Sums by stack over [t0, t1): whole buckets from the sparse section; the edges from the events when all are in the
     * file, otherwise the range is snapped to buckets, as it always is for what no event tells: page faults.  The end of
     * the run belongs to the range that ends there.
     */
    async function sums(t0, t1, metric, proc = state.proc) {
        if (metric === 'live') {
            const { exact, t } = alive(t1, proc);
            return { values: bytesBy(m.lives.stack, m.stacks.n, t1, proc), exact, t0: t, t1: t };
        }
        if (metric === 'diff') {
            const [a, b] = [t0, t1].map((t) => ({ ...alive(t, proc), sums: bytesBy(m.lives.stack, m.stacks.n, t, proc) }));
            return { values: b.sums.map((v, i) => v - a.sums[i]), exact: a.exact && b.exact, t0: a.t, t1: b.t };
        }
        await Promise.all([needSparse(), needEvents()]);
        const n = m.sparseBuckets, tick = (b) => Math.ceil(b * m.end / n), values = new Float64Array(m.stacks.n);
        const last = t1 >= m.end ? n : Math.floor(t1 * n / m.end);
        let from = Math.ceil(t0 * n / m.end), to = Math.max(from, last);
        // A process that has no sums of its own is counted by its events, or not at all.
        const kept = proc === ALL || m.procs.length === 1 || m.procs[proc].slot > 1, byEvents = m.exact && m.whole && metric in ofEvent;
        if (!kept && !byEvents) return { values, exact: false, missing: true, t0, t1 };
        if (!kept) to = from;
        else if (!byEvents) {
            from = Math.min(n - 1, Math.floor(t0 * n / m.end));
            to = Math.max(from + 1, Math.min(n, Math.ceil(t1 * n / m.end)));
        }
        for (const [items, sign] of kept ? column(metric) : [])
            for (let row = 0; row < sparse.stack.length; row++) {
                if (proc !== ALL && sparse.slot[row] !== proc + 1) continue;
                let sum = 0;
                for (let i = sparse.from[row]; i < sparse.from[row + 1]; i++) if (sparse.bucket[i] >= from && sparse.bucket[i] < to) sum += items[i];
                values[sparse.stack[row]] += sign * sum;
            }
        if (!byEvents) return { values, exact: tick(from) === Math.ceil(t0) && (to === n ? t1 >= m.end : tick(to) === Math.ceil(t1)), t0: tick(from), t1: Math.min(m.end, tick(to)) };
        for (const chunk of m.chunks) {
            if (chunk.end < t0 || chunk.start > t1) continue;
            const c = await events(chunk.i), time = c.numbers('time'), procOf = c.numbers('proc'), stack = c.numbers('stack'), call = c.numbers('call'), value = ofEvent[metric];
            for (let i = 0; i < time.length; i++) {
                const t = time[i], bucket = bucketOf(t, n);
                if (!inRange(t, t0, t1) || (bucket >= from && bucket < to) || (proc !== ALL && procOf[i] !== proc)) continue;
                // What a new program begins with no stack of its own has asked for.
                const begun = /^execve/.test(m.calls[call[i]]) && (metric === 'mapped' || metric === 'net') ? ofEvent.mapped(c, i) : 0;
                values[stack[i]] += value(c, i) - begun;
                values[EXECVE] += begun;
            }
        }
        return { values, exact: true, t0, t1 };
    }

    /* The hook of the tests: the same sums, as a number. */
    async function query(t0, t1, metric, proc = ALL) {
        const { values, ...rest } = await sums(t0, t1, metric, proc);
        return { value: values.reduce((a, b) => a + b, 0), ...rest };
    }

    // ---- events ----

    const events = (i) => format.ended.then(() => format.section('e' + i));

    function chunkOf(row) {
        let low = 0, high = m.chunks.length - 1;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (m.chunks[middle].row <= row) low = middle;
            else high = middle - 1;
        }
        return m.chunks[low];
    }

    /* First row of the sorted column `name` that is not below `value`; the number of rows: all are. */
    async function rowOf(name, value) {
        await needEvents();
        const ends = name === 'id' ? (c, i) => m.chunks[i + 1]?.first_id > value || i === m.chunks.length - 1 : (c) => c.end >= value;
        const chunk = m.chunks.find(ends) ?? m.chunks[m.chunks.length - 1];
        if (!chunk) return 0;
        const items = (await events(chunk.i)).numbers(name);
        let low = 0, high = items.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (items[middle] < value) low = middle + 1;
            else high = middle;
        }
        return chunk.row + low;
    }

    // ---- names ----

    function lineName(line) {
        const l = m.lines, module = m.text(l.module[line]);
        const name = m.text(l.fn[line]) || (module.split('/').pop() || '?') + '+0x' + units.hex(l.offset[line] ?? 0);
        return name + (l.flags[line] & 1 ? ' (inlined)' : '');
    }
    const linePlace = (line) => {
        const file = m.text(m.lines.file[line]);
        return file ? file + (m.lines.number[line] ? ':' + m.lines.number[line] : '') : m.text(m.lines.module[line]);
    };
    const nodeName = (tree, node) => (tree.line[node] ? lineName(tree.line[node] - 1) : m.text(tree.word[node]) || (node ? 'unknown' : 'all'));
    const site = (stack) => m.text(m.stacks.site[stack]) || 'unknown';
    const procName = (i) => m.text(m.procs[i].name_str) || 'process';
    const kindBytes = (k) => lod().floats('kind' + k + '_last');
    /* The last moment at which a process has memory: it ends later than its mappings go. */
    function lastOf(proc) {
        const p = m.procs[proc], l = m.lives;
        if (!p) return m.end - 1;
        if (l && p.last === undefined) {
            p.last = 0;
            for (let i = 0; i < l.n; i++) if (l.died[i] > p.last && m.spaces[l.space[i]].proc === proc) p.last = l.died[i];
        }
        return Math.max(p.start, Math.min(p.last || p.end, p.end, m.end) - 1);
    }

    /* Where A and B are; B by itself is at the peak, or where a process ends that did not live then. */
    function instant() {
        const peak = m.number('peak') || m.end, { start, end } = m.procs[state.proc] ?? { start: 0, end: m.end };
        return { a: state.a ?? 0, b: state.b ?? (peak < start || peak > end ? lastOf(state.proc) : peak) };
    }

    return Object.assign(m, { load, more, lod, ownLod, buckets, bucketOf, ofProc, snap, alive, bytesBy, needSparse, needEvents, METRICS, inRange, sums, query, events, chunkOf, rowOf, lineName, linePlace, nodeName, site, procName, kindBytes, instant, lastOf, list, one });
})();

// ---- the state ----

/* proc; the view t0..t1 in ticks; cursors a and b (null: where they are by itself); hidden kinds; what sites measure; the
 * search (re: 1, as a regular expression); what is selected ("e12" an event, "l5" a life, "s3" a stack); the address range
 * [page, page) or null; frames that are hidden ("f3" the function of line 3, "m3" its module), fold: 1, recursion is
 * folded; marks, [tick, text] each; columns of events that are hidden, a bit each; how call sites
 * are shown, and by what mappings are grouped. */
const state = { proc: ALL, t0: 0, t1: 1, a: null, b: null, hidden: new Set(), metric: 'live', query: '', sel: '', pages: null, invert: 0, zoom: 0, at: 'b', strip: 'kind', chart: 'stack', panel: '', re: 0, hide: [], fold: 0, marks: [], columns: 0, view: 'icicle', group: '' };

const trail = []; // ranges that were shown before
const LONG_AGO = -1e9;
let moved = LONG_AGO;

/* Before the range moves: one that moves on within a second is one movement, which Z takes back as a whole. */
function remember() {
    const now = performance.now(), goes_on = now - moved < 1000;
    moved = now;
    if (goes_on) return;
    trail.push([state.t0, state.t1]);
    if (trail.length > 100) trail.shift();
}
const listeners = [];
const when = (f) => listeners.push(f);
let changed = new Set(), asked = false;

function tellAll() {
    asked = false;
    const what = changed;
    changed = new Set();
    for (const listener of listeners) listener(what);
}

/* Change the state; all panels hear of it before the next frame. */
function change(patch, ...also) {
    if ('t0' in patch || 't1' in patch) {
        const least = Math.min(model.end, 20), width = clamp((patch.t1 ?? state.t1) - (patch.t0 ?? state.t0), least, model.end);
        patch.t0 = clamp(patch.t0 ?? state.t0, 0, model.end - width);
        patch.t1 = patch.t0 + width;
    }
    if ('proc' in patch && !model.procs[patch.proc]) patch.proc = ALL;
    for (const key in patch)
        if (state[key] !== patch[key]) {
            state[key] = patch[key];
            changed.add(key);
        }
    also.forEach((word) => changed.add(word));
    if (changed.size && !asked) {
        asked = true;
        requestAnimationFrame(tellAll);
    }
}

/* Show another range, and remember this one. */
function goTo(t0, t1, more) {
    moved = LONG_AGO;
    if (t0 !== state.t0 || t1 !== state.t1) remember();
    moved = LONG_AGO;
    change({ t0, t1, ...more });
}

function back() {
    const range = trail.pop();
    moved = LONG_AGO;
    if (range) change({ t0: range[0], t1: range[1] });
}

function zoomBy(factor, t = (state.t0 + state.t1) / 2) {
    remember();
    change({ t0: t - (t - state.t0) * factor, t1: t + (state.t1 - t) * factor });
}

function panBy(share) {
    const d = (state.t1 - state.t0) * share;
    remember();
    change({ t0: state.t0 + d, t1: state.t1 + d });
}
