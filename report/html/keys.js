'use strict';
/* keys.js: what keys do.  Single keys act when no field has the focus; they can be switched off. */

const keys = (() => {
    let enabled = true;
    const PANELS = ['findings', 'timeline-panel', 'strip-panel', 'changes-panel', 'sites-panel', 'layout-panel', 'heap-panel', 'events-panel', 'processes-panel'];
    const LIST = [
        ['W S  + -', 'zoom in and out'], ['A D  \u2190 \u2192', 'pan'], ['Shift \u2190 \u2192', 'move cursor B'], ['Alt \u2190 \u2192', 'move cursor A'], ['Home End', 'first and last moment'], ['0', 'whole run'], ['F', 'fit to A and B'], ['Z', 'the range before'], [', .', 'event before and after'],
        ['N  Shift N', 'next and last finding'], ['/', 'search'], ['Esc', 'close, clear'], ['1 \u2013 9', 'go to a panel'], ['I', 'invert call sites'], ['T', 'call sites as a tree'], ['H  Shift H', 'hide the chosen frame, its library'], ['R', 'fold recursion'], ['M', 'next metric'], ['K', 'mark cursor A in words'], ['L', 'linear or logarithmic'], ['[ ]', 'cluster of addresses'], ['C', 'copy a link to this view'], ['P', 'keep the values beside the pointer'], ['Enter', 'details of what is selected'], ['?', 'this list'],
    ];

    function fit() {
        const { a, b } = model.instant();
        if (a !== b) goTo(Math.min(a, b), Math.max(a, b));
    }

    function escape() {
        if (!$('detail').hidden) detail.close();
        else if (state.query) change({ query: '' });
        else if (state.pages) change({ pages: null });
        else timeline.unpin();
    }

    function panel(i) {
        const section = $(PANELS[i]);
        section?.scrollIntoView({ block: 'start' });
        section?.querySelector('h2')?.focus({ preventScroll: true });
    }

    const nextMetric = () => {
        const all = Object.keys(model.METRICS);
        change({ metric: all[(all.indexOf(state.metric) + 1) % all.length] });
        speak(model.METRICS[state.metric]);
    };

    const ACTIONS = {
        w: () => zoomBy(0.6), s: () => zoomBy(1 / 0.6), '+': () => zoomBy(0.6), '=': () => zoomBy(0.6), '-': () => zoomBy(1 / 0.6), a: () => panBy(-0.2), d: () => panBy(0.2),
        0: () => goTo(0, model.end), f: fit, z: back, ',': () => events.step(-1), '.': () => events.step(1), n: (e) => findings.step(e.shiftKey ? -1 : 1), '/': () => $('query').focus(), i: () => sites.invert(), t: () => sites.setView(state.view === 'tree' ? 'icicle' : 'tree'), m: nextMetric,
        l: () => (document.activeElement === $('strip-box') ? strip.setLinear() : change({ chart: state.chart === 'log' ? 'stack' : 'log' })), '[': () => strip.step(-1), ']': () => strip.step(1), h: (e) => frames.hide(e.shiftKey ? 'm' : 'f'), r: frames.fold, k: marks.ask, c: () => copy(location.href.split('#')[0] + link.write(), 'a link to this view'), p: () => timeline.pin(), '?': () => $('help').showModal(),
    };

    /* Arrows belong to a chart that has the focus; elsewhere they scroll. */
    function arrows(e) {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
        if (!document.activeElement?.classList.contains('time')) return false;
        if (by && (e.shiftKey || e.altKey)) timeline.moveCursor(e.shiftKey ? 'b' : 'a', by * 0.01);
        else if (by) panBy(by * 0.1);
        else if (e.key === 'Home') timeline.setCursor('a', 0);
        else if (e.key === 'End') timeline.setCursor('a', model.end);
        else if (e.key === 'Enter' && state.sel) detail.open();
        else return false;
        return true;
    }

    function press(e) {
        if (e.defaultPrevented || e.ctrlKey || e.metaKey || $('help').open) return;
        const field = /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) && !/^(checkbox|radio)$/.test(e.target.type);
        if (e.key === 'Escape') {
            if (field) e.target.blur();
            escape();
            return;
        }
        if (field) return;
        if (arrows(e)) {
            e.preventDefault();
            return;
        }
        if (!enabled || e.altKey) return;
        const key = e.key.toLowerCase();
        if (/^[1-9]$/.test(key)) panel(Number(key) - 1);
        else if (Object.hasOwn(ACTIONS, key)) ACTIONS[key](e);
        else return;
        e.preventDefault();
    }

    function start() {
        document.addEventListener('keydown', press);
        $('help-keys').replaceChildren(...LIST.map(([key, what]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, what))));
        $('help-open').addEventListener('click', () => $('help').showModal());
        $('help-close').addEventListener('click', () => $('help').close());
        $('keys-on').addEventListener('change', (e) => (enabled = e.target.checked));
    }

    return { start };
})();
