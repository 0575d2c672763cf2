// Streams as they are watched, with what passes beside them; it comes back by itself.

import { Refused, askJson } from './api.js';
import { el, icon, the } from './dom.js';
import { eventChanged, eventRow } from './events.js';
import { ms } from './times.js';

/** Passages that are listed; streams that are shown moving: browsers have six connections for a service. */
const LISTED = 40;
const MOVING = 2;
const EMPTY = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';
const cards = new Map();
let source = null;
let change = null;
let pause = 1;
let isShown = false;
let large = null;

/** Stops and goes on with the page, which may be behind others. */
export function startLive() {
  document.addEventListener('visibilitychange', () => { if (isShown) (document.hidden ? leave : enter)(); });
  setInterval(() => { if (source) showPictures(false); }, 1000);
}

/** Shows the streams, or leaves them. */
export function showLive(is) {
  if (is === isShown) return;
  isShown = is;
  (is ? enter : leave)();
}

async function enter() {
  if (source || !isShown || document.hidden) return;
  source = 'begun';
  tellConnection('connecting', '');
  try {
    const [told, streams] = await Promise.all([latest(), askJson('v1/streams')]);
    change = told.change;
    the('passing').replaceChildren(...told.events.map(eventRow));
    the('nothing-passed').hidden = told.events.length > 0;
    the('nothing-passed').textContent = told.why;
    showStreams(streams);
    if (source === 'begun') listen();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    source = null;
    tellConnection('cannot be reached, trying again', 'bad');
    comeBack();
  }
}

/** What has passed; nothing where it is kept nowhere. */
async function latest() {
  try {
    return { why: 'Nothing has passed yet.', ...await askJson(`v1/events?limit=${LISTED}`) };
  } catch (error) {
    if (error.status !== 404) throw error;
    return { why: error.message, change: 0, events: [] };
  }
}

function leave() {
  if (source instanceof EventSource) source.close();
  source = null;
  for (const card of cards.values()) card.show(null);
}

function comeBack() {
  setTimeout(enter, 1000 * pause);
  pause = Math.min(2 * pause, 15);
}

function listen() {
  const listening = source = new EventSource(`v1/events/stream?after=${change}`);
  source.onopen = () => { pause = 1; tellConnection('connected', 'good'); showPictures(true); };
  source.addEventListener('passage', message => {
    change = Number(message.lastEventId);
    pass(JSON.parse(message.data));
  });
  source.addEventListener('streams', message => showStreams(JSON.parse(message.data)));
  source.onerror = () => {
    if (listening !== source) return;
    tellConnection('connection lost, trying again', 'bad');
    if (source.readyState === EventSource.CLOSED) { leave(); comeBack(); }
  };
}

function tellConnection(text, style) {
  the('connection').textContent = text;
  the('connection').className = `chip ${style}`;
}

function pass(event) {
  const list = the('passing');
  const row = eventRow(event);
  const old = [...list.children].find(one => one.dataset.id === event.id);
  if (old) {
    const hadFocus = old === document.activeElement;
    old.replaceWith(row);
    if (hadFocus) row.focus();
  } else {
    row.classList.add('new');
    list.prepend(row);
    while (list.childElementCount > LISTED) list.lastElementChild.remove();
  }
  the('nothing-passed').hidden = true;
  eventChanged(event.id);
}

function showStreams(told) {
  the('no-streams').hidden = told.streams.length > 0;
  for (const stream of told.streams) {
    if (!cards.has(stream.name)) {
      const card = cardOf(stream.name);
      cards.set(stream.name, card);
      the('streams').append(card.element);
    }
    cards.get(stream.name).update(stream);
  }
  the('deliveries').replaceChildren(...told.deliveries.filter(one => one.error || one.refused).map(one => el('p', { class: 'warn' },
    `${one.target}: ${one.pending ?? '?'} messages wait${one.refused ? `, ${one.refused} were refused` : ''}${one.error ? `: ${one.error}` : ''}`)));
}

/** Chooses which streams move, and refreshes the others; `anew` after a break. */
function showPictures(anew) {
  const names = [...cards.keys()].sort((one, other) => (other === large) - (one === large));
  let moving = 0;
  for (const name of names) {
    const card = cards.get(name);
    card.show(card.comes() && moving++ < MOVING ? 'moving' : 'still', anew);
  }
}

function cardOf(name) {
  const path = `v1/streams/${encodeURIComponent(name)}`;
  const image = el('img', { alt: `The stream ${name}`, src: EMPTY, hidden: true });
  const none = icon('live');
  const enlarge = el('button', { class: 'picture', 'aria-label': `Enlarge ${name}`, 'aria-pressed': 'false', onclick: toggle }, image, none);
  const chip = el('span', { class: 'chip' });
  const figures = el('p', { class: 'soft small' });
  const problem = el('p', { class: 'bad small' });
  const element = el('figure', { class: 'stream' }, enlarge, el('figcaption', {}, el('span', { class: 'line' }, el('b', {}, name), chip), figures, problem));
  let kind = null;
  let state = '';
  let looked = 0;
  let drawn = -1;
  function toggle() {
    large = large === name ? null : name;
    for (const [other, card] of cards) card.enlarge(other === large);
    showPictures(false);
  }
  image.addEventListener('error', () => { kind = null; image.src = EMPTY; });
  return {
    element,
    enlarge(is) {
      element.classList.toggle('large', is);
      enlarge.setAttribute('aria-pressed', String(is));
    },
    comes: () => looked > 0 && (state === 'live' || state === 'reading'),
    show(how, anew = false) {
      const isNew = anew || kind !== how;
      if (how === null) image.src = EMPTY;
      else if (how === 'moving' && isNew) image.src = `${path}.mjpg?n=${Date.now()}`;
      else if (how === 'still' && looked > 0 && (isNew || looked !== drawn)) image.src = `${path}.jpg?n=${Date.now()}`;
      drawn = looked;
      kind = how;
    },
    update(stream) {
      [state] = stream.state.split(' ');
      looked = stream.looked ?? 0;
      image.hidden = !looked;
      none.toggleAttribute('hidden', looked > 0);
      element.classList.toggle('still', !this.comes() && state !== 'ended');
      const style = { live: 'good', reading: 'good', failed: 'bad', waiting: 'warn' }[state] ?? '';
      chip.textContent = state;
      chip.className = `chip ${style}`;
      figures.textContent = figuresOf(stream);
      problem.textContent = stream.error ?? (state === 'waiting' ? stream.state : '');
    },
  };
}

function figuresOf(stream) {
  if (stream.looked === undefined) return '';
  const dropped = Object.entries(stream.dropped).map(([why, count]) => `${count.toLocaleString()} dropped: ${why}`);
  return [`${stream.frames_per_second} frames/s`, `${stream.passages.toLocaleString()} passage${stream.passages === 1 ? '' : 's'}`,
    stream.latency_ms === null ? null : `told after ${ms(stream.latency_ms)}`, ...dropped].filter(Boolean).join(' · ');
}
