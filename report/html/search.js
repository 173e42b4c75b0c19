'use strict';
/*
 * search.js: the one search of the page: plain text, or a regular expression over names, each tested once.  An expression
 * cannot be stopped inside of a text: those that could run for long are refused, texts are cut, long ones are tried from
 * short beginnings on, and all of them together have BUDGET ms.  After that plain text is searched, and it is said so.
 */

const search = (() => {
    const BUDGET = 50, LONGEST = 200, known = new Map();
    let key = null, plain = '', pattern = null, careful = false, spent = 0, why = '';

    function giveUp(reason) {
        pattern = null;
        why = reason + ': plain text was searched';
        change({}, 'query');
    }

    /* Repeated groups, references to groups, looking ahead or back, more than three repetitions or ten choices: what one text
     * may never return from.  Three repetitions are some 200^4 / 24 steps at most. */
    function read(source) {
        const bare = source.replace(/\\[^1-9k]/g, '_').replace(/\[[^\]]*\]/g, '_'), choices = (bare.replace(/\(\?/g, '(').match(/[*+?{|]/g) ?? []).length;
        const repeats = (bare.match(/[*+{]/g) ?? []).length;
        careful = repeats > 2;
        try {
            pattern = new RegExp(source, 'i');
        } catch (error) {
            return giveUp('this is no regular expression');
        }
        if (repeats > 3 || choices > 10 || /\)[*+{]|\(\?<?[=!]|\\[1-9k]/.test(bare)) giveUp('pattern is too slow');
    }

    function prepare() {
        const now = state.re + state.query;
        if (now === key) return;
        key = now;
        known.clear();
        [plain, pattern, spent, why] = [state.query.toLowerCase(), null, 0, ''];
        if (state.re && state.query) read(state.query);
    }

    function test(text) {
        const from = performance.now(), late = () => spent + performance.now() - from > BUDGET;
        let hit = false;
        text = text.slice(0, LONGEST);
        try {
            for (let n = 8; careful && n < text.length && !late(); n = Math.ceil(n * 1.25)) pattern.test(text.slice(0, n) + '\0');
            hit = !(careful && late()) && pattern.test(text);
        } catch (error) {
            spent = Infinity; // too large to be run
        }
        spent += performance.now() - from;
        if (spent > BUDGET) giveUp('pattern is too slow');
        return hit;
    }

    /* Does it say what is looked for? */
    function has(text) {
        prepare();
        if (pattern && !known.has(text)) known.set(text, test(text));
        return pattern ? known.get(text) : text.toLowerCase().includes(plain);
    }

    /* Whether a name of code, of a file or of a call has it.  Addresses and numbers are searched where they are shown. */
    function somewhere() {
        for (let line = 0; line < model.lines.fn.length; line++) if (has(model.lineName(line))) return true;
        return model.calls.some((name) => name && has(name)) || [...new Set(model.lives.file_str)].some((i) => has(model.text(i)));
    }

    const tell = debounce(() => {
        prepare();
        // What was searched otherwise than asked for is told first, also when that shows only now.
        if (!why && state.query && model.lives && /[g-z_]/i.test(state.query) && !somewhere()) why ||= 'no function, file or call is named so';
        $('query-note').textContent = why;
    }, 300);

    function start() {
        const query = $('query'), later = debounce(() => change({ query: query.value.slice(0, 200) }), 150);
        query.addEventListener('input', later);
        $('query-re').addEventListener('click', () => change({ re: 1 - state.re }));
        when((what) => {
            if (what.has('re') && !what.has('query')) change({}, 'query');
            if (what.has('query') && document.activeElement !== query) query.value = state.query;
            prepare();
            $('query-re').setAttribute('aria-pressed', String(state.re === 1));
            if ($('query-note').textContent !== why) $('query-note').textContent = why;
            if (what.has('query')) tell();
        });
    }

    return { start, has, get regular() { prepare(); return pattern !== null; } };
})();
