'use strict';
/* processes.js: who was there: processes as they forked, with their lives on the axis of the run; threads below. */

const processes = (() => {
    const CHOICES = 2000;
    let table, rows = [], threads = null;
    const open = new Set(); // processes whose threads are shown

    function life(start, end, kind) {
        const bar = h('i', { class: kind });
        bar.style.left = start / model.end * 100 + '%';
        bar.style.width = Math.max(0.3, (Math.min(end, model.end) - start) / model.end * 100) + '%';
        return h('span', { class: 'life', 'aria-hidden': 'true' }, bar);
    }

    function group(items, key) {
        const by = new Map();
        items.forEach((item, i) => {
            if (!by.has(key(item))) by.set(key(item), []);
            by.get(key(item)).push(i);
        });
        return by;
    }

    /* Processes below those that forked them, each followed by its threads when they are open. */
    function collect() {
        const kids = group(model.procs, (p) => p.parent), waits = (kids.get(0) ?? []).map((i) => [i, 0]).reverse();
        threads ??= group(model.threads, (t) => t.proc);
        rows = [];
        while (waits.length) {
            const [i, level] = waits.pop();
            rows.push({ proc: i, level });
            if (open.has(i)) for (const t of threads.get(i)) rows.push({ thread: t, level: level + 1 });
            for (const kid of [...(kids.get(i + 1) ?? [])].reverse()) waits.push([kid, level + 1]);
        }
    }

    function who(level, ...content) {
        const name = h('span', {}, content);
        name.style.paddingInlineStart = Math.min(level, 12) * 14 + 'px';
        return name;
    }

    function row(i) {
        const { proc, thread, level } = rows[i];
        if (thread !== undefined) {
            const t = model.threads[thread];
            return [who(level, h('span', { class: 'soft' }, `thread ${t.tid}`)), life(t.start, t.end, 'thread'), '', '', '', t.end > model.end ? 'still running' : units.duration(t.end - t.start)];
        }
        const p = model.procs[proc], many = (threads.get(proc) ?? []).length, scope = button('', () => change({ proc: state.proc === proc ? ALL : proc }), { class: 'link', 'aria-pressed': String(state.proc === proc) });
        scope.append(bdi(model.procName(proc)));
        const more = many < 2 ? units.count(many) : button(`${open.has(proc) ? '\u25be' : '\u25b8'} ${units.count(many)}`, () => {
            if (!open.delete(proc)) open.add(proc);
            fill();
        }, { class: 'link', 'aria-expanded': String(open.has(proc)), 'aria-label': `${units.count(many)} threads of ${p.pid}` });
        return [who(level, scope, h('span', { class: 'soft' }, ` ${p.pid}`)), life(p.start, p.end, 'main'), more, units.count(p.events), units.size(p.resident_peak), p.end > model.end ? 'still running' : model.text(p.status_str)];
    }

    function fill() {
        collect();
        table.resize(rows.length);
        const several = model.procs.length > 1;
        $('processes-note').textContent = `${units.count(model.procs.length)} process${several ? 'es' : ''}, ${units.count(model.threads.length)} thread${model.threads.length === 1 ? '' : 's'}` + (several ? '; what was forked shares the memory of its parent until one of them writes' : '');
    }

    function start() {
        const select = $('process'), left = model.procs.length - CHOICES;
        table = new LongTable($('processes-rows'), {
            label: 'Processes and threads', row,
            columns: [{ title: 'process', head: true }, { title: 'life', kind: 'lifetime' }, { title: 'threads', kind: 'n' }, { title: 'events', kind: 'n' }, { title: 'resident at most', kind: 'n' }, { title: 'end', kind: 'wide' }],
        });
        select.append(h('option', { value: '-1' }, model.procs.length === 1 ? 'the process' : 'all processes'), ...model.procs.slice(0, CHOICES).map((p, i) => h('option', { value: String(i), text: `${model.procName(i)} ${p.pid}` })));
        if (left > 0) select.append(h('option', { disabled: true }, `${units.count(left)} more: in Processes and threads`));
        select.parentNode.hidden = model.procs.length < 2;
        select.addEventListener('change', () => change({ proc: Number(select.value) }));
        when((what) => {
            if (what.has('proc')) {
                select.value = String(state.proc);
                $('scope-note').textContent = model.ownLod() ? '' : 'This process has no series of its own in this file: the lanes show all processes.';
            }
        });
        panels.lazy('processes-panel', fill, ['proc']);
    }

    return { start };
})();
