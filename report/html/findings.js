'use strict';
/* findings.js: the cards of the static summary become doors: each shows its range, its process, its stack. */

const findings = (() => {
    let found = null, current = -1;
    const WORDS = ['note', 'warning', 'problem'], GLYPHS = ['\u00b7', '\u25b2', '!'];

    function list() {
        if (found) return found;
        const s = model.find, n = (name) => s.numbers(name), out = [];
        let at = { numbers: 0, events: 0, stacks: 0 };
        for (let i = 0; i < s.count('name_str'); i++) {
            const part = (count, ...names) => {
                const from = at[count], to = from + (n(count)[i] || 0);
                at[count] = to;
                return names.map((name) => Array.from(n(name).subarray(from, to)));
            };
            const [names, values] = part('numbers', 'number_name_str', 'number_str'), [ids, times] = part('events', 'event_id', 'event_time'), [stacks] = part('stacks', 'stack');
            out.push({ name: model.text(n('name_str')[i]), severity: n('severity')[i], sentence: model.text(n('sentence_str')[i]), advice: model.text(n('advice_str')[i]), see: model.text(n('see_str')[i]), proc: n('proc')[i] - 1, start: n('start')[i], end: n('end')[i], numbers: names.map((name, k) => [model.text(name), model.text(values[k])]), ids, times, stacks });
        }
        return (found = out);
    }

    /* All kinds of memory but those that its call stacks have made; none, where the file does not hold every mapping. */
    function others(f) {
        const kinds = new Set(), hidden = new Set(), { stack, kind, n } = model.lives ?? { n: 0 }, stacks = new Set(f.stacks);
        for (let i = 0; i < n && model.number('lives') === 1; i++) if (stacks.has(stack[i])) kinds.add(kind[i]);
        if (kinds.size) model.kinds.forEach((name, k) => name && !kinds.has(k) && hidden.add(k));
        return hidden;
    }

    function show(i) {
        const f = list()[i];
        if (!f) return;
        current = i;
        // What happened at one moment is shown with what was before and after.
        const moment = f.end === f.start, margin = Math.max(20, moment ? model.end * 0.02 : (f.end - f.start) * 0.03);
        // At the very end nothing is mapped any more: the last moment of its process tells more, and of the whole run its peak.
        const last = Math.min(f.end, model.lastOf(f.proc));
        goTo(f.start - margin, f.end + margin, { a: f.start ? clamp(f.start - (moment ? margin : 0), 0, model.end) : null, b: f.start ? clamp(last, 0, model.end) : null, proc: f.proc >= 0 && model.procs.length > 1 ? f.proc : ALL, hidden: others(f), sel: f.stacks.length ? 's' + f.stacks[0] : f.ids.length ? 'e' + f.ids[0] : '' });
        for (const card of document.querySelectorAll('[data-finding]')) card.classList.toggle('current', Number(card.dataset.finding) === i);
        speak(`${WORDS[f.severity]}: ${f.sentence}`);
    }

    function step(by) {
        if (!list().length) return speak('no finding');
        show((current + by + list().length) % list().length);
        document.querySelector(`[data-finding="${current}"]`)?.scrollIntoView({ block: 'nearest' });
    }

    function start() {
        for (const card of document.querySelectorAll('[data-finding]')) {
            const i = Number(card.dataset.finding), f = list()[i];
            if (!f) continue;
            const events_ = f.ids.slice(0, 4).map((id) => button('#' + units.count(id), () => change({ sel: 'e' + id }), { class: 'link' }));
            card.append(h('p', { class: 'tools' }, button('Show it', () => show(i), { class: 'primary', 'aria-label': `Show finding: ${f.name}` }), ...(events_.length ? [h('span', { class: 'soft' }, 'events '), ...events_] : [])));
        }
    }

    return { list, show, step, start };
})();
