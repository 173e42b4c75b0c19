'use strict';
/* table.js: tables: a twin of each picture, and tables of any length of which only the rows in view are in the page. */

/* A plain table of texts and elements; columns whose first cell is a number are set as numbers. */
function plainTable(head, body) {
    const text = (cell) => (cell instanceof Node ? cell.textContent : String(cell));
    const numeric = head.map((_, i) => body.length > 0 && /^[-+]?[\d.,]+ ?([A-Za-z]{0,2}|%)$|^\u2013$/.test(text(body[0][i])) ? 'n' : null);
    const cell = (content, i) => h(i ? 'td' : 'th', { scope: i ? null : 'row', class: numeric[i] }, content instanceof Node ? content : bdi(String(content)));
    return h('table', {}, h('thead', {}, h('tr', {}, head.map((title, i) => h('th', { scope: 'col', class: numeric[i] }, title)))), h('tbody', {}, body.map((row) => h('tr', {}, row.map(cell)))));
}

/* The table that stands for a picture: made when it is opened, and again when what it shows has changed. */
function twin(id, rows) {
    const details = $(id), box = details.querySelector('.scroll');
    const fill = () => {
        if (!details.open) return;
        const [head, body] = rows();
        box.replaceChildren(body.length ? plainTable(head, body.slice(0, 200)) : h('p', { class: 'empty' }, 'Nothing in this view.'));
        if (body.length > 200) box.append(h('p', { class: 'note' }, `The first 200 of ${units.count(body.length)} rows.`));
    };
    const later = debounce(fill, 200);
    details.addEventListener('toggle', fill);
    when(later);
    return fill;
}

/*
 * A table of `count` rows, of which `row(i)` gives the cells (an array of texts or elements, or null while they are read).
 * Browsers refuse elements of more than some 17 million pixels: the height is scaled down beyond 8 million, and the
 * wheel and keys still move by rows.  `hides(c)` tells which columns are left out.
 */
class LongTable {
    constructor(box, { label, columns, row, sort, height = 25, hides = () => false }) {
        Object.assign(this, { box, columns, row, sort, height, hides, count: 0, first: 0, active: -1 });
        this.body = h('tbody');
        this.table = h('table', { 'aria-label': label });
        this.sizer = h('div', { class: 'sizer' }, this.table);
        box.append(this.sizer);
        box.setAttribute('tabindex', '0');
        box.setAttribute('role', 'group');
        box.setAttribute('aria-label', label + ' (scrolls)');
        box.addEventListener('scroll', () => this.scrolled());
        box.addEventListener('wheel', (e) => this.scale > 1 && !e.ctrlKey && e.deltaY && this.by(e, Math.sign(e.deltaY) * Math.max(1, Math.round(Math.abs(e.deltaY) / this.height))), { passive: false });
        box.addEventListener('keydown', (e) => {
            const step = { ArrowDown: 1, ArrowUp: -1, PageDown: this.fits(), PageUp: -this.fits(), Home: -this.count, End: this.count }[e.key];
            if (step && e.target === box) this.by(e, step);
        });
        this.head();
    }

    head() {
        const { by, down } = this.sort?.state ?? {};
        this.table.replaceChildren(h('thead', {}, h('tr', {}, this.columns.map(({ title, kind, key }, c) => {
            if (this.hides(c)) return null;
            const sorted = key && key === by;
            const content = key ? button(title + (sorted ? (down ? ' \u25be' : ' \u25b4') : ''), () => this.sort.by(key), { class: 'sort' }) : title;
            return h('th', { scope: 'col', class: kind, 'aria-sort': sorted ? (down ? 'descending' : 'ascending') : null }, content);
        }))), this.body);
    }

    fits() {
        return Math.max(1, Math.floor((this.box.clientHeight - this.height - 2) / this.height));
    }

    by(event, rows) {
        event.preventDefault();
        this.to(this.first + rows);
    }

    resize(count) {
        this.count = count;
        const full = (count + 1) * this.height + 12;
        this.scale = Math.max(1, full / 8e6);
        this.sizer.style.height = full / this.scale + 'px';
        this.box.style.height = clamp(full + 4, 100, 420) + 'px';
        this.to(this.first);
    }

    get room() {
        return Math.max(0, this.count - this.fits());
    }

    scrolled() {
        const far = this.box.scrollHeight - this.box.clientHeight;
        if (this.own !== undefined && Math.abs(this.own - this.box.scrollTop) < 1.5) return;
        this.own = undefined;
        this.first = far > 0 ? Math.round(this.box.scrollTop / far * this.room) : 0;
        this.draw();
    }

    /* Let row `i` be the first in view. */
    to(i) {
        this.first = clamp(Math.round(i), 0, this.room);
        const far = this.box.scrollHeight - this.box.clientHeight;
        this.box.scrollTop = this.room ? this.first / this.room * far : 0;
        this.own = this.box.scrollTop;
        this.draw();
    }

    draw() {
        const rows = [], last = Math.min(this.count, this.first + this.fits() + 1);
        this.table.setAttribute('aria-rowcount', this.count + 1);
        for (let i = this.first; i < last; i++) {
            const cells = this.row(i), attributes = { 'aria-rowindex': i + 2, class: [cells?.mark, i === this.active && 'active'].filter(Boolean).join(' ') || null };
            const made = cells ? cells.map((cell, c) => this.hides(c) ? null : h(this.columns[c].head ? 'th' : 'td', { scope: this.columns[c].head && 'row', class: this.columns[c].kind }, cell instanceof Node ? cell : bdi(String(cell))))
                : [h('td', { colspan: this.columns.length, class: 'wait' }, '\u2026')];
            rows.push(h('tr', attributes, made));
        }
        const focus = this.body.contains(document.activeElement) ? [...this.body.querySelectorAll('button')].indexOf(document.activeElement) : -1;
        this.body.replaceChildren(...rows);
        if (focus >= 0) this.body.querySelectorAll('button')[focus]?.focus({ preventScroll: true });
    }
}
