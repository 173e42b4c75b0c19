'use strict';
/* export.js: the selection as a file, or on the clipboard. */

async function copy(text, what) {
    try {
        await navigator.clipboard.writeText(text);
    } catch (error) {
        const area = h('textarea', { 'aria-hidden': 'true' });
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand('copy');
        area.remove();
    }
    speak(`${what} copied`);
    notice(`Copied ${what}.`);
    setTimeout(() => notice(''), 2500);
}

const exporter = (() => {
    function save(name, type, text) {
        const link = h('a', { hidden: true }), url = URL.createObjectURL(new Blob([text], { type }));
        link.download = name;
        link.href = url; // of ours, never of the data
        document.body.append(link);
        link.click();
        link.remove();
        setTimeout(() => URL.revokeObjectURL(url), 10000);
    }

    /* What a spreadsheet would take for a formula gets an apostrophe. */
    const cell = (value) => {
        const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? "'" + value : String(value);
        return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
    };

    const stem = () => 'brkwater-' + (model.procs[Math.max(0, state.proc)]?.pid ?? 'run');

    /* The events that the table shows, as objects of plain values. */
    async function rows() {
        const out = [];
        await events.look(); // the table may not have been in view since the filters changed
        for (let i = 0; i < Math.min(events.count, 1e6); i++) {
            const row = events.rowOf(i);
            let e = events.at(row);
            if (!e) {
                await model.events(model.chunkOf(row).i);
                await new Promise((done) => setTimeout(done));
                e = events.at(row);
            }
            if (e) out.push({ id: e.id, seconds: e.time / TICKS, pid: model.procs[e.proc]?.pid ?? 0, tid: e.tid, call: e.call, arguments: e.args, result: e.result, mapped: e.mapped, returned: e.unmapped, kind: model.kinds[e.kind] || '', duration_ns: e.duration * 100, minor: e.minor, major: e.major, call_site: model.site(e.stack) });
        }
        return out;
    }

    async function csv() {
        const list = await rows(), head = list.length ? Object.keys(list[0]) : ['id'];
        save(stem() + '-events.csv', 'text/csv', [head, ...list.map((row) => Object.values(row))].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n');
    }

    async function json() {
        const { a, b } = model.instant(), now = model.alive(state.at === 'a' ? a : b, model.one());
        const mappings = layout.merged(now.list).map((run) => ({ start: units.address(model.lives.start_page[run[0]]), bytes: run.reduce((sum, i) => sum + model.lives.pages[i] * PAGE, 0), access: layout.access(run[0]), kind: layout.kindOf(run[0]), name: layout.file(run[0]), mapped_by: model.site(model.lives.stack[run[0]]) }));
        await sites.refresh();
        const by = sites.sum ? Array.from(sites.sum.values, (value, stack) => ({ stack: model.stacks.id[stack], call_site: model.site(stack), value })).filter((s) => s.value) : [];
        save(stem() + '.json', 'application/json', JSON.stringify({ range: [state.t0, state.t1].map((t) => t / TICKS), a: a / TICKS, b: b / TICKS, metric: state.metric, call_sites: by, marks: state.marks.map(([t, text]) => ({ seconds: t / TICKS, text })), layout_at: now.t / TICKS, layout: mappings, events: await rows() }, null, 1));
    }

    async function folded() {
        await sites.refresh();
        save(stem() + '-' + state.metric + '.folded', 'text/plain', sites.folded());
    }

    function start() {
        $('export').addEventListener('change', (e) => {
            const run = { csv, json, folded, print: () => print() }[e.target.value];
            e.target.value = '';
            run?.();
        });
    }

    return { start, cell };
})();
