/**
 * How single values stand in a table cell: ages, labels, lists that are cut short. The texts are upstream's.
 */
import type { LabelSelector, ObjectMeta } from '#machinery/meta';
import { formatLabelSelector, labelSelectorOf } from '#machinery/selector/label-selector';

/** `5d3h`: two or three significant figures of a duration. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (days < 8) return withRest(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return years < 8 ? withRest(years, 'y', days % 365, 'd') : `${years}y`;
}

function withRest(whole: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${whole}${unit}` : `${whole}${unit}${rest}${restUnit}`;
}

/** Time since then; `<unknown>` where there is no time. */
export function since(time: string | null | undefined, nowMs: number): string {
  if (time === undefined || time === null) return '<unknown>';
  return humanDuration(nowMs - Date.parse(time));
}

export function age(metadata: ObjectMeta, nowMs: number): string {
  return since(metadata.creationTimestamp, nowMs);
}

/** `a=1,b=2`, sorted. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const text = Object.keys(labels ?? {}).sort().map((key) => `${key}=${labels?.[key]}`).join(',');
  return text === '' ? '<none>' : text;
}

export function selectorText(selector: LabelSelector | undefined): string {
  return orNone(tryFormat(selector) ?? '<error>');
}

/** As it is: empty for none. */
export function plainSelectorText(selector: LabelSelector | undefined): string {
  return tryFormat(selector) ?? '<invalid>';
}

function tryFormat(selector: LabelSelector | undefined): string | undefined {
  try {
    const requirements = labelSelectorOf(selector);
    return requirements === undefined ? '' : formatLabelSelector(requirements);
  } catch {
    return undefined;
  }
}

export function orNone(text: string | undefined): string {
  return text === undefined || text === '' ? '<none>' : text;
}

export function orUnset(text: string | undefined): string {
  return text ?? '<unset>';
}

/** The names and the images of containers, each in one cell. */
export function containerCells(containers: readonly { readonly name: string; readonly image?: string }[] | undefined): [string, string] {
  const all = containers ?? [];
  return [all.map(({ name }) => name).join(','), all.map(({ image }) => image ?? '').join(',')];
}

/** The first few, and how many more there are. */
export function firstFew(items: readonly string[], max: number, separator = ',', none = '<unset>'): string {
  if (items.length > max) return `${items.slice(0, max).join(separator)} + ${items.length - max} more...`;
  const text = items.join(separator);
  return text === '' ? none : text;
}
