// Passages: as a row of a list, and all that is known of one.

import { Refused, askJson } from './api.js';
import { el, the } from './dom.js';
import { confidenceChip, otherTexts, outlined, percent, plateChip, sureness, symbolBars } from './plates.js';
import { howLong, when } from './times.js';

const TYPES = { start: 'passing', update: 'passing', here: 'still here', end: '' };
let shown = null;

const pathOf = id => `v1/events/${encodeURIComponent(id)}`;

/** A passage as a link to all that is known of it. */
export function eventRow(event) {
  const crop = event.crop
    ? el('img', { src: `${pathOf(event.id)}/crop?n=${event.sequence}`, alt: '', loading: 'lazy', class: 'crop' })
    : el('span', { class: 'crop none', 'aria-hidden': 'true' });
  const state = TYPES[event.type] ? el('span', { class: 'chip live' }, TYPES[event.type]) : null;
  return el('a', { class: 'event', href: `#event/${encodeURIComponent(event.id)}`, 'data-id': event.id }, crop,
    el('span', { class: 'what' }, el('span', { class: 'line' }, plateChip(event.text, Boolean(event.known)), confidenceChip(event.confidence), state),
      event.known ? el('span', { class: 'note' }, noteOf(event.known)) : null,
      el('span', { class: 'soft small' }, event.source, ' · ', el('time', { datetime: event.first_time }, when(event.first_time)),
        ` · ${event.agreeing_count} of ${event.look_count} looks`)));
}

function noteOf(known) {
  const more = Object.values(known.record ?? {}).filter(Boolean);
  return [known.note || known.plate, ...more].join(' · ');
}

/** Shows all that is known of a passage; `gone` is called when it is closed. */
export async function showEvent(id, gone) {
  const dialog = the('detail');
  shown = id;
  the('detail-title').replaceChildren('…');
  the('detail-body').replaceChildren(el('p', { class: 'soft' }, 'Loading …'));
  dialog.onclose = () => { shown = null; gone(); };
  the('detail-close').onclick = () => dialog.close();
  dialog.onclick = event => { if (event.target === dialog && isOutside(event, dialog.getBoundingClientRect())) dialog.close(); };
  if (!dialog.open) dialog.showModal();
  await refresh(id);
}

function isOutside({ clientX: x, clientY: y }, box) {
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}

/** Closes what is shown of a passage. */
export function hideEvent() {
  if (the('detail').open) the('detail').close();
}

/** Shows a passage anew that has just changed, where it is the one that is shown. */
export function eventChanged(id) {
  if (id === shown) refresh(id);
}

async function refresh(id) {
  try {
    const event = await askJson(pathOf(id));
    if (id !== shown) return;
    the('detail-title').replaceChildren(plateChip(event.text, Boolean(event.known)), ' ', confidenceChip(event.confidence));
    the('detail-body').replaceChildren(...detail(event));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (id === shown) the('detail-body').replaceChildren(el('p', { class: 'bad', role: 'alert' }, error.message));
  }
}

function detail(event) {
  return [
    el('div', { class: 'sides' }, pictures(event), el('div', {}, facts(event), symbolBars(event.text, event.confidences),
      otherTexts(event.text, event.candidates), known(event))),
    votes(event),
  ];
}

function pictures(event) {
  const found = el('div', { class: 'frame' });
  if (event.picture) {
    const image = el('img', { src: `${pathOf(event.id)}/picture?n=${event.sequence}`, alt: `The frame in which ${event.text} was read best` });
    image.addEventListener('load', () => {
      found.replaceChildren(outlined(image, image.naturalWidth, image.naturalHeight,
        [{ corners: event.best.corners, style: event.known ? 'known' : 'unknown' }]).figure);
    }, { once: true });
    found.append(image);
  } else {
    found.append(el('p', { class: 'empty' }, 'The frame was not kept, or was deleted.'));
  }
  const crop = event.crop ? el('img', { src: `${pathOf(event.id)}/crop?n=${event.sequence}`, alt: 'The plate, laid flat', class: 'flat' }) : null;
  return el('div', {}, found, crop);
}

function facts(event) {
  const place = event.best.position_s === null ? '' : `, at ${event.best.position_s.toFixed(1)} s of the video`;
  const rows = [
    ['Stream', event.source],
    ['Seen', `${when(event.first_time)}, for ${howLong(event.first_time, event.last_time)}`],
    ['State', event.type === 'end' ? 'gone, the answer is final' : TYPES[event.type]],
    ['Picture', `frame ${event.best.frame}${place}`],
    ['Read by', event.best.reader],
    event.direction_deg === null ? null : ['Moves', direction(event.direction_deg)],
  ].filter(Boolean);
  return el('dl', { class: 'facts' }, rows.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}

function direction(degrees) {
  const names = ['up', 'up and right', 'right', 'down and right', 'down', 'down and left', 'left', 'up and left'];
  return `${names[Math.round(degrees / 45) % 8]} in the picture`;
}

function known(event) {
  if (!event.known) {
    return el('p', {}, el('a', { class: 'button', href: `#known?add=${encodeURIComponent(event.text)}` }, 'Add to known plates'));
  }
  const how = { exact: 'letter by letter', pattern: 'by its wild cards', edits: 'but for look-alikes' }[event.known.kind];
  const rows = [['Known as', `${event.known.plate}, ${how}`], ['Note', event.known.note || '–'],
    ...Object.entries(event.known.record).filter(([, value]) => value)];
  return el('dl', { class: 'facts known' }, rows.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}

function votes(event) {
  if (!event.looks.length) {
    const why = event.type === 'end' ? 'Its looks were deleted.' : 'Its looks are kept once it has gone.';
    return el('p', { class: 'soft' }, why);
  }
  const rows = event.looks.map(look => {
    const agrees = look.text === event.text;
    const bar = el('i', { class: sureness(look.confidence) });
    bar.style.setProperty('--share', look.confidence);
    return el('tr', { class: agrees ? 'agrees' : '' }, el('td', { class: 'number' }, String(look.frame)),
      el('td', {}, el('span', { class: 'text' }, look.text), agrees ? el('span', { class: 'away' }, ' agrees') : ''),
      el('td', {}, el('span', { class: 'rail' }, bar)), el('td', { class: 'number' }, percent(look.confidence)),
      el('td', { class: 'soft' }, look.reader));
  });
  const heads = [['frame', 'number'], ['text'], ['', 'bars'], ['sure', 'number'], ['reader']]
    .map(([head, style]) => el('th', { scope: 'col', class: style }, head));
  return el('details', { open: true },
    el('summary', {}, `Votes: ${event.agreeing_count} of ${event.look_count} looks say ${event.text}`),
    el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Votes' },
      el('table', {}, el('thead', {}, el('tr', {}, heads)), el('tbody', {}, rows))));
}
