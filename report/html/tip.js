'use strict';
/* tip.js: what stands beside the pointer, what is spoken, and the legend. */

const tip = (() => {
    const box = () => $('tip');

    function show(rows, title, pane, x, y) {
        const node = box();
        node.replaceChildren(h('strong', {}, bdi(title)), h('dl', {}, rows.map(([name, value, color]) => {
            return h('div', {}, h('dt', {}, color ? swatch(color, name) : bdi(name)), h('dd', {}, bdi(value)));
        })));
        node.hidden = false;
        const width = node.offsetWidth, height = node.offsetHeight;
        node.style.left = clamp(x + (x + width + 24 > innerWidth ? -width - 14 : 14), 4, Math.max(4, innerWidth - width - 4)) + 'px';
        node.style.top = clamp(y + 16 + height > innerHeight ? y - height - 12 : y + 16, 4, Math.max(4, innerHeight - height - 4)) + 'px';
    }

    return { show, hide: () => (box().hidden = true) };
})();

/* Said by screen readers, at most three times a second. */
const speak = (() => {
    let text = '';
    const say = debounce(() => ($('live').textContent = text), 300);
    return (words) => {
        text = words;
        say();
    };
})();

const legend = (() => {
    const sizes = new Map();
    let hovered = null;

    function toggle(k, only) {
        const all = paint.bands(), hidden = new Set(state.hidden);
        if (only) {
            const alone = !hidden.has(k) && all.every((other) => other === k || hidden.has(other));
            all.forEach((other) => (alone || other === k ? hidden.delete(other) : hidden.add(other)));
        } else if (!hidden.delete(k)) hidden.add(k);
        change({ hidden });
    }

    function update(t = hovered) {
        hovered = t;
        const lod = model.lod(), at = t ?? model.instant().b, i = model.bucketOf(at, model.buckets());
        // At B to the byte, where the file tells; what follows the pointer is read from the series.
        const exact = t === null && model.lives && model.alive(at).exact && model.bytesBy(model.lives.kind, model.kinds.length, at, state.proc, true);
        for (const [k, node] of sizes) node.textContent = units.size(exact ? exact[k] : lod.floats(`kind${k}_last`)[i] || 0);
        $('legend-when').textContent = t === null ? 'at B' : 'here';
    }

    function draw() {
        const used = paint.bands().filter((k) => model.kindBytes(k).length).reverse();
        sizes.clear();
        const all = state.hidden.size ? [button('Show all', () => change({ hidden: new Set() }), { class: 'chip', 'aria-label': 'Show all kinds' })] : [];
        $('chips').replaceChildren(...all, ...used.map((k) => {
            const name = model.kinds[k], size = h('span', { class: 'size' });
            sizes.set(k, size);
            const press = { click: (e) => toggle(k, e.altKey || e.shiftKey) };
            return h('button', { type: 'button', class: 'chip', 'aria-pressed': String(!state.hidden.has(k)), 'data-kind': name, on: press }, swatch(name, name), size);
        }));
        update(null);
    }

    function start() {
        draw();
        when((what) => {
            if (['hidden', 'proc', 'lod', 'theme'].some((key) => what.has(key))) {
                const focus = document.activeElement?.dataset?.kind;
                draw();
                if (focus) [...$('chips').children].find((chip) => chip.dataset.kind === focus)?.focus();
            } else if (what.has('a') || what.has('b')) update(null);
        });
    }

    return { start, update, toggle };
})();
