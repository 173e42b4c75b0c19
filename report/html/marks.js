'use strict';
/* marks.js: marks that the reader sets, a moment and a few words each.  They are kept in the link, not in the file. */

const marks = (() => {
    const MOST = 20, LONGEST = 60;

    /* Neither control characters nor what turns the direction of writing. */
    const clean = (text) => Array.from(text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').trim()).slice(0, LONGEST).join('');

    function add() {
        const a = Math.round(model.instant().a), text = clean($('mark-text').value) || `mark ${state.marks.length + 1}`;
        if (state.marks.length >= MOST) return notice(`${MOST} marks are set: remove one first.`);
        change({ marks: [...state.marks, [a, text]].sort((x, y) => x[0] - y[0]) });
        $('mark-text').value = '';
        speak(`${text}: marked at ${units.moment(a, model.end)}`);
    }

    function remove(mark) {
        change({ marks: state.marks.filter((other) => other !== mark) });
        $('mark-text').focus();
    }

    function show(t) {
        change({ a: t });
        timeline.moveCursor('a', 0); // which brings it into view
    }

    function draw() {
        $('marks-list').replaceChildren(...state.marks.map((mark) => {
            const [t, text] = mark, go = button('', () => show(t), { class: 'link' });
            go.append(bdi(text));
            return h('li', {}, '\u2605 ', go, h('span', { class: 'soft' }, units.moment(t, model.end)), button('\u2715', () => remove(mark), { 'aria-label': `remove mark ${text}`, class: 'link' }));
        }));
    }

    function ask() {
        $('marks-bar').scrollIntoView({ block: 'nearest' });
        $('mark-text').focus({ preventScroll: true });
    }

    function start() {
        $('mark-add').addEventListener('click', add);
        $('mark-text').addEventListener('keydown', (e) => e.key === 'Enter' && add());
        when((what) => what.has('marks') && draw());
        draw();
    }

    return { MOST, clean, ask, start };
})();
