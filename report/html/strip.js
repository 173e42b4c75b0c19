'use strict';
/*
 * strip.js: time across, address space up: which pages were what, when.  clusters.js tells how high an address lies; what
 * lies between clusters is a labelled cut.
 *
 * The picture is made of numbers first: each cell tells which life it shows (index + 1).  One such raster of the whole run
 * serves every frame of a pan or zoom; when the view rests, the cells of the view are made anew, exactly.  Colours are
 * looked up by life, so that another mode of colouring needs no new raster.
 */

const strip = (() => {
    const COLUMNS = 2048, CHOICES = 1000, OWNERS = ['heap', 'anonymous', 'file', 'stack', 'shared', 'chunk', 'image', 'arena', 'kernel'];
    const EDGE = 0x80000000; // of a cell: the border to what lies above
    let pane, words, raster = null, exact = null, colors, faint, patterns, shares, owners = [], proc = 0, shown = null;

    function place() {
        pane.height = clusters.place(proc);
        words.stale = true;
        raster = exact = shown = null;
    }

    /* Which life is in each of width x height cells of [t0, t1). */
    function cells(width, height, t0, t1, k, old) {
        const reuse = old?.cells.length === width * height, out = reuse ? old.cells.fill(0) : new Uint32Array(width * height), { n, space, start_page, pages, born, died } = model.lives, mine = model.ofProc(proc), scale = width / (t1 - t0);
        for (let i = 0; i < n; i++) {
            if (died[i] < t0 || born[i] > t1 || !mine[space[i]]) continue;
            const piece = clusters.find(space[i], start_page[i]);
            if (!piece) continue;
            const bottom = Math.min(height, Math.round(clusters.y(piece, start_page[i]) * k));
            const top = clamp(Math.round(clusters.y(piece, start_page[i] + pages[i]) * k), 0, Math.max(0, bottom - 1));
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

    const PROTS = [['none', 'guard'], ['r--', 'file'], ['rw-', 'anonymous'], ['r-x', 'stack'], ['rwx', 'heap']];
    const unseen = () => paint.mix(paint.of('ground'), paint.of('other'), 0.45);
    const ramp = () => Array.from({ length: 64 }, (_, i) => paint.ramp(i, 64));

    /* Call sites by what they hold on the average of the whole run: those with colours of their own. */
    function rankOwners() {
        const { n, space, stack, pages, born, died } = model.lives, mine = model.ofProc(proc), sums = new Map();
        for (let i = 0; i < n; i++) {
            if (!mine[space[i]]) continue;
            const site = model.stacks.site[stack[i]];
            sums.set(site, (sums.get(site) ?? 0) + pages[i] * PAGE * (Math.min(died[i], model.end) - born[i]) / model.end);
        }
        return [...sums].sort((a, b) => b[1] - a[1]);
    }

    function recolor() {
        const { n, kind, prot, stack, born, died } = model.lives, ground = paint.of('ground'), mode = state.strip;
        colors = new Uint32Array(n + 1).fill(ground);
        faint = new Uint32Array(n + 1).fill(ground);
        patterns = new Uint8Array(n + 1); // 1 hatched: no access; 2 dotted: writable and executable
        const kinds = model.kinds.map((_, k) => paint.pixel(paint.kind(k))), prots = new Map(), ages = ramp(), dim = paint.mix(ground, paint.of('other'), 0.22);
        owners = mode === 'owner' ? rankOwners() : [];
        const ranks = new Map(owners.slice(0, OWNERS.length).map(([site], i) => [site, paint.of(OWNERS[i])])), other = paint.of('guard');
        shares = mode === 'resident' && resident.looks ? { since: new Float64Array(n + 1), until: new Float64Array(n + 1), ramp: ages } : null;
        for (let i = 0; i < n; i++) {
            let word = kinds[kind[i]];
            if (mode === 'protection') {
                if (!prots.has(prot[i])) prots.set(prot[i], paint.of(paint.PROT[protName(prot[i])] ?? (prot[i] & 4 ? 'stack' : 'image')));
                word = prots.get(prot[i]);
            } else if (mode === 'owner') word = ranks.get(model.stacks.site[stack[i]]) ?? other;
            else if (mode === 'age') word = ages[Math.min(63, Math.floor((died[i] - born[i]) / model.end * 63.9))];
            else if (mode === 'resident') word = unseen();
            if (state.hidden.has(kind[i])) word = dim;
            colors[i + 1] = word;
            if (mode === 'resident') continue;
            patterns[i + 1] = !prot[i] ? 1 : (prot[i] & 6) === 6 ? 2 : 0;
            faint[i + 1] = prot[i] ? ground : paint.mix(word, ground, 0.62);
        }
    }

    /* The colour of a life by what of it was resident; it is kept as long as time runs on to the next look. */
    function share(id, t) {
        if (t >= shares.since[id] && t < shares.until[id]) return;
        const i = id - 1, part = state.hidden.has(model.lives.kind[i]) ? null : resident.at(i, t);
        shares.since[id] = part?.since ?? 0;
        shares.until[id] = part?.until ?? Infinity;
        if (!part) return;
        colors[id] = shares.ramp[part.pages ? Math.ceil(part.pages / model.lives.pages[i] * 63) : 0];
        patterns[id] = part.later ? 1 : 0;
        faint[id] = paint.mix(colors[id], paint.of('ground'), 0.5);
    }

    function paintAll() {
        const { w, h: height, pixels } = pane, width = state.t1 - state.t0;
        const fresh = isExact();
        const { cells: source, same } = fresh ? exact : raster, columns = fresh ? w : COLUMNS;
        const from = new Int32Array(w), times = new Float64Array(w), ground = paint.of('ground');
        for (let x = 0; x < w; x++) {
            times[x] = state.t0 + (x + 0.5) / w * width;
            from[x] = fresh ? x : clamp(Math.floor(times[x] / model.end * COLUMNS), 0, COLUMNS - 1);
        }
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
                    if (shares) share(id, times[x]);
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

    /* The band of each cut. */
    function bands() {
        const { w, pixels, k } = pane, band = paint.mix(paint.of('ground'), paint.of('other'), 0.16);
        for (const row of clusters.rows.slice(1)) pixels.fill(band, Math.round((row.top + row.height) * k) * w, Math.round((row.top + row.height + clusters.cut) * k) * w);
    }

    const idle = window.requestIdleCallback ?? setTimeout;
    const whole = () => cells(COLUMNS, pane.h, 0, model.end, pane.k);
    const isExact = () => exact && exact.t0 === state.t0 && exact.t1 === state.t1 && exact.w === pane.w && exact.h === pane.h;
    const look = () => (exact = { t0: state.t0, t1: state.t1, w: pane.w, h: pane.h, ...cells(pane.w, pane.h, state.t0, state.t1, pane.k, exact) });
    const refine = debounce(() => {
        if (!pane.w || isExact()) return;
        look();
        draw(true);
    }, 250);

    function draw(pixels) {
        if (!panels.near('strip-panel') || !pane.fit()) return;
        if (pixels) {
            // The whole run first; what moves through time is made from the raster.
            if (state.t0 <= 0 && state.t1 >= model.end) {
                if (!isExact()) look();
                idle(() => raster?.cells.length === COLUMNS * pane.h || (raster = whole()));
            } else if (raster?.cells.length !== COLUMNS * pane.h) raster = whole();
            if (!colors) {
                recolor();
                key();
            }
            if (!paintAll()) refine();
            bands();
        }
        if (words.stale !== false) drawWords();
        pane.show((g) => {
            const [from, to] = state.pages ?? [0, 1];
            for (const s of state.pages ? clusters.inView() : []) {
                const low = clusters.find(s, from), high = clusters.find(s, to - 1), { start, end } = model.spaces[s];
                if (!low || !high) continue;
                const x0 = Math.max(0, pane.x(start)), y1 = clusters.y(high, to);
                g.strokeStyle = paint.color('accent');
                g.setLineDash([5, 3]);
                g.strokeRect(x0 + 0.5, y1, Math.min(pane.width, pane.x(end)) - x0 - 1, Math.max(2, clusters.y(low, from) - y1));
                g.setLineDash([]);
            }
            paint.cursors(pane, g);
        });
    }

    /* What is in rows that several address spaces share: the two kinds that take most of it. */
    function contents() {
        const { n, space, start_page, pages, kind } = model.lives, mine = model.ofProc(proc), sums = new Map(clusters.rows.map((row) => [row, new Map()]));
        for (let i = 0; i < n; i++) {
            const sum = mine[space[i]] && sums.get(clusters.find(space[i], start_page[i])?.row);
            if (sum) sum.set(kind[i], (sum.get(kind[i]) ?? 0) + pages[i]);
        }
        return (shown = new Map([...sums].map(([row, sum]) => [row, [...sum].sort((a, b) => b[1] - a[1]).slice(0, 2).map(([k]) => model.kinds[k]).join(', ')])));
    }

    /* Names of rows and cuts.  Addresses are those of one space. */
    function drawWords() {
        const g = pane.lines(words), { rows, cut } = clusters, spaces = clusters.inView(), ranges = clusters.ranges(spaces[0]);
        const several = spaces.length > 1, names = several && (shown ?? contents());
        let below = 0;
        words.stale = false;
        for (const row of rows) {
            const range = ranges.get(row), many = row.members.length;
            if (!several && !range) continue;
            if (!several && below && cut > 12) paint.label(g, `\u22ef ${units.size((range[0] - below) * PAGE)} unmapped`, pane.width / 2, row.top + row.height + cut / 2 + 0.5, 'center');
            if (range) below = range[1];
            // On a phone an address would cover a third of what it names; the cursor tells it.
            const narrow = pane.width < 480, bytes = units.size((several || many > 1 ? row.size : range[1] - range[0]) * PAGE);
            const name = several ? (narrow ? names.get(row) : `${names.get(row)}  up to ${bytes}`) : narrow ? bytes : `${units.address(range[0])}  ${bytes}`;
            paint.label(g, many > 1 ? `${many} small${narrow ? '' : ' clusters'}  ${name}` : name, 4, row.height > 26 ? row.top + 9 : row.top + row.height / 2);
        }
    }

    // ---- what is where ----

    function lifeAt(x, y) {
        const column = isExact() ? [exact.cells, Math.floor(x * pane.k), exact.w] : raster && [raster.cells, clamp(Math.floor(pane.t(x) / model.end * COLUMNS), 0, COLUMNS - 1), COLUMNS];
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
        const life = lifeAt(x, y), page = clusters.pageAt(clusters.spaceAt(t), y);
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
        const { rows, spaces } = clusters, of = model.procs.length ? model.procName(proc) : 'nothing', ends = [...clusters.ranges(spaces[0]).values()];
        const { count } = clusters, folded = `${units.count(count)} clusters${count > rows.length ? ` in ${rows.length} rows: small ones share one` : ''}`;
        const where = !ends.length ? '' : spaces.length > 1 ? `, which was in ${units.count(spaces.length)} address spaces one after another` : `, from ${units.address(ends[0][0])} to ${units.address(ends[ends.length - 1][1])}`;
        $('strip-box').setAttribute('aria-label', `Address space over time. ${folded} of addresses of ${of}${where}.`);
        $('strip-note').textContent = model.procs.length ? `${of} (pid ${model.procs[proc].pid})${state.proc === ALL && model.procs.length > 1 ? ', the largest process' : ''}${count > rows.length ? ', ' + folded : ''}` : '';
        $('space').parentNode.hidden = spaces.length < 2;
        $('space').replaceChildren(h('option', { value: '' }, `all ${units.count(spaces.length)}, one over the other`), ...spaces.slice(0, CHOICES).map((s, i) => {
            const { start, end } = model.spaces[s];
            return h('option', { value: String(s) }, `${i + 1} of ${units.count(spaces.length)}: ${units.moment(start, model.end / 100)}, ${units.duration(Math.min(end, model.end) - start)}`);
        }), ...(spaces.length > CHOICES ? [h('option', { disabled: true }, `${units.count(spaces.length - CHOICES)} more: zoom in`)] : []));
    }

    /* The address space that is in view, when it is one. */
    function follow() {
        const spaces = clusters.spaces.length > 1 ? clusters.inView() : [], value = spaces.length === 1 ? String(spaces[0]) : '';
        if (clusters.spaces.length > 1) words.stale = true;
        $('space').value = value;
        if ($('space').selectedIndex < 0) $('space').value = '';
    }

    /* What colours mean in the other modes. */
    function key() {
        const square = (word, text) => {
            const mark = swatch('other', text);
            mark.firstChild.style.backgroundColor = `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;
            return mark;
        };
        const mode = state.strip, steps = ramp(), parts = [];
        let said = 'hatched: no access; dotted: writable and executable';
        if (mode === 'protection') {
            parts.push(...PROTS.map(([name, color]) => swatch(color, name)));
            said = 'dotted: writable and executable';
        } else if (mode === 'owner') {
            const top = owners.slice(0, OWNERS.length), rest = owners.slice(OWNERS.length);
            parts.push(...top.map(([site, bytes], i) => square(paint.of(OWNERS[i]), `${model.text(site) || 'unknown'} ${units.size(bytes)}`)));
            if (rest.length) parts.push(square(paint.of('guard'), `${units.count(rest.length)} other${rest.length > 1 ? 's' : ''} ${units.size(rest.reduce((sum, [, bytes]) => sum + bytes, 0))}`));
            said = 'sizes: on the average of the run';
        } else if (mode === 'age') said = 'from faint, short-lived, to strong, kept for the whole run';
        else if (mode === 'resident') {
            parts.push(...[0, 25, 50, 75, 100].map((share_) => square(steps[Math.ceil(share_ * 0.63)], share_ + ' %')), square(unseen(), 'not looked at'));
            const { looks } = resident;
            said = !looks ? 'reading' : looks.taken ? `hatched: before the first look; ${units.count(looks.kept)} look${looks.kept === 1 ? '' : 's'}${looks.taken > looks.kept ? ` of ${units.count(looks.taken)}` : ''}, more: --residency-every` : 'resident pages were not looked at: --residency-every';
        }
        $('strip-key').replaceChildren(...parts, h('span', {}, said));
    }

    /* Move to the next cluster that something can be selected of. */
    function step(by) {
        const list = [...clusters.ranges(clusters.inView()[0] ?? clusters.spaces[0]).values()];
        if (!list.length) return;
        const now = state.pages ? list.findIndex(([from]) => from === state.pages[0]) : by > 0 ? -1 : list.length;
        const range = list[now + by];
        change({ pages: range ?? null });
        speak(range ? `cluster ${units.address(range[0])}, ${units.size((range[1] - range[0]) * PAGE)}` : 'all addresses');
    }

    function setLinear() {
        clusters.toggle();
        place();
        draw(true);
        speak(clusters.linear ? 'heights are sizes' : 'heights are logarithms of sizes');
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
                if (life < 0 || e.shiftKey) return false;
                change({ sel: 'l' + life });
                detail.open();
                return true;
            },
            drag: (from, to, { ys }) => {
                if (Math.abs(ys[1] - ys[0]) < 6) return false;
                const [high, low] = [Math.min(...ys), Math.max(...ys)].map((y) => clusters.pageAt(clusters.spaceAt((from + to) / 2), clamp(y, 0, pane.height - 1)));
                goTo(from, to, { pages: high && low ? [Math.floor(low), Math.ceil(high)] : state.pages });
                return true;
            },
        });
        for (const input of document.querySelectorAll('input[name=strip]')) input.addEventListener('change', () => change({ strip: input.value }));
        $('space').addEventListener('change', (e) => {
            const { start, end } = model.spaces[e.target.value] ?? { start: 0, end: model.end };
            goTo(start, Math.min(end, model.end));
        });
        // Its raster takes longer than all the lanes: they come first.
        panels.visit('strip-panel', () => idle(() => draw(true)));
        twin('strip-table', rows);
        when((what) => {
            if (what.has('proc')) {
                proc = model.one();
                place();
                describe();
            }
            if (['theme', 'strip', 'hidden', 'looks'].some((name) => what.has(name)) || (what.has('proc') && state.strip === 'owner')) colors = null;
            if (['size', 'proc', 'theme'].some((name) => what.has(name))) words.stale = true;
            if (['proc', 't0', 't1'].some((name) => what.has(name))) follow();
            if (what.has('strip')) {
                document.querySelector(`input[name=strip][value=${state.strip}]`).checked = true;
                if (state.strip === 'resident') resident.need();
            }
            const pixels = ['t0', 't1', 'proc', 'hidden', 'strip', 'theme', 'size', 'sel', 'looks'].some((name) => what.has(name));
            if (pixels || what.has('a') || what.has('b') || what.has('pages')) draw(pixels);
        });
        describe();
    }

    return { start, draw, step, setLinear, protName, get pane() { return pane; } };
})();
