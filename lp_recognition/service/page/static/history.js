// Searching what has passed.

import { Refused, askJson } from './api.js';
import { el, the } from './dom.js';
import { eventRow } from './events.js';

const PAGE = 48;
let before = null;
let search = new URLSearchParams();
let asked = 0;

/** Lets a person search; `go` changes what the address says. */
export function startHistory(go) {
  const form = the('search');
  form.addEventListener('submit', event => {
    event.preventDefault();
    go(`history?${queryOf(new FormData(form))}`);
  });
  form.addEventListener('reset', () => go('history'));
  the('filters').addEventListener('click', () => {
    the('filters').setAttribute('aria-expanded', String(form.classList.toggle('open')));
  });
  the('earlier').addEventListener('click', () => load(false));
}

/** Shows the passages that a query of the address asks for. */
export function showHistory(query) {
  const form = the('search');
  for (const name of ['plate', 'since', 'until', 'known']) form.elements[name].value = query.get(name) ?? (name === 'known' ? 'any' : '');
  addSource(query.get('source') ?? '');
  form.elements.source.value = query.get('source') ?? '';
  search = query;
  return load(true);
}

function queryOf(form) {
  const query = new URLSearchParams();
  for (const [name, value] of form) if (value && value !== 'any') query.set(name, value);
  return query;
}

async function load(isFirst) {
  const number = ++asked;
  const query = new URLSearchParams(search);
  for (const name of ['since', 'until']) {
    if (query.get(name)) query.set(name, new Date(query.get(name)).toISOString());
  }
  query.set('limit', PAGE);
  if (!isFirst && before) query.set('before', before);
  the('earlier').disabled = true;
  try {
    const told = await askJson(`v1/events?${query}`);
    if (number !== asked) return;
    before = told.next;
    if (isFirst) {
      the('events').replaceChildren();
      told.sources.forEach(addSource);
      the('found').textContent = told.total ? `${told.total.toLocaleString()} passage${told.total === 1 ? '' : 's'}` : 'Nothing was found.';
    }
    the('events').append(...told.events.map(eventRow));
    the('earlier').hidden = !before;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    the('events').replaceChildren();
    the('earlier').hidden = true;
    the('found').textContent = error.message;
  } finally {
    the('earlier').disabled = false;
  }
}

function addSource(name) {
  const choice = the('search').elements.source;
  if (![...choice.options].some(option => option.value === name)) choice.append(el('option', { value: name }, name));
}
