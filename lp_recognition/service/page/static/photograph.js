// Photographs that are read one after the other, the latest on top.

import { Refused, ask } from './api.js';
import { el, icon, the } from './dom.js';
import { confidenceChip, otherTexts, outlined, percent, plateChip, symbolBars } from './plates.js';
import { ms } from './times.js';

/** Photographs that stay on the page. */
const KEPT = 40;
const STAGES = { queue: 'waited', decode: 'decoded', detect: 'found', read: 'read' };
const waiting = [];
let isReading = false;

/** Lets photographs be dropped, pasted, chosen and taken. */
export function startPhotographs(show) {
  for (const input of [the('files'), the('camera')]) {
    input.addEventListener('change', () => { take(input.files); input.value = ''; });
  }
  addEventListener('paste', event => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) { event.preventDefault(); show(); take(files); }
  });
  let inside = 0;
  const over = is => the('drop').classList.toggle('over', is);
  const hasFiles = event => [...(event.dataTransfer?.types ?? [])].includes('Files');
  addEventListener('dragenter', event => { if (hasFiles(event)) { inside += 1; show(); over(true); } });
  addEventListener('dragleave', event => { if (hasFiles(event) && --inside <= 0) { inside = 0; over(false); } });
  addEventListener('dragover', event => { if (hasFiles(event)) event.preventDefault(); });
  addEventListener('drop', event => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    inside = 0;
    over(false);
    take(event.dataTransfer.files);
  });
}

function take(files) {
  for (const file of files) {
    const card = cardOf(file);
    the('photographs').prepend(card.element);
    waiting.push({ file, card });
  }
  the('drop').classList.toggle('small', the('photographs').childElementCount > 0);
  for (const old of [...the('photographs').children].slice(KEPT)) old.dispatchEvent(new Event('remove'));
  readNext();
}

function cardOf(file) {
  const address = URL.createObjectURL(file);
  const state = el('p', { class: 'soft' }, 'Waiting …');
  const body = el('div', {}, state);
  const element = el('article', { class: 'card photograph', 'aria-label': file.name || 'photograph' },
    el('div', { class: 'head' }, el('h2', { class: 'name' }, file.name || 'pasted photograph'),
      el('button', { class: 'plain', 'aria-label': `Remove ${file.name}`, onclick: remove }, icon('close'))), body);
  element.addEventListener('remove', remove);
  function remove() {
    URL.revokeObjectURL(address);
    element.remove();
    the('drop').classList.toggle('small', the('photographs').childElementCount > 0);
  }
  return { element, body, state, address };
}

async function readNext() {
  if (isReading || !waiting.length) return;
  isReading = true;
  const { file, card } = waiting.shift();
  try {
    if (card.element.isConnected) await read(file, card);
  } finally {
    isReading = false;
    readNext();
  }
}

async function read(file, card) {
  card.element.setAttribute('aria-busy', 'true');
  card.state.textContent = 'Reading …';
  try {
    const told = await asked(file, card);
    card.body.replaceChildren(...result(told, card.address, file));
    const count = told.plates.length;
    the('photographs-told').textContent = count
      ? `${file.name}: ${told.plates.map(plate => plate.text || 'unreadable').join(', ')}` : `${file.name}: no plate was found`;
  } catch (error) {
    const said = error instanceof Refused ? error.message : `The page failed: ${error.message}`;
    const again = el('button', { onclick: () => { waiting.push({ file, card }); readNext(); } }, 'Try again');
    card.state = el('p', { class: 'soft' });
    card.body.replaceChildren(el('p', { class: 'bad', role: 'alert' }, said), el('p', {}, again), card.state);
  } finally {
    card.element.removeAttribute('aria-busy');
  }
}

/** Asks until there is room: a service that is busy says when to come again. */
async function asked(file, card) {
  for (let tries = 0; ; tries += 1) {
    const form = new FormData();
    form.append('upload', file, file.name || 'photograph');
    try {
      return await (await ask('v1/alpr', { method: 'POST', body: form })).json();
    } catch (error) {
      if (error.status !== 503 || tries >= 20) throw error;
      card.state.textContent = 'The service is busy; it is asked again in a moment …';
      await new Promise(done => setTimeout(done, 1000 * Math.max(1, error.retryAfter)));
    }
  }
}

function result(told, address, file) {
  const image = el('img', { src: address, alt: `Photograph ${file.name}`, width: told.width, height: told.height });
  const { figure, lines } = outlined(image, told.width, told.height, told.plates);
  const items = told.plates.map((plate, place) => {
    const mark = on => { lines[place].classList.toggle('on', on); };
    return plateItem(plate, image, { mark });
  });
  lines.forEach((line, place) => {
    line.addEventListener('pointerenter', () => items[place].classList.add('on'));
    line.addEventListener('pointerleave', () => items[place].classList.remove('on'));
  });
  const stages = Object.entries(STAGES).filter(([name]) => told.stages_ms?.[name] >= 0.05)
    .map(([name, about]) => `${about} ${ms(told.stages_ms[name])}`);
  const list = items.length
    ? el('ul', { class: 'read' }, items)
    : el('p', { class: 'empty' }, 'No plate was found. Plates that are very small or covered are missed; a closer photograph may help.');
  return [
    el('div', { class: 'sides' }, figure, list),
    el('p', { class: 'soft small' }, `${told.width} × ${told.height} pixels, ${ms(told.ms)}`, stages.length ? `: ${stages.join(', ')}` : ''),
  ];
}

function plateItem(plate, image, { mark }) {
  const crop = el('canvas', { class: 'crop', role: 'img', 'aria-label': `The plate ${plate.text}` });
  const draw = () => drawCrop(crop, image, plate.box);
  if (image.complete && image.naturalWidth) draw(); else image.addEventListener('load', draw, { once: true });
  return el('li', { tabindex: '0', onpointerenter: () => mark(true), onpointerleave: () => mark(false), onfocus: () => mark(true), onblur: () => mark(false) },
    el('div', { class: 'line' }, crop, plateChip(plate.text), confidenceChip(plate.confidence)),
    symbolBars(plate.text, plate.confidences),
    otherTexts(plate.text, plate.candidates),
    el('p', { class: 'soft small' }, plate.crop ? 'the picture is a plate itself, ' : `found with ${percent(plate.score)}, `,
      `read by ${plate.reader}`, ' · ', el('a', { href: `#known?add=${encodeURIComponent(plate.text)}` }, 'add to known plates')));
}

/** Draws the part of a picture around a plate, with a little of what is beside it. */
function drawCrop(canvas, image, [left, top, width, height]) {
  const margin = 0.12 * height;
  const scale = Math.min(4, 56 / (height + 2 * margin));
  canvas.width = Math.max(1, Math.round(scale * (width + 2 * margin)));
  canvas.height = Math.max(1, Math.round(scale * (height + 2 * margin)));
  canvas.getContext('2d').drawImage(image, left - margin, top - margin, width + 2 * margin, height + 2 * margin, 0, 0, canvas.width, canvas.height);
}
