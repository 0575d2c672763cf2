// How plates are shown: as a plate, with how sure each character is, outlined in a picture.

import { el, svg } from './dom.js';

/** The symbols of a text: characters, and names in angle brackets as one. */
export const symbolsOf = text => text.match(/<[^<>]+>|./gu) ?? [];

/** A share as people read it. */
export const percent = share => `${Math.floor(100 * share)}%`;

/** How sure a share is: the name of a style. */
export const sureness = share => (share >= 0.9 ? 'good' : share >= 0.6 ? 'warn' : 'bad');

/** A text as it stands on a plate, with whether it is known. */
export function plateChip(text, known = null) {
  const style = known === null ? 'plate' : known ? 'plate known' : 'plate unknown';
  return el('span', { class: style }, text || '?');
}

/** The confidence of a whole text. */
export function confidenceChip(share) {
  return el('span', { class: `chip ${sureness(share)}`, title: 'How sure the whole text is' }, percent(share));
}

/** How sure each character is, as small bars. */
export function symbolBars(text, confidences) {
  const symbols = symbolsOf(text);
  const bars = confidences.map((share, place) => {
    const bar = el('i', { class: sureness(share) });
    bar.style.setProperty('--share', share);
    const symbol = symbols[place] ?? '';
    return el('li', {}, el('b', {}, symbol), el('span', { class: 'rail' }, bar), el('small', {}, percent(share)));
  });
  return el('ol', { class: 'symbols', 'aria-label': 'How sure each character is' }, bars);
}

/** What else a text may be. */
export function otherTexts(text, candidates) {
  const others = candidates.filter(candidate => candidate.text !== text && candidate.confidence >= 0.001);
  if (!others.length) return null;
  return el('p', { class: 'others' }, el('span', { class: 'soft' }, 'or '), others.slice(0, 4).map(candidate =>
    el('span', { class: 'chip text' }, `${candidate.text} `, el('small', {}, share(candidate.confidence)))));
}

const share = value => (value < 0.01 ? '<1%' : percent(value));

/** A picture with plates outlined; `outlines` of corners in its pixels and a style. */
export function outlined(image, width, height, outlines) {
  const lines = outlines.map(({ corners, style = '' }) =>
    svg('polygon', { points: corners.map(point => point.join(',')).join(' '), class: style }));
  const drawing = svg('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' }, lines);
  const figure = el('div', { class: 'outlined' }, image, drawing);
  return { figure, lines };
}
