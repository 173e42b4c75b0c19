'use strict';
/* heap.js: what malloc did in the process that asked for most. */

const heap = (() => {
    async function fill() {
        await format.ended;
        const s = await format.section('heap'), n = (name) => s.numbers(name), proc = n('proc')[0] || 0;
        $('heap-panel').classList.toggle('none', !proc);
        if (!proc) return;
        const p = model.procs[proc - 1], words = s.texts('word_name');
        const other = state.proc !== ALL && state.proc !== proc - 1 && model.procs[state.proc];
        $('heap-note').replaceChildren(p ? `${model.procName(proc - 1)} (pid ${p.pid})` : '', ...(other ? ['; that of ', bdi(model.procName(state.proc)), ' is not in this file: ', h('code', {}, bdi(`${model.word('show_heap')} --pid ${other.pid}`))] : []));
        $('heap-words').replaceChildren(...model.list(words).map((name, i) => h('div', {}, h('dt', {}, bdi(name)), h('dd', {}, bdi(s.texts('word').at(i))))));
        steps(s, n);
        const moves = Array.from(n('move_time'), (t, i) => [units.moment(t, model.end), units.size(n('move_from')[i]), units.size(n('move_to')[i]), model.site(n('move_stack')[i])]);
        const arenas = Array.from(n('arena_start_page'), (page, i) => [units.address(page), units.size(n('arena_reserved')[i]), units.size(n('arena_open')[i]), units.moment(n('arena_time')[i], model.end), model.text(n('arena_threads_str')[i])]);
        $('heap-tables').replaceChildren(moves.length ? caption('Moves of the mmap threshold', plainTable(['at', 'from', 'to', 'by'], moves)) : '', arenas.length ? caption('Arenas', plainTable(['address', 'reserved', 'open', 'made at', 'threads'], arenas)) : '');
    }

    const caption = (text, table) => {
        table.prepend(h('caption', {}, text));
        return h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': text }, table);
    };

    /* The last steps before B: growths and trims. */
    function steps(s, n) {
        const time = n('step_time'), { b } = model.instant(), rows = [];
        for (let i = time.length - 1; i >= 0 && rows.length < 12; i--)
            if (time[i] <= b) {
                const link = button(units.moment(time[i], model.end / 100), () => change({ sel: 'e' + n('step_event')[i] }), { class: 'link' });
                rows.push([link, model.acts[n('step_act')[i]] || '', units.size(n('step_bytes')[i]), units.size(n('step_size')[i]), model.site(n('step_stack')[i])]);
            }
        const left = n('steps_left_out')[0];
        $('heap-steps').replaceChildren(rows.length ? caption(`Last steps before B${left ? ` (${units.count(left)} are left out: ${model.word('show_heap')})` : ''}`, plainTable(['at', 'what', 'bytes', 'then', 'by'], rows)) : '');
    }

    return { start: () => panels.lazy('heap-panel', fill, ['b', 'proc', 'theme']) };
})();
