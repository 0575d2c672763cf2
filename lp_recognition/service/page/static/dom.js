// Elements made by hand. Text is always text: nothing that was read, written or named is ever taken for HTML.

/** Makes an element with attributes, listeners (`onclick`) and children; what is null or false is left out. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Makes an element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

/** An icon of those in the page. */
export function icon(name) {
  return svg('svg', { class: 'icon', 'aria-hidden': 'true' }, svg('use', { href: `#i-${name}` }));
}

/** The element of the page by its id. */
export const the = id => document.getElementById(id);

/** Tells something for some seconds, with an action where one is given. */
export function tell(text, { bad = false, action = null, act = null, seconds = 8 } = {}) {
  const toast = el('div', { class: bad ? 'toast bad' : 'toast' }, el('span', {}, text));
  const gone = () => toast.remove();
  if (action) toast.append(el('button', { onclick: () => { gone(); act(); } }, action));
  toast.append(el('button', { class: 'plain', 'aria-label': 'Close', onclick: gone }, icon('close')));
  the('toasts').append(toast);
  setTimeout(gone, 1000 * seconds);
}
