'use strict';
/*
 * frames.js: the trees of frames as they are shown.  A hidden frame, or one of a hidden library, gives what it has to the
 * frame above it, so that sums stay what they are; with recursion folded a function stands on a path once, where it comes
 * first.  Nodes keep their numbers: `to` tells where each of them went.
 */

const frames = (() => {
    const MOST = 20; // hidden at a time
    let hide_, fold_, any, made = [], lines = [], names = null, hidden = null;

    /* For each line the first one of the same function, and the first one of the same place in it; a place that has no
     * name is a function of its own (as decoder/stack_tree.c tells them apart). */
    function sameness() {
        if (names) return names;
        const { fn, module, file, number, flags } = model.lines, known = new Map();
        const first = (word, i) => known.get(word) ?? (known.set(word, i), i), by = (word) => Uint32Array.from(fn, (name, i) => (name ? first(word(name, i), i) : i));
        const whole = by((name, i) => `${name} ${module[i]}`);
        return (names = [whole, by((_, i) => `${whole[i]} ${file[i]} ${number[i]} ${flags[i]}`)]);
    }

    /* Whether anything is hidden or folded; what was made for something else is forgotten. */
    function changes() {
        if (state.hide === hide_ && state.fold === fold_) return any;
        [hide_, fold_, any, made, lines] = [state.hide, state.fold, state.hide.length > 0 || state.fold === 1, [], []];
        if (!any) return any;
        const [same] = sameness(), { module } = model.lines, functions = new Set(), modules = new Set();
        for (const word of state.hide) {
            if (word[0] === 'f') functions.add(same[word.slice(1)]);
            else modules.add(module[word.slice(1)]);
        }
        hidden = (line) => functions.has(same[line]) || modules.has(module[line]);
        return any;
    }

    /* A parent has a lower number than its children, before and after. */
    function prune(tree, invert) {
        const n = tree.parent.length, to = new Uint32Array(n), parent = new Uint32Array(n), pruned = changes(), [same, place] = pruned ? sameness() : [], unit = invert ? place : same, known = new Map();
        for (let i = 1; i < n; i++) {
            const line = tree.line[i] - 1, above = (parent[i] = to[tree.parent[i]]);
            to[i] = i;
            if (!pruned) continue;
            if (line >= 0 && hidden(line)) {
                to[i] = above;
                continue;
            }
            let at = state.fold && line >= 0 ? above : 0;
            while (at && !(tree.line[at] && same[tree.line[at] - 1] === same[line])) at = parent[at];
            if (!at) {
                // Siblings that hidden frames told apart are one.
                const word = above * 2 ** 26 + (line < 0 ? 2 ** 25 + tree.word[i] : unit[line]);
                if (!known.has(word)) known.set(word, i);
                at = known.get(word);
            }
            to[i] = at;
        }
        return { line: tree.line, word: tree.word, parent, to };
    }

    function tree(invert) {
        changes();
        return (made[invert] ??= prune(model.trees[invert], invert));
    }

    /* The line that is the call site of a stack, as it is shown; -1: it has none, -2: all of its frames are hidden. */
    function siteLine(stack) {
        const s = model.stacks, own = s.line[stack] - 1;
        if (!changes()) return own;
        if (lines[stack] !== undefined) return lines[stack];
        const [same] = sameness(), all = s.lines.subarray(s.first[stack], s.first[stack + 1]);
        let k = Math.max(0, all.indexOf(own));
        while (k < all.length && hidden(all[k])) k++;
        let line = k < all.length ? all[k] : all.length ? -2 : own;
        if (own < 0 && line >= 0) line = own;
        if (state.fold && line >= 0) for (; k < all.length; k++) if (same[all[k]] === same[line]) line = all[k];
        return (lines[stack] = line);
    }

    function site(stack) {
        const line = siteLine(stack), l = model.lines;
        if (line === model.stacks.line[stack] - 1) return model.site(stack);
        if (line < 0) return 'all';
        return l.fn[line] ? text(l.fn[line]) + (l.number[line] ? ` (${base(text(l.file[line]))}:${l.number[line]})` : '') : model.lineName(line);
    }

    /* The site of each stack.  Functions of one name in several programs are told apart by these. */
    function siteNames() {
        const { module } = model.lines, n = model.stacks.n, all = Array.from({ length: n }, (_, stack) => site(stack)), of = (stack) => module[siteLine(stack)], seen = new Map(), several = new Set();
        for (let i = 0; i < n; i++) {
            const m = of(i), name = all[i];
            if (m === undefined) continue;
            if (!seen.has(name)) seen.set(name, m);
            else if (seen.get(name) !== m) several.add(name);
        }
        return all.map((name, i) => (several.has(name) && of(i) !== undefined ? `${name} (${base(text(of(i)))})` : name));
    }

    /* Whether a frame of the stack is searched for. */
    function matches(stack) {
        const s = model.stacks;
        for (let i = s.first[stack]; i < s.first[stack + 1]; i++) if (hit(s.lines[i])) return true;
        return false;
    }

    let asked = null, hits = [];
    function hit(line) {
        const now = state.re + state.query;
        if (asked !== now) [asked, hits] = [now, []];
        return (hits[line] ??= search.has(model.lineName(line)));
    }

    /* For each stack with a value: the sum of all that run through a function, by the first line of that function. */
    function through(values) {
        const [same] = sameness(), sums = new Map(), s = model.stacks;
        values.forEach((value, stack) => {
            if (value) for (const line of new Set(Array.from(s.lines.subarray(s.first[stack], s.first[stack + 1]), (line) => same[line]))) sums.set(line, (sums.get(line) || 0) + value);
        });
        return (stack) => sums.get(same[siteLine(stack)]);
    }

    /* What is shown as one line for each path, innermost last, for flame graphs made elsewhere. */
    function folded(values) {
        const clean = (text) => text.replace(/[;\n\r]/g, '_'), lines = [], t = tree(0), sums = new Map();
        values.forEach((value, stack) => {
            const node = t.to[model.stacks.ends[0][stack]];
            if (value) sums.set(node, (sums.get(node) || 0) + value);
        });
        sums.forEach((value, end) => {
            const path = [];
            for (let node = end; node; node = t.parent[node]) path.unshift(clean(model.nodeName(t, node)));
            lines.push((path.join(';') || 'all') + ' ' + value);
        });
        return lines.join('\n') + '\n';
    }

    // ---- what can be pressed ----

    const text = (i) => model.text(i), base = (path) => path.split('/').pop() || path;
    const called = (word) => (word[0] === 'f' ? model.lineName(Number(word.slice(1))) : base(text(model.lines.module[word.slice(1)])) || 'unknown');

    /* What is not as it was recorded, in words. */
    const words = () => (state.hide.length ? '; without ' + state.hide.map(called).join(', ') : '') + (state.fold ? '; recursion folded' : '');

    /* Hide the function ('f') or the library ('m') of the frame that is chosen. */
    function hide(what) {
        const line = sites.line, { module } = model.lines;
        if (line < 0 || state.hide.length >= MOST) return notice(line < 0 ? 'Choose a frame first: press one.' : `${MOST} are hidden: show one again first.`);
        const word = what + (what === 'f' ? sameness()[0][line] : module.indexOf(module[line]));
        if (!state.hide.includes(word)) change({ hide: [...state.hide, word] });
        speak(`${called(word)} is hidden`);
    }

    function fold() {
        change({ fold: 1 - state.fold });
        speak(state.fold ? 'recursion is folded' : 'recursion is shown');
    }

    /* What is hidden, each to be shown again. */
    function draw() {
        const show = (list) => () => {
            change({ hide: list });
            $('sites-fold').focus();
        };
        $('sites-fold').setAttribute('aria-pressed', String(state.fold === 1));
        $('sites-hide').replaceChildren(...(state.hide.length ? ['hidden:', ...state.hide.map((word) => h('button', { type: 'button', class: 'chip', 'aria-label': `show ${called(word)} again`, on: { click: show(state.hide.filter((other) => other !== word)) } }, bdi(called(word)), '\u2715')), button('Show all', show([]), { class: 'link' })] : []));
    }

    function start() {
        $('hide-frame').addEventListener('click', () => hide('f'));
        $('hide-library').addEventListener('click', () => hide('m'));
        $('sites-fold').addEventListener('click', fold);
        when((what) => (what.has('hide') || what.has('fold')) && draw());
        draw();
    }

    return { MOST, tree, siteLine, site, siteNames, matches, through, folded, words, hide, fold, start };
})();
