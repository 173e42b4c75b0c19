'use strict';
/*
 * plot.js: the pixels of the panels of time.  Each column of them is painted from the buckets of the series that lie in it.
 * One function for each loop: what a browser compiles of it holds then, whatever the others come upon.
 */

const plot = (() => {
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

    function paintBands(pane, at, n, bands, scale) {
        const { pixels, w, h: height } = pane, ground = paint.of('ground'), bottom = height - 1;
        const words = Uint32Array.from(bands, (k) => paint.pixel(paint.kind(k))), soft = words.map((word, b) => (model.kinds[bands[b]] === 'guard' ? paint.mix(word, ground, 0.55) : word));
        const values = bands.map((k) => column(`kind${k}_last`));
        for (let x = 0; x < w; x++) {
            const bucket = Math.min(n, Math.max(at[x] + 1, at[x + 1])) - 1;
            let sum = 0, row = bottom;
            for (let b = 0; b < values.length; b++) {
                const value = values[b][bucket];
                if (!(value > 0)) continue;
                sum += value;
                const top = bottom - Math.round(sum * scale), first = row;
                row = fillColumn(pixels, w, x, row, top, words[b], soft[b]);
                if (first - row > 3) pixels[(row + 1) * w + x] = ground; // parts it from the next band
            }
        }
    }

    /* Upwards to the row `top`, hatched with another colour. */
    function fillColumn(pixels, w, x, row, top, word, other) {
        for (let i = row * w + x; row > top; row--, i -= w) pixels[i] = other !== word && (x + row) % 6 < 2 ? other : word;
        return row;
    }

    /* What was there only for a moment inside of a column. */
    function paintPeaks(pane, at, total, scale) {
        const { pixels, w, h: height } = pane, word = paint.of('soft');
        for (let x = 0; x < w; x++) {
            const peak = most(total, at[x], Math.max(at[x] + 1, at[x + 1])), row = height - 1 - Math.round(peak * scale);
            if (peak > 0 && row >= 0) pixels[row * w + x] = word;
        }
    }

    function paintResident(pane, at, n, y) {
        const samples = column('resident_samples'), last = column('resident_last'), from = at[0], to = Math.max(from + 1, at[pane.w]), wide = pane.w / (to - from);
        // Between samples the last value is held; where none came for long, there is a gap.
        const gap = keep('gaps', () => gaps(samples));
        line(pane, at, column('resident_min'), column('resident_max'), last, y, paint.of('ink'), 0, (a, b) => gap[Math.min(a, gap.length - 1)] === 1 && gap[Math.min(b - 1, gap.length - 1)] === 1, true);
        if (wide * most(keep('distance', () => distances(samples)), from, to) <= 8 * pane.k) return;
        for (let i = from; i < to; i++) if (samples[i]) dots(pane, Math.round(((i + 0.5) / n * model.end - state.t0) / (state.t1 - state.t0) * pane.w) - 2, y(last[i]) - 2, Math.round(4 * pane.k), paint.of('ink'));
    }

    function memory(pane) {
        const n = model.buckets(), at = spans(pane.w, n, state.t0, state.t1), order = shownBands(), from = at[0], to = Math.max(from + 1, at[pane.w]);
        const resident = column('resident_max'), virtual = column('virtual_last'), stacked = state.chart === 'stack';
        // Of some kinds alone nobody knows what is resident; and what all of them have tells nothing beside one of them.
        const whole = !state.hidden.size, high = Math.max(stacked ? most(totalOf(), from, to) : whole ? most(column('virtual_max'), from, to) : Math.max(0, ...order.map((k) => most(column(`kind${k}_max`), from, to))), whole ? most(resident, from, to) : 0, 4096);
        const y = state.chart === 'log' ? logarithmic(pane, high) : linear(pane, high);
        background(pane);
        Object.assign(pane, { high, y, binary: true });
        if (stacked) {
            const scale = (pane.h - 4 * pane.k) / high;
            paintBands(pane, at, n, order, scale);
            paintPeaks(pane, at, totalOf(), scale);
        } else {
            for (const k of order) if (column(`kind${k}_last`).length) line(pane, at, column(`kind${k}_last`), column(`kind${k}_max`), column(`kind${k}_last`), y, paint.pixel(paint.kind(k)), 0);
            if (whole && virtual.length) line(pane, at, column('virtual_min'), column('virtual_max'), virtual, y, paint.of('soft'), 3);
        }
        if (whole && resident.length) paintResident(pane, at, n, y);
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

    /* What each bar has of each part, part by part.  Bars that lie in one bucket share what it holds. */
    function sumBars(at, bars, n, parts) {
        const sums = new Float64Array(bars * parts.length);
        parts.forEach(([running], p) => {
            for (let x = 0; x < bars; x++) {
                const from = Math.min(at[x], n - 1);
                sums[p * bars + x] = running[Math.max(from + 1, at[x + 1])] - running[from];
            }
        });
        return sums;
    }

    function highest(sums, bars) {
        let high = 0;
        for (let x = 0; x < bars; x++) {
            let all = 0;
            for (let i = x; i < sums.length; i += bars) all += sums[i];
            if (all > high) high = all;
        }
        return high;
    }

    function fillBar(pixels, w, left, right, row, top, word) {
        for (; row > top; row--) for (let i = row * w + left, end = row * w + right; i < end; i++) pixels[i] = word;
        return row;
    }

    function paintBars(pane, sums, bars, bar, words, scale) {
        const { pixels, w, h: height } = pane, gap = bar > 3 ? Math.round(pane.k) : 0;
        for (let x = 0; x < bars; x++) {
            const left = x * bar, right = Math.min(w, left + bar - gap);
            let row = height - 1, sum = 0;
            for (let p = 0; p < words.length; p++) {
                const value = sums[p * bars + x];
                if (!(value > 0)) continue;
                sum += value;
                const top = Math.max(-1, Math.min(row - 1, height - 1 - Math.round(sum * scale)));
                row = fillBar(pixels, w, left, right, row, top, words[p]);
            }
        }
    }

    /* Numbers of events in bars of four pixels, stacked; `parts` are [running sums, colour]. */
    function paintCounts(pane, parts) {
        const bar = Math.max(2, Math.round(4 * pane.k)), bars = Math.max(1, Math.ceil(pane.w / bar)), n = model.buckets();
        const at = spans(bars, n, state.t0, state.t0 + (state.t1 - state.t0) * bars * bar / pane.w), sums = sumBars(at, bars, n, parts), high = highest(sums, bars);
        const per = Math.max((at[bars] - at[0]) / bars, 1) * model.end / n / TICKS; // seconds in a bar
        background(pane);
        Object.assign(pane, { high: high / per, binary: false, y: linear(pane, Math.max(high / per, 1e-9)) });
        if (high) paintBars(pane, sums, bars, bar, Uint32Array.from(parts, ([, color]) => paint.of(color)), (pane.h - 4 * pane.k) / high);
    }

    const calls = (pane) => paintCounts(pane, CLASSES.map(([cls, color]) => [runningOf(cls, callsOf(cls)), color]));
    const faults = (pane) => paintCounts(pane, ['minor', 'major'].map((name, i) => [runningOf(name, sinceSample(name)), i ? 'bad' : 'accent']));

    function heap(pane) {
        const last = column('heap_last'), n = model.buckets(), at = spans(pane.w, n, state.t0, state.t1);
        background(pane);
        const high = Math.max(4096, most(column('heap_max'), at[0], Math.max(at[0] + 1, at[pane.w])));
        Object.assign(pane, { high, binary: true, y: linear(pane, high) });
        if (last.length) line(pane, at, column('heap_min'), column('heap_max'), last, pane.y, paint.of('heap'), 0);
    }

    function overview(pane) {
        const n = model.buckets(), at = spans(pane.w, n, 0, model.end);
        background(pane);
        const base = column('resident_max').length ? 'resident_max' : 'virtual_max', items = column(base), high = Math.max(1, most(items, 0, n));
        const all = keep('calls', () => sumSeries(model.calls.map((_, c) => 'call' + c)));
        const sums = new Float64Array(pane.w);
        for (let x = 0; x < pane.w; x++) for (let i = at[x]; i < Math.max(at[x] + 1, at[x + 1]); i++) sums[x] += all[i] || 0;
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

    return { CLASSES, shownBands, spans, column, most, callsOf, background, memory, heap, calls, faults, overview };
})();
