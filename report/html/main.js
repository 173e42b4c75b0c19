'use strict';
/* main.js: panels that work only when they are seen; theme, print; the start. */

const panels = (() => {
    const all = new Map(), seen = new Set(), visits = new Map(), watches = new Map();

    /* Call `come` each time when the panel comes near the screen, or as near as that. */
    function visit(id, come, margin = 200) {
        if (!watches.has(margin)) watches.set(margin, new IntersectionObserver(look, { rootMargin: margin + 'px' }));
        visits.set(id, come);
        watches.get(margin).observe($(id));
    }

    function look(entries) {
        for (const { target, isIntersecting } of entries) {
            if (!isIntersecting) seen.delete(target.id);
            else if (!seen.has(target.id)) {
                seen.add(target.id);
                visits.get(target.id)();
            }
        }
    }

    /* Call `fill` when something of `keys` changed, once the view rests and when the panel is near the screen. */
    function lazy(id, fill, wants) {
        const entry = { fill, dirty: true, later: debounce(() => run(entry, id), 200) };
        all.set(id, entry);
        when((what) => {
            if (!wants.some((key) => what.has(key))) return;
            entry.dirty = true;
            entry.later();
        });
        visit(id, () => run(entry, id));
    }

    function run(entry, id) {
        if (!entry.dirty || !seen.has(id)) return;
        entry.dirty = false;
        entry.fill();
    }

    /* All of them, seen or not: before printing. */
    const everything = () => {
        for (const id of visits.keys()) seen.add(id);
        for (const entry of all.values()) entry.fill();
    };
    const near = (id) => seen.has(id);
    return { lazy, visit, near, everything };
})();

const theme = (() => {
    const system = matchMedia('(prefers-color-scheme: dark)');
    let chosen = '';

    const stored = (value) => {
        try {
            if (value === undefined) return localStorage.getItem('brkwater-theme') || '';
            localStorage.setItem('brkwater-theme', value);
        } catch (error) {
            // Without storage the choice lasts as long as the page.
        }
        return '';
    };

    function apply(dark = chosen ? chosen === 'dark' : system.matches) {
        document.documentElement.dataset.theme = dark ? 'dark' : 'light';
        paint.setTheme(dark);
        change({}, 'theme');
    }

    function start() {
        chosen = stored();
        apply();
        system.addEventListener('change', () => apply());
        $('theme').addEventListener('click', () => {
            chosen = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
            stored(chosen);
            apply();
        });
        addEventListener('beforeprint', () => {
            apply(false);
            panels.everything();
            timeline.draw('all');
            strip.draw(true);
            for (const details of document.querySelectorAll('#static, .lane')) details.open = true;
        });
        addEventListener('afterprint', () => apply());
    }

    return { start };
})();

/* What is missing from this file, and what words mean. */
function about() {
    const rows = [
        ['trace', model.word('trace')], ['recorded', `${model.word('started')} on ${model.word('host')}, ${model.word('kernel')}`], ['made by', 'brkwater ' + model.word('tool')], ['samples', model.word('sampling') === '0 ms' ? 'none over time' : 'every ' + model.word('sampling')], ['verified', model.word('verified') || 'not checked'], ['lost', model.word('loss') || 'nothing'], ['stacks', model.word('stacks').trim().replace(/^stacks +/, '').replace(/(\S) {4,}/g, '$1\n')], ['not collected', model.word('uncollected') || 'nothing'],
        ['events in this file', `${units.count(model.number('embedded'))} of ${units.count(model.number('events'))}`], ['numbers of a range', model.exact && model.whole ? 'exact, to the tick' : `snapped to ${units.duration(model.end / model.sparseBuckets)}`], ['layouts', model.number('lives') === 1 ? 'exact at any moment' : `at ${units.count(model.number('instants'))} instants and at the peak`],
        ['all events', model.word('show_events')], ['all layouts', model.word('show_layout')], ['all stacks', model.word('show_stacks')], ['all findings', model.word('show_findings')],
    ];
    $('coverage').replaceChildren(...rows.filter(([, value]) => value).map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, bdi(value)))));
}

/* The static part: its findings lead, its tables are at hand further down. */
function adopt() {
    const found = $('findings'), summary = $('summary');
    if (found) $('panels').prepend(found);
    if (!summary) return;
    const totals = summary.querySelector('.totals');
    if (totals) $('head')?.append(totals);
    $('static-tables').append(...[...summary.children].filter((child) => child.tagName !== 'H2'));
    for (const box of $('static-tables').querySelectorAll('.scroll')) box.classList.remove('scroll'); // one scrolls around them all
    summary.remove();
    $('static').hidden = false;
}

async function begin() {
    document.documentElement.classList.add('js');
    if (!window.DecompressionStream) {
        notice('This browser is too old for the interactive part. The summary below is complete.');
        return;
    }
    await model.load();
    Object.assign(state, link.normal());
    theme.start();
    link.start();
    adopt();
    // These wait for the rest: what they would do would be lost.
    const late = ['reset', 'copy-link', 'export', 'process'].map($);
    for (const control of late) control.disabled = true;
    for (const part of [findings, legend, timeline, search]) part.start();
    $('app').hidden = false;
    watchSize();
    when(view);
    change({}, 'lod', 'a', 'b', 'proc', 'hidden', 'query');
    await painted('brkwater-painted');
    await model.more();
    link.prove(state);
    for (const part of [strip, changes, sites, frames, layout, heap, events, processes, detail, marks, exporter, keys]) part.start();
    model.needEvents().then(about);
    $('reset').addEventListener('click', () => {
        events.reset();
        change({ ...link.normal(), marks: state.marks });
    });
    $('pages-clear').addEventListener('click', () => change({ pages: null }));
    $('copy-link').addEventListener('click', () => copy(location.href.split('#')[0] + link.write(), 'a link to this view'));
    for (const control of late) control.disabled = false;
    resized();
    change({}, 'a', 'b', 'proc', 'hidden', 'strip', 'query', 'sel');
    await painted('brkwater-ready');
}

function watchSize() {
    let width = document.body.clientWidth;
    new ResizeObserver(debounce(() => {
        if (width === document.body.clientWidth) return;
        width = document.body.clientWidth;
        resized();
    }, 60)).observe(document.body);
}

/* When what was changed has been painted. */
const painted = (mark) => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.mark(mark)))));

function resized() {
    paint.measure();
    change({}, 'size');
}

/* The view in words, beside the overview.  A word that changes has the browser lay out what is around it, so that they
 * follow a movement a dozen times a second, not with every frame. */
const view = (() => {
    const LEAST = 80; // ms
    let last = -LEAST, waiting = false;

    function write() {
        const { a, b } = model.instant(), width = state.t1 - state.t0, whole = state.t0 <= 0 && state.t1 >= model.end;
        last = performance.now();
        waiting = false;
        $('view-words').textContent = whole ? `whole run, ${units.duration(model.end)}` : `${units.moment(state.t0, width)} to ${units.moment(state.t1, width)}, ${units.duration(width)}`;
        $('cursor-a').textContent = units.moment(a, model.end);
        $('cursor-b').textContent = units.moment(b, model.end);
        $('cursor-d').textContent = units.duration(Math.abs(b - a));
        $('pages').hidden = !state.pages;
        if (state.pages) $('pages-words').textContent = `addresses ${units.address(state.pages[0])} to ${units.address(state.pages[1])}`;
    }

    return (what) => {
        if (waiting || !['t0', 't1', 'a', 'b', 'proc', 'pages'].some((key) => what.has(key))) return;
        waiting = true;
        const wait = last + LEAST - performance.now();
        if (wait > 0) setTimeout(write, wait);
        else write();
    };
})();

window.brkwater = { state, model, change, goTo, link, query: model.query, ready: begin() };
