'use strict';
/* layout.js: what is mapped at A or B, as /proc/PID/maps shows it, and whose it is; what changed between A and B. */

const layout = (() => {
    let table, look, runs = [], order = { by: 'start', down: false };
    const sort = { state: order, by: null };

    /* The birth of a run, and of its one mapping. */
    const L = () => model.lives;
    const range = (i) => units.address(L().start_page[i]) + '-' + units.address(L().start_page[i] + L().pages[i]);
    const access = (i) => {
        const p = L().prot[i];
        return (p & 1 ? 'r' : '-') + (p & 2 ? 'w' : '-') + (p & 4 ? 'x' : '-') + (L().flags[i] & 1 ? 's' : 'p');
    };
    const kindOf = (i) => [model.kinds[L().kind[i]], model.roles[L().role[i]], model.runtimes[L().runtime[i]]].filter(Boolean).join(' ') + (L().flags[i] & 2 ? '?' : '');
    const file = (i) => model.text(L().file_str[i]) || (model.kinds[L().kind[i]] === 'heap' ? '[heap]' : '');
    const early = (i) => L().flags[i] & 8; // it was there before its process was attached to
    const age = (i, t) => (early(i) ? '> ' : '') + units.duration(Math.max(0, t - L().birth[i]));
    const plainRow = (i) => [range(i), units.size(L().pages[i] * PAGE), access(i), kindOf(i), file(i), model.site(L().stack[i])];

    function about(i, t) {
        const died = L().died[i];
        return [
            ['size', units.size(L().pages[i] * PAGE)], resident.words(i, t ?? model.instant().b) && ['resident', resident.words(i, t ?? model.instant().b)], ['access', access(i)], ['kind', kindOf(i), model.kinds[L().kind[i]]], file(i) && ['name', file(i)], ['mapped by', model.site(L().stack[i])],
            ['since', (early(i) ? 'before ' : '') + units.moment(L().birth[i], model.end) + (t == null ? '' : `, ${age(i, t)} old`)],
            ['until', died >= model.end ? 'the end of the run' : units.moment(died, model.end)], L().protects[i] && ['access changed', L().protects[i] + ' times before'],
        ].filter(Boolean);
    }

    /* Neighbours of one access, one file with offsets that go on, and one name are one mapping to the kernel. */
    function merged(list) {
        const l = L(), sorted = [...list].sort((a, b) => l.space[a] - l.space[b] || l.start_page[a] - l.start_page[b]), out = [];
        for (const i of sorted) {
            const last = out[out.length - 1], before = last?.[last.length - 1];
            const joins = last && l.space[before] === l.space[i] && l.start_page[before] + l.pages[before] === l.start_page[i] && l.prot[before] === l.prot[i] && (l.flags[before] & 1) === (l.flags[i] & 1) &&
                l.file[before] === l.file[i] && (l.flags[before] & 4) === (l.flags[i] & 4) && (!l.file[i] || (l.flags[i] & 4) || l.offset_pages[before] + l.pages[before] === l.offset_pages[i]);
            if (joins) last.push(i);
            else out.push([i]);
        }
        return out;
    }

    /* The largest part of a run: its kind is told. */
    const largest = (run) => run.reduce((best, i) => (L().pages[i] > L().pages[best] ? i : best));
    const pagesOf = (run) => run.reduce((sum, i) => sum + L().pages[i], 0);

    /* Who mapped most of a run, and how many pages of it. */
    function most(run) {
        if (run.length === 1) return [model.site(L().stack[run[0]]), L().pages[run[0]]];
        const sums = new Map();
        for (const i of run) sums.set(L().stack[i], (sums.get(L().stack[i]) || 0) + L().pages[i]);
        const bySite = new Map();
        for (const [stack, pages] of sums) bySite.set(model.site(stack), (bySite.get(model.site(stack)) || 0) + pages);
        return [...bySite].reduce((best, now) => (now[1] > best[1] ? now : best));
    }

    function owner(run) {
        const [site, pages] = most(run);
        return site + (pages < pagesOf(run) ? ' ' + units.percent(pages, pagesOf(run)) : '');
    }

    const newest = (run) => run.reduce((last, i) => (L().birth[i] > L().birth[last] ? i : last));
    const startOf = (run) => L().start_page[run[0]];
    const filter = (i) => !state.hidden.has(L().kind[i]) && (!state.pages || (L().start_page[i] < state.pages[1] && L().start_page[i] + L().pages[i] > state.pages[0]));

    function matching(run) {
        return !state.query || [range(run[0]), file(run[0]), kindOf(largest(run)), owner(run)].some(search.has);
    }

    /* Pages that a row adds: what went counts against what came, and of what changed the size that it had. */
    const delta = ({ run, mark, was }) => (mark === '\u2212' ? -pagesOf(run) : pagesOf(run) - (was ? pagesOf(was) : 0));
    const asSize = (pages) => (state.at === 'diff' ? units.signed : units.size)(pages * PAGE);

    /* Rows that are shown: {run, mark} and, grouped, {title, bytes, count}. */
    function collect() {
        const { a, b } = model.instant(), now = model.alive(state.at === 'a' ? a : b, model.one()), space = new Map();
        let rows;
        if (state.at === 'diff') {
            const before = new Set(model.alive(a, model.one()).list), after = new Set(now.list), birth = (i) => L().space[i] + ' ' + L().start_page[i];
            const gone = [...before].filter((i) => !after.has(i) && filter(i)), came = [...after].filter((i) => !before.has(i) && filter(i));
            const was = new Map(gone.map((i) => [birth(i), i])), still = new Map(came.map((i) => [birth(i), i]));
            rows = [...merged(came.filter((i) => !was.has(birth(i)))).map((run) => ({ run, mark: '+' })), ...merged(came.filter((i) => was.has(birth(i)))).map((run) => ({ run, mark: '~', was: run.map((i) => was.get(birth(i))) })), ...merged(gone.filter((i) => !still.has(birth(i)))).map((run) => ({ run, mark: '\u2212' }))];
        } else rows = merged(now.list.filter(filter)).map((run) => ({ run, mark: '' }));
        rows = rows.filter(({ run }) => matching(run));
        const keys = { start: ({ run }) => startOf(run), size: ({ run }) => pagesOf(run), resident: ({ run }) => resident.sum(run, now.t)?.pages ?? -1, kind: ({ run }) => kindOf(largest(run)), owner: ({ run }) => owner(run), age: ({ run }) => L().birth[newest(run)], name: ({ run }) => file(run[0]) };
        const key = keys[order.by], kept = new Map(rows.map((row) => [row, key(row)]));
        rows.sort((x, y) => {
            const p = kept.get(x), q = kept.get(y), d = p < q ? -1 : p > q ? 1 : 0;
            return order.down ? -d : d;
        });
        if (state.group) {
            const by = { kind: ({ run }) => model.kinds[L().kind[largest(run)]], file: ({ run }) => file(run[0]) || 'no file', owner: ({ run }) => most(run)[0] }[state.group];
            for (const row of rows) {
                const title = by(row);
                if (!space.has(title)) space.set(title, []);
                space.get(title).push(row);
            }
            rows = [...space].map(([title, list]) => ({ title, list, pages: list.reduce((sum, r) => sum + delta(r), 0) })).sort((x, y) => Math.abs(y.pages) - Math.abs(x.pages)).flatMap((g) => [{ title: g.title, pages: g.pages, count: g.list.length }, ...g.list]);
        }
        return { rows, now };
    }

    /* Resident by the look that is told beside it, where it is another than most. */
    function held(run, t) {
        const part = resident.sum(run, t);
        if (!part || part.time === look || state.at === 'diff') return part ? units.size(part.pages * PAGE) : '\u2013';
        return h('span', {}, units.size(part.pages * PAGE), h('span', { class: 'soft' }, ' at ' + units.moment(part.time, model.end)));
    }

    function row(i) {
        const r = runs[i];
        if (r.title !== undefined) return Object.assign([h('strong', {}, bdi(r.title)), asSize(r.pages), '', '', units.many(r.count, 'mapping'), '', '', ''], { mark: 'group' });
        const [first] = r.run, { a, b } = model.instant(), t = state.at === 'a' ? a : b;
        const text = units.address(startOf(r.run)) + '-' + units.address(startOf(r.run) + pagesOf(r.run));
        const select = button('', () => {
            change({ sel: 'l' + first });
            detail.open();
        }, { class: 'link mono' });
        select.append(r.mark && h('b', { class: 'sign' }, r.mark + ' '), text);
        return Object.assign([select, units.size(pagesOf(r.run) * PAGE), held(r.run, t), (r.was && access(r.was[0]) !== access(first) ? access(r.was[0]) + ' \u2192 ' : '') + access(first), swatch(model.kinds[L().kind[largest(r.run)]], kindOf(largest(r.run))), owner(r.run), age(newest(r.run), t), file(first)], { mark: { '+': 'plus', '\u2212': 'minus', '~': 'tilde' }[r.mark] });
    }

    /* As the kernel writes it. */
    function mapsText() {
        const { a, b } = model.instant(), l = L();
        return merged(model.alive(state.at === 'a' ? a : b, model.one()).list).map((run) => {
            const i = run[0], start = l.start_page[i] * PAGE, end = (l.start_page[i] + pagesOf(run)) * PAGE;
            return `${units.hex(start, 8)}-${units.hex(end, 8)} ${access(i)} ${units.hex(l.offset_pages[i] * PAGE, 8)} 00:00 0`.padEnd(73) + (file(i) ? ' ' + file(i).replace(/\n/g, '\\012') : '');
        }).join('\n') + '\n';
    }

    function fill() {
        if (!model.procs.length) return;
        const { rows, now } = collect(), shown = rows.filter((r) => r.run), n = shown.length, sum = (sign) => shown.reduce((all, r) => all + Math.max(0, sign * delta(r)), 0);
        runs = rows;
        const all = rows.flatMap((r) => r.run ?? []);
        look = all.reduce((first, i) => Math.min(first, resident.at(i, now.t)?.time ?? Infinity), Infinity);
        const part = resident.sum(all, now.t, look);
        table.resize(rows.length);
        const asked = model.instant()[state.at === 'a' ? 'a' : 'b'], who = model.procs[model.one()], differs = state.at === 'diff';
        const what = differs ? `${units.many(n, 'change')} from A to B, ${units.signed(sum(1) * PAGE)} and ${units.signed(-sum(-1) * PAGE)},` : `${units.many(n, 'mapping')}, ${units.size(sum(1) * PAGE)}`;
        $('layout-note').textContent = (model.procs.length > 1 ? `${model.procName(model.one())} (pid ${who.pid}): ` : '') + `${what} at ${units.moment(now.t, model.end)} (${now.exact ? 'exact' : `snapped from ${units.moment(asked, model.end)}`})` + (now.t < who.start || now.t > who.end ? ': it did not live then' : '') + (part && !differs ? `, ${units.size(part.pages * PAGE)} resident at ${units.moment(look, model.end)}, ${part.reason}` : '') + (state.hidden.size || state.pages || state.query ? ', filtered' : '');
        $('layout-panel').classList.toggle('none', !rows.length);
        document.querySelector(`input[name=at][value=${state.at}]`).checked = true;
        $('layout-group').value = state.group;
    }

    function start() {
        sort.by = (key) => {
            order.down = order.by === key ? !order.down : ['size', 'age', 'resident'].includes(key);
            order.by = key;
            table.head();
            fill();
        };
        table = new LongTable($('layout-rows'), {
            label: 'Mappings', row, sort,
            columns: [{ title: 'range', key: 'start', head: true }, { title: 'size', kind: 'n', key: 'size' }, { title: 'resident', kind: 'n', key: 'resident' }, { title: 'access', kind: 'mono' }, { title: 'kind', key: 'kind' }, { title: 'mapped by', key: 'owner', kind: 'wide' }, { title: 'age', kind: 'n', key: 'age' }, { title: 'name', kind: 'wide', key: 'name' }],
        });
        for (const input of document.querySelectorAll('input[name=at]')) input.addEventListener('change', () => change({ at: input.value }));
        $('layout-group').addEventListener('change', (e) => {
            change({ group: e.target.value });
            fill();
        });
        $('layout-copy').addEventListener('click', () => copy(mapsText(), 'the layout'));
        panels.lazy('layout-panel', () => resident.need().then(fill), ['a', 'b', 'at', 'group', 'hidden', 'pages', 'query', 'proc', 'theme', 'size']);
    }

    return { start, about, range, access, kindOf, file, plainRow, merged, owner, delta, mapsText, fill, get rows() { return runs; } };
})();

/* What changed from A to B: by kind and by call site, as bars to both sides. */
const changes = (() => {
    function bars(box, items, color) {
        const most = Math.max(1, ...items.map(([, by]) => Math.abs(by))), both = items.some(([, by]) => by < 0);
        box.classList.toggle('both', both);
        box.replaceChildren(...(items.length ? items.map(([name, by, from, to, k, stack]) => {
            const bar = h('i', { class: by < 0 ? 'bar less' : 'bar more', 'aria-hidden': 'true' });
            bar.style.width = Math.max(0.4, Math.abs(by) / most * (both ? 50 : 100)) + '%';
            if (color) bar.style.backgroundColor = paint.kind(k);
            const title = stack === undefined ? h('span', { class: 'name' }, bdi(name)) : button('', () => sites.show(stack), { class: 'link name' });
            if (stack !== undefined) title.append(bdi(name));
            return h('li', {}, title, h('span', { class: 'track' }, bar), h('b', { class: 'n' }, units.signed(by)), h('span', { class: 'n soft' }, `${units.size(from)} \u2192 ${units.size(to)}`));
        }) : [h('li', { class: 'empty' }, 'Nothing changed between A and B.')]));
    }

    function fill() {
        const { a, b } = model.instant(), n = model.kinds.length, l = model.lives, size = model.stacks.n;
        const before = model.bytesBy(l.kind, n, a), after = model.bytesBy(l.kind, n, b);
        const kinds = model.kinds.map((name, k) => [name, after[k] - before[k], before[k], after[k], k]).filter(([, by]) => by);
        const from = model.bytesBy(l.stack, size, a), to = model.bytesBy(l.stack, size, b), sums = new Map();
        for (let i = 0; i < size; i++) {
            if (!from[i] && !to[i]) continue;
            const key = model.stacks.site[i], sum = sums.get(key) || [model.site(i), 0, 0, 0, 0, i], most = sum[6] ?? 0, by = Math.abs(to[i] - from[i]);
            if (by > most) [sum[5], sum[6]] = [i, by]; // that is shown for all of them
            sum[1] += to[i] - from[i];
            sum[2] += from[i];
            sum[3] += to[i];
            sums.set(key, sum);
        }
        const order = (x, y) => Math.abs(y[1]) - Math.abs(x[1]), changed_ = [...sums.values()].filter(([, by]) => by).sort(order);
        bars($('changes-kinds'), kinds.sort(order), true);
        bars($('changes-sites'), changed_.slice(0, 12), false);
        const total = kinds.reduce((sum, [, by]) => sum + by, 0), [ta, tb] = [a, b].map((t) => model.alive(t));
        $('changes-note').replaceChildren(h('b', {}, units.signed(total)), ` mapped from A, ${units.moment(ta.t, model.end)}, to B, ${units.moment(tb.t, model.end)} (${ta.exact && tb.exact ? 'exact' : 'snapped'})` + (changed_.length > 12 ? `; ${changed_.length - 12} more call sites` : ''));
    }

    return { start: () => panels.lazy('changes-panel', fill, ['a', 'b', 'hidden', 'proc', 'theme']) };
})();
