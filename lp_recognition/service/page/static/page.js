// The parts of the page, by what stands behind the `#` of its address.

import { startSession } from './api.js';
import { showApi } from './api_page.js';
import { the } from './dom.js';
import { hideEvent, showEvent } from './events.js';
import { showHistory, startHistory } from './history.js';
import { showKnown, startKnown } from './known.js';
import { showLive, startLive } from './live.js';
import { startPhotographs } from './photograph.js';

const TITLES = { photograph: 'Photograph', live: 'Live', history: 'History', known: 'Known plates', api: 'API' };
let part = null;
let address = '';

function go(hash) {
  if (location.hash === `#${hash}`) show(); else location.hash = hash;
}

function show() {
  const [path, query = ''] = location.hash.slice(1).split('?', 2);
  const [name, id] = path.split('/', 2);
  if (name === 'main') return;
  if (name === 'event' && id) {
    if (part === null) { address = '#history'; showPart('history', ''); }
    showEvent(decodeURIComponent(id), () => { if (location.hash.startsWith('#event/')) location.hash = address; });
    return;
  }
  hideEvent();
  const is = name in TITLES ? name : 'photograph';
  const wasOver = address === location.hash && part === is;
  address = location.hash;
  if (!wasOver || query.includes('add=')) showPart(is, query);
  // Once: going back adds no second one.
  if (query.includes('add=')) {
    address = `#${is}`;
    history.replaceState(null, '', address);
  }
}

function showPart(name, query) {
  const isNew = part !== name;
  part = name;
  for (const one of Object.keys(TITLES)) the(`part-${one}`).hidden = one !== name;
  for (const link of document.querySelectorAll('nav a, a.api')) {
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
  }
  document.title = `${TITLES[name]} · alpr`;
  showLive(name === 'live');
  const asked = new URLSearchParams(query);
  if (name === 'history') showHistory(asked);
  if (name === 'known') showKnown(asked);
  if (name === 'api') showApi();
  if (isNew) scrollTo(0, 0);
}

startSession();
startPhotographs(() => go('photograph'));
startHistory(go);
startKnown();
startLive();
addEventListener('hashchange', show);
show();
