'use strict';
/* sites.js: which code did it: as an icicle, as a tree, as a table.  One sum for each stack, folded into the tree of frames. */

const sites = (() => {
    let sum = null, totals = null, weights = null, boxes = [], pane, table, rows = [], names = [], drawn = '', order = { by: 'value', down: true }, focusAt = null, asked = 0, calls = null; // calls: of each stack in view, while the table shows them
    const open = new Set([0]); // nodes of the tree that are unfolded
    const ROW = 20, LIBRARY = 12; // a frame of libc or a library

    const tree = () => frames.tree(state.invert), signed = () => ['net', 'diff'].includes(state.metric);
    const money = () => !['calls', 'time', 'faults'].includes(state.metric);
    const show = (v) => (signed() && v > 0 ? '+' : '') + (money() ? units.size(v) : state.metric === 'time' ? units.duration(v) : units.signedCount(v));
    const share = (node) => units.percent(weights[node], weights[0]);
    const amount = (v) => (signed() && v ? swatch(v < 0 ? 'anonymous' : 'heap', show(v)) : show(v));
    const kids = new WeakMap();

    /* Children of each node, as one array sorted by parent. */
    function children() {
        const t = tree();
        if (kids.has(t)) return kids.get(t);
        const n = t.parent.length, first = new Uint32Array(n + 1), list = new Uint32Array(n);
        for (let i = 1; i < n; i++) if (t.to[i] === i) first[t.parent[i] + 1]++;
        for (let i = 0; i < n; i++) first[i + 1] += first[i];
        const at = first.slice();
        for (let i = 1; i < n; i++) if (t.to[i] === i) list[at[t.parent[i]]++] = i;
        kids.set(t, { first, list });
        return kids.get(t);
    }

    const childrenOf = (node) => {
        const { first, list } = children();
        return Array.from(list.subarray(first[node], first[node + 1])).filter((c) => weights[c]).sort((a, b) => weights[b] - weights[a]);
    };

    /* The total of every node.  Parents have lower numbers than their children. */
    function fold(values) {
        const t = tree(), ends = model.stacks.ends[state.invert], n = t.parent.length, size = new Float64Array(n);
        for (let i = 0; i < values.length; i++) if (values[i]) size[t.to[ends[i]]] += values[i];
        for (let i = n - 1; i > 0; i--) size[t.parent[i]] += size[i];
        return size;
    }

    /* Totals, and how much there is at all: what grew and what shrank do not make up for each other. */
    function refold() {
        totals = fold(sum.values);
        weights = signed() ? fold(sum.values.map(Math.abs)) : totals;
        draw();
    }

    async function refresh() {
        const mine = ++asked;
        const { a, b } = model.instant(), [from, to] = { live: [0, b], diff: [a, b] }[state.metric] ?? [state.t0, state.t1], result = await model.sums(from, to, state.metric);
        const counted = state.view === 'table' ? (state.metric === 'calls' ? result : await model.sums(state.t0, state.t1, 'calls')).values : null;
        if (mine !== asked) return;
        [sum, calls] = [result, counted];
        const when_ = state.metric === 'live' ? `at ${units.moment(sum.t1, model.end)}` : `from ${units.moment(sum.t0, model.end)} to ${units.moment(sum.t1, model.end)}`;
        const snapped = sum.missing ? `not in this file for this process: ${model.word('show_stacks')}` : sum.exact ? 'exact' : `snapped to ${['live', 'diff'].includes(state.metric) ? 'an instant that is in the file' : units.duration(model.end / model.sparseBuckets)}`;
        const seen = ['faults', 'touched'].includes(state.metric) ? ', as far as they were seen' : '', only = state.hidden.size ? (['live', 'diff'].includes(state.metric) ? ', shown kinds only' : ', calls of all kinds') : '';
        const all = sum.values.reduce((x, y) => x + y, 0);
        $('sites-note').replaceChildren(h('b', {}, show(all)), ` ${model.METRICS[state.metric]} ${when_} (${snapped}${seen}${only}) `, signed() ? h('span', { class: 'key' }, swatch('heap', 'more'), swatch('anonymous', 'less')) : '');
        $('sites-panel').classList.toggle('none', !sum.values.some(Boolean));
        refold();
    }

    // ---- icicle ----

    const name = (node) => model.nodeName(tree(), node);
    const matches = (node) => state.query && search.has(name(node));

    /* Frames of the node that is zoomed to, widest first; what is too narrow is counted. */
    function place() {
        boxes = [];
        const path = [];
        for (let node = state.zoom; ; node = tree().parent[node]) {
            path.unshift(node);
            if (!node) break;
        }
        path.forEach((node, depth) => boxes.push({ node, x: 0, width: pane.width, depth, above: node !== state.zoom }));
        let level = [boxes[boxes.length - 1]], depth = path.length, hidden = 0;
        while (level.length && depth < 60) {
            const next = [];
            for (const parent of level) {
                let x = parent.x, left = 0, rest = 0;
                for (const c of childrenOf(parent.node)) {
                    const width = weights[c] / weights[parent.node] * parent.width;
                    if (width < 1.5) {
                        left++;
                        rest += width;
                        continue;
                    }
                    const made = { node: c, x, width, depth };
                    next.push(made);
                    boxes.push(made);
                    x += width;
                }
                if (rest > 26) boxes.push({ node: -1, x, width: rest, depth, text: `+${left} hidden` });
                hidden += left;
            }
            level = next;
            depth++;
        }
        pane.height = Math.max(5, depth) * ROW + 4;
        return hidden;
    }

    function color(node) {
        const t = tree(), line = t.line[node];
        if (!line) return paint.color('other');
        return model.lines.flags[line - 1] & LIBRARY ? 'lib' : 'own';
    }

    /* The last part of a C++ name, without arguments: what still tells something in a narrow box. */
    function brief(name) {
        let plain = '', depth = 0;
        if (/operator|lambda/.test(name)) return name;
        for (const c of name) {
            if (c === '<' || c === '(') depth++;
            if (!depth) plain += c;
            if (c === '>' || c === ')') depth--;
        }
        return plain.split('::').pop().trim() || name;
    }

    function drawIcicle() {
        if (!pane.fit()) return;
        const hidden = place();
        pane.fit();
        const ground = paint.of('ground'), css = (word) => '#' + [0, 8, 16].map((s) => ((word >>> s) & 255).toString(16).padStart(2, '0')).join('');
        const tints = { own: [0.30, 0.42], lib: [0.12, 0.16] }, diff = signed();
        const g = pane.context;
        g.setTransform(pane.k, 0, 0, pane.k, 0, 0);
        g.fillStyle = paint.color('ground');
        g.fillRect(0, 0, pane.width, pane.height);
        g.font = '12px system-ui, sans-serif';
        g.textBaseline = 'middle';
        for (const b of boxes) {
            const y = b.depth * ROW, kind = b.node < 0 ? 'lib' : color(b.node), tint = tints[kind]?.[b.node % 2 & 1] ?? 0.16;
            const base = b.node >= 0 && diff ? (totals[b.node] < 0 ? 'anonymous' : 'heap') : kind === 'own' ? 'accent' : 'other';
            g.fillStyle = b.node >= 0 && matches(b.node) ? paint.color('stack') : css(paint.mix(ground, paint.of(base), b.above ? tint * 0.6 : tint));
            g.fillRect(b.x, y, Math.max(0.5, b.width - 1), ROW - 1);
            if (b.width < 34) continue;
            g.save();
            g.beginPath();
            g.rect(b.x, y, b.width - 4, ROW);
            g.clip();
            g.fillStyle = b.node >= 0 && matches(b.node) ? paint.color('ground') : paint.color(kind === 'own' ? 'ink' : 'soft');
            const text = b.text ?? name(b.node), number = b.node < 0 ? '' : '  ' + show(totals[b.node]);
            g.fillText(text.length * 6.3 < b.width ? text + number : brief(text) + number, b.x + 6, y + ROW / 2);
            g.restore();
        }
        drawFocus();
        $('sites-hidden').textContent = hidden ? `+${units.count(hidden)} hidden, too narrow to be shown` : '';
    }

    function drawFocus() {
        const g = pane.lines(), b = boxes.find((box) => box.node === focusAt);
        if (!b) return;
        g.strokeStyle = paint.color('ink');
        g.lineWidth = 2;
        g.strokeRect(b.x + 1, b.depth * ROW + 1, Math.max(2, b.width - 3), ROW - 3);
    }

    const boxAt = (e) => {
        const r = pane.box.getBoundingClientRect(), x = e.clientX - r.left, depth = Math.floor((e.clientY - r.top) / ROW);
        return boxes.find((b) => b.depth === depth && x >= b.x && x < b.x + b.width);
    };

    function about(node) {
        const line = tree().line[node];
        return [[model.METRICS[state.metric], `${show(totals[node])}  ${share(node)}`], line && ['at', model.linePlace(line - 1)], line && ['in', model.text(model.lines.module[line - 1])]].filter(Boolean);
    }

    function zoomTo(node) {
        change({ zoom: node });
        focusAt = node;
        speak(`${name(node)}, ${show(totals[node])}`);
    }

    function crumbs() {
        const path = [];
        for (let node = state.zoom; node; node = tree().parent[node]) path.unshift(node);
        $('crumbs').replaceChildren(...[0, ...path].slice(-6).map((node, i, all) => (i === all.length - 1 ? h('span', { 'aria-current': 'true' }, bdi(name(node))) : button('', () => zoomTo(node), { class: 'link', 'data-node': String(node) }))));
        for (const link of $('crumbs').querySelectorAll('button')) link.append(bdi(name(Number(link.dataset.node))));
    }

    function moveFocus(e) {
        const now = boxes.find((b) => b.node === focusAt) ?? boxes[0], level = (depth) => boxes.filter((b) => b.depth === depth && b.node >= 0);
        const pick = {
            ArrowDown: () => level(now.depth + 1).find((b) => b.x >= now.x - 0.5 && b.x < now.x + now.width), ArrowUp: () => level(now.depth - 1).find((b) => b.x <= now.x + 0.5 && b.x + b.width >= now.x + now.width - 0.5),
            ArrowRight: () => level(now.depth).find((b) => b.x > now.x), ArrowLeft: () => level(now.depth).reverse().find((b) => b.x < now.x),
        }[e.key];
        if (e.key === 'Enter') zoomTo(now.node);
        else if (e.key === 'Escape' && state.zoom) zoomTo(tree().parent[state.zoom]);
        else if (!pick) return;
        else {
            const next = pick();
            if (next) focusAt = next.node;
            if (next) speak(`${name(next.node)}, ${show(totals[next.node])}, ${share(next.node)}`);
            drawFocus();
            picked();
        }
        e.preventDefault();
        e.stopPropagation();
    }

    // ---- tree ----

    function drawTree() {
        const list = [];
        let more = 0;
        const add = (node, level, position, of) => {
            const list_ = childrenOf(node), has = list_.length > 0, unfolded = has && open.has(node);
            list.push({ node, level, has, unfolded, position, of });
            if (unfolded && level < 100) {
                list_.slice(0, 50).forEach((c, i) => add(c, level + 1, i + 1, list_.length));
                more += Math.max(0, list_.length - 50);
            }
        };
        add(state.zoom, 1, 1, 1);
        const items = list.slice(0, 400).map(({ node, level, has, unfolded, position, of }) => {
            const item = h('li', { role: 'treeitem', tabindex: node === (focusAt ?? state.zoom) ? '0' : '-1', 'aria-level': String(level), 'aria-setsize': String(of), 'aria-posinset': String(position), 'aria-expanded': has ? String(unfolded) : null, 'data-node': String(node) },
                h('span', { class: 'n' }, amount(totals[node])), h('span', { class: 'n soft' }, share(node)), h('span', { class: matches(node) ? 'frame match' : 'frame' }, has ? (unfolded ? '\u25be ' : '\u25b8 ') : '  ', bdi(name(node))), h('span', { class: 'soft' }, bdi(tree().line[node] ? model.linePlace(tree().line[node] - 1) : '')));
            item.querySelector('.frame').style.paddingInlineStart = (level - 1) * 14 + 'px';
            return item;
        });
        if (!items.some((item) => item.tabIndex === 0) && items[0]) items[0].tabIndex = 0;
        const box = $('sites-tree'), had = box.contains(document.activeElement);
        box.replaceChildren(...items);
        if (had) box.querySelector('[tabindex="0"]')?.focus();
        $('sites-hidden').textContent = [list.length > 400 && `${units.count(list.length - 400)} more rows: fold some`, more && `+${units.count(more)} hidden, each smaller than 50 beside it`].filter(Boolean).join('; ');
    }

    function treeKey(e) {
        const item = e.target.closest('[role=treeitem]');
        if (!item) return;
        const all = [...$('sites-tree').children], i = all.indexOf(item), node = Number(item.dataset.node);
        const go = (to) => {
            if (!to) return;
            focusAt = Number(to.dataset.node);
            item.tabIndex = -1;
            to.tabIndex = 0;
            to.focus();
            picked();
        };
        const unfold = (yes) => {
            if (yes) open.add(node);
            else open.delete(node);
            focusAt = node;
            drawTree();
            picked();
        };
        if (e.type === 'click') unfold(!open.has(node));
        else if (e.key === 'ArrowDown') go(all[i + 1]);
        else if (e.key === 'ArrowUp') go(all[i - 1]);
        else if (e.key === 'Home') go(all[0]);
        else if (e.key === 'End') go(all[all.length - 1]);
        else if (e.key === 'ArrowRight') open.has(node) ? go(all[i + 1]) : unfold(true);
        else if (e.key === 'ArrowLeft') open.has(node) ? unfold(false) : go(all.find((other) => Number(other.dataset.node) === tree().parent[node]));
        else if (e.key === 'Enter' || e.key === ' ') unfold(!open.has(node));
        else return;
        e.preventDefault();
        e.stopPropagation();
    }

    // ---- table ----

    /* Every site: its own sum, of all stacks that end there. */
    function collect() {
        names = frames.siteNames();
        const by = new Map(), fits = state.query && new Set(names.filter((name, stack) => search.has(name) || frames.matches(stack))), perSite = calls && callsBySite(), all = frames.through(sum.values);
        sum.values.forEach((value, stack) => {
            if (!value) return;
            const name = names[stack], row = by.get(name) || { stack, name, value: 0, most: 0, total: all(stack), stacks: 0 };
            row.value += value;
            row.stacks++;
            if (Math.abs(value) > row.most) [row.most, row.stack] = [Math.abs(value), stack]; // that is shown for all of them
            by.set(name, row);
        });
        rows = [...by.values()].filter((row) => !state.query || fits.has(row.name));
        rows.forEach((row) => Object.assign(row, { total: row.total ?? row.value, calls: perSite?.get(row.name) ?? 0 }));
        const key = order.by;
        rows.sort((x, y) => {
            const d = key === 'name' ? (x.name < y.name ? -1 : 1) : x[key] - y[key];
            return order.down ? -d : d;
        });
    }

    const inScope = (row) => state.proc === ALL || model.sparse.slot[row] === state.proc + 1;
    function callsBySite() {
        const out = new Map();
        calls.forEach((count, stack) => count && out.set(names[stack], (out.get(names[stack]) || 0) + count));
        return out;
    }

    /* What a site did over the whole run: bytes that it mapped and returned, in 48 steps. */
    function spark(name) {
        const s = model.sparse, canvas = h('canvas', { class: 'spark', 'aria-hidden': 'true' }), n = 48, sums = new Float64Array(n);
        canvas.width = n * 2;
        canvas.height = 18;
        if (!s) return canvas;
        for (let row = 0; row < s.stack.length; row++)
            if (names[s.stack[row]] === name && inScope(row)) for (let i = s.from[row]; i < s.from[row + 1]; i++) sums[Math.floor(s.bucket[i] * n / model.sparseBuckets)] += s.mapped[i] + s.returned[i];
        const most = sums.reduce((a, b) => Math.max(a, b), 1), g = canvas.getContext('2d');
        g.fillStyle = paint.color('accent');
        sums.forEach((v, x) => v && g.fillRect(x * 2, 18 - Math.max(1, v / most * 17), 1.5, 18));
        return canvas;
    }

    function drawTable() {
        collect();
        table.resize(rows.length);
        $('sites-hidden').textContent = `${units.count(rows.length)} call sites`;
    }

    function row(i) {
        const r = rows[i], link = button('', () => show_(r.stack), { class: 'link' });
        link.append(bdi(r.name));
        return [link, amount(r.value), units.percent(Math.abs(r.value), weights[0]), amount(r.total), units.count(r.calls), units.count(r.stacks), spark(r.name)];
    }

    /* Select a stack and show it. */
    function show_(stack) {
        change({ sel: 's' + stack });
        inRow = frames.siteLine(stack);
        picked();
        detail.open();
    }

    function draw() {
        if (!sum) return;
        const to = tree().to;
        state.zoom = to[state.zoom] ?? 0;
        focusAt = focusAt === null ? null : to[focusAt] ?? null;
        for (const kind of ['icicle', 'tree', 'table']) $('sites-' + kind).hidden = kind !== state.view;
        pane.stale = true;
        $('view-' + state.view).checked = true;
        drawn = state.view;
        $('sites-invert').setAttribute('aria-pressed', String(state.invert === 1));
        $('metric').value = state.metric;
        crumbs();
        picked();
        if (drawn === 'icicle') drawIcicle();
        else if (drawn === 'tree') drawTree();
        else drawTable();
        $('sites-icicle').setAttribute('aria-label', `Call sites by ${model.METRICS[state.metric]}: ${show(totals[0])} in all. ` + childrenOf(state.zoom).slice(0, 3).map((c) => `${name(c)} ${share(c)}`).join(', '));
        $('sites-hidden').textContent = ($('sites-hidden').textContent + frames.words()).replace(/^; /, '');
        if (state.query) {
            const t = tree(), covered = new Uint8Array(t.parent.length);
            let found = 0;
            for (let i = 1; i < covered.length; i++) {
                covered[i] = covered[t.parent[i]];
                if (!covered[i] && weights[i] && matches(i)) {
                    covered[i] = 1;
                    found += weights[i];
                }
            }
            $('sites-hidden').textContent += `; \u201c${state.query}\u201d: ${found ? units.percent(found, weights[0]) : 'nothing'} matched`;
        }
    }

    /* The line of the frame that is chosen; -1: none. */
    let inRow = -1; // that of the table's row
    const line = () => (state.view === 'table' ? inRow : tree().line[focusAt ?? state.zoom] - 1);

    function picked() {
        $('sites-picked').replaceChildren(line() < 0 ? 'none is chosen' : bdi(model.lineName(line())));
    }

    function setView(kind) {
        state.view = kind;
        change({}, 'view');
        if (kind === 'table' && !calls) refresh();
        else draw();
    }

    function invert() {
        open.clear();
        open.add(0);
        focusAt = null;
        change({ invert: 1 - state.invert, zoom: 0 });
    }

    function start() {
        pane = new paint.Pane($('sites-icicle'), 120);
        const sort = { state: order, by: (key) => {
            order.down = order.by === key ? !order.down : key !== 'name';
            order.by = key;
            table.head();
            drawTable();
        } };
        table = new LongTable($('sites-table'), { label: 'Call sites', row, sort, columns: [{ title: 'call site', key: 'name', head: true, kind: 'wide' }, { title: 'self', kind: 'n', key: 'value' }, { title: 'share', kind: 'n' }, { title: 'total', kind: 'n', key: 'total' }, { title: 'calls in view', kind: 'n', key: 'calls' }, { title: 'stacks', kind: 'n', key: 'stacks' }, { title: 'over the run' }] });
        $('metric').append(...Object.entries(model.METRICS).map(([key, text]) => h('option', { value: key }, text)));
        $('metric').addEventListener('change', (e) => change({ metric: e.target.value }));
        for (const kind of ['icicle', 'tree', 'table']) $('view-' + kind).addEventListener('change', () => setView(kind));
        $('sites-invert').addEventListener('click', invert);
        const box = $('sites-icicle');
        box.addEventListener('pointermove', (e) => {
            const b = boxAt(e);
            if (b && b.node >= 0) tip.show(about(b.node), name(b.node), pane, e.clientX, e.clientY);
            else tip.hide();
        });
        box.addEventListener('pointerleave', () => tip.hide());
        box.addEventListener('click', (e) => {
            const b = boxAt(e);
            if (b && b.node >= 0) zoomTo(b.node === state.zoom && b.node ? tree().parent[b.node] : b.node);
        });
        box.addEventListener('keydown', moveFocus);
        for (const type of ['click', 'keydown']) $('sites-tree').addEventListener(type, treeKey);
        panels.lazy('sites-panel', refresh, ['metric', 'a', 'b', 't0', 't1', 'proc', 'hidden', 'invert', 'theme', 'size']);
        when((what) => sum && ['zoom', 'query', 'hide', 'fold'].some((key) => what.has(key)) && !what.has('invert') && !what.has('metric') && refold());
        when((what) => sum && what.has('view') && drawn !== state.view && setView(state.view));
        model.needSparse().then(() => state.view === 'table' && draw());
    }

    return { start, refresh, invert, setView, show: show_, folded: () => frames.folded(sum?.values ?? []), get sum() { return sum; }, get rows() { return rows; }, get totals() { return totals; }, get line() { return line(); } };
})();
