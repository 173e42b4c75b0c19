'use strict';
/* paint.js: colours, canvases whose pixels are written one by one, and the axis that all time panels share. */

const paint = (() => {
    /* From the bottom of a stack of bands to its top: what stays first, what grows last.  Colours were searched so that
     * any two differ (CIELAB dE >= 20, also to colour-blind eyes) and all stand out from the ground (3.05 : 1). */
    const ORDER = ['image', 'file', 'kernel', 'shared', 'stack', 'guard', 'anonymous', 'arena', 'chunk', 'heap'];
    const LIGHT = { heap: '#d87c1b', arena: '#776000', chunk: '#bb3d48', stack: '#5b2079', image: '#63320f', file: '#4da27b', shared: '#cc65d9', guard: '#988db2', kernel: '#173238', anonymous: '#1e56d5', ground: '#ffffff', ink: '#1c2126', soft: '#5c6670', line: '#dfe3e7', accent: '#0b62c4', bad: '#b3261e', other: '#8a929a' };
    const DARK = { heap: '#dc8526', arena: '#cab165', chunk: '#ca4a45', stack: '#a691e9', image: '#9dc3b7', file: '#4da472', shared: '#be76ae', guard: '#686769', kernel: '#e6f7fd', anonymous: '#2d65ce', ground: '#14171c', ink: '#e8ebee', soft: '#9ba5b0', line: '#2b3038', accent: '#6cb0ff', bad: '#ff8a80', other: '#6f7882' };
    const PROT = { none: 'guard', 'r--': 'file', 'rw-': 'anonymous', 'r-x': 'stack', rwx: 'heap' };
    let theme = LIGHT, words = new Map();

    /* A colour as a pixel in memory: alpha, blue, green, red. */
    function pixel(hex) {
        if (!words.has(hex)) {
            const n = parseInt(hex.slice(1), 16);
            words.set(hex, (0xff000000 | ((n & 255) << 16) | (n & 0xff00) | (n >> 16)) >>> 0);
        }
        return words.get(hex);
    }

    function mix(a, b, share) {
        const part = (shift) => Math.round(((a >>> shift) & 255) * (1 - share) + ((b >>> shift) & 255) * share) << shift;
        return (0xff000000 | part(16) | part(8) | part(0)) >>> 0;
    }

    const color = (name) => theme[name] || theme.other;
    const of = (name) => pixel(color(name));
    const kind = (k) => color(model.kinds[k]);

    /* Kinds by number, in the order of the bands. */
    const bands = () => {
        const known = ORDER.map((name) => model.kinds.indexOf(name)).filter((k) => k > 0);
        return known.concat(model.kinds.map((name, k) => k).filter((k) => k && model.kinds[k] && !known.includes(k)));
    };

    const RAMP = (i, n) => { // ages and shares: from faint to the accent
        const low = mix(of('ground'), of('accent'), 0.18);
        return mix(low, of('accent'), n > 1 ? i / (n - 1) : 1);
    };

    const ratio = () => Math.min(2, window.devicePixelRatio || 1);

    const panes = [];

    /*
     * A canvas whose pixels are written one by one, with words and lines over them.  What follows the pointer are elements:
     * a canvas costs as much as its area whenever anything of it changes.
     */
    class Pane {
        constructor(box, height) {
            Object.assign(this, { box, height, width: 0, canvases: [] });
            this.under = this.canvas('');
            panes.push(this);
        }

        /* One more canvas, above the others. */
        canvas(name = 'over') {
            const canvas = h('canvas', { class: name, 'aria-hidden': 'true' });
            this.canvases.push(canvas);
            this.box.append(canvas);
            if (this.w) Object.assign(canvas, { width: this.w, height: this.h });
            return canvas;
        }

        /* Fit to the box, which is measured only when it may have changed; true when there is something to draw on. */
        fit() {
            const width = this.stale === false && this.width ? this.width : this.box.clientWidth, k = ratio();
            if (width < 1) return false;
            this.stale = false;
            if (width !== this.width || this.k !== k || this.drawn !== this.height) {
                Object.assign(this, { width, k, drawn: this.height, w: Math.round(width * k), h: Math.round(this.height * k) });
                this.box.style.height = this.height + 'px';
                for (const canvas of this.canvases) Object.assign(canvas, { width: this.w, height: this.h });
                this.context = this.under.getContext('2d', { alpha: false });
                this.image = this.context.createImageData(this.w, this.h);
                this.pixels = new Uint32Array(this.image.data.buffer);
            }
            return true;
        }

        /* The pixels, and what `words` draws over them. */
        show(words) {
            this.context.putImageData(this.image, 0, 0);
            words?.(this.pen(this.context));
        }

        pen(g) {
            g.setTransform(this.k, 0, 0, this.k, 0, 0);
            g.font = '11px system-ui, sans-serif';
            g.textBaseline = 'middle';
            return g;
        }

        /* Another canvas, empty, in units of CSS pixels. */
        lines(canvas = (this.over ??= this.canvas())) {
            const g = this.pen(canvas.getContext('2d'));
            g.clearRect(0, 0, this.width, this.height);
            return g;
        }

        mark(name, on) {
            if (on) this.box.append((this[name] ??= h('i', { class: name, 'aria-hidden': 'true' })));
            else this[name]?.remove();
            return on && this[name].style;
        }

        /* Where the pointer is in time; null: nowhere. */
        hair(t) {
            const style = this.mark('hairline', t != null && t >= state.t0 && t <= state.t1);
            if (style) style.transform = `translateX(${Math.round(this.x(t))}px)`;
        }

        /* What is being dragged over: [left, right], [top, bottom]; null: nothing. */
        frame(xs, ys = [0, this.height]) {
            const style = this.mark('drag', !!xs);
            if (style) Object.assign(style, { left: Math.min(...xs) + 'px', width: Math.abs(xs[1] - xs[0]) + 'px', top: Math.min(...ys) + 'px', height: Math.abs(ys[1] - ys[0]) + 'px' });
        }

        x(t) {
            return (t - state.t0) / (state.t1 - state.t0) * this.width;
        }

        t(x) {
            return clamp(state.t0 + x / this.width * (state.t1 - state.t0), 0, model.end);
        }
    }

    /* Round steps for an axis from 0 to `high`, in bytes or in numbers. */
    function steps(high, wanted, binary) {
        const base = binary ? 1024 ** Math.floor(Math.log2(Math.max(high, 1)) / 10) : 10 ** Math.floor(Math.log10(Math.max(high, 1)));
        const choices = binary ? [1 / 1024, 4 / 1024, 16 / 1024, 64 / 1024, 0.25, 1, 2, 5, 10, 20, 50, 100, 200, 512] : [0.1, 0.2, 0.5, 1, 2, 5, 10];
        const fits = choices.find((c) => high / (base * c) <= wanted) ?? 1024;
        const step = base * (base * fits <= high ? fits : choices.findLast((c) => base * c <= high)); // one line is better than none
        const out = [];
        for (let v = step; v <= high; v += step) out.push(v);
        return out;
    }

    function timeSteps(t0, t1, wanted) {
        const rough = (t1 - t0) / wanted, base = 10 ** Math.floor(Math.log10(rough));
        const step = Math.max(1, base * [1, 2, 5, 10].find((c) => base * c >= rough));
        const out = [];
        for (let i = Math.ceil(t0 / step); i * step <= t1; i++) out.push(i * step);
        return { step, at: out };
    }

    function cursors(pane, g) {
        const { a, b } = model.instant();
        for (const [t, word, dash] of [[a, 'A', [4, 3]], [b, 'B', []]]) {
            if (t < state.t0 || t > state.t1) continue;
            const x = clamp(Math.round(pane.x(t)), 0, pane.width - 1) + 0.5;
            g.strokeStyle = color('accent');
            g.setLineDash(dash);
            g.beginPath();
            g.moveTo(x, 0);
            g.lineTo(x, pane.height);
            g.stroke();
            g.setLineDash([]);
            if (pane.letters) {
                const left = x > pane.width - 16 ? x - 15 : x;
                g.fillStyle = color('accent');
                g.fillRect(left, pane.height - 15, 15, 15);
                g.fillStyle = color('ground');
                g.fillText(word, left + 4, pane.height - 7);
            }
        }
    }

    /* Words on a plate, as they may lie over any colour. */
    function label(g, text, x, y, align = 'left') {
        const width = g.measureText(text).width, left = align === 'center' ? x - width / 2 : x;
        g.globalAlpha = 0.84;
        g.fillStyle = color('ground');
        g.fillRect(left - 3, y - 7, width + 6, 14);
        g.globalAlpha = 1;
        g.fillStyle = color('soft');
        g.fillText(text, left, y + 0.5);
    }

    /* Boxes may have another size now. */
    const measure = () => panes.forEach((pane) => (pane.stale = true));

    function setTheme(dark) {
        theme = dark ? DARK : LIGHT;
    }

    return { LIGHT, DARK, ORDER, PROT, Pane, pixel, mix, color, of, kind, bands, ramp: RAMP, steps, timeSteps, cursors, label, setTheme, measure };
})();

/* A square of the colour of that name, and words. */
function swatch(name, text) {
    const square = h('i', { class: name === 'guard' ? 'swatch hatch' : 'swatch', 'aria-hidden': 'true' });
    square.style.backgroundColor = paint.color(name);
    return h('span', { 'data-kind': name }, square, ' ', bdi(text));
}
