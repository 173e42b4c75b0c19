'use strict';
/*
 * strip.js: time across, address space up: which pages were what, when.  Ranges that lie near each other are one cluster;
 * what lies between clusters is a labelled cut.  A cluster is as high as the logarithm of its size, and never less than
 * fourteen pixels, so that none is ever dropped.
 *
 * The picture is made of numbers first: each cell tells which life it shows (index + 1).  One such raster of the whole run
 * serves every frame of a pan or zoom; when the view rests, the cells of the view are made anew, exactly.  Colours are
 * looked up by life, so that another mode of colouring needs no new raster.
 */

const strip = (() => {
    const LEAST = 14, MOST = 64, COLUMNS = 2048;
    const EDGE = 0x80000000; // of a cell: the border to what lies above
    let pane, cut = 13, words, clusters = [], raster = null, exact = null, colors, faint, patterns, linear = false, proc = 0;

    /* Clusters of the shown process, from low to high addresses, in pages. */
    function find() {
        const [space, from, to] = model.extents, mine = model.ofProc(proc), parts = [];
        for (let i = 0; i < space.length; i++) if (mine[space[i]]) parts.push([from[i], to[i]]);
        parts.sort((a, b) => a[0] - b[0]);
        const out = [];
        for (const [a, b] of parts) {
            const last = out[out.length - 1];
            if (last && a - last.to < 16384) last.to = Math.max(last.to, b);
            else out.push({ from: a, to: b, folded: 0 });
        }
        // Too many to tell apart: the narrowest gaps are closed.
        while (out.length > MOST) {
            const gaps = out.slice(1).map((c, i) => [c.from - out[i].to, i + 1]).sort((a, b) => a[0] - b[0]).slice(0, out.length - MOST).map(([, i]) => i).sort((a, b) => b - a);
            for (const i of gaps) {
                out[i - 1].to = out[i].to;
                out[i - 1].folded += 1 + out[i].folded;
                out.splice(i, 1);
            }
        }
        return out;
    }

    function place() {
        clusters = find();
        const weight = (c) => (linear ? c.to - c.from : Math.max(0.5, Math.log2(c.to - c.from + 1) - 3));
        const total = clusters.reduce((sum, c) => sum + weight(c), 0) || 1;
        const room = Math.max(clusters.length * LEAST, 300 - clusters.length * 2);
        const spare = Math.max(0, room - clusters.length * LEAST);
        let y = 0;
        cut = clusters.length > 20 ? 3 : 13; // too many for a label at each
        for (let i = clusters.length - 1; i >= 0; i--) {
            const c = clusters[i];
            c.top = y;
            c.height = LEAST + Math.round(spare * weight(c) / total);
            y += c.height + (i ? cut : 0);
        }
        pane.height = Math.max(80, y);
        words.stale = true;
        raster = exact = null;
    }

    const clusterOf = (page) => clusters.find((c) => page >= c.from && page < c.to);
    const yOf = (c, page) => c.top + (c.to - page) / (c.to - c.from) * c.height;

    function pageAt(y) {
        const c = clusters.find((c_) => y >= c_.top && y < c_.top + c_.height);
        return c && c.to - (y - c.top) / c.height * (c.to - c.from);
    }

    /* Which life is in each of width x height cells of [t0, t1). */
    function cells(width, height, t0, t1, k, old) {
        const reuse = old?.cells.length === width * height, out = reuse ? old.cells.fill(0) : new Uint32Array(width * height), { n, space, start_page, pages, born, died } = model.lives, mine = model.ofProc(proc), scale = width / (t1 - t0);
        const sorted = clusters, tops = sorted.map((c) => c.top * k), per = sorted.map((c) => c.height * k / (c.to - c.from));
        for (let i = 0; i < n; i++) {
            if (died[i] < t0 || born[i] > t1 || !mine[space[i]]) continue;
            let low = 0, high = sorted.length - 1;
            while (low < high) {
                const middle = (low + high + 1) >> 1;
                if (sorted[middle].from <= start_page[i]) low = middle;
                else high = middle - 1;
            }
            const c = sorted[low];
            if (!c || start_page[i] >= c.to || start_page[i] < c.from) continue;
            const bottom = Math.min(height, Math.round(tops[low] + (c.to - start_page[i]) * per[low]));
            const top = clamp(Math.round(tops[low] + (c.to - start_page[i] - pages[i]) * per[low]), 0, Math.max(0, bottom - 1));
            const x0 = clamp(Math.floor((born[i] - t0) * scale), 0, width - 1);
            const x1 = clamp(Math.round((died[i] - t0) * scale), x0 + 1, width);
            for (let y = top; y < Math.max(top + 1, bottom); y++) out.fill(i + 1, y * width + x0, y * width + x1);
        }
        return finish(out, width, height);
    }

    /* Mark the borders between neighbours that are higher than three rows, and the rows that repeat the one above. */
    function finish(out, width, height) {
        const same = new Uint8Array(height);
        for (let y = height - 1; y > 0; y--) {
            const row = y * width, end = row + width;
            if (y > 2)
                for (let i = row; i < end; i++) {
                    const above = out[i - width];
                    if (above && out[i] !== above && out[i] && out[i - 2 * width] === above && out[i - 3 * width] === above) out[i] = (out[i] | EDGE) >>> 0;
                }
        }
        for (let y = 1; y < height; y++) {
            let i = y * width;
            const end = i + width;
            while (i < end && out[i] === out[i - width]) i++;
            same[y] = i === end ? 1 : 0;
        }
        return { cells: out, same };
    }

    // ---- colours ----

    const protName = (p) => (p ? (p & 1 ? 'r' : '-') + (p & 2 ? 'w' : '-') + (p & 4 ? 'x' : '-') : 'none');

    function recolor() {
        const { n, kind, prot, stack, born, died } = model.lives, ground = paint.of('ground');
        colors = new Uint32Array(n + 1).fill(ground);
        faint = new Uint32Array(n + 1).fill(ground);
        patterns = new Uint8Array(n + 1); // 1 hatched: no access; 2 dotted: writable and executable
        const kinds = model.kinds.map((_, k) => paint.pixel(paint.kind(k))), owners = new Map(), prots = new Map();
        const dim = paint.mix(ground, paint.of('other'), 0.22), ages = Array.from({ length: 64 }, (_, i) => paint.ramp(i, 64));
        for (let i = 0; i < n; i++) {
            let word = kinds[kind[i]];
            if (state.strip === 'protection') {
                if (!prots.has(prot[i])) prots.set(prot[i], paint.of(paint.PROT[protName(prot[i])] ?? (prot[i] & 4 ? 'stack' : 'image')));
                word = prots.get(prot[i]);
            } else if (state.strip === 'owner') {
                const site = model.stacks.site[stack[i]];
                if (!owners.has(site)) owners.set(site, paint.owner(owners.size));
                word = owners.get(site);
            } else if (state.strip === 'age') word = ages[Math.min(63, Math.floor((died[i] - born[i]) / model.end * 63.9))];
            if (state.hidden.has(kind[i])) word = dim;
            colors[i + 1] = word;
            patterns[i + 1] = !prot[i] ? 1 : (prot[i] & 6) === 6 ? 2 : 0;
            faint[i + 1] = prot[i] ? ground : paint.mix(word, ground, 0.62);
        }
    }

    function paintAll() {
        const { w, h: height, pixels } = pane, width = state.t1 - state.t0;
        const fresh = exact && exact.t0 === state.t0 && exact.t1 === state.t1 && exact.w === w && exact.h === height;
        const { cells: source, same } = fresh ? exact : raster, columns = fresh ? w : COLUMNS;
        const from = new Int32Array(w), ground = paint.of('ground');
        for (let x = 0; x < w; x++) from[x] = fresh ? x : clamp(Math.floor((state.t0 + (x + 0.5) / w * width) / model.end * COLUMNS), 0, COLUMNS - 1);
        const chosen = state.sel[0] === 'l' ? Number(state.sel.slice(1)) + 1 : -1, accent = paint.of('accent');
        for (let y = 0, patterned = false; y < height; y++) {
            const row = y * columns, out = y * w;
            if (same[y] && !patterned) {
                pixels.copyWithin(out, out - w, out);
                continue;
            }
            patterned = false;
            for (let x = 0; x < w; x++) {
                const id = source[row + from[x]];
                let word = ground;
                if (id && id < EDGE) {
                    word = id === chosen ? accent : colors[id];
                    const pattern = patterns[id];
                    if (pattern) {
                        patterned = true;
                        if (pattern === 1 ? (x + y) % 6 > 2 : x % 4 < 2 && y % 4 < 2) word = faint[id];
                    }
                }
                pixels[out + x] = word;
            }
        }
        return fresh;
    }

    /* The band of each cut, and the frames of clusters. */
    function bands() {
        const { w, pixels, k } = pane, band = paint.mix(paint.of('ground'), paint.of('other'), 0.16);
        clusters.forEach((c, i) => {
            if (i) pixels.fill(band, Math.round((c.top + c.height) * k) * w, Math.round((c.top + c.height + cut) * k) * w);
        });
    }

    const refine = debounce(() => {
        if (!pane.w || !raster) return;
        exact = { t0: state.t0, t1: state.t1, w: pane.w, h: pane.h, ...cells(pane.w, pane.h, state.t0, state.t1, pane.k, exact) };
        draw(true);
    }, 250);

    function draw(pixels) {
        if (!panels.near('strip-panel') || !pane.fit()) return;
        if (pixels) {
            if (!raster || raster.cells.length !== COLUMNS * pane.h) raster = cells(COLUMNS, pane.h, 0, model.end, pane.k);
            if (!colors) recolor();
            if (!paintAll()) refine();
            bands();
        }
        if (words.stale !== false) drawWords();
        pane.show((g) => {
            const [from, to] = state.pages ?? [0, 1], a = clusterOf(from), b = clusterOf(to - 1);
            if (a && b) {
                g.strokeStyle = paint.color('accent');
                g.setLineDash([5, 3]);
                g.strokeRect(0.5, yOf(b, to), pane.width - 1, Math.max(2, yOf(a, from) - yOf(b, to)));
                g.setLineDash([]);
            }
            paint.cursors(pane, g);
        });
    }

    /* Names of clusters and cuts: they stay where they are when time moves. */
    function drawWords() {
        const g = pane.lines(words);
        words.stale = false;
        for (let i = 0; i < clusters.length; i++) {
            const c = clusters[i];
            if (i && cut > 12) paint.label(g, `\u22ef ${units.size((c.from - clusters[i - 1].to) * PAGE)} unmapped`, pane.width / 2, c.top + c.height + cut / 2 + 0.5, 'center');
            const name = units.address(c.from) + (c.folded ? ` (${c.folded + 1} clusters)` : '') + '  ' + units.size((c.to - c.from) * PAGE);
            paint.label(g, name, 4, c.height > 26 ? c.top + 9 : c.top + c.height / 2);
        }
    }

    // ---- what is where ----

    function lifeAt(x, y) {
        const column = exact && exact.t0 === state.t0 && exact.t1 === state.t1 ? [exact.cells, Math.floor(x * pane.k), exact.w] : raster && [raster.cells, clamp(Math.floor(pane.t(x) / model.end * COLUMNS), 0, COLUMNS - 1), COLUMNS];
        if (!column) return -1;
        const [source, at, width] = column;
        for (const d of [0, -1, 1, -2, 2]) {
            const row = Math.floor(y * pane.k) + d;
            const id = row >= 0 && row < pane.h ? source[row * width + at] & ~EDGE : 0;
            if (id) return id - 1;
        }
        return -1;
    }

    function point(t, _, clientX, clientY, x, y) {
        const life = lifeAt(x, y), page = pageAt(y);
        if (life < 0) {
            timeline.pointAt(t, pane, clientX, clientY);
            tip.show([['nothing mapped', page ? 'near ' + units.address(Math.floor(page)) : 'between clusters']], units.moment(t, state.t1 - state.t0), pane, clientX, clientY);
            return;
        }
        timeline.pointAt(t, pane, clientX, clientY);
        tip.show(layout.about(life, t), layout.range(life), pane, clientX, clientY);
    }

    function rows() {
        const { t, list } = model.alive(model.instant().b, proc);
        return [['range at ' + units.moment(t, model.end), 'size', 'access', 'kind', 'name', 'mapped by'], [...list].sort((a, b) => model.lives.start_page[a] - model.lives.start_page[b]).map((i) => layout.plainRow(i))];
    }

    function describe() {
        const text = `${clusters.length} clusters of addresses of ${model.procs.length ? model.procName(proc) : 'nothing'}, from ${clusters.length ? units.address(clusters[0].from) : 'none'} to ${clusters.length ? units.address(clusters[clusters.length - 1].to) : 'none'}.`;
        $('strip-box').setAttribute('aria-label', 'Address space over time. ' + text);
        $('strip-note').textContent = model.procs.length ? `${model.procName(proc)} (pid ${model.procs[proc].pid})${state.proc === ALL && model.procs.length > 1 ? ', the largest process' : ''}` : '';
    }

    /* What colours mean in the other modes. */
    function key() {
        const parts = { kind: [], protection: [['none', 'guard'], ['r--', 'file'], ['rw-', 'anonymous'], ['r-x', 'stack'], ['rwx', 'heap']], owner: [], age: [] }[state.strip];
        const words = { kind: 'hatched: no access; dotted: writable and executable', protection: 'dotted: writable and executable', owner: 'a colour for each call site that mapped it', age: 'from faint, short-lived, to strong, kept for the whole run' }[state.strip];
        $('strip-key').replaceChildren(...parts.map(([name, color]) => swatch(color, name)), h('span', {}, words));
    }

    /* Move to the next cluster that something can be selected of. */
    function step(by) {
        if (!clusters.length) return;
        const now = state.pages ? clusters.findIndex((c) => c.from === state.pages[0]) : by > 0 ? -1 : clusters.length;
        const c = clusters[now + by];
        change({ pages: c ? [c.from, c.to] : null });
        speak(c ? `cluster ${units.address(c.from)}, ${units.size((c.to - c.from) * PAGE)}` : 'all addresses');
    }

    function setLinear() {
        linear = !linear;
        place();
        draw(true);
        speak(linear ? 'heights are sizes' : 'heights are logarithms of sizes');
    }

    function start() {
        pane = new paint.Pane($('strip-box'), 100);
        words = pane.canvas();
        proc = model.one();
        place();
        timeline.listen(pane, {
            point,
            click: (t, e) => {
                const r = pane.box.getBoundingClientRect(), life = lifeAt(e.clientX - r.left, e.clientY - r.top);
                if (life >= 0 && !e.shiftKey) {
                    change({ sel: 'l' + life });
                    detail.open();
                }
                return false;
            },
            drag: (from, to, { ys }) => {
                if (Math.abs(ys[1] - ys[0]) < 6) return false;
                const high = pageAt(clamp(Math.min(...ys), 0, pane.height - 1)), low = pageAt(clamp(Math.max(...ys), 0, pane.height - 1));
                goTo(from, to, { pages: high && low ? [Math.floor(low), Math.ceil(high)] : state.pages });
                return true;
            },
        });
        for (const input of document.querySelectorAll('input[name=strip]')) input.addEventListener('change', () => change({ strip: input.value }));
        // Its raster takes longer than all the lanes: they come first.
        panels.visit('strip-panel', () => (window.requestIdleCallback ?? setTimeout)(() => draw(true)));
        twin('strip-table', rows);
        when((what) => {
            if (what.has('proc')) {
                proc = model.one();
                place();
                describe();
            }
            if (what.has('theme') || what.has('strip') || what.has('hidden')) colors = null;
            if (['size', 'proc', 'theme'].some((name) => what.has(name))) words.stale = true;
            if (what.has('strip')) {
                key();
                document.querySelector(`input[name=strip][value=${state.strip}]`).checked = true;
            }
            const pixels = ['t0', 't1', 'proc', 'hidden', 'strip', 'theme', 'size', 'sel'].some((name) => what.has(name));
            if (pixels || what.has('a') || what.has('b') || what.has('pages')) draw(pixels);
        });
        describe();
        key();
    }

    return { start, draw, step, setLinear, protName, get pane() { return pane; }, get clusters() { return clusters; } };
})();
