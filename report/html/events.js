'use strict';
/* events.js: every call that is in the file, one a row; arguments and results in words. */

const decode = (() => {
    const hex = (value, none = '0') => (value ? '0x' + value.toString(16) : none);

    /* Names of the fields of a number, and what is left. */
    function flags(set, value) {
        const { mask, word, names } = model.fields.get(set) ?? { mask: -1n, names: [] }, out = [];
        let rest = value &= mask;
        for (const [bits, is, name] of names)
            if ((value & bits) === is) {
                out.push(name);
                rest &= ~bits;
            }
        if (!out.length) return hex(rest) + (rest && word ? ` /* ${word}_??? */` : '');
        return out.concat(rest ? hex(rest) : []).join('|');
    }

    function argument([, how, set], value, words) {
        const number = BigInt.asIntN(32, value);
        if (how === 'text') return words.shift();
        if (how === 'address') return hex(value, 'NULL');
        if (how === 'set') return flags(set, value);
        if (how === 'signed') return String(number);
        if (how !== 'fd') return how === 'offset' ? hex(value) : String(value);
        const path = words.shift();
        return number === -100n ? 'AT_FDCWD' : number + (path ? `<${path}>` : '');
    }

    /* What a row of a chunk says. */
    function row(c, i) {
        const n = (name) => c.numbers(name)[i] ?? 0, call = n('call'), text = n('text_str') ? c.texts('text').at(n('text_str') - 1) : '', words = text.split('\n');
        const raw = [0, 1, 2, 3, 4, 5].map((a) => c.numbers('a' + a)[i] ?? 0n), all = model.args[call] || [], whole = all.at(-1)?.[1] === 'whole', spec = all.slice(0, n('shown'));
        const mapped = n('mapped'), unmapped = n('unmapped'), error = n('error'), ret = c.numbers('ret')[i] ?? 0n, flags_ = n('flags');
        const result = flags_ & 2 ? (flags_ & 8 ? '? (killed)' : '?') : error ? (error < 512 ? '-1 ' : '? ') + (model.errors.get(String(error)) || `(errno ${error})`) : model.pointers[call] ? hex(ret) : String(BigInt.asIntN(64, ret));
        const args = spec.map((part, a) => argument(part, raw[a], words)), hasText = all.some(([, how]) => how === 'text' || how === 'fd' || how === 'whole');
        return {
            id: n('id'), time: n('time'), duration: n('duration'), tid: n('tid'), proc: n('proc'), call: model.calls[call] || 'unknown', number: call, args: whole ? text : args.join(', '), named: spec.map(([name], a) => [name, args[a]]), text: hasText ? '' : text, result, error, flags: flags_,
            mapped, unmapped, kind: n('kind'), stack: n('stack'), minor: n('minor'), major: n('major'), raw, ret,
        };
    }

    return { row };
})();

const events = (() => {
    let table, found = null, looking = 0, stale = false; // a filter is not applied yet
    const ready = new Map(); // chunks that were read
    const filter = { call: 'all', kind: 'all', result: 'all', least: 0, most: Infinity, tid: '', address: 0n, site: '', text: '', range: true };
    const COLUMNS = ['#', 'time', 'pid/tid', 'call', 'arguments', 'result', 'change', 'kind', 'faults since', 'took', 'call site'], HIDEABLE = 2 ** COLUMNS.length - 2; // all but the first
    const GLYPH = { map: '\u25b2', unmap: '\u25bc', protect: '\u25c6', brk: '\u25cf', remap: '\u2194', advise: '\u25cc', other: '\u00b7' };

    async function need(i) {
        if (ready.has(i)) return;
        ready.set(i, null);
        ready.set(i, await model.events(i));
        table.draw();
    }

    const rowOf = (i) => (found ? found[i] : i);

    function at(row) {
        const chunk = model.chunkOf(row), c = chunk && ready.get(chunk.i);
        if (!c) {
            if (chunk) need(chunk.i);
            return null;
        }
        return decode.row(c, row - chunk.row);
    }

    function row(i) {
        const e = at(rowOf(i));
        if (!e) return null;
        const cls = model.classes[e.number], change_ = e.mapped - e.unmapped, link = button(units.count(e.id), () => open('e' + e.id), { class: 'link n', 'aria-label': `event ${e.id}, ${e.call}` });
        return Object.assign([link, units.moment(e.time, model.end / 1000), `${model.procs[e.proc]?.pid ?? '?'}${e.tid === model.procs[e.proc]?.pid ? '' : '/' + e.tid}`, h('span', {}, h('span', { class: 'glyph', 'aria-hidden': 'true' }, e.error ? '\u2715' : GLYPH[cls] || '\u00b7'), ' ', bdi(e.call)), h('span', { class: 'mono' }, bdi(`(${e.args})${e.text ? ' ' + e.text : ''}`)), h('span', { class: 'mono' }, bdi(e.result)),
            change_ || e.mapped ? units.signed(change_) : '', e.kind ? swatch(model.kinds[e.kind], model.kinds[e.kind]) : '', e.flags & 4 ? units.count(e.minor + e.major) : '\u2013', units.duration(e.duration), model.site(e.stack)], { mark: 'e' + e.id === state.sel ? 'active' : e.error ? 'failed' : null });
    }

    function open(sel) {
        change({ sel });
        detail.open();
    }

    // ---- filters ----

    const active = () => filter.call !== 'all' || filter.kind !== 'all' || filter.result !== 'all' || filter.least > 0 || filter.most < Infinity || filter.tid || filter.address || filter.site || filter.text || state.query || state.proc !== ALL || state.hidden.size || state.pages || (filter.range && (state.t0 > 0 || state.t1 < model.end));

    /* A test of row i: does the call touch addresses of [from, to), by its arguments or by what it mapped or gave back? */
    function touches(c, from, to) {
        const args = [0, 1, 2, 3, 4, 5].map((a) => c.numbers('a' + a)), n = (name) => c.numbers(name), ret = n('ret'), call = n('call'), error = n('error'), mapped = n('mapped'), unmapped = n('unmapped');
        const meets = (start, size) => start < to && start + (size || 1n) > from;
        return (i) => {
            const spec = model.args[call[i]] || [], cls = model.classes[call[i]], size = BigInt(mapped[i]);
            if (cls === 'brk' && !error[i]) return meets(ret[i] - size, size + BigInt(unmapped[i]));
            if (!error[i] && model.pointers[call[i]] && meets(ret[i], cls === 'remap' && args[2][i] > size ? args[2][i] : size)) return true;
            // Where memory was mapped the address that was asked for is only a wish.
            return (cls !== 'map' || error[i] > 0) && spec.some(([, how], a) => how === 'address' && args[a][i] && meets(args[a][i], spec[a + 1]?.[1] === 'size' ? args[a + 1][i] : 1n));
        };
    }

    /* A test of row i of a chunk, on the columns alone. */
    function test(c) {
        const n = (name) => c.numbers(name), time = n('time'), call = n('call'), kind = n('kind'), error = n('error'), mapped = n('mapped'), unmapped = n('unmapped'), tid = n('tid'), proc = n('proc'), stack = n('stack');
        const [low, high] = filter.range ? [state.t0, state.t1] : [0, model.end], once = (fits) => {
            const known = new Map();
            return (s) => known.get(s) ?? (known.set(s, fits(s)), known.get(s));
        };
        // Each word is looked for at the call site, and then in what the call itself says.
        const words = [filter.text, search.regular ? '' : state.query].filter(Boolean).map((word) => word.toLowerCase()).map((word) => [word, once((s) => model.site(s).toLowerCase().includes(word))]);
        const names = state.query && search.regular && once((s) => search.has(model.site(s))), calls = once((k) => search.has(model.calls[k])), name = n('text_str'), texts = once((k) => search.has(c.texts('text').at(k - 1)));
        const at_ = filter.site.toLowerCase(), siteFits = once((s) => model.site(s).toLowerCase().includes(at_));
        const near = state.pages && touches(c, ...state.pages.map((page) => BigInt(page) * 4096n)), holds = filter.address && touches(c, filter.address, filter.address + 1n);
        const whose = filter.tid && Number(filter.tid);
        return (i) => model.inRange(time[i], low, high) && (state.proc === ALL || proc[i] === state.proc) && !state.hidden.has(kind[i]) && (filter.call === 'all' || model.classes[call[i]] === filter.call) && (filter.kind === 'all' || model.kinds[kind[i]] === filter.kind) &&
            (filter.result === 'all' || (error[i] > 0) === (filter.result === 'failed')) && (!filter.least || Math.max(mapped[i], unmapped[i]) >= filter.least) && (filter.most === Infinity || Math.max(mapped[i], unmapped[i]) <= filter.most) && (!whose || tid[i] === whose) && (!near || near(i)) && (!holds || holds(i)) && (!at_ || siteFits(stack[i])) &&
            (!names || names(stack[i]) || calls(call[i]) || (name[i] > 0 && texts(name[i]))) && words.every(([word, fits]) => fits(stack[i]) || matchesText(c, i, word));
    }

    function matchesText(c, i, text) {
        const e = decode.row(c, i);
        return [e.call, e.args, e.result, e.text, String(e.id)].some((s) => s.toLowerCase().includes(text));
    }

    async function look() {
        const mine = ++looking;
        await model.needEvents();
        if (!active()) found = null;
        else {
            const hits = [];
            for (const chunk of model.chunks) {
                if (filter.range && (chunk.end < state.t0 || chunk.start > state.t1)) continue;
                const c = await model.events(chunk.i);
                if (mine !== looking) return;
                ready.set(chunk.i, c);
                const fits = test(c);
                for (let i = 0; i < chunk.count; i++) if (fits(i)) hits.push(chunk.row + i);
                $('events-note').textContent = `looking: ${chunk.i + 1} of ${model.chunks.length} parts, ${units.count(hits.length)} found`;
            }
            found = Uint32Array.from(hits);
        }
        if (mine !== looking) return;
        stale = false;
        const n = found ? found.length : model.rows, missing = model.number('events') - model.number('embedded');
        table.resize(n);
        $('events-note').textContent = `${units.count(n)}${found ? ` of ${units.count(model.rows)}` : ''} events` + (found && filter.range && (state.t0 > 0 || state.t1 < model.end) ? ' in view' : '');
        $('events-missing').hidden = missing <= 0;
        $('events-missing').querySelector('span').textContent = `${units.count(Math.max(0, missing))} events are not in this file; all of them: `;
        $('events-missing').querySelector('code').textContent = model.word('show_events');
        $('events-panel').classList.toggle('none', !n);
    }

    // ---- go to ----

    async function goTo_(text) {
        const t = text.trim().toLowerCase().replace(/(\d),(?=\d{3})/g, '$1');
        let row = -1;
        if (/^#?\d+$/.test(t)) row = await model.rowOf('id', Number(t.replace('#', '')));
        else if (/^[\d.]+ ?(s|ms|us)$/.test(t)) row = await model.rowOf('time', Math.round(parseFloat(t) * { s: TICKS, ms: 1e4, us: 10 }[t.match(/[a-z]+$/)[0]]));
        else if (/^0x[0-9a-f]{1,16}$/.test(t)) {
            const page = Math.floor(Number(t) / PAGE);
            change({ pages: [page, page + 1] });
            return;
        }
        if (row < 0) {
            $('events-note').textContent = 'Give a number (#123), a time (8.2 s) or an address (0x7f1c\u2026).';
            return;
        }
        row = Math.min(row, model.rows - 1);
        if (stale) await look(); // rows are counted among those that the filters leave
        if (found) row = lowerBound(found, row);
        table.active = row;
        table.to(Math.max(0, row - 3));
    }

    function lowerBound(list, value) {
        let low = 0, high = list.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (list[middle] < value) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /* The event next to `row` for which `fits` holds, forward or back: {row, event}. */
    async function seek(row, by, fits) {
        await model.needEvents();
        for (let at_ = row + by; at_ >= 0 && at_ < model.rows; ) {
            const chunk = model.chunkOf(at_), c = await model.events(chunk.i);
            for (; at_ >= chunk.row && at_ < chunk.row + chunk.count; at_ += by) if (fits(c, at_ - chunk.row)) return { row: at_, event: decode.row(c, at_ - chunk.row) };
        }
        return null;
    }

    async function byId(id) {
        await model.needEvents();
        if (!model.rows) return null;
        const row = await model.rowOf('id', id);
        if (row >= model.rows) return null;
        const chunk = model.chunkOf(row), c = await model.events(chunk.i), e = decode.row(c, row - chunk.row);
        return e.id === id ? { row, event: e } : null;
    }

    /* The next or last event at the cursor: select it. */
    async function step(by) {
        await model.needEvents();
        if (!model.rows) return;
        const now = state.sel[0] === 'e' ? (await byId(Number(state.sel.slice(1))))?.row : undefined;
        const row = now !== undefined ? now : (await model.rowOf('time', model.instant().a)) - (by > 0 ? 1 : 0);
        let chunk, fits; // a test is made once for each chunk
        const next = await seek(row, by, (c, i) => {
            if (c !== chunk) [chunk, fits] = [c, test(c)];
            return !found || fits(i);
        });
        if (next) change({ sel: 'e' + next.event.id, a: next.event.time });
        if (next) speak(`event ${next.event.id}: ${next.event.call}(${next.event.args}) = ${next.event.result}`);
    }

    /* Filters as they were at first. */
    function reset() {
        for (const box of document.querySelectorAll('#events-panel .filters input, #events-panel .filters select')) {
            if (box.type === 'checkbox') box.checked = true;
            else box.value = box.options?.[0].value ?? '';
            if (box.id !== 'event-go') box.dispatchEvent(new Event('input'));
        }
    }

    function start() {
        table = new LongTable($('events-rows'), { label: 'Events', row, hides: (c) => (state.columns >> c) % 2 === 1, columns: COLUMNS.map((title, c) => ({ title, head: !c, kind: { '#': 'n', time: 'n', 'pid/tid': 'n', arguments: 'wide', change: 'n', 'faults since': 'n', took: 'n', 'call site': 'wide' }[title] })) });
        $('event-columns').append(...COLUMNS.slice(1).map((title, c) => h('label', { class: 'field' }, h('input', { type: 'checkbox', value: String(2 << c), on: { change: () => change({ columns: state.columns ^ (2 << c) }) } }), title)));
        $('event-call').append(...[...new Set(model.classes.filter(Boolean))].map((c) => h('option', { value: c }, c)));
        $('event-kind').append(...model.kinds.filter(Boolean).map((k) => h('option', { value: k }, k)));
        const set = (id, key, read = (v) => v, fits = () => true) => $(id).addEventListener('input', () => {
            $(id).setAttribute('aria-invalid', String(!!$(id).value.trim() && !fits($(id).value)));
            filter[key] = read($(id).type === 'checkbox' ? $(id).checked : $(id).value);
            stale = true;
            later();
        });
        const later = debounce(look, 200);
        set('event-call', 'call');
        set('event-kind', 'kind');
        set('event-result', 'result');
        const bytes = (none) => (v) => units.bytes(v) ?? none, isBytes = (v) => units.bytes(v) != null, isAddress = (v) => /^(0x)?[0-9a-f]{1,16}$/i.test(v.trim());
        set('event-least', 'least', bytes(0), isBytes);
        set('event-most', 'most', bytes(Infinity), isBytes);
        set('event-address', 'address', (v) => (isAddress(v) ? BigInt('0x' + v.trim().replace(/^0x/i, '')) : 0n), isAddress);
        set('event-site', 'site');
        set('event-tid', 'tid', (v) => v.replace(/\D/g, ''));
        set('event-text', 'text');
        set('event-range', 'range');
        $('event-go').addEventListener('change', (e) => e.target.value && goTo_(e.target.value));
        $('events-copy').addEventListener('click', () => copy(model.word('show_events'), 'the command'));
        panels.lazy('events-panel', look, ['t0', 't1', 'proc', 'hidden', 'pages', 'query', 'size']);
        const columns = () => {
            for (const box of $('event-columns').querySelectorAll('input')) box.checked = !(state.columns & box.value);
            table.head();
        };
        columns();
        when((what) => {
            if (what.has('columns')) columns();
            if (what.has('sel') || what.has('columns')) table.draw();
        });
    }

    return { HIDEABLE, start, reset, look, at, rowOf, seek, byId, step, open, get count() { return found ? found.length : model.rows; }, get table() { return table; } };
})();
