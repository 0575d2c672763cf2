// What programs can ask, by the service's own description of itself.

import { Refused, askJson } from './api.js';
import { el, the } from './dom.js';

let isShown = false;

/** Lists all endpoints, once. */
export async function showApi() {
  if (isShown) return;
  try {
    const described = await askJson('openapi.json');
    isShown = true;
    const byTag = new Map();
    for (const [path, methods] of Object.entries(described.paths)) {
      for (const [method, about] of Object.entries(methods)) {
        if (method === 'head') continue;
        const tag = about.tags?.[0] ?? 'other';
        byTag.set(tag, [...(byTag.get(tag) ?? []), endpoint(path, method, about)]);
      }
    }
    the('endpoints').replaceChildren(...[...byTag].map(([tag, items]) => el('div', { class: 'card group' }, el('h2', {}, tag), items)));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    the('endpoints').replaceChildren(el('p', { class: 'bad', role: 'alert' }, error.message));
  }
}

function endpoint(path, method, about) {
  const answers = Object.entries(about.responses ?? {}).map(([status, answer]) => [el('dt', {}, status), el('dd', {}, answer.description)]);
  const asked = (about.parameters ?? []).map(one =>
    [el('dt', {}, el('code', {}, one.name)), el('dd', {}, [kindOf(one.schema), one.description].filter(Boolean).join(': '))]);
  const [first, rest] = (about.description ?? about.summary ?? '').split(/\n\n(.*)/s);
  return el('details', {},
    el('summary', {}, el('span', { class: `method ${method}` }, method.toUpperCase()), ' ', el('code', {}, path), ' ',
      el('span', { class: 'soft small' }, first)),
    rest ? el('p', {}, rest) : null,
    el('pre', {}, example(path, method, about)),
    asked.length ? [el('h3', {}, 'Asked with'), el('dl', { class: 'facts' }, asked)] : null,
    el('h3', {}, 'Answers'), el('dl', { class: 'facts' }, answers));
}

function kindOf(schema) {
  if (!schema) return '';
  if (schema.enum) return schema.enum.join(', ');
  const kinds = schema.anyOf ? schema.anyOf.map(one => one.type).filter(kind => kind !== 'null') : [schema.type];
  return kinds.filter(Boolean).join(' or ');
}

function example(path, method, about) {
  const address = `${location.origin}${new URL('.', location.href).pathname.slice(0, -1)}${path}`;
  const kinds = Object.keys(about.requestBody?.content ?? {});
  const body = kinds.includes('multipart/form-data') ? '-F upload=@car.jpg '
    : kinds.includes('text/csv') ? '-H "Content-Type: text/csv" --data-binary @known.csv '
      : kinds.includes('application/json') ? '-H "Content-Type: application/json" -d \'{…}\' ' : '';
  const verb = method === 'get' || (method === 'post' && body) ? '' : `-X ${method.toUpperCase()} `;
  return `curl ${verb}${body}${address}`;
}
