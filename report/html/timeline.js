'use strict';
/*
 * timeline.js: the panels that share the axis of time: the overview with its window, and the lanes: memory by kind, page
 * faults, calls, the heap, marks.  Each lane paints the columns of its pixels from the buckets of the series.
 */

const timeline = (() => {
    const lanes = [];
    let overview, ruler, hover = null, drag = null, pinned = false;
    const CLASSES = [['map', 'anonymous'], ['unmap', 'guard'], ['brk', 'heap'], ['protect', 'stack'], ['remap', 'shared'], ['advise', 'file'], ['other', 'kernel']];

    const shownBands = () => paint.bands().filter((k) => !state.hidden.has(k));

    /* For each column of pixels: the first bucket, and the one behind the last; all lanes ask for the same. */
    let spanned = [], span = null;
    function spans(width, n, t0, t1) {
        const wanted = [width, n, t0, t1];
        if (wanted.every((value, i) => value === spanned[i])) return span;
        const from = new Int32Array(width + 1), scale = n / model.end, step = (t1 - t0) / width;
        for (let x = 0; x <= width; x++) from[x] = clamp(Math.floor((t0 + step * x) * scale + 1e-9), 0, n);
        spanned = wanted;
        return (span = from);
    }

    const column = (name) => model.lod().floats(name);
    const sumSeries = (names) => {
        const all = names.map(column).filter((c) => c.length);
        if (all.length < 2) return all[0] ?? new Float64Array(0);
        const sum = new Float64Array(all[0].length);
        for (const c of all) for (let i = 0; i < sum.length; i++) sum[i] += c[i];
        return sum;
    };
    /* Sums of series are the same for every frame. */
    const kept = new Map();
    function keep(key, make) {
        const lod = model.lod(), full = key + [...state.hidden];
        if (kept.lod !== lod) kept.clear();
        kept.lod = lod;
        if (!kept.has(full)) kept.set(full, make());
        return kept.get(full);
    }
    /* Sums up to each bucket: those of any range are one subtraction. */
    const runningOf = (key, series) => keep('running' + key, () => {
        const out = new Float64Array(model.buckets() + 1), n = series.length;
        for (let i = 0; i + 1 < out.length; i++) out[i + 1] = out[i] + (i < n ? series[i] : 0);
        return out;
    });
    /* Counters are read now and then: what they rose by belongs to the time since they were read last. */
    const sinceSample = (name) => keep('since' + name, () => {
        const rose = column(name), samples = column('resident_samples'), out = new Float64Array(rose.length);
        for (let i = 0, first = 0; i < rose.length; i++) {
            if (rose[i]) for (let k = first; k <= i; k++) out[k] += rose[i] / (i - first + 1);
            if (samples[i]) first = i + 1;
        }
        return out;
    });
    const callsOf = (cls) => keep('class' + cls, () => sumSeries(model.calls.map((_, c) => c).filter((c) => model.classes[c] === cls).map((c) => 'call' + c)));
    const totalOf = () => keep('total', () => sumSeries(shownBands().map((k) => `kind${k}_max`)));

    const most = (items, from, to) => {
        let high = 0;
        for (let i = from; i < Math.min(to, items.length); i++) if (items[i] > high) high = items[i];
        return high;
    };

    // ---- painting ----

    const background = (pane) => pane.pixels.fill(paint.of('ground'));

    function dots(pane, x, y, size, word) {
        for (let dy = 0; dy < size; dy++)
            for (let dx = 0; dx < size; dx++) {
                const px = x + dx, py = y + dy;
                if (px >= 0 && px < pane.w && py >= 0 && py < pane.h) pane.pixels[py * pane.w + px] = word;
            }
    }

    /* A line from the least to the most of each column; dash of 0: none. */
    function line(pane, spans_, low, high, last, y, word, dash, skip, halo) {
        let before = -1;
        if (halo) line(pane, spans_, low, high, last, y, paint.of('ground'), 0, skip, false);
        const thick = Math.max(1, Math.round(pane.k * (halo === undefined ? 1.5 : halo ? 1.5 : 4)));
        for (let x = 0; x < pane.w; x++) {
            const from = spans_[x], to = Math.max(from + 1, spans_[x + 1]);
            if (skip && skip(from, to, x)) {
                before = -1;
                continue;
            }
            let bottom = Infinity, top = 0;
            for (let i = from; i < Math.min(to, last.length); i++) {
                if (low[i] < bottom) bottom = low[i];
                if (high[i] > top) top = high[i];
            }
            if (bottom === Infinity) continue;
            let y0 = y(top), y1 = y(bottom);
            const end = y(last[Math.min(to, last.length) - 1]);
            if (before >= 0) {
                y0 = Math.min(y0, before);
                y1 = Math.max(y1, before);
            }
            before = end;
            if (!dash || Math.floor(x / pane.k) % (dash * 2) < dash)
                for (let row = Math.max(0, y0 - (thick >> 1)); row < Math.min(pane.h, y1 + thick); row++) pane.pixels[row * pane.w + x] = word;
        }
    }

    const linear = (pane, high) => (v) => pane.h - 1 - Math.round(v / high * (pane.h - 4 * pane.k));
    const logarithmic = (pane, high) => {
        const top = Math.log2(Math.max(high, 8192)), bottom = 11;
        return (v) => (v < 2048 ? pane.h : pane.h - 1 - Math.round((Math.log2(v) - bottom) / (top - bottom) * (pane.h - 4 * pane.k)));
    };

    function paintMemory(pane) {
        const lod = model.lod(), n = model.buckets(), at = spans(pane.w, n, state.t0, state.t1), order = shownBands();
        const from = at[0], to = Math.max(from + 1, at[pane.w]), total = totalOf();
        const resident = column('resident_max'), samples = column('resident_samples');
        const perKind = order.map((k) => column(`kind${k}_last`));
        const isStack = state.chart === 'stack';
        let high = isStack ? most(total, from, to) : Math.max(0, ...order.map((k) => most(column(`kind${k}_max`), from, to)));
        high = Math.max(high, most(resident, from, to), 4096);
        background(pane);
        const y = state.chart === 'log' ? logarithmic(pane, high) : linear(pane, high);
        Object.assign(pane, { high, y, binary: true });
        if (isStack) {
            const words = order.map((k) => paint.pixel(paint.kind(k))), soft = words.map((w) => paint.mix(w, paint.of('ground'), 0.55)), faint = paint.of('soft'), ground = paint.of('ground');
            const hatched = order.map((k) => model.kinds[k] === 'guard'), pixels = pane.pixels, w = pane.w, bands_ = perKind.length;
            const scale = (pane.h - 4 * pane.k) / high, bottom = pane.h - 1;
            for (let x = 0; x < w; x++) {
                const bucket = Math.min(n, Math.max(at[x] + 1, at[x + 1])) - 1;
                let sum = 0, row = bottom;
                for (let b = 0; b < bands_; b++) {
                    const value = perKind[b][bucket];
                    if (!value) continue;
                    sum += value;
                    const top = bottom - Math.round(sum * scale), first = row, word = words[b], other = hatched[b] ? soft[b] : word;
                    for (let i = row * w + x; row > top; row--, i -= w) pixels[i] = other !== word && (x + row) % 6 < 2 ? other : word;
                    if (first - row > 3) pixels[(row + 1) * w + x] = ground; // parts it from the next band
                }
            }
            // What was there only for a moment inside of a column.
            for (let x = 0; x < w; x++) {
                const peak = most(total, at[x], Math.max(at[x] + 1, at[x + 1])), row = pane.h - 1 - Math.round(peak * scale);
                if (peak && row >= 0) pixels[row * w + x] = faint;
            }
        } else
            order.forEach((k, b) => {
                const last = perKind[b], max = column(`kind${k}_max`);
                if (last.length) line(pane, at, last, max, last, y, paint.pixel(paint.kind(k)), 0);
            });
        const virtual = column('virtual_last');
        if (!isStack && virtual.length) line(pane, at, column('virtual_min'), column('virtual_max'), virtual, y, paint.of('soft'), 3);
        if (resident.length) {
            const wide = pane.w / Math.max(1, to - from);
            // Between samples the last value is held; where none came for long, there is a gap.
            const gap = keep('gaps', () => gaps(samples));
            line(pane, at, column('resident_min'), resident, column('resident_last'), y, paint.of('ink'), 0, (a, b) => gap[Math.min(a, gap.length - 1)] === 1 && gap[Math.min(b - 1, gap.length - 1)] === 1, true);
            const far = most(keep('distance', () => distances(samples)), from, to);
            if (wide * far > 8 * pane.k)
                for (let i = from; i < to; i++)
                    if (samples[i]) dots(pane, Math.round(((i + 0.5) / n * model.end - state.t0) / (state.t1 - state.t0) * pane.w) - 2, y(column('resident_last')[i]) - 2, Math.round(4 * pane.k), paint.of('ink'));
        }
        return lod;
    }

    /* How many buckets lie between samples, usually. */
    function distances(samples) {
        const count = samples.reduce((sum, s) => sum + (s ? 1 : 0), 0);
        return Float64Array.of(count ? samples.length / count : samples.length);
    }

    /* 1 where the last sample is more than eight times further away than usual: sampling stood still. */
    function gaps(samples) {
        const usual = distances(samples)[0], out = new Float64Array(samples.length);
        let last = -1;
        for (let i = 0; i <= samples.length; i++) {
            if (i < samples.length && !samples[i]) continue;
            if (last >= 0 && i - last > Math.max(4, usual * 8)) out.fill(1, last + 1, i);
            last = i;
        }
        return out;
    }

    /* Numbers of events in bars of four pixels, stacked; `parts` are [running sums, colour]. */
    function paintCounts(pane, parts) {
        const bar = Math.max(2, Math.round(4 * pane.k)), bars = Math.max(1, Math.ceil(pane.w / bar)), n = model.buckets();
        const at = spans(bars, n, state.t0, state.t0 + (state.t1 - state.t0) * bars * bar / pane.w), sums = parts.map(() => new Float64Array(bars));
        let high = 0;
        for (let x = 0; x < bars; x++) {
            // Bars that lie in one bucket share what it holds.
            const from = Math.min(at[x], n - 1), to = Math.max(from + 1, at[x + 1]);
            let all = 0;
            for (let p = 0; p < parts.length; p++) all += sums[p][x] = parts[p][0][to] - parts[p][0][from];
            if (all > high) high = all;
        }
        background(pane);
        const per = Math.max((at[bars] - at[0]) / bars, 1) * model.end / n / TICKS; // seconds in a bar
        Object.assign(pane, { high: high / per, binary: false, y: linear(pane, Math.max(high / per, 1e-9)) });
        if (!high) return;
        const scale = (pane.h - 4 * pane.k) / high, words = parts.map(([, color]) => paint.of(color)), gap = bar > 3 ? Math.round(pane.k) : 0, pixels = pane.pixels;
        for (let x = 0; x < bars; x++) {
            let row = pane.h - 1, sum = 0;
            const left = x * bar, right = Math.min(pane.w, left + bar - gap);
            for (let p = 0; p < parts.length; p++) {
                if (!sums[p][x]) continue;
                sum += sums[p][x];
                const top = Math.max(-1, Math.min(row - 1, pane.h - 1 - Math.round(sum * scale)));
                for (; row > top; row--) for (let i = row * pane.w + left, end = row * pane.w + right; i < end; i++) pixels[i] = words[p];
            }
        }
    }

    function paintHeap(pane) {
        const last = column('heap_last'), n = model.buckets(), at = spans(pane.w, n, state.t0, state.t1);
        background(pane);
        const high = Math.max(4096, most(column('heap_max'), at[0], Math.max(at[0] + 1, at[pane.w])));
        Object.assign(pane, { high, binary: true, y: linear(pane, high) });
        if (last.length) line(pane, at, column('heap_min'), column('heap_max'), last, pane.y, paint.of('heap'), 0);
    }

    function paintMarks(pane) {
        background(pane);
        pane.high = 0;
        pane.marks = marks();
    }

    /* Moments worth a word: [tick, glyph, text].  First what the reader has marked, then findings, threads last. */
    const RANKS = '\u2605\u25b2\u21bb\u25c7\u25a0\u2502';
    function marks() {
        const out = [], own = (i) => state.proc === ALL || state.proc === i;
        model.procs.forEach((p, i) => {
            if (!own(i)) return;
            if (p.parent) out.push([p.start, '\u25c7', `${model.procName(i)} (pid ${p.pid}) forked`]);
            if (p.end < model.end && model.procs.length > 1) out.push([p.end, '\u25a0', `${model.procName(i)} (pid ${p.pid}) ended`]);
        });
        const seen = new Set();
        model.spaces.forEach((s) => {
            if (own(s.proc) && seen.has(s.proc)) out.push([s.start, '\u21bb', `${model.procName(s.proc)}: execve`]);
            seen.add(s.proc);
        });
        model.threads.slice(0, 500).forEach((t) => own(t.proc) && t.start > model.procs[t.proc]?.start && out.push([t.start, '\u2502', `thread ${t.tid} started`]));
        findings.list().forEach((f) => f.times.slice(0, 8).forEach((t) => out.push([t, '\u25b2', f.name])));
        state.marks.forEach(([t, text]) => out.push([t, '\u2605', text]));
        return out.sort((x, y) => RANKS.indexOf(x[1]) - RANKS.indexOf(y[1]) || x[0] - y[0]);
    }

    function paintOverview(pane) {
        const n = model.buckets(), at = spans(pane.w, n, 0, model.end);
        background(pane);
        const base = column('resident_max').length ? 'resident_max' : 'virtual_max', items = column(base), high = Math.max(1, most(items, 0, n));
        const calls = keep('calls', () => sumSeries(model.calls.map((_, c) => 'call' + c)));
        const sums = new Float64Array(pane.w);
        for (let x = 0; x < pane.w; x++) for (let i = at[x]; i < Math.max(at[x] + 1, at[x + 1]); i++) sums[x] += calls[i] || 0;
        const busiest = Math.max(1, sums.reduce((a, b) => Math.max(a, b), 0)), band = Math.round(10 * pane.k), fill = paint.mix(paint.of('ground'), paint.of('accent'), 0.28);
        for (let x = 0; x < pane.w; x++) {
            const top = pane.h - band - 2 - Math.round(most(items, at[x], Math.max(at[x] + 1, at[x + 1])) / high * (pane.h - band - 6));
            for (let y = top; y < pane.h - band - 2; y++) pane.pixels[y * pane.w + x] = y < top + 2 ? paint.of('accent') : fill;
            const share = sums[x] ? 0.15 + 0.85 * Math.sqrt(sums[x] / busiest) : 0, word = paint.mix(paint.of('ground'), paint.of('soft'), share);
            for (let y = pane.h - band; y < pane.h; y++) pane.pixels[y * pane.w + x] = word;
        }
        pane.what = base.startsWith('resident') ? 'resident' : 'virtual';
        pane.high = high;
    }

    // ---- lines and words over the pixels ----

    function axis(pane, g) {
        if (pane.high && pane.y) {
            const wanted = Math.max(2, Math.floor(pane.height / 44));
            const values = state.chart === 'log' && pane.name === 'memory' ? [4096, 65536, 1048576, 16777216, 268435456, 4294967296, 68719476736, 1.1e12, 1.76e13].filter((v) => v < pane.high) : paint.steps(pane.high, wanted, pane.binary);
            g.strokeStyle = paint.color('line');
            for (const v of values) {
                const y = Math.round(pane.y(v) / pane.k) + 0.5;
                g.globalAlpha = 0.5;
                g.beginPath();
                g.moveTo(0, y);
                g.lineTo(pane.width, y);
                g.stroke();
                g.globalAlpha = 1;
                paint.label(g, pane.binary ? units.size(v) : units.count(v) + '/s', 4, clamp(y - 7, 7, pane.height - 7));
            }
        }
        if (pane.marks) {
            const taken = new Set(); // places of 8 pixels, by those that matter more
            for (const [t, glyph] of pane.marks) {
                const x = pane.x(t), place = Math.round(x / 8);
                if (x < 0 || x > pane.width || (taken.has(place) && glyph !== '\u2605')) continue;
                taken.add(place);
                g.fillStyle = paint.color({ '\u25b2': 'bad', '\u2605': 'accent' }[glyph] ?? 'soft');
                g.textAlign = 'center';
                g.fillText(glyph, clamp(x, 5, pane.width - 5), pane.height / 2);
            }
            g.textAlign = 'left';
        }
    }

    function words(pane, g) {
        if (pane.empty) paint.label(g, pane.empty, 8, pane.height / 2);
        else axis(pane, g);
        paint.cursors(pane, g);
    }

    function drawTime() {
        if (!ruler.fit()) return;
        const { step, at } = paint.timeSteps(state.t0, state.t1, Math.max(2, Math.floor(ruler.width / 110)));
        background(ruler);
        ruler.show((g) => {
            for (const t of at) {
                const x = Math.round(ruler.x(t));
                g.fillStyle = paint.color('line');
                g.fillRect(x, 0, 1, ruler.height);
                g.fillStyle = paint.color('soft');
                g.fillText(units.moment(t, step * 1000), x + 5, ruler.height / 2);
            }
        });
    }

    function drawWindow(g) {
        const a = state.t0 / model.end * overview.width, b = Math.max(a + 2, state.t1 / model.end * overview.width);
        g.fillStyle = paint.color('ground');
        g.globalAlpha = 0.62;
        g.fillRect(0, 0, a, overview.height);
        g.fillRect(b, 0, overview.width - b, overview.height);
        g.globalAlpha = 1;
        g.strokeStyle = paint.color('accent');
        g.lineWidth = 2;
        g.strokeRect(Math.max(1, a), 1, Math.min(overview.width - 1, b) - Math.max(1, a), overview.height - 2);
        g.lineWidth = 1;
        for (const x of [Math.max(1, a), Math.min(overview.width - 1, b)]) {
            g.fillStyle = paint.color('accent');
            g.fillRect(x - 3, overview.height / 2 - 9, 6, 18);
        }
        const { a: ca, b: cb } = model.instant();
        for (const [t, word] of [[ca, 'A'], [cb, 'B']]) {
            const x = clamp(t / model.end * overview.width, 1, overview.width - 1);
            g.strokeStyle = paint.color('accent');
            g.setLineDash(word === 'A' ? [3, 3] : []);
            g.beginPath();
            g.moveTo(x, 0);
            g.lineTo(x, overview.height);
            g.stroke();
            g.setLineDash([]);
        }
    }

    /* Draw all, or only what lies over the pixels. */
    function draw(pixels) {
        if (overview.fit()) {
            if (pixels === 'all' || overview.dirty) paintOverview(overview);
            overview.dirty = false;
            overview.show(drawWindow);
        }
        for (const pane of lanes) {
            if (!pane.section.open || !panels.near(pane.section.id) || !pane.fit()) continue;
            if (pixels) pane.paint(pane);
            pane.show((g) => words(pane, g));
        }
        if (pixels) drawTime();
        follow();
    }

    /* What follows the pointer, in all panels of time. */
    function follow() {
        const boxes = strip.pane;
        for (const pane of boxes ? [...lanes, boxes] : lanes) {
            pane.hair(hover);
            pane.frame(drag?.xs, drag && pane === boxes && drag.pane === boxes ? drag.ys : undefined);
        }
    }

    // ---- words ----

    /* All values at a moment: [name, text, colour]. */
    function values(t) {
        const n = model.buckets(), i = model.bucketOf(t, n), lod = model.lod(), rows = [];
        const at = (name) => lod.floats(name)[i];
        if (lod.has('resident_last')) rows.push(['resident', units.size(at('resident_last')) + (at('resident_samples') ? '' : ' (last sample)'), 'ink']);
        rows.push(['virtual', units.size(at('virtual_last') || 0), 'soft']);
        for (const k of [...shownBands()].reverse()) if (at(`kind${k}_last`)) rows.push([model.kinds[k], units.size(at(`kind${k}_last`)), model.kinds[k]]);
        const calls = model.calls.map((name, c) => [name, at('call' + c)]).filter(([, count]) => count);
        if (calls.length) rows.push(['calls here', calls.map(([name, count]) => `${units.count(count)} ${name}`).join(', ')]);
        if (at('minor') || at('major')) rows.push(['page faults', `${units.count(at('minor') || 0)} minor, ${units.count(at('major') || 0)} major`]);
        const width = model.end / n, near = marks().filter(([when_]) => Math.abs(when_ - t) < Math.max(width, (state.t1 - state.t0) / 200)).slice(0, 4);
        near.forEach(([, glyph, text]) => rows.push([glyph, text]));
        return rows;
    }

    const say = (t) => units.moment(t, state.t1 - state.t0) + ': ' + values(t).map(([name, text]) => `${name} ${text}`).join('; ');

    function describe() {
        const r = column('resident_max'), v = column('virtual_max'), items = r.length ? r : v, n = items.length;
        if (!n) return 'No memory is recorded here.';
        const high = most(items, 0, n), at = items.indexOf(high), last = column(r.length ? 'resident_last' : 'virtual_last');
        return `${r.length ? 'Resident' : 'Virtual'} memory goes from ${units.size(last[0])} to ${units.size(last[n - 1])}, at most ${units.size(high)} at ${units.moment(at / n * model.end, model.end)}.`;
    }

    // ---- pointer and keys ----

    function pointAt(t, pane, x, y) {
        hover = t;
        follow();
        tip.show(values(t), units.moment(t, state.t1 - state.t0), pane, x, y);
        legend.update(t);
    }

    function leave() {
        if (pinned) return;
        hover = null;
        tip.hide();
        follow();
        legend.update(null);
    }

    /* What a pointer does on a panel of time; `extra` may take a click or the end of a drag for itself. */
    function listen(pane, extra = {}) {
        const box = pane.box, place = (e) => e.clientX - box.getBoundingClientRect().left;
        let start = null;
        box.addEventListener('pointerdown', (e) => {
            if (e.button) return;
            start = { x: place(e), y: e.offsetY, pan: e.shiftKey, t0: state.t0, t1: state.t1, moved: false };
            box.setPointerCapture(e.pointerId);
        });
        box.addEventListener('pointermove', (e) => {
            const x = place(e), y = e.clientY - box.getBoundingClientRect().top;
            if (start && Math.abs(x - start.x) + Math.abs(y - start.y) > 4) start.moved = true;
            if (start?.moved) {
                if (start.pan) {
                    const d = (start.x - x) / pane.width * (start.t1 - start.t0);
                    change({ t0: start.t0 + d, t1: start.t1 + d });
                    return;
                }
                drag = { pane, xs: [clamp(start.x, 0, pane.width), clamp(x, 0, pane.width)], ys: [start.y, y] };
            }
            if (!pinned) (extra.point || pointAt)(pane.t(x), pane, e.clientX, e.clientY, x, y);
        });
        box.addEventListener('pointerup', (e) => {
            if (!start) return;
            const { moved, pan, x } = start, end = place(e), dragged = drag;
            start = drag = null;
            if (moved && !pan) {
                const from = pane.t(Math.min(x, end)), to = pane.t(Math.max(x, end));
                if (!extra.drag || !extra.drag(from, to, dragged)) goTo(from, to);
            } else if (!moved && !(extra.click && extra.click(pane.t(end), e))) setCursor(e.shiftKey ? 'b' : 'a', pane.t(end));
            follow();
        });
        box.addEventListener('pointercancel', () => (start = drag = null));
        box.addEventListener('pointerleave', leave);
        box.addEventListener('dblclick', () => {
            const { a, b } = model.instant();
            if (a !== b) goTo(Math.min(a, b), Math.max(a, b));
        });
        box.addEventListener('wheel', (e) => {
            if (!e.ctrlKey && !box.contains(document.activeElement)) return;
            e.preventDefault();
            if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) panBy((e.deltaX || e.deltaY) / 1000);
            else zoomBy(Math.exp(clamp(e.deltaY, -300, 300) / 400), pane.t(place(e)));
        }, { passive: false });
        box.addEventListener('focus', () => box.matches(':focus-visible') && speak(say(model.instant().a)));
    }

    function setCursor(which, t) {
        t = clamp(Math.round(t), 0, model.end);
        change({ [which]: t, at: which });
        speak((which === 'a' ? 'A at ' : 'B at ') + say(t));
    }

    function moveCursor(which, share) {
        setCursor(which, model.instant()[which] + share * (state.t1 - state.t0));
        const t = model.instant()[which];
        if (t < state.t0 || t > state.t1) change({ t0: t - (state.t1 - state.t0) / 2, t1: t + (state.t1 - state.t0) / 2 });
    }

    function listenOverview() {
        const box = overview.box, t = (e) => clamp((e.clientX - box.getBoundingClientRect().left) / overview.width, 0, 1) * model.end;
        let mode = null;
        box.addEventListener('pointerdown', (e) => {
            const at = t(e), near = 8 / overview.width * model.end;
            const inside = at > state.t0 && at < state.t1 && state.t1 - state.t0 < model.end * 0.999;
            mode = Math.abs(at - state.t0) < near ? { edge: 't0' } : Math.abs(at - state.t1) < near ? { edge: 't1' } : inside ? { by: at - state.t0 } : { from: at };
            trail.push([state.t0, state.t1]);
            box.setPointerCapture(e.pointerId);
        });
        box.addEventListener('pointermove', (e) => {
            if (!mode) return;
            const at = t(e), width = state.t1 - state.t0;
            if (mode.edge) change(mode.edge === 't0' ? { t0: Math.min(at, state.t1 - 1) } : { t1: Math.max(at, state.t0 + 1) });
            else if (mode.from !== undefined) change({ t0: Math.min(at, mode.from), t1: Math.max(at, mode.from, mode.from + 1) });
            else change({ t0: at - mode.by, t1: at - mode.by + width });
        });
        for (const end of ['pointerup', 'pointercancel']) box.addEventListener(end, () => (mode = null));
        box.addEventListener('dblclick', () => goTo(0, model.end));
    }

    // ---- tables ----

    function rows() {
        const n = model.buckets(), at = spans(60, n, state.t0, state.t1), bands = shownBands().filter((k) => column(`kind${k}_last`).length).reverse();
        const head = ['time', 'resident', 'virtual', ...bands.map((k) => model.kinds[k]), 'calls', 'page faults'];
        const calls = CLASSES.map(([cls]) => callsOf(cls)), sum = (series, a, b) => {
            let total = 0;
            for (let i = a; i < b; i++) total += series[i] || 0;
            return total;
        };
        const size = (name, i) => (column(name).length ? units.size(column(name)[i]) : '\u2013');
        const body = [];
        for (let r = 0; r < 60; r++) {
            const a = at[r], b = Math.max(a + 1, at[r + 1]), i = Math.min(n, b) - 1;
            if (r && a === at[r - 1]) continue;
            body.push([units.moment(i / n * model.end, state.t1 - state.t0), size('resident_last', i), size('virtual_last', i), ...bands.map((k) => size(`kind${k}_last`, i)), units.count(calls.reduce((total, c) => total + sum(c, a, b), 0)), units.count(sum(column('minor'), a, b) + sum(column('major'), a, b))]);
        }
        return [head, body];
    }

    function start() {
        overview = new paint.Pane($('overview-box'), 56);
        overview.dirty = true;
        ruler = new paint.Pane($('time-axis'), 20);
        const lane = (name, height, painter) => {
            const section = $('lane-' + name), pane = new paint.Pane(section.querySelector('.pane'), height);
            Object.assign(pane, { name, section, paint: painter });
            section.addEventListener('toggle', () => section.open && !pane.width && change({}, 'size'));
            lanes.push(pane);
            panels.visit(section.id, () => change({}, 'near'));
            listen(pane);
            return pane;
        };
        lane('memory', innerWidth > 2400 ? 420 : 260, paintMemory).letters = true;
        const heap_ = column('heap_last').length;
        lane('heap', heap_ ? 72 : 22, paintHeap).empty = heap_ ? '' : 'No heap: the break was never moved.';
        lane('calls', 64, (pane) => paintCounts(pane, CLASSES.map(([cls, color]) => [runningOf(cls, callsOf(cls)), color])));
        const faults = lane('faults', 64, (pane) => paintCounts(pane, ['minor', 'major'].map((name, i) => [runningOf(name, sinceSample(name)), i ? 'bad' : 'accent'])));
        faults.empty = column('minor').length || column('major').length ? '' : 'No page faults were counted.';
        lane('marks', 22, paintMarks);
        listenOverview();
        for (const mode of ['stack', 'lines', 'log']) $('chart-' + mode).addEventListener('change', () => change({ chart: mode }));
        twin('memory-table', rows);
        $('calls-key').append(...CLASSES.filter(([cls]) => callsOf(cls).length).map(([cls, color]) => swatch(color, cls)));
        when((what) => {
            if (what.has('lod') || what.has('proc') || what.has('theme') || what.has('size')) overview.dirty = true;
            const pixels = ['t0', 't1', 'proc', 'hidden', 'chart', 'theme', 'size', 'lod', 'near', 'marks'].some((key) => what.has(key));
            if (what.has('theme')) for (const key of $('calls-key').children) key.firstChild.style.backgroundColor = paint.color(key.dataset.kind);
            if (pixels || what.has('a') || what.has('b')) draw(pixels);
            if (what.has('lod') || what.has('proc')) $('memory-box').setAttribute('aria-label', 'Memory over time. ' + describe());
            $('chart-' + state.chart).checked = true;
        });
        $('memory-box').setAttribute('aria-label', 'Memory over time. ' + describe());
    }

    const pin = () => {
        pinned = !pinned && hover !== null;
        if (!pinned) leave();
    };

    return { start, draw, listen, leave, pointAt, moveCursor, setCursor, values, say, describe, callsOf, pin, lanes, CLASSES, get hover() { return hover; } };
})();
