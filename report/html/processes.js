'use strict';
/* processes.js: who was there: processes as they forked, with their lives on the axis of the run; threads below. */

const processes = (() => {
    const MOST = 200, THREADS = 64;

    function life(start, end, kind) {
        const bar = h('i', { class: kind });
        bar.style.left = start / model.end * 100 + '%';
        bar.style.width = Math.max(0.3, (Math.min(end, model.end) - start) / model.end * 100) + '%';
        return h('span', { class: 'life', 'aria-hidden': 'true' }, bar);
    }

    function item(i, level, kids) {
        const p = model.procs[i], threads = model.threads.filter((t) => t.proc === i), scope = button('', () => change({ proc: state.proc === i ? ALL : i }), { class: 'link', 'aria-pressed': String(state.proc === i) });
        scope.append(bdi(model.procName(i)));
        const shown = threads.slice(0, THREADS), name = h('span', { class: 'who' }, scope, h('span', { class: 'soft' }, ` ${p.pid}`));
        name.style.paddingInlineStart = Math.min(level, 12) * 14 + 'px';
        const words = `${units.count(p.events)} events, ${p.threads} thread${p.threads === 1 ? '' : 's'}, resident ${units.size(p.resident_peak)} at most`;
        const row = h('div', { class: 'proc' }, name, life(p.start, p.end, 'main'), h('span', { class: 'soft' }, bdi(`${words}; ${p.end > model.end ? 'still running' : model.text(p.status_str)}`)));
        const more = threads.length > 1 ? h('details', {}, h('summary', {}, `${units.count(threads.length)} threads`), ...shown.map((t) => h('div', { class: 'proc' }, h('span', { class: 'who soft' }, `thread ${t.tid}`), life(t.start, t.end, 'thread'), h('span', { class: 'soft' }, units.duration(Math.min(t.end, model.end) - t.start)))),
            threads.length > THREADS ? h('p', { class: 'note' }, `${units.count(threads.length - THREADS)} more: ${model.word('show_events')}`) : '') : '';
        return h('li', {}, row, p.parent ? h('p', { class: 'note' }, 'Forked: until written to, its memory is shared with its parent.') : '', more, kids.length ? h('ul', {}, kids) : '');
    }

    function fill() {
        const kids = new Map();
        let left = MOST;
        model.procs.forEach((p, i) => kids.set(p.parent, [...(kids.get(p.parent) || []), i]));
        const make = (parent, level) => (level < 60 ? (kids.get(parent) || []).filter(() => left-- > 0).map((i) => item(i, level, make(i + 1, level + 1))) : []);
        const open = new Set([...document.querySelectorAll('#processes-tree details[open]')].map((d) => d.parentNode.dataset.proc));
        $('processes-tree').replaceChildren(...make(0, 0));
        $('processes-note').textContent = `${units.count(model.procs.length)} process${model.procs.length === 1 ? '' : 'es'}, ${units.count(model.threads.length)} thread${model.threads.length === 1 ? '' : 's'}` + (left < 0 ? `; the first ${MOST} are shown, all: ${model.word('show_events')}` : '');
        return open;
    }

    function start() {
        const select = $('process');
        select.append(h('option', { value: '-1' }, model.procs.length === 1 ? 'the process' : 'all processes'), ...model.procs.slice(0, 2000).map((p, i) => h('option', { value: String(i), text: `${model.procName(i)} ${p.pid}` })));
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
