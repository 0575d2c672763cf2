// Asking the service: errors in its own words, and the token once where it wants one.

import { the } from './dom.js';

/** What the service did not do; `status` is 0 where it cannot be reached. */
export class Refused extends Error {
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** What is said of a token that is no longer known. */
const INVALID = 'Invalid token.';
let signing = null;

/** Lets a person sign out, where there is anything to sign out of. */
export async function startSession() {
  the('sign-out').addEventListener('click', async () => {
    await fetch('session', { method: 'DELETE', credentials: 'same-origin' });
    location.reload();
  });
  try {
    const session = await (await fetch('session', { credentials: 'same-origin' })).json();
    the('sign-out').hidden = !(session.needs_token && session.signed_in);
    if (session.needs_token && !session.signed_in) signing ??= signIn().finally(() => { signing = null; });
  } catch { /* what is asked for next tells it */ }
}

/** Asks the service; a token is asked for where one is missing. Throws `Refused`. */
export async function ask(path, options = {}) {
  for (;;) {
    let answer;
    try {
      answer = await fetch(path, { credentials: 'same-origin', ...options });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new Refused(0, 'The service cannot be reached.');
    }
    if (answer.ok) return answer;
    const said = await words(answer);
    if (answer.status !== 401 && said !== INVALID) {
      throw new Refused(answer.status, said, Number(answer.headers.get('Retry-After')) || 0);
    }
    signing ??= signIn().finally(() => { signing = null; });
    await signing;
  }
}

/** Asks for JSON; `body` is sent as JSON where it is given. */
export async function askJson(path, { body, headers, ...options } = {}) {
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    headers = { 'Content-Type': 'application/json', ...headers };
  }
  const answer = await ask(path, { headers, ...options });
  return answer.status === 204 ? null : answer.json();
}

async function words(answer) {
  try {
    const told = await answer.json();
    const said = told.error ?? told.detail;
    if (typeof said === 'string') return `${said[0].toUpperCase()}${said.slice(1)}.`.replace(/\.\.$/, '.');
  } catch { /* not JSON: of a proxy, say */ }
  return `The service answered ${answer.status} ${answer.statusText}.`;
}

/** Asks the person for a token until it is taken. */
function signIn() {
  const dialog = the('sign-in');
  the('token').value = '';
  dialog.showModal();
  return new Promise(resolve => {
    dialog.oncancel = event => event.preventDefault();
    the('sign-in-form').onsubmit = async event => {
      event.preventDefault();
      try {
        const answer = await fetch('session', {
          method: 'POST',
          credentials: 'same-origin',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ token: the('token').value.trim() }),
        });
        the('sign-in-problem').textContent = answer.ok ? '' : await words(answer);
        if (!answer.ok) return;
        dialog.close();
        the('sign-out').hidden = false;
        resolve();
      } catch {
        the('sign-in-problem').textContent = 'The service cannot be reached.';
      }
    };
  });
}
