// The known plates: looked through, edited in their place, imported and exported. No edit loses a note.

import { Refused, ask, askJson } from './api.js';
import { el, icon, tell, the } from './dom.js';
import { plateChip } from './plates.js';

const PAGE = 100;
let offset = 0;
let columns = [];
let asked = 0;
let typing = null;

const pathOf = plate => `v1/known/${encodeURIComponent(plate)}`;

/** Lets a person search, add, import. */
export function startKnown() {
  the('known-search').addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => load(true), 200);
  });
  the('known-add').addEventListener('click', () => add(''));
  the('known-more').addEventListener('click', () => load(false));
  the('known-import').addEventListener('click', () => {
    the('import-form').reset();
    the('import-problem').textContent = '';
    the('import').showModal();
  });
  the('import-form').addEventListener('submit', event => {
    if (event.submitter?.value === 'do') { event.preventDefault(); importFile(); }
  });
  addEventListener('beforeunload', event => { if (document.querySelector('#plates form.changed')) event.preventDefault(); });
}

/** Shows the list; with `add` in the query a form for that plate. */
export async function showKnown(query) {
  if (!document.querySelector('#plates form')) await load(true);
  if (query.has('add')) add(query.get('add'));
}

async function load(isFirst) {
  const number = ++asked;
  if (isFirst) offset = 0;
  const query = new URLSearchParams({ search: the('known-search').value, limit: PAGE, offset });
  try {
    const told = await askJson(`v1/known?${query}`);
    if (number !== asked) return;
    columns = told.columns;
    const edited = [...the('plates').querySelectorAll('form')].map(form => form.closest('li'));
    const rows = told.plates.map(rowOf);
    if (isFirst) the('plates').replaceChildren(...edited, ...rows); else the('plates').append(...rows);
    offset += told.plates.length;
    the('known-more').hidden = offset >= told.total;
    the('known-told').textContent = told.total ? `${told.total.toLocaleString()} plate${told.total === 1 ? '' : 's'}`
      : the('known-search').value ? 'No plate was found.' : 'No plate is known yet. Add one, or import a list: events say whose it is.';
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    the('known-told').textContent = error.message;
  }
}

function rowOf(known) {
  const row = el('li');
  const record = Object.entries(known.record).filter(([, value]) => value);
  row.append(
    el('span', { class: 'first' }, plateChip(known.plate, true)),
    el('span', { class: 'said' }, el('span', { class: 'note' }, known.note),
      record.length ? el('span', { class: 'soft small' }, record.map(([name, value]) => `${name}: ${value}`).join(' · ')) : null),
    el('span', { class: 'buttons' },
      el('button', { class: 'plain', 'aria-label': `Edit ${known.plate}`, onclick: () => edit(row, known) }, icon('edit')),
      el('button', { class: 'plain', 'aria-label': `Remove ${known.plate}`, onclick: () => remove(row, known) }, icon('remove'))),
  );
  return row;
}

function add(plate) {
  const row = el('li', { class: 'editing' });
  row.append(formOf({ plate, note: '', record: {} }, {
    save: edited => put(edited.plate, edited, { 'If-None-Match': '*' }),
    saved: known => row.replaceWith(rowOf(known)),
    cancel: () => row.remove(),
  }));
  the('plates').prepend(row);
  row.querySelector(plate ? 'textarea' : 'input').focus();
}

function edit(row, known) {
  let etag = known.etag;
  const back = one => { const shown = rowOf(one); row.replaceWith(shown); shown.querySelector('button').focus(); };
  const form = formOf(known, {
    save: async edited => {
      try {
        return await put(known.plate, edited, { 'If-Match': etag });
      } catch (error) {
        if (error.status !== 412) throw error;
        // What the other one wrote is shown, what was typed stays, and the next save is a decision.
        const now = await askJson(pathOf(known.plate));
        etag = now.etag;
        throw new Refused(412, `${error.message} It says now: “${now.plate}”, “${now.note}”. Save again to replace that.`);
      }
    },
    saved: back,
    cancel: () => back(known),
  });
  row.className = 'editing';
  row.replaceChildren(form);
  form.querySelector('textarea').focus();
}

const put = (plate, edited, headers) => askJson(pathOf(plate), { method: 'PUT', body: edited, headers });

function formOf(known, { save, saved, cancel }) {
  const plate = el('input', { value: known.plate, required: true, maxlength: '64', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false' });
  const note = el('textarea', { rows: '2', maxlength: '10000' });
  note.value = known.note;
  const names = [...new Set([...Object.keys(known.record), ...columns])];
  const fields = names.map(name => [name, el('input', { value: known.record[name] ?? '' })]);
  const problem = el('p', { class: 'bad', role: 'alert' });
  const form = el('form', { class: 'edit', oninput: () => form.classList.add('changed') },
    el('label', {}, 'Plate ', plate), el('label', { class: 'wide' }, 'Note ', note),
    fields.map(([name, input]) => el('label', {}, `${name} `, input)), problem,
    el('div', { class: 'buttons' }, el('button', { class: 'primary' }, 'Save'), el('button', { type: 'button', onclick: cancel }, 'Cancel')));
  form.addEventListener('keydown', event => { if (event.key === 'Escape') cancel(); });
  form.addEventListener('submit', async event => {
    event.preventDefault();
    const kept = fields.filter(([name, input]) => input.value || name in known.record);
    const record = Object.fromEntries(kept.map(([name, input]) => [name, input.value]));
    try {
      const now = await save({ plate: plate.value.trim(), note: note.value, record });
      saved(now);
      tell(`${now.plate} is saved.`, { seconds: 4 });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      problem.textContent = error.message;
    }
  });
  return form;
}

async function remove(row, known) {
  try {
    await ask(pathOf(known.plate), { method: 'DELETE' });
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector('button') ?? the('known-add')).focus();
    tell(`${known.plate} is removed.`, { action: 'Undo', act: () => undo(known), seconds: 15 });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(error.message, { bad: true });
  }
}

async function undo({ plate, note, record }) {
  try {
    await put(plate, { plate, note, record }, { 'If-None-Match': '*' });
    await load(true);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(error.message, { bad: true });
  }
}

async function importFile() {
  const [file] = the('import-file').files;
  const others = !the('import-others').checked;
  try {
    const answer = await ask(`v1/known.csv?others=${others}`, { method: 'POST', body: file, headers: { 'Content-Type': 'text/csv' } });
    const told = await answer.json();
    the('import').close();
    tell(`${told.added} added, ${told.replaced} updated.`);
    await load(true);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    the('import-problem').textContent = error.message;
  }
}
