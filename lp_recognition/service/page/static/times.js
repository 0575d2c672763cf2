// Moments and spans as people read them, by the clock and the language of who looks.

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** When: the time of today, else day and time. */
export function when(text) {
  const moment = new Date(text);
  const isToday = moment.toDateString() === new Date().toDateString();
  return isToday ? clock.format(moment) : `${day.format(moment)}, ${clock.format(moment)}`;
}

/** How long: `0.8 s`, `2:05 min`. */
export function howLong(first, last) {
  const seconds = (new Date(last) - new Date(first)) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')} min`;
}

/** Milliseconds. */
export const ms = value => (value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`);
