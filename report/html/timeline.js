'use strict';
/*
 * timeline.js: the panels that share the axis of time: the overview with its window, and the lanes: memory by kind, page
 * faults, calls, the heap, marks; and what pointer and keys do there.
 */

const timeline = (() => {
    const { CLASSES, column, most, spans, shownBands, callsOf } = plot, lanes = [];
    let overview, ruler, hover = null, drag = null, pinned = false;

    function paintMarks(pane) {
        plot.background(pane);
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
        plot.background(ruler);
        ruler.show((g) => {
            for (const t of at) {
                const x = Math.round(ruler.x(t));
                g.fillStyle = paint.color('line');
                g.fillRect(x, 0, 1, ruler.height);
                g.fillStyle = paint.color('soft');
                const text = units.moment(t, step * 1000);
                if (x + 5 + g.measureText(text).width < ruler.width) g.fillText(text, x + 5, ruler.height / 2); // a part of it would be another time
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
            if (pixels === 'all' || overview.dirty) plot.overview(overview);
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
        let start = null, clicked = -1e9, before = {};
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
                    remember();
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
            if (moved) { // what is told is of a moment that lies elsewhere now
                hover = null;
                tip.hide();
                legend.update(null);
            }
            if (moved && !pan) {
                const from = pane.t(Math.min(x, end)), to = pane.t(Math.max(x, end));
                if (!extra.drag || !extra.drag(from, to, dragged)) goTo(from, to);
            } else if (!moved) {
                // A double click begins as two clicks: what they move is put back.
                if (e.timeStamp - clicked > 600) before = { a: state.a, b: state.b };
                clicked = e.timeStamp;
                if (!extra.click?.(pane.t(end), e)) setCursor(e.shiftKey ? 'b' : 'a', pane.t(end));
            }
            follow();
        });
        box.addEventListener('pointercancel', () => (start = drag = null));
        box.addEventListener('pointerleave', leave);
        box.addEventListener('dblclick', () => {
            change(before);
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
        change({ [which]: t, at: state.at === 'diff' ? 'diff' : which });
        speak((which === 'a' ? 'A at ' : 'B at ') + say(t));
    }

    function moveCursor(which, share) {
        setCursor(which, model.instant()[which] + share * (state.t1 - state.t0));
        const t = model.instant()[which];
        if (t < state.t0 || t > state.t1) change({ t0: t - (state.t1 - state.t0) / 2, t1: t + (state.t1 - state.t0) / 2 });
    }

    function listenOverview() {
        const box = overview.box, t = (e) => clamp((e.clientX - box.getBoundingClientRect().left) / overview.width, 0, 1) * model.end;
        let mode = null, pressed = 0;
        box.addEventListener('pointerdown', (e) => {
            pressed = e.clientX;
            const at = t(e), near = 8 / overview.width * model.end;
            const inside = at > state.t0 && at < state.t1 && state.t1 - state.t0 < model.end * 0.999;
            mode = Math.abs(at - state.t0) < near ? { edge: 't0' } : Math.abs(at - state.t1) < near ? { edge: 't1' } : inside ? { by: at - state.t0 } : { from: at };
            box.setPointerCapture(e.pointerId);
        });
        box.addEventListener('pointermove', (e) => {
            if (!mode || (!mode.moved && Math.abs(e.clientX - pressed) < 4)) return; // a hand is never quite still
            mode.moved = true;
            remember();
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
            panels.visit(section.id, () => change({}, 'near'), 20); // each that is drawn costs with every frame
            listen(pane);
            return pane;
        };
        lane('memory', innerWidth > 2400 ? 420 : 260, plot.memory).letters = true;
        const heap_ = column('heap_last').length;
        lane('heap', heap_ ? 72 : 22, plot.heap).empty = heap_ ? '' : 'No heap: the break was never moved.';
        lane('calls', 64, plot.calls);
        const faults = lane('faults', 64, plot.faults);
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
            if (what.has('chart') || what.has('lod') || what.has('hidden')) $('memory-words').textContent = state.hidden.size ? `${state.chart === 'stack' ? 'bands' : 'lines'}: mapped, of the kinds that are shown` : state.chart === 'stack' ? 'bands: mapped, by kind; line: resident' : 'lines: mapped, by kind; thick: resident; dashed: virtual';
        });
        $('memory-box').setAttribute('aria-label', 'Memory over time. ' + describe());
    }

    const unpin = () => {
        pinned = false;
        leave();
    };
    const pin = () => {
        pinned = !pinned && hover !== null;
        if (!pinned) leave();
    };

    return { start, draw, listen, leave, pointAt, moveCursor, setCursor, values, say, describe, pin, unpin, lanes, get hover() { return hover; } };
})();
