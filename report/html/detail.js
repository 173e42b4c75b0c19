'use strict';
/* detail.js: the sheet at the side: one event, one mapping or one stack, with all that is known of it. */

const detail = (() => {
    let shown = '', opener = null, filling = 0;

    const pairs = (rows) => h('dl', { class: 'pairs' }, rows.filter(Boolean).map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value instanceof Node ? value : bdi(String(value))))));
    const part = (title, ...content) => h('section', { 'aria-label': title }, h('h3', {}, title), ...content);
    const link = (text, click) => button(text, click, { class: 'link' });

    function stackList(stack) {
        const s = model.stacks, from = s.first[stack], to = s.first[stack + 1];
        if (!(to > from)) return h('p', { class: 'empty' }, bdi(model.site(stack)));
        const quality = ['', 'Some frames are guessed.', 'The stack is cut off: outer frames are missing.'][s.quality[stack]];
        return h('div', {}, h('ol', { class: 'stack' }, Array.from(s.lines.subarray(from, to), (line) => h('li', { class: s.line[stack] === line + 1 ? 'site' : model.lines.flags[line] & 12 ? 'lib' : null }, bdi(model.lineName(line)), h('span', { class: 'soft' }, bdi(model.linePlace(line)))))),
            quality ? h('p', { class: 'note' }, quality) : '');
    }

    /* Source lines and instructions around the call, when they were collected. */
    async function codeOf(stack) {
        await format.ended;
        const code = await format.section('code'), i = code.numbers('stack').indexOf(stack);
        if (i < 0) return [];
        const text = (name) => model.text(code.numbers(name)[i] || 0), block = (title, words) => words && part(title, h('pre', { tabindex: '0', 'aria-label': title }, words.split('\n').map((line) => h('span', { class: /^\s*\d*\s*>|^>/.test(line) ? 'here' : null }, line + '\n'))));
        return [block('Source', text('source_str')), block('Instructions', text('text_str'))].filter(Boolean);
    }

    /* Mappings that touch [from, to) just before and just after tick t, drawn to one scale. */
    function beforeAfter(e) {
        const address = e.error ? 0n : model.classes[e.number] === 'map' || model.classes[e.number] === 'remap' ? e.ret : model.classes[e.number] === 'brk' ? 0n : e.raw[0];
        const length = Math.max(e.mapped, e.unmapped, model.classes[e.number] === 'brk' ? 0 : Number(e.raw[1]) || 0);
        const page = model.classes[e.number] === 'brk' ? Math.floor((Number(e.ret) - e.mapped) / PAGE) : Math.floor(Number(address) / PAGE), pages = Math.ceil(length / PAGE);
        if (!page || !pages || pages > 2 ** 36 || model.number('lives') !== 1) return null;
        const margin = Math.max(1, Math.ceil(pages / 3)), from = page - margin, to = page + pages + margin, l = model.lives, mine = model.ofProc(e.proc);
        const draw = (t, word) => {
            const bar = h('div', { class: 'vmas', role: 'img', 'aria-label': word }), there = [];
            for (let i = 0; i < l.n; i++) if (mine[l.space[i]] && l.born[i] <= t && l.died[i] > t && l.start_page[i] < to && l.start_page[i] + l.pages[i] > from) there.push(i);
            for (const run of layout.merged(there)) {
                const i = run[0], last = run[run.length - 1], box = h('i', {}), a = Math.max(from, l.start_page[i]), b = Math.min(to, l.start_page[last] + l.pages[last]);
                box.style.left = (a - from) / (to - from) * 100 + '%';
                box.style.width = (b - a) / (to - from) * 100 + '%';
                box.style.backgroundColor = paint.kind(l.kind[i]);
                bar.append(box);
            }
            return h('div', { class: 'row' }, h('span', { class: 'soft' }, word), bar);
        };
        return part('Mappings before and after', draw(e.time - 1, 'before'), draw(e.time, 'after'), h('p', { class: 'note mono' }, `${units.address(from)} \u2026 ${units.address(to)}`));
    }

    async function ofEvent(id) {
        const got = await events.byId(id);
        if (!got) return [h('h2', {}, `Event ${units.count(id)}`), h('p', {}, 'This event is not in the file. All of them: '), h('pre', {}, model.word('show_events'))];
        const { row, event: e } = got, l = model.lives, lives = [];
        for (let i = 0; i < l.n; i++) if (l.event[i] === id) lives.push(i);
        const go = (by, fits) => async ({ target }) => {
            const next = await events.seek(row, by, fits);
            if (next) return change({ sel: 'e' + next.event.id });
            target.textContent = 'no other';
            speak('no other');
        };
        const sameSite = (c, i) => c.numbers('stack')[i] === e.stack, sameAddress = (c, i) => c.numbers('a0')[i] === e.raw[0] || c.numbers('ret')[i] === e.raw[0] || (model.pointers[e.number] && !e.error && (c.numbers('a0')[i] === e.ret || c.numbers('ret')[i] === e.ret));
        const faults = e.flags & 4 ? `${units.count(e.minor)} minor, ${units.count(e.major)} major inside of the call` : 'not measured';
        return [
            h('h2', {}, bdi(`${e.call}`), h('span', { class: 'soft' }, ` event ${units.count(e.id)}`)),
            h('pre', { class: 'call', tabindex: '0', 'aria-label': 'the call' }, `${e.call}(${e.args}) = ${e.result}`),
            pairs([['at', link(units.moment(e.time, model.end / 1000), () => timeline.setCursor('a', e.time))], ['took', units.duration(e.duration)], ['process', `${model.procs[e.proc]?.pid} ${model.procs[e.proc] ? model.procName(e.proc) : ''}, thread ${e.tid}`], (e.mapped || e.unmapped) && ['bytes', [e.mapped && '+' + units.size(e.mapped), e.unmapped && '-' + units.size(e.unmapped)].filter(Boolean).join(' ')], e.kind && ['kind', model.kinds[e.kind]], e.text && ['name', e.text], ['page faults', faults],
                e.flags & 1 && ['order', 'its order among other threads is not known']]),
            beforeAfter(e), lives.length ? part('What it mapped', ...lives.slice(0, 5).map(lifeLine), lives.length > 5 && h('p', { class: 'note' }, `and ${units.many(lives.length - 5, 'more piece')}, as parts of it were changed`)) : null,
            part('Called by', stackList(e.stack)), ...await codeOf(e.stack),
            h('p', { class: 'tools' }, button('\u25c2 same site', go(-1, sameSite)), button('same site \u25b8', go(1, sameSite)), button('\u25c2 same address', go(-1, sameAddress)), button('same address \u25b8', go(1, sameAddress))),
        ];
    }

    /* From birth to death on the axis of the run. */
    function lifeLine(i) {
        const l = model.lives, bar = h('i'), line = h('div', { class: 'vmas', 'aria-hidden': 'true' }, bar);
        bar.style.left = l.born[i] / model.end * 100 + '%';
        bar.style.width = Math.max(0.6, (l.died[i] - l.born[i]) / model.end * 100) + '%';
        bar.style.backgroundColor = paint.kind(l.kind[i]);
        return h('div', { class: 'lifeline' }, button(layout.range(i), () => change({ sel: 'l' + i }), { class: 'link mono' }), h('span', { class: 'soft' }, ` ${units.size(l.pages[i] * PAGE)} ${layout.access(i)}, lived ${l.flags[i] & 8 && l.born[i] === l.birth[i] ? '> ' : ''}${units.duration(l.died[i] - l.born[i])}`), line);
    }

    async function ofLife(i) {
        const l = model.lives;
        if (!(i < l.n)) return [h('h2', {}, 'No such mapping')];
        const siblings = [];
        for (let k = 0; k < l.n && siblings.length < 8; k++) if (k !== i && l.stack[k] === l.stack[i] && l.space[k] === l.space[i]) siblings.push(k);
        const same = [];
        for (let k = 0; k < l.n && same.length < 8; k++) if (k !== i && l.birth[k] === l.birth[i] && l.event[k] === l.event[i] && l.event[k] && l.start_page[k] < l.start_page[i] + l.pages[i] && l.start_page[k] + l.pages[k] > l.start_page[i]) same.push(k);
        return [
            h('h2', { class: 'mono' }, layout.range(i)),
            pairs(layout.about(i, null).map(([key, value]) => [key, value]).concat([['process', `${model.procs[model.spaces[l.space[i]]?.proc]?.pid ?? '?'}, thread ${l.owner[i]}`]])),
            part('Its life', lifeLine(i), l.event[i] ? link(`mapped by event ${units.count(l.event[i])}`, () => change({ sel: 'e' + l.event[i] })) : h('p', { class: 'note' }, l.flags[i] & 8 ? 'It was there when the process was attached to.' : 'No call made it.')),
            same.length ? part('The same memory, before and after', ...same.map(lifeLine)) : null,
            part('Mapped by', stackList(l.stack[i])), ...await codeOf(l.stack[i]),
            siblings.length ? part('Others of this stack', ...siblings.map(lifeLine)) : null,
            h('p', { class: 'tools' }, button('show only its addresses', () => change({ pages: [l.start_page[i], l.start_page[i] + l.pages[i]] })), button('show only its time', () => goTo(l.born[i], l.died[i]))),
        ];
    }

    async function ofStack(i) {
        if (!(i >= 0 && i < model.stacks.n)) return [h('h2', {}, 'No such stack')];
        const { a, b } = model.instant(), sum = (t) => model.bytesBy(model.lives.stack, model.stacks.n, t, state.proc, true)[i];
        const rows = [['live at A', units.size(sum(a))], ['live at B', units.size(sum(b))]];
        // Who maps memory often is not who touches it.
        const words = { ...model.METRICS, returned: 'returned by it', touched: 'touched first by it', faults: 'page faults by it' };
        const same = model.stacks.site.reduce((sum, site) => sum + (site === model.stacks.site[i]), 0);
        for (const metric of ['mapped', 'returned', 'touched', 'calls', 'time', 'faults']) {
            const { values } = await model.sums(state.t0, state.t1, metric), v = values[i];
            rows.push([words[metric] + ' in view', metric === 'calls' || metric === 'faults' ? units.count(v) : metric === 'time' ? units.duration(v) : units.size(v)]);
        }
        const first = await events.seek(-1, 1, (c, k) => c.numbers('stack')[k] === i);
        return [h('h2', {}, bdi(model.site(i))), pairs([['stack', (model.stacks.id[i] || '\u2013') + (same > 1 ? `, one of ${units.count(same)} of this call site` : '')], ...rows]), part('Stack', stackList(i)), ...await codeOf(i), first ? h('p', { class: 'tools' }, button('its first event', () => change({ sel: 'e' + first.event.id }))) : null];
    }

    async function fill() {
        const sel = state.sel, number = Number(sel.slice(1)), mine = ++filling;
        const content = await (sel[0] === 'e' ? ofEvent(number) : sel[0] === 'l' ? ofLife(number) : ofStack(number));
        if (mine !== filling || sel !== state.sel) return;
        const body = $('detail-body'), pressed = shown === sel && body.contains(document.activeElement) ? document.activeElement.textContent : null;
        body.replaceChildren(...content.filter(Boolean));
        if (pressed !== null) [...body.querySelectorAll('button')].find((other) => other.textContent === pressed)?.focus({ preventScroll: true });
        if (shown !== sel) $('detail').scrollTop = 0;
        shown = sel;
    }

    function open() {
        if (!state.sel) return;
        const sheet = $('detail');
        if (sheet.hidden) opener = document.activeElement;
        sheet.hidden = false;
        document.body.classList.add('with-detail');
        if (innerWidth >= 1200) resized();
        if (shown !== state.sel) fill();
        if (opener && opener !== document.body) $('detail-close').focus({ preventScroll: true });
    }

    function close() {
        $('detail').hidden = true;
        document.body.classList.remove('with-detail');
        shown = '';
        change({ sel: '' });
        resized();
        // A row may have been made anew since: what says the same is in its place.
        const there = opener?.isConnected ? opener : opener && [...document.querySelectorAll('.rows button')].find((other) => other.textContent === opener.textContent);
        there?.focus({ preventScroll: true });
        opener = null;
    }

    function start() {
        const again = debounce(() => !$('detail').hidden && /^[ls]/.test(state.sel) && fill(), 250); // these tell of A, B and the view
        $('detail-close').addEventListener('click', close);
        when((what) => {
            if (what.has('sel') && state.sel) open();
            if (what.has('sel') && !state.sel && !$('detail').hidden) close();
            if (['t0', 't1', 'a', 'b', 'proc', 'looks'].some((key) => what.has(key))) again();
        });
    }

    return { start, open, close };
})();
