'use strict';
/* link.js: the state as the part of the address behind #, which holds no data of the report. */

const link = (() => {
    const CHARTS = ['stack', 'lines', 'log'], STRIPS = ['kind', 'protection', 'owner', 'age', 'resident'], ATS = ['a', 'b', 'diff'], VIEWS = ['icicle', 'tree', 'table'], GROUPS = ['kind', 'file', 'owner'];
    let own = '';

    const seconds = (t) => (Math.round(t) / TICKS).toFixed(7).replace(/\.?0+$/, '');

    /* A pid that was used again is told with how often it had been used before. */
    function whose(i) {
        const { pid } = model.procs[i], before = model.procs.slice(0, i).filter((p) => p.pid === pid).length;
        return pid + (before ? '.' + before : '');
    }

    function write() {
        const p = new URLSearchParams({ v: '1' }), put = (key, value, normal) => value !== normal && p.set(key, value);
        put('p', state.proc === ALL ? '' : whose(state.proc), '');
        if (state.t0 > 0 || state.t1 < model.end) p.set('t', seconds(state.t0) + '-' + seconds(state.t1));
        if (state.a !== null) p.set('a', seconds(state.a));
        if (state.b !== null) p.set('b', seconds(state.b));
        put('m', state.metric, 'live');
        if (state.hidden.size) p.set('k', model.kinds.filter((name, k) => name && !state.hidden.has(k)).join(',') || 'none');
        put('q', state.query, '');
        put('re', String(state.re), '0');
        put('sel', state.sel, '');
        put('inv', String(state.invert), '0');
        put('at', state.at, 'b');
        put('c', state.chart, 'stack');
        put('s', state.strip, 'kind');
        if (state.pages) p.set('y', state.pages.map((page) => units.hex(page)).join('-'));
        put('z', String(state.zoom), '0');
        put('hide', state.hide.join(','), '');
        put('fold', String(state.fold), '0');
        put('w', state.view, 'icicle');
        put('g', state.group, '');
        put('ec', String(state.columns), '0');
        for (const [t, text] of state.marks) p.append('mark', `${t}~${text}`);
        return '#' + p.toString();
    }

    /* A number in ticks, or NaN. */
    const ticks = (text) => (/^\d{1,12}(\.\d{1,9})?$/.test(text ?? '') ? clamp(Math.round(Number(text) * TICKS), 0, model.end) : NaN);

    function normal() {
        return { proc: ALL, t0: 0, t1: model.end, a: null, b: null, hidden: new Set(), metric: 'live', query: '', sel: '', pages: null, invert: 0, zoom: 0, at: 'b', strip: 'kind', chart: 'stack', re: 0, hide: [], fold: 0, marks: [], columns: 0, view: 'icicle', group: '' };
    }

    function read(text) {
        const to = normal(), p = new URLSearchParams(text.replace(/^#/, '').slice(0, 20000)), one = (key, list, target) => list.includes(p.get(key)) && (to[target] = p.get(key));
        if (p.get('v') && p.get('v') !== '1') {
            notice('This link was made by another version: the whole run is shown.');
            return to;
        }
        if (/^\d+(\.\d+)?$/.test(p.get('p') ?? '')) to.proc = model.procs.findIndex((proc, i) => proc.pid === parseInt(p.get('p')) && whose(i) === p.get('p'));
        const [t0, t1] = (p.get('t') ?? '').split('-').map(ticks);
        if (t0 < t1) Object.assign(to, { t0, t1 });
        for (const key of ['a', 'b']) if (ticks(p.get(key)) >= 0) to[key] = ticks(p.get(key));
        if (Object.hasOwn(model.METRICS, p.get('m') ?? '')) to.metric = p.get('m');
        if (p.has('k')) {
            const shown = new Set(p.get('k').split(','));
            model.kinds.forEach((name, k) => name && !shown.has(name) && to.hidden.add(k));
        }
        to.query = (p.get('q') ?? '').slice(0, 200);
        for (const [key, target] of [['re', 're'], ['fold', 'fold'], ['inv', 'invert']]) if (p.get(key) === '1') to[target] = 1;
        if (p.has('hide')) to.hide = [...new Set(p.get('hide').split(','))].filter((word) => /^[fm]\d{1,9}$/.test(word)).slice(0, frames.MOST);
        if (/^\d{1,4}$/.test(p.get('ec') ?? '')) to.columns = Number(p.get('ec')) & events.HIDEABLE;
        to.marks = p.getAll('mark').map((word) => word.match(/^(\d{1,15})~(.*)/)).filter((mark) => mark && Number(mark[1]) <= model.end).slice(0, marks.MOST).map(([, t, text]) => [Number(t), marks.clean(text) || 'mark']).sort((x, y) => x[0] - y[0]);
        if (/^[els]\d{1,15}$/.test(p.get('sel') ?? '')) to.sel = p.get('sel');
        one('at', ATS, 'at');
        one('w', VIEWS, 'view');
        one('g', GROUPS, 'group');
        one('c', CHARTS, 'chart');
        one('s', STRIPS, 'strip');
        const y = (p.get('y') ?? '').match(/^([0-9a-f]{1,13})-([0-9a-f]{1,13})$/);
        if (y && parseInt(y[1], 16) < parseInt(y[2], 16)) to.pages = [parseInt(y[1], 16), parseInt(y[2], 16)];
        if (/^\d{1,9}$/.test(p.get('z') ?? '')) to.zoom = Number(p.get('z'));
        return model.lines ? prove(to) : to;
    }

    /* Only what this file has: the first picture is shown before its code is known. */
    function prove(to) {
        to.hide = to.hide.filter((word) => Number(word.slice(1)) < model.lines.fn.length);
        if (!(to.zoom < model.trees[to.invert].parent.length)) to.zoom = 0;
        return to;
    }

    function save() {
        const text = write();
        if (text === own || (text === '#v=1' && !location.hash)) return;
        own = text;
        try {
            history.replaceState(null, '', text);
        } catch (error) {
            // Some places do not allow it: the view works all the same.
        }
    }

    function start() {
        const first = read(location.hash);
        Object.assign(state, first);
        when(debounce(save, 250)); // once the view rests: it takes a browser longer than a frame
        addEventListener('hashchange', () => location.hash !== own && change(read(location.hash)));
    }

    return { start, read, prove, write, normal };
})();

function notice(text) {
    $('notice').textContent = text;
    $('notice').hidden = !text;
}
