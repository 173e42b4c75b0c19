'use strict';
/* resident.js: what of each life was resident, by the looks of the tracer at the pages of its address space. */

const resident = (() => {
    const REASONS = ['', 'at the end', 'at a peak', 'as asked for'];
    let looks = null, reading = null; // by space: { time, end, reason, from, to }, each of the looks at it

    async function read() {
        const section = await format.ended.then(() => format.section('looks')), n = (name) => section.numbers(name), count = n('look_parts');
        const [space, time, end, reason, life, pages] = ['look_space', 'look_time', 'look_end_page', 'look_reason', 'part_life', 'part_pages'].map(n), bySpace = new Map();
        for (let i = 0, at = 0; i < count.length; at += count[i++]) {
            if (!bySpace.has(space[i])) bySpace.set(space[i], []);
            bySpace.get(space[i]).push({ time: time[i], end: end[i], reason: reason[i], from: at, to: at + count[i] });
        }
        looks = { bySpace, life, pages, kept: count.length, taken: n('taken')[0] ?? 0 };
        change({}, 'looks');
    }

    /* Read it, if need be; all hear of it when it is there. */
    const need = () => (reading ??= read());

    /* The first of a sorted list for which `is` holds. */
    function first(length, is) {
        let low = 0, high = length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (is(middle)) high = middle;
            else low = middle + 1;
        }
        return low;
    }

    /*
     * Of a life at a moment: by the last look at it before that, or when there was none, by the first one after it
     * (`later`).  The same holds from `since` up to `until`.  Null: not looked at.
     */
    function at(i, t) {
        const l = model.lives, list = looks?.bySpace.get(l.space[i]);
        if (!list) return null;
        const low = first(list.length, (k) => list[k].time >= l.born[i]), high = first(list.length, (k) => list[k].time >= l.died[i]);
        if (low === high) return null;
        const k = first(list.length, (j) => list[j].time > t) - 1, look = list[clamp(k, low, high - 1)];
        if (look.end && l.start_page[i] >= look.end) return null;
        const part = look.from + first(look.to - look.from, (j) => looks.life[look.from + j] >= i);
        return {
            pages: part < look.to && looks.life[part] === i ? looks.pages[part] : 0, time: look.time, reason: REASONS[look.reason], later: k < low,
            since: k < low ? 0 : look.time, until: k < low ? look.time : k + 1 < high ? list[k + 1].time : Infinity,
        };
    }

    /* Pages of some lives together, by the looks up to `time`, the last of them; null when none was looked at. */
    function sum(run, t, time = Infinity) {
        let pages = 0, last = null;
        for (const i of run) {
            const part = at(i, t);
            if (!part || part.time > time) continue;
            pages += part.pages;
            if (!last || part.time > last.time) last = part;
        }
        return last && { ...last, pages };
    }

    const words = (i, t) => {
        const part = at(i, t);
        return part ? `${units.size(part.pages * PAGE)}${part.pages ? ', ' + units.percent(part.pages, model.lives.pages[i]) : ''} at ${units.moment(part.time, model.end)} (${part.reason})` : looks ? 'not looked at' : '';
    };

    return { need, at, sum, words, get looks() { return looks; } };
})();
